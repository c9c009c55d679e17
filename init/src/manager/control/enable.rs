//! `enable` and `disable`, as clients ask for them.

use super::ClientId;
use super::methods::{Outcome, Refusal, now};
use crate::core::UnitId;
use crate::manager::state::Manager;
use crate::proto::control::{Enable, EventKind, LinkChange, Links, errors};
use crate::switch::Switch;
use crate::unit::{LevelSet, UnitName};

type Switched = Result<Vec<LinkChange>, Refusal>;

fn failed(text: impl Into<String>) -> Refusal {
    Refusal::text(errors::FAILED, text)
}

impl Manager {
    /// Switches units on or off.
    pub(super) fn enable(&mut self, client: ClientId, wanted: &Enable, on: bool) -> Outcome {
        let (ids, changes) = self.switch_units(wanted, on)?;
        self.watch_folders();
        self.read_levels();
        let changes = changes?;
        let by = self.server.peer(client).map(|asked| asked.to_string()).unwrap_or_default();
        for id in ids {
            self.note_switched(id, on, &changes, &by);
        }
        now(&Links { changes })
    }

    /// What `enable` and `disable` would change.
    pub(super) fn rehearse_enable(&mut self, wanted: &Enable, on: bool) -> Result<Vec<LinkChange>, Refusal> {
        let farm = self.farm.rehearsal();
        let farm = std::mem::replace(&mut self.farm, farm);
        let changes = self.switch_units(wanted, on);
        self.farm = farm;
        changes?.1
    }

    /// The units, and the links changed, or what went wrong after some may have been.
    fn switch_units(&mut self, wanted: &Enable, on: bool) -> Result<(Vec<UnitId>, Switched), Refusal> {
        let given = match wanted.levels.as_deref().map(LevelSet::parse).transpose() {
            Ok(levels) => levels,
            Err(c) => return Err(failed(format!("`{c}` is no runlevel: S and 0 to 6 are"))),
        };
        if given.is_some_and(LevelSet::is_empty) {
            return Err(failed("no runlevel given: write them as in --levels 2345"));
        }
        self.refresh_changed();
        let names: Vec<String> = wanted.names.iter().map(|name| self.switch().default_instance(name)).collect();
        let ids = self.resolve(&names)?;
        let names: Vec<UnitName> = ids.iter().map(|id| self.core.name(*id).clone()).collect();
        let switch = self.switch();
        let names = switch.along(names);
        let changes = if on { switch.on(&names, given) } else { switch.off(&names, given) };
        let along: Vec<String> = names.iter().map(|name| name.as_str().to_owned()).collect();
        Ok((self.resolve(&along)?, changes.map_err(failed)))
    }

    fn switch(&self) -> Switch<'_> {
        Switch { loader: &self.loader, farm: &self.farm, place: &|file| file }
    }

    /// The history says what was switched on or off, and by whom.
    fn note_switched(&mut self, id: UnitId, on: bool, changes: &[LinkChange], by: &str) {
        let name = self.core.name(id).clone();
        let paths: Vec<&str> = changes.iter().filter(|c| c.name == name).map(|c| c.path.as_str()).collect();
        let (kind, verb) = if on { (EventKind::Enable, "made") } else { (EventKind::Disable, "removed") };
        let text =
            if paths.is_empty() { "it was so already".to_owned() } else { format!("{verb} {}", paths.join(" ")) };
        let state = self.core.view(id).state;
        let event = self.events.push(kind, &text, by);
        (event.unit, event.state) = (Some(name), Some(state));
        self.record();
        self.write_history();
    }
}
