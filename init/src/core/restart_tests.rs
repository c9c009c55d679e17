use super::*;
use crate::core::Phase;
use crate::unit::{ExecKind, Timing};
use std::time::Duration;

fn exited(exit: ExitRecord) -> Outcome {
    Outcome::Exited { kind: ExecKind::Start, index: 0, exit }
}

/// systemd.service(5), "Exit causes and the effect of the Restart= settings".
#[test]
fn the_table_of_restarts() {
    use Restart::{Always, No, OnAbnormal, OnAbort, OnFailure, OnSuccess, OnWatchdog};
    let all = [No, Always, OnSuccess, OnFailure, OnAbnormal, OnAbort, OnWatchdog];
    let rows: [(Outcome, &[Restart]); 9] = [
        (Outcome::Success, &[Always, OnSuccess]),
        (exited(ExitRecord::Code(1)), &[Always, OnFailure]),
        (exited(ExitRecord::NotRun { stage: 3, errno: 2 }), &[Always, OnFailure]),
        (exited(ExitRecord::Signal(9)), &[Always, OnFailure, OnAbnormal, OnAbort]),
        (exited(ExitRecord::Core(11)), &[Always, OnFailure, OnAbnormal, OnAbort]),
        (Outcome::Timeout { phase: Phase::Start }, &[Always, OnFailure, OnAbnormal]),
        (Outcome::Watchdog, &[Always, OnFailure, OnAbnormal, OnWatchdog]),
        (Outcome::Protocol, &[Always, OnFailure, OnAbnormal]),
        (Outcome::Config { reason: String::new() }, &[Always, OnFailure, OnAbnormal]),
    ];
    for (result, wanted) in rows {
        let again: Vec<Restart> = all.into_iter().filter(|policy| by_table(*policy, &result)).collect();
        let wanted: Vec<Restart> = all.into_iter().filter(|policy| wanted.contains(policy)).collect();
        assert_eq!(again, wanted, "{result:?}");
    }
}

#[test]
fn sets_of_statuses_come_before_the_table() {
    let set = |list: &[Status]| list.to_vec();
    let mut unit = Service { restart: Restart::OnFailure, ..Service::default() };
    unit.ending.prevent = set(&[Status::Code(7), Status::Signal(9)]);
    unit.ending.force = set(&[Status::Code(0), Status::Code(EXEC), Status::Code(7)]);
    let again = |unit: &Service, exit: ExitRecord| {
        let result = if exit == ExitRecord::Code(0) { Outcome::Success } else { exited(exit) };
        wants_restart(unit, &result, Some(exit))
    };
    assert!(!again(&unit, ExitRecord::Code(7)), "to be prevented counts more");
    assert!(!again(&unit, ExitRecord::Signal(9)));
    assert!(again(&unit, ExitRecord::Code(1)));
    assert!(again(&unit, ExitRecord::Code(0)));
    unit.restart = Restart::No;
    assert!(again(&unit, ExitRecord::Code(0)) && !again(&unit, ExitRecord::Code(1)));
    assert!(again(&unit, ExitRecord::NotRun { stage: 1, errno: 2 }));
    unit.kind = ServiceType::Oneshot;
    assert!(!again(&unit, ExitRecord::Code(0)), "a oneshot is done when it has succeeded");
    assert!(!wants_restart(&unit, &Outcome::Protocol, None));
}

fn growing(base: u64, most: u64, steps: u32) -> Service {
    let mut unit = Service {
        timing: Timing { restart_sec: Duration::from_millis(base), ..Timing::default() }.into(),
        ..Service::default()
    };
    unit.ending.restart_max_delay = Duration::from_millis(most);
    unit.ending.restart_steps = steps;
    unit
}

#[test]
fn delays_grow_by_systemd_s_formula() {
    let row = |unit: &Service| (1..=6).map(|n| delay(unit, n)).collect::<Vec<_>>();
    assert_eq!(row(&growing(1000, 16_000, 4)), [1000, 2000, 4000, 8000, 16_000, 16_000]);
    assert_eq!(row(&growing(100, 100_000, 3)), [100, 1000, 10_000, 100_000, 100_000, 100_000]);
    assert_eq!(row(&growing(0, 100_000, 3)), [0; 6]);
    assert_eq!(row(&growing(300, 100_000, 0)), [300; 6]);
    assert_eq!(row(&growing(300, 200, 3)), [200; 6], "the limit is one for the first, too");
    let mut endless = growing(300, 0, 3);
    endless.ending.restart_max_delay = Duration::MAX;
    assert_eq!(row(&endless), [300; 6]);
}

#[test]
fn a_healthy_run_begins_anew_and_a_short_one_does_not() {
    let (unit, name) = (growing(1000, 64_000, 6), UnitName::new("a.service").expect("name"));
    let mut pace = Pace::default();
    pace.begin(16, 0, true);
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..8 {
        pace.up = Some(now);
        now += 20;
        pace.exit = Some((ExitRecord::Code(1), now).into());
        let at = pace.next(&unit, &name, now);
        waits.push(at - now);
        now = at;
        pace.begin(17 + now, now, false);
    }
    for (n, wait) in (1..).zip(&waits) {
        let (full, base) = (delay(&unit, n), 1000);
        assert!(*wait <= full && *wait >= (full - full / 10).max(base), "restart {n}: {wait} of {full}");
    }
    assert!(waits[1..].iter().zip(2..).any(|(wait, n)| *wait != delay(&unit, n)), "none was shortened: {waits:?}");
    // 64 s were waited: 20 s of health are not enough, 64 s are.
    for (ran, streak) in [(20_000, 9), (64_000, 1)] {
        pace.up = Some(now);
        now += ran;
        pace.exit = Some((ExitRecord::Code(1), now).into());
        // A stop that takes long is no health.
        pace.next(&unit, &name, now + 500_000);
        assert_eq!(pace.streak, streak, "{ran}");
    }
    // One that never came up wasn't healthy, however long it took.
    pace.begin(17 + now, now, false);
    now += 1_000_000;
    pace.next(&unit, &name, now);
    assert_eq!(pace.streak, 2);
    pace.begin(17, now, true);
    assert_eq!((pace.streak, pace.delay), (0, 0));
}

#[test]
fn a_single_crash_is_made_good_at_once_and_quick_ones_are_spaced() {
    let (unit, name) = (growing(0, 0, 0), UnitName::new("a.service").expect("name"));
    let mut pace = Pace::default();
    for (ran, wait) in [(0, 50), (20, 30), (49, 1), (50, 0), (5000, 0)] {
        pace.begin(16, 1000, false);
        assert_eq!(pace.next(&unit, &name, 1000 + ran), 1000 + ran + wait, "{ran}");
    }
}

#[test]
fn chance_differs_between_units_and_between_instances() {
    let name = |n: &str| UnitName::new(n).expect("name");
    let some: std::collections::BTreeSet<u64> =
        (0..50).map(|token| spread(&name("a.service"), token) % (JITTER + 1)).collect();
    assert!(some.len() > 20, "{some:?}");
    assert_ne!(spread(&name("a.service"), 1), spread(&name("b.service"), 1));
    assert_eq!(spread(&name("a.service"), 1), spread(&name("a.service"), 1));
}
