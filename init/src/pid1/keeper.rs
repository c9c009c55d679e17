//! Keeps the manager alive: starts it anew with growing delays; in a crash loop the last binary that worked, then a
//! login for the administrator. Services stay up all the while.

use super::link::Link;
use super::slots::Slots;
use super::spawn::{Own, Spawner};
use super::table::{Field, Table};
use crate::proto::pid1::{Exit, Key};
use crate::proto::plan::{Plan, Step, Strings};
use crate::sys::{child, fd, memfd, process, seqpacket};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};

/// The manager's slot.
pub const MANAGER: Key = Key { token: 0, step: 0 };
/// The administrator's login.
pub const RESCUE: Key = Key { token: 0, step: 1 };

const DELAYS_MS: [u64; 5] = [0, 100, 500, 2000, 10_000];
/// A manager that has worked this long isn't part of a crash loop.
const HEALTHY_MS: u64 = 10_000;
const RETRY_MS: u64 = 60_000;

/// What the manager is started with.
#[derive(Debug)]
pub struct Launch {
    /// Its file.
    pub path: CString,
    /// Its arguments, the zeroth too.
    pub args: Vec<CString>,
    /// Its environment.
    pub env: Vec<CString>,
}

/// The keeper. Counters and times lie in the table.
#[derive(Debug)]
pub struct Keeper {
    table: &'static Table,
    launch: Launch,
    ready_at: Option<u64>,
    /// A child that copies the binary that works, and the copy.
    copying: Option<(i32, OwnedFd)>,
    from_kept: bool,
    /// `sulogin` isn't there.
    no_login: bool,
    /// The machine ends: nothing is started any more.
    over: bool,
}

impl Keeper {
    /// A keeper that goes on where the table says.
    pub fn new(table: &'static Table, launch: Launch) -> Self {
        Self { table, launch, ready_at: None, copying: None, from_kept: false, no_login: false, over: false }
    }

    /// Starts nothing more.
    pub fn stop(&mut self) {
        self.over = true;
    }

    /// Pid of the manager, if there is one.
    pub fn manager(&self, slots: &Slots) -> Option<i32> {
        let (slot, _) = slots.get(slots.find(MANAGER)?)?;
        Some(slot.pid.get()).filter(|pid| *pid > 1)
    }

    /// When to start something.
    pub fn due(&self, slots: &Slots) -> Option<u64> {
        let busy = self.over || slots.find(MANAGER).is_some() || slots.find(RESCUE).is_some();
        (!busy).then(|| self.table.head.start_at_ms.get())
    }

    /// The manager is gone; a new one will be due.
    pub fn gone(&mut self) {
        let (head, now) = (&self.table.head, process::now_ms());
        if self.ready_at.take().is_some_and(|at| now.saturating_sub(at) >= HEALTHY_MS) {
            head.failures.set(0);
        }
        if head.replace.get() == 1 {
            head.replace.set(0);
            head.start_at_ms.set(now);
            return;
        }
        let failures = head.failures.get();
        let delay = usize::try_from(failures).ok().and_then(|i| DELAYS_MS.get(i)).copied().unwrap_or(0);
        head.start_at_ms.set(now.saturating_add(delay));
        head.failures.set(failures.saturating_add(1));
    }

    /// Starts what is due: the manager, its last good copy, or the administrator's login.
    pub fn start(&mut self, slots: &mut Slots, spawner: &mut Spawner, link: &mut Link) {
        let head = &self.table.head;
        let tried = usize::try_from(head.failures.get()).unwrap_or(usize::MAX);
        let kept = head.kept.get();
        let loops = tried > DELAYS_MS.len();
        if loops && (kept <= 0 || self.from_kept) {
            self.from_kept = false;
            self.rescue(slots, spawner);
            return;
        }
        self.from_kept = loops;
        // If this fails, it is tried again as after a crash.
        head.start_at_ms.set(process::now_ms().saturating_add(1000));
        let Ok((ours, theirs)) = seqpacket::pair() else { return };
        let (args, env) = (joined(&self.launch.args), joined(&self.launch.env));
        let mut plan = Plan::default();
        plan.push(Step::Session);
        plan.push(Step::Signals { ignore: 0 });
        plan.push(Step::Fd { index: 0, target: 3 });
        let (args, env) = (Strings::new(&args), Strings::new(&env));
        plan.push(Step::Exec { program: &self.launch.path, args, env });
        let Some(plan) = plan.finish() else { return };
        let own = Own { plan: &plan, fds: &[theirs.as_raw_fd()], exe: self.from_kept.then_some(kept) };
        link.open(ours);
        head.managers.set(head.managers.get().saturating_add(1));
        let _ = spawner.own(slots, MANAGER, &own);
    }

    /// The manager works: its binary is worth keeping. A child copies it, for files may be slow.
    pub fn ready(&mut self) {
        self.ready_at = Some(process::now_ms());
        if self.from_kept || self.copying.is_some() {
            return;
        }
        let Ok(copy) = memfd::create(c"init-manager") else { return };
        let path = self.launch.path.clone();
        if let Ok(pid) = child::fork_work(|| i32::from(!copy_file(&path, &copy))) {
            self.copying = Some((pid, fd::keep(copy)));
        }
    }

    /// A child without a slot has ended; `true` if it was the one that copied.
    pub fn copied(&mut self, pid: i32, exit: Exit) -> bool {
        let Some((_, copy)) = self.copying.take_if(|(copier, _)| *copier == pid) else { return false };
        if exit == Exit::Code(0) {
            let before = self.table.head.kept.get();
            self.table.head.kept.set(fd::keep_raw(copy));
            if before > 0 {
                fd::close(before);
            }
        }
        true
    }

    fn rescue(&mut self, slots: &mut Slots, spawner: &mut Spawner) {
        // A shell for everyone only where nobody has a password anyway.
        let passwords = [c"/etc/shadow", c"/etc/passwd"].iter().any(|p| exists(p));
        if self.no_login && passwords {
            self.retry();
            return;
        }
        let login = [c"/sbin/sulogin", c"/usr/sbin/sulogin"].into_iter().find(|path| exists(path));
        let program = if self.no_login { c"/bin/sh" } else { login.unwrap_or(c"/sbin/sulogin") };
        let (args, env) = (joined(&[program.to_owned()]), joined(&self.launch.env));
        let mut plan = Plan::default();
        plan.push(Step::Session);
        plan.push(Step::Signals { ignore: 0 });
        // Hung up first: a getty or a shell there would take half of what is typed.
        plan.push(Step::Tty { path: c"/dev/console", force: true, reset: true, hangup: true });
        plan.push(Step::Dup { from: 0, to: 1 });
        plan.push(Step::Dup { from: 0, to: 2 });
        let (args, env) = (Strings::new(&args), Strings::new(&env));
        plan.push(Step::Exec { program, args, env });
        let Some(plan) = plan.finish() else { return };
        self.retry();
        let _ = spawner.own(slots, RESCUE, &Own { plan: &plan, fds: &[], exe: None });
    }

    /// The manager once more, in a minute.
    fn retry(&mut self) {
        self.table.head.start_at_ms.set(process::now_ms().saturating_add(RETRY_MS));
        self.table.head.failures.set(u32::try_from(DELAYS_MS.len()).unwrap_or(0));
    }

    /// The administrator's login is over.
    pub fn rescued(&mut self, exit: Exit) {
        match exit {
            Exit::NotRun { errno: libc::ENOENT, stage: 5 } if !self.no_login => {
                self.no_login = true;
                self.table.head.failures.set(u32::MAX);
                self.table.head.start_at_ms.set(process::now_ms());
            }
            Exit::NotRun { .. } => self.retry(),
            _ => {
                self.table.head.failures.set(0);
                self.table.head.start_at_ms.set(process::now_ms());
            }
        }
    }
}

fn exists(path: &CStr) -> bool {
    nix::sys::stat::stat(path).is_ok()
}

fn joined(texts: &[CString]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.as_bytes_with_nul()).copied().collect()
}

/// Copies the file at `path`; whether that worked.
fn copy_file(path: &CStr, to: &OwnedFd) -> bool {
    let flags = nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_CLOEXEC;
    let Ok(from) = nix::fcntl::open(path, flags, nix::sys::stat::Mode::empty()) else { return false };
    let Ok(to) = to.try_clone() else { return false };
    std::io::copy(&mut std::fs::File::from(from), &mut std::fs::File::from(to)).is_ok()
}
