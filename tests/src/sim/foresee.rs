//! Plans are never wrong: what was foretold of a request is compared with what then happens, for as long as nothing else
//! comes between.

use init::core::{Action, Ask, Core, Deed, JobResult, Millis, Plan, RequestId, State, UnitId};
use init::unit::{ExecKind, UnitName};
use std::collections::{BTreeMap, BTreeSet};

/// A plan that was made just before its request.
#[derive(Debug)]
pub struct Foreseen {
    request: RequestId,
    plan: Plan,
    /// Units with a job before it, and which.
    busy: BTreeMap<UnitName, &'static str>,
    /// Units that were on their way up then.
    coming: BTreeSet<UnitName>,
    /// Units whose job for the request has ended.
    ended: BTreeSet<UnitName>,
    taken_in: bool,
}

impl Foreseen {
    /// Asks for the plan of a request that is about to be made.
    pub fn new(core: &Core, request: RequestId, ask: &Ask, now: Millis) -> Self {
        let busy = core.ids().filter_map(|id| Some((core.name(id).clone(), core.view(id).job?.0))).collect();
        let coming = core.ids().map(|id| core.view(id)).filter(|view| view.state == State::Activating);
        let coming = coming.map(|view| view.name.clone()).collect();
        Self { request, plan: core.plan(ask, now), busy, coming, ended: BTreeSet::new(), taken_in: false }
    }

    /// One batch of actions and the core after it. Answers what differs; `Ok(false)`: the plan no longer binds.
    pub fn batch(&mut self, core: &Core, actions: &[Action]) -> Result<bool, String> {
        let mut binds = true;
        for action in actions {
            match action {
                Action::JobDone { request, unit, result } if *request == self.request => {
                    self.ended.insert(core.name(*unit).clone());
                    let foretold = self.plan.refused.iter().any(|r| r.unit == *core.name(*unit));
                    binds &= matches!(result, JobResult::Done | JobResult::Already) || foretold;
                }
                // The first process of one that was stopped before it had any is no start.
                Action::Spawn { unit, key, kind, .. }
                    if key.step == 0 && !matches!(kind, ExecKind::Stop | ExecKind::StopPost) && binds =>
                {
                    self.started(core, *unit)?
                }
                Action::Spawn { unit, kind: ExecKind::Stop, .. } if binds => self.stopped(core, *unit)?,
                Action::CycleBroken { members, dropped: (later, earlier) } if !self.taken_in => {
                    let (later, earlier) = (core.name(*later), core.name(*earlier));
                    let planned = members.iter().all(|unit| self.is_planned(core, *unit));
                    if planned && !self.plan.cuts.iter().any(|c| c.later == *later && c.earlier == *earlier) {
                        return Err(format!("{later} isn't ordered after {earlier}, which the plan didn't say"));
                    }
                }
                // What has come up since makes another order of it.
                Action::CycleBroken { .. } => binds = false,
                _ => {}
            }
        }
        if !self.taken_in {
            self.taken_in = true;
            self.jobs(core)?;
        }
        let done = actions.iter().any(|a| matches!(a, Action::RequestDone { request } if *request == self.request));
        if done && binds {
            self.whole(core)?;
        }
        Ok(binds && !done)
    }

    /// Whether a unit's job is the request's own, or was there before: what only follows from the request, in the same
    /// turn, has a transaction of its own, whose loops no plan tells of.
    fn is_planned(&self, core: &Core, unit: UnitId) -> bool {
        let name = core.name(unit);
        match core.view(unit).job {
            Some((_, requests)) if requests.contains(&self.request) => true,
            // One whose job of the request, or before it, has ended has this one from what followed.
            Some((word, _)) => self.busy.get(name) == Some(&word) && !self.ended.contains(name),
            None => self.busy.contains_key(name) || self.steps(name).next().is_some(),
        }
    }

    fn steps(&self, unit: &UnitName) -> impl Iterator<Item = &init::core::Step> {
        self.plan.steps.iter().filter(move |s| s.unit == *unit)
    }

    /// Just after the request was taken in: its jobs are those of the plan.
    fn jobs(&self, core: &Core) -> Result<(), String> {
        for id in core.ids() {
            let view = core.view(id);
            let Some((word, requests)) = view.job else { continue };
            if !requests.contains(&self.request) {
                continue;
            }
            let fits = |s: &init::core::Step| match s.deed {
                Deed::Stop => word == "stop" || s.restart && matches!(word, "restart" | "start"),
                Deed::Start => word == "start" || s.restart && word == "restart",
                Deed::Reload => word == "reload" || self.busy.contains_key(view.name),
                Deed::CallOff | Deed::Signal | Deed::Reset => false,
            };
            if !self.steps(view.name).any(fits) {
                return Err(format!("{:?} has a {word} job, which the plan didn't say: {:?}", view.name, self.plan));
            }
            let reason = view.job_reason.filter(|_| !self.busy.contains_key(view.name));
            if reason.is_some_and(|r| !self.steps(view.name).any(|s| s.reason == *r)) {
                return Err(format!("{:?}: {reason:?} isn't the plan's reason: {:?}", view.name, self.plan));
            }
        }
        for step in &self.plan.steps {
            let Some(id) = core.id(&step.unit) else { continue };
            let at_work = core.view(id).job.is_some() || core.view(id).cause.is_some();
            if !at_work && !self.ended.contains(&step.unit) {
                return Err(format!("nothing is done to {:?}: {step:?}", step.unit));
            }
        }
        Ok(())
    }

    /// A unit begins to start: was it to, and have those gone before that were to?
    fn started(&self, core: &Core, unit: UnitId) -> Result<(), String> {
        let name = core.name(unit);
        // A start that was under way goes on while its stop or restart waits for others.
        let mine = |(word, requests): (&str, &[RequestId])| word == "start" && requests.contains(&self.request);
        if !core.view(unit).job.is_some_and(mine) {
            return Ok(());
        }
        // One that nobody waited for any more goes on, too, while its new job waits.
        if self.coming.contains(name) && !core.view(unit).waits_for.is_empty() {
            return Ok(());
        }
        match self.steps(name).find(|s| s.deed == Deed::Start) {
            Some(step) => self.goes_before(core, name, step),
            None => Err(format!("{name:?} starts, which the plan didn't say: {:?}", self.plan)),
        }
    }

    fn stopped(&self, core: &Core, unit: UnitId) -> Result<(), String> {
        let (name, view) = (core.name(unit), core.view(unit));
        // One that goes down by itself while its job waits is nobody's mistake.
        if !view.waits_for.is_empty() || view.job.is_none_or(|(_, requests)| !requests.contains(&self.request)) {
            return Ok(());
        }
        let step = self.steps(name).find(|s| s.deed == Deed::Stop && !s.under_way);
        step.map_or(Ok(()), |step| self.goes_before(core, name, step))
    }

    fn goes_before(&self, core: &Core, name: &UnitName, step: &init::core::Step) -> Result<(), String> {
        let waits = |other: &&UnitName| {
            let plain = self.steps(other).all(|s| !s.restart && !s.under_way);
            plain && self.steps(other).next().is_some() && !self.busy.contains_key(*other)
        };
        // The end of a job that only follows from another is told to nobody: it is over when there is none.
        let over = |other: &UnitName| {
            self.ended.contains(other) || core.id(other).is_none_or(|id| core.view(id).job.is_none())
        };
        match step.after.iter().filter(waits).find(|other| !over(other)) {
            Some(other) => Err(format!("{name:?} goes before {other:?}, against the plan {:?}", self.plan.steps)),
            None => Ok(()),
        }
    }

    /// The request is done and all went well: nothing of the plan is left out.
    fn whole(&self, core: &Core) -> Result<(), String> {
        let mine = |s: &&init::core::Step| matches!(s.deed, Deed::Stop | Deed::Start | Deed::Reload);
        let left = self.plan.steps.iter().filter(mine).find(|s| {
            let internal = core.id(&s.unit).is_none_or(|id| core.view(id).cause.is_some_and(|c| c.request.is_none()));
            !self.ended.contains(&s.unit) && !internal && !s.under_way
        });
        left.map_or(Ok(()), |s| Err(format!("the request is done, and this step of its plan isn't: {s:?}")))
    }
}
