//! 20 s with 100 services and nothing to do: who wakes up. All contenders at the same time, because none disturbs another
//! by sleeping.

use super::life::patience;
use super::{Context, Samples, ms};
use crate::bench::contender::Contender;
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::own;
use crate::bench::records::BEGAN;
use crate::bench::world::World;
use crate::bench::{Result, pause};
use std::collections::BTreeMap;

/// Wake-ups and CPU time of each.
pub fn wakeups(context: &Context, contenders: &[&dyn Contender], samples: &mut Samples, troubles: &mut Vec<String>) {
    let mut worlds = Vec::new();
    for contender in contenders {
        match begin(context, *contender) {
            Ok(Some(world)) => worlds.push((*contender, world)),
            Ok(None) => {}
            Err(e) => troubles.push(format!("idle, {}: {e}", contender.name())),
        }
    }
    worlds.iter().for_each(|(_, world)| world.settle());
    let before: Vec<_> = worlds.iter().map(|(_, w)| counts(w)).collect();
    pause(20_000);
    for ((contender, world), before) in worlds.iter().zip(before) {
        let (mut wakeups, mut cpu) = (0, 0);
        for (pid, (woken, ran)) in counts(world) {
            let (woken_before, ran_before) = before.get(&pid).copied().unwrap_or_default();
            wakeups += woken.saturating_sub(woken_before);
            cpu += ran.saturating_sub(ran_before);
        }
        let mut add = |row: &str, value| samples.entry((row.to_owned(), contender.name())).or_default().push(value);
        add("idle", f64::from(u32::try_from(wakeups).unwrap_or(u32::MAX)));
        add("idle-cpu", ms(cpu));
    }
}

fn counts(world: &World) -> BTreeMap<i32, (u64, u64)> {
    world.own().into_iter().map(|pid| (pid, (own::wakeups(pid), own::cpu(pid)))).collect()
}

fn begin(context: &Context, contender: &dyn Contender) -> Result<Option<World>> {
    let services = contender.most().min(100);
    let job = Job::flat(Kind::Run, services, Delay::None);
    let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { return Ok(None) };
    world.records.wait_all(BEGAN, services, patience(services)).map_err(|e| format!("{e}\n{}", world.log()))?;
    Ok(Some(world))
}
