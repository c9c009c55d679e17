//! A unit as clients see it.

use crate::core::{Loaded, Reason, State, UnitId, View};
use crate::manager::state::Manager;
use crate::proto::control::{Cause, LoadState, UnitBrief, UnitStatus};
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

fn load(view: &View<'_>) -> LoadState {
    match view.on_disk {
        Loaded::Good(_) => LoadState::Loaded,
        Loaded::Bad(_) => LoadState::Bad,
        Loaded::Masked => LoadState::Masked,
        Loaded::Missing => LoadState::Missing,
    }
}

/// Since when it is in its state, in milliseconds since 1970.
fn since(view: &View<'_>, (now, wall): (u64, u64)) -> Option<u64> {
    (view.since > 0).then(|| wall.saturating_sub(now.saturating_sub(view.since)))
}

/// Two lists in one, each name once.
fn joined(own: Option<Vec<UnitName>>, more: Vec<UnitName>) -> Vec<UnitName> {
    let mut names = own.unwrap_or_default();
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

impl Manager {
    /// A unit's state. One of Rung's own targets that nothing had to start is active where the level says so.
    pub fn state(&self, id: UnitId) -> State {
        let view = self.core.view(id);
        let own = definition(&view).is_some_and(|u| u.source == Source::Generated);
        let (_, Some(now), _) = self.core.levels() else { return view.state };
        if !own || view.state != State::Inactive {
            return view.state;
        }
        let reached = targets::reached_in(view.name);
        let through = reached.contains(Level::S) && !now.is_down();
        if through || reached.contains(now) { State::Active } else { State::Inactive }
    }

    /// A unit in a few words; `now`: on the clock since boot, and since 1970.
    pub fn brief(&self, id: UnitId, now: (u64, u64)) -> UnitBrief {
        let view = self.core.view(id);
        let unit = definition(&view);
        UnitBrief {
            name: view.name.clone(),
            description: unit.map(|u| u.description().to_owned()).unwrap_or_default(),
            load: load(&view),
            state: self.state(id),
            phase: view.phase,
            since_ms: since(&view, now),
            main_pid: view.main_pid,
            control_pid: view.control_pid,
            restarts: view.restarts,
            levels: view.on.to_string(),
            source: unit.map_or(Source::Native, |u| u.source),
            file: unit.and_then(|u| Some(u.files.first()?.display().to_string())),
        }
    }

    /// All that is known of a unit. `full`: also its processes and settings, which cost reading.
    pub fn status(&self, id: UnitId, full: bool) -> UnitStatus {
        let view = self.core.view(id);
        let unit = definition(&view);
        let (now, wall) = (wait::now_ms(), wait::wall_ms());
        let mut load_error = match view.on_disk {
            Loaded::Bad(reason) => Some(reason.clone()),
            Loaded::Good(_) | Loaded::Masked | Loaded::Missing => None,
        };
        if full && load_error.is_none() {
            load_error = self.warnings(view.name);
        }
        let changed_on_disk = match (view.unit, view.on_disk) {
            (Some(running), Loaded::Good(disk)) => running.is_outdated_by(disk),
            (Some(_), _) => true,
            (None, _) => false,
        };
        let (script_after, script_before) = unit.map(|u| self.script_order(u)).unwrap_or_default();
        let start_after = unit.map(|u| u.relations.start_after.clone()).unwrap_or_default();
        let (names, own) = (Vec::<UnitName>::new(), |list: fn(&Unit) -> &Vec<UnitName>| unit.map(list).cloned());
        UnitStatus {
            name: view.name.clone(),
            description: unit.map(|u| u.description().to_owned()).unwrap_or_default(),
            documentation: unit.map(|u| u.documentation.to_vec()).unwrap_or_default(),
            load: load(&view),
            load_error,
            changed_on_disk,
            state: self.state(id),
            phase: view.phase,
            since_ms: since(&view, (now, wall)),
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
            waits_for: self.core.waits_for(id).iter().map(|id| self.core.name(*id).clone()).collect(),
            timeout_in_ms: view.deadline.map(|d| d.saturating_sub(now)),
            levels: view.on.to_string(),
            cause: self.cause(&view),
            source: unit.map_or(Source::Native, |u| u.source),
            files: unit.map(|u| u.files.iter().map(|f| f.display().to_string()).collect()).unwrap_or_default(),
            requires: own(|u| &u.requires).unwrap_or_else(|| names.clone()),
            wants: own(|u| &u.wants).unwrap_or_else(|| names.clone()),
            after: joined(own(|u| &u.after), [start_after, script_after].concat()),
            before: joined(own(|u| &u.before), script_before),
            conflicts: own(|u| &u.conflicts).unwrap_or(names),
            relations: unit.map(relations).unwrap_or_default(),
            settings: if full { unit.map(unit::settings).unwrap_or_default() } else { Vec::new() },
        }
    }

    /// What the header of the script that a unit stands for adds to the order, as far as it counts: it comes after these,
    /// and before those.
    pub(super) fn script_order(&self, unit: &Unit) -> (Vec<UnitName>, Vec<UnitName>) {
        let (after, before) = (&unit.relations.script_after, &unit.relations.script_before);
        let vain: Vec<_> =
            if after.is_empty() && before.is_empty() { Vec::new() } else { self.core.unheeded().collect() };
        let heeded = |later: &UnitName, earlier: &UnitName| later != earlier && !vain.contains(&(later, earlier));
        (
            after.iter().filter(|other| heeded(&unit.name, other)).cloned().collect(),
            before.iter().filter(|other| heeded(other, &unit.name)).cloned().collect(),
        )
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
