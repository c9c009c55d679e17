//! 20 services that end with 1 at once, and are to be kept up.

use super::life::patience;
use super::wait::{Change, Wait};
use super::{Context, ms};
use crate::bench::Result;
use crate::bench::contender::Contender;
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::records::BEGAN;
use crate::bench::world::World;

const SERVICES: usize = 20;
/// With no delay a processor is busy all the time, so one contender does it alone, and needn't long.
const SECONDS_AT_ONCE: u16 = 2;

/// By the contender's own policy, for 10 s: what that costs. A few beside each other, for most of it is waiting.
pub const DEFAULT: Wait =
    Wait { beside: 3, seconds: 10, settles: false, begin: |c, who| begin(c, who, Delay::Default), rows: in_all };

/// With no delay at all: the cost of a restart.
pub const AT_ONCE: Wait = Wait {
    beside: 1,
    seconds: SECONDS_AT_ONCE,
    settles: false,
    begin: |c, who| begin(c, who, Delay::None),
    rows: each,
};

fn begin(context: &Context, contender: &dyn Contender, delay: Delay) -> Result<Option<World>> {
    let job = Job::flat(Kind::Crash, SERVICES, delay);
    let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { return Ok(None) };
    let up = world.records.wait_all(BEGAN, SERVICES, patience(SERVICES));
    up.map_err(|e| format!("{e}\n{}", world.log()))?;
    Ok(Some(world))
}

fn starts(change: &Change) -> f64 {
    f64::from(u32::try_from(change.starts).unwrap_or(u32::MAX))
}

fn in_all(change: &Change) -> Vec<(&'static str, f64)> {
    vec![("crash", ms(change.cpu)), ("crash-starts", starts(change))]
}

fn each(change: &Change) -> Vec<(&'static str, f64)> {
    // Without a single restart there is no cost of one.
    if change.starts == 0 {
        return Vec::new();
    }
    let rate = starts(change) / f64::from(SECONDS_AT_ONCE) / f64::from(20u8);
    vec![("crash-each", ms(change.cpu) * 1000.0 / starts(change)), ("crash-rate", rate)]
}
