//! Jobs: at most one for each unit, each with the requests that wait for it; when they may run and how they end.
//!
//! A job waits for jobs of units it is ordered against, never for a unit without a job. A stop goes before a start;
//! starts go in order, stops in reverse. So a start (or reload) waits for any job of a unit that it is *after*, and for
//! the stop of one that is after it; a stop waits for the stops of those after it. Stops never wait for starts, and once
//! loops are cut ([`super::cycle`]) nothing can wait for itself. A waiting job is looked at again only when the job it was last seen
//! to wait for has ended or changed, from where the search stopped: start of n units with e edges is O(n+e).

use super::limit::is_unlimited;
use super::reason::Reason;
use super::service::{Call, Input, Wanted, can_reload, command};
use super::{Action, Core, JobResult, Loaded, Millis, Occasion, Outcome, Phase, RequestId, UnitId};
use crate::unit::name::Kind;
use crate::unit::{ExecKind, UnitName};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// What comes up by itself and can't be started now (what it requires can't be had, its file is bad, a condition says no,
/// something conflicts) is tried again so much later.
pub(super) const RETRY: Millis = 1000;

/// Why one without `ExecReload=` can't be reloaded.
pub(super) const NO_RELOAD: &str = "it has no ExecReload=";

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Start.
    Start,
    /// Stop.
    Stop,
    /// Stop, then start. Becomes [`JobKind::Start`] when the unit is down.
    Restart,
    /// Reload.
    Reload,
}

impl JobKind {
    /// The verb.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }

    /// Whether the unit goes down next.
    pub fn goes_down(self) -> bool {
        matches!(self, Self::Stop | Self::Restart)
    }
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub kind: JobKind,
    /// Its unit is being worked on.
    pub running: bool,
    /// Who wants to know; empty for an automatic restart.
    pub requests: Vec<RequestId>,
    /// Units that this one isn't ordered after in this transaction: edges dropped to cut a loop.
    pub dropped: Vec<UnitId>,
    pub reason: Reason,
    /// When it was made.
    pub since: Millis,
    /// When it began to run.
    pub began: Option<Millis>,
    /// When it is given up (`JobTimeoutSec=`, `JobRunningTimeoutSec=`).
    pub deadline: Option<Millis>,
}

impl Core {
    /// Whether `later` (which has a job) is ordered after `earlier` as far as its transaction goes.
    fn ordered(&self, later: UnitId, earlier: UnitId) -> bool {
        self.units.get(later).job.as_ref().is_none_or(|j| !j.dropped.contains(&earlier))
    }

    pub(super) fn blocks_from_before(&self, id: UnitId, kind: JobKind, earlier: UnitId) -> bool {
        !kind.goes_down() && self.units.get(earlier).job.is_some() && self.ordered(id, earlier)
    }

    pub(super) fn blocks_from_after(&self, id: UnitId, later: UnitId) -> bool {
        let node = self.units.get(later);
        node.job.as_ref().is_some_and(|j| j.kind.goes_down())
            && self.ordered(later, id)
            && node.edges.start_after.binary_search(&id).is_err()
    }

    /// Every unit whose job this unit's job waits for.
    pub(super) fn blockers(&self, id: UnitId) -> Vec<UnitId> {
        let node = self.units.get(id);
        let Some(job) = node.job.as_ref().filter(|j| !j.running) else { return Vec::new() };
        let earlier = node.edges.after.iter().filter(|b| self.blocks_from_before(id, job.kind, **b));
        let later = node.edges.before.iter().filter(|b| self.blocks_from_after(id, **b));
        let stops = self.level_stops.iter().filter(|_| self.waits_for_stops(id));
        let mut all: Vec<UnitId> = earlier.chain(later).chain(stops).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// One unit that blocks, searched from where the last search ended, all around.
    fn blocker(&mut self, id: UnitId, kind: JobKind) -> Option<UnitId> {
        if let Some(stop) = self.level_stops.first().filter(|_| self.waits_for_stops(id)) {
            return Some(*stop);
        }
        let node = self.units.get(id);
        let (after, before) = (&node.edges.after, &node.edges.before);
        let n = after.len().saturating_add(before.len());
        let start = usize::try_from(node.cursor).ok().filter(|at| *at < n).unwrap_or(0);
        let found = (start..n).chain(0..start).find_map(|i| {
            let blocked = match after.get(i) {
                Some(b) => self.blocks_from_before(id, kind, *b).then_some(*b),
                None => before.get(i.saturating_sub(after.len())).filter(|b| self.blocks_from_after(id, **b)).copied(),
            };
            blocked.map(|b| (i, b))
        });
        let (cursor, by) = found.map_or((0, None), |(i, b)| (i, Some(b)));
        // Only where it may go on: any other is as good.
        self.units.scratch(id).cursor = u32::try_from(cursor).unwrap_or(0);
        by
    }

    /// Looks at every job that may run now.
    pub(super) fn run_queue(&mut self, out: &mut Vec<Action>) {
        while let Some(id) = self.queue.pop_front() {
            self.try_job(id, out);
        }
    }

    fn try_job(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let Some(kind) = self.units.get(id).job.as_ref().filter(|j| !j.running).map(|j| j.kind) else { return };
        if let Some(blocker) = self.blocker(id, kind) {
            self.units.scratch(blocker).waiters.push(id);
            return;
        }
        let phase = self.units.get(id).service.phase;
        match kind {
            JobKind::Start => self.try_start(id, phase, out),
            JobKind::Stop if phase == Phase::Dead && self.units.get(id).service.call == Call::Due => self.call(id, out),
            JobKind::Stop if phase == Phase::Dead => self.end_job(id, JobResult::Already, out),
            JobKind::Restart if phase == Phase::Dead => self.turn_to_start(id),
            JobKind::Stop | JobKind::Restart => {
                self.set_running(id);
                self.units.get_mut(id).service.to_restart = kind == JobKind::Restart;
                self.drive(id, Input::Stop, out);
            }
            JobKind::Reload => self.try_reload(id, phase, out),
        }
    }

    fn try_start(&mut self, id: UnitId, phase: Phase, out: &mut Vec<Action>) {
        match phase {
            Phase::AutoRestart if self.is_too_soon(id) => self.put_off(id),
            Phase::Dead | Phase::AutoRestart => self.begin(id, out),
            Phase::Check | Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost => self.set_running(id),
            Phase::Running | Phase::Exited | Phase::Reload => self.end_job(id, JobResult::Already, out),
            // It is looked at again when the unit is down.
            Phase::Stop
            | Phase::StopSignal
            | Phase::StopAbort
            | Phase::StopKill
            | Phase::StopPost
            | Phase::FinalSignal
            | Phase::FinalKill => {}
        }
    }

    /// Nobody asked, another unit's automatic restart needs it: as its own would, it keeps its distance from the last start.
    fn is_too_soon(&self, id: UnitId) -> bool {
        let node = self.units.get(id);
        node.job.as_ref().is_some_and(|j| j.requests.is_empty()) && self.now < node.service.pace.earliest()
    }

    fn put_off(&mut self, id: UnitId) {
        let service = &mut self.units.get_mut(id).service;
        let (old, at) = (service.deadline, service.pace.earliest());
        service.deadline = Some(at);
        self.deadlines.insert((at, id));
        if let Some(old) = old.filter(|old| *old != at) {
            self.deadlines.remove(&(old, id));
        }
    }

    fn try_reload(&mut self, id: UnitId, phase: Phase, out: &mut Vec<Action>) {
        match phase {
            // While it waited, a new manager may have read another definition.
            Phase::Running | Phase::Exited if !can_reload(&self.units.get(id).unit()) => {
                self.end_job(id, JobResult::NotApplicable { reason: NO_RELOAD.to_owned() }, out);
            }
            // Nobody is left to hear a signal.
            Phase::Exited if command(&self.units.get(id).unit(), ExecKind::Reload, 0).is_none() => {
                self.end_job(id, JobResult::NotApplicable { reason: "it has ended already".to_owned() }, out);
            }
            Phase::Running | Phase::Exited => {
                self.set_running(id);
                self.drive(id, Input::Reload, out);
            }
            Phase::Check | Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost | Phase::Reload => {}
            _ => self.end_job(id, JobResult::NotApplicable { reason: "it isn't running".to_owned() }, out),
        }
    }

    /// A new instance.
    fn begin(&mut self, id: UnitId, out: &mut Vec<Action>) {
        if let Some(name) = self.lacks(id) {
            self.end_job(id, JobResult::Failed(Outcome::Dependency { name }), out);
            return;
        }
        self.set_running(id);
        self.forget_return(id);
        let now = self.now;
        let node = self.units.get_mut(id);
        let asked = node.cause.as_ref().is_some_and(|cause| cause.request.is_some());
        let refusal = match &node.disk {
            Loaded::Good(unit) if is_unlimited(unit, asked) || node.service.limit.admit(&unit.service, now) => {
                node.running = Some(Rc::clone(unit));
                None
            }
            Loaded::Good(_) => Some(Outcome::StartLimit),
            bad => Some(bad.refusal(&node.name)),
        };
        match refusal {
            None => {
                self.note_monitored(id);
                let node = self.units.get_mut(id);
                if let Some(job) = &node.job {
                    node.service.times.ask(job.since);
                }
                let token = self.new_token();
                self.drive(id, Input::Start(token), out);
            }
            Some(outcome) => {
                node.service.phase = Phase::Dead;
                let timer = node.service.deadline.take();
                node.service.since = now;
                node.service.result = outcome.clone();
                node.running = None;
                self.settle(id, timer, out);
                if outcome == Outcome::StartLimit {
                    self.check_action(id, Occasion::StartLimit, out);
                }
                self.end_job(id, JobResult::Failed(outcome), out);
            }
        }
    }

    /// `ExecStop=` of a unit that is down.
    fn call(&mut self, id: UnitId, out: &mut Vec<Action>) {
        self.set_running(id);
        let token = self.new_token();
        let node = self.units.get_mut(id);
        node.running = Some(node.unit());
        self.drive(id, Input::Call(token), out);
    }

    /// Processes of a unit are there that nobody here has started.
    pub(super) fn found(&mut self, name: &UnitName, main: Option<(i32, u64)>, out: &mut Vec<Action>) {
        let Some(id) = self.units.find(name).filter(|_| self.may_restart()) else { return };
        let node = self.units.get(id);
        let input = match (&node.disk, node.service.token) {
            (_, Some(token)) => Input::Found(token, main),
            (Loaded::Good(unit), None) if unit.name.kind() == Kind::Service => {
                let unit = Rc::clone(unit);
                self.forget_return(id);
                self.units.get_mut(id).running = Some(unit);
                Input::Found(self.new_token(), main)
            }
            _ => return,
        };
        self.drive(id, input, out);
    }

    fn new_token(&mut self) -> u64 {
        let token = self.next_token;
        self.next_token = token.saturating_add(1);
        self.dirty.token = true;
        token
    }

    fn set_running(&mut self, id: UnitId) {
        let now = self.now;
        if let Some(job) = &mut self.units.get_mut(id).job {
            job.running = true;
            job.began = Some(now);
        }
        self.note_idle(id);
        self.time_job(id);
    }

    fn turn_to_start(&mut self, id: UnitId) {
        if let Some(job) = &mut self.units.get_mut(id).job {
            job.kind = JobKind::Start;
            job.running = false;
            job.began = None;
        }
        self.note_idle(id);
        self.time_job(id);
        self.release(id);
        self.queue.push_back(id);
    }

    /// Who waited for this unit's job looks again.
    pub(super) fn release(&mut self, id: UnitId) {
        let waiters = std::mem::take(&mut self.units.scratch(id).waiters);
        self.queue.extend(waiters.iter());
    }

    /// The unit has moved: does that end its job, or let it begin?
    pub(super) fn advance(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        let Some(job) = &node.job else { return };
        if !job.running {
            self.queue.push_back(id);
            return;
        }
        let service = &node.service;
        let good = service.result == Outcome::Success;
        let failed = || JobResult::Failed(service.result.clone());
        let result = match (job.kind, service.phase) {
            (JobKind::Start, Phase::Running | Phase::Exited | Phase::Reload) => Some(JobResult::Done),
            (JobKind::Start, Phase::Check | Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost) => {
                None
            }
            (JobKind::Start, Phase::Dead) if service.result.is_skip() => {
                Some(JobResult::Skipped(service.result.clone()))
            }
            (JobKind::Start, Phase::Dead | Phase::AutoRestart) if !good => Some(failed()),
            (JobKind::Start, _) if service.started && good => Some(JobResult::Done),
            (JobKind::Start, Phase::Dead | Phase::AutoRestart) => Some(JobResult::Failed(Outcome::Protocol)),
            (JobKind::Start, _) => None,
            (JobKind::Stop, Phase::Dead) => Some(JobResult::Done),
            (JobKind::Stop, _) => None,
            (JobKind::Restart, Phase::Dead) => return self.turn_to_start(id),
            (JobKind::Restart, _) => None,
            (JobKind::Reload, Phase::Reload) => None,
            (JobKind::Reload, Phase::Running | Phase::Exited) => {
                Some(service.reload.as_deref().cloned().map_or(JobResult::Done, JobResult::Failed))
            }
            (JobKind::Reload, _) if good => Some(JobResult::Failed(Outcome::Protocol)),
            (JobKind::Reload, _) => Some(failed()),
        };
        if let Some(result) = result {
            self.end_job(id, result, out);
        }
    }

    /// Ends a unit's job; a failed start takes the waiting starts of what requires it along.
    pub(super) fn end_job(&mut self, id: UnitId, result: JobResult, out: &mut Vec<Action>) {
        let mut work = vec![(id, result)];
        while let Some((id, result)) = work.pop() {
            let Some(job) = self.units.get_mut(id).job.take() else { continue };
            self.note_idle(id);
            if let Some(at) = job.deadline {
                self.job_deadlines.remove(&(at, id));
            }
            self.units.scratch(id).cursor = 0;
            self.level_stops.remove(&id);
            self.release(id);
            self.job_ended(id, job.kind, &result);
            if job.kind == JobKind::Start && matches!(result, JobResult::Failed(_)) {
                self.units.get_mut(id).service.times.give_up(job.since, self.now);
                let node = self.units.get(id);
                for other in &node.edges.required_by {
                    let waits = |j: &Job| j.kind == JobKind::Start && !j.running;
                    if self.units.get(*other).job.as_deref().is_some_and(waits) {
                        work.push((*other, JobResult::Failed(Outcome::Dependency { name: node.name.clone() })));
                    }
                }
                self.check_essential(id, out);
            }
            for request in job.requests {
                self.report(request, id, result.clone(), out);
            }
            if self.units.get(id).service.phase == Phase::AutoRestart {
                self.retry_restart(id);
            }
        }
    }

    /// An automatic restart that couldn't even begin, for want of what the unit requires, is tried again; not too soon.
    pub(super) fn retry_restart(&mut self, id: UnitId) {
        if self.units.get(id).service.deadline.is_none() {
            let node = self.units.get(id);
            let delay = super::limit::millis(node.unit().service.timing.restart_sec).saturating_add(RETRY);
            let at = self.now.saturating_add(delay).max(node.service.pace.earliest());
            self.units.get_mut(id).service.deadline = Some(at);
            self.deadlines.insert((at, id));
        }
    }

    /// An essential service that is down and won't come back by itself ends the container, once.
    pub(super) fn check_essential(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        let again = node.job.as_ref().is_some_and(|j| matches!(j.kind, JobKind::Restart | JobKind::Start));
        let ending = self.levels.over.is_some() || self.levels.down.is_some();
        let over = node.service.phase == Phase::Dead && !again && !ending;
        if !node.unit().service.essential || !over || self.comes_back(id) {
            return;
        }
        // One that was stopped as it should be has not failed, whichever signal that took.
        let stopped = node.service.wanted == Wanted::Down && node.service.result == Outcome::Success;
        let status = if stopped { 0 } else { exit_status(&node.service.result, node.service.pace.status()) };
        self.levels.over = Some((node.name.clone(), status));
        self.dirty.levels = true;
        out.push(Action::EssentialOver { unit: id, status });
    }
}

/// The status that a container ends with for a run that ended like this.
pub(super) fn exit_status(result: &Outcome, last: Option<super::ExitRecord>) -> i32 {
    use super::ExitRecord;
    let exit = match result {
        skip if skip.is_skip() => return 0,
        Outcome::Exited { exit, .. } => Some(*exit),
        Outcome::Success => last,
        Outcome::Config { .. } => return 127,
        Outcome::Skipped { .. } => return 0,
        Outcome::Timeout { .. }
        | Outcome::Protocol
        | Outcome::Watchdog
        | Outcome::StartLimit
        | Outcome::Dependency { .. }
        | Outcome::JobTimeout
        | Outcome::Abandoned { .. }
        | Outcome::Assert { .. } => {
            return last.map_or(1, |e| exit_status(&Outcome::Success, Some(e))).max(1);
        }
    };
    match exit {
        None => 0,
        Some(ExitRecord::Code(code)) => code,
        Some(ExitRecord::Signal(n) | ExitRecord::Core(n)) => n.saturating_add(128),
        Some(ExitRecord::NotRun { errno: 2, .. }) => 127,
        Some(ExitRecord::NotRun { .. }) => 126,
        Some(ExitRecord::Unknown) => 1,
    }
}
