//! Native twins of boot scripts, with a real manager: who runs, who says so, and what takes a twin back.

#![allow(clippy::expect_used, clippy::panic, reason = "tests' helpers fail by it")]

use rung_tests::scripts::{add, calls, farm, script, status};
use rung_tests::world::World;
use std::fs;

/// The name of a script that has a twin; its text is the test's.
const NAME: &str = "rmnologin";

/// A world where logins wait for a script that has a twin, which knows this text of it.
fn world() -> World {
    let world = World::new().boot();
    world.write("/etc/default/rcS", "DELAYLOGIN=yes\n");
    add(&world, NAME, &script("true"));
    let sum = world.ok(["md5sum", &format!("/etc/init.d/{NAME}")]);
    let sum = sum.split_whitespace().next().expect("a sum");
    let service = format!("[Service]\nExecStart=/usr/lib/rung/init-boot twin {NAME} start\n");
    world.write(&format!("/usr/lib/rung/twins/{NAME}.service"), &format!("{service}\n[X-Twin]\nScript={sum}\n"));
    world
}

/// Has the script's work done, by whomever; whether its twin did it.
fn twin_ran(world: &World) -> bool {
    world.write("/run/nologin", "");
    world.ok(["initctl", "restart", NAME]);
    let gone = !world.path("/run/nologin").exists();
    assert_eq!(calls(world).iter().any(|call| call.ends_with(" start")), !gone, "either does it, and not both");
    gone
}

#[test]
fn a_twin_stands_in_for_a_script_as_long_as_nobody_changes_it() {
    let world = world();
    assert!(!twin_ran(&world), "the script has no links");
    farm(&world, &[&format!("4/S01{NAME}")]);
    assert!(twin_ran(&world));
    assert_eq!(status(&world, NAME)["source"], "twin");
    assert!(world.ok(["initctl", "list", "--source", "twin"]).contains(NAME));
    let why = world.ok(["initctl", "--json", "why", NAME]);
    assert!(why.contains(&format!("its native twin does what /etc/init.d/{NAME} does")), "{why}");
    assert!(why.contains("its twin stands in for it"), "{why}");
    // Somebody changes the script.
    let path = world.path(&format!("/etc/init.d/{NAME}"));
    let text = fs::read_to_string(&path).expect("the script");
    fs::write(&path, format!("{text}\n:\n")).expect("write");
    assert!(!twin_ran(&world));
    assert_eq!(status(&world, NAME)["source"], "script");
    let why = world.ok(["initctl", "--json", "why", NAME]);
    assert!(why.contains("runs itself and not its native twin: it isn't one that the twin knows"), "{why}");
    fs::write(&path, text).expect("write");
    assert!(twin_ran(&world));
}

#[test]
fn settings_and_init_conf_have_the_script_run() {
    let world = world();
    farm(&world, &[&format!("4/S01{NAME}")]);
    assert!(twin_ran(&world));
    for (file, text, why) in [
        ("/etc/default/rcS", "VERBOSE=yes\nDELAYLOGIN=yes\n", "VERBOSE=yes in /etc/default/rcS"),
        ("/etc/default/rcS", "DELAYLOGIN=$X\n", "/etc/default/rcS:1: `DELAYLOGIN=$X` is more than a plain assignment"),
        ("/etc/rung/init.conf", "[Manager]\nTwins=no\n", "Twins=no in init.conf"),
        ("/etc/rung/init.conf", "[Manager]\nTwins=!rmnologin !kmod\n", "Twins=!rmnologin in init.conf"),
    ] {
        let before = fs::read_to_string(world.path(file)).unwrap_or_default();
        world.write(file, text);
        assert!(!twin_ran(&world), "{text}");
        let page = world.ok(["initctl", "--json", "why", NAME]);
        assert!(page.contains(why), "{page}");
        world.write(file, &before);
        assert!(twin_ran(&world), "{text} was taken back");
    }
}
