//! `/var/lock/subsys` on a Red Hat tree: each script leaves a file there while it is up. Of one that leaves no process it
//! is all that shows that somebody has called it with `stop` without Rung.
//!
//! Only what goes counts, and whether it is back when a verb of the script's own is over. What runs shows by its processes,
//! and a file that comes names none.

use super::state::Manager;
use super::watch::Why;
use crate::core::{Event, Phase};
use crate::unit::UnitName;
use std::ffi::OsStr;

/// Another form of a lock file's name, which rc knows too.
const ENDING: &str = ".init";

impl Manager {
    /// Watches the folder, or for it to come.
    pub(super) fn watch_locks(&mut self) {
        if let Some(locks) = self.farm.lock_folder().map(ToOwned::to_owned) {
            self.watcher.add_or_wait(&locks, Why::Locks);
        }
    }

    /// A lock file came or went.
    pub(super) fn look_at_lock(&mut self, file: &OsStr) {
        let Some(file) = file.to_str() else { return };
        let Ok(unit) = UnitName::new(file.strip_suffix(ENDING).unwrap_or(file)) else { return };
        let done = self.core.id(&unit).map(|id| self.core.view(id)).is_some_and(|v| v.phase == Phase::Exited);
        if done {
            let there = self.farm.is_locked(unit.short());
            self.push(Event::Lock { unit, there });
            self.settle();
        }
    }
}
