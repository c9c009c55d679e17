//! `--check`: a list of named steps on one machine, from power-on to a clean disk.

mod boot;
mod end;
mod faults;
mod guest;
mod levels;
mod service;
mod units;

use crate::Options;
use crate::error::{Error, Result};
use crate::image::{Disks, Machine};
use crate::qemu::Accel;
use guest::Guest;
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

/// All steps, in order.
fn steps() -> impl Iterator<Item = &'static Step> {
    [boot::STEPS, service::STEPS, levels::STEPS, faults::STEPS, units::STEPS, end::STEPS].into_iter().flatten()
}

/// Boots the machine and takes all steps. Whether each passed.
pub fn run(machine: &Machine, disks: &Disks, accel: Accel, options: &Options) -> Result<bool> {
    let transcript = machine.key.with_file_name("console.log");
    let mut guest = Guest::start(machine, disks, accel, &options.append, &transcript)?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let mut over = false;
    for step in steps() {
        if over {
            skipped += 1;
            continue;
        }
        let start = Instant::now();
        let result = (step.run)(&mut guest);
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(note) => {
                passed += 1;
                let note = if note.is_empty() { note } else { format!(" ({note})") };
                println!("ok     {seconds:6.1} s  {}{note}", step.name);
            }
            Err(Error(why)) => {
                failed += 1;
                println!("FAILED {seconds:6.1} s  {}\n{}", step.name, indent(&why));
                over = step.vital;
            }
        }
    }
    println!("what the console showed is in {}", transcript.display());
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(failed == 0)
}

fn indent(text: &str) -> String {
    text.lines().map(|l| format!("       | {l}")).collect::<Vec<_>>().join("\n")
}
