//! Verbs of init scripts that somebody runs inside their units (`restart`, `upgrade`): while one is at work, the end of the
//! unit's main process may be the verb's doing, so `Restart=` waits until the verb is over. Then what is there counts: a
//! main process that was found meanwhile, or the end of the one before, as if it came only now.
//!
//! A verb is known by the process that runs it for somebody. It is over when that one says so, or has ended itself.

use super::service::Input;
use super::{Action, Core, Outcome, Phase, UnitId};
use crate::unit::UnitName;
use crate::unit::rare::usual;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most processes that hold one unit; further ones hold nothing.
const MAX_HOLDERS: usize = 64;

usual!(Hold);

/// Who is at work inside a unit, and what has been left undone for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Hold {
    /// Pid and start time of those that run a verb.
    by: Vec<(i32, u64)>,
    /// How the main process ended meanwhile.
    pub end: Option<Outcome>,
    /// The script's lock file went meanwhile, and has not come back.
    pub unlocked: bool,
}

impl Hold {
    /// Whether a verb is at work.
    pub fn is_on(&self) -> bool {
        !self.by.is_empty()
    }
}

/// The units that a process holds.
pub(super) type Holders = BTreeMap<i32, BTreeSet<UnitId>>;

impl Core {
    /// A process begins to run a verb of the unit's script.
    pub(super) fn hold(&mut self, name: &UnitName, holder: (i32, u64), out: &mut Vec<Action>) {
        let Some(id) = self.units.find(name) else { return };
        let by = &self.units.get(id).service.hold.by;
        if by.len() >= MAX_HOLDERS || by.contains(&holder) {
            return;
        }
        self.units.get_mut(id).service.hold.by.push(holder);
        self.holders.entry(holder.0).or_default().insert(id);
        out.push(Action::Await { pid: holder.0, start_time: holder.1 });
    }

    /// The verb that a process runs is over; without a name all that it runs.
    pub(super) fn unhold(&mut self, pid: i32, name: Option<&UnitName>, out: &mut Vec<Action>) {
        let only = name.map(|name| self.units.find(name));
        let Some(held) = self.holders.get_mut(&pid) else { return };
        let over: Vec<UnitId> = held.extract_if(.., |id| only.is_none_or(|only| only == Some(*id))).collect();
        if held.is_empty() {
            self.holders.remove(&pid);
        }
        for id in over {
            let hold = &mut self.units.get_mut(id).service.hold;
            hold.by.retain(|(holder, _)| *holder != pid);
            if hold.is_on() {
                continue;
            }
            self.drive(id, Input::Released, out);
            let node = self.units.get(id);
            if node.service.phase == Phase::AutoRestart && node.service.deadline.is_none() && node.job.is_none() {
                self.restart_due(id, out);
            }
        }
    }

    /// Whether a process runs a verb of a unit's script.
    pub fn is_holder(&self, pid: i32) -> bool {
        self.holders.contains_key(&pid)
    }

    /// After a restore: who holds this unit.
    pub(super) fn restore_hold(&mut self, id: UnitId) {
        for (pid, _) in &self.units.get(id).service.hold.by {
            self.holders.entry(*pid).or_default().insert(id);
        }
    }

    /// After a restore: every holder is to be watched again.
    pub(super) fn repeat_holds(&self, out: &mut Vec<Action>) {
        let held: BTreeSet<UnitId> = self.holders.values().flatten().copied().collect();
        let holders: BTreeSet<(i32, u64)> =
            held.into_iter().flat_map(|id| self.units.get(id).service.hold.by.iter().copied()).collect();
        out.extend(holders.into_iter().map(|(pid, start_time)| Action::Await { pid, start_time }));
    }
}
