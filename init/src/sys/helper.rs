//! Helper processes with a deadline: for calls that can block for ever (a dead NFS, a disk that doesn't answer).

use super::pidfd;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How a helper ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It returned this (0 to 255).
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It didn't end in time; it was sent SIGKILL and is waited for no longer.
    Late,
}

/// Forks a child that does `work`, with no signal blocked, and exits with what that returns. To be called by processes
/// of one thread: the child uses the heap.
///
/// # Errors
/// As `fork(2)`.
pub fn start(work: impl FnOnce() -> i32) -> Result<i32, Errno> {
    super::child::fork_work(|| {
        // Fails for no reason that could matter here.
        let _ = SigSet::empty().thread_set_mask();
        work()
    })
}

/// Does `work` in a child ([`start`]) and waits until it is over, at most until `until`; `waiting` is called about
/// each second.
///
/// # Errors
/// As `fork(2)`.
pub fn run(until: Instant, mut waiting: impl FnMut(), work: impl FnOnce() -> i32) -> Result<Ended, Errno> {
    let child = Pid::from_raw(start(work)?);
    let over = pidfd::open(child.as_raw()).ok();
    let mut tell = Instant::now() + Duration::from_secs(1);
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(Ended::Code(code)),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(Ended::Signal(signal as i32)),
            Ok(_) | Err(Errno::EINTR) => {}
            // Somebody else reaped it.
            Err(e) => return Err(e),
        }
        let now = Instant::now();
        if now >= until {
            // Fails only if it has just ended.
            let _ = kill(child, Signal::SIGKILL);
            return Ok(Ended::Late);
        }
        if now >= tell {
            waiting();
            tell = now + Duration::from_secs(1);
        }
        pause(until.min(tell), over.as_ref().map(AsFd::as_fd).as_slice());
    }
}

/// The moment this long from now.
pub fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now)
}

/// Waits until one of the pidfds is readable or `until` has come. Without any, waits briefly: the caller looks again.
pub fn pause(until: Instant, pidfds: &[std::os::fd::BorrowedFd<'_>]) {
    let longest = if pidfds.is_empty() { Duration::from_millis(20) } else { Duration::from_secs(1) };
    let left = until.saturating_duration_since(Instant::now()).min(longest);
    let mut ask: Vec<PollFd<'_>> = pidfds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    // A millisecond more, so that it isn't called again for the rest of one.
    let timeout = u16::try_from(left.as_millis()).unwrap_or(1000).saturating_add(1);
    // Interrupted or not: the caller looks again.
    let _ = poll(&mut ask, PollTimeout::from(timeout));
}
