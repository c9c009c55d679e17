//! What `/proc` and the cgroup tree say about processes, read by us: the manager, which must never wait for a process,
//! tells only whose they are.

use init::proto::control::Processes;
use init::unit::UnitName;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Ticks of `/proc` in a second, by convention on every Linux machine of today.
const TICKS: u64 = 100;
/// No longer than this is a command line of interest.
const MAX_COMMAND: usize = 4096;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Task {
    /// Its pid.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Its command line with blanks between the words, or its name in brackets where it has none.
    pub command: String,
    /// Resident memory in bytes; what it shares with others counts for each.
    #[serde(rename = "memory_bytes")]
    pub memory: u64,
    /// CPU time used so far, in milliseconds.
    pub cpu_ms: u64,
    /// When it was started, milliseconds of `CLOCK_BOOTTIME`.
    pub started_ms: u64,
    /// A thread of the kernel.
    #[serde(skip)]
    pub kernel: bool,
    /// Over, not yet reaped.
    pub zombie: bool,
}

/// Where processes are asked about.
#[derive(Debug)]
pub struct Proc<'a> {
    root: &'a Path,
}

impl Default for Proc<'_> {
    fn default() -> Self {
        Self { root: Path::new("/proc") }
    }
}

impl Proc<'_> {
    /// Whether the pids in this reply are those of our own `/proc`.
    pub fn has(&self, reply: &Processes) -> bool {
        self.is_namespace(reply.pid_namespace)
    }

    /// Whether pids of this namespace, where that is known, are those of our own `/proc`.
    pub fn is_namespace(&self, told: Option<u64>) -> bool {
        let own = fs::metadata(self.root.join("self/ns/pid")).ok().map(|m| m.ino());
        told.is_none() || told == own
    }

    /// Every pid there is.
    pub fn pids(&self) -> BTreeSet<i32> {
        let entries = fs::read_dir(self.root).into_iter().flatten().flatten();
        entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
    }

    /// One process; `None` when it is gone.
    pub fn task(&self, pid: i32) -> Option<Task> {
        let folder = self.root.join(pid.to_string());
        let mut task = parse_stat(&fs::read(folder.join("stat")).ok()?)?;
        if !task.kernel && !task.zombie {
            task.memory = parse_memory(&fs::read_to_string(folder.join("status")).unwrap_or_default());
            let line = command_line(&fs::read(folder.join("cmdline")).unwrap_or_default());
            if !line.is_empty() {
                task.command = line;
            }
        }
        Some(task)
    }

    /// Those of these that are there.
    pub fn tasks(&self, pids: impl IntoIterator<Item = i32>) -> Vec<Task> {
        pids.into_iter().filter_map(|pid| self.task(pid)).collect()
    }
}

/// `/proc/PID/stat` (proc(5)); the name may hold anything, `)` too.
fn parse_stat(bytes: &[u8]) -> Option<Task> {
    const PF_KTHREAD: u64 = 0x0020_0000;
    let text = String::from_utf8_lossy(bytes);
    let (pid, rest) = text.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    // From the third field on: state, ppid, …, flags (9th), utime (14th), stime, …, starttime (22nd).
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|f| f.parse::<u64>().ok());
    let ticks = |n: u64| n.saturating_mul(1000 / TICKS);
    Some(Task {
        pid: pid.trim().parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        command: format!("[{name}]"),
        memory: 0,
        cpu_ms: ticks(number(11)?.saturating_add(number(12)?)),
        started_ms: ticks(number(19)?),
        kernel: number(6)? & PF_KTHREAD != 0,
        zombie: matches!(*fields.first()?, "Z" | "X"),
    })
}

/// `VmRSS:` of `/proc/PID/status`, in bytes.
fn parse_memory(status: &str) -> u64 {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kilobytes: u64 = line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0);
    kilobytes.saturating_mul(1024)
}

fn command_line(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_COMMAND).unwrap_or(bytes);
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
    let words: Vec<_> = bytes.get(..end).unwrap_or_default().split(|b| *b == 0).map(String::from_utf8_lossy).collect();
    words.join(" ").trim().to_owned()
}

/// What a cgroup has used, as far as its controllers count that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// Memory in bytes, the page cache of its files included.
    #[serde(rename = "memory_bytes")]
    pub memory: Option<u64>,
    /// CPU time in milliseconds, also that of processes that have ended.
    pub cpu_ms: Option<u64>,
}

/// Reads it.
pub fn usage(cgroup: &Path) -> Usage {
    let read = |name: &str| fs::read_to_string(cgroup.join(name)).ok();
    let micros = |text: String| text.lines().find_map(|l| l.strip_prefix("usage_usec ")?.trim().parse::<u64>().ok());
    Usage {
        memory: read("memory.current").and_then(|t| t.trim().parse().ok()),
        cpu_ms: read("cpu.stat").and_then(micros).map(|us| us / 1000),
    }
}

/// All processes of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Group {
    /// The unit; `None` for Rung itself, or nobody.
    pub name: Option<UnitName>,
    /// Its main process.
    #[serde(rename = "main_pid")]
    pub main: Option<i32>,
    /// By pid.
    #[serde(rename = "processes")]
    pub tasks: Vec<Task>,
    /// What its cgroup has used.
    #[serde(rename = "cgroup")]
    pub usage: Usage,
}

impl Group {
    /// Memory in bytes: the cgroup's, else the sum of what is resident.
    pub fn memory(&self) -> u64 {
        self.usage.memory.unwrap_or_else(|| self.tasks.iter().map(|t| t.memory).sum())
    }

    /// CPU time in milliseconds: the cgroup's, else the sum of what its living processes have used.
    pub fn cpu_ms(&self) -> u64 {
        self.usage.cpu_ms.unwrap_or_else(|| self.tasks.iter().map(|t| t.cpu_ms).sum())
    }
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Picture {
    /// The units that have processes.
    pub units: Vec<Group>,
    /// PID 1, manager, logger.
    #[serde(rename = "rung")]
    pub own: Group,
    /// What belongs to nobody; kernel threads aren't in it.
    pub others: Group,
    /// The pids are those of another PID namespace: nothing but them is known.
    pub foreign: bool,
}

/// Reads what there is to know of the processes in a reply. `others`: of all other processes too.
pub fn picture(reply: &Processes, others: bool) -> Picture {
    let proc = Proc::default();
    let foreign = !proc.has(reply);
    let unknown = |pid: &i32| Task { pid: *pid, command: "?".to_owned(), ..Task::default() };
    let tasks = |pids: &[i32]| -> Vec<Task> {
        if foreign { pids.iter().map(unknown).collect() } else { proc.tasks(pids.iter().copied()) }
    };
    let group = |g: &init::proto::control::Group| Group {
        name: Some(g.name.clone()),
        main: g.main_pid,
        tasks: tasks(&g.pids),
        usage: g.cgroup.as_deref().filter(|_| !foreign).map(|path| usage(Path::new(path))).unwrap_or_default(),
    };
    let units: Vec<Group> = reply.groups.iter().map(group).collect();
    let own = Group { tasks: tasks(&reply.own), ..Group::default() };
    let mut rest = Group::default();
    if others && !foreign {
        let known: BTreeSet<i32> = reply.groups.iter().flat_map(|g| &g.pids).chain(&reply.own).copied().collect();
        let unknown = proc.pids().into_iter().filter(|pid| !known.contains(pid));
        rest.tasks = proc.tasks(unknown).into_iter().filter(|t| !t.kernel).collect();
    }
    Picture { units, own, others: rest, foreign }
}

/// Tasks as trees: each with its depth, parents before children, by pid. A parent outside of the group makes a root.
pub fn tree(tasks: &[Task]) -> Vec<(usize, &Task)> {
    let by_pid: BTreeMap<i32, &Task> = tasks.iter().map(|t| (t.pid, t)).collect();
    let mut children: BTreeMap<i32, Vec<&Task>> = BTreeMap::new();
    let mut work: Vec<(usize, &Task)> = Vec::new();
    for task in by_pid.values().rev() {
        if by_pid.contains_key(&task.parent) && task.parent != task.pid {
            children.entry(task.parent).or_default().push(task);
        } else {
            work.push((0, task));
        }
    }
    let mut found = Vec::with_capacity(tasks.len());
    while let Some((depth, task)) = work.pop() {
        found.push((depth, task));
        work.extend(children.remove(&task.pid).unwrap_or_default().into_iter().map(|t| (depth + 1, t)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_reads_whatever_the_name() {
        let line = b"7 (a) b (c)) Z 3 7 7 0 -1 2129984 0 0 0 0 5 7 0 0 20 0 1 0 4711 0 0";
        let task = parse_stat(line).expect("a process");
        let command = "[a) b (c)]".to_owned();
        let wanted =
            Task { pid: 7, parent: 3, command, memory: 0, cpu_ms: 120, started_ms: 47_110, kernel: true, zombie: true };
        assert_eq!(task, wanted);
        for garbage in [b"".as_slice(), b"7", b"7 (x", b"7 (x) S", b"x (x) S 1 1 1"] {
            assert_eq!(parse_stat(garbage), None);
        }
    }

    #[test]
    fn command_lines_and_memory() {
        assert_eq!(command_line(b"/bin/sh\0-c\0echo a b\0\0"), "/bin/sh -c echo a b");
        assert_eq!(command_line(b""), "");
        assert_eq!(parse_memory("Name:\tx\nVmRSS:\t    1236 kB\n"), 1236 * 1024);
        assert_eq!(parse_memory("Name:\tx\n"), 0);
    }

    #[test]
    fn we_are_there() {
        let own = i32::try_from(std::process::id()).expect("pid");
        let task = Proc::default().task(own).expect("this process");
        assert!(task.memory > 0 && !task.kernel && task.command.contains("initctl"), "{task:?}");
        assert!(Proc::default().pids().contains(&own));
    }

    #[test]
    fn trees_have_parents_before_children() {
        let task = |pid, parent| Task { pid, parent, ..Task::default() };
        let tasks = [task(5, 1), task(9, 5), task(7, 9), task(6, 5), task(20, 3), task(30, 30)];
        let shape: Vec<(usize, i32)> = tree(&tasks).iter().map(|(depth, t)| (*depth, t.pid)).collect();
        assert_eq!(shape, [(0, 5), (1, 6), (1, 9), (2, 7), (0, 20), (0, 30)]);
    }
}
