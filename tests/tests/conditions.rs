//! `Condition…=`, `Assert…=` and `ExecCondition=` under the real programs.

use nix::sys::signal::Signal;
use rung_tests::world::{World, deadline, off, programs};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A oneshot that stays, with lines for `[Unit]`.
fn guarded(unit: &str, service: &str) -> String {
    off(&format!(
        "[Unit]\n{unit}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo ran >>/run/%n'\n{service}"
    ))
}

#[test]
fn what_isnt_to_run_now_is_skipped_and_that_is_no_failure() {
    let world = World::new()
        .unit("a.service", &guarded("ConditionPathExists=/run/flag\nConditionVirtualization=container", ""))
        .unit("b.service", &guarded("Requires=a.service\nAfter=a.service", ""))
        .unit("c.service", &guarded("ConditionPathExists=|/run/flag\nConditionPathIsMountPoint=|/proc", ""))
        .unit("d.service", &guarded("ConditionVirtualization=vm\nConditionPathExists=/run/flag", ""))
        .unit("e.target", &off("[Unit]\nConditionKernelVersion=<2\nWants=c.service\n"))
        .boot();
    let out = world.run(["initctl", "start", "a"]);
    assert_eq!(out.code, 0);
    for word in ["a is not to run now", "ConditionPathExists=/run/flag", "a.service:2", "is not met"] {
        assert!(out.stderr.contains(word), "no `{word}` in:\n{}", out.stderr);
    }
    assert_eq!(world.state("a").0, "inactive");
    let status = world.run(["initctl", "status", "--json", "a"]).stdout;
    assert!(status.contains("\"skipped\"") && status.contains("is not met"), "{status}");
    // What requires it goes on, as under systemd, and says nothing of it.
    let out = world.run(["initctl", "start", "b"]);
    assert_eq!((world.state("b").0.as_str(), out.stderr.as_str()), ("active", ""));
    world.ok(["initctl", "start", "c", "d", "e.target"]);
    assert_eq!((world.state("c").0.as_str(), world.state("d").0.as_str()), ("active", "inactive"));
    assert_eq!(world.state("e.target").0, "inactive");
    // The conditions are looked at when the start runs, not when the file is read.
    world.write("/run/flag", "");
    let out = world.run(["initctl", "start", "a"]);
    assert_eq!(out.code, 0);
    assert_eq!((world.state("a").0.as_str(), out.stderr.as_str()), ("active", ""));
    assert_eq!(world.read("/run/a.service"), "ran\n");
}

#[test]
fn what_is_asserted_and_isnt_so_is_a_failure() {
    let world = World::new()
        .unit("a.service", &guarded("AssertFileNotEmpty=!/proc/self/status\nAssertPathIsDirectory=/no/such", ""))
        .unit("b.service", &guarded("Requires=a.service\nAfter=a.service", ""))
        .boot();
    let out = world.fails(1, ["initctl", "start", "b"]);
    for word in ["could not start a", "AssertPathIsDirectory=/no/such", "a.service:3", "could not start b"] {
        assert!(out.stderr.contains(word), "no `{word}` in:\n{}", out.stderr);
    }
    assert_eq!((world.state("a").0.as_str(), world.state("b").0.as_str()), ("failed", "inactive"));
}

#[test]
fn a_command_may_say_that_the_service_is_not_to_run() {
    let world = World::new()
        .unit(
            "no.service",
            &guarded(
                "",
                "ExecCondition=/bin/sh -c 'exit 3'\nExecStopPost=/bin/sh -c 'echo over $SERVICE_RESULT >>/run/%n'\n",
            ),
        )
        .unit("yes.service", &guarded("", "ExecCondition=/bin/sh -c 'exit 0'\n"))
        .unit("broken.service", &guarded("", "ExecCondition=/bin/sh -c 'exit 255'\n"))
        .unit("killed.service", &guarded("", "ExecCondition=/bin/sh -c 'kill -9 $$$$'\n"))
        .boot();
    let out = world.run(["initctl", "start", "no", "yes"]);
    assert_eq!(out.code, 0);
    for word in ["no is not to run now", "ExecCondition=", "no.service", "exited with status 3"] {
        assert!(out.stderr.contains(word), "no `{word}` in:\n{}", out.stderr);
    }
    assert_eq!((world.state("no").0.as_str(), world.state("yes").0.as_str()), ("inactive", "active"));
    assert_eq!(world.read("/run/no.service"), "over exec-condition\n", "only ExecStopPost= ran, and is told why");
    for name in ["broken", "killed"] {
        let out = world.fails(1, ["initctl", "start", name]);
        assert!(out.stderr.contains("ExecCondition="), "{}", out.stderr);
        assert_eq!(world.state(name).0, "failed");
    }
}

#[test]
fn a_file_system_that_doesnt_answer_holds_only_the_unit_that_asks_it() {
    let mut builder = World::new()
        .unit("a.service", &guarded("ConditionDirectoryNotEmpty=/run", ""))
        .unit("b.service", &guarded("ConditionDirectoryNotEmpty=!/no/such\nConditionUser=root", ""));
    // `init-boot look` stands before a file system that is dead, with a question that the kernel has no answer to at hand.
    let folder = builder.folder().join("programs");
    fs::create_dir(&folder).unwrap();
    for name in ["init", "init-manager", "init-log", "initctl"] {
        rung_tests::copy_program(programs().join(name), folder.join(name)).unwrap();
    }
    let script = "#!/bin/sh\ncase $2 in *=/run) exec sleep infinity;; *) echo 0;; esac\n";
    fs::write(folder.join("init-boot"), script).unwrap();
    fs::set_permissions(folder.join("init-boot"), fs::Permissions::from_mode(0o755)).unwrap();
    builder = builder.programs(&folder);
    let world = builder.boot();
    world.ok(["initctl", "start", "--no-wait", "a"]);
    world.ok(["initctl", "start", "b"]);
    assert_eq!((world.state("a").0.as_str(), world.state("b").0.as_str()), ("activating", "active"));
    // The next manager asks again.
    world.kill_manager(Signal::SIGKILL);
    assert_eq!(world.state("a").0, "activating");
    world.wait_for("the look to be given up", deadline(40), |w| (w.state("a").0 == "inactive").then_some(()));
    let status = world.run(["initctl", "status", "a"]).stdout;
    assert!(status.contains("doesn't answer"), "{status}");
}

#[test]
fn enable_does_what_the_install_section_says() {
    let install = |more: &str| format!("[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\n{more}");
    let world = World::new()
        .unit(
            "web.service",
            &install("WantedBy=graphical.target\nAlias=www.service\nAlso=side.service no.service x.socket\n"),
        )
        .unit("side.service", &install("WantedBy=rescue.target\n"))
        .unit("tty@.service", &install("DefaultInstance=one\nWantedBy=multi-user.target\n"))
        .unit("plain.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
        .boot();
    let levels = |world: &World, name: &str| world.status(name)["levels"].as_str().unwrap().to_owned();
    // The sandbox takes the levels from there, too.
    assert_eq!((levels(&world, "web").as_str(), levels(&world, "side").as_str()), ("5", "1"));
    world.ok(["initctl", "disable", "web"]);
    assert_eq!((levels(&world, "web").as_str(), levels(&world, "side").as_str()), ("", ""));
    let out = world.ok(["initctl", "enable", "web", "tty@"]);
    assert!(world.path("/etc/rung/units/www.service").is_symlink(), "{out}");
    assert_eq!((levels(&world, "web").as_str(), levels(&world, "side").as_str()), ("5", "1"));
    assert_eq!(levels(&world, "tty@one"), "2345");
    world.ok(["initctl", "start", "www"]);
    world.ok(["initctl", "disable", "web"]);
    assert!(!world.path("/etc/rung/units/www.service").is_symlink());
    // A name without a link of Rung's own is on where systemd's links have it on.
    world.ok(["initctl", "disable", "plain"]);
    world.ok(["/bin/mkdir", "-p", "/etc/systemd/system/graphical.target.wants"]);
    world.write("/etc/systemd/system/graphical.target.wants/plain.service", "");
    world.wait_for("the link to count", deadline(10), |w| (levels(w, "plain") == "5").then_some(()));
}
