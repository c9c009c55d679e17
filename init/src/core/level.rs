//! Levels: which units a switch starts and stops, and the way down.
//!
//! `S` runs once, at boot, and stops nothing; what it started is there for good: no switch among 1 to 5 stops a unit that
//! is on in `S` for having been on there, and level 1 keeps such units, for nothing would bring them back.
//! Among 2 to 5 a unit is stopped only if it is off in the new level and was on in one we come from, or has a K mark in
//! the new one. Level 1 (and `S` after boot), 0 and 6 stop all that isn't on there. Never stopped is what a unit that
//! stays, or starts, requires or upholds. Units made from init scripts follow rc's rules ([`super::level_rc`]). A later
//! switch replaces an earlier one: what only the abandoned level wanted is stopped.

use super::level_rc::Rc;
use super::{Action, Core, Millis, Phase, Reached, Reason, RequestId, Start, UnitId};
use crate::proto::pid1::Power;
use crate::unit::{Level, LevelSet, UnitName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where the machine stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Levels {
    pub previous: Option<Level>,
    pub current: Option<Level>,
    pub switching: Option<Switch>,
    /// The machine goes down.
    #[serde(with = "power")]
    pub down: Option<Power>,
    /// The essential service that is over, and the container's status.
    pub over: Option<(UnitName, i32)>,
    /// What another one has brought about.
    pub brought: Option<super::ends::Brought>,
    /// When each level was reached first.
    pub reached: Vec<Reached>,
}

/// A switch under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Switch {
    pub to: Level,
    pub request: RequestId,
    /// Levels whose units may be up: the one before, and those of switches that this one replaced.
    pub leaving: LevelSet,
    /// When it was asked for.
    #[serde(default)]
    pub begun: Millis,
}

/// [`Power`] belongs to PID 1's frames, which know nothing of serde.
mod power {
    use super::Power;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(power: &Option<Power>, to: S) -> Result<S::Ok, S::Error> {
        power
            .map(|p| match p {
                Power::Halt => "halt",
                Power::PowerOff | Power::Cut => "poweroff",
                Power::Reboot => "reboot",
            })
            .serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Power>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(|word| match word.as_str() {
            "halt" => Power::Halt,
            "reboot" => Power::Reboot,
            _ => Power::PowerOff,
        }))
    }
}

impl Core {
    /// `runlevel N`. Level 0 is power-off.
    pub(super) fn ask_level(&mut self, request: RequestId, to: Level, out: &mut Vec<Action>) {
        if to == Level::HALT {
            self.ask_down(request, Power::PowerOff, out);
        } else if to == Level::REBOOT {
            self.ask_down(request, Power::Reboot, out);
        } else if self.levels.down.is_none() && (self.levels.switching.is_some() || self.levels.current != Some(to)) {
            self.switch(request, to, out);
        }
    }

    /// Down by way of level 0 or 6.
    pub(super) fn ask_down(&mut self, request: RequestId, how: Power, out: &mut Vec<Action>) {
        self.levels.down = Some(how);
        self.dirty.levels = true;
        self.switch(request, if how == Power::Reboot { Level::REBOOT } else { Level::HALT }, out);
    }

    fn switch(&mut self, request: RequestId, to: Level, out: &mut Vec<Action>) {
        let boot = self.levels.current.is_none();
        let rc = self.rc(to);
        let mut leaving = self.levels.switching.as_ref().map_or(LevelSet::EMPTY, |s| {
            let mut set = s.leaving;
            set.insert(s.to);
            set
        });
        if let Some(level) = self.levels.current {
            leaving.insert(level);
        }
        leaving.remove(Level::S);
        leaving.remove(to);
        self.levels.switching = Some(Switch { to, request, leaving, begun: self.now });
        self.dirty.levels = true;

        let on = self.units.sorted().filter(|id| self.units.get(*id).on.contains(to));
        let on = on.filter(|id| !self.is_left_out(*id, rc));
        let wanted: Vec<(UnitId, Reason)> = on.map(|id| (id, Reason::OnIn(to))).collect();
        let needs = self.needs(&wanted);
        let needed: BTreeSet<UnitId> = needs.feasible().collect();
        if !(boot && to == Level::S) {
            let mut stops = self.leavers(to, leaving, &needed, rc);
            for id in self.waiting_leavers(to, leaving, &needed, rc, &stops) {
                self.forget_return(id);
            }
            stops.extend(self.called(rc).filter(|id| !needed.contains(id)).map(|id| (id, Reason::KillIn(to))));
            self.note_calls(rc, &stops);
            self.stop_all(Some(request), &stops, out);
            self.drop_ended_stops();
        }
        self.start(Some(request), &wanted, &BTreeMap::new(), out);
    }

    /// Whether a switch turns a unit off, what others need apart.
    fn goes(&self, id: UnitId, to: Level, leaving: LevelSet, needed: &BTreeSet<UnitId>, rc: Rc) -> Option<Reason> {
        let node = self.units.get(id);
        if needed.contains(&id) {
            return None;
        }
        if self.is_killed(id, rc) {
            return Some(Reason::KillIn(to));
        }
        if !to.is_multi_user() {
            let off = to.is_down() || !(node.on.contains(to) || node.on.contains(Level::S));
            return off.then_some(Reason::OffIn(to));
        }
        if self.is_script(id) {
            return None;
        }
        if node.kill.contains(to) {
            return Some(Reason::KillIn(to));
        }
        node.on.iter().any(|l| leaving.contains(l)).then_some(Reason::OffIn(to))
    }

    /// Units that are down and would come back by themselves, and are off in the new level. What one that stays upholds
    /// comes back all the same.
    fn waiting_leavers(
        &self,
        to: Level,
        leaving: LevelSet,
        needed: &BTreeSet<UnitId>,
        rc: Rc,
        stops: &BTreeMap<UnitId, Reason>,
    ) -> Vec<UnitId> {
        let waits = |id: &UnitId| self.units.get(*id).awaits.is_some() || self.units.get(*id).due.is_some();
        let upholds = |other: &UnitId| self.stays_up(*other) && !stops.contains_key(other);
        let upheld = |id: &UnitId| self.units.get(*id).edges.upheld_by.iter().any(upholds);
        let goes = |id: &UnitId| self.goes(*id, to, leaving, needed, rc).is_some() && !upheld(id);
        self.units.ids().filter(|id| waits(id) && goes(id)).collect()
    }

    /// Which units a switch stops.
    fn leavers(&self, to: Level, leaving: LevelSet, needed: &BTreeSet<UnitId>, rc: Rc) -> BTreeMap<UnitId, Reason> {
        let up = |id: &UnitId| self.is_up(*id) || self.units.get(*id).job.is_some();
        let mut going = BTreeMap::new();
        let mut work: Vec<UnitId> = needed.iter().copied().collect();
        for id in self.units.ids().filter(up) {
            match self.goes(id, to, leaving, needed, rc) {
                Some(reason) => drop(going.insert(id, reason)),
                None => work.push(id),
            }
        }
        // What stays keeps what it requires, and what it upholds: that would be started again at once.
        let mut seen: BTreeSet<UnitId> = work.iter().copied().collect();
        let mut required = BTreeSet::new();
        while let Some(id) = work.pop() {
            let edges = &self.units.get(id).edges;
            for other in edges.requires.iter().chain(&edges.requisite).chain(&edges.upholds).copied() {
                going.remove(&other);
                required.insert(other);
                if seen.insert(other) {
                    work.push(other);
                }
            }
        }
        // What is part of one that goes, or stops with it, goes too.
        let mut work: Vec<UnitId> = going.keys().copied().collect();
        while let Some(id) = work.pop() {
            let node = self.units.get(id);
            let part = node.edges.parts.iter().map(|other| (*other, Reason::PartOf(node.name.clone())));
            let told = node.edges.stops.iter().map(|other| (*other, Reason::StopsWith(node.name.clone())));
            for (other, reason) in part.chain(told) {
                let stays = needed.contains(&other) || required.contains(&other) || !up(&other);
                if !stays && !going.contains_key(&other) {
                    going.insert(other, reason);
                    work.push(other);
                }
            }
        }
        going
    }

    /// A request has ended: was it the switch?
    pub(super) fn level_done(&mut self, request: RequestId, out: &mut Vec<Action>) {
        let Some(switch) = self.levels.switching.take_if(|s| s.request == request) else { return };
        // The boot's own level S is no level that was left.
        let booted = self.levels.previous.is_some();
        let from = self.levels.current.filter(|level| booted || *level != Level::S);
        self.levels.previous = from;
        self.levels.current = Some(switch.to);
        if !self.levels.reached.iter().any(|r| r.0 == switch.to) {
            self.levels.reached.push(Reached(switch.to, Start(switch.begun, self.now)));
        }
        self.dirty.levels = true;
        self.forget_calls();
        out.push(Action::LevelReached { from, to: switch.to });
        self.tell_down(out);
    }

    /// Says that the machine can end, if it can.
    pub(super) fn tell_down(&self, out: &mut Vec<Action>) {
        let there = self.levels.current.is_some_and(Level::is_down) && self.levels.switching.is_none();
        if let (Some(how), true) = (self.levels.down, there) {
            out.push(Action::AllDown { how });
        }
    }

    /// Whether an instance that ends may come back by itself.
    pub(super) fn may_restart(&self) -> bool {
        self.levels.down.is_none()
    }

    /// An automatic restart is due.
    pub(super) fn restart_due(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        if node.service.phase != Phase::AutoRestart {
            return;
        }
        if self.may_restart() && node.service.is_held() {
            // When the verb is over.
            return;
        }
        if !self.may_restart() {
            // Not on the way down; a start job of level 0 or 6 itself is not an automatic one.
            if node.job.is_none() {
                self.drive(id, super::service::Input::Stop, out);
            }
        } else {
            self.start_again(id, out);
            let node = self.units.get(id);
            if node.service.phase == Phase::AutoRestart && node.job.is_none() {
                self.retry_restart(id);
            }
        }
    }
}
