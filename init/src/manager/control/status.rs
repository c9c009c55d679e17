//! A unit as clients see it.

use crate::core::{Loaded, Reason, State, UnitId, View};
use crate::manager::state::Manager;
use crate::proto::control::{Cause, LoadState, UnitStatus};
use crate::sys::wait;
use crate::unit::{self, Level, LevelSet, Severity, Source, Unit, UnitName, targets};

/// The definition a view speaks of: what runs, else what is on disk.
pub fn definition<'a>(view: &View<'a>) -> Option<&'a Unit> {
    view.unit.map(AsRef::as_ref).or(match view.on_disk {
        Loaded::Good(unit) => Some(unit.as_ref()),
        _ => None,
    })
}

/// The rarer dependencies, as pairs of word and unit.
fn relations(unit: &Unit) -> Vec<(String, UnitName)> {
    let lists = unit.relations.lists().into_iter();
    lists.flat_map(|(word, names)| names.iter().map(move |name| (word.to_owned(), name.clone()))).collect()
}

impl Manager {
    /// A unit's state. One of Rung's own targets that nothing had to start is active where the level says so.
    pub fn state(&self, id: UnitId) -> State {
        let view = self.core.view(id);
        let own = definition(&view).is_some_and(|u| u.source == Source::Generated);
        let (_, Some(now), _) = self.core.levels() else { return view.state };
        let reached = targets::reached_in(view.name);
        let through = reached.contains(Level::S) && !now.is_down();
        match view.state {
            State::Inactive if own && (through || reached.contains(now)) => State::Active,
            state => state,
        }
    }

    /// All that is known of a unit. `full`: also its processes and settings, which cost reading.
    pub fn status(&self, id: UnitId, full: bool) -> UnitStatus {
        let view = self.core.view(id);
        let unit = definition(&view);
        let (now, wall) = (wait::now_ms(), wait::wall_ms());
        let (load, mut load_error) = match view.on_disk {
            Loaded::Good(_) => (LoadState::Loaded, None),
            Loaded::Bad(reason) => (LoadState::Bad, Some(reason.clone())),
            Loaded::Masked => (LoadState::Masked, None),
            Loaded::Missing => (LoadState::Missing, None),
        };
        if full && load_error.is_none() {
            load_error = self.warnings(view.name);
        }
        let changed_on_disk = match (view.unit, view.on_disk) {
            (Some(running), Loaded::Good(disk)) => running != disk,
            (Some(_), _) => true,
            (None, _) => false,
        };
        let (names, own) = (Vec::<UnitName>::new(), |list: fn(&Unit) -> &Vec<UnitName>| unit.map(list).cloned());
        UnitStatus {
            name: view.name.clone(),
            description: unit.map(|u| u.description.clone()).unwrap_or_default(),
            documentation: unit.map(|u| u.documentation.clone()).unwrap_or_default(),
            load,
            load_error,
            changed_on_disk,
            state: self.state(id),
            phase: view.phase,
            since_ms: (view.since > 0).then(|| wall.saturating_sub(now.saturating_sub(view.since))),
            main_pid: view.main_pid,
            control_pid: view.control_pid,
            pids: if full { self.pids(id) } else { Vec::new() },
            restarts: view.restarts,
            last_exit: view.last_exit,
            outcome: view.outcome.cloned(),
            reason: view.outcome.filter(|o| **o != crate::core::Outcome::Success).map(|o| self.sentence(id, o)),
            status_text: view.said.status.clone(),
            status_errno: view.said.errno,
            status_exit: view.said.exit_status.clone(),
            status_bus_error: view.said.bus_error.clone(),
            job: view.job.map(|(word, _)| word.to_owned()),
            waits_for: view.waits_for.iter().map(|id| self.core.name(*id).clone()).collect(),
            timeout_in_ms: view.deadline.map(|d| d.saturating_sub(now)),
            levels: view.on.to_string(),
            cause: self.cause(&view),
            source: unit.map_or(Source::Native, |u| u.source),
            files: unit.map(|u| u.files.iter().map(|f| f.display().to_string()).collect()).unwrap_or_default(),
            requires: own(|u| &u.requires).unwrap_or_else(|| names.clone()),
            wants: own(|u| &u.wants).unwrap_or_else(|| names.clone()),
            after: own(|u| &u.after).unwrap_or_else(|| names.clone()),
            before: own(|u| &u.before).unwrap_or_else(|| names.clone()),
            conflicts: own(|u| &u.conflicts).unwrap_or(names),
            relations: unit.map(relations).unwrap_or_default(),
            settings: if full { unit.map(unit::settings).unwrap_or_default() } else { Vec::new() },
        }
    }

    /// Who asked; nobody did where the last job came of another unit's doing.
    fn cause(&self, view: &View<'_>) -> Option<Cause> {
        let other = view.cause.is_some_and(|c| c.request.is_none() && c.reason != Reason::Again);
        if other { None } else { self.askers.cause(view.name) }
    }

    /// Warnings about the unit's text, one below the other.
    fn warnings(&self, name: &UnitName) -> Option<String> {
        let own = self.findings.get(name).into_iter().flatten().filter(|f| f.severity != Severity::Note);
        let script = self.core.id(name).and_then(|id| definition(&self.core.view(id))?.source_path.clone());
        let made = self.generator.about(name, script.as_deref());
        let texts: Vec<String> = own.chain(made).map(ToString::to_string).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// The processes of a unit.
    pub(super) fn pids(&self, id: UnitId) -> Vec<i32> {
        let view = self.core.view(id);
        let Some(token) = view.token else {
            // What a stop has left alone (`KillMode=process`) is still there to be seen.
            return self.tree.as_ref().map(|t| t.pids(view.name.as_str())).unwrap_or_default();
        };
        match &self.tree {
            Some(tree) => tree.pids(view.name.as_str()),
            None => self.members(token),
        }
    }

    /// The levels that `enable` would use.
    pub fn default_levels(&self, id: UnitId) -> LevelSet {
        definition(&self.core.view(id)).map(|u| u.runlevels).unwrap_or_default()
    }
}
