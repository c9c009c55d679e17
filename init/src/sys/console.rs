//! The console: opened for each write, so that it may come, go, hang up or block as it likes.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// The machine's console.
pub const CONSOLE: &str = "/dev/console";

fn open_terminal(path: &Path, access: OFlag) -> Result<OwnedFd, Errno> {
    open(path, access | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Writes what it takes at once; never becomes its controlling process.
///
/// # Errors
/// As `open(2)` and `write(2)`: `EAGAIN` when it takes nothing now.
pub fn write(path: &Path, text: &str) -> Result<usize, Errno> {
    nix::unistd::write(open_terminal(path, OFlag::O_WRONLY)?, text.as_bytes())
}

/// Writes to standard error what fits without waiting. Its blocking mode, which others share, stays as it is.
///
/// # Errors
/// As `write(2)`; `EAGAIN` when it takes nothing now.
pub fn write_stderr(text: &str) -> Result<usize, Errno> {
    let stderr = std::io::stderr();
    let mut ask = [PollFd::new(std::os::fd::AsFd::as_fd(&stderr), PollFlags::POLLOUT)];
    if poll(&mut ask, PollTimeout::ZERO)? == 0 {
        return Err(Errno::EAGAIN);
    }
    // A pipe that is ready takes PIPE_BUF bytes.
    nix::unistd::write(&stderr, text.as_bytes().get(..text.len().min(4096)).unwrap_or(&[]))
}

/// Puts a terminal into the modes a person expects, whatever ran on it before. Speed and parity stay.
///
/// # Errors
/// As `open(2)` and `tcsetattr(3)`.
pub fn make_sane(path: &Path) -> Result<(), Errno> {
    let fd = open_terminal(path, OFlag::O_RDWR)?;
    super::tty::sane(fd.as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;
    use nix::sys::termios::{LocalFlags, OutputFlags, SetArg, cfmakeraw, tcgetattr, tcsetattr};
    use nix::unistd::ttyname;

    #[test]
    fn a_terminal_that_takes_nothing_costs_nothing() {
        let pty = openpty(None, None).expect("pty");
        let path = ttyname(&pty.slave).expect("name");
        let line = "x".repeat(79) + "\n";
        // Nobody reads the other side.
        let full = (0..100_000).find_map(|_| write(&path, &line).err());
        assert_eq!(full, Some(Errno::EAGAIN));
        assert!(write(Path::new("/dev/no such console"), &line).is_err());
    }

    #[test]
    fn a_raw_terminal_becomes_sane() {
        let pty = openpty(None, None).expect("pty");
        let mut modes = tcgetattr(&pty.slave).expect("modes");
        cfmakeraw(&mut modes);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &modes).expect("raw");
        make_sane(&ttyname(&pty.slave).expect("name")).expect("sane");
        let modes = tcgetattr(&pty.slave).expect("modes");
        assert!(modes.local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG));
        assert!(modes.output_flags.contains(OutputFlags::OPOST | OutputFlags::ONLCR));
    }
}
