//! Verbs of scripts that somebody runs inside their units: `Restart=` waits for their ends.

use super::bench::*;
use super::*;

/// Who runs the verb.
const HE: i32 = 900;

/// A script's unit that is restarted, and runs with main process 55.
fn bench() -> Bench {
    let mut b = Bench::new(vec![web()]);
    b.ask(Verb::Start, &["web"]);
    b.exit("web", false, Exit::Code(0));
    named(&mut b, Some(55));
    assert_eq!((b.view("web").state, b.view("web").main_pid), (State::Active, Some(55)));
    b
}

fn web() -> Definition {
    web_with(None)
}

/// It, with a command of one more kind.
fn web_with(more: Option<ExecKind>) -> Definition {
    unit("web", |u| {
        u.source = crate::unit::Source::Script;
        u.service.kind = ServiceType::Script;
        u.service.kill_mode = KillMode::Process;
        u.service.restart = Restart::Always;
        add(u, ExecKind::Stop);
        more.into_iter().for_each(|kind| add(u, kind));
    })
}

fn named(b: &mut Bench, main: Option<i32>) {
    let token = b.view("web").token.expect("live");
    b.feed(Event::PidFile { token, found: main.map(|pid| (pid, 7)) });
}

fn hold(b: &mut Bench, pid: i32) {
    b.feed(Event::Hold { unit: name("web"), pid, start_time: 3 });
    assert_eq!(b.log, [Action::Await { pid, start_time: 3 }]);
}

fn release(b: &mut Bench, pid: i32) {
    b.feed(Event::Release { pid, unit: None });
}

#[test]
fn a_daemon_that_its_script_exchanges_is_not_restarted_however_it_ends() {
    let mut b = bench();
    hold(&mut b, HE);
    b.exit("web", true, Exit::Code(1));
    assert_eq!((b.view("web").phase, b.view("web").main_pid, b.spawned()), (Phase::Running, None, vec![]));
    b.empty("web");
    b.wait(60_000);
    assert_eq!((b.view("web").state, b.spawned()), (State::Active, vec![]));
    b.feed(Event::Found { unit: name("web"), main: Some((56, 8)) });
    release(&mut b, HE);
    let view = b.view("web");
    assert_eq!((view.state, view.main_pid, view.restarts), (State::Active, Some(56), 0));
    assert_eq!(view.outcome, Some(&Outcome::Success), "the end of the one before was the script's business");
    // From now on it is ours again.
    b.exit("web", true, Exit::Code(1));
    assert_eq!(b.spawned(), ["web ExecStop0"]);
}

#[test]
fn where_no_daemon_is_there_afterwards_the_end_counts() {
    let mut b = bench();
    hold(&mut b, HE);
    b.exit("web", true, Exit::Code(1));
    release(&mut b, HE);
    assert_eq!(b.spawned(), ["web ExecStop0"], "as if it had ended now");
    b.exit("web", false, Exit::Code(0));
    assert_eq!(b.view("web").phase, Phase::AutoRestart);
}

#[test]
fn a_good_end_with_nothing_left_is_one_afterwards() {
    let mut b = bench();
    b.wait(10_000);
    hold(&mut b, HE);
    b.exit("web", true, Exit::Code(0));
    b.empty("web");
    release(&mut b, HE);
    assert!(b.log.iter().any(|a| matches!(a, Action::Watch { .. })), "who is left is asked again: {:?}", b.log);
    b.empty("web");
    assert_eq!(b.spawned(), ["web ExecStop0"]);
}

#[test]
fn the_last_of_several_verbs_counts_and_a_stop_needs_none() {
    let mut b = bench();
    hold(&mut b, HE);
    hold(&mut b, HE + 1);
    b.feed(Event::Hold { unit: name("web"), pid: HE, start_time: 3 });
    assert!(b.log.is_empty(), "it is at it already");
    b.exit("web", true, Exit::Signal(9));
    release(&mut b, HE);
    b.feed(Event::Release { pid: HE + 1, unit: Some(name("other")) });
    assert_eq!((b.view("web").held, b.spawned()), (true, vec![]));
    b.ask(Verb::Stop, &["web"]);
    assert_eq!(b.spawned(), ["web ExecStop0"]);
    b.exit("web", false, Exit::Code(0));
    assert_eq!(b.view("web").state, State::Inactive, "he asked for it");
    b.feed(Event::Release { pid: HE + 1, unit: Some(name("web")) });
    assert_eq!((b.view("web").held, b.view("web").state), (false, State::Inactive));
}

#[test]
fn a_restart_that_comes_due_waits_for_the_verb() {
    let mut b = bench();
    b.exit("web", true, Exit::Signal(9));
    b.exit("web", false, Exit::Code(0));
    hold(&mut b, HE);
    b.wait(60_000);
    assert_eq!((b.view("web").phase, b.spawned()), (Phase::AutoRestart, vec![]));
    release(&mut b, HE);
    assert_eq!(b.spawned(), ["web ExecStart0"]);
}

#[test]
fn another_manager_knows_of_the_verb() {
    let mut b = bench();
    hold(&mut b, HE);
    b.exit("web", true, Exit::Code(1));
    b.rebirth(vec![web()], &[]);
    let again = Action::Await { pid: HE, start_time: 3 };
    assert!(b.log.contains(&again) && b.spawned().is_empty(), "{:?}", b.log);
    release(&mut b, HE);
    assert_eq!(b.spawned(), ["web ExecStop0"]);
}

/// It runs a command of this kind while a verb is at work, and its main process ends meanwhile.
fn ended_during(kind: ExecKind) -> Bench {
    let mut b = Bench::new(vec![web_with(Some(kind))]);
    b.ask(Verb::Start, &["web"]);
    b.exit("web", false, Exit::Code(0));
    named(&mut b, Some(55));
    if kind == ExecKind::Reload {
        b.ask(Verb::Reload, &["web"]);
    }
    assert_eq!(b.spawned(), [format!("web Exec{kind:?}0")]);
    hold(&mut b, HE);
    b.exit("web", true, Exit::Code(1));
    b
}

#[test]
fn an_end_while_commands_of_its_own_run_waits_for_the_verb_too() {
    for kind in [ExecKind::Reload, ExecKind::StartPost] {
        let mut b = ended_during(kind);
        b.exit("web", false, Exit::Code(0));
        b.wait(60_000);
        assert_eq!((b.view("web").phase, b.spawned()), (Phase::Running, vec![]), "{kind:?}");
        b.feed(Event::Found { unit: name("web"), main: Some((56, 8)) });
        release(&mut b, HE);
        assert_eq!((b.view("web").state, b.view("web").outcome), (State::Active, Some(&Outcome::Success)), "{kind:?}");
    }
}

#[test]
fn where_the_verb_is_over_before_those_commands_the_end_counts_after_them() {
    for kind in [ExecKind::Reload, ExecKind::StartPost] {
        let mut b = ended_during(kind);
        release(&mut b, HE);
        assert_eq!(b.spawned(), Vec::<String>::new(), "{kind:?}");
        b.exit("web", false, Exit::Code(0));
        b.empty("web");
        assert!(b.view("web").outcome.is_some_and(|o| *o != Outcome::Success), "{kind:?}: {:?}", b.view("web").outcome);
    }
}
