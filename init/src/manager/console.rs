//! Lines on the console: opened for each write, never waited for.

use crate::core::State;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag};
use std::collections::BTreeMap;
use std::os::fd::AsFd;

/// The console of a container: what PID 1 has as standard error.
pub const STDERR: &str = "/proc/self/fd/2";

/// Lines that wait for whoever draws on it: a screenful.
const MAX_HELD: usize = 24;

/// Whether our standard error is a plain file, which can't block.
fn is_file() -> bool {
    let kind = |mode: u32| mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits();
    nix::sys::stat::fstat(std::io::stderr()).is_ok_and(|s| kind(s.st_mode))
}

/// Where the lines go and which.
#[derive(Debug)]
pub struct Console {
    path: String,
    /// Only failures.
    quiet: bool,
    /// What didn't get out.
    dropped: u64,
    /// What waits for another who has the screen.
    held: Option<Vec<String>>,
    /// When units began to start, by name.
    began: BTreeMap<String, u64>,
}

/// One line for 80 columns: `[ ok ] Description (0.12 s)`. Pure.
pub fn line(word: &str, text: &str, took_ms: Option<u64>) -> String {
    let took = took_ms.map(|ms| format!(" ({}.{:02} s)", ms / 1000, ms % 1000 / 10)).unwrap_or_default();
    let room = 79usize.saturating_sub(7).saturating_sub(took.chars().count());
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let cut: String = if clean.chars().count() > room {
        clean.chars().take(room.saturating_sub(1)).chain(std::iter::once('~')).collect()
    } else {
        clean
    };
    format!("[{word:^4}] {cut}{took}\r\n")
}

/// A line that says more about the one above it; in full, however long it is. Pure.
pub fn detail(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("       {clean}\r\n")
}

impl Console {
    /// Lines go to `path`.
    pub fn new(path: impl Into<String>, quiet: bool) -> Self {
        Self { path: path.into(), quiet, dropped: 0, held: None, began: BTreeMap::new() }
    }

    /// Somebody else draws on it: what is written waits.
    pub fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// It is ours again: what has waited is written.
    pub fn release(&mut self) {
        self.held.take().iter().flatten().for_each(|text| self.write(text));
    }

    /// Writes what there is room for; the rest is dropped and counted.
    pub fn write(&mut self, text: &str) {
        if let Some(held) = &mut self.held {
            if held.len() < MAX_HELD {
                held.push(text.to_owned());
            } else {
                self.dropped = self.dropped.saturating_add(1);
            }
            return;
        }
        if self.path == STDERR && is_file() {
            // Its position is shared with whoever else writes to it; opened anew the one would overwrite the other.
            let _ = nix::unistd::write(std::io::stderr(), text.as_bytes());
            return;
        }
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_APPEND;
        let done = open(self.path.as_str(), flags, Mode::empty())
            .and_then(|fd| nix::unistd::write(fd.as_fd(), text.as_bytes()));
        match done {
            Ok(n) if n == text.len() => {}
            Err(Errno::ENOENT | Errno::ENXIO) => {}
            _ => self.dropped = self.dropped.saturating_add(1),
        }
    }

    /// How many lines didn't get out whole.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// A unit's state changed: says so where a person at the console wants to know: how its start went while a level is
    /// being entered (`entering`), and failures always. That something stopped as it should is no news.
    pub fn unit(&mut self, change: &Change<'_>, entering: bool, now: u64) {
        let Change { name, description, state, reason } = *change;
        match state {
            State::Activating => {
                self.began.entry(name.to_owned()).or_insert(now);
            }
            // A one-shot is done when it is inactive again; the way there is no news.
            State::Active | State::Inactive => {
                let Some(began) = self.began.remove(name) else { return };
                if entering && !self.quiet {
                    let word = if state == State::Inactive && reason.is_some() { "skip" } else { "ok" };
                    self.write(&line(word, description, Some(now.saturating_sub(began))));
                }
            }
            State::Failed => {
                self.began.remove(name);
                self.write(&line("fail", description, None));
                for part in reason.unwrap_or_default().lines().take(4) {
                    self.write(&detail(part));
                }
            }
            State::Deactivating | State::Reloading => {}
        }
    }
}

/// What happened to a unit.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Full name.
    pub name: &'a str,
    /// How it is shown.
    pub description: &'a str,
    /// How it stands now.
    pub state: State,
    /// Why it failed, or was skipped.
    pub reason: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_80_columns_and_hold_no_control_characters() {
        assert_eq!(line("ok", "nginx", Some(1234)), "[ ok ] nginx (1.23 s)\r\n");
        let long = line("fail", &"x\x1b".repeat(100), Some(12));
        assert_eq!(long.trim_end().chars().count(), 79);
        assert!(!long.contains('\x1b') && long.contains('~'));
    }

    #[test]
    fn a_line_for_each_start_while_a_level_is_entered_and_for_each_failure() {
        let path = std::env::temp_dir().join(format!("rung-console-lines-{}", std::process::id()));
        let text = |quiet: bool| {
            std::fs::write(&path, "").expect("file");
            let mut console = Console::new(path.to_str().expect("path"), quiet);
            let mut change = |name, state, reason, entering| {
                console.unit(&Change { name, description: name, state, reason }, entering, 0);
            };
            change("a", State::Activating, None, true);
            change("a", State::Active, None, true);
            change("a", State::Deactivating, None, true);
            change("a", State::Inactive, None, true);
            change("b", State::Activating, None, false);
            change("b", State::Active, None, false);
            change("c", State::Activating, None, false);
            change("c", State::Failed, Some("why"), false);
            std::fs::read_to_string(&path).expect("file")
        };
        assert_eq!(text(false), "[ ok ] a (0.00 s)\r\n[fail] c\r\n       why\r\n");
        assert_eq!(text(true), "[fail] c\r\n       why\r\n");
        std::fs::remove_file(&path).expect("clean");
    }

    #[test]
    fn lines_wait_for_who_draws_on_it() {
        let path = std::env::temp_dir().join(format!("rung-console-held-{}", std::process::id()));
        std::fs::write(&path, "").expect("file");
        let text = || std::fs::read_to_string(&path).expect("file");
        let mut console = Console::new(path.to_str().expect("path"), false);
        console.hold();
        console.write("a\n");
        console.hold();
        (0..100).for_each(|_| console.write("b\n"));
        assert_eq!((text().as_str(), console.dropped()), ("", 77));
        console.release();
        console.write("c\n");
        assert_eq!(text(), format!("a\n{}c\n", "b\n".repeat(23)));
        std::fs::remove_file(&path).expect("clean");
    }

    #[test]
    fn a_console_that_is_full_costs_nothing() {
        let folder = std::env::temp_dir().join(format!("rung-console-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let path = folder.join("fifo");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("fifo");
        let mut console = Console::new(path.to_str().expect("path"), false);
        console.write("nobody reads: dropped at once\r\n");
        assert_eq!(console.dropped(), 0, "no reader at all is a console that isn't there");
        let reader = open(&path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()).expect("reader");
        for _ in 0..2000 {
            console.write(&line("ok", &"x".repeat(70), None));
        }
        assert!(console.dropped() > 0, "a full pipe");
        drop(reader);
        std::fs::remove_dir_all(&folder).expect("clean");
    }
}
