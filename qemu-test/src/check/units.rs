//! Broken unit files: each is that unit's own misfortune, told with file, line, key and remedy.

use super::guest::{Guest, holds};
use super::{Step, step};
use crate::error::Result;

/// In this order.
pub const STEPS: &[Step] = &[
    step("a bad value: the unit is refused with file, line, key and what it may be", bad_value),
    step("an unknown key: the unit works, `verify` names file, line and the nearest key", unknown_key),
    step("a missing binary: file, line, key and path are named", missing_binary),
    step("a missing user: file, line, key and name are named", missing_user),
    step("no other unit has changed for it", others),
];

/// Writes a unit file; its `[Service]` lines begin on line 2.
fn write(guest: &mut Guest, name: &str, lines: &str) -> Result<()> {
    guest.run(&format!("printf '[Service]\\n{lines}\\n' >/etc/rung/units/{name}.service")).map(drop)
}

fn bad_value(guest: &mut Guest) -> Result<String> {
    write(guest, "broken", "ExecStart=/bin/true\\nType=onshot")?;
    let said = guest.refused("initctl start broken")?;
    holds(&said, &["/etc/rung/units/broken.service:3", "Type", "oneshot"])?;
    guest.refused("initctl verify /etc/rung/units/broken.service")?;
    Ok(String::new())
}

fn unknown_key(guest: &mut Guest) -> Result<String> {
    write(guest, "typo", "Type=oneshot\\nExecStart=/bin/true\\nExecSart=/bin/true")?;
    let done = guest.ssh()?.done("initctl verify /etc/rung/units/typo.service")?;
    holds(&done.text, &["/etc/rung/units/typo.service:4", "ExecSart", "ExecStart"])?;
    guest.run("initctl start typo")?;
    Ok(String::new())
}

fn missing_binary(guest: &mut Guest) -> Result<String> {
    write(guest, "nobinary", "Type=exec\\nExecStart=/usr/bin/nosuchprogram --flag")?;
    let said = guest.refused("initctl start nobinary")?;
    holds(&said, &["/etc/rung/units/nobinary.service:3", "ExecStart", "/usr/bin/nosuchprogram"])?;
    Ok(String::new())
}

fn missing_user(guest: &mut Guest) -> Result<String> {
    write(guest, "nouser", "Type=exec\\nExecStart=/bin/sleep 1000\\nUser=nosuchuser")?;
    let said = guest.refused("initctl start nouser")?;
    holds(&said, &["/etc/rung/units/nouser.service:4", "User", "nosuchuser"])?;
    Ok(String::new())
}

fn others(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    guest.run("rm /etc/rung/units/*.service && initctl reload --units")?;
    guest.run("initctl is-active nginx sshd cron rsyslog")?;
    guest.same(&before)
}
