//! Who asked for what, and what happened: kept by whoever dies in between, told as it happens.

#![allow(clippy::expect_used, clippy::panic, reason = "tests' helpers fail by it")]

use nix::sys::signal::Signal;
use rung_tests::world::{World, deadline, off};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

const SLEEPER: &str = "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n";

fn history(world: &World, more: &[&str]) -> Vec<Value> {
    let words = ["initctl", "history", "--json", "-n", "all"].into_iter().chain(more.iter().copied());
    let out = world.run(words);
    let whole: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    whole["events"].as_array().expect("events").clone()
}

/// Kinds and who asked, of the events of a unit.
fn lines(events: &[Value]) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
    events.iter().map(|e| format!("{} {}|{}", text(&e["kind"]), text(&e["text"]), text(&e["by"]))).collect()
}

/// Waits until the history of a unit has such a line.
fn until_history(world: &World, unit: &str, what: &str) -> Vec<String> {
    world.wait_for(what, deadline(10), |w| {
        let all = lines(&history(w, &[unit]));
        all.iter().any(|l| l.contains(what)).then_some(all)
    })
}

#[test]
fn who_asked_outlives_managers_and_loggers() {
    let world = World::new()
        .unit("web.service", &off(&format!("[Unit]\nRequires=db.service\nAfter=db.service\n{SLEEPER}")))
        .unit("db.service", &off("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'mkfifo /run/go; read x </run/go; true'\n"))
        .boot();
    // The manager dies between the request and its end.
    world.ok(["initctl", "start", "--no-wait", "web"]);
    world.wait_for("the FIFO", deadline(10), |w| w.path("/run/go").exists().then_some(()));
    world.kill_manager(Signal::SIGKILL);
    world.open_gate("/run/go");
    world.until("web", "active");
    for (unit, via) in [("web", vec![]), ("db", vec!["web.service"])] {
        let cause = &world.status(unit)["cause"];
        assert_eq!((cause["job"].as_str(), cause["asked"]["uid"].as_u64()), (Some("start"), Some(0)), "{cause}");
        let command = cause["asked"]["command"].as_str().expect("a command line");
        assert!(command.contains("initctl start --no-wait web"), "{cause}");
        assert_eq!(cause["via"], Value::from(via), "{cause}");
    }
    assert!(world.run(["initctl", "status", "db"]).stdout.contains("by way of web"), "for people");
    let db = until_history(&world, "db", "ready");
    assert!(db.iter().any(|l| l.starts_with("starting ") && l.contains("initctl start --no-wait web")), "{db:?}");
    // The end is told with its status; so is the logger's successor's part.
    let logger = world.wait_for("a logger", deadline(10), World::logger);
    world.ok(["kill", "-9", &world.main_of("web").to_string()]);
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(logger), Signal::SIGKILL);
    let web = until_history(&world, "web", "failed");
    assert!(web.iter().any(|l| l.starts_with("exit ") && l.contains("SIGKILL")), "{web:?}");
    let failed = web.iter().find(|l| l.starts_with("failed ")).expect("it failed");
    assert!(failed.contains("web.service:") && failed.ends_with('|'), "nobody asked for that: {failed}");
    // Each number once, none left out but those of jobs that went well.
    let all = history(&world, &[]);
    let seqs: Vec<u64> = all.iter().map(|e| e["seq"].as_u64().expect("a number")).collect();
    assert!(seqs.windows(2).all(|w| w[0] < w[1]), "{seqs:?}");
    assert_eq!(all.iter().filter(|e| e["kind"] == "boot").count(), 1);
    assert_eq!(all.iter().filter(|e| e["kind"] == "manager").count(), 1);
    // Plain text, readable without tools.
    let text = world.ok(["cat", "/var/log/rung/@history/current"]);
    assert!(text.lines().any(|l| l.contains("\tweb.service\tfailed\t")), "{text}");
}

#[test]
fn the_history_is_filtered_by_name_time_and_boot() {
    let world = World::new().unit("a.service", SLEEPER).unit("b.service", &off(SLEEPER)).boot();
    world.write(
        "/var/log/rung/@history/current.1",
        "2001-02-03T04:05:06.000000+00:00 rung 0000abcd.7\ta.service\tfailed\tlong ago\t-\n",
    );
    world.ok(["initctl", "enable", "b", "--levels", "4"]);
    world.ok(["initctl", "disable", "b"]);
    let b = until_history(&world, "b", "disable removed /etc/rung/levels/4/b.service");
    assert!(b[0].starts_with("enable made /etc/rung/levels/4/b.service|root (uid 0, pid "), "{b:?}");
    assert!(b[0].contains("initctl enable b --levels 4"), "{b:?}");
    let a = lines(&history(&world, &["a"]));
    assert!(
        a.first().is_some_and(|l| l.contains("long ago")) && a.iter().any(|l| l.contains("runlevel 3, by the boot")),
        "{a:?}"
    );
    for recent in [&["--since", "1h"][..], &["--boot"], &["--since", "2001-02-04"]] {
        let now = history(&world, &[recent, &["a"]].concat());
        assert!(!now.is_empty() && !lines(&now).iter().any(|l| l.contains("long ago")), "{recent:?}: {now:?}");
    }
    assert_eq!(lines(&history(&world, &["--boot=-1"])), ["failed long ago|"]);
    let none = world.run(["initctl", "history", "nosuch"]);
    assert!(none.code == 1 && none.stdout.is_empty() && none.stderr.contains("nothing is known of nosuch"), "{none:?}");
    assert_eq!(world.run(["initctl", "history", "--since", "noon"]).code, 2);
    let short = world.ok(["initctl", "history", "a", "-n", "1"]);
    assert_eq!(short.lines().count(), 1, "{short}");
}

#[test]
fn events_go_on_over_a_manager_s_death_without_a_gap() {
    let world = World::new().unit("a.service", &off(SLEEPER)).boot();
    let mut follow = world
        .command(["initctl", "events", "-f", "--json", "-n", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("initctl");
    let mut told = BufReader::new(follow.stdout.take().expect("a pipe")).lines();
    let mut next = || -> Value { serde_json::from_str(&told.next().expect("an event").expect("text")).expect("JSON") };
    let mut events = vec![next()];
    let mut until = |events: &mut Vec<Value>, kind: &str, unit: &str| loop {
        let event = next();
        events.push(event.clone());
        if event["kind"] == kind && event["unit"] == unit {
            break;
        }
    };
    world.ok(["initctl", "start", "a"]);
    until(&mut events, "ready", "a.service");
    world.kill_manager(Signal::SIGKILL);
    world.ok(["initctl", "stop", "a"]);
    until(&mut events, "stopped", "a.service");
    let seqs: Vec<u64> = events.iter().map(|e| e["seq"].as_u64().expect("a number")).collect();
    assert!(seqs.windows(2).all(|w| w[0] + 1 == w[1]), "{seqs:?}");
    assert!(events.iter().any(|e| e["kind"] == "manager"), "{events:?}");
    // Its line was there before the events of the new manager.
    let mut said = String::new();
    BufReader::new(follow.stderr.take().expect("a pipe")).read_line(&mut said).expect("text");
    assert!(said.contains("its successor goes on"), "{said}");
    follow.kill().expect("it runs");
    let _ = follow.wait();
    let past = world.ok(["initctl", "events", "-n", "all", "a"]);
    assert!(past.contains("request    start a (by root") && past.contains("ready      a: main process"), "{past}");
}

#[test]
fn a_client_that_does_not_read_is_told_so_and_waited_for_by_nobody() {
    let world = World::new()
        .unit("a.service", &off("[Service]\nType=oneshot\nExecStart=/bin/true\nStartLimitBurst=0\n"))
        .boot();
    let mut slow = UnixStream::connect(world.path("/run/rung/control")).expect("the socket");
    slow.write_all(b"{\"method\":\"org.rung.Manager.Events\",\"more\":true}\0").expect("written");
    // Requests that do nothing are events all the same.
    let mut busy = UnixStream::connect(world.path("/run/rung/control")).expect("the socket");
    let mut reply = BufReader::new(busy.try_clone().expect("a copy"));
    for request in 1..1500 {
        let call = format!(
            "{{\"method\":\"org.rung.Manager.Change\",\"parameters\":{{\"verb\":\"reset_failed\",\"names\":[\"a\"],\"request\":{request},\"wait\":true}}}}\0"
        );
        busy.write_all(call.as_bytes()).expect("written");
        let mut bytes = Vec::new();
        reply.read_until(0, &mut bytes).expect("an answer, at once");
    }
    slow.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("set");
    let (mut slow, mut bytes) = (BufReader::new(slow), Vec::new());
    let last = loop {
        bytes.clear();
        slow.read_until(0, &mut bytes).expect("a reply");
        let reply: Value = serde_json::from_slice(bytes.strip_suffix(b"\0").expect("whole")).expect("JSON");
        if reply["continues"] != true {
            break reply;
        }
    };
    assert_eq!(last["error"], "org.rung.Manager.TooSlow", "{last}");
}

#[test]
fn why_tells_what_failed_who_asked_what_waits_and_what_differs() {
    let world = World::new()
        .unit("web.service", &off(&format!("[Unit]\nRequires=db.service\nAfter=db.service\n{SLEEPER}")))
        .unit(
            "db.service",
            &off("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'mkfifo /run/go; read x </run/go; echo last words; exit 3'\n"),
        )
        .unit("on.service", SLEEPER)
        .boot();
    world.ok(["initctl", "start", "--no-wait", "web"]);
    world.wait_for("the FIFO", deadline(10), |w| w.path("/run/go").exists().then_some(()));
    let waiting = world.run(["initctl", "why", "web"]);
    assert_eq!(waiting.code, 3, "{waiting:?}");
    for part in [
        "web doesn't run yet: its start waits",
        "start of web waits for db",
        "start of db is under way",
        "initctl start --no-wait web",
    ] {
        assert!(waiting.stdout.contains(part), "no `{part}` in\n{}", waiting.stdout);
    }
    // Another manager knows the same.
    world.kill_manager(Signal::SIGKILL);
    world.open_gate("/run/go");
    world.until("db", "failed");
    let failed = world.run(["initctl", "why", "db"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    for part in [
        "db has failed: ExecStart= (/etc/rung/units/db.service:4) exited with status 3",
        "initctl start --no-wait web, by way of web",
        "off in runlevel 3",
        "last words",
        "/etc/rung/units/db.service (Rung's): used",
        "initctl logs db -n 50",
    ] {
        assert!(failed.stdout.contains(part), "no `{part}` in\n{}", failed.stdout);
    }
    let web = world.run(["initctl", "why", "web"]);
    assert!(
        web.code == 3 && web.stdout.contains("web doesn't run: db, which it requires, could not be had"),
        "{web:?}"
    );
    // What runs, by a link, with a file that has changed since.
    world.write_unit("on.service", &format!("{SLEEPER}Restart=always\nNice=5\n"));
    let runs = world.run(["initctl", "why", "on", "--json"]);
    let page: Value = serde_json::from_str(&runs.stdout).unwrap_or_else(|e| panic!("{e}: {runs:?}"));
    assert_eq!((runs.code, page["verdict"].as_str()), (0, Some("on runs")), "{page}");
    let differences = page["differences"].as_array().expect("differences");
    let changed: Vec<&str> = differences.iter().filter_map(|d| d["key"].as_str()).collect();
    assert!(changed.contains(&"Restart") && changed.contains(&"Nice"), "{page}");
    assert!(page["because"][0].as_str().expect("a sentence").contains("/etc/rung/levels/3/on.service"), "{page}");
    world.write("/usr/lib/systemd/system/on.service", SLEEPER);
    let page = world.run(["initctl", "why", "on"]).stdout;
    assert!(
        page.contains("/usr/lib/systemd/system/on.service (systemd's): shadowed by /etc/rung/units/on.service"),
        "{page}"
    );
    assert_eq!(world.run(["initctl", "why", "nosuch"]).code, 4);
}

#[test]
fn why_says_with_whom_a_unit_was_stopped_and_when_it_comes_back() {
    let world = World::new()
        .unit("db.service", &off(&format!("{SLEEPER}Restart=always\nRestartSec=100s\n")))
        .unit("app.service", &off(&format!("[Unit]\nBindsTo=db.service\nAfter=db.service\n{SLEEPER}")))
        .unit("lost.service", &format!("[Unit]\nRequires=nosuch.service\n{SLEEPER}"))
        .unit(
            "over.service",
            &off("[Service]\nExecStart=/bin/sh -c 'exit 7'\nRestart=always\nRestartPreventExitStatus=7\n"),
        )
        .unit(
            "late.service",
            &off("[Unit]\nJobTimeoutSec=100ms\n[Service]\nType=notify\nExecStart=/bin/sleep infinity\n"),
        )
        .unit("shy.service", &off(&format!("[Unit]\nRefuseManualStart=yes\n{SLEEPER}")))
        .unit("typo.service", &format!("{SLEEPER}RestartSec=soon\n"))
        .unit("slow.service", &off("[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n"))
        .unit("never.service", &off(&format!("[Unit]\nJobTimeoutSec=100ms\nAfter=slow.service\n{SLEEPER}")))
        .unit("checks.service", &off(&format!("[Unit]\nRequisite=app.service\nAfter=app.service\n{SLEEPER}")))
        .boot();
    world.ok(["initctl", "start", "app"]);
    world.ok(["initctl", "kill", "db", "-s", "KILL"]);
    world.until("app", "inactive");
    let app = world.run(["initctl", "why", "app"]).stdout;
    for part in ["app doesn't run: it was stopped with db, which it is bound to", "it comes back when db is up"] {
        assert!(app.contains(part), "no `{part}` in\n{app}");
    }
    let db = world.run(["initctl", "why", "db"]).stdout;
    assert!(db.contains("Restart= brings it back in 1min ") && db.contains("1 automatic restart so far"), "{db}");
    let lost = world.run(["initctl", "why", "lost"]).stdout;
    assert!(lost.contains("lost doesn't run: nosuch, which it requires, could not be had"), "{lost}");
    world.run(["initctl", "start", "over"]);
    world.until("over", "failed");
    let over = world.run(["initctl", "why", "over"]).stdout;
    let line = "bring it back: RestartPreventExitStatus= (/etc/rung/units/over.service:4) names how it ended";
    assert!(over.contains(line), "{over}");
    let late = world.fails(1, ["initctl", "start", "late"]).stderr;
    assert!(late.contains("longer than JobTimeoutSec= (/etc/rung/units/late.service:2) allows"), "{late}");
    let late = world.run(["initctl", "why", "late"]).stdout;
    assert!(late.contains("no job waits for it any more: starting, pid "), "{late}");
    world.ok(["initctl", "start", "--no-wait", "slow"]);
    world.fails(1, ["initctl", "start", "never"]);
    let never = world.run(["initctl", "why", "never"]).stdout;
    let line = "never doesn't run: the job took longer than JobTimeoutSec= (/etc/rung/units/never.service:2) allows";
    assert!(never.contains(line), "{never}");
    let shy = world.fails(1, ["initctl", "start", "shy"]).stderr;
    assert!(shy.contains("RefuseManualStart= (/etc/rung/units/shy.service:2): only another unit"), "{shy}");
    let typo = world.run(["initctl", "why", "typo"]).stdout;
    assert_eq!(typo.matches("initctl verify typo").count(), 1, "{typo}");
    assert!(typo.contains("   failure  /etc") && !typo.contains("file error"), "the same twice: {typo}");
    let checks = world.fails(1, ["initctl", "start", "checks"]).stderr;
    assert!(checks.contains("app doesn't run, which has to run already (Requisite=)"), "{checks}");
}

#[test]
fn explain_shows_each_step_with_its_place_and_keeps_secrets() {
    let world = World::new()
        .unit("dep.service", &off(SLEEPER))
        .unit(
            "app.service",
            &off("[Unit]\nWants=dep.service\nAfter=dep.service\n[Service]\nUser=daemon\nLimitNOFILE=100\nEnvironment=PLAIN=seen\nEnvironmentFile=/run/secret\nWorkingDirectory=/tmp\nExecStartPre=/bin/true\nExecStart=/bin/echo $TOKEN ${PLAIN}\n"),
        )
        .unit("lost.service", &off("[Service]\nExecStart=nosuchprogram\n"))
        .boot();
    world.write("/run/secret", "TOKEN=hush\n");
    let told = world.ok(["initctl", "explain", "app"]);
    for part in [
        "dep, wanted by app: is started before it",
        "ExecStartPre= (/etc/rung/units/app.service:",
        "[LimitNOFILE= /etc/rung/units/app.service:6]",
        "PLAIN=seen [Environment= /etc/rung/units/app.service:7]",
        "TOKEN=hush [EnvironmentFile=",
        "folder /tmp [WorkingDirectory= /etc/rung/units/app.service:9]",
        "echo hush seen",
        "a pipe to the log, as `out`",
    ] {
        assert!(told.contains(part), "no `{part}` in\n{told}");
    }
    assert_eq!(world.state("app").0, "inactive", "nothing is started");
    let su = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "initctl", "explain", "app", "--json"];
    let nobody = world.run(su);
    if nobody.code != 127 {
        assert!(
            nobody.code == 0 && nobody.stdout.contains("(hidden)") && !nobody.stdout.contains("hush"),
            "{nobody:?}"
        );
    }
    let lost = world.run(["initctl", "explain", "lost"]);
    assert!(lost.code == 1 && lost.stdout.contains("there is no program `nosuchprogram`"), "{lost:?}");
}
