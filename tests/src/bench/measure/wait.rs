//! Work that is mostly waiting: some contenders wait side by side, each in a world of its own.

use super::{Context, Samples};
use crate::bench::contender::Contender;
use crate::bench::records::BEGAN;
use crate::bench::world::{World, settle};
use crate::bench::{Result, own, pause};
use std::collections::BTreeMap;

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    /// How many contenders at the same time.
    pub beside: usize,
    /// For how long.
    pub seconds: u16,
    /// Only when nobody has anything to do any more.
    pub settles: bool,
    /// Starts a world with all of its services. `None`: the contender can't.
    pub begin: fn(&Context, &dyn Contender) -> Result<Option<World>>,
    /// The rows of what has changed meanwhile; none: the contender can't.
    pub rows: fn(&Change) -> Vec<(&'static str, f64)>,
}

/// What happened in a world while it was watched.
#[derive(Debug)]
pub struct Change {
    /// How often the init's own processes slept and were woken.
    pub wakeups: u64,
    /// Their CPU time in ns.
    pub cpu: u64,
    /// Services that began.
    pub starts: usize,
}

/// One who can't do it, or fails; then why.
pub type Failed = (&'static str, Option<String>);

impl Wait {
    /// Has these wait together; tells who didn't.
    pub fn watch(&self, context: &Context, contenders: &[&dyn Contender], samples: &mut Samples) -> Vec<Failed> {
        let (mut worlds, mut failed) = (Vec::new(), Vec::new());
        for contender in contenders {
            match (self.begin)(context, *contender) {
                Ok(Some(world)) => worlds.push((contender.name(), world)),
                Ok(None) => failed.push((contender.name(), None)),
                Err(e) => failed.push((contender.name(), Some(e))),
            }
        }
        if self.settles {
            settle(&worlds.iter().map(|(_, world)| world).collect::<Vec<_>>());
        }
        let before: Vec<_> = worlds.iter_mut().map(|(_, world)| State::of(world)).collect();
        pause(self.seconds.saturating_mul(1000));
        for ((name, world), before) in worlds.iter_mut().zip(before) {
            match before.and_then(|before| Ok(State::of(world)?.since(&before))) {
                Ok(change) => {
                    let rows = (self.rows)(&change);
                    if rows.is_empty() {
                        failed.push((*name, None));
                    }
                    for (row, value) in rows {
                        samples.entry((row.to_owned(), *name)).or_default().push(value);
                    }
                }
                Err(e) => failed.push((*name, Some(e))),
            }
        }
        failed
    }
}

/// What is counted of a world.
struct State {
    /// Wake-ups and CPU time of its own processes.
    own: BTreeMap<i32, (u64, u64)>,
    starts: usize,
}

impl State {
    fn of(world: &mut World) -> Result<Self> {
        let own = world.own().into_iter().map(|pid| (pid, (own::wakeups(pid), own::cpu(pid)))).collect();
        world.records.read()?;
        Ok(Self { own, starts: world.records.count(BEGAN) })
    }

    fn since(&self, before: &Self) -> Change {
        let mut change = Change { wakeups: 0, cpu: 0, starts: self.starts.saturating_sub(before.starts) };
        for (pid, (wakeups, cpu)) in &self.own {
            let (woken, ran) = before.own.get(pid).copied().unwrap_or_default();
            change.wakeups += wakeups.saturating_sub(woken);
            change.cpu += cpu.saturating_sub(ran);
        }
        change
    }
}
