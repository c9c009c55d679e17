//! Pipes.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::os::fd::OwnedFd;

/// A pipe, close-on-exec: read end, write end. Blocking, as programs expect of their standard output.
///
/// # Errors
/// As `pipe2(2)`.
pub fn new() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC)
}

/// The read end of a pipe that holds `bytes` whole, its write end closed.
///
/// # Errors
/// As `pipe2(2)`; `E2BIG` when they don't fit into a pipe of the largest size.
pub fn holding(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    if bytes.len() > 4096 {
        let _ = fcntl(&write, FcntlArg::F_SETPIPE_SZ(i32::try_from(bytes.len()).map_err(|_| Errno::E2BIG)?));
    }
    match nix::unistd::write(&write, bytes) {
        Ok(n) if n == bytes.len() => {}
        Ok(_) | Err(Errno::EAGAIN) => return Err(Errno::E2BIG),
        Err(e) => return Err(e),
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_holds_what_fits() {
        let bytes = vec![7; 100_000];
        let read = holding(&bytes).expect("pipe");
        let mut got = Vec::new();
        let mut buffer = vec![0; 200_000];
        while let Ok(n @ 1..) = nix::unistd::read(&read, &mut buffer) {
            got.extend_from_slice(&buffer[..n]);
        }
        assert_eq!(got, bytes);
        assert_eq!(holding(&vec![0; 64 << 20]).expect_err("too long"), Errno::E2BIG);
    }
}
