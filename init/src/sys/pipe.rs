//! Pipes.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::os::fd::OwnedFd;

/// A pipe, close-on-exec: read end, write end. Blocking, as programs expect of their standard output.
///
/// # Errors
/// As `pipe2(2)`.
pub fn new() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC)
}
