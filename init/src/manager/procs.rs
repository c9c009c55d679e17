//! What `/proc` says about processes.

use crate::sys::file;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// What is needed of `/proc/PID/stat` (proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The process.
    pub pid: i32,
    /// Its parent.
    pub parent: i32,
    /// Its session.
    pub session: i32,
    /// How many threads it has.
    pub threads: u32,
    /// When it started, clock ticks since boot.
    pub start_time: u64,
    /// Dead, not yet reaped.
    pub zombie: bool,
    /// Its memory is gone already: it is ending, and `/proc` tells nothing of its environment any more.
    pub ending: bool,
}

/// Reads the text of `/proc/PID/stat`. The command name may hold anything, parentheses and blanks too.
pub fn parse_stat(text: &str) -> Option<Stat> {
    let (pid, rest) = text.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(") ")?;
    // Fields from the third on: state, ppid, pgrp, session, …; num_threads is the 20th, starttime the 22nd, vsize the 23rd.
    let fields: Vec<&str> = rest.split_ascii_whitespace().take(21).collect();
    Some(Stat {
        pid: pid.parse().ok()?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
        ending: fields.get(20) == Some(&"0"),
    })
}

/// One process; `None` when there is none (any more) or no `/proc`.
pub fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&file::read_text(&PathBuf::from(format!("/proc/{pid}/stat")), 4096).ok()?)
}

/// When a process started, in clock ticks since boot.
pub fn start_time(pid: i32) -> Option<u64> {
    stat(pid).map(|s| s.start_time)
}

/// Whether it is plain that a process has no children. Each thread has a list of its own, and hands it on when it ends:
/// only of one without further threads an empty list says all.
pub fn is_childless(stat: &Stat) -> bool {
    let path = format!("/proc/{pid}/task/{pid}/children", pid = stat.pid);
    stat.threads <= 1 && file::read(&PathBuf::from(path), 1 << 20).is_ok_and(|text| text.is_empty())
}

/// How often a process without further threads has gone to sleep, if it sleeps now: while that stays the same it does
/// nothing.
pub fn sleeps(pid: i32) -> Option<u64> {
    parse_sleeps(&file::read_text(&PathBuf::from(format!("/proc/{pid}/status")), 16 << 10).ok()?)
}

fn parse_sleeps(text: &str) -> Option<u64> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    field("State:").filter(|state| state.starts_with('S'))?;
    field("voluntary_ctxt_switches:")?.parse().ok()
}

/// Our PID namespace, by the inode that stands for it.
pub fn namespace() -> Option<u64> {
    std::fs::metadata("/proc/self/ns/pid").ok().map(|m| m.ino())
}

/// All of them. A list of some thousand costs some milliseconds: only where there are no cgroups.
pub fn all() -> Vec<Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter_map(stat).collect()
}

/// The value of a variable in a process's environment, as it was given at its exec.
pub fn env(pid: i32, name: &str) -> Option<String> {
    let bytes = file::read(&PathBuf::from(format!("/proc/{pid}/environ")), 1 << 20).ok()?;
    bytes.split(|b| *b == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        String::from_utf8(value.to_vec()).ok()
    })
}

/// The name people know a process by.
pub fn command(pid: i32) -> String {
    file::read_text(&PathBuf::from(format!("/proc/{pid}/comm")), 64).unwrap_or_default().trim_end().to_owned()
}

/// Those of `table` that belong to `roots`: descend from one, or are in the session one leads. Pure.
pub fn family(table: &[Stat], roots: &[i32]) -> BTreeSet<i32> {
    let mut found: BTreeSet<i32> =
        table.iter().filter(|s| roots.contains(&s.pid) || roots.contains(&s.session)).map(|s| s.pid).collect();
    // Children come after their parents in a few rounds, whatever the order of pids.
    loop {
        let more: Vec<i32> =
            table.iter().filter(|s| found.contains(&s.parent) && !found.contains(&s.pid)).map(|s| s.pid).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_are_read() {
        let text = "12 (a) b (c) S 1 12 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let stat = parse_stat(text).expect("stat");
        assert_eq!((stat.pid, stat.parent, stat.session, stat.start_time, stat.zombie), (12, 1, 7, 4711, false));
        assert_eq!(stat.threads, 1);
        assert_eq!(parse_stat("12 (a"), None);
    }

    #[test]
    fn who_sleeps_is_told_from_who_runs() {
        let text = "Name:\ta\nState:\tS (sleeping)\nThreads:\t1\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(parse_sleeps(text), Some(12));
        assert_eq!(parse_sleeps(&text.replace("S (sleeping)", "R (running)")), None);
        assert_eq!(parse_sleeps("State:\tS (sleeping)\n"), None, "a kernel that doesn't tell");
    }

    #[test]
    fn we_are_there() {
        let pid = i32::try_from(std::process::id()).expect("pid");
        assert!(all().iter().any(|s| s.pid == pid));
        assert!(env(pid, "PATH").is_some());
    }

    #[test]
    fn a_family_is_descendants_and_session() {
        let p = |pid, parent, session| Stat {
            pid,
            parent,
            session,
            threads: 1,
            start_time: 0,
            zombie: false,
            ending: false,
        };
        let table = [p(9, 5, 5), p(5, 1, 5), p(6, 1, 5), p(7, 9, 7), p(8, 1, 8)];
        assert_eq!(family(&table, &[5]).into_iter().collect::<Vec<_>>(), [5, 6, 7, 9]);
    }
}
