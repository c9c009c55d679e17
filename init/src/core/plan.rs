//! The plan oracle: what a request would do, and why, without doing it.
//!
//! A plan is made by the code that makes the deed: the request is put to a copy of the core, whose jobs are then read
//! and never run. So plan and deed can't come to differ; the copy costs O(n+e), as the request itself does.

use super::job::{Job, JobKind};
use super::{Action, Ask, Core, Course, JobResult, Millis, Reason, RequestId, UnitId, Verb};
use crate::unit::UnitName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The name of the request that is only put to a copy.
const REHEARSAL: RequestId = RequestId::MAX;

/// What is done to one unit in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// It is stopped; a restart's first half where a [`Deed::Start`] of the same unit follows.
    Stop,
    /// Its start, which waits for others, is called off.
    CallOff,
    /// It is started; a restart's second half where a [`Deed::Stop`] of the same unit comes before.
    Start,
    /// It is reloaded.
    Reload,
    /// It gets a signal.
    Signal,
    /// Its failure is forgotten.
    Reset,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Steps of one wave wait only for those of earlier waves; counted from 1.
    pub wave: usize,
    /// What is done.
    pub deed: Deed,
    /// To which unit.
    pub unit: UnitName,
    /// Why.
    pub reason: Reason,
    /// Half of a restart.
    #[serde(default)]
    pub restart: bool,
    /// It was asked for before, and has not ended.
    #[serde(default)]
    pub under_way: bool,
    /// The units whose steps it waits for.
    #[serde(default)]
    pub after: Vec<UnitName>,
}

/// What won't be done, and how that would be reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which unit.
    pub unit: UnitName,
    /// The job's result.
    pub result: JobResult,
}

/// A loop in the order, and the edge that would be dropped for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Each ordered after the next, the last after the first.
    pub members: Vec<UnitName>,
    /// This one would no longer wait …
    pub later: UnitName,
    /// … for this one.
    pub earlier: UnitName,
}

/// What a request would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// By wave, within a wave by deed and name.
    pub steps: Vec<Step>,
    /// Named by the request and already as asked; for a level, all that is up and stays.
    pub stays: Vec<UnitName>,
    /// Can't be done.
    pub refused: Vec<Refusal>,
    /// Edges that would be dropped.
    pub cuts: Vec<Cut>,
}

/// A step in the making: going down, or coming (or staying) up.
type Half = (UnitId, bool);

impl Core {
    /// What this request would do at `now`. Nothing of the core changes.
    pub fn plan(&self, ask: &Ask, now: Millis) -> Plan {
        let mut copy = self.clone();
        let mut told = Vec::new();
        copy.now = copy.now.max(now);
        copy.ask(REHEARSAL, ask.clone(), &mut told);
        copy.follow(&mut told);
        let mut plan = Plan::default();
        let steps = copy.halves(&|id| copy.is_news(self, id));
        plan.steps = steps;
        copy.read(self, ask, &told, &mut plan);
        if !matches!(ask, Ask::Units { .. }) {
            let stays = |id: &UnitId| copy.is_up(*id) && copy.units.get(*id).job.is_none();
            plan.stays = copy.units.sorted().filter(stays).map(|id| copy.units.get(id).name.clone()).collect();
        }
        let order = |s: &Step| (s.wave, s.deed, s.unit.clone());
        plan.steps.sort_by_key(order);
        plan
    }

    /// Whether the rehearsed request has made this unit's job, or changed or joined it.
    fn is_news(&self, before: &Self, id: UnitId) -> bool {
        let Some(job) = &self.units.get(id).job else { return false };
        let old = before.units.get(id).job.as_ref();
        job.requests.contains(&REHEARSAL) || old.is_none_or(|old| (old.kind, old.since) != (job.kind, job.since))
    }

    /// What was said while the request was taken in.
    fn read(&self, before: &Self, ask: &Ask, told: &[Action], plan: &mut Plan) {
        let name = |id: &UnitId| self.units.get(*id).name.clone();
        let planned: BTreeSet<UnitName> = plan.steps.iter().map(|s| s.unit.clone()).collect();
        for action in told {
            match action {
                Action::CycleBroken { members, dropped } => plan.cuts.push(Cut {
                    members: members.iter().map(name).collect(),
                    later: name(&dropped.0),
                    earlier: name(&dropped.1),
                }),
                Action::JobDone { request: REHEARSAL, unit, result } if !planned.contains(&name(unit)) => {
                    let deed = match (ask, result) {
                        (_, JobResult::Already)
                        | (
                            Ask::Units { verb: Verb::Stopping(Course::Wait { .. } | Course::Skip), .. },
                            JobResult::Done,
                        ) => {
                            plan.stays.push(name(unit));
                            continue;
                        }
                        (
                            Ask::Units { verb: Verb::Kill { .. } | Verb::Stopping(Course::Kill), .. },
                            JobResult::Done,
                        ) => Deed::Signal,
                        (Ask::Units { verb: Verb::ResetFailed, .. }, JobResult::Done) => Deed::Reset,
                        (_, JobResult::Done) if before.units.get(*unit).job.is_some() => Deed::CallOff,
                        (_, JobResult::Done) => continue,
                        (_, result) => {
                            plan.refused.push(Refusal { unit: name(unit), result: result.clone() });
                            continue;
                        }
                    };
                    let reason = Reason::Asked;
                    let step = Step { wave: 1, deed, unit: name(unit), reason, ..Step::blank(name(unit)) };
                    plan.steps.push(step);
                }
                _ => {}
            }
        }
        plan.refused.dedup();
    }

    /// The jobs that count as steps, a restart as two, each in its wave.
    fn halves(&self, counts: &dyn Fn(UnitId) -> bool) -> Vec<Step> {
        let mut waits: BTreeMap<Half, Vec<Half>> = BTreeMap::new();
        for id in self.units.ids() {
            let Some(job) = &self.units.get(id).job else { continue };
            // What is at work waits for nobody any more.
            if job.kind.goes_down() {
                waits.insert((id, false), if job.running { Vec::new() } else { self.down_after(id) });
            }
            if job.kind != JobKind::Stop {
                let at_work = job.running && job.kind != JobKind::Restart;
                waits.insert((id, true), if at_work { Vec::new() } else { self.up_after(id, job) });
            }
        }
        let depth = depths(&waits, &|half: &Half| counts(half.0));
        let named = |(id, _): &Half| self.units.get(*id).name.clone();
        let mut steps = Vec::new();
        for (half, after) in &waits {
            let node = self.units.get(half.0);
            let Some(job) = node.job.as_ref().filter(|_| counts(half.0)) else { continue };
            let deed = match (half.1, job.kind) {
                (false, _) => Deed::Stop,
                (true, JobKind::Reload) => Deed::Reload,
                (true, _) => Deed::Start,
            };
            steps.push(Step {
                wave: depth.get(half).copied().unwrap_or(1),
                deed,
                reason: job.reason.clone(),
                restart: job.kind == JobKind::Restart,
                under_way: job.running || job.requests.iter().any(|r| *r != REHEARSAL),
                after: after.iter().filter(|other| other.0 != half.0).map(named).collect(),
                ..Step::blank(node.name.clone())
            });
        }
        steps
    }

    /// What a unit's going down waits for: that what is ordered after it is down.
    fn down_after(&self, id: UnitId) -> Vec<Half> {
        let before = &self.units.get(id).edges.before;
        before.iter().filter(|later| self.blocks_from_after(id, **later)).map(|later| (*later, false)).collect()
    }

    /// What a unit's coming up waits for: its own end in a restart, all that is done to what it is ordered after, and the
    /// end of what is ordered after it.
    fn up_after(&self, id: UnitId, job: &Job) -> Vec<Half> {
        let mut halves = self.down_after(id);
        if job.kind == JobKind::Restart {
            halves.push((id, false));
        }
        if self.waits_for_stops(id) {
            halves.extend(self.level_stops.iter().map(|stop| (*stop, false)));
        }
        for earlier in &self.units.get(id).edges.after {
            if self.blocks_from_before(id, JobKind::Start, *earlier) {
                let kind = self.units.get(*earlier).job.as_ref().map(|j| j.kind);
                halves.push((*earlier, kind != Some(JobKind::Stop)));
            }
        }
        halves
    }
}

impl Step {
    fn blank(unit: UnitName) -> Self {
        let reason = Reason::Asked;
        Self { wave: 1, deed: Deed::Stop, unit, reason, restart: false, under_way: false, after: Vec::new() }
    }
}

/// The length of the longest way to each step, over those that count. Loops have been cut; what is left of one (there is
/// none) would be passed over. O(n+e).
fn depths(waits: &BTreeMap<Half, Vec<Half>>, counts: &dyn Fn(&Half) -> bool) -> BTreeMap<Half, usize> {
    let mut next: BTreeMap<Half, Vec<Half>> = BTreeMap::new();
    let mut left: BTreeMap<Half, usize> = waits.keys().map(|half| (*half, 0)).collect();
    for (half, after) in waits {
        for other in after.iter().filter(|other| waits.contains_key(other)) {
            next.entry(*other).or_default().push(*half);
            left.entry(*half).and_modify(|n| *n = n.saturating_add(1));
        }
    }
    let mut work: Vec<Half> = left.iter().filter(|(_, n)| **n == 0).map(|(half, _)| *half).collect();
    let mut depth: BTreeMap<Half, usize> = BTreeMap::new();
    while let Some(half) = work.pop() {
        // What was under way before is no wave of its own.
        let own = depth.get(&half).copied().unwrap_or(0).saturating_add(usize::from(counts(&half)));
        depth.insert(half, own);
        for later in next.get(&half).map_or(&[][..], Vec::as_slice) {
            let at = depth.entry(*later).or_default();
            *at = own.max(*at);
            if let Some(n) = left.get_mut(later) {
                *n = n.saturating_sub(1);
                if *n == 0 {
                    work.push(*later);
                }
            }
        }
    }
    depth
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
