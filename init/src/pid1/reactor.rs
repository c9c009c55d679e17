//! The one loop: signals, the manager's requests, children's reports, deadlines. It waits for events and nothing else.

use super::down::Down;
use super::end::{End, Final};
use super::keeper::{Keeper, Launch, MANAGER, RESCUE};
use super::link::{Got, Link};
use super::parked::Parked;
use super::recover::{self, Memory};
use super::signals::Pending;
use super::slots::{self, Slots};
use super::spawn::Spawner;
use super::table::{Field, Table};
use super::{Tag, adopt, tag, untag};
use crate::proto::pid1::{Event, Exit, Key, Life, Power, Request, VERSION};
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::process::{self, Ended};
use crate::sys::seqpacket::Fds;
use crate::sys::signals::Signals;
use crate::sys::{args, fd};
use nix::errno::Errno;
use std::ffi::CString;
use std::os::fd::AsFd;

/// Children reaped and requests read in one turn, so that neither keeps the other waiting.
const AT_ONCE: usize = 1024;
/// How long PID 1 waits for an answer to a signal that means shut down.
const GRACE_MS: u64 = 8000;
/// How often processes are looked at that nothing tells of.
const POLL_MS: u64 = 1000;

/// PID 1.
#[derive(Debug)]
pub struct Reactor {
    table: &'static Table,
    epoll: &'static Epoll,
    container: bool,
    path: CString,
    signals: Signals,
    slots: Slots,
    parked: Parked,
    pending: Pending,
    link: Link,
    spawner: Spawner,
    keeper: Keeper,
    down: Down,
    end: Option<(End, u64)>,
    /// When to look at processes that nothing else tells of.
    poll_at: Option<u64>,
    /// Children may be left to reap, requests to read.
    more: bool,
}

impl Reactor {
    /// Takes up what the memory holds: nothing at boot, everything after a re-execution.
    ///
    /// # Errors
    /// As `epoll_create1(2)` and `signalfd(2)`.
    pub fn new(memory: &Memory, path: CString, launch: Launch) -> Result<Self, Errno> {
        let (table, signals) = (memory.table, Signals::new()?);
        let epoll: &'static Epoll = Box::leak(Box::new(Epoll::new()?));
        epoll.add(&signals, Ready::EPOLLIN, tag(Tag::Signals, 0))?;
        let slots = Slots::new(table);
        for (index, slot, _) in slots.all() {
            for (raw, kind) in [(slot.report.get(), Tag::Report), (slot.pidfd.get(), Tag::Process)] {
                if let Some(watched) = fd::borrow(raw).filter(|_| raw > 0) {
                    let _ = epoll.add(watched, Ready::EPOLLIN, tag(kind, index));
                }
            }
        }
        let mut reactor = Self {
            table,
            epoll,
            container: table.head.container.get() == 1,
            path,
            signals,
            slots,
            parked: Parked::new(table),
            pending: Pending::new(table),
            link: Link::new(table, epoll),
            spawner: Spawner::new(epoll),
            keeper: Keeper::new(table, launch),
            down: Down(table),
            end: None,
            poll_at: None,
            more: true,
        };
        if memory.again {
            reactor.take_up();
        }
        Ok(reactor)
    }

    fn take_up(&mut self) {
        // The image before us may have ended between the reaping and the recording.
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
        if let Some(pid) = self.keeper.manager(&self.slots)
            && process::has_stopped(pid)
        {
            let _ = process::kill(pid, libc::SIGCONT);
        }
        self.poll();
        if self.down.begun() {
            self.begin_end();
        }
    }

    /// A fault of ours has interrupted a request. Questions are answered now; of the rest the manager hears that it has
    /// to ask again (its descriptors are lost), unless a slot tells how far it came.
    fn resume(&mut self, request: Request) {
        let key = match request {
            Request::Hello { .. } | Request::Sync | Request::Fetch { .. } => {
                let _ = self.perform(request, Fds::default());
                return;
            }
            Request::Spawn { key } | Request::Adopt { key, .. } if self.slots.find(key).is_some() => return,
            Request::Spawn { key }
            | Request::Adopt { key, .. }
            | Request::Signal { key, .. }
            | Request::Ack { key } => key,
            Request::Park { token, .. } | Request::Drop { token, .. } => Key { token, step: 0 },
            _ => Key::default(),
        };
        self.refuse(request, key, Errno::EINTR);
    }

    fn refuse(&mut self, request: Request, key: Key, errno: Errno) {
        let frame = request.encode();
        let kind = frame.first_chunk::<2>().map_or(0, |bytes| u16::from_le_bytes(*bytes));
        self.link.answer(Event::Refused { kind, key, errno: errno as i32 }, None);
    }

    /// Keeps parked descriptors of PID 1's own (token 0), at boot.
    pub fn park(&mut self, name: &str, fd: std::os::fd::OwnedFd) {
        let _ = self.parked.put(0, &crate::proto::pid1::Name::new(name), fd);
    }

    /// Runs until the end of the machine (or container).
    pub fn run(&mut self) -> Final {
        loop {
            if let Some(end) = self.turn() {
                return end;
            }
        }
    }

    fn turn(&mut self) -> Option<Final> {
        if std::mem::take(&mut self.more) {
            let end = self.reap();
            if end.is_some() {
                return end;
            }
            self.requests();
        }
        let end = self.deadlines();
        if end.is_some() {
            return end;
        }
        self.link.flush(&mut self.slots, &self.parked, &mut self.pending);
        recover::progress(self.table);
        let timeout = if self.more { Some(0) } else { self.timeout() };
        let mut events = [None; 64];
        let mut places = events.iter_mut();
        let waited = self.epoll.wait(timeout, |data, _| {
            if let Some(place) = places.next() {
                *place = Some(data);
            }
        });
        if waited.is_err() {
            // Never seen; without a wait the loop would spin, so a new image makes a new set.
            recover::anew();
            return None;
        }
        for data in events.into_iter().flatten() {
            match untag(data) {
                Some((Tag::Signals, _)) => self.signalled(),
                Some((Tag::Manager, _)) => self.more = true,
                Some((Tag::Report, index)) => self.spawner.reported(&mut self.slots, index),
                Some((Tag::Process, index)) => self.watched_ended(index),
                None => {}
            }
        }
        None
    }

    fn timeout(&self) -> Option<u64> {
        let end = self.end.as_ref().map(|(_, at)| *at);
        let times = [self.keeper.due(&self.slots), self.link.deadline(), self.down.deadline(), end, self.poll_at];
        let next = times.into_iter().flatten().min()?;
        // The clock's fraction of a millisecond is cut off: one more, so as not to wake too early.
        Some(next.saturating_sub(process::now_ms()).saturating_add(1))
    }

    fn deadlines(&mut self) -> Option<Final> {
        let now = process::now_ms();
        let due = |at: Option<u64>| at.is_some_and(|at| at <= now);
        if due(self.poll_at) {
            self.poll();
        }
        if due(self.link.deadline()) {
            self.kill_manager();
            self.link.progress();
        }
        if due(self.down.deadline()) {
            self.begin_end();
        }
        if due(self.keeper.due(&self.slots)) {
            self.keeper.start(&mut self.slots, &mut self.spawner, &mut self.link);
            for key in [MANAGER, RESCUE] {
                // A fork that failed has nothing to be reaped.
                if let Some(index) = self.slots.find(key) {
                    self.own_ended(index);
                }
            }
        }
        self.end.as_ref().filter(|(_, at)| *at <= now).map(|(end, _)| end.last())
    }

    /// Looks at adopted processes that nothing tells of, and again in a second if there are any left.
    fn poll(&mut self) {
        for index in adopt::polled(&self.slots) {
            if adopt::is_gone(&self.slots, index) {
                self.watched_ended(index);
            }
        }
        let left = adopt::polled(&self.slots).next().is_some();
        self.poll_at = left.then(|| process::now_ms().saturating_add(POLL_MS));
    }

    fn kill_manager(&self) {
        if let Some(pid) = self.keeper.manager(&self.slots) {
            let _ = process::kill(pid, libc::SIGKILL);
        }
    }

    fn signalled(&mut self) {
        while let Some(signal) = self.signals.take() {
            if signal == libc::SIGCHLD {
                self.more = true;
                if let Some(pid) = self.keeper.manager(&self.slots)
                    && process::has_stopped(pid)
                {
                    let _ = process::kill(pid, libc::SIGCONT);
                }
                continue;
            }
            self.pending.came(signal);
            let how = match signal.checked_sub(libc::SIGRTMIN()) {
                Some(5) => Some(Power::Reboot),
                Some(4) => Some(Power::PowerOff),
                Some(3) => Some(Power::Halt),
                _ if signal == libc::SIGINT && !self.container => Some(Power::Reboot),
                _ if matches!(signal, libc::SIGINT | libc::SIGTERM) => Some(Power::PowerOff),
                _ => None,
            };
            if let Some(how) = how {
                self.down.arm(how, 0, process::now_ms().saturating_add(GRACE_MS), true);
            }
        }
    }

    fn reap(&mut self) -> Option<Final> {
        for _ in 0..AT_ONCE {
            match process::reap(0, &self.table.head.in_flight) {
                Ok(Some(ended)) => {
                    let end = self.exited(ended);
                    process::forget(&self.table.head.in_flight);
                    if end.is_some() {
                        return end;
                    }
                }
                Ok(None) | Err(_) => return None,
            }
        }
        self.more = true;
        None
    }

    fn exited(&mut self, ended: Ended) -> Option<Final> {
        let exit = match ended.code {
            libc::CLD_EXITED => Exit::Code(ended.status),
            libc::CLD_DUMPED => Exit::Core(ended.status),
            _ => Exit::Signal(ended.status),
        };
        let Some(index) = self.slots.by_pid(ended.pid) else {
            let done = self.end.as_mut().and_then(|(end, _)| end.child_exited(ended.pid));
            if done.is_none() && !self.keeper.copied(ended.pid, exit) {
                adopt::orphan(self.table, ended.pid, exit);
            }
            return done;
        };
        adopt::unwatch(&self.slots, self.epoll, index);
        self.spawner.ended(&mut self.slots, index, exit);
        self.own_ended(index);
        None
    }

    /// The end of one of PID 1's own, which nobody acknowledges.
    fn own_ended(&mut self, index: usize) {
        let Some((slot, Life::Over(exit))) = self.slots.get(index) else { return };
        let key = slots::key(slot);
        if key == MANAGER {
            // What it asked for before it died is done; its answers are lost.
            self.link.flush(&mut self.slots, &self.parked, &mut self.pending);
            while let Got::Request(..) | Got::Bad(..) = self.request() {}
            self.link.close();
            self.pending.tell_all();
        }
        if key.token == 0 {
            self.slots.free(index);
        }
        match key {
            MANAGER => self.keeper.gone(),
            RESCUE => self.keeper.rescued(exit),
            _ => {}
        }
    }

    /// A process that wasn't our child when it was adopted is over; perhaps it has become ours meanwhile.
    fn watched_ended(&mut self, index: usize) {
        let Some((slot, life)) = self.slots.get(index) else { return };
        if (slot.pidfd.get() <= 0 && slot.polled.get() == 0) || matches!(life, Life::Over(_)) {
            return;
        }
        if process::is_child(slot.pid.get()) {
            self.more = true;
            adopt::unwatch(&self.slots, self.epoll, index);
            return;
        }
        adopt::unwatch(&self.slots, self.epoll, index);
        self.slots.set(index, Life::Over(Exit::Unknown));
    }

    fn requests(&mut self) {
        for _ in 0..AT_ONCE {
            match self.request() {
                Got::Request(..) | Got::Bad(..) => {}
                Got::Nothing => return,
                Got::Closed => {
                    // It lives, but can't be talked to.
                    self.kill_manager();
                    self.link.close();
                    return;
                }
            }
        }
        self.more = true;
    }

    /// Reads one request and does what it says.
    fn request(&mut self) -> Got {
        let got = self.link.receive();
        match got {
            Got::Request(request, fds) => {
                if let Err((key, errno)) = self.perform(request, fds) {
                    self.refuse(request, key, errno);
                }
                self.link.done();
                recover::progress(self.table);
                Got::Request(request, Fds::default())
            }
            Got::Bad(kind, errno) => {
                let key = Key::default();
                self.link.answer(Event::Refused { kind, key, errno: errno as i32 }, None);
                self.link.done();
                Got::Bad(kind, errno)
            }
            other => other,
        }
    }

    fn perform(&mut self, request: Request, mut fds: Fds) -> Result<(), (Key, Errno)> {
        let of = |token: u64| Key { token, step: 0 };
        match request {
            Request::Hello { .. } => self.welcome(),
            Request::Ready => self.keeper.ready(),
            Request::Sync => self.link.sync(),
            Request::Spawn { key } => {
                self.outside(key)?;
                self.spawner.requested(&mut self.slots, key, fds).map_err(|e| (key, e))?;
            }
            Request::Signal { key, signal, group } => {
                self.outside(key)?;
                let index = self.slots.find(key).ok_or((key, Errno::ESRCH))?;
                adopt::signal(&self.slots, index, signal, group).map_err(|e| (key, e))?;
            }
            Request::Adopt { key, pid, start_time } => {
                self.outside(key)?;
                adopt::adopt(self.table, &mut self.slots, self.epoll, key, pid, start_time).map_err(|e| (key, e))?;
                self.poll();
            }
            Request::Ack { key } => self.acknowledged(key)?,
            Request::Park { token, name } => {
                let fd = fds.take(0).filter(|_| !name.as_bytes().is_empty()).ok_or((of(token), Errno::EINVAL))?;
                self.parked.put(token, &name, fd).map_err(|e| (of(token), e))?;
            }
            Request::Fetch { token, name } => {
                let found = self.parked.get(token, &name).and_then(|fd| fd::duplicate(fd.as_fd()).ok());
                self.link.answer(Event::Fd { token, name, found: found.is_some() }, found);
            }
            Request::Drop { token, name } => self.parked.close(token, &name),
            Request::Title { text } => {
                self.table.head.title.set(&text);
                args::set_title(text.as_bytes());
            }
            Request::Down { how, deadline_ms, status } => {
                self.down.arm(how, status, process::now_ms().saturating_add(deadline_ms.into()), false);
            }
            Request::End { how, status } => {
                self.down.arm(how, status, process::now_ms(), false);
            }
            Request::Reexec => {
                self.table.head.replace.set(1);
                recover::reexec(&self.path);
                self.table.head.replace.set(0);
                return Err((Key::default(), Errno::ENOEXEC));
            }
            Request::AckSignal { signal } => {
                self.pending.acknowledged(signal);
                self.link.progress();
                self.down.answered();
            }
        }
        Ok(())
    }

    /// Token 0 is PID 1's own.
    fn outside(&self, key: Key) -> Result<(), (Key, Errno)> {
        if key.token == 0 { Err((key, Errno::EPERM)) } else { Ok(()) }
    }

    fn acknowledged(&mut self, key: Key) -> Result<(), (Key, Errno)> {
        self.outside(key)?;
        // Acknowledged twice is no error: a new manager can't know what the one before still sent.
        let Some(index) = self.slots.find(key) else { return Ok(()) };
        match self.slots.get(index) {
            Some((_, Life::Over(_))) => {
                self.slots.free(index);
                self.link.progress();
                Ok(())
            }
            _ => Err((key, Errno::EBUSY)),
        }
    }

    fn welcome(&mut self) {
        let head = &self.table.head;
        let event = Event::Welcome {
            version: VERSION,
            managers: head.managers.get().saturating_sub(1),
            reexecs: head.reexecs.get(),
            container: self.container,
            booted_ms: head.booted_ms.get(),
            down: self.down.told(),
        };
        self.link.answer(event, None);
        self.link.greet();
    }

    /// The end: from here on it is the finishing child's work, and PID 1 only waits for it.
    fn begin_end(&mut self) {
        let Some((how, status)) = self.down.wanted() else { return };
        let first = !self.down.begun();
        self.down.begin();
        self.keeper.stop();
        if first && !self.container {
            recover::into_memory();
        }
        let mut end = End::new(how, status, self.container);
        // Without a child for the work there is only the last step left, at once.
        let time = if end.start().is_ok() { end.deadline_ms() } else { 0 };
        self.end = Some((end, process::now_ms().saturating_add(time)));
    }
}
