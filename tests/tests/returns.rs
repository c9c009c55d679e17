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

#[test]
fn an_action_ends_the_world_with_a_status() {
    let acts = |end: &str, unit: &str, service: &str| {
        format!("[Unit]\n{unit}[Service]\nExecStart=/bin/sh -c 'mkfifo /run/go; read x </run/go; {end}'\n{service}")
    };
    for (end, unit, service, status) in [
        ("exit 7", "FailureAction=exit\n", "", 7),
        ("exit 6", "", "FailureAction=exit\n", 6),
        ("exit 7", "FailureAction=exit-force\nFailureActionExitStatus=33\n", "", 33),
        ("exit 0", "SuccessAction=exit\nSuccessActionExitStatus=12\nFailureAction=exit\n", "", 12),
        ("kill -9 $$$$", "FailureAction=exit\nStartLimitBurst=2\n", "Restart=always\nRestartSec=0\n", 137),
        // A mere power-off has no status: then it is that of the sandbox's own command, which got SIGTERM.
        ("exit 5", "StartLimitAction=poweroff\nStartLimitBurst=1\n", "Restart=always\n", 143),
    ] {
        let end = if unit.contains("StartLimitBurst=2") { format!("echo again; {end}") } else { end.to_owned() };
        let gate = acts(&end, unit, service).replace("mkfifo /run/go;", "mkfifo /run/go 2>/dev/null;");
        let gate = gate.replace("read x </run/go;", "[ -e /run/gone ] || read x </run/go; touch /run/gone;");
        let world =
            World::new().unit("a.service", &gate).unit("b.service", "[Service]\nExecStart=/bin/sleep inf\n").boot();
        world.wait_for("its FIFO", deadline(10), |w| w.path("/run/go").exists().then_some(()));
        let _ = world.run(["sh", "-c", "echo >/run/go"]);
        let (code, errors) = world.wait();
        assert_eq!(code, status, "{end} {unit}: {errors}");
    }
}

#[test]
fn actions_that_do_not_exist_are_refused() {
    let unit = |action: &str| off(&format!("[Unit]\nFailureAction={action}\n[Service]\nExecStart=/bin/true\n"));
    let world = World::new().unit("k.service", &unit("kexec")).unit("s.service", &unit("rebot")).boot();
    for (name, text) in
        [("k", "`kexec` can't be done: Rung doesn't boot kernels by kexec"), ("s", "did you mean `reboot`?")]
    {
        let out = world.fails(1, ["initctl", "start", name]);
        assert!(out.stderr.contains(text) && out.stderr.contains(&format!("{name}.service:2:15")), "{}", out.stderr);
    }
}

#[test]
fn stop_commands_are_told_how_it_ended() {
    let tell =
        "ExecStopPost=/bin/sh -c 'echo $$SERVICE_RESULT $$EXIT_CODE $$EXIT_STATUS $${#INVOCATION_ID} >>/run/%N'\n";
    let handle = "ExecStart=/bin/sh -c 'echo $$MONITOR_SERVICE_RESULT $$MONITOR_EXIT_CODE $$MONITOR_EXIT_STATUS \
                  $${#MONITOR_INVOCATION_ID} $$MONITOR_UNIT >/run/handler'\n";
    let service = |lines: &str| off(&format!("[Service]\n{lines}\n{tell}"));
    let world = World::new()
        .unit("status.service", &service("ExecStart=/bin/sh -c 'exit 3'"))
        .unit("signal.service", &service("ExecStart=/bin/sh -c 'kill -9 $$$$'"))
        .unit("good.service", &service("ExecStart=/bin/true"))
        .unit("asked.service", &service("ExecStart=/bin/sleep infinity"))
        .unit("late.service", &service("ExecStartPre=/bin/sleep infinity\nExecStart=/bin/true\nTimeoutStartSec=200ms"))
        .unit("watched.service", &off("[Unit]\nOnFailure=handler.service\n[Service]\nExecStart=/bin/sh -c 'exit 4'\n"))
        .unit("handler.service", &off(&format!("[Service]\nType=oneshot\n{handle}")))
        .unit(
            "debug.service",
            &service("ExecStart=/bin/sh -c 'echo $$DEBUG_INVOCATION. >>/run/debugs; exit 1'\nRestart=always\nRestartMode=debug"),
        )
        .boot();
    for name in ["status", "signal", "good", "asked", "late"] {
        world.run(["initctl", "start", name]);
    }
    world.ok(["initctl", "stop", "asked"]);
    for (name, line, result) in [
        ("status", "exit-code exited 3 32", "exit-code"),
        ("signal", "signal killed KILL 32", "signal"),
        ("good", "success exited 0 32", "success"),
        ("asked", "success killed TERM 32", "success"),
        ("late", "timeout 32", "timeout"),
    ] {
        world.line(&format!("/run/{name}"), line);
        world.wait_for(name, deadline(10), |w| matches!(w.state(name).0.as_str(), "failed" | "inactive").then_some(()));
        assert_eq!(world.show(name, "Result"), result, "{name}");
    }
    world.run(["initctl", "start", "watched"]);
    world.line("/run/handler", "exit-code exited 4 32 watched.service");
    world.run(["initctl", "start", "--no-wait", "debug"]);
    world.wait_for("a restart", deadline(10), |w| w.text("/run/debugs").starts_with(".\n1.\n").then_some(()));
}
