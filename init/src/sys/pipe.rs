//! Pipes.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A pipe, close-on-exec: read end, write end. Blocking, as programs expect of their standard output.
///
/// # Errors
/// As `pipe2(2)`.
pub fn new() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC)
}

/// A new write end of the pipe whose read end is given.
///
/// # Errors
/// As `open(2)`: `ENOENT` without `/proc`.
pub fn write_end(read: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    other_end(read, OFlag::O_WRONLY)
}

/// A new read end of the pipe whose write end is given.
///
/// # Errors
/// As [`write_end`].
pub fn read_end(write: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    other_end(write, OFlag::O_RDONLY)
}

fn other_end(one: BorrowedFd<'_>, mode: OFlag) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}", one.as_raw_fd());
    nix::fcntl::open(path.as_str(), mode | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())
}

/// Takes back the flags that a process may have set on an end it was given (`O_NONBLOCK`): they belong to the end.
///
/// # Errors
/// As `fcntl(2)`.
pub fn reset(end: impl AsFd) -> Result<(), Errno> {
    fcntl(end, FcntlArg::F_SETFL(OFlag::empty())).map(drop)
}

/// The read end of a pipe that holds `bytes` whole, its write end closed.
///
/// # Errors
/// As `pipe2(2)`; `E2BIG` when they don't fit into a pipe of the largest size.
pub fn holding(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    if bytes.len() > 4096 {
        let _ = fcntl(&write, FcntlArg::F_SETPIPE_SZ(i32::try_from(bytes.len()).map_err(|_| Errno::E2BIG)?));
    }
    match nix::unistd::write(&write, bytes) {
        Ok(n) if n == bytes.len() => {}
        Ok(_) | Err(Errno::EAGAIN) => return Err(Errno::E2BIG),
        Err(e) => return Err(e),
    }
    Ok(read)
}

/// Reads what is in pipes without taking it out.
#[derive(Debug)]
pub struct Peeker {
    read: OwnedFd,
    write: OwnedFd,
}

impl Peeker {
    /// One, with a pipe of its own.
    ///
    /// # Errors
    /// As `pipe2(2)`.
    pub fn new() -> Result<Self, Errno> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        Ok(Self { read, write })
    }

    /// Copies the beginning of what is in `pipe`, as much as the buffer holds; 0 when it is empty and nobody writes to
    /// it any more.
    ///
    /// # Errors
    /// As `tee(2)`: `EAGAIN` when it is empty, `EINVAL` when it is no pipe.
    pub fn peek(&self, pipe: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
        let (from, to) = (pipe.as_raw_fd(), self.write.as_raw_fd());
        // SAFETY: two descriptors that live through the call, and numbers.
        let count = Errno::result(unsafe { libc::tee(from, to, buffer.len(), libc::SPLICE_F_NONBLOCK) })?;
        let count = usize::try_from(count).unwrap_or(0);
        let mut done = 0;
        while done < count {
            let Some(room) = buffer.get_mut(done..count) else { break };
            match nix::unistd::read(self.read.as_fd(), room)? {
                0 => break,
                n => done = done.saturating_add(n),
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peek_takes_nothing_out() {
        let peeker = Peeker::new().expect("pipe");
        let (read, write) = new().expect("pipe");
        let mut buffer = [0; 4];
        assert_eq!(peeker.peek(read.as_fd(), &mut buffer), Err(Errno::EAGAIN));
        nix::unistd::write(&write, b"abcdef").expect("write");
        for _ in 0..3 {
            assert_eq!(peeker.peek(read.as_fd(), &mut buffer), Ok(4));
            assert_eq!(&buffer, b"abcd");
        }
        let mut all = [0; 8];
        assert_eq!(nix::unistd::read(&read, &mut all), Ok(6));
        drop(write);
        assert_eq!(peeker.peek(read.as_fd(), &mut buffer), Ok(0));
        let null = std::fs::File::open("/dev/null").expect("null");
        assert_eq!(peeker.peek(null.as_fd(), &mut buffer), Err(Errno::EINVAL));
    }

    #[test]
    fn a_lost_end_can_be_made_anew() {
        let (read, write) = new().expect("pipe");
        drop(write);
        let write = write_end(read.as_fd()).expect("write end");
        drop(read);
        let read = read_end(write.as_fd()).expect("read end");
        nix::unistd::write(&write, b"abc").expect("write");
        let mut buffer = [0; 8];
        assert_eq!(nix::unistd::read(&read, &mut buffer), Ok(3));
    }

    #[test]
    fn a_pipe_holds_what_fits() {
        let bytes = vec![7; 100_000];
        let read = holding(&bytes).expect("pipe");
        let mut got = Vec::new();
        let mut buffer = vec![0; 200_000];
        while let Ok(n @ 1..) = nix::unistd::read(&read, &mut buffer) {
            got.extend_from_slice(&buffer[..n]);
        }
        assert_eq!(got, bytes);
        assert_eq!(holding(&vec![0; 64 << 20]).expect_err("too long"), Errno::E2BIG);
    }
}
