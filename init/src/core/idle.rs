//! `Type=idle`: services that let every other job go first.

use super::service::Input;
use super::{Action, Core, UnitId};
use std::collections::BTreeSet;

/// Who waits for its turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Idle {
    pub waiting: BTreeSet<UnitId>,
    /// The unit that was last seen to keep them waiting; the next search begins there.
    witness: usize,
}

impl Core {
    /// Lets those go on that waited until no other job runs. Jobs that wait themselves needn't be looked at: each waits
    /// in the end for one that runs, and if only these run, for one of these.
    pub(super) fn call_idle(&mut self, out: &mut Vec<Action>) {
        while !self.idle.waiting.is_empty() && !self.is_busy() {
            for id in std::mem::take(&mut self.idle.waiting) {
                self.drive(id, Input::Turn, out);
            }
            self.run_queue(out);
        }
    }

    /// Whether a job runs that isn't one of theirs.
    fn is_busy(&mut self) -> bool {
        let works = |id: &UnitId| {
            let node = self.units.get(*id);
            node.job.as_ref().is_some_and(|j| j.running) && !node.service.idle
        };
        let from = self.idle.witness;
        let found = self.units.ids().skip(from).chain(self.units.ids().take(from)).find(works);
        self.idle.witness = found.and_then(|id| usize::try_from(id.0).ok()).unwrap_or(0);
        found.is_some()
    }

    /// After a step of a unit's machine.
    pub(super) fn note_idle(&mut self, id: UnitId) {
        if self.units.get(id).service.idle {
            self.idle.waiting.insert(id);
        } else {
            self.idle.waiting.remove(&id);
        }
    }
}
