//! `kill -9` of a service until its new instance runs: 20 services, each killed once.

use super::life::patience;
use super::{Context, Found, ms};
use crate::bench::contender::Contender;
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::records::{BEGAN, Record};
use crate::bench::world::World;
use crate::bench::{Doing, Result, now};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const SERVICES: usize = 20;

/// One sample a service.
pub fn kills(context: &Context, contender: &dyn Contender) -> Result<Option<Found>> {
    let job = Job::flat(Kind::Run, SERVICES, Delay::None);
    let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { return Ok(None) };
    world.records.wait_all(BEGAN, SERVICES, patience(SERVICES)).map_err(|e| format!("{e}\n{}", world.log()))?;
    world.settle();
    let cpu = world.own_cpu();
    let mut found = kill_some(&mut world, "restart")?;
    #[expect(clippy::cast_precision_loss, reason = "few")]
    found.push(("restart-own-cpu".to_owned(), ms(world.own_cpu() - cpu) / SERVICES as f64));
    Ok(Some(found))
}

/// Kills twenty services, one after the other; the row gets a sample of each.
pub fn kill_some(world: &mut World, row: &str) -> Result<Found> {
    let pids = world.services();
    let firsts: Vec<Record> = world.records.all.iter().filter(|r| r.kind == BEGAN).copied().collect();
    let mut found = Vec::new();
    for first in firsts.iter().take(SERVICES) {
        let pid = pids.get(&first.pid).ok_or_else(|| format!("service {} has no process", first.number))?;
        let killed = now();
        kill(Pid::from_raw(*pid), Signal::SIGKILL).doing("killing a service")?;
        let again = |r: &Record| r.kind == BEGAN && r.number == first.number && r.ns > killed;
        let record = world.records.wait("a new instance", 5, 1, again)?;
        found.push((row.to_owned(), ms(record.ns - killed)));
    }
    Ok(found)
}
