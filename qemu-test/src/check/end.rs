//! New binaries under a running system, then power-off.

use super::guest::Guest;
use super::{Step, step, vital};
use crate::error::Result;
use std::time::Instant;

/// In this order.
pub const STEPS: &[Step] = &[
    step("all binaries are replaced while they run", replace),
    vital("`initctl poweroff` ends the machine", power_off),
    step("the file system is clean", clean),
];

fn replace(guest: &mut Guest) -> Result<String> {
    guest.run("for f in /usr/lib/rung/init* /usr/lib/rung/sysv /usr/bin/initctl; do cp -p $f $f.new && mv $f.new $f || exit 1; done")?;
    // PID 1 still holds the old one: that is what the end must cope with.
    guest.run("readlink /proc/1/exe | grep -F deleted")?;
    guest.run("initctl is-active nginx")
}

pub fn power_off(guest: &mut Guest) -> Result<String> {
    guest.end_ssh();
    let start = Instant::now();
    guest.console.send("initctl poweroff\n")?;
    guest.ends_with("reboot: Power down")?;
    Ok(format!("in {:.1} s", start.elapsed().as_secs_f64()))
}

pub fn clean(guest: &mut Guest) -> Result<String> {
    guest.disks()?.fsck().map(|()| String::new())
}
