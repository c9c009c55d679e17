//! `epoll(7)`: what a reactor waits on.

use super::fd::Recorded;
use nix::errno::Errno;
pub use nix::sys::epoll::EpollFlags as Ready;
use nix::sys::epoll::{EpollCreateFlags, EpollEvent, EpollTimeout};
use std::os::fd::{AsFd, BorrowedFd};

/// An epoll set whose entries carry a `u64` each.
#[derive(Debug)]
pub struct Epoll(nix::sys::epoll::Epoll);

impl Epoll {
    /// A new set, close-on-exec.
    ///
    /// # Errors
    /// As `epoll_create1(2)`.
    pub fn new() -> Result<Self, Errno> {
        nix::sys::epoll::Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map(Self)
    }

    /// Watches `fd`; its events carry `data`.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`; `EPERM` for plain files, which can't be watched.
    pub fn add(&self, fd: impl AsFd, ready: Ready, data: u64) -> Result<(), Errno> {
        self.0.add(fd, EpollEvent::new(ready, data))
    }

    /// Changes what `fd` is watched for.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn modify(&self, fd: impl AsFd, ready: Ready, data: u64) -> Result<(), Errno> {
        self.0.modify(fd, &mut EpollEvent::new(ready, data))
    }

    /// No longer watches `fd`. A closed descriptor whose file nobody else holds goes by itself.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        self.0.delete(fd)
    }

    /// Watches for input on a recorded descriptor, if there is one. What can't be watched is seen by other means.
    pub fn add_recorded(&self, fd: &Recorded, data: u64) {
        if let Some(watched) = fd.get() {
            let _ = self.add(watched, Ready::EPOLLIN, data);
        }
    }

    /// Closes a recorded descriptor and no longer watches it. Others may hold its file open: it wouldn't leave the set by
    /// itself.
    pub fn drop_recorded(&self, fd: &Recorded) {
        if let Some(watched) = fd.get() {
            let _ = self.remove(watched);
        }
        fd.close();
    }

    /// Waits for events, at most `timeout_ms` milliseconds (`None`: for ever), and gives (data, readiness) to `each`.
    /// A signal ends the wait with no event.
    ///
    /// # Errors
    /// As `epoll_wait(2)`, but for `EINTR`.
    pub fn wait(&self, timeout_ms: Option<u64>, mut each: impl FnMut(u64, Ready)) -> Result<(), Errno> {
        let mut events = [EpollEvent::empty(); 64];
        let timeout = timeout_ms
            .map_or(EpollTimeout::NONE, |ms| EpollTimeout::from(u16::try_from(ms.min(60_000)).unwrap_or(u16::MAX)));
        let count = match self.0.wait(&mut events, timeout) {
            Ok(n) => n,
            Err(Errno::EINTR) => 0,
            Err(e) => return Err(e),
        };
        for event in events.iter().take(count) {
            each(event.data(), event.events());
        }
        Ok(())
    }
}
