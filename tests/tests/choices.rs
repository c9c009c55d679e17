//! Between a systemd unit and an init script of one name: the choice is recorded when it is first made, a later change of
//! mind is shown by `verify` and taken on request.

#![allow(clippy::expect_used, clippy::panic, reason = "tests' helpers fail by it")]

use rung_tests::world::container::Container;
use rung_tests::world::{Rootfs, programs};
use std::fs;
use std::process::Command;

const SCRIPT: &str = "#!/bin/sh\ncase $1 in start) sleep 7777 </dev/null >/dev/null 2>&1 & ;; esac\n";
/// A unit that Rung honours, and one with a key that it doesn't.
const WHOLE: &str = "[Service]\nExecStart=/bin/sleep 6666\n";
const PARTLY: &str = "[Service]\nExecStart=/bin/sleep 6666\nSystemCallFilter=@system-service\n";

fn rootfs() -> Rootfs {
    ["one", "two"].into_iter().fold(Rootfs::new(), |root, name| {
        root.file(&format!("etc/init.d/{name}"), SCRIPT, 0o755)
            .link(&format!("etc/rc3.d/S01{name}"), &format!("../init.d/{name}"))
    })
}

fn unit(container: &Container, name: &str, text: &str) {
    let folder = container.rootfs.path().join("etc/systemd/system");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("{name}.service")), text).expect("a unit");
}

/// What the two are made from, once the level is reached.
fn sources(container: &Container) -> [String; 2] {
    container.wait_said("runlevel 3 reached");
    ["one", "two"].map(|name| {
        let out = container.run(&["/usr/bin/initctl", "status", name, "--json"]).stdout;
        let all: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
        all["units"][0]["source"].as_str().unwrap_or_default().to_owned()
    })
}

#[test]
fn a_choice_is_recorded_and_stays_over_boots_until_another_is_asked_for() {
    let root = rootfs().file("etc/systemd/system/one.service", WHOLE, 0o644);
    let mut container = Container::plain(root.file("etc/systemd/system/two.service", PARTLY, 0o644));
    assert_eq!(sources(&container), ["systemd", "script"]);
    let recorded = |c: &Container| fs::read_to_string(c.rootfs.path().join("etc/rung/choices")).unwrap_or_default();
    assert!(
        recorded(&container).ends_with("Prefer=unit\none.service unit\ntwo.service script\n"),
        "{}",
        recorded(&container)
    );
    // Upgrades of both packages.
    unit(&container, "one", PARTLY);
    unit(&container, "two", WHOLE);
    container.boot_again();
    assert_eq!(sources(&container), ["systemd", "script"]);
    let verify = |c: &Container| c.run(&["/usr/bin/initctl", "verify"]).stdout;
    let found = verify(&container);
    for line in [
        "/etc/rung/choices: warning: one: the systemd unit was chosen before; now it would be the init script: of the \
         systemd unit Rung doesn't honour SystemCallFilter=",
        "/etc/rung/choices: warning: two: the init script was chosen before; now it would be the systemd unit: ",
    ] {
        assert!(found.contains(line), "{line}\n{found}");
    }
    // So it is with the image while it isn't booted.
    let image = |c: &Container| {
        let out = Command::new(programs().join("initctl")).args(["verify", "--root"]).arg(c.rootfs.path()).output();
        String::from_utf8_lossy(&out.expect("initctl starts").stdout).into_owned()
    };
    assert!(image(&container).contains("etc/rung/choices: warning: two: "), "{}", image(&container));
    // What only reads files again leaves it so.
    assert_eq!(container.run(&["/usr/lib/rung/sysv", "telinit", "q"]).code, 0);
    assert_eq!(container.run(&["/usr/lib/rung/sysv", "systemctl", "daemon-reload"]).code, 0);
    assert_eq!(sources(&container), ["systemd", "script"]);
    assert_eq!(container.run(&["/usr/bin/initctl", "stop", "one", "two"]).code, 0);
    assert_eq!(container.run(&["/usr/bin/initctl", "reload", "--units"]).code, 0);
    assert_eq!(sources(&container), ["script", "systemd"]);
    assert!(!verify(&container).contains("was chosen before"), "{}", verify(&container));
    assert!(
        recorded(&container).ends_with("Prefer=unit\none.service script\ntwo.service unit\n"),
        "{}",
        recorded(&container)
    );
    container.boot_again();
    assert_eq!(sources(&container), ["script", "systemd"]);
    // To prefer something else is to ask for another choice.
    put(&container, "etc/rung/init.conf", "[Manager]\nPrefer=script\n");
    container.boot_again();
    assert_eq!(sources(&container), ["script", "script"]);
}

/// `verify --root` looks at init scripts and inittab, too, and leaves nothing behind.
#[test]
fn an_images_scripts_and_inittab_are_verified() {
    let header = "#!/bin/sh\n# pidfile: /no/such/lone.pid\n### BEGIN INIT INFO\n# Provides: lone\n# Required-Start: nothing-like-it\n\
                  # Required-Stop:\n# Default-Start: 3\n# Default-Stop:\n### END INIT INFO\n";
    let root = rootfs().file("etc/init.d/lone", header, 0o755).file(
        "etc/inittab",
        "id:3:initdefault:\nx:3:respwn:/bin/cat\n",
        0o644,
    );
    let folder = root.beside().join("tmp");
    fs::create_dir(&folder).expect("a folder");
    let mut command = Command::new(programs().join("initctl"));
    let out =
        command.args(["verify", "--root"]).arg(root.path()).env("TMPDIR", &folder).output().expect("initctl starts");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    for part in [
        "/etc/inittab:2:1: error: respwn: unknown action field\n    x:3:respwn:/bin/cat\n    ^\n",
        "/etc/init.d/lone:5:19: warning: Required-Start: no script and no unit provides `nothing-like-it`",
        &format!("{}/etc/init.d/lone: warning: PIDFile=: there is no folder `/no/such`", root.path().display()),
    ] {
        assert!(text.contains(part), "{part}\n{text}\n{}", String::from_utf8_lossy(&out.stderr));
    }
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(fs::read_dir(&folder).expect("there").count(), 0, "nothing is left there");
    assert!(!root.path().join("run/rung").exists());
}

/// Puts a file in the place of another, as package managers do: a root's files are shared with other tests.
fn put(container: &Container, path: &str, text: &str) {
    let path = container.rootfs.path().join(path);
    let new = path.with_extension("dpkg-new");
    fs::write(&new, text).expect("a file");
    fs::rename(&new, &path).expect("in its place");
}

/// A script with this header, that notes its start.
fn noted(name: &str, header: &str) -> (String, String) {
    let lines: String = header.split(';').map(|line| format!("# {}\n", line.trim())).collect();
    let text = format!(
        "#!/bin/sh\n### BEGIN INIT INFO\n{lines}# Default-Start: 2 3\n### END INIT INFO\n\
         [ $1 = start ] && echo {name} >>/order\ntrue\n"
    );
    (format!("etc/init.d/{name}"), text)
}

/// What stands for the script of a name: it takes its time, so that who doesn't wait for it comes first.
fn slow(name: &str, more: &str) -> (String, String) {
    let text = format!(
        "[Unit]\n{more}[Service]\nType=oneshot\nRemainAfterExit=yes\n\
         ExecStart=/bin/sh -c 'sleep 0.3; echo {name} >>/order'\n"
    );
    (format!("etc/systemd/system/{name}.service"), text)
}

/// `db` and `web` have units, `app`, `early` and `late` are scripts: what the headers of all five say holds.
#[test]
fn a_unit_keeps_its_place_among_the_scripts() {
    let scripts = [
        noted("db", "Provides: db database; Required-Start: early"),
        noted("web", "Provides: web; Required-Start: $store; X-Start-Before: late"),
        noted("app", "Provides: app; Required-Start: web"),
        noted("early", "Provides: early"),
        noted("late", "Provides: late"),
    ];
    let units = [slow("db", ""), slow("web", "")];
    let links = |root: Rootfs, name: &str| root.link(&format!("etc/rc3.d/S01{name}"), &format!("../init.d/{name}"));
    let root = scripts.iter().fold(Rootfs::new(), |root, (path, text)| root.file(path, text, 0o755));
    let root = units.iter().fold(root, |root, (path, text)| root.file(path, text, 0o644));
    let root = ["db", "web", "app", "early", "late"].into_iter().fold(root, links);
    // A facility whose member is there by another name of its own.
    let root = root.file("etc/insserv.conf.d/store", "$store database\n", 0o644);
    let mut container = Container::plain(root);
    let order = |c: &Container| {
        c.wait_said("runlevel 3 reached");
        let text = fs::read_to_string(c.rootfs.path().join("order")).expect("what was started");
        let _ = fs::remove_file(c.rootfs.path().join("order"));
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let came = order(&container);
    let place = |name: &str| came.iter().position(|n| n == name).unwrap_or_else(|| panic!("{name}: {came:?}"));
    assert_eq!((place("early"), place("db"), place("web")), (0, 1, 2), "{came:?}");
    assert!(place("app") > 2 && place("late") > 2, "{came:?}");
    let run = |c: &Container, words: &[&str]| c.run(words).stdout;
    let why = run(&container, &["/usr/bin/initctl", "why", "web"]);
    assert!(why.contains("by the header of the init script that it stands for it starts after db"), "{why}");
    // A unit that says the opposite itself: that counts, and is told.
    let (path, text) = slow("db", "After=web.service\n");
    put(&container, &path, &text);
    container.boot_again();
    let came = order(&container);
    let place = |name: &str| came.iter().position(|n| n == name).unwrap_or_else(|| panic!("{name}: {came:?}"));
    assert!(place("web") < place("db"), "{came:?}");
    assert!(!container.said().contains("ordering loop"), "{}", container.said());
    let verify = run(&container, &["/usr/bin/initctl", "verify"]);
    assert!(
        verify.contains("by its header `web` is to start after `db`: unit files have it the other way"),
        "{verify}"
    );
}
