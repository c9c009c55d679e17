//! What people do wrong on a running machine: each slip is named, nothing else is disturbed.

use crate::check::guest::{Guest, holds};
use crate::error::{Result, fail};

/// A header without an end, a script that is linked and gone, lines of inittab that are none or whose program isn't there.
const MAKE: &str = r"
printf '#!/bin/sh\n### BEGIN INIT INFO\n# Provides: halfway\n' >/etc/init.d/halfway && chmod 755 /etc/init.d/halfway
ln -s ../init.d/gone /etc/rc2.d/S05gone
cp -p /etc/inittab /root/inittab
printf 'zy:2:respwn:/bin/true\nzz:a:ondemand:/no/such/program\nno line at all\n' >>/etc/inittab
telinit q";
const UNMAKE: &str = "rm /etc/init.d/halfway /etc/rc2.d/S05gone && mv /root/inittab /etc/inittab && telinit q";

pub fn named(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    guest.run(MAKE)?;
    guest.until("[ -e /run/rung/generated/inittab/inittab-zz.service ]", 60)?;
    let said = guest.refused("initctl verify")?;
    let slips = [
        "/etc/init.d/halfway:2:1: error: the header has no end",
        "/etc/rc2.d/S05gone: warning: leads nowhere",
        "error: respwn: unknown action field",
        "warning: `/no/such/program` is not there",
        "error: id field too long (max 4 characters)",
    ];
    holds(&said, &slips)?;
    // `service` is Debian's here, and names nobody else.
    holds(&guest.refused("service ngnix status")?, &["unrecognized service"])?;
    holds(&guest.refused("initctl restart ngnix")?, &["did you mean nginx"])?;
    guest.run(UNMAKE)?;
    guest.until("! [ -e /run/rung/generated/inittab/inittab-zz.service ]", 60)?;
    guest.same(&before)?;
    Ok(format!("{} slips", slips.len() + 2))
}

pub fn full_disk(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    guest.run("fallocate -l $(($(stat -f -c '%f * %S' /) - 4194304)) /var/fill; ! dd if=/dev/zero of=/var/fill2 bs=4k 2>/dev/null")?;
    let done = without_room(guest);
    guest.run("rm -f /var/fill /var/fill2 /var/word")?;
    done?;
    guest.run("initctl is-active cron && [ \"$(pgrep -P 1 -cx cron)\" = 1 ]")?;
    let after = guest.pids()?;
    let changed: Vec<_> = before.iter().filter(|(name, pid)| after.get(*name) != Some(*pid)).map(|(n, _)| n).collect();
    match changed.as_slice() {
        [only] if only.as_str() == "cron.service" => Ok(format!("{} services", after.len())),
        _ => fail(format!("not cron alone was started anew: {changed:?}")),
    }
}

fn without_room(guest: &mut Guest) -> Result<()> {
    guest.run("! sh -c 'echo there is no room >/var/word' 2>/dev/null")?;
    // Earlier steps have started it often enough.
    guest.run("initctl reset-failed cron && service cron restart")?;
    guest.run("service cron status && initctl status cron nginx && initctl list && telinit q").map(drop)
}
