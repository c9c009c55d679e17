//! Switches of levels on a machine of init scripts: exactly the scripts that Debian's `rc` calls, with `start` or `stop`,
//! in an order that insserv allows. Each script writes what it was called with.
#![allow(clippy::unwrap_used, reason = "this is all test code")]

use rung_tests::world::{World, deadline};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// Scripts, what they are started after and stopped before, and their links.
const SCRIPTS: &[(&str, &str, &[&str])] = &[
    ("boot", "", &["S/S01"]),
    ("a", "", &["2/S01", "3/S01", "5/K03", "1/K03", "0/K03", "6/K03"]),
    ("b", "a", &["3/S02", "5/S02", "2/K02", "1/K02", "0/K02", "6/K02"]),
    ("c", "a", &["2/S02", "3/K01", "5/K01"]),
    ("d", "b", &["5/S03", "1/K01", "2/K01", "3/K01"]),
    // Nobody starts it.
    ("e", "", &["3/K01", "1/K01"]),
];

/// What a level is switched to, and what `rc` calls then: what it stops, what it starts.
const SWITCHES: &[(&str, &str, &str)] = &[
    // rc2.d's K links, less those of rc4.d, which has none.
    ("2", "b d", "a c"),
    // `d` has a K link in rc2.d, too; `a` an S link.
    ("3", "c e", "b"),
    ("5", "a", "d"),
    // `a` and `c` have K links in rc5.d.
    ("1", "b d e", ""),
    // rcS.d is for the boot.
    ("S", "", ""),
    ("2", "b d", "a c"),
];

fn script(name: &str, after: &str) -> String {
    format!(
        "#!/bin/sh
### BEGIN INIT INFO
# Provides:       {name}
# Required-Start: {after}
# Required-Stop:  {after}
# Default-Start:
# Default-Stop:
### END INIT INFO
echo \"$1 {name} $PREVLEVEL $RUNLEVEL\" >>/run/calls
"
    )
}

fn world() -> World {
    let world = World::new().level('4').with_tmpfiles().boot();
    for (name, after, links) in SCRIPTS {
        let path = format!("/etc/init.d/{name}");
        world.write(&path, &script(name, after));
        fs::set_permissions(world.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
        for link in *links {
            let (level, number) = link.split_once('/').unwrap();
            let folder = world.path(&format!("/etc/rc{level}.d"));
            fs::create_dir_all(&folder).unwrap();
            symlink(format!("../init.d/{name}"), folder.join(format!("{number}{name}"))).unwrap();
        }
    }
    world
}

#[test]
fn a_switch_calls_the_scripts_that_rc_calls() {
    let world = world();
    let mut before = "4".to_owned();
    for (level, stops, starts) in SWITCHES {
        fs::write(world.path("/run/calls"), "").unwrap();
        world.ok(["initctl", "runlevel", level]);
        world.wait_for("the level", deadline(30), |w| {
            w.run(["initctl", "runlevel"]).stdout.trim().ends_with(level).then_some(())
        });
        let calls = world.read("/run/calls");
        let called = |verb: &str| {
            let mut names: Vec<_> =
                calls.lines().filter_map(|line| line.strip_prefix(verb)?.trim_start().split(' ').next()).collect();
            names.sort_unstable();
            names.join(" ")
        };
        let switch = format!("{before} to {level}:\n{calls}\n{}", world.console());
        assert_eq!((called("stop"), called("start")), ((*stops).to_owned(), (*starts).to_owned()), "{switch}");
        in_order(&calls, &switch);
        for line in calls.lines() {
            assert!(line.ends_with(&format!(" {before} {level}")), "{line}: {switch}");
        }
        (*level).clone_into(&mut before);
    }
}

/// Each after what it needs is started, and stopped before it.
fn in_order(calls: &str, switch: &str) {
    let lines: Vec<&str> = calls.lines().collect();
    let at = |verb: &str, name: &str| lines.iter().position(|l| l.starts_with(&format!("{verb} {name} ")));
    for (name, after, _) in SCRIPTS {
        if let (Some(own), Some(other)) = (at("start", name), at("start", after)) {
            assert!(other < own, "{after} is started before {name}; {switch}");
        }
        if let (Some(own), Some(other)) = (at("stop", name), at("stop", after)) {
            assert!(own < other, "{name} is stopped before {after}; {switch}");
        }
    }
    let last_stop = lines.iter().rposition(|l| l.starts_with("stop"));
    let first_start = lines.iter().position(|l| l.starts_with("start"));
    if let (Some(stop), Some(start)) = (last_stop, first_start) {
        assert!(stop < start, "rc stops before it starts; {switch}");
    }
}
