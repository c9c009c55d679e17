//! One-shots in layers: each begins when all of the layer before have ended.

use super::life::patience;
use super::{Context, Found, ms};
use crate::bench::Result;
use crate::bench::contender::Contender;
use crate::bench::job::Job;
use crate::bench::records::{BEGAN, ENDS, Records};
use crate::bench::world::World;

/// The time of all, and how many began too early.
pub fn layers(context: &Context, contender: &dyn Contender, layers: usize, width: usize) -> Result<Option<Found>> {
    let job = Job::layers(layers, width);
    let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { return Ok(None) };
    let done = world.records.wait_all(ENDS, job.count(), patience(job.count()));
    let (_, last) = done.map_err(|e| format!("{e}\n{}", world.log()))?;
    let row = if width == 1 { "chain" } else { "layers" };
    #[expect(clippy::cast_precision_loss, reason = "few")]
    let wrong = violations(&world.records, &job) as f64;
    Ok(Some(vec![
        (row.to_owned(), ms(last - world.executed)),
        (format!("{row}-cpu"), ms(world.cpu() * 1000)),
        (format!("{row}-own-cpu"), ms(world.own_cpu())),
        (format!("{row}-violations"), wrong),
    ]))
}

/// How many pairs of services were in the wrong order.
fn violations(records: &Records, job: &Job) -> usize {
    let mut times = vec![(0, u64::MAX); job.count()];
    for record in &records.all {
        match (record.kind, times.get_mut(record.number as usize)) {
            (BEGAN, Some((began, _))) => *began = record.ns,
            (ENDS, Some((_, ended))) => *ended = record.ns,
            _ => {}
        }
    }
    let early = |s: &crate::bench::job::Service| s.after.clone().filter(|b| times[*b].1 > times[s.number].0).count();
    job.services().map(|s| early(&s)).sum()
}
