//! From a request to a consistent set of jobs, at most one for each unit.
//!
//! A start takes along what the unit requires (and fails without it) and wants (and goes on without it), and stops what
//! it conflicts with. A stop takes along what runs and requires the unit or is part of it; so does a restart, which
//! restarts those. A reload takes along what it is propagated to. Against jobs that are there already the later request
//! wins: equal ones are joined, opposite ones replaced. Each job knows its reason.

use super::ids::IdSet;
use super::job::{Job, JobKind, NO_RELOAD};
use super::limit::is_unlimited;
use super::reason::{Cause, Reason};
use super::service::Call;
use super::{Action, Core, JobResult, Loaded, Outcome, Phase, RequestId, UnitId, Verb, Whom};
use crate::unit::{RestartMode, UnitName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a start needs, hard needs first.
pub(super) struct Needs {
    /// In the order found, anchors first.
    pub order: Vec<(UnitId, Reason)>,
    /// Those of `order` that can't be started, and why.
    pub refused: BTreeMap<UnitId, Outcome>,
    /// Each of them can be started whatever else there is: nobody is refused, and nothing stops for it.
    smooth: bool,
}

impl Needs {
    /// Those that can be had.
    pub fn feasible(&self) -> impl Iterator<Item = UnitId> {
        self.order.iter().map(|(id, _)| *id).filter(|id| !self.refused.contains_key(id))
    }
}

/// Units that wait to be looked at, each once however many edges lead to it, with the reason found first.
#[derive(Default)]
struct Line {
    waiting: VecDeque<(UnitId, Reason)>,
    known: IdSet,
}

impl Line {
    fn of(units: impl Iterator<Item = (UnitId, Reason)>) -> Self {
        let mut line = Self::default();
        units.for_each(|(id, reason)| line.push(id, || reason));
        line
    }

    fn push(&mut self, id: UnitId, reason: impl FnOnce() -> Reason) {
        if self.known.insert(id) {
            self.waiting.push_back((id, reason()));
        }
    }

    fn next(&mut self) -> Option<(UnitId, Reason)> {
        self.waiting.pop_front()
    }
}

fn asked(ids: &[UnitId]) -> Vec<(UnitId, Reason)> {
    ids.iter().map(|id| (*id, Reason::Asked)).collect()
}

impl Core {
    /// A verb for some units.
    pub(super) fn ask_units(&mut self, request: RequestId, verb: &Verb, names: &[UnitName], out: &mut Vec<Action>) {
        let mut ids: Vec<UnitId> = Vec::with_capacity(names.len());
        for name in names {
            let id = self.units.intern(name);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let comes_up = matches!(verb, Verb::Start | Verb::Restart | Verb::TryRestart);
        if comes_up && self.levels.down.is_some() {
            for id in ids {
                let reason = "the machine is going down".to_owned();
                self.report(request, id, JobResult::NotApplicable { reason }, out);
            }
            return;
        }
        ids.retain(|id| !self.refuses(request, verb, *id, out));
        match verb {
            Verb::Start => self.start(Some(request), &asked(&ids), &BTreeMap::new(), out),
            Verb::Stop => self.stop(request, &ids, out),
            Verb::Restart => self.restart(request, &ids, out),
            Verb::TryRestart => {
                let (up, down): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| self.is_up(*id));
                for id in down {
                    self.report(request, id, JobResult::Already, out);
                }
                self.restart(request, &up, out);
            }
            Verb::Reload => ids.into_iter().for_each(|id| self.reload(request, id, out)),
            Verb::ResetFailed => ids.into_iter().for_each(|id| self.reset_failed(request, id, out)),
            Verb::Stopping(course) => ids.into_iter().for_each(|id| self.change_course(request, id, *course, out)),
            Verb::Kill { signal, whom } => ids.into_iter().for_each(|id| self.kill(request, id, *signal, *whom, out)),
        }
    }

    /// `RefuseManualStart=`, `RefuseManualStop=`: said, if the verb is one of those.
    fn refuses(&mut self, request: RequestId, verb: &Verb, id: UnitId, out: &mut Vec<Action>) -> bool {
        let Some(unit) = self.units.get(id).relations() else { return false };
        let starts = matches!(verb, Verb::Start | Verb::Restart | Verb::TryRestart);
        let stops = matches!(verb, Verb::Stop | Verb::Restart | Verb::TryRestart);
        let (key, verb) = match (&unit.relations, starts, stops) {
            (r, true, _) if r.refuse_manual_start => ("RefuseManualStart", "start"),
            (r, _, true) if r.refuse_manual_stop => ("RefuseManualStop", "stop"),
            _ => return false,
        };
        let place = unit.placed(&format!("Unit.{key}"));
        let reason = format!("{key}={place}: only another unit or a level may {verb} it");
        self.report(request, id, JobResult::NotApplicable { reason }, out);
        true
    }

    /// Running, on its way up or down, or waiting for its automatic restart.
    pub(super) fn is_up(&self, id: UnitId) -> bool {
        self.units.get(id).service.phase != Phase::Dead
    }

    pub(super) fn has_start(&self, id: UnitId) -> bool {
        self.units.get(id).job.as_ref().is_some_and(|j| matches!(j.kind, JobKind::Start | JobKind::Restart))
    }

    /// Active, and nothing is about to change that.
    pub(super) fn stays_up(&self, id: UnitId) -> bool {
        let node = self.units.get(id);
        matches!(node.service.phase, Phase::Running | Phase::Exited | Phase::Reload)
            && node.job.as_ref().is_none_or(|j| !j.kind.goes_down())
    }

    // ---- start ------------------------------------------------------------------------------------------------

    /// Starts units with what they need; those in `again` are restarted instead.
    pub(super) fn start(
        &mut self,
        request: Option<RequestId>,
        anchors: &[(UnitId, Reason)],
        again: &BTreeMap<UnitId, Reason>,
        out: &mut Vec<Action>,
    ) {
        let needs = self.needs(anchors);
        let stops = self.conflicting(&needs);
        let anchors: BTreeSet<UnitId> = anchors.iter().map(|(id, _)| *id).collect();
        let mut new = Vec::new();
        for (id, reason) in &needs.order {
            let refusal = match needs.refused.get(id) {
                None if stops.contains_key(id) => Some(Outcome::Config {
                    reason: "it conflicts with a unit that is started at the same time".to_owned(),
                }),
                other => other.cloned(),
            };
            match refusal {
                Some(outcome) => self.refuse(request, *id, outcome, out),
                None if again.contains_key(id) => {
                    let reason = again.get(id).unwrap_or(reason).clone();
                    new.extend(self.add_job(*id, JobKind::Restart, reason, request, out));
                }
                None if !self.stays_up(*id) => {
                    new.extend(self.add_job(*id, JobKind::Start, reason.clone(), request, out));
                }
                None => {
                    if let Some(request) = request.filter(|_| anchors.contains(id)) {
                        self.report(request, *id, JobResult::Already, out);
                    }
                }
            }
        }
        for (id, reason) in stops {
            new.extend(self.add_job(id, JobKind::Stop, reason, request, out));
        }
        self.install(&new, out);
    }

    /// Everything these units need, and what of it can't be had.
    pub(super) fn needs(&self, anchors: &[(UnitId, Reason)]) -> Needs {
        let mut order: Vec<(UnitId, Reason)> = Vec::new();
        let mut seen = IdSet::with_room(self.units.len());
        let mut hard = Line::of(anchors.iter().cloned());
        let mut soft = Line::default();
        let mut smooth = true;
        loop {
            let (id, reason) = match hard.next() {
                Some(next) => next,
                None => match soft.next() {
                    // What is wanted and isn't there is nobody's failure.
                    Some((id, _)) if matches!(self.units.get(id).disk, Loaded::Missing | Loaded::Masked) => continue,
                    Some(next) => next,
                    None => break,
                },
            };
            if seen.insert(id) {
                let node = self.units.get(id);
                // What it waited for has come up, or has just done what it is there for.
                if let Reason::Returns(name) = &reason
                    && let Some(there) = self.units.find(name)
                {
                    seen.insert(there);
                }
                order.push((id, reason));
                let stays = self.stays_up(id);
                smooth &= stays || self.is_smooth(id);
                // Nothing is started for the sake of one that can't be, whatever its file said when it was good.
                if !stays && !matches!(node.disk, Loaded::Good(_)) {
                    continue;
                }
                for other in node.edges.requires.iter().filter(|o| !seen.contains(**o)) {
                    hard.push(*other, || Reason::RequiredBy(node.name.clone()));
                }
                // rc calls those scripts that have a link, and no others for their sake.
                let by_rc = matches!(order.last(), Some((_, Reason::OnIn(_)))) && self.is_script(id);
                let comes = |o: &&UnitId| !(seen.contains(**o) || by_rc && self.is_script(**o));
                for other in node.edges.wants.iter().filter(comes) {
                    soft.push(*other, || match node.edges.upholds.binary_search(other) {
                        Ok(_) => Reason::UpheldBy(node.name.clone()),
                        Err(_) => Reason::WantedBy(node.name.clone()),
                    });
                }
            }
        }
        // Most transactions are spared another look at all of their units.
        let refused = if smooth { BTreeMap::new() } else { self.refusals(&order, &seen) };
        Needs { order, refused, smooth }
    }

    /// Whether nothing can speak against a start of this unit.
    fn is_smooth(&self, id: UnitId) -> bool {
        let node = self.units.get(id);
        let alone = node.edges.conflicts.is_empty() && node.edges.requisite.is_empty();
        alone && matches!(node.disk, Loaded::Good(_)) && !node.name.is_template()
    }

    fn refusals(&self, order: &[(UnitId, Reason)], seen: &IdSet) -> BTreeMap<UnitId, Outcome> {
        let mut refused = BTreeMap::new();
        let mut work = Vec::new();
        let mut accepted = IdSet::with_room(self.units.len());
        for id in order.iter().map(|(id, _)| *id) {
            let node = self.units.get(id);
            if self.stays_up(id) {
                accepted.insert(id);
                continue;
            }
            let rival = node.edges.conflicts.iter().find(|c| accepted.contains(**c));
            let comes = |o: &&UnitId| seen.contains(**o) || self.stays_up(**o) || self.has_start(**o);
            let absent = node.edges.requisite.iter().find(|other| !comes(other));
            let outcome = match (&node.disk, rival) {
                (Loaded::Good(_), None) if !node.name.is_template() => match absent {
                    Some(other) => Outcome::Dependency { name: self.units.get(*other).name.clone() },
                    None => {
                        accepted.insert(id);
                        continue;
                    }
                },
                (Loaded::Good(_), Some(rival)) => {
                    let reason = format!("it conflicts with {}", self.units.get(*rival).name);
                    Outcome::Config { reason }
                }
                (bad, _) => bad.refusal(&node.name),
            };
            refused.insert(id, outcome);
            work.push(id);
        }
        while let Some(id) = work.pop() {
            let node = self.units.get(id);
            for other in node.edges.required_by.iter().copied() {
                if seen.contains(other) && !self.stays_up(other) && !refused.contains_key(&other) {
                    refused.insert(other, Outcome::Dependency { name: node.name.clone() });
                    work.push(other);
                }
            }
        }
        refused
    }

    pub(super) fn conflicting(&self, needs: &Needs) -> BTreeMap<UnitId, Reason> {
        if needs.smooth {
            return BTreeMap::new();
        }
        let up = |id: &UnitId| self.is_up(*id) || self.has_start(*id);
        let mut rivals = Vec::new();
        for id in needs.feasible().filter(|id| !self.stays_up(*id)) {
            let node = self.units.get(id);
            let there = node.edges.conflicts.iter().copied().filter(up);
            rivals.extend(there.map(|other| (other, Reason::Conflicts(node.name.clone()))));
        }
        self.dependents(rivals, true)
    }

    /// The start of a unit can't even begin.
    fn refuse(&mut self, request: Option<RequestId>, id: UnitId, outcome: Outcome, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        let idle = matches!(node.service.phase, Phase::Dead | Phase::AutoRestart) && node.job.is_none();
        if idle && matches!(outcome, Outcome::Config { .. }) && !matches!(node.disk, Loaded::Missing | Loaded::Masked) {
            let service = &mut self.units.get_mut(id).service;
            let timer = service.deadline.take();
            service.phase = Phase::Dead;
            service.result = outcome.clone();
            self.settle(id, timer, out);
        }
        if let Outcome::Dependency { name } = &outcome
            && !self.is_up(id)
        {
            self.await_return(id, name.clone());
        }
        // Where the same request stops it (it may not stay, and can't come back), the stop's end is what is reported.
        if let Some(request) = request.filter(|r| !self.is_open(*r, id)) {
            self.report(request, id, JobResult::Failed(outcome), out);
        }
        self.check_essential(id, out);
    }

    // ---- stop, restart ----------------------------------------------------------------------------------------

    /// These units and all that go with them, as far as they are up or about to be: what requires them or is part of
    /// them, and (where they stop for good) what their stop is propagated to. The first reason found for a unit counts.
    pub(super) fn dependents(&self, seeds: Vec<(UnitId, Reason)>, for_good: bool) -> BTreeMap<UnitId, Reason> {
        let mut found = BTreeMap::new();
        let mut work: VecDeque<(UnitId, Reason)> = VecDeque::new();
        for (id, reason) in seeds {
            // Also what goes with one that is down already.
            if self.is_up(id) || self.has_start(id) {
                work.push_back((id, reason))
            } else {
                self.spread(id, for_good, &mut work)
            }
        }
        while let Some((id, reason)) = work.pop_front() {
            if (self.is_up(id) || self.has_start(id)) && !found.contains_key(&id) {
                found.insert(id, reason);
                self.spread(id, for_good, &mut work);
            }
        }
        found
    }

    fn spread(&self, id: UnitId, for_good: bool, work: &mut VecDeque<(UnitId, Reason)>) {
        let node = self.units.get(id);
        let edges = &node.edges;
        let requires = |other: &UnitId| match edges.bound_by.binary_search(other) {
            Ok(_) => (*other, Reason::BoundTo(node.name.clone())),
            Err(_) => (*other, Reason::Requires(node.name.clone())),
        };
        work.extend(edges.required_by.iter().map(requires));
        work.extend(edges.parts.iter().map(|other| (*other, Reason::PartOf(node.name.clone()))));
        if for_good {
            work.extend(edges.stops.iter().map(|other| (*other, Reason::StopsWith(node.name.clone()))));
        }
    }

    fn stop(&mut self, request: RequestId, ids: &[UnitId], out: &mut Vec<Action>) {
        let all = self.dependents(asked(ids), true);
        for id in ids.iter().filter(|id| !all.contains_key(id)) {
            self.forget_return(*id);
            self.report(request, *id, JobResult::Already, out);
        }
        self.stop_all(Some(request), &all, out);
    }

    pub(super) fn stop_all(
        &mut self,
        request: Option<RequestId>,
        all: &BTreeMap<UnitId, Reason>,
        out: &mut Vec<Action>,
    ) {
        let mut new = Vec::new();
        for (id, reason) in all {
            new.extend(self.add_job(*id, JobKind::Stop, reason.clone(), request, out));
        }
        self.install(&new, out);
    }

    /// Why a running unit could not be started again now.
    fn bar(&self, id: UnitId) -> Option<Outcome> {
        let node = self.units.get(id);
        match &node.disk {
            Loaded::Good(unit) if is_unlimited(unit, true) => None,
            Loaded::Good(unit) if node.service.limit.is_reached(&unit.service, self.now) => Some(Outcome::StartLimit),
            Loaded::Good(_) => None,
            bad => Some(bad.refusal(&node.name)),
        }
    }

    fn restart(&mut self, request: RequestId, ids: &[UnitId], out: &mut Vec<Action>) {
        // One that could not come up again isn't taken down.
        let mut good = Vec::new();
        for id in ids.iter().copied() {
            match self.bar(id) {
                Some(outcome) => self.report(request, id, JobResult::Failed(outcome), out),
                None => good.push(id),
            }
        }
        let again = self.restarted_with(asked(&good));
        let mut anchors = asked(&good);
        anchors.extend(again.iter().filter(|(id, _)| !good.contains(id)).map(|(id, reason)| (*id, reason.clone())));
        self.start(Some(request), &anchors, &again, out);
    }

    /// What of these units, and of those that go with them, is up and can come up again.
    fn restarted_with(&self, seeds: Vec<(UnitId, Reason)>) -> BTreeMap<UnitId, Reason> {
        let mut again = self.dependents(seeds, false);
        again.retain(|id, _| self.is_up(*id) && self.bar(*id).is_none());
        again
    }

    /// `Restart=`: the unit is started again, and what is part of it restarted, unless `RestartMode=direct`. What requires
    /// it stays as it is.
    pub(super) fn start_again(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        let part = Reason::PartOf(node.name.clone());
        let told = node.unit().service.ending.restart_mode == RestartMode::Normal;
        let parts = node.edges.parts.iter().filter(|other| told && self.stays_up(**other));
        let again = self.restarted_with(parts.map(|other| (*other, part.clone())).collect());
        let mut anchors = vec![(id, Reason::Again)];
        anchors.extend(again.iter().filter(|(other, _)| **other != id).map(|(other, why)| (*other, why.clone())));
        self.start(None, &anchors, &again, out);
    }

    // ---- reload, reset, kill ----------------------------------------------------------------------------------

    fn reload(&mut self, request: RequestId, id: UnitId, out: &mut Vec<Action>) {
        let passes_on = !self.units.get(id).edges.reloads.is_empty();
        match self.bars_reload(id) {
            // One that only passes it on has nothing to do itself.
            Some(NO_RELOAD) if passes_on => self.report(request, id, JobResult::Done, out),
            Some(reason) => {
                self.report(request, id, JobResult::NotApplicable { reason: reason.to_owned() }, out);
                return;
            }
            None => {}
        }
        let mut new = Vec::new();
        let mut seen = BTreeSet::new();
        let mut work = VecDeque::from([(id, Reason::Asked)]);
        while let Some((id, reason)) = work.pop_front() {
            if !seen.insert(id) {
                continue;
            }
            let node = self.units.get(id);
            let told = Reason::ReloadsWith(node.name.clone());
            work.extend(node.edges.reloads.iter().map(|other| (*other, told.clone())));
            if self.bars_reload(id).is_none() {
                new.extend(self.add_job(id, JobKind::Reload, reason, Some(request), out));
            }
        }
        self.install(&new, out);
    }

    /// Why a unit can't be reloaded now.
    fn bars_reload(&self, id: UnitId) -> Option<&'static str> {
        let node = self.units.get(id);
        let down_next = node.job.as_ref().is_some_and(|j| j.kind == JobKind::Stop);
        let coming = self.has_start(id);
        if !coming && (down_next || !self.stays_up(id)) {
            Some("it isn't running")
        } else {
            (!super::service::can_reload(&node.unit())).then_some(NO_RELOAD)
        }
    }

    fn reset_failed(&mut self, request: RequestId, id: UnitId, out: &mut Vec<Action>) {
        self.forget_return(id);
        let service = &mut self.units.get_mut(id).service;
        service.limit = super::limit::StartLimit::default();
        service.restarts = 0;
        if service.phase == Phase::Dead {
            service.result = Outcome::Success;
        }
        self.settle(id, None, out);
        self.report(request, id, JobResult::Done, out);
    }

    fn kill(&mut self, request: RequestId, id: UnitId, signal: i32, whom: Whom, out: &mut Vec<Action>) {
        use super::service::Which;
        let service = &self.units.get(id).service;
        let key = match whom {
            Whom::Main => service.key(Which::Main).map(Some),
            Whom::Control => service.key(Which::Control).map(Some),
            Whom::All => service.token.map(|_| None),
        };
        let result = match (service.token, key) {
            (Some(token), Some(key)) => {
                out.push(Action::Signal { unit: id, token, key, signal });
                JobResult::Done
            }
            _ => JobResult::NotApplicable { reason: "it has no such process".to_owned() },
        };
        self.report(request, id, result, out);
    }

    // ---- jobs -------------------------------------------------------------------------------------------------

    /// Puts a job at a unit, or joins the one there; answers the unit if its job is new or has changed.
    pub(super) fn add_job(
        &mut self,
        id: UnitId,
        kind: JobKind,
        reason: Reason,
        request: Option<RequestId>,
        out: &mut Vec<Action>,
    ) -> Option<UnitId> {
        if kind == JobKind::Stop {
            self.forget_return(id);
        }
        let old = self.units.get(id).job.as_ref().map(|j| (j.kind, j.running));
        let joins = match (old, kind) {
            (None, _) => false,
            (Some((old, _)), new) if old == new => true,
            // It comes up anew either way, and with its new configuration.
            (Some((JobKind::Restart, _)), JobKind::Start | JobKind::Reload) => true,
            (Some((JobKind::Start, _)), JobKind::Reload) => true,
            (Some((JobKind::Start, running)), JobKind::Restart) => !running && !self.is_up(id),
            (Some(_), _) => false,
        };
        if joins {
            if let Some(request) = request {
                self.expect(request, id);
            }
            let job = &mut self.units.get_mut(id).job;
            if let (Some(job), Some(request)) = (job, request)
                && !job.requests.contains(&request)
            {
                job.requests.push(request);
            }
            return None;
        }
        if old.is_some() {
            self.end_job(id, JobResult::Replaced, out);
        }
        let now = self.now;
        if kind == JobKind::Stop && !self.is_up(id) && self.units.get(id).service.call != Call::Due {
            // Its start was called off before it had begun.
            if let Some(request) = request {
                self.report(request, id, JobResult::Done, out);
            }
            return None;
        }
        if let Some(request) = request {
            self.expect(request, id);
        }
        let requests = request.into_iter().collect();
        let cause = Cause { job: kind, reason: reason.clone(), request, at: now };
        let cause = (kind != JobKind::Reload).then(|| self.causes.share(cause));
        let node = self.units.get_mut(id);
        node.cause = cause.or(node.cause.take());
        let job = Job {
            kind,
            running: false,
            requests,
            dropped: Vec::new(),
            reason,
            since: now,
            began: None,
            deadline: None,
        };
        node.job = Some(Box::new(job));
        self.time_job(id);
        Some(id)
    }

    /// New jobs are complete: cuts loops, then lets run what can.
    pub(super) fn install(&mut self, new: &[UnitId], out: &mut Vec<Action>) {
        self.cut_loops(new, out);
        self.queue.extend(new);
    }
}
