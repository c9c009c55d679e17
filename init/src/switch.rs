//! What `enable` and `disable` do to links: from unit files and the links there are, so that it can be done whether or not
//! a manager runs, and in an image. All that is asked for is looked at before the first link is changed. What is an init
//! script is left to `sysv switch`, which does what the distribution's own tools would.

use crate::core::Definition;
use crate::levels::Farm;
use crate::load::Loader;
use crate::proto::control::LinkChange;
use crate::unit::install::Install;
use crate::unit::{Level, LevelSet, Source, Unit, UnitName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

/// What `sysv switch` prints.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Switched {
    /// Links made and removed, or those that would be.
    pub changes: Vec<LinkChange>,
    /// The levels each script is on in afterwards.
    pub on: BTreeMap<UnitName, String>,
}

/// What it has warned of beside that, by what it wrote to stderr: its own words and those of the distribution's tools.
pub fn notes(errors: &str) -> Vec<String> {
    errors.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The words of `sysv` that switch scripts on or off.
pub fn sysv_words(names: &[UnitName], levels: Option<LevelSet>, on: bool, rehearses: bool) -> Vec<String> {
    let levels = levels.map(|levels| ["--levels".to_owned(), levels.to_string()]);
    let dry = rehearses.then(|| "--dry-run".to_owned());
    let verb = if on { "enable" } else { "disable" };
    let words = std::iter::once("switch".to_owned()).chain(levels.into_iter().flatten()).chain(dry);
    words.chain([verb.to_owned()]).chain(names.iter().map(|name| name.short().to_owned())).collect()
}

/// The units and links of a root.
pub struct Switch<'a> {
    /// Unit files.
    pub loader: &'a Loader,
    /// Links; a rehearsal's change nothing.
    pub farm: &'a Farm,
    /// A unit's file as links of the root are to name it.
    pub place: &'a dyn Fn(PathBuf) -> PathBuf,
}

/// One unit to be switched on.
struct On {
    name: UnitName,
    file: PathBuf,
    levels: LevelSet,
    install: Install,
}

impl Switch<'_> {
    fn load(&self, name: &UnitName) -> Option<Rc<Unit>> {
        match self.loader.load(name).definition {
            Definition::Good(unit) => Some(unit),
            _ => None,
        }
    }

    fn install_of(&self, name: &UnitName) -> Install {
        self.load(name).map(|unit| Install::clone(&unit.install)).unwrap_or_default()
    }

    /// For a template, the instance that its `DefaultInstance=` names; anything else stays as it is.
    pub fn default_instance(&self, text: &str) -> String {
        let template = UnitName::new(text).ok().map(|n| self.loader.canonical(n)).filter(UnitName::is_template);
        let Some(template) = template else { return text.to_owned() };
        let instance = self.install_of(&template).default_instance;
        let suffix = template.kind().suffix();
        instance.map_or_else(|| text.to_owned(), |i| format!("{}@{i}.{suffix}", template.prefix()))
    }

    /// These names, those of init scripts apart (and of what stands in for one): their links are the farm's. A mask before
    /// a script forbids to switch it on, and leaves its links to be switched off.
    pub fn scripts(&self, names: Vec<UnitName>, on: bool) -> (Vec<UnitName>, Vec<UnitName>) {
        let is_script = |name: &UnitName| match self.loader.source(name) {
            None if !on => self.loader.masks_script(name),
            source => source.is_some_and(Source::is_script),
        };
        names.into_iter().partition(is_script)
    }

    /// These units and those that go along with them by `Also=`, as far as they exist and belong somewhere.
    pub fn along(&self, names: Vec<UnitName>) -> Vec<UnitName> {
        let mut all = names;
        let mut at = 0;
        while let Some(name) = all.get(at).cloned() {
            at += 1;
            for also in self.install_of(&name).also {
                let also = self.loader.canonical(also);
                let belongs = |unit: Rc<Unit>| !unit.runlevels.is_empty() || unit.install.gatherers().next().is_some();
                if !also.is_template() && !all.contains(&also) && self.load(&also).is_some_and(belongs) {
                    all.push(also);
                }
            }
        }
        all
    }

    /// Switches units on in `given` levels, or where their files say.
    ///
    /// # Errors
    /// Why one of them can't be, and nothing was changed; or the first link that can't be made.
    pub fn on(&self, names: &[UnitName], given: Option<LevelSet>) -> Result<Vec<LinkChange>, String> {
        let marks = self.farm.read(|name| self.loader.canonical(name));
        let is_on = |name: &UnitName| marks.iter().find(|m| m.name == *name).map(|m| m.on).unwrap_or_default();
        let checked: Result<Vec<On>, String> = names.iter().map(|name| self.check(name, given, is_on(name))).collect();
        let mut changes = Vec::new();
        for On { name, file, levels, install } in checked? {
            changes.extend(self.farm.enable(&name, &file, levels)?);
            changes.extend(self.farm.install(&name, &install, &file)?);
        }
        Ok(changes)
    }

    fn check(&self, name: &UnitName, given: Option<LevelSet>, on: LevelSet) -> Result<On, String> {
        let definition = self.loader.load(name).definition;
        if let Definition::Masked(_) = definition {
            return Err(format!("{name} is masked: nothing can switch it on\n  try: initctl unmask {}", name.short()));
        }
        let file = self.file(name).ok_or_else(|| format!("{name} has no file of its own that can be switched on"))?;
        let (levels, install) = match &definition {
            Definition::Good(unit) => (unit.runlevels, Install::clone(&unit.install)),
            _ => Default::default(),
        };
        let wanted = given.unwrap_or(levels);
        if wanted.is_empty() && install.gatherers().next().is_none() {
            return Err(match definition {
                Definition::Bad(_, reason) => reason,
                _ => {
                    format!("{name} doesn't say in which levels it belongs (Runlevels= under [Install]): give --levels")
                }
            });
        }
        // A first link of Rung's own takes the place of the farm's: where that has it on, it stays on.
        Ok(On { name: name.clone(), file, levels: wanted.iter().chain(on.iter()).collect(), install })
    }

    fn file(&self, name: &UnitName) -> Option<PathBuf> {
        self.loader.file(name).map(|file| (self.place)(file))
    }

    /// Switches units off, in `given` levels or altogether.
    ///
    /// # Errors
    /// The first link that can't be changed, as text.
    pub fn off(&self, names: &[UnitName], given: Option<LevelSet>) -> Result<Vec<LinkChange>, String> {
        let levels = given.unwrap_or_else(|| Level::ALL.into_iter().collect());
        let mut changes = Vec::new();
        for name in names {
            // Links under its other names switch it on as well.
            let aliases = self.loader.aliases().filter(|(_, target)| *target == name).map(|(alias, _)| alias.clone());
            let all: Vec<UnitName> = std::iter::once(name.clone()).chain(aliases).collect();
            let rest = given.and_then(|off| self.farm.left_to_systemd(&all, off));
            // Rung's own links in the levels that are left take the place of systemd's.
            if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
                let file = self.file(name);
                let file = file.ok_or_else(|| format!("{name} has no file: its other levels can't be kept"))?;
                changes.extend(self.farm.enable(name, &file, rest)?);
            } else if rest.is_some() {
                changes.extend(self.farm.forget_systemd(&all)?);
            }
            for name in &all {
                changes.extend(self.farm.disable(name, levels)?);
            }
            if given.is_none() {
                changes.extend(self.farm.uninstall(&all, &self.install_of(name))?);
            }
        }
        Ok(changes)
    }
}
