//! Managers that die and faults of PID 1: no end of a process is lost.

#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use init::proto::pid1::{Event, Exit, Key, Life, Name, Request};
use nix::sys::signal::Signal;
use rung_tests::pid1::{Manager, Options, World, copy_program, key, until};
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const HELPER: &str = env!("CARGO_BIN_EXE_pid1-helper");

fn world() -> World {
    World::start(HELPER, &Options::default())
}

fn ack(manager: &Manager, key: Key) {
    manager.send(Request::ack(&[key]));
}

fn name(text: &str) -> Name {
    Name::new(text)
}

#[test]
fn no_end_is_lost_or_told_twice_when_managers_are_killed() {
    let world = world();
    let (mut manager, _) = world.greeted();
    let mut seen = BTreeMap::new();
    for round in 0..5u64 {
        for n in 0..20u64 {
            let token = 16 + round * 20 + n;
            manager.spawn(key(token), &["/bin/sh", "-c", &format!("exit {}", token % 256)]);
        }
        // Killed while its processes start and end; what it asked for is done nevertheless.
        manager.kill(Signal::SIGKILL);
        manager = world.greeted().0;
        let (slots, ..) = manager.sync();
        assert!(slots.len() >= 20, "all were started: {}", slots.len());
        let mut left = slots.len();
        for (key, (_, life)) in slots {
            if let Life::Over(exit) = life {
                assert_eq!(seen.insert(key, exit), None);
                ack(&manager, key);
                left -= 1;
            }
        }
        while left > 0 {
            if let (Event::Slot { key, life: Life::Over(exit), .. }, _) = manager.event() {
                assert_eq!(seen.insert(key, exit), None);
                ack(&manager, key);
                left -= 1;
            }
        }
    }
    assert_eq!(seen.len(), 100);
    assert!(seen.iter().all(|(key, exit)| *exit == Exit::Code((key.token % 256) as i32)));
    assert!(manager.sync().0.is_empty());
}

#[test]
fn a_stopped_manager_goes_on() {
    let world = world();
    let (manager, _) = world.greeted();
    for token in 16..20 {
        manager.kill(Signal::SIGSTOP);
        manager.spawn(key(token), &["/bin/true"]);
        assert_eq!(manager.over(key(token)), Exit::Code(0));
    }
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", manager.pid)).expect("stat");
    until("the manager runs again", || !state().contains(") T "));
}

#[test]
fn faults_of_pid1_lose_nothing() {
    let world = world();
    let (manager, _) = world.greeted();
    let (read, write) = nix::unistd::pipe().expect("pipe");
    manager.send_with(Request::Park { token: 16, name: name("pipe") }, &[read.as_fd()]);
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    manager.spawn(key(17), &["/bin/sleep", "1000"]);
    manager.spawn(key(18), &["/bin/sh", "-c", "exit 18"]);
    assert_eq!(manager.over(key(18)), Exit::Code(18));
    until("all run", || {
        let all = manager.sync().0;
        all.len() == 3 && all.values().all(|(_, life)| *life != Life::Forked)
    });
    let (before, ..) = manager.sync();
    let pid1 = world.pid1();
    for round in 0..100 {
        let fault = [Signal::SIGSEGV, Signal::SIGABRT, Signal::SIGBUS, Signal::SIGILL][round % 4];
        world.signal(fault);
        // By the same manager's line.
        manager.answered();
    }
    assert_eq!(world.pid1(), pid1);
    let (after, parked, _) = manager.sync();
    assert_eq!(before, after);
    assert!(parked.contains(&(16, "pipe".into())), "{parked:?}");
    manager.send(Request::Fetch { token: 16, name: name("pipe") });
    let copy =
        manager.expect("fd", |event, mut fds| matches!(event, Event::Fd { found: true, .. }).then(|| fds.take(0)));
    nix::unistd::write(&write, b"kept").expect("write");
    let mut text = [0; 8];
    assert_eq!(nix::unistd::read(copy.expect("descriptor"), &mut text), Ok(4));
    // Children are still children.
    manager.send(Request::Signal { key: key(17), signal: libc::SIGUSR1, group: true });
    assert_eq!(manager.over(key(17)), Exit::Signal(libc::SIGUSR1));
    manager.kill(Signal::SIGKILL);
    let (manager, welcome) = world.greeted();
    // A fault that comes while the new image isn't ready for one is ignored by the kernel.
    assert!(matches!(welcome, Event::Welcome { managers: 1, reexecs: 90..=100, .. }), "{welcome:?}");
    assert_eq!(manager.sync().0.get(&key(18)).map(|(_, life)| *life), Some(Life::Over(Exit::Code(18))));
}

#[test]
fn faults_in_the_middle_of_ends_lose_none() {
    let world = world();
    let (manager, _) = world.greeted();
    let spawn = |token: u64| manager.spawn(key(token), &["/bin/sh", "-c", &format!("exit {}", token % 256)]);
    for token in 16..216 {
        spawn(token);
        if token % 4 == 0 {
            world.signal(Signal::SIGSEGV);
        }
    }
    let mut seen = BTreeMap::new();
    while seen.len() < 200 {
        match manager.event().0 {
            // Interrupted before there was a process: asked again.
            Event::Slot { key, life: Life::Over(Exit::NotRun { errno: libc::EINTR, .. }), pid: 0, .. } => {
                ack(&manager, key);
                spawn(key.token);
            }
            Event::Refused { key, errno: libc::EINTR, .. } => spawn(key.token),
            Event::Refused { errno: libc::EEXIST, .. } => {}
            Event::Slot { key, life: Life::Over(exit), .. } => {
                // What one image said the next may say again, but never otherwise.
                let before = seen.insert(key, exit);
                assert!(before.is_none_or(|before| before == exit));
            }
            _ => {}
        }
    }
    seen.retain(|key, exit| *exit != Exit::Code((key.token % 256) as i32));
    assert!(seen.is_empty(), "{seen:?}");
}

#[test]
fn a_wanted_reexecution_takes_the_new_program_and_a_new_manager() {
    let world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    let pid = manager.running(key(16));
    std::fs::rename(world.dir.join("init"), world.dir.join("init.old")).expect("rename");
    copy_program(&world.dir.join("init.old"), &world.dir.join("init"));
    manager.send(Request::Reexec);
    let (manager, welcome) = world.greeted();
    assert!(matches!(welcome, Event::Welcome { managers: 1, reexecs: 1, .. }), "{welcome:?}");
    assert_eq!(manager.sync().0.get(&key(16)), Some(&(pid, Life::Running)));
    let exe = std::fs::read_link(format!("/proc/{}/exe", world.pid1())).expect("exe");
    assert_eq!(exe, world.dir.join("init"));
    // A program that can't be executed: the one that is kept.
    std::fs::write(world.dir.join("init.new"), "no program").expect("write");
    std::fs::rename(world.dir.join("init.new"), world.dir.join("init")).expect("rename");
    manager.send(Request::Reexec);
    let (manager, _) = world.greeted();
    world.signal(Signal::SIGSEGV);
    manager.answered();
    assert_eq!(manager.sync().0.get(&key(16)), Some(&(pid, Life::Running)));
}

/// A program that names another table, as one of a later version may.
fn of_another_version(world: &World) -> Vec<u8> {
    let mut bytes = std::fs::read(world.dir.join("init")).expect("read");
    let name = init::pid1::table::MAGIC.to_le_bytes();
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&name)).collect();
    assert!(!places.is_empty(), "the table's name isn't in the program");
    places.into_iter().for_each(|at| bytes[at + 6] += 1);
    bytes
}

#[test]
fn a_program_that_does_not_know_the_table_leaves_it_to_the_one_that_does() {
    let world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    let pid = manager.running(key(16));
    let new = world.dir.join("init.new");
    std::fs::write(&new, of_another_version(&world)).expect("write");
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).expect("mode");
    std::fs::rename(world.dir.join("init"), world.dir.join("init.old")).expect("rename");
    copy_program(&new, &world.dir.join("init"));
    let mut last = manager;
    for reexecs in [1, 2] {
        last.send(Request::Reexec);
        let (manager, welcome) = world.greeted();
        assert!(matches!(welcome, Event::Welcome { reexecs: r, .. } if r == reexecs), "{welcome:?}");
        assert_eq!(manager.sync().0.get(&key(16)), Some(&(pid, Life::Running)));
        let exe = std::fs::read_link(format!("/proc/{}/exe", world.pid1())).expect("exe");
        assert_eq!(exe, world.dir.join("init.old"));
        last = manager;
    }
}

#[test]
fn a_manager_that_ends_on_asking_for_a_reexecution_is_followed_by_another() {
    let world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    let pid = manager.running(key(16));
    // It is reaped before what it asked for last is read.
    world.signal(Signal::SIGSTOP);
    manager.send(Request::Reexec);
    let stat = format!("/proc/{}/stat", manager.pid);
    manager.kill(Signal::SIGKILL);
    until("it is over", || std::fs::read_to_string(&stat).is_ok_and(|text| text.contains(") Z ")));
    world.signal(Signal::SIGCONT);
    let (manager, welcome) = world.greeted();
    assert!(matches!(welcome, Event::Welcome { managers: 1, reexecs: 1, .. }), "{welcome:?}");
    assert_eq!(manager.sync().0.get(&key(16)), Some(&(pid, Life::Running)));
}

#[test]
fn managers_that_fail_are_started_anew_with_growing_delays() {
    let world = world();
    let began = std::time::Instant::now();
    for _ in 0..4 {
        world.manager().exit(1);
    }
    let (manager, welcome) = world.greeted();
    assert!(matches!(welcome, Event::Welcome { managers: 4, .. }), "{welcome:?}");
    // 0, 0.1, 0.5 and 2 seconds.
    assert!(began.elapsed().as_millis() >= 2600, "{:?}", began.elapsed());
    assert_eq!(manager.said.split_whitespace().nth(1).map(|limit| limit.contains(':')), Some(true));
}

#[test]
fn a_crash_loop_ends_with_the_last_manager_that_worked() {
    let world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    let pid = manager.running(key(16));
    manager.send(Request::Ready);
    manager.answered();
    let file = |pid: i32| std::fs::metadata(format!("/proc/{pid}/exe")).expect("exe").ino();
    let good = file(manager.pid);
    let broken = world.dir.join("broken");
    std::fs::write(&broken, "not a program").expect("write");
    std::fs::rename(&broken, world.dir.join("init-manager")).expect("rename");
    // What is kept outlives a fault of PID 1.
    world.signal(Signal::SIGSEGV);
    manager.answered();
    manager.kill(Signal::SIGKILL);
    // After 0, 0.1, 0.5, 2 and 10 seconds.
    let (manager, welcome) = world.greeted();
    assert!(matches!(welcome, Event::Welcome { managers: 6, .. }), "{welcome:?}");
    assert_eq!(file(manager.pid), good, "nothing else holds on to it");
    assert_eq!(manager.sync().0.get(&key(16)), Some(&(pid, Life::Running)));
}

#[test]
fn with_no_manager_to_come_processes_get_the_time_a_signal_gives() {
    let mut world = world();
    for _ in 0..4 {
        world.manager().exit(1);
    }
    let (manager, _) = world.greeted();
    let (pid, ready, done) = (manager.pid, world.dir.join("ready"), world.dir.join("done"));
    // Longer than a container's processes get that had their time before, shorter than a signal's deadline.
    let (at, then) = (ready.display(), done.display());
    let script = format!("trap 'sleep 3; echo > {then}; exit' TERM; echo > {at}; while :; do sleep 0.1; done");
    manager.spawn(key(16), &["/bin/sh", "-c", &script]);
    until("the trap is set", || ready.exists());
    // The next one is due in ten seconds, after the deadline of eight.
    manager.exit(1);
    until("the manager is gone", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
    let began = std::time::Instant::now();
    world.signal(Signal::SIGTERM);
    assert_eq!(world.ended().code(), Some(0));
    assert!(done.exists() && began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
}

/// What the login says on the console after a crash loop without a copy that worked, and the manager after it.
fn rescue(program: &'static str, shadow: bool) -> String {
    let pty = nix::pty::openpty(None, None).expect("pty");
    let terminal = nix::unistd::ttyname(&pty.slave).expect("name");
    let world = World::start(HELPER, &Options { console: Some((terminal, program)), ..Options::default() });
    if shadow {
        std::fs::create_dir(world.dir.join("etc")).expect("etc");
        std::fs::write(world.dir.join("etc/shadow"), "").expect("shadow");
    }
    for _ in 0..6 {
        world.manager().exit(1);
    }
    let mut said = String::new();
    until("a login", || {
        let mut bytes = [0; 256];
        let length = nix::unistd::read(&pty.master, &mut bytes).expect("console");
        said.push_str(&String::from_utf8_lossy(&bytes[..length]));
        said.contains('\n')
    });
    nix::unistd::write(&pty.master, b"\n").expect("a line");
    // The administrator has perhaps mended it.
    let (_manager, welcome) = world.greeted();
    assert!(matches!(welcome, Event::Welcome { managers: 6, .. }), "{welcome:?}");
    said
}

#[test]
fn a_crash_loop_asks_the_administrator_for_the_password() {
    assert_eq!(rescue("sbin/sulogin", true), "login /sbin/sulogin own true\r\n");
}

#[test]
fn where_there_is_no_password_the_administrator_gets_a_shell() {
    assert_eq!(rescue("bin/sh", false), "login /bin/sh own true\r\n");
}
