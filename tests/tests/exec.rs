//! How a process is set up (systemd.exec(5)): real processes tell what they got.

use rung_tests::world::{World, deadline, off};

/// Waits for a line in a unit's log.
fn says(world: &World, name: &str, text: &str) {
    let has = |w: &World| w.run(["initctl", "logs", name]).stdout.contains(text).then_some(());
    world.wait_for(text, deadline(10), has);
}

#[test]
fn prefixes() {
    let world = World::new()
        .unit(
            "all.service",
            &off("[Service]\nType=oneshot\nUser=nobody\nEnvironment=A=1\nStandardOutput=append:/run/all\n\
                 ExecStart=@/bin/sh other -c 'echo $$0 ${A}; id -u'\n\
                 ExecStart=:/bin/sh -c 'echo $A ${A}'\n\
                 ExecStart=!/usr/bin/id -u\nExecStart=+/usr/bin/id -u\nExecStart=!!/usr/bin/id -u\n\
                 ExecStart=-:+/bin/sh -c 'id -u; exit 7'\nExecStart=/bin/sh -c 'echo $$# ${NONE}'\n"),
        )
        .boot();
    world.ok(["initctl", "start", "all"]);
    assert_eq!(world.read("/run/all"), "other 1\n65534\n1 1\n0\n0\n65534\n0\n0\n");
    says(&world, "all", "$NONE isn't set");
}
