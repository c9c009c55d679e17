//! Keeps the manager alive: starts it anew with growing delays; in a crash loop the last binary that worked, then a
//! login for the administrator. Services stay up all the while. Counters and times lie in the table.

use super::link::Link;
use super::slots::Slots;
use super::spawn::{Program, Spawner};
use super::table::Table;
use crate::proto::pid1::{Exit, Key, Life};
use crate::proto::plan::{Plan, Step, Strings};
use crate::stage::manager::Launch;
use crate::sys::child::Source;
use crate::sys::shared::Field;
use crate::sys::wait::monotonic_ms;
use crate::sys::{image, seqpacket};
use std::ffi::CStr;
use std::os::fd::AsRawFd;

/// The manager's slot.
pub const MANAGER: Key = Key { token: 0, step: 0 };
/// The administrator's login.
pub const RESCUE: Key = Key { token: 0, step: 1 };

const DELAYS_MS: [u64; 5] = [0, 100, 500, 2000, 10_000];
/// As many failures as there are delays mean the last binary that worked; one more, the login.
const LOOP: u32 = 5;
/// A manager that has worked this long isn't part of a crash loop.
const HEALTHY_MS: u64 = 10_000;
const RETRY_MS: u64 = 60_000;

/// The keeper.
#[derive(Debug)]
pub struct Keeper {
    table: &'static Table,
    launch: Launch,
}

impl Keeper {
    /// A keeper that goes on where the table says.
    pub fn new(table: &'static Table, launch: Launch) -> Self {
        Self { table, launch }
    }

    /// Pid of the manager, if there is one and it isn't over: then the pid may be another's.
    pub fn manager(&self, slots: &Slots) -> Option<i32> {
        let (slot, life) = slots.get(slots.find(MANAGER)?)?;
        Some(slot.pid.get()).filter(|pid| *pid > 1 && !matches!(life, Life::Over(_)))
    }

    /// When to start something, if nothing runs. In the end, and while paused, nothing more is started.
    pub fn due(&self, slots: &Slots) -> Option<u64> {
        let head = &self.table.head;
        let no_more = head.down_begun.get() == 1 || head.paused.get() == 1;
        let busy = slots.find(MANAGER).is_some() || slots.find(RESCUE).is_some();
        (!busy && !no_more).then(|| head.start_at_ms.get())
    }

    /// Whether there is no manager, and none will be started before `at`.
    pub fn is_alone_until(&self, slots: &Slots, at: u64) -> bool {
        slots.find(MANAGER).is_none() && self.due(slots).is_none_or(|due| due >= at)
    }

    fn again(&self, failures: u32, delay_ms: u64) {
        self.table.head.failures.set(failures);
        self.table.head.start_at_ms.set(monotonic_ms().saturating_add(delay_ms));
    }

    /// The manager is gone; a new one will be due.
    pub fn gone(&self) {
        let (head, now) = (&self.table.head, monotonic_ms());
        let ready_at = head.ready_at_ms.get();
        head.ready_at_ms.set(0);
        if ready_at > 0 && now.saturating_sub(ready_at) >= HEALTHY_MS {
            head.failures.set(0);
        }
        let failures = head.failures.get();
        if head.replace.get() == 1 {
            head.replace.set(0);
            self.again(failures, 0);
        } else {
            let delay = usize::try_from(failures).ok().and_then(|tried| DELAYS_MS.get(tried));
            self.again(failures.saturating_add(1), delay.copied().unwrap_or(0));
        }
    }

    /// The file that is to be run, or is running, in place of what is at the manager's path.
    fn kept(&self) -> Option<i32> {
        let head = &self.table.head;
        (head.failures.get() > LOOP && head.kept.raw() > 0).then(|| head.kept.raw())
    }

    /// Starts what is due: the manager, the last one that worked, or the administrator's login.
    pub fn start(&self, slots: &mut Slots, spawner: &mut Spawner, link: &mut Link) {
        let (head, kept) = (&self.table.head, self.kept());
        let most = LOOP.saturating_add(kept.is_some().into());
        if head.failures.get() > most {
            // Whatever comes of it: the manager once more, in a minute.
            self.again(LOOP, RETRY_MS);
            self.rescue(slots, spawner);
            return;
        }
        // If this fails, it is tried again as after a crash.
        head.start_at_ms.set(monotonic_ms().saturating_add(1000));
        let (Ok((ours, theirs)), Some(plan)) = (seqpacket::pair(), &self.launch.plan) else { return };
        link.open(ours);
        head.managers.set(head.managers.get().saturating_add(1));
        let program = Program { plan: Source::Bytes(plan), fds: &[theirs.as_raw_fd()], exe: kept, cgroup: None };
        let _ = spawner.own(slots, MANAGER, program);
    }

    /// The manager works: the file it runs from is worth keeping. No path is looked up, so that no file system can make
    /// PID 1 wait; and what replaces the file, the descriptor holds on to this one.
    pub fn ready(&self, slots: &Slots) {
        self.table.head.ready_at_ms.set(monotonic_ms());
        if let Some(file) = self.manager(slots).and_then(|pid| image::of(pid).ok()) {
            self.table.head.kept.put(file);
        }
    }

    fn rescue(&self, slots: &mut Slots, spawner: &mut Spawner) {
        let first = |paths: [&'static CStr; 2]| paths.into_iter().find(|path| nix::sys::stat::stat(*path).is_ok());
        let login = first([c"/sbin/sulogin", c"/usr/sbin/sulogin"]);
        // A shell for everyone only where nobody has a password anyway.
        let no_passwords = first([c"/etc/shadow", c"/etc/passwd"]).is_none();
        let Some(program) = login.or(no_passwords.then_some(c"/bin/sh")) else { return };
        let mut plan = Plan::default();
        plan.push(Step::Session);
        plan.push(Step::Signals { ignore: 0 });
        // Hung up first: a getty or a shell there would take half of what is typed.
        plan.push(Step::Tty { path: c"/dev/console", force: true, reset: true, hangup: true });
        plan.push(Step::Dup { from: 0, to: 1 });
        plan.push(Step::Dup { from: 0, to: 2 });
        let args = Strings::new(program.to_bytes_with_nul());
        plan.push(Step::Exec { program, args, env: Strings::new(&self.launch.env) });
        if let Some(plan) = plan.finish() {
            let program = Program { plan: Source::Bytes(&plan), fds: &[], exe: None, cgroup: None };
            let _ = spawner.own(slots, RESCUE, program);
        }
    }

    /// The administrator's login is over. One that ran has perhaps mended what was broken.
    pub fn rescued(&self, exit: Exit) {
        if !matches!(exit, Exit::NotRun { .. }) {
            self.again(0, 0);
        }
    }
}
