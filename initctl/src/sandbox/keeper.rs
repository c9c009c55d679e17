//! The process between `initctl sandbox` and the sandbox's PID 1: its parent, and who clears up, also when initctl has
//! been killed. It has left the terminal, so that no key ends it before its work is done.

use super::error::{Doing, Error};
use super::inside::{self, Plan};
use super::report::{Record, Teller};
use init::sys::ns::fork_alone;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, getegid, geteuid, setsid};
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// What to do where a user namespace is refused.
pub const USER_HINT: &str = "Without root a sandbox needs unprivileged user namespaces; this machine may forbid them (see the sysctls \
user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, and a \
container's syscall filter). Allow them, or run it as root.";
/// `init` gives its services 8 s; then it has this much for itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// What initctl asks the keeper for; the end of the pipe means [`Order::Kill`] too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Shut down in order, with a deadline.
    Stop = b's' as isize,
    /// At once.
    Kill = b'k' as isize,
}

impl Order {
    /// On the pipe.
    pub fn byte(self) -> u8 {
        self as u8
    }
}

/// The descriptors it works with.
#[derive(Debug)]
pub struct Pipes {
    /// Orders; its end means that initctl is gone.
    pub orders: OwnedFd,
    /// Reports.
    pub teller: Teller,
    /// What the sandbox's PID 1 prints.
    pub console: OwnedFd,
}

/// Runs to the sandbox's end. The status is for nobody: what happened has been told.
pub fn run(plan: &Plan, pipes: Pipes) {
    let Pipes { orders, teller, console } = pipes;
    match start(plan, &teller, console) {
        Ok(child) => {
            teller.tell(&Record::Pid(child.as_raw()));
            let end = watch(child, orders);
            clear(plan);
            if let Some(record) = end {
                teller.tell(&record);
            }
        }
        Err(error) => {
            clear(plan);
            teller.tell(&Record::Failed(error.to_string()));
        }
    }
}

fn clear(plan: &Plan) {
    if let Some(group) = &plan.group {
        group.remove();
    }
}

fn start(plan: &Plan, teller: &Teller, console: OwnedFd) -> Result<Pid, Error> {
    setsid().doing(|| "leave the terminal's session".into())?;
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null").doing(|| "open `/dev/null`".into())?;
    dup2_stdin(&null)
        .and_then(|()| dup2_stdout(&null))
        .and_then(|()| dup2_stderr(&null))
        .doing(|| "let go of the terminal".into())?;
    if plan.user {
        user_namespace().map_err(|e| e.hint(USER_HINT))?;
    }
    unshare(CloneFlags::CLONE_NEWPID).doing(|| "make a PID namespace".into())?;
    let (go, mut gate) = pipe()?;
    let Some(child) = fork_alone().doing(|| "fork".into())? else {
        drop(gate);
        in_child(plan, go, &console, teller);
        std::process::exit(1);
    };
    // Where we may make groups but not move processes into them the sandbox does without.
    let grouped = plan.group.as_ref().is_some_and(|g| g.add(child.as_raw()).is_ok());
    gate.write_all(&[u8::from(grouped)]).doing(|| "start the sandbox's first process".into())?;
    Ok(child)
}

fn pipe() -> Result<(fs::File, fs::File), Error> {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).doing(|| "make a pipe".into())?;
    Ok((read.into(), write.into()))
}

/// The order matters: first the death signal, then the wait. If the keeper died before, the wait ends without a byte.
fn in_child(plan: &Plan, mut go: fs::File, console: &OwnedFd, teller: &Teller) {
    let mut byte = [0];
    if set_pdeathsig(Signal::SIGKILL).is_err() || !matches!(go.read(&mut byte), Ok(1)) {
        return;
    }
    let error = inside::become_init(plan, byte == [1], console, teller);
    teller.tell(&Record::Failed(error.to_string()));
}

/// The caller becomes root in there; nobody else is known.
fn user_namespace() -> Result<(), Error> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).doing(|| "make a user namespace".into())?;
    let map = |file: &str, text: String| fs::write(file, text).doing(|| format!("write `{file}`"));
    map("/proc/self/setgroups", "deny".into())?;
    map("/proc/self/uid_map", format!("0 {uid} 1"))?;
    map("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// Until the child is over: passes on orders, keeps the deadline.
fn watch(child: Pid, orders: OwnedFd) -> Option<Record> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
    let Ok(signals) = signals else { return kill_now(child) };
    let mut orders = Some(fs::File::from(orders));
    let mut deadline: Option<Instant> = None;
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => return Some(Record::Exited(code)),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Some(Record::Killed(signal as i32)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
        let timeout = match deadline {
            None => PollTimeout::NONE,
            Some(at) => match at.checked_duration_since(Instant::now()) {
                Some(left) => PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX),
                None => return kill_now(child),
            },
        };
        let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(orders.as_ref().map(|o| PollFd::new(o.as_fd(), PollFlags::POLLIN)));
        if poll(&mut fds, timeout).is_err() {
            continue;
        }
        let asked = fds.get(1).and_then(PollFd::any).unwrap_or(false);
        while let Ok(Some(_)) = signals.read_signal() {}
        if asked {
            let mut byte = [0];
            match orders.as_mut().map(|o| o.read(&mut byte)) {
                Some(Ok(1)) if byte[0] == Order::Stop.byte() => {
                    let _ = kill(child, Signal::SIGTERM);
                    deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
                }
                _ => {
                    let _ = kill(child, Signal::SIGKILL);
                    orders = None;
                }
            }
        }
    }
}

fn kill_now(child: Pid) -> Option<Record> {
    let _ = kill(child, Signal::SIGKILL);
    match waitpid(child, None) {
        Ok(WaitStatus::Exited(_, code)) => Some(Record::Exited(code)),
        Ok(WaitStatus::Signaled(_, signal, _)) => Some(Record::Killed(signal as i32)),
        _ => None,
    }
}
