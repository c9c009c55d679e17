//! Descriptors of processes: they never come to mean another process.

use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Opens one, close-on-exec. Readable (epoll) once the process is over.
///
/// # Errors
/// As `pidfd_open(2)`: `ESRCH`; `ENOSYS` or `EPERM` under old kernels and syscall filters.
pub fn open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: takes no pointers; the result is a new descriptor or -1.
    let raw = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let raw = i32::try_from(raw).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Sends a signal; 0 only checks.
///
/// # Errors
/// As `pidfd_send_signal(2)`: `ESRCH` once the process has been reaped.
pub fn signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let (no_info, flags) = (std::ptr::null::<libc::siginfo_t>(), 0);
    // SAFETY: a null `siginfo` is allowed and means kill(2)'s.
    Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, flags) })
        .map(drop)
}
