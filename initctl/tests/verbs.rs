//! Each verb: what it asks the manager, what it prints, how it exits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;
#[path = "verbs/verify.rs"]
mod verify;

use common::{Answer, System};
use init::proto::control::{Call, ErrorText, errors};
use serde_json::{Value, json};

fn unit(name: &str, state: &str) -> Value {
    let phase = if state == "active" { "running" } else { "dead" };
    let pid = (state == "active").then_some(812);
    json!({
        "name": format!("{name}.service"), "description": format!("The {name} daemon"), "load": "loaded",
        "state": state, "phase": phase, "main_pid": pid, "levels": if name == "off" { "" } else { "2345" },
        "source": "native", "settings": [["Type", "simple"]],
    })
}

fn method(call: &Call) -> &str {
    call.method.strip_prefix("org.rung.Manager.").expect("our interface")
}

/// A manager with nginx (active), cron (failed), off (inactive) and nothing else.
fn machine(call: &Call) -> Answer {
    let known = [unit("nginx", "active"), unit("cron", "failed"), unit("off", "inactive")];
    let find =
        |name: &str| known.iter().find(|u| u["name"] == format!("{}.service", name.trim_end_matches(".service")));
    let names: Vec<&str> =
        call.parameters["names"].as_array().map(|a| a.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
    if let Some(missing) = names.iter().find(|n| find(n).is_none()) {
        let text = format!("there is no unit `{missing}`");
        return Answer::Error(errors::NO_SUCH_UNIT, ErrorText { text, nearest: vec!["nginx".into()] });
    }
    let one = |value| Answer::Replies(vec![value]);
    match method(call) {
        "List" => one(json!({"units": known})),
        "Brief" if names.is_empty() => one(json!({"units": known})),
        "Status" | "Wait" | "Brief" => one(json!({"units": names.iter().filter_map(|n| find(n)).collect::<Vec<_>>()})),
        "Version" => one(json!({"version": "0.1.0", "managers": 1, "reexecs": 0})),
        "Runlevel" => one(json!({"previous": null, "current": "3"})),
        "Levels" => one(json!({"rows": [{"name": "nginx.service", "on": "2345", "default": "2345"}]})),
        "Enable" => {
            one(json!({"changes": [{"name": "off.service", "path": "/l/3/off.service", "target": "/u/off.service"}]}))
        }
        "Disable" => one(json!({"changes": []})),
        "ReloadUnits" => one(json!({"changed": ["nginx.service"], "findings": ["a: warning: b"]})),
        "Change" | "SetLevel" | "Power" => {
            let ended: Vec<Value> = names.iter().map(|n| json!({"name": n, "result": "done"})).collect();
            Answer::Replies(vec![json!({"open": names, "done": false}), json!({"ended": ended, "done": true})])
        }
        "Processes" => {
            let groups: Vec<Value> = names.iter().map(|n| json!({"name": n, "pids": [1], "main_pid": 812})).collect();
            one(json!({"groups": groups, "own": [1], "pid_namespace": 1}))
        }
        "StartTimes" => one(json!({
            "now_ms": 65_000, "init_ms": 1000, "levels": [{"level": "3", "begun_ms": 1500, "reached_ms": 3000}],
            "units": [{"name": "nginx.service", "queued_ms": 1250, "begun_ms": 1500, "done_ms": 2750, "last_begun_ms": 1500}],
        })),
        "Reexec" => Answer::Die,
        other => panic!("unexpected {other}"),
    }
}

fn only_call(system: &System) -> Call {
    let calls = system.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.into_iter().next().expect("one")
}

#[test]
fn list_is_the_default_and_has_filters() {
    let system = System::with("list", machine);
    let (status, out, err) = system.all(&[]);
    assert_eq!((status, err.as_str(), out.lines().count()), (0, "", 3), "no titles in a pipe");
    assert_eq!(out, system.all(&["list"]).1);
    assert!(out.contains("nginx active") && !out.contains("process "), "{out}");
    assert!(out.starts_with("cron"), "what failed comes first: {out}");
    assert_eq!(
        system.all(&["list", "--kind", "service", "--source", "native", "-c", "name,pid"]).1,
        "cron    -\nnginx 812\noff     -\n"
    );
    let (status, out, err) = system.all(&["list", "--state", "fialed"]);
    assert!((status, out.as_str()) == (2, "") && err.contains("did you mean failed?"), "{err}");
    let (_, out, _) = system.all(&["list", "--state", "failed"]);
    assert!(out.contains("cron") && !out.contains("nginx"), "{out}");
    let (_, out, _) = system.all(&["list", "--level", "3", "--json", "n*"]);
    let value: Value = serde_json::from_str(&out).expect("json");
    assert_eq!(value["units"].as_array().map(Vec::len), Some(1));
    assert_eq!(system.all(&["-q", "list"]), (0, String::new(), String::new()));
}

#[test]
fn status_has_lsb_exit_codes_and_log_lines() {
    let system = System::with("status", machine);
    // The run began a minute ago.
    let lines =
        ["2020-11-23T01:00:00.000000+00:00 err of an earlier run", "2126-11-23T01:00:00.000000+00:00 err hello\x1b[2J"];
    system.write_log("nginx", &lines);
    let (status, out, err) = system.all(&["status", "nginx"]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.starts_with("nginx.service - The nginx daemon\n") && out.contains("main pid  812"), "{out}");
    assert!(out.ends_with("+00:00 err hello\\u{1b}[2J\n") && !out.contains("earlier run"), "{out}");
    assert_eq!(system.all(&["status", "cron"]).0, 3);
    let (status, out, err) = system.all(&["status", "ngnix", "nginx"]);
    assert_eq!(status, 4);
    assert!(out.contains("nginx.service -") && err.contains("`ngnix`") && err.contains("did you mean nginx?"), "{err}");
    let (status, out, _) = system.all(&["status"]);
    assert_eq!((status, out.lines().next()), (0, Some("Rung 0.1.0, runlevel 3, up 1min 4s")));
}

#[test]
fn changes_carry_a_request_of_their_own_and_wait() {
    let system = System::with("change", machine);
    for verb in ["start", "stop", "restart", "try-restart", "reload", "reset-failed"] {
        assert_eq!(system.all(&[verb, "nginx", "cron"]), (0, String::new(), String::new()), "{verb}");
    }
    let calls = system.calls();
    let verbs: Vec<&str> = calls.iter().filter_map(|c| c.parameters["verb"].as_str()).collect();
    assert_eq!(verbs, ["start", "stop", "restart", "try_restart", "reload", "reset_failed"]);
    let ids: std::collections::BTreeSet<u64> = calls.iter().filter_map(|c| c.parameters["request"].as_u64()).collect();
    assert_eq!(ids.len(), calls.len());
    assert!(calls.iter().all(|c| c.more && c.parameters["wait"] == true));
    assert!(calls.iter().all(|c| c.parameters["names"] == json!(["nginx", "cron"])));
}

#[test]
fn other_verbs_say_what_they_want() {
    let cases: &[(&[&str], &str, Value)] = &[
        (&["start", "--no-wait", "nginx"], "Change", json!({"verb": "start", "names": ["nginx"], "wait": false})),
        (
            &["kill", "-s", "HUP", "--whom", "main", "nginx"],
            "Change",
            json!({"verb": {"kill": {"signal": 1, "whom": "main"}}, "names": ["nginx"], "wait": true}),
        ),
        (&["runlevel", "1", "--no-wait"], "SetLevel", json!({"level": "1", "wait": false})),
        (&["reboot"], "Power", json!({"how": "reboot", "wait": false, "force": false})),
        (&["poweroff", "-f"], "Power", json!({"how": "poweroff", "wait": false, "force": true})),
        (&["halt"], "Power", json!({"how": "halt", "wait": false, "force": false})),
        (&["enable", "off", "--levels", "5,3"], "Enable", json!({"names": ["off"], "levels": "35"})),
        (&["levels", "nginx"], "Levels", json!({"names": ["nginx"]})),
        (&["wait", "nginx"], "Wait", json!({"names": ["nginx"], "states": ["active", "failed"]})),
    ];
    for (args, wanted, parameters) in cases {
        let system = System::with("other", machine);
        let (status, _, err) = system.all(args);
        assert_eq!(status, 0, "{args:?}: {err}");
        let mut call = only_call(&system);
        assert_eq!(&method(&call), wanted);
        call.parameters.as_object_mut().expect("object").remove("request");
        assert_eq!(&call.parameters, parameters, "{args:?}");
    }
}

#[test]
fn disable_asks_whether_a_mask_is_there_as_well() {
    let system = System::with("disable", machine);
    let (status, _, err) = system.all(&["disable", "off"]);
    assert_eq!(status, 0, "{err}");
    let mut calls = system.calls();
    assert_eq!(calls.iter().map(method).collect::<Vec<_>>(), ["Disable", "Status"]);
    let parameters = &mut calls.first_mut().expect("a call").parameters;
    parameters.as_object_mut().expect("object").remove("request");
    assert_eq!(*parameters, json!({"names": ["off"], "levels": null}));
}

#[test]
fn enable_now_also_starts() {
    let system = System::with("now", machine);
    let (status, out, _) = system.all(&["enable", "off", "--now"]);
    assert_eq!((status, out.as_str()), (0, "made /l/3/off.service -> /u/off.service\n"));
    assert_eq!(system.calls().iter().map(method).collect::<Vec<_>>(), ["Enable", "Change"]);
}

#[test]
fn questions_answer_with_systemctl_s_words_and_codes() {
    let system = System::with("ask", machine);
    for (args, status, out) in [
        (["is-active", "nginx"], 0, "active\n"),
        (["is-active", "cron"], 3, "failed\n"),
        (["is-active", "none"], 4, "inactive\n"),
        (["is-failed", "cron"], 0, "failed\n"),
        (["is-failed", "nginx"], 1, "active\n"),
        (["is-enabled", "nginx"], 0, "enabled\n"),
        (["is-enabled", "off"], 1, "disabled\n"),
        (["is-enabled", "none"], 4, "not-found\n"),
    ] {
        assert_eq!(system.all(&args), (status, out.to_owned(), String::new()), "{args:?}");
    }
    assert_eq!(system.all(&["is-active", "cron", "nginx"]).0, 0);
    assert_eq!(system.all(&["is-active", "-q", "cron"]), (3, String::new(), String::new()));
    assert_eq!(system.all(&["runlevel"]).1, "N 3\n");
}

#[test]
fn a_failure_is_one_block_on_stderr() {
    let system = System::with("block", |_: &Call| {
        let ended = json!({
            "name": "nginx.service", "result": {"failed": {"exited": {"kind": "start", "index": 0, "exit": {"code": 1}}}},
            "reason": "ExecStart=/usr/sbin/nginx (/u/nginx.service:4) exited with status 1",
            "hint": "nginx -t", "log": ["bind() failed"],
        });
        let dependency =
            json!({"name": "web.service", "result": {"failed": {"dependency": {"name": "nginx.service"}}}});
        Answer::Replies(vec![json!({"ended": [ended, dependency], "done": true, "notes": ["a cycle was broken"]})])
    });
    let (status, out, err) = system.all(&["start", "web"]);
    let wanted = "\
initctl: a cycle was broken
initctl: could not start nginx
  ExecStart=/usr/sbin/nginx (/u/nginx.service:4) exited with status 1
  its last lines:
    bind() failed
  try: nginx -t
initctl: could not start web
  nginx, which it requires, failed
  try: initctl why web
";
    assert_eq!((status, out.as_str(), err.as_str()), (1, "", wanted));
    let (status, out, err) = system.all(&["start", "web", "--json", "-q"]);
    assert_eq!((status, out.as_str(), err.as_str()), (1, "", ""));
    // A unit that was only wanted is told of, and fails nothing.
    assert_eq!(system.all(&["start", "other"]).0, 0);
}

#[test]
fn errors_have_a_line_a_remedy_and_a_code() {
    let system = System::with("errors", machine);
    let (status, _, err) = system.all(&["start", "ngnix"]);
    assert_eq!(
        (status, err.as_str()),
        (5, "initctl: there is no unit `ngnix`; did you mean nginx?\n  try: initctl list\n")
    );
    let denied = System::with("denied", |_: &Call| Answer::Error(errors::DENIED, ErrorText::default()));
    let (status, _, err) = denied.all(&["start", "nginx"]);
    assert_eq!(status, 4);
    assert!(err.starts_with("initctl: permission denied") && err.contains("as root"), "{err}");
}

#[test]
fn without_a_manager_there_is_one_clear_error() {
    let system = System::bare("bare");
    for (args, wanted) in [(&["start", "nginx"][..], 1), (&["status", "nginx"][..], 4), (&[][..], 4)] {
        let (status, out, err) = system.all(args);
        assert_eq!((status, out.as_str()), (wanted, ""), "{args:?}");
        assert!(err.starts_with("initctl: no Rung manager at ") && err.contains("is Rung PID 1 here?"), "{err}");
    }
    for args in
        [&["version"][..], &["--quiet", "emit", "unmounted-remote-filesystems"], &["help"], &["start", "--help"]]
    {
        let (status, out, err) = system.all(args);
        assert_eq!((status, err.as_str()), (0, ""), "{args:?}");
        assert!(!out.contains("upstart"), "{out}");
    }
    let (status, _, err) = system.all(&["strat", "nginx"]);
    assert_eq!(
        (status, err.as_str()),
        (2, "initctl: there is no verb `strat`; did you mean `start`?\n  try: initctl help\n")
    );
}

#[test]
fn a_restart_outlives_managers() {
    let mut deaths = 0;
    let system = System::with("deaths", move |call: &Call| {
        deaths += 1;
        if deaths < 3 { Answer::Die } else { machine(call) }
    });
    assert_eq!(system.all(&["restart", "nginx"]), (0, String::new(), String::new()));
    let calls = system.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|c| c.parameters == calls[0].parameters));
}

#[test]
fn reexec_waits_for_the_next_manager() {
    let system = System::with("reexec", machine);
    assert_eq!(system.all(&["reexec"]), (0, String::new(), String::new()));
    assert_eq!(system.calls().iter().map(method).collect::<Vec<_>>(), ["Reexec", "Version"]);
}

#[test]
fn waiting_gives_up_at_its_time() {
    let system = System::with("wait", |_: &Call| Answer::Replies(vec![json!({"units": []}); 1]));
    assert_eq!(system.all(&["wait", "a"]).0, 0);
    let failed = System::with("wait-failed", machine);
    let (status, _, err) = failed.all(&["wait", "cron"]);
    assert_eq!((status, err.as_str()), (1, "initctl: cron is failed\n"));
    assert_eq!(failed.all(&["wait", "cron", "--for", "inactive"]).0, 0);
    // A manager that never answers: the listener accepts, and nobody reads.
    let silent = System::bare("wait-silent");
    let _listener = std::os::unix::net::UnixListener::bind(silent.dir.join("control")).expect("bind");
    let (status, _, err) = silent.all(&["wait", "a", "--timeout", "0.2"]);
    assert_eq!(status, 1);
    assert!(err.contains("the time is over"), "{err}");
}

#[test]
fn logs_are_read_without_a_manager() {
    let system = System::bare("logs");
    let lines: Vec<String> = (0..5).map(|i| format!("2026-11-23T01:00:0{i}.000000+00:00 out line {i}")).collect();
    system.write_log("nginx", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let (status, out, _) = system.all(&["logs", "nginx", "-n", "2"]);
    assert_eq!((status, out), (0, format!("{}\n{}\n", lines[3], lines[4])));
    let (_, out, _) = system.all(&["logs", "nginx.service", "-n", "1", "--json"]);
    assert_eq!(out, "{\"time\":\"2026-11-23T01:00:04.000000+00:00\",\"stream\":\"out\",\"text\":\"line 4\"}\n");
    let (status, _, err) = system.all(&["logs", "ngnix"]);
    assert_eq!(status, 1);
    assert!(err.contains("did you mean nginx?"), "{err}");
}

#[test]
fn following_prints_what_comes_and_ends_with_its_reader() {
    use std::io::{BufRead, BufReader};
    let system = System::bare("follow");
    system.write_log("a", &["2026-11-23T01:00:00.000000+00:00 out one"]);
    let mut child =
        system.command(&["logs", "a", "-f"]).stdout(std::process::Stdio::piped()).spawn().expect("initctl runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").ends_with("out one"));
    system.write_log("a", &["2026-11-23T01:00:01.000000+00:00 err two"]);
    assert!(lines.next().expect("a line").expect("text").ends_with("err two"));
    // A broken pipe is success.
    drop(lines);
    system.write_log("a", &["2026-11-23T01:00:02.000000+00:00 err three"]);
    assert!(child.wait().expect("over").success());
}

#[test]
fn cat_and_show_print_what_the_manager_knows() {
    let system = System::bare("cat");
    let path = system.dir.join("x.service");
    std::fs::write(&path, "[Service]\nExecStart=/bin/true\n").expect("write");
    drop(system);
    let system = System::with("cat", {
        let path = path.clone();
        move |_: &Call| {
            let mut x = unit("x", "active");
            x["files"] = json!([path]);
            Answer::Replies(vec![json!({"units": [x]})])
        }
    });
    std::fs::write(&path, "[Service]\nExecStart=/bin/true\n").expect("write");
    let (status, out, _) = system.all(&["cat", "x"]);
    assert_eq!((status, out), (0, format!("# {}\n[Service]\nExecStart=/bin/true\n", path.display())));
    assert_eq!(system.all(&["show", "x", "-p", "MainPID"]).1, "MainPID=812\n");
    assert_eq!(system.all(&["show", "x", "-p", "MainPID", "--value"]).1, "812\n");
}

#[test]
fn views_of_processes_dependencies_and_times() {
    let system = System::with("views", machine);
    let (status, out, err) = system.all(&["ps", "nginx"]);
    assert_eq!(
        (status, out.as_str(), err.as_str()),
        (0, "nginx.service 1 0 0K 0.00s ?\n", ""),
        "pids of another namespace"
    );
    let (_, out, _) = system.all(&["blame"]);
    assert_eq!(out, "1.250s 250ms 500ms nginx\n");
    let (_, out, _) = system.all(&["blame", "--chain"]);
    assert!(out.contains("runlevel 3") && out.contains("nginx @1.750s +1.250s waited 250ms"), "{out}");
    let (_, out, _) = system.all(&["tree"]);
    assert!(out.starts_with("runlevel 3\ncron  failed"), "{out}");
    let (_, out, _) = system.all(&["deps", "nginx"]);
    assert_eq!(out, "nginx active\n");
    for line in ["ps", "blame", "tree", "deps nginx", "top --once", "list", "status", "status nginx"] {
        let words: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        let (_, out, err) = system.all(&words);
        assert!(serde_json::from_str::<Value>(&out).is_ok_and(|v| v.is_object()), "{line}: {out}{err}");
        assert!(!out.contains('\x1b'));
    }
    // Nothing can be drawn into a pipe, and nothing is.
    let (status, out, err) = system.all(&["top"]);
    assert!((status, out.as_str()) == (1, "") && err.contains("try: initctl top --once"), "{err}");
    assert_eq!(system.all(&["deps", "nosuch"]).0, 4);
}
