//! Scripts and their links as chkconfig reads and changes them: levels 0 to 6, numbers from headers.
//!
//! Where an insserv keeps the farm in order, it numbers the links anew after each change.

use super::chkconfig::To;
use super::numbers::{self, Numbered};
use super::place::{Place, is_name};
use super::update;
use crate::chkconfig::{Info, is_ignored};
use crate::farm::{Kind, Link};
use init::unit::{Level, LevelSet};
use nix::unistd::{AccessFlags, access};
use std::fs;

/// Why a name is no script that chkconfig knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is none of that name.
    Missing,
    /// It can't be read.
    Unreadable(String),
    /// Its header says nothing of levels.
    Unsupported,
    /// It has no links.
    Unlinked,
}

impl Trouble {
    pub(super) fn text(&self, name: &str) -> String {
        match self {
            Self::Missing => format!("error reading information on service {name}: No such file or directory"),
            Self::Unreadable(why) => format!("error reading information on service {name}: {why}"),
            Self::Unsupported => format!("service {name} does not support chkconfig"),
            Self::Unlinked => format!(
                "service {name} supports chkconfig, but is not referenced in any runlevel (run 'chkconfig --add {name}')"
            ),
        }
    }
}

/// The scripts of a root.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) place: Place,
}

/// Levels 0 to 6.
fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| *level != Level::S)
}

impl Scripts {
    pub(super) fn new(place: Place) -> Self {
        Self { place }
    }

    /// What its header says, `/etc/chkconfig.d` taken into account.
    pub(super) fn read(&self, name: &str) -> Result<Info, Trouble> {
        let own = self.header(name)?;
        Ok(self.overriding(name).unwrap_or(own))
    }

    fn header(&self, name: &str) -> Result<Info, Trouble> {
        let path = self.place.scripts().join(name);
        let path = self.place.root.place(&path);
        match fs::read(&path) {
            _ if !is_name(name) => Err(Trouble::Missing),
            Ok(text) => Info::read(name, &String::from_utf8_lossy(&text)).ok_or(Trouble::Unsupported),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(Trouble::Missing),
            Err(e) => {
                Err(Trouble::Unreadable(nix::errno::Errno::from_raw(e.raw_os_error().unwrap_or(0)).desc().into()))
            }
        }
    }

    /// What `/etc/chkconfig.d/NAME` says instead.
    fn overriding(&self, name: &str) -> Option<Info> {
        let folder = if self.place.is_red_hat() { "/etc/rc.d/chkconfig.d" } else { "/etc/chkconfig.d" };
        let paths = [format!("{folder}/{name}"), format!("/etc/chkconfig.d/{name}")];
        let text = paths.iter().find_map(|path| fs::read(self.place.at(path)).ok())?;
        Info::read(name, &String::from_utf8_lossy(&text))
    }

    /// The names of all scripts that support chkconfig.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.place.names().into_iter();
        names.filter(|name| !is_ignored(name) && self.place.script(name).is_some() && self.read(name).is_ok()).collect()
    }

    /// The link that counts in a level.
    fn link(&self, level: Level, name: &str) -> Option<Link> {
        self.place.links(level, name).into_iter().next()
    }

    /// The levels it is started in.
    pub(super) fn on(&self, name: &str) -> LevelSet {
        let starts = |level: &Level| self.link(*level, name).is_some_and(|link| link.kind == Kind::Start);
        levels().filter(starts).collect()
    }

    /// Whether it has any link.
    pub(super) fn is_configured(&self, name: &str) -> bool {
        levels().any(|level| self.link(level, name).is_some())
    }

    /// Whether the links can be changed.
    pub(super) fn may_change(&self) -> bool {
        let folder = self.place.level(Level::from_char('3').unwrap_or(Level::S));
        access(&folder, AccessFlags::R_OK | AccessFlags::W_OK).is_ok()
    }

    /// Links by the header where there are none.
    pub(super) fn add(&self, name: &str, strict: bool) -> Result<(), String> {
        let info = self.read(name).map_err(|trouble| trouble.text(name))?;
        let on = if self.is_configured(name) { self.on(name) } else { info.levels };
        let found = self.numbered(name, &info, on, strict)?;
        for level in levels() {
            match self.link(level, name) {
                None => self.put(&found, level, info.levels.contains(level))?,
                Some(link) if info.lsb => self.put(&found, level, link.kind == Kind::Start)?,
                Some(_) => {}
            }
        }
        self.order()
    }

    /// No links any more; `strict`: only if nothing that is on needs it.
    pub(super) fn delete(&self, name: &str, strict: bool) -> Result<(), String> {
        if strict && let Some(other) = self.needs(name) {
            return Err(format!("service {name} is needed by {other}"));
        }
        for level in levels() {
            self.remove(level, name)?;
        }
        self.order()
    }

    /// A service that needs this one where it is on, or off.
    fn needs(&self, name: &str) -> Option<String> {
        self.names().into_iter().find(|other| {
            let Ok(info) = self.read(other) else { return false };
            let on = self.on(other);
            let has = |list: &[String]| list.iter().any(|dependency| dependency == name);
            let off = || levels().any(|level| self.link(level, other).is_some() && !on.contains(level));
            (has(&info.required_start) && !on.is_empty()) || (has(&info.required_stop) && off())
        })
    }

    /// On, off, or as the header says, in these levels.
    pub(super) fn set(&self, name: &str, to: To, wanted: LevelSet) -> Result<(), String> {
        let info = self.read(name).map_err(|trouble| trouble.text(name))?;
        let before = self.on(name);
        let will = |level: Level| match to {
            _ if !wanted.contains(level) => before.contains(level),
            To::On => true,
            To::Off => false,
            To::Reset => info.levels.contains(level),
            To::ResetNumbers => before.contains(level),
        };
        let after = levels().filter(|level| will(*level)).collect();
        let found = self.numbered(name, &info, after, false)?;
        for level in levels() {
            // With dependencies, a level that was never mentioned gets a link too.
            if wanted.contains(level) || info.lsb {
                let unknown = self.link(level, name).is_none() && !wanted.contains(level);
                self.put(&found, level, if unknown { info.levels.contains(level) } else { will(level) })?;
            }
        }
        self.order()
    }

    /// Applies `/etc/chkconfig.d/NAME` if the links are those that the script's own header asks for.
    pub(super) fn apply_override(&self, name: &str) -> Result<(), String> {
        let (Ok(own), Some(other)) = (self.header(name), self.overriding(name)) else { return Ok(()) };
        if (own.levels, own.start, own.stop) == (other.levels, other.start, other.stop) || !self.is_configured(name) {
            return Ok(());
        }
        let as_it_says = self.numbered(name, &own, own.levels, false)?;
        let untouched = levels().filter_map(|level| self.link(level, name)).all(|link| {
            let (number, on) = match link.kind {
                Kind::Start => (as_it_says.start, true),
                Kind::Stop => (as_it_says.stop, false),
            };
            link.number == number && on == own.levels.contains(link.level)
        });
        if untouched {
            let found = self.numbered(name, &other, other.levels, false)?;
            for level in levels().filter(|level| self.link(*level, name).is_some()) {
                self.put(&found, level, other.levels.contains(level))?;
            }
            self.order()?;
        }
        Ok(())
    }

    /// The script's numbers. Of one with dependencies, those of others change with it.
    fn numbered(&self, name: &str, info: &Info, on: LevelSet, strict: bool) -> Result<Numbered, String> {
        let mut target = Numbered::new(name, info.clone(), on);
        if !info.lsb || (info.start.is_some() && info.stop.is_some() && !strict && info.required_start.is_empty()) {
            return Ok(target);
        }
        let known = |name: String| Some(Numbered::new(&name, self.read(&name).ok()?, self.on(&name)));
        let mut all: Vec<Numbered> = self.names().into_iter().filter_map(known).collect();
        let missing = numbers::settle(&mut all, &mut target);
        if strict && let Some(first) = missing.first() {
            return Err(format!("service {name} needs {first}, which is not on in the same levels"));
        }
        if update::insserv(&self.place).is_none() {
            for other in all.iter().filter(|other| other.info.lsb && other.name != name) {
                for link in levels().filter_map(|level| self.link(level, &other.name)) {
                    let number = if link.kind == Kind::Start { other.start } else { other.stop };
                    if number != link.number {
                        self.put(other, link.level, link.kind == Kind::Start)?;
                    }
                }
            }
        }
        Ok(target)
    }

    /// The one link of a level.
    fn put(&self, script: &Numbered, level: Level, on: bool) -> Result<(), String> {
        let (kind, number) = if on { (Kind::Start, script.start) } else { (Kind::Stop, script.stop) };
        let links = self.place.links(level, &script.name);
        if let [only] = links.as_slice()
            && (only.kind, only.number) == (kind, number)
        {
            return Ok(());
        }
        self.remove(level, &script.name)?;
        self.place.link(level, kind, number, &script.name).map_err(|why| format!("failed to make symlink {why}"))
    }

    fn remove(&self, level: Level, name: &str) -> Result<(), String> {
        for link in self.place.links(level, name) {
            fs::remove_file(&link.path).map_err(|e| format!("failed to remove {}: {e}", link.path.display()))?;
        }
        Ok(())
    }

    fn order(&self) -> Result<(), String> {
        match update::insserv(&self.place) {
            Some(program) => update::order(&self.place, &program, &[]).map_err(|(why, _)| why),
            None => Ok(()),
        }
    }
}
