//! Processes: reap, look at, signal; and a few facts about oneself.

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

/// Reaps children, whichever have ended. Where none has, the kernel looks through all of them to say so, ten thousand
/// perhaps: it is asked only after somebody has said that some may have.
#[derive(Debug)]
pub struct Reaper {
    may: bool,
}

impl Default for Reaper {
    /// At the beginning some may have.
    fn default() -> Self {
        Self { may: true }
    }
}

impl Reaper {
    /// SIGCHLD, or what is as good.
    pub fn some_ended(&mut self) {
        self.may = true;
    }

    /// Whether it hasn't come to the last of them.
    pub fn has_more(&self) -> bool {
        self.may
    }

    /// The next one; the kernel writes the record itself.
    pub fn next(&mut self, info: &InFlight) -> Option<Ended> {
        let ended = if self.may { wait_into(libc::P_ALL, 0, libc::WEXITED, info).ok().flatten() } else { None };
        self.may = ended.is_some();
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
