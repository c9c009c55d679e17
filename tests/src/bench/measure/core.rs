//! The core alone, in this process: one transaction over units that each come after, and want, ten others.

use super::{Context, Found, ms};
use crate::bench::contender::Contender;
use crate::bench::{Doing, Result, now};
use init::core::{Ask, Core, Definition, Event, Verb};
use init::unit::{Command, ExecKind, Unit, UnitName};
use std::rc::Rc;

const EDGES: usize = 10;

/// With 1,000 units and 10,000 edges; with ten times as many of both.
pub fn transaction(_: &Context, contender: &dyn Contender) -> Result<Option<Found>> {
    if contender.name() != "rung" {
        return Ok(None);
    }
    let mut found = Vec::new();
    for _ in 0..5 {
        for units in [1000, 10_000] {
            found.push((format!("transaction-{units}"), start_all(units)?));
        }
    }
    Ok(Some(found))
}

fn name(number: usize) -> Result<UnitName> {
    UnitName::new(&format!("u{number:05}.service")).doing("a unit's name")
}

fn start_all(units: usize) -> Result<f64> {
    let mut all = Vec::new();
    let mut definitions = Vec::new();
    for number in 0..units {
        let mut unit = Unit::new(name(number)?);
        let command = Command { words: ["/bin/x"].iter().collect(), ..Command::default() };
        unit.service.commands.push((ExecKind::Start, command));
        for other in number.saturating_sub(EDGES)..number {
            unit.after.push(name(other)?);
            unit.requires.push(name(other)?);
        }
        all.push(name(number)?);
        definitions.push(Definition::Good(Rc::new(unit)));
    }
    let mut core = Core::new();
    let mut out = Vec::new();
    core.handle(Event::Define(definitions), 1000, &mut out);
    out.clear();
    // Asking for the last one draws in all the others.
    let names = all.pop().into_iter().collect();
    let began = now();
    core.handle(Event::Request { id: 1, ask: Ask::Units { verb: Verb::Start, names } }, 1000, &mut out);
    let took = ms(now() - began);
    if out.is_empty() { Err("the core did nothing".to_owned()) } else { Ok(took) }
}
