//! A stop that takes long: who has the right may have it wait longer, kill what is left, or go on without it.

use super::service::Input;
use super::{Action, Core, Course, JobResult, Millis, Phase, RequestId, UnitId};

/// Nobody can put off the limit of one step of a stop beyond this after its beginning: one hour.
pub const MAX_WAIT: Millis = 3_600_000;

impl Phase {
    /// On the way down.
    pub fn goes_down(self) -> bool {
        matches!(
            self,
            Self::Stop
                | Self::StopSignal
                | Self::StopAbort
                | Self::StopKill
                | Self::StopPost
                | Self::FinalSignal
                | Self::FinalKill
        )
    }
}

impl Core {
    /// Has a unit's stop go on otherwise. The request ends at once; what comes of the stop is told to those who asked
    /// for that.
    pub(super) fn change_course(&mut self, request: RequestId, id: UnitId, course: Course, out: &mut Vec<Action>) {
        let node = self.units.get(id);
        let result = match course {
            _ if !node.service.phase.goes_down() => JobResult::NotApplicable { reason: self.not_going(id) },
            Course::Wait { .. } if node.service.deadline.is_none() => JobResult::Already,
            Course::Wait { .. } | Course::Kill | Course::Skip => {
                self.drive(id, Input::Course(course), out);
                JobResult::Done
            }
        };
        self.report(request, id, result, out);
    }

    /// Why there is no stop to be changed.
    fn not_going(&self, id: UnitId) -> String {
        let stops = self.units.get(id).job.as_ref().is_some_and(|j| j.kind.goes_down());
        match self.blockers(id).first().filter(|_| stops) {
            Some(other) => format!("its stop has not begun: it waits for {}", self.units.get(*other).name),
            None => "it isn't being stopped".to_owned(),
        }
    }

    /// When the switch under way was asked for, also by a manager before this one.
    pub fn switching_since(&self) -> Option<Millis> {
        self.levels.switching.as_ref().map(|s| s.begun)
    }
}
