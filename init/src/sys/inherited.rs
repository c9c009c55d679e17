//! Descriptors that a process was started with.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Whether this number is open.
pub fn is_open(number: RawFd) -> bool {
    // SAFETY: takes no pointers, changes nothing.
    number >= 0 && unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0
}

/// Takes the descriptor over that the parent left at `number`, from now on close-on-exec. Call it once for a number,
/// before anything else is opened.
///
/// # Errors
/// `EBADF` when it isn't open.
pub fn take(number: RawFd) -> Result<OwnedFd, Errno> {
    if !is_open(number) {
        return Err(Errno::EBADF);
    }
    // SAFETY: it is open, and by the rule above nobody else in this process owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(fd)
}

/// A copy, close-on-exec and above the standard ones, of the descriptor at `number`.
///
/// # Errors
/// `EBADF` when it isn't open; `EMFILE`.
pub fn copy(number: RawFd) -> Result<OwnedFd, Errno> {
    if !is_open(number) {
        return Err(Errno::EBADF);
    }
    // SAFETY: it is open; the borrow ends within this function.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    let copy = fcntl(borrowed, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Closes every descriptor from `first` on, whoever owns it. For a forked child that will only exit, or execute.
pub fn close_from(first: RawFd) {
    let (from, to, flags) = (libc::c_long::from(first), libc::c_long::from(u32::MAX), 0 as libc::c_long);
    // SAFETY: no pointers; the caller gives up all that these numbers stood for.
    if unsafe { libc::syscall(libc::SYS_close_range, from, to, flags) } == 0 {
        return;
    }
    // An old kernel, or a filter that doesn't know the call.
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<RawFd> = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|n| *n >= first) {
        // SAFETY: as above.
        unsafe { libc::close(number) };
    }
}
