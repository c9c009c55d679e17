//! Descriptors by number: what a table in shared memory owns can't be an `OwnedFd`.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// The lowest number for descriptors that are only kept: a new child copies the numbers below, not these.
pub const KEPT: RawFd = 256;

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

/// Takes descriptor `raw` over; `None` if it isn't open.
pub fn own(raw: RawFd) -> Option<OwnedFd> {
    // SAFETY: it is open, and the caller's record gives it up.
    borrow(raw).map(|fd| unsafe { OwnedFd::from_raw_fd(fd.as_raw_fd()) })
}

/// Moves `fd` to a number from [`KEPT`] up, close-on-exec; where the limit on open files forbids that it stays.
pub fn keep(fd: OwnedFd) -> OwnedFd {
    match fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(KEPT)) {
        Ok(raw) => own(raw).unwrap_or(fd),
        Err(_) => fd,
    }
}

/// As [`keep`], for a record.
pub fn keep_raw(fd: OwnedFd) -> RawFd {
    keep(fd).into_raw_fd()
}

/// Sets or clears close-on-exec.
pub fn close_on_exec(raw: RawFd, on: bool) {
    if let Some(fd) = borrow(raw) {
        let _ = fcntl(fd, FcntlArg::F_SETFD(if on { FdFlag::FD_CLOEXEC } else { FdFlag::empty() }));
    }
}

/// Another descriptor for the same open file, close-on-exec.
///
/// # Errors
/// As `fcntl(2)` with `F_DUPFD_CLOEXEC`.
pub fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    fd.try_clone_to_owned().map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EMFILE)))
}

/// Everything open from `first` up becomes close-on-exec: what a parent left open is not for our children.
pub fn all_close_on_exec(first: RawFd) {
    let from = libc::c_long::from(first);
    let (to, flags) = (libc::c_long::from(u32::MAX), libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: takes no pointers.
    if unsafe { libc::syscall(libc::SYS_close_range, from, to, flags) } != 0 {
        // An old kernel or a filter: what a parent leaves open has a low number.
        (first..1024).for_each(|raw| close_on_exec(raw, true));
    }
}
