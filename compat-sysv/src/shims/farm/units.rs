//! Rung's and systemd's units, and the levels they are on in. Changes go through the manager where one runs, else straight
//! to the links: in an image, in a chroot, under another init.

use super::place::Place;
use crate::pid1::{PATIENCE, client, is_rung};
use init::client;
use init::core::Definition;
use init::levels::Farm;
use init::load::{Loader, conf, system_folders};
use init::proto::control::{Enable, LinkChange, Links};
use init::switch::Switch;
use init::unit::name::Kind;
use init::unit::{Level, LevelSet, Source, Unit, UnitName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The units of a root.
#[derive(Debug)]
pub(in crate::shims) struct Units {
    loader: Loader,
    farm: Farm,
    managed: bool,
    /// The root's folder.
    top: PathBuf,
}

impl Units {
    /// Looks through the folders; no file is read yet.
    pub(in crate::shims) fn new(place: &Place) -> Self {
        let (settings, _) = conf::read(&place.root);
        let folders = system_folders(&client::run_dir()).into_iter();
        let folders = folders.filter(|(source, _)| matches!(source, Source::Native | Source::Systemd));
        let folders = folders.map(|(source, path)| (source, place.root.shown(&path))).collect();
        let mut loader = Loader::of(place.root.clone(), folders, conf::facts(&client::run_dir(), &settings));
        loader.scan();
        let farm = Farm::new(place.at("/etc/rung/levels"), place.at("/etc"));
        let managed = is_rung() && !place.root.is_image();
        Self { loader, farm, managed, top: place.root.shown(Path::new("/")) }
    }

    /// The unit that a file of Rung's or systemd's describes under this name; a mask is none.
    pub(in crate::shims) fn find(&self, name: &str) -> Option<UnitName> {
        let name = self.loader.canonical(UnitName::new(name).ok()?);
        self.loader.file(&name).map(|_| name)
    }

    /// The short names of all units.
    pub(in crate::shims) fn names(&self) -> impl Iterator<Item = &str> {
        self.loader.all_names().map(UnitName::short)
    }

    /// What its file says.
    fn load(&self, name: &UnitName) -> Option<Rc<Unit>> {
        match self.loader.load(name).definition {
            Definition::Good(unit) => Some(unit),
            _ => None,
        }
    }

    /// The levels that its file asks for.
    pub(in crate::shims) fn defaults(&self, name: &UnitName) -> LevelSet {
        self.load(name).map(|unit| unit.runlevels).unwrap_or_default()
    }

    /// The levels each name is on in, by all links there are.
    pub(in crate::shims) fn on(&self) -> BTreeMap<UnitName, LevelSet> {
        let marks = self.farm.read(|name| self.loader.canonical(name));
        marks.into_iter().map(|mark| (mark.name, mark.on)).collect()
    }

    /// The services that belong somewhere in levels 0 to 6, by their files or by links, each with where it is on.
    pub(in crate::shims) fn listed(&self) -> Vec<(UnitName, LevelSet)> {
        let on = self.on();
        let instances = on.keys().filter(|name| name.instance().is_some() && self.loader.file(name).is_some()).cloned();
        let names = self.loader.names().into_iter().chain(instances);
        let names = names.filter(|name| name.kind() == Kind::Service && self.loader.file(name).is_some());
        let rows = names.filter_map(|name| {
            let on = on.get(&name).copied().unwrap_or_default();
            let belongs = |levels: LevelSet| levels.iter().any(|level| level != Level::S);
            (belongs(on) || belongs(self.defaults(&name))).then_some((name, on))
        });
        let rows: BTreeMap<UnitName, LevelSet> = rows.collect();
        rows.into_iter().collect()
    }

    /// The links of Rung's own, by level.
    pub(in crate::shims) fn own_links(&self, name: &UnitName) -> BTreeMap<Level, PathBuf> {
        let links = Level::ALL.into_iter().map(|level| (level, self.farm.folder(level).join(name.as_str())));
        links.filter(|(_, link)| link.is_symlink()).collect()
    }

    /// Removes them: the farm's count from then on.
    ///
    /// # Errors
    /// The first that can't be removed, as text.
    pub(in crate::shims) fn forget_own_links(&self, name: &UnitName) -> Result<(), String> {
        for link in self.own_links(name).into_values() {
            std::fs::remove_file(&link).map_err(|e| format!("cannot remove {}: {e}", link.display()))?;
        }
        Ok(())
    }

    /// Whether links of Rung's own say where it is on, so that those of `rcN.d` don't count.
    pub(in crate::shims) fn has_own_links(&self, name: &UnitName) -> bool {
        !self.own_links(name).is_empty()
    }

    /// Switches a unit on in `levels`, or where its file says.
    ///
    /// # Errors
    /// A sentence.
    pub(in crate::shims) fn enable(&self, name: &UnitName, levels: Option<LevelSet>) -> Result<(), String> {
        if self.managed { self.ask("Enable", name, levels) } else { self.switch(name, levels, true).map(drop) }
    }

    /// Switches a unit, and what goes along with it, on or off in the files, whoever runs.
    ///
    /// # Errors
    /// A sentence.
    pub(in crate::shims) fn switch(
        &self,
        name: &UnitName,
        levels: Option<LevelSet>,
        on: bool,
    ) -> Result<Vec<LinkChange>, String> {
        let place = |file: PathBuf| file.strip_prefix(&self.top).map_or(file.clone(), |rest| Path::new("/").join(rest));
        let switch = Switch { loader: &self.loader, farm: &self.farm, place: &place };
        let instance = UnitName::new(&switch.default_instance(name.as_str()))?;
        let names = switch.along(vec![instance]);
        if on { switch.on(&names, levels) } else { switch.off(&names, levels) }
    }

    /// Whether a name is that of a unit of Rung's own.
    pub(in crate::shims) fn is_native(&self, name: &UnitName) -> bool {
        self.loader.source(name) == Some(Source::Native)
    }

    /// Switches a unit off in `levels`.
    ///
    /// # Errors
    /// A sentence.
    pub(in crate::shims) fn disable(&self, name: &UnitName, levels: LevelSet) -> Result<(), String> {
        let on = self.on().get(name).copied().unwrap_or_default();
        let rest: LevelSet = on.iter().filter(|level| !levels.contains(*level)).collect();
        if !rest.is_empty() && !self.has_own_links(name) {
            // Others' links have it on: Rung's own take their place, so that they can be taken away one by one.
            self.enable(name, Some(rest))?;
        }
        let levels = Some(levels).filter(|_| !rest.is_empty());
        if self.managed {
            return self.ask("Disable", name, levels);
        }
        self.switch(name, levels, false).map(drop)
    }

    /// Makes Rung's own links of a script's unit follow a change of the farm, where it has such links: they would hide it.
    ///
    /// # Errors
    /// A sentence.
    pub(in crate::shims) fn follow(&self, name: &str, before: LevelSet, after: LevelSet) -> Result<(), String> {
        let Ok(name) = UnitName::new(name) else { return Ok(()) };
        let link = |level: &Level| self.farm.folder(*level).join(name.as_str());
        let Some(target) = Level::ALL.iter().find_map(|level| std::fs::read_link(link(level)).ok()) else {
            return Ok(());
        };
        for level in Level::ALL {
            let at = link(&level);
            match (before.contains(level), after.contains(level)) {
                (false, true) => drop(self.farm.enable(&name, &target, LevelSet::from_iter([level]))?),
                (true, false) if at.is_symlink() => {
                    std::fs::remove_file(&at).map_err(|e| format!("cannot remove {}: {e}", at.display()))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether any link has it on in any level.
    pub(in crate::shims) fn is_on(&self, name: &UnitName) -> bool {
        self.on().get(name).is_some_and(|levels| !levels.is_empty())
    }

    fn ask(&self, method: &str, name: &UnitName, levels: Option<LevelSet>) -> Result<(), String> {
        let request = Enable { names: vec![name.as_str().to_owned()], levels: levels.map(|levels| levels.to_string()) };
        client().call::<_, Links>(method, &request, PATIENCE).map(drop).map_err(|e| e.to_string())
    }
}
