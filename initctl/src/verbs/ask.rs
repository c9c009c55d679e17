//! `is-active`, `is-failed`, `is-enabled`: systemctl's words and exit statuses.

use super::Context;
use super::image::Image;
use crate::cli::IsEnabledArgs;
use crate::exit::{FAILED, Failure, NOT_ACTIVE, UNKNOWN};
use init::core::State;
use init::proto::control::{Briefs, LevelTable, LoadState, Names, UnitStatus, Units, errors};
use init::proto::words;
use serde::Serialize;
use std::collections::BTreeSet;

/// One unit's answer.
#[derive(Serialize)]
struct Answer {
    name: String,
    answer: &'static str,
}

/// All of them, in the order asked.
#[derive(Serialize)]
struct Answers {
    units: Vec<Answer>,
}

/// One unit, `None` when there is none of that name.
pub fn one(c: &mut Context, name: &str) -> Result<Option<UnitStatus>, Failure> {
    let names = Names { names: vec![name.to_owned()] };
    match briefs(c, &names, "Status") {
        Ok(units) => {
            Ok(units.into_iter().next().filter(|u| u.load != LoadState::Missing || u.state != State::Inactive))
        }
        Err(Failure::Client(e)) if e.is(errors::NO_SUCH_UNIT) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Units in a few words; from a manager that doesn't know that method yet, what it knows by `or`.
pub fn briefs(c: &mut Context, names: &Names, or: &str) -> Result<Vec<UnitStatus>, Failure> {
    match c.ask::<_, Briefs>("Brief", names) {
        Ok(briefs) => Ok(briefs.units.into_iter().map(UnitStatus::from).collect()),
        Err(Failure::Client(e)) if e.is(errors::METHOD_NOT_FOUND) => Ok(c.ask::<_, Units>(or, names)?.units),
        Err(e) => Err(e),
    }
}

/// Asks for each; succeeds if one answers yes. `no` is the status when none does, `unknown` when none is there.
fn each(
    c: &mut Context,
    names: &[String],
    no: u8,
    unknown: u8,
    answer: impl Fn(Option<&UnitStatus>) -> (bool, &'static str),
) -> Result<(), Failure> {
    let mut answers = Vec::new();
    for name in names {
        let unit = one(c, name)?;
        answers.push((name, unit.is_some(), answer(unit.as_ref())));
    }
    report(c, answers, no, unknown)
}

/// Prints the answers: for each name whether there is such a unit, and what it says.
fn report(
    c: &mut Context,
    answers: Vec<(&String, bool, (bool, &'static str))>,
    no: u8,
    unknown: u8,
) -> Result<(), Failure> {
    let yes = answers.iter().any(|(.., (hit, _))| *hit);
    let known = answers.iter().any(|(_, there, _)| *there);
    let units = answers.into_iter().map(|(name, _, (_, answer))| Answer { name: name.clone(), answer }).collect();
    c.out.data(&Answers { units }, |all, _| all.units.iter().map(|a| format!("{}\n", a.answer)).collect())?;
    match (yes, known) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::Status(no)),
        (false, false) => Err(Failure::Status(unknown)),
    }
}

/// `is-active`
pub fn is_active(c: &mut Context, names: &[String]) -> Result<(), Failure> {
    each(c, names, NOT_ACTIVE, UNKNOWN, |unit| match unit {
        Some(u) => (matches!(u.state, State::Active | State::Reloading), words::state(u.state)),
        None => (false, "inactive"),
    })
}

/// `is-failed`
pub fn is_failed(c: &mut Context, names: &[String]) -> Result<(), Failure> {
    each(c, names, FAILED, FAILED, |unit| match unit {
        Some(u) => (u.state == State::Failed, words::state(u.state)),
        None => (false, "inactive"),
    })
}

/// `is-enabled`: in a level, or in a unit that gathers it.
pub fn is_enabled(c: &mut Context, args: &IsEnabledArgs) -> Result<(), Failure> {
    if let Some(folder) = &args.root {
        let image = Image::open(c, folder)?;
        let states = args.names.iter().map(|name| (name, image.state(name)));
        let answers = states.map(|(name, state)| (name, state.is_some(), enabled(state)));
        return report(c, answers.collect(), FAILED, UNKNOWN);
    }
    let mut held = BTreeSet::new();
    for name in &args.names {
        match c.ask::<_, LevelTable>("Levels", &Names { names: vec![name.clone()] }) {
            Ok(table) => held.extend(table.rows.into_iter().filter(|r| !r.held_by.is_empty()).map(|r| r.name)),
            Err(Failure::Client(e)) if e.is(errors::NO_SUCH_UNIT) => {}
            Err(e) => return Err(e),
        }
    }
    each(c, &args.names, FAILED, UNKNOWN, |unit| {
        enabled(unit.map(|u| (u.load, !u.levels.is_empty() || held.contains(&u.name))))
    })
}

/// The word for a unit that is on or not, where there is one.
fn enabled(state: Option<(LoadState, bool)>) -> (bool, &'static str) {
    match state {
        Some((LoadState::Masked, _)) => (false, "masked"),
        Some((_, false)) => (false, "disabled"),
        Some((_, true)) => (true, "enabled"),
        None => (false, "not-found"),
    }
}
