//! `--check`: machines one after the other, each with a list of named steps from power-on to its end.

mod boot;
mod daemons;
mod end;
mod faults;
pub mod guest;
mod hard;
mod lab;
mod levels;
mod sandbox;
mod service;
mod sysv;
mod tiny;
mod units;

use crate::Options;
use crate::error::{Error, Result};
use crate::image::{Builder, Kind, Machine};
use crate::qemu::Accel;
use guest::Guest;
use lab::Lab;
use std::time::Instant;

/// One thing that is checked. What it returns is printed behind its name.
struct Step {
    /// What holds when it passes, as a sentence without its full stop.
    name: &'static str,
    /// Whether later steps make no sense without it.
    vital: bool,
    run: fn(&mut Guest) -> Result<String>,
}

/// A step that later ones stand on.
const fn vital(name: &'static str, run: fn(&mut Guest) -> Result<String>) -> Step {
    Step { name, vital: true, run }
}

/// A step.
const fn step(name: &'static str, run: fn(&mut Guest) -> Result<String>) -> Step {
    Step { name, vital: false, run }
}

/// One machine and what is done with it.
struct Round {
    name: &'static str,
    start: fn(&Lab) -> Result<Guest<'_>>,
    steps: &'static [&'static [Step]],
}

/// The machine that costs most to build.
const DAEMONS: &str = "debian, daemons";
/// The one that comes up by scripts.
const SYSV: &str = "debian, sysvinit's scripts";

/// All machines, in order.
const ROUNDS: &[Round] = &[
    Round {
        name: "debian",
        start: |lab| lab.debian(""),
        steps: &[boot::STEPS, service::STEPS, levels::STEPS, faults::STEPS, units::STEPS, end::STEPS],
    },
    Round { name: "tiny, single", start: |lab| lab.tiny("single"), steps: &[tiny::SINGLE] },
    Round { name: "tiny, emergency quiet 2", start: |lab| lab.tiny("emergency quiet 2"), steps: &[tiny::EMERGENCY] },
    Round { name: "tiny, managers that die", start: |lab| lab.tiny(""), steps: &[tiny::MANAGERS] },
    Round { name: "tiny, a shutdown without a manager", start: |lab| lab.tiny(""), steps: &[tiny::ALONE] },
    Round { name: "tiny, a power-off by force", start: |lab| lab.tiny(""), steps: &[tiny::FORCED] },
    Round { name: DAEMONS, start: Lab::daemons, steps: &[daemons::STEPS] },
    Round { name: SYSV, start: Lab::sysv, steps: &[sysv::STEPS] },
    Round { name: "debian, hard", start: |lab| lab.debian_checked(), steps: &[hard::STEPS] },
];

/// How many steps …
#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Boots all machines and takes all steps. Whether each passed.
pub fn run(builder: Builder<'_>, machine: Machine, accel: Accel, options: &Options) -> Result<bool> {
    let mut counts = Counts::default();
    let start = Instant::now();
    if options.only.as_ref().is_none_or(|word| "sandbox".contains(word.as_str())) {
        println!("sandbox:");
        let result = sandbox::check(&builder, &machine);
        counts.skipped += usize::from(matches!(result, Ok(None)));
        if let Some(result) = result.transpose() {
            counts.print(sandbox::NAME, start, result);
        }
    }
    let wanted = |round: &&Round| options.only.as_ref().is_none_or(|word| round.name.contains(word.as_str()));
    let mut kinds = Vec::new();
    for (name, kind) in [(DAEMONS, Kind::Daemons), (SYSV, Kind::Sysv)] {
        kinds.extend(ROUNDS.iter().filter(wanted).any(|round| round.name == name).then_some(kind));
    }
    let lab = Lab::new(builder, machine, &kinds, accel, options)?;
    for round in ROUNDS.iter().filter(wanted) {
        println!("{}:", round.name);
        let steps = || round.steps.iter().copied().flatten();
        match (round.start)(&lab) {
            Ok(mut guest) => take(steps(), &mut guest, &mut counts),
            Err(Error(why)) => {
                println!("FAILED           to start\n{}", indent(&why));
                counts.failed += 1;
                counts.skipped += steps().count();
            }
        }
    }
    println!("what the consoles showed is in {}", lab.transcripts());
    let Counts { passed, failed, skipped } = counts;
    println!("checked in {:.0} s", start.elapsed().as_secs_f64());
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(failed == 0)
}

/// Takes the steps on one machine.
fn take<'a>(steps: impl Iterator<Item = &'a Step>, guest: &mut Guest<'_>, counts: &mut Counts) {
    let mut over = false;
    for step in steps {
        if over {
            counts.skipped += 1;
            continue;
        }
        let start = Instant::now();
        let result = (step.run)(guest);
        over = !counts.print(step.name, start, result) && step.vital;
    }
}

impl Counts {
    /// Prints how a step went, and counts it. Whether it passed.
    fn print(&mut self, name: &str, start: Instant, result: Result<String>) -> bool {
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(note) => {
                self.passed += 1;
                let note = if note.is_empty() { note } else { format!(" ({note})") };
                println!("ok     {seconds:6.1} s  {name}{note}");
                true
            }
            Err(Error(why)) => {
                self.failed += 1;
                println!("FAILED {seconds:6.1} s  {name}\n{}", indent(&why));
                false
            }
        }
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|l| format!("       | {l}")).collect::<Vec<_>>().join("\n")
}
