//! `StartTimes`: how long starts took, and the boot.

use crate::core::{Reached, Start};
use crate::manager::state::Manager;
use crate::proto::control::{LevelTime, StartTimes, UnitTime};
use crate::sys::wait;

impl Manager {
    /// All that was timed.
    pub(super) fn start_times(&self) -> StartTimes {
        let done = |start: Start| (start.1 > 0).then_some(start.1);
        let unit = |id| {
            let view = self.core.view(id);
            let (first, last) = (view.times.first()?, view.times.last()?);
            let name = view.name.clone();
            let queued_ms = self.core.asked_at(id);
            let (begun_ms, last_begun_ms) = (first.0, last.0);
            Some(UnitTime { name, queued_ms, begun_ms, done_ms: done(first), last_begun_ms, last_done_ms: done(last) })
        };
        let level = |Reached(level, Start(begun, done)): &Reached| LevelTime {
            level: *level,
            begun_ms: *begun,
            reached_ms: *done,
        };
        StartTimes {
            now_ms: wait::now_ms(),
            init_ms: Some(self.machine.boot_mark).filter(|ms| *ms > 0),
            container: self.machine.container,
            levels: self.core.reached().iter().map(level).collect(),
            units: self.core.ids().filter_map(unit).collect(),
        }
    }
}
