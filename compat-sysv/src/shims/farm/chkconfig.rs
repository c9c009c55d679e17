//! `chkconfig`: which levels services are on in, in the way of Red Hat's systems. Also `install_initd`, `remove_initd`.

use super::chkconfig_args::{Asked, Form};
use super::place::Place;
use super::scripts::{Scripts, Trouble};
use super::units::Units;
use super::xinetd;
use crate::shims::{err_plain, out};
use init::unit::{Level, LevelSet, UnitName};

pub(in crate::shims) use super::chkconfig_args::{HELP, HELP_INITD};

const PRIVILEGES: &str = "You do not have enough privileges to perform this operation.";

/// What a service is here.
enum Known {
    Script,
    Unit(UnitName),
    Xinetd,
}

pub(in crate::shims) fn run(name: &str, args: &[String]) -> u8 {
    let asked = match Asked::parse(name, args) {
        Ok(asked) => asked,
        Err(why) => {
            if !why.is_empty() {
                err_plain(&why);
            }
            return err_plain(&format!("usage: {}", super::chkconfig_args::usage(name)));
        }
    };
    Tool::new(&asked, matches!(name, "install_initd" | "remove_initd")).run(&asked.form)
}

/// `chkconfig NAME on` and its kin, for others.
pub(super) fn switch(root: Option<&str>, name: &str, on: bool) -> u8 {
    let asked = Asked { root: root.map(str::to_owned), ..Asked::default() };
    let levels = LevelSet::EMPTY;
    Tool::new(&asked, false).run(&Form::Set { name: name.to_owned(), to: if on { To::On } else { To::Off }, levels })
}

/// What a service is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    On,
    Off,
    Reset,
    ResetNumbers,
}

impl To {
    /// The levels meant where none are named.
    pub(super) fn usual(self) -> LevelSet {
        let all = if matches!(self, Self::On | Self::Off) { "2345" } else { "0123456" };
        LevelSet::parse(all).unwrap_or_default()
    }
}

/// One call.
struct Tool {
    scripts: Scripts,
    units: Units,
    sysv: bool,
    xinetd: bool,
    /// As `install_initd` and `remove_initd` have it: nothing may miss what it needs.
    strict: bool,
}

impl Tool {
    fn new(asked: &Asked, strict: bool) -> Self {
        let place = Place::new(asked.root.as_deref());
        let units = Units::new(&place);
        Self { scripts: Scripts::new(place), units, sysv: asked.sysv, xinetd: asked.xinetd, strict }
    }

    fn run(&self, form: &Form) -> u8 {
        let done = match form {
            Form::List(None) => {
                self.list();
                Ok(0)
            }
            Form::List(Some(name)) => self.row(name),
            Form::Query { name, level } => return self.query(name, *level),
            Form::Add(name) => {
                self.change(name, |unit| self.add_unit(unit), |name| self.scripts.add(name, self.strict))
            }
            Form::Del(name) => {
                let all: LevelSet = To::Reset.usual();
                self.change(name, |unit| self.units.disable(unit, all), |name| self.scripts.delete(name, self.strict))
            }
            Form::Override(name) if self.scripts.read(name).is_err() => Ok(0),
            Form::Override(name) => self.change(name, |_| Ok(()), |name| self.scripts.apply_override(name)),
            Form::Set { name, to, .. } if matches!(self.known(name), Ok(Known::Xinetd)) => self.set_xinetd(name, *to),
            Form::Set { name, to, levels } => {
                let levels = if levels.is_empty() { to.usual() } else { *levels };
                self.change(name, |unit| self.set_unit(unit, *to, levels), |name| self.scripts.set(name, *to, levels))
            }
        };
        done.unwrap_or_else(|text| {
            if !text.is_empty() {
                err_plain(&text);
            }
            1
        })
    }

    /// What the name stands for; a script that doesn't support chkconfig may still have a unit.
    fn known(&self, name: &str) -> Result<Known, String> {
        let unit = || self.units.find(name).filter(|_| self.sysv).map(Known::Unit);
        let trouble = match self.scripts.read(name) {
            Ok(_) if self.sysv => return Ok(Known::Script),
            Ok(_) => Trouble::Missing,
            Err(trouble) => trouble,
        };
        if let Some(unit) = unit() {
            return Ok(unit);
        }
        if self.xinetd && xinetd::is_on(&self.scripts.place, name).is_some() {
            return Ok(Known::Xinetd);
        }
        let near = self.scripts.place.near(name, self.units.names()).filter(|_| trouble == Trouble::Missing);
        Err(format!("{}{}", trouble.text(name), near.map(|near| format!("\n  {near}")).unwrap_or_default()))
    }

    fn change(
        &self,
        name: &str,
        unit: impl FnOnce(&UnitName) -> Result<(), String>,
        script: impl FnOnce(&str) -> Result<(), String>,
    ) -> Result<u8, String> {
        match self.known(name)? {
            Known::Unit(found) => unit(&found)?,
            Known::Xinetd => return Ok(0),
            Known::Script => {
                if !self.scripts.may_change() {
                    return Err(PRIVILEGES.to_owned());
                }
                let before = self.scripts.on(name);
                script(name)?;
                self.units.follow(name, before, self.scripts.on(name))?;
            }
        }
        Ok(0)
    }

    fn add_unit(&self, unit: &UnitName) -> Result<(), String> {
        if self.units.is_on(unit) { Ok(()) } else { self.units.enable(unit, None) }
    }

    fn set_unit(&self, unit: &UnitName, to: To, levels: LevelSet) -> Result<(), String> {
        let on = match to {
            To::On => levels,
            To::Off => LevelSet::EMPTY,
            To::Reset => {
                let default = self.units.defaults(unit);
                levels.iter().filter(|level| default.contains(*level)).collect()
            }
            To::ResetNumbers => return Ok(()),
        };
        let off: LevelSet = levels.iter().filter(|level| !on.contains(*level)).collect();
        if !on.is_empty() {
            self.units.enable(unit, Some(on))?;
        }
        if off.is_empty() { Ok(()) } else { self.units.disable(unit, off) }
    }

    /// xinetd hears of it by itself.
    fn set_xinetd(&self, name: &str, to: To) -> Result<u8, String> {
        let place = &self.scripts.place;
        let on = match to {
            To::On => true,
            To::Off => false,
            To::Reset | To::ResetNumbers => xinetd::default(place, name),
        };
        xinetd::set(place, name, on)?;
        if !place.root.is_image() {
            let quiet = std::process::Stdio::null;
            let mut reload = std::process::Command::new("/sbin/service");
            let _ = reload.args(["xinetd", "reload"]).stdout(quiet()).stderr(quiet()).status();
        }
        Ok(0)
    }

    /// The levels it is on in, by whichever links count.
    fn on(&self, known: &Known, name: &str) -> LevelSet {
        let by_units = |unit: &UnitName| self.units.on().get(unit).copied().unwrap_or_default();
        match known {
            Known::Unit(unit) => by_units(unit),
            Known::Script => match UnitName::new(name) {
                Ok(unit) if self.units.has_own_links(&unit) => by_units(&unit),
                _ => self.scripts.on(name),
            },
            Known::Xinetd => LevelSet::EMPTY,
        }
    }

    fn row(&self, name: &str) -> Result<u8, String> {
        let known = self.known(name)?;
        match &known {
            Known::Xinetd => {
                let on = xinetd::is_on(&self.scripts.place, name) == Some(true);
                return Ok(out(&format!("{name:<15}\t{}", word(on))));
            }
            Known::Script if !self.scripts.is_configured(name) => return Err(Trouble::Unlinked.text(name)),
            _ => {}
        }
        Ok(out(&line(name, self.on(&known, name))))
    }

    fn list(&self) {
        if self.sysv {
            let mut rows: Vec<(String, LevelSet)> = Vec::new();
            for name in self.scripts.names() {
                if self.scripts.is_configured(&name) {
                    let on = self.on(&Known::Script, &name);
                    rows.push((name, on));
                }
            }
            for (unit, on) in self.units.listed() {
                if !rows.iter().any(|(name, _)| name == unit.short()) {
                    rows.push((unit.short().to_owned(), on));
                }
            }
            rows.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (name, on) in rows {
                out(&line(&name, on));
            }
        }
        let runs = self.scripts.read("xinetd").is_ok() && !self.scripts.on("xinetd").is_empty();
        let runs = runs || self.units.find("xinetd").is_some_and(|unit| self.units.is_on(&unit));
        if self.xinetd && runs {
            out("\nxinetd based services:");
            for (name, on) in xinetd::all(&self.scripts.place) {
                out(&format!("\t{:<15}\t{}", format!("{name}:"), word(on)));
            }
        }
    }

    fn query(&self, name: &str, level: Option<Level>) -> u8 {
        let known = match self.known(name) {
            Ok(known) => known,
            // The original says nothing here; a slip is worth a word.
            Err(text) if text.contains("did you mean") => return err_plain(&text),
            Err(_) => return 1,
        };
        if matches!(known, Known::Xinetd) {
            return u8::from(xinetd::is_on(&self.scripts.place, name) != Some(true));
        }
        let level = level.or_else(crate::shims::runlevel::current);
        u8::from(!level.is_some_and(|level| self.on(&known, name).contains(level)))
    }
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// One service's line.
fn line(name: &str, on: LevelSet) -> String {
    let levels = Level::ALL.into_iter().filter(|level| *level != Level::S);
    levels.fold(format!("{name:<15}"), |line, level| format!("{line}\t{level}:{}", word(on.contains(level))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_chkconfigs() {
        let on = LevelSet::parse("S35").expect("levels");
        assert_eq!(line("web", on), "web            \t0:off\t1:off\t2:off\t3:on\t4:off\t5:on\t6:off");
    }
}
