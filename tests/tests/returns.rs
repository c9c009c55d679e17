//! How services come back under the real programs, and what their end does to the machine.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "this is all test code")]

use rung_tests::world::{World, deadline, off};
use std::time::Instant;

/// Counts its starts in `/run/NAME` (with times in milliseconds) and ends as told.
fn counter(name: &str, end: &str, more: &str) -> String {
    off(&format!("[Service]\nExecStart=/bin/sh -c 'date +%%s%%3N >>/run/{name}; {end}'\n{more}"))
}

fn starts(world: &World, name: &str) -> Vec<u64> {
    world.text(&format!("/run/{name}")).lines().map(|l| l.parse().expect("a time")).collect()
}

#[test]
fn exit_statuses_decide() {
    let world = World::new()
        .unit("good.service", &counter("good", "exit 75", "SuccessExitStatus=TEMPFAIL 250 SIGKILL\n"))
        .unit("killed.service", &counter("killed", "kill -9 $$$$", "SuccessExitStatus=TEMPFAIL 250 SIGKILL\n"))
        .unit("never.service", &counter("never", "exit 7", "Restart=always\nRestartPreventExitStatus=NOTRUNNING\n"))
        .unit("forced.service", &counter("forced", "exit 9", "RestartForceExitStatus=9\nRestartSec=0\n"))
        .unit("abort.service", &counter("abort", "exit 9", "Restart=on-abort\n"))
        .unit("crash.service", &counter("crash", "kill -SEGV $$$$", "Restart=on-abort\nRestartSec=0\n"))
        .unit("bad.service", &counter("bad", "exit 0", "RestartPreventExitStatus=1 256\n"))
        .boot();
    let names = ["good", "killed", "never", "forced", "abort", "crash"];
    world.run(["initctl", "start", "--no-wait"].iter().chain(&names));
    for (name, state, count) in [
        ("good", "inactive", 1),
        ("killed", "inactive", 1),
        ("never", "failed", 1),
        ("abort", "failed", 1),
        // Until the start limit.
        ("forced", "failed", 5),
        ("crash", "failed", 5),
    ] {
        world.until(name, state);
        assert_eq!(starts(&world, name).len(), count, "{name}");
    }
    let out = world.fails(1, ["initctl", "start", "bad"]);
    assert!(out.stderr.contains("`256` is no exit status") && out.stderr.contains("bad.service:3:"), "{}", out.stderr);
}

#[test]
fn delays_grow_and_single_crashes_are_made_good_at_once() {
    let grows =
        "Restart=always\nRestartSec=100ms\nRestartSteps=2\nRestartMaxDelaySec=900ms\n[Unit]\nStartLimitBurst=0\n";
    let world = World::new()
        .unit("grows.service", &counter("grows", "exit 1", grows))
        .unit("stays.service", &counter("stays", "exec sleep infinity", "Restart=always\nRestartSec=0\n"))
        .unit("quick.service", &counter("quick", "exit 1", "Restart=always\nRestartSec=0\n[Unit]\nStartLimitBurst=0\n"))
        .boot();
    world.run(["initctl", "start", "--no-wait", "grows", "stays", "quick"]);
    let times = world.wait_for("four starts", deadline(20), |w| Some(starts(w, "grows")).filter(|s| s.len() > 3));
    let gaps: Vec<u64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    // 100, 300, 900 ms; the grown ones up to a tenth shorter. How much longer is the machine's business.
    assert!(gaps[0] >= 99 && gaps[1] >= 269 && gaps[2] >= 809, "{gaps:?}");
    let times = world.wait_for("eight starts", deadline(20), |w| Some(starts(w, "quick")).filter(|s| s.len() > 7));
    assert!(times[7] - times[0] >= 7 * 50 - 40, "no busy loop: {times:?}");
    world.ok(["initctl", "stop", "quick", "grows"]);
    // Long after its start: nothing to wait for.
    world.wait_for("its start", deadline(20), |w| (starts(w, "stays").len() == 1).then_some(()));
    world.wait_for("50 ms", deadline(20), |w| (world_ms(w) > starts(w, "stays")[0] + 60).then_some(()));
    let old = world.main_of("stays");
    let begin = Instant::now();
    world.ok(["kill", "-9", &old.to_string()]);
    world.wait_for("the next one", deadline(20), |w| (starts(w, "stays").len() == 2).then_some(()));
    assert!(begin.elapsed().as_millis() < 5000);
    assert_eq!(world.show("stays", "NRestarts"), "1");
}

fn world_ms(world: &World) -> u64 {
    world.ok(["date", "+%s%3N"]).trim().parse().expect("a time")
}
