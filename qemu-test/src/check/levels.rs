//! Switching levels: 2, 3, 1, 3.

use super::guest::{Guest, holds};
use super::{Step, step, vital};
use crate::error::{Result, fail};
use crate::shell::PATIENCE;

/// In this order.
pub const STEPS: &[Step] = &[
    step("level 2, where cron is off: it stops, all others keep their processes", to_2),
    step("level 3: cron is back, all others keep their processes", to_3),
    vital("level 1: services stop, what a login left is ended, and sulogin asks on the console", to_1),
    vital("from there to level 3: login, sshd and nginx are back", back_to_3),
    step("`who` and `last` know of the boot and of the levels", accounting),
];

fn to_2(guest: &mut Guest) -> Result<String> {
    guest.run("initctl disable cron --levels 2")?;
    let mut before = guest.pids()?;
    if before.remove("cron.service").is_none() {
        return fail("cron isn't running in level 3");
    }
    guest.run("initctl runlevel 2")?;
    guest.run("[ \"$(initctl runlevel)\" = '3 2' ] && ! pgrep -x cron")?;
    guest.same(&before)
}

fn to_3(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    guest.run("initctl runlevel 3")?;
    guest.run("[ \"$(initctl runlevel)\" = '2 3' ] && pgrep -x cron && initctl is-active cron")?;
    guest.same(&before)
}

fn to_1(guest: &mut Guest) -> Result<String> {
    // What a login leaves behind, out of its session: `killprocs` ends it too.
    guest.run("setsid sleep 31415 </dev/null >/dev/null 2>&1 &")?;
    guest.until("pgrep -fx 'sleep 31415' >/dev/null", 60)?;
    guest.end_ssh();
    guest.console.send("initctl --no-wait runlevel 1\n")?;
    guest.console.expect("to continue): ", PATIENCE * 2)?;
    guest.maintenance_password()?;
    guest.console.until("[ \"$(initctl runlevel)\" = '3 1' ]", 60)?;
    guest.console.run("for name in nginx cron rsyslogd agetty sshd; do ! pgrep -x $name || exit 1; done")?;
    guest.console.run("! pgrep -fx 'sleep 31415'")?;
    guest.console.run("pgrep -f systemd-udevd")?;
    Ok(String::new())
}

fn back_to_3(guest: &mut Guest) -> Result<String> {
    guest.console.send("initctl --no-wait runlevel 3\n")?;
    guest.log_in()?;
    guest.console.until("[ \"$(initctl runlevel)\" = '1 3' ]", 120)?;
    guest.active("nginx sshd cron rsyslog")?;
    guest.run("curl -sSo /dev/null http://127.0.0.1/")?;
    guest.console.run("! pgrep -x sulogin")?;
    Ok(String::new())
}

fn accounting(guest: &mut Guest) -> Result<String> {
    let now = guest.run("who -r")?;
    holds(&now, &["run-level 3", "last=1"])?;
    holds(&guest.run("who -b")?, &["system boot"])?;
    let all = guest.run("last -x")?;
    holds(&all, &["system boot", "(to lvl 1)", "(to lvl 2)", "(to lvl 3)"])?;
    Ok(now.split_whitespace().collect::<Vec<_>>().join(" "))
}
