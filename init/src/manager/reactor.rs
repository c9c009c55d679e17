//! The event loop: waits, hands what is ready to its owner, lets the core decide, sends what came of it.

use super::instance::parked;
use super::logger::{self, Logger};
use super::notify::{self, Said};
use super::state::Manager;
use super::watch::{Change, Why};
use crate::core::{Event, Notice, UnitId};
use crate::proto::logger::{Answer, Stream};
use crate::proto::pid1::{self, Event as Pid1Event, Exit, Key, Life, Request, STAGE_FORK};
use crate::sys::epoll::Ready;
use crate::sys::wait;
use crate::unit::UnitName;
use nix::errno::Errno;
use std::os::fd::AsFd;

const TAG: u64 = 0xff << 56;
const LINK: u64 = 1 << 56;
const LISTENER: u64 = 2 << 56;
/// The tag of clients' events; the rest is the client's id.
pub const CLIENT: u64 = 3 << 56;
/// The tag of notify sockets' events; the rest is the instance.
pub const NOTIFY: u64 = 4 << 56;
const FILES: u64 = 5 << 56;
const LOGGER: u64 = 6 << 56;

/// A turn that takes longer than this many seconds ends the manager (`SIGALRM`); PID 1 starts a new one.
const TURN_SECONDS: u32 = 30;
/// Step numbers from here up are strays being watched for their end, not processes of the core's.
const STRAY: u32 = 0x8000_0000;
/// A fault of PID 1 came between the fork and its record.
const INTERRUPTED: Exit = Exit::NotRun { stage: STAGE_FORK, errno: Errno::EINTR as i32 };
/// Clients' calls answered in a row, so that one client can't hold the loop.
const MAX_CALLS: usize = 32;
/// A logger that ended is started again after this long, in milliseconds.
const LOGGER_DELAY: u64 = 200;

impl Manager {
    /// Registers what is always there.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn register(&mut self) -> Result<(), nix::errno::Errno> {
        self.epoll.add(self.link.fd(), Ready::EPOLLIN, LINK)?;
        self.epoll.add(self.watcher.fd(), Ready::EPOLLIN, FILES)?;
        self.epoll.add(self.logger.fd(), Ready::EPOLLIN, LOGGER)?;
        if let Some(listener) = self.server.listener() {
            self.epoll.add(listener, Ready::EPOLLIN, LISTENER)?;
        }
        Ok(())
    }

    /// Goes round until PID 1 is gone.
    pub fn run(&mut self) {
        while !self.over {
            self.turn();
        }
    }

    fn turn(&mut self) {
        nix::unistd::alarm::set(TURN_SECONDS);
        self.due();
        self.settle();
        self.link.flush();
        self.logger.flush();
        self.watch_for_room();
        let timeout = self.next_deadline().map(|at| at.saturating_sub(wait::now_ms()));
        let mut ready: Vec<(u64, Ready)> = Vec::with_capacity(16);
        nix::unistd::alarm::cancel();
        let waited = self.epoll.wait(timeout, |data, events| ready.push((data, events)));
        nix::unistd::alarm::set(TURN_SECONDS);
        if waited.is_err() {
            self.over = true;
            return;
        }
        // Notify sockets before exits: what a service said before it ended counts.
        ready.sort_by_key(|(data, _)| (data & TAG != NOTIFY, *data));
        for (data, _) in ready {
            self.dispatch_ready(data);
            self.settle();
        }
    }

    fn dispatch_ready(&mut self, data: u64) {
        let id = data & !TAG;
        match data & TAG {
            LINK => self.read_link(),
            LISTENER => self.server.accept(&self.epoll, CLIENT),
            CLIENT => self.serve_client(id),
            NOTIFY => self.read_notify(id),
            FILES => self.read_changes(),
            LOGGER => self.read_logger(),
            _ => {}
        }
    }

    /// Only what waits for room in a socket is woken by room in it.
    fn watch_for_room(&mut self) {
        let interest = |waiting: bool| if waiting { Ready::EPOLLIN | Ready::EPOLLOUT } else { Ready::EPOLLIN };
        let _ = self.epoll.modify(self.link.fd(), interest(self.link.is_waiting()), LINK);
        let _ = self.epoll.modify(self.logger.fd(), interest(self.logger.is_waiting()), LOGGER);
    }

    fn next_deadline(&self) -> Option<u64> {
        let going = self.going.map(|g| g.show_at);
        [self.core.next_deadline(), going, self.logger_due, self.held.deadline()].into_iter().flatten().min()
    }

    fn due(&mut self) {
        let now = wait::now_ms();
        if self.core.next_deadline().is_some_and(|at| at <= now) {
            self.push(Event::Tick);
        }
        if self.logger_due.is_some_and(|at| at <= now) {
            self.logger_due = None;
            self.start_logger();
        }
        if self.held.deadline().is_some_and(|at| at <= now) {
            let told = self.held.give_up();
            self.tell(told);
        }
        self.show_holders();
    }

    fn read_link(&mut self) {
        loop {
            match self.link.next() {
                Ok(Some(event)) => self.on_pid1(event),
                Ok(None) => return,
                Err(_) => {
                    self.over = true;
                    return;
                }
            }
        }
    }

    /// Something from PID 1.
    pub fn on_pid1(&mut self, event: Pid1Event) {
        match event {
            Pid1Event::Slot { key, pid, life, .. } => self.on_slot(key, pid, life),
            Pid1Event::Signal { signal, .. } => {
                self.on_signal(signal);
                self.settle();
                self.link.send(Request::AckSignal { signal }, Vec::new());
            }
            Pid1Event::Refused { kind, key, errno } => self.on_refused(kind, key, errno),
            // Answers to what is asked only while starting.
            Pid1Event::Welcome { .. } | Pid1Event::Parked { .. } | Pid1Event::SyncEnd { .. } | Pid1Event::Fd { .. } => {
            }
        }
    }

    /// A process changed its state.
    pub fn on_slot(&mut self, key: Key, pid: i32, life: Life) {
        if key.token == logger::TOKEN {
            return self.on_logger_slot(key, life);
        }
        if key.step & STRAY != 0 || self.core.token_unit(key.token).is_none() {
            if matches!(life, Life::Over(_)) {
                self.link.send(Request::Ack { key }, Vec::new());
                if let Some(unit) = self.watched.get(&key.token).copied() {
                    self.watch_group(unit, key.token);
                }
            }
            return;
        }
        if life == Life::Over(INTERRUPTED) && self.spawns.contains_key(&key) {
            self.link.send(Request::Ack { key }, Vec::new());
            return self.spawn_again(key);
        }
        if let Life::Over(exit) = life {
            self.read_notify(key.token);
            self.settle();
            self.remember_failure(key, exit);
        }
        self.push(Event::Process { key, pid, life });
        self.settle();
        if life == Life::Running {
            self.spawns.remove(&key);
        }
    }

    /// A request of ours was refused. A process that has a slot already is being told by that slot; one that a fault of
    /// PID 1 came in the way of is asked for again.
    fn on_refused(&mut self, kind: u16, key: Key, errno: i32) {
        if self.core.token_unit(key.token).is_none() || key.step & STRAY != 0 || errno == Errno::EEXIST as i32 {
            return;
        }
        let is = |request: Request| pid1::kind(&request.encode()) == kind;
        if is(Request::Spawn { key }) {
            if errno == Errno::EINTR as i32 && self.spawns.contains_key(&key) {
                return self.spawn_again(key);
            }
            let exit = Exit::NotRun { stage: STAGE_FORK, errno };
            self.remember_failure(key, exit);
            self.push(Event::Process { key, pid: 0, life: Life::Over(exit) });
        } else if is(Request::Adopt { key, pid: 0, start_time: 0 }) {
            self.push(Event::Process { key, pid: 0, life: Life::Over(Exit::Unknown) });
        }
    }

    fn on_logger_slot(&mut self, key: Key, life: Life) {
        if !matches!(life, Life::Over(_)) {
            return;
        }
        self.link.send(Request::Ack { key }, Vec::new());
        if key == self.logger_key && self.logger_due.is_none() {
            self.logger_due = Some(wait::now_ms().saturating_add(LOGGER_DELAY));
        }
    }

    /// Reads an instance's notify socket dry.
    fn read_notify(&mut self, token: u64) {
        let Some(socket) = self.instances.get(&token).and_then(|i| i.notify.as_ref()) else { return };
        let (said, _) = notify::drain(socket.as_fd());
        let mut notices = Vec::with_capacity(said.len());
        for one in said {
            match one {
                Said::Notice(notice) => notices.push(notice),
                Said::MainPid(pid) => {
                    let stat = super::procs::stat(pid).filter(|_| self.owns(token, pid));
                    notices.extend(stat.map(|s| Notice::MainPid { pid, start_time: s.start_time }));
                }
            }
        }
        if !notices.is_empty() {
            self.push(Event::Notify { token, notices });
        }
    }

    fn serve_client(&mut self, id: u64) {
        let alive = self.server.serve(id);
        for _ in 0..MAX_CALLS {
            let Some((call, rights)) = self.server.next_call(id) else { break };
            self.answer(id, &call, rights);
            self.settle();
        }
        if alive {
            self.server.settle(&self.epoll, CLIENT, id);
        } else {
            self.forget_client(id);
        }
    }

    /// Reads what has changed in files since the last look, before a request that depends on it.
    pub fn refresh_changed(&mut self) {
        self.read_changes();
        self.settle();
    }

    fn read_changes(&mut self) {
        let Ok(changes) = self.watcher.read() else {
            self.reload_all();
            return;
        };
        let (mut units, mut levels) = (Vec::new(), false);
        for Change { why, file } in changes {
            match why {
                Why::Units => units.push(file),
                Why::Levels => levels = true,
                Why::Cgroup(token) => {
                    if let Some(unit) = self.watched.get(&token).copied() {
                        self.watch_group(unit, token);
                    }
                }
                Why::PidFile(token) => {
                    if let Some(unit) = self.pid_files.get(&token).copied() {
                        self.read_pid_file(unit, token);
                    }
                }
            }
        }
        if !units.is_empty() {
            self.units_changed(&units);
            levels = true;
        }
        if levels {
            self.read_levels();
            self.watch_folders();
        }
    }

    /// Reads the units again whose files changed: those of the files' names, their instances; drop-ins' owners by folder.
    fn units_changed(&mut self, files: &[Option<std::ffi::OsString>]) {
        let before = self.loader.names();
        self.loader.scan();
        let mut stems: Vec<&str> = files.iter().flatten().filter_map(|f| f.to_str()).collect();
        stems.sort_unstable();
        let is_drop_in = stems.iter().any(|f| f.ends_with(".conf")) || files.iter().any(Option::is_none);
        let known: Vec<UnitName> = self.core.ids().map(|id| self.core.name(id).clone()).collect();
        let concerned = |name: &UnitName| {
            let template = name.template();
            is_drop_in && self.loader.has_drop_ins(name)
                || stems.iter().any(|f| {
                    let f = f.strip_suffix(".d").unwrap_or(f);
                    f == name.as_str() || template.as_ref().is_some_and(|t| t.as_str() == f)
                })
        };
        let mut names: Vec<UnitName> =
            known.into_iter().filter(|n| concerned(n) || (is_drop_in && self.has_drop_in_now(n))).collect();
        names.extend(self.loader.names().into_iter().filter(|n| !before.contains(n)));
        names.sort();
        names.dedup();
        for name in &names {
            self.poison.forgive(name.as_str());
        }
        self.redefine(names);
    }

    /// The definition in use came with drop-ins: one of them may be gone.
    fn has_drop_in_now(&self, name: &UnitName) -> bool {
        let Some(id) = self.core.id(name) else { return false };
        match self.core.view(id).on_disk {
            crate::core::Loaded::Good(unit) => unit.files.len() > 1,
            _ => true,
        }
    }

    fn read_logger(&mut self) {
        while let Some(answer) = self.logger.next() {
            match answer {
                Answer::Ended { token } => {
                    let told = self.held.logged(token);
                    self.tell(told);
                }
                Answer::Closed { token, stream } => {
                    self.pipes.remove(&(token, stream));
                    self.link.unpark(token, parked::read_end(stream));
                }
            }
        }
    }

    /// Starts the logger's process with its parked socket, and gives it every parked pipe.
    pub fn start_logger(&mut self) {
        self.spawn_logger();
        for (token, name, stream) in self.log_pipes() {
            let fetched = self.link.fetch(token, parked::read_end(stream));
            match fetched {
                Ok(Some(pipe)) => self.logger.open(token, stream, &name, pipe),
                Ok(None) => {}
                Err(_) => self.over = true,
            }
        }
    }

    /// The pipes that may still be written to: token, unit's short name, stream.
    fn log_pipes(&self) -> Vec<(u64, String, Stream)> {
        self.pipes.iter().map(|((token, stream), name)| (*token, name.clone(), *stream)).collect()
    }

    /// Makes a logger link anew where none was parked.
    ///
    /// # Errors
    /// As `socketpair(2)`, or `ENOTCONN` when PID 1 is gone.
    pub fn logger_link(link: &mut super::link::Link) -> Result<Logger, nix::errno::Errno> {
        match Logger::reopen(link) {
            Ok(Some(logger)) => Ok(logger),
            Ok(None) => Logger::create(link),
            Err(_) => Err(nix::errno::Errno::ENOTCONN),
        }
    }

    /// The unit of a token, while the core knows it.
    pub fn unit_of(&self, token: u64) -> Option<UnitId> {
        self.core.token_unit(token)
    }
}
