//! Faults of the whole system: PID 1, manager and logger are killed, stopped and broken at bad moments. No service
//! restarts by it, no exit status and no line is lost, nothing happens twice.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rung_tests::world::{Builder, World, code, deadline, exists};
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
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
    // A main program counts as started once it is executed: the next unit's first command may be faster than its first line.
    let of = |kind: &str| lines(&ran).into_iter().filter(|l| l.starts_with(kind)).collect::<Vec<_>>();
    assert_eq!(of("pre"), ["pre-x", "pre-y", "pre-z"], "each once, in order: {ran}");
    let mut mains = of("main");
    mains.sort();
    assert_eq!(mains, ["main-x", "main-y", "main-z"], "{ran}");
    let at = |line: String| lines(&ran).iter().position(|l| *l == line);
    assert!(["x", "y", "z"].iter().all(|n| at(format!("pre-{n}")) < at(format!("main-{n}"))), "{ran}");
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
    let unit =
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'mkfifo /run/gate; echo x >>/run/ran; cat /run/gate; exit 42'\n";
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

/// Numbers written to the log of `unit` as `line N`, in order.
fn logged(world: &World, unit: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    for age in (1..8).rev().map(|n| format!(".{n}")).chain([String::new()]) {
        let text = world.text(&format!("/var/log/rung/{unit}/current{age}"));
        numbers.extend(text.lines().filter_map(|l| l.rsplit_once("line ")?.1.parse::<u64>().ok()));
    }
    numbers
}

#[test]
fn a_manager_that_dies_before_there_is_a_logger_loses_no_line() {
    // The first logger starts a while after the services: this one is quicker.
    let unit = "[Service]\nExecStart=/bin/sh -c 'echo line 1; cd /proc; for p in [0-9]*; do read c <$p/comm; \
                [ $c != init-manager ] || kill -9 $p; done; echo line 2; exec sleep infinity'\n";
    let world = World::new().unit("w.service", unit).unit("quiet.service", SLEEPER).boot();
    world.wait_for("the last line", deadline(10), |w| (logged(w, "w").last() == Some(&2)).then_some(()));
    assert_eq!(logged(&world, "w"), [1, 2]);
    let managers = world.ok(["initctl", "history"]);
    assert_eq!(managers.matches("manager 2 took over").count(), 1, "{managers}");
}

#[test]
fn a_logger_that_dies_loses_no_line() {
    // Dash ends when a write fails, so it is there at the end only if it never got SIGPIPE or EPIPE.
    let unit = "[Service]\nIgnoreSIGPIPE=no\nExecStart=/bin/sh -c 'i=0; while [ ! -e /run/enough ]; do i=$((i+1)); \
                echo line $i || exit 9; [ $((i %% 20)) != 0 ] || /bin/true; done; echo $i >/run/last; exec sleep infinity'\n";
    let world = World::new().unit("w.service", unit).unit("quiet.service", SLEEPER).boot();
    let (writer, quiet) = (world.main_pid("w"), world.main_pid("quiet"));
    for round in 0..8 {
        let logger = world.wait_for("a logger", deadline(10), World::logger);
        let before = logged(&world, "w").last().copied().unwrap_or(0);
        world.wait_for("lines", deadline(10), |w| (logged(w, "w").last().copied().unwrap_or(0) > before).then_some(()));
        if round % 4 == 3 {
            kill(Pid::from_raw(logger), Signal::SIGSTOP).expect("stop");
            assert_eq!(world.main_pid("w"), writer, "a logger that stands still holds nobody else up");
            kill(Pid::from_raw(logger), Signal::SIGCONT).expect("continue");
        } else {
            kill(Pid::from_raw(logger), Signal::SIGKILL).expect("kill");
            world.wait_for("the next logger", deadline(10), |w| w.logger().filter(|pid| *pid != logger));
        }
        if round == 5 {
            world.kill_manager(Signal::SIGKILL);
        }
    }
    world.ok(["touch", "/run/enough"]);
    let last: u64 = world.wait_for("the writer's last", deadline(10), |w| w.text("/run/last").trim().parse().ok());
    world.wait_for("the last line", deadline(10), |w| (logged(w, "w").last() == Some(&last)).then_some(()));
    let seen = logged(&world, "w");
    let gaps: Vec<&[u64]> = seen.windows(2).filter(|w| w[1] > w[0] + 1).collect();
    assert_eq!((gaps, seen.first()), (Vec::new(), Some(&1)), "of {last}");
    assert_eq!(world.main_pids(&["w", "quiet"]), [writer, quiet]);
}

/// Between its commands nobody but the manager holds the service's end of its pipes: with it gone, the logger sees their
/// end.
#[test]
fn a_pipe_that_only_the_manager_held_is_read_again() {
    let unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/echo line 1\n\
                ExecStop=/bin/sh -c 'echo line 2; echo line 3 >&2'\n";
    let world = World::new().unit("w.service", unit).boot();
    for last in [3, 6] {
        world.kill_manager(Signal::SIGKILL);
        world.ok(["initctl", "stop", "w"]);
        let told = |w: &World| (logged(w, "w").len() == last).then_some(());
        world.wait_for("what it said at its stop", deadline(10), told);
        world.ok(["initctl", "start", "w"]);
    }
}

#[test]
fn the_end_of_an_instance_reaches_a_logger_that_was_dead() {
    // A child outlives the service and keeps the pipe open; the last line has no newline.
    let unit = "[Service]\nKillMode=process\nExecStart=/bin/sh -c 'cat /run/gate; printf last; (exec sleep infinity) & exit 0'\n";
    let gate = "[Service]\nType=oneshot\nExecStart=/bin/mkfifo /run/gate\n[Install]\nRunlevels=S\n";
    let world = World::new().unit("gate.service", gate).unit("w.service", unit).boot();
    let logger = world.wait_for("a logger", deadline(10), World::logger);
    kill(Pid::from_raw(logger), Signal::SIGSTOP).expect("stop");
    world.open_gate("/run/gate");
    world.wait_for("the end", deadline(10), |w| (w.status("w")["state"] == "inactive").then_some(()));
    kill(Pid::from_raw(logger), Signal::SIGKILL).expect("kill");
    world.wait_for("the line", deadline(10), |w| {
        w.text("/var/log/rung/w/current").ends_with(" out last\n").then_some(())
    });
}

#[test]
fn a_broken_manager_gives_way_to_the_last_good_one() {
    let world = sleepers(&["a", "b"]).boot();
    let before = world.main_pids(&["a", "b"]);
    let file = |w: &World| {
        let pid = w.manager()?;
        Some((pid, std::fs::metadata(format!("/proc/{pid}/exe")).ok()?.ino()))
    };
    let (first, good) = world.wait_for("a manager's file", deadline(10), file);
    world.ok(["mount", "--bind", "/bin/false", "/usr/lib/rung/init-manager"]);
    kill(Pid::from_raw(first), Signal::SIGKILL).expect("kill");
    let again = |w: &World| file(w).filter(|(pid, now)| *pid != first && *now == good);
    world.wait_for("the last good one", deadline(40), again);
    assert_eq!(world.main_pids(&["a", "b"]), before);
    world.ok(["initctl", "restart", "a"]);
    assert_eq!(world.main_pid("b"), before[1]);
}

/// Overwrites the beginning of a file that PID 1 keeps.
fn spoil(world: &World, name: &str, bytes: &[u8]) {
    use std::io::Write;
    let path = world.wait_for(name, deadline(10), |w| w.kept_file(name));
    let mut file = std::fs::File::options().write(true).open(path).expect("root may");
    file.write_all(bytes).expect("written");
}

#[test]
fn a_unit_that_kills_managers_is_left_alone_until_its_file_changes() {
    let world = sleepers(&["a", "b", "c"]).boot();
    let before = world.main_pids(&["a", "b", "c"]);
    for _ in 0..2 {
        world.main_pid("c"); // The manager is at rest: it writes its own note no more.
        spoil(&world, "rung-note", b"a.service\0");
        world.kill_manager(Signal::SIGKILL);
    }
    assert_eq!(world.main_pids(&["b", "c"]), before[1..]);
    let status = world.status("a");
    assert_eq!(status["load"], "bad", "{status}");
    assert_eq!(status["main_pid"], before[0], "what runs is left alone: {status}");
    let said = world.run(["initctl", "restart", "a"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("the manager died twice"), "{said:?}");
    world.ok(["initctl", "restart", "b"]);
    world.ok(["sh", "-c", "echo '# looked at' >>/etc/rung/units/a.service"]);
    world.ok(["initctl", "restart", "a"]);
    assert_ne!(world.main_pid("a"), before[0]);
    world.kill_manager(Signal::SIGKILL);
    assert_eq!(world.status("a")["load"], "loaded");
    assert_eq!(world.main_pid("c"), before[2]);
}

#[test]
fn without_a_journal_the_slots_alone_tell_what_runs() {
    for poison in [false, true] {
        let once = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo x >>/run/ran'\n";
        let off = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nRunlevels=2\n";
        let world = sleepers(&["a", "b", "c@x"]).unit("once.service", once).unit("off.service", off).boot();
        let names = ["a", "b", "c@x"];
        let before = world.main_pids(&names);
        if poison {
            for _ in 0..2 {
                world.main_pid("a");
                spoil(&world, "rung-note", b"(journal)\0");
                world.kill_manager(Signal::SIGKILL);
            }
        } else {
            spoil(&world, "rung-journal", &[0xff; 64]);
            world.kill_manager(Signal::SIGKILL);
        }
        assert_eq!(world.main_pids(&names), before, "poison: {poison}");
        assert_eq!(lines(&world.text("/run/ran")), ["x"], "nothing starts anew");
        assert_eq!(world.ok(["initctl", "runlevel"]), "N 3\n");
        // And it is a whole system again, whose next journal holds.
        world.ok(["initctl", "restart", "a"]);
        world.ok(["initctl", "stop", "b"]);
        world.kill_manager(Signal::SIGKILL);
        assert_eq!(world.main_pid("c@x"), before[2]);
        assert_eq!(world.run(["initctl", "is-active", "a", "b", "off"]).stdout, "active\ninactive\ninactive\n");
        let all = world.ok(["ps", "-eo", "args"]);
        assert_eq!(all.matches("/bin/sleep infinity").count(), 2, "no second one of any: {all}");
        assert_eq!(world.shutdown(), (0, String::new()));
    }
}

#[test]
fn twenty_thousand_orphans_leave_nothing() {
    // The sandbox shows an empty /tmp, where the helper may have been built.
    let unit = "[Service]\nType=oneshot\nExecStart=/run/pid1-helper orphans 20000\n";
    let world = sleepers(&["a", "b"]).unit("orphans.service", &never(unit)).boot();
    std::fs::copy(HELPER, world.path("/run/pid1-helper")).expect("a copy");
    let before = world.main_pids(&["a", "b"]);
    world.ok(["initctl", "start", "orphans"]);
    world.wait_for("all are reaped", deadline(20), |w| {
        let states = w.ok(["ps", "-eo", "stat=,args="]);
        (!states.contains("pid1-helper") && !states.lines().any(|l| l.starts_with('Z'))).then_some(())
    });
    assert_eq!(world.main_pids(&["a", "b"]), before);
    assert_eq!(world.status("orphans")["outcome"], "success");
}

#[test]
fn idle_nothing_wakes() {
    let world = sleepers(&["a", "b", "c"]).boot();
    let switches = |w: &World| {
        let pids = [Some(w.init()), w.manager(), w.logger()];
        pids.map(|pid| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", pid.expect("it runs"))).expect("status");
            let count = |l: &str| l.rsplit_once('\t').and_then(|(_, n)| n.trim().parse::<u64>().ok());
            status.lines().filter(|l| l.contains("ctxt_switches")).filter_map(count).sum::<u64>()
        })
    };
    world.wait_for("a logger", deadline(10), World::logger);
    let mut before = switches(&world);
    world.wait_for("they rest", deadline(20), |w| {
        w.pass(500);
        (std::mem::replace(&mut before, switches(w)) == before).then_some(())
    });
    world.pass(3_000);
    assert_eq!(switches(&world), before, "init, init-manager, init-log");
}

/// Each run says which pipe it writes to and whether that blocks, leaves a line without an end, and makes the pipe one that
/// doesn't block. The tenth waits for a gate before that.
const CRASHER: &str = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=0.06\n\
    ExecStart=/bin/sh -c 'read n </run/n; n=$((n+1)); echo $n >/run/n; [ $n -le 24 ] || exec sleep infinity; \
    echo begin $n $(readlink /proc/$$$$/fd/1); echo error $n >&2; grep flags: /proc/self/fdinfo/1; \
    [ $n != 10 ] || cat /run/gate; dd if=/dev/null oflag=nonblock 2>/dev/null; printf \"cut $n\"; exit 1'\n";

#[test]
fn a_restart_goes_on_with_the_pipes_of_the_run_before_and_no_line_is_lost_or_joined() {
    let gate =
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'mkfifo /run/gate; echo 0 >/run/n'\n[Install]\nRunlevels=S\n";
    let world = World::new().unit("gate.service", gate).unit("c.service", CRASHER).boot();
    let log = |w: &World| w.text("/var/log/rung/c/current");
    world.wait_for("the tenth run", deadline(30), |w| log(w).contains("error 10\n").then_some(()));
    // It writes into pipes of an instance that is gone, of which the next manager and the next logger must know.
    world.kill_manager(Signal::SIGKILL);
    let logger = world.wait_for("a logger", deadline(10), World::logger);
    kill(Pid::from_raw(logger), Signal::SIGKILL).expect("kill");
    world.wait_for("the next logger", deadline(10), |w| w.logger().filter(|pid| *pid != logger));
    world.open_gate("/run/gate");
    world.wait_for("the last cut", deadline(30), |w| log(w).contains("cut 24\n").then_some(()));
    let log = log(&world);
    let own = |mark: &str| log.lines().filter_map(|l| Some(l.split_once(mark)?.1.to_owned())).collect::<Vec<_>>();
    let numbers: Vec<String> = (1..=24).map(|n| n.to_string()).collect();
    assert_eq!(own(" out cut "), numbers, "each once, on a line of its own: {log}");
    assert_eq!(own(" err error "), numbers, "{log}");
    let (begun, pipes): (Vec<String>, BTreeSet<String>) = (own(" out begin ").iter())
        .filter_map(|l| l.split_once(' ').map(|(number, pipe)| (number.to_owned(), pipe.to_owned())))
        .unzip();
    assert_eq!(begun, numbers, "{log}");
    assert!(pipes.len() <= 12, "{} pipes for 24 runs: {log}", pipes.len());
    let blocks = |l: &String| u32::from_str_radix(l.trim(), 8).is_ok_and(|flags| flags & 0o4000 == 0);
    let flags = own(" out flags:");
    assert!(flags.len() == 24 && flags.iter().all(blocks), "{flags:?}");
    world.ok(["initctl", "stop", "c"]);
}
