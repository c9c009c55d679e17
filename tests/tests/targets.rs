//! Targets: those that are there by themselves, and those that gather units by links.

use nix::sys::signal::Signal;
use rung_tests::world::{World, deadline, off};

/// A oneshot that stays, with lines for `[Unit]` and `[Install]`; off in every level.
fn stays(unit: &str, install: &str) -> String {
    let exec = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true";
    off(&format!("[Unit]\n{unit}\n{exec}\n[Install]\n{install}"))
}

fn states<const N: usize>(world: &World, names: [&str; N]) -> [String; N] {
    names.map(|name| world.state(name).0)
}

#[test]
fn well_known_targets_are_there_without_a_file() {
    let unit = "Requires=network-online.target sysinit.target\nAfter=network-online.target\n\
                Conflicts=shutdown.target\nBefore=shutdown.target umount.target";
    let world = World::new().unit("a.service", &stays(unit, "")).boot();
    let bare = world.ok(["initctl", "list"]);
    assert!(!bare.contains("network-online.target"), "one that nobody has started isn't listed");
    world.ok(["initctl", "start", "a"]);
    assert_eq!(states(&world, ["a", "network-online.target"]), ["active", "active"]);
    let out = world.fails(1, ["initctl", "start", "shutdown.target"]);
    assert!(out.stderr.contains("RefuseManualStart="), "{}", out.stderr);
    assert_eq!(world.state("a").0, "active");
    // One whose kind was left out is near.
    let out = world.fails(5, ["initctl", "start", "network-online"]);
    assert!(out.stderr.contains("did you mean network-online.target?"), "{}", out.stderr);
}

#[test]
fn a_target_that_ends_the_machine_does() {
    let world = World::new()
        .unit("a.service", "[Unit]\nOnFailure=poweroff.target\n[Service]\nExecStart=/bin/sleep inf\n")
        .boot();
    let pid = world.main_of("a");
    // The machine may be gone before kill is.
    let _ = world.run(["kill", "-9", &pid.to_string()]);
    assert!(world.gone(deadline(30)), "{}", world.console());
}

#[test]
fn what_is_switched_on_in_a_target_comes_with_it() {
    let world = World::new()
        .unit("own.target", &off("[Unit]\nDescription=Own\n"))
        .unit("want.service", &stays("", "WantedBy=own.target\nAlias=also.service\n"))
        .unit("need.service", &stays("", "RequiredBy=own.target\n"))
        .unit("side.service", &stays("", "UpheldBy=want.service\n"))
        .boot();
    world.ok(["initctl", "start", "own.target"]);
    assert_eq!(states(&world, ["own.target", "want", "need"]), ["active", "inactive", "inactive"]);
    world.ok(["initctl", "stop", "own.target"]);
    let plan = world.ok(["initctl", "enable", "--dry-run", "want"]);
    assert!(plan.contains("own.target.wants") && !world.path("/etc/rung/units/own.target.wants").exists(), "{plan}");
    world.ok(["initctl", "enable", "want", "need", "side"]);
    assert!(world.path("/etc/rung/units/own.target.requires/need.service").is_symlink());
    assert_eq!(world.show("own.target", "Wants"), "want.service");
    assert_eq!(world.ok(["initctl", "is-enabled", "want"]), "enabled\n");
    assert!(world.ok(["initctl", "levels", "want"]).contains("with own.target"));
    world.ok(["initctl", "start", "own.target"]);
    assert_eq!(states(&world, ["own.target", "want", "need", "side"]), ["active"; 4]);
    // The next manager reads the same.
    world.kill_manager(Signal::SIGKILL);
    world.ok(["initctl", "stop", "need"]);
    assert_eq!(states(&world, ["own.target", "want", "need"]), ["inactive", "active", "inactive"]);
    world.ok(["initctl", "disable", "want", "need", "side"]);
    for link in ["own.target.wants/want.service", "own.target.requires/need.service", "also.service"] {
        assert!(!world.path(&format!("/etc/rung/units/{link}")).is_symlink(), "{link}");
    }
    assert_eq!(world.run(["initctl", "is-enabled", "want"]).stdout, "disabled\n");
    world.ok(["initctl", "stop", "want", "side"]);
    world.ok(["initctl", "start", "own.target", "want"]);
    assert_eq!(states(&world, ["own.target", "want", "need", "side"]), ["active", "active", "inactive", "inactive"]);
}

#[test]
fn folders_of_links_count_as_soon_as_they_are_there() {
    let world = World::new()
        .unit("a.service", &stays("", ""))
        .unit("b.service", &stays("", ""))
        .unit("c@.service", &stays("", ""))
        .boot();
    let link = |folder: &str, name: &str, to: &str| {
        world.ok(["/bin/mkdir", "-p", folder]);
        world.ok(["/bin/ln", "-sfn", to, &format!("{folder}/{name}")]);
    };
    link("/etc/systemd/system/network-online.target.wants", "a.service", "/x/a.service");
    link("/run/rung/units/b.service.requires", "c@one.service", "/x/c@.service");
    // Of systemd's own folders nothing is added to a unit of Rung's.
    link("/run/systemd/system/b.service.wants", "c@two.service", "/x/c@.service");
    world.ok(["initctl", "start", "network-online.target", "b"]);
    assert_eq!(states(&world, ["a", "b", "c@one", "c@two"]), ["active", "active", "active", "inactive"]);
    world.ok(["initctl", "stop", "a", "network-online.target"]);
    // A mask in an earlier folder takes the link away; so does removing it.
    link("/etc/rung/units/network-online.target.wants", "a.service", "/dev/null");
    world.ok(["initctl", "start", "network-online.target"]);
    assert_eq!(states(&world, ["network-online.target", "a"]), ["active", "inactive"]);
    world.ok(["/bin/rm", "/run/rung/units/b.service.requires/c@one.service"]);
    world.ok(["initctl", "stop", "c@one"]);
    world.ok(["initctl", "restart", "b"]);
    assert_eq!(states(&world, ["b", "c@one"]), ["active", "inactive"]);
}

#[test]
fn switching_off_takes_systemds_links_too() {
    let world = World::new().unit("a.service", &stays("", "WantedBy=multi-user.target\n")).boot();
    world.ok(["initctl", "disable", "a"]);
    world.ok(["/bin/mkdir", "-p", "/etc/systemd/system/multi-user.target.wants"]);
    world.write("/etc/systemd/system/multi-user.target.wants/a.service", "");
    let levels = |world: &World| world.status("a")["levels"].as_str().unwrap().to_owned();
    assert_eq!(levels(&world), "2345");
    world.ok(["initctl", "disable", "a"]);
    assert_eq!(levels(&world), "");
}

#[test]
fn systemds_links_alone_can_be_switched_off_in_one_level() {
    let world = World::new().unit("a.service", &stays("", "WantedBy=multi-user.target\n")).boot();
    world.ok(["initctl", "disable", "a"]);
    world.ok(["/bin/mkdir", "-p", "/etc/systemd/system/multi-user.target.wants"]);
    let link = "/etc/systemd/system/multi-user.target.wants/a.service";
    world.write(link, "");
    let levels = |world: &World| world.status("a")["levels"].as_str().unwrap().to_owned();
    assert_eq!(levels(&world), "2345");
    let plan = world.ok(["initctl", "disable", "--dry-run", "--levels", "24", "a"]);
    assert!(plan.contains("would make /etc/rung/levels/3/a.service") && plan.contains("on in 35"), "{plan}");
    assert_eq!(levels(&world), "2345", "nothing was done");
    world.ok(["initctl", "disable", "--levels", "24", "a"]);
    assert_eq!((levels(&world).as_str(), world.path(link).exists()), ("35", true));
    // With the last link of Rung's own systemd's would count again.
    world.ok(["initctl", "disable", "--levels", "35", "a"]);
    assert_eq!((levels(&world).as_str(), world.path(link).exists()), ("", false));
    world.write(link, "");
    world.ok(["initctl", "disable", "--levels", "2345", "a"]);
    assert_eq!((levels(&world).as_str(), world.path(link).exists()), ("", false));
}

#[test]
fn rungs_own_targets_are_active_where_the_level_says_so() {
    let world = World::new().boot();
    let active = |name: &str| world.run(["initctl", "is-active", name]).stdout;
    for name in ["multi-user.target", "runlevel3.target", "sysinit.target", "network.target"] {
        assert_eq!(active(name), "active\n", "{name}");
    }
    assert_eq!(active("graphical.target"), "inactive\n");
    assert_eq!(active("runlevel5.target"), "inactive\n");
    let mut wait = world.command(["initctl", "wait", "graphical.target"]).spawn().expect("initctl");
    world.ok(["initctl", "runlevel", "5"]);
    assert!(wait.wait().expect("an end").success());
    assert_eq!(active("graphical.target"), "active\n");
    assert_eq!(active("runlevel3.target"), "inactive\n");
    assert!(!world.ok(["initctl", "list"]).contains("graphical"));
}
