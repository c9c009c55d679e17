//! What the rc scripts of SysV do on a level switch, for units made from init scripts.
//!
//! `rc` knows links and nothing of who runs: entering a level it calls each script with a K link there with `stop`, also
//! one that nobody has started, and then each with an S link there with `start`; not at the first level after the boot for
//! K links; and leaves out those whose link was the same in the level before. What has neither link is left alone. Level 1
//! ends in S, so for the level after it S is the one before. What levels 0, 1 and 6 end without a K link hears signals
//! only, as from `killprocs` and `sendsigs`; and of all that level 1 stops every process ends.
//!
//! Red Hat's `rc` asks for the script's lock file instead of the level before, at the first level too: where there is one
//! it calls `stop` by a K link, where there is none `start` by an S link.

use super::service::{Call, command};
use super::{Core, Loaded, RcRule, Reason, UnitId};
use crate::unit::{ExecKind, Level};
use std::collections::BTreeMap;

/// A switch as rc sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rc {
    to: Level,
    /// The level before; `None`: there was none but the boot's own.
    previous: Option<Level>,
    /// It replaces a switch that was under way.
    replaces: bool,
}

impl Core {
    /// The switch to this level; before [`super::level::Levels`] is changed for it.
    pub(super) fn rc(&self, to: Level) -> Rc {
        let levels = &self.levels;
        let replaced = levels.switching.as_ref().map(|s| s.to);
        let booted = levels.previous.is_some() || levels.current.is_some_and(|l| l != Level::S);
        let previous = replaced.or(levels.current).filter(|l| booted || *l != Level::S);
        let previous = previous.map(|l| if l == Level::SINGLE { Level::S } else { l });
        Rc { to, previous, replaces: replaced.is_some() }
    }

    /// Whether a unit is made from an init script.
    pub(super) fn is_script(&self, id: UnitId) -> bool {
        let node = self.units.get(id);
        match (&node.running, &node.disk) {
            (Some(unit), _) | (None, Loaded::Good(unit)) => unit.source.is_script(),
            _ => false,
        }
    }

    /// On in the new level, and rc doesn't call it all the same.
    pub(super) fn is_left_out(&self, id: UnitId, rc: Rc) -> bool {
        let again = rc.to == Level::S && rc.previous.is_some();
        let node = self.units.get(id);
        let started = match node.rule {
            RcRule::Links => rc.previous.is_some_and(|level| node.on.contains(level)),
            RcRule::Lock(there) => there,
        };
        (again || started && !rc.replaces) && self.is_script(id)
    }

    /// Whether rc calls it with `stop`.
    pub(super) fn is_killed(&self, id: UnitId, rc: Rc) -> bool {
        let node = self.units.get(id);
        let called = match node.rule {
            RcRule::Links => rc.previous.is_some_and(|level| !node.kill.contains(level)),
            // One whose start goes on has none yet.
            RcRule::Lock(there) => there || node.job.as_ref().is_some_and(|job| !job.kind.goes_down()),
        };
        called && node.kill.contains(rc.to) && self.is_script(id)
    }

    /// Whether there is a script to be called with `stop`.
    fn has_stop(&self, id: UnitId) -> bool {
        command(&self.units.get(id).unit(), ExecKind::Stop, 0).is_some()
    }

    /// Those that are down and called with `stop`.
    pub(super) fn called(&self, rc: Rc) -> impl Iterator<Item = UnitId> + '_ {
        let down = |id: &UnitId| !self.is_up(*id) && self.units.get(*id).job.is_none();
        self.units.ids().filter(move |id| self.is_killed(*id, rc) && down(id)).filter(|id| self.has_stop(*id))
    }

    /// Notes how the stops of a switch are to be made, and that the starts of scripts wait for them.
    pub(super) fn note_calls(&mut self, rc: Rc, stops: &BTreeMap<UnitId, Reason>) {
        self.forget_calls();
        if rc.to == Level::SINGLE {
            for id in stops.keys().copied().filter(|id| self.is_up(*id)).collect::<Vec<_>>() {
                self.units.get_mut(id).service.call = Call::Whole;
            }
        }
        for id in stops.keys().copied().filter(|id| self.is_script(*id)).collect::<Vec<_>>() {
            self.level_stops.insert(id);
            let call = match self.is_killed(id, rc) {
                // Of one that is down its start alone may be called off.
                true if self.is_up(id) || !self.has_stop(id) => continue,
                true => Call::Due,
                false if rc.to.is_multi_user() => continue,
                false => Call::Bare,
            };
            self.units.get_mut(id).service.call = call;
        }
    }

    /// A stop that had nothing to do is none to wait for.
    pub(super) fn drop_ended_stops(&mut self) {
        let mut stops = std::mem::take(&mut self.level_stops);
        stops.retain(|id| self.units.get(*id).job.as_ref().is_some_and(|job| job.kind.goes_down()));
        self.level_stops = stops;
    }

    /// What an earlier switch wanted, and nobody has begun.
    pub(super) fn forget_calls(&mut self) {
        let stale = |id: &UnitId| matches!(self.units.get(*id).service.call, Call::Due | Call::Bare | Call::Whole);
        for id in self.units.ids().filter(stale).collect::<Vec<_>>() {
            self.units.get_mut(id).service.call = Call::No;
        }
    }

    /// Whether the start of a unit waits until the scripts are stopped that a switch stops.
    pub(super) fn waits_for_stops(&self, id: UnitId) -> bool {
        let by_level = |job: &super::job::Job| matches!(job.reason, Reason::OnIn(_)) && !job.kind.goes_down();
        !self.level_stops.is_empty() && self.units.get(id).job.as_deref().is_some_and(by_level) && self.is_script(id)
    }

    /// After a restore: the stops of scripts that a switch has made and that go on.
    pub(super) fn find_level_stops(&mut self) {
        let by_level = |job: &super::job::Job| {
            job.kind == super::JobKind::Stop && matches!(job.reason, Reason::KillIn(_) | Reason::OffIn(_))
        };
        let stops = |id: &UnitId| self.units.get(*id).job.as_deref().is_some_and(by_level) && self.is_script(*id);
        self.level_stops = self.units.ids().filter(stops).collect();
    }
}
