//! A name looked up: a unit that Rung knows (its own, systemd's), else a script of `/etc/init.d`, else nothing.

use super::words::{is_pattern, mangle};
use crate::pid1::{PATIENCE, client, is_absent, is_rung};
use crate::shims::farm::place::Place;
use init::client::Error;
use init::core::State;
use init::proto::control::{LoadState, Names, UnitStatus, Units, errors};
use init::unit::glob;
use serde_json::json;
use std::path::PathBuf;

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Found {
    /// A unit.
    Unit(Box<UnitStatus>),
    /// A script that is no unit: PID 1 isn't Rung, or Rung hasn't read it.
    Script(PathBuf),
    /// Nothing; names that are close.
    Nothing(Vec<String>),
}

/// A name as typed, written in full, and what it stands for.
#[derive(Debug)]
pub(super) struct Named {
    /// With its suffix.
    pub(super) name: String,
    /// What it is.
    pub(super) found: Found,
}

impl Named {
    /// The unit.
    pub(super) fn unit(&self) -> Option<&UnitStatus> {
        match &self.found {
            Found::Unit(unit) => Some(unit),
            _ => None,
        }
    }
}

/// Looks each name up; a pattern stands for all units it matches.
pub(super) fn look(words: &[String]) -> Result<Vec<Named>, Error> {
    let mut all = Vec::new();
    let mut listed: Option<Vec<UnitStatus>> = None;
    for word in words {
        if !is_pattern(word) {
            all.push(one(word)?);
            continue;
        }
        if listed.is_none() {
            listed = Some(list()?);
        }
        let pattern = mangle(word).unwrap_or_else(|_| word.clone());
        for unit in listed.iter().flatten().filter(|u| glob::matches(&pattern, u.name.as_str())) {
            all.push(one(unit.name.as_str())?);
        }
    }
    Ok(all)
}

/// One name.
pub(super) fn one(word: &str) -> Result<Named, Error> {
    let Ok(name) = mangle(word) else {
        return Ok(Named { name: word.to_owned(), found: Found::Nothing(Vec::new()) });
    };
    let found = match unit(&name)? {
        Ok(unit) => Found::Unit(unit),
        Err(nearest) => match Place::new(None).program(name.strip_suffix(".service").unwrap_or(&name)) {
            Some(script) => Found::Script(script),
            None => Found::Nothing(nearest),
        },
    };
    Ok(Named { name, found })
}

/// The unit of that full name, or names close to it.
fn unit(name: &str) -> Result<Result<Box<UnitStatus>, Vec<String>>, Error> {
    if !is_rung() {
        return Ok(Err(Vec::new()));
    }
    match client().call::<_, Units>("Status", &Names { names: vec![name.to_owned()] }, PATIENCE) {
        Ok(found) => {
            let there = |u: &UnitStatus| u.load != LoadState::Missing || u.state != State::Inactive;
            Ok(found.units.into_iter().find(there).map(Box::new).ok_or_else(Vec::new))
        }
        Err(Error::Refused { name, text }) if name == errors::NO_SUCH_UNIT => Ok(Err(text.nearest)),
        Err(e) if is_absent(&e) => Ok(Err(Vec::new())),
        Err(e) => Err(e),
    }
}

/// All units, by name.
pub(super) fn list() -> Result<Vec<UnitStatus>, Error> {
    if !is_rung() {
        return Ok(Vec::new());
    }
    let mut units = client().call::<_, Units>("List", &json!({}), PATIENCE)?.units;
    units.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(units)
}
