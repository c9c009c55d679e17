//! Verbs that change units, and the waiting for all that changes something.

use super::Context;
use crate::exit::{FAILED, Failure};
use crate::render::progress::{block, has_failed, merge, picture};
use crate::terminal::PassingLine;
use init::client::{Client, Event, request_id, socket_path};
use init::core::{JobResult, State, Verb};
use init::proto::control::{AskJobs, Change, JobEnd, Jobs, Progress, Units};
use init::unit::UnitName;
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// What somebody who watches is told of a long wait, and how often that is renewed.
pub const TICK: Duration = Duration::from_millis(500);

/// A verb for some units; `doing` as in “could not … nginx”.
pub fn units(c: &mut Context, verb: Verb, doing: &str, names: &[String]) -> Result<(), Failure> {
    let change = Change { verb, names: names.to_vec(), request: request_id(), wait: !c.out.global.no_wait };
    let named: Vec<UnitName> = names.iter().filter_map(|n| UnitName::new(n).ok()).collect();
    request(c, "Change", &change, doing, Some(&named))
}

/// `reset-failed`: of these, or of all that have failed.
pub fn reset_failed(c: &mut Context, mut names: Vec<String>) -> Result<(), Failure> {
    if names.is_empty() {
        let all: Units = c.ask("List", &())?;
        let failed = all.units.into_iter().filter(|u| u.state == State::Failed);
        names = failed.map(|u| u.name.as_str().to_owned()).collect();
    }
    if names.is_empty() {
        return c.out.data(&Progress { done: true, ..Progress::default() }, |_, _| String::new());
    }
    units(c, Verb::ResetFailed, "reset", &names)
}

/// What is under way, as far as a manager that is there at once can tell.
pub fn jobs() -> Option<Jobs> {
    let mut client = Client::new(socket_path()).patience(Duration::ZERO);
    client.call("Jobs", &AskJobs { logs: false }, TICK).ok()
}

/// Makes a request and follows it to its end. Fails if a job of one of the `named` units fails (`None`: any job);
/// every failure is printed, and that a named unit was skipped.
pub fn request<P: Serialize>(
    c: &mut Context,
    method: &str,
    parameters: &P,
    doing: &str,
    named: Option<&[UnitName]>,
) -> Result<(), Failure> {
    let all = follow(c, method, parameters)?;
    tell(c, &all, doing, named)
}

/// Makes a request and follows it to its end; what takes long shows what it is at.
pub fn follow<P: Serialize>(c: &mut Context, method: &str, parameters: &P) -> Result<Progress, Failure> {
    let watched = c.out.watched();
    let (began, mut line, mut all) = (Instant::now(), PassingLine::default(), Progress::default());
    let result = c.client.follow(method, parameters, watched.then_some(TICK), &mut |event: Event<Progress>| {
        match event {
            Event::Reply(news) => merge(&mut all, news),
            Event::Idle | Event::Lost => {}
        }
        // What is over within the first tick needs no line.
        if watched && began.elapsed() >= TICK {
            line.show(&picture(&all.open, jobs().as_ref(), began.elapsed().as_secs()));
        }
        ControlFlow::Continue(())
    });
    line.clear();
    result?;
    Ok(all)
}

/// Prints what has become of a request, as [`request`] has it.
pub fn tell(c: &mut Context, all: &Progress, doing: &str, named: Option<&[UnitName]>) -> Result<(), Failure> {
    for note in &all.notes {
        c.out.message(&crate::render::clean_lines(note));
    }
    let failed: Vec<_> = all.ended.iter().filter(|j| has_failed(j)).collect();
    let is_skip = |job: &&JobEnd| matches!(job.result, JobResult::Skipped(_));
    let skipped = all.ended.iter().filter(is_skip).filter(|j| named.is_some_and(|n| n.contains(&j.name)));
    for job in failed.iter().copied().chain(skipped) {
        c.out.message(&block(job, doing));
    }
    if c.out.global.json {
        c.out.data(all, |_, _| String::new())?;
    }
    let counts = |name: &UnitName| named.is_none_or(|n| n.contains(name));
    if failed.iter().any(|j| counts(&j.name)) { Err(Failure::Status(FAILED)) } else { Ok(()) }
}
