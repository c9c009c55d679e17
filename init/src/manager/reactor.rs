//! The event loop: waits, hands what is ready to its owner, lets the core decide, sends what came of it.

use super::census::Census;
use super::link::Gone;
use super::logger;
use super::state::Manager;
use super::watch::{Change, Why};
use super::{helper, holds, panel};
use crate::core::{Event, FIRST_TOKEN, Phase, UnitId};
use crate::proto::logger as logger_proto;
use crate::proto::pid1::{self, Event as Pid1Event, Exit, Key, Life, Name, Request, STAGE_FORK};
use crate::sys::epoll::Ready;
use crate::sys::wait;
use crate::unit::UnitName;
use nix::errno::Errno;
use std::collections::BTreeSet;

const TAG: u64 = 0xff << 56;
const LINK: u64 = 1 << 56;
const LISTENER: u64 = 2 << 56;
/// The tag of clients' events; the rest is the client's id.
pub const CLIENT: u64 = 3 << 56;
/// The tag of notify sockets' events; the rest is the instance.
pub const NOTIFY: u64 = 4 << 56;
const FILES: u64 = 5 << 56;
const LOGGER: u64 = 6 << 56;
/// The tag of readiness pipes' events; the rest is the instance.
pub const READY: u64 = 7 << 56;

/// A turn that takes longer than this many seconds ends the manager (`SIGALRM`); PID 1 starts a new one.
const TURN_SECONDS: u32 = 30;
/// Step numbers from here up are strays being watched for their end, not processes of the core's.
pub(super) const STRAY: u32 = 0x8000_0000;
/// A fault of PID 1 came between the fork and its record.
const INTERRUPTED: Exit = Exit::NotRun { stage: STAGE_FORK, errno: Errno::EINTR as i32 };
/// PID 1 has no descriptor left.
const SHORT: [i32; 2] = [Errno::EMFILE as i32, Errno::ENFILE as i32];
/// Clients' calls answered in a row, so that one client can't hold the loop.
const MAX_CALLS: usize = 32;
/// Events of PID 1's that are handled as of one moment.
const EVENTS: usize = 256;
/// Pause before strays that can't be watched are looked at again, in milliseconds.
const STRAY_DELAY: u64 = 200;
/// Datagrams read in one go from a notify socket, so that a flood can't hold the loop.
const BURST: usize = 64;
/// The same before an exit is handled: more than any socket's queue holds.
const LAST_BURST: usize = 4096;
/// New clients wait this long where descriptors have run out, in milliseconds.
const ACCEPT_DELAY: u64 = 1_000;
/// A process that hasn't come to run its program after this long is told of as it stands, in milliseconds.
const FORKED_DELAY: u64 = 50;

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
        nix::unistd::alarm::set(TURN_SECONDS);
        while !self.over {
            self.turn();
        }
        self.logger.flush();
    }

    fn turn(&mut self) {
        std::mem::take(&mut self.unplanned).into_iter().for_each(|event| self.push(event));
        self.due();
        self.settle();
        self.hand_over_going();
        self.tell_followers();
        self.end_if_logged();
        self.send_all();
        self.spawn_crowd();
        self.settle();
        self.send_all();
        self.watch_for_room();
        if std::mem::take(&mut self.spare) {
            self.tidy();
        }
        let due = self.next_deadline().map(|at| at.saturating_sub(wait::now_ms()));
        let again = [due, self.link.out().again_in(), self.logger.out().again_in()];
        let timeout = if self.has_more() { Some(0) } else { again.into_iter().flatten().min() };
        let mut ready: Vec<(u64, Ready)> = Vec::with_capacity(16);
        self.locale.take();
        nix::unistd::alarm::cancel();
        let waited = self.epoll.wait(timeout, |data, events| ready.push((data, events)));
        nix::unistd::alarm::set(TURN_SECONDS);
        self.recorder.look();
        if waited.is_err() {
            self.over = true;
            return;
        }
        // Notify sockets before exits: what a service said before it ended counts.
        ready.sort_by_key(|(data, _)| (!matches!(data & TAG, NOTIFY | READY), *data));
        for (data, what) in ready {
            self.dispatch_ready(data, what);
            self.settle();
        }
        // What came in while something else was awaited, and calls that one turn had no room for.
        if self.link.has_early() {
            self.read_link();
        }
        for client in self.server.take_again() {
            self.serve_client(client, false);
        }
    }

    /// There is work that no descriptor tells of.
    fn has_more(&self) -> bool {
        self.link.has_early() || self.server.has_more() || !self.unplanned.is_empty()
    }

    fn dispatch_ready(&mut self, data: u64, what: Ready) {
        let id = data & !TAG;
        match data & TAG {
            LINK => self.read_link(),
            LISTENER => self.accept(),
            CLIENT => self.serve_client(id, what.intersects(Ready::EPOLLHUP | Ready::EPOLLERR)),
            NOTIFY => self.read_notify(id, BURST),
            READY => self.read_ready(id),
            FILES => self.read_changes(),
            LOGGER => self.read_logger(),
            _ => {}
        }
    }

    /// Only what waits for room in a socket is woken by room in it.
    fn watch_for_room(&mut self) {
        let interest = |waiting: bool| if waiting { Ready::EPOLLIN | Ready::EPOLLOUT } else { Ready::EPOLLIN };
        if let Some(waiting) = self.link.out_mut().watch() {
            let _ = self.epoll.modify(self.link.fd(), interest(waiting), LINK);
        }
        if let Some(waiting) = self.logger.out_mut().watch() {
            let _ = self.epoll.modify(self.logger.fd(), interest(waiting), LOGGER);
        }
    }

    fn next_deadline(&self) -> Option<u64> {
        let going = self.going.map(|g| g.show_at);
        let lookups = self.lookups.next_deadline();
        let all = [
            self.core.next_deadline(),
            going,
            lookups,
            self.removals.next_deadline(),
            self.looks.next_deadline(),
            self.logger_due,
            self.strays_due,
            self.tell_due,
            self.accept_due,
            self.held.deadline(),
            self.crowd.next_deadline(),
            self.generator.next_deadline(),
            self.switches.next_deadline(),
            self.forked.values().map(|(_, due)| *due).min(),
        ];
        all.into_iter().flatten().min()
    }

    fn due(&mut self) {
        let now = wait::now_ms();
        if self.core.next_deadline().is_some_and(|at| at <= now) {
            self.push(Event::Tick);
        }
        self.logger_if_due(now);
        if self.strays_due.is_some_and(|at| at <= now) {
            self.strays_due = None;
            let watched: Vec<(u64, UnitId)> = self.watched.iter().map(|(token, unit)| (*token, *unit)).collect();
            for (token, unit) in watched {
                self.watch_group(unit, token);
            }
        }
        if self.held.deadline().is_some_and(|at| at <= now) {
            let told = self.held.give_up();
            self.tell(told);
        }
        if self.tell_due.is_some_and(|at| at <= now) {
            self.tell_due = None;
            self.tell_news();
        }
        if self.accept_due.is_some_and(|at| at <= now) {
            self.accept_due = None;
            if let Some(listener) = self.server.listener() {
                let _ = self.epoll.modify(listener, Ready::EPOLLIN, LISTENER);
            }
        }
        let late: Vec<(Key, i32)> =
            self.forked.iter().filter(|(_, (_, due))| *due <= now).map(|(key, (pid, _))| (*key, *pid)).collect();
        late.into_iter().for_each(|(key, pid)| self.on_slot(key, pid, Life::Forked));
        self.lookups_due(now);
        self.removals_due(now);
        self.looks_due(now);
        self.generator_due(now);
        self.switch_due(now);
        self.show_holders();
    }

    /// New clients. Where descriptors have run out the others are let be for a while: they would wake us all the time.
    fn accept(&mut self) {
        if self.server.accept(&self.epoll, CLIENT) {
            return;
        }
        if let Some(listener) = self.server.listener() {
            let _ = self.epoll.modify(listener, Ready::empty(), LISTENER);
            self.accept_due = Some(wait::now_ms().saturating_add(ACCEPT_DELAY));
        }
    }

    fn read_link(&mut self) {
        loop {
            match self.link.next_events(EVENTS) {
                Ok(events) => {
                    let all = events.len() < EVENTS;
                    self.census = Some(Census::default());
                    events.into_iter().for_each(|event| self.on_pid1(event));
                    self.census = None;
                    if all {
                        return;
                    }
                }
                Err(Gone) => {
                    self.over = true;
                    return;
                }
            }
        }
    }

    /// Something from PID 1.
    pub fn on_pid1(&mut self, event: Pid1Event) {
        match event {
            // What it runs is told next, mostly, and with the same pid.
            Pid1Event::Slot { key, pid, life: Life::Forked, .. }
                if key.token >= FIRST_TOKEN && key.step & STRAY == 0 =>
            {
                self.known.note(pid, Life::Forked);
                self.forked.insert(key, (pid, wait::now_ms().saturating_add(FORKED_DELAY)));
            }
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
        self.note_own(key, pid, life);
        self.note_end(pid, life);
        self.forked.remove(&key);
        if key.token == logger::TOKEN {
            return self.on_logger_slot(key, life);
        }
        if helper::is_helper(key.token) {
            if key.token == panel::TOKEN {
                self.on_panel(key, life);
            }
            if let Life::Over(exit) = life {
                self.link.send(Request::ack(&[key]), Vec::new());
                self.on_helper_over(key, exit);
            }
            return;
        }
        if key.step & STRAY != 0 {
            return self.on_stray(key, pid, life);
        }
        if self.core.token_unit(key.token).is_none() {
            if matches!(life, Life::Over(_)) {
                self.link.send(Request::ack(&[key]), Vec::new());
            }
            return;
        }
        if life == Life::Over(INTERRUPTED) && self.core.birth(key).is_some() {
            self.link.send(Request::ack(&[key]), Vec::new());
            return self.ask_again(key);
        }
        let short = matches!(life, Life::Over(Exit::NotRun { errno, .. }) if SHORT.contains(&errno));
        if short && self.spawn_again(key) {
            return self.link.send(Request::ack(&[key]), Vec::new());
        }
        self.crowd.settled(key);
        if let Life::Over(exit) = life {
            let view = self.core.token_unit(key.token).map(|id| self.core.view(id));
            if pid > 0 && view.is_some_and(|v| v.main_pid != Some(pid) && v.control_pid != Some(pid)) {
                // It may have ended before we were told which it is.
                self.push(Event::Process { key, pid, life: Life::Forked });
                self.settle();
            }
            self.read_notify(key.token, LAST_BURST);
            self.read_ready(key.token);
            self.remember_failure(key, exit);
            self.note_seat(key, Some(exit));
        }
        self.push(Event::Process { key, pid, life });
        self.settle();
        if life == Life::Running {
            self.sites.forget_one(key);
            self.note_seat(key, None);
        }
        // What remains after its exit says nothing more: its last line is complete, with or without a newline.
        let exited = |id: UnitId| self.core.view(id).phase == Phase::Exited;
        if matches!(life, Life::Over(_)) && self.core.token_unit(key.token).is_some_and(exited) {
            let token = self.instances.get(&key.token).map_or(key.token, |i| i.logs);
            self.logger.send(logger_proto::Request::Dry { token }, None);
        }
        self.hear_again(key.token);
    }

    /// A process that is watched only for its end. PID 1 keeps one slot for a process: where the core has since taken it
    /// for a main process, this is that one's end too.
    fn on_stray(&mut self, key: Key, pid: i32, life: Life) {
        if !matches!(life, Life::Over(_)) {
            return;
        }
        let unit = self.core.token_unit(key.token);
        if let Some(view) = unit.map(|id| self.core.view(id))
            && view.main_pid == Some(pid)
            && let Some(key) = view.main_key
        {
            self.read_notify(key.token, LAST_BURST);
            self.read_ready(key.token);
            self.push(Event::Process { key, pid, life });
            self.settle();
        }
        self.link.send(Request::ack(&[key]), Vec::new());
        if let Some(unit) = self.watched.get(&key.token).copied() {
            self.watch_group(unit, key.token);
        }
    }

    /// A request of ours was refused. Only a process that can't be started or taken over concerns the core: one that has
    /// a slot already is being told by that slot, one that was to be signalled is over.
    fn on_refused(&mut self, kind: u16, key: Key, errno: i32) {
        let is = |request: Request| pid1::kind(&request.encode()) == kind;
        let spawn = is(Request::Spawn { key, cgroup: false });
        let adopt = is(Request::Adopt { key, pid: 0, start_time: 0 });
        let again = errno == Errno::EINTR as i32;
        if key.token == holds::TOKEN {
            self.on_unwatched(key, errno);
        } else if key.step & STRAY != 0 {
            match self.watched.get(&key.token).copied() {
                Some(unit) if errno == Errno::ESRCH as i32 => self.watch_group(unit, key.token),
                // It can't be watched: no event will tell of its end.
                Some(_) if errno != Errno::EEXIST as i32 => {
                    let at = wait::now_ms().saturating_add(STRAY_DELAY);
                    self.strays_due = Some(self.strays_due.map_or(at, |before| before.min(at)));
                }
                _ => {}
            }
        } else if helper::is_short(key.token) && spawn {
            self.on_helper_over(key, Exit::NotRun { stage: STAGE_FORK, errno });
        } else if key.token == panel::TOKEN && spawn {
            self.on_panel(key, Life::Over(Exit::NotRun { stage: STAGE_FORK, errno }));
        } else if key.token == logger::TOKEN && spawn {
            self.logger_again();
        } else if again && is(Request::ack(&[key])) {
            self.link.send(Request::ack(&[key]), Vec::new());
        } else if again && (spawn || adopt) {
            self.ask_again(key);
        } else if spawn && SHORT.contains(&errno) && self.spawn_again(key) {
            // It waits.
        } else if is(Request::Park { token: 0, name: Name::new("") }) && errno == Errno::EMFILE as i32 {
            self.park_again(key.token);
        } else if spawn && errno == Errno::ECANCELED as i32 && self.core.token_unit(key.token).is_some() {
            self.hold_back(key);
        } else if errno != Errno::EEXIST as i32 && (spawn || adopt) && self.core.token_unit(key.token).is_some() {
            let exit = if adopt { Exit::Unknown } else { Exit::NotRun { stage: STAGE_FORK, errno } };
            self.crowd.settled(key);
            self.remember_failure(key, exit);
            self.push(Event::Process { key, pid: 0, life: Life::Over(exit) });
        }
    }

    /// Answers what a client has sent. `hung_up`: it is gone altogether; what it asked for before that counts.
    fn serve_client(&mut self, id: u64, hung_up: bool) {
        if !self.server.serve(id) {
            return self.forget_client(id);
        }
        let mut room = MAX_CALLS;
        while let Some((call, rights)) = self.server.next_call(id) {
            if let Some(call) = self.hold_call(id, call, rights) {
                self.answer(id, &call, rights);
            }
            self.settle();
            room -= 1;
            if room == 0 {
                return self.server.come_back(id);
            }
        }
        if hung_up {
            self.server.drop_client(id);
            self.forget_client(id);
        } else {
            self.server.settle(&self.epoll, CLIENT, id);
        }
    }

    /// Reads what has changed in files since the last look, before a request that depends on it.
    pub fn refresh_changed(&mut self) {
        self.read_changes();
        self.settle();
    }

    fn read_changes(&mut self) {
        let Ok(changes) = self.watcher.read() else {
            return self.look_everywhere();
        };
        let (mut units, mut parts, mut levels) = (Vec::new(), false, false);
        let (mut appeared, mut daemons) = (false, Vec::new());
        for Change { why, file } in changes {
            match why {
                Why::Units => units.push(file),
                Why::Parts => {
                    units.push(file);
                    parts = true;
                }
                Why::Levels => levels = true,
                Why::Appears(_) => appeared = true,
                Why::Sources(_) => self.generator.changed(),
                Why::Daemons => daemons.extend(file),
                Why::Locks => file.iter().for_each(|file| self.look_at_lock(file)),
                Why::Cgroup(token) => self.look_at_group(token),
                Why::PidFile(token) => self.look_at_pid_file(token),
            }
        }
        if !daemons.is_empty() {
            self.look_for_daemons(&daemons);
        }
        if appeared {
            return self.reload_all();
        }
        if !units.is_empty() && (parts || !self.files_changed(&units)) {
            self.units_changed(&units);
            levels = true;
        }
        if levels {
            self.watch_folders();
            self.read_levels();
        }
    }

    fn look_at_group(&mut self, token: u64) {
        if let Some(unit) = self.watched.get(&token).copied() {
            self.watch_group(unit, token);
        }
    }

    fn look_at_pid_file(&mut self, token: u64) {
        if let Some(unit) = self.pid_files.get(&token).copied() {
            self.read_pid_file(unit, token);
        }
    }

    /// Events about files were lost: whatever is waited for may have happened.
    fn look_everywhere(&mut self) {
        self.reload_all();
        for token in self.watched.keys().copied().collect::<Vec<_>>() {
            self.look_at_group(token);
        }
        for token in self.pid_files.keys().copied().collect::<Vec<_>>() {
            self.look_at_pid_file(token);
        }
    }

    /// Files in folders of units changed, and it is plain which: only these are looked at and read. `false`: more than
    /// that has changed.
    fn files_changed(&mut self, files: &[Option<std::ffi::OsString>]) -> bool {
        let Some(changed) = self.loader.refresh(files.iter().map(Option::as_deref)) else { return false };
        let instances = |name: &UnitName| -> Vec<UnitName> {
            let all = self.core.ids().map(|id| self.core.name(id));
            all.filter(|n| n.template().as_ref() == Some(name)).cloned().collect()
        };
        let names: BTreeSet<UnitName> = changed
            .into_iter()
            .flat_map(|name| if name.is_template() { instances(&name) } else { vec![name] })
            .collect();
        for name in &names {
            self.poison.forgive(name.as_str());
        }
        self.redefine(names.into_iter().collect());
        true
    }

    /// Reads the units again whose files changed: those of the files' names, their instances; drop-ins' owners by folder.
    fn units_changed(&mut self, files: &[Option<std::ffi::OsString>]) {
        let before: BTreeSet<UnitName> = self.loader.names().into_iter().collect();
        let aliases = self.loader.alias_table();
        let gathers = self.scan_units();
        if aliases != self.loader.alias_table() {
            // What other units refer to by such a name is another unit now.
            return self.reload_all();
        }
        let texts = || files.iter().flatten().filter_map(|f| f.to_str());
        // By their own names: an alias's file may be a script's, whose place another unit has.
        let named = texts().filter_map(|f| UnitName::new(f.strip_suffix(".d").unwrap_or(f)).ok());
        let stems: BTreeSet<UnitName> = named.flat_map(|name| [self.loader.canonical(name.clone()), name]).collect();
        let is_drop_in = texts().any(|f| f.ends_with(".conf")) || files.iter().any(Option::is_none);
        let concerned = |name: &UnitName| {
            let one_of = |name: &UnitName| stems.contains(name) || gathers.contains(name);
            one_of(name)
                || name.template().is_some_and(|t| one_of(&t))
                || is_drop_in && (self.loader.has_drop_ins(name) || self.has_drop_in_now(name))
        };
        let known = self.core.ids().map(|id| self.core.name(id)).filter(|n| concerned(n)).cloned();
        let new = self.loader.names().into_iter().filter(|n| !before.contains(n));
        let names: BTreeSet<UnitName> = known.chain(new).collect();
        for name in &names {
            self.poison.forgive(name.as_str());
        }
        self.redefine(names.into_iter().collect());
        self.watch_daemons();
    }

    /// The unit of a token, while the core knows it.
    pub fn unit_of(&self, token: u64) -> Option<UnitId> {
        self.core.token_unit(token)
    }
}
