//! The kinds of work, and the rounds in which contenders take turns at them.

mod core;
mod crash;
mod idle;
mod life;
mod order;
mod orphans;
mod restart;
mod rounds;
mod sizes;
mod units;
mod wait;

pub use rounds::run;

use super::Result;
use super::cgroup::Tree;
use super::contender::{Contender, Setting};
use std::collections::BTreeMap;
use wait::Wait;

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
#[derive(Debug)]
pub struct Work {
    /// What the command line calls it.
    pub name: String,
    /// How many times each contender does it.
    pub rounds: usize,
    /// Services in it: who takes too long with so many is left out.
    pub size: usize,
    /// How it is done.
    pub way: Way,
}

/// Whether contenders work one after the other.
pub enum Way {
    /// One does it once. `None`: it can't.
    Alone(Box<Alone>),
    /// Most of it is waiting.
    Beside(Wait),
}

/// What one contender does, from the start of its world to its end.
pub type Alone = dyn Fn(&Context, &dyn Contender) -> Result<Option<Found>>;

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Alone(_)) { "Alone" } else { "Beside" })
    }
}

/// All kinds, for these numbers of services.
pub fn all(numbers: &[usize], quick: bool) -> Vec<Work> {
    let mut list = Vec::new();
    let rounds = |many: usize| if quick { many.min(2) } else { many };
    let start = |n: usize, rounds| alone(&format!("start-{n}"), rounds, n, move |c, who| life::start(c, who, n));
    for &n in numbers.iter().filter(|n| **n < 10_000) {
        list.push(start(n, if quick { 3 } else { 5 }));
    }
    list.push(alone("restart", rounds(4), 20, restart::kills));
    list.push(alone("chain", rounds(5), 100, |c, who| order::layers(c, who, 100, 1)));
    list.push(alone("layers", rounds(3), 1000, |c, who| order::layers(c, who, 100, 10)));
    list.push(alone("stop", rounds(4), 100, life::stop_all));
    list.push(alone("orphans", rounds(3), 1, orphans::reap));
    list.push(alone("units", rounds(3), 10_000, units::many));
    list.push(alone("transaction", 1, 10_000, core::transaction));
    list.push(alone("sizes", 1, 1, sizes::sizes));
    list.push(beside("crash-each", rounds(2), 20, crash::AT_ONCE));
    list.push(beside("crash", rounds(2), 20, crash::DEFAULT));
    list.push(beside("idle", 1, 1, idle::WAIT));
    for &n in numbers.iter().filter(|n| **n >= 10_000) {
        list.push(start(n, 1));
    }
    list
}

fn alone(
    name: &str,
    rounds: usize,
    size: usize,
    run: impl Fn(&Context, &dyn Contender) -> Result<Option<Found>> + 'static,
) -> Work {
    Work { name: name.to_owned(), rounds, size, way: Way::Alone(Box::new(run)) }
}

fn beside(name: &str, rounds: usize, size: usize, wait: Wait) -> Work {
    Work { name: name.to_owned(), rounds, size, way: Way::Beside(wait) }
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
