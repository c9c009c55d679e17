//! The real programs: boot, run, shut down, in a world of their own.

#![allow(clippy::expect_used, reason = "tests")]

use rung_tests::world::{World, deadline, exists};

const SLEEPER: &str = "[Service]\nExecStart=/bin/sleep infinity\n";

#[test]
fn level_s_ends_before_the_default_level_begins() {
    let say = |what: &str| format!("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c '{what}'\n");
    let world = World::new()
        .unit(
            "early.service",
            &format!("{}[Install]\nRunlevels=S\n", say("echo begin >>/run/order; echo end >>/run/order")),
        )
        .unit("late.service", &say("echo late >>/run/order"))
        .boot();
    assert_eq!(world.ok(["cat", "/run/order"]), "begin\nend\nlate\n");
    assert_eq!(world.ok(["initctl", "runlevel"]), "N 3\n");
    assert_eq!(world.ok(["runlevel"]), "N 3\n", "the shim says the same");
}

#[test]
fn services_run_restart_and_end_with_the_world() {
    let always = format!("{SLEEPER}Restart=always\nRestartSec=0\n");
    let world = World::new().unit("a.service", &always).unit("other.service", SLEEPER).level('2').boot();
    assert_eq!(world.ok(["initctl", "is-active", "a", "other"]), "active\nactive\n");
    let pid = |w: &World| {
        let text = std::fs::read_to_string(w.path("/sys/fs/cgroup/a.service/cgroup.procs")).ok()?;
        text.trim().parse::<i32>().ok().filter(|pid| exists(*pid))
    };
    if !world.path("/sys/fs/cgroup/a.service").exists() {
        return; // No control groups here.
    }
    let first = world.wait_for("a", deadline(10), pid);
    world.ok(["sh", "-c", "kill -9 $(cat /sys/fs/cgroup/a.service/cgroup.procs)"]);
    let second = world.wait_for("a again", deadline(10), |w| pid(w).filter(|p| *p != first));
    assert!(exists(second));
    let (status, errors) = world.shutdown();
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(!exists(second));
}

/// What a unit does whose file this script of level S changes; `link`: a drop-in of it leads to this file.
fn after(script: &str, link: Option<&str>) -> String {
    let once = |text: &str| format!("[Service]\nType=oneshot\nExecStart=/bin/sh -c '{text}'\n");
    let early = once(&format!("set -e; cd /etc/rung/units; {script}")) + "[Install]\nRunlevels=S\n";
    let world = World::new().unit("early.service", &early).unit("late.service", &once("echo old >/run/ran"));
    if let Some(file) = link {
        let folder = world.folder().join("units/late.service.d");
        std::fs::create_dir(&folder).expect("a folder for drop-ins");
        std::os::unix::fs::symlink(file, folder.join("10.conf")).expect("a link");
    }
    world.boot().text("/run/ran")
}

#[test]
fn what_level_s_mounts_over_files_of_units_counts() {
    let edited = "sed s/old/new/ late.service";
    assert_eq!(after("true", None), "old\n");
    for script in [
        format!("{edited} >/run/x; cat /run/x >late.service"),
        format!("{edited} >/run/x; mount --bind /run/x late.service"),
        format!("cp -a . /run/u; {edited} >/run/u/late.service; mount --bind /run/u ."),
        format!("cp -a /etc /run/e; {edited} >/run/e/rung/units/late.service; mount --bind /run/e /etc"),
    ] {
        assert_eq!(after(&script, None), "new\n", "{script}");
    }
    let script = format!("mkdir /srv/m; mount -t tmpfs none /srv/m; {edited} >/srv/m/10.conf");
    assert_eq!(after(&script, Some("/srv/m/10.conf")), "new\n", "what a link leads to");
}

#[test]
fn it_boots_without_root() {
    if !nix::unistd::geteuid().is_root() {
        return; // The others show it.
    }
    let out = World::new().unit("a.service", SLEEPER).user(1000).run(&["initctl", "is-active", "a"]);
    if out.stderr.contains("user namespaces") {
        eprintln!("not tried: this machine forbids them");
        return;
    }
    assert_eq!((out.code, out.stdout.as_str()), (0, "active\n"), "{}", out.stderr);
}
