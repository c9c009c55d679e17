//! From a request to a consistent set of jobs, at most one for each unit.
//!
//! A start takes along what the unit requires (and fails without it) and wants (and goes on without it), and stops what
//! it conflicts with. A stop takes along what runs and requires the unit; so does a restart, which restarts it. Against
//! jobs that are there already the later request wins: equal ones are joined, opposite ones replaced.

use super::job::{Job, JobKind};
use super::{Action, Core, JobResult, Loaded, Outcome, Phase, RequestId, UnitId, Verb, Whom};
use crate::unit::UnitName;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a start needs, hard needs first.
pub(super) struct Needs {
    /// In the order found, anchors first.
    pub order: Vec<UnitId>,
    /// Those of `order` that can't be started, and why.
    pub refused: BTreeMap<UnitId, Outcome>,
}

impl Needs {
    /// Those that can be had.
    pub fn feasible(&self) -> impl Iterator<Item = UnitId> {
        self.order.iter().copied().filter(|id| !self.refused.contains_key(id))
    }
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
        match verb {
            Verb::Start => self.start(Some(request), &ids, &BTreeSet::new(), out),
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
            Verb::Kill { signal, whom } => ids.into_iter().for_each(|id| self.kill(request, id, *signal, *whom, out)),
        }
    }

    /// Running, on its way up or down, or waiting for its automatic restart.
    pub(super) fn is_up(&self, id: UnitId) -> bool {
        self.units.get(id).service.phase != Phase::Dead
    }

    fn has_start(&self, id: UnitId) -> bool {
        self.units.get(id).job.as_ref().is_some_and(|j| matches!(j.kind, JobKind::Start | JobKind::Restart))
    }

    /// Active, and nothing is about to change that.
    fn stays_up(&self, id: UnitId) -> bool {
        let node = self.units.get(id);
        matches!(node.service.phase, Phase::Running | Phase::Exited | Phase::Reload)
            && node.job.as_ref().is_none_or(|j| !j.kind.goes_down())
    }

    // ---- start ------------------------------------------------------------------------------------------------

    /// Starts units with what they need; those in `again` are restarted instead.
    pub(super) fn start(
        &mut self,
        request: Option<RequestId>,
        anchors: &[UnitId],
        again: &BTreeSet<UnitId>,
        out: &mut Vec<Action>,
    ) {
        let needs = self.needs(anchors);
        let stops = self.conflicting(&needs);
        let anchors: BTreeSet<UnitId> = anchors.iter().copied().collect();
        let mut new = Vec::new();
        for id in &needs.order {
            let refusal = match needs.refused.get(id) {
                None if stops.contains(id) => Some(Outcome::Config {
                    reason: "it conflicts with a unit that is started at the same time".to_owned(),
                }),
                other => other.cloned(),
            };
            match refusal {
                Some(outcome) => self.refuse(request, *id, outcome, out),
                None if again.contains(id) => new.extend(self.add_job(*id, JobKind::Restart, request, out)),
                None if !self.stays_up(*id) => new.extend(self.add_job(*id, JobKind::Start, request, out)),
                None => {
                    if let Some(request) = request.filter(|_| anchors.contains(id)) {
                        self.report(request, *id, JobResult::Already, out);
                    }
                }
            }
        }
        for id in stops {
            new.extend(self.add_job(id, JobKind::Stop, request, out));
        }
        self.install(&new, out);
    }

    /// Everything these units need, and what of it can't be had.
    pub(super) fn needs(&self, anchors: &[UnitId]) -> Needs {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        let mut hard: VecDeque<UnitId> = anchors.iter().copied().collect();
        let mut soft: VecDeque<UnitId> = VecDeque::new();
        loop {
            let id = match hard.pop_front() {
                Some(id) => id,
                None => match soft.pop_front() {
                    // What is wanted and isn't there is nobody's failure.
                    Some(id) if matches!(self.units.get(id).disk, Loaded::Missing | Loaded::Masked) => continue,
                    Some(id) => id,
                    None => break,
                },
            };
            if seen.insert(id) {
                order.push(id);
                let edges = &self.units.get(id).edges;
                hard.extend(&edges.requires);
                soft.extend(&edges.wants);
            }
        }
        let refused = self.refusals(&order, &seen);
        Needs { order, refused }
    }

    fn refusals(&self, order: &[UnitId], seen: &BTreeSet<UnitId>) -> BTreeMap<UnitId, Outcome> {
        let mut refused = BTreeMap::new();
        let mut work = Vec::new();
        let mut accepted = BTreeSet::new();
        for id in order.iter().copied() {
            let node = self.units.get(id);
            if self.stays_up(id) {
                accepted.insert(id);
                continue;
            }
            let rival = node.edges.conflicts.iter().find(|c| accepted.contains(*c));
            let outcome = match (&node.disk, rival) {
                (Loaded::Good(_), None) if !node.name.is_template() => {
                    accepted.insert(id);
                    continue;
                }
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
                if seen.contains(&other) && !self.stays_up(other) && !refused.contains_key(&other) {
                    refused.insert(other, Outcome::Dependency { name: node.name.clone() });
                    work.push(other);
                }
            }
        }
        refused
    }

    fn conflicting(&self, needs: &Needs) -> BTreeSet<UnitId> {
        let rivals: Vec<UnitId> = needs
            .feasible()
            .filter(|id| !self.stays_up(*id))
            .flat_map(|id| self.units.get(id).edges.conflicts.iter().copied())
            .collect();
        self.dependents(&rivals)
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
        // Where the same request stops it (it may not stay, and can't come back), the stop's end is what is reported.
        if let Some(request) = request.filter(|r| !self.is_open(*r, id)) {
            self.report(request, id, JobResult::Failed(outcome), out);
        }
        self.check_essential(id, out);
    }

    // ---- stop, restart ----------------------------------------------------------------------------------------

    /// These units and all that require them, as far as they are up or about to be.
    pub(super) fn dependents(&self, ids: &[UnitId]) -> BTreeSet<UnitId> {
        let mut found = BTreeSet::new();
        let mut work: Vec<UnitId> = ids.to_vec();
        while let Some(id) = work.pop() {
            if (self.is_up(id) || self.has_start(id)) && found.insert(id) {
                work.extend(&self.units.get(id).edges.required_by);
            }
        }
        found
    }

    fn stop(&mut self, request: RequestId, ids: &[UnitId], out: &mut Vec<Action>) {
        let all = self.dependents(ids);
        for id in ids.iter().filter(|id| !all.contains(id)) {
            self.report(request, *id, JobResult::Already, out);
        }
        self.stop_all(request, &all, out);
    }

    pub(super) fn stop_all(&mut self, request: RequestId, ids: &BTreeSet<UnitId>, out: &mut Vec<Action>) {
        let mut new = Vec::new();
        for id in ids {
            new.extend(self.add_job(*id, JobKind::Stop, Some(request), out));
        }
        self.install(&new, out);
    }

    /// Why a running unit could not be started again now.
    fn bar(&self, id: UnitId) -> Option<Outcome> {
        let node = self.units.get(id);
        match &node.disk {
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
        let mut again = self.dependents(&good);
        again.retain(|id| self.is_up(*id) && self.bar(*id).is_none());
        let mut anchors = good;
        anchors.extend(again.iter().filter(|id| !anchors.contains(id)).copied().collect::<Vec<_>>());
        self.start(Some(request), &anchors, &again, out);
    }

    // ---- reload, reset, kill ----------------------------------------------------------------------------------

    fn reload(&mut self, request: RequestId, id: UnitId, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        let down_next = node.job.as_ref().is_some_and(|j| j.kind == JobKind::Stop);
        let coming = self.has_start(id);
        let reason = if !coming && (down_next || !self.stays_up(id)) {
            Some("it isn't running")
        } else if !super::service::can_reload(&node.unit()) {
            Some("it has no ExecReload=")
        } else {
            None
        };
        match reason {
            Some(reason) => {
                self.report(request, id, JobResult::NotApplicable { reason: reason.to_owned() }, out);
            }
            None => {
                let new: Vec<UnitId> = self.add_job(id, JobKind::Reload, Some(request), out).into_iter().collect();
                self.install(&new, out);
            }
        }
    }

    fn reset_failed(&mut self, request: RequestId, id: UnitId, out: &mut Vec<Action>) {
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
        request: Option<RequestId>,
        out: &mut Vec<Action>,
    ) -> Option<UnitId> {
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
        if kind == JobKind::Stop && !self.is_up(id) {
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
        self.units.get_mut(id).job = Some(Job { kind, running: false, requests, dropped: Vec::new() });
        Some(id)
    }

    /// New jobs are complete: cuts loops, then lets run what can.
    pub(super) fn install(&mut self, new: &[UnitId], out: &mut Vec<Action>) {
        self.cut_loops(new, out);
        self.queue.extend(new);
    }
}
