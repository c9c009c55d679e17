//! N services from the first to the last: start, memory, one question, the end.

use super::{Context, Found, kb, ms, restart};
use crate::bench::contender::{Contender, Stop};
use crate::bench::job::{Delay, Job, Kind, name};
use crate::bench::records::{BEGAN, TERM};
use crate::bench::stats::stats;
use crate::bench::world::World;
use crate::bench::{Doing, Result, now, own};
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// Seconds for so many services to start; slow contenders take a while.
pub fn patience(count: usize) -> u64 {
    20 + u64::try_from(count / 200).unwrap_or(0)
}

/// Starts N services; at 100 asks for the state of one.
pub fn start(context: &Context, contender: &dyn Contender, n: usize) -> Result<Option<Found>> {
    let job = Job::flat(Kind::Run, n, Delay::None);
    let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { return Ok(None) };
    let up = world.records.wait_all(BEGAN, n, patience(n));
    let (first, last) = up.map_err(|e| format!("{e}\n{}", world.log()))?;
    let (cpu, own) = (world.cpu() * 1000, world.own_cpu());
    let mut found = vec![
        (format!("start-{n}"), ms(last - world.executed)),
        (format!("first-{n}"), ms(first - world.executed)),
        (format!("cpu-{n}"), ms(cpu)),
        (format!("own-cpu-{n}"), ms(own)),
    ];
    world.settle();
    let memory = world.memory();
    found.push((format!("memory-{n}"), kb(memory.all)));
    found.push((format!("memfds-{n}"), kb(memory.memfds)));
    found.push((format!("init-memory-{n}"), kb(memory.init)));
    #[expect(clippy::cast_precision_loss, reason = "few")]
    found.extend([
        (format!("processes-{n}"), memory.processes as f64),
        (format!("descriptors-{n}"), own::descriptors(world.init) as f64),
    ]);
    if let Some(words) = contender.state(&name(n / 2)).filter(|_| n >= 100) {
        let told = world.run(&context.setting, if context.quick { 20 } else { 50 }, &words)?;
        let took: Vec<_> = told.took.iter().copied().map(ms).collect();
        found.extend(stats(&took).map(|s| (format!("state-{n}"), s.median)));
    }
    if n >= 10_000 {
        found.extend(restart::kill_some(&mut world, &format!("restart-{n}"))?);
    }
    Ok(Some(found))
}

/// 100 services, all stopped at once.
pub fn stop_all(context: &Context, contender: &dyn Contender) -> Result<Option<Found>> {
    let n = 100;
    let job = Job::flat(Kind::Run, n, Delay::None);
    if matches!(contender.stop(&job), Stop::Never) {
        return Ok(None);
    }
    let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { return Ok(None) };
    world.records.wait_all(BEGAN, n, patience(n)).map_err(|e| format!("{e}\n{}", world.log()))?;
    world.settle();
    let took = stop(context, contender, &world, &job)?;
    world.records.read()?;
    let (seen, told) = (world.records.count(TERM), took.map(|ns| ("stop".to_owned(), ms(ns))));
    if seen < n { Err(format!("{seen} of {n} services saw SIGTERM")) } else { Ok(told.map(|t| vec![t])) }
}

fn stop(context: &Context, contender: &dyn Contender, world: &World, job: &Job) -> Result<Option<u64>> {
    match contender.stop(job) {
        Stop::Command(words) => {
            let mut entered = world.enter(&context.setting, 1, &words)?;
            let began = now();
            entered.go()?;
            let gone = world.all_gone(30)?;
            entered.told()?;
            Ok(Some(gone - began))
        }
        Stop::Signal(signal) => {
            let began = now();
            kill(Pid::from_raw(world.init), signal).doing("signalling PID 1")?;
            Ok(Some(world.all_gone(30)? - began))
        }
        Stop::Never => Ok(None),
    }
}
