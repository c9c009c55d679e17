//! Forking a child that carries out a plan. Between fork and exec only system calls and its own stack are used.

use crate::proto::pid1::{MAX_FDS, STAGE_FORK};
use crate::proto::plan::{Access, MAX_LEN, Step, Steps, Strings};
use crate::sys::fd::{KEPT, close_range};
use nix::errno::Errno;
use std::cell::Cell;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// First byte of the report of a child that shared our descriptors: it has its own now.
const DETACHED: u8 = 1;
/// Length of a failure in the report: stage and errno, little-endian.
pub const FAILURE_LEN: usize = 8;

/// What a child has reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// It has its own descriptors now.
    pub detached: bool,
    /// The step that failed, and its errno.
    pub failure: Option<(u16, i32)>,
    /// Nothing more will come: the exec has closed the pipe, or the child is gone.
    pub over: bool,
}

/// Reads dry what a child has reported into its pipe, which doesn't block.
pub fn read_report(report: BorrowedFd<'_>) -> Report {
    let mut found = Report { detached: false, failure: None, over: false };
    let mut bytes = [0u8; 1 + FAILURE_LEN];
    loop {
        match nix::unistd::read(report, &mut bytes) {
            Ok(0) => return Report { over: true, ..found },
            Ok(length) => {
                found.detached |= length % FAILURE_LEN == 1 && bytes.first() == Some(&DETACHED);
                let failure = bytes.get(..length).and_then(|b| b.last_chunk::<FAILURE_LEN>());
                if let Some([a, b, _, _, errno @ ..]) = failure {
                    found.failure = Some((u16::from_le_bytes([*a, *b]), i32::from_le_bytes(*errno)));
                }
            }
            Err(Errno::EINTR) => {}
            Err(_) => return found,
        }
    }
}

/// Set in children: their faults are their own (see [`super::crash`]).
pub(crate) static IN_CHILD: AtomicBool = AtomicBool::new(false);

/// Where the plan comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A memfd, another file or a pipe; read by the child.
    Fd(RawFd),
    /// The parent's memory.
    Bytes(&'a [u8]),
}

/// What to start.
#[derive(Debug)]
pub struct Order<'a> {
    /// The plan.
    pub plan: Source<'a>,
    /// What its steps call descriptor 0, 1, …
    pub fds: &'a [RawFd],
    /// A pipe for the report, close-on-exec.
    pub report: RawFd,
    /// Execute this open file in place of the plan's path.
    pub exe: Option<RawFd>,
    /// The folder of the cgroup to be born in. Where the kernel knows no such birth, a step of the plan moves the child.
    pub cgroup: Option<RawFd>,
    /// Signals that this process ignores, as [`ignored`] tells them: the child takes them as usual.
    pub ignored: u64,
    /// Where the kernel notes its pid: no instruction lies between the fork and the note.
    pub pid: &'a AtomicI32,
    /// Don't copy the descriptor table at the fork: the child copies what lies below [`KEPT`], which holds all
    /// that is named here. They must stay open until the report's first byte.
    pub share: bool,
}

impl Order<'_> {
    /// Whether all that it names lies below [`KEPT`].
    fn is_low(&self) -> bool {
        let plan = if let Source::Fd(raw) = self.plan { Some(raw) } else { None };
        let others = [Some(self.report), self.exe, plan].into_iter().flatten();
        others.chain(self.fds.iter().copied()).all(|raw| raw < KEPT)
    }
}

/// Whether [`Order::share`] works here: `close_range` with `CLOSE_RANGE_UNSHARE`.
pub fn can_share() -> bool {
    close_range(RawFd::MAX, libc::CLOSE_RANGE_UNSHARE).is_ok()
}

/// Signals that this process ignores: bit 0 is signal 1. Handlers don't outlive an exec, but this does.
pub fn ignored() -> u64 {
    let is_ignored = |signal: &u32| {
        let mut action = [0usize; 4];
        // SAFETY: only asks; the kernel's own form of sigaction is four words.
        let asked = unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                *signal,
                std::ptr::null::<usize>(),
                action.as_mut_ptr(),
                size_of::<u64>(),
            )
        };
        asked == 0 && action.first() == Some(&libc::SIG_IGN)
    };
    (1..=64u32).filter(is_ignored).fold(0, |all, signal| all | 1 << (signal - 1))
}

/// Forks; the child's pid. The child never returns.
///
/// # Errors
/// As `fork(2)`.
pub fn start(order: &Order<'_>) -> Result<i32, Errno> {
    let flags = libc::CLONE_PARENT_SETTID | if order.share { libc::CLONE_FILES } else { 0 };
    let born = order.cgroup.and_then(|cgroup| fork_into(cgroup, flags, order.pid).ok());
    let joined = born.is_some();
    let pid = match born {
        Some(pid) => pid,
        // SAFETY: without CLONE_VM and with no new stack this is fork(2); the process has one thread. The kernel writes the
        // pid where it may change at any time.
        None => Errno::result(unsafe {
            libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, order.pid.as_ptr(), 0, 0)
        })?,
    };
    if pid != 0 {
        return Ok(i32::try_from(pid).unwrap_or(0));
    }
    IN_CHILD.store(true, Ordering::Relaxed);
    // The report's number here, once it is out of the way of the plan. On the stack, which is written anyway: a page of
    // the parent's costs a copy.
    let reports = Cell::new(order.report);
    let (stage, errno) = match run(order, joined, &reports) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    let mut report = [0u8; FAILURE_LEN];
    let [a, b, c, d] = errno.to_le_bytes();
    let [e, f] = stage.to_le_bytes();
    report.copy_from_slice(&[e, f, 0, 0, a, b, c, d]);
    say(reports.get(), &report);
    exit(127)
}

/// `CLONE_INTO_CGROUP`, which has no place in an `int` (Linux 5.7).
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// Forks into a cgroup. A process that moves there later has the kernel wait until no other is being forked, which may
/// take it milliseconds.
fn fork_into(cgroup: RawFd, flags: libc::c_int, pid: &AtomicI32) -> Result<libc::c_long, Errno> {
    // SAFETY: all zeroes is a value of these numbers.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    let number = |n: libc::c_int| u64::try_from(n).unwrap_or(0);
    args.flags = INTO_CGROUP | number(flags);
    args.exit_signal = number(libc::SIGCHLD);
    args.parent_tid = pid.as_ptr() as u64;
    args.cgroup = number(cgroup);
    // SAFETY: as in `start`; `args` is as long as is said.
    Errno::result(unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) })
}

/// Forks a child that calls `work` and exits with what it returns. It shares nothing with PID 1 but open files.
///
/// # Errors
/// As `fork(2)`.
pub fn fork_work(work: impl FnOnce() -> i32) -> Result<i32, Errno> {
    // SAFETY: as in `start`.
    let pid = Errno::result(unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) })?;
    if pid != 0 {
        return Ok(i32::try_from(pid).unwrap_or(0));
    }
    IN_CHILD.store(true, Ordering::Relaxed);
    exit(work())
}

fn exit(status: i32) -> ! {
    // SAFETY: ends the process without running anything of the parent's.
    unsafe { libc::_exit(status) }
}

fn say(fd: RawFd, bytes: &[u8]) {
    // SAFETY: writes from a live buffer. Short or failed writes can't be helped here.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
}

type Failure = (u16, i32);

/// The result of a call that gives -1 for failure.
fn check(result: libc::c_long) -> Result<i32, Errno> {
    Errno::result(result).map(|v| i32::try_from(v).unwrap_or(0))
}

fn run(order: &Order<'_>, joined: bool, report: &Cell<RawFd>) -> Result<std::convert::Infallible, Failure> {
    let at_fork = |e: Errno| (STAGE_FORK, e as i32);
    if order.share {
        // On failure the table is still the parent's: only the report may be touched.
        close_range(KEPT, libc::CLOSE_RANGE_UNSHARE).map_err(at_fork)?;
        say(order.report, &[DETACHED]);
    } else if order.is_low() {
        // A child that hangs on its way holds nothing open that is somebody else's. What stays goes at the exec.
        let _ = close_range(KEPT, 0);
    }
    let plan = match order.plan {
        Source::Bytes(bytes) => bytes,
        Source::Fd(fd) => read_plan(fd).map_err(at_fork)?,
    };
    let steps = Steps::new(plan).map_err(|_| at_fork(Errno::EBADMSG))?;
    let fds = out_of_the_way(order, highest_target(steps.clone()), report).map_err(at_fork)?;
    let mut state = Child { fds, exe: fds[MAX_FDS], joined, ignored: order.ignored, pid_names: [None; 4] };
    let mut last = 0;
    for (stage, step) in (0u16..).zip(steps) {
        last = stage;
        let step = step.map_err(|_| (stage, Errno::EBADMSG as i32))?;
        state.step(step).map_err(|e| (stage, e as i32))?;
    }
    // A plan without an execve as its last step.
    Err((last, libc::ENOEXEC))
}

/// The plan, read into memory of its own, whatever `fd` is: nothing the sender does later can change it.
fn read_plan(fd: RawFd) -> Result<&'static [u8], Errno> {
    let memory = scratch(MAX_LEN)?;
    let mut filled = 0;
    let mut from_start = true;
    while filled < MAX_LEN {
        // SAFETY: `memory` has `MAX_LEN` bytes, of which `filled` are used.
        let (at, room) = unsafe { (memory.add(filled), MAX_LEN - filled) };
        let offset = i64::try_from(filled).unwrap_or(0);
        // A pipe knows no offset.
        // SAFETY: `at` has `room` writable bytes.
        let got = unsafe {
            if from_start { libc::pread(fd, at.cast(), room, offset) } else { libc::read(fd, at.cast(), room) }
        };
        match Errno::result(got) {
            Ok(0) => break,
            Ok(n) => filled += usize::try_from(n).unwrap_or(0),
            Err(Errno::ESPIPE) if from_start => {
                from_start = false;
                // SAFETY: takes no pointers. The child may wait for the writer.
                unsafe { libc::fcntl(fd, libc::F_SETFL, 0) };
            }
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
    // SAFETY: mapped, filled so far, and never unmapped.
    Ok(unsafe { std::slice::from_raw_parts(memory, filled) })
}

fn scratch(length: usize) -> Result<*mut u8, Errno> {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at an address of the kernel's choice.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), length, access, flags, -1, 0) };
    if at == libc::MAP_FAILED { Err(Errno::last()) } else { Ok(at.cast()) }
}

/// The highest number that a step makes a descriptor of.
fn highest_target(steps: Steps<'_>) -> RawFd {
    let target = |step: Step<'_>| match step {
        Step::Fd { target, .. } | Step::Open { target, .. } => target,
        Step::Dup { to, .. } => to,
        _ => 0,
    };
    steps.flatten().map(target).max().unwrap_or(0).max(2)
}

/// Moves the order's descriptors above those the plan makes; the last place is the program to execute.
fn out_of_the_way(order: &Order<'_>, above: RawFd, report: &Cell<RawFd>) -> Result<[RawFd; MAX_FDS + 1], Errno> {
    let up = |raw: RawFd| {
        // SAFETY: takes no pointers.
        check(unsafe { libc::fcntl(raw, libc::F_DUPFD_CLOEXEC, above.saturating_add(1)) }.into())
    };
    let mut moved = [-1; MAX_FDS + 1];
    report.set(up(order.report)?);
    for (to, from) in moved.iter_mut().take(MAX_FDS).zip(order.fds) {
        *to = up(*from)?;
    }
    if let (Some(exe), Some(last)) = (order.exe, moved.last_mut()) {
        *last = up(exe)?;
    }
    Ok(moved)
}

struct Child<'a> {
    fds: [RawFd; MAX_FDS + 1],
    exe: RawFd,
    /// It was born in its cgroup.
    joined: bool,
    ignored: u64,
    pid_names: [Option<&'a CStr>; 4],
}

impl<'a> Child<'a> {
    fn step(&mut self, step: Step<'a>) -> Result<(), Errno> {
        // SAFETY (each call below): pointers are to NUL-ended strings or arrays of the plan, alive until exec.
        match step {
            // SAFETY: takes nothing.
            Step::Session => check(unsafe { libc::setsid() }.into()).map(drop),
            Step::Signals { ignore } => signals(self.ignored, ignore),
            Step::Fd { index, target } => {
                let from = self.fds.get(usize::from(index)).filter(|_| usize::from(index) < MAX_FDS);
                place(*from.ok_or(Errno::EBADF)?, target)
            }
            Step::Open { path, access, target } => open_as(path, access, target),
            Step::Tty { path, force, reset, hangup } => super::tty::take(path, force, reset, hangup),
            Step::Terminal { path, reset, hangup, clear } => {
                super::tty::prepare(path, reset, hangup, clear);
                Ok(())
            }
            Step::Dup { from, to } => place(from, to),
            Step::Limit { resource, soft, hard } => super::settings::limit(resource, soft, hard),
            Step::Umask { mask } => {
                // SAFETY: takes no pointers.
                unsafe { libc::umask(mask) };
                Ok(())
            }
            Step::Nice { value } => {
                // SAFETY: takes no pointers.
                check(unsafe { libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, value) }).map(drop)
            }
            Step::OomScore { value } => write_number(c"/proc/self/oom_score_adj", value.into()),
            Step::Cgroup { .. } if self.joined => Ok(()),
            Step::Cgroup { path, required } => match join_cgroup(path) {
                Err(e) if required => Err(e),
                _ => Ok(()),
            },
            Step::Groups { ids } => {
                let bytes = ids.as_bytes();
                // SAFETY: the kernel copies `bytes.len() / 4` little-endian u32s, of any alignment.
                check(unsafe { libc::syscall(libc::SYS_setgroups, bytes.len() / 4, bytes.as_ptr()) }).map(drop)
            }
            // SAFETY: takes no pointers.
            Step::Gid { id } => check(unsafe { libc::syscall(libc::SYS_setresgid, id, id, id) }).map(drop),
            // SAFETY: takes no pointers.
            Step::Uid { id } => check(unsafe { libc::syscall(libc::SYS_setresuid, id, id, id) }).map(drop),
            Step::Chroot { path } => {
                // SAFETY: a NUL-ended path.
                check(unsafe { libc::chroot(path.as_ptr()) }.into())?;
                // SAFETY: as above.
                check(unsafe { libc::chdir(c"/".as_ptr()) }.into()).map(drop)
            }
            // SAFETY: a NUL-ended path.
            Step::Chdir { path, optional } => match check(unsafe { libc::chdir(path.as_ptr()) }.into()) {
                Err(Errno::ENOENT) if optional => Ok(()),
                result => result.map(drop),
            },
            Step::PidEnv { name } => {
                let free = self.pid_names.iter_mut().find(|n| n.is_none()).ok_or(Errno::E2BIG)?;
                *free = Some(name);
                Ok(())
            }
            Step::Foreground => super::tty::foreground(),
            Step::Set { what, value } => super::settings::set(what, value),
            Step::Scheduler { policy, priority } => super::settings::schedule(policy, priority),
            Step::Affinity { cpus } => super::settings::pin(cpus.as_bytes()),
            Step::Folder { base, name, mode, uid, gid, always } => {
                super::folders::make(base, name, &super::folders::Wanted { mode, uid, gid, always })
            }
            Step::Link { base, name, target } => super::folders::link(base, name, target),
            Step::Remove { base, name } => super::folders::remove(base, name),
            Step::End => exit(0),
            Step::Exec { program, args, env } => self.exec(program, args, env),
        }
    }

    fn exec(&self, program: &CStr, args: Strings<'_>, env: Strings<'_>) -> Result<(), Errno> {
        let mut pids = [[0u8; 64]; 4];
        for (name, entry) in self.pid_names.iter().zip(pids.iter_mut()) {
            if let Some(name) = name {
                pid_entry(name, std::process::id(), entry)?;
            }
        }
        let mut places = [[std::ptr::null(); SHORT]; 2];
        let [argv, envp] = &mut places;
        let argv = pointers(args, argv, |text| text)?;
        let envp = pointers(env, envp, |text| {
            let wanted =
                |name: &Option<&CStr>| name.is_some_and(|n| text.to_bytes().iter().eq(n.to_bytes().iter().chain(b"=")));
            let place = self.pid_names.iter().position(wanted);
            place.and_then(|i| CStr::from_bytes_until_nul(pids.get(i)?).ok()).unwrap_or(text)
        })?;
        let (path, empty) = (program.as_ptr(), c"".as_ptr());
        // SAFETY: NULL-ended arrays of NUL-ended strings that live until exec.
        unsafe {
            if self.exe >= 0 {
                libc::syscall(libc::SYS_execveat, self.exe, empty, argv, envp, libc::AT_EMPTY_PATH);
            } else {
                libc::execve(path, argv, envp);
            }
        }
        Err(Errno::last())
    }
}

/// Writes `NAME=PID` and a NUL. By hand: what formats numbers lies elsewhere in the program, at a fault for each part.
fn pid_entry(name: &CStr, pid: u32, entry: &mut [u8]) -> Result<(), Errno> {
    let (mut digits, mut rest) = ([b'0'; 10], pid);
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    let number = digits.iter().skip_while(|digit| **digit == b'0');
    let mut room = entry.iter_mut();
    for byte in name.to_bytes().iter().chain(b"=").chain(number).chain(b"\0") {
        *room.next().ok_or(Errno::E2BIG)? = *byte;
    }
    Ok(())
}

/// Lists of fewer strings than this need no memory of their own.
const SHORT: usize = 64;

/// A NULL-ended array of pointers, in `room` or in memory of its own (an allocator may not be used here).
fn pointers<'t>(
    list: Strings<'t>,
    room: &mut [*const libc::c_char; SHORT],
    each: impl Fn(&'t CStr) -> &'t CStr,
) -> Result<*const *const libc::c_char, Errno> {
    let count = list.iter().count();
    let array = match count < SHORT {
        true => room.as_mut_ptr(),
        false => scratch((count + 1) * size_of::<*const libc::c_char>())?.cast(),
    };
    for (index, text) in list.iter().enumerate() {
        // SAFETY: the array has more than `count` places; those not written stay NULL.
        unsafe { array.add(index).write(each(text).as_ptr()) };
    }
    Ok(array)
}

/// From one set of ignored signals to another, and nothing is blocked any more.
fn signals(before: u64, ignore: u64) -> Result<(), Errno> {
    for signal in (1..=64u32).filter(|signal| (before ^ ignore) >> (signal - 1) & 1 == 1) {
        let ignored = ignore >> (signal - 1) & 1 == 1;
        // The kernel's own form of sigaction, since glibc keeps two signals to itself: handler, flags, restorer, mask.
        let action = [if ignored { libc::SIG_IGN } else { libc::SIG_DFL }, 0, 0, 0];
        let none = std::ptr::null_mut::<usize>();
        // SAFETY: plain dispositions, no handler. KILL and STOP are refused, which is right.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), none, size_of::<u64>()) };
    }
    // Not by the library's three functions for this, each in another part of the program: a page that a child is the first
    // to touch costs a fault.
    let (none, size) = (0_u64, size_of::<u64>());
    let before = std::ptr::null_mut::<u64>();
    // SAFETY: the kernel's own form of a set is that number; nothing is written.
    check(unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const none, before, size) })
        .map(drop)
}

/// Makes descriptor `from` also `target`, kept over exec.
pub(super) fn place(from: RawFd, target: RawFd) -> Result<(), Errno> {
    if from == target {
        // SAFETY: takes no pointers.
        return check(unsafe { libc::fcntl(from, libc::F_SETFD, 0) }.into()).map(drop);
    }
    // SAFETY: takes no pointers.
    check(unsafe { libc::dup2(from, target) }.into()).map(drop)
}

/// Opens `path`, close-on-exec.
pub(super) fn open(path: &CStr, flags: libc::c_int) -> Result<RawFd, Errno> {
    // SAFETY: a NUL-ended path; the mode goes with O_CREAT.
    check(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC | libc::O_NOCTTY, 0o644) }.into())
}

fn open_as(path: &CStr, access: Access, target: RawFd) -> Result<(), Errno> {
    let flags = match access {
        Access::Read => libc::O_RDONLY,
        Access::Write => libc::O_WRONLY | libc::O_CREAT,
        Access::Append => libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND,
        Access::Truncate => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
        Access::ReadWrite => libc::O_RDWR,
    };
    let opened = open(path, flags)?;
    place(opened, target)?;
    if opened != target {
        super::fd::close(opened);
    }
    Ok(())
}

/// Writes a number into a file of the kernel's.
pub(super) fn write_number(path: &CStr, value: i64) -> Result<(), Errno> {
    use std::io::Write;
    let mut text = [0u8; 24];
    let mut rest = text.as_mut_slice();
    write!(rest, "{value}").map_err(|_| Errno::EINVAL)?;
    let length = 24 - rest.len();
    let fd = open(path, libc::O_WRONLY)?;
    // SAFETY: the descriptor has just been opened; the text is alive.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let written = nix::unistd::write(borrowed, text.get(..length).unwrap_or(b""));
    super::fd::close(fd);
    written.map(drop)
}

/// Its buffer is longer than a page: on the stack of those who don't come here it would cost a fault.
#[inline(never)]
fn join_cgroup(path: &CStr) -> Result<(), Errno> {
    use std::io::Write;
    let mut name = [0u8; libc::PATH_MAX as usize];
    let mut rest = name.as_mut_slice();
    rest.write_all(path.to_bytes())
        .and_then(|()| rest.write_all(b"/cgroup.procs\0"))
        .map_err(|_| Errno::ENAMETOOLONG)?;
    write_number(CStr::from_bytes_until_nul(&name).map_err(|_| Errno::EINVAL)?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_ends_with_the_pid() {
        let mut entry = [b'x'; 16];
        for (pid, text) in [(7, c"A_PID=7"), (4_294_967, c"A_PID=4294967"), (100, c"A_PID=100")] {
            assert_eq!(pid_entry(c"A_PID", pid, &mut entry), Ok(()));
            assert_eq!(CStr::from_bytes_until_nul(&entry), Ok(text));
        }
        assert_eq!(pid_entry(c"A_LONGER_PID", 123, &mut entry), Err(Errno::E2BIG));
    }
}
