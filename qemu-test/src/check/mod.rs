//! `--check`: a list of named steps on one machine, from power-on to a clean disk.

mod boot;

use crate::Options;
use crate::error::{Error, Result};
use crate::image::{Disks, Machine};
use crate::qemu::{Accel, Qemu};
use crate::shell::Shell;
use std::time::Instant;

/// One thing that is checked.
struct Step {
    /// What holds when it passes, as a sentence without its full stop.
    name: &'static str,
    /// Whether later steps make no sense without it.
    vital: bool,
    run: fn(&mut Guest) -> Result<()>,
}

/// The machine under test.
struct Guest<'a> {
    machine: &'a Machine,
    disks: &'a Disks,
    qemu: Qemu,
    console: Shell,
}

/// A step that later ones stand on.
const fn vital(name: &'static str, run: fn(&mut Guest) -> Result<()>) -> Step {
    Step { name, vital: true, run }
}

/// A step.
const fn step(name: &'static str, run: fn(&mut Guest) -> Result<()>) -> Step {
    Step { name, vital: false, run }
}

/// Boots the machine and takes all steps. Whether each passed.
pub fn run(machine: &Machine, disks: &Disks, accel: Accel, options: &Options) -> Result<bool> {
    let (qemu, to, from) = Qemu::start(machine, disks, accel, &options.append)?;
    let mut console = Shell::new(to, from)?;
    let transcript = machine.key.with_file_name("console.log");
    console.log_to(&transcript)?;
    let mut guest = Guest { machine, disks, qemu, console };
    let (mut passed, mut failed) = (0, 0);
    for step in boot::STEPS {
        let start = Instant::now();
        let result = (step.run)(&mut guest);
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(()) => {
                passed += 1;
                println!("ok      {seconds:6.1} s  {}", step.name);
            }
            Err(Error(why)) => {
                failed += 1;
                println!("FAILED  {seconds:6.1} s  {}\n{}", step.name, indent(&why));
                if step.vital {
                    println!("the steps after this one stand on it and were left out");
                    break;
                }
            }
        }
    }
    println!("what the console showed is in {}", transcript.display());
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn indent(text: &str) -> String {
    text.lines().map(|l| format!("        | {l}")).collect::<Vec<_>>().join("\n")
}
