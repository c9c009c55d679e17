//! Readiness, notices, watchdog and idle starts: one scenario for each rule.

use super::bench::*;
use super::*;
use crate::proto::pid1::Exit;
use crate::unit::{ExecKind, KillMode, ServiceType};
use std::time::Duration;

fn says(b: &mut Bench, text: &str, notices: Vec<Notice>) {
    let token = b.view(text).token.expect("live");
    b.feed(Event::Notify { token, notices });
}

fn kind(kind: ServiceType) -> impl Fn(&mut crate::unit::Unit) {
    move |u| u.service.kind = kind
}

fn up(b: &mut Bench, name: &str) {
    b.ask(Verb::Start, &[name]);
    b.runs(name);
    says(b, name, vec![Notice::Ready]);
    assert_eq!(b.view(name).phase, Phase::Running);
}

#[test]
fn a_check_is_run_until_it_succeeds() {
    let make = || unit("a", |u| add(u, ExecKind::ReadyCheck));
    let mut b = Bench::new(vec![make()]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    assert_eq!(b.spawned(), ["a ReadyCheck0"]);
    b.runs("a");
    assert!(b.spawned().is_empty(), "told twice");
    b.exit("a", false, Exit::Code(1));
    assert!(b.spawned().is_empty() && b.results().is_empty());
    b.wait(499);
    assert!(b.spawned().is_empty());
    b.wait(1);
    assert_eq!(b.spawned(), ["a ReadyCheck0"]);
    b.exit("a", false, Exit::Code(1));
    // A new manager asks at once.
    let main = b.key("a", true);
    b.rebirth(vec![make()], &[(main, Life::Running)]);
    b.wait(0);
    assert_eq!(b.view("a").control_key.map(|k| k.step), Some(3));
    b.exit("a", false, Exit::Code(0));
    assert_eq!((b.results(), b.view("a").state), (vec![done("a")], State::Active));
}

#[test]
fn a_check_that_never_succeeds_times_out_and_an_end_meanwhile_is_no_success() {
    let make = |n: &str| unit(n, |u| add(u, ExecKind::ReadyCheck));
    let mut b = Bench::new(vec![make("a"), make("b")]);
    for n in ["a", "b"] {
        b.ask(Verb::Start, &[n]);
        b.runs(n);
    }
    b.wait(90_000);
    assert_eq!(b.view("a").outcome, Some(&Outcome::Timeout { phase: Phase::Start }));
    let mut b = Bench::new(vec![make("a")]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.exit("a", true, Exit::Code(0));
    assert_eq!(b.view("a").outcome, Some(&Outcome::Protocol));
}

#[test]
fn a_descriptor_makes_a_plain_service_say_that_it_is_ready() {
    let mut b = Bench::new(vec![unit("a", |u| u.service.readiness.notify_fd = Some(3))]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    assert_eq!(b.view("a").state, State::Activating);
    says(&mut b, "a", vec![Notice::Ready]);
    assert_eq!((b.results(), b.view("a").state), (vec![done("a")], State::Active));
}

#[test]
fn a_watchdog_is_fed_or_bites() {
    let make = || {
        unit("a", |u| {
            u.service.kind = ServiceType::Notify;
            u.service.readiness.watchdog = Duration::from_secs(2);
        })
    };
    let mut b = Bench::new(vec![make()]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.wait(5_000);
    assert_eq!(b.view("a").phase, Phase::Start, "it begins when it is ready");
    says(&mut b, "a", vec![Notice::Ready]);
    for _ in 0..3 {
        b.wait(1_999);
        let before = b.core.take_dirty().count();
        says(&mut b, "a", vec![Notice::Alive]);
        assert_eq!((before > 0, b.core.take_dirty().count()), (before > 0, 0), "not worth a record");
    }
    // The time without a manager isn't held against it.
    b.now += 60_000;
    let main = b.key("a", true);
    b.rebirth(vec![make()], &[(main, Life::Running)]);
    b.wait(1_999);
    assert_eq!(b.view("a").phase, Phase::Running);
    b.wait(1);
    assert_eq!((b.view("a").phase, b.signals()), (Phase::StopAbort, vec![(true, 6), (true, 18)]));
    b.wait(90_000);
    assert_eq!((b.view("a").phase, b.signals()), (Phase::StopKill, vec![(true, 9)]));
    b.ends("a", Exit::Signal(9));
    assert_eq!((b.view("a").state, b.view("a").outcome), (State::Failed, Some(&Outcome::Watchdog)));
}

#[test]
fn a_service_sets_and_triggers_its_watchdog_itself() {
    let mut b = Bench::new(vec![unit("a", kind(ServiceType::Notify)), unit("b", kind(ServiceType::Notify))]);
    for n in ["a", "b"] {
        up(&mut b, n);
    }
    says(&mut b, "a", vec![Notice::WatchdogEvery(100)]);
    b.wait(100);
    assert_eq!(b.view("a").phase, Phase::StopAbort);
    says(&mut b, "b", vec![Notice::WatchdogEvery(100), Notice::WatchdogEvery(0)]);
    b.wait(1_000);
    assert_eq!(b.view("b").phase, Phase::Running);
    says(&mut b, "b", vec![Notice::Status("x".into()), Notice::Errno(5), Notice::Trigger]);
    assert_eq!(b.view("b").phase, Phase::StopAbort);
    b.ends("b", Exit::Core(6));
    assert_eq!((b.view("b").outcome, b.view("b").said.errno), (Some(&Outcome::Watchdog), Some(5)));
    b.ask(Verb::Start, &["b"]);
    assert_eq!(*b.view("b").said, Said::default());
}

#[test]
fn a_reload_by_signal_wants_an_answer_to_this_signal() {
    let make = || unit("a", kind(ServiceType::NotifyReload));
    let mut b = Bench::new(vec![make()]);
    up(&mut b, "a");
    b.wait(1_000);
    let sent = b.now;
    b.ask(Verb::Reload, &["a"]);
    assert_eq!((b.signals(), b.view("a").state), (vec![(false, 1)], State::Reloading));
    let answers = |at| vec![Notice::Reloading(at), Notice::Ready];
    for stale in [None, Some(sent - 10)] {
        says(&mut b, "a", answers(stale));
        assert_eq!(b.view("a").state, State::Reloading, "{stale:?}");
    }
    let main = b.key("a", true);
    b.rebirth(vec![make()], &[(main, Life::Running)]);
    assert_eq!(b.signals(), [(false, 1)], "it may have been lost");
    says(&mut b, "a", vec![Notice::Reloading(Some(sent))]);
    assert_eq!(b.view("a").state, State::Reloading);
    says(&mut b, "a", vec![Notice::Ready]);
    assert_eq!((b.view("a").state, b.results()), (State::Active, vec![done("a")]));
    b.ask(Verb::Reload, &["a"]);
    b.wait(90_000);
    let late = JobResult::Failed(Outcome::Timeout { phase: Phase::Reload });
    assert_eq!((b.view("a").state, b.results()), (State::Active, vec![("a".into(), late)]));
    // By itself; and what dies over it has failed.
    says(&mut b, "a", vec![Notice::Reloading(None)]);
    assert_eq!(b.view("a").state, State::Reloading);
    b.exit("a", true, Exit::Signal(11));
    b.empty("a");
    assert_eq!(b.view("a").state, State::Failed);
}

#[test]
fn a_reload_by_command_lasts_until_the_service_is_through_with_it() {
    let mut b = Bench::new(vec![unit("a", |u| {
        u.service.kind = ServiceType::Notify;
        add(u, ExecKind::Reload);
    })]);
    up(&mut b, "a");
    b.ask(Verb::Reload, &["a"]);
    says(&mut b, "a", vec![Notice::Reloading(None)]);
    b.exit("a", false, Exit::Code(0));
    assert_eq!(b.view("a").state, State::Reloading);
    says(&mut b, "a", vec![Notice::Ready]);
    assert_eq!((b.view("a").state, b.results()), (State::Active, vec![done("a")]));
}

#[test]
fn time_is_extended_never_cut_short() {
    let mut b = Bench::new(vec![unit("a", kind(ServiceType::Notify))]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    let begun = b.view("a").deadline.expect("a limit");
    says(&mut b, "a", vec![Notice::Extend(10)]);
    assert_eq!(b.view("a").deadline, Some(begun));
    says(&mut b, "a", vec![Notice::Extend(200_000)]);
    assert_eq!(b.view("a").deadline, Some(b.now + 200_000));
    b.wait(200_000);
    assert_eq!(b.view("a").phase, Phase::StopSignal);
}

#[test]
fn an_idle_service_waits_for_the_jobs_that_run_but_not_for_ever() {
    let idle = || unit("i", kind(ServiceType::Idle));
    let after = || {
        unit("z", |u| {
            u.after = names(&["i"]).into();
            u.service.kind = ServiceType::Oneshot;
        })
    };
    let all = || vec![idle(), unit("o", kind(ServiceType::Oneshot)), after()];
    let mut b = Bench::new(all());
    // What waits for it is nothing to wait for.
    b.ask(Verb::Start, &["i", "o", "z"]);
    assert_eq!(b.spawned(), ["o ExecStart0"]);
    let main = b.key("o", true);
    b.rebirth(all(), &[(main, Life::Running)]);
    assert_eq!(b.view("i").state, State::Activating);
    b.exit("o", true, Exit::Code(0));
    assert_eq!(b.spawned(), ["i ExecStart0"]);
    b.runs("i");
    assert_eq!(b.spawned(), ["z ExecStart0"]);
    let mut b = Bench::new(all());
    b.ask(Verb::Start, &["i", "o"]);
    b.wait(4_999);
    assert!(b.spawned().is_empty());
    b.wait(1);
    assert_eq!(b.spawned(), ["i ExecStart0"]);
    // Stopped while it waits: nothing has run, so nothing has ended.
    let called_off = unit("i", |u| {
        kind(ServiceType::Idle)(u);
        add(u, ExecKind::StopPost);
        u.relations.on_success = names(&["z"]);
        let (end, haste) = (crate::unit::End::PowerOff, crate::unit::Haste::None);
        u.service.ending.success_action = Some(crate::unit::EndAction { end, haste });
    });
    let mut b = Bench::new(vec![called_off, unit("o", kind(ServiceType::Oneshot)), plain("z")]);
    b.ask(Verb::Start, &["i", "o"]);
    b.ask(Verb::Stop, &["i"]);
    assert_eq!((b.view("i").state, b.spawned().len()), (State::Inactive, 0));
    assert_eq!((b.view("z").state, b.view("i").job), (State::Inactive, None));
    b.exit("o", true, Exit::Code(0));
    b.empty("o");
    assert_eq!((b.spawned().len(), b.view("z").state, b.core.going_down()), (0, State::Inactive, None));
}

#[test]
fn a_daemon_without_a_main_process_lives_as_long_as_any_of_its_processes() {
    let make = || {
        unit("a", |u| {
            u.service.kind = ServiceType::Forking;
            u.service.kill_mode = KillMode::ControlGroup;
            u.service.readiness.guess_main_pid = false;
        })
    };
    let mut b = Bench::new(vec![make()]);
    b.ask(Verb::Start, &["a"]);
    b.exit("a", false, Exit::Code(0));
    assert_eq!((b.results(), b.view("a").state), (vec![done("a")], State::Active));
    assert!(b.log.contains(&Action::Watch { unit: UnitId(0), token: 16 }));
    b.rebirth(vec![make()], &[]);
    assert!(b.log.contains(&Action::Watch { unit: UnitId(0), token: 16 }));
    b.empty("a");
    assert_eq!(b.view("a").phase, Phase::StopSignal);
    b.empty("a");
    assert_eq!(b.view("a").state, State::Inactive);
}
