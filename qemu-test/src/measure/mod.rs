//! `--measure`: the same Debian with nine daemons, booted and powered off by several inits in turn.
//!
//! Each round boots each of them once, so that what else the host does meets all alike. [`probe`] runs inside the
//! machine and is the same under each; `table` prints. A measurement, not a check: nothing is asserted but that every
//! machine comes up and goes down.

pub mod probe;
mod table;

use crate::Options;
use crate::check::guest::{BOOT, Guest, Parts};
use crate::error::{Context, Result, fail};
use crate::image::{Builder, Disks, Kind, Machine};
use crate::qemu::{Accel, Root};
use crate::shell::PATIENCE;
use std::fs;
use std::path::Path;

/// One way to run the machine.
#[derive(Debug)]
pub struct Init {
    /// How it is called here.
    pub name: &'static str,
    kind: Kind,
    /// The program.
    path: &'static str,
    /// `init.conf`, where it isn't the one that is installed.
    conf: Option<&'static str>,
    /// What powers the machine off.
    off: &'static str,
    /// Names of its own processes.
    own: &'static str,
}

const RUNG: &str = "init init-manager init-log sysv";

/// All of them, peers first.
pub const INITS: &[Init] = &[
    Init {
        name: "sysvinit",
        kind: Kind::Peers,
        path: "/sbin/init.before-rung",
        conf: None,
        off: "/sbin/poweroff",
        own: "init.before-run",
    },
    Init {
        name: "systemd",
        kind: Kind::Peers,
        path: "/lib/systemd/systemd",
        conf: None,
        off: "systemctl poweroff",
        own: "systemd systemd-journal systemd-logind",
    },
    Init {
        name: "finit",
        kind: Kind::Peers,
        path: "/sbin/finit",
        conf: None,
        // Debian ships its own front end in a package that takes the place of /sbin/init.
        off: "kill -USR2 1",
        own: "finit",
    },
    Init {
        name: "rung-native",
        kind: Kind::Native,
        path: "/sbin/init",
        conf: None,
        off: "/usr/bin/initctl poweroff",
        own: RUNG,
    },
    Init {
        name: "rung-scripts",
        kind: Kind::Peers,
        path: "/sbin/init",
        conf: Some("[Manager]\nPrefer=script\nTwins=no\n"),
        off: "/usr/bin/initctl poweroff",
        own: RUNG,
    },
    Init {
        name: "rung-sysv",
        kind: Kind::Peers,
        path: "/sbin/init",
        conf: None,
        off: "/usr/bin/initctl poweroff",
        own: RUNG,
    },
];

/// What one boot has cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Seconds from the start of process 1 to the login prompt.
    pub login: f64,
    /// The same until all daemons are up, to a tenth.
    pub up: f64,
    /// Seconds from the command to the kernel's last words.
    pub off: f64,
    /// Processes until all daemons were up.
    pub processes: f64,
    /// Memory that process 1 has for itself, in kB.
    pub first: f64,
    /// The same of all of the init's own processes.
    pub all: f64,
}

/// Measures those that are named, all if none is, and prints.
pub fn run(builder: &Builder<'_>, accel: Accel, options: &Options) -> Result<bool> {
    let unknown = |name: &&String| !INITS.iter().any(|init| init.name == **name);
    if let Some(name) = options.inits.iter().find(unknown) {
        let names: Vec<&str> = INITS.iter().map(|init| init.name).collect();
        return fail(format!("I can't measure `{name}`; there are {}", names.join(", ")));
    }
    let wanted = |init: &&Init| options.inits.is_empty() || options.inits.iter().any(|name| name == init.name);
    let inits: Vec<&Init> = INITS.iter().filter(wanted).collect();
    let machine = |kind| inits.iter().any(|init| init.kind == kind).then(|| builder.machine(kind)).transpose();
    let (peers, native) = (machine(Kind::Peers)?, machine(Kind::Native)?);
    let mut costs = vec![Vec::new(); inits.len()];
    for round in 1..=options.rounds {
        for (init, costs) in inits.iter().zip(&mut costs) {
            let machine = if init.kind == Kind::Native { &native } else { &peers };
            let Some(machine) = machine else { continue };
            let cost = measure(init, machine, accel, builder.cache, options)?;
            println!(
                "round {round}: {}: login {:.1} s, all up {:.1} s, off {:.1} s, {} processes",
                init.name, cost.login, cost.up, cost.off, cost.processes
            );
            costs.push(cost);
        }
    }
    let names: Vec<&str> = inits.iter().map(|init| init.name).collect();
    print!("\n{}", table::markdown(&names, &costs));
    let path = builder.cache.join("measure.json");
    fs::write(&path, table::json(&names, &costs)).on("write", &path)?;
    println!("\nall figures are in {}", path.display());
    Ok(true)
}

/// One boot of one of them.
fn measure(init: &Init, machine: &Machine, accel: Accel, cache: &Path, options: &Options) -> Result<Cost> {
    let disks = Disks::copy(machine, cache, options.keep)?;
    if let Some(conf) = init.conf {
        disks.configure(conf)?;
    }
    let words = format!("init={} {}={} {}", probe::PLACE, probe::INIT, init.path, options.append);
    let transcript = cache.join(format!("measure-{}.log", init.name));
    let mut guest = Guest::start(Parts { machine, root: Root::Disks(disks), accel, words, transcript })?;
    guest.console.expect("as init process", PATIENCE)?;
    let start = guest.seconds();
    let mut said = guest.console.expect("rung login: ", BOOT)?;
    let login = guest.seconds() - start;
    if !said.contains(probe::UP) {
        said = guest.console.expect(" processes", BOOT)? + " processes";
    }
    let (up, processes) = said_up(&said)?;
    guest.console.send("\n")?;
    guest.console.expect("rung login: ", PATIENCE)?;
    guest.log_in_at_prompt()?;
    let memory = guest.console.run(&format!("{} --memory {}", probe::PLACE, init.own))?;
    // Not in the midst of the devices' setting up.
    guest.console.run("udevadm settle")?;
    let number = |text: Option<&str>| text.and_then(|t| t.parse().ok()).context_of("the machine's memory");
    // A unit that comes up late may have had a line on the console before.
    let mut memory = memory.lines().last().unwrap_or_default().split(' ');
    let (first, all) = (number(memory.next())?, number(memory.next())?);
    let before = guest.seconds();
    guest.console.send(&format!("{}\n", init.off))?;
    guest.console.expect("reboot: Power down", PATIENCE * 2)?;
    let off = guest.seconds() - before;
    guest.ended()?;
    Ok(Cost { login, up, off, processes, first, all })
}

/// The figures of the probe's line.
fn said_up(said: &str) -> Result<(f64, f64)> {
    let line = said.split(probe::UP).nth(1).unwrap_or_default();
    let mut words = line.split_whitespace();
    let seconds = words.next().and_then(|w| w.parse().ok()).context_of("the probe's line")?;
    let processes = words.nth(1).and_then(|w| w.parse().ok()).context_of("the probe's line")?;
    Ok((seconds, processes))
}

/// Nothing where a number should be.
trait OrFail<T> {
    fn context_of(self, what: &str) -> Result<T>;
}

impl<T> OrFail<T> for Option<T> {
    fn context_of(self, what: &str) -> Result<T> {
        self.map_or_else(|| fail(format!("{what}: no number")), Ok)
    }
}
