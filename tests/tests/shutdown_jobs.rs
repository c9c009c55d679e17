//! What holds a shutdown or a switch of levels up, and what can be done about it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use nix::sys::signal::Signal;
use rung_tests::world::{World, deadline};
use serde_json::Value;

/// Ignores SIGTERM, and has something to say about it.
const STUBBORN: &str = "[Service]\nTimeoutStopSec=100\nRestart=always\n\
    ExecStart=/bin/sh -c 'trap \"echo not yet\" TERM; echo up; while :; do sleep 1; done'\n[Install]\nRunlevels=3\n";

fn world() -> World {
    let world = World::new()
        .unit("stubborn.service", STUBBORN)
        .unit(
            "base.service",
            "[Unit]\nBefore=stubborn.service\n[Service]\nExecStart=/bin/sleep inf\n[Install]\nRunlevels=3\n",
        )
        .level('3')
        .boot();
    world.wait_for("its trap", deadline(20), |w| {
        w.run(["initctl", "logs", "stubborn"]).stdout.contains("up").then_some(())
    });
    world
}

fn jobs(world: &World) -> Value {
    let out = world.ok(["initctl", "shutdown-jobs", "--json"]);
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
}

/// Waits until it is being stopped, and gives that job.
fn stops(world: &World, unit: &str) -> Value {
    world.wait_for("its stop", deadline(20), |w| {
        let all = jobs(w);
        let found = all["jobs"].as_array()?.iter().find(|j| j["name"] == unit && j["stopping"] == true)?.clone();
        found["log"].to_string().contains("not yet").then_some(found)
    })
}

fn state(world: &World, unit: &str) -> String {
    world.status(unit)["state"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_switch_of_levels_is_held_up_and_goes_on_when_it_is_killed() {
    let world = world();
    let refused = world.run(["initctl", "shutdown-jobs", "kill", "stubborn"]);
    assert!(refused.code == 1 && refused.stderr.contains("it isn't being stopped"), "{refused:?}");
    assert_eq!(world.run(["initctl", "shutdown-jobs", "wait", "nosuch"]).code, 5);
    world.ok(["initctl", "runlevel", "2", "--no-wait"]);
    let job = stops(&world, "stubborn.service");
    let left = job["timeout_in_ms"].as_u64().expect("a limit");
    assert!(job["doing"].as_str().is_some_and(|d| d.contains("SIGTERM")) && left <= 100_000, "{job}");
    assert_eq!(job["main_pid"], job["pids"][0]);
    let text = world.ok(["initctl", "shutdown-jobs"]);
    assert!(text.starts_with("switching to level 2; 1 unit is being stopped, 1 more after that\nstubborn  "), "{text}");
    assert!(text.contains("(main) /bin/sh -c trap") && text.contains("base  waits for stubborn"), "{text}");
    world.ok(["initctl", "shutdown-jobs", "wait", "stubborn", "--for", "500"]);
    let longer = stops(&world, "stubborn.service")["timeout_in_ms"].as_u64().expect("a limit");
    assert!((500_000..=600_000).contains(&longer), "{longer}");
    // The next manager knows of it.
    world.kill_manager(Signal::SIGKILL);
    let kept = stops(&world, "stubborn.service")["timeout_in_ms"].as_u64().expect("a limit");
    assert!((450_000..=longer).contains(&kept), "{kept}");
    let refused = world.run(["initctl", "shutdown-jobs", "kill", "base"]);
    assert!(refused.stderr.contains("its stop has not begun: it waits for stubborn"), "{refused:?}");
    world.ok(["initctl", "shutdown-jobs", "kill", "stubborn"]);
    world.ok(["initctl", "wait", "stubborn", "base", "--for", "inactive", "--timeout", "20"]);
    world.wait_for("the level", deadline(20), |w| w.ok(["initctl", "runlevel"]).ends_with("2\n").then_some(()));
    assert_eq!(state(&world, "base"), "inactive");
}

#[test]
fn what_is_skipped_holds_nobody_up_and_is_left_alone() {
    let world = world();
    world.ok(["initctl", "runlevel", "2", "--no-wait"]);
    let pid = stops(&world, "stubborn.service")["main_pid"].as_i64().expect("a pid");
    world.ok(["initctl", "shutdown-jobs", "skip", "stubborn"]);
    world.ok(["initctl", "wait", "base", "--for", "inactive", "--timeout", "20"]);
    let status = world.status("stubborn");
    assert_eq!(status["state"], "failed");
    assert!(status["reason"].as_str().is_some_and(|r| r.contains("on request its stop wasn't waited for")), "{status}");
    assert!(world.path(&format!("/proc/{pid}")).exists(), "its process is left alone");
}

#[test]
fn a_shutdown_waits_longer_when_asked_to_and_ends_when_that_is_skipped() {
    let world = world();
    let mut asks = world.command(["initctl", "poweroff", "--no-wait"]).spawn().expect("initctl");
    stops(&world, "stubborn.service");
    asks.wait().expect("initctl ends");
    let before = jobs(&world);
    assert!(before["going_down"] == "poweroff" && before["deadline_in_ms"].as_u64() < Some(6_000), "{before}");
    world.ok(["initctl", "shutdown-jobs", "wait", "stubborn", "--for", "20"]);
    let put_off = |w: &World| jobs(w)["deadline_in_ms"].as_u64().expect("a deadline");
    assert!(put_off(&world) > 100_000, "PID 1 waits too: {}", put_off(&world));
    world.kill_manager(Signal::SIGKILL);
    let kept = world.wait_for("the next manager", deadline(20), |w| Some(put_off(w)));
    assert!(kept > 90_000, "also under the next manager: {kept}");
    world.ok(["initctl", "shutdown-jobs", "wait", "stubborn", "--for", "1000000"]);
    assert!(put_off(&world) <= 3_600_000, "an hour at most");
    world.command(["initctl", "shutdown-jobs", "skip", "stubborn"]).output().expect("initctl");
    assert!(world.gone(deadline(30)), "the machine ends:\n{}", world.console());
}
