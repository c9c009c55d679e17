//! The kernel's random numbers: whether it has any yet, and waiting for them.

use nix::errno::Errno;

fn take_one(flags: libc::c_uint) -> Result<(), Errno> {
    let mut byte = 0u8;
    // SAFETY: one writable byte.
    Errno::result(unsafe { libc::getrandom((&raw mut byte).cast(), 1, flags) }).map(drop)
}

/// Whether readers would still have to wait.
pub fn is_awaited() -> bool {
    take_one(libc::GRND_NONBLOCK) == Err(Errno::EAGAIN)
}

/// Waits until there are some. Where nothing else gives the kernel any, it makes them for whoever waits, a second long:
/// it times how the one that waits is scheduled.
pub fn wait() {
    while take_one(0) == Err(Errno::EINTR) {}
}
