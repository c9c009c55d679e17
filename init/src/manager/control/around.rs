//! `Run` and `Adopt`: scripts that somebody runs himself, and the processes they leave.
//!
//! Such a script runs in its unit's cgroup, or under its mark, as a child of whoever asked, so that its output, its
//! terminal and its status are his. Until it is over the unit isn't restarted by itself. Afterwards Rung looks who is
//! there: the unit of a daemon that was down is up, and a main process that was exchanged is known by its new number.

use super::client::ClientId;
use super::methods::{Outcome, Refusal, now};
use crate::core::{Event, Loaded, Phase, UnitId};
use crate::manager::perform::read_pid;
use crate::manager::procs;
use crate::manager::spawn::sysv_env;
use crate::manager::state::Manager;
use crate::manager::watch::Why;
use crate::proto::control::{Adopt, Adopted, RunScript, ScriptCall, errors};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where scripts lie: Debian's folder, Red Hat's.
const FOLDERS: [&str; 2] = ["/etc/init.d", "/etc/rc.d/init.d"];

/// The executable script of a name.
fn script(name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return None;
    }
    let runs = |path: &PathBuf| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    FOLDERS.into_iter().map(|folder| Path::new(folder).join(name)).find(runs)
}

impl Manager {
    /// How a script is to be run. Whoever asks is at it from now on.
    pub(super) fn run_script(&mut self, client: ClientId, wanted: &RunScript) -> Outcome {
        let found = script(&wanted.name).ok_or_else(|| {
            let text = format!("there is no script /etc/init.d/{} that can be run", wanted.name);
            Refusal::text(errors::NO_SUCH_UNIT, text)
        })?;
        let unit = self.resolve(std::slice::from_ref(&wanted.name)).ok().and_then(|ids| ids.first().copied());
        let (previous, current, to) = self.core.levels();
        let word = |level: Option<crate::unit::Level>| level.map_or_else(|| "N".to_owned(), |l| l.to_string());
        let left = previous.filter(|l| *l != crate::unit::Level::S);
        let name = unit.map(|id| self.core.name(id).as_str().to_owned());
        let mut environment = sysv_env(&word(to.or(current)), &word(left), name.as_deref());
        environment.extend([("RUNLEVEL".to_owned(), word(to.or(current))), ("PREVLEVEL".to_owned(), word(left))]);
        let token = unit.and_then(|id| self.core.view(id).token);
        let cgroup = match (&self.tree, &name) {
            (Some(tree), Some(name)) => tree.create(name).ok().map(|folder| folder.join("cgroup.procs")),
            _ => None,
        };
        if let (None, Some(token)) = (&self.tree, token) {
            environment.push(("RUNG_INSTANCE".to_owned(), token.to_string()));
        }
        let cgroup = cgroup.map(|path| path.display().to_string());
        if let Some(unit) = unit {
            self.hold(unit, self.server.peer_pid(client));
        }
        now(&ScriptCall { script: found.display().to_string(), cgroup, environment })
    }

    /// [`Self::adopt`] for a client, whose verb is over.
    pub(super) fn adopt_for(&mut self, client: ClientId, wanted: &Adopt) -> Outcome {
        let unit = self.resolve(std::slice::from_ref(&wanted.name))?.into_iter().next();
        let adopted = self.adopt(wanted);
        if let Some(unit) = unit {
            self.release(unit, self.server.peer_pid(client));
        }
        adopted
    }

    /// Takes over what runs of a unit without having been started by us.
    fn adopt(&mut self, wanted: &Adopt) -> Outcome {
        let Some(id) = self.resolve(std::slice::from_ref(&wanted.name))?.into_iter().next() else { return now(&()) };
        let failed = |text: String| Err(Refusal::text(errors::FAILED, text));
        let view = self.core.view(id);
        let name = view.name.clone();
        let Loaded::Good(unit) = view.on_disk else {
            return failed(format!("{name} can't be used: see initctl status {}", name.short()));
        };
        let from_file = unit.service.pid_file.as_deref().and_then(read_pid);
        let pid_file = unit.service.pid_file.clone();
        let mut pids = self.group_of(id);
        let named = match wanted.pid {
            Some(pid) if !self.is_free(id, pid) => {
                return failed(format!("process {pid} isn't there, or belongs to another unit"));
            }
            Some(pid) => Some(pid),
            None => from_file.filter(|pid| self.is_free(id, *pid)),
        };
        if let Some(pid) = named.filter(|pid| !pids.contains(pid)) {
            let table: Vec<procs::Stat> = procs::all().into_iter().filter(|s| !s.zombie).collect();
            let family = procs::family(&table, &[pid]);
            for pid in family.into_iter().filter(|pid| self.is_free(id, *pid)) {
                let added = self.tree.as_ref().is_none_or(|tree| tree.add(name.as_str(), pid));
                if added && !pids.contains(&pid) {
                    pids.push(pid);
                }
            }
        }
        if pids.is_empty() {
            let file = pid_file.map(|f| format!(" ({} names none)", f.display())).unwrap_or_default();
            return failed(format!("no process of {name} was found{file}; name one with --pid"));
        }
        // One that was known by its mark alone is known by its number from now on.
        let only = (pids.len() == 1 || self.tree.is_none()).then(|| pids.iter().copied().min()).flatten();
        let main = named.or(only).and_then(|pid| Some((pid, procs::stat(pid)?.start_time)));
        self.push(Event::Found { unit: name, main });
        self.settle();
        now(&Adopted { main_pid: self.core.view(id).main_pid, pids: self.pids(id) })
    }

    /// The pid file of a unit that is made from a script.
    fn script_pid_file(&self, id: UnitId) -> Option<PathBuf> {
        match self.core.view(id).on_disk {
            Loaded::Good(unit) if unit.source.is_script() => unit.service.pid_file.clone(),
            _ => None,
        }
    }

    /// Watches where scripts' daemons write their pids: one that somebody starts without us is seen by that.
    pub fn watch_daemons(&mut self) {
        let files = self.core.ids().filter_map(|id| self.script_pid_file(id));
        let folders: BTreeSet<PathBuf> = files.filter_map(|file| file.parent().map(Path::to_owned)).collect();
        for folder in folders {
            self.watcher.add(&folder, Why::Daemons);
        }
        self.watch_locks();
    }

    /// Files came to be where pid files do: the daemon of a unit that is down is taken over.
    pub fn look_for_daemons(&mut self, files: &[OsString]) {
        let concerned = |id: &UnitId| {
            let view = self.core.view(*id);
            let file = self.script_pid_file(*id).filter(|_| view.phase == Phase::Dead && view.job.is_none());
            let fresh = file.filter(|path| path.file_name().is_some_and(|name| files.iter().any(|f| f == name)));
            fresh.and_then(|path| read_pid(&path)).is_some_and(|pid| self.is_free(*id, pid))
        };
        let found: Vec<String> = self.core.ids().filter(concerned).map(|id| self.core.name(id).to_string()).collect();
        for name in found {
            // What has ended meanwhile isn't taken over.
            let _ = self.adopt(&Adopt { name, pid: None });
        }
    }

    /// The processes that bear a unit's sign, whether or not it is up.
    fn group_of(&self, id: UnitId) -> Vec<i32> {
        let name = self.core.name(id);
        match &self.tree {
            Some(tree) => tree.pids(name.as_str()),
            None => {
                let own = |s: &procs::Stat| {
                    let mark = procs::env(s.pid, crate::manager::spawn::UNIT_VARIABLE);
                    !s.zombie && s.parent == self.machine.pid1 && mark.as_deref() == Some(name.as_str())
                };
                procs::all().iter().filter(|s| own(s)).map(|s| s.pid).collect()
            }
        }
    }

    /// Whether a process can be taken for one of this unit: it is there, not ours, and no other unit's own.
    fn is_free(&self, id: UnitId, pid: i32) -> bool {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let theirs = |other: UnitId| {
            let view = self.core.view(other);
            other != id && [view.main_pid, view.control_pid].contains(&Some(pid))
        };
        let there = pid > 1 && pid != own && pid != self.machine.pid1;
        let ours = self.tree.as_ref().is_some_and(|tree| tree.is_own(pid));
        there && !ours && procs::stat(pid).is_some_and(|s| !s.zombie) && !self.core.ids().any(theirs)
    }
}
