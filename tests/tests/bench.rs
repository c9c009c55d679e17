//! The comparison with other inits, as small as it gets: that it runs, tells every row, and leaves nothing. No time is
//! judged here.

#![allow(clippy::expect_used, reason = "tests fail by it")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rung_tests::bench::rows::ROWS;
use rung_tests::world::{deadline, programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A folder with the bench's own two programs, removed with its value.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let folder = Folder(std::env::temp_dir().join(format!("rung-bench-{name}-{}", std::process::id())));
    fs::create_dir_all(&folder.0).expect("a folder");
    for program in ["svc", "floor"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench").join(program).with_extension("c");
        let done = Command::new("cc").args(["-O2", "-static", "-o"]).arg(folder.0.join(program)).arg(&source).status();
        assert!(done.expect("cc").success(), "{} doesn't compile", source.display());
    }
    folder
}

/// Why it can't run here.
fn unable() -> Option<&'static str> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    match (nix::unistd::geteuid().is_root(), mounts.lines().any(|l| l.split(' ').nth(2) == Some("cgroup2"))) {
        (false, _) => Some("only root makes such namespaces"),
        (_, false) => Some("no cgroup2 tree is mounted"),
        _ => None,
    }
}

fn start(folder: &Path, words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.arg("--bin").arg(programs()).arg("--folder").arg(folder).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the bench")
}

/// Its cgroup, which holds all that it starts.
fn cgroup(pid: u32) -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    let tree = mounts.lines().rfind(|l| l.split(' ').nth(2) == Some("cgroup2")).expect("a cgroup2 tree");
    Path::new(tree.split(' ').nth(1).expect("a path")).join(format!("rung-bench-{pid}"))
}

fn nothing_is_left(pid: u32, folder: &Path) {
    assert!(!cgroup(pid).exists(), "its cgroup is left");
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    assert!(!mounts.contains(&folder.display().to_string()), "a mount is left:\n{mounts}");
    let worlds: Vec<_> = fs::read_dir(folder.join("worlds")).expect("worlds").flatten().collect();
    assert!(worlds.is_empty(), "worlds are left: {worlds:?}");
}

#[test]
fn it_measures_and_leaves_nothing() {
    if let Some(why) = unable() {
        println!("skipped: {why}");
        return;
    }
    let folder = folder("run");
    let json = folder.0.join("results.json");
    let work = "start-10,restart,stop,orphans,sizes";
    let options = ["-n", "10", "--rounds", "1", "--work", work, "--json", json.to_str().expect("text")];
    let contenders = ["floor", "floor-cgroup", "floor-wait", "rung", "rung-plain"];
    let bench = start(&folder.0, &[&options[..], &contenders[..]].concat());
    let pid = bench.id();
    let out = bench.wait_with_output().expect("its end");
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{errors}");
    for row in ROWS {
        assert!(text.contains(row.title), "the report doesn't name `{}`:\n{text}", row.title);
    }
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&json).expect("JSON")).expect("JSON");
    for (row, who) in [
        ("start-10", &contenders[..]),
        ("restart", &["floor", "floor-cgroup", "rung", "rung-plain"]),
        ("stop", &["floor", "rung", "rung-plain"]),
        ("memory-10", &["floor", "rung"]),
        ("orphans", &["floor-wait", "rung", "rung-plain"]),
        ("size-init", &["rung"]),
    ] {
        // The one that only waits starts a single service.
        for who in who.iter().filter(|w| row != "start-10" || **w != "floor-wait") {
            let median = report["rows"][row][who]["median"].as_f64();
            assert!(median.is_some_and(|m| m > 0.0), "{row} of {who}: {median:?}\n{errors}\n{}", report["troubles"]);
        }
    }
    assert_eq!(report["rows"]["restart"]["rung"]["samples"], 20);
    assert!(report["bars"].as_array().is_some_and(|bars| bars.iter().any(|b| b["row"] == "restart")), "{report:#}");
    nothing_is_left(pid, &folder.0);
}

#[test]
fn interrupted_it_leaves_nothing_either() {
    if let Some(why) = unable() {
        println!("skipped: {why}");
        return;
    }
    let folder = folder("interrupted");
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let bench = start(&folder.0, &["-n", "10", "--work", "crash", "rung"]);
        let (pid, until) = (bench.id(), deadline(20));
        while !cgroup(pid).join("1").exists() {
            assert!(Instant::now() < until, "no world was made");
            rung_tests::bench::pause(5);
        }
        kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal).expect("it is there");
        let out = bench.wait_with_output().expect("its end");
        assert!(!out.status.success(), "it says that it was interrupted");
        nothing_is_left(pid, &folder.0);
    }
}

#[test]
fn work_that_there_is_not_is_refused() {
    if let Some(why) = unable() {
        println!("skipped: {why}");
        return;
    }
    let folder = folder("strange");
    for (words, strange) in [
        (&["--work", "memory-1000", "rung"][..], "memory-1000"),
        (&["--work", "sizes,start-1000", "-n", "10", "rung"], "start-1000"),
    ] {
        let out = start(&folder.0, words).wait_with_output().expect("its end");
        let errors = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{errors}");
        let known = format!("there is no work `{strange}`; there are: start-10,");
        assert!(errors.contains(&known) && errors.contains("measured at start-N"), "{errors}");
        assert!(out.stdout.is_empty(), "a report of nothing: {}", String::from_utf8_lossy(&out.stdout));
    }
}
