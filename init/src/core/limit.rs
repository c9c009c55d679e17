//! How often a unit may be started, and how soon it is started again.

use super::{Millis, Outcome};
use crate::unit::{Restart, Service};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// No automatic restart comes sooner than this after the end, whatever `RestartSec=` says, so that no policy becomes a
/// busy loop.
pub(super) const MIN_RESTART: Millis = 50;

/// Counts starts in `StartLimitIntervalSec=`; a window that begins anew once it has passed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct StartLimit {
    begun: Millis,
    count: u32,
}

impl StartLimit {
    /// Counts one start; false when it is one too many.
    pub fn admit(&mut self, unit: &Service, now: Millis) -> bool {
        if self.is_reached(unit, now) {
            return false;
        }
        if self.is_past(unit, now) {
            *self = Self { begun: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        true
    }

    /// Whether a start now would be one too many.
    pub fn is_reached(&self, unit: &Service, now: Millis) -> bool {
        let limited = unit.start_limit_burst > 0 && millis(unit.start_limit_interval) > 0;
        limited && self.count >= unit.start_limit_burst && !self.is_past(unit, now)
    }

    fn is_past(&self, unit: &Service, now: Millis) -> bool {
        self.count == 0 || now.saturating_sub(self.begun) >= millis(unit.start_limit_interval)
    }
}

/// Whether `Restart=` brings back an instance that ended like this, not on request.
pub(super) fn wants_restart(policy: Restart, result: &Outcome) -> bool {
    match policy {
        _ if result.is_skip() => false,
        Restart::No => false,
        Restart::OnFailure => *result != Outcome::Success,
        Restart::Always => true,
    }
}

/// When the automatic restart is due.
pub(super) fn restart_at(unit: &Service, now: Millis) -> Millis {
    now.saturating_add(millis(unit.restart_sec).max(MIN_RESTART))
}

/// A duration as the core counts.
pub(super) fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
