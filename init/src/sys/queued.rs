//! `FIONREAD`: how much can be read now.

use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Bytes that wait in a pipe or stream socket.
///
/// # Errors
/// As `ioctl(2)`.
pub fn bytes(fd: BorrowedFd<'_>) -> Result<usize, Errno> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int, which lives as long as the call.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count) })?;
    Ok(usize::try_from(count).unwrap_or(0))
}
