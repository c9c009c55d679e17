//! What comes back by itself: over a switch of levels, and by `RestartMode=`.

use super::bench::*;
use super::*;
use crate::proto::pid1::Exit;
use crate::unit::{Restart, RestartMode, Unit};

#[test]
fn what_is_upheld_by_one_that_stays_outlives_a_switch_of_levels() {
    let upholds = |u: &mut Unit| u.relations.upholds = names(&["kept"]);
    for crashes in [false, true] {
        let mut b = Bench::new(vec![unit("keeper", upholds), plain("kept"), plain("off")]);
        b.marks(&[("kept", "2"), ("off", "2")]);
        b.level('2');
        b.runs("kept");
        b.runs("off");
        b.ask(Verb::Start, &["keeper"]);
        b.runs("keeper");
        if crashes {
            b.ends("kept", Exit::Signal(9));
            assert_eq!(b.view("kept").phase, Phase::Dead, "it comes back in a while");
        }
        b.level('3');
        assert_eq!(b.view("off").phase, Phase::StopSignal);
        b.ends("off", Exit::Signal(15));
        b.wait(1_000);
        let spawned = if crashes { vec!["kept ExecStart0".to_owned()] } else { vec![] };
        assert_eq!(b.spawned(), spawned);
        b.runs("kept");
        assert_eq!(b.view("kept").phase, Phase::Running);
        // With its keeper it goes.
        b.level('1');
        assert_eq!((b.view("keeper").phase, b.view("kept").phase), (Phase::StopSignal, Phase::StopSignal));
        b.ends("keeper", Exit::Signal(15));
        b.ends("kept", Exit::Signal(15));
        b.wait(60_000);
        assert!(b.spawned().is_empty());
    }
}

#[test]
fn a_direct_restart_is_told_to_nobody_before_it_is_given_up() {
    let make = |mode| {
        let a = unit("a", |u| {
            u.service.restart = Restart::Always;
            u.service.ending.restart_mode = mode;
            u.service.timing.start_limit_burst = 3;
            u.relations.on_failure = names(&["alarm"]);
            u.relations.propagates_stop_to = names(&["told"]);
        });
        let part = unit("part", |u| u.relations.part_of = names(&["a"]));
        let b = unit("b", |u| {
            u.relations.binds_to = names(&["a"]);
            u.after = names(&["a"]).into();
        });
        let mut b = Bench::new(vec![a, part, b, plain("told"), plain("alarm")]);
        b.ask(Verb::Start, &["a", "part", "b", "told"]);
        ["a", "part", "b", "told"].into_iter().for_each(|n| b.runs(n));
        b
    };
    let phases = |b: &Bench| ["b", "told", "part", "alarm"].map(|n| b.view(n).phase);
    use Phase::{Dead, Running, StopSignal};
    let mut b = make(RestartMode::Normal);
    b.ends("a", Exit::Signal(9));
    assert_eq!(phases(&b), [StopSignal, StopSignal, Running, Dead], "no alarm: it starts again by itself");
    b.ends("b", Exit::Signal(15));
    b.ends("told", Exit::Signal(15));
    b.wait(100);
    assert_eq!(phases(&b)[2], StopSignal, "it is restarted along");

    for mode in [RestartMode::Direct, RestartMode::Debug] {
        let mut b = make(mode);
        for _ in 0..2 {
            b.ends("a", Exit::Signal(9));
            assert_eq!((b.view("a").phase, phases(&b)), (Phase::AutoRestart, [Running, Running, Running, Dead]));
            b.wait(100);
            b.runs("a");
            assert_eq!(phases(&b), [Running, Running, Running, Dead]);
        }
        b.ends("a", Exit::Signal(9));
        b.wait(100);
        assert_eq!(b.view("a").state, State::Failed, "the start limit");
        assert_eq!(phases(&b), [StopSignal, StopSignal, Running, Phase::Start]);
        // A stop on request is told at once.
        let mut b = make(mode);
        b.ask(Verb::Stop, &["a"]);
        assert_eq!(phases(&b)[..3], [StopSignal; 3]);
    }
}
