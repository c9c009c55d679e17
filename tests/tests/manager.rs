//! The manager with everything real around it: what it looks up, and what it is asked.

use rung_tests::world::{World, deadline};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Knows a user, and takes for ever over another one.
const GETENT: &str = "#!/bin/sh
case \"$1 $2\" in
'passwd remote') echo remote:x:4711:4712::/:/bin/sh ;;
'initgroups remote') echo remote 4712 4713 ;;
'passwd slow') echo asked >/run/asked; exec sleep infinity ;;
*) exit 2 ;;
esac
";

#[test]
fn users_that_only_getent_knows_are_looked_up_and_nothing_waits_for_it() {
    let unit = |user: &str| {
        let kind = if user == "slow" { "simple" } else { "oneshot" };
        format!(
            "[Service]\nType={kind}\nRemainAfterExit=yes\nUser={user}\nExecStart=/bin/sh -c 'id -u; id -G >/tmp/who'\n[Install]\nRunlevels=5\n"
        )
    };
    let world = World::new()
        .unit("remote.service", &unit("remote"))
        .unit("slow.service", &unit("slow"))
        .unit("nobody-at-all.service", &unit("nobody-at-all"))
        .boot();
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let program = world.path("/usr/local/sbin/getent");
    fs::create_dir_all(program.parent().expect("a folder")).expect("a folder");
    fs::write(&program, GETENT).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    world.ok(["initctl", "start", "remote"]);
    assert_eq!(world.ok(["cat", "/tmp/who"]), "4712 4713\n");

    let missing = world.run(["initctl", "start", "nobody-at-all"]);
    assert!(missing.code != 0 && missing.stderr.contains("there is no user `nobody-at-all`"), "{missing:#?}");

    world.ok(["initctl", "start", "--no-wait", "slow"]);
    world.wait_for("the question", deadline(10), |w| w.path("/run/asked").exists().then_some(()));
    assert_eq!(world.run(["initctl", "is-active", "slow"]).stdout, "activating\n");
    world.ok(["initctl", "stop", "slow"]);
    assert_eq!(world.run(["initctl", "is-active", "slow"]).stdout.trim(), "inactive");
}
