//! A power cut, a check of the root, and a shutdown with all in its way that can be.

use super::boot;
use super::end;
use super::guest::{Guest, holds};
use super::{Step, step, vital};
use crate::error::{Result, fail};
use std::time::Instant;

/// In this order.
pub const STEPS: &[Step] = &[
    vital("a getty on the console gives a login, though the kernel mounts no /dev", boot::login),
    step("a root with too many mounts was checked", checked),
    vital("a power cut: the journal is replayed, and the boot goes on", power_cut),
    step("all that is on in S and 3 is active, nothing has failed", boot::all_active),
    vital(
        "mounts on mounts, a bind, a loop device, a swap file, a dead FUSE server, a process nobody can kill",
        obstacles,
    ),
    vital("the manager is killed during the shutdown, which names what it waits for, and is over in time", shutdown),
    step("the file system is clean", end::clean),
];

fn checked(guest: &mut Guest) -> Result<String> {
    let said = guest.console.run("initctl logs fsck-root")?;
    holds(&said, &["mounted 100 times without being checked, check forced"])?;
    guest.console.run("grep -E '^[^ ]+ / ext4 rw[, ]' /proc/mounts")?;
    Ok(String::new())
}

fn power_cut(guest: &mut Guest) -> Result<String> {
    // What was written and not yet brought home lies in the journal.
    guest.console.run("for n in $(seq 100); do echo $n >/root/file-$n; done; sync /root/file-100")?;
    guest.power_cut()?;
    guest.log_in()?;
    holds(&guest.console.run("dmesg")?, &["recovery complete"])?;
    guest.console.run("cat /root/file-100")?;
    guest.console.until("[ \"$(initctl runlevel)\" = 'N 3' ]", 120)?;
    Ok(String::new())
}

/// The frozen file system takes no write and no signal ends the process that tries to; it holds the FUSE server's
/// descriptor, so that this server is neither there nor gone. What lies in memory doesn't hold the root.
const OBSTACLES: &[&str] = &[
    "modprobe loop && modprobe fuse && cd /mnt && mkdir stack bind image dead frozen busy",
    "mount -t tmpfs a /mnt/stack && mount -t tmpfs b /mnt/stack && mkdir /mnt/stack/in && mount -t tmpfs c /mnt/stack/in",
    "mount --bind /var/log /mnt/bind",
    "truncate -s 8M /root/image && mke2fs -q -F /root/image && mount -o loop /root/image /mnt/image && echo x >/mnt/image/x",
    "dd if=/dev/zero of=/root/swapfile bs=1M count=8 status=none && chmod 600 /root/swapfile && mkswap -q /root/swapfile && swapon /root/swapfile",
    "mount -t tmpfs busy /mnt/busy",
    "truncate -s 8M /dev/shm/frozen && mke2fs -q -F /dev/shm/frozen && mount -o loop /dev/shm/frozen /mnt/frozen && fsfreeze -f /mnt/frozen",
];

/// Does not end for the 12 s it has, and kills the first manager that tells it to.
const STUBBORN: &str = "[Service]\\nType=exec\\nExecStart=/root/stubborn\\nTimeoutStopSec=12\\n";

const STUBBORN_PROGRAM: &str =
    "#!/bin/sh\\ntrap \"trap : TERM; pkill -9 -P 1 -x init-manager\" TERM\\nwhile :; do sleep 1; done\\n";

const UNKILLABLE: &str = "#!/bin/sh\\ncd /mnt/busy\\nexec 3<>/dev/fuse\\nmount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 dead /mnt/dead\\necho x >/mnt/frozen/x\\n";

fn obstacles(guest: &mut Guest) -> Result<String> {
    for command in OBSTACLES {
        guest.console.run(command)?;
    }
    guest.console.run(&format!("printf '{UNKILLABLE}' >/root/unkillable && chmod 755 /root/unkillable"))?;
    guest.console.run(&format!("printf '{STUBBORN_PROGRAM}' >/root/stubborn && chmod 755 /root/stubborn"))?;
    guest.console.run(&format!("printf '{STUBBORN}' >/etc/rung/units/stubborn.service"))?;
    guest.console.run(
        "printf '[Service]\\nType=exec\\nExecStart=/root/unkillable\\nTimeoutStopSec=3\\n' >/etc/rung/units/unkillable.service",
    )?;
    guest.console.run("initctl start stubborn unkillable")?;
    let pid = "$(pgrep -x unkillable)";
    guest
        .console
        .until(&format!("grep -q '^State:.D' /proc/{pid}/status && grep -q ' /mnt/dead ' /proc/mounts"), 60)?;
    guest.console.run(&format!("kill -9 {pid}; sleep 0.2; grep '^State:.D' /proc/{pid}/status"))?;
    Ok(String::new())
}

fn shutdown(guest: &mut Guest) -> Result<String> {
    let start = Instant::now();
    guest.console.send("initctl poweroff\n")?;
    let shown = guest.ends_with("reboot: Power down")?;
    holds(
        &shown,
        &[
            "waiting for stubborn (pid ",
            "s left",
            "going down: power-off",
            "by force in",
            "k kill now",
            "/mnt/busy stays mounted, read-only",
        ],
    )?;
    if shown.contains(": done") {
        return fail(format!("units that wait for others are shown as holding it up:\n{shown}"));
    }
    let seconds = start.elapsed().as_secs_f64();
    if seconds > 150.0 { fail(format!("it took {seconds:.0} s:\n{shown}")) } else { Ok(format!("{seconds:.0} s")) }
}
