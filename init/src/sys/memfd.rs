//! Anonymous files in memory: plans, the slot table, the journal.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A new, empty one, close-on-exec; it can be sealed. `name` shows in `/proc/PID/fd`.
///
/// # Errors
/// As `memfd_create(2)`: `ENOSYS` or `EPERM` under old kernels and syscall filters.
pub fn create(name: &CStr) -> Result<OwnedFd, Errno> {
    memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)
}

/// As [`create`], or where that is refused a file without a name.
///
/// # Errors
/// As [`super::file::unnamed`].
pub fn or_file(name: &CStr) -> Result<OwnedFd, Errno> {
    create(name).or_else(|_| super::file::unnamed())
}

/// Forbids every further change of the file's content and size.
///
/// # Errors
/// As `fcntl(2)` with `F_ADD_SEALS`.
pub fn seal(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    let seals = SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    fcntl(fd, FcntlArg::F_ADD_SEALS(seals)).map(drop)
}
