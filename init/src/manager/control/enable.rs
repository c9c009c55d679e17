//! `enable` and `disable`: all that is asked for is looked at before the first link is changed.

use super::ClientId;
use super::methods::{Outcome, Refusal, now};
use crate::core::{Definition, Loaded, UnitId};
use crate::manager::state::Manager;
use crate::proto::control::{Enable, EventKind, LinkChange, Links, errors};
use crate::unit::install::Install;
use crate::unit::{Level, LevelSet, UnitName};
use std::path::PathBuf;

/// One unit to be switched on.
struct On {
    name: UnitName,
    file: PathBuf,
    levels: LevelSet,
    install: Install,
}

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
        let names: Vec<String> = wanted.names.iter().map(|name| self.default_instance(name)).collect();
        let ids = self.resolve(&names)?;
        let ids = self.along(ids);
        let changes = if on { self.switch_on(&ids, given) } else { self.switch_off(&ids, given) };
        Ok((ids, changes))
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

    fn switch_on(&mut self, ids: &[UnitId], given: Option<LevelSet>) -> Result<Vec<LinkChange>, Refusal> {
        let checked: Vec<On> = ids.iter().map(|id| self.to_switch_on(*id, given)).collect::<Result<_, _>>()?;
        let mut changes = Vec::new();
        for On { name, file, levels, install } in checked {
            changes.extend(self.farm.enable(&name, &file, levels).map_err(failed)?);
            changes.extend(self.farm.install(&name, &install, &file).map_err(failed)?);
        }
        Ok(changes)
    }

    /// `[Install]` of a unit as its file has it now.
    fn install_of(&self, id: UnitId) -> Install {
        match self.core.view(id).on_disk {
            Loaded::Good(unit) => Install::clone(&unit.install),
            _ => Install::default(),
        }
    }

    /// For a template, the instance that its `DefaultInstance=` names; anything else stays as it is.
    fn default_instance(&self, text: &str) -> String {
        let template = UnitName::new(text).ok().map(|n| self.loader.canonical(n)).filter(UnitName::is_template);
        let Some(template) = template else { return text.to_owned() };
        let Definition::Good(unit) = self.loader.load(&template).definition else { return text.to_owned() };
        let suffix = template.kind().suffix();
        let instance = unit.install.default_instance.as_ref();
        instance.map_or_else(|| text.to_owned(), |i| format!("{}@{i}.{suffix}", template.prefix()))
    }

    /// These units and those that go along with them by `Also=`, as far as they exist and belong somewhere.
    fn along(&mut self, ids: Vec<UnitId>) -> Vec<UnitId> {
        let mut all = ids;
        let mut at = 0;
        while let Some(id) = all.get(at).copied() {
            at += 1;
            for name in self.install_of(id).also {
                let Ok(found) = self.resolve(&[name.as_str().to_owned()]) else { continue };
                let belongs = |id: &UnitId| {
                    !self.default_levels(*id).is_empty() || self.install_of(*id).gatherers().next().is_some()
                };
                let new: Vec<UnitId> = found.into_iter().filter(|id| !all.contains(id)).filter(belongs).collect();
                all.extend(new);
            }
        }
        all
    }

    fn to_switch_on(&self, id: UnitId, given: Option<LevelSet>) -> Result<On, Refusal> {
        let view = self.core.view(id);
        let name = view.name.clone();
        if *view.on_disk == Loaded::Masked {
            return Err(failed(format!(
                "{name} is masked: nothing can switch it on\n  try: initctl unmask {}",
                name.short()
            )));
        }
        let file = self.loader.file(&name);
        let file = file.ok_or_else(|| failed(format!("{name} has no file of its own that can be switched on")))?;
        let wanted = given.unwrap_or_else(|| self.default_levels(id));
        let install = self.install_of(id);
        if wanted.is_empty() && install.gatherers().next().is_none() {
            return Err(match view.on_disk {
                Loaded::Bad(reason) => failed(reason.clone()),
                _ => failed(format!(
                    "{name} doesn't say in which levels it belongs (Runlevels= under [Install]): give --levels"
                )),
            });
        }
        // A first link of Rung's own takes the place of the farm's: where that has it on, it stays on.
        Ok(On { name, file, levels: wanted.iter().chain(view.on.iter()).collect(), install })
    }

    fn switch_off(&mut self, ids: &[UnitId], given: Option<LevelSet>) -> Result<Vec<LinkChange>, Refusal> {
        let levels = given.unwrap_or_else(|| Level::ALL.into_iter().collect());
        let mut changes = Vec::new();
        for id in ids {
            let name = self.core.name(*id).clone();
            // Links under its other names switch it on as well.
            let aliases = self.loader.aliases().filter(|(_, target)| **target == name).map(|(alias, _)| alias.clone());
            let all: Vec<UnitName> = std::iter::once(name.clone()).chain(aliases).collect();
            let rest = given.and_then(|off| self.farm.left_to_systemd(&all, off));
            // Rung's own links in the levels that are left take the place of systemd's.
            if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
                let file = self.loader.file(&name);
                let file = file.ok_or_else(|| failed(format!("{name} has no file: its other levels can't be kept")))?;
                changes.extend(self.farm.enable(&name, &file, rest).map_err(failed)?);
            } else if rest.is_some() {
                changes.extend(self.farm.forget_systemd(&all).map_err(failed)?);
            }
            for name in &all {
                changes.extend(self.farm.disable(name, levels).map_err(failed)?);
            }
            if given.is_none() {
                changes.extend(self.farm.uninstall(&all, &self.install_of(*id)).map_err(failed)?);
            }
        }
        Ok(changes)
    }
}
