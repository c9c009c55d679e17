//! `inotify(7)`, used only to be woken: what has happened is looked up afresh, so a lost event costs nothing but time.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

/// A set of watched paths.
#[derive(Debug)]
pub struct Watch(Inotify);

impl Watch {
    /// An empty set, close-on-exec.
    ///
    /// # Errors
    /// As `inotify_init1(2)`.
    pub fn new() -> Result<Self, Errno> {
        Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map(Self)
    }

    /// Watches a folder's entries, or a file's content. Watching the same one again changes nothing.
    ///
    /// # Errors
    /// As `inotify_add_watch(2)`: `ENOENT` for what isn't there.
    pub fn add(&self, path: &Path) -> Result<(), Errno> {
        let mask = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF;
        self.0.add_watch(path, mask).map(drop)
    }

    /// To be waited for together with other things; [`Watch::clear`] takes out what came.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Forgets what has changed so far.
    pub fn clear(&self) {
        while self.0.read_events().is_ok_and(|events| !events.is_empty()) {}
    }

    /// Waits until something changes, at most `timeout` (`None`: for ever); says whether it did. A signal ends the
    /// wait early.
    ///
    /// # Errors
    /// As `poll(2)` and `read(2)`, but for `EINTR` and `EAGAIN`.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Errno> {
        let limit = timeout.map_or(PollTimeout::NONE, |t| {
            // Rounded up, so that a rest of less than a millisecond isn't a busy loop.
            let ms = t.as_nanos().div_ceil(1_000_000).min(60_000);
            PollTimeout::from(u16::try_from(ms).unwrap_or(u16::MAX))
        });
        self.poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], limit)
    }

    /// Waits until something changes, or the last reader of the pipe `pipe` is gone: `false`.
    ///
    /// # Errors
    /// As [`Watch::wait`].
    pub fn wait_while_read(&self, pipe: BorrowedFd<'_>) -> Result<bool, Errno> {
        let ours = PollFd::new(self.0.as_fd(), PollFlags::POLLIN);
        // No event is asked for: an error or a hang-up is always told.
        let mut fds = [ours, PollFd::new(pipe, PollFlags::empty())];
        self.poll(&mut fds, PollTimeout::NONE)?;
        Ok(fds[1].revents().is_none_or(|r| r.is_empty()))
    }

    /// Says whether there were events of ours, and takes them out.
    fn poll(&self, fds: &mut [PollFd<'_>], limit: PollTimeout) -> Result<bool, Errno> {
        match poll(fds, limit) {
            Ok(0) | Err(Errno::EINTR) => return Ok(false),
            Ok(_) => {}
            Err(e) => return Err(e),
        }
        match self.0.read_events() {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(e) => Err(e),
        }
    }
}
