//! All signals come as reads from one descriptor; the faults alone keep their handlers.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

/// Signals that mean a fault of the process itself.
pub const FAULTS: [Signal; 7] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGABRT, Signal::SIGSYS, Signal::SIGTRAP];

/// Gives the faults back to the kernel: Rust's start-up code takes SIGSEGV and SIGBUS for its stack guard, and lets the first
/// one that somebody sends pass.
pub fn die_of_faults() {
    for fault in [Signal::SIGSEGV, Signal::SIGBUS] {
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { nix::sys::signal::signal(fault, nix::sys::signal::SigHandler::SigDfl) };
    }
}

/// Where the signals are read.
#[derive(Debug)]
pub struct Signals(SignalFd);

impl Signals {
    /// Blocks all signals but [`FAULTS`] and opens the descriptor, close-on-exec and non-blocking.
    ///
    /// # Errors
    /// As `signalfd(2)`.
    pub fn new() -> Result<Self, Errno> {
        // Whoever executed us may have ignored it: the kernel would reap our children itself, and tell nobody.
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { nix::sys::signal::signal(Signal::SIGCHLD, nix::sys::signal::SigHandler::SigDfl) };
        let mut all = SigSet::all();
        for fault in FAULTS {
            all.remove(fault);
        }
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None)?;
        SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }

    /// The next signal that has come, and of whom it tells: SIGCHLD, of the child.
    pub fn take(&mut self) -> Option<(i32, i32)> {
        let info = self.0.read_signal().ok()??;
        Some((i32::try_from(info.ssi_signo).ok()?, i32::try_from(info.ssi_pid).unwrap_or(0)))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
