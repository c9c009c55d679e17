//! `is-active`, `is-failed`, `is-enabled`: systemctl's words and exit statuses.

use super::Context;
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
    let (mut yes, mut known, mut answers) = (false, false, Vec::new());
    for name in names {
        let unit = one(c, name)?;
        known |= unit.is_some();
        let (hit, word) = answer(unit.as_ref());
        yes |= hit;
        answers.push(Answer { name: name.clone(), answer: word });
    }
    c.out.data(&Answers { units: answers }, |all, _| all.units.iter().map(|a| format!("{}\n", a.answer)).collect())?;
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
pub fn is_enabled(c: &mut Context, names: &[String]) -> Result<(), Failure> {
    let mut held = BTreeSet::new();
    for name in names {
        match c.ask::<_, LevelTable>("Levels", &Names { names: vec![name.clone()] }) {
            Ok(table) => held.extend(table.rows.into_iter().filter(|r| !r.held_by.is_empty()).map(|r| r.name)),
            Err(Failure::Client(e)) if e.is(errors::NO_SUCH_UNIT) => {}
            Err(e) => return Err(e),
        }
    }
    each(c, names, FAILED, UNKNOWN, |unit| match unit {
        Some(u) if u.load == LoadState::Masked => (false, "masked"),
        Some(u) if u.levels.is_empty() && !held.contains(&u.name) => (false, "disabled"),
        Some(_) => (true, "enabled"),
        None => (false, "not-found"),
    })
}
