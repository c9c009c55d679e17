//! Relations between units: one test for each key, and one for each case that users of systemd reported for years.

use super::bench::*;
use super::*;
use crate::proto::pid1::Exit;
use crate::unit::{Level, Restart, ServiceType, Unit};
use std::time::Duration;

fn always(u: &mut Unit) {
    u.service.restart = Restart::Always;
}

/// Requires `other` and comes after it.
fn needs(other: &'static str) -> impl Fn(&mut Unit) {
    move |u| {
        u.requires = names(&[other]).into();
        u.after = names(&[other]).into();
    }
}

/// Is bound to `other` and comes after it.
fn bound(other: &'static str) -> impl Fn(&mut Unit) {
    move |u| {
        u.relations.binds_to = names(&[other]);
        u.after = names(&[other]).into();
    }
}

fn up(b: &mut Bench, list: &[&str]) {
    b.ask(Verb::Start, list);
    for n in list {
        b.runs(n);
    }
}

fn cause(b: &Bench, n: &str) -> String {
    b.view(n).cause.map(|c| format!("{}: {}", c.word(), c.reason.words())).unwrap_or_default()
}

#[test]
fn what_is_bound_dies_along_and_comes_back() {
    let mut b = Bench::new(vec![plain("a"), unit("b", bound("a")), unit("c", needs("b"))]);
    up(&mut b, &["a", "b", "c"]);
    b.ends("a", Exit::Signal(9));
    assert_eq!(b.view("a").state, State::Failed);
    assert_eq!((b.view("c").phase, cause(&b, "c")), (Phase::StopSignal, "stop: requires b".into()));
    b.ends("c", Exit::Signal(15));
    assert_eq!((b.view("b").phase, cause(&b, "b")), (Phase::StopSignal, "stop: bound to a".into()));
    b.ends("b", Exit::Signal(15));
    assert_eq!(b.view("b").awaits, Some(&name("a")));
    b.wait(60_000);
    assert!(b.spawned().is_empty(), "it waits for as long as it takes");
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    assert_eq!((b.spawned(), cause(&b, "b")), (vec!["b ExecStart0".into()], "start: back with a".into()));
    b.runs("b");
    assert_eq!(b.spawned(), ["c ExecStart0"]);
}

#[test]
fn what_is_bound_starts_only_beside_it() {
    // `a` is over before `b` could begin: where they are ordered, `b` doesn't start, and doesn't try without end.
    let oneshot = unit("a", |u| u.service.kind = ServiceType::Oneshot);
    let mut b = Bench::new(vec![oneshot, unit("b", bound("a"))]);
    b.ask(Verb::Start, &["b"]);
    b.exit("a", true, Exit::Code(0));
    let lost = JobResult::Failed(Outcome::Dependency { name: name("a") });
    assert_eq!(b.results(), [done("a"), ("b".into(), lost)]);
    b.empty("a");
    b.wait(60_000);
    assert!(b.spawned().is_empty());
    assert!(b.view("b").state == State::Inactive && b.view("b").job.is_none());
}

#[test]
fn requisite_never_starts_anything() {
    let requisite = |u: &mut Unit| {
        u.relations.requisite = names(&["a"]);
        u.after = names(&["a"]).into();
    };
    let mut b = Bench::new(vec![plain("a"), unit("b", requisite)]);
    b.ask(Verb::Start, &["b"]);
    let lost = JobResult::Failed(Outcome::Dependency { name: name("a") });
    assert_eq!((b.results(), b.spawned().len()), (vec![("b".into(), lost)], 0));
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    assert_eq!(b.spawned(), ["b ExecStart0"], "it failed for want of `a`, and comes with it");
    b.runs("b");
    b.ask(Verb::Stop, &["a"]);
    assert_eq!((b.view("b").phase, b.view("a").phase), (Phase::StopSignal, Phase::Running));
}

#[test]
fn a_part_stops_and_restarts_with_the_whole_and_never_starts_with_it() {
    let part = |u: &mut Unit| u.relations.part_of = names(&["whole.target"]);
    let mut b = Bench::new(vec![plain("whole.target"), unit("a", part), unit("b", part)]);
    up(&mut b, &["a"]);
    b.ask(Verb::Start, &["whole.target"]);
    assert!(b.spawned().is_empty());
    b.ask(Verb::Restart, &["whole.target"]);
    assert_eq!(cause(&b, "a"), "restart: part of whole.target");
    b.ends("a", Exit::Signal(15));
    assert_eq!(b.spawned(), ["a ExecStart0"]);
    b.runs("a");
    b.ask(Verb::Stop, &["whole.target"]);
    b.ends("a", Exit::Signal(15));
    assert_eq!((b.view("a").state, b.view("a").awaits), (State::Inactive, None));
    // Also where the whole itself is down already.
    up(&mut b, &["a"]);
    b.ask(Verb::Stop, &["whole.target"]);
    assert_eq!(b.view("a").phase, Phase::StopSignal);
}

#[test]
fn upheld_units_come_up_again_as_long_as_their_upholder_is_up() {
    let upholds = |u: &mut Unit| u.relations.upholds = names(&["a"]);
    let mut b = Bench::new(vec![unit("u", upholds), plain("a")]);
    up(&mut b, &["u"]);
    b.runs("a");
    b.ends("a", Exit::Code(0));
    b.wait(100);
    assert_eq!((b.spawned(), cause(&b, "a")), (vec!["a ExecStart0".into()], "start: upheld by u".into()));
    b.runs("a");
    b.ask(Verb::Stop, &["a"]);
    b.ends("a", Exit::Signal(15));
    b.wait(100);
    assert_eq!(b.spawned().len(), 1, "a stop doesn't help against it");
    b.runs("a");
    b.ask(Verb::Stop, &["u", "a"]);
    b.ends("u", Exit::Signal(15));
    b.ends("a", Exit::Signal(15));
    b.wait(60_000);
    assert!(b.spawned().is_empty());
}

#[test]
fn what_is_upheld_and_cant_start_is_tried_again_without_end_and_without_haste() {
    let upholds = |u: &mut Unit| u.relations.upholds = names(&["a"]);
    let mut b = Bench::new(vec![unit("u", upholds), unit("a", |u| u.service.timing.start_limit_burst = 1)]);
    up(&mut b, &["u"]);
    b.ends("a", Exit::Code(1));
    let mut starts = 0;
    for _ in 0..300 {
        b.wait(100);
        if !b.spawned().is_empty() {
            starts += 1;
            b.ends("a", Exit::Code(1));
        }
    }
    assert!((2..=3).contains(&starts), "{starts}: once in each interval of its start limit");
}

#[test]
fn on_failure_and_on_success_wait_for_the_last_restart() {
    let a = unit("a", |u| {
        u.relations.on_failure = names(&["bad"]);
        u.relations.on_success = names(&["good"]);
        u.service.restart = Restart::OnFailure;
        u.service.timing.start_limit_burst = 2;
    });
    let mut b = Bench::new(vec![a, plain("bad"), plain("good")]);
    up(&mut b, &["a"]);
    b.ends("a", Exit::Code(1));
    b.wait(100);
    assert_eq!(b.spawned(), ["a ExecStart0"], "nobody is called for as long as it starts again by itself");
    b.runs("a");
    b.ends("a", Exit::Code(1));
    b.wait(100);
    assert_eq!((b.spawned(), cause(&b, "bad")), (vec!["bad ExecStart0".into()], "start: on failure of a".into()));
    b.ask(Verb::ResetFailed, &["a"]);
    assert!(b.spawned().is_empty());
    up(&mut b, &["a"]);
    b.ends("a", Exit::Code(0));
    assert_eq!((b.spawned(), cause(&b, "good")), (vec!["good ExecStart0".into()], "start: on success of a".into()));
}

#[test]
fn two_that_start_each_other_never_spin() {
    let next = |other: &'static str| {
        move |u: &mut Unit| {
            u.service.kind = ServiceType::Oneshot;
            u.service.timing.start_limit_burst = 0;
            u.relations.on_success = names(&[other]);
        }
    };
    let mut b = Bench::new(vec![unit("a", next("b")), unit("b", next("a"))]);
    b.ask(Verb::Start, &["a"]);
    let mut runs = 0;
    for _ in 0..100 {
        b.wait(10);
        for n in ["a", "b"] {
            if b.view(n).phase == Phase::Start {
                b.ends(n, Exit::Code(0));
                runs += 1;
            }
        }
    }
    assert!((10..=45).contains(&runs), "{runs} in a second");
}

#[test]
fn stops_and_reloads_are_propagated_both_ways_of_saying_it() {
    let reloads = |u: &mut Unit| add(u, ExecKind::Reload);
    let a = unit("a", |u| {
        reloads(u);
        u.relations.propagates_stop_to = names(&["b"]);
        u.relations.propagates_reload_to = names(&["b"]);
    });
    let c = unit("c", |u| {
        reloads(u);
        u.relations.stop_propagated_from = names(&["a"]);
        u.relations.reload_propagated_from = names(&["a"]);
    });
    let mut b = Bench::new(vec![a, unit("b", reloads), c, plain("d")]);
    up(&mut b, &["a", "b", "c", "d"]);
    b.ask(Verb::Reload, &["a"]);
    assert_eq!(b.spawned(), ["a ExecReload0", "b ExecReload0", "c ExecReload0"]);
    assert_eq!(b.view("c").job_reason, Some(&Reason::ReloadsWith(name("a"))));
    for n in ["a", "b", "c"] {
        b.exit(n, false, Exit::Code(0));
    }
    b.ask(Verb::Restart, &["a"]);
    assert_eq!((b.view("b").phase, b.view("c").phase), (Phase::Running, Phase::Running), "a restart is no stop");
    b.ends("a", Exit::Signal(15));
    b.runs("a");
    b.ends("a", Exit::Code(0));
    assert_eq!(cause(&b, "b"), "stop: stops with a", "but its end is, by whatever it comes");
    b.ends("b", Exit::Signal(15));
    assert_eq!(b.view("b").awaits, None);
}

#[test]
fn one_that_only_passes_a_reload_on_needs_no_command_of_its_own() {
    let t = unit("t.target", |u| u.relations.propagates_reload_to = names(&["a", "b"]));
    let mut b = Bench::new(vec![t, unit("a", |u| add(u, ExecKind::Reload)), plain("b")]);
    up(&mut b, &["a", "b"]);
    b.ask(Verb::Start, &["t.target"]);
    b.ask(Verb::Reload, &["t.target"]);
    assert_eq!((b.spawned(), b.results()), (vec!["a ExecReload0".into()], vec![done("t.target")]));
    b.exit("a", false, Exit::Code(0));
    assert_eq!(b.results(), [done("a")]);
}

#[test]
fn what_nobody_needs_stops() {
    let lean = |u: &mut Unit| u.relations.stop_when_unneeded = true;
    let mut b =
        Bench::new(vec![unit("lib", lean), unit("a", needs("lib")), unit("b", |u| u.wants = names(&["lib"]).into())]);
    b.ask(Verb::Start, &["a", "b"]);
    b.runs("lib");
    b.runs("a");
    b.runs("b");
    b.ask(Verb::Stop, &["a"]);
    b.ends("a", Exit::Signal(15));
    assert_eq!(b.view("lib").phase, Phase::Running);
    b.ends("b", Exit::Code(0));
    assert_eq!((b.view("lib").phase, cause(&b, "lib")), (Phase::StopSignal, "stop: no longer needed".into()));
    b.ends("lib", Exit::Signal(15));
    b.marks(&[("lib", "3")]);
    b.level('3');
    b.runs("lib");
    assert_eq!(b.view("lib").phase, Phase::Running, "the level needs it");
}

#[test]
fn manual_starts_and_stops_can_be_refused() {
    let a = unit("a", |u| u.relations.refuse_manual_start = true);
    let c = unit("c", |u| u.relations.refuse_manual_stop = true);
    let mut b = Bench::new(vec![a, unit("b", needs("a")), c]);
    b.ask(Verb::Start, &["a"]);
    assert!(matches!(b.results().first(), Some((_, JobResult::NotApplicable { .. }))));
    b.ask(Verb::Start, &["b"]);
    assert_eq!(b.spawned(), ["a ExecStart0"], "for another it starts");
    up(&mut b, &["c"]);
    for verb in [Verb::Stop, Verb::Restart] {
        b.ask(verb, &["c"]);
        assert!(matches!(b.results().first(), Some((_, JobResult::NotApplicable { .. }))));
    }
    assert_eq!(b.view("c").phase, Phase::Running);
}

#[test]
fn a_job_that_takes_too_long_is_given_up_and_its_unit_left_alone() {
    let a = unit("a", |u| {
        u.service.kind = ServiceType::Notify;
        u.relations.job_running_timeout = Some(Duration::from_secs(5));
    });
    let c = unit("c", |u| {
        u.after = names(&["a"]).into();
        u.relations.job_timeout = Some(Duration::from_secs(3));
    });
    let mut b = Bench::new(vec![a, unit("b", needs("a")), c]);
    b.ask(Verb::Start, &["a", "b", "c"]);
    b.runs("a");
    assert_eq!(b.core.next_deadline(), Some(4000));
    b.wait(3000);
    assert_eq!(b.results(), [("c".into(), JobResult::Failed(Outcome::JobTimeout))]);
    b.wait(2000);
    let lost = JobResult::Failed(Outcome::Dependency { name: name("a") });
    assert_eq!(b.results(), [("a".into(), JobResult::Failed(Outcome::JobTimeout)), ("b".into(), lost)]);
    assert_eq!((b.view("a").phase, b.signals()), (Phase::Start, vec![]));
}

// ---- systemd's reported cases -------------------------------------------------------------------------------------

/// `b` failed because `a` did; `a` is restarted and comes up: so does `b`.
#[test]
fn systemd_1312_a_dependent_comes_back_when_its_dependency_recovers() {
    let mut b = Bench::new(vec![plain("a"), unit("b", needs("a"))]);
    b.ask(Verb::Start, &["b"]);
    b.ends("a", Exit::NotRun { stage: 3, errno: 2 });
    assert_eq!((b.view("b").state, b.view("b").awaits), (State::Inactive, Some(&name("a"))));
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    assert_eq!(b.spawned(), ["b ExecStart0"]);
    assert_eq!(b.view("b").awaits, None);
    b.runs("b");
    // A failed restart of `a` takes `b` along; the next good one brings it back.
    b.ask(Verb::Restart, &["a"]);
    b.ends("b", Exit::Signal(15));
    b.ends("a", Exit::Signal(15));
    b.ends("a", Exit::NotRun { stage: 3, errno: 2 });
    assert_eq!(b.view("b").state, State::Inactive);
    b.wait(50);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    assert_eq!(b.spawned(), ["b ExecStart0"]);
}

#[test]
fn systemd_1312_who_was_told_to_stay_down_stays_down() {
    let stays = unit("told", |u| {
        needs("a")(u);
        u.relations.return_with_dependency = false;
    });
    let mut b = Bench::new(vec![plain("a"), stays, unit("stopped", needs("a")), unit("off", needs("a"))]);
    b.marks(&[("off", "2"), ("a", "23")]);
    b.level('2');
    b.ask(Verb::Start, &["told", "stopped"]);
    b.ends("a", Exit::NotRun { stage: 3, errno: 2 });
    assert_eq!(["told", "stopped", "off"].map(|n| b.view(n).awaits.is_some()), [false, true, true]);
    b.ask(Verb::Stop, &["stopped"]);
    assert_eq!(b.results(), [("stopped".into(), JobResult::Already)]);
    b.level('3');
    b.runs("a");
    assert!(b.spawned().is_empty(), "off in level 3, stopped, told: {:?}", b.spawned());
}

/// `a` with `Restart=on-failure` fails once while starting; `b` requires it.
#[test]
fn systemd_18856_and_41052_an_automatic_restart_brings_dependents_up() {
    let a = unit("a", |u| {
        u.service.restart = Restart::OnFailure;
        add(u, ExecKind::StartPre);
    });
    let definitions = || vec![a.clone(), unit("b", needs("a"))];
    let mut b = Bench::new(definitions());
    b.ask(Verb::Start, &["b"]);
    b.exit("a", false, Exit::Code(1));
    b.empty("a");
    let lost = JobResult::Failed(Outcome::Dependency { name: name("a") });
    assert!(b.results().contains(&("b".into(), lost)));
    // The mark outlives the manager.
    b.rebirth(definitions(), &[]);
    assert_eq!(b.view("b").awaits, Some(&name("a")));
    b.wait(100);
    b.exit("a", false, Exit::Code(0));
    b.runs("a");
    assert_eq!((b.spawned(), cause(&b, "b")), (vec!["b ExecStart0".into()], "start: back with a".into()));
}

/// Whether the bound unit comes back doesn't depend on how `RestartSec=` and its own stop race.
#[test]
fn systemd_11695_binds_to_with_restart_revives_every_time() {
    for (delay, slow_stop) in [(0, false), (0, true), (5000, false), (5000, true)] {
        let a = unit("a", |u| {
            always(u);
            u.service.timing.restart_sec = Duration::from_millis(delay);
        });
        let mut b = Bench::new(vec![a, unit("b", bound("a"))]);
        up(&mut b, &["a", "b"]);
        b.ends("a", Exit::Signal(9));
        if slow_stop {
            b.wait(delay.max(50));
            assert!(b.spawned().is_empty(), "`a` waits for what stops before it");
            b.ends("b", Exit::Signal(15));
        } else {
            b.ends("b", Exit::Signal(15));
            b.wait(delay.max(50));
        }
        assert_eq!(b.spawned(), ["a ExecStart0"]);
        b.runs("a");
        b.wait(50);
        assert_eq!(b.view("b").state, State::Activating, "{delay} ms, slow stop {slow_stop}");
        b.runs("b");
        assert_eq!(b.view("b").state, State::Active);
    }
}

/// Both bound to each other, as nixpkgs had it for postgresql: both come back, whoever dies.
#[test]
fn systemd_11695_two_bound_to_each_other_both_come_back() {
    for victim in ["a", "b"] {
        let a = unit("a", |u| {
            always(u);
            u.relations.binds_to = names(&["b"]);
        });
        let other = unit("b", |u| {
            always(u);
            bound("a")(u);
        });
        let mut b = Bench::new(vec![a, other]);
        up(&mut b, &["a", "b"]);
        b.ends(victim, Exit::Signal(9));
        let other = if victim == "a" { "b" } else { "a" };
        b.ends(other, Exit::Signal(15));
        for _ in 0..4 {
            b.wait(100);
            for n in ["a", "b"] {
                if b.view(n).phase == Phase::Start {
                    b.runs(n);
                }
            }
        }
        assert_eq!((b.view("a").state, b.view("b").state), (State::Active, State::Active), "{victim} died");
    }
}

/// A disk goes away and returns without ever having failed: what was started on it is started again.
#[test]
fn systemd_30204_what_ran_on_a_disk_runs_again_when_it_returns() {
    let a = unit("a", |u| {
        bound("disk")(u);
        always(u);
    });
    let mut b = Bench::new(vec![plain("disk"), a]);
    up(&mut b, &["disk"]);
    up(&mut b, &["a"]);
    for _ in 0..3 {
        b.ends("disk", Exit::Code(0));
        b.ends("a", Exit::Signal(15));
        assert_eq!((b.view("disk").state, b.view("a").state), (State::Inactive, State::Inactive));
        b.wait(60_000);
        assert!(b.spawned().is_empty());
        b.ask(Verb::Start, &["disk"]);
        b.runs("disk");
        assert_eq!(b.spawned(), ["a ExecStart0"]);
        b.runs("a");
    }
}

/// A unit orders itself before a core one from behind it: the edge that only orders goes, every unit starts.
#[test]
fn systemd_39338_a_cycle_costs_an_edge_and_never_a_unit() {
    let nasty = unit("nasty", |u| {
        u.before = names(&["resolved"]).into();
        u.after = names(&["sysinit.target"]).into();
        u.requires = names(&["sysinit.target"]).into();
    });
    let sysinit = unit("sysinit.target", |u| u.wants = names(&["resolved"]).into());
    let mut b = Bench::new(vec![nasty, sysinit, plain("resolved")]);
    b.ask(Verb::Start, &["nasty"]);
    let cut =
        b.log.iter().find_map(|a| if let Action::CycleBroken { dropped, .. } = a { Some(*dropped) } else { None });
    let (later, earlier) = cut.expect("a loop");
    let what = (b.core.name(later).short(), b.core.name(earlier).short());
    assert_eq!(what, ("resolved", "nasty"), "the culprit's own ordering");
    b.runs("resolved");
    assert_eq!(b.view("sysinit.target").state, State::Active);
    b.runs("nasty");
    assert!(["nasty", "resolved"].iter().all(|n| b.view(n).state == State::Active));
}

/// The same cycle is cut at the same edge on each boot, in whatever order files are read and units asked for.
#[test]
fn common_1116_a_cycle_is_cut_at_the_same_edge_on_each_boot() {
    let link = |n: &str, after: &'static str| unit(n, |u| u.after = names(&[after]).into());
    let all = [link("a", "b"), link("b", "c"), link("c", "d"), link("d", "a")];
    let mut cuts = std::collections::BTreeSet::new();
    for turn in 0..4 {
        let mut definitions = all.to_vec();
        definitions.rotate_left(turn);
        let mut b = Bench::new(definitions);
        let mut list = ["a", "b", "c", "d"];
        list.reverse();
        list.rotate_left(turn);
        b.ask(Verb::Start, &list);
        let cut =
            b.log.iter().find_map(|a| if let Action::CycleBroken { dropped, .. } = a { Some(*dropped) } else { None });
        let (later, earlier) = cut.expect("a loop");
        cuts.insert((b.core.name(later).to_string(), b.core.name(earlier).to_string()));
    }
    assert_eq!(cuts.len(), 1, "{cuts:?}");
}

/// A unit in a cycle isn't silently skipped: the loop is told, the unit's job ends in success.
#[test]
fn systemd_35642_a_unit_in_a_cycle_is_never_silently_skipped() {
    let keyvault = unit("keyvault", |u| {
        u.after = names(&["smb"]).into();
        u.before = names(&["zfs"]).into();
    });
    let smb = unit("smb", |u| u.after = names(&["zfs"]).into());
    let mut b = Bench::new(vec![keyvault, smb, plain("zfs")]);
    b.marks(&[("keyvault", "3"), ("smb", "3"), ("zfs", "3")]);
    b.level('3');
    let told = b.log.iter().any(|a| matches!(a, Action::CycleBroken { members, .. } if members.len() == 3));
    assert!(told);
    for _ in 0..3 {
        for n in ["keyvault", "smb", "zfs"] {
            if b.view(n).phase == Phase::Start {
                b.runs(n);
            }
        }
    }
    assert!(["keyvault", "smb", "zfs"].iter().all(|n| b.view(n).state == State::Active));
    assert_eq!(b.core.levels().1, Level::from_char('3'));
}

// ---- what a restart means for dependents --------------------------------------------------------------------------

/// As the keys say, never by accident: who requires it is restarted by request only, a part always, who wants it never.
#[test]
fn restarts_take_along_whom_the_keys_name() {
    let definitions = vec![
        unit("a", always),
        unit("requires", needs("a")),
        unit("part", |u| u.relations.part_of = names(&["a"])),
        unit("wants", |u| u.wants = names(&["a"]).into()),
    ];
    let all = ["requires", "part", "wants"];
    let mut b = Bench::new(definitions);
    up(&mut b, &["a", "requires", "part", "wants"]);
    b.ends("a", Exit::Signal(9));
    b.wait(100);
    assert_eq!(all.map(|n| b.view(n).phase), [Phase::Running, Phase::StopSignal, Phase::Running]);
    b.runs("a");
    b.ends("part", Exit::Signal(15));
    b.runs("part");
    b.ask(Verb::Restart, &["a"]);
    assert_eq!(all.map(|n| b.view(n).phase), [Phase::StopSignal, Phase::StopSignal, Phase::Running]);
    assert_eq!(cause(&b, "requires"), "restart: requires a");
}

/// An essential service that only waits for another's restart isn't over; when that one is, it is.
#[test]
fn an_essential_service_waits_with_the_container() {
    let a = unit("a", |u| {
        always(u);
        u.service.timing.start_limit_burst = 2;
    });
    let e = unit("e", |u| {
        bound("a")(u);
        u.service.essential = true;
    });
    let over = |b: &Bench| b.log.iter().any(|a| matches!(a, Action::EssentialOver { .. }));
    let mut b = Bench::new(vec![a, e]);
    up(&mut b, &["a", "e"]);
    b.ends("a", Exit::Code(1));
    b.ends("e", Exit::Signal(15));
    assert!(!over(&b));
    b.wait(100);
    b.ends("a", Exit::Code(1));
    assert!(!over(&b));
    b.wait(100);
    assert!(over(&b), "the start limit: {:?}", b.view("a").outcome);
}
