//! `Processes`: pids by unit.

use super::methods::{Outcome, now};
use crate::core::UnitId;
use crate::manager::census::Census;
use crate::manager::procs;
use crate::manager::state::Manager;
use crate::proto::control::{Group, Names, Processes};
use crate::sys::file;
use std::collections::BTreeMap;

impl Manager {
    /// The processes of these units, or of all that have any.
    pub(super) fn processes(&mut self, names: &Names) -> Outcome {
        let all = names.names.is_empty();
        let ids: Vec<UnitId> = if all { self.core.ids().collect() } else { self.resolve(&names.names)? };
        let mut found = if self.tree.is_none() { self.members_of_all() } else { BTreeMap::new() };
        let mut groups: Vec<Group> = Vec::new();
        for id in ids {
            let view = self.core.view(id);
            let name = view.name;
            let mut pids = match &self.tree {
                Some(tree) => tree.pids(name.as_str()),
                None => found.remove(&id).unwrap_or_default(),
            };
            pids.sort_unstable();
            pids.dedup();
            if all && pids.is_empty() {
                continue;
            }
            let cgroup = self.tree.as_ref().map(|t| t.path(name.as_str()).display().to_string());
            groups.push(Group { name: name.clone(), pids, main_pid: view.main_pid, cgroup });
        }
        now(&Processes { groups, own: self.own_processes(), pid_namespace: procs::namespace() })
    }

    /// [`Manager::members`] of all units, by one look at the processes.
    fn members_of_all(&self) -> BTreeMap<UnitId, Vec<i32>> {
        let mut census = Census::default();
        let ids = self.core.ids();
        ids.filter_map(|id| Some((id, self.members_by(&mut census, self.core.view(id).token?)))).collect()
    }

    /// PID 1 and what works for it: by the leaf of its cgroup, else the logger by its name.
    fn own_processes(&self) -> Vec<i32> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let mut pids = vec![self.machine.pid1, own];
        if let Some(tree) = &self.tree {
            let text = file::read_text(&tree.own().join("cgroup.procs"), 4 << 20).unwrap_or_default();
            pids.extend(text.lines().filter_map(|l| l.parse::<i32>().ok()).filter(|pid| *pid > 0));
        }
        if self.tree.is_none() {
            let ours = |s: &procs::Stat| s.parent == self.machine.pid1 && procs::command(s.pid) == "init-log";
            pids.extend(procs::all().iter().filter(|s| ours(s)).map(|s| s.pid));
        }
        pids.sort_unstable();
        pids.dedup();
        pids
    }
}
