//! What must hold between any two events: those of the design's *Never* list that can be seen from inside the core.

use super::job::JobKind;
use super::restart::MIN_RESTART;
use super::service::{Group, Service, Which};
use super::times::is_start;
use super::{Core, Phase, UnitId};
use crate::unit::name::Kind;

/// Everything that is wrong; empty when all is well. O(n+e); for tests.
pub fn check(core: &Core) -> Vec<String> {
    let mut wrong = Vec::new();
    for id in core.units.ids() {
        let mut say = |what: String| wrong.push(format!("{:?}: {what}", core.units.get(id).name));
        instance(core, id, &mut say);
        progress(core, id, &mut say);
        restarts(core, id, &mut say);
        if core.idles(id) != (core.idle.waiting.contains(&id), core.idle.busy.contains(&id)) {
            say("who waits for its turn, or for whom, isn't known".to_owned());
        }
    }
    for (token, id) in &core.tokens {
        if core.units.get(*id).service.token != Some(*token) || *token >= core.next_token {
            wrong.push(format!("token {token} is nobody's"));
        }
    }
    for (at, id) in &core.deadlines {
        if core.units.get(*id).service.due() != Some(*at) {
            wrong.push(format!("a timer is left of {:?}", core.units.get(*id).name));
        }
    }
    for (at, id) in &core.job_deadlines {
        if core.units.get(*id).job.as_ref().and_then(|j| j.deadline) != Some(*at) {
            wrong.push(format!("a timer is left of a job of {:?}", core.units.get(*id).name));
        }
    }
    if !core.moves.is_empty() {
        wrong.push("changes are left that nobody has looked at".to_owned());
    }
    for (id, request) in &core.requests.all {
        let has_job = |u: &UnitId| core.units.get(*u).job.as_ref().is_some_and(|j| j.requests.contains(id));
        if request.open.iter().filter(has_job).count() != request.open.len() {
            wrong.push(format!("request {id} waits for a job that is gone"));
        }
        if request.done != request.open.is_empty() {
            wrong.push(format!("request {id} is done and open, or neither"));
        }
    }
    if !core.queue.is_empty() {
        wrong.push("work is left in the queue".to_owned());
    }
    wrong
}

/// *Never* 3: phase and processes fit; a process has one key, a live instance one unit.
fn instance(core: &Core, id: UnitId, say: &mut impl FnMut(String)) {
    let node = core.units.get(id);
    let s: &Service = &node.service;
    let idle = matches!(s.phase, Phase::Dead | Phase::AutoRestart);
    let target = node.name.kind() == Kind::Target;
    if idle && (s.token.is_some() || s.main.is_some() || s.control.is_some()) {
        say(format!("{:?} with an instance", s.phase));
    }
    if !idle && !target && s.token.is_none() {
        say(format!("{:?} without an instance", s.phase));
    }
    if let Some(token) = s.token
        && core.tokens.get(&token) != Some(&id)
    {
        say(format!("token {token} leads elsewhere"));
    }
    if s.phase == Phase::Running && s.main.is_none() && s.group != Group::Outlives && !target {
        say("running without a main process".to_owned());
    }
    if s.key(Which::Main).is_some() && s.key(Which::Main) == s.key(Which::Control) {
        say("two processes under one key".to_owned());
    }
    if s.times.last().is_some_and(|last| last.0 > 0 && (last.1 == 0) != is_start(s.phase)) {
        say(format!("{:?} and its start times say otherwise", s.phase));
    }
    if s.due().is_some_and(|at| !core.deadlines.contains(&(at, id))) {
        say("its timer isn't armed".to_owned());
    }
}

/// *Never* 7: a restart that is to come comes, and not too soon after the start before it.
fn restarts(core: &Core, id: UnitId, say: &mut impl FnMut(String)) {
    let s = &core.units.get(id).service;
    if s.phase == Phase::AutoRestart
        && let Some(at) = s.deadline
        && at < s.pace.begun.saturating_add(MIN_RESTART)
    {
        say(format!("is to be restarted at {at}, and was started at {}", s.pace.begun));
    }
}

/// *Never* 6: whatever is under way is waited for, by a process, a timer or another job.
fn progress(core: &Core, id: UnitId, say: &mut impl FnMut(String)) {
    let node = core.units.get(id);
    let s = &node.service;
    let steady = matches!(s.phase, Phase::Dead | Phase::Running | Phase::Exited);
    let restarts = s.phase == Phase::AutoRestart && node.job.is_some();
    // Its restart waits for the end of a process that isn't its own.
    let held = s.phase == Phase::AutoRestart && s.is_held();
    if !steady && !restarts && !held && s.due().is_none() && s.main.is_none() && s.control.is_none() {
        let endless =
            node.unit().service.timing.timeout_stop.is_none() || node.unit().service.timing.timeout_start.is_none();
        if !endless || s.phase == Phase::AutoRestart {
            say(format!("{:?} and nothing will end it", s.phase));
        }
    }
    let Some(job) = &node.job else { return };
    if job.deadline.is_some_and(|at| !core.job_deadlines.contains(&(at, id))) {
        say("its job's timer isn't armed".to_owned());
    }
    if job.running {
        let fits = match job.kind {
            JobKind::Start => {
                matches!(s.phase, Phase::Check | Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost)
                    || !steady
            }
            JobKind::Stop | JobKind::Restart => !steady && s.phase != Phase::AutoRestart,
            JobKind::Reload => s.phase == Phase::Reload,
        };
        if !fits {
            say(format!("its {} job runs in {:?}", job.kind.word(), s.phase));
        }
    } else if core.blockers(id).is_empty() && steady {
        say(format!("its {} job waits for nobody in {:?}", job.kind.word(), s.phase));
    }
}
