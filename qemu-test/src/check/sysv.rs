//! Debian's sysvinit machine: first under its own init, for the record; then under Rung in its place.

use super::guest::{Guest, holds};
use super::{Step, end, step, vital};
use crate::error::{Error, Result, fail};
use crate::shell::{PATIENCE, Shell};

/// Words for the kernel that start Debian's own init: `etc-skel/install` has kept it there.
pub const OWN_INIT: &str = "init=/sbin/init.before-rung";

/// In this order.
pub const STEPS: &[Step] = &[
    vital("a getty from /etc/inittab gives a login, sooner than under Debian's own init", login),
    step("level 2 is reached; runlevel, who and last say what they say under Debian's own init", accounts),
    step("the root was checked and is read-write; swap, network, utmp are as they should be", surroundings),
    step("the daemons that run under Debian's own init run", daemons),
    step("none has failed, and each of them is a unit that knows its processes", tracked),
    step("the links of the levels are untouched", links),
    vital("`poweroff` ends the machine", power_off),
    step("the file system is clean", end::clean),
];

/// Names of processes: what is on in level 2.
const DAEMONS: &[(&str, &str)] = &[
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

/// What Debian's own init made of the same machine.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Seconds from the kernel's first line to the login prompt.
    login: f64,
    runlevel: String,
    who: String,
    last: String,
    links: String,
    mounts: String,
}

const LINKS: &str = "cd /etc && ls -1d rc[0-6S].d/[SK]*";
/// Devices, places, types; what is remounted may have other options.
const MOUNTS: &str = "grep -v -e ' /sys' -e rung -e cgroup /proc/mounts | cut -d' ' -f2,3 | sort";
/// Without times.
const WHO: &str = "who -r | sed 's/ *[0-9-]* [0-9]*:[0-9]* */ /'";
const LAST: &str = "last -x | awk '$1 ~ /reboot|runlevel/ { print $1, $2, $3, $4 }'";

/// The daemons that don't run.
fn missing(shell: &mut Shell) -> Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for (_, process) in DAEMONS {
        if shell.done(&format!("pgrep -x {process}"))?.status != 0 {
            missing.push(*process);
        }
    }
    Ok(missing)
}

impl Record {
    /// Boots a machine by its own init, writes down what it is like, and ends it as its own tools do.
    pub fn of(guest: &mut Guest<'_>) -> Result<Self> {
        let login = timed_login(guest)?;
        let shell = &mut guest.console;
        shell.until("runlevel | grep -qx 'N 2' && pgrep -x sshd >/dev/null", 120)?;
        let missing = missing(shell)?;
        if !missing.is_empty() {
            return fail(format!("Debian's own init doesn't start {}", missing.join(", ")));
        }
        let record = Self {
            login,
            runlevel: shell.run("runlevel")?,
            who: shell.run(WHO)?,
            last: shell.run(LAST)?,
            links: shell.run(LINKS)?,
            mounts: shell.run(MOUNTS)?,
        };
        shell.send("poweroff\n")?;
        guest.ends_with("reboot: Power down")?;
        guest.disks()?.fsck().map_err(|Error(why)| Error(format!("after Debian's own poweroff: {why}")))?;
        Ok(record)
    }
}

/// Waits for the kernel, then for the prompt; the seconds between. Then logs in.
fn timed_login(guest: &mut Guest<'_>) -> Result<f64> {
    guest.console.expect("Linux version", PATIENCE)?;
    let kernel = guest.seconds();
    guest.wait_for_prompt()?;
    let seconds = guest.seconds() - kernel;
    guest.log_in_at_prompt()?;
    Ok(seconds)
}

fn beside(guest: &Guest<'_>) -> Result<Record> {
    guest.beside.clone().ok_or_else(|| Error("Debian's own init was not asked".to_owned()))
}

fn login(guest: &mut Guest) -> Result<String> {
    let ours = timed_login(guest)?;
    let own = beside(guest)?.login;
    let text = format!("kernel to login: {ours:.1} s, Debian's own init {own:.1} s");
    if ours < own { Ok(text) } else { fail(text) }
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

fn power_off(guest: &mut Guest) -> Result<String> {
    guest.end_ssh();
    guest.console.send("poweroff\n")?;
    guest.ends_with("reboot: Power down")?;
    Ok(String::new())
}
