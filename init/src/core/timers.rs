//! A unit's deadlines beside that of its phase: its watchdog, the next run of `ReadyCheck=`, the end of its time.

use super::limit::millis;
use super::service::{Reloading, Run, Service};
use super::{Millis, Outcome, Phase};
use crate::unit::Unit;
use crate::unit::rare::usual;

usual!(Timers);

/// Deadlines that run beside the phase's own. They aren't in the journal: under a new manager each begins anew, so that
/// the time without a manager is held against nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Timers {
    /// Until then the service must have said `WATCHDOG=1`.
    pub watchdog: Option<Millis>,
    /// `ReadyCheck=` runs next.
    pub check: Option<Millis>,
    /// `RuntimeMaxSec=` has passed then; counted from the start, also under a new manager.
    pub runtime: Option<Millis>,
}

/// The phases in which a watchdog is to be fed: from readiness to the beginning of the end.
fn is_watched(phase: Phase) -> bool {
    matches!(phase, Phase::StartPost | Phase::Running | Phase::Reload)
}

impl Service {
    /// When its next deadline is.
    pub fn due(&self) -> Option<Millis> {
        [self.deadline, self.timers.watchdog, self.timers.check, self.timers.runtime].into_iter().flatten().min()
    }

    /// The watchdog begins anew, where there is one and it counts.
    pub fn feed_watchdog(&mut self, unit: &Unit, now: Millis) {
        let period = self.said.watchdog.unwrap_or_else(|| millis(unit.service.readiness.watchdog));
        let counts = period > 0 && is_watched(self.phase);
        let watchdog = counts.then(|| now.saturating_add(period));
        self.timers.set(Timers { watchdog, ..*self.timers });
    }

    /// After a change of phase: what begins and what ends with it.
    pub fn retime(&mut self, unit: &Unit, now: Millis, was: Phase) {
        if is_watched(self.phase) != is_watched(was) {
            self.feed_watchdog(unit, now);
        }
        let end = self.runtime_end(unit);
        let runtime = self.timers.runtime.filter(|_| end.is_some()).or(end);
        let check = self.timers.check.filter(|_| self.phase == Phase::Start);
        self.timers.set(Timers { runtime, check, ..*self.timers });
        if self.phase != Phase::Start {
            self.idle = false;
            self.up = false;
        }
        if self.phase != Phase::Reload {
            self.reloading = Reloading::No;
        }
    }

    /// After a restore.
    pub fn resume(&mut self, unit: &Unit, now: Millis) {
        self.feed_watchdog(unit, now);
        let asks = self.phase == Phase::Start && self.up && self.control.is_none();
        self.timers.set(Timers {
            watchdog: self.timers.watchdog.map(|at| at.max(self.pace.extended)),
            check: asks.then_some(now).or(self.timers.check),
            runtime: self.runtime_end(unit),
        });
    }

    /// A deadline has come: whether it was one of these.
    pub fn ring(&mut self, r: &mut Run<'_>) -> bool {
        let is_past = |at: Option<Millis>| at.is_some_and(|at| at <= r.now);
        if is_past(self.deadline) {
            return false;
        }
        if is_past(self.timers.watchdog) {
            self.timers.set(Timers { watchdog: None, ..*self.timers });
            self.starved(r);
            return true;
        }
        if is_past(self.timers.runtime) {
            self.timers.set(Timers { runtime: None, ..*self.timers });
            self.outlived(r);
            return true;
        }
        if is_past(self.timers.check) {
            self.check(r);
            return true;
        }
        false
    }

    /// The watchdog has run out, or the service itself has asked for it.
    pub fn starved(&mut self, r: &mut Run<'_>) {
        self.note(Outcome::Watchdog);
        self.stop_abort(r);
    }

    /// `EXTEND_TIMEOUT_USEC=`: what is running out comes no sooner than this long from now.
    pub fn extend(&mut self, now: Millis, time: Millis) {
        let later = now.saturating_add(time);
        let put_off = |at: Option<Millis>| at.map(|at| later.max(at));
        self.deadline = put_off(self.deadline);
        let Timers { watchdog, check, runtime } = *self.timers;
        self.timers.set(Timers { watchdog: put_off(watchdog), check, runtime: put_off(runtime) });
        self.pace.extended = later.max(self.pace.extended);
    }
}
