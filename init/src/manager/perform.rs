//! Carries out what the core has decided.

use super::accounts::Wish;
use super::console::Change;
use super::control::{Told, status};
use super::instance::{self, parked};
use super::machine::Purpose;
use super::state::Manager;
use super::{procs, sentence};
use crate::core::{Action, Event, ExitRecord, JobResult, Loaded, Outcome, Phase, RequestId, State, UnitId, View};
use crate::log::read;
use crate::proto::control::JobEnd;
use crate::proto::logger;
use crate::proto::pid1::{Key, Name, Request};
use crate::sys::{file, wait};
use crate::unit::name::Kind;
use crate::unit::{KillMode, ServiceType, Unit, UnitName};
use std::path::{Path, PathBuf};

/// Progress of a request is told at most this often, in milliseconds.
const TELL_MS: u64 = 50;
/// An automatic restart that comes within this time is soon, in milliseconds.
const SOON_MS: u64 = 1_000;
/// Log lines shown with a failure.
const LOG_LINES: usize = 5;

/// The key by which a process is watched for its end alone. It can't clash with the core's steps: these count from 0.
fn stray(token: u64, pid: i32) -> Key {
    Key { token, step: 0x8000_0000 | u32::try_from(pid).unwrap_or(0) }
}

impl Manager {
    /// One action.
    pub fn perform(&mut self, action: Action) {
        match action {
            Action::Spawn { unit, key, kind, index, main_pid } => {
                self.spawn_soon(Wish { unit, key, kind, index, main_pid });
            }
            Action::Check { unit, token } => self.check(unit, token),
            Action::Signal { unit, token, key, signal } => self.signal(unit, token, key, signal),
            Action::ReadPidFile { unit, token } => self.read_pid_file(unit, token),
            Action::Adopt { key, pid, start_time, .. } => {
                self.known.peopled(key);
                self.link.send(Request::Adopt { key, pid, start_time }, Vec::new());
            }
            Action::Watch { unit, token } => self.watch_group(unit, token),
            Action::Await { pid, start_time } => self.await_holder(pid, start_time),
            Action::Finished { unit, token, definition } => self.finished(unit, token, &definition),
            Action::Changed { unit, state, outcome } => self.changed(unit, state, outcome.as_ref()),
            Action::JobDone { request, unit, result } => self.job_done(request, unit, result),
            Action::RequestDone { request } => self.request_done(request),
            Action::LevelReached { from, to } => self.level_reached(from, to),
            Action::CycleBroken { members, dropped } => self.cycle_broken(&members, dropped),
            Action::EssentialOver { unit, status } => self.essential_over(unit, status),
            Action::EndMachine { unit, action, occasion, status } => self.brought_down(unit, action, occasion, status),
            Action::AllDown { how } => self.all_down(how),
        }
    }

    fn signal(&mut self, unit: UnitId, token: u64, key: Option<Key>, signal: i32) {
        self.signal_waiting(token, key, signal);
        self.signal_held(token, key, signal);
        if signal == libc::SIGKILL {
            self.say_kill(unit);
        }
        self.signal_crowd(token, key, signal);
        if let Some(key) = key {
            // A script hangs in what it runs: its own process group is meant, from which daemons have parted.
            let view = self.core.view(unit);
            let service = status::definition(&view).map(|u| &u.service);
            let script = service.is_some_and(|s| s.kind == ServiceType::Script) && view.control_key == Some(key);
            let group = script || service.is_some_and(|s| s.kill_mode == KillMode::Group);
            let stray = self.stray_of(unit, key);
            for key in [Some(key), stray].into_iter().flatten() {
                self.link.send(Request::Signal { key, signal, group }, Vec::new());
            }
            return;
        }
        // Our own children by their slots: one that is still on its way to exec has not joined the cgroup yet. It keeps the
        // signal pending until its plan unblocks it.
        let view = self.core.view(unit);
        let own = [view.main_pid, view.control_pid];
        let stray = view.main_key.and_then(|key| self.stray_of(unit, key));
        let keys: Vec<Key> = [view.main_key, stray, view.control_key].into_iter().flatten().collect();
        for key in &keys {
            self.link.send(Request::Signal { key: *key, signal, group: false }, Vec::new());
        }
        if !keys.is_empty() || !self.is_vacant(unit, token) {
            self.spread.add(unit, token, signal, own);
        }
    }

    /// The slot that an adopted main process may have instead of its own: it was watched as a stray before it was known to
    /// be the main one, and PID 1 keeps one slot for a process. The other key is refused, so it is signalled once.
    fn stray_of(&self, unit: UnitId, key: Key) -> Option<Key> {
        let view = self.core.view(unit);
        let service = status::definition(&view).map(|u| &u.service)?;
        let adopted = matches!(service.kind, ServiceType::Forking | ServiceType::Script) && view.main_key == Some(key);
        view.main_pid.filter(|_| adopted).map(|pid| stray(key.token, pid))
    }

    /// Whether a process belongs to an instance's unit.
    pub fn owns(&self, token: u64, pid: i32) -> bool {
        let Some(unit) = self.core.token_unit(token) else { return false };
        match &self.tree {
            Some(tree) => tree.contains(self.core.name(unit).as_str(), pid),
            None => self.members(token).contains(&pid),
        }
    }

    /// Says [`Event::Empty`] now, or when the group's file or the processes' ends tell.
    pub fn watch_group(&mut self, unit: UnitId, token: u64) {
        let name = self.core.name(unit).as_str().to_owned();
        let vacant = self.is_vacant(unit, token);
        let empty = match &self.tree {
            _ if vacant => true,
            Some(tree) => {
                // Watch first: what becomes empty between the two would be missed otherwise.
                let watched = self.watcher.add(&tree.events(&name), super::watch::Why::Cgroup(token));
                let left = if watched || tree.is_empty(&name) { Vec::new() } else { tree.pids(&name) };
                // No more watches to be had: the processes' own ends tell as well.
                tree.is_empty(&name) || (!watched && !self.watch_pids(token, &left))
            }
            None => {
                let left = self.members_at_event(token);
                !self.watch_pids(token, &left)
            }
        };
        if empty {
            self.watched.remove(&token);
            self.watcher.remove(&super::watch::Why::Cgroup(token));
            self.push(Event::Empty { token });
        } else {
            self.watched.insert(token, unit);
        }
    }

    /// Has PID 1 watch stray processes, so that their end reaches us. `false`: there are none.
    fn watch_pids(&mut self, token: u64, pids: &[i32]) -> bool {
        let mut watched = false;
        for pid in pids {
            let Some(stat) = procs::stat(*pid) else { continue };
            let request = Request::Adopt { key: stray(token, *pid), pid: *pid, start_time: stat.start_time };
            self.link.send(request, Vec::new());
            watched = true;
        }
        if !watched && !pids.is_empty() {
            // All of them have ended since they were seen: no event will tell, and each may have left a child.
            self.strays_due = Some(wait::now_ms());
        }
        !pids.is_empty()
    }

    /// Reads `PIDFile=`, or guesses where there is none, and answers; watches the folder until there is an answer.
    pub fn read_pid_file(&mut self, unit: UnitId, token: u64) {
        let Some(running) = self.core.view(unit).unit.cloned() else { return };
        let found = match &running.service.pid_file {
            Some(path) => {
                let mut folder = path.parent();
                while let Some(f) = folder
                    && !self.watcher.add(f, super::watch::Why::PidFile(token))
                {
                    folder = f.parent();
                }
                read_pid(path).filter(|pid| self.is_plausible_main(token, *pid))
            }
            None => self.guess_main(unit, token),
        };
        let found = found.and_then(|pid| Some((pid, procs::stat(pid)?.start_time)));
        if found.is_some() {
            self.watcher.remove(&super::watch::Why::PidFile(token));
            self.pid_files.remove(&token);
        } else {
            self.pid_files.insert(token, unit);
        }
        self.push(Event::PidFile { token, found });
    }

    /// A pid from a file counts if it lives and is the service's own, or at least a child of PID 1 (a daemon whose
    /// attribution was lost).
    fn is_plausible_main(&self, token: u64, pid: i32) -> bool {
        let Some(stat) = procs::stat(pid).filter(|s| !s.zombie) else { return false };
        self.owns(token, pid) || (self.tree.is_none() && stat.parent == self.machine.pid1)
    }

    /// The one process of the service that PID 1 has inherited.
    fn guess_main(&self, unit: UnitId, token: u64) -> Option<i32> {
        let pids = match &self.tree {
            Some(tree) => tree.pids(self.core.name(unit).as_str()),
            None => self.members(token),
        };
        let alive = pids.into_iter().filter_map(procs::stat).filter(|s| !s.zombie);
        let orphans: Vec<procs::Stat> = alive.filter(|s| s.parent == self.machine.pid1).collect();
        let view = self.core.view(unit);
        if view.unit.is_some_and(|u| u.service.kind == ServiceType::Script) && orphans.len() != 1 {
            // A script may start several daemons: none of them is the main one. Their children don't count.
            return None;
        }
        orphans.into_iter().min_by_key(|s| s.start_time).map(|s| s.pid)
    }

    fn finished(&mut self, unit: UnitId, token: u64, definition: &Unit) {
        // At each end: one that comes before the start is told changes no state.
        self.note_guard(unit);
        let name = self.core.name(unit).clone();
        let instance = self.instances.remove(&token);
        let had_logs = instance.as_ref().is_none_or(|i| i.out.is_some());
        if instance.as_ref().is_none_or(|i| i.notify.is_some()) {
            let _ = std::fs::remove_file(instance::notify_path(&self.machine.run_dir, token));
        }
        let clears = self.clear_away(unit, definition, Some(token));
        if instance.is_none() || instance::parks(definition) {
            let all = [parked::NOTIFY, parked::READY, parked::LEFT];
            self.link.unpark_late(token, all.get(..if clears { 2 } else { 3 }).unwrap_or(&all));
        }
        if had_logs {
            self.pipes_over(unit, definition, token, instance);
        } else if self.removals.hold_news(unit, token) {
            self.held.ends(unit, token, wait::now_ms());
        }
        // A script's is its own to remove: by it `status` tells a crash from a stop.
        let removes = |u: &&Unit| u.service.kind != ServiceType::Script;
        let own = status::definition(&self.core.view(unit)).filter(removes);
        if let Some(path) = own.and_then(|u| u.service.pid_file.as_ref()) {
            let _ = std::fs::remove_file(path);
        }
        if self.watched.remove(&token).is_some() {
            self.watcher.remove(&super::watch::Why::Cgroup(token));
        }
        if self.pid_files.remove(&token).is_some() {
            self.watcher.remove(&super::watch::Why::PidFile(token));
        }
        self.sites.forget(token);
        if self.tree.is_some() {
            self.vacated.insert(name);
        }
    }

    /// Sends what waits to PID 1 and the logger, and tidies up behind it.
    pub fn send_all(&mut self) {
        self.link.flush();
        self.logger.flush();
        self.remove_vacated();
    }

    /// Whether a unit restarts by itself so soon that what its last run had is better kept for the next one.
    pub(super) fn comes_soon(&self, unit: UnitId) -> bool {
        comes_soon(&self.core.view(unit), wait::now_ms())
    }

    /// Removes the cgroups of what is over, but for those whose unit comes again at once, or soon by itself.
    fn remove_vacated(&mut self) {
        let (core, tree, slain, now) = (&self.core, &self.tree, &mut self.slain, wait::now_ms());
        self.vacated.retain(|name| {
            let view = core.id(name).map(|id| core.view(id));
            let again = view.is_some_and(|view| view.token.is_some() || comes_soon(&view, now));
            if tree.as_ref().is_some_and(|tree| !again && tree.remove(name.as_str())) {
                slain.remove(name);
            }
            again
        });
    }

    fn changed(&mut self, unit: UnitId, state: State, outcome: Option<&Outcome>) {
        if matches!(state, State::Inactive | State::Failed) {
            // An automatic restart, for which they were kept, may have been called off.
            let definition = status::definition(&self.core.view(unit)).cloned();
            let _ = definition.is_some_and(|d| self.clear_away(unit, &d, None));
            self.drop_spare(unit);
        }
        let name = self.core.name(unit).clone();
        let failure = outcome.filter(|o| o.is_failure());
        // How the one command of `init -- CMD` ends is its own business, and our exit status tells it.
        let silent = matches!(self.machine.purpose, Purpose::Command(_))
            && !matches!(failure, Some(Outcome::Exited { exit, .. }) if matches!(exit, ExitRecord::NotRun { .. }));
        let reason = outcome.filter(|o| **o != Outcome::Success).map(|o| self.sentence(unit, o));
        if state == State::Failed
            && let Some(reason) = &reason
        {
            let text = format!("failed: {}", reason.lines().next().unwrap_or_default());
            self.logger.send(logger::Request::Note { name: name.short().to_owned(), text }, None);
        }
        let description = match status::definition(&self.core.view(unit)) {
            Some(unit) if unit.description() != name.short() => format!("{name}: {}", unit.description()),
            _ => name.to_string(),
        };
        if !silent && (name.kind() == Kind::Service || state == State::Failed) {
            let change = Change { name: name.as_str(), description: &description, state, reason: reason.as_deref() };
            let entering = self.core.levels().2.is_some() && self.going.is_none();
            self.console.unit(&change, entering, wait::now_ms());
        }
        self.answer_state_waits(unit, state);
    }

    /// An outcome of a unit in words.
    pub fn sentence(&self, unit: UnitId, outcome: &Outcome) -> String {
        let view = self.core.view(unit);
        sentence::reason(status::definition(&view), outcome, self.plan_failures.get(&unit).map(String::as_str))
    }

    /// The job's end, as clients are told it.
    pub fn job_end(&self, unit: UnitId, result: JobResult) -> JobEnd {
        let name = self.core.name(unit).clone();
        let view = self.core.view(unit);
        let plan = self.plan_failures.get(&unit).map(String::as_str);
        let reason = sentence::job_reason(status::definition(&view), &result, plan);
        let masked = *view.on_disk == Loaded::Masked;
        let hint = sentence::hint(name.short(), masked, &result);
        let stopped = view.phase == Phase::Dead && result == JobResult::Done;
        let script_status = self.stop_status.get(&unit).copied().filter(|_| stopped);
        JobEnd { name, result, reason, hint, log: Vec::new(), script_status }
    }

    /// The last lines a service wrote itself in its last run; what we say of it stands in the reason.
    pub fn last_lines(&self, name: &UnitName) -> Vec<String> {
        let run = self.core.id(name).and_then(|id| self.core.view(id).times.last());
        let (now, wall) = (wait::now_ms(), wait::wall_ms());
        let begun = run.map_or(0, |start| wall.saturating_sub(now.saturating_sub(start.0)));
        let name = name.short();
        let lasting = std::env::var_os("RUNG_LOGDIR").map_or_else(|| "/var/log/rung".into(), PathBuf::from);
        let entries = read::tail(&lasting, &self.machine.run_dir.join("log"), name, 4 * LOG_LINES).unwrap_or_default();
        // Our own notes say what the reply says anyway.
        let own: Vec<_> = entries.iter().filter(|e| e.writer != read::Writer::Rung && e.is_since(begun)).collect();
        let last = own.get(own.len().saturating_sub(LOG_LINES)..).unwrap_or_default();
        last.iter().map(|e| format!("{} {}", e.time, e.text_lossy())).collect()
    }

    /// Clients hear of a request's progress soon: many jobs that end at once are one message.
    pub fn tell_soon(&mut self, request: RequestId) {
        self.requests.has_news(request);
        self.tell_due.get_or_insert(wait::now_ms().saturating_add(TELL_MS));
    }

    /// Tells what there is to be told.
    pub fn tell_news(&mut self) {
        for request in self.requests.take_news() {
            self.tell_progress(request, false);
        }
    }

    fn job_done(&mut self, request: RequestId, unit: UnitId, result: JobResult) {
        if self.requests.get_mut(request).is_none() {
            return;
        }
        let end = self.job_end(unit, result);
        let told = self.held.job(request, unit, end);
        self.tell(told);
    }

    fn request_done(&mut self, request: RequestId) {
        let told = self.held.done(request);
        self.tell(told);
        self.boot_request_done(request);
    }

    /// Tells those who wait for requests what has become of them.
    pub fn tell(&mut self, told: impl IntoIterator<Item = Told>) {
        for one in told {
            match one {
                Told::Job(request, mut end) => {
                    let ran = matches!(
                        end.result,
                        JobResult::Failed(
                            Outcome::Exited { .. }
                                | Outcome::Protocol
                                | Outcome::Watchdog
                                | Outcome::Timeout { .. }
                                | Outcome::StartLimit
                        )
                    );
                    if ran {
                        end.log = self.last_lines(&end.name);
                    }
                    let Some(open) = self.requests.get_mut(request) else { continue };
                    open.ended.push(end.clone());
                    open.all.push(end);
                    self.tell_soon(request);
                }
                Told::Done(request) => {
                    self.tell_progress(request, true);
                    self.requests.finish(request);
                }
            }
        }
    }

    fn cycle_broken(&mut self, members: &[UnitId], dropped: (UnitId, UnitId)) {
        let round = members.iter().chain(members.first());
        let names: Vec<String> = round.map(|id| self.core.name(*id).to_string()).collect();
        let (from, to) = (self.core.name(dropped.0), self.core.name(dropped.1));
        let which = format!("ordering loop: {}", names.join(" after "));
        let cut = format!("{from} is not ordered after {to} this time; take one After= or Before= out");
        self.requests.note_all(&format!("{which}; {cut}"));
        self.console.write(&super::console::line("warn", &which, None));
        self.console.write(&super::console::detail(&cut));
    }

    /// PID 1's title, as `ps` shows it.
    pub fn title(&mut self, text: &str) {
        self.link.send(Request::Title { text: Name::new(text) }, Vec::new());
    }
}

fn comes_soon(view: &View<'_>, now: u64) -> bool {
    view.phase == Phase::AutoRestart && view.deadline.is_some_and(|at| at <= now.saturating_add(SOON_MS))
}

/// The first number of a pid file.
pub fn read_pid(path: &Path) -> Option<i32> {
    let text = file::read_text(path, 4096).ok()?;
    text.split_ascii_whitespace().next()?.parse().ok().filter(|pid| *pid > 1)
}
