//! `StartTimes`: how long starts took, and the boot.

use crate::unit::{Level, UnitName};
use serde::{Deserialize, Serialize};

/// Reply of `StartTimes {}`. All times are milliseconds of `CLOCK_BOOTTIME`, which no setting of the clock moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct StartTimes {
    /// Now.
    pub now_ms: u64,
    /// When PID 1 was started: by the kernel, once it was up, or by a container's runtime.
    #[serde(default)]
    pub init_ms: Option<u64>,
    /// Not on a machine of its own: what was before PID 1 is nothing of ours.
    #[serde(default)]
    pub container: bool,
    /// Levels, in the order they were reached.
    #[serde(default)]
    pub levels: Vec<LevelTime>,
    /// Units that have been started.
    #[serde(default)]
    pub units: Vec<UnitTime>,
}

/// The first switch to a level that was completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelTime {
    /// The level.
    pub level: Level,
    /// When it was asked for.
    pub begun_ms: u64,
    /// When all of it was done.
    pub reached_ms: u64,
}

/// The first start of a unit, and its last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitTime {
    /// The unit.
    pub name: UnitName,
    /// When its start was asked for: from then on it waited for what it is ordered after. None: of an older manager, or
    /// of one that was found running.
    #[serde(default)]
    pub queued_ms: Option<u64>,
    /// When its first process was asked for.
    pub begun_ms: u64,
    /// When it was ready, done, or had failed; none: not yet.
    #[serde(default)]
    pub done_ms: Option<u64>,
    /// As above, of its last start.
    pub last_begun_ms: u64,
    /// As above.
    #[serde(default)]
    pub last_done_ms: Option<u64>,
}
