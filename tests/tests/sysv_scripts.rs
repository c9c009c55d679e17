//! What init scripts see, and what `service` does with those that Rung would have nothing to do for (sections 7 and 8 of the
//! reference), beside what `scripts.rs`, `script_verbs.rs` and `sysv_oracle.rs` show.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use rung_tests::scripts::{DAEMON, add, calls, farm, script, status};
use rung_tests::world::{Output, Rootfs, World, deadline};
use std::fs;
use std::path::Path;

fn sysv(world: &World, line: &str) -> Output {
    world.run(["/usr/lib/rung/sysv"].into_iter().chain(line.split(' ')))
}

/// A script of a level that is being entered finds the new level wherever it looks, as under sysvinit: a tool that it calls
/// may start what is on there. Nothing of init's own signals reaches it.
#[test]
fn a_script_of_a_level_finds_that_level() {
    let world = World::new().boot();
    fs::write(world.path("/run/utmp"), "").unwrap();
    world.ok(["rm", "-f", "/usr/sbin/policy-rc.d"]);
    let look = "echo \"$(tr -d '\\0' </proc/1/cmdline | sed 's/ *$//')\" >>/run/seen\n\
                for utmp in '' /run/utmp; do /usr/lib/rung/sysv runlevel $utmp >>/run/seen; done\n\
                /usr/lib/rung/sysv invoke-rc.d --query look start; echo $? >>/run/seen\n\
                grep Sig[BI] /proc/self/status | tr -d '\\t' >>/run/seen; pwd >>/run/seen; umask >>/run/seen";
    add(&world, "look", &script(look));
    farm(&world, &["4/S01look"]);
    world.ok(["initctl", "runlevel", "4"]);
    let seen =
        world.wait_for("its words", deadline(30), |w| Some(w.text("/run/seen")).filter(|t| t.ends_with("0022\n")));
    let none = "0000000000000000";
    assert_eq!(seen, format!("init [4]\n3 4\n3 4\n104\nSigBlk:{none}\nSigIgn:{none}\n/\n0022\n"));
}

/// Statuses of a stop that mean that nothing is left are no failures; any other is one, and `service` ends with it.
#[test]
fn a_stop_ends_with_the_scripts_status() {
    let world = World::new().boot();
    for (code, state) in
        [(0, "inactive"), (1, "failed"), (4, "failed"), (5, "inactive"), (6, "inactive"), (7, "inactive")]
    {
        let name = format!("s{code}");
        add(&world, &name, &format!("#!/bin/sh\ncase $1 in stop) exit {code};; esac\n"));
        assert_eq!(sysv(&world, &format!("service {name} start")).code, 0);
        let out = sysv(&world, &format!("service {name} stop"));
        assert_eq!(out.code, code, "{out:?}");
        assert_eq!(status(&world, &name)["state"], state, "{code}");
    }
    for code in [5, 6] {
        add(&world, "absent", &format!("#!/bin/sh\nexit {code}\n"));
        assert_eq!(sysv(&world, "service absent start").code, code, "not installed, not configured");
        assert_eq!(status(&world, "absent")["state"], "inactive");
    }
}

/// What Rung doesn't know to run is stopped by its script, and what has left nothing running does its work once more.
#[test]
fn service_calls_the_script_also_where_rung_has_nothing_to_do() {
    let world = World::new().boot();
    add(&world, "hand", &script(&DAEMON.replace("echo $! >/run/$NAME.pid", ":")));
    add(&world, "net", &script("true"));
    for tool in ["service", "invoke-rc.d --force"] {
        world.ok(["/etc/init.d/hand", "start"]);
        assert_eq!(status(&world, "hand")["state"], "inactive", "nobody knows of it");
        let pid: i32 = world.text("/run/hand.pids").trim().parse().unwrap();
        calls(&world);
        assert_eq!(sysv(&world, &format!("{tool} hand stop")).code, 0);
        assert_eq!(calls(&world), ["hand stop"], "{tool}");
        world.wait_for("its end", deadline(30), |w| (!w.path(&format!("/proc/{pid}")).exists()).then_some(()));
        for _ in 0..2 {
            assert_eq!(sysv(&world, &format!("{tool} net start")).code, 0);
            assert_eq!(status(&world, "net")["phase"], "exited");
        }
        assert_eq!(calls(&world), ["net start", "net start"], "{tool}");
        world.ok(["initctl", "stop", "net"]);
        calls(&world);
    }
    // What runs is left alone.
    assert_eq!((sysv(&world, "service hand start").code, sysv(&world, "service hand start").code), (0, 0));
    assert_eq!(calls(&world), ["hand start"]);
}

/// openrc's list of what was started is kept, where there is one.
#[test]
fn service_keeps_the_list_of_openrc() {
    let world = World::new().boot();
    add(&world, "web", &script(DAEMON));
    fs::create_dir_all(world.path("/run/openrc/started")).unwrap();
    sysv(&world, "service web start");
    let link = world.path("/run/openrc/started/web");
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("/etc/init.d/web"));
    sysv(&world, "service web stop");
    assert!(fs::symlink_metadata(link).is_err());
}

/// Scripts of level S are executed, those in `.sh` too: none is read into a shell of others, whose end it would be.
#[test]
fn scripts_of_level_s_are_executed() {
    let rootfs = Rootfs::new()
        .file("etc/init.d/first.sh", "#!/bin/sh\nWORD=first\nexport WORD\necho \"$0 $1\" >>/calls\nexit 0\n", 0o755)
        .file("etc/init.d/second", "#!/bin/sh\necho \"$0 $1 $WORD\" >>/calls\n", 0o755)
        .link("etc/rcS.d/S01first.sh", "../init.d/first.sh")
        .link("etc/rcS.d/S02second", "../init.d/second");
    let world = World::new().arg("--all").arg("--root").arg(rootfs.path()).boot();
    assert_eq!(world.read("/calls"), "/etc/init.d/first.sh start\n/etc/init.d/second start \n");
}

/// A declarative script, which an interpreter of Debian's carries out, is a unit like any other.
#[test]
fn init_d_script_is_an_interpreter() {
    let world = World::new().boot();
    if !world.path("/lib/init/init-d-script").exists() || !world.path("/sbin/start-stop-daemon").exists() {
        return println!("skipped: there is no /lib/init/init-d-script");
    }
    let text = "#!/lib/init/init-d-script\n### BEGIN INIT INFO\n# Provides: sleeps\n# Required-Start:\n# Required-Stop:\n\
                # Default-Start: 3\n# Default-Stop: 0\n### END INIT INFO\nNAME=sleeps\nDAEMON=/bin/sleep\nCOMMAND_NAME=sleep\n\
                DAEMON_ARGS=7171\nPIDFILE=/run/sleeps.pid\nSTART_ARGS='--background --make-pidfile'\n";
    add(&world, "sleeps", text);
    assert_eq!(sysv(&world, "service sleeps start").code, 0);
    let main = status(&world, "sleeps")["main_pid"].to_string();
    assert_eq!(world.text("/run/sleeps.pid").trim(), main);
    let out = sysv(&world, "service sleeps status");
    assert_eq!((out.code, out.stdout.as_str()), (0, "sleeps is running.\n"));
    assert_eq!(sysv(&world, "service sleeps stop").code, 0);
    assert_eq!(status(&world, "sleeps")["state"], "inactive");
}

/// Debian's own `invoke-rc.d`, called while level S runs and utmp still tells of the last shutdown: by PID 1's title it
/// knows that the machine boots.
#[test]
fn debians_invoke_rc_d_knows_a_boot_by_the_title() {
    if !Path::new("/usr/sbin/invoke-rc.d").exists() || !Path::new("/bin/ps").exists() {
        return println!("skipped: there is no invoke-rc.d of Debian's, or no ps");
    }
    let text = "[Service]\nType=oneshot\n\
                ExecStart=/bin/sh -c 'rm -f /usr/sbin/policy-rc.d /sbin/runlevel; ln -s /usr/lib/rung/sysv /sbin/runlevel; \
                : >/run/utmp; /usr/lib/rung/sysv record runlevel 6 3; mkdir -p /etc/rcS.d; ln -s ../init.d/early /etc/rcS.d/S01early; \
                echo \"echo called >>/run/calls\" >/etc/init.d/early; chmod 755 /etc/init.d/early'\n\
                ExecStart=/bin/sh -c '{ /sbin/runlevel; invoke-rc.d early start; echo done; rm /etc/rcS.d/S01early; \
                invoke-rc.d early start; } >/run/said 2>&1'\n[Install]\nRunlevels=S\n";
    let world = World::new().unit("early.service", text).boot();
    assert_eq!(world.text("/run/said"), "3 6\ndone\n", "not the safe mode of a shutdown");
    assert_eq!(world.text("/run/calls"), "called\n", "by its link in rcS.d, and not without it");
}

/// Who may not change a link is told which, whatever has made it so far.
#[test]
fn update_rc_d_names_the_link_that_it_may_not_change() {
    let world = World::new().boot();
    let header = "### BEGIN INIT INFO\n# Provides: web\n# Required-Start:\n# Required-Stop:\n# Default-Start: 3\n\
                  # Default-Stop: 0\n### END INIT INFO\n";
    add(&world, "web", &format!("#!/bin/sh\n{header}"));
    add(&world, "new", &format!("#!/bin/sh\n{header}"));
    farm(&world, &["3/S01web", "0/K01web"]);
    for (line, path) in [
        ("new defaults", "/etc/rc3.d/S01new"),
        ("web disable", "/etc/rc3.d/K01web"),
        ("-f web remove", "/etc/rc0.d/K01web"),
    ] {
        let words = ["setpriv", "--reuid=65534", "--clear-groups", "/usr/lib/rung/sysv", "update-rc.d"];
        let out = world.run(words.into_iter().chain(line.split(' ')));
        let why = format!("update-rc.d: error: {path}: Permission denied; only root may change it\n");
        assert_eq!((out.code, out.stderr.as_str()), (1, why.as_str()), "{line}");
    }
}
