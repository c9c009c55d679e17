//! `initctl boot` against the real manager and logger: this boot and earlier ones, under everything that may go wrong with
//! their records.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use nix::sys::signal::Signal;
use rung_tests::world::container::Container;
use rung_tests::world::{Builder, Rootfs, World, deadline};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const UNITS: [(&str, &str); 6] = [
    (
        "disk.service",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 0.02\n[Install]\nRunlevels=S\n",
    ),
    ("net.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep 0.1\n"),
    (
        "web.service",
        "[Unit]\nAfter=net.service\n[Service]\nType=exec\nExecStartPre=/bin/sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'\nExecStart=/bin/sleep inf\n",
    ),
    ("late.service", "[Unit]\nAfter=disk.service\n[Service]\nType=oneshot\nExecStart=/bin/sleep 0.01\n"),
    ("broken.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n"),
    ("needy.service", "[Unit]\nRequires=broken.service\nAfter=broken.service\n[Service]\nExecStart=/bin/sleep inf\n"),
];

fn builder() -> Builder {
    UNITS.iter().fold(World::new(), |world, (name, text)| world.unit(name, text))
}

fn json(world: &World, line: &str) -> Value {
    let out = world.run(["initctl", "boot"].into_iter().chain(line.split_ascii_whitespace()).chain(["--json"]));
    serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{line}: {e}: {out:?}"))
}

/// The records there are, once this boot's is whole.
fn whole(world: &World) -> Vec<String> {
    world.wait_for("the record of the boot", deadline(10), |w| {
        let folder = w.path("/var/log/rung/@boot");
        let mut files: Vec<_> = fs::read_dir(folder).ok()?.flatten().map(|e| e.path()).collect();
        files.sort();
        let texts: Vec<String> = files.iter().filter_map(|f| fs::read_to_string(f).ok()).collect();
        texts.last()?.contains(r#""stage":"done""#).then_some(texts)
    })
}

#[test]
fn a_boot_is_told_by_its_parts_its_units_and_what_it_waited_for() {
    let world = builder().boot();
    let record: Value = serde_json::from_str(whole(&world).last().expect("one")).expect("JSON");
    assert!(record["load"].as_array().is_some_and(|load| load.len() >= 2), "{record}");
    let times = json(&world, "");
    let parts: Vec<&str> = times["parts"].as_array().into_iter().flatten().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(parts, ["init", "runlevel S", "runlevel 3"], "no kernel is booted here: {times}");
    let failed: Vec<&str> = times["failed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(failed, ["broken.service", "needy.service"]);
    let units = json(&world, "blame");
    let unit = |name: &str| {
        let found = units["units"].as_array().and_then(|all| all.iter().find(|u| u["name"] == name)).cloned();
        found.unwrap_or_else(|| panic!("{name} in {units}"))
    };
    let (net, web, needy) = (unit("net.service"), unit("web.service"), unit("needy.service"));
    let ms = |unit: &Value, key: &str| unit[key].as_u64().unwrap_or_else(|| panic!("{key} of {unit}"));
    assert!(ms(&net, "queued_ms") <= ms(&net, "begun_ms") && ms(&net, "done_ms") >= ms(&net, "begun_ms") + 100);
    assert!(ms(&net, "ended_ms") >= ms(&net, "done_ms") && web["ended_ms"].is_null());
    assert!(ms(&web, "queued_ms") + 100 <= ms(&web, "begun_ms"), "it waited: {web}");
    assert_eq!((web["after"].as_str(), web["state"].as_str()), (Some("net.service"), Some("active")));
    assert!(needy["begun_ms"].is_null() && needy["ended_ms"].is_u64(), "{needy}");
    if world.path("/sys/fs/cgroup/rung").is_dir() {
        assert!(web["cpu_ms"].as_u64() > Some(0), "its shell worked: {web}");
    }
    let chain = world.ok(["initctl", "boot", "critical-chain"]);
    let order: Vec<usize> = ["web", "net", "runlevel S", "disk"]
        .iter()
        .map(|n| chain.find(n).unwrap_or_else(|| panic!("{chain}")))
        .collect();
    assert!(order.is_sorted(), "{chain}");
    // What was through long before it was asked for has kept nobody waiting: the level has.
    assert!(unit("late.service")["after"].is_null(), "{units}");
    let chain = world.ok(["initctl", "boot", "critical-chain", "late"]);
    assert!(chain.contains("runlevel S"), "{chain}");
    let svg = world.ok(["initctl", "boot", "plot"]);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains(">web <tspan"), "{svg}");
    let told = world.run(["initctl", "boot", "critical-chain", "wbe"]);
    assert!(told.code == 4 && told.stderr.contains("did you mean web"), "{told:?}");
    let told = world.run(["initctl", "boot", "-b", "-1"]);
    assert!(told.code == 1 && told.stderr.contains("only this boot is known"), "{told:?}");
    let told = world.run(["script", "-qc", "initctl boot plot; echo it ended with $?", "/dev/null"]);
    if told.code != 127 && told.code != 126 {
        assert!(told.stdout.contains("an SVG is nothing for a terminal") && told.stdout.contains("with 1"), "{told:?}");
    }
    world.ok(["initctl", "boot", "plot", "-o", "/tmp/boot.svg"]);
    assert_eq!(fs::read_to_string(world.path("/tmp/boot.svg")).expect("a file"), svg);
    // Anybody may ask.
    let asked = world.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "initctl", "boot", "list"]);
    assert!(asked.code == 0 && asked.stdout.contains("runlevel 3, 2 failed"), "{asked:?}");
}

#[test]
fn a_managers_death_in_the_boot_costs_no_unit_its_times() {
    // The manager dies while net is under way; it is the unit itself that kills it.
    let kills = "[Unit]\nAfter=disk.service\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'kill -9 $(pidof init-manager); sleep 0.2'\n";
    let world = builder().unit("net.service", kills).boot();
    let texts = whole(&world);
    assert_eq!(texts.len(), 1);
    let record: Value = serde_json::from_str(&texts[0]).expect("JSON");
    let units = record["units"].as_array().expect("units");
    let named = |name: &str| units.iter().find(|u| u["name"] == name).unwrap_or_else(|| panic!("{name} in {record}"));
    assert!(named("disk.service")["done_ms"].as_u64() <= named("net.service")["begun_ms"].as_u64());
    assert!(named("net.service")["done_ms"].as_u64() > named("net.service")["begun_ms"].as_u64());
    assert!(json(&world, "")["total_ms"].as_u64() > Some(200));
    assert!(world.ok(["initctl", "events"]).contains("took over"), "the manager did die");
    // The next one has no record to write, and this boot stays what it was.
    world.kill_manager(Signal::SIGKILL);
    world.ok(["initctl", "runlevel", "2"]);
    assert_eq!(whole(&world), texts);
}

#[test]
fn earlier_boots_are_kept_and_one_damaged_record_hides_no_other() {
    let rootfs = UNITS.iter().fold(Rootfs::new(), |root, (name, text)| root.unit(name, text));
    let folder = rootfs.path().join("var/log/rung/@boot");
    let files = || -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.sort();
        files
    };
    let whole = |container: &Container, boots: usize| {
        container.wait_for("the record of the boot", |_| {
            let last = files().pop().filter(|_| files().len() == boots)?;
            fs::read_to_string(last).ok()?.contains(r#""stage":"done""#).then_some(())
        });
    };
    let ask = |container: &Container, line: &str| {
        let words: Vec<&str> = ["initctl", "boot"].into_iter().chain(line.split_ascii_whitespace()).collect();
        container.run(&words)
    };
    let mut container = Container::plain(rootfs);
    whole(&container, 1);
    let [kept] = files().try_into().expect("one record");
    let text = fs::read_to_string(&kept).expect("readable");
    let name = kept.file_stem().and_then(|n| n.to_str()).and_then(|n| n.split_once('-')).expect("a name").1.to_owned();
    // One that nobody can read lies between it and the next.
    fs::write(folder.join("00000008-abcd.json"), "{\"boot\": \"ab").expect("written");
    container.boot_again();
    whole(&container, 3);
    assert_eq!(fs::read_to_string(&kept).expect("still there"), text);
    let list: Value = serde_json::from_str(&ask(&container, "list --json").stdout).expect("JSON");
    let rows = list["boots"].as_array().expect("rows");
    let indices: Vec<i64> = rows.iter().filter_map(|r| r["index"].as_i64()).collect();
    assert_eq!(indices, [-2, -1, 0], "{list}");
    assert!(rows[1]["problem"].as_str().is_some_and(|p| p.contains("00000008-abcd.json")), "{list}");
    assert_eq!(rows[0]["outcome"], "runlevel 3, 2 failed");
    let of = |line: &str| -> Value {
        serde_json::from_str(&ask(&container, line).stdout).unwrap_or_else(|e| panic!("{line}: {e}"))
    };
    assert_eq!(of("--json --boot -2")["boot"], *name);
    assert_eq!(of("--json -b 1")["boot"], *name);
    assert_eq!(of(&format!("--json -b {name} blame"))["boot"], *name);
    assert_ne!(of("--json")["boot"], *name);
    let chain = ask(&container, "critical-chain --boot=-2");
    assert!(chain.code == 0 && chain.stdout.contains("web") && chain.stdout.contains("net"), "{chain:?}");
    let drawn = ask(&container, &format!("plot -b {name}"));
    assert!(drawn.code == 0 && drawn.stdout.contains(&format!("boot {name}")), "{drawn:?}");
    let damaged = ask(&container, "-b -1");
    assert!(damaged.code == 1 && damaged.stderr.contains("00000008-abcd.json: it is damaged"), "{damaged:?}");
    let unknown = ask(&container, "-b -7");
    assert!(unknown.code == 1 && unknown.stderr.contains("3 are known"), "{unknown:?}");
}

#[test]
fn where_no_record_can_be_kept_the_boot_goes_on_and_is_told_all_the_same() {
    // A file stands where the folder of records would be.
    let full = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'mkdir -p /var/log/rung; echo >/var/log/rung/@boot'\n[Install]\nRunlevels=S\n";
    let world = builder().unit("full.service", full).boot();
    let told = world.run(["initctl", "boot"]);
    assert!(told.code == 0 && told.stdout.contains("runlevel 3"), "{told:?}");
    assert!(told.stderr.contains("/var/log/rung/@boot"), "{told:?}");
    let kept = world.wait_for("a record in the run directory", deadline(10), |w| {
        fs::read_dir(w.path("/run/rung/boot")).ok()?.flatten().next()
    });
    assert!(kept.path().exists());
    assert!(world.ok(["initctl", "history", "net"]).contains("starting"), "the history is written");
}
