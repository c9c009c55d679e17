//! `sysv switch`: what `initctl enable` and `disable` do to an init script. Its links are changed as `update-rc.d` or
//! `chkconfig` change them, so that these, `insserv` and another init see the same as Rung. The manager runs it, and
//! `initctl --root`; all is looked at before the first link is changed.

use super::chkconfig::To;
use super::place::Place;
use super::rehearsal::Rehearsal;
use super::scripts::Scripts;
use super::units::Units;
use super::update;
use crate::farm::Kind;
use crate::shims::{err, err_plain, out};
use init::proto::control::LinkChange;
use init::switch::Switched;
use init::unit::{Level, LevelSet, UnitName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(in crate::shims) const HELP: &str = "NAME0 [--root DIR] [--levels LEVELS] [--dry-run] enable|disable NAME...

Switches init scripts on or off: their links in /etc/rcN.d, with chkconfig's means on Red
Hat's systems, with update-rc.d's and insserv's elsewhere. Links of Rung's own, which
would hide them, are removed. `initctl enable` and `disable` have it done. What was
changed is printed as JSON, on one line.

Options:
  --root DIR       in an image
  --levels LEVELS  in these levels only, such as 235; S, 1 to 5
  --dry-run        on a copy of the scripts and links
  --help, --version";

pub(in crate::shims) fn run(name: &str, args: &[String]) -> u8 {
    let wish = match Wish::parse(args) {
        Ok(wish) => wish,
        Err(why) => return err(name, &format!("{why}; see {name} --help")),
    };
    match carry_out(&wish).and_then(|done| serde_json::to_string(&done).map_err(|e| e.to_string())) {
        Ok(json) => out(&json),
        Err(why) => err_plain(&why),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    root: Option<String>,
    levels: Option<LevelSet>,
    dry: bool,
    on: bool,
    names: Vec<String>,
}

impl Wish {
    fn parse(args: &[String]) -> Result<Self, String> {
        let mut wish = Self::default();
        let mut words = Vec::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().cloned().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--root" => wish.root = Some(value()?),
                "--levels" => {
                    let levels = LevelSet::parse(&value()?).map_err(|c| format!("`{c}` is no runlevel"))?;
                    wish.levels = Some(levels).filter(|levels| !levels.is_empty());
                }
                "--dry-run" => wish.dry = true,
                option if option.starts_with('-') => return Err(format!("unknown option `{option}`")),
                word => words.push(word.to_owned()),
            }
        }
        match words.split_first() {
            Some((verb, names)) if !names.is_empty() && ["enable", "disable"].contains(&verb.as_str()) => {
                (wish.on, wish.names) = (verb == "enable", names.to_vec());
                Ok(wish)
            }
            _ => Err("enable or disable, and names, are needed".into()),
        }
    }
}

fn carry_out(wish: &Wish) -> Result<Switched, String> {
    let place = Place::new(wish.root.as_deref());
    let goals: Result<Vec<Goal>, String> = wish.names.iter().map(|name| Goal::new(&place, wish, name)).collect();
    let goals = goals?;
    let copy = if wish.dry { Some(Rehearsal::of(&place)?) } else { None };
    let here = copy.as_ref().map_or(&place, Rehearsal::place);
    let mut done = Switched::default();
    for goal in &goals {
        let before = Links::of(here, &goal.name);
        goal.reach(here)?;
        let after = Links::of(here, &goal.name);
        let shown = |path: &Path| match copy.as_ref().and_then(|copy| copy.inside(path)) {
            Some(inside) => place.root.shown(&inside),
            None => path.to_owned(),
        };
        let unit = UnitName::new(&goal.name)?;
        done.on.insert(unit.clone(), goal.on.to_string());
        done.changes.extend(before.changes(&after, &unit, shown));
    }
    Ok(done)
}

/// Where a script is to be on.
struct Goal {
    name: String,
    on: LevelSet,
}

impl Goal {
    fn new(place: &Place, wish: &Wish, name: &str) -> Result<Self, String> {
        let name = name.strip_suffix(".service").unwrap_or(name).to_owned();
        if place.script(&name).is_none() {
            return Err(format!("there is no script {}", place.scripts().join(&name).display()));
        }
        let wrong = |level: &Level| if place.is_red_hat() { *level == Level::S } else { level.is_down() };
        if let Some(level) = wish.levels.and_then(|levels| levels.iter().find(wrong)).filter(|_| wish.on) {
            return Err(match level {
                Level::S => format!("{name} is an init script, and on this system none is started in level S"),
                _ => format!("{name} is an init script: in level {level} those are stopped, and none is started"),
            });
        }
        let before = Links::of(place, &name).on(place);
        let on = match (wish.on, wish.levels) {
            (true, Some(levels)) => before.iter().chain(levels.iter()).collect(),
            (true, None) => before.iter().chain(usual(place, &name)?.iter()).collect(),
            (false, Some(levels)) => before.iter().filter(|level| !levels.contains(*level)).collect(),
            (false, None) => LevelSet::EMPTY,
        };
        Ok(Self { name, on })
    }

    fn reach(&self, place: &Place) -> Result<(), String> {
        if place.is_red_hat() {
            let scripts = Scripts::new(Place { root: place.root.clone() });
            if !scripts.is_configured(&self.name) && !self.on.is_empty() {
                scripts.add(&self.name, false)?;
            }
            let before = scripts.on(&self.name);
            let (on, off) = (without(self.on, before), without(before, self.on));
            for (to, levels) in [(To::On, on), (To::Off, off)].into_iter().filter(|(_, levels)| !levels.is_empty()) {
                scripts.set(&self.name, to, levels)?;
            }
        } else {
            update::set(Place { root: place.root.clone() }, &self.name, self.on)?;
        }
        Units::new(place).forget_own_links(&UnitName::new(&self.name)?)
    }
}

fn without(these: LevelSet, those: LevelSet) -> LevelSet {
    these.iter().filter(|level| !those.contains(*level)).collect()
}

/// The levels meant where none are named.
fn usual(place: &Place, name: &str) -> Result<LevelSet, String> {
    if place.is_red_hat() {
        return Ok(To::On.usual());
    }
    let levels = update::default_start(Place { root: place.root.clone() }, name);
    levels.map_err(|why| format!("{why}\n  try: initctl enable {name} --levels 2345"))
}

/// What a script has of links, by level: the farm's, and Rung's own.
struct Links {
    farm: BTreeMap<(Level, Kind), PathBuf>,
    own: BTreeMap<Level, PathBuf>,
}

impl Links {
    fn of(place: &Place, name: &str) -> Self {
        let links = Level::ALL.into_iter().flat_map(|level| place.links(level, name));
        let farm = links.map(|link| ((link.level, link.kind), link.path)).collect();
        let own = UnitName::new(name).map(|unit| Units::new(place).own_links(&unit)).unwrap_or_default();
        Self { farm, own }
    }

    /// The levels that they have it on in; Rung's own, where there are any.
    fn on(&self, place: &Place) -> LevelSet {
        if !self.own.is_empty() {
            return self.own.keys().copied().collect();
        }
        let starts = self.farm.keys().filter(|(_, kind)| *kind == Kind::Start).map(|(level, _)| *level);
        starts.filter(|level| place.is_red_hat() || !level.is_down()).collect()
    }

    /// What is there now and wasn't, and what isn't any more. That a script is stopped where it was started, and the
    /// other way about, is one change.
    fn changes(&self, after: &Self, name: &UnitName, shown: impl Fn(&Path) -> PathBuf) -> Vec<LinkChange> {
        let change = |path: &Path, target: Option<String>| LinkChange {
            name: name.clone(),
            path: shown(path).display().to_string(),
            target,
        };
        let starts = |links: &Self, level| links.farm.contains_key(&(level, Kind::Start));
        let mut all = Vec::new();
        for ((level, kind), path) in &after.farm {
            let known = self.farm.contains_key(&(*level, *kind));
            if !known && (*kind == Kind::Start || !starts(self, *level)) {
                all.push(change(path, Some(format!("../init.d/{}", name.short()))));
            }
        }
        for ((level, kind), path) in &self.farm {
            if !after.farm.contains_key(&(*level, *kind)) && (*kind == Kind::Start || !starts(after, *level)) {
                all.push(change(path, None));
            }
        }
        let gone = self.own.iter().filter(|(level, _)| !after.own.contains_key(level));
        all.extend(gone.map(|(_, path)| change(path, None)));
        all
    }
}

#[cfg(test)]
#[path = "switch_tests.rs"]
mod tests;
