//! `systemctl` under Rung: what scripts, Debian's helpers and other people's tools call, with real services.

use rung_tests::world::container::Container;
use rung_tests::world::{Rootfs, World, deadline, off, programs};
use std::path::Path;
use std::process::Command;

/// A daemon with a reload that can be seen.
const WEB: &str = "[Unit]\nDescription=A web server\nAfter=db.service\n[Service]\nType=exec\n\
    ExecStart=/bin/sleep infinity\nExecReload=/bin/sh -c 'echo reloaded >>/run/reloads'\n[Install]\nWantedBy=multi-user.target\n";
const DB: &str = "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n[Install]\nRunlevels=35\n";
const BAD: &str = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo no luck; exit 3'\n";

/// A script of `/etc/init.d` for which there is no unit.
const SCRIPT: &str = "#!/bin/sh\n\
    ### BEGIN INIT INFO\n# Provides: old\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n### END INIT INFO\n\
    echo \"$1 $PWD ${EXTRA-none}\" >>/run/old.log\n\
    case $1 in\nstart) : >/run/old.up;;\nstop) rm -f /run/old.up;;\nstatus) [ -e /run/old.up ] || exit 3;;\nreload) exit 7;;\nesac\n";

fn world() -> World {
    World::new().unit("web.service", WEB).unit("db.service", DB).unit("bad.service", &off(BAD)).boot()
}

fn ctl(line: &str) -> Vec<String> {
    ["systemctl"].into_iter().chain(line.split_whitespace()).map(str::to_owned).collect()
}

#[test]
fn units_are_changed_and_the_exit_status_is_systemctls() {
    let world = world();
    let first = world.main_of("web");
    world.ok(ctl("restart web.service"));
    assert_ne!(world.main_of("web"), first);
    let second = world.main_of("web");
    world.ok(ctl("reload web"));
    world.ok(ctl("reload-or-restart web"));
    world.ok(ctl("force-reload web"));
    assert_eq!(world.read("/run/reloads"), "reloaded\nreloaded\nreloaded\n");
    assert_eq!(world.main_of("web"), second, "a reload is none of these a restart");
    // Without ExecReload= it is.
    let db = world.main_of("db");
    let out = world.fails(3, ctl("reload db"));
    assert!(out.stderr.contains("Failed to reload db.service: Job type reload is not applicable"), "{}", out.stderr);
    world.ok(ctl("reload-or-restart db"));
    assert_ne!(world.main_of("db"), db);
    world.ok(ctl("stop db web"));
    world.ok(ctl("try-restart db"));
    world.ok(ctl("try-reload-or-restart db"));
    world.fails(3, ctl("is-active db"));
    world.ok(ctl("start --no-block db"));
    world.until("db", "active");
    world.ok(ctl("kill --signal=KILL db"));
    world.until("db", "failed");
    world.ok(ctl("is-failed db"));
    assert!(world.ok(ctl("--failed list-units")).contains("● db.service loaded failed failed"));
    world.ok(ctl("reset-failed db"));
    world.fails(1, ctl("is-failed db"));
    let out = world.fails(1, ctl("start bad"));
    for part in ["Job for bad.service failed", "exited with status 3", "no luck", "systemctl status bad.service"] {
        assert!(out.stderr.contains(part), "{part}: {}", out.stderr);
    }
    // One of several that isn't there doesn't keep the others from it.
    let out = world.fails(5, ctl("start wbe db web"));
    assert!(out.stderr.contains("Unit wbe.service not found. Did you mean `web`?"), "{}", out.stderr);
    assert_eq!(world.ok(ctl("is-active web db")), "active\nactive\n");
    assert!(world.fails(5, ctl("stop nosuch")).stderr.contains("Unit nosuch.service not loaded"));
    assert_eq!(
        world.fails(5, ctl("start dbus.socket")).stderr.trim(),
        "Failed to start dbus.socket: Unit dbus.socket not found."
    );
    world.ok(ctl("stop w*"));
    assert_eq!(world.fails(3, ctl("is-active web")).stdout, "inactive\n");
}

#[test]
fn questions_have_systemctls_words_and_statuses() {
    let world = world();
    assert_eq!(world.ok(ctl("is-active web")), "active\n");
    assert_eq!(world.ok(ctl("--quiet is-active -- web.service")), "");
    assert_eq!(world.fails(3, ctl("is-active bad")).stdout, "inactive\n");
    assert_eq!(world.fails(4, ctl("is-active nosuch")).stdout, "inactive\n");
    assert_eq!(world.ok(ctl("is-active bad web")), "inactive\nactive\n", "one of them is enough");
    assert_eq!(world.ok(ctl("is-active sysinit.target")), "active\n");
    assert_eq!(world.ok(ctl("is-system-running")), "running\n");
    world.fails(1, ctl("start bad"));
    assert_eq!(world.fails(1, ctl("is-system-running")).stdout, "degraded\n");
    assert_eq!(world.ok(ctl("is-failed bad")), "failed\n");
    let page = world.ok(ctl("status --full --no-pager web"));
    for part in [
        "● web.service - A web server\n",
        "     Loaded: loaded (/etc/rung/units/web.service; enabled)\n",
        "     Active: active (running) since ",
        "   Main PID: ",
        " (sleep)\n",
        "/bin/sleep infinity\n",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let out = world.fails(3, ctl("status bad"));
    assert!(out.stdout.starts_with("× bad.service\n") && out.stdout.contains("failed (Result: exit-code)"), "{out:?}");
    assert!(out.stdout.contains("no luck"), "{out:?}");
    assert!(world.fails(4, ctl("status nosuch")).stderr.starts_with("Unit nosuch.service could not be found."));
    assert_eq!(
        world.ok(ctl(&format!("status {}", world.main_of("web")))).lines().next(),
        Some("● web.service - A web server")
    );
    assert!(world.ok(ctl("cat web")).starts_with("# /etc/rung/units/web.service\n[Unit]\n"));
    let tree = world.ok(ctl("list-dependencies multi-user.target"));
    assert!(tree.starts_with("multi-user.target\n") && tree.contains("● ├─db.service\n"), "{tree}");
}

/// What `deb-systemd-invoke`, `service`, ansible's and puppet's modules read.
#[test]
fn show_and_lists_are_as_tools_parse_them() {
    let world = world();
    let pid = world.main_of("web");
    assert_eq!(world.ok(ctl("-p CanReload show web.service")), "CanReload=yes\n");
    assert_eq!(world.ok(ctl("-p CanReload show db.service")), "CanReload=no\n");
    assert_eq!(world.ok(ctl("-p LoadState show nosuch.service")), "LoadState=not-found\n");
    assert_eq!(world.ok(ctl("-p LoadState show dbus.socket")), "LoadState=not-found\n");
    assert_eq!(world.ok(ctl("-p Triggers show web.service")), "Triggers=\n");
    assert_eq!(world.ok(ctl("show --value --property SourcePath web.service")), "\n");
    assert_eq!(world.ok(ctl("show web -P MainPID")), format!("{pid}\n"));
    // Asked for in this order, told in this order.
    let text = world.ok(ctl("show web --property=SubState,ActiveState -p UnitFileState"));
    assert_eq!(text, "SubState=running\nActiveState=active\nUnitFileState=enabled\n");
    let all = world.ok(ctl("show web"));
    for line in [
        "Id=web.service",
        "LoadState=loaded",
        "FragmentPath=/etc/rung/units/web.service",
        "After=db.service",
        "ExecStart={ path=/bin/sleep ; argv[]=/bin/sleep infinity ; ignore_errors=no }",
        "NeedDaemonReload=no",
    ] {
        assert!(all.lines().any(|l| l == line), "{line}: {all}");
    }
    assert!(all.lines().all(|l| l.contains('=')), "{all}");
    // ansible's service facts: the name first, the state fourth; a dot before what isn't well.
    let list = world.ok(ctl("list-units --no-pager --type service --all"));
    let row = |name: &str| {
        list.lines().find_map(|l| {
            let words: Vec<&str> = l.trim_start_matches('●').split_whitespace().collect();
            (words.first() == Some(&name)).then(|| words.get(1..4).map(|w| w.join(" ")))?
        })
    };
    assert_eq!(row("web.service").as_deref(), Some("loaded active running"));
    assert_eq!(row("bad.service").as_deref(), Some("loaded inactive dead"));
    let files = world.ok(ctl("list-unit-files --no-pager --type service --all"));
    let word =
        |name: &str| files.lines().find_map(|l| l.strip_prefix(name)?.split_whitespace().next().map(str::to_owned));
    assert_eq!(word("web.service ").as_deref(), Some("enabled"));
    assert_eq!(word("bad.service ").as_deref(), Some("static"));
    assert!(files.starts_with("UNIT FILE") && files.trim_end().ends_with("unit files listed."), "{files}");
    let quiet = world.ok(ctl("list-units --no-legend --plain --full web.service"));
    assert_eq!(quiet, "web.service loaded active running A web server\n");
    assert_eq!(world.ok(ctl("list-unit-files --full --type=socket --no-legend")), "");
    assert_eq!(world.ok(ctl("list-timers")), "0 timers listed.\n");
    assert_eq!(world.ok(ctl("list-jobs")), "No jobs running.\n");
}

#[test]
fn units_are_switched_on_and_off_and_masked() {
    let world = world();
    let links = |name: &str| {
        "S0123456"
            .chars()
            .filter(|l| world.path(&format!("/etc/rung/levels/{l}/{name}.service")).is_symlink())
            .collect::<String>()
    };
    assert_eq!(world.ok(ctl("is-enabled web")), "enabled\n");
    let out = world.run(ctl("disable --now web"));
    assert_eq!((out.code, links("web").as_str()), (0, ""), "{out:?}");
    assert!(out.stderr.contains("Removed /etc/rung/levels/3/web.service."), "{out:?}");
    assert_eq!(world.fails(3, ctl("is-active web")).stdout, "inactive\n");
    assert_eq!(world.fails(1, ctl("is-enabled web")).stdout, "disabled\n");
    world.ok(ctl("enable --now --quiet web"));
    assert_eq!((links("web").as_str(), world.ok(ctl("is-active web")).as_str()), ("2345", "active\n"));
    world.ok(ctl("reenable web"));
    assert_eq!(links("web"), "2345");
    assert_eq!(world.ok(ctl("is-enabled bad")), "static\n");
    assert!(world.run(ctl("enable bad")).stderr.contains("no [Install] section"));
    assert_eq!(world.fails(4, ctl("is-enabled nosuch")).stdout, "not-found\n");
    assert!(
        world.fails(1, ctl("enable wbe")).stderr.contains("Unit file wbe.service does not exist. Did you mean `web`?")
    );
    world.write("/etc/systemd/system-preset/50.preset", "disable web.service\nenable *\n");
    world.ok(ctl("preset web"));
    assert_eq!(links("web"), "");
    // A unit of the package's: a mask goes before it.
    world.write("/usr/lib/rung/units/pkg.service", DB);
    world.ok(ctl("daemon-reload"));
    world.ok(ctl("start pkg"));
    let out = world.run(ctl("mask --now pkg"));
    assert!(
        out.code == 0 && out.stderr.contains("Created symlink /etc/rung/units/pkg.service → /dev/null."),
        "{out:?}"
    );
    assert_eq!(world.fails(1, ctl("is-enabled pkg")).stdout, "masked\n");
    world.until("pkg", "inactive");
    assert!(world.fails(1, ctl("start pkg")).stderr.contains("Unit pkg.service is masked."));
    world.ok(ctl("unmask pkg"));
    world.ok(ctl("start pkg"));
    assert!(world.fails(1, ctl("mask web")).stderr.contains("already exists"), "a file of one's own isn't destroyed");
    // deb-systemd-helper's masks lie in systemd's folder.
    world.ok(["mkdir", "-p", "/etc/systemd/system"]);
    world.ok(["ln", "-s", "/dev/null", "/etc/systemd/system/gone.service"]);
    world.ok(ctl("unmask gone"));
    assert!(!world.path("/etc/systemd/system/gone.service").is_symlink());
}

#[test]
fn a_script_without_a_unit_is_asked_itself() {
    let world = world();
    world.write("/etc/init.d/old", SCRIPT);
    world.ok(["chmod", "755", "/etc/init.d/old"]);
    world.ok(["env", "EXTRA=leaks", "systemctl", "start", "old"]);
    assert!(world.path("/run/old.up").exists());
    assert_eq!(world.ok(ctl("is-active old")), "active\n");
    world.ok(ctl("status old"));
    world.ok(ctl("stop old.service"));
    assert_eq!(world.fails(3, ctl("is-active old")).stdout, "inactive\n");
    world.fails(3, ctl("status old"));
    let links = || {
        let on = |l: &char| {
            world
                .path(&format!("/etc/rc{l}.d"))
                .read_dir()
                .into_iter()
                .flatten()
                .flatten()
                .any(|e| e.file_name().to_str().is_some_and(|n| n.starts_with('S') && n.ends_with("old")))
        };
        "S0123456".chars().filter(on).collect::<String>()
    };
    world.ok(ctl("enable old"));
    assert_eq!((links().as_str(), world.ok(ctl("is-enabled old")).as_str()), ("2345", "enabled\n"));
    world.ok(ctl("disable old"));
    assert_eq!((links().as_str(), world.fails(1, ctl("is-enabled old")).stdout.as_str()), ("", "disabled\n"));
}

#[test]
fn levels_go_by_targets_names_and_power_off_ends_it() {
    let world = World::new().unit("web.service", WEB).unit("db.service", DB).boot();
    assert_eq!(world.ok(ctl("get-default")), "multi-user.target\n");
    world.ok(ctl("set-default graphical.target"));
    assert_eq!(world.ok(ctl("get-default")), "graphical.target\n");
    assert!(world.read("/etc/rung/init.conf").contains("DefaultLevel=5\n"));
    assert!(world.fails(1, ctl("isolate network-online.target")).stderr.contains("no runlevel"));
    world.ok(ctl("isolate runlevel2.target"));
    world.wait_for("level 2", deadline(20), |w| (w.ok(["runlevel"]) == "3 2\n").then_some(()));
    world.until("db", "inactive");
    world.ok(ctl("default"));
    world.wait_for("level 5", deadline(20), |w| (w.ok(["runlevel"]) == "2 5\n").then_some(()));
    for (line, part) in [
        ("--user start web", "no managers of users"),
        ("-H elsewhere start web", "ssh"),
        ("-M box start web", "no machines"),
        ("frobnicate", "Unknown command verb frobnicate"),
        ("strat web", "Unknown command verb strat. Did you mean `start`?"),
        ("start", "Too few arguments"),
    ] {
        let out = world.fails(1, ctl(line));
        assert!(out.stderr.contains(part), "{line}: {}", out.stderr);
    }
    assert!(!world.path("/run/systemd/system").exists(), "who looks there would take this for systemd");
    world.run(ctl("poweroff"));
    assert!(world.gone(deadline(60)));
}

#[test]
fn who_may_not_change_anything_is_told_so_with_4() {
    let world = world();
    let as_nobody = |line: &str| {
        let mut words = vec!["setpriv".to_owned(), "--reuid=65534".into(), "--clear-groups".into()];
        words.extend(ctl(line));
        world.run(words)
    };
    let out = as_nobody("restart web");
    assert_eq!((out.code, out.stderr.as_str()), (4, "Failed to restart web.service: Access denied\n"));
    assert_eq!(as_nobody("enable web").code, 4);
    assert_eq!(as_nobody("daemon-reload").code, 4);
    assert_eq!(as_nobody("is-active web").stdout, "active\n");
}

/// What Debian's own helpers do when a package is configured, and what they read afterwards.
#[test]
fn debians_helpers_find_what_they_look_for() {
    if !["/usr/bin/deb-systemd-helper", "/usr/bin/deb-systemd-invoke", "/usr/sbin/update-rc.d"]
        .iter()
        .all(|p| Path::new(p).exists())
    {
        println!("skipped: this is no Debian");
        return;
    }
    let world = world();
    let text = WEB.replace("Description=A web server\nAfter=db.service", "Description=Of a package");
    world.write("/usr/lib/systemd/system/pkg.service", &format!("{text}Also=pkg.timer\n"));
    world.write("/usr/lib/systemd/system/pkg.timer", "[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n");
    let helper = |words: &str| {
        world.run(
            ["env", "DPKG_MAINTSCRIPT_PACKAGE=pkg", "deb-systemd-helper"].into_iter().chain(words.split_whitespace()),
        )
    };
    for unit in ["pkg.service", "pkg.timer"] {
        assert_eq!(helper(&format!("unmask {unit}")).code, 0);
        let out = helper(&format!("enable {unit}"));
        assert_eq!(out.code, 0, "{out:?}");
        assert_eq!(helper(&format!("was-enabled {unit}")).code, 0, "{unit}");
    }
    assert!(world.path("/etc/systemd/system/timers.target.wants/pkg.timer").is_symlink());
    assert_eq!(world.ok(ctl("is-enabled pkg")), "enabled\n");
    assert_eq!(world.ok(ctl("is-enabled pkg.timer")), "enabled\n");
    assert!(
        !world.path("/etc/rung/levels/3/pkg.service").is_symlink(),
        "systemd's links do; none of Rung's stays behind"
    );
    let invoke = |words: &str| {
        world.run(
            ["env", "DPKG_MAINTSCRIPT_PACKAGE=pkg", "deb-systemd-invoke"].into_iter().chain(words.split_whitespace()),
        )
    };
    world.ok(["rm", "-f", "/usr/sbin/policy-rc.d"]);
    let out = invoke("start pkg.service");
    assert_eq!((out.code, world.ok(ctl("is-active pkg")).as_str()), (0, "active\n"), "{out:?}");
    let pid = world.main_of("pkg");
    assert_eq!(invoke("restart pkg.service").code, 0);
    assert_ne!(world.main_of("pkg"), pid);
    world.ok(ctl("disable --now pkg"));
    assert_eq!(world.fails(1, ctl("is-enabled pkg")).stdout, "disabled\n");
    assert!(!world.path("/etc/systemd/system/multi-user.target.wants/pkg.service").is_symlink());
    assert_eq!(helper("purge pkg.service pkg.timer").code, 0);
    // update-rc.d calls systemctl for the unit of the name; there is none here, and the script is its own business.
    world.write("/etc/init.d/old", SCRIPT);
    world.ok(["chmod", "755", "/etc/init.d/old"]);
    let out = world.run(["/usr/sbin/update-rc.d", "old", "defaults"]);
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    assert_eq!(world.ok(ctl("is-enabled old")), "enabled\n");
}

/// A unit that lasts, with this in its `[Install]`.
fn lasting(install: &str) -> String {
    format!("[Service]\nType=exec\nExecStart=/bin/sleep 7777\n[Install]\n{install}\n")
}

/// What is switched in an image, where nobody runs, is so when it boots: by systemctl, initctl, and the tools of scripts.
#[test]
fn an_image_is_switched_without_a_running_rung() {
    let root = Rootfs::new()
        .file("etc/rung/units/own.service", &lasting("Runlevels=3\nAlso=mate.service"), 0o644)
        .file("usr/lib/rung/units/mate.service", &lasting("Runlevels=3"), 0o644)
        .file("usr/lib/rung/units/vendor.service", &lasting("Runlevels=23"), 0o644)
        .file("usr/lib/rung/units/term@.service", &lasting("Runlevels=3\nDefaultInstance=one"), 0o644)
        .file("usr/lib/rung/units/off.service", &lasting("Runlevels=3"), 0o644)
        .link("etc/rung/levels/3/off.service", "/usr/lib/rung/units/off.service")
        .file("usr/lib/systemd/system/theirs.service", &lasting("WantedBy=multi-user.target"), 0o644)
        .file("usr/lib/systemd/system/also.service", &lasting("WantedBy=multi-user.target"), 0o644)
        .file("etc/init.d/old", SCRIPT, 0o755);
    let path = root.path();
    let run = |words: &[&str]| {
        let (program, first) = match words[0] {
            "initctl" => ("initctl", None),
            shim => ("sysv", Some(shim)),
        };
        let mut command = Command::new(programs().join(program));
        command.args(first).args(words[1..2].iter()).arg("--root").arg(&path).args(&words[2..]);
        let out = command.output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code().unwrap_or(-1), text(&out.stdout), text(&out.stderr))
    };
    for (words, answer) in [
        (["systemctl", "is-enabled", "own"], "disabled\n"),
        (["initctl", "is-enabled", "own"], "disabled\n"),
        (["initctl", "is-enabled", "off"], "enabled\n"),
        (["systemctl", "is-enabled", "nobody"], "not-found\n"),
        (["initctl", "is-enabled", "nobody"], "not-found\n"),
    ] {
        let (code, out, err) = run(&words);
        assert!(out == answer && (code == 0) == (answer == "enabled\n"), "{words:?}: {code} {out} {err}");
    }
    let (code, out, _) = run(&["initctl", "enable", "own", "--dry-run"]);
    assert_eq!(
        (code, out.contains("levels/3/mate.service"), path.join("etc/rung/levels/3/own.service").exists()),
        (0, true, false)
    );
    for (words, says) in [
        (&["systemctl", "enable", "own"][..], "Created symlink"),
        (&["systemctl", "enable", "term@"], "term@one.service → /usr/lib/rung/units/term@.service"),
        (&["systemctl", "disable", "off"], "Removed"),
        (&["systemctl", "enable", "theirs"], "multi-user.target.wants/theirs.service"),
        (&["systemctl", "enable", "old"], ""),
        (&["initctl", "enable", "vendor", "also"], ""),
    ] {
        let (code, out, err) = run(words);
        assert!(code == 0 && err.contains(says), "{words:?}: {code} {out} {err}");
    }
    // Links of the image name its own paths.
    let link = std::fs::read_link(path.join("etc/rung/levels/2/vendor.service")).expect("a link");
    assert_eq!(link, Path::new("/usr/lib/rung/units/vendor.service"));
    let (_, out, err) = run(&["initctl", "disable", "vendor", "--levels", "2"]);
    assert!(!path.join("etc/rung/levels/2/vendor.service").is_symlink(), "{out} {err}");
    let (code, _, err) = run(&["initctl", "enable", "vendr"]);
    assert!(
        code != 0 && err.contains("there is no unit named vendr in ") && err.contains("did you mean vendor?"),
        "{err}"
    );
    let (code, _, err) = run(&["initctl", "enable", "own", "--now"]);
    assert!(code != 0 && err.contains("--now"), "{err}");
    let (code, _, err) = run(&["systemctl", "enable", "nobody"]);
    assert!(code != 0 && err.contains("Unit file nobody.service does not exist"), "{err}");
    for (name, on) in [("own", true), ("mate", true), ("off", false), ("theirs", true), ("vendor", true), ("old", true)]
    {
        for tool in ["systemctl", "initctl"] {
            let (code, out, err) = run(&[tool, "is-enabled", name]);
            assert_eq!((code == 0, out.trim()), (on, if on { "enabled" } else { "disabled" }), "{tool} {name}: {err}");
        }
    }
    let container = Container::plain(root);
    container.wait_said("runlevel 3 reached");
    for (name, on) in [
        ("own", true),
        ("mate", true),
        ("term@one", true),
        ("off", false),
        ("theirs", true),
        ("also", true),
        ("vendor", true),
        ("old", true),
    ] {
        let out = container.run(&["/usr/bin/initctl", "is-active", name]);
        assert_eq!(out.code == 0, on, "{name}: {out:?}\n{}", container.said());
    }
}
