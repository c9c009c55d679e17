//! Units made from init scripts, with real scripts: what they leave running, what rc's rules call, what runs them.

#![allow(clippy::expect_used, clippy::panic, reason = "tests' helpers fail by it")]

use nix::sys::signal::Signal;
use rung_tests::scripts::{DAEMON, add, calls, farm, script, script_with, status};
use rung_tests::world::{Rootfs, World, deadline};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

fn world() -> World {
    World::new().boot()
}

#[test]
fn a_script_is_a_supervised_unit() {
    let world = world();
    add(&world, "web", &script_with("# chkconfig: - 50 50\n# pidfile: /run/web.pid\n", DAEMON));
    world.ok(["initctl", "start", "web"]);
    let unit = status(&world, "web");
    assert_eq!((&unit["state"], &unit["source"]), (&"active".into(), &"script".into()));
    let pid = fs::read_to_string(world.path("/run/web.pid")).expect("its pid file");
    assert_eq!(unit["main_pid"].to_string(), pid.trim());
    let list = world.ok(["initctl", "list", "--source", "script", "--columns", "name,state"]);
    assert!(list.contains("web") && list.contains("active"), "{list}");
    let page = world.ok(["initctl", "status", "web"]);
    assert!(page.contains("made from  /etc/init.d/web"), "{page}");
    let text = world.ok(["initctl", "cat", "web"]);
    assert!(text.contains("sysv generate` from /etc/init.d/web"), "{text}");
    let why = world.ok(["initctl", "why", "web"]);
    assert!(why.contains("/run/rung/generated/scripts/web.service (script): used"), "{why}");
    assert!(why.contains("is made from it"), "{why}");
    // Its daemon dies: known without asking anybody, and nothing is called.
    world.ok(["kill", "-9", pid.trim()]);
    world.wait_for("its end", deadline(60), |w| (status(w, "web")["state"] == "failed").then_some(()));
    assert_eq!(calls(&world), ["web start"]);
    // A drop-in brings it back, by stop and start of the script.
    world.ok(["initctl", "set", "web", "Restart=on-failure"]);
    world.ok(["initctl", "start", "web"]);
    let old = status(&world, "web")["main_pid"].clone();
    assert_eq!(calls(&world), ["web start"]);
    world.ok(["kill", "-9", &old.to_string()]);
    world.wait_for("the restart", deadline(60), |w| {
        let unit = status(w, "web");
        (unit["state"] == "active" && unit["main_pid"].is_number() && unit["main_pid"] != old).then_some(())
    });
    assert_eq!(calls(&world), ["web stop", "web start"]);
    world.ok(["initctl", "stop", "web"]);
    assert_eq!(
        (calls(&world), status(&world, "web")["state"].clone()),
        (vec!["web stop".to_owned()], "inactive".into())
    );
}

/// What somebody who comes from sysvinit meets first: a new script is there at the next question, is switched on where its
/// header says, and what is wrong with it is told by its own name.
#[test]
fn a_new_script_is_known_at_once() {
    let world = world();
    let header = "### BEGIN INIT INFO\n# Provides: web\n# Required-Start: nosuch\n# Required-Stop:\n\
                  # Default-Start: 3 5\n# Default-Stop: 0 6\n### END INIT INFO\n";
    add(&world, "web", &script_with(header, "echo no luck; exit 1"));
    let list = world.ok(["initctl", "list", "web"]);
    assert!(list.contains("web"), "{list}");
    let verify = world.run(["initctl", "verify", "web"]);
    assert!(verify.stdout.contains("no script and no unit provides `nosuch`"), "{verify:?}");
    world.ok(["initctl", "enable", "web"]);
    let on = |level: &str| fs::symlink_metadata(world.path(&format!("/etc/rc{level}.d/S01web"))).is_ok();
    assert_eq!(["2", "3", "4", "5"].map(on), [false, true, false, true]);
    for call in [["initctl", "start", "web"].as_slice(), &["/usr/lib/rung/sysv", "service", "web", "start"]] {
        let out = world.run(call);
        assert!(out.stderr.contains("ExecStart= (/etc/init.d/web) exited with status 1"), "{out:?}");
        assert!(out.stderr.contains("\n  try: initctl logs web -n 50"), "{out:?}");
    }
    world.ok(["initctl", "mask", "web"]);
    let out = world.run(["initctl", "start", "web"]);
    assert!(out.code != 0 && out.stderr.contains("try: initctl unmask web"), "{out:?}");
}

#[test]
fn several_daemons_none_and_what_is_not_installed() {
    let world = world();
    add(&world, "many", &script(&format!("{DAEMON}\n{DAEMON}")));
    add(&world, "none", &script("true"));
    add(&world, "absent", &script("exit 5"));
    add(&world, "unset", &script("exit 6"));
    add(&world, "broken", &script("exit 1"));
    world.ok(["initctl", "start", "many", "none"]);
    let many = status(&world, "many");
    assert_eq!((many["main_pid"].is_null(), many["pids"].as_array().map(Vec::len)), (true, Some(2)), "{many}");
    assert_eq!(status(&world, "none")["phase"], "exited");
    for (name, words, code) in [("absent", "not installed", 5), ("unset", "not configured", 6)] {
        let out = world.run(["initctl", "start", name]);
        assert_eq!(out.code, 0, "{out:?}");
        assert_eq!(status(&world, name)["state"], "inactive");
        let why = world.run(["initctl", "why", name]).stdout;
        assert!(why.contains(words), "{why}");
        let out = world.run(["/usr/lib/rung/service", name, "start"]);
        assert_eq!(out.code, code, "the script's own: {out:?}");
    }
    assert_eq!(world.run(["initctl", "start", "broken"]).code, 1);
    assert_eq!(status(&world, "broken")["state"], "failed");
    // One of two dies: the other is still the service.
    let pids = fs::read_to_string(world.path("/run/many.pids")).expect("pids");
    let pids: Vec<&str> = pids.split_whitespace().collect();
    world.ok(["kill", "-9", pids[0]]);
    world.wait_for("one is left", deadline(60), |w| {
        (status(w, "many")["pids"].as_array().map(Vec::len) == Some(1)).then_some(())
    });
    assert_eq!(status(&world, "many")["state"], "active");
}

/// What can't be written while `/run` is full is made once there is room, and what runs isn't disturbed meanwhile.
#[test]
fn a_full_run_folder_costs_a_script_its_unit_only_for_as_long() {
    let world = world();
    add(&world, "old", &script(DAEMON));
    world.ok(["initctl", "start", "old"]);
    let pid = world.main_of("old");
    world.ok(["mount", "-o", "remount,size=1M", "/run"]);
    world.run(["sh", "-c", "cat /dev/zero >/run/fill"]);
    add(&world, "new", &script(":"));
    let told = world.fails(5, ["initctl", "start", "new"]);
    assert!(told.stderr.contains("there is no unit named new"), "{told:?}");
    assert!(world.console().contains("sysv generate has failed"), "{}", world.console());
    assert_eq!(world.main_of("old"), pid);
    world.ok(["rm", "/run/fill"]);
    world.ok(["initctl", "start", "new"]);
    assert_eq!(world.main_of("old"), pid);
}

#[test]
fn a_script_that_hangs_is_named_and_ended() {
    let world = world();
    let header = |name: &str, after: &str| {
        format!(
            "### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {after}\n# Required-Stop:\n\
             # Default-Start: 4\n# Default-Stop:\n### END INIT INFO\n"
        )
    };
    add(&world, "hangs", &script_with(&header("hangs", ""), "sleep 8888"));
    add(&world, "after", &script_with(&header("after", "hangs"), "true"));
    farm(&world, &["4/S01hangs", "4/S02after"]);
    world.ok(["initctl", "set", "hangs", "TimeoutStartSec=2"]);
    world.run(["initctl", "runlevel", "4"]);
    assert_eq!(calls(&world), ["hangs start", "after start"]);
    let unit = status(&world, "hangs");
    let reason = unit["reason"].as_str().unwrap_or_default();
    assert!(unit["state"] == "failed" && reason.contains("TimeoutStartSec="), "{unit}");
    assert!(world.console().contains("hangs"), "{}", world.console());
    world.wait_for("what it waited for is gone, too", deadline(60), |w| {
        w.run(["pgrep", "-f", "sleep 8888"]).stdout.is_empty().then_some(())
    });
    assert_eq!(status(&world, "after")["state"], "active");
}

#[test]
fn switches_call_what_rc_calls() {
    let world = world();
    for name in ["a", "b", "c", "d"] {
        add(&world, name, &script(DAEMON));
    }
    farm(
        &world,
        &[
            "2/S01a", "3/S01a", "0/K01a", "6/K01a", "1/K01a", "2/S02b", "3/K02b", "0/K01b", "1/K01b", "2/K01c",
            "0/K01c", "5/S01d", "0/K01d",
        ],
    );
    let level = |to: &str| {
        world.ok(["initctl", "runlevel", to]);
        calls(&world)
    };
    // The world is in level 3 already; its scripts came later.
    assert_eq!(level("2"), ["c stop", "b start"], "a is on in 3 as well, so rc doesn't call it; c was never started");
    assert_eq!(level("3"), ["b stop"]);
    assert_eq!(level("5"), ["d start"]);
    let mut called = level("2");
    called.sort();
    assert_eq!(called, ["a start", "b start", "c stop"]);
    assert_eq!(status(&world, "d")["state"], "active", "it has no K link there");
    let mut called = level("1");
    called.sort();
    assert_eq!(called, ["a stop", "b stop"]);
    assert_eq!(status(&world, "d")["state"], "inactive", "level 1 ends it, by signals");
}

#[test]
fn scripts_get_what_init_and_rc_give_them() {
    let world = world();
    add(&world, "env", &script("env >/run/env; umask >>/run/env"));
    world.ok(["initctl", "start", "env"]);
    let text = fs::read_to_string(world.path("/run/env")).expect("its environment");
    for line in [
        "PATH=/sbin:/usr/sbin:/bin:/usr/bin",
        "SHELL=/bin/sh",
        "RUNLEVEL=3",
        "PREVLEVEL=N",
        "runlevel=3",
        "previous=N",
        "CONSOLE=/dev/console",
        "0022",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(text.contains("INIT_VERSION=sysvinit-"), "{text}");
}

/// A script with a daemon whose main process a header names.
fn web() -> String {
    script_with("# chkconfig: - 50 50\n# pidfile: /run/web.pid\n", DAEMON)
}

fn pid_in_file(world: &World) -> String {
    fs::read_to_string(world.path("/run/web.pid")).expect("its pid file").trim().to_owned()
}

#[test]
fn verbs_of_a_script_run_as_part_of_its_unit() {
    let world = world();
    add(&world, "web", &web());
    assert_eq!(world.run(["initctl", "run", "web", "exit", "42"]).code, 42);
    let out = world.run(["initctl", "run", "web", "nonsense"]);
    assert_eq!((out.code, out.stderr.contains("usage:")), (3, true), "{out:?}");
    let out = world.run(["env", "SECRET=1", "initctl", "run", "web", "env"]);
    assert!(out.stdout.contains("RUNG_UNIT=web.service") && !out.stdout.contains("SECRET"), "{out:?}");
    assert_eq!(world.run(["initctl", "run", "nothing", "env"]).code, 5);
    calls(&world);
    // Its own restart, of a service that is down, and of one that runs.
    world.ok(["initctl", "run", "web", "restart"]);
    let unit = status(&world, "web");
    assert_eq!((unit["state"].clone(), unit["main_pid"].to_string()), ("active".into(), pid_in_file(&world)), "{unit}");
    let before = unit["main_pid"].clone();
    world.ok(["initctl", "run", "web", "restart"]);
    world.wait_for("the new main process", deadline(60), |w| {
        let unit = status(w, "web");
        let pid = unit["main_pid"].to_string();
        (unit["main_pid"] != before && pid == pid_in_file(w)).then_some(())
    });
    assert_eq!(status(&world, "web")["state"], "active");
    world.ok(["initctl", "run", "web", "stop"]);
    assert_eq!(status(&world, "web")["state"], "inactive");
    assert_eq!(calls(&world).first().map(String::as_str), Some("web restart"));
}

#[test]
fn a_daemon_that_somebody_has_started_is_adopted() {
    let world = world();
    add(&world, "web", &web());
    add(&world, "other", &script(DAEMON));
    assert_eq!(world.run(["initctl", "adopt", "web"]).code, 1, "nothing runs");
    // By its pid file.
    world.ok(["/etc/init.d/web", "start"]);
    world.wait_for("it is noticed", deadline(60), |w| (status(w, "web")["state"] == "active").then_some(()));
    assert_eq!(status(&world, "web")["main_pid"].to_string(), pid_in_file(&world));
    // By its number.
    world.ok(["/etc/init.d/other", "start"]);
    let pid = fs::read_to_string(world.path("/run/other.pid")).expect("a pid");
    assert_eq!(status(&world, "other")["state"], "inactive");
    world.ok(["initctl", "adopt", "other", "--pid", pid.trim()]);
    assert_eq!(status(&world, "other")["main_pid"].to_string(), pid.trim());
    let out = world.run(["initctl", "adopt", "other", "--pid", &pid_in_file(&world)]);
    assert_eq!(out.code, 1, "it is another unit's: {out:?}");
    world.ok(["kill", "-9", &pid_in_file(&world)]);
    world.wait_for("its end", deadline(60), |w| (status(w, "web")["state"] != "active").then_some(()));
}

#[test]
fn a_script_called_by_its_path_is_handed_to_rung() {
    let world = world();
    add(&world, "web", &web());
    let hook = |words: &[&str]| world.run(["/usr/lib/rung/sysv", "hook"].iter().chain(words)).code;
    assert_eq!(hook(&["start", "/etc/init.d/web"]), 0);
    assert_eq!(status(&world, "web")["state"], "active");
    assert_eq!(hook(&["start", "/opt/thing"]), 250, "no script of ours");
    let within = ["env", "RUNG_UNIT=web.service", "/usr/lib/rung/sysv", "hook", "stop", "/etc/init.d/web"];
    assert_eq!(world.run(within).code, 250, "Rung runs it already");
    assert_eq!(hook(&["stop", "/etc/init.d/web"]), 0);
    assert_eq!(status(&world, "web")["state"], "inactive");
}

fn systemd_unit(world: &World, name: &str, more: &str) {
    let folder = world.path("/etc/systemd/system");
    fs::create_dir_all(&folder).expect("a folder");
    let text = format!("[Service]\nExecStart=/bin/sleep 6666\n{more}");
    fs::write(folder.join(format!("{name}.service")), text).expect("a unit");
}

#[test]
fn of_a_unit_and_a_script_the_better_one_runs() {
    let world = world();
    for name in ["whole", "partly", "masked"] {
        add(&world, name, &script(DAEMON));
    }
    systemd_unit(&world, "whole", "Nice=1\n");
    systemd_unit(&world, "partly", "SystemCallFilter=@system-service\n");
    symlink("/dev/null", world.path("/etc/systemd/system/masked.service")).expect("a mask");
    let sources = |world: &World| {
        ["whole", "partly", "masked"].map(|n| status(world, n)["source"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(sources(&world), ["systemd", "script", "script"]);
    world.ok(["initctl", "start", "whole", "partly"]);
    assert_eq!(calls(&world), ["partly start"]);
    let why = world.run(["initctl", "why", "partly"]).stdout;
    assert!(why.contains("SystemCallFilter=") && why.contains("passed over"), "{why}");
    let why = world.run(["initctl", "why", "whole"]).stdout;
    assert!(why.contains("the systemd unit was chosen"), "{why}");
    // A choice stays, also under another manager, until somebody asks for another look.
    systemd_unit(&world, "partly", "");
    let manager = world.manager().expect("a manager");
    world.kill_manager(Signal::SIGKILL);
    world.wait_for("another manager", deadline(60), |w| w.manager().filter(|pid| *pid != manager));
    assert_eq!(sources(&world), ["systemd", "script", "script"]);
    let why = world.run(["initctl", "why", "partly"]).stdout;
    assert!(why.contains("now it would be the systemd unit"), "{why}");
    world.ok(["initctl", "stop", "partly"]);
    world.ok(["initctl", "reload", "--units"]);
    assert_eq!(sources(&world), ["systemd", "systemd", "script"]);
}

#[test]
fn scripts_may_be_preferred() {
    let world = World::new().unit("init.conf", "[Manager]\nPrefer=script\n").boot();
    add(&world, "whole", &script(DAEMON));
    systemd_unit(&world, "whole", "");
    assert_eq!(status(&world, "whole")["source"], "script");
    let why = world.run(["initctl", "why", "whole"]).stdout;
    assert!(why.contains("Prefer=script"), "{why}");
}

#[test]
fn a_boot_and_a_power_off_call_what_rc_calls() {
    let rootfs = Rootfs::new();
    let etc = rootfs.path().join("etc");
    fs::create_dir_all(etc.join("init.d")).expect("a folder");
    // Where nothing but a shell is: a daemon in the background, and a log that outlives the machine.
    let text = "#!/bin/sh\necho \"${0##*/} $1 $RUNLEVEL $PREVLEVEL\" >>/calls\n\
                case $1 in start) sleep 7777 </dev/null >/dev/null 2>&1 & echo $! >/run/${0##*/}.p;;\n\
                stop) read p </run/${0##*/}.p && kill $p;; esac\n";
    for name in ["early", "web", "never", "late", "halt"] {
        fs::write(etc.join("init.d").join(name), text).expect("a script");
        fs::set_permissions(etc.join("init.d").join(name), fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    for link in [
        "rcS.d/S01early",
        "rc3.d/S01web",
        "rc3.d/K01never",
        "rc0.d/K01web",
        "rc0.d/K02never",
        "rc0.d/K02late",
        "rc0.d/K03halt",
    ] {
        let path = etc.join(link);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        symlink(format!("../init.d/{}", &link[9..]), path).expect("a link");
    }
    let world = World::new().arg("--all").arg("--root").arg(rootfs.path()).arg("--keep").boot();
    assert_eq!(world.read("/calls"), "early start S N\nweb start 3 N\n", "no K link counts at the first level");
    assert_eq!(status(&world, "web")["state"], "active");
    let (code, errors) = world.shutdown();
    assert_eq!(code, 0, "{errors}");
    let kept = errors.split('`').rev().nth(1).map(PathBuf::from).expect("the folder is named");
    let text = fs::read_to_string(kept.join("calls")).expect("the log");
    fs::remove_dir_all(kept.parent().expect("a folder")).expect("it is ours");
    let mut rest: Vec<&str> = text.lines().skip(2).collect();
    rest.sort_unstable();
    // Also what nobody has started; but `never` has a K link in 3 as well, and halt's work is Rung's.
    assert_eq!(rest, ["late stop 0 3", "web stop 0 3"]);
}

#[test]
fn an_interactive_script_leaves_the_console_to_who_is_there() {
    let world = world();
    let header = "### BEGIN INIT INFO\n# Provides: ask\n# X-Interactive: true\n### END INIT INFO\n";
    add(&world, "ask", &script_with(header, &format!("read x; echo \"asked:$x\"\n{DAEMON}")));
    world.ok(["initctl", "start", "ask"]);
    assert_eq!(status(&world, "ask")["state"], "active");
    world.wait_for("its words in the log", deadline(10), |w| {
        w.run(["initctl", "logs", "ask"]).stdout.contains("out asked:\n").then_some(())
    });
    world.ok(["initctl", "stop", "ask"]);
}

/// rc and `service` count no starts, and neither does what they ask of a script; a script without `#!` is the shell's.
#[test]
fn a_script_is_called_as_often_as_somebody_asks_and_without_an_interpreter() {
    let world = world();
    add(&world, "often", script("true").strip_prefix("#!/bin/sh\n").unwrap());
    world.ok(["initctl", "start", "often"]);
    for _ in 0..7 {
        world.ok(["initctl", "restart", "often"]);
    }
    assert_eq!(calls(&world).iter().filter(|line| *line == "often start").count(), 8);
}
