//! 20 s with 100 services and nothing to do: who wakes up.

use super::life::patience;
use super::wait::{Change, Wait};
use super::{Context, ms};
use crate::bench::Result;
use crate::bench::contender::Contender;
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::records::BEGAN;
use crate::bench::world::World;

/// All at the same time, because nobody disturbs another by sleeping.
pub const WAIT: Wait = Wait { beside: usize::MAX, seconds: 20, settles: true, begin, rows };

fn begin(context: &Context, contender: &dyn Contender) -> Result<Option<World>> {
    let services = contender.most().min(100);
    let job = Job::flat(Kind::Run, services, Delay::None);
    let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { return Ok(None) };
    world.records.wait_all(BEGAN, services, patience(services)).map_err(|e| format!("{e}\n{}", world.log()))?;
    Ok(Some(world))
}

fn rows(change: &Change) -> Vec<(&'static str, f64)> {
    vec![("idle", f64::from(u32::try_from(change.wakeups).unwrap_or(u32::MAX))), ("idle-cpu", ms(change.cpu))]
}
