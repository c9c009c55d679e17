//! Features that meet: what one of them does must make sense to the others.

use super::bench::*;
use super::*;
use crate::unit::condition::{Condition, Test, Verdict};
use crate::unit::{End, EndAction, Haste, Place};

fn guard(u: &mut Unit) {
    u.conditions.conditions.push(Condition {
        test: Test::PathExists,
        triggering: false,
        negated: false,
        value: "/x".to_owned(),
        place: Place::default(),
    });
}

fn brought(b: &Bench) -> bool {
    b.log.iter().any(|a| matches!(a, Action::EndMachine { .. }))
}

/// Whatever ends, the machine does, and both handlers begin.
fn fateful(u: &mut Unit) {
    let action = Some(EndAction { end: End::Reboot, haste: Haste::None });
    u.service.ending.failure_action = action;
    u.service.ending.success_action = action;
    u.relations.on_failure = names(&["handler"]);
    u.relations.on_success = names(&["handler"]);
}

#[test]
fn a_look_at_conditions_is_part_of_the_way_up() {
    let binds = |u: &mut Unit| u.relations.binds_to = names(&["a"]);
    let mut b = Bench::new(vec![unit("a", guard), unit("b", binds)]);
    b.ask(Verb::Start, &["b"]);
    let token = b.view("a").token.expect("an instance");
    assert_eq!((b.view("a").phase, b.view("b").phase), (Phase::Check, Phase::Start), "they start side by side");
    b.feed(Event::Checked { token, verdict: Verdict::Met });
    b.runs("b");
    b.runs("a");
    assert_eq!((b.view("a").state, b.view("b").state), (State::Active, State::Active));
}

#[test]
fn a_stop_between_two_runs_is_neither_failure_nor_success() {
    let definitions = || {
        let a = |u: &mut Unit| {
            fateful(u);
            u.service.restart = Restart::Always;
            u.service.timing.restart_sec = Duration::from_secs(5);
        };
        vec![unit("a", a), plain("handler")]
    };
    for by_level in [false, true] {
        let mut b = Bench::new(definitions());
        b.marks(&[("a", "3")]);
        b.level('3');
        b.runs("a");
        b.ends("a", Exit::Signal(9));
        assert_eq!((b.view("a").phase, brought(&b)), (Phase::AutoRestart, false));
        if by_level {
            b.level('2');
        } else {
            b.ask(Verb::Stop, &["a"]);
        }
        assert_eq!((b.view("a").phase, b.view("a").state), (Phase::Dead, State::Inactive), "as systemd has it");
        assert!(!brought(&b) && b.spawned().is_empty(), "{:?}", b.log);
        b.wait(60_000);
        assert!(b.spawned().is_empty());
    }
}

#[test]
fn a_start_that_is_called_off_while_conditions_are_looked_at_is_no_success() {
    let a = |u: &mut Unit| {
        fateful(u);
        guard(u);
    };
    let mut b = Bench::new(vec![unit("a", a), plain("handler")]);
    b.ask(Verb::Start, &["a"]);
    assert_eq!(b.view("a").phase, Phase::Check);
    b.ask(Verb::Stop, &["a"]);
    assert_eq!(b.view("a").state, State::Inactive);
    assert!(!brought(&b) && b.spawned().is_empty(), "{:?}", b.log);
}

#[test]
fn time_that_was_asked_for_is_kept_by_the_next_manager() {
    let define = || vec![unit("a", |u| u.service.ending.runtime_max = Some(Duration::from_secs(10)))];
    let mut b = Bench::new(define());
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.wait(9000);
    let token = b.view("a").token.expect("an instance");
    b.feed(Event::Notify { token, notices: vec![Notice::Extend(20_000)] });
    b.rebirth(define(), &[(Key { token, step: 0 }, Life::Running)]);
    b.wait(19_999);
    assert_eq!(b.view("a").phase, Phase::Running);
    b.wait(1);
    assert_eq!(b.view("a").phase, Phase::StopSignal);
}

#[test]
fn an_essential_service_never_waits_for_one_that_is_refused() {
    let bound = |other: &'static str| {
        move |u: &mut Unit| (u.relations.binds_to, u.after) = (names(&[other]), names(&[other]).into())
    };
    let a = unit("a", |u| {
        bound("c")(u);
        u.service.timing.start_limit_burst = 1;
    });
    let e = unit("e", |u| {
        bound("a")(u);
        u.service.essential = true;
    });
    let mut b = Bench::new(vec![unit("c", |u| u.service.restart = Restart::Always), a, e]);
    b.ask(Verb::Start, &["e"]);
    ["c", "a", "e"].iter().for_each(|n| b.runs(n));
    b.ends("c", Exit::Signal(9));
    b.ends("e", Exit::Signal(15));
    b.ends("a", Exit::Code(1));
    assert_eq!((b.view("a").state, b.view("e").awaits), (State::Failed, Some(&name("a"))));
    b.wait(100);
    b.runs("c");
    assert_eq!(b.view("a").outcome, Some(&Outcome::StartLimit));
    assert!(b.log.iter().any(|a| matches!(a, Action::EssentialOver { .. })), "{:?}", b.log);
}
