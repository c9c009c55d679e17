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

#[test]
fn what_is_switched_on_is_looked_at_first_and_aliases_go_with_their_unit() {
    let sleeper = |rest: &str| format!("[Service]\nExecStart=/bin/sleep infinity\n[Install]\nRunlevels={rest}\n");
    let world = World::new()
        .unit("a.service", &sleeper("5"))
        .unit("hidden.service", &sleeper("5"))
        .unit("broken.service", "[Service]\nType=strange\nExecStart=/bin/true\n")
        .boot();
    let on = |name: &str| world.ok(["initctl", "levels", name]);
    world.ok(["initctl", "disable", "a"]);
    world.ok(["ln", "-sf", "/dev/null", "/etc/rung/units/hidden.service"]);
    let out = world.run(["initctl", "enable", "a", "hidden"]);
    assert!(out.code != 0 && out.stderr.contains("is masked"), "{out:#?}");
    assert!(!world.path("/etc/rung/levels/5/a.service").is_symlink(), "all or none");
    let out = world.run(["initctl", "enable", "broken"]);
    assert!(out.code != 0 && out.stderr.contains("broken.service:2"), "{out:#?}");

    world.ok(["sh", "-c", "mkdir -p /etc/rc4.d && ln -s ../init.d/a /etc/rc4.d/S01a"]);
    world.ok(["initctl", "enable", "a"]);
    assert!(world.path("/etc/rung/levels/4/a.service").is_symlink(), "on as the farm had it\n{}", on("a"));
    world.ok(["ln", "-s", "a.service", "/etc/rung/units/b.service"]);
    world.ok(["sh", "-c", "mkdir -p /etc/rung/levels/2; ln -s /etc/rung/units/b.service /etc/rung/levels/2/b.service"]);
    world.ok(["initctl", "disable", "a"]);
    assert!(!world.path("/etc/rung/levels/2/b.service").is_symlink(), "{}", on("a"));
}

#[test]
fn a_folder_that_comes_to_be_is_seen() {
    let world = World::new().boot();
    world.ok(["sh", "-c", "rm -rf /run/systemd /etc/systemd/system; mkdir -p /etc/systemd/system"]);
    world.ok(["sh", "-c", "printf '[Service]\\nExecStart=/bin/sleep inf\\n' >/etc/systemd/system/late.service"]);
    world.ok(["initctl", "start", "late"]);
    world.ok(["mkdir", "-p", "/run/systemd/system"]);
    world.ok(["initctl", "status"]);
    world.ok(["sh", "-c", "printf '[Service]\\nExecStart=/bin/sleep inf\\n' >/run/systemd/system/later.service"]);
    world.ok(["initctl", "start", "later"]);
}

#[test]
fn a_level_is_written_down_for_who_where_there_is_a_place_for_it() {
    let world = World::new().boot();
    world.ok(["touch", "/run/utmp"]);
    world.ok(["initctl", "runlevel", "2"]);
    let size = |w: &World| fs::metadata(w.path("/run/utmp")).ok().filter(|m| m.len() > 0).map(drop);
    world.wait_for("a record", deadline(10), size);
}

#[test]
fn a_call_before_hanging_up_is_answered_and_the_next_ones_in_turn() {
    use std::io::{Read, Write};
    let world = World::new().unit("a.service", "[Service]\nExecStart=/bin/sleep inf\n[Install]\nRunlevels=5\n").boot();
    let mut stream = std::os::unix::net::UnixStream::connect(world.path("/run/rung/control")).expect("the socket");
    let start =
        r#"{"method":"org.rung.Manager.Change","parameters":{"verb":"start","names":["a"],"request":7,"wait":true}}"#;
    let runlevel = r#"{"method":"org.rung.Manager.Runlevel"}"#;
    let calls = format!("{start}\0{}", format!("{runlevel}\0").repeat(40));
    stream.write_all(calls.as_bytes()).expect("written");
    stream.shutdown(std::net::Shutdown::Write).expect("closed");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("replies and the end");
    let replies: Vec<&str> = text.split_terminator('\0').collect();
    assert_eq!(replies.len(), 41, "{text}");
    assert!(replies[0].contains("\"done\":true") && replies[40].contains("\"current\""), "{text}");
}
