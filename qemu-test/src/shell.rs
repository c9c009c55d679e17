//! A shell at the far end of two descriptors (the serial console, an ssh session): type, read, wait with a deadline.

use crate::error::{Context, Error, Result, fail};
use crate::host::last_lines;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a command may take that isn't known to be slow. A machine under emulation on a busy host is slow.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What comes from the far end, kept until it is asked for.
#[derive(Debug)]
pub struct Reader {
    fd: OwnedFd,
    pending: Vec<u8>,
    /// A copy of all that came.
    log: Option<File>,
    /// The far end has closed.
    over: bool,
}

impl Reader {
    /// Takes over a descriptor.
    pub fn new(fd: OwnedFd) -> Result<Self> {
        fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).context("fcntl")?;
        Ok(Self { fd, pending: Vec::new(), log: None, over: false })
    }

    /// Waits for a text; all up to its end is taken, and what stood before it returned.
    pub fn wait_for(&mut self, text: &str, until: Instant) -> Result<String> {
        let mut seen = 0;
        loop {
            let found =
                self.pending.get(seen..).unwrap_or_default().windows(text.len()).position(|w| w == text.as_bytes());
            if let Some(at) = found {
                let taken: Vec<u8> = self.pending.drain(..seen + at + text.len()).collect();
                let before = taken.get(..seen + at).unwrap_or_default();
                return Ok(String::from_utf8_lossy(before).replace('\r', ""));
            }
            seen = self.pending.len().saturating_sub(text.len());
            if !self.more(until)? {
                let how = if self.over { "the other end closed" } else { "time ran out" };
                return fail(format!("{how} before `{}` came; the last lines:\n{}", text.trim(), self.tail()));
            }
        }
    }

    /// Waits until the far end has closed.
    pub fn wait_for_end(&mut self, until: Instant) -> Result<()> {
        while self.more(until)? {}
        if self.over { Ok(()) } else { fail(format!("time ran out; the last lines:\n{}", self.tail())) }
    }

    /// What came last and hasn't been taken.
    fn tail(&self) -> String {
        last_lines(&String::from_utf8_lossy(&self.pending).replace('\r', ""), 40)
    }

    /// Reads what is there; false when the time or the far end is over.
    fn more(&mut self, until: Instant) -> Result<bool> {
        let mut chunk = [0; 4096];
        while !self.over {
            match nix::unistd::read(&self.fd, &mut chunk) {
                Ok(0) => self.over = true,
                Ok(n) => {
                    let got = chunk.get(..n).unwrap_or_default();
                    self.pending.extend_from_slice(got);
                    if let Some(log) = &mut self.log {
                        log.write_all(got).context("write the transcript")?;
                    }
                    return Ok(true);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(false);
                    }
                    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
                    match poll(&mut [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)], timeout) {
                        Ok(_) | Err(Errno::EINTR) => {}
                        Err(e) => return fail(format!("poll: {e}")),
                    }
                }
                Err(e) => return fail(format!("read: {e}")),
            }
        }
        Ok(false)
    }
}

/// A command's end.
#[derive(Debug)]
pub struct Done {
    /// Its exit status.
    pub status: i32,
    /// What it wrote, to either output.
    pub text: String,
}

/// A POSIX shell that reads our lines.
#[derive(Debug)]
pub struct Shell {
    to: File,
    /// What it says.
    pub from: Reader,
    /// Commands so far: each is marked by its number.
    count: u32,
}

impl Shell {
    /// Talks over two descriptors.
    pub fn new(to: OwnedFd, from: OwnedFd) -> Result<Self> {
        Ok(Self { to: to.into(), from: Reader::new(from)?, count: 0 })
    }

    /// Keeps a copy of all that comes in a file.
    pub fn log_to(&mut self, path: &Path) -> Result<()> {
        self.from.log = Some(File::create(path).on("create", path)?);
        Ok(())
    }

    /// Types a text as it is.
    pub fn send(&mut self, text: &str) -> Result<()> {
        self.to.write_all(text.as_bytes()).context("write to the machine")
    }

    /// Waits for a text, see [`Reader::wait_for`].
    pub fn expect(&mut self, text: &str, patience: Duration) -> Result<String> {
        self.from.wait_for(text, Instant::now() + patience)
    }

    /// Runs a command and waits for its end, whatever that is.
    pub fn done_in(&mut self, command: &str, patience: Duration) -> Result<Done> {
        self.count += 1;
        let n = self.count;
        // The marks are put together by printf, so that a terminal's echo of this line doesn't look like them.
        self.send(&format!(
            "printf '\\n<%s %s>\\n' begin {n}; ( {command}\n) </dev/null 2>&1; printf '\\n<%s %s %s>\\n' end {n} $?\n"
        ))?;
        let until = Instant::now() + patience;
        let during = |e: Error| Error(format!("`{command}`: {e}"));
        self.from.wait_for(&format!("<begin {n}>"), until).map_err(during)?;
        let text = self.from.wait_for(&format!("<end {n} "), until).map_err(during)?;
        let status = self.from.wait_for(">", until).map_err(during)?;
        Ok(Done { status: status.parse().context("exit status")?, text: text.trim().to_owned() })
    }

    /// Runs a command that must succeed; what it wrote.
    pub fn run_in(&mut self, command: &str, patience: Duration) -> Result<String> {
        let done = self.done_in(command, patience)?;
        if done.status == 0 {
            Ok(done.text)
        } else {
            fail(format!("`{command}` ended with {}:\n{}", done.status, done.text))
        }
    }

    /// [`Self::run_in`] with the usual patience.
    pub fn run(&mut self, command: &str) -> Result<String> {
        self.run_in(command, PATIENCE)
    }

    /// [`Self::done_in`] with the usual patience.
    pub fn done(&mut self, command: &str) -> Result<Done> {
        self.done_in(command, PATIENCE)
    }

    /// Waits, inside the machine, until a condition holds.
    pub fn until(&mut self, condition: &str, seconds: u32) -> Result<()> {
        // By the machine's own clock: under emulation a turn of the loop takes as long as it takes.
        let clock = "$(cut -d. -f1 /proc/uptime)";
        let over = format!("[ {clock} -gt $end ]");
        let command = format!("end=$(({clock} + {seconds})); until {condition}; do {over} && exit 1; sleep 0.2; done");
        let done = self.done_in(&command, Duration::from_secs(u64::from(seconds)) + PATIENCE)?;
        if done.status == 0 { Ok(()) } else { fail(format!("not after {seconds} s: `{condition}` {}", done.text)) }
    }
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
