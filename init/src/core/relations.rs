//! What a change of one unit means for others: who is bound to it, comes back with it, is upheld, no longer needed, or
//! started on its failure.
//!
//! Changes are gathered while an event is handled and looked at when its jobs have been let run, so that a unit's own
//! transaction always goes first: what it has stopped or restarted already is left alone here.
//!
//! Nothing that starts by itself stops another for it (`Conflicts=`), starts on the way down, or starts again within
//! [`MIN_RESTART`] of its last start; so no circle of relations becomes a busy loop.

use super::job::RETRY;
use super::limit::millis;
use super::restart::MIN_RESTART;
use super::service::Wanted;
use super::{Action, Core, JobKind, JobResult, Millis, Outcome, Phase, Reason, State, UnitId};
use crate::unit::{LevelSet, RestartMode, UnitName};
use std::collections::{BTreeMap, BTreeSet};

/// A change that others may act on.
#[derive(Debug, Clone)]
pub(super) enum Move {
    /// Its state as seen from outside.
    State(UnitId, State, State),
    /// A job at it has ended; `true`: it was a start, and did what it should.
    Ended(UnitId, bool),
}

/// Up, or on its way up.
fn rises(phase: Phase) -> bool {
    super::times::is_start(phase) || stands(phase)
}

/// Up.
fn stands(phase: Phase) -> bool {
    matches!(phase, Phase::Running | Phase::Exited | Phase::Reload)
}

impl Core {
    /// Looks at everything that has changed.
    pub(super) fn follow(&mut self, out: &mut Vec<Action>) {
        while let Some(change) = self.moves.pop_front() {
            match change {
                Move::State(id, old, new) => self.moved(id, old, new, out),
                Move::Ended(id, true) => self.came_up(id, out),
                Move::Ended(id, false) => {
                    // Where its state has changed too, that has set the time already.
                    self.uphold(id, RETRY);
                    self.look_at_uses(id, out);
                    self.waits_in_vain(id, out);
                }
            }
        }
    }

    /// A job has ended: whoever fails for want of another is told to wait for it.
    pub(super) fn job_ended(&mut self, id: UnitId, kind: JobKind, result: &JobResult) {
        let start = kind == JobKind::Start;
        if let (true, JobResult::Failed(Outcome::Dependency { name })) = (start, result) {
            self.await_return(id, name.clone());
        }
        self.moves.push_back(Move::Ended(id, start && matches!(result, JobResult::Done | JobResult::Already)));
    }

    /// The unit went down without having been up: no handler of its success is to hear of that.
    pub(super) fn forget_end(&mut self, id: UnitId) {
        if let Some(Move::State(moved, old, _)) = self.moves.back_mut()
            && *moved == id
        {
            *old = State::Inactive;
        }
    }

    fn moved(&mut self, id: UnitId, old: State, new: State, out: &mut Vec<Action>) {
        let name = self.units.get(id).name.clone();
        if !rises(self.units.get(id).service.phase) && !self.restarts_directly(id) {
            self.stop_bound(id, out);
        }
        match (old, new) {
            (_, State::Active) => self.stop_unneeded(id, out),
            (State::Failed, State::Failed) => {}
            (_, State::Failed) => self.trigger(id, |e| &e.on_failure, &Reason::OnFailure(name), out),
            (State::Failed | State::Inactive, State::Inactive) => {}
            (_, State::Inactive) if self.units.get(id).service.result.is_skip() => {}
            (_, State::Inactive) => self.trigger(id, |e| &e.on_success, &Reason::OnSuccess(name), out),
            _ => {}
        }
        if matches!(new, State::Inactive | State::Failed) {
            self.uphold(id, MIN_RESTART);
            self.look_at_uses(id, out);
            self.waits_in_vain(id, out);
        }
    }

    // ---- going down together ----------------------------------------------------------------------------------

    /// `RestartMode=direct`: it may come back by itself, and what goes with it isn't told before it is down for good.
    fn restarts_directly(&self, id: UnitId) -> bool {
        let node = self.units.get(id);
        let goes_down = node.job.as_ref().is_some_and(|j| j.kind.goes_down());
        let wanted = node.service.wanted == Wanted::Up && !goes_down && self.may_restart();
        wanted && node.service.phase != Phase::Dead && node.unit().service.ending.restart_mode != RestartMode::Normal
    }

    /// The unit isn't up, whatever the reason: what is bound to it goes too, with all that requires that.
    fn stop_bound(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let edges = &self.units.get(id).edges;
        if edges.bound_by.is_empty() && edges.stops.is_empty() {
            return;
        }
        let name = self.units.get(id).name.clone();
        let goes = |other: &&UnitId| {
            let node = self.units.get(**other);
            rises(node.service.phase) && !node.job.as_ref().is_some_and(|j| j.kind.goes_down())
        };
        let bound = edges.bound_by.iter().filter(goes).map(|other| (*other, Reason::BoundTo(name.clone())));
        // A restart that was asked for is no stop.
        let stops = if self.has_start(id) { &[][..] } else { &edges.stops };
        let told = stops.iter().filter(goes).map(|other| (*other, Reason::StopsWith(name.clone())));
        let mut seeds: BTreeMap<UnitId, Reason> = told.collect();
        seeds.extend(bound);
        if seeds.is_empty() {
            return;
        }
        let mut all = self.dependents(seeds.into_iter().collect(), true);
        // What goes down by itself is left to do so: it may start again by itself.
        all.retain(|other, _| {
            let phase = self.units.get(*other).service.phase;
            rises(phase) || phase == Phase::Dead && self.has_start(*other)
        });
        let wants_back: Vec<(UnitId, UnitName)> = all
            .iter()
            .filter_map(|(other, reason)| match reason {
                Reason::BoundTo(name) | Reason::Requires(name) | Reason::PartOf(name) => Some((*other, name.clone())),
                _ => None,
            })
            .collect();
        self.stop_all(None, &all, out);
        for (other, name) in wants_back {
            self.await_return(other, name);
        }
    }

    /// `StopWhenUnneeded=` of this unit: goes if nobody needs it.
    fn stop_unneeded(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        let lean = node.relations().is_some_and(|u| u.relations.stop_when_unneeded);
        if !lean || !stands(node.service.phase) || node.job.is_some() || self.levels_need(node.on) {
            return;
        }
        let used = node.edges.used_by.iter().any(|user| self.is_up(*user) || self.has_start(*user));
        if !used {
            let all = self.dependents(vec![(id, Reason::Unneeded)], true);
            self.stop_all(None, &all, out);
        }
    }

    /// The unit may have been the last to need some others.
    fn look_at_uses(&mut self, id: UnitId, out: &mut Vec<Action>) {
        for other in self.units.get(id).edges.uses.clone() {
            self.stop_unneeded(other, out);
        }
        self.stop_unneeded(id, out);
    }

    /// Whether what is on in these levels belongs up now.
    fn levels_need(&self, on: LevelSet) -> bool {
        let to = self.levels.switching.as_ref().map(|s| s.to);
        let now = to.or(self.levels.current);
        on.contains(crate::unit::Level::S) || now.is_some_and(|level| on.contains(level))
    }

    // ---- coming up with others --------------------------------------------------------------------------------

    /// A start has succeeded: those that wait for this unit come back, those it upholds come up.
    fn came_up(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        let name = node.name.clone();
        let back: BTreeSet<UnitId> = node.edges.required_by.iter().chain(&node.edges.parts).copied().collect();
        let upheld = node.edges.upholds.clone();
        for other in back {
            if self.units.get(other).awaits.as_deref() == Some(&name) && self.lacks(other).is_none() {
                self.start_by_itself(other, Reason::Returns(name.clone()), out);
            }
        }
        upheld.into_iter().for_each(|other| self.uphold(other, MIN_RESTART));
        self.stop_unneeded(id, out);
    }

    /// Remembers that a unit is down for want of another.
    pub(super) fn await_return(&mut self, id: UnitId, name: UnitName) {
        if self.units.get(id).relations().is_none_or(|u| u.relations.return_with_dependency) {
            self.units.get_mut(id).awaits = Some(name.into());
        }
    }

    /// The unit was stopped, or has started: it waits for nobody any more.
    pub(super) fn forget_return(&mut self, id: UnitId) {
        let node = self.units.get(id);
        if node.awaits.is_some() || node.due.is_some() {
            let dead = node.service.phase == Phase::Dead;
            let node = self.units.get_mut(id);
            node.awaits = None;
            node.due = None;
            if dead && let Some(at) = node.service.deadline.take() {
                self.deadlines.remove(&(at, id));
            }
        }
    }

    fn trigger(
        &mut self,
        id: UnitId,
        list: fn(&super::arena::Edges) -> &Vec<UnitId>,
        reason: &Reason,
        out: &mut Vec<Action>,
    ) {
        for other in list(&self.units.get(id).edges).clone() {
            self.start_by_itself(other, reason.clone(), out);
        }
    }

    /// Starts a unit that no request asked for; a little later if it has only just ended.
    fn start_by_itself(&mut self, id: UnitId, reason: Reason, out: &mut Vec<Action>) {
        let service = &self.units.get(id).service;
        if service.phase == Phase::Dead && service.pace.begun > 0 && service.pace.earliest() > self.now {
            self.start_later(id, reason, service.pace.earliest());
            return;
        }
        let anchors = [(id, reason)];
        if self.may_restart() && !self.has_start(id) && self.conflicting(&self.needs(&anchors)).is_empty() {
            self.start(None, &anchors, &BTreeMap::new(), out);
        }
    }

    fn start_later(&mut self, id: UnitId, reason: Reason, at: Millis) {
        let node = self.units.get_mut(id);
        node.due = Some(reason.into());
        if let Some(old) = node.service.deadline.replace(at) {
            self.deadlines.remove(&(old, id));
        }
        self.deadlines.insert((at, id));
    }

    /// The timer of a unit that is down has run out: does it start now?
    pub(super) fn start_due(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        if node.service.phase != Phase::Dead || node.due.is_none() {
            return;
        }
        let Some(reason) = self.units.get_mut(id).due.take().map(|due| *due) else { return };
        let holds = !matches!(reason, Reason::UpheldBy(_)) || self.upholder(id).is_some();
        if holds {
            self.start_by_itself(id, reason, out);
        }
        let node = self.units.get(id);
        if node.service.phase == Phase::Dead
            && node.job.is_none()
            && node.due.is_none()
            && let Some(name) = self.upholder(id)
        {
            self.start_later(id, Reason::UpheldBy(name), self.now.saturating_add(RETRY));
        }
    }

    /// The unit that upholds this one just now.
    fn upholder(&self, id: UnitId) -> Option<UnitName> {
        let by = &self.units.get(id).edges.upheld_by;
        by.iter().find(|other| self.stays_up(**other)).map(|other| self.units.get(*other).name.clone())
    }

    /// `Upholds=`: what is down and has no job is started, after its `RestartSec=` or at least so long.
    fn uphold(&mut self, id: UnitId, least: Millis) {
        let node = self.units.get(id);
        if node.service.phase != Phase::Dead || node.job.is_some() || node.due.is_some() || !self.may_restart() {
            return;
        }
        if let Some(name) = self.upholder(id) {
            let least = if node.service.result.is_skip() { RETRY } else { least };
            let delay = millis(node.unit().service.timing.restart_sec).max(least);
            let at = self.now.saturating_add(delay).max(node.service.pace.earliest());
            self.start_later(id, Reason::UpheldBy(name), at);
        }
    }

    /// Definitions have changed: there may be new ones to uphold.
    pub(super) fn look_at_upheld(&mut self) {
        for id in self.units.ids() {
            if !self.units.get(id).edges.upheld_by.is_empty() {
                self.uphold(id, MIN_RESTART);
            }
        }
    }

    /// Whether a unit that is down comes up by itself: what it waits for is up or coming, or it is upheld.
    pub(super) fn comes_back(&self, id: UnitId) -> bool {
        let mut at = id;
        // A chain longer than this is a circle.
        for _ in 0..self.units.len() {
            let node = self.units.get(at);
            if node.due.is_some() || self.upholder(at).is_some() {
                return self.may_restart();
            }
            let Some(next) = node.awaits.as_deref().and_then(|name| self.units.find(name)) else { return false };
            if self.is_up(next) || self.has_start(next) {
                return self.may_restart();
            }
            at = next;
        }
        false
    }

    /// A unit that is down for good: an essential one that waits for it is over.
    fn waits_in_vain(&mut self, id: UnitId, out: &mut Vec<Action>) {
        // Most go down for a while only, or wait themselves for one that isn't down yet.
        if self.is_up(id) || self.has_start(id) || self.comes_back(id) {
            return;
        }
        let mut seen = BTreeSet::new();
        let mut work = vec![id];
        while let Some(id) = work.pop() {
            let name = self.units.get(id).name.clone();
            for other in self.units.get(id).edges.required_by.clone() {
                if self.units.get(other).awaits.as_deref() == Some(&name) && seen.insert(other) {
                    self.check_essential(other, out);
                    work.push(other);
                }
            }
        }
    }

    // ---- what a start lacks, how long a job may take ----------------------------------------------------------

    /// One that has to be up before this unit starts, and isn't: what it is bound to, and `Requisite=`, where it is
    /// ordered after them.
    pub(super) fn lacks(&self, id: UnitId) -> Option<UnitName> {
        let node = self.units.get(id);
        let edges = &node.edges;
        let dropped = node.job.as_ref().map_or(&[][..], |j| &j.dropped);
        let counts = |other: &&UnitId| edges.after.binary_search(other).is_ok() && !dropped.contains(other);
        let mut needed = edges.binds.iter().chain(&edges.requisite).filter(counts);
        needed.find(|o| !stands(self.units.get(**o).service.phase)).map(|o| self.units.get(*o).name.clone())
    }

    /// A job has taken too long. A stop on the way down is never given up: the machine doesn't end before its services.
    pub(super) fn give_up_job(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let Some(job) = &mut self.units.get_mut(id).job else { return };
        job.deadline = None;
        if job.kind != JobKind::Stop || self.levels.down.is_none() {
            self.end_job(id, JobResult::Failed(Outcome::JobTimeout), out);
        }
    }

    /// Sets the time at which a job is given up.
    pub(super) fn time_job(&mut self, id: UnitId) {
        let node = self.units.scratch(id);
        let limits = node.relations().map(|u| (u.relations.job_timeout, u.relations.job_running_timeout));
        let Some(job) = &mut node.job else { return };
        let (whole, running) = limits.unwrap_or_default();
        let ends = [whole.map(|d| (job.since, d)), job.began.and_then(|at| running.map(|d| (at, d)))];
        let at = ends.into_iter().flatten().map(|(from, d)| from.saturating_add(millis(d))).min();
        let old = std::mem::replace(&mut job.deadline, at);
        if let Some(old) = old {
            self.job_deadlines.remove(&(old, id));
        }
        if let Some(at) = at {
            self.job_deadlines.insert((at, id));
        }
    }
}
