//! Whether an instance that has ended is started again, and when.
//!
//! Starts that a unit makes by itself are [`MIN_RESTART`] apart, from start to start: so a single crash of what ran longer
//! is made good at once where `RestartSec=0`, and no policy becomes a busy loop. With `RestartSteps=` the delay grows from
//! restart to restart as systemd's does; a healthy run ([`HEALTHY`], or as long as the delay before it) begins it anew.
//! A grown delay is shortened by up to a tenth, by a number made of the unit's name and the instance's token, so that
//! units that failed together don't come back together.

use super::limit::millis;
use super::service::is_usual;
use super::{ExitRecord, Millis, Outcome};
use crate::unit::exit_status::EXEC;
use crate::unit::{Restart, Service, ServiceType, Status, UnitName};
use serde::{Deserialize, Serialize};

/// Two starts that a unit makes by itself are this far apart at least, whatever `RestartSec=` says.
pub(super) const MIN_RESTART: Millis = 50;
/// An instance that was up so long was healthy, if the delay before it wasn't longer.
const HEALTHY: Millis = 10_000;
/// The most by which a grown delay is shortened, in thousandths.
const JITTER: u64 = 100;

/// What one run leaves for the decision about the next.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Pace {
    /// The instance.
    pub token: u64,
    /// When the run began.
    pub begun: Millis,
    /// When its start had succeeded.
    #[serde(skip_serializing_if = "is_usual")]
    pub up: Option<Millis>,
    /// How its main process ended, and when.
    #[serde(skip_serializing_if = "is_usual")]
    pub exit: Option<Box<(ExitRecord, Millis)>>,
    /// Restarts since the last healthy run.
    #[serde(skip_serializing_if = "is_usual")]
    pub streak: u32,
    /// The delay before the run.
    #[serde(skip_serializing_if = "is_usual")]
    pub delay: Millis,
    /// Up to then it has asked for time (`EXTEND_TIMEOUT_USEC=`).
    #[serde(skip_serializing_if = "is_usual")]
    pub extended: Millis,
}

impl Pace {
    /// A new run. `fresh`: asked for, not an automatic restart.
    pub fn begin(&mut self, token: u64, now: Millis, fresh: bool) {
        let (streak, delay) = if fresh { (0, 0) } else { (self.streak, self.delay) };
        *self = Self { token, begun: now, streak, delay, ..Self::default() };
    }

    /// How the main process of this run ended.
    pub fn status(&self) -> Option<ExitRecord> {
        self.exit.as_ref().map(|end| end.0)
    }

    fn was_healthy(&self, now: Millis) -> bool {
        let end = self.exit.as_ref().map_or(now, |end| end.1);
        self.up.is_some_and(|up| end.saturating_sub(up) >= HEALTHY.max(self.delay))
    }

    /// The run is over, and another is to come: when.
    pub fn next(&mut self, unit: &Service, name: &UnitName, now: Millis) -> Millis {
        if self.was_healthy(now) {
            self.streak = 0;
        }
        self.streak = self.streak.saturating_add(1);
        self.delay = shorten(unit, delay(unit, self.streak), name, self.token);
        now.saturating_add(self.delay).max(self.earliest())
    }

    /// Before this it is not started again by itself.
    pub fn earliest(&self) -> Millis {
        self.begun.saturating_add(MIN_RESTART)
    }
}

/// The delay before the n-th restart in a row, by systemd's formula: base · (max / base) ^ ((n - 1) / steps).
pub(super) fn delay(unit: &Service, n: u32) -> Millis {
    let (base, most) = (millis(unit.timing.restart_sec), millis(unit.ending.restart_max_delay));
    let steps = unit.ending.restart_steps;
    if base >= most {
        return most;
    }
    if n <= 1 || steps == 0 || base == 0 || most == u64::MAX {
        return base;
    }
    if n > steps {
        return most;
    }
    let exponent = f64::from(n.saturating_sub(1)) / f64::from(steps);
    // Exact enough: a delay of 2^53 ms is beyond all machines' lives, and a cast saturates.
    let grown = base as f64 * (most as f64 / base as f64).powf(exponent);
    (grown.round() as Millis).clamp(base, most)
}

fn shorten(unit: &Service, delay: Millis, name: &UnitName, token: u64) -> Millis {
    let less = delay.saturating_mul(spread(name, token) % (JITTER + 1)) / 1000;
    delay.saturating_sub(less).max(delay.min(millis(unit.timing.restart_sec)))
}

/// A number that looks like chance, and is the same each time for one instance.
pub(super) fn spread(name: &UnitName, token: u64) -> u64 {
    // FNV-1a, then the last step of a splitmix generator.
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = name.as_str().bytes().chain(token.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, fold);
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Whether a set of `RestartForceExitStatus=` and its kind holds how a process ended. What could not be executed counts
/// as `EXEC`, as in systemd.
pub(crate) fn holds(set: &[Status], exit: ExitRecord) -> bool {
    set.iter().any(|status| match (*status, exit) {
        (Status::Code(code), ExitRecord::Code(n)) => i32::from(code) == n,
        (Status::Code(code), ExitRecord::NotRun { .. }) => code == EXEC,
        (Status::Signal(signal), ExitRecord::Signal(n) | ExitRecord::Core(n)) => signal == n,
        _ => false,
    })
}

/// Whether an instance that ended like this, not on request, is started again: the table of systemd.service(5), and
/// before it the two sets of exit statuses.
pub(super) fn wants_restart(unit: &Service, result: &Outcome, exit: Option<ExitRecord>) -> bool {
    if result.is_skip() {
        return false;
    }
    let success = *result == Outcome::Success;
    let among = |set: &[Status]| exit.is_some_and(|exit| holds(set, exit));
    if among(&unit.ending.prevent) {
        return false;
    }
    // A oneshot that has done its work would do it without end.
    if among(&unit.ending.force) && !(success && unit.kind == ServiceType::Oneshot) {
        return true;
    }
    by_table(unit.restart, result)
}

fn by_table(policy: Restart, result: &Outcome) -> bool {
    let success = *result == Outcome::Success;
    let status = matches!(result, Outcome::Exited { exit: ExitRecord::Code(_) | ExitRecord::NotRun { .. }, .. });
    let signal = matches!(result, Outcome::Exited { exit: ExitRecord::Signal(_) | ExitRecord::Core(_), .. });
    match policy {
        Restart::No => false,
        Restart::OnSuccess => success,
        Restart::OnFailure => !success,
        Restart::OnAbnormal => !success && !status,
        Restart::OnWatchdog => *result == Outcome::Watchdog,
        Restart::OnAbort => signal,
        Restart::Always => true,
    }
}

#[cfg(test)]
#[path = "restart_tests.rs"]
mod tests;
