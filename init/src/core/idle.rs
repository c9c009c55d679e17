//! `Type=idle`: services that let every other job go first.

use super::service::Input;
use super::{Action, Core, UnitId};
use std::collections::BTreeSet;

/// Who waits for its turn, and whom they wait for.
#[derive(Debug, Clone, Default)]
pub(super) struct Idle {
    pub waiting: BTreeSet<UnitId>,
    /// Units whose jobs run, those apart that wait here.
    pub busy: BTreeSet<UnitId>,
}

impl Core {
    /// Lets those go on that waited until no other job runs. Jobs that wait themselves needn't be looked at: each waits
    /// in the end for one that runs, and if only these run, for one of these.
    pub(super) fn call_idle(&mut self, out: &mut Vec<Action>) {
        while !self.idle.waiting.is_empty() && self.idle.busy.is_empty() {
            for id in std::mem::take(&mut self.idle.waiting) {
                self.drive(id, Input::Turn, out);
            }
            self.run_queue(out);
        }
    }

    /// After a step of a unit's machine, or a change of its job.
    pub(super) fn note_idle(&mut self, id: UnitId) {
        let (waits, works) = self.idles(id);
        for (set, belongs) in [(&mut self.idle.waiting, waits), (&mut self.idle.busy, works)] {
            if belongs {
                set.insert(id);
            } else {
                set.remove(&id);
            }
        }
    }

    /// Whether a unit waits for its turn, and whether others wait for its job.
    pub(super) fn idles(&self, id: UnitId) -> (bool, bool) {
        let node = self.units.get(id);
        let waits = node.service.idle;
        (waits, !waits && node.job.as_ref().is_some_and(|j| j.running))
    }
}
