//! What `initctl --json` prints is what `initctl schema` says: the output of every verb, validated; and nothing in it that
//! isn't described.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use rung_tests::world::{Output, World, deadline, off};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Schemas by verb, closed: what a schema doesn't name isn't allowed, though it would be for other programs.
struct Contract {
    validators: BTreeMap<String, jsonschema::Validator>,
    checked: BTreeSet<String>,
}

impl Contract {
    fn of(world: &World) -> Self {
        let named = world.ok(["initctl", "schema"]);
        let mut validators = BTreeMap::new();
        for line in named.lines() {
            let (verb, id) = line.split_once('\t').expect("verb and $id");
            let schema: Value = serde_json::from_str(&world.ok(["initctl", "schema", verb])).expect("JSON");
            assert_eq!(schema["$id"], id);
            jsonschema::meta::validate(&schema).unwrap_or_else(|e| panic!("{verb}: no good schema: {e}"));
            let closed = closed(&schema, &schema["$defs"]);
            let validator = jsonschema::validator_for(&closed).unwrap_or_else(|e| panic!("{verb}: {e}"));
            validators.insert(verb.to_owned(), validator);
        }
        Self { validators, checked: BTreeSet::new() }
    }

    /// One document of a verb.
    fn check(&mut self, verb: &str, what: &str, text: &str) -> Value {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}: {text}"));
        let validator = self.validators.get(verb).unwrap_or_else(|| panic!("{verb} has no schema"));
        if let Err(error) = validator.validate(&value) {
            // The choice at the root says only that nothing fits.
            let nearer = error.to_string();
            panic!("{what}: {}: {nearer}", error.instance_path());
        }
        self.checked.insert(verb.to_owned());
        value
    }

    /// Runs `initctl --json LINE` and checks what it prints: one document.
    fn run(&mut self, world: &World, line: &str) -> Value {
        let out = world.run(["initctl", "--json"].into_iter().chain(line.split(' ')));
        self.document(line.split(' ').next().expect("a verb"), line, &out)
    }

    fn document(&mut self, verb: &str, line: &str, out: &Output) -> Value {
        assert_eq!(out.stdout.lines().count(), 1, "{line}: not one document: {out:?}");
        let value = self.check(verb, line, &out.stdout);
        assert!(!out.stdout.contains('\x1b'));
        if let Some(error) = value.get("error") {
            assert_eq!(error["exit_status"], out.code, "{line}");
            assert!(!out.stderr.is_empty(), "{line}: people are told too");
        }
        value
    }

    /// Runs one that must fail; gives the error.
    fn error(&mut self, world: &World, line: &str) -> Value {
        let value = self.run(world, line);
        value.get("error").unwrap_or_else(|| panic!("{line}: no error in {value}")).clone()
    }
}

/// Objects get `additionalProperties: false`; what `allOf` puts together becomes one object before.
fn closed(schema: &Value, definitions: &Value) -> Value {
    let Some(object) = schema.as_object() else {
        return match schema {
            Value::Array(list) => list.iter().map(|s| closed(s, definitions)).collect(),
            other => other.clone(),
        };
    };
    let mut object = object.clone();
    if let Some(Value::Array(parts)) = object.remove("allOf") {
        for part in &parts {
            let target = part["$ref"].as_str().and_then(|r| r.strip_prefix("#/$defs/"));
            let part = target.map_or(part, |name| &definitions[name]);
            let properties = object.entry("properties").or_insert_with(|| json!({}));
            let more = part["properties"].as_object().expect("an object's schema");
            properties.as_object_mut().expect("properties").extend(more.clone());
            let required = object.entry("required").or_insert_with(|| json!([]));
            required.as_array_mut().expect("a list").extend(part["required"].as_array().cloned().unwrap_or_default());
        }
    }
    let named: Vec<String> = object.keys().cloned().collect();
    for key in named {
        let inner = match key.as_str() {
            "properties" | "$defs" => {
                let each = object[&key].as_object().expect("schemas by name");
                each.iter().map(|(name, s)| (name.clone(), closed(s, definitions))).collect::<Map<_, _>>().into()
            }
            _ => closed(&object[&key], definitions),
        };
        object.insert(key, inner);
    }
    if object.contains_key("properties") && !object.contains_key("additionalProperties") {
        object.insert("additionalProperties".to_owned(), false.into());
    }
    object.into()
}

const ONCE: &str = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/echo a line\n";

#[test]
fn every_verb_prints_what_its_schema_says() {
    let world = World::new()
        .unit("a.service", &format!("[Unit]\nDescription=A\nRequires=b.service\nAfter=b.service\n{ONCE}"))
        .unit("b.service", "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\nKeyOfNoOne=1\n")
        .unit("bad.service", &off("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo last words; exit 3'\n"))
        .unit("broken.service", &off("[Service]\nType=nonsense\nExecStart=/bin/true\n"))
        .unit("keeps.service", &off("[Service]\nType=oneshot\nCacheDirectory=keeps\nExecStart=/bin/true\n"))
        .unit("needs.service", &format!("[Unit]\nRequires=bad.service\nAfter=bad.service\n{}", off(ONCE)))
        .unit("unmet.service", &format!("[Unit]\nConditionPathExists=/no/such\n{}", off(ONCE)))
        .boot();
    let mut c = Contract::of(&world);
    let more = json!({"units": [{"name": "a.service", "answer": "active", "more": 1}]});
    let less = json!({"units": [{"name": "a.service"}]});
    for wrong in [more, less, json!({}), json!([]), json!({"units": [], "error": "text"})] {
        assert!(!c.validators["is-active"].is_valid(&wrong), "{wrong}");
    }
    for line in [
        "list",
        "list nothing-like-that",
        "status",
        "status a",
        "status a b bad",
        "show",
        "show a",
        "tree",
        "deps a",
        "deps --reverse b",
        "blame",
        "blame --chain a",
        "boot",
        "boot blame",
        "boot blame a",
        "boot critical-chain",
        "boot critical-chain nosuch",
        "boot plot",
        "boot list",
        "boot -b -3",
        "ps",
        "ps b",
        "top",
        "levels",
        "runlevel",
        "why a",
        "why bad",
        "explain a",
        "explain broken",
        "history",
        "events",
        "cat a",
        "verify",
        "diff",
        "is-active a bad nosuch",
        "is-failed bad",
        "is-enabled a",
        "plan restart b",
        "plan enable bad",
        "plan runlevel 1",
        "stop --dry-run b",
        "disable --dry-run --now a",
        "reload --units --dry-run",
        "poweroff --dry-run",
        "reexec --dry-run",
        "stop nothing*",
        "plan stop nothing*",
        "status b*",
        "start a",
        "start bad",
        "start needs",
        "start keeps",
        "start unmet",
        "status bad needs unmet",
        "why needs",
        "list",
        "restart b",
        "try-restart b",
        "reload b",
        "reload --units",
        "kill -s CONT b",
        "wait a",
        "reset-failed",
        "reset-failed",
        "stop b",
        "start --no-wait b",
        "enable bad --levels 4",
        "enable bad --levels 5 --now",
        "disable bad",
        "set a TimeoutStopSec=7",
        "set a --dry-run TimeoutStopSec=8",
        "set a Type=nonsense",
        "diff a",
        "clean bad",
        "clean --dry-run keeps",
        "clean keeps",
        "revert a",
        "revert a",
        "mask bad needs",
        "is-enabled bad",
        "unmask bad needs",
        "new made --enable --now -- /bin/sleep infinity",
        "adopt made",
        "new other --dry-run -- /bin/sleep infinity",
        "runlevel 2",
        "completion bash",
        "man init",
        "man --write /run/pages",
        "schema",
        "schema status",
        "emit x",
        "shutdown-jobs",
        "shutdown-jobs skip a",
        "version",
        "status",
    ] {
        c.run(&world, line);
    }
    let out = world.run(["sh", "-c", "printf '[Service]\\nTimeoutStopSec=9\\n' | initctl --json edit --stdin a"]);
    let made = c.document("edit", "edit --stdin a", &out);
    assert_eq!(made["units"][0]["made"], true, "{made}");
    // Streams have a document a line.
    world.wait_for("the log", deadline(10), |w| {
        (w.run(["initctl", "logs", "a"]).stdout.contains("a line")).then_some(())
    });
    for (verb, line) in [("logs", "initctl --json logs a"), ("events", "initctl --json events -f | head -n 3")] {
        let out = world.ok(["sh", "-c", line]);
        assert!(out.lines().count() > 0, "{line}");
        out.lines().for_each(|document| drop(c.check(verb, line, document)));
    }
    c.run(&world, "reexec");
    for verb in ["halt", "reboot"] {
        let out = world.run(["env", "RUNG_RUNDIR=/no/such", "initctl", "--json", verb]);
        assert_eq!(c.document(verb, verb, &out)["error"]["name"], "NoManager");
    }
    let ended = c.run(&world, "poweroff");
    assert!(ended.get("error").is_none(), "{ended}");
    let all: BTreeSet<String> = c.validators.keys().cloned().collect();
    assert_eq!(all, c.checked, "a verb isn't tried here");
}

#[test]
fn failures_are_documents_too() {
    let world = World::new().unit("bad.service", &off("[Service]\nType=oneshot\nExecStart=/bin/false\n")).boot();
    let mut c = Contract::of(&world);
    for (line, name) in [
        ("start nosuch", "NoSuchUnit"),
        ("status nosuch", "NoSuchUnit"),
        ("why bda", "NoSuchUnit"),
        ("set nosuch Nice=1", "NoSuchUnit"),
        ("logs nosuch", "NoSuchUnit"),
        ("cat nosuch", "NoSuchUnit"),
        ("start bad", "Failed"),
        ("verify /no/such.service", "Failed"),
        ("schema nosuch", "Failed"),
        ("man nosuch", "Failed"),
        ("top --sort nosuch", "CommandLine"),
        ("start", "CommandLine"),
    ] {
        assert_eq!(c.error(&world, line)["name"], name, "{line}");
    }
    assert_eq!(c.error(&world, "why bda")["nearest"], json!(["bad"]));
    let status = c.run(&world, "status bad nosuch");
    assert!(status["units"][0]["name"] == "bad.service" && status["error"]["exit_status"] == 4, "{status}");
    let out = world.run(["initctl", "--json", "strat"]);
    let error = &c.document("start", "strat", &out)["error"];
    assert_eq!((&error["name"], &error["remedies"]), (&json!("CommandLine"), &json!(["initctl help"])));
    let denied = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "initctl", "-j", "start", "bad"];
    let out = world.run(denied);
    assert_eq!(c.document("start", "start as nobody", &out)["error"]["name"], "Denied");
    for verb in ["list", "start bad", "runlevel", "ps"] {
        let words = ["env", "RUNG_RUNDIR=/no/such", "initctl", "--json"].into_iter().chain(verb.split(' '));
        let out = world.run(words);
        let verb = verb.split(' ').next().expect("a verb");
        assert_eq!(c.document(verb, verb, &out)["error"]["name"], "NoManager");
    }
    // Quiet is quiet.
    assert_eq!(world.run(["initctl", "-qj", "start", "bad"]).stdout, "");
    assert_eq!(world.run(["initctl", "-qj", "strat"]).stdout, "");
}
