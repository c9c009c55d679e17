//! Debian's sysvinit machine: first under its own init, for the record; then under Rung in its place.

mod commands;
mod mistakes;
mod order;
mod record;
mod state;
mod times;

pub use record::{Boot, Record};

use super::guest::{Guest, holds};
use super::{Step, end, step, vital};
use crate::error::{Context, Error, Result, fail};
use crate::shell::PATIENCE;
use record::{LAST, LINKS, MOUNTS, WHO, missing};
use std::fmt;

/// Words for the kernel that start Debian's own init: `etc-skel/install` has kept it there.
pub const OWN_INIT: &str = "init=/sbin/init.before-rung";

/// In this order.
pub const STEPS: &[Step] = &[
    vital(
        "native twins leave the machine as the scripts of level S do; either way the login comes after fewer processes than \
         under Debian's own init",
        twins,
    ),
    step(
        "`why` and `list` tell twins from scripts; an edited script runs itself, and so does one that init.conf names",
        told,
    ),
    vital("a getty from /etc/inittab gives a login", login),
    step("level 2 is reached; runlevel, who and last say what they say under Debian's own init", accounts),
    step(
        "`initctl boot`: its parts add up, and the kernel's log, its uptime and the history say the same",
        times::agree,
    ),
    step("`initctl boot` blame, critical-chain, plot and list tell of this boot", times::views),
    step("the root was checked and is read-write; swap, network, utmp are as they should be", surroundings),
    step("the daemons that run under Debian's own init run", daemons),
    step("none has failed, and each of them is a unit that knows its processes", tracked),
    step("the links of the levels are untouched", links),
    step(
        "apt-get installs a daemon, whose maintainer script starts it under supervision; purge removes it",
        commands::package,
    ),
    step("service, invoke-rc.d, update-rc.d, chkconfig and scripts by hand do as ever", commands::services),
    step("telinit q and u, shutdown +1 and -c; levels 3 and 2 leave alone what is on in both", commands::levels),
    step("Alt-Up runs inittab's line for it", commands::keyboard),
    step(
        "broken scripts, links, lines of inittab and names are told, each with its place; all else goes on",
        mistakes::named,
    ),
    step("a full disk stops no service, and keeps none from being restarted", mistakes::full_disk),
    vital("telinit 1: single-user, sulogin on the console; from there to level 2", commands::single),
    step(
        "insserv and startpar are purged, no `.depend` file is left, all links have the number 01",
        order::without_insserv,
    ),
    vital("`reboot` ends the machine", reboot),
    step("the file system is clean", end::clean),
    vital(
        "with Prefer=script and Twins=no it comes up by scripts alone, and still by fewer processes until the login, which \
         is by `init.autocon=1` alone",
        by_scripts,
    ),
    step("no script began before those were done that its header asks for", order::by_headers),
    step("`initctl boot -b -1` tells of the boot before what it told then", times::earlier),
    step("the daemons run, and are tracked, by their scripts", tracked_scripts),
    vital("`poweroff` ends the machine", power_off),
    step("the file system is clean again", end::clean),
];

/// Names of processes: what is on in level 2.
const DAEMONS: &[(&str, &str)] = &[
    ("apache2", "apache2"),
    ("atd", "atd"),
    ("chrony", "chronyd"),
    ("cron", "cron"),
    ("dbus", "dbus-daemon"),
    ("haproxy", "haproxy"),
    ("nginx", "nginx"),
    ("redis-server", "redis-server"),
    ("rsyslog", "rsyslogd"),
    ("ssh", "sshd"),
];

/// What a boot has cost when somebody is logged in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Login {
    /// Seconds from the kernel's first line to the prompt.
    seconds: f64,
    /// Processes since the kernel's start.
    forked: u32,
}

/// Waits for the kernel, then for the prompt, and logs in.
fn timed_login(guest: &mut Guest<'_>) -> Result<Login> {
    guest.console.expect("Linux version", PATIENCE)?;
    let kernel = guest.seconds();
    guest.wait_for_prompt()?;
    let seconds = guest.seconds() - kernel;
    guest.log_in_at_prompt()?;
    let forked = guest.console.run("sed -n 's/^processes //p' /proc/stat")?.parse().context("/proc/stat")?;
    Ok(Login { seconds, forked })
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s and {} processes", self.seconds, self.forked)
    }
}

impl Login {
    /// Put beside another init's. Ours has to do with fewer processes, which is what a boot's time is made of. The time
    /// itself is only told: the host may have been busier during one of them.
    fn beside(self, own: Self) -> Result<String> {
        let text = format!("{self} ({:.2} of the time)", self.seconds / own.seconds);
        if self.forked < own.forked { Ok(text) } else { fail(format!("{text}, Debian's own init {own}")) }
    }
}

fn beside(guest: &Guest<'_>) -> Result<Record> {
    guest.beside.clone().ok_or_else(|| Error("Debian's own init was not asked".to_owned()))
}

fn twins(guest: &mut Guest) -> Result<String> {
    let ours = Boot::of(guest)?;
    let Record { login, scripts, .. } = beside(guest)?;
    ours.state.compare(&scripts.state)?;
    let (twins, alone) = (ours.login.beside(login)?, scripts.login.beside(login)?);
    Ok(format!("kernel to login: {login}; by twins {twins}; by scripts {alone}; {} lines compared", ours.state.len()))
}

fn told(guest: &mut Guest) -> Result<String> {
    let shell = &mut guest.console;
    holds(&shell.run("initctl why hostname.sh")?, &["its native twin does what /etc/init.d/hostname.sh does"])?;
    holds(&shell.run("initctl list --source twin")?, &["mountall.sh", "urandom"])?;
    shell.run("cp -p /etc/init.d/urandom /root/urandom && echo : >>/etc/init.d/urandom")?;
    shell.run("sed -i 's/^.Manager.$/&\\nTwins=!kmod/' /etc/rung/init.conf")?;
    holds(&shell.run("initctl --json why urandom")?, &["runs itself and not its native twin: it was changed since"])?;
    holds(&shell.run("initctl --json why kmod")?, &["runs itself and not its native twin: Twins=!kmod in init.conf"])?;
    shell.run("cp -p /root/urandom /etc/init.d/urandom && sed -i '/^Twins=/d' /etc/rung/init.conf")?;
    for name in ["urandom", "kmod"] {
        holds(&shell.run(&format!("initctl --json why {name}"))?, &[&format!("what /etc/init.d/{name} does")])?;
    }
    Ok(String::new())
}

fn login(guest: &mut Guest) -> Result<String> {
    guest.console.run("ps -o tty= -p $$ | grep -x ttyS0")
}

fn accounts(guest: &mut Guest) -> Result<String> {
    guest.console.until("[ \"$(runlevel)\" = 'N 2' ]", 120)?;
    let own = beside(guest)?;
    let shell = &mut guest.console;
    let same = |what: &str, ours: String, own: &str| {
        if ours == own { Ok(()) } else { fail(format!("{what}:\n{ours}\nunder Debian's own init:\n{own}")) }
    };
    same("runlevel", shell.run("runlevel")?, &own.runlevel)?;
    same("who -r", shell.run(WHO)?, &own.who)?;
    same("last -x", shell.run(LAST)?, &own.last)?;
    Ok(own.who)
}

fn surroundings(guest: &mut Guest) -> Result<String> {
    let own = beside(guest)?;
    guest.run("grep -E '^[^ ]+ / ext4 rw[, ]' /proc/mounts && touch /root/written")?;
    guest.run("grep -q nvme0n2 /proc/swaps && [ \"$(hostname)\" = rung ]")?;
    guest.run("ip -o addr show dev eth0 | grep -F 'inet '")?;
    guest.run("[ \"$(stat -c %a:%G /run/utmp)\" = 664:utmp ]")?;
    holds(&guest.run("cat /var/log/fsck/checkroot")?, &["rung: clean"])?;
    let mounts = guest.run(MOUNTS)?;
    let gone: Vec<_> = own.mounts.lines().filter(|line| !mounts.lines().any(|l| l == *line)).collect();
    if gone.is_empty() { Ok(String::new()) } else { fail(format!("not mounted: {}", gone.join(", "))) }
}

fn daemons(guest: &mut Guest) -> Result<String> {
    let missing = missing(guest.ssh()?)?;
    if missing.is_empty() { Ok(format!("{} daemons", DAEMONS.len())) } else { fail(missing.join(", ")) }
}

fn tracked(guest: &mut Guest) -> Result<String> {
    let units = guest.units()?;
    let mut bad: Vec<_> =
        units.iter().filter(|(_, unit)| unit.state == "failed").map(|(name, _)| format!("{name} has failed")).collect();
    for (name, process) in DAEMONS {
        let Some(unit) = units.get(&format!("{name}.service")) else {
            bad.push(format!("{name} isn't a unit"));
            continue;
        };
        let main = unit.main_pid.unwrap_or_default();
        if unit.state != "active" || guest.run(&format!("cat /proc/{main}/comm || true"))? != *process {
            bad.push(format!("{name} is {}, its main process {main} isn't {process}", unit.state));
        }
    }
    if bad.is_empty() { Ok(format!("{} units", units.len())) } else { fail(bad.join("\n")) }
}

fn links(guest: &mut Guest) -> Result<String> {
    let own = beside(guest)?.links;
    let ours = guest.run(LINKS)?;
    if ours == own { Ok(format!("{} links", own.lines().count())) } else { fail(format!("{ours}\n\nwere:\n{own}")) }
}

fn reboot(guest: &mut Guest) -> Result<String> {
    // For the boot after this one.
    guest.run("sed -i 's/^#* *Prefer=.*//; s/^\\[Manager\\]/&\\nPrefer=script\\nTwins=no/' /etc/rung/init.conf && grep -x Prefer=script /etc/rung/init.conf")?;
    guest.run("sed -i 's/^T0:/#&/' /etc/inittab && ! grep '^[^#].*getty' /etc/inittab")?;
    guest.add_word("init.autocon=1");
    ends(guest, "reboot", "reboot: Restarting system")
}

fn by_scripts(guest: &mut Guest) -> Result<String> {
    guest.power_cut()?;
    let own = beside(guest)?.login;
    let text = timed_login(guest)?.beside(own)?;
    holds(&guest.console.run("initctl status inittab-S0")?, &["/sbin/agetty -L -s 115200,38400,9600 ttyS0 vt102"])?;
    Ok(format!("{text}, Debian's own init {own}"))
}

fn tracked_scripts(guest: &mut Guest) -> Result<String> {
    guest.console.until("[ \"$(runlevel)\" = 'N 2' ]", 120)?;
    let text = tracked(guest)?;
    for (name, _) in DAEMONS {
        let shown = guest.run(&format!("initctl --json status {name}"))?;
        holds(&shown, &["\"script\""])?;
    }
    Ok(text)
}

fn power_off(guest: &mut Guest) -> Result<String> {
    ends(guest, "poweroff", "reboot: Power down")
}

/// A command whose end is the machine's, with the kernel's last words.
fn ends(guest: &mut Guest, command: &str, words: &str) -> Result<String> {
    guest.end_ssh();
    let start = std::time::Instant::now();
    guest.console.send(&format!("{command}\n"))?;
    guest.ends_with(words)?;
    Ok(format!("in {:.1} s", start.elapsed().as_secs_f64()))
}
