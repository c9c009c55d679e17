//! What inittab has for an occasion: Ctrl-Alt-Del, a failing power, `telinit a`. The generator has left links for it.

use super::said::{Said, say};
use crate::pid1;
use init::client::{self, Error, request_id};
use init::core::{Phase, Verb};
use init::proto::control::{Change, Names, Progress, Units};
use std::path::{Path, PathBuf};

/// Where the links are: `OCCASION/LEVEL/NAME`.
fn folder() -> PathBuf {
    client::run_dir().join("generated/events")
}

/// Starts what there is for the present level.
pub fn happened(occasion: &str) {
    if let Err(e) = start(occasion) {
        say(Said::Both, &format!("{occasion}: {e}"));
    }
}

fn start(occasion: &str) -> Result<(), Error> {
    let known = pid1::runlevel()?;
    let Some(level) = known.switching_to.or(known.current) else { return Ok(()) };
    let names = units(&folder().join(occasion).join(level.to_string()));
    if names.is_empty() {
        return Ok(());
    }
    let list = Names { names: names.clone() };
    let units: Units = pid1::client().call("Status", &list, pid1::PATIENCE)?;
    // One that has run and only counts as there runs again.
    let (again, new): (Vec<_>, Vec<_>) = units.units.into_iter().partition(|unit| unit.phase == Phase::Exited);
    ask(Verb::ResetFailed, names)?;
    for (verb, units) in [(Verb::Restart, again), (Verb::Start, new)] {
        ask(verb, units.into_iter().map(|unit| unit.name.as_str().to_owned()).collect())?;
    }
    Ok(())
}

fn ask(verb: Verb, names: Vec<String>) -> Result<(), Error> {
    if names.is_empty() {
        return Ok(());
    }
    let change = Change { verb, names, request: request_id(), wait: false };
    pid1::client().call::<_, Progress>("Change", &change, pid1::PATIENCE).map(drop)
}

fn units(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = names.filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    names
}
