//! The process table, as `/proc` shows it.

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// Its parent.
    pub parent: i32,
    /// Its name, as `ps` shows it: 15 bytes at most.
    pub name: String,
    /// A kernel thread.
    pub kernel: bool,
    /// Over, not yet reaped.
    pub zombie: bool,
}

/// All processes of this PID namespace; `None` where `/proc` is missing or is that of another namespace.
pub fn all() -> Option<Vec<Process>> {
    let own = std::fs::read_link("/proc/self").ok()?;
    if own.to_str()?.parse() != Ok(std::process::id()) {
        return None;
    }
    let entries = std::fs::read_dir("/proc").ok()?;
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    // One that is gone by now is left out.
    Some(pids.filter_map(|pid| parse(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)).collect())
}

/// `pid (name) state parent group session tty tty-group flags …`; the name may hold anything, `)` too.
fn parse(stat: &[u8]) -> Option<Process> {
    const PF_KTHREAD: u64 = 0x0020_0000;
    let text = String::from_utf8_lossy(stat);
    let (head, tail) = text.rsplit_once(')')?;
    let (pid, name) = head.split_once(" (")?;
    let mut fields = tail.split_whitespace();
    let (state, parent, flags) = (fields.next()?, fields.next()?, fields.nth(4)?);
    Some(Process {
        pid: pid.parse().ok()?,
        parent: parent.parse().ok()?,
        name: name.to_owned(),
        kernel: flags.parse::<u64>().ok()? & PF_KTHREAD != 0,
        zombie: state == "Z" || state == "X",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_whatever_the_name() {
        let read = parse(b"7 (a) b (c)) Z 3 7 7 0 -1 2129984 0").expect("process");
        let name = "a) b (c)".to_owned();
        assert_eq!(read, Process { pid: 7, parent: 3, name, kernel: true, zombie: true });
        for garbage in [b"".as_slice(), b"7", b"7 (x", b"7 (x) S", b"x (x) S 1 1 1 1 1 1"] {
            assert_eq!(parse(garbage), None);
        }
    }

    #[test]
    fn this_process_is_there() {
        let own = i32::try_from(std::process::id()).expect("pid");
        let all = all().expect("/proc");
        assert!(all.iter().any(|p| p.pid == own && !p.kernel && !p.zombie));
    }
}
