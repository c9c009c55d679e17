//! What the verbs that write unit files share: names, the look before the deed, what is printed of both.

use super::Context;
use crate::exit::{FAILED, Failure, NO_UNIT};
use crate::own::{Change, Draft, KeyChange, effects, kept, loader};
use crate::render::{self, clean_lines};
use init::client::{Client, socket_path};
use init::core::{Definition, State};
use init::load::{Loaded, Loader};
use init::proto::control::Units;
use init::unit::{Finding, Severity, UnitName, nearest_units};
use serde::Serialize;
use std::time::Duration;

/// What a verb has changed, for `--json`: a verb for several units has one for each.
#[derive(Debug, Serialize)]
struct Reports<'a> {
    units: Vec<Report<'a>>,
}

/// What was changed of one unit.
#[derive(Debug, Serialize)]
struct Report<'a> {
    name: &'a UnitName,
    made: bool,
    changes: &'a [Change],
    /// Keys whose effective values change by that.
    keys: &'a [KeyChange],
    findings: &'a [Finding],
}

/// A unit that has a file, or is masked, by the name it goes by: an alias leads to its unit.
pub fn known(c: &Context, loader: &Loader, text: &str) -> Result<UnitName, Failure> {
    let name = UnitName::new(text).map_err(Failure::Other)?;
    let name = loader.canonical(name);
    if loader.exists(&name) {
        return Ok(name);
    }
    let all = loader.names();
    let near = nearest_units(&name, all.iter());
    let near = render::did_you_mean(&near);
    c.out.message(&format!("there is no unit named {name}{near}\n  try: initctl list"));
    Err(Failure::Status(NO_UNIT))
}

/// Says that nothing was changed, and why.
pub fn nothing(c: &Context, why: &str) -> Result<(), Failure> {
    c.out.message(why);
    c.out.data(&Reports { units: Vec::new() }, |_, _| String::new())
}

/// Looks at a draft as the manager would, and makes it unless that says no or this is a `dry` run. Prints both.
///
/// # Errors
/// The unit couldn't be used any more, through this change; nothing was written.
pub fn take(c: &Context, name: &UnitName, draft: &Draft, dry: bool) -> Result<(), Failure> {
    let verdict = draft.look(loader(), name);
    let keys = effects(&loader().load(name), &verdict);
    let spoils = spoils(draft, &verdict, name);
    for finding in told(draft, &verdict) {
        c.out.message(&clean_lines(&finding.to_string()));
    }
    if !spoils && !dry {
        draft.make()?;
    }
    let (made, changes) = (!spoils && !dry, draft.changes.as_slice());
    let report = Report { name, made, changes, keys: &keys, findings: &verdict.findings };
    c.out.data(&Reports { units: vec![report] }, |_, style| match (spoils, dry) {
        (true, _) => String::new(),
        (false, false) => lines(changes, dry),
        (false, true) => lines(changes, dry) + &render::keys::changed(&keys, style),
    })?;
    if spoils {
        c.out.message(&format!("{name} could not be used with this: nothing was changed"));
        return Err(Failure::Status(FAILED));
    }
    Ok(())
}

/// Findings about what the draft writes; the unit's other files are as they were.
pub fn told<'a>(draft: &'a Draft, verdict: &'a Loaded) -> impl Iterator<Item = &'a Finding> {
    verdict.findings.iter().filter(|f| draft.changes.iter().any(|change| change.path() == f.path))
}

/// Whether the draft is itself wrong, or makes a unit bad that wasn't.
pub fn spoils(draft: &Draft, verdict: &Loaded, name: &UnitName) -> bool {
    let bad = |loaded: &Loaded| matches!(loaded.definition, Definition::Bad(..));
    let wrong = told(draft, verdict).any(|f| f.severity == Severity::Error);
    wrong || (bad(verdict) && !bad(&loader().load(name)))
}

fn lines(changes: &[Change], dry: bool) -> String {
    let would = if dry { "would have " } else { "" };
    let line = |change: &Change| {
        let path = change.path().display();
        match change {
            Change::Write { before: None, text, .. } if dry => format!("{would}written {path}:\n{text}"),
            Change::Write { text, .. } if dry => format!("{would}changed {path} to:\n{text}"),
            Change::Write { before: None, .. } => format!("written {path}\n"),
            Change::Write { .. } => format!("changed {path}\n"),
            Change::Mask { .. } => format!("{would}masked by {path}\n"),
            Change::Remove { empty: true, .. } => format!("{would}removed {path}\n"),
            Change::Remove { path: p, .. } => format!("{would}removed {path} (kept as {})\n", kept(p).display()),
        }
    };
    changes.iter().map(line).collect()
}

/// The unit where it runs, of a template its instances that do, as far as a manager that is there at once can tell.
pub fn running(name: &UnitName) -> Vec<UnitName> {
    let mut client = Client::new(socket_path()).patience(Duration::ZERO);
    let units: Result<Units, _> = client.call("List", &(), Duration::from_secs(2));
    let fits = |of: &UnitName| of == name || (name.is_template() && of.template().as_ref() == Some(name));
    let up = |state| matches!(state, State::Active | State::Activating | State::Reloading);
    let all = units.unwrap_or_default().units.into_iter();
    all.filter(|u| fits(&u.name) && up(u.state)).map(|u| u.name).collect()
}

/// A changed definition counts from the next start on: say so where the unit runs.
pub fn tell_running(c: &Context, name: &UnitName) {
    for name in running(name) {
        let text = if c.out.global.dry_run {
            format!("{name} would run on with what it was started with; a restart takes the change in")
        } else {
            format!("{name} runs on with what it was started with\n  try: initctl restart {}", name.short())
        };
        c.out.message(&text);
    }
}
