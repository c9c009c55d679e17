//! Processes: reap, look at, signal; and a few facts about oneself.

use super::wait::{monotonic_ms, monotonic_us};
use nix::errno::Errno;
use std::sync::atomic::{AtomicU64, Ordering};

/// Room for one `siginfo_t`, in shared memory.
pub type InFlight = [AtomicU64; 16];

/// What the kernel wrote into an [`InFlight`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The process.
    pub pid: i32,
    /// `CLD_EXITED`, `CLD_KILLED`, `CLD_DUMPED`, `CLD_STOPPED`.
    pub code: i32,
    /// Exit status or signal.
    pub status: i32,
}

/// Reads an [`InFlight`]; `None` when it holds nothing.
pub fn in_flight(info: &InFlight) -> Option<Ended> {
    // As `siginfo_t` lies in memory on 64-bit Linux: signo, errno, code, pad, pid, uid, status.
    let [_, second, third, fourth, ..] = info;
    let low = |v: u64| v as u32 as i32;
    let (code, pid, status) =
        (second.load(Ordering::Relaxed), third.load(Ordering::Relaxed), fourth.load(Ordering::Relaxed));
    (low(pid) != 0).then(|| Ended { pid: low(pid), code: low(code), status: low(status) })
}

/// Empties an [`InFlight`].
pub fn forget(info: &InFlight) {
    let [_, _, pid, ..] = info;
    pid.store(0, Ordering::Release);
}

fn wait_into(which: libc::idtype_t, pid: i32, flags: i32, info: &InFlight) -> Result<Option<Ended>, Errno> {
    forget(info);
    // SAFETY: `info` is 128 bytes, the size of a siginfo_t, and may change at any time.
    let done = unsafe { libc::syscall(libc::SYS_waitid, which, pid, info.as_ptr(), flags | libc::WNOHANG, 0) };
    Errno::result(done)?;
    Ok(in_flight(info))
}

/// Reaps children, whichever have ended.
///
/// SIGCHLD names one, who is asked for by name. But the kernel keeps only one SIGCHLD of several, so all have to be looked
/// through as well, and where none has ended the kernel looks at each: ten thousand perhaps, in milliseconds. That is
/// done after a SIGCHLD only, and takes a fifth of the time at most, so that what is known already is acted upon first.
#[derive(Debug)]
pub struct Reaper {
    /// Whom the last SIGCHLD named.
    named: Option<i32>,
    /// When to look through all (milliseconds, monotonic).
    all_at: Option<u64>,
    /// How long to wait with that, in milliseconds.
    pause: u64,
}

/// The longest that an end which no SIGCHLD has named may go unseen, in milliseconds.
const LONGEST_PAUSE: u64 = 10;

/// How long to wait with the next look through all children, in milliseconds, after one that took so many microseconds.
fn pause_after(took_us: u64) -> u64 {
    (took_us / 250).min(LONGEST_PAUSE)
}

impl Default for Reaper {
    /// At the beginning some may have ended.
    fn default() -> Self {
        Self { named: None, all_at: Some(0), pause: 0 }
    }
}

impl Reaper {
    /// SIGCHLD, or what is as good, has named this child.
    pub fn some_ended(&mut self, named: i32) {
        self.named = Some(named);
        if self.all_at.is_none() {
            self.all_at = Some(monotonic_ms().saturating_add(self.pause));
        }
    }

    /// Whether there may be more to reap now.
    pub fn has_more(&self) -> bool {
        self.named.is_some() || self.all_at.is_some_and(|at| at <= monotonic_ms())
    }

    /// When there may be more (milliseconds, monotonic).
    pub fn due(&self) -> Option<u64> {
        self.all_at
    }

    /// The next one; the kernel writes the record itself.
    pub fn next(&mut self, info: &InFlight) -> Option<Ended> {
        if let Some(pid) = self.named.take()
            && let Ok(Some(ended)) = wait_into(libc::P_PID, pid, libc::WEXITED, info)
        {
            return Some(ended);
        }
        let at = self.all_at?;
        // Where one has just been found the next is looked for at once: the time isn't even asked for.
        let began = if at == 0 { 0 } else { monotonic_us() };
        if at > began / 1000 {
            return None;
        }
        let ended = wait_into(libc::P_ALL, 0, libc::WEXITED, info).ok().flatten();
        self.all_at = ended.map(|_| 0);
        if ended.is_none() && began > 0 {
            self.pause = pause_after(monotonic_us().saturating_sub(began));
        }
        ended
    }
}

/// Has this process run when no other wants to (`SCHED_IDLE`).
pub fn be_last() {
    // SAFETY: all zeroes is a value of this type of numbers.
    let none: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: reads one such value.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) };
}

/// Whether `pid` is a child of ours, alive or not yet reaped.
pub fn is_child(pid: i32) -> bool {
    let info = InFlight::default();
    pid > 0 && wait_into(libc::P_PID, pid, libc::WEXITED | libc::WNOWAIT, &info).is_ok()
}

/// Whether child `pid` has been stopped since it was last asked.
pub fn has_stopped(pid: i32) -> bool {
    let info = InFlight::default();
    pid > 0 && matches!(wait_into(libc::P_PID, pid, libc::WSTOPPED, &info), Ok(Some(_)))
}

/// `kill(2)`; a negative `pid` is a process group.
///
/// # Errors
/// As `kill(2)`.
pub fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Whether `pid` leads its process group.
pub fn leads_group(pid: i32) -> bool {
    // SAFETY: takes no pointers.
    pid > 0 && unsafe { libc::getpgid(pid) } == pid
}

/// When `pid` started, in clock ticks since boot: field 22 of `/proc/PID/stat`. `None` without `/proc` or process.
pub fn start_time(pid: i32) -> Option<u64> {
    use std::io::{Read, Write};
    let mut path = [0u8; 32];
    write!(path.as_mut_slice(), "/proc/{pid}/stat").ok()?;
    let path = std::ffi::CStr::from_bytes_until_nul(&path).ok()?;
    let flags = nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_CLOEXEC;
    let fd = nix::fcntl::open(path, flags, nix::sys::stat::Mode::empty()).ok()?;
    let mut text = [0u8; 1024];
    let length = std::fs::File::from(fd).read(&mut text).ok()?;
    // The name, in parentheses, may hold anything; field 3 follows the last one.
    let text = text.get(..length)?;
    let rest = text.get(text.iter().rposition(|b| *b == b')')?.checked_add(2)?..)?;
    std::str::from_utf8(rest.split(|b| *b == b' ').nth(19)?).ok()?.parse().ok()
}

/// The same for a child that was forked after `before` and until now: mostly known without asking.
pub fn start_time_since(before: u64, pid: i32) -> Option<u64> {
    if boot_ticks() == before { Some(before) } else { start_time(pid) }
}

/// Now, in the clock ticks of [`start_time`] (a hundred a second).
pub fn boot_ticks() -> u64 {
    super::wait::now_ms() / 10
}

/// Orphaned descendants become our children.
///
/// # Errors
/// As `prctl(2)`.
pub fn become_subreaper() -> Result<(), Errno> {
    nix::sys::prctl::set_child_subreaper(true)
}

/// The name that `ps -o comm` shows.
pub fn set_name(name: &std::ffi::CStr) {
    let _ = nix::sys::prctl::set_name(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::child::fork_work;

    /// A child that has ended with `status` and isn't reaped.
    fn dead(status: i32) -> i32 {
        let pid = fork_work(|| status).expect("fork");
        let info = InFlight::default();
        while wait_into(libc::P_PID, pid, libc::WEXITED | libc::WNOWAIT, &info) == Ok(None) {
            std::thread::yield_now();
        }
        pid
    }

    #[test]
    fn whom_sigchld_names_is_reaped_before_all_are_looked_through() {
        // Looking through all would take the children of other tests.
        let mut reaper = Reaper { named: None, all_at: None, pause: 3_600_000 };
        let info = InFlight::default();
        for status in [3, 4] {
            let pid = dead(status);
            reaper.some_ended(pid);
            assert!(reaper.has_more());
            assert_eq!(reaper.next(&info), Some(Ended { pid, code: libc::CLD_EXITED, status }));
            assert!(!is_child(pid) && !reaper.has_more());
            assert_eq!(reaper.next(&info), None);
        }
        assert!(
            reaper.due().is_some_and(|at| at > monotonic_ms() + 3_000_000),
            "the look is due once, and not put off"
        );
    }

    #[test]
    fn looking_through_all_takes_a_fifth_of_the_time_at_most() {
        for (took_us, pause_ms) in [(0, 0), (240, 0), (250, 1), (1500, 6), (1_000_000, LONGEST_PAUSE)] {
            assert_eq!(pause_after(took_us), pause_ms);
        }
    }
}
