//! Who runs verbs of init scripts inside their units. PID 1 watches these processes for their ends, so that a verb is over
//! with who runs it, whether or not that one says so, and whoever is the manager then.

use super::procs;
use super::reactor::STRAY;
use super::state::Manager;
use crate::core::{Event, UnitId};
use crate::proto::pid1::{Key, Life, Request};
use nix::errno::Errno;

/// The token of these processes; the step is the pid, beyond all steps of a manager's own.
pub const TOKEN: u64 = 8;

fn key(pid: i32) -> Key {
    Key { token: TOKEN, step: STRAY | u32::try_from(pid).unwrap_or(0) }
}

impl Manager {
    /// A process begins to run a verb of the unit's script. One that we can't see (pid 0, in another PID namespace) holds
    /// nothing.
    pub(super) fn hold(&mut self, unit: UnitId, pid: i32) {
        if let Some(stat) = procs::stat(pid).filter(|_| pid > 0) {
            let unit = self.core.name(unit).clone();
            self.push(Event::Hold { unit, pid, start_time: stat.start_time });
            self.settle();
        }
    }

    /// It says that the verb is over.
    pub(super) fn release(&mut self, unit: UnitId, pid: i32) {
        if self.core.is_holder(pid) {
            self.push(Event::Release { pid, unit: Some(self.core.name(unit).clone()) });
            self.settle();
        }
    }

    /// Has PID 1 tell when it has ended.
    pub(super) fn await_holder(&mut self, pid: i32, start_time: u64) {
        self.link.send(Request::Adopt { key: key(pid), pid, start_time }, Vec::new());
    }

    /// A process has ended: whatever it ran is over.
    pub(super) fn note_end(&mut self, pid: i32, life: Life) {
        if matches!(life, Life::Over(_)) && self.core.is_holder(pid) {
            self.push(Event::Release { pid, unit: None });
        }
    }

    /// PID 1 can't watch one. One that has a slot of its own already (`EEXIST`) is told of by that.
    pub(super) fn on_unwatched(&mut self, key: Key, errno: i32) {
        if let Ok(pid) = i32::try_from(key.step & !STRAY)
            && errno != Errno::EEXIST as i32
        {
            self.push(Event::Release { pid, unit: None });
        }
    }
}
