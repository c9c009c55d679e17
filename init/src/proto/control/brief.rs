//! Units in a few words: what a list shows of each, and what `is-active` asks for.

use super::{LoadState, UnitStatus};
use crate::core::{Phase, State};
use crate::unit::{Source, UnitName};
use serde::{Deserialize, Serialize};

/// Reply of `Brief {names}` (all units where none is named).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Briefs {
    /// One entry a unit.
    pub units: Vec<UnitBrief>,
}

/// One unit; the fields are those of [`UnitStatus`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in UnitStatus")]
pub struct UnitBrief {
    pub name: UnitName,
    #[serde(default)]
    pub description: String,
    pub load: LoadState,
    pub state: State,
    pub phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_pid: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_pid: Option<i32>,
    #[serde(default)]
    pub restarts: u32,
    pub levels: String,
    pub source: Source,
    /// The unit's file; its drop-ins aren't told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl UnitStatus {
    /// A unit of that name that can be used, is down, and of which nothing else is known.
    pub fn of(name: UnitName) -> Self {
        Self {
            name,
            description: String::new(),
            documentation: Vec::new(),
            load: LoadState::Loaded,
            load_error: None,
            changed_on_disk: false,
            state: State::Inactive,
            phase: Phase::Dead,
            since_ms: None,
            main_pid: None,
            control_pid: None,
            pids: Vec::new(),
            restarts: 0,
            last_exit: None,
            outcome: None,
            reason: None,
            status_text: None,
            status_errno: None,
            status_exit: None,
            status_bus_error: None,
            job: None,
            waits_for: Vec::new(),
            timeout_in_ms: None,
            levels: String::new(),
            cause: None,
            source: Source::Native,
            files: Vec::new(),
            requires: Vec::new(),
            wants: Vec::new(),
            after: Vec::new(),
            before: Vec::new(),
            conflicts: Vec::new(),
            relations: Vec::new(),
            settings: Vec::new(),
        }
    }
}

impl From<UnitBrief> for UnitStatus {
    fn from(brief: UnitBrief) -> Self {
        Self {
            description: brief.description,
            load: brief.load,
            state: brief.state,
            phase: brief.phase,
            since_ms: brief.since_ms,
            main_pid: brief.main_pid,
            control_pid: brief.control_pid,
            restarts: brief.restarts,
            levels: brief.levels,
            source: brief.source,
            files: brief.file.into_iter().collect(),
            ..Self::of(brief.name)
        }
    }
}
