//! 20,000 orphans: what their end costs PID 1, and how long they stay zombies.

use super::life::patience;
use super::{Context, Found, ms};
use crate::bench::contender::{Contender, words};
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::records::BEGAN;
use crate::bench::world::World;
use crate::bench::{Doing, Result, own};

const ORPHANS: u32 = 20_000;

/// Beside ten services, or the one that the contender can have.
pub fn reap(context: &Context, contender: &dyn Contender) -> Result<Option<Found>> {
    for services in [10, 1] {
        let job = Job::flat(Kind::Run, services, Delay::None);
        let Some(mut world) = World::start(&context.setting, &context.tree, contender, &job)? else { continue };
        let up = world.records.wait_all(BEGAN, services, patience(services));
        up.map_err(|e| format!("{e}\n{}", world.log()))?;
        world.settle();
        let (init, all) = (own::cpu(world.init), world.own_cpu());
        let command = words(&["/bench/svc", "orphans", &ORPHANS.to_string(), "100"]);
        let told = world.run(&context.setting, 1, &command)?;
        let numbers: Vec<u64> = told.stdout.split_whitespace().filter_map(|w| w.parse().ok()).collect();
        let [_, total, zombies, left, lag] = numbers[..] else {
            return Err(format!("orphans told `{}`", told.stdout.trim()));
        };
        if left > 0 {
            return Err(format!("{left} orphans stayed zombies"));
        }
        let each = |ns: u64| ms(ns) * 1000.0 / f64::from(ORPHANS);
        let few = |n: u64| u32::try_from(n).map(f64::from).doing("zombies");
        return Ok(Some(vec![
            ("orphans".to_owned(), each(own::cpu(world.init) - init)),
            ("orphans-own".to_owned(), each(world.own_cpu().saturating_sub(all))),
            ("orphans-total".to_owned(), ms(total)),
            ("orphans-zombies".to_owned(), few(zombies)?),
            ("orphans-lag".to_owned(), ms(lag)),
        ]));
    }
    Ok(None)
}
