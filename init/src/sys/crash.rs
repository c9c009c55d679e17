//! The one handler in which a fault or a panic ends, and the road to a fresh image of oneself.

use crate::sys::child::IN_CHILD;
use crate::sys::signals::FAULTS;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How to execute oneself anew. All of it is made ahead: nothing is allocated on the way.
#[derive(Debug)]
pub struct Road {
    /// The process this is for; a forked child that faults just ends.
    pub pid: i32,
    /// Arguments and environment.
    pub image: &'static super::args::Image,
    /// Called first: clears close-on-exec on what must survive, gives the descriptor of the program (or -1).
    pub prepare: fn(Cause) -> i32,
}

/// Why the road is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A fault or a panic of our own. The number counts further ones on this very road.
    Fault(u32),
    /// Somebody sent us the signal of a fault, or we were asked.
    Wanted,
}

static ROAD: OnceLock<Road> = OnceLock::new();
static ENTERED: AtomicU32 = AtomicU32::new(0);

#[repr(align(16))]
struct Stack(#[allow(dead_code, reason = "the kernel uses it")] [u8; 32 << 10]);

/// Installs the handler, on a stack of its own. Panics end here too (`abort`).
///
/// # Errors
/// As `sigaltstack(2)` and `sigaction(2)`.
pub fn install(road: Road) -> Result<(), Errno> {
    static mut STACK: Stack = Stack([0; _]);
    let _ = ROAD.set(road);
    let stack = libc::stack_t { ss_sp: (&raw mut STACK).cast(), ss_flags: 0, ss_size: size_of::<Stack>() };
    // SAFETY: the stack is static and used for nothing else.
    Errno::result(unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) })?;
    // SAFETY: all zero is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    for fault in FAULTS {
        // SAFETY: the handler uses async-signal-safe calls only.
        Errno::result(unsafe { libc::sigaction(fault as i32, &raw const action, std::ptr::null_mut()) })?;
    }
    Ok(())
}

extern "C" fn handler(signal: libc::c_int, info: *const libc::siginfo_t, _: *const libc::c_void) {
    // SAFETY: takes nothing.
    let pid = unsafe { libc::getpid() };
    // SAFETY: the kernel passes a valid siginfo; codes up to 0 are signals that a process sent, with its pid.
    let sent = unsafe { (*info).si_code <= 0 && (*info).si_pid() != pid };
    match ROAD.get() {
        Some(road) if road.pid == pid && !IN_CHILD.load(Ordering::Relaxed) => {
            let entered = ENTERED.fetch_add(1, Ordering::Relaxed);
            if sent && entered > 0 {
                // On the way already, and nothing is wrong with it.
                ENTERED.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            execute(road, None, if sent { Cause::Wanted } else { Cause::Fault(entered) });
        }
        _ => {}
    }
    // SAFETY: ends the process (a child, or PID 1 when nothing is left to execute).
    unsafe { libc::_exit(128 + signal) }
}

/// Executes oneself anew: from `path` if one is given and can be executed, else from the kept descriptor. Returns
/// only when that is impossible.
pub fn again(path: Option<&std::ffi::CStr>) {
    let Some(road) = ROAD.get() else { return };
    ENTERED.fetch_add(1, Ordering::Relaxed);
    execute(road, path, Cause::Wanted);
    ENTERED.store(0, Ordering::Relaxed);
}

fn execute(road: &Road, path: Option<&std::ffi::CStr>, cause: Cause) {
    // A fault on this very road skips what led to it.
    let exe = if matches!(cause, Cause::Fault(3..)) { -1 } else { (road.prepare)(cause) };
    // A blocked fault would be fatal in the new image; the others wait for it, blocked.
    let faults: SigSet = FAULTS.into_iter().collect();
    let _ = sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&faults), None);
    let (argv, envp) = (road.image.argv(), road.image.envp());
    // SAFETY: NULL-ended arrays of NUL-ended strings that are never freed.
    unsafe {
        if let Some(path) = path {
            libc::execve(path.as_ptr(), argv, envp);
        }
        if exe >= 0 {
            libc::syscall(libc::SYS_execveat, exe, c"".as_ptr(), argv, envp, libc::AT_EMPTY_PATH);
        }
        libc::execve(road.image.path().as_ptr(), argv, envp);
    }
}
