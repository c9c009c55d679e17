//! `Processes`: which processes belong to whom.

use crate::unit::UnitName;
use serde::{Deserialize, Serialize};

/// Reply of `Processes {names}` (all units with processes where none is named).
///
/// Pids alone: what a process is called and uses is in `/proc`, where reading can take as long as the process likes (its
/// command line lies in its memory). Who asks reads that, if it is in the same PID namespace; the manager doesn't.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Processes {
    /// One entry a unit, in the order asked.
    pub groups: Vec<Group>,
    /// Rung's own: PID 1, manager, logger, helpers.
    #[serde(default)]
    pub own: Vec<i32>,
    /// The PID namespace that the pids are of: the inode of `/proc/self/ns/pid`.
    #[serde(default)]
    pub pid_namespace: Option<u64>,
}

/// The processes of one unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The unit.
    pub name: UnitName,
    /// Sorted.
    pub pids: Vec<i32>,
    /// Its main process.
    #[serde(default)]
    pub main_pid: Option<i32>,
    /// The folder of its cgroup, as the manager sees it; none where there are no cgroups.
    #[serde(default)]
    pub cgroup: Option<String>,
}
