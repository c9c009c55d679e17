//! Descriptors 0, 1 and 2: always open, so that no other file ever gets one of these numbers.

use super::fd::is_open;
use nix::errno::Errno;
use std::ffi::CStr;

/// Which of 0, 1 and 2 are open.
pub fn which_are_open() -> [bool; 3] {
    [0, 1, 2].map(is_open)
}

/// Opens those of 0, 1 and 2 that are not in `keep` anew: `/dev/null`, or where there is none a pipe without a writer
/// (reading finds the end, writing fails).
///
/// # Errors
/// `EMFILE`, `ENFILE`: some of them are not open.
pub fn fill(keep: [bool; 3]) -> Result<(), Errno> {
    const NULL: &CStr = c"/dev/null";
    // SAFETY: a NUL-ended constant; the result is checked.
    let mut source = unsafe { libc::open(NULL.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC | libc::O_NOCTTY) };
    if source < 0 {
        let mut ends = [-1; 2];
        // SAFETY: `ends` has room for the two numbers.
        Errno::result(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
        let [reading, writing] = ends;
        // Both may have landed on standard numbers: the writing end is closed, or replaced below.
        // SAFETY: nobody else knows this descriptor.
        unsafe { libc::close(writing) };
        source = reading;
    }
    let mut done = Ok(());
    for (number, keep) in (0..).zip(keep) {
        if !keep && number != source {
            // SAFETY: no pointers. No Rust object owns the standard numbers.
            done = done.and(Errno::result(unsafe { libc::dup2(source, number) }).map(drop));
        }
    }
    if (0..3).contains(&source) {
        // It stays, and over `execve` like the others.
        // SAFETY: no pointers.
        unsafe { libc::fcntl(source, libc::F_SETFD, 0) };
    } else {
        // SAFETY: nobody else knows this descriptor.
        unsafe { libc::close(source) };
    }
    done
}
