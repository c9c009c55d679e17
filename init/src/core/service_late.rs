//! The service machine when a time limit has passed: which way down it takes.

use super::{Run, Service};
use crate::core::limit::millis;
use crate::core::restart::spread;
use crate::core::{Millis, Outcome, Phase};
use crate::unit::{ServiceType, TimeoutMode, Unit};

impl Service {
    /// `TimeoutStartSec=` has passed.
    pub(super) fn late_start(&mut self, r: &mut Run<'_>, phase: Phase) {
        self.note(Outcome::Timeout { phase });
        self.seeking = false;
        match r.unit.service.ending.start_failure_mode {
            TimeoutMode::Terminate => self.stop_signal(r),
            TimeoutMode::Abort => self.stop_abort(r),
            TimeoutMode::Kill => self.stop_kill(r),
        }
    }

    /// A limit on the way down has passed.
    pub(super) fn late_stop(&mut self, r: &mut Run<'_>, phase: Phase) {
        self.note(Outcome::Timeout { phase });
        let mode = r.unit.service.ending.stop_failure_mode;
        match (phase, mode) {
            (Phase::Stop, TimeoutMode::Terminate) => self.stop_signal(r),
            (Phase::Stop | Phase::StopSignal, TimeoutMode::Abort) => self.stop_abort(r),
            (Phase::Stop | Phase::StopSignal | Phase::StopAbort, _) => self.stop_kill(r),
            (Phase::StopPost, TimeoutMode::Kill) => self.final_kill(r),
            (Phase::StopPost, mode) => {
                self.aborts = mode == TimeoutMode::Abort;
                self.final_signal(r);
            }
            (Phase::FinalSignal, _) => self.final_kill(r),
            // Not even SIGKILL ends it (a process in the kernel that doesn't come back): we go on without it.
            (Phase::StopKill, _) => self.leave_alone(r),
            (Phase::FinalKill, _) => self.finish(r),
            _ => {}
        }
    }

    /// Goes on without what still runs.
    pub(super) fn leave_alone(&mut self, r: &mut Run<'_>) {
        self.main = None;
        self.control = None;
        self.stop_post(r, 0);
    }

    /// When `RuntimeMaxSec=` has passed, as long as it runs.
    pub(in crate::core) fn runtime_end(&self, unit: &Unit) -> Option<Millis> {
        let runs = matches!(self.phase, Phase::Running | Phase::Reload) && unit.service.kind != ServiceType::Oneshot;
        let (limit, up) = (unit.service.ending.runtime_max.filter(|_| runs)?, self.pace.up?);
        let most = millis(unit.service.ending.runtime_extra).saturating_add(1);
        let extra = spread(&unit.name, self.token.unwrap_or(0)).checked_rem(most).unwrap_or(0);
        Some(up.saturating_add(millis(limit)).saturating_add(extra).max(self.pace.extended))
    }

    /// `RuntimeMaxSec=` has passed.
    pub(in crate::core) fn outlived(&mut self, r: &mut Run<'_>) {
        self.note(Outcome::Timeout { phase: Phase::Running });
        if self.phase == Phase::Reload {
            self.abandon_control(r);
        }
        self.stop(r, 0);
    }
}
