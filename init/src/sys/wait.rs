//! Clocks, and waiting for one descriptor.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::time::{ClockId, clock_gettime};
use std::os::fd::BorrowedFd;

fn clock_us(id: ClockId) -> u64 {
    let time = clock_gettime(id).map(|t| (t.tv_sec(), t.tv_nsec())).unwrap_or((0, 0));
    let (s, ns) = (u64::try_from(time.0).unwrap_or(0), u64::try_from(time.1).unwrap_or(0));
    s.saturating_mul(1_000_000).saturating_add(ns / 1000)
}

/// `CLOCK_BOOTTIME` in milliseconds: goes on over suspend, never jumps.
pub fn now_ms() -> u64 {
    clock_us(ClockId::CLOCK_BOOTTIME) / 1000
}

/// `CLOCK_MONOTONIC` in milliseconds: stands still while the machine is suspended.
pub fn monotonic_ms() -> u64 {
    monotonic_us() / 1000
}

/// The same in microseconds.
pub fn monotonic_us() -> u64 {
    clock_us(ClockId::CLOCK_MONOTONIC)
}

/// `CLOCK_REALTIME` in milliseconds since the epoch.
pub fn wall_ms() -> u64 {
    clock_us(ClockId::CLOCK_REALTIME) / 1000
}

/// `CLOCK_REALTIME` in microseconds since the epoch.
pub fn wall_us() -> u64 {
    clock_us(ClockId::CLOCK_REALTIME)
}

/// Waits until `fd` can be read (or, if `write` is set, also until it can be written), at most `ms` milliseconds.
/// Whether it can; a signal ends the wait early.
pub fn ready(fd: BorrowedFd<'_>, write: bool, ms: u64) -> bool {
    let flags = if write { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
    let timeout = PollTimeout::from(u16::try_from(ms.min(60_000)).unwrap_or(u16::MAX));
    match poll(&mut [PollFd::new(fd, flags)], timeout) {
        Ok(n) => n > 0,
        Err(Errno::EINTR) => false,
        Err(_) => true,
    }
}
