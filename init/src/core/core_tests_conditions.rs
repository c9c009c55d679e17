//! What happens to a start whose conditions aren't met.

use super::super::*;
use super::bench::*;
use crate::proto::pid1::Exit;
use crate::unit::condition::{Condition, Test, Verdict};
use crate::unit::{ExecKind, Restart};

fn guarded() -> Definition {
    unit("a", |u| {
        u.service.restart = Restart::Always;
        [ExecKind::Condition, ExecKind::Condition, ExecKind::StopPost].into_iter().for_each(|k| add(u, k));
    })
}

fn said_no(index: usize, code: i32) -> Outcome {
    Outcome::Exited { kind: ExecKind::Condition, index, exit: ExitRecord::Code(code) }
}

#[test]
fn exec_condition_skips_the_start_and_dependents_go_on() {
    let skipped = vec![("a".to_owned(), JobResult::Skipped(said_no(1, 1)))];
    let mut b = Bench::new(vec![
        guarded(),
        unit("b", |u| {
            u.requires = names(&["a"]).into();
            u.after = names(&["a"]).into();
        }),
    ]);
    b.ask(Verb::Start, &["b"]);
    assert_eq!((b.spawned(), b.view("a").state), (vec!["a ExecCondition0".to_owned()], State::Activating));
    b.exit("a", false, Exit::Code(0));
    assert_eq!(b.spawned(), ["a ExecCondition1"]);
    b.exit("a", false, Exit::Code(1));
    b.empty("a");
    assert_eq!(b.spawned(), ["a ExecStopPost0"], "it is told what has become of the start");
    b.exit("a", false, Exit::Code(0));
    b.empty("a");
    assert_eq!((b.view("a").state, b.view("a").outcome), (State::Inactive, Some(&said_no(1, 1))));
    assert_eq!((b.spawned(), b.results()), (vec!["b ExecStart0".to_owned()], skipped));
    b.runs("b");
    assert_eq!(b.view("b").state, State::Active);
    b.wait(3_600_000);
    assert_eq!(b.view("a").phase, Phase::Dead, "Restart=always doesn't bring back what is not to run");
}

#[test]
fn exec_condition_with_255_or_a_signal_is_a_failure() {
    for exit in [Exit::Code(255), Exit::Signal(9)] {
        let mut b = Bench::new(vec![unit("a", |u| add(u, ExecKind::Condition))]);
        b.ask(Verb::Start, &["a"]);
        b.exit("a", false, exit);
        b.empty("a");
        assert_eq!(b.view("a").state, State::Failed, "{exit:?}");
        assert!(matches!(b.results().first(), Some((_, JobResult::Failed(_)))));
    }
}

fn conditional(text: &str) -> Definition {
    unit(text, |u| {
        u.conditions.conditions.push(Condition {
            test: Test::PathExists,
            triggering: false,
            negated: false,
            value: "/x".to_owned(),
            place: crate::unit::Place::default(),
        });
    })
}

fn asks(b: &Bench) -> Vec<u64> {
    let tokens = b.log.iter().filter_map(|a| if let Action::Check { token, .. } = a { Some(*token) } else { None });
    tokens.collect()
}

#[test]
fn conditions_are_looked_at_when_the_start_runs() {
    for name in ["a", "a.target"] {
        let mut b = Bench::new(vec![conditional(name)]);
        let check = |b: &mut Bench, verdict: Verdict| {
            b.ask(Verb::Start, &[name]);
            let tokens = asks(b);
            assert_eq!((tokens.len(), b.view(name).phase, b.spawned()), (1, Phase::Check, Vec::new()));
            b.feed(Event::Checked { token: tokens[0], verdict });
        };
        check(&mut b, Verdict::Skip("no".into()));
        let skip = Outcome::Skipped { reason: "no".into(), exit: None };
        assert_eq!((b.view(name).state, b.results()), (State::Inactive, vec![(name.into(), JobResult::Skipped(skip))]));
        check(&mut b, Verdict::Refuse("no".into()));
        let refused = Outcome::Assert { reason: "no".into() };
        assert_eq!((b.view(name).state, b.results()), (State::Failed, vec![(name.into(), JobResult::Failed(refused))]));
        check(&mut b, Verdict::Met);
        if name == "a" {
            assert_eq!(b.spawned(), ["a ExecStart0"]);
            b.runs(name);
        }
        assert_eq!((b.view(name).state, b.results()), (State::Active, vec![done(name)]));
    }
}

#[test]
fn a_look_is_called_off_repeated_and_given_up() {
    let mut b = Bench::new(vec![conditional("a")]);
    b.ask(Verb::Start, &["a"]);
    let token = asks(&b)[0];
    b.ask(Verb::Stop, &["a"]);
    assert_eq!(b.view("a").state, State::Inactive);
    b.feed(Event::Checked { token, verdict: Verdict::Met });
    assert_eq!(b.spawned(), Vec::<String>::new(), "an answer that comes late starts nothing");
    b.ask(Verb::Start, &["a"]);
    let token = asks(&b)[0];
    b.rebirth(vec![conditional("a")], &[]);
    assert_eq!(asks(&b), [token], "the next manager asks again");
    b.wait(60_000);
    assert!(matches!(b.results().first(), Some((_, JobResult::Skipped(Outcome::Skipped { .. })))));
    assert_eq!(b.view("a").state, State::Inactive);
}
