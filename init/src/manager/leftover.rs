//! Whether anything is left of an instance: asked at each stop, and answered at once where nothing is.

use super::state::Manager;
use crate::core::UnitId;
use crate::proto::pid1::{Key, Life};
use crate::sys::file;
use std::collections::HashSet;
use std::path::PathBuf;

/// What is known of PID 1's children.
#[derive(Debug, Default)]
pub struct Known {
    /// Those that have a slot of their own, and aren't watched only for their end.
    pids: HashSet<i32>,
    /// The instance that was seen to be empty last. Nobody comes to life in it by itself.
    vacant: Option<u64>,
}

impl Known {
    /// A slot changed.
    pub fn note(&mut self, pid: i32, life: Life) {
        if matches!(life, Life::Over(_)) {
            self.pids.remove(&pid);
        } else if pid > 0 {
            self.pids.insert(pid);
        }
    }

    /// A process of the instance is asked for, or taken over.
    pub fn peopled(&mut self, key: Key) {
        self.vacant.take_if(|token| *token == key.token);
    }
}

impl Manager {
    /// Whether nothing is left of an instance.
    pub fn is_vacant(&mut self, unit: UnitId, token: u64) -> bool {
        if self.known.vacant == Some(token) {
            return true;
        }
        let view = self.core.view(unit);
        if view.main_key.is_some() || view.control_key.is_some() {
            return false;
        }
        let empty = match &self.tree {
            Some(tree) => tree.is_empty(view.name.as_str()),
            None => self.members_at_event(token).is_empty(),
        };
        if empty {
            self.known.vacant = Some(token);
        }
        empty
    }

    /// Whether PID 1 has children that it started for nobody. Without any, nothing is left of what has ended: whoever
    /// outlives its parents becomes a child of PID 1, and what it starts itself descends from that one.
    pub(super) fn has_strangers(&self) -> bool {
        let pid1 = self.machine.pid1;
        let path = PathBuf::from(format!("/proc/{pid1}/task/{pid1}/children"));
        // Not every kernel has that file.
        let Ok(text) = file::read_text(&path, 1 << 20) else { return true };
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let is_known = |pid: i32| pid == own || self.known.pids.contains(&pid);
        !text.split_ascii_whitespace().all(|pid| pid.parse().is_ok_and(is_known))
    }
}
