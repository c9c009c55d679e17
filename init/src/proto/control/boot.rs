//! `Boot`: where the time of a boot went. The same document, as a file, is what is kept of earlier boots.

use super::LevelTime;
use crate::core::State;
use crate::unit::UnitName;
use serde::{Deserialize, Serialize};

/// How far a boot has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BootStage {
    /// The first level isn't reached yet.
    #[default]
    Going,
    /// It is.
    Done,
    /// The machine was told to end before it was.
    Cut,
}

/// Reply of `Boot {}`, and a record. Times are milliseconds of `CLOCK_BOOTTIME`: on a machine, since the kernel's start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BootRecord {
    /// Names the boot, as in the history.
    pub boot: String,
    /// How far it has come.
    #[serde(default)]
    pub stage: BootStage,
    /// The host's name.
    #[serde(default)]
    pub host: String,
    /// The kernel's release.
    #[serde(default)]
    pub kernel: String,
    /// Rung's version.
    #[serde(default)]
    pub version: String,
    /// Not on a machine of its own: what was before PID 1 is nothing of ours.
    #[serde(default)]
    pub container: bool,
    /// When this was written, milliseconds since the epoch.
    #[serde(default)]
    pub wall_ms: u64,
    /// The same moment.
    pub now_ms: u64,
    /// When PID 1 began.
    pub init_ms: u64,
    /// Levels, in the order they were reached.
    #[serde(default)]
    pub levels: Vec<LevelTime>,
    /// Units that were asked to start.
    #[serde(default)]
    pub units: Vec<BootUnit>,
    /// What the machine was doing.
    #[serde(default)]
    pub load: Vec<Load>,
}

/// A unit's first start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BootUnit {
    /// The unit.
    pub name: UnitName,
    /// When it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_ms: Option<u64>,
    /// When its first process was asked for; none: it never began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_ms: Option<u64>,
    /// When it was ready, done, or had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_ms: Option<u64>,
    /// When it was down again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// How it stood when this was written.
    pub state: State,
    /// CPU time of its start, where that took long enough to be asked and there are cgroups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// The unit it waited for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UnitName>,
}

/// What all processors and disks had done up to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Load {
    /// The moment.
    pub at_ms: u64,
    /// Processor time spent, in ticks.
    pub busy: u64,
    /// Processor time spent waiting for disks.
    pub iowait: u64,
    /// Processor time there was.
    pub total: u64,
    /// Read from all disks, in KiB.
    pub read_kib: u64,
    /// Written to all disks, in KiB.
    pub written_kib: u64,
}
