//! 20 services that end with 1 at once, and are to be kept up.

use super::life::patience;
use super::{Context, Found, ms};
use crate::bench::contender::Contender;
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::records::BEGAN;
use crate::bench::world::World;
use crate::bench::{Result, pause};

const SERVICES: usize = 20;

/// By the contender's own policy, for 10 s: what that costs.
pub fn default(context: &Context, contender: &dyn Contender) -> Result<Option<Found>> {
    crash(context, contender, Delay::Default, 10)
}

/// With no delay at all, for 3 s: the cost of a restart.
pub fn at_once(context: &Context, contender: &dyn Contender) -> Result<Option<Found>> {
    crash(context, contender, Delay::None, 3)
}

fn crash(context: &Context, contender: &dyn Contender, delay: Delay, seconds: u16) -> Result<Option<Found>> {
    let job = Job::flat(Kind::Crash, SERVICES, delay);
    let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { return Ok(None) };
    let up = world.records.wait_all(BEGAN, SERVICES, patience(SERVICES));
    up.map_err(|e| format!("{e}\n{}", world.log()))?;
    let (cpu, before) = (world.own_cpu(), world.records.count(BEGAN));
    pause(seconds * 1000);
    let cpu = ms(world.own_cpu().saturating_sub(cpu));
    world.records.read()?;
    let starts = f64::from(u32::try_from(world.records.count(BEGAN) - before).unwrap_or(u32::MAX));
    Ok(Some(match delay {
        Delay::Default => vec![("crash".to_owned(), cpu), ("crash-starts".to_owned(), starts)],
        // Without a single restart there is no cost of one.
        Delay::None if starts == 0.0 => return Ok(None),
        Delay::None => vec![
            ("crash-each".to_owned(), cpu * 1000.0 / starts),
            ("crash-rate".to_owned(), starts / f64::from(seconds) / f64::from(20u8)),
        ],
    }))
}
