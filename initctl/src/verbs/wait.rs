//! `wait`.

use super::Context;
use super::change::{self, TICK};
use crate::cli::{Until, WaitArgs};
use crate::exit::{FAILED, Failure};
use crate::render::{progress, word};
use crate::terminal::PassingLine;
use init::client::Event;
use init::core::State;
use init::proto::control::{Units, Wait};
use init::proto::words;
use init::unit::UnitName;
use std::ops::ControlFlow;
use std::time::Instant;

/// Waits for units; fails when one ends up in another state, or the time is over.
pub fn run(c: &mut Context, args: WaitArgs) -> Result<(), Failure> {
    let (good, states) = match args.until {
        // A unit that has failed won't become active by waiting.
        Until::Active => (vec![State::Active], vec![State::Active, State::Failed]),
        Until::Inactive => (vec![State::Inactive, State::Failed], vec![State::Inactive, State::Failed]),
        Until::Failed => (vec![State::Failed], vec![State::Failed]),
    };
    let names: Vec<UnitName> = args.names.iter().filter_map(|n| UnitName::new(n).ok()).collect();
    let request = Wait { names: args.names, states };
    let (began, watched) = (Instant::now(), c.out.watched());
    let left = || args.timeout.map(|t| t.saturating_sub(began.elapsed()));
    let tick = left().map_or(TICK, |l| l.min(TICK)).max(std::time::Duration::from_millis(10));
    let (mut line, mut reached) = (PassingLine::default(), None);
    let result = c.client.follow("Wait", &request, Some(tick), &mut |event: Event<Units>| {
        if let Event::Reply(units) = event {
            reached = Some(units);
        } else if left().is_some_and(|l| l.is_zero()) {
            return ControlFlow::Break(());
        } else if watched && began.elapsed() >= TICK {
            line.show(&progress::picture(&names, change::jobs().as_ref(), began.elapsed().as_secs()));
        }
        ControlFlow::Continue(())
    });
    line.clear();
    result?;
    let Some(units) = reached else {
        let words: Vec<&str> = good.iter().map(|s| words::state(*s)).collect();
        let short: Vec<&str> = names.iter().map(UnitName::short).collect();
        let (not, all) = if short.len() > 1 { ("not all of ", " are") } else { ("", " is not") };
        return Err(Failure::Other(format!(
            "the time is over, and {not}{}{all} {}\n  try: initctl status {}",
            short.join(", "),
            words.join(" or "),
            short.join(" "),
        )));
    };
    if c.out.global.json {
        c.out.data(&units, |_, _| String::new())?;
    }
    let others = units.units.iter().filter(|u| !good.contains(&u.state));
    let others: Vec<String> = others.map(|u| format!("{} is {}", u.name, word(u))).collect();
    if others.is_empty() {
        return Ok(());
    }
    c.out.message(&others.join("\ninitctl: "));
    Err(Failure::Status(FAILED))
}
