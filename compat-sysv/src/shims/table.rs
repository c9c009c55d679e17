//! The process table as `killall5` and `pidof` need it.

use std::fs;
use std::path::PathBuf;

/// Longest name in `/proc/PID/stat`.
const NAME_LEN: usize = 15;

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) session: i32,
    /// As in `/proc/PID/stat`: cut to 15 bytes.
    pub(super) name: String,
    pub(super) kernel: bool,
    pub(super) zombie: bool,
    /// `argv[0]`, and the first argument that is no option; none where it has none.
    pub(super) argv0: Option<String>,
    pub(super) argv1: Option<String>,
    /// What it runs, where that may be seen.
    pub(super) exe: Option<PathBuf>,
}

/// All processes, the latest pid first.
pub(super) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<i32> = entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable_by(|a, b| b.cmp(a));
    // One that is gone by now is left out.
    pids.into_iter().filter_map(one).collect()
}

fn one(pid: i32) -> Option<Process> {
    let mut process = parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    (process.argv0, process.argv1) = arguments(&line);
    process.exe = fs::read_link(format!("/proc/{pid}/exe")).ok();
    Some(process)
}

/// `pid (name) state parent group session …`; the name may hold anything, `)` too.
fn parse(stat: &[u8]) -> Option<Process> {
    const PF_KTHREAD: u64 = 0x0020_0000;
    let text = String::from_utf8_lossy(stat);
    let (head, tail) = text.rsplit_once(')')?;
    let (pid, name) = head.split_once(" (")?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let (state, session, flags) = (*fields.first()?, fields.get(3)?, fields.get(6)?);
    Some(Process {
        pid: pid.parse().ok()?,
        session: session.parse().ok()?,
        name: name.to_owned(),
        kernel: flags.parse::<u64>().ok()? & PF_KTHREAD != 0,
        zombie: matches!(state, "Z" | "X"),
        ..Process::default()
    })
}

fn arguments(line: &[u8]) -> (Option<String>, Option<String>) {
    let mut words = line.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned());
    let first = words.next().filter(|w| !w.is_empty());
    let second = words.find(|w| !w.starts_with('-')).filter(|w| !w.is_empty());
    (first, second)
}

impl Process {
    /// Whether it is the program that `pidof` was asked for: by the file it runs, else by its name. `scripts`: also a shell
    /// that runs the script of that name. `path`: what a whole path leads to when its links are followed.
    pub(super) fn is(&self, program: &str, path: Option<&PathBuf>, scripts: bool) -> bool {
        if program.starts_with('/') {
            let exe = self.exe.as_ref().map(|e| e.to_string_lossy().trim_end_matches(" (deleted)").to_owned());
            let same = exe.is_some_and(|e| e == program || path.is_some_and(|p| p.to_string_lossy() == e));
            if same || (!scripts && self.exe.is_some()) {
                return same;
            }
        }
        let base = base_of(program);
        // Not because both have the same last part: /a/x isn't /b/x.
        let named = |word: &String| word == program || word == base || base_of(word) == program;
        let script = |word: &String| named(word) && base_of(word).starts_with(self.name.as_str());
        if self.argv0.as_ref().is_some_and(named) || (scripts && self.argv1.as_ref().is_some_and(script)) {
            return true;
        }
        // What set its title, has none, or is a login shell still has its name.
        let titled = self.argv0.as_ref().is_none_or(|word| word.contains(' '));
        let login = self.argv1.is_none() && self.argv0.as_ref().is_some_and(|word| word.starts_with('-'));
        base.len() <= NAME_LEN && (titled || login) && self.name == base
    }
}

fn base_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A list of pids as `-o` takes it; what is none is told.
pub(super) fn pids(text: &str, parent: Option<i32>) -> (Vec<i32>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for word in text.split([',', ';', ':']) {
        match (word, parent, word.parse::<i32>()) {
            ("%PPID", Some(parent), _) => good.push(parent),
            (_, _, Ok(pid)) if pid > 0 => good.push(pid),
            _ => bad.push(word.to_owned()),
        }
    }
    (good, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, argv: &[&str], exe: &str) -> Process {
        let line = argv.iter().flat_map(|w| [w.as_bytes(), b"\0"].concat()).collect::<Vec<u8>>();
        let (argv0, argv1) = arguments(&line);
        Process { pid: 9, name: name.into(), argv0, argv1, exe: Some(exe.into()), ..Process::default() }
    }

    #[test]
    fn a_line_reads_whatever_the_name() {
        let read = parse(b"7 (a) b (c)) Z 3 7 5 0 -1 2129984 0").expect("process");
        assert_eq!(
            (read.pid, read.session, read.kernel, read.zombie, read.name.as_str()),
            (7, 5, true, true, "a) b (c)")
        );
        for garbage in [b"".as_slice(), b"7", b"7 (x", b"7 (x) S", b"x (x) S 1 1 1 1 1 1"] {
            assert_eq!(parse(garbage), None);
        }
    }

    #[test]
    fn programs_are_known_by_name_file_and_script() {
        let cron = process("cron", &["/usr/sbin/cron", "-f"], "/usr/sbin/cron");
        for yes in ["cron", "/usr/sbin/cron"] {
            assert!(cron.is(yes, None, false), "{yes}");
        }
        for no in ["/sbin/cron", "cro", "sbin/cron", "/bin/cron"] {
            assert!(!cron.is(no, None, false), "{no}");
        }
        assert!(cron.is("/sbin/cron", Some(&"/usr/sbin/cron".into()), false), "by way of a link");
        let gone = Process { exe: Some("/usr/sbin/cron (deleted)".into()), ..cron };
        assert!(gone.is("/usr/sbin/cron", None, false), "replaced by an upgrade");
        let script = process("job", &["/bin/sh", "-e", "/etc/job"], "/bin/dash");
        assert!(!script.is("job", None, false) && script.is("job", None, true) && script.is("/etc/job", None, true));
        let titled = process("nginx", &["nginx: master process"], "/usr/sbin/nginx");
        assert!(titled.is("nginx", None, false) && !titled.is("master", None, false));
        assert!(process("bash", &["-bash"], "/bin/bash").is("bash", None, false), "a login shell");
        let thread = Process { name: "kthreadd".into(), kernel: true, ..Process::default() };
        assert!(thread.is("kthreadd", None, false));
    }

    #[test]
    fn omitted_pids() {
        assert_eq!(pids("1,22;3:%PPID", Some(7)), (vec![1, 22, 3, 7], vec![]));
        assert_eq!(pids("0,x,%PPID", None), (vec![], vec!["0".to_owned(), "x".into(), "%PPID".into()]));
    }
}
