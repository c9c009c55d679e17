//! Many services at once: where descriptors are short, where none can be started, where all are stopped together.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests")]

use nix::sys::signal::Signal;
use rung_tests::world::{Builder, World, deadline, off};

fn name(n: usize) -> String {
    format!("s{n:03}")
}

fn many(count: usize, unit: &str) -> Builder {
    (0..count).fold(World::new(), |world, n| world.unit(&format!("{}.service", name(n)), unit))
}

/// With two pipes each, eighty services would need 320 descriptors in PID 1, and some more while they are started.
#[test]
fn with_few_descriptors_the_two_streams_share_a_pipe() {
    let unit = "[Service]\nType=exec\nExecStart=/bin/sh -c 'echo to-err >&2; echo to-out; exec sleep infinity'\n\
                ExecStop=/bin/echo bye\n";
    let world = many(80, unit).descriptors(400).boot();
    for n in 0..80 {
        assert_eq!(world.state(&name(n)).0, "active", "{n}");
    }
    let log = |n: usize| world.ok(["initctl", "logs", &name(n)]);
    let said = |n: usize, what: &str| {
        let text = world.wait_for(what, deadline(20), |_| Some(log(n)).filter(|text| text.contains(what)));
        let line = text.lines().find(|line| line.contains(what)).expect("the line");
        line.split_whitespace().nth(1).unwrap_or_default().to_owned()
    };
    let streams: Vec<String> = (0..80).map(|n| said(n, "to-err")).collect();
    let (two, one) = (streams.iter().filter(|s| *s == "err").count(), streams.iter().filter(|s| *s == "out").count());
    assert!(two > 0 && one > 0 && two + one == 80, "{two} with two pipes, {one} with one: {streams:?}");
    assert!(world.console().contains("descriptors"), "{}", world.console());
    // A new manager makes the service's end of such a pipe from the logger's.
    world.kill_manager(Signal::SIGKILL);
    let shared = streams.iter().position(|s| s == "out").expect("one");
    world.ok(["initctl", "stop", &name(shared)]);
    assert_eq!(said(shared, "bye"), "out");
}

/// PID 1 keeps a descriptor a service here, and needs some for each child on its way to its program: for all at once it
/// has too few.
#[test]
fn who_finds_no_descriptor_left_is_started_a_little_later() {
    const COUNT: usize = 60;
    let world = many(COUNT, "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n").descriptors(105).boot();
    for n in 0..COUNT {
        let state = |w: &World| (w.state(&name(n)).0 == "active").then_some(());
        world.wait_for(&format!("{} to be active", name(n)), deadline(20), state);
    }
}

/// More services than PID 1 can ever keep descriptors for: those that are too many fail, and say why.
#[test]
fn who_finds_no_descriptor_for_long_fails_and_says_why() {
    const COUNT: usize = 80;
    let world = many(COUNT, "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n").descriptors(70).boot();
    let states = || (0..COUNT).map(|n| world.state(&name(n)).0).collect::<Vec<_>>();
    let settled =
        |_: &World| Some(states()).filter(|all| all.iter().all(|s| ["active", "failed"].contains(&s.as_str())));
    let states = world.wait_for("all to be active or failed", deadline(60), settled);
    let failed: Vec<usize> = (0..COUNT).filter(|n| states[*n] == "failed").collect();
    assert!(!failed.is_empty() && failed.len() < COUNT, "{states:?}");
    for n in failed {
        let status = world.run(["initctl", "status", &name(n)]).stdout;
        assert!(status.contains("(ulimit -n)"), "{status}");
    }
}

/// Such units come again at once; the manager has time for everybody else all the same.
#[test]
fn services_that_cannot_be_started_leave_the_manager_its_time() {
    let unit = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nUser=no-such-user\nExecStart=/bin/sleep infinity\n\
                Restart=always\nRestartSec=0\n";
    let world = many(100, unit).boot();
    for _ in 0..20 {
        world.ok(["initctl", "list"]);
    }
}

/// Without cgroups as well as with them: what the main processes leave behind gets the signals, and is waited for.
#[test]
fn a_stop_of_all_leaves_nobody_behind() {
    let family = "[Service]\nType=exec\nExecStart=/bin/sh -c 'setsid sleep 1001 & sleep 1002 & exec sleep 1003'\n[Install]\nRunlevels=3\n";
    let lone = "[Service]\nExecStart=/bin/sleep 1004\n";
    let on = format!("{lone}[Install]\nRunlevels=3\n");
    let world = (0..20).fold(World::new(), |world, n| {
        let (a, b) = (format!("family{n}.service"), format!("lone{n}.service"));
        world.unit(&a, family).unit(&b, &on)
    });
    let world = world.unit("other.service", &off(lone)).boot();
    world.ok(["initctl", "start", "other"]);
    let sleeping = |w: &World| {
        let text = w.ok(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]);
        (1001..=1004).map(|n| text.matches(&format!("sleep {n}")).count()).collect::<Vec<_>>()
    };
    world.wait_for("all sleepers", deadline(20), |w| (sleeping(w) == [20, 20, 20, 21]).then_some(()));
    world.ok(["initctl", "runlevel", "4"]);
    assert_eq!(sleeping(&world), [0, 0, 0, 1], "{}", world.console());
}

/// What one stop costs doesn't grow with the processes that there are: reads of the manager's, counted by the kernel.
#[test]
fn a_stop_of_many_looks_at_each_a_few_times() {
    const COUNT: u64 = 60;
    let unit = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nRunlevels=3\n";
    let world = many(60, unit).boot();
    let manager = world.manager().expect("a manager");
    let reads = || {
        let text = std::fs::read_to_string(format!("/proc/{manager}/io")).expect("its account");
        let line = text.lines().find_map(|l| l.strip_prefix("syscr: ")).expect("reads");
        line.parse::<u64>().expect("a number")
    };
    let before = reads();
    world.ok(["initctl", "runlevel", "4"]);
    let each = (reads() - before) / COUNT;
    assert!(each <= 30, "{each} reads for each of {COUNT} services");
}
