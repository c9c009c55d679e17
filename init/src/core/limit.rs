//! How often a unit may be started.

use super::Millis;
use crate::unit::{Service, ServiceType, Unit};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Counts starts in `StartLimitIntervalSec=`; a window that begins anew once it has passed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct StartLimit {
    begun: Millis,
    count: u32,
}

/// A script is called as often as somebody, or a level, asks for it: rc and `service` count nothing.
pub(super) fn is_unlimited(unit: &Unit, asked: bool) -> bool {
    asked && unit.service.kind == ServiceType::Script
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
        let limited = unit.timing.start_limit_burst > 0 && millis(unit.timing.start_limit_interval) > 0;
        limited && self.count >= unit.timing.start_limit_burst && !self.is_past(unit, now)
    }

    /// `StartLimitPauseSec=`: when one that would be too many may be made all the same.
    pub fn paused_until(&self, unit: &Service, now: Millis) -> Option<Millis> {
        let pause = millis(unit.timing.start_limit_pause);
        (pause > 0 && self.is_reached(unit, now)).then(|| now.saturating_add(pause))
    }

    fn is_past(&self, unit: &Service, now: Millis) -> bool {
        self.count == 0 || now.saturating_sub(self.begun) >= millis(unit.timing.start_limit_interval)
    }
}

/// A duration as the core counts.
pub(super) fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
