//! PID 1 in a PID namespace of its own, driven by the frames a manager speaks.

#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use init::proto::pid1::{Event, Exit, Key, Life, Name, Power, Request};
use init::proto::plan::Step;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use rung_tests::pid1::{Manager, Options, World, key, memory, plan_of, plan_with, until};
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;

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
fn a_process_starts_runs_and_its_end_is_told_until_acknowledged() {
    let world = world();
    let (manager, welcome) = world.greeted();
    assert!(
        matches!(welcome, Event::Welcome { managers: 0, reexecs: 0, container: true, down: None, .. }),
        "{welcome:?}"
    );
    manager.spawn(key(16), &["/bin/sh", "-c", "exit 5"]);
    assert_eq!(manager.over(key(16)), Exit::Code(5));
    // Told again on request, until acknowledged.
    let (slots, parked, highest) = manager.sync();
    assert_eq!(slots.get(&key(16)).map(|(_, life)| *life), Some(Life::Over(Exit::Code(5))));
    assert_eq!(highest, 16);
    let names: Vec<_> = parked.iter().map(|(token, name)| (*token, name.as_str())).collect();
    assert_eq!(names, [(0, "stdin"), (0, "stdout"), (0, "stderr")]);
    ack(&manager, key(16));
    assert!(manager.sync().0.is_empty());
    manager.spawn(key(17), &["/bin/sh", "-c", "kill -TERM $$"]);
    assert_eq!(manager.over(key(17)), Exit::Signal(libc::SIGTERM));
}

#[test]
fn what_cannot_be_done_is_refused_with_the_reason() {
    let world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    manager.running(key(16));
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    assert_eq!(manager.refused(), (key(16), Errno::EEXIST));
    manager.send(Request::ack(&[key(16)]));
    assert_eq!(manager.refused(), (key(16), Errno::EBUSY));
    manager.send(Request::Signal { key: key(99), signal: 15, group: false });
    assert_eq!(manager.refused(), (key(99), Errno::ESRCH));
    manager.send(Request::Spawn { key: key(17), cgroup: false });
    assert_eq!(manager.refused(), (key(17), Errno::EBADF));
    manager.spawn(key(0), &["/bin/true"]);
    assert_eq!(manager.refused(), (key(0), Errno::EPERM));
    manager.send(Request::Adopt { key: key(18), pid: 30_000, start_time: 0 });
    assert_eq!(manager.refused(), (key(18), Errno::ESRCH));
    manager.send_garbage(&[99; 96]);
    assert_eq!(manager.refused(), (Key::default(), Errno::EPROTO));
    manager.send_garbage(&[4, 0, 1]);
    assert_eq!(manager.refused(), (Key::default(), Errno::EMSGSIZE));
    // The one that ran still does.
    manager.send(Request::Signal { key: key(16), signal: libc::SIGKILL, group: false });
    assert_eq!(manager.over(key(16)), Exit::Signal(libc::SIGKILL));
    manager.send(Request::Signal { key: key(16), signal: libc::SIGKILL, group: false });
    assert!(manager.quiet());
}

#[test]
fn a_child_that_does_not_get_to_its_program_says_at_which_step() {
    let world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/no/such/program"]);
    assert_eq!(manager.over(key(16)), Exit::NotRun { stage: 2, errno: libc::ENOENT });
    let steps = [Step::Session, Step::Chdir { path: c"/no/such/folder", optional: false }];
    manager.spawn_plan(key(17), &plan_with(&steps, &["/bin/true"]), &[]);
    assert_eq!(manager.over(key(17)), Exit::NotRun { stage: 1, errno: libc::ENOENT });
    manager.spawn_plan(key(18), b"not a plan at all", &[]);
    assert_eq!(manager.over(key(18)), Exit::NotRun { stage: u16::MAX, errno: libc::EBADMSG });
    let steps = [Step::Fd { index: 3, target: 1 }];
    manager.spawn_plan(key(19), &plan_with(&steps, &["/bin/true"]), &[]);
    assert_eq!(manager.over(key(19)), Exit::NotRun { stage: 0, errno: libc::EBADF });
}

#[test]
fn the_steps_make_the_process_what_the_plan_says() {
    let world = world();
    let (manager, _) = world.greeted();
    let (read, write) = nix::unistd::pipe().expect("pipe");
    let ids: Vec<u8> = [7u32, 8].iter().flat_map(|v| v.to_le_bytes()).collect();
    let steps = [
        Step::Session,
        Step::Signals { ignore: 1 << (libc::SIGPIPE - 1) },
        Step::Open { path: c"/dev/null", access: init::proto::plan::Access::Read, target: 0 },
        Step::Fd { index: 0, target: 1 },
        Step::Dup { from: 1, to: 2 },
        Step::Limit { resource: libc::RLIMIT_CORE, soft: 0, hard: 0 },
        Step::Umask { mask: 0o27 },
        Step::Nice { value: 5 },
        Step::Groups { ids: init::proto::plan::Ids::new(&ids) },
        Step::Gid { id: 1234 },
        Step::Uid { id: 1235 },
        Step::Chdir { path: c"/usr", optional: false },
        Step::Chdir { path: c"/missing", optional: true },
    ];
    let script = "pwd; umask; id -u; id -g; id -G; nice; ulimit -c; echo $(ls /proc/self/fd); \
                  grep -E '^Sig(Blk|Ign)' /proc/self/status; ps -o sid= -p $$ | tr -d ' ' | grep -qx $$ && echo leader";
    manager.spawn_plan(key(16), &plan_with(&steps, &["/bin/sh", "-c", script]), &[write.as_fd()]);
    drop(write);
    assert_eq!(manager.over(key(16)), Exit::Code(0));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut std::fs::File::from(read), &mut said).expect("read");
    let expected = "/usr\n0027\n1235\n1234\n1234 7 8\n5\n0\n0 1 2 3\nSigBlk:\t0000000000000000\n\
                    SigIgn:\t0000000000001000\nleader\n";
    assert_eq!(said, expected);
}

#[test]
fn every_orphan_is_reaped() {
    let world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &[world.helper(), "orphans", "20000"]);
    assert_eq!(manager.over(key(16)), Exit::Code(0));
    until("all orphans are gone", || world.processes().len() == 2);
    // And PID 1 has lost nothing over it.
    manager.spawn(key(17), &["/bin/true"]);
    assert_eq!(manager.over(key(17)), Exit::Code(0));
}

#[test]
fn parked_descriptors_outlive_the_manager_until_dropped() {
    let world = world();
    let (manager, _) = world.greeted();
    let null = std::fs::File::open("/dev/null").expect("null");
    for (token, text) in [(16, "a"), (16, "b"), (17, "a"), (16, "a")] {
        manager.send_with(Request::Park { token, name: name(text) }, &[null.as_fd()]);
    }
    manager.send(Request::Park { token: 20, name: name("none") });
    assert_eq!(manager.refused(), (key(20), Errno::EINVAL));
    manager.kill(Signal::SIGKILL);
    let (manager, _) = world.greeted();
    let parked = |manager: &Manager| manager.sync().1.into_iter().filter(|(token, _)| *token > 0).collect::<Vec<_>>();
    assert_eq!(parked(&manager), [(16, "a".into()), (16, "b".into()), (17, "a".into())]);
    manager.send(Request::Drop { token: 16, name: name("a") });
    assert_eq!(parked(&manager), [(16, "b".into()), (17, "a".into())]);
    manager.send(Request::Drop { token: 16, name: name("") });
    assert_eq!(parked(&manager), [(17, "a".into())]);
    manager.send(Request::Fetch { token: 16, name: name("a") });
    manager.expect("answer", |event, _| matches!(event, Event::Fd { found: false, .. }).then_some(()));
}

#[test]
fn a_child_copies_no_parked_descriptors() {
    let world = world();
    let (manager, _) = world.greeted();
    let null = std::fs::File::open("/dev/null").expect("null");
    for n in 0..3000 {
        manager.send_with(Request::Park { token: 16, name: name(&n.to_string()) }, &[null.as_fd()]);
    }
    // A plan that doesn't come keeps the child between fork and exec.
    let (read, write) = nix::unistd::pipe().expect("pipe");
    manager.send_with(Request::Spawn { key: key(17), cgroup: false }, &[read.as_fd()]);
    manager.expect("forked", |event, _| matches!(event, Event::Slot { life: Life::Forked, .. }).then_some(()));
    let count = |pid: i32| std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    let child = || {
        let text = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", world.pid1())).expect("children");
        text.split_whitespace().last().and_then(|pid| pid.parse().ok()).expect("child")
    };
    assert!(count(world.pid1()) > 3000);
    until("the child has its own descriptors", || (1..100).contains(&count(child())));
    // And it gets its plan after all.
    nix::unistd::write(&write, &plan_of(&["/bin/sh", "-c", "exit 9"])).expect("write");
    drop(write);
    assert_eq!(manager.over(key(17)), Exit::Code(9));
}

#[test]
fn adopted_processes_end_in_their_slots() {
    let world = world();
    let (manager, _) = world.greeted();
    let file = world.dir.join("pid");
    let daemon = |script: &str| {
        let script = format!("sh -c 'echo $$ > {0}.new; mv {0}.new {0}; {script}' &", file.display());
        manager.spawn(key(16), &["/bin/sh", "-c", &script]);
        assert_eq!(manager.over(key(16)), Exit::Code(0));
        ack(&manager, key(16));
        until("its pid file", || file.exists());
        let pid = std::fs::read_to_string(&file).expect("pid").trim().parse::<i32>().expect("pid");
        std::fs::remove_file(&file).expect("remove");
        pid
    };
    // A child by now: its status comes.
    let pid = daemon("sleep 1000; exit 3");
    manager.send(Request::Adopt { key: key(17), pid, start_time: 1 });
    assert_eq!(manager.refused(), (key(17), Errno::ESRCH));
    manager.send(Request::Adopt { key: key(17), pid, start_time: 0 });
    assert_eq!(manager.running(key(17)), pid);
    manager.send(Request::Adopt { key: key(18), pid, start_time: 0 });
    assert_eq!(manager.refused(), (key(18), Errno::EEXIST));
    manager.send(Request::Signal { key: key(17), signal: libc::SIGUSR2, group: false });
    assert_eq!(manager.over(key(17)), Exit::Signal(libc::SIGUSR2));
    // It has just died: its end is still known.
    let pid = daemon("exit 44");
    until("it is gone", || !world.processes().contains(&pid));
    manager.send(Request::Adopt { key: key(18), pid, start_time: 1 });
    assert_eq!(manager.over(key(18)), Exit::Code(44));
    // Not our child: watched, and its end is unknown.
    manager.spawn(
        key(19),
        &[
            "/bin/sh",
            "-c",
            &format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait; sleep 1000", file.display()),
        ],
    );
    until("its pid file", || file.exists());
    let pid = std::fs::read_to_string(&file).expect("pid").trim().parse().expect("pid");
    manager.send(Request::Adopt { key: key(20), pid, start_time: 0 });
    assert_eq!(manager.running(key(20)), pid);
    world.signal(Signal::SIGSEGV);
    manager.send(Request::Signal { key: key(20), signal: libc::SIGTERM, group: false });
    assert_eq!(manager.over(key(20)), Exit::Unknown);
}

#[test]
fn a_manager_that_does_not_read_loses_nothing() {
    let world = world();
    let (manager, _) = world.greeted();
    for token in 16..816 {
        manager.spawn(key(token), &["/bin/sh", "-c", &format!("exit {}", token % 256)]);
    }
    until("all have ended", || world.processes().len() == 2);
    let mut seen = BTreeMap::new();
    while seen.len() < 800 {
        if let (Event::Slot { key, life: Life::Over(exit), .. }, _) = manager.event() {
            assert_eq!(seen.insert(key, exit), None, "told once");
        }
    }
    assert!(seen.iter().all(|(key, exit)| *exit == Exit::Code((key.token % 256) as i32)));
    assert_eq!(manager.sync().0.len(), 800);
}

#[test]
fn signals_are_told_until_acknowledged() {
    let world = world();
    let (manager, _) = world.greeted();
    for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGWINCH, Signal::SIGPWR, Signal::SIGCONT] {
        world.signal(signal);
        let told =
            |event, _| matches!(event, Event::Signal { signal: s, count: 1 } if s == signal as i32).then_some(());
        manager.expect("signal", told);
    }
    manager.send(Request::AckSignal { signal: libc::SIGHUP });
    assert!(manager.quiet());
    manager.kill(Signal::SIGKILL);
    let (manager, _) = world.greeted();
    let mut told = Vec::new();
    while told.len() < 4 {
        if let (Event::Signal { signal, .. }, _) = manager.event() {
            told.push(signal);
        }
    }
    assert!(!told.contains(&libc::SIGHUP), "{told:?}");
}

#[test]
fn between_sigtstp_and_sigcont_nothing_is_started() {
    let world = world();
    let (manager, _) = world.greeted();
    let told = |wanted: Signal| {
        manager.expect("signal", |event, _| {
            matches!(event, Event::Signal { signal, .. } if signal == wanted as i32).then_some(())
        });
    };
    world.signal(Signal::SIGTSTP);
    told(Signal::SIGTSTP);
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    assert_eq!(manager.refused(), (key(16), Errno::ECANCELED));
    // A fault of PID 1 changes nothing about it.
    world.signal(Signal::SIGSEGV);
    manager.spawn(key(18), &["/bin/sleep", "1000"]);
    let mut refused = manager.refused();
    // One that comes before PID 1 has noted its answer has it answer again: that it was interrupted.
    if refused == (key(16), Errno::EINTR) {
        refused = manager.refused();
    }
    assert_eq!(refused, (key(18), Errno::ECANCELED));
    world.signal(Signal::SIGCONT);
    told(Signal::SIGCONT);
    manager.spawn(key(17), &["/bin/sleep", "1000"]);
    manager.running(key(17));
}

#[test]
fn the_end_is_an_exit_with_the_status_asked_for() {
    let mut world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    manager.running(key(16));
    manager.send(Request::End { how: Power::PowerOff, status: 42 });
    assert_eq!(world.ended().code(), Some(42));
}

#[test]
fn past_the_deadline_pid1_ends_alone() {
    let mut world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    manager.running(key(16));
    manager.send(Request::Down { how: Power::PowerOff, deadline_ms: 300, status: 3 });
    assert!(manager.quiet());
    // Neither a new manager nor a fault of PID 1 changes that.
    world.signal(Signal::SIGSEGV);
    manager.kill(Signal::SIGKILL);
    let status = world.ended();
    assert_eq!((status.code(), status.signal()), (Some(3), None));
}

#[test]
fn a_shutdown_is_not_put_off_by_managers_that_tell_it_again() {
    let mut world = world();
    let (manager, _) = world.greeted();
    manager.send(Request::Down { how: Power::PowerOff, deadline_ms: 2_000, status: 3 });
    manager.answered();
    manager.kill(Signal::SIGKILL);
    let (manager, welcome) = world.greeted();
    let knows = matches!(welcome, Event::Welcome { down: Some(Power::PowerOff), left_ms: 0..=2_000, status: 3, .. });
    assert!(knows, "{welcome:?}");
    manager.send(Request::Down { how: Power::PowerOff, deadline_ms: 600_000, status: 4 });
    assert_eq!(world.ended().code(), Some(4));
}

#[test]
fn a_shutdown_is_put_off_when_somebody_asks_for_that_and_only_then() {
    let mut world = world();
    let (manager, _) = world.greeted();
    manager.send(Request::Later { deadline_ms: 600_000 });
    manager.send(Request::Down { how: Power::PowerOff, deadline_ms: 500, status: 3 });
    manager.send(Request::Later { deadline_ms: 2_000_000_000 });
    manager.answered();
    manager.kill(Signal::SIGKILL);
    let (manager, welcome) = world.greeted();
    let knows = matches!(welcome, Event::Welcome { down: Some(_), left_ms: 3_000_000..=3_600_000, status: 3, .. });
    assert!(knows, "{welcome:?}");
    // Put off once, it doesn't come nearer by being put off less.
    manager.send(Request::Later { deadline_ms: 1 });
    manager.send(Request::End { how: Power::PowerOff, status: 5 });
    assert_eq!(world.ended().code(), Some(5));
}

#[test]
fn the_answer_to_another_signal_is_none_to_a_signal_that_ends() {
    let mut world = world();
    let (manager, _) = world.greeted();
    world.signal(Signal::SIGTERM);
    world.signal(Signal::SIGHUP);
    let hangup = |event, _| matches!(event, Event::Signal { signal: libc::SIGHUP, .. }).then_some(());
    manager.expect("SIGHUP", hangup);
    manager.send(Request::AckSignal { signal: libc::SIGHUP });
    assert_eq!(world.ended().code(), Some(0));
}

#[test]
fn who_executed_it_may_have_ignored_ends_of_children() {
    let world = World::start(HELPER, &Options { ignored: true, ..Options::default() });
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sh", "-c", "exit 5"]);
    assert_eq!(manager.over(key(16)), Exit::Code(5));
}

#[test]
fn a_signal_nobody_answers_ends_a_container() {
    let mut world = world();
    let (_manager, _) = world.greeted();
    world.signal(Signal::SIGTERM);
    assert_eq!(world.ended().code(), Some(0));
}

#[test]
fn the_title_shows_and_stays() {
    let world = world();
    let (manager, _) = world.greeted();
    let title = || std::fs::read_to_string(format!("/proc/{}/cmdline", world.pid1())).expect("cmdline");
    manager.send(Request::Title { text: name("init [3]") });
    assert!(manager.quiet());
    assert_eq!(title().trim_end_matches('\0'), "init [3]");
    world.signal(Signal::SIGSEGV);
    manager.answered();
    assert_eq!(title().trim_end_matches('\0'), "init [3]");
    // Longer than the arguments were.
    for text in ["x".repeat(48), "init".to_owned()] {
        manager.send(Request::Title { text: name(&text) });
        assert!(manager.quiet());
        assert_eq!(title().trim_end_matches('\0'), text);
    }
    let comm = std::fs::read_to_string(format!("/proc/{}/comm", world.pid1())).expect("comm");
    assert_eq!(comm, "init\n");
}

#[test]
fn idle_it_does_not_wake() {
    let world = world();
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sleep", "1000"]);
    manager.running(key(16));
    assert!(manager.quiet());
    let switches = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", world.pid1())).expect("status");
        status.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned).collect::<Vec<_>>()
    };
    // On a busy machine what came before may take its time to be over; a timer would show in every window.
    let still = |ms: u16| {
        let before = switches();
        let _ = nix::poll::poll(&mut [], nix::poll::PollTimeout::from(ms));
        switches() == before
    };
    assert!((0..4).any(|_| still(3000)), "it wakes again and again: {:?}", switches());
}

#[test]
fn a_bare_root_with_no_descriptors_is_enough() {
    let world = World::start(HELPER, &Options { bare: true, ..Options::default() });
    let (manager, _) = world.greeted();
    // No /proc: the start time is unknown, all else works.
    manager.spawn(key(16), &["/init-manager", "orphans", "10"]);
    assert_eq!(manager.over(key(16)), Exit::Code(0));
    world.signal(Signal::SIGSEGV);
    manager.answered();
    assert_eq!(manager.sync().0.get(&key(16)).map(|(_, life)| *life), Some(Life::Over(Exit::Code(0))));
}

#[test]
fn filters_that_refuse_newer_calls_are_lived_with() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let world = World::start(HELPER, &Options { filter: Some(errno), ..Options::default() });
        let (manager, _) = world.greeted();
        manager.spawn(key(16), &["/bin/sleep", "1000"]);
        manager.running(key(16));
        manager.spawn(key(17), &["/bin/sh", "-c", "exit 4"]);
        assert_eq!(manager.over(key(17)), Exit::Code(4));
        for _ in 0..3 {
            world.signal(Signal::SIGSEGV);
            manager.answered();
        }
        assert_eq!(manager.sync().0.len(), 2);
        manager.send(Request::Signal { key: key(16), signal: libc::SIGTERM, group: true });
        assert_eq!(manager.over(key(16)), Exit::Signal(libc::SIGTERM));
        // Another's child, without pidfds.
        let file = world.dir.join("pid");
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait; sleep 1000", file.display());
        manager.spawn(key(18), &["/bin/sh", "-c", &script]);
        until("its pid file", || file.exists());
        let pid = std::fs::read_to_string(&file).expect("pid").trim().parse().expect("pid");
        manager.send(Request::Adopt { key: key(19), pid, start_time: 0 });
        assert_eq!(manager.running(key(19)), pid);
        manager.send(Request::Signal { key: key(19), signal: libc::SIGTERM, group: false });
        assert_eq!(manager.over(key(19)), Exit::Unknown);
    }
}

#[test]
fn a_user_without_rights_can_run_it() {
    let user = if nix::unistd::getuid().is_root() { 1000 } else { nix::unistd::getuid().as_raw() };
    let world = World::start(HELPER, &Options { user: Some(user), ..Options::default() });
    let (manager, _) = world.greeted();
    manager.spawn(key(16), &["/bin/sh", "-c", "exit $(id -u | head -c 1)"]);
    assert_eq!(manager.over(key(16)), Exit::Code(1));
    world.signal(Signal::SIGSEGV);
    manager.answered();
}

#[test]
fn a_subreaper_does_the_same() {
    let mut world = World::start(HELPER, &Options { subreaper: true, ..Options::default() });
    let (manager, welcome) = world.greeted();
    assert!(matches!(welcome, Event::Welcome { container: true, .. }), "{welcome:?}");
    manager.spawn(key(16), &[world.helper(), "orphans", "500"]);
    assert_eq!(manager.over(key(16)), Exit::Code(0));
    until("all orphans are gone", || world.processes().len() == 3);
    world.signal(Signal::SIGSEGV);
    manager.answered();
    manager.send(Request::End { how: Power::PowerOff, status: 9 });
    assert_eq!(world.ended().code(), Some(9));
}

#[test]
fn a_hundred_services_cost_little_memory() {
    let world = world();
    let (manager, _) = world.greeted();
    for token in 16..116 {
        manager.spawn(key(token), &["/bin/sleep", "1000"]);
    }
    for token in 16..116 {
        manager.send_with(Request::Park { token, name: name("out") }, &[std::io::stdin().as_fd()]);
    }
    manager.answered();
    // Of what can be written: the program's own pages count as dirty when its file is new.
    let maps = std::fs::read_to_string(format!("/proc/{}/smaps", world.pid1())).expect("smaps");
    let (mut writable, mut dirty, mut place) = (false, 0, String::new());
    for line in maps.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        if words.len() >= 5 && words[1].len() == 4 {
            writable = words[1].contains('w');
            place = words.get(5).unwrap_or(&"").to_string();
        }
        if words[0] == "Private_Dirty:" && writable {
            let size = words[1].parse::<u64>().expect("number");
            println!("{size} kB {place}");
            dirty += size;
        }
    }
    println!("{dirty} kB");
    assert!(dirty <= 160, "{dirty} kB");
}

/// A folder of a cgroup2 tree that this test can write; removed with the value.
struct Cgroup(std::path::PathBuf);

impl Cgroup {
    fn new() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
        let tree = mounts.lines().rfind(|l| l.split(' ').nth(2) == Some("cgroup2"))?;
        let folder = std::path::Path::new(tree.split(' ').nth(1)?).join(format!("rung-pid1-{}", std::process::id()));
        std::fs::create_dir(&folder).ok()?;
        Some(Self(folder))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::write(self.0.join("cgroup.kill"), "1");
        until("an empty cgroup", || std::fs::remove_dir(&self.0).is_ok());
    }
}

#[test]
fn a_child_is_born_in_its_cgroup_and_moves_there_where_it_cant_be() {
    let Some(cgroup) = Cgroup::new() else { return eprintln!("no cgroup2 tree can be written: left out") };
    let folder = std::fs::File::open(&cgroup.0).expect("its folder");
    let inside = || std::fs::read_to_string(cgroup.0.join("cgroup.procs")).expect("its processes").lines().count();
    let run = |manager: &Manager, step: &std::path::Path| {
        let path = std::ffi::CString::new(step.as_os_str().as_encoded_bytes()).expect("a path");
        let plan = memory(&plan_with(&[Step::Cgroup { path: &path, required: true }], &["/bin/sleep", "1000"]));
        manager.send_with(Request::Spawn { key: key(17), cgroup: true }, &[plan.as_fd(), folder.as_fd()]);
        manager.running(key(17));
    };
    // The step would fail: it isn't needed.
    let modern = world();
    let (manager, _) = modern.greeted();
    run(&manager, std::path::Path::new("/nowhere"));
    assert_eq!(inside(), 1);
    // Here the kernel knows no such call.
    let old = World::start(HELPER, &Options { filter: Some(libc::ENOSYS), ..Options::default() });
    let (manager, _) = old.greeted();
    run(&manager, &cgroup.0);
    assert_eq!(inside(), 2);
}
