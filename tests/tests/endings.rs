//! How services end under the real programs: stop signals, kill modes, time limits, automatic restarts, essential ones.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "this is all test code")]

use rung_tests::world::{World, deadline, off};
use std::time::{Duration, Instant};

/// A main process that says in `/run/NAME` which signals it and its child have got. Its pid is in `NAME.main`, the child's
/// in `NAME.child`. Ready when both have their traps.
fn family(name: &str, more: &str) -> String {
    off(&format!("[Service]\nType=exec\nExecStart=/bin/sh /run/family {name}\n{more}"))
}

const FAMILY: &str = r#"
say() { echo "$1" >>/run/$name; }
name=$1
if [ "$2" = child ]; then
    trap 'say child-TERM; exit 0' TERM
    trap 'say child-USR1; exit 0' USR1
    echo $$ >/run/$name.child
    say ready
    while :; do sleep infinity & wait $!; done
fi
trap 'say main-TERM; exit 0' TERM
trap 'say main-USR1; exit 0' USR1
echo $$ >/run/$name.main
sh "$0" $name child &
while :; do wait; done
"#;

fn pid(world: &World, file: &str) -> i32 {
    let text = world.read(file);
    text.trim().parse().unwrap_or_else(|e| panic!("{file}: {e}: {text}"))
}

#[test]
fn kill_modes() {
    let world = World::new()
        .unit("group.service", &family("group", ""))
        .unit("usr1.service", &family("usr1", "KillSignal=SIGUSR1\n"))
        .unit("process.service", &family("process", "KillMode=process\n"))
        .unit("mixed.service", &family("mixed", "KillMode=mixed\n"))
        .unit("none.service", &family("none", "KillMode=none\n"))
        .boot();
    world.write("/run/family", FAMILY);
    let names = ["group", "usr1", "process", "mixed", "none"];
    let mut pids = Vec::new();
    for name in names {
        world.ok(["initctl", "start", name]);
        world.line(&format!("/run/{name}"), "ready");
        pids.push((pid(&world, &format!("/run/{name}.main")), pid(&world, &format!("/run/{name}.child"))));
        assert_eq!(world.main_of(name), pids.last().unwrap().0);
        world.ok(["initctl", "stop", name]);
        assert_eq!(world.state(name), ("inactive".to_owned(), 0), "{name}: {}", world.show(name, "Reason"));
    }
    let said = |name: &str| {
        let text = world.read(&format!("/run/{name}"));
        let mut lines: Vec<String> = text.lines().filter(|l| *l != "ready").map(str::to_owned).collect();
        lines.sort();
        lines.dedup();
        lines.join(" ")
    };
    assert_eq!(said("group"), "child-TERM main-TERM");
    assert_eq!(said("usr1"), "child-USR1 main-USR1");
    assert_eq!(said("process"), "main-TERM");
    assert_eq!(said("mixed"), "main-TERM", "its child is killed without a word");
    assert_eq!(said("none"), "");
    let alive: Vec<_> = pids.iter().map(|(main, child)| (world.lives(*main), world.lives(*child))).collect();
    assert_eq!(alive, [(false, false), (false, false), (false, true), (false, false), (true, true)]);
    // What is left over is shown, tolerated by a start, and survives the next stop too.
    let left = pids[2].1;
    assert!(world.show("process", "PIDs").split(' ').any(|p| p == left.to_string()));
    world.write("/run/process", "");
    world.ok(["initctl", "start", "process"]);
    world.line("/run/process", "ready");
    assert_ne!(world.main_of("process"), pids[2].0);
    world.ok(["initctl", "restart", "process"]);
    assert!(world.lives(left));
}

#[test]
fn time_limits_of_a_stop() {
    let deaf = "/bin/sh -c 'trap \"\" TERM; echo up >>/run/deaf; while :; do sleep 1; done'";
    let world = World::new()
        .unit("deaf.service", &off(&format!("[Service]\nExecStart={deaf}\nTimeoutStopSec=300ms\n")))
        .unit(
            "slowstop.service",
            &off("[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep infinity\nTimeoutStopSec=1s\n\
                  ExecStopPost=/bin/sh -c 'echo post >/run/slowstop'\n"),
        )
        .unit(
            "slowpre.service",
            &off("[Service]\nExecStartPre=/bin/sleep infinity\nExecStart=/bin/true\nTimeoutStartSec=200ms\n"),
        )
        .unit(
            "slowonce.service",
            &off("[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\nTimeoutStartSec=200ms\n"),
        )
        .boot();
    world.ok(["initctl", "start", "deaf", "slowstop"]);
    world.line("/run/deaf", "up");
    let pid = world.main_of("deaf");
    let begin = Instant::now();
    let out = world.run(["initctl", "stop", "deaf"]);
    assert!(begin.elapsed() >= Duration::from_millis(300), "it had its time");
    assert!(!world.lives(pid));
    assert_eq!(world.state("deaf").0, "failed");
    let reason = world.show("deaf", "Reason");
    assert!(reason.contains("TimeoutStopSec="), "{reason}");
    assert!(out.code == 0 || out.stderr.contains("TimeoutStopSec="), "{out:?}");
    world.run(["initctl", "stop", "slowstop"]);
    assert_eq!(world.state("slowstop").0, "failed");
    assert_eq!(world.read("/run/slowstop"), "post\n");
    for name in ["slowpre", "slowonce"] {
        let out = world.fails(1, ["initctl", "start", name]);
        assert!(out.stderr.contains("TimeoutStartSec="), "{}", out.stderr);
        assert_eq!(world.state(name), ("failed".to_owned(), 0));
    }
}

#[test]
fn what_a_time_limit_does() {
    let deaf = "ExecStart=/bin/sh -c 'trap \"\" TERM; trap \"echo aborted >>/run/abort; exit 0\" ABRT; echo up >>/run/abort; \
                while :; do sleep 0.1; done'";
    let keeps = "KillMode=process\nTimeoutStopSec=200ms\nSendSIGKILL=no\n";
    let world = World::new()
        .unit(
            "abort.service",
            &off(&format!(
                "[Service]\n{deaf}\nTimeoutStopSec=300ms\nTimeoutAbortSec=20s\nTimeoutStopFailureMode=abort\n"
            )),
        )
        .unit("spared.service", &off(&format!("[Service]\n{}\n{keeps}", deaf.replace("abort;", "spared;"))))
        .unit("aged.service", &off("[Service]\nExecStart=/bin/sleep infinity\nRuntimeMaxSec=200ms\n"))
        .unit(
            "group.service",
            &off("[Service]\nExitType=cgroup\nExecStart=/bin/sh -c 'sleep infinity & echo $$! >/run/group; exit 0'\n"),
        )
        .boot();
    world.ok(["initctl", "start", "abort", "spared", "group"]);
    world.line("/run/abort", "up");
    world.run(["initctl", "stop", "abort"]);
    world.line("/run/abort", "aborted");
    assert!(world.show("abort", "Reason").contains("TimeoutStopSec="), "{}", world.show("abort", "Reason"));
    world.line("/run/spared", "up");
    let pid = world.main_of("spared");
    world.run(["initctl", "stop", "spared"]);
    assert_eq!((world.state("spared").0.as_str(), world.lives(pid)), ("failed", true));
    world.run(["initctl", "start", "--no-wait", "aged"]);
    world.until("aged", "failed");
    let reason = world.show("aged", "Reason");
    assert!(reason.contains("RuntimeMaxSec=") && reason.contains("aged.service:3"), "{reason}");
    // Without its main process it goes on until the last one has ended.
    let child = world.wait_for("a child", deadline(10), |w| w.text("/run/group").trim().parse::<i32>().ok());
    world.wait_for("no main process", deadline(10), |w| (w.state("group") == ("active".to_owned(), 0)).then_some(()));
    world.ok(["kill", "-9", &child.to_string()]);
    world.until("group", "inactive");
}

#[test]
fn a_stop_cuts_a_start_off() {
    let world = World::new()
        .unit("slow.service", &off("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo >/run/slow; sleep infinity'\n"))
        .boot();
    let start =
        world.command(["initctl", "start", "slow"]).stderr(std::process::Stdio::piped()).spawn().expect("initctl");
    world.wait_for("it begins", deadline(10), |w| w.path("/run/slow").exists().then_some(()));
    world.ok(["initctl", "stop", "slow"]);
    let out = start.wait_with_output().expect("initctl ends");
    assert!(!out.status.success(), "what was asked for didn't come about");
    assert!(String::from_utf8_lossy(&out.stderr).contains("slow"), "{out:?}");
    assert_eq!(world.state("slow").1, 0);
}

#[test]
fn restarts() {
    // Counts its starts in /run/NAME; ends as told, the third time it stays.
    let thrice = |end: &str| {
        let script =
            "n=$(cat /run/$0 | wc -l); echo $n >>/run/$0; [ $n -ge 3 ] && exec sleep infinity; ".to_owned() + end;
        script.replace('$', "$$")
    };
    let service = |name: &str, end: &str, more: &str| {
        off(&format!("[Service]\nExecStart=/bin/sh -c '{}' {name}\n{more}", thrice(end)))
    };
    let fast = "RestartSec=0\n";
    let world = World::new()
        .unit("always.service", &service("always", "exit 0", &format!("Restart=always\n{fast}")))
        .unit("failing.service", &service("failing", "exit 3", &format!("Restart=on-failure\n{fast}")))
        .unit("killed.service", &service("killed", "kill -9 $$", &format!("Restart=on-failure\n{fast}")))
        .unit("clean.service", &service("clean", "exit 0", &format!("Restart=on-failure\n{fast}")))
        .unit("term.service", &service("term", "kill -TERM $$", &format!("Restart=on-failure\n{fast}")))
        .unit("no.service", &service("no", "exit 3", fast))
        .unit(
            "paced.service",
            &service("paced", "date +%%s%%3N >>/run/stamps; exit 1", "Restart=always\nRestartSec=150ms\n"),
        )
        .unit("later.service", &off("[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1h\n"))
        .boot();
    let names = ["always", "failing", "killed", "clean", "term", "no", "paced"];
    for name in names {
        world.write(&format!("/run/{name}"), "");
    }
    world.ok(["initctl", "start", "--no-wait"].iter().chain(&names));
    for name in ["always", "failing", "killed", "paced"] {
        world.line(&format!("/run/{name}"), "3");
        world.until(name, "active");
        assert_eq!(world.show(name, "NRestarts"), "3", "{name}");
    }
    for (name, state) in [("clean", "inactive"), ("term", "inactive"), ("no", "failed")] {
        world.until(name, state);
        assert_eq!(world.read(&format!("/run/{name}")), "0\n", "{name}");
    }
    let stamps: Vec<u64> = world.read("/run/stamps").lines().map(|l| l.parse().expect("a time")).collect();
    assert!(stamps.windows(2).all(|w| w[1] - w[0] >= 149), "{stamps:?}");
    // A stop is no end that is restarted, and ends the wait for a restart.
    world.ok(["initctl", "stop", "always"]);
    assert_eq!(world.state("always"), ("inactive".to_owned(), 0));
    world.ok(["initctl", "start", "--no-wait", "later"]);
    world.wait_for("the wait", deadline(10), |w| (w.show("later", "SubState") == "auto-restart").then_some(()));
    let page = world.run(["initctl", "status", "later"]).stdout;
    assert!(page.contains("restart") && page.contains("exited with status 1"), "{page}");
    world.ok(["initctl", "stop", "later"]);
    assert_ne!(world.show("later", "SubState"), "auto-restart");
}

#[test]
fn the_start_limit() {
    let world = World::new()
        .unit(
            "loop.service",
            &off("[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=1h\n[Service]\n\
                  ExecStart=/bin/sh -c 'echo run >>/run/loop; exit 1'\nRestart=always\nRestartSec=0\n"),
        )
        .boot();
    let runs = || world.read("/run/loop").lines().count();
    world.run(["initctl", "start", "--no-wait", "loop"]);
    world.until("loop", "failed");
    assert_eq!(runs(), 3);
    let out = world.fails(1, ["initctl", "start", "loop"]);
    assert!(out.stderr.contains("StartLimitBurst=") && out.stderr.contains("reset-failed"), "{}", out.stderr);
    assert_eq!(runs(), 3, "it is refused");
    world.ok(["initctl", "reset-failed", "loop"]);
    assert_eq!(world.state("loop").0, "inactive");
    world.run(["initctl", "start", "--no-wait", "loop"]);
    world.wait_for("its second three", deadline(10), |_| (runs() == 6).then_some(()));
    world.until("loop", "failed");
    assert_eq!(runs(), 6);
}

#[test]
fn an_essential_service_ends_the_world_with_its_status() {
    for (end, status) in [("exit 7", 7), ("kill -9 $$$$", 137)] {
        let world = World::new()
            .unit(
                "heart.service",
                &format!("[Service]\nEssential=yes\nExecStart=/bin/sh -c 'mkfifo /run/go; read x </run/go; {end}'\n"),
            )
            .unit("other.service", "[Service]\nExecStart=/bin/sleep infinity\n")
            .boot();
        world.wait_for("its FIFO", deadline(10), |w| w.path("/run/go").exists().then_some(()));
        let _ = world.run(["sh", "-c", "echo >/run/go"]);
        let (code, errors) = world.wait();
        assert_eq!(code, status, "{end}: {errors}");
    }
}
