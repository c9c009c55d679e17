//! The machine without a disk: the kernel's words, Ctrl-Alt-Del, managers that die for good.

use super::guest::{BOOT, Guest, holds};
use super::{Step, step, vital};
use crate::error::{Result, fail};
use crate::shell::PATIENCE;
use std::time::Duration;

/// What sulogin asks.
const ASKS: &str = "to continue): ";
/// A pattern for the manager's command line: it may run from a file that has moved.
const MANAGER: &str = "grep -la '^init-manager' /proc/[0-9]*/cmdline | cut -d/ -f3";

/// Kernel word `single`.
pub const SINGLE: &[Step] = &[
    vital("no /dev, no console, descriptors 0-2 closed: `single` gives sulogin on the console", single),
    step("the API file systems are mounted, PID 1's descriptors 0-2 are open", mounted),
    step("a unit of level S has run, and its output is in its log", ran),
    vital("`initctl poweroff` ends the machine, and tells the UPS once all is unmounted", power_off),
];

/// Kernel words `emergency quiet 2`.
pub const EMERGENCY: &[Step] = &[
    vital("`emergency` gives sulogin before anything else", emergency),
    vital("when it ends the boot goes on to level 2; `quiet` shows nothing but failures", quiet),
    vital("Ctrl-Alt-Del: all services are stopped in order, the machine is started again", reboot),
];

/// No kernel words: level 3.
pub const MANAGERS: &[Step] = &[
    vital("level 3, and a shell on the console", level_3),
    vital("the manager's file is broken and it dies: the last one that worked takes over", kept),
    vital("that dies, too: sulogin on the console, services are still up", rescue),
    vital("the file is whole again: a manager comes back and knows all", back),
    vital("Ctrl-Alt-Del twice: the machine is started again at once", force),
];

/// No kernel words: level 3.
pub const ALONE: &[Step] = &[
    vital("level 3, and a shell on the console", level_3),
    vital("the manager dies for good during a shutdown: PID 1 ends the machine alone", alone),
];

/// No kernel words: level 3.
pub const FORCED: &[Step] = &[
    vital("level 3, and a shell on the console", level_3),
    vital("what Debian's `halt` script does last: it tells the UPS itself, and nobody does again", forced),
];

fn single(guest: &mut Guest) -> Result<String> {
    let before = guest.console.expect(ASKS, BOOT)?;
    // So says the kernel when it can't open what would be descriptors 0 to 2.
    holds(&before, &["unable to open an initial console"])?;
    guest.maintenance_password()?;
    guest.console.until("[ \"$(initctl runlevel)\" = 'N 1' ]", 60)?;
    Ok(format!("{:.1} s after power-on", guest.seconds()))
}

fn mounted(guest: &mut Guest) -> Result<String> {
    for (folder, kind) in [
        ("/proc", "proc"),
        ("/sys", "sysfs"),
        ("/dev", "devtmpfs"),
        ("/dev/pts", "devpts"),
        ("/dev/shm", "tmpfs"),
        ("/run", "tmpfs"),
        ("/sys/fs/cgroup", "cgroup2"),
    ] {
        guest.console.run(&format!("grep ' {folder} {kind} ' /proc/mounts"))?;
    }
    guest.console.run("[ -c /dev/console ] && [ -L /dev/fd ]")?;
    guest.console.run("for fd in 0 1 2; do readlink /proc/1/fd/$fd || exit 1; done").map(|fds| fds.replace('\n', ", "))
}

fn ran(guest: &mut Guest) -> Result<String> {
    guest.console.run("initctl is-active hello")?;
    holds(&guest.console.run("initctl logs hello")?, &["hello from level S"])?;
    Ok(String::new())
}

fn power_off(guest: &mut Guest) -> Result<String> {
    guest.console.run("mount -t tmpfs data /root && grep ' /root tmpfs ' /proc/mounts")?;
    guest.console.send("initctl poweroff\n")?;
    let shown = guest.ends_with("reboot: Power down")?;
    told_once(&shown, "unmounted")
}

fn forced(guest: &mut Guest) -> Result<String> {
    guest.console.run("mount -t tmpfs data /root && grep ' /root tmpfs ' /proc/mounts")?;
    guest.console.send("/etc/init.d/ups-monitor poweroff; /usr/lib/rung/sysv halt -d -f -i -p -h\n")?;
    let shown = guest.ends_with("reboot: Power down")?;
    told_once(&shown, "mounted")
}

/// Asserts that the UPS was told once, with `/root` in this state.
fn told_once(shown: &str, state: &str) -> Result<String> {
    let told: Vec<&str> =
        shown.lines().filter_map(|line| line.trim_end().split("ups-monitor poweroff: ").nth(1)).collect();
    let wanted = format!("/root is {state}");
    if told == [wanted.as_str()] { Ok(wanted) } else { fail(format!("not once `{wanted}`:\n{shown}")) }
}

fn emergency(guest: &mut Guest) -> Result<String> {
    let before = guest.console.expect(ASKS, BOOT)?;
    if before.contains("hello") {
        return fail(format!("the boot has begun:\n{before}"));
    }
    guest.maintenance_password()?;
    guest.console.run("! initctl -q is-active hello")?;
    Ok(String::new())
}

fn quiet(guest: &mut Guest) -> Result<String> {
    guest.console.send("exit\n")?;
    let shown = guest.console.expect("# ", BOOT)?;
    holds(&shown, &["[fail] broken"])?;
    if shown.contains("[ ok ]") {
        return fail(format!("not only failures are shown:\n{shown}"));
    }
    guest.plain_shell()?;
    guest.console.until("[ \"$(initctl runlevel)\" = 'N 2' ]", 60)?;
    guest.console.run("initctl is-active hello worker")?;
    Ok(String::new())
}

fn reboot(guest: &mut Guest) -> Result<String> {
    guest.ctrl_alt_del(1)?;
    let shown = guest.ends_with("reboot: Restarting system")?;
    holds(&shown, &["worker was stopped in order"])?;
    Ok(String::new())
}

fn level_3(guest: &mut Guest) -> Result<String> {
    guest.console.expect("# ", BOOT)?;
    guest.plain_shell()?;
    guest.console.until("[ \"$(initctl runlevel)\" = 'N 3' ]", 60)?;
    Ok(format!("{:.1} s after power-on", guest.seconds()))
}

/// The pid of the worker's process, as the kernel shows it.
const WORKER: &str =
    "grep -la '1000000' /proc/[0-9]*/cmdline | while read f; do grep -qa '^/bin/sleep' $f && echo $f; done";

/// Puts a program in the manager's place that does nothing but fail, and kills the manager.
const BREAK: &str = "cd /usr/lib/rung && mv init-manager good && printf '#!/bin/sh\\nexit 1\\n' >init-manager && chmod 755 init-manager";

fn kept(guest: &mut Guest) -> Result<String> {
    // Only a manager that has worked is worth keeping; that it is kept shows only later.
    guest.console.run(&format!("{WORKER} >/root/worker; [ -s /root/worker ] && {BREAK} && kill -9 $({MANAGER})"))?;
    guest.console.until("initctl -q is-active worker", 60)?;
    let exe = guest.console.run(&format!("readlink /proc/$({MANAGER})/exe"))?;
    holds(&exe, &["/usr/lib/rung/good"])?;
    guest.console.run(&format!("[ \"$({WORKER})\" = \"$(cat /root/worker)\" ]"))?;
    Ok(exe)
}

fn rescue(guest: &mut Guest) -> Result<String> {
    guest.console.send(&format!("kill -9 $({MANAGER})\n"))?;
    guest.console.expect(ASKS, PATIENCE * 2)?;
    guest.maintenance_password()?;
    guest.console.run(&format!("[ \"$({WORKER})\" = \"$(cat /root/worker)\" ] && [ -z \"$({MANAGER})\" ]"))?;
    Ok(String::new())
}

fn back(guest: &mut Guest) -> Result<String> {
    guest.console.run("cd /usr/lib/rung && mv good init-manager")?;
    guest.console.send("exit\n")?;
    guest.console.expect("# ", PATIENCE)?;
    guest.plain_shell()?;
    guest.console.run("initctl is-active hello worker && [ \"$(initctl runlevel)\" = 'N 3' ]")?;
    guest.console.run(&format!("[ \"$({WORKER})\" = \"$(cat /root/worker)\" ]"))?;
    Ok(String::new())
}

fn force(guest: &mut Guest) -> Result<String> {
    guest.console.run("initctl start stubborn")?;
    guest.ctrl_alt_del(2)?;
    let shown = guest.ends_with("reboot: Restarting system")?;
    holds(&shown, &["Ctrl-Alt-Del again"])?;
    Ok(String::new())
}

fn alone(guest: &mut Guest) -> Result<String> {
    guest.console.run("initctl start stubborn")?;
    guest.console.run(BREAK)?;
    // Each manager that starts meanwhile is killed: this loop is the shell's own and ignores what ends it.
    guest.console.send(&format!(
        "trap '' TERM HUP; initctl --no-wait poweroff; while :; do kill -9 $({MANAGER}) 2>/dev/null; sleep 0.1; done\n"
    ))?;
    guest.console.expect("s until SIGKILL", PATIENCE + Duration::from_secs(30))?;
    guest.ends_with("reboot: Power down").map(|_| String::new())
}
