//! `service` and `invoke-rc.d` with real scripts under Rung: start and stop are Rung's, every other verb is the script's
//! own, and what it leaves is supervised all the same (sysv-reference.md, sections 7.3, 8.2 and 8.3).

#![allow(clippy::expect_used, clippy::panic, reason = "tests' helpers fail by it")]

use nix::sys::signal::Signal;
use rung_tests::scripts::{DAEMON, add, calls, farm, script_with, status};
use rung_tests::world::container::Container;
use rung_tests::world::{Output, Rootfs, World, deadline};
use std::fs;
use std::process::Stdio;

const HEADER: &str = "# chkconfig: - 50 50\n# pidfile: /run/web.pid\n";

fn world() -> World {
    let world = World::new().boot();
    add(&world, "web", &script_with(HEADER, DAEMON));
    farm(&world, &["3/S01web", "0/K01web"]);
    // The machine the test runs on may have one.
    world.ok(["rm", "-f", "/usr/sbin/policy-rc.d"]);
    world
}

fn sysv(world: &World, line: &str) -> Output {
    world.run(["/usr/lib/rung/sysv"].into_iter().chain(line.split_whitespace()))
}

fn pid(world: &World) -> String {
    fs::read_to_string(world.path("/run/web.pid")).unwrap_or_default().trim().to_owned()
}

/// Waits until the process in the pid file, another than `before`, is the unit's main one.
fn exchanged(world: &World, before: &str) {
    world.wait_for("the new main process", deadline(60), |w| {
        let main = status(w, "web")["main_pid"].to_string();
        (main != before && main == pid(w)).then_some(())
    });
    assert_eq!(status(world, "web")["state"], "active");
}

/// `service NAME restart` is the script's own verb, as under sysvinit: what it refuses harms nothing that runs.
#[test]
fn restart_is_the_scripts_own() {
    let world = world();
    for tool in ["service", "invoke-rc.d"] {
        let call = |words: &str| sysv(&world, &format!("{tool} {words}"));
        assert_eq!(call("web start").code, 0);
        assert_eq!(
            (calls(&world), status(&world, "web")["state"].clone()),
            (vec!["web start".into()], "active".into())
        );
        let first = pid(&world);
        let out = call("web restart");
        assert_eq!((out.code, out.stdout.as_str()), (0, "restarting web\n"), "{out:?}");
        assert_eq!(calls(&world), ["web restart", "web stop", "web start"], "{tool}");
        exchanged(&world, &first);
        // Of its own accord it leaves alone what runs.
        let second = pid(&world);
        fs::write(world.path("/run/web.bad"), "").expect("a file");
        assert_eq!(call("web restart").code, 6);
        fs::remove_file(world.path("/run/web.bad")).expect("removed");
        assert_eq!((calls(&world), pid(&world)), (vec!["web restart".into()], second.clone()));
        let unit = status(&world, "web");
        assert_eq!((&unit["state"], unit["main_pid"].to_string()), (&"active".into(), second));
        // One that is down comes up by it, supervised.
        assert_eq!(call("web stop").code, 0);
        assert_eq!(status(&world, "web")["state"], "inactive");
        assert_eq!(call("web restart").code, 0);
        assert_eq!(status(&world, "web")["main_pid"].to_string(), pid(&world));
        world.ok(["kill", "-9", &pid(&world)]);
        world.wait_for("its end", deadline(60), |w| (status(w, "web")["state"] == "failed").then_some(()));
        calls(&world);
    }
}

/// What a script hasn't, it says itself; its words, its exit status, and an environment that is the tool's to give.
#[test]
fn other_verbs_are_the_scripts() {
    let world = world();
    sysv(&world, "service web start");
    let first = pid(&world);
    for tool in ["service", "invoke-rc.d"] {
        let out = sysv(&world, &format!("{tool} web exit 42"));
        assert_eq!(out.code, 42, "{out:?}");
        let out = sysv(&world, &format!("{tool} web condrestart"));
        assert!(out.code == 3 && out.stderr.contains("usage: "), "{out:?}");
        let out = world.run(["env", "SECRET=1", "/usr/lib/rung/sysv", tool, "web", "env"]);
        assert!(out.stdout.contains("RUNG_UNIT=web.service"), "{out:?}");
        assert_eq!(out.stdout.contains("SECRET"), tool == "invoke-rc.d", "{out:?}");
    }
    // An exchange of the daemon behind Rung's back, as nginx does it.
    let text = script_with(HEADER, DAEMON).replace("env) env;;", "upgrade) kill $(cat /run/$NAME.pids); $0 start;;");
    add(&world, "web", &text);
    assert_eq!(sysv(&world, "service web upgrade").code, 0);
    exchanged(&world, &first);
}

/// The administrator's policy and the level come first.
#[test]
fn policy_and_level_decide_for_invoke_rc_d() {
    let world = world();
    world.write("/usr/sbin/policy-rc.d", "#!/bin/sh\n[ \"$2\" = start ] && exit 101\nexit 0\n");
    world.ok(["chmod", "755", "/usr/sbin/policy-rc.d"]);
    assert_eq!(sysv(&world, "invoke-rc.d web start").code, 0, "denied, and quiet about it");
    assert_eq!(sysv(&world, "invoke-rc.d --disclose-deny web start").code, 101);
    assert_eq!((calls(&world).len(), status(&world, "web")["state"].clone()), (0, "inactive".into()));
    assert_eq!(sysv(&world, "service web start").code, 0, "service asks nobody");
    world.ok(["rm", "/usr/sbin/policy-rc.d"]);
    world.ok(["initctl", "stop", "web"]);
    world.ok(["rm", "/etc/rc3.d/S01web"]);
    assert_eq!(sysv(&world, "invoke-rc.d --query web start").code, 101, "no link in the level");
    assert_eq!(sysv(&world, "invoke-rc.d web restart").code, 0);
    assert_eq!(status(&world, "web")["state"], "inactive");
    let out = sysv(&world, "invoke-rc.d wbe start");
    assert!(out.code == 0 && out.stderr.contains("unknown initscript, /etc/init.d/wbe not found."), "{out:?}");
}

/// While a script restarts its daemon `Restart=` doesn't, too.
#[test]
fn a_restart_by_the_script_is_no_end_that_restart_makes_good() {
    let world = world();
    let text = script_with(HEADER, DAEMON).replace("$0 stop; $0 start;;", "$0 stop; sleep 0.5; $0 start;;");
    add(&world, "web", &text);
    world.ok(["initctl", "set", "web", "Restart=always", "RestartSec=0"]);
    sysv(&world, "service web start");
    let first = pid(&world);
    calls(&world);
    assert_eq!(sysv(&world, "service web restart").code, 0);
    exchanged(&world, &first);
    assert_eq!(calls(&world), ["web restart", "web stop", "web start"]);
    assert_eq!(status(&world, "web")["restarts"].as_u64().unwrap_or(0), 0);
    // Afterwards it does again.
    let second = pid(&world);
    world.ok(["kill", "-9", &second]);
    exchanged(&world, &second);
}

/// A daemon that ends by SIGTERM with a failure, as some do, and a script that takes its time: `Restart=` leaves it to the
/// script, and the script's own `stop` isn't run beside it.
#[test]
fn a_daemon_that_fails_on_sigterm_is_left_to_the_verb_at_work() {
    let world = world();
    // Says that it is there by its pid file, and ends with 1 when it is told to.
    let daemon = "setsid sh -c 'trap \"exit 1\" TERM; echo $$ >/run/web.pids; cp /run/web.pids /run/web.pid; \
                  while :; do sleep 0.05; done' </dev/null >/dev/null 2>&1 &\n\
                  while ! [ -s /run/web.pid ]; do sleep 0.02; done";
    let stop = "for p in $(cat /run/$NAME.pids 2>/dev/null); do kill $p; while kill -0 $p 2>/dev/null; do sleep 0.02; done; done;";
    let text = script_with(HEADER, daemon)
        .replace("for p in $(cat /run/$NAME.pids 2>/dev/null); do kill $p; done;", stop)
        .replace(
            "$0 stop; $0 start;;",
            "$0 stop; touch /run/between; while [ -e /run/between ]; do sleep 0.02; done; $0 start;;",
        )
        .replace("env) env;;", "down) $0 stop;;");
    add(&world, "web", &text);
    world.ok(["initctl", "set", "web", "Restart=always", "RestartSec=0"]);
    for call in [["/usr/lib/rung/sysv", "service"].as_slice(), &["initctl", "run"]] {
        sysv(&world, "service web start");
        let first = pid(&world);
        assert_eq!(status(&world, "web")["main_pid"].to_string(), first);
        calls(&world);
        let mut verb = world.command(call.iter().copied().chain(["web", "restart"]));
        let mut verb = verb.stdout(Stdio::null()).spawn().expect("the verb");
        world.wait_for("the daemon's end", deadline(60), |w| w.path("/run/between").exists().then_some(()));
        // Its end is known, and nothing comes of it while the script is at work.
        world.wait_for("what Rung knows of it", deadline(60), |w| {
            (status(w, "web")["last_exit"]["code"] == 1).then_some(())
        });
        let unit = status(&world, "web");
        assert_eq!((&unit["state"], &unit["main_pid"]), (&"active".into(), &serde_json::Value::Null), "{unit}");
        assert_eq!(calls(&world), ["web restart", "web stop"]);
        fs::remove_file(world.path("/run/between")).expect("removed");
        assert!(verb.wait().expect("its end").success());
        exchanged(&world, &first);
        assert_eq!(calls(&world), ["web start"]);
        assert_eq!(status(&world, "web")["restarts"].as_u64().unwrap_or(0), 0);
        world.ok(["initctl", "stop", "web"]);
        calls(&world);
    }
    // A verb that leaves nothing: what `Restart=` would do is done when it is over.
    sysv(&world, "service web start");
    let first = pid(&world);
    calls(&world);
    assert_eq!(world.run(["initctl", "run", "web", "down"]).code, 0);
    exchanged(&world, &first);
    assert_eq!(calls(&world), ["web down", "web stop", "web stop", "web start"]);
    assert_eq!(status(&world, "web")["restarts"], 1);
}

/// Who runs a verb is killed in the middle of it: the unit isn't held for ever, whichever manager there is then.
#[test]
fn a_verb_is_over_with_who_runs_it() {
    let world = world();
    let text = script_with(HEADER, DAEMON).replace("env) env;;", "hang) : >/run/hangs; exec sleep 6666;;");
    add(&world, "web", &text);
    world.ok(["initctl", "set", "web", "Restart=always", "RestartSec=0"]);
    sysv(&world, "service web start");
    let first = pid(&world);
    let run = "initctl run web hang & echo $! >/run/verb; wait";
    let mut verb = world.command(["sh", "-c", run]).spawn().expect("the verb");
    world.wait_for("the verb", deadline(60), |w| w.path("/run/hangs").exists().then_some(()));
    world.ok(["kill", "-9", &first]);
    world.wait_for("its end", deadline(60), |w| status(w, "web")["main_pid"].is_null().then_some(()));
    world.kill_manager(Signal::SIGKILL);
    assert_eq!(status(&world, "web")["state"], "active", "the verb may start another one");
    world.ok(["sh", "-c", "kill -9 $(cat /run/verb)"]);
    verb.wait().expect("its end");
    exchanged(&world, &first);
    assert_eq!(status(&world, "web")["restarts"], 1);
}

/// Where there are no cgroups, too: the one daemon a script leaves was first seen as one of its processes.
#[test]
fn a_daemon_that_its_script_does_not_stop_hears_the_signal() {
    let text = "#!/bin/sh\ncase $1 in start) sleep 7777 </dev/null >/dev/null 2>&1 & ;; esac\n";
    let root = Rootfs::new().file("etc/init.d/web", text, 0o755).link("etc/rc3.d/S01web", "../init.d/web");
    let container = Container::plain(root);
    container.wait_said("runlevel 3 reached");
    assert_eq!(container.run(&["/usr/bin/initctl", "stop", "web"]).code, 0, "{}", container.said());
    let page = container.run(&["/usr/bin/initctl", "status", "web"]).stdout;
    assert!(page.contains("killed by SIGTERM") && !page.contains("TimeoutStopSec="), "{page}");
}

/// The status is the script's also where a stop is no failure to Rung; and what failed is forgotten once the script itself
/// has stopped it.
#[test]
fn a_stop_ends_with_the_scripts_own_status() {
    let world = world();
    let text = script_with(HEADER, DAEMON);
    let stop = "stop) [ -e /run/$NAME.code ] && exit $(cat /run/$NAME.code);";
    add(&world, "web", &text.replace("stop) ", stop));
    for code in [5, 6, 7, 0] {
        assert_eq!(sysv(&world, "service web start").code, 0);
        world.write("/run/web.code", &code.to_string());
        assert_eq!(sysv(&world, "service web stop").code, code, "{code}");
        let other = world.ok(["initctl", "reset-failed", "web", "--json"]);
        assert!(!other.contains("script_status"), "no answer to anything else: {other}");
        assert_eq!(status(&world, "web")["state"], "inactive", "{code}");
        fs::remove_file(world.path("/run/web.code")).expect("removed");
    }
    for stop in ["service web stop", "initctl run web stop"] {
        assert_eq!(sysv(&world, "service web start").code, 0);
        world.ok(["kill", "-9", &pid(&world)]);
        world.wait_for("its end", deadline(60), |w| (status(w, "web")["state"] == "failed").then_some(()));
        calls(&world);
        if let Some(words) = stop.strip_prefix("initctl ") {
            world.ok(["initctl"].into_iter().chain(words.split(' ')));
        } else {
            assert_eq!(sysv(&world, stop).code, 0);
        }
        assert_eq!(calls(&world), ["web stop"], "{stop}");
        assert_eq!(status(&world, "web")["state"], "inactive", "{stop}");
    }
}
