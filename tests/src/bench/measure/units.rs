//! Rung with 10,000 unit files, ten of which are on: what the others cost.

use super::life::patience;
use super::{Context, Found, ms};
use crate::bench::contender::{Contender, words};
use crate::bench::job::{Delay, Job, Kind, name};
use crate::bench::records::BEGAN;
use crate::bench::stats::stats;
use crate::bench::world::World;
use crate::bench::{Doing, Result, now};
use std::fs;

const ON: usize = 10;
const MANY: usize = 10_000;

/// Beside 10,000 files, and beside none.
pub fn many(context: &Context, contender: &dyn Contender) -> Result<Option<Found>> {
    if contender.name() != "rung" {
        return Ok(None);
    }
    let mut found = Vec::new();
    let few = one(context, contender, ON, &mut found)?;
    let more = one(context, contender, MANY, &mut found)?;
    found.push(("read-10000".to_owned(), more - few));
    Ok(Some(found))
}

fn one(context: &Context, contender: &dyn Contender, files: usize, found: &mut Found) -> Result<f64> {
    let job = Job { idle_units: files - ON, ..Job::flat(Kind::Run, ON, Delay::None) };
    let world = World::start(&context.setting, &context.tree, contender, &job)?;
    let mut world = world.ok_or("it starts")?;
    let up = world.records.wait_all(BEGAN, ON, patience(ON));
    let (_, last) = up.map_err(|e| format!("{e}\n{}", world.log()))?;
    world.settle();
    let mut add = |row: &str, times: usize, command: &[&str]| -> Result<()> {
        let told = world.run(&context.setting, times, &words(command))?;
        let took: Vec<_> = told.took.iter().copied().map(ms).collect();
        found.extend(stats(&took).map(|s| (format!("{row}-of-{files}"), s.median)));
        Ok(())
    };
    add("state", 50, &["initctl", "-q", "is-active", &name(5)])?;
    add("list", 5, &["initctl", "list"])?;
    add("json", 5, &["initctl", "list", "--json"])?;
    // Each service once, so that none is restarted soon after a restart.
    for number in 0..ON {
        let took = changed(context, &mut world, number)?;
        found.push((format!("changed-of-{files}"), took));
    }
    Ok(ms(last - world.executed))
}

/// Writes another command into a unit's file, restarts it, and waits until the new command runs.
fn changed(context: &Context, world: &mut World, number: usize) -> Result<f64> {
    let service = name(number);
    let path = world.path(&format!("/etc/rung/units/{service}.service"));
    let old = fs::read_to_string(&path).doing(path.display())?;
    let mark = 7 + i32::try_from(number).unwrap_or(0);
    let command = format!("/bench/svc run {number}");
    let new = old.replace(&command, &format!("{command} {mark}"));
    let mut entered = world.enter(&context.setting, 1, &words(&["initctl", "-q", "restart", &service]))?;
    let began = now();
    fs::write(&path, new).doing(path.display())?;
    entered.go()?;
    let record = world.records.wait("the changed command", 10, 1, |r| r.kind == BEGAN && r.mark == mark)?;
    let told = entered.told()?;
    if told.code == 0 { Ok(ms(record.ns - began)) } else { Err(format!("restart: {}", told.stderr)) }
}
