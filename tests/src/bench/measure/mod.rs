//! The kinds of work, and the rounds in which contenders take turns at them.

mod core;
mod crash;
mod idle;
mod life;
mod order;
mod orphans;
mod restart;
mod sizes;
mod units;

use super::cgroup::Tree;
use super::contender::{Contender, Setting};
use super::{Result, now};
use std::collections::BTreeMap;

/// Samples of each row by contender, both in the order they came first.
pub type Samples = BTreeMap<(String, &'static str), Vec<f64>>;

/// What one measurement gives: rows and values.
pub type Found = Vec<(String, f64)>;

/// What a run needs.
#[derive(Debug)]
pub struct Context {
    /// Where things are.
    pub setting: Setting,
    /// Its cgroups.
    pub tree: Tree,
    /// Little time.
    pub quick: bool,
}

/// A kind of work.
pub struct Work {
    /// What the command line calls it.
    pub name: String,
    /// How many times each contender does it.
    pub rounds: usize,
    /// Services in it: who takes too long with so many is left out.
    pub size: usize,
    /// Does it once; none where all do it together.
    pub run: Option<Box<Run>>,
}

/// One contender does one kind of work once. `None`: it can't.
pub type Run = dyn Fn(&Context, &dyn Contender) -> Result<Option<Found>>;

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("name", &self.name).field("rounds", &self.rounds).finish_non_exhaustive()
    }
}

/// All kinds, for these numbers of services.
pub fn all(numbers: &[usize], quick: bool) -> Vec<Work> {
    let mut list = Vec::new();
    let rounds = |many: usize| if quick { 3 } else { many };
    for &n in numbers {
        let few = if quick && n >= 1000 { 2 } else { rounds(if n >= 10_000 { 2 } else { 7 }) };
        list.push(work(&format!("start-{n}"), few, n, move |c, who| life::start(c, who, n)));
    }
    list.push(work("restart", rounds(5), 20, restart::kills));
    list.push(work("chain", rounds(5), 100, |c, who| order::layers(c, who, 100, 1)));
    list.push(work("layers", rounds(3), 1000, |c, who| order::layers(c, who, 100, 10)));
    list.push(work("stop", rounds(5), 100, life::stop_all));
    list.push(work("orphans", rounds(3), 1, orphans::reap));
    list.push(Work { name: "idle".to_owned(), rounds: 1, size: 100, run: None });
    list.push(work("units", rounds(3), 10_000, units::many));
    list.push(work("transaction", 1, 10_000, core::transaction));
    list.push(work("crash", 1, 20, crash::default));
    list.push(work("crash-each", rounds(2).min(2), 20, crash::at_once));
    list.push(work("sizes", 1, 1, sizes::sizes));
    list
}

fn work(
    name: &str,
    rounds: usize,
    size: usize,
    run: impl Fn(&Context, &dyn Contender) -> Result<Option<Found>> + 'static,
) -> Work {
    Work { name: name.to_owned(), rounds, size, run: Some(Box::new(run)) }
}

/// Has all contenders do all the work, taking turns. What goes wrong is told, and gives no sample. Ends early when the
/// time is up.
pub fn run(context: &Context, works: &[Work], contenders: &[Box<dyn Contender>], until: u64) -> (Samples, Vec<String>) {
    let mut samples = Samples::new();
    let mut troubles = Vec::new();
    for work in works {
        let began = now();
        let Some(run) = &work.run else {
            if now() < until && !interrupted() {
                let all: Vec<&dyn Contender> = contenders.iter().map(AsRef::as_ref).collect();
                idle::wakeups(context, &all, &mut samples, &mut troubles);
                eprintln!("{} {:.1} s", work.name, ms(now() - began) / 1e3);
            }
            continue;
        };
        // Who failed or can't isn't asked again.
        let mut out = vec![false; contenders.len()];
        for round in 0..work.rounds {
            for (contender, out) in contenders.iter().zip(&mut out) {
                if *out || contender.most() < work.size || interrupted() {
                    continue;
                }
                if now() > until {
                    troubles.push(format!("{}, round {}: no time left", work.name, round + 1));
                    return (samples, troubles);
                }
                match run(context, contender.as_ref()) {
                    Ok(Some(found)) => {
                        for (row, value) in found {
                            samples.entry((row, contender.name())).or_default().push(value);
                        }
                    }
                    Ok(None) => *out = true,
                    Err(e) => {
                        *out = true;
                        eprintln!("{} {}: {e}", work.name, contender.name());
                        troubles.push(format!("{}, {}: {e}", work.name, contender.name()));
                    }
                }
            }
        }
        eprintln!("{} {:.1} s", work.name, ms(now() - began) / 1e3);
    }
    (samples, troubles)
}

/// Whether somebody asked the bench to end.
pub fn interrupted() -> bool {
    super::cli::INTERRUPTED.load(std::sync::atomic::Ordering::Relaxed)
}

/// Nanoseconds as milliseconds.
#[expect(clippy::cast_precision_loss, reason = "no time here has so many digits")]
pub fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Bytes as kB.
#[expect(clippy::cast_precision_loss, reason = "no size here has so many digits")]
pub fn kb(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
