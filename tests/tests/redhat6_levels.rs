//! Switches of levels on a Red Hat 6 style tree: its `rc` goes by the lock files that scripts leave in `/var/lock/subsys`,
//! whoever has started them (sysv-reference.md, section 10.2). Each script writes what it was called with.
#![allow(clippy::unwrap_used, reason = "this is all test code")]

use rung_tests::world::Rootfs;
use rung_tests::world::container::Container;
use std::fs;
use std::time::Duration;

/// Removes the lock files that a crash has left, and leaves two.
const SYSINIT: &str = "#!/bin/sh
rm -f /var/lock/subsys/*
: >/var/lock/subsys/early
: >/var/lock/subsys/held.init
";

/// Scripts, their lock files (`-`: none) and their links.
const SCRIPTS: &[(&str, &str, &[&str])] = &[
    // It and the next have one number, and wait for each other.
    ("one", "one", &["3/S20", "5/S20", "2/K80", "0/K80"]),
    ("two", "two.init", &["3/S20", "5/S20", "2/K80", "0/K80"]),
    ("bare", "-", &["3/S30", "2/K70", "0/K70"]),
    ("early", "early", &["3/K10", "5/K10"]),
    ("held", "held.init", &["3/S40", "5/S40", "2/K60"]),
    ("never", "never", &["3/K05", "2/K05", "5/K05", "0/K05"]),
    ("late", "late", &["5/S90", "3/K01", "0/K01"]),
    // An S link of level 0 is one; of halt's work, Rung does all but what the next constant shows.
    ("ups", "-", &["0/S02"]),
    ("killall", "-", &["0/S00"]),
    ("halt", "-", &["0/S01"]),
];

/// What halt has to do beside.
const HALT: &str = "rm -f /.autofsck\n[ ! -x /sbin/halt.local ] || /sbin/halt.local\n";

fn script(name: &str, lock: &str) -> String {
    let lock = if lock == "-" { "none".to_owned() } else { format!("/var/lock/subsys/{lock}") };
    let other = if name == "one" { "two" } else { "one" };
    let meets = match name {
        "one" | "two" => format!(
            "turns=0; while [ ! -e /run/{other}.here ] && [ $turns -lt 200 ]; do sleep 0.05; turns=$((turns + 1)); done\n\
             [ $turns -lt 200 ] || echo alone >>/calls\n"
        ),
        _ => String::new(),
    };
    format!(
        "#!/bin/sh
# chkconfig: - 50 50
# description: {name}
echo \"$1 {name} $runlevel $previous\" >>/calls
case $1 in
start)
: >/run/{name}.here
{meets}[ {lock} = none ] || : >{lock}
;;
stop)
rm -f {lock} /run/{name}.here
# As Red Hat's rc and Debian's sendsigs call it while the machine goes down.
initctl emit --quiet stopping JOB={name} && initctl list >/run/list || echo \"initctl: $?\" >>/calls
;;
restart)
$0 stop; [ ! -e /run/{name}.bad ] || exit 6; $0 start
;;
esac
"
    )
}

fn tree() -> Rootfs {
    let mut root = Rootfs::new()
        .file("etc/inittab", "id:3:initdefault:\n", 0o644)
        .file("etc/rc.d/rc.sysinit", SYSINIT, 0o755)
        .file("var/lock/subsys/one", "", 0o644)
        .file("var/lock/subsys/never", "", 0o644)
        .file(".autofsck", "", 0o644)
        .file("sbin/halt.local", "#!/bin/sh\necho halt.local >>/calls\n", 0o755)
        .link("etc/init.d", "rc.d/init.d");
    for (name, lock, links) in SCRIPTS {
        let more = if *name == "halt" { HALT } else { "" };
        root = root.file(&format!("etc/rc.d/init.d/{name}"), &(script(name, lock) + more), 0o755);
        for link in *links {
            let (level, number) = link.split_once('/').unwrap();
            root = root.link(&format!("etc/rc.d/rc{level}.d/{number}{name}"), &format!("../init.d/{name}"));
        }
    }
    root
}

/// What was called since the last look.
fn calls(container: &Container) -> Vec<String> {
    let path = container.rootfs.path().join("calls");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text.lines().map(str::to_owned).collect()
}

fn sorted(mut calls: Vec<String>) -> Vec<String> {
    calls.sort();
    calls
}

/// A script that leaves no process is called with `stop` by its path, by somebody who knows no Rung.
#[test]
fn a_lock_file_that_is_gone_is_a_stop() {
    let container = Container::plain(tree());
    container.wait_said("runlevel 3 reached");
    let state = |name: &str| container.run(&["/usr/bin/initctl", "is-active", name]).stdout.trim().to_owned();
    for name in ["one", "two"] {
        assert_eq!(state(name), "active");
        assert_eq!(container.run(&["/bin/sh", &format!("/etc/rc.d/init.d/{name}"), "stop"]).code, 0);
        container.wait_for("the stop to be seen", |_| (state(name) == "inactive").then_some(()));
    }
    calls(&container);
    // What it waits for.
    assert_eq!(container.run(&["/bin/sh", "-c", ": >/run/two.here"]).code, 0);
    let start = container.run(&["/usr/bin/initctl", "start", "one"]);
    assert_eq!((start.code, calls(&container)), (0, vec!["start one 3 N".to_owned()]), "{start:?}");
    assert_eq!((state("one"), state("two")), ("active".into(), "inactive".into()));
    // Its own restart takes the lock file away as well. Whether that was a stop shows when it is over.
    let restart = || container.run(&["/usr/lib/rung/sysv", "service", "one", "restart"]);
    assert_eq!((restart().code, state("one")), (0, "active".into()));
    assert_eq!(container.run(&["/bin/sh", "-c", ": >/run/one.bad"]).code, 0);
    assert_eq!(restart().code, 6);
    container.wait_for("the end to be seen", |_| (state("one") == "inactive").then_some(()));
    calls(&container);
    // Without a lock file nothing shows it.
    assert_eq!(container.run(&["/bin/sh", "/etc/rc.d/init.d/bare", "stop"]).code, 0);
    assert_eq!(state("bare"), "active");
    assert!(container.run(&["/usr/bin/initctl", "why", "bare"]).stdout.contains("`service bare status`"));
    calls(&container);
    let start = container.run(&["/usr/lib/rung/sysv", "service", "bare", "start"]);
    assert_eq!((start.code, calls(&container).len()), (0, 1), "{start:?}");
}

#[test]
fn a_switch_goes_by_lock_files() {
    let mut container = Container::plain(tree());
    container.wait_said("runlevel 3 reached");
    let first = calls(&container);
    assert_eq!(first.first().map(String::as_str), Some("stop early 3 N"), "K links count at the first level too");
    assert_eq!(
        sorted(first),
        ["start bare 3 N", "start one 3 N", "start two 3 N", "stop early 3 N"],
        "held has its lock file, never has none\n{}",
        container.said()
    );
    let level = |to: &str| {
        let out = container.run(&["/usr/bin/initctl", "runlevel", to]);
        assert_eq!(out.code, 0, "{out:?}\n{}", container.said());
        calls(&container)
    };

    // By hand and around Rung: rc knows nothing but the lock files.
    let locks = container.rootfs.path().join("var/lock/subsys");
    fs::write(locks.join("late"), "").unwrap();
    fs::remove_file(locks.join("held.init")).unwrap();
    assert_eq!(level("5"), ["start held 5 3"], "late has its lock file; one and two have theirs");
    let called = level("2");
    assert_eq!(called.first().map(String::as_str), Some("stop held 2 5"), "60 before 80");
    assert_eq!(sorted(called), ["stop held 2 5", "stop one 2 5", "stop two 2 5"], "bare has no lock file");
    assert_eq!(sorted(level("3")), ["start held 3 2", "start one 3 2", "start two 3 2", "stop late 3 2"]);

    fs::write(locks.join("never"), "").unwrap();
    assert_eq!(container.run(&["/usr/bin/initctl", "--no-wait", "poweroff"]).code, 0);
    container.ended(Duration::from_secs(60));
    // Of held, which has no link there, and of bare, which has no lock file, only the processes end.
    let last = calls(&container);
    assert_eq!(last.last().map(String::as_str), Some("halt.local"), "{last:?}\n{}", container.said());
    assert_eq!(sorted(last), ["halt.local", "start ups 0 3", "stop never 0 3", "stop one 0 3", "stop two 0 3"]);
    assert!(!container.rootfs.path().join(".autofsck").exists());
}
