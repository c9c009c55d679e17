//! The program `sysv` as people and scripts call it, against a scripted manager.
//!
//! Nothing here ends the machine the test runs on: what would is called only while the scripted manager listens, and
//! what writes to the machine's own files isn't called at all.

#![allow(clippy::expect_used, reason = "tests' helpers fail by it")]

#[path = "shims/manager.rs"]
mod manager;

use init::core::{Phase, State};
use init::proto::control::{UnitStatus, errors};
use init::unit::UnitName;
use manager::Manager;
use serde_json::{Value, json};
use std::process::{Command, Output};

fn sysv(manager: &Manager, line: &str) -> Output {
    let mut words = line.split_whitespace();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysv"));
    command.args(words.by_ref()).env("RUNG_RUNDIR", manager.run_dir());
    command.output().expect("sysv runs")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn unit(name: &str, state: State) -> UnitStatus {
    let phase = Phase::Running;
    UnitStatus { state, phase, main_pid: Some(42), ..UnitStatus::of(UnitName::new(name).expect("name")) }
}

fn progress(ended: Value) -> Value {
    json!({ "ended": ended, "open": [], "done": true, "notes": [] })
}

#[test]
fn telinit_asks_and_does_not_wait() {
    let manager = Manager::new("telinit", |_, _| Ok(progress(json!([]))));
    for line in ["telinit 3", "init -t 5 S", "telinit 0", "telinit 6", "telinit q", "init U"] {
        let output = sysv(&manager, line);
        assert!(output.status.success(), "{line}: {}", err(&output));
    }
    let calls = manager.calls();
    let methods: Vec<&str> = calls.iter().map(|(method, _)| method.as_str()).collect();
    assert_eq!(methods, ["SetLevel", "SetLevel", "Power", "Power", "ReloadUnits", "Reexec"]);
    assert_eq!((&calls[0].1["level"], &calls[0].1["wait"]), (&json!("3"), &json!(false)));
    assert_eq!(calls[1].1["level"], "1", "single user mode");
    assert_eq!((&calls[2].1["how"], &calls[2].1["force"]), (&json!("poweroff"), &json!(false)));
    assert_eq!(calls[3].1["how"], "reboot");
}

#[test]
fn telinit_refuses_what_it_cannot_do() {
    let manager = Manager::new("usage", |_, _| Err(errors::DENIED));
    for (line, why) in [
        ("telinit", ""),
        ("init", ""),
        ("init x", "init: `x` is no runlevel\n"),
        ("init 12", "init: `12` is no runlevel\n"),
        ("telinit 2 3", "telinit: one runlevel at a time\n"),
        ("telinit -x 3", "telinit: unknown option `-x`\n"),
        ("telinit -t", "telinit: option `-t` needs a value\n"),
        ("telinit -t x 3", "telinit: -t wants a number of seconds\n"),
        ("init -e A=1 3", "init: a runlevel and -e don't go together\n"),
    ] {
        let output = sysv(&manager, line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(err(&output).starts_with(&format!("{why}Usage: ")), "{line}: {}", err(&output));
    }
    assert!(manager.calls().is_empty());
    assert!(err(&sysv(&manager, "telinit 7")).contains("no runlevel 7"));
    assert_eq!(err(&sysv(&manager, "init 3")), "init: must be superuser.\n");
}

#[test]
fn runlevel_prints_two_letters() {
    let manager = Manager::new("runlevel", |_, _| Ok(json!({ "previous": null, "current": "3" })));
    let output = sysv(&manager, "runlevel");
    assert_eq!((out(&output).as_str(), output.status.code()), ("N 3\n", Some(0)));
    let output = sysv(&manager, "runlevel /nonexistent");
    assert_eq!((out(&output).as_str(), output.status.code()), ("unknown\n", Some(1)));
}

/// What is mistyped is named, with the original's exit status, and nothing is done.
#[test]
fn a_mistake_is_named() {
    let manager = Manager::new("mistakes", |_, _| Err(errors::NO_SUCH_UNIT));
    for (line, why) in [
        ("runlevel -x", "runlevel: unknown option `-x`\n"),
        ("reboot now", "reboot: it takes options only, no words\nUsage: "),
        ("wall -g staff hello", "wall: -g: it tells everybody, and no group alone\nUsage: "),
        ("wall --group=staff hello", "wall: -g: it tells"),
        ("wall --timeout x hello", "wall: -t wants a number of seconds, and `x` is none\n"),
        ("wall --timeout=0 hello", "wall: -t wants a number of seconds, and `0` is none\n"),
        ("chkconfig --level 9 web on", "`9` is no list of runlevels: 0 to 6 are\nusage: "),
        ("chkconfig --add", "the name of a service is missing\nusage: "),
        ("service --status-al", "--status-al: unrecognized service\ndid you mean `--status-all`?\n"),
        (
            "insserv -n web,start=9",
            "insserv: web,start=9: `9` is no runlevel\n  levels are 0 to 6 and S, written as in web,start=2,3",
        ),
        ("pidof -y sh", "pidof: unknown option `-y`\npidof: invalid options on command line! See pidof --help\n"),
        ("pidof -d", "pidof: option `-d` needs a value\n"),
        (
            "killall5 -TERM",
            "killall5: `-TERM` is no number of a signal: 1 to 31 are, such as -15\nkillall5: only one argument",
        ),
        ("killall5 -9 -o", "killall5: option `-o` needs a value\n"),
        ("insserv -n -p /nonesuch", "insserv: -p /nonesuch: the folder of the scripts of a root ends in /etc/init.d\n"),
    ] {
        let output = sysv(&manager, line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(err(&output).starts_with(why), "{line}: {}", err(&output));
    }
}

#[test]
fn each_way_to_end_the_machine() {
    let manager = Manager::new("halt", |_, _| Ok(progress(json!([]))));
    for line in ["halt", "halt -p", "poweroff", "reboot -i -h -d"] {
        // As a script of level 0 calls them: in any other level they tell everybody first.
        let mut words = line.split_whitespace();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysv"));
        command.args(words.by_ref()).env("RUNG_RUNDIR", manager.run_dir());
        let output = command.env("INIT_VERSION", "sysvinit-2.96").env("RUNLEVEL", "0").output().expect("sysv runs");
        assert!(output.status.success(), "{line}: {}", err(&output));
    }
    let calls = manager.calls().into_iter().filter(|(method, _)| method == "Power");
    let ways: Vec<Value> = calls.map(|(_, parameters)| parameters["how"].clone()).collect();
    assert_eq!(ways, ["halt", "poweroff", "poweroff", "reboot"]);
    assert_eq!(sysv(&manager, "reboot now").status.code(), Some(1));
    assert_eq!(sysv(&manager, "halt -x").status.code(), Some(1));
}

#[test]
fn shutdown_says_what_is_wrong_with_its_arguments() {
    let manager = Manager::new("shutdown", |_, _| Ok(progress(json!([]))));
    for line in ["shutdown", "shutdown xx", "shutdown -P now", "shutdown -i 9 now", "shutdown -n -i 1 now"] {
        let output = sysv(&manager, line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(err(&output).contains("Usage: shutdown"), "{line}: {}", err(&output));
    }
    assert!(manager.calls().is_empty());
}

#[test]
fn service_status_is_lsb_s() {
    let manager = Manager::new("status", |_, parameters| match parameters["names"][0].as_str() {
        Some("web.service") => Ok(json!({ "units": [unit("web", State::Active)] })),
        Some("off.service") => Ok(json!({ "units": [unit("off", State::Inactive)] })),
        Some("bad.service") => Ok(json!({ "units": [unit("bad", State::Failed)] })),
        _ => Err(errors::NO_SUCH_UNIT),
    });
    let output = sysv(&manager, "service web status");
    assert_eq!(err(&output), "");
    assert_eq!((out(&output).as_str(), output.status.code()), ("web is running (pid 42)\n", Some(0)));
    assert_eq!(sysv(&manager, "service off status").status.code(), Some(3));
    assert_eq!(sysv(&manager, "service bad status").status.code(), Some(1));
    let output = sysv(&manager, "service rung-has-no-such start");
    assert_eq!((err(&output).as_str(), output.status.code()), ("rung-has-no-such: unrecognized service\n", Some(1)));
    let output = sysv(&manager, "service web configtest");
    assert!(err(&output).contains("no verb `configtest`") && output.status.code() == Some(3), "{}", err(&output));
}

#[test]
fn service_carries_verbs_out_and_shows_failures() {
    let manager = Manager::new("verbs", |method, parameters| match (method, parameters["verb"].as_str()) {
        ("Status", _) => Ok(json!({ "units": [unit("web", State::Active)] })),
        (_, Some("start")) => Ok(progress(json!([{ "name": "web.service", "result": "done" }]))),
        (_, Some("reload")) => Ok(progress(
            json!([{ "name": "web.service", "result": { "not_applicable": { "reason": "no ExecReload=" } } }]),
        )),
        _ => Ok(progress(json!([{
            "name": "web.service", "result": { "failed": "start_limit" }, "reason": "it crashed",
            "hint": "initctl logs web", "log": ["last words"],
        }]))),
    });
    assert!(sysv(&manager, "service web start").status.success());
    assert_eq!(sysv(&manager, "service web reload").status.code(), Some(3));
    assert_eq!(
        sysv(&manager, "service web force-reload").status.code(),
        Some(1),
        "what can't be reloaded is restarted"
    );
    let output = sysv(&manager, "service web restart");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(err(&output), "web: it crashed\n  last words\n  try: initctl logs web\n");
    let verbs: Vec<Value> =
        manager.calls().into_iter().filter(|(m, _)| m == "Change").map(|(_, p)| p["verb"].clone()).collect();
    assert_eq!(verbs, ["start", "reload", "reload", "try_restart", "restart"]);
}

#[test]
fn every_command_has_help_and_a_link_selects_it() {
    let manager = Manager::new("help", |_, _| Ok(json!({ "previous": "2", "current": "5" })));
    let overview = out(&sysv(&manager, "--help"));
    let mut names = Vec::new();
    for row in overview.lines().filter_map(|line| line.strip_prefix("  ")) {
        let commas = row.split(' ').take_while(|word| word.ends_with(',')).count();
        names.extend(row.split(' ').take(commas + 1).map(|word| word.trim_end_matches(',')));
    }
    let links = out(&sysv(&manager, "links"));
    let linked: Vec<&str> = links.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    assert!(
        names.contains(&"telinit") && linked.len() > 15 && linked.iter().all(|name| names.contains(name)),
        "{links}"
    );
    assert!(!linked.contains(&"init") && !linked.contains(&"fifo"), "{links}");
    for name in names {
        let output = sysv(&manager, &format!("{name} --help"));
        assert!(output.status.success() && out(&output).starts_with("Usage: "), "{name}");
        assert!(!out(&output).contains("NAME0"), "{name}");
        assert!(out(&output).lines().all(|line| line.len() <= 100), "{name}");
    }
    assert!(err(&sysv(&manager, "nonsense")).contains("no command `nonsense`"));

    let link = manager.run_dir().join("runlevel");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sysv"), &link).expect("link");
    let output = Command::new(&link).env("RUNG_RUNDIR", manager.run_dir()).output().expect("runs");
    assert_eq!(out(&output), "2 5\n");
}
