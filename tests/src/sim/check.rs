//! What never may happen, seen from outside the core: judged by its actions.

use super::machine::Machine;
use init::core::{Action, Core, JobResult, Loaded, Millis, Phase, RequestId, State, UnitId};
use init::unit::{ExecKind, ServiceType, Unit, UnitName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// More starts of one unit in a second than this is a busy loop, whoever asked for them.
const STARTS_A_SECOND: usize = 40;
/// Starts that a unit makes by itself are that far from the one before.
const APART: Millis = 50;

/// From so many units on a world is big.
const BIG: usize = 40;

/// Remembers what the rules need.
#[derive(Debug, Default)]
pub struct Judge {
    dropped: BTreeSet<(UnitName, UnitName)>,
    starts: BTreeMap<UnitName, VecDeque<(Millis, u64)>>,
    finished: BTreeSet<u64>,
    /// Instances whose start has been judged.
    begun: BTreeSet<u64>,
    /// Instances whose way down has been judged.
    going: BTreeSet<u64>,
    /// Instances that were up while a verb of their script was at work.
    held: BTreeSet<u64>,
    steps: u64,
    /// What came to light first.
    pub wrong: Vec<String>,
}

impl Judge {
    /// What must hold after each step, whether or not it is carried out.
    pub fn state(&mut self, core: &Core) {
        // In a big world every so many steps: the check walks the whole graph.
        self.steps += 1;
        if core.ids().count() < BIG || self.steps.is_multiple_of(32) {
            self.wrong.extend(init::core::invariants::check(core));
        }
        for view in core.ids().map(|id| core.view(id)).filter(|view| view.held) {
            if matches!(view.phase, Phase::Running | Phase::Reload) {
                self.held.extend(view.token);
            }
        }
    }

    /// One batch of actions that is carried out now, as the core stands after it.
    pub fn batch(&mut self, core: &Core, machine: &Machine, actions: &[Action], now: Millis) {
        for action in actions {
            match action {
                Action::Check { unit, token } => {
                    self.live(*token);
                    self.start(core, *unit, *token, now);
                }
                Action::Spawn { unit, key, kind, index, main_pid: _ } => {
                    if machine.used.contains(key) {
                        self.say(format!("{key:?} is spawned twice"));
                    }
                    self.live(key.token);
                    // A script's stop may be all that is done.
                    if key.step == 0 && !matches!(kind, ExecKind::Stop | ExecKind::StopPost) {
                        self.start(core, *unit, key.token, now);
                    }
                    if *kind == ExecKind::Stop {
                        self.under_a_verb(core, *unit, key.token, *index);
                        self.stop_order(core, *unit, key.token);
                    }
                }
                Action::Changed { unit, state: State::Activating, .. }
                    if is_idle(core, *unit) && core.view(*unit).phase == Phase::Start =>
                {
                    let token = core.view(*unit).token.unwrap_or(0);
                    self.start(core, *unit, token, now);
                }
                Action::Adopt { key, .. } => {
                    if machine.used.contains(key) {
                        self.say(format!("{key:?} is adopted twice"));
                    }
                    self.live(key.token);
                }
                Action::Signal { unit, token, key, .. } => {
                    self.live(*token);
                    let slot = key.and_then(|k| machine.slots.get(&k));
                    if slot.is_some_and(|s| s.unit != *core.name(*unit)) {
                        self.say(format!("{:?} signals another unit's process", core.name(*unit)));
                    }
                    if core.view(*unit).phase == Phase::StopSignal {
                        self.stop_order(core, *unit, *token);
                    }
                }
                Action::Finished { token, .. } => self.finish(*token),
                Action::CycleBroken { members, dropped } => {
                    if members.len() < 2 || !members.contains(&dropped.0) || !members.contains(&dropped.1) {
                        self.say(format!("the loop {members:?} doesn't hold {dropped:?}"));
                    }
                    self.dropped.insert((core.name(dropped.0).clone(), core.name(dropped.1).clone()));
                }
                _ => {}
            }
        }
    }

    /// While a verb of its script is at work a unit that has been up under it goes down only because somebody asks for it, or
    /// because it ran too long.
    fn under_a_verb(&mut self, core: &Core, unit: UnitId, token: u64, index: usize) {
        let view = core.view(unit);
        let lasts = view.unit.is_none_or(|u| u.service.ending.runtime_max.is_none());
        if view.held && self.held.contains(&token) && view.job.is_none() && lasts && index == 0 {
            self.say(format!("{:?} goes down by itself while a verb of its script is at work", view.name));
        }
    }

    fn finish(&mut self, token: u64) {
        if !self.finished.insert(token) {
            self.say(format!("instance {token} is finished twice"));
        }
    }

    /// Whether an order doesn't count: it would close a loop, in one transaction or, of a script with a unit file, at all.
    fn was_dropped(&self, core: &Core, later: UnitId, earlier: UnitId) -> bool {
        let (later, earlier) = (core.name(later), core.name(earlier));
        self.dropped.contains(&(later.clone(), earlier.clone())) || core.unheeded().any(|pair| pair == (later, earlier))
    }

    fn say(&mut self, what: String) {
        self.wrong.push(what);
    }

    fn live(&mut self, token: u64) {
        if self.finished.contains(&token) {
            self.say(format!("instance {token} is over, and still something is done for it"));
        }
    }

    /// *Never* 5 and 7, when an instance begins: with a look at its conditions, a wait for its turn, or its first process.
    fn start(&mut self, core: &Core, unit: UnitId, token: u64, now: Millis) {
        // A manager may have died when it had decided it: then it is said twice.
        if !self.begun.insert(token) {
            return;
        }
        let times = self.starts.entry(core.name(unit).clone()).or_default();
        let view = core.view(unit);
        let itself = view.restarts > 0 && view.job.is_some_and(|(_, requests)| requests.is_empty());
        let soon = times.back().is_some_and(|(last, _)| now < last + APART);
        times.push_back((now, token));
        while times.front().is_some_and(|(at, _)| *at + 1000 < now) {
            times.pop_front();
        }
        if (itself && soon) || times.len() > STARTS_A_SECOND {
            let when = format!("{times:?}");
            self.say(format!("{:?} is started in a busy loop: {when}", core.name(unit)));
        }
        // An idle one that comes back by itself may be asked for while it waits: the order was settled before that.
        if is_idle(core, unit) && core.view(unit).restarts > 0 {
            return;
        }
        for other in neighbours(core, unit, |u| &u.after, |u| &u.before) {
            if !self.was_dropped(core, unit, other) && shared_job(core, unit, other) {
                self.say(format!("{:?} starts before {:?}, which it is after", core.name(unit), core.name(other)));
            }
        }
    }

    /// *Never* 5, at the first sign that an instance goes down.
    fn stop_order(&mut self, core: &Core, unit: UnitId, token: u64) {
        if !self.going.insert(token) {
            return;
        }
        // One that goes down by itself while its stop job waits is nobody's mistake.
        let view = core.view(unit);
        if view.job.is_none_or(|(word, _)| word != "stop") || !core.waits_for(unit).is_empty() {
            return;
        }
        for other in neighbours(core, unit, |u| &u.before, |u| &u.after) {
            let view = core.view(other);
            let stops = view.job.is_some_and(|(word, _)| word == "stop") && view.phase != Phase::Dead;
            if stops && !self.was_dropped(core, other, unit) && shared_job(core, unit, other) {
                self.say(format!("{:?} stops before {:?}, which is after it", core.name(unit), core.name(other)));
            }
        }
    }
}

fn is_idle(core: &Core, unit: UnitId) -> bool {
    core.view(unit).unit.is_some_and(|u| u.service.kind == ServiceType::Idle)
}

/// Whether both have jobs of one request.
fn shared_job(core: &Core, a: UnitId, b: UnitId) -> bool {
    match (core.view(a).job, core.view(b).job) {
        (Some((_, a)), Some((_, b))) => a.iter().any(|r| b.contains(r)),
        _ => false,
    }
}

type List = fn(&Unit) -> &Vec<UnitName>;

/// By their definitions alone: those the unit lists itself, and (in small worlds) those that list it the other way round.
fn neighbours(core: &Core, unit: UnitId, own: List, theirs: List) -> Vec<UnitId> {
    let list = |id: UnitId, which: List| {
        let view = core.view(id);
        match (view.on_disk, view.unit) {
            (Loaded::Good(unit), _) | (_, Some(unit)) => which(unit).clone(),
            _ => Vec::new(),
        }
    };
    let mut found: BTreeSet<UnitId> = list(unit, own).iter().filter_map(|name| core.id(name)).collect();
    if core.ids().count() < BIG {
        found.extend(core.ids().filter(|id| list(*id, theirs).contains(core.name(unit))));
    }
    found.remove(&unit);
    found.into_iter().collect()
}

/// What a client has been told.
#[derive(Debug, Default)]
pub struct Heard {
    /// Requests that were answered.
    pub done: BTreeSet<RequestId>,
    /// How their jobs ended.
    pub results: BTreeMap<(RequestId, UnitId), JobResult>,
}
