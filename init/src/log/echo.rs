//! The copy of service output on standard output (`NAME | text`), in a container. Never waits: what a slow reader
//! leaves no room for is dropped, counted and said.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{Mode, SFlag, fstat};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// What may wait for the reader, in bytes.
const PENDING: usize = 256 << 10;
/// A pipe that is ready takes this much without blocking (`PIPE_BUF`).
const ATOMIC: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A description of our own that doesn't block, or a plain file's.
    Plain,
    /// A socket: each send says that it may not block.
    Socket,
    /// A description shared with others, who want it blocking: ask first, then write little.
    Ask,
}

/// Where the copy goes.
#[derive(Debug)]
pub struct Echo {
    fd: OwnedFd,
    way: Way,
    pending: Vec<u8>,
    dropped: u64,
    gone: bool,
}

impl Echo {
    /// Takes over `fd` (standard output). The non-blocking mode of a pipe or terminal belongs to everyone who has it
    /// open, so it is opened anew.
    pub fn new(fd: OwnedFd) -> Self {
        let kind = fstat(&fd).map_or(SFlag::empty(), |s| SFlag::from_bits_truncate(s.st_mode) & SFlag::S_IFMT);
        let anew = |flags| {
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            open(path.as_str(), OFlag::O_WRONLY | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | flags, Mode::empty())
        };
        let (fd, way) = match kind {
            // It can't block, and its position is shared with the manager and whoever else has it from PID 1: opened anew,
            // even to append, each would overwrite what the others have written.
            SFlag::S_IFREG => (fd, Way::Plain),
            SFlag::S_IFSOCK => (fd, Way::Socket),
            _ => match anew(OFlag::O_NONBLOCK) {
                Ok(own) => (own, Way::Plain),
                Err(_) => (fd, Way::Ask),
            },
        };
        Self { fd, way, pending: Vec::new(), dropped: 0, gone: false }
    }

    /// Takes one line, to be written by [`Self::flush`].
    pub fn line(&mut self, name: &str, text: &[u8]) {
        if self.gone {
            return;
        }
        self.push_dropped();
        if self.dropped > 0 || self.pending.len() + name.len() + text.len() + 4 > PENDING {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.pending.extend_from_slice(name.as_bytes());
        self.pending.extend_from_slice(b" | ");
        self.pending.extend_from_slice(text);
        self.pending.push(b'\n');
    }

    fn push_dropped(&mut self) {
        if self.dropped > 0 && self.pending.len() <= PENDING / 2 {
            self.pending.extend_from_slice(format!("rung | {} lines dropped here\n", self.dropped).as_bytes());
            self.dropped = 0;
        }
    }

    /// Writes as much as goes without waiting. Whether something is left: then wait until the descriptor is writable.
    pub fn flush(&mut self) -> bool {
        loop {
            self.push_dropped();
            if self.pending.is_empty() || self.gone {
                return false;
            }
            match self.write() {
                Ok(count) => drop(self.pending.drain(..count.min(self.pending.len()))),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return true,
                Err(Errno::ENOSPC) => {
                    self.dropped += u64::try_from(self.pending.iter().filter(|b| **b == b'\n').count()).unwrap_or(0);
                    self.pending.clear();
                    return false;
                }
                Err(_) => {
                    // Nobody reads any more, and nobody will.
                    self.gone = true;
                    self.pending = Vec::new();
                    return false;
                }
            }
        }
    }

    fn write(&self) -> nix::Result<usize> {
        match self.way {
            Way::Plain => nix::unistd::write(&self.fd, &self.pending),
            Way::Socket => send(self.fd.as_raw_fd(), &self.pending, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL),
            Way::Ask => {
                let mut ask = [PollFd::new(self.fd.as_fd(), PollFlags::POLLOUT)];
                if poll(&mut ask, PollTimeout::ZERO)? == 0 {
                    return Err(Errno::EAGAIN);
                }
                let some = self.pending.len().min(ATOMIC);
                nix::unistd::write(&self.fd, self.pending.get(..some).unwrap_or(&[]))
            }
        }
    }
}

impl AsFd for Echo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
