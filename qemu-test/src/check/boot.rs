//! From power-on to level 3.

use super::guest::{Guest, holds};
use super::{Step, step, vital};
use crate::error::{Context, Result, fail};
use crate::shell::PATIENCE;
use std::io::{Read, Write};
use std::net::TcpStream;

/// In this order.
pub const STEPS: &[Step] = &[
    vital("a getty on the console gives a login", login),
    step("level 3 is reached", level),
    step("sshd answers", sshd),
    step("the root was checked and is read-write", root),
    step("swap, /tmp, the host's name, lo and the network are up", surroundings),
    step("all that is on in S and 3 is active, nothing has failed", all_active),
    step("curl gets nginx's page, in the machine and from outside", page),
    step("a service's output is in its log", logs),
];

pub fn login(guest: &mut Guest) -> Result<String> {
    guest.log_in()?;
    let uptime = guest.console.run("cut -d' ' -f1 /proc/uptime")?;
    Ok(format!("{uptime} s after the kernel's start, {:.1} s after power-on", guest.seconds()))
}

fn level(guest: &mut Guest) -> Result<String> {
    guest.console.until("[ \"$(initctl runlevel)\" = 'N 3' ]", 120)?;
    let uptime = guest.console.run("cut -d' ' -f1 /proc/uptime")?;
    Ok(format!("at most {uptime} s after the kernel's start"))
}

fn sshd(guest: &mut Guest) -> Result<String> {
    guest.run("id -un").and_then(|user| holds(&user, &["root"]))?;
    Ok(String::new())
}

fn root(guest: &mut Guest) -> Result<String> {
    guest.run("grep -E '^[^ ]+ / ext4 rw[, ]' /proc/mounts && touch /root/written")?;
    let said = guest.run("initctl logs fsck-root")?;
    holds(&said, &["rung: clean"])?;
    Ok(String::new())
}

fn surroundings(guest: &mut Guest) -> Result<String> {
    guest.run("grep -q nvme0n2 /proc/swaps && grep -q '^tmpfs /tmp ' /proc/mounts")?;
    guest.run("[ \"$(hostname)\" = rung ]")?;
    guest.run("ip -o addr show dev lo | grep -F 127.0.0.1/8")?;
    guest.run("ip -o addr show dev eth0 | grep -F 'inet '")?;
    guest.run(
        "[ \"$(stat -c %a:%G /run/utmp)\" = 664:utmp ] && [ -d /run/sshd ] && [ \"$(stat -c %a /tmp)\" = 1777 ]",
    )?;
    Ok(String::new())
}

pub fn all_active(guest: &mut Guest) -> Result<String> {
    let units = guest.units()?;
    let bad: Vec<_> = units
        .iter()
        .filter(|(_, unit)| unit.state == "failed" || (unit.levels.contains(['S', '3']) && unit.state != "active"))
        .map(|(name, unit)| format!("{name} is {} (on in {})", unit.state, unit.levels))
        .collect();
    let wanted =
        ["nginx.service", "cron.service", "rsyslog.service", "sshd.service", "udev.service", "fsck-root.service"];
    if let Some(name) = wanted.iter().find(|name| units.get(**name).is_none_or(|unit| unit.state != "active")) {
        return fail(format!("{name} isn't active\n{}", bad.join("\n")));
    }
    if bad.is_empty() { Ok(format!("{} units", units.len())) } else { fail(bad.join("\n")) }
}

fn page(guest: &mut Guest) -> Result<String> {
    let page = guest.run("curl -sS http://127.0.0.1/")?;
    holds(&page, &["nginx under Rung"])?;
    let mut stream = TcpStream::connect(("127.0.0.1", guest.qemu.ports.http)).context("connect to port 80")?;
    stream.set_read_timeout(Some(PATIENCE)).context("read timeout")?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").context("ask for the page")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("read the page")?;
    holds(&answer, &["200 OK", "nginx under Rung"])?;
    Ok(String::new())
}

fn logs(guest: &mut Guest) -> Result<String> {
    guest.run("initctl logs networking")?;
    guest.run("ls -l /var/log/rung/networking/current")?;
    Ok(String::new())
}
