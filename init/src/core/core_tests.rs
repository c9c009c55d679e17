//! One scenario for each rule, in the order of a unit's life. The world here answers only what a test says.

#[path = "core_tests_back.rs"]
mod back;
#[path = "core_tests_bench.rs"]
pub(super) mod bench;
#[path = "core_tests_conditions.rs"]
mod conditions;
#[path = "core_tests_cost.rs"]
mod cost;
#[path = "core_tests_course.rs"]
mod course;
#[path = "core_tests_ends.rs"]
mod ends;
#[path = "core_tests_hold.rs"]
mod hold;
#[path = "core_tests_mixed.rs"]
mod mixed;
#[path = "core_tests_ready.rs"]
mod ready;
#[path = "core_tests_relations.rs"]
mod relations;
#[path = "core_tests_scripts.rs"]
mod scripts;
#[path = "core_tests_wishes.rs"]
mod wishes;

use super::*;
use crate::proto::pid1::{Exit, Power};
use crate::unit::{ExecKind, KillMode, Level, Restart, ServiceType, Unit, UnitName};
use bench::*;
use std::time::Duration;

#[test]
fn a_simple_service_lives_and_is_stopped() {
    let mut b = Bench::new(vec![plain("a")]);
    b.ask(Verb::Start, &["a"]);
    assert_eq!(b.spawned(), ["a ExecStart0"]);
    b.runs("a");
    assert_eq!(b.results(), [done("a")]);
    assert_eq!((b.view("a").state, b.view("a").main_pid), (State::Active, Some(116)));
    b.ask(Verb::Stop, &["a"]);
    assert_eq!(b.signals(), [(true, 15), (true, 18)]);
    b.exit("a", true, Exit::Signal(15));
    assert_eq!(b.signals(), [(true, 15), (true, 18)], "for what it forked meanwhile");
    assert!(b.log.contains(&Action::Watch { unit: UnitId(0), token: 16 }));
    b.empty("a");
    assert_eq!((b.view("a").state, b.results()), (State::Inactive, vec![done("a")]));
}

#[test]
fn all_commands_run_in_turn() {
    let all = [
        ExecKind::StartPre,
        ExecKind::StartPre,
        ExecKind::StartPost,
        ExecKind::Reload,
        ExecKind::Stop,
        ExecKind::StopPost,
    ];
    let mut b = Bench::new(vec![unit("a", |u| all.into_iter().for_each(|k| add(u, k)))]);
    b.ask(Verb::Start, &["a"]);
    assert_eq!(b.spawned(), ["a ExecStartPre0"]);
    b.exit("a", false, Exit::Code(0));
    assert_eq!(b.spawned(), ["a ExecStartPre1"]);
    b.exit("a", false, Exit::Code(0));
    assert_eq!(b.spawned(), ["a ExecStart0"]);
    b.runs("a");
    assert_eq!(b.spawned(), ["a ExecStartPost0"]);
    b.exit("a", false, Exit::Code(0));
    assert_eq!(b.results(), [done("a")]);
    b.ask(Verb::Reload, &["a"]);
    assert_eq!((b.spawned(), b.view("a").state), (vec!["a ExecReload0".to_owned()], State::Reloading));
    b.exit("a", false, Exit::Code(3));
    let failed = Outcome::Exited { kind: ExecKind::Reload, index: 0, exit: ExitRecord::Code(3) };
    assert_eq!(b.results(), [("a".to_owned(), JobResult::Failed(failed))]);
    assert_eq!(b.view("a").state, State::Active);
    b.ask(Verb::Stop, &["a"]);
    assert_eq!(b.spawned(), ["a ExecStop0"]);
    b.exit("a", false, Exit::Code(0));
    b.ends("a", Exit::Signal(15));
    assert_eq!(b.spawned(), ["a ExecStopPost0"]);
    b.exit("a", false, Exit::Code(0));
    b.empty("a");
    assert_eq!((b.view("a").state, b.results()), (State::Inactive, vec![done("a")]));
}

#[test]
fn a_failed_start_skips_exec_stop_but_not_stop_post() {
    let kinds = [ExecKind::StartPre, ExecKind::Stop, ExecKind::StopPost];
    let mut b = Bench::new(vec![unit("a", |u| kinds.into_iter().for_each(|k| add(u, k)))]);
    b.ask(Verb::Start, &["a"]);
    b.exit("a", false, Exit::Code(1));
    assert!(b.spawned().is_empty());
    b.empty("a");
    assert_eq!(b.spawned(), ["a ExecStopPost0"]);
    b.exit("a", false, Exit::Code(0));
    b.empty("a");
    let why = Outcome::Exited { kind: ExecKind::StartPre, index: 0, exit: ExitRecord::Code(1) };
    assert_eq!((b.view("a").state, b.results()), (State::Failed, vec![("a".into(), JobResult::Failed(why))]));
}

#[test]
fn oneshots_run_all_their_commands_and_may_remain() {
    let oneshot = |u: &mut Unit| {
        u.service.kind = ServiceType::Oneshot;
        add(u, ExecKind::Start);
    };
    let remains = move |u: &mut Unit| {
        oneshot(u);
        u.service.remain_after_exit = true;
    };
    let mut b = Bench::new(vec![unit("a", oneshot), unit("b", remains)]);
    for (n, state) in [("a", State::Deactivating), ("b", State::Active)] {
        b.ask(Verb::Start, &[n]);
        b.exit(n, true, Exit::Code(0));
        assert_eq!(b.spawned(), [format!("{n} ExecStart1")]);
        b.exit(n, true, Exit::Code(0));
        assert_eq!((b.results(), b.view(n).state), (vec![done(n)], state));
    }
}

#[test]
fn notify_waits_for_ready_and_forking_for_its_daemon() {
    let notify = unit("n", |u| u.service.kind = ServiceType::Notify);
    let forking = unit("f", |u| u.service.kind = ServiceType::Forking);
    let mut b = Bench::new(vec![notify, forking]);
    b.ask(Verb::Start, &["n"]);
    b.runs("n");
    assert_eq!(b.view("n").state, State::Activating);
    b.feed(Event::Notify { token: 16, notices: vec![Notice::Status("up".into()), Notice::Ready] });
    assert_eq!((b.results(), b.view("n").said.status.as_deref()), (vec![done("n")], Some("up")));
    b.ask(Verb::Start, &["f"]);
    b.exit("f", false, Exit::Code(0));
    assert!(b.log.contains(&Action::ReadPidFile { unit: UnitId(1), token: 17 }));
    b.feed(Event::PidFile { token: 17, found: None });
    assert_eq!(b.view("f").state, State::Activating);
    b.feed(Event::PidFile { token: 17, found: Some((55, 9)) });
    let key = Key { token: 17, step: 1 };
    assert!(b.log.contains(&Action::Adopt { unit: UnitId(1), key, pid: 55, start_time: 9 }));
    assert_eq!((b.results(), b.view("f").main_pid), (vec![done("f")], Some(55)));
}

#[test]
fn silence_is_a_failure_in_the_end() {
    let notify = |u: &mut Unit| {
        u.service.kind = ServiceType::Notify;
        u.service.timing.timeout_start = Some(Duration::from_secs(3));
        u.service.timing.timeout_stop = Some(Duration::from_secs(2));
    };
    let mut b = Bench::new(vec![unit("a", notify), unit("b", |u| u.service.kind = ServiceType::Notify)]);
    b.ask(Verb::Start, &["b"]);
    b.ends("b", Exit::Code(0));
    assert_eq!(b.view("b").outcome, Some(&Outcome::Protocol));
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.wait(3000);
    assert_eq!(b.signals(), [(true, 15), (true, 18)]);
    b.wait(2000);
    assert_eq!(b.signals(), [(true, 9)]);
    // Not even that helps: it is given up.
    b.wait(2000);
    assert_eq!(b.results(), [("a".into(), JobResult::Failed(Outcome::Timeout { phase: Phase::Start }))]);
}

#[test]
fn kill_modes() {
    let with = |mode| move |u: &mut Unit| u.service.kill_mode = mode;
    let mut b = Bench::new(vec![
        unit("mixed", with(KillMode::Mixed)),
        unit("process", with(KillMode::Process)),
        unit("none", with(KillMode::None)),
    ]);
    for n in ["mixed", "process", "none"] {
        b.ask(Verb::Start, &[n]);
        b.runs(n);
    }
    b.ask(Verb::Stop, &["mixed"]);
    assert_eq!(b.signals(), [(false, 15), (false, 18)]);
    b.exit("mixed", true, Exit::Code(0));
    assert_eq!(b.signals(), [(true, 9)]);
    b.empty("mixed");
    b.ask(Verb::Stop, &["process"]);
    assert_eq!(b.signals(), [(false, 15), (false, 18)]);
    b.exit("process", true, Exit::Code(0));
    assert_eq!((b.signals(), b.view("process").state), (vec![], State::Inactive));
    b.ask(Verb::Stop, &["none"]);
    assert_eq!((b.signals(), b.view("none").state), (vec![], State::Inactive));
}

#[test]
fn restart_policies_and_the_start_limit() {
    let on_failure = |u: &mut Unit| {
        u.service.restart = Restart::OnFailure;
        u.service.timing.start_limit_burst = 2;
    };
    let mut b = Bench::new(vec![unit("a", on_failure), plain("b")]);
    b.ask(Verb::Start, &["a", "b"]);
    b.runs("a");
    b.runs("b");
    b.ends("b", Exit::Signal(11));
    assert_eq!(b.view("b").state, State::Failed);
    b.ends("a", Exit::Signal(11));
    assert_eq!((b.view("a").phase, b.view("a").state), (Phase::AutoRestart, State::Activating));
    b.wait(99);
    assert!(b.spawned().is_empty());
    b.wait(1);
    assert_eq!((b.spawned().len(), b.view("a").token, b.view("a").restarts), (1, Some(18), 1));
    b.runs("a");
    b.ends("a", Exit::Code(1));
    b.wait(100);
    assert_eq!((b.view("a").state, b.view("a").outcome), (State::Failed, Some(&Outcome::StartLimit)));
    b.ask(Verb::Start, &["a"]);
    assert_eq!(b.results(), [("a".into(), JobResult::Failed(Outcome::StartLimit))]);
    b.ask(Verb::ResetFailed, &["a"]);
    assert_eq!(b.view("a").state, State::Inactive);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.ends("a", Exit::Code(0));
    assert_eq!(b.view("a").state, State::Inactive, "a success is no failure");
}

#[test]
fn a_restart_beyond_the_start_limit_leaves_it_running() {
    let mut b = Bench::new(vec![unit("a", |u| u.service.timing.start_limit_burst = 1)]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.ask(Verb::Restart, &["a"]);
    assert_eq!(b.results(), [("a".into(), JobResult::Failed(Outcome::StartLimit))]);
    assert_eq!((b.signals(), b.view("a").state), (vec![], State::Active));
}

#[test]
fn a_stop_ends_the_wait_for_an_automatic_restart() {
    let mut b = Bench::new(vec![unit("a", |u| u.service.restart = Restart::Always)]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.ends("a", Exit::Code(0));
    b.ask(Verb::Stop, &["a"]);
    assert_eq!((b.view("a").phase, b.results()), (Phase::Dead, vec![done("a")]));
    b.wait(10_000);
    assert!(b.spawned().is_empty());
}

#[test]
fn requirements_start_first_and_their_failure_counts() {
    let a = unit("a", |u| {
        u.requires = names(&["b"]).into();
        u.wants = names(&["w", "nowhere"]).into();
        u.after = names(&["b"]).into();
    });
    let mut b = Bench::new(vec![a, plain("b"), Definition::Bad(name("w"), "w.service:1: no".into())]);
    b.ask(Verb::Start, &["a"]);
    assert_eq!(b.spawned(), ["b ExecStart0"]);
    assert_eq!(b.results().len(), 1, "the bad one is told, the missing one is nobody's failure");
    b.exit("b", true, Exit::NotRun { stage: 3, errno: 2 });
    b.empty("b");
    let dependency = JobResult::Failed(Outcome::Dependency { name: name("b") });
    assert!(b.results().contains(&("a".into(), dependency)));
    assert!(b.spawned().is_empty());
}

#[test]
fn what_is_required_and_not_there_fails_at_once() {
    let mut b = Bench::new(vec![unit("a", |u| u.requires = names(&["gone"]).into())]);
    b.ask(Verb::Start, &["a"]);
    assert!(b.spawned().is_empty());
    let dependency = JobResult::Failed(Outcome::Dependency { name: name("gone") });
    assert!(b.results().contains(&("a".into(), dependency)));
    assert!(matches!(b.log.last(), Some(Action::RequestDone { .. })));
}

#[test]
fn stops_go_in_reverse_and_restarts_take_dependents_along() {
    let a = unit("a", |u| {
        u.requires = names(&["b"]).into();
        u.after = names(&["b"]).into();
    });
    let mut b = Bench::new(vec![a, plain("b")]);
    b.ask(Verb::Start, &["a"]);
    b.runs("b");
    b.runs("a");
    b.ask(Verb::Restart, &["b"]);
    assert_eq!((b.view("a").phase, b.view("b").phase), (Phase::StopSignal, Phase::Running));
    b.ends("a", Exit::Signal(15));
    assert_eq!(b.view("b").phase, Phase::StopSignal);
    b.ends("b", Exit::Signal(15));
    assert_eq!(b.spawned(), ["b ExecStart0"]);
    b.runs("b");
    assert_eq!(b.spawned(), ["a ExecStart0"]);
    b.runs("a");
    assert!(b.log.iter().any(|a| matches!(a, Action::RequestDone { .. })));
    // An end of its own leaves the dependents alone.
    b.ends("b", Exit::Signal(9));
    assert_eq!(b.view("a").phase, Phase::Running);
}

#[test]
fn the_later_request_wins() {
    let mut b = Bench::new(vec![unit("a", |u| u.service.kind = ServiceType::Notify)]);
    let start = b.ask(Verb::Start, &["a"]);
    let stop = b.ask(Verb::Stop, &["a"]);
    let replaced = Action::JobDone { request: start, unit: UnitId(0), result: JobResult::Replaced };
    assert!(b.log.contains(&replaced));
    assert_eq!(b.core.open_units(stop), [UnitId(0)]);
    b.ask(Verb::Start, &["a"]);
    b.ends("a", Exit::Signal(15));
    assert_eq!(b.spawned(), ["a ExecStart0"], "it is started when it is down");
}

#[test]
fn a_template_is_never_started_itself() {
    let mut b = Bench::new(vec![plain("getty@"), plain("getty@tty1")]);
    b.ask(Verb::Start, &["getty@", "getty@tty1"]);
    assert_eq!(b.spawned(), ["getty@tty1 ExecStart0"]);
    assert!(matches!(b.results().first(), Some((_, JobResult::Failed(Outcome::Config { .. })))));
}

#[test]
fn conflicts_stop_each_other() {
    let mut b = Bench::new(vec![unit("a", |u| u.conflicts = names(&["b"]).into()), plain("b")]);
    b.ask(Verb::Start, &["b"]);
    b.runs("b");
    b.ask(Verb::Start, &["a"]);
    assert_eq!(b.view("b").phase, Phase::StopSignal);
    b.ends("b", Exit::Signal(15));
    b.ask(Verb::Start, &["a", "b"]);
    assert!(b.results().iter().any(|(n, r)| n == "b" && matches!(r, JobResult::Failed(Outcome::Config { .. }))));
}

#[test]
fn a_loop_loses_its_weakest_edge_and_no_unit() {
    let link = |n: &str, after: &str, requires: bool| {
        unit(n, |u| {
            u.after = names(&[after]).into();
            if requires {
                u.requires = names(&[after]).into();
            }
        })
    };
    let mut b = Bench::new(vec![link("a", "b", true), link("b", "c", false), link("c", "a", true)]);
    // Told beforehand by the same search.
    let told = b.core.cycles();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&told.later, &told.earlier, told.members.len()), (&name("b"), &name("c"), 3));
    b.ask(Verb::Start, &["c", "b"]);
    let [a, bb, c] = [UnitId(0), UnitId(1), UnitId(2)];
    let cut = |x: &&Action| matches!(x, Action::CycleBroken { .. });
    let want = Action::CycleBroken { members: vec![a, bb, c], dropped: (bb, c) };
    assert_eq!(b.log.iter().find(cut), Some(&want));
    assert_eq!(b.spawned(), ["b ExecStart0"]);
}

#[test]
fn a_target_is_there_when_what_it_gathers_is() {
    let mut b = Bench::new(vec![unit("t.target", |u| u.wants = names(&["a"]).into()), plain("a")]);
    b.ask(Verb::Start, &["t.target"]);
    assert_eq!(b.view("t.target").state, State::Inactive);
    b.runs("a");
    assert_eq!(b.view("t.target").state, State::Active);
}

#[test]
fn default_dependencies_are_ordering_and_never_a_loop() {
    use crate::unit::Source;
    let theirs = |n: &str, change: fn(&mut Unit)| {
        unit(n, |u| {
            u.source = Source::Systemd;
            change(u);
        })
    };
    let mut b = Bench::new(vec![
        unit("sysinit.target", |u| u.wants = names(&["early", "lone"]).into()),
        unit("basic.target", |u| u.requires = names(&["sysinit.target"]).into()),
        theirs("early", |_| {}),
        theirs("lone", |u| u.relations.default_dependencies = false),
        theirs("boot", |_| {}),
        theirs("late", |_| {}),
        theirs("free", |u| u.relations.default_dependencies = false),
        plain("own"),
    ]);
    b.marks(&[("boot", "S")]);
    b.ask(Verb::Start, &["basic.target", "late", "free", "own", "boot"]);
    assert!(!b.log.iter().any(|a| matches!(a, Action::CycleBroken { .. })), "{:?}", b.log);
    let mut spawned = b.spawned();
    spawned.sort();
    let first = ["boot", "early", "free", "lone", "own"].map(|n| format!("{n} ExecStart0"));
    assert_eq!(spawned, first, "`late` waits");
    b.runs("early");
    assert_eq!(b.view("basic.target").state, State::Active, "`lone` isn't waited for");
    assert_eq!(b.spawned().last().map(String::as_str), Some("late ExecStart0"));
}

#[test]
fn levels_start_and_stop_what_they_should() {
    let all = ["boot", "both", "two", "three", "hand", "single"];
    let mut b = Bench::new(all.iter().map(|n| plain(n)).collect());
    b.marks(&[("boot", "S"), ("both", "23"), ("two", "2"), ("three", "3"), ("single", "1")]);
    b.level('S');
    b.runs("boot");
    assert!(b.log.iter().any(|a| matches!(a, Action::LevelReached { from: None, to: Level::S })));
    b.level('2');
    b.runs("both");
    b.runs("two");
    b.ask(Verb::Start, &["hand"]);
    b.runs("hand");
    b.level('3');
    b.runs("three");
    let phases = |b: &Bench| all.map(|n| b.view(n).phase);
    use Phase::{Dead, Running, StopSignal};
    assert_eq!(phases(&b), [Running, Running, StopSignal, Running, Running, Dead]);
    b.ends("two", Exit::Signal(15));
    assert_eq!(b.core.levels(), (Level::from_char('2'), Level::from_char('3'), None));
    b.level('1');
    assert_eq!(phases(&b)[..5], [Running, StopSignal, Dead, StopSignal, StopSignal], "what S began stays in 1");
    // A later switch replaces this one: what is down comes back, what only 1 wanted goes.
    b.level('3');
    b.ends("both", Exit::Signal(15));
    assert_eq!(b.spawned(), ["both ExecStart0"]);
    assert_eq!(b.view("single").phase, StopSignal);
}

#[test]
fn the_way_down() {
    let always = |u: &mut Unit| u.service.restart = Restart::Always;
    let mut b = Bench::new(vec![unit("a", always), unit("b", always), plain("last")]);
    b.marks(&[("last", "0")]);
    b.ask(Verb::Start, &["a", "b"]);
    b.runs("a");
    b.runs("b");
    b.ends("b", Exit::Code(0));
    b.request(Ask::Down(Power::PowerOff));
    assert_eq!(b.view("b").phase, Phase::Dead);
    b.ask(Verb::Start, &["b"]);
    assert!(matches!(b.results().first(), Some((_, JobResult::NotApplicable { .. }))));
    b.runs("last");
    b.ends("a", Exit::Signal(15));
    assert_eq!(b.log.last(), Some(&Action::AllDown { how: Power::PowerOff }));
}

#[test]
fn an_essential_service_takes_its_status_along() {
    let mut b = Bench::new(vec![unit("a", |u| u.service.essential = true)]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.ask(Verb::Restart, &["a"]);
    b.ends("a", Exit::Signal(15));
    assert!(!b.log.iter().any(|a| matches!(a, Action::EssentialOver { .. })), "a restart isn't its end");
    b.runs("a");
    b.ends("a", Exit::Signal(9));
    assert!(b.log.contains(&Action::EssentialOver { unit: UnitId(0), status: 137 }));
}

#[test]
fn a_definition_that_turns_bad_leaves_the_instance_alone() {
    let mut b = Bench::new(vec![unit("a", |u| add(u, ExecKind::Stop))]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.feed(Event::Define(vec![Definition::Bad(name("a"), "a.service:2: no".into())]));
    b.ask(Verb::Restart, &["a"]);
    let bad = JobResult::Failed(Outcome::Config { reason: "a.service:2: no".into() });
    assert_eq!((b.results(), b.view("a").phase), (vec![("a".into(), bad)], Phase::Running));
    b.ask(Verb::Stop, &["a"]);
    assert_eq!(b.spawned(), ["a ExecStop0"], "by the definition it was started from");
}

#[test]
fn a_spawn_that_was_lost_with_the_manager_is_asked_for_again() {
    let definitions = || vec![plain("a"), unit("b", |u| u.after = names(&["a"]).into())];
    let mut b = Bench::new(definitions());
    let request = b.ask(Verb::Start, &["a", "b"]);
    let key = b.key("a", true);
    b.rebirth(definitions(), &[]);
    assert!(b.log.iter().any(|a| matches!(a, Action::Spawn { key: again, .. } if *again == key)));
    b.runs("a");
    assert_eq!(b.spawned(), ["b ExecStart0"]);
    let old = b.key("b", true);
    b.rebirth(definitions(), &[(key, Life::Running), (old, Life::Running)]);
    assert!(b.spawned().is_empty());
    // The client asks again: all it missed, and the end, once.
    let names = names(&["a", "b"]);
    b.feed(Event::Request { id: request, ask: Ask::Units { verb: Verb::Start, names } });
    assert_eq!(b.results(), [done("a"), done("b")]);
    assert_eq!(b.log.iter().filter(|a| matches!(a, Action::RequestDone { .. })).count(), 1);
}

#[test]
fn an_exit_counts_once() {
    let mut b = Bench::new(vec![unit("a", |u| u.service.restart = Restart::Always)]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    let key = b.key("a", true);
    b.ends("a", Exit::Code(1));
    b.life(key, Life::Over(Exit::Code(1)));
    b.life(Key { token: 999, step: 0 }, Life::Over(Exit::Code(1)));
    assert!(b.log.is_empty());
    assert_eq!(b.view("a").restarts, 1);
}

#[test]
fn a_garbled_journal_is_passed_over() {
    let mut b = Bench::new(vec![plain("a")]);
    b.ask(Verb::Start, &["a"]);
    let mut records: Vec<Record> = b.core.snapshot().collect();
    for key in ["unit/", "unit/a/b", "request/x", "result/1", "levels", "what/ever", ""] {
        records.push(Record { key: key.to_owned(), value: Some(serde_json::json!({ "service": 3 }).to_string()) });
    }
    let mut core = Core::restore(records);
    let mut out = Vec::new();
    core.handle(Event::Synced, 2000, &mut out);
    assert_eq!(out.len(), 1, "{out:?}");
}

#[test]
fn nothing_is_started_for_the_sake_of_a_unit_whose_file_turned_bad_while_it_ran() {
    let a = unit("a", |u| u.wants = names(&["b"]).into());
    let mut b = Bench::new(vec![a, unit("b", |u| u.requires = names(&["c"]).into()), plain("c")]);
    b.ask(Verb::Start, &["b"]);
    b.feed(Event::Define(vec![Definition::Bad(name("b"), "b.service:2: no".into())]));
    b.exit("b", true, Exit::Signal(9));
    b.empty("b");
    b.ask(Verb::Stop, &["c"]);
    b.exit("c", true, Exit::Signal(15));
    b.empty("c");
    assert_eq!((b.view("b").state, b.view("c").state), (State::Failed, State::Inactive));
    b.ask(Verb::Start, &["a"]);
    assert_eq!(b.view("c").state, State::Inactive, "b can't come up, so nobody needs it");
}

#[test]
fn ten_thousand_units_start_in_no_time() {
    let unit_of = |i: usize| {
        unit(&format!("u{i}"), |u| {
            u.after = (1..=3).filter_map(|d| i.checked_sub(d)).map(|n| name(&format!("u{n}"))).collect();
        })
    };
    let wants: Vec<UnitName> = (0..10_000).map(|i| name(&format!("u{i}"))).collect();
    let mut definitions: Vec<Definition> = (0..10_000).map(unit_of).collect();
    definitions.push(unit("all.target", |u| u.wants = wants.into()));
    let mut core = Core::new();
    let mut out = Vec::new();
    core.handle(Event::Define(definitions), 1, &mut out);
    let ask = Ask::Units { verb: Verb::Start, names: names(&["all.target"]) };
    core.handle(Event::Request { id: 1, ask }, 1, &mut out);
    let mut started = 0;
    while let Some(key) = out.iter().find_map(|a| if let Action::Spawn { key, .. } = a { Some(*key) } else { None }) {
        out.clear();
        core.handle(Event::Process { key, pid: 1, life: Life::Running }, 1, &mut out);
        started += 1;
    }
    assert_eq!(started, 10_000);
    assert!(out.iter().any(|a| matches!(a, Action::RequestDone { .. })));
}
