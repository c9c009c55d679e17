//! The state machine: events in, actions out. Pure: no syscalls, no clock of its own, no map of random order.
//!
//! The manager is the shell around it. For each [`Event`] it calls [`Core::handle`], writes what [`Core::take_dirty`]
//! answers into its journal, and only then carries out the [`Action`]s, in order. Nothing else changes a [`Core`].
//!
//! # What there is
//! * A **unit** ([`arena`]) has a definition on disk and, while an instance runs, the one that this was started from; its
//!   edges; its **service machine** ([`service`]); at most one **job** ([`job`]).
//! * A **request** ([`request`]) becomes a consistent set of jobs ([`transaction`]); loops in their order are cut
//!   ([`cycle`]); each job waits for those it is ordered against, runs, and ends with a result. When all have ended so
//!   has the request.
//! * A **level switch** ([`level`]) is a request like any other.
//!
//! # Three things that are kept apart
//! *Current* is the machine's phase; *wanted* is whether `Restart=` may bring the unit back; the *job* is what a request
//! wants to see happen. A stop sets wanted to down whether or not the machine can obey at once; a start that finds the
//! unit on its way down waits until it is down; an automatic restart is a start job that no request asked for.
//!
//! # How a crash of the manager is survived
//! Every change of a unit goes through a mutable look-up that notes it for the journal, so the journal is complete before
//! the first action is carried out. A process's key (instance, step) is in it before the process is asked for. After
//! [`Core::restore`] the shell tells the definitions, the marks, every slot of PID 1, and [`Event::Synced`]: a key that
//! is expected but has no slot was never asked for, and is asked for now, under the same key. Signals and questions of
//! the present phase are said again. Exits that are told twice name a process that is no longer expected, and do nothing.
//!
//! # Cost
//! An exit touches its unit, and what waits for its job. Starting n units with e edges takes O(n+e). There are work lists
//! where a graph is walked, and no recursion.

mod arena;
pub mod course;
mod cycle;
mod ends;
mod hold;
mod idle;
mod ids;
mod index;
pub mod invariants;
mod job;
mod journal;
mod level;
mod level_rc;
mod limit;
pub mod message;
pub mod plan;
mod reason;
mod relations;
mod request;
mod restart;
mod said;
mod service;
mod timers;
mod times;
mod transaction;
mod view;
mod wishes;

pub use cycle::Cycle;
pub use ends::Ended;
pub use job::JobKind;
pub use journal::Record;
pub use message::*;
pub use plan::{Cut, Deed, Plan, Refusal, Step};
pub use reason::{Cause, Reason};
pub(crate) use restart::holds;
pub use times::{Reached, Start, Times};
pub use view::{Loaded, View};

use crate::proto::pid1::{Key, Life};
use arena::Arena;
use level::Levels;
use request::Requests;
pub use said::Said;
use service::{Input, Run, Which};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The first token of a service; lower ones are PID 1's, the logger's and the manager's own.
pub const FIRST_TOKEN: u64 = 16;

/// All state of the manager that matters.
#[derive(Debug, Clone)]
pub struct Core {
    units: Arena,
    /// Live instances.
    tokens: BTreeMap<u64, UnitId>,
    deadlines: BTreeSet<(Millis, UnitId)>,
    job_deadlines: BTreeSet<(Millis, UnitId)>,
    /// What has changed and may mean something for other units.
    moves: VecDeque<relations::Move>,
    requests: Requests,
    /// Units whose waiting job may be able to run.
    queue: VecDeque<UnitId>,
    idle: idle::Idle,
    levels: Levels,
    causes: reason::Causes,
    /// Scripts that the switch under way stops: those it starts wait for them.
    level_stops: BTreeSet<UnitId>,
    next_token: u64,
    now: Millis,
    /// Who runs verbs of scripts inside which units.
    holders: hold::Holders,
    /// After a restore: processes that PID 1 hasn't told about yet.
    untold: BTreeSet<Key>,
    dirty: journal::Dirty,
}

impl Default for Core {
    fn default() -> Self {
        Self::new()
    }
}

impl Core {
    /// A core that knows nothing.
    pub fn new() -> Self {
        Self {
            units: Arena::new(),
            tokens: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            job_deadlines: BTreeSet::new(),
            moves: VecDeque::new(),
            requests: Requests::default(),
            queue: VecDeque::new(),
            idle: idle::Idle::default(),
            levels: Levels::default(),
            causes: reason::Causes::default(),
            level_stops: BTreeSet::new(),
            holders: hold::Holders::new(),
            next_token: FIRST_TOKEN,
            now: 0,
            untold: BTreeSet::new(),
            dirty: journal::Dirty::default(),
        }
    }

    /// Takes in what happened at `now`; appends what is to be done, in order.
    pub fn handle(&mut self, event: Event, now: Millis, out: &mut Vec<Action>) {
        self.now = self.now.max(now);
        match event {
            Event::Define(definitions) => self.define(definitions, out),
            Event::Levels(marks) => self.mark(marks),
            Event::Request { id, ask } => {
                self.ask(id, ask, out);
                self.follow(out);
            }
            Event::Process { key, pid, life } => self.process(key, pid, life, out),
            Event::Synced => self.synced(out),
            Event::Notify { token, notices } => self.notify(token, notices, out),
            Event::PidFile { token, found } => {
                if let Some(id) = self.token_unit(token) {
                    let input = found.map_or(Input::Nameless, |(pid, start)| Input::Named(pid, start));
                    self.drive(id, input, out);
                }
            }
            Event::Found { unit, main } => self.found(&unit, main, out),
            Event::Lock { unit, there } => {
                if let Some(id) = self.units.find(&unit) {
                    self.drive(id, Input::Lock(there), out);
                }
            }
            Event::Hold { unit, pid, start_time } => self.hold(&unit, (pid, start_time), out),
            Event::Release { pid, unit } => self.unhold(pid, unit.as_ref(), out),
            Event::Checked { token, verdict } => {
                if let Some(id) = self.token_unit(token) {
                    self.drive(id, Input::Checked(verdict), out);
                }
            }
            Event::Empty { token } => {
                if let Some(id) = self.token_unit(token) {
                    self.drive(id, Input::Empty, out);
                }
            }
            Event::NoPlan { key, reason } => {
                let exit = ExitRecord::NotRun { stage: crate::proto::pid1::STAGE_FORK, errno: 0 };
                self.ended(key, exit, Some(reason), out);
            }
            Event::Tick => {}
        }
        loop {
            self.run_queue(out);
            self.run_deadlines(out);
            if self.moves.is_empty() {
                self.call_idle(out);
                if self.moves.is_empty() {
                    break;
                }
            }
            self.follow(out);
        }
    }

    /// When [`Event::Tick`] is due at the latest.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.deadlines.first().into_iter().chain(self.job_deadlines.first()).map(|(at, _)| *at).min()
    }

    /// Tokens of new instances are at least this: PID 1's highest, plus one.
    pub fn set_next_token(&mut self, at_least: u64) {
        if at_least > self.next_token {
            self.next_token = at_least;
            self.dirty.token = true;
        }
    }

    fn define(&mut self, definitions: Vec<Definition>, out: &mut Vec<Action>) {
        let mut changed = Vec::with_capacity(definitions.len());
        let mut relinks = false;
        for definition in definitions {
            let (id, relink) = self.units.define(definition);
            changed.push(id);
            relinks |= relink;
        }
        if relinks {
            self.units.link();
            // Edges have changed under jobs that wait.
            let jobs: Vec<UnitId> = self.units.ids().filter(|id| self.units.get(*id).job.is_some()).collect();
            jobs.iter().for_each(|id| self.time_job(*id));
            self.look_at_upheld();
            self.cut_loops(&jobs, out);
            self.look_again();
        } else {
            // Nobody else's business.
            changed.retain(|id| self.units.get(*id).job.is_some());
            for id in changed {
                self.time_job(id);
                self.queue.push_back(id);
            }
        }
    }

    /// Looks at every waiting job anew.
    fn look_again(&mut self) {
        for id in self.units.ids() {
            let node = self.units.scratch(id);
            node.waiters = crate::unit::rare::Rare::default();
            node.cursor = 0;
            if node.job.as_ref().is_some_and(|j| !j.running) {
                self.queue.push_back(id);
            }
        }
    }

    fn mark(&mut self, marks: Vec<LevelMark>) {
        let early = |units: &Arena| -> Vec<UnitId> {
            units.ids().filter(|id| units.get(*id).on.contains(crate::unit::Level::S)).collect()
        };
        let before = early(&self.units);
        for id in self.units.ids() {
            let node = self.units.scratch(id);
            node.on = crate::unit::LevelSet::EMPTY;
            node.kill = crate::unit::LevelSet::EMPTY;
            node.rule = RcRule::default();
        }
        for mark in marks {
            let id = self.units.intern(&mark.name);
            let node = self.units.scratch(id);
            node.on = mark.on;
            node.kill = mark.kill;
            node.rule = mark.rule;
        }
        // What is on in S has other default dependencies.
        if before != early(&self.units) {
            self.units.link();
        }
    }

    fn ask(&mut self, id: RequestId, ask: Ask, out: &mut Vec<Action>) {
        if self.join(id, out) {
            return;
        }
        self.open_request(id);
        match ask {
            Ask::Units { verb, names } => self.ask_units(id, &verb, &names, out),
            Ask::Level(level) => self.ask_level(id, level, out),
            Ask::Down(how) => self.ask_down(id, how, out),
        }
        self.built(id, out);
    }

    fn process(&mut self, key: Key, pid: i32, life: Life, out: &mut Vec<Action>) {
        let Some((id, which)) = self.owner(key) else { return };
        self.untold.remove(&key);
        if pid > 0 {
            let service = &mut self.units.get_mut(id).service;
            let proc = if which == Which::Main { service.main.as_mut() } else { service.control.as_deref_mut() };
            if let Some(proc) = proc {
                proc.pid = pid;
            }
        }
        match life {
            Life::Forked => {}
            Life::Running => self.drive(id, Input::Executed(which), out),
            Life::Over(exit) => self.ended(key, exit.into(), None, out),
        }
    }

    fn ended(&mut self, key: Key, exit: ExitRecord, why: Option<String>, out: &mut Vec<Action>) {
        if let Some((id, which)) = self.owner(key) {
            self.untold.remove(&key);
            self.drive(id, Input::Over(which, exit, why), out);
        }
    }

    fn owner(&self, key: Key) -> Option<(UnitId, Which)> {
        let id = self.token_unit(key.token)?;
        Some((id, self.units.get(id).service.which(key)?))
    }

    /// What may have been lost with the last manager is said again.
    fn synced(&mut self, out: &mut Vec<Action>) {
        for key in std::mem::take(&mut self.untold) {
            if let Some((id, which)) = self.owner(key) {
                out.extend(self.units.get(id).service.birth(id, which));
            }
        }
        let live: Vec<UnitId> = self.tokens.values().copied().collect();
        for id in live {
            let unit = self.units.get(id).unit();
            let node = self.units.scratch(id);
            let due = node.service.due();
            node.service.resume(&unit, self.now);
            self.settle(id, due, out);
            let node = self.units.get(id);
            let mut run = Run { id, unit: &unit, now: self.now, may_restart: self.may_restart(), out };
            node.service.repeat(&mut run);
        }
        if let Some((name, status)) = &self.levels.over
            && let Some(unit) = self.units.find(name)
        {
            out.push(Action::EssentialOver { unit, status: *status });
        }
        self.repeat_holds(out);
        self.tell_brought(out);
        self.find_level_stops();
        self.mend(out);
        self.tell_down(out);
        self.look_again();
    }

    /// Part of a journal may have been unreadable: nothing may wait for what isn't there.
    fn mend(&mut self, out: &mut Vec<Action>) {
        for id in self.units.ids() {
            self.advance(id, out);
        }
        let open: Vec<RequestId> = self.requests.all.iter().filter(|(_, r)| !r.done).map(|(id, _)| *id).collect();
        for id in open {
            self.built(id, out);
        }
        self.levels.switching.take_if(|s| !self.requests.all.contains_key(&s.request));
    }

    /// One step of a unit's machine, and what follows from it.
    fn drive(&mut self, id: UnitId, input: Input, out: &mut Vec<Action>) {
        let (now, may_restart) = (self.now, self.may_restart());
        let unit = self.units.get(id).unit();
        let node = self.units.get_mut(id);
        // One without any process may be through in a single step.
        let begins = matches!(input, Input::Start(_) | Input::Call(_));
        let (token, phase, due) = (node.service.token, node.service.phase, node.service.due());
        let idle = node.service.idle;
        node.service.step(&mut Run { id, unit: &unit, now, may_restart, out }, input);
        let service = &node.service;
        if service.token != token {
            if let Some(token) = token {
                self.tokens.remove(&token);
            }
            if let Some(token) = service.token {
                self.tokens.insert(token, id);
            }
        }
        // Between two runs, or before one had begun: nothing has ended, well or badly.
        let called_off = (idle || matches!(phase, Phase::Check | Phase::AutoRestart))
            && service.phase == Phase::Dead
            && service.result == Outcome::Success;
        let moved = service.phase != phase || service.due() != due || service.token != token || service.idle != idle;
        if begins || moved {
            self.settle(id, due, out);
            if called_off {
                self.forget_end(id);
            }
            self.note_idle(id);
            self.advance(id, out);
            if self.units.get(id).service.phase == Phase::Dead {
                self.check_essential(id, out);
                if phase != Phase::Dead && !called_off {
                    self.check_end(id, out);
                }
                self.units.forget_running(id);
            }
        }
    }

    /// After a change of a unit's machine: its timer, its definition, what is seen from outside.
    fn settle(&mut self, id: UnitId, old_due: Option<Millis>, out: &mut Vec<Action>) {
        let node = self.units.scratch(id);
        if let Some(at) = old_due {
            self.deadlines.remove(&(at, id));
        }
        if let Some(at) = node.service.due() {
            self.deadlines.insert((at, id));
        }
        let state = node.service.state();
        if state != node.shown {
            let old = std::mem::replace(&mut node.shown, state);
            self.moves.push_back(relations::Move::State(id, old, state));
            let node = self.units.get(id);
            let telling = node.service.result != Outcome::Success;
            let outcome = telling.then(|| node.service.result.clone());
            out.push(Action::Changed { unit: id, state, outcome });
        }
    }

    fn run_deadlines(&mut self, out: &mut Vec<Action>) {
        while let Some((at, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= self.now) {
            self.deadlines.remove(&(at, id));
            let node = self.units.get(id);
            if node.service.due() != Some(at) {
                continue;
            }
            let restart = node.service.phase == Phase::AutoRestart;
            self.drive(id, Input::Due, out);
            // Another one may be due at the same moment.
            self.deadlines.extend(self.units.get(id).service.due().map(|at| (at, id)));
            if restart {
                self.restart_due(id, out);
            } else {
                self.start_due(id, out);
            }
            self.run_queue(out);
        }
        while let Some((at, id)) = self.job_deadlines.first().copied().filter(|(at, _)| *at <= self.now) {
            self.job_deadlines.remove(&(at, id));
            self.give_up_job(id, out);
            self.run_queue(out);
        }
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
