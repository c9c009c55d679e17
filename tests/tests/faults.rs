//! Faults of the whole system: PID 1, manager and logger are killed, stopped and broken at bad moments. No service
//! restarts by it, no exit status and no line is lost, nothing happens twice.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rung_tests::world::{Builder, World, code, deadline, exists};
use serde_json::Value;
use std::process::{Child, Stdio};

const SLEEPER: &str = "[Service]\nExecStart=/bin/sleep infinity\n";
const HELPER: &str = env!("CARGO_BIN_EXE_pid1-helper");

/// A unit whose start waits at a FIFO of its own; each start leaves a line in `/run/ran`.
fn gated(name: &str, more: &str) -> String {
    format!(
        "[Unit]\n{more}\n[Service]\nExecStartPre=/bin/sh -c 'mkfifo /run/gate-{name}; echo pre-{name} >>/run/ran; \
         cat /run/gate-{name}'\nExecStart=/bin/sh -c 'echo main-{name} >>/run/ran; exec sleep infinity'\n"
    )
}

fn never(unit: &str) -> String {
    format!("{unit}[Install]\nRunlevels=5\n")
}

fn sleepers(names: &[&str]) -> Builder {
    names.iter().fold(World::new(), |world, name| world.unit(&format!("{name}.service"), SLEEPER))
}

fn client(world: &World, words: &[&str]) -> Child {
    world.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a client")
}

/// The client's end: its status and all it printed.
fn ended(client: Child) -> (i32, String) {
    let out = client.wait_with_output().expect("it ends");
    let text = [out.stdout, out.stderr].concat();
    (code(out.status), String::from_utf8_lossy(&text).into_owned())
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn an_idle_manager_may_die_in_any_way() {
    let world = sleepers(&["a", "b", "c"]).boot();
    let before = world.main_pids(&["a", "b", "c"]);
    for signal in [Signal::SIGKILL, Signal::SIGSEGV, Signal::SIGABRT] {
        world.kill_manager(signal);
        assert_eq!(world.main_pids(&["a", "b", "c"]), before, "{signal}");
    }
    let manager = world.manager().expect("a manager");
    for _ in 0..5 {
        kill(Pid::from_raw(manager), Signal::SIGSTOP).expect("stop");
        assert_eq!(world.main_pids(&["a", "b", "c"]), before, "stopped");
    }
    assert_eq!(world.manager(), Some(manager), "a stopped manager goes on");
    assert_eq!(world.status("a")["restarts"], 0);
    assert_eq!(world.shutdown(), (0, String::new()));
}

#[test]
fn a_level_switch_outlives_its_managers() {
    let world = World::new()
        .unit("both.service", &format!("{SLEEPER}[Install]\nRunlevels=23\n"))
        .unit("two.service", &format!("{SLEEPER}[Install]\nRunlevels=2\n"))
        .unit("x.service", &format!("{}[Install]\nRunlevels=3\n", gated("x", "")))
        .unit("y.service", &format!("{}[Install]\nRunlevels=3\n", gated("y", "After=x.service")))
        .unit("z.service", &format!("{}[Install]\nRunlevels=3\n", gated("z", "After=y.service")))
        .level('2')
        .boot();
    let both = world.main_pid("both");
    let switch = client(&world, &["initctl", "runlevel", "3"]);
    for (name, signal) in [("x", Signal::SIGKILL), ("y", Signal::SIGSEGV), ("z", Signal::SIGKILL)] {
        let mark = format!("pre-{name}");
        world.wait_for(&mark, deadline(20), |w| w.text("/run/ran").contains(&mark).then_some(()));
        world.kill_manager(signal);
        world.open_gate(&format!("/run/gate-{name}"));
    }
    let (status, said) = ended(switch);
    assert_eq!(status, 0, "{said}");
    world.wait_for("z", deadline(10), |w| w.text("/run/ran").contains("main-z").then_some(()));
    let ran = world.text("/run/ran");
    assert_eq!(lines(&ran), ["pre-x", "main-x", "pre-y", "main-y", "pre-z", "main-z"], "each once, in order");
    assert_eq!(world.main_pid("both"), both);
    assert_eq!(world.run(["initctl", "is-active", "two", "x", "y", "z"]).stdout, "inactive\nactive\nactive\nactive\n");
    assert_eq!(world.ok(["initctl", "runlevel"]), "2 3\n");
}

#[test]
fn a_client_that_waits_gets_its_answer_once() {
    for signal in [Signal::SIGKILL, Signal::SIGSEGV, Signal::SIGSTOP] {
        let world = World::new().unit("slow.service", &never(&gated("slow", ""))).boot();
        let start = client(&world, &["initctl", "start", "--json", "slow"]);
        world.wait_for("the start", deadline(20), |w| w.text("/run/ran").contains("pre").then_some(()));
        if signal == Signal::SIGSTOP {
            kill(Pid::from_raw(world.manager().expect("a manager")), signal).expect("stop");
        } else {
            world.kill_manager(signal);
            world.kill_manager(signal);
        }
        world.open_gate("/run/gate-slow");
        let (status, said) = ended(start);
        assert_eq!(status, 0, "{signal}: {said}");
        assert_eq!(said.lines().count(), 1, "{signal}: one document: {said}");
        world.wait_for("main", deadline(10), |w| w.text("/run/ran").contains("main").then_some(()));
        assert_eq!(lines(&world.text("/run/ran")), ["pre-slow", "main-slow"], "{signal}");
    }
}

#[test]
fn a_failed_start_is_told_across_managers() {
    let unit = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'mkfifo /run/gate; echo x >>/run/ran; cat /run/gate; exit 42'\n";
    let world = World::new().unit("bad.service", &never(unit)).boot();
    let start = client(&world, &["initctl", "start", "bad"]);
    world.wait_for("the start", deadline(20), |w| (!w.text("/run/ran").is_empty()).then_some(()));
    world.kill_manager(Signal::SIGKILL);
    world.open_gate("/run/gate");
    let (status, said) = ended(start);
    assert!(status == 1 && said.contains("42"), "{status} {said}");
    assert_eq!(lines(&world.text("/run/ran")), ["x"], "run once");
}

#[test]
fn a_restart_that_waits_is_made_once_and_in_its_time() {
    let unit = "[Service]\nExecStart=/bin/sh -c 'date +%%s%%N >>/run/ran; [ -e /run/once ] && exec sleep infinity; \
                touch /run/once; exit 3'\nRestart=always\nRestartSec=2\n";
    let world = World::new().unit("r.service", unit).unit("other.service", SLEEPER).boot();
    let other = world.main_pid("other");
    world.wait_for("the first end", deadline(10), |w| w.path("/run/once").exists().then_some(()));
    world.kill_manager(Signal::SIGKILL);
    world.kill_manager(Signal::SIGSEGV);
    world.wait_for("the restart", deadline(10), |w| (w.text("/run/ran").lines().count() == 2).then_some(()));
    let times: Vec<u64> = world.text("/run/ran").lines().map(|l| l.parse().expect("time")).collect();
    let pause = (times[1] - times[0]) / 1_000_000;
    assert!((1_900..6_000).contains(&pause), "{pause} ms");
    world.ok(["initctl", "wait", "r"]);
    let status = world.status("r");
    assert_eq!((&status["restarts"], &status["state"]), (&Value::from(1), &Value::from("active")), "{status}");
    assert_eq!(world.main_pid("other"), other);
    assert_eq!(world.text("/run/ran").lines().count(), 2);
}

#[test]
fn ends_while_there_is_no_manager_are_told() {
    let names: Vec<String> = (0..20).map(|n| format!("e{n}")).collect();
    let unit = |n: usize| {
        let end = if n % 4 == 3 { "kill -USR1 $$$$".to_owned() } else { format!("exit {}", n + 30) };
        format!("[Service]\nExecStart=/bin/sh -c 'echo x >>/run/ran; cat /run/gate; {end}'\n")
    };
    let gate = "[Service]\nType=oneshot\nExecStart=/bin/mkfifo /run/gate\n[Install]\nRunlevels=S\n";
    let builder = World::new().unit("gate.service", gate).unit("other.service", SLEEPER);
    let builder = names.iter().enumerate().fold(builder, |b, (n, name)| b.unit(&format!("{name}.service"), &unit(n)));
    let world = builder.boot();
    world.wait_for("all", deadline(20), |w| (w.text("/run/ran").lines().count() == 20).then_some(()));
    let other = world.main_pid("other");
    let old = world.manager().expect("a manager");
    kill(Pid::from_raw(old), Signal::SIGKILL).expect("kill");
    world.open_gate("/run/gate");
    world.wait_for("the next manager", deadline(10), |w| w.manager().filter(|pid| *pid != old));
    for (n, name) in names.iter().enumerate() {
        let (state, exit) = if n % 4 == 3 { ("failed", "USR1".to_owned()) } else { ("failed", (n + 30).to_string()) };
        let status = world.wait_for("its end", deadline(20), |w| Some(w.status(name)).filter(|s| s["state"] == state));
        assert!(status["reason"].to_string().contains(&exit), "{exit}: {status}");
        assert!(status["last_exit"].to_string().contains(&if n % 4 == 3 { "10".to_owned() } else { exit }), "{status}");
    }
    assert_eq!(world.main_pid("other"), other);
    assert_eq!(world.text("/run/ran").lines().count(), 20, "no second start");
}

#[test]
fn a_shutdown_completes_without_its_manager() {
    let stop = |name: &str, after: &str| {
        format!(
            "[Unit]\n{after}\n[Service]\nExecStart=/bin/sleep infinity\n\
             ExecStop=/bin/sh -c 'mkfifo /run/gate-{name}; echo stopping-{name}; cat /run/gate-{name}'\n"
        )
    };
    let world = World::new()
        .unit("first.service", &stop("first", ""))
        .unit("second.service", &stop("second", "After=first.service"))
        .boot();
    let init = world.init();
    drop(client(&world, &["initctl", "poweroff", "--no-wait"]));
    for name in ["second", "first"] {
        world.kill_manager(Signal::SIGKILL);
        world.open_gate(&format!("/run/gate-{name}"));
    }
    assert!(world.gone(deadline(15)), "{}", world.console());
    assert!(!exists(init));
    let console = world.console();
    let said: Vec<&str> = console.lines().filter_map(|l| l.split("stopping-").nth(1)).map(str::trim).collect();
    assert_eq!(said, ["second", "first"], "{console}");
}

#[test]
fn faults_of_pid1_change_nothing() {
    let ends = "[Service]\nExecStart=/bin/sh -c 'exec cat /run/gate'\n";
    let gate = "[Service]\nType=oneshot\nExecStart=/bin/mkfifo /run/gate\n[Install]\nRunlevels=S\n";
    let world = sleepers(&["a", "b"]).unit("gate.service", gate).unit("e.service", ends).boot();
    let (before, manager) = (world.main_pids(&["a", "b", "e"]), world.manager());
    for round in 0..40 {
        let fault = [Signal::SIGSEGV, Signal::SIGABRT, Signal::SIGBUS, Signal::SIGFPE][round % 4];
        kill(Pid::from_raw(world.init()), fault).expect("PID 1 is there");
        if round % 10 == 0 {
            assert_eq!(world.main_pids(&["a", "b", "e"]), before);
        }
    }
    // From inside, as a service with too many rights might.
    world.ok(["kill", "-SEGV", "1"]);
    assert_eq!(world.main_pids(&["a", "b", "e"]), before);
    assert_eq!(world.manager(), manager, "the manager's line outlives it too");
    kill(Pid::from_raw(world.init()), Signal::SIGSEGV).expect("PID 1 is there");
    world.open_gate("/run/gate");
    kill(Pid::from_raw(world.init()), Signal::SIGABRT).expect("PID 1 is there");
    world.wait_for("the end of e", deadline(10), |w| (w.status("e")["state"] == "inactive").then_some(()));
    assert!(world.ok(["cat", "/proc/1/cmdline"]).starts_with("init"));
    world.ok(["initctl", "restart", "a"]);
    assert_eq!(world.shutdown(), (0, String::new()));
}

#[test]
fn twenty_reexecutions_keep_every_pid() {
    let world = sleepers(&["a", "b"]).boot();
    let before = world.main_pids(&["a", "b"]);
    for round in 0..20 {
        let old = world.manager();
        world.ok(["initctl", "reexec"]);
        world.wait_for("a new manager", deadline(10), |w| w.manager().filter(|pid| Some(*pid) != old));
        assert_eq!(world.main_pids(&["a", "b"]), before, "round {round}");
    }
    assert_eq!(world.shutdown(), (0, String::new()));
}
