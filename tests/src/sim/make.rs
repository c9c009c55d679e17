//! Random units, levels and requests.

use super::rng::Rng;
use init::core::{Ask, Course, Definition, LevelMark, RcRule, Verb, Whom};
use init::proto::pid1::Power;
use init::unit::condition::{Condition, Test, Verdict};
use init::unit::{
    Command, End, EndAction, ExecKind, ExitType, Haste, KillMode, Level, LevelSet, Place, Restart, RestartMode,
    Service, ServiceType, Source, Status, TimeoutMode, Unit, UnitName,
};
use std::rc::Rc;
use std::time::Duration;

/// The name of the unit with this number; every sixth is a target.
pub fn name(n: usize) -> Option<UnitName> {
    let suffix = if n % 6 == 5 { "target" } else { "service" };
    UnitName::new(&format!("u{n:03}.{suffix}")).ok()
}

/// How many units: few as a rule, a thousand now and then.
pub fn size(rng: &mut Rng) -> usize {
    match rng.below(10_000) {
        0 => 1000,
        1..=50 => 60 + rng.index(60),
        _ => 1 + rng.index(12),
    }
}

fn some(rng: &mut Rng, n: usize, me: usize, most: u64, ordered: bool) -> Vec<UnitName> {
    (0..rng.below(most + 1))
        .filter_map(|_| {
            let other = rng.index(n);
            // Mostly without loops: only to lower numbers.
            let other = if ordered && !rng.percent(4) { other.min(me.saturating_sub(1 + other % 3)) } else { other };
            name(other)
        })
        .collect()
}

fn command(rng: &mut Rng) -> Command {
    Command { words: ["/bin/x"].iter().collect(), ignore_failure: rng.percent(10), ..Command::default() }
}

fn short(rng: &mut Rng) -> Duration {
    Duration::from_millis(200 + rng.below(3000))
}

/// One definition. `late` decides what came to these worlds after seeds of theirs were written down.
pub fn definition(rng: &mut Rng, late: &mut Rng, me: usize, n: usize) -> Option<Definition> {
    let name = name(me)?;
    match rng.below(40) {
        0 => return Some(Definition::Bad(name, "x.service:3: no".to_owned())),
        1 => return Some(Definition::Masked(name)),
        2 => return Some(Definition::Gone(name)),
        _ => {}
    }
    let mut unit = Unit::new(name);
    unit.requires = some(rng, n, me, 1, true).into();
    unit.wants = some(rng, n, me, 2, true).into();
    unit.after = some(rng, n, me, 3, true).into();
    if rng.percent(10) {
        unit.before = some(rng, n, me, 1, false).into();
    }
    if rng.percent(8) {
        unit.conflicts = some(rng, n, me, 1, false).into();
    }
    relations(rng, &mut unit, n, me);
    if rng.percent(15) {
        unit.conditions.conditions.push(Condition {
            test: Test::PathExists,
            triggering: false,
            negated: false,
            value: "/x".to_owned(),
            place: Place::default(),
        });
    }
    if unit.name.kind() == init::unit::name::Kind::Service {
        service(rng, &mut unit);
        actions(late, &mut unit.service);
    }
    Some(Definition::Good(Rc::new(unit)))
}

/// The rarer relations: some worlds' units have many of them, most have few.
fn relations(rng: &mut Rng, unit: &mut Unit, n: usize, me: usize) {
    let r = &mut unit.relations;
    for list in r.lists_mut() {
        if rng.percent(7) {
            let ordered = rng.percent(70);
            *list = some(rng, n, me, 1, ordered);
        }
    }
    // With their order they mean most.
    if rng.percent(70) {
        unit.after.extend(r.binds_to.iter().chain(&r.requisite).cloned());
    }
    let sometimes = |rng: &mut Rng| rng.percent(3).then(|| Duration::from_millis(100 + rng.below(4000)));
    r.job_timeout = sometimes(rng);
    r.job_running_timeout = sometimes(rng);
    r.refuse_manual_start = rng.percent(2);
    r.refuse_manual_stop = rng.percent(2);
    r.stop_when_unneeded = rng.percent(5);
    r.return_with_dependency = !rng.percent(15);
}

fn service(rng: &mut Rng, unit: &mut Unit) {
    use ServiceType::{Exec, Forking, Idle, Notify, NotifyReload, Oneshot, Script, Simple};
    let s = &mut unit.service;
    s.kind = rng
        .pick(&[Simple, Simple, Exec, Forking, Oneshot, Notify, NotifyReload, Idle, Script, Script])
        .unwrap_or_default();
    s.remain_after_exit = rng.percent(25);
    restart(rng, s);
    limits(rng, s);
    readiness(rng, s);
    s.timing.start_limit_burst = rng.pick(&[0, 3, 5]).unwrap_or(5);
    s.timing.timeout_start = Some(short(rng));
    s.timing.timeout_stop = Some(short(rng));
    let modes = [KillMode::ControlGroup, KillMode::ControlGroup, KillMode::Mixed, KillMode::Process, KillMode::None];
    s.kill_mode = rng.pick(&modes).unwrap_or_default();
    s.essential = rng.percent(2);
    if s.kind == Script {
        unit.source = Source::Script;
        s.ending.skip = vec![Status::Code(5), Status::Code(6)];
        s.pid_file = rng.percent(30).then(|| "/run/x.pid".into());
    }
    for kind in ExecKind::ALL {
        let count = match kind {
            ExecKind::Start if s.kind == Oneshot => 1 + rng.below(2),
            ExecKind::Start => 1,
            ExecKind::ReadyCheck if s.kind == Oneshot => 0,
            ExecKind::ReadyCheck => u64::from(rng.percent(15)),
            _ => u64::from(rng.percent(25)) + u64::from(rng.percent(5)),
        };
        for _ in 0..count {
            let command = command(rng);
            s.commands.push((kind, command));
        }
    }
}

/// How it is known to be ready, and alive.
fn readiness(rng: &mut Rng, s: &mut Service) {
    let daemon = !matches!(s.kind, ServiceType::Forking | ServiceType::Oneshot | ServiceType::Script);
    s.readiness.notify_fd = (daemon && rng.percent(10)).then_some(3);
    s.readiness.guess_main_pid = rng.percent(80);
    if rng.percent(15) {
        s.readiness.watchdog = short(rng);
    }
}

/// What comes of looking at a unit's conditions: they turn true and false as they like.
pub fn verdict(rng: &mut Rng) -> Verdict {
    match rng.below(10) {
        0..=5 => Verdict::Met,
        6..=8 => Verdict::Skip("ConditionPathExists=/x is not met".to_owned()),
        _ => Verdict::Refuse("AssertPathExists=/x is not met".to_owned()),
    }
}

/// How it comes back by itself.
fn restart(rng: &mut Rng, s: &mut Service) {
    use Restart::{Always, No, OnAbnormal, OnAbort, OnFailure, OnSuccess, OnWatchdog};
    let all = [No, OnFailure, Always, Always, OnFailure, OnSuccess, OnAbnormal, OnWatchdog, OnAbort];
    s.restart = rng.pick(&all).unwrap_or_default();
    s.timing.restart_sec = Duration::from_millis(rng.pick(&[0, 1, 100, 1000]).unwrap_or(0));
    if rng.percent(30) {
        s.ending.restart_steps = rng.pick(&[1, 3, 10]).unwrap_or(1);
        s.ending.restart_max_delay = Duration::from_millis(rng.pick(&[50, 2000, 60_000]).unwrap_or(50));
    }
    let statuses = [Status::Code(0), Status::Code(1), Status::Signal(11), Status::Signal(15)];
    let ending = &mut *s.ending;
    for set in [&mut ending.success, &mut ending.prevent, &mut ending.force] {
        if rng.percent(15) {
            set.extend(rng.pick(&statuses));
        }
    }
}

/// What its end does to the machine, and whether others are told of its restarts.
fn actions(rng: &mut Rng, s: &mut Service) {
    let ends = [End::PowerOff, End::Reboot, End::Halt, End::Exit];
    let ending = &mut *s.ending;
    for action in [&mut ending.failure_action, &mut ending.success_action, &mut ending.limit_action] {
        if rng.percent(1) {
            *action = rng.pick(&ends).map(|end| EndAction { end, haste: Haste::None });
        }
    }
    if rng.percent(15) {
        ending.restart_mode = RestartMode::Direct;
    }
}

/// What ends it, and how.
fn limits(rng: &mut Rng, s: &mut Service) {
    let modes = [TimeoutMode::Terminate, TimeoutMode::Abort, TimeoutMode::Kill];
    s.ending.start_failure_mode = rng.pick(&modes).unwrap_or_default();
    s.ending.stop_failure_mode = rng.pick(&modes).unwrap_or_default();
    s.ending.timeout_abort = rng.percent(30).then(|| Some(short(rng)));
    s.ending.runtime_max = rng.percent(15).then(|| short(rng));
    s.ending.runtime_extra = Duration::from_millis(rng.pick(&[0, 0, 500]).unwrap_or(0));
    s.ending.restart_signal = rng.percent(10).then_some(1);
    s.ending.send_sighup = rng.percent(10);
    s.ending.send_sigkill = !rng.percent(10);
    s.ending.exit_type = if rng.percent(15) { ExitType::Cgroup } else { ExitType::Main };
}

/// Which levels the units are on in.
pub fn marks(rng: &mut Rng, n: usize) -> Vec<LevelMark> {
    // Drawn beside the others, so that seeds go on to mean what they meant.
    let mut locks = rng.clone();
    let red_hat = locks.percent(25);
    let set = |rng: &mut Rng, p| Level::ALL.into_iter().filter(|_| rng.percent(p)).collect::<LevelSet>();
    (0..n)
        .filter(|_| rng.percent(60))
        .collect::<Vec<_>>()
        .into_iter()
        .filter_map(|i| {
            let rule = if red_hat { RcRule::Lock(locks.percent(50)) } else { RcRule::Links };
            Some(LevelMark { name: name(i)?, on: set(rng, 40), kill: set(rng, 8), rule })
        })
        .collect()
}

/// How somebody wants a stop to go on.
fn course(rng: &mut Rng) -> Course {
    let wait = Course::Wait { ms: rng.pick(&[1, 2000, 20_000]).unwrap_or(1) };
    rng.pick(&[wait, Course::Kill, Course::Skip]).unwrap_or(Course::Kill)
}

/// What somebody asks for.
pub fn ask(rng: &mut Rng, n: usize) -> Ask {
    let names = (0..1 + rng.below(3)).filter_map(|_| name(rng.index(n + 1))).collect();
    let verb = match rng.below(20) {
        0..=6 => Verb::Start,
        7..=9 => Verb::Stop,
        10..=12 => Verb::Restart,
        13 => Verb::TryRestart,
        14 => Verb::Reload,
        15 => Verb::ResetFailed,
        16 => Verb::Kill { signal: 15, whom: rng.pick(&[Whom::Main, Whom::Control, Whom::All]).unwrap_or(Whom::All) },
        17 if rng.percent(60) => Verb::Stopping(course(rng)),
        17..=18 => {
            let to = rng.pick(&[Level::S, Level::SINGLE]).filter(|_| rng.percent(20));
            let digit = rng.pick(&['2', '3', '4', '5']).and_then(Level::from_char);
            return Ask::Level(to.or(digit).unwrap_or(Level::SINGLE));
        }
        _ if rng.percent(20) => {
            return Ask::Down(rng.pick(&[Power::PowerOff, Power::Reboot, Power::Halt]).unwrap_or(Power::Halt));
        }
        _ => Verb::Start,
    };
    Ask::Units { verb, names }
}
