//! `Jobs`: what is under way, what it is at, and how long that may still take.

use super::PowerWord;
use crate::core::Phase;
use crate::unit::{Level, UnitName};
use serde::{Deserialize, Serialize};

/// `Jobs`: every job, and every unit that is on its way down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskJobs {
    /// With the last log lines of those that hold others up, as far as that is a handful.
    #[serde(default)]
    pub logs: bool,
}

/// Reply of `Jobs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Jobs {
    /// The shutdown under way.
    #[serde(default)]
    pub going_down: Option<PowerWord>,
    /// The switch of levels under way.
    #[serde(default)]
    pub switching_to: Option<Level>,
    /// Milliseconds until PID 1 ends the shutdown by force.
    #[serde(default)]
    pub deadline_in_ms: Option<u64>,
    /// In the order of names.
    #[serde(default)]
    pub jobs: Vec<Job>,
    /// The PID namespace that the pids are of: the inode of `/proc/self/ns/pid`.
    #[serde(default)]
    pub pid_namespace: Option<u64>,
}

/// One unit that is being started, stopped or reloaded, or waits for that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The unit.
    pub name: UnitName,
    /// Its description.
    #[serde(default)]
    pub description: String,
    /// `start`, `stop`, `restart`, `reload`; none: it goes down by itself.
    #[serde(default)]
    pub job: Option<String>,
    /// What it is at.
    pub phase: Phase,
    /// That in words, with the command that runs.
    #[serde(default)]
    pub doing: String,
    /// It goes down, and that has begun: its stop can be put off, cut short or skipped.
    #[serde(default)]
    pub stopping: bool,
    /// For how many milliseconds it has been at that.
    #[serde(default)]
    pub for_ms: u64,
    /// Milliseconds until that times out; none: never, or it only waits for others.
    #[serde(default)]
    pub timeout_in_ms: Option<u64>,
    /// Units whose jobs have to end first.
    #[serde(default)]
    pub waits_for: Vec<UnitName>,
    /// Its processes.
    #[serde(default)]
    pub pids: Vec<i32>,
    /// Its main process.
    #[serde(default)]
    pub main_pid: Option<i32>,
    /// Its last log lines, oldest first.
    #[serde(default)]
    pub log: Vec<String>,
}
