//! Descriptors by number: what a table in shared memory owns can't be an `OwnedFd`.

use super::shared::{Field, Plain};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicI32;

/// The lowest number for descriptors that are only kept: a new child copies the numbers below, not these.
pub const KEPT: RawFd = 256;
/// Where so many are kept, copying them costs a fork more than it costs to do without.
pub const MANY: u32 = 64;

/// Borrows descriptor `raw`; `None` if it isn't open.
pub fn borrow<'a>(raw: RawFd) -> Option<BorrowedFd<'a>> {
    // SAFETY: F_GETFD takes no pointer; the number is known to be open when it is borrowed.
    (raw >= 0 && unsafe { libc::fcntl(raw, libc::F_GETFD) } >= 0).then(|| unsafe { BorrowedFd::borrow_raw(raw) })
}

/// Closes descriptor `raw`, which its record owned.
pub fn close(raw: RawFd) {
    if raw >= 0 {
        // SAFETY: closing a number touches no memory.
        unsafe { libc::close(raw) };
    }
}

/// Whether this number is open.
pub fn is_open(raw: RawFd) -> bool {
    borrow(raw).is_some()
}

/// Takes over, close-on-exec, the descriptor that a parent left at this number. Call it once for a number, before
/// anything else is opened.
///
/// # Errors
/// `EBADF` when it isn't open.
pub fn take(raw: RawFd) -> Result<OwnedFd, Errno> {
    fcntl(borrow(raw).ok_or(Errno::EBADF)?, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // SAFETY: it is open, and by the rule above nobody else in this process owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// A copy, close-on-exec and from number `lowest` up, of the descriptor at this number.
///
/// # Errors
/// `EBADF` when it isn't open; `EMFILE`, `EINVAL`: no such number is free.
pub fn copy(raw: RawFd, lowest: RawFd) -> Result<OwnedFd, Errno> {
    let copy = fcntl(borrow(raw).ok_or(Errno::EBADF)?, FcntlArg::F_DUPFD_CLOEXEC(lowest))?;
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Has the kernel make room for numbers below `below` (or the limit on open files), while nobody shares our table: where
/// children do, each time that it grows by half the kernel has us wait until all processors have passed by, some 10 ms.
pub fn make_room(below: RawFd) {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
    let highest = RawFd::try_from(limit).unwrap_or(RawFd::MAX).min(below) - 1;
    let any = open(c"/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    let _ = any.map(|fd| copy(fd.as_raw_fd(), highest));
}

/// Moves `fd` to a number from [`KEPT`] up, close-on-exec; where the limit on open files forbids that it stays.
pub fn keep(fd: OwnedFd) -> OwnedFd {
    let copy = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(KEPT));
    // SAFETY: the kernel has just given us this descriptor.
    copy.map_or(fd, |copy| unsafe { OwnedFd::from_raw_fd(copy) })
}

/// A descriptor that a record in shared memory owns, by its number; 0: none, since the standard ones have no owner.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Recorded(AtomicI32);

// SAFETY: a transparent atomic takes any bits and changes behind shared references.
unsafe impl Plain for Recorded {}

impl Recorded {
    /// The descriptor, if there is one.
    pub fn get(&self) -> Option<BorrowedFd<'static>> {
        let raw = self.raw();
        // SAFETY: the record owns an open descriptor; what an image before us has left was looked at by
        // [`Self::close_on_exec`]. One that garbage names gives `EBADF`, or is another one of ours.
        (raw > 0).then(|| unsafe { BorrowedFd::borrow_raw(raw) })
    }

    /// Its number.
    pub fn raw(&self) -> RawFd {
        self.0.get()
    }

    /// Records `fd`, moved as by [`keep`]; what was recorded before is closed.
    pub fn put(&self, fd: OwnedFd) {
        let before = self.raw();
        self.0.set(keep(fd).into_raw_fd());
        if before > 0 {
            close(before);
        }
    }

    /// Closes it.
    pub fn close(&self) {
        let raw = self.raw();
        self.forget();
        if raw > 0 {
            close(raw);
        }
    }

    /// Records that there is none.
    pub fn forget(&self) {
        self.0.set(0);
    }

    /// Sets or clears its close-on-exec; forgets it if it isn't open.
    pub fn close_on_exec(&self, on: bool) {
        if self.raw() > 0 && !close_on_exec(self.raw(), on) {
            self.forget();
        }
    }
}

/// Sets or clears close-on-exec. Whether it is open.
pub fn close_on_exec(raw: RawFd, on: bool) -> bool {
    let flag = if on { FdFlag::FD_CLOEXEC } else { FdFlag::empty() };
    // SAFETY: takes no pointers.
    raw >= 0 && unsafe { libc::fcntl(raw, libc::F_SETFD, flag.bits()) } >= 0
}

/// `close_range(2)` from `first` up.
///
/// # Errors
/// As there: `ENOSYS`, `EPERM` on old kernels and under filters.
pub fn close_range(first: RawFd, flags: libc::c_uint) -> Result<(), Errno> {
    let (from, to) = (libc::c_long::from(first), libc::c_long::from(u32::MAX));
    // SAFETY: takes no pointers; the caller gives up all that these numbers stand for.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, from, to, flags) }).map(drop)
}

/// Everything open from `first` up becomes close-on-exec: what a parent left open is not for our children.
pub fn all_close_on_exec(first: RawFd) {
    if close_range(first, libc::CLOSE_RANGE_CLOEXEC).is_err() {
        // What a parent leaves open has a low number.
        for raw in first..1024 {
            close_on_exec(raw, true);
        }
    }
}

/// Closes every descriptor from `first` on, whoever owns it. For a forked child that will only exit, or execute.
pub fn close_from(first: RawFd) {
    if close_range(first, 0).is_ok() {
        return;
    }
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<RawFd> = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    numbers.into_iter().filter(|number| *number >= first).for_each(close);
}
