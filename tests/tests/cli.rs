//! The front end against the real manager: exit statuses, what is printed, JSON, logs, rights.

use nix::sys::signal::Signal;
use rung_tests::world::{Output, World, deadline, off};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const SLEEPER: &str = "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n";

fn initctl(world: &World, line: &str) -> Output {
    world.run(["initctl"].into_iter().chain(line.split(' ')))
}

fn code(world: &World, line: &str) -> i32 {
    initctl(world, line).code
}

#[test]
fn exit_statuses() {
    let world = World::new()
        .unit("up.service", SLEEPER)
        .unit("down.service", &off(SLEEPER))
        .unit("bad.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo last words; exit 3'\n")
        .boot();
    let wanted = [
        ("is-active up", 0, "active\n"),
        ("is-active down", 3, "inactive\n"),
        ("is-active bad", 3, "failed\n"),
        ("is-active down up", 0, "inactive\nactive\n"),
        ("is-active nosuch", 4, "inactive\n"),
        ("is-failed bad", 0, "failed\n"),
        ("is-failed up", 1, "active\n"),
        ("is-failed up bad", 0, "active\nfailed\n"),
        ("is-enabled up", 0, "enabled\n"),
        ("is-enabled down", 1, "disabled\n"),
        ("is-active -q up", 0, ""),
        ("is-active -q down", 3, ""),
    ];
    for (line, status, text) in wanted {
        let out = initctl(&world, line);
        assert_eq!((out.code, out.stdout.as_str()), (status, text), "{line}: {out:?}");
    }
    for (line, status) in [
        ("status up", 0),
        ("status down", 3),
        ("status bad", 3),
        ("status nosuch", 4),
        ("is-enabled nosuch", 4),
        ("start nosuch", 5),
        ("stop nosuch", 5),
        ("logs nosuch", 4),
        ("start", 2),
        ("start --no-such-flag up", 2),
        ("start bad", 1),
        ("start --no-wait bad", 0),
        ("try-restart down", 0),
        ("reload down", 1),
        ("reset-failed bad", 0),
        ("list", 0),
        ("version", 0),
    ] {
        assert_eq!(code(&world, line), status, "{line}: {:?}", initctl(&world, line));
    }
    assert!(!world.ok(["initctl", "version"]).contains("upstart"));
    assert_eq!(world.state("down").0, "inactive", "try-restart starts nothing");
}

#[test]
fn failures_are_told_in_one_block() {
    let world = World::new()
        .unit("nginx.service", &off(SLEEPER))
        .unit("bad.service", &off("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo last words; kill -SEGV $$$$'\n"))
        .unit("typo.service", &off("[Service]\nExecStart=/bin/true\nRestrat=always\nKillMode=wrong\n"))
        .boot();
    let out = initctl(&world, "start bad");
    assert_eq!((out.code, out.stdout.as_str()), (1, ""));
    for word in ["bad", "ExecStart=", "bad.service:3", "SIGSEGV", "last words", "initctl logs bad"] {
        assert!(out.stderr.contains(word), "no `{word}` in:\n{}", out.stderr);
    }
    let out = initctl(&world, "start -q bad");
    assert_eq!((out.code, out.stdout.as_str(), out.stderr.as_str()), (1, "", ""));
    for (line, near) in
        [("start ngin", "nginx"), ("status ngnix", "nginx"), ("strat nginx", "start"), ("lgos nginx", "logs")]
    {
        let out = initctl(&world, line);
        assert!(out.code != 0 && out.stderr.contains(near), "{line}: {out:?}");
    }
    let out = initctl(&world, "verify typo");
    let said = format!("{}{}", out.stdout, out.stderr);
    assert_eq!(out.code, 1);
    for word in ["typo.service:3", "Restrat", "Restart", "typo.service:4", "KillMode", "wrong"] {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
    // Nobody there to ask.
    let out = world.run(["env", "RUNG_RUNDIR=/no/such/folder", "initctl", "status", "nginx"]);
    assert!(out.code == 4 && !out.stderr.is_empty(), "{out:?}");
    let out = world.run(["env", "RUNG_RUNDIR=/no/such/folder", "initctl", "start", "nginx"]);
    assert!(out.code != 0 && !out.stderr.is_empty(), "{out:?}");
}

#[test]
fn json_wherever_something_is_printed() {
    let world = World::new()
        .unit("a.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/echo a line\n")
        .unit("bad.service", &off("[Service]\nType=oneshot\nExecStart=/bin/false\n"))
        .boot();
    for line in [
        "list",
        "status a",
        "status",
        "show a",
        "show",
        "levels",
        "levels a",
        "runlevel",
        "cat a",
        "verify a",
        "version",
        "why a",
        "explain a",
        "history",
        "events",
        "is-active a",
        "is-failed a",
        "is-enabled a",
        "start a",
        "start bad",
        "stop bad",
        "restart a",
        "wait a",
        "reload --units",
        "reset-failed bad",
        "enable a --levels 4",
        "disable a --levels 4",
        "kill -s CONT a",
    ] {
        let out = world.run(["initctl", "--json"].into_iter().chain(line.split(' ')));
        let value: Result<serde_json::Value, _> = serde_json::from_str(&out.stdout);
        assert!(value.is_ok(), "{line}: {out:?}");
    }
    let out = world.ok(["initctl", "logs", "a", "--json"]);
    for line in out.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(value.is_object(), "{line}");
    }
    let list: serde_json::Value = serde_json::from_str(&world.ok(["initctl", "list", "--json"])).expect("JSON");
    let units = list["units"].as_array().expect("units");
    let a = units.iter().find(|u| u["name"] == "a.service").expect("a");
    assert_eq!(a["state"], "active");
}

#[test]
fn waiting_and_not_waiting() {
    let world = World::new()
        .unit("slow.service", &off("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'mkfifo /run/go; read x </run/go'\n"))
        .unit("fails.service", &off("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'mkfifo /run/end; read x </run/end; exit 1'\n"))
        .boot();
    world.ok(["initctl", "start", "--no-wait", "slow"]);
    let out = initctl(&world, "wait slow --timeout 0.1");
    assert!(out.code == 1 && !out.stderr.is_empty(), "{out:?}");
    let waiter = world.command(["initctl", "wait", "slow", "--timeout", "10"]).spawn().expect("initctl");
    world.wait_for("the FIFO", deadline(10), |w| w.path("/run/go").exists().then_some(()));
    world.ok(["sh", "-c", "echo >/run/go"]);
    let mut waiter = waiter;
    assert!(waiter.wait().expect("it ends").success());
    assert_eq!(code(&world, "wait slow"), 0);
    world.ok(["initctl", "start", "--no-wait", "fails"]);
    let waiter =
        world.command(["initctl", "wait", "fails", "--for", "failed", "--timeout", "10"]).spawn().expect("initctl");
    let other =
        world.command(["initctl", "wait", "fails", "--timeout", "10"]).stderr(Stdio::null()).spawn().expect("initctl");
    world.wait_for("the FIFO", deadline(10), |w| w.path("/run/end").exists().then_some(()));
    world.ok(["sh", "-c", "echo >/run/end"]);
    let (mut waiter, mut other) = (waiter, other);
    assert!(waiter.wait().expect("it ends").success());
    assert_eq!(other.wait().expect("it ends").code(), Some(1), "it failed instead");
    world.ok(["initctl", "stop", "slow"]);
    assert_eq!(code(&world, "wait slow --for inactive"), 0);
}

#[test]
fn kill() {
    let world = World::new()
        .unit("family.service", "[Service]\nType=exec\nExecStart=/bin/sh -c 'trap \"echo main >>/run/said\" USR1; sh -c \"trap \\'echo child >>/run/said\\' USR1; echo up >>/run/said; while :; do sleep 1000 & wait; done\" & while :; do wait; done'\n")
        .unit("plain.service", &format!("{SLEEPER}Restart=on-failure\nRestartSec=0\n"))
        .boot();
    world.line("/run/said", "up");
    world.ok(["initctl", "kill", "-s", "USR1", "--whom", "main", "family"]);
    let said = world.line("/run/said", "main");
    assert!(!said.contains("child"), "{said}");
    world.ok(["initctl", "kill", "--signal", "SIGUSR1", "family"]);
    world.line("/run/said", "child");
    let pid = world.main_of("plain");
    world.ok(["initctl", "kill", "-s", "9", "plain"]);
    world.wait_for("another process", deadline(10), |w| {
        let (state, new) = w.state("plain");
        (state == "active" && new != pid).then_some(())
    });
    world.ok(["initctl", "kill", "plain"]);
    world.until("plain", "inactive");
    assert_eq!(code(&world, "kill -s NOSUCH plain"), 2);
    assert_eq!(code(&world, "kill plain"), 1, "there is nobody");
}

/// The kernel kills at birth what is born, from outside, in a cgroup that was killed once.
#[test]
fn a_service_comes_again_after_all_of_it_was_killed() {
    let unit = format!("{SLEEPER}KillSignal=SIGKILL\nExecStopPost=/bin/sh -c 'echo after >>/run/said'\n");
    let world = World::new().unit("plain.service", &unit).boot();
    for round in 1..=3 {
        let before = world.main_of("plain");
        if round == 2 {
            world.ok(["initctl", "kill", "-s", "9", "plain"]);
            world.until("plain", "failed");
            world.ok(["initctl", "start", "plain"]);
        } else {
            world.ok(["initctl", "restart", "plain"]);
        }
        assert_ne!(world.main_of("plain"), before);
        assert_eq!(world.text("/run/said").lines().count(), round, "{}", world.console());
        if round == 2 {
            world.kill_manager(Signal::SIGKILL);
        }
    }
}

#[test]
fn logs() {
    let world = World::new()
        .unit("talk.service", &off("[Service]\nType=oneshot\nExecStart=/bin/sh /run/talk\n"))
        .unit(
            "drip.service",
            "[Service]\nExecStart=/bin/sh -c 'mkfifo /run/drip; exec 3<>/run/drip; while read x <&3; do echo \"$$x\"; done'\n",
        )
        .unit("dip.service", &off("[Service]\nExecStart=/bin/true\n"))
        .unit("flood.service", &off("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'seq 1 600000; echo the end'\n"))
        .boot();
    world.write(
        "/run/talk",
        "echo one; sleep 0.02; echo two >&2; sleep 0.02; echo three; sleep 0.02; printf 'no newline'\n",
    );
    // One that there is wasn't meant to be another.
    let none = initctl(&world, "logs dip");
    assert!(none.code == 1 && none.stderr.contains("dip has written nothing"), "{none:?}");
    assert!(!none.stderr.contains("did you mean"), "{none:?}");
    world.ok(["initctl", "start", "talk"]);
    let text = world.wait_for("its last line", deadline(10), |w| {
        Some(w.run(["initctl", "logs", "talk"]).stdout).filter(|t| t.ends_with("out no newline\n"))
    });
    let lines: Vec<(&str, &str)> = text.lines().map(|l| l.split_once(' ').expect("a time")).collect();
    let said: Vec<&str> = lines.iter().map(|l| l.1).collect();
    assert_eq!(said, ["out one", "err two", "out three", "out no newline"]);
    for (time, _) in &lines {
        let bytes = time.as_bytes();
        assert!(
            time.len() == 32 && bytes[10] == b'T' && bytes[19] == b'.' && matches!(bytes[26], b'+' | b'-'),
            "{time}"
        );
    }
    assert!(lines.windows(2).all(|w| w[0].0 <= w[1].0), "{text}");
    assert_eq!(world.ok(["initctl", "logs", "talk", "-n", "2"]).lines().count(), 2);
    assert!(world.ok(["initctl", "logs", "talk", "-n", "1"]).ends_with("out no newline\n"));
    assert_eq!(world.ok(["initctl", "logs", "-q", "talk"]), "");
    // The file says the same.
    let file = world.ok(["cat", "/var/log/rung/talk/current"]);
    assert_eq!(file, text);
    // Follow: what is there, then what comes.
    world.wait_for("the FIFO", deadline(10), |w| w.path("/run/drip").exists().then_some(()));
    world.ok(["sh", "-c", "echo first >/run/drip"]);
    world.wait_for("the line", deadline(10), |w| {
        w.run(["initctl", "logs", "drip"]).stdout.contains("first").then_some(())
    });
    let mut follow = world.command(["initctl", "logs", "drip", "-f"]).stdout(Stdio::piped()).spawn().expect("initctl");
    let mut lines = BufReader::new(follow.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    assert!(next().ends_with("out first"));
    for word in ["second", "third"] {
        world.ok(["sh", "-c", &format!("echo {word} >/run/drip")]);
        assert!(next().ends_with(word));
    }
    follow.kill().expect("it runs");
    let _ = follow.wait();
    // Rotation: old files beside the present one, none too big, the last line there.
    world.ok(["initctl", "start", "flood"]);
    let files = world.ok(["ls", "/var/log/rung/flood"]);
    assert!(files.lines().count() >= 2 && files.contains("current"), "{files}");
    world.wait_for("its last line", deadline(10), |w| {
        w.run(["initctl", "logs", "flood", "-n", "1"]).stdout.ends_with("out the end\n").then_some(())
    });
    let size = std::fs::metadata(world.path("/var/log/rung/flood/current")).expect("a file").len();
    assert!(size < 20 << 20, "{size}");
}

#[test]
fn who_may_do_what() {
    let world = World::new().unit("a.service", SLEEPER).unit("b.service", &off(SLEEPER)).boot();
    let nobody = |line: &str| {
        let su = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "initctl"];
        world.run(su.into_iter().chain(line.split(' ')))
    };
    let probe = nobody("version");
    if probe.code == 127 {
        eprintln!("not tried: there is no setpriv");
        return;
    }
    for line in ["list", "status a", "show a", "is-active a", "levels", "runlevel", "cat a", "wait a", "is-enabled a"] {
        let out = nobody(line);
        assert_eq!(out.code, 0, "{line}: {out:?}");
    }
    let pid = world.main_of("a");
    for line in [
        "start b",
        "stop a",
        "restart a",
        "try-restart a",
        "kill a",
        "reset-failed a",
        "reload --units",
        "reexec",
        "enable b --levels 3",
        "disable a",
        "runlevel 2",
        "poweroff",
        "reboot",
        "halt",
        "poweroff --force",
    ] {
        let out = nobody(line);
        assert_eq!(out.code, 4, "{line}: {out:?}");
        assert!(out.stderr.contains("root") && out.stdout.is_empty(), "{line}: {out:?}");
    }
    assert_eq!(world.main_of("a"), pid);
    assert_eq!(world.state("b").0, "inactive");
    assert_eq!(world.ok(["initctl", "runlevel"]), "N 3\n");
    assert!(world.path("/etc/rung/levels/3/a.service").is_symlink());
}

#[test]
fn mistakes_in_the_settings_are_told() {
    let world = World::new().unit("init.conf", "[Manager]\nDefaultLevel=9\nDefaultTimoutStopSec=3\n").boot();
    let page = world.ok(["initctl", "status"]);
    let finding = "/etc/rung/init.conf:2:14: error: DefaultLevel=: `9`";
    for part in [finding, "      DefaultLevel=9\n                   ^\n", "did you mean `DefaultTimeoutStopSec`"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json: serde_json::Value = serde_json::from_str(&world.ok(["initctl", "status", "--json"])).expect("JSON");
    assert_eq!(
        (&json["findings"][0]["line"], &json["findings"][1]["severity"]),
        (&2.into(), &"warning".into()),
        "{json}"
    );
    assert!(world.fails(1, ["initctl", "verify", "init.conf"]).stdout.contains(finding));
    world.write("/run/new/init.conf", "[Manager]\n\nDefaultLevel=8\n");
    let other = world.fails(1, ["initctl", "verify", "/run/new/init.conf"]).stdout;
    assert!(
        other.starts_with("/run/new/init.conf:3:14") && !other.contains("/etc/"),
        "the file that was named: {other}"
    );
}

#[test]
fn patterns_stand_for_units() {
    let world = World::new().unit("web@.service", SLEEPER).unit("other.service", SLEEPER).boot();
    world.ok(["initctl", "start", "web@1", "web@2"]);
    world.ok(["initctl", "stop", "web@2"]);
    let state = |name: &str| world.state(name).0;
    let other = world.main_of("other");
    let plan = world.ok(["initctl", "restart", "--dry-run", "web@*"]);
    assert!(plan.contains("web@1") && !plan.contains("web@2"), "{plan}");
    world.ok(["initctl", "restart", "web@*"]);
    assert_eq!(
        (state("web@1"), state("web@2")),
        ("active".to_owned(), "inactive".to_owned()),
        "what is down stays down"
    );
    let out = initctl(&world, "stop web@? nosuch*");
    assert!(out.code == 0 && out.stderr.contains("no unit fits `nosuch*`"), "{out:?}");
    assert_eq!(state("web@1"), "inactive");
    let again = initctl(&world, "stop web@?.service");
    assert!(again.code == 0 && again.stderr.contains("no unit that runs fits `web@?.service`"), "{again:?}");
    world.ok(["initctl", "start", "web@[12]"]);
    assert_eq!((state("web@1"), state("web@2")), ("active".to_owned(), "active".to_owned()));
    let page = world.ok(["initctl", "status", "web*"]);
    assert!(page.contains("web@1") && page.contains("web@2") && !page.contains("other"), "{page}");
    assert_eq!(world.main_of("other"), other);
    for (line, status) in
        [("start nosuch*", 5), ("status nosuch*", 4), ("is-active nosuch*", 4), ("is-active web@* x*", 0)]
    {
        let out = initctl(&world, line);
        assert!(out.code == status && out.stderr.contains("no unit fits"), "{line}: {out:?}");
    }
}

#[test]
fn the_log_on_a_page_is_that_of_the_last_run() {
    let world = World::new()
        .unit(
            "bad.service",
            &off("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo run $$(date +%%s%%N); exit 3'\n"),
        )
        .boot();
    // What a failed start prints has been written: the answer waits for it.
    let first = world.fails(1, ["initctl", "start", "bad"]).stderr;
    let second = world.fails(1, ["initctl", "start", "bad"]).stderr;
    let run = |text: &str| text.lines().find_map(|l| Some(l.split_once(" run ")?.1.to_owned())).expect("its line");
    let (first, last) = (run(&first), run(&second));
    assert_ne!(first, last);
    assert!(!second.contains(&first), "{second}");
    for line in ["status bad", "why bad"] {
        let page = initctl(&world, line).stdout;
        assert!(page.contains(&last) && !page.contains(&first), "{line}: {page}");
    }
    let log = world.ok(["initctl", "logs", "bad"]);
    assert!(log.contains(&first) && log.contains(&last), "{log}");
}
