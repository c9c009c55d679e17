//! The one loop: signals, the manager's requests, children's reports, deadlines. It waits for events and nothing else.

use super::down::Down;
use super::keeper::{Keeper, MANAGER, RESCUE};
use super::link::{Got, Link};
use super::parked::Parked;
use super::recover;
use super::signals::Pending;
use super::slots::Slots;
use super::spawn::Spawner;
use super::table::Table;
use super::{Tag, adopt, tag, untag};
use crate::proto::pid1::{Exit, Life, Power};
use crate::stage::last::Final;
use crate::stage::manager::Launch;
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::process::{self, Ended, Reaper};
use crate::sys::shared::Field;
use crate::sys::signals::Signals;
use crate::sys::wait::monotonic_ms;
use nix::errno::Errno;
use std::ffi::CString;
use std::os::fd::OwnedFd;

/// Children reaped and requests read in one turn, so that neither keeps the other waiting.
const AT_ONCE: usize = 1024;
/// How long PID 1 waits for an answer to a signal that means shut down.
const GRACE_MS: u64 = 8000;
/// How often processes are looked at that nothing tells of.
const POLL_MS: u64 = 1000;

/// PID 1.
#[derive(Debug)]
pub struct Reactor {
    pub(super) table: &'static Table,
    pub(super) epoll: &'static Epoll,
    /// Where it was started from, and will be anew.
    pub(super) path: CString,
    signals: Signals,
    pub(super) slots: Slots,
    pub(super) parked: Parked,
    pub(super) pending: Pending,
    pub(super) link: Link,
    pub(super) spawner: Spawner,
    pub(super) keeper: Keeper,
    pub(super) down: Down,
    /// When to look at processes that nothing else tells of.
    poll_at: Option<u64>,
    reaper: Reaper,
    /// Requests may be left to read.
    more: bool,
}

impl Reactor {
    /// Takes up what the table holds: nothing at boot, everything after a re-execution.
    ///
    /// # Errors
    /// As `epoll_create1(2)` and `signalfd(2)`.
    pub fn new(table: &'static Table, path: CString, launch: Launch) -> Result<Self, Errno> {
        let signals = Signals::new()?;
        let epoll: &'static Epoll = Box::leak(Box::new(Epoll::new()?));
        epoll.add(&signals, Ready::EPOLLIN, tag(Tag::Signals, 0))?;
        let slots = Slots::new(table);
        for (index, slot, life) in slots.all() {
            let kind = if life == Life::Forked { Tag::Report } else { Tag::Process };
            epoll.add_recorded(&slot.watch, tag(kind, index));
        }
        Ok(Self {
            table,
            epoll,
            path,
            signals,
            slots,
            parked: Parked::new(table),
            pending: Pending::new(table),
            link: Link::new(table, epoll),
            spawner: Spawner::new(epoll),
            keeper: Keeper::new(table, launch),
            down: Down::new(table),
            poll_at: None,
            reaper: Reaper::default(),
            more: true,
        })
    }

    /// After a re-execution: finishes what the image before us may have begun.
    pub fn take_up(&mut self) {
        // It may have ended between the reaping and the recording.
        if let Some(ended) = process::in_flight(&self.table.head.in_flight) {
            self.exited(ended);
        }
        process::forget(&self.table.head.in_flight);
        if self.table.head.replace.get() == 1 {
            self.kill_manager();
        } else if let Some(request) = self.link.interrupted() {
            self.resume(request);
        }
        self.link.done();
        self.own_over();
        self.wake_manager();
        self.poll();
        if self.down.begun() {
            self.down.begin();
        }
    }

    /// Keeps a descriptor of PID 1's own (token 0).
    pub fn park(&mut self, name: &str, fd: OwnedFd) {
        let _ = self.parked.put(0, &crate::proto::pid1::Name::new(name), fd);
    }

    /// Whether this is not the init of a machine.
    pub(super) fn container(&self) -> bool {
        self.table.head.container.get() == 1
    }

    /// Runs until the end of the machine (or container).
    pub fn run(&mut self) -> Final {
        loop {
            self.reap();
            if std::mem::take(&mut self.more) {
                self.requests();
            }
            self.deadlines();
            if let Some(last) = self.down.last() {
                return last;
            }
            self.link.flush(&mut self.slots, &self.parked, &mut self.pending);
            recover::progress(self.table);
            let timeout = if self.more || self.reaper.has_more() { Some(0) } else { self.timeout() };
            let epoll = self.epoll;
            if epoll.wait(timeout, |data, _| self.happened(data)).is_err() {
                // Never seen; without a wait the loop would spin, so a new image makes a new set.
                recover::again(None);
            }
        }
    }

    fn happened(&mut self, data: u64) {
        match untag(data) {
            Some((Tag::Signals, _)) => self.signalled(),
            Some((Tag::Manager, _)) => self.more = true,
            Some((Tag::Report, index)) => self.spawner.reported(&mut self.slots, index),
            Some((Tag::Process, index)) => self.watched_ended(index),
            None => {}
        }
    }

    fn timeout(&self) -> Option<u64> {
        let (due, down) = (self.keeper.due(&self.slots), &self.down);
        let times = [due, self.link.deadline(), self.poll_at, down.deadline(), down.last_at(), self.reaper.due()];
        // The clock's fraction of a millisecond is cut off: one more, so as not to wake too early.
        Some(times.into_iter().flatten().min()?.saturating_sub(monotonic_ms()).saturating_add(1))
    }

    fn deadlines(&mut self) {
        let now = monotonic_ms();
        let due = |at: Option<u64>| at.is_some_and(|at| at <= now);
        if due(self.poll_at) {
            self.poll();
        }
        if due(self.link.deadline()) {
            self.kill_manager();
            self.link.progress();
        }
        let deadline = self.down.deadline();
        if due(deadline) || deadline.is_some_and(|at| self.keeper.is_alone_until(&self.slots, at)) {
            self.down.begin();
        }
        if due(self.keeper.due(&self.slots)) {
            self.keeper.start(&mut self.slots, &mut self.spawner, &mut self.link);
            // A fork that failed has nothing to be reaped.
            self.own_over();
        }
    }

    /// Those of PID 1's own that are over and still have a slot, for no exit tells of them (any more).
    fn own_over(&mut self) {
        for key in [MANAGER, RESCUE] {
            if let Some(index) = self.slots.find(key) {
                self.own_ended(index);
            }
        }
    }

    /// Looks at adopted processes that nothing tells of, and again in a second if there are any left.
    pub(super) fn poll(&mut self) {
        for (index, slot) in adopt::polled(&self.slots) {
            if adopt::is_gone(slot) {
                self.watched_ended(index);
            }
        }
        self.poll_at = adopt::polled(&self.slots).next().map(|_| monotonic_ms().saturating_add(POLL_MS));
    }

    fn kill_manager(&self) {
        if let Some(pid) = self.keeper.manager(&self.slots) {
            let _ = process::kill(pid, libc::SIGKILL);
        }
    }

    /// Lets a manager that somebody has stopped go on.
    fn wake_manager(&self) {
        if let Some(pid) = self.keeper.manager(&self.slots)
            && process::has_stopped(pid)
        {
            let _ = process::kill(pid, libc::SIGCONT);
        }
    }

    fn signalled(&mut self) {
        while let Some((signal, pid)) = self.signals.take() {
            if signal == libc::SIGCHLD {
                self.reaper.some_ended(pid);
                // Whom it names is reaped before another is.
                return self.wake_manager();
            }
            if let libc::SIGTSTP | libc::SIGCONT = signal {
                self.table.head.paused.set((signal == libc::SIGTSTP).into());
            }
            self.pending.came(signal);
            if let Some(how) = self.meaning(signal) {
                self.down.arm(how, 0, monotonic_ms().saturating_add(GRACE_MS), true);
            }
        }
    }

    /// Which end a signal asks for. On a machine SIGTERM asks for none, whether there is a manager or not.
    pub(super) fn meaning(&self, signal: i32) -> Option<Power> {
        match (signal.wrapping_sub(libc::SIGRTMIN()), signal) {
            (5, _) => Some(Power::Reboot),
            (4, _) => Some(Power::PowerOff),
            (3, _) => Some(Power::Halt),
            (_, libc::SIGINT | libc::SIGTERM) if self.container() => Some(Power::PowerOff),
            (_, libc::SIGINT) => Some(Power::Reboot),
            _ => None,
        }
    }

    fn reap(&mut self) {
        for _ in 0..AT_ONCE {
            let Some(ended) = self.reaper.next(&self.table.head.in_flight) else { return };
            self.exited(ended);
            process::forget(&self.table.head.in_flight);
        }
    }

    fn exited(&mut self, ended: Ended) {
        let exit = match ended.code {
            libc::CLD_EXITED => Exit::Code(ended.status),
            libc::CLD_DUMPED => Exit::Core(ended.status),
            _ => Exit::Signal(ended.status),
        };
        if let Some(index) = self.slots.by_pid(ended.pid) {
            self.spawner.ended(&mut self.slots, index, exit);
            self.own_ended(index);
        } else if !self.down.finished(ended.pid) {
            adopt::orphan(self.table, ended.pid, exit);
        }
    }

    /// The end of one of PID 1's own, which nobody acknowledges.
    fn own_ended(&mut self, index: usize) {
        let Some((slot, Life::Over(exit))) = self.slots.get(index) else { return };
        let key = slot.key();
        if key == MANAGER {
            // What it asked for before it died is done; its answers are lost.
            self.link.flush(&mut self.slots, &self.parked, &mut self.pending);
            while let Got::Request(..) | Got::Bad(..) = self.request() {}
            self.link.close();
            self.pending = Pending::new(self.table);
            self.keeper.gone();
        } else if key == RESCUE {
            self.keeper.rescued(exit);
        }
        if key.token == 0 {
            self.slots.free(index);
        }
    }

    /// A process that wasn't our child when it was adopted is over; perhaps it has become ours meanwhile.
    fn watched_ended(&mut self, index: usize) {
        let Some((slot, life)) = self.slots.get(index) else { return };
        if (slot.pidfd().is_none() && slot.polled.get() == 0) || matches!(life, Life::Over(_)) {
            return;
        }
        adopt::unwatch(slot, self.epoll);
        if process::is_child(slot.pid.get()) {
            self.reaper.some_ended(slot.pid.get());
        } else {
            self.slots.set(index, Life::Over(Exit::Unknown));
        }
    }

    fn requests(&mut self) {
        for _ in 0..AT_ONCE {
            match self.request() {
                Got::Request(..) | Got::Bad(..) => {}
                Got::Nothing => return,
                Got::Closed => {
                    // It lives, but can't be talked to.
                    self.kill_manager();
                    return self.link.close();
                }
            }
        }
        self.more = true;
    }
}
