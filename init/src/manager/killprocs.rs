//! Level 1 leaves nobody behind: what units have left running that were stopped before the switch (`KillMode=process`: a
//! login's shell, a daemon's child) ends with those that the switch stops, as by Debian's `killprocs`. It hears SIGTERM
//! when level 1 is asked for and SIGKILL when it is reached. What stands in `/run/sendsigs.omit.d` is spared, and so is
//! what belongs to units that level 1 keeps.

use super::cgroup::signal_checked;
use super::procs;
use super::spawn::UNIT_VARIABLE;
use super::state::Manager;
use crate::core::{Phase, UnitId};
use crate::sys::file;
use crate::unit::{Level, UnitName};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where pids stand that scripts which end all processes spare.
const OMIT: [&str; 2] = ["/run/sendsigs.omit", "/run/sendsigs.omit.d"];
/// Longest file of them that is read.
const MOST_TEXT: usize = 1 << 16;

/// The pids in such a file.
fn pids(path: &Path) -> Vec<i32> {
    let text = file::read_text(path, MOST_TEXT).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Those that are to be spared.
fn omitted() -> BTreeSet<i32> {
    let [one, folder] = OMIT.map(PathBuf::from);
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    std::iter::once(one).chain(files).flat_map(|path| pids(&path)).collect()
}

impl Manager {
    /// Level 1 is asked for.
    pub(super) fn end_leftovers(&self) {
        // A shell heeds SIGHUP only, and what is stopped neither.
        self.signal_leftovers(&[libc::SIGTERM, libc::SIGHUP, libc::SIGCONT]);
    }

    /// Level 1 is reached.
    pub(super) fn kill_leftovers(&self) {
        self.signal_leftovers(&[libc::SIGKILL]);
    }

    fn signal_leftovers(&self, signals: &[i32]) {
        let omitted = omitted();
        let spared = |pid: i32| omitted.contains(&pid);
        let Some(tree) = &self.tree else { return self.signal_marked(signals, spared) };
        for id in self.core.ids().filter(|id| self.is_left_behind(*id)) {
            let name = self.core.name(id);
            for pid in tree.pids(name.as_str()).into_iter().filter(|pid| !spared(*pid)) {
                signals.iter().for_each(|signal| signal_checked(pid, *signal, || tree.contains(name.as_str(), pid)));
            }
        }
    }

    /// The same where there are no cgroups, by the mark in their environment.
    fn signal_marked(&self, signals: &[i32], spared: impl Fn(i32) -> bool) {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let others = procs::all().into_iter().filter(|s| !s.zombie && ![own, self.machine.pid1].contains(&s.pid));
        for stat in others.filter(|s| !spared(s.pid)) {
            let name = procs::env(stat.pid, UNIT_VARIABLE).and_then(|name| UnitName::new(&name).ok());
            if name.and_then(|name| self.core.id(&name)).is_some_and(|id| self.is_left_behind(id)) {
                let same = || procs::start_time(stat.pid) == Some(stat.start_time);
                signals.iter().for_each(|signal| signal_checked(stat.pid, *signal, same));
            }
        }
    }

    /// Whether a unit is down, and off in level 1 and at boot.
    fn is_left_behind(&self, id: UnitId) -> bool {
        let view = self.core.view(id);
        let stays = [Level::S, Level::SINGLE].into_iter().any(|level| view.on.contains(level));
        view.phase == Phase::Dead && view.job.is_none() && !stays
    }
}
