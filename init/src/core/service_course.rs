//! The service machine when somebody is tired of waiting for it to go down, or has more patience than its unit.

use super::{Run, Service, Wanted};
use crate::core::course::MAX_WAIT;
use crate::core::{Course, Millis, Outcome, Phase};
use crate::unit::KillMode;

impl Service {
    /// Goes on with its way down as was asked; a unit that isn't on it takes no notice.
    pub(super) fn take_course(&mut self, r: &mut Run<'_>, phase: Phase, course: Course) {
        if !phase.goes_down() {
            return;
        }
        match course {
            Course::Wait { ms } => self.wait_longer(ms),
            Course::Kill => self.kill_now(r, phase),
            Course::Skip => {
                self.wanted = Wanted::Down;
                self.note(Outcome::Abandoned { phase });
                self.finish(r);
            }
        }
    }

    fn wait_longer(&mut self, time: Millis) {
        let latest = self.since.saturating_add(MAX_WAIT);
        if let Some(at) = &mut self.deadline {
            *at = at.saturating_add(time).min(latest).max(*at);
        }
    }

    /// Also with `SendSIGKILL=no`: this once, somebody has asked for it.
    fn kill_now(&mut self, r: &mut Run<'_>, phase: Phase) {
        match phase {
            Phase::StopKill | Phase::FinalKill => self.deliver_kill(r),
            Phase::StopPost | Phase::FinalSignal => self.final_kill_now(r),
            _ if self.kill_mode(r.unit) == KillMode::None => {
                self.abandon_control(r);
                self.leave_alone(r);
            }
            _ => self.stop_kill_now(r),
        }
    }
}
