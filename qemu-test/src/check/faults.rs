//! The manager and PID 1 are killed; no service may notice.

use super::guest::Guest;
use super::{Step, step};
use crate::error::{Result, fail};

/// In this order.
pub const STEPS: &[Step] = &[
    step("kill -9 of the manager: a new one knows every service", |guest| manager(guest, "KILL")),
    step("kill -SEGV of the manager: the same", |guest| manager(guest, "SEGV")),
    step("kill -STOP of the manager: it is made to go on", stopped),
    step("kill -9 of the logger: a new one goes on with every log", logger),
    step("kill -SEGV 1: PID 1 goes on, with every service", pid1),
    step("`initctl reexec`: the same", reexec),
    step("kill -9 of the manager in the middle of a level switch: the switch ends as asked", switching),
];

const MANAGER: &str = "pgrep -P 1 -x init-manager";

fn manager(guest: &mut Guest, signal: &str) -> Result<String> {
    let before = guest.pids()?;
    let old = guest.run(MANAGER)?;
    // Twice, as the Rust runtime's own handler takes the first SIGSEGV for a stack overflow that is none, and goes on.
    guest.run(&format!("kill -{signal} {old}; kill -{signal} {old} 2>/dev/null || true"))?;
    guest.until(&format!("{{ new=$({MANAGER}); [ -n \"$new\" ] && [ \"$new\" != {old} ]; }}"), 30)?;
    guest.run("[ \"$(initctl runlevel)\" = '1 3' ]")?;
    guest.same(&before)
}

/// PID 1 sends it SIGCONT.
fn stopped(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    guest.run(&format!("kill -STOP $({MANAGER})"))?;
    guest.run("[ \"$(initctl runlevel)\" = '1 3' ]")?;
    guest.same(&before)
}

fn logger(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    let old = guest.run("pgrep -P 1 -x init-log")?;
    guest.run(&format!("kill -9 {old}"))?;
    guest.until(&format!("{{ new=$(pgrep -P 1 -x init-log); [ -n \"$new\" ] && [ \"$new\" != {old} ]; }}"), 30)?;
    guest.same(&before)
}

fn pid1(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    guest.run("kill -SEGV 1")?;
    guest.run("initctl status nginx && readlink /proc/1/exe")?;
    guest.same(&before)
}

fn reexec(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    guest.run("initctl reexec")?;
    guest.same(&before)
}

fn switching(guest: &mut Guest) -> Result<String> {
    let mut before = guest.pids()?;
    before.remove("cron.service");
    guest.run(&format!("initctl runlevel 2 & switch=$!; kill -9 $({MANAGER}); wait $switch"))?;
    guest.run("[ \"$(initctl runlevel)\" = '3 2' ] && ! pgrep -x cron")?;
    guest.same(&before)?;
    guest.run(&format!("initctl runlevel 3 & switch=$!; kill -9 $({MANAGER}); wait $switch"))?;
    guest.run("[ \"$(initctl runlevel)\" = '2 3' ] && pgrep -x cron")?;
    let cron = guest.run("pgrep -c -x cron")?;
    if cron != "1" {
        return fail(format!("{cron} crons run"));
    }
    guest.same(&before)
}
