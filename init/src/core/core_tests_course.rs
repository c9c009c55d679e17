//! Stops that somebody wants to go on otherwise.

use super::bench::*;
use super::*;

/// A service that ignores its signals, on its way down; up to 2 s for each step.
fn stubborn(change: impl FnOnce(&mut Unit)) -> (Bench, Definition) {
    let definition = unit("a", |u| {
        u.service.timing.timeout_stop = Some(Duration::from_secs(2));
        change(u);
    });
    let mut b = Bench::new(vec![definition.clone()]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.ask(Verb::Stop, &["a"]);
    (b, definition)
}

fn course(b: &mut Bench, course: Course) -> Vec<(String, JobResult)> {
    b.ask(Verb::Stopping(course), &["a"]);
    b.results()
}

#[test]
fn a_stop_waits_longer_also_under_a_new_manager_but_not_for_ever() {
    let (mut b, definition) = stubborn(|_| {});
    b.wait(1000);
    assert_eq!(course(&mut b, Course::Wait { ms: 5000 }), [done("a")]);
    let key = b.key("a", true);
    b.rebirth(vec![definition], &[(key, Life::Running)]);
    b.wait(5999);
    assert_eq!((b.view("a").phase, b.signals()), (Phase::StopSignal, vec![]));
    b.wait(1);
    assert_eq!((b.view("a").phase, b.signals()), (Phase::StopKill, vec![(true, 9)]));
    let began = b.now;
    for _ in 0..2 {
        course(&mut b, Course::Wait { ms: Millis::MAX });
        assert_eq!(b.view("a").deadline, Some(began + crate::core::course::MAX_WAIT));
    }
}

#[test]
fn a_request_to_wait_that_is_repeated_counts_once() {
    let (mut b, _) = stubborn(|_| {});
    course(&mut b, Course::Wait { ms: 5000 });
    let deadline = b.view("a").deadline;
    let ask = Ask::Units { verb: Verb::Stopping(Course::Wait { ms: 5000 }), names: names(&["a"]) };
    b.feed(Event::Request { id: b.next_request, ask });
    assert_eq!((b.view("a").deadline, b.results()), (deadline, vec![done("a")]));
}

#[test]
fn a_stop_without_a_limit_needs_no_time() {
    let (mut b, _) = stubborn(|u| u.service.timing.timeout_stop = None);
    assert_eq!(course(&mut b, Course::Wait { ms: 1 }), [("a".into(), JobResult::Already)]);
}

#[test]
fn a_stop_is_cut_short_in_every_step() {
    let (mut b, _) = stubborn(|u| {
        add(u, ExecKind::Stop);
        add(u, ExecKind::StopPost);
        u.service.ending.send_sigkill = false;
    });
    assert_eq!(b.view("a").phase, Phase::Stop);
    assert_eq!(course(&mut b, Course::Kill), [done("a")]);
    assert_eq!((b.view("a").phase, b.signals()), (Phase::StopKill, vec![(true, 9)]));
    course(&mut b, Course::Kill);
    assert_eq!(b.signals(), [(true, 9)], "once more");
    b.exit("a", false, Exit::Signal(9));
    b.ends("a", Exit::Signal(9));
    assert_eq!(b.spawned(), ["a ExecStopPost0"]);
    course(&mut b, Course::Kill);
    assert_eq!((b.view("a").phase, b.signals()), (Phase::FinalKill, vec![(true, 9)]));
    b.exit("a", false, Exit::Signal(9));
    b.empty("a");
    assert_eq!((b.view("a").state, b.results()), (State::Failed, vec![done("a")]));
}

#[test]
fn a_service_that_nobody_may_kill_is_left_alone_at_once() {
    let (mut b, _) = stubborn(|u| {
        add(u, ExecKind::Stop);
        u.service.kill_mode = KillMode::None;
    });
    course(&mut b, Course::Kill);
    assert_eq!((b.view("a").phase, b.signals()), (Phase::Dead, vec![(false, 9)]), "its ExecStop= is ended");
}

#[test]
fn what_is_skipped_holds_nobody_and_does_not_come_back() {
    let (mut b, _) = stubborn(|u| {
        add(u, ExecKind::StopPost);
        u.service.restart = Restart::Always;
    });
    b.ask(Verb::Stopping(Course::Skip), &["a"]);
    let skipped = b.next_request;
    assert_eq!((b.spawned(), b.signals()), (vec![], vec![]));
    assert_eq!(b.results(), [done("a"), done("a")]);
    assert_eq!(b.view("a").outcome, Some(&Outcome::Abandoned { phase: Phase::StopSignal }));
    assert_eq!((b.view("a").state, b.view("a").token), (State::Failed, None));
    assert!(b.log.contains(&Action::RequestDone { request: skipped }));
    b.wait(100_000);
    assert_eq!(b.view("a").state, State::Failed);
}

#[test]
fn what_does_not_stop_has_no_stop_to_be_changed() {
    let after = unit("b", |u| u.after = names(&["a"]).into());
    let mut b = Bench::new(vec![plain("a"), after]);
    b.ask(Verb::Start, &["a", "b"]);
    b.runs("a");
    b.runs("b");
    let refused = |b: &mut Bench, reason: &str| {
        let result = JobResult::NotApplicable { reason: reason.to_owned() };
        assert_eq!(course(b, Course::Kill), [("a".to_owned(), result)]);
        assert_eq!(b.view("a").state, State::Active);
    };
    refused(&mut b, "it isn't being stopped");
    b.ask(Verb::Stop, &["a", "b"]);
    refused(&mut b, "its stop has not begun: it waits for b");
}
