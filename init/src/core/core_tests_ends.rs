//! How instances end and come back.

use super::bench::*;
use super::*;
use crate::unit::{ExitType, Status, TimeoutMode};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Up to 3 s to start, 2 s to stop, 1 s to abort.
fn limited(text: &str, change: impl FnOnce(&mut Unit)) -> Definition {
    unit(text, |u| {
        u.service.timing.timeout_start = Some(secs(3));
        u.service.timing.timeout_stop = Some(secs(2));
        u.service.ending.timeout_abort = Some(Some(secs(1)));
        change(u);
    })
}

/// What it gets when a start takes too long, and after each further limit.
fn late_start(change: impl FnOnce(&mut Unit)) -> Vec<Vec<i32>> {
    let silent = |u: &mut Unit| u.service.kind = ServiceType::Notify;
    let mut b = Bench::new(vec![limited("a", |u| {
        silent(u);
        change(u);
    })]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    let mut heard = Vec::new();
    for ms in [3000, 1000, 1000, 2000] {
        b.wait(ms);
        heard.push(b.signals().into_iter().map(|(_, signal)| signal).collect());
    }
    assert_eq!(b.view("a").outcome, Some(&Outcome::Timeout { phase: Phase::Start }));
    heard
}

#[test]
fn a_late_start_ends_as_its_mode_says() {
    let mode = |mode| move |u: &mut Unit| u.service.ending.start_failure_mode = mode;
    assert_eq!(late_start(mode(TimeoutMode::Terminate)), [vec![15, 18], vec![], vec![9], vec![]]);
    assert_eq!(late_start(mode(TimeoutMode::Abort)), [vec![6, 18], vec![9], vec![], vec![]]);
    assert_eq!(late_start(mode(TimeoutMode::Kill)), [vec![9], vec![], vec![], vec![]]);
    let spared = |u: &mut Unit| u.service.ending.send_sigkill = false;
    assert_eq!(late_start(spared), [vec![15, 18], vec![], vec![], vec![]]);
    let shell = |u: &mut Unit| {
        u.service.ending.send_sighup = true;
        u.service.ending.final_signal = 3;
    };
    assert_eq!(late_start(shell), [vec![15, 1, 18], vec![], vec![3], vec![]]);
}

#[test]
fn a_late_stop_ends_as_its_mode_says() {
    for (mode, heard) in [
        (TimeoutMode::Terminate, [vec![], vec![15, 18], vec![9]]),
        (TimeoutMode::Abort, [vec![], vec![6, 18], vec![9]]),
        (TimeoutMode::Kill, [vec![], vec![9], vec![]]),
    ] {
        let mut b = Bench::new(vec![limited("a", |u| {
            add(u, ExecKind::Stop);
            u.service.ending.stop_failure_mode = mode;
        })]);
        b.ask(Verb::Start, &["a"]);
        b.runs("a");
        b.ask(Verb::Stop, &["a"]);
        let mut found = vec![b.signals()];
        for _ in 0..2 {
            b.wait(2000);
            found.push(b.signals());
        }
        let found: Vec<Vec<i32>> = found.into_iter().map(|s| s.into_iter().map(|(_, n)| n).collect()).collect();
        assert_eq!(found, heard, "{mode:?}");
    }
}

#[test]
fn a_restart_may_have_a_signal_of_its_own() {
    let mut b = Bench::new(vec![unit("a", |u| u.service.ending.restart_signal = Some(10))]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.ask(Verb::Restart, &["a"]);
    assert_eq!(b.signals(), [(true, 10), (true, 18)]);
    b.ends("a", Exit::Signal(10));
    assert_eq!(b.view("a").outcome, Some(&Outcome::Success), "it ended by what it was sent");
    b.runs("a");
    b.ask(Verb::Stop, &["a"]);
    assert_eq!(b.signals(), [(true, 15), (true, 18)]);
}

#[test]
fn its_time_is_limited_whoever_manages() {
    let define = || {
        let limit = |u: &mut Unit| {
            u.service.ending.runtime_max = Some(secs(10));
            u.service.ending.runtime_extra = secs(5);
            add(u, ExecKind::Stop);
        };
        vec![unit("a", limit)]
    };
    let mut b = Bench::new(define());
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.wait(9999);
    b.rebirth(define(), &[(Key { token: 16, step: 0 }, Life::Running)]);
    assert!(b.spawned().is_empty());
    b.wait(5001);
    assert_eq!((b.spawned(), b.view("a").phase), (vec!["a ExecStop0".to_owned()], Phase::Stop));
    b.exit("a", false, Exit::Code(0));
    b.ends("a", Exit::Signal(15));
    assert_eq!(
        (b.view("a").state, b.view("a").outcome),
        (State::Failed, Some(&Outcome::Timeout { phase: Phase::Running }))
    );
}

#[test]
fn a_group_outlives_its_main_process() {
    let cgroup = |u: &mut Unit| {
        u.service.ending.exit_type = ExitType::Cgroup;
        u.service.restart = Restart::OnFailure;
    };
    let mut b = Bench::new(vec![unit("a", cgroup)]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.exit("a", true, Exit::Code(3));
    assert_eq!((b.view("a").state, b.view("a").main_pid), (State::Active, None));
    assert!(b.log.contains(&Action::Watch { unit: UnitId(0), token: 16 }));
    b.empty("a");
    b.empty("a");
    assert_eq!(b.view("a").phase, Phase::AutoRestart, "how the main process ended counts");
    b.wait(100);
    b.runs("a");
    b.ask(Verb::Stop, &["a"]);
    b.ends("a", Exit::Signal(15));
    assert_eq!(b.view("a").state, State::Inactive);
}

#[test]
fn a_crash_after_a_while_is_made_good_at_once() {
    let now = |u: &mut Unit| {
        u.service.restart = Restart::Always;
        u.service.timing.restart_sec = Duration::ZERO;
        u.service.timing.start_limit_burst = 0;
    };
    let mut b = Bench::new(vec![unit("a", now)]);
    b.ask(Verb::Start, &["a"]);
    b.runs("a");
    b.now += 5000;
    b.ends("a", Exit::Signal(9));
    assert_eq!(b.spawned(), ["a ExecStart0"], "at the same moment");
    for _ in 0..3 {
        b.ends("a", Exit::NotRun { stage: 1, errno: 2 });
        assert!(b.spawned().is_empty());
        b.wait(49);
        assert!(b.spawned().is_empty());
        b.wait(1);
        assert_eq!(b.spawned(), ["a ExecStart0"]);
    }
    assert_eq!(b.view("a").restarts, 4);
    b.ask(Verb::Restart, &["a"]);
    b.ends("a", Exit::Signal(15));
    assert_eq!(b.view("a").restarts, 0, "they are counted from the last start on request");
}

#[test]
fn statuses_may_mean_success() {
    let tolerant = |u: &mut Unit| u.service.ending.success = vec![Status::Code(7), Status::Signal(9)];
    for (exit, state) in [
        (Exit::Code(7), State::Inactive),
        (Exit::Signal(9), State::Inactive),
        (Exit::Core(9), State::Failed),
        (Exit::Code(8), State::Failed),
    ] {
        let mut b = Bench::new(vec![unit("a", tolerant)]);
        b.ask(Verb::Start, &["a"]);
        b.runs("a");
        b.ends("a", exit);
        assert_eq!(b.view("a").state, state, "{exit:?}");
    }
}

#[test]
fn the_start_limit_may_be_a_pause_and_a_reset_ends_it() {
    let respawn = |u: &mut Unit| {
        u.service.restart = Restart::Always;
        u.service.timing.restart_sec = Duration::ZERO;
        u.service.timing.start_limit_burst = 3;
        u.service.timing.start_limit_interval = secs(120);
        u.service.timing.start_limit_pause = secs(300);
    };
    let mut b = Bench::new(vec![unit("a", respawn)]);
    b.ask(Verb::Start, &["a"]);
    let three = |b: &mut Bench| {
        for _ in 0..3 {
            assert_eq!(b.spawned(), ["a ExecStart0"]);
            b.runs("a");
            b.ends("a", Exit::Code(1));
            b.wait(60);
        }
    };
    three(&mut b);
    b.wait(299_900);
    assert_eq!((b.spawned().len(), b.view("a").phase, b.view("a").state), (0, Phase::AutoRestart, State::Activating));
    b.wait(100);
    three(&mut b);
    b.ask(Verb::ResetFailed, &["a"]);
    b.ask(Verb::Start, &["a"]);
    three(&mut b);
    assert!(b.spawned().is_empty());
}
