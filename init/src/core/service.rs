//! The service machine: one unit's processes, from start to end.
//!
//! ```text
//!            ┌────────── AutoRestart ◄─────────────────────────────────┐
//!            ▼                                                         │
//!  Dead ─► Condition (ExecCondition=)                                  │
//!            ▼                                                         │
//!          StartPre ─► Start ─► StartPost ─► Running ⇄ Reload          │
//!            │           │          │          │  └► Exited            │
//!            │ failed    │ failed   │ failed   ▼      ▼                │
//!            │           │          │         Stop (ExecStop=)         │
//!            ▼           ▼          ▼          ▼                       │
//!            └───────────┴──────────┴────► StopSignal ─► StopKill      │
//!                                              │           │           │
//!                                              ▼           ▼           │
//!                                            StopPost ◄────┘           │
//!                                              │                       │
//!                              FinalSignal ◄───┤                       │
//!                                   │          ▼                       │
//!                              FinalKill ──► finish ──► Dead ──────────┘
//! ```
//! What is wanted ([`Wanted`]) is kept apart from where it stands ([`Phase`]): a stop request turns `wanted` and moves
//! the machine on its way down; the end looks at `wanted` to decide about an automatic restart. Every process has a key
//! of its own, so an exit that is told twice, or one of a process that was given up, names nobody and changes nothing.
//! `ExecStop=` runs if the start had succeeded, also when the main process has ended by itself; `ExecStopPost=` always.

#[path = "service_course.rs"]
mod course;
#[path = "service_down.rs"]
mod down;
#[path = "service_hold.rs"]
mod hold;
#[path = "service_late.rs"]
mod late;
#[path = "service_parts.rs"]
mod parts;
#[path = "service_ready.rs"]
mod ready;
#[path = "service_script.rs"]
mod script;
#[path = "service_up.rs"]
mod up;

pub(super) use parts::{Group, Input, Proc, Reloading, Wanted, Which};
pub(super) use ready::can_reload;
pub(super) use script::Call;

use super::ends::Ended;
use super::hold::Hold;
use super::limit::{StartLimit, millis};
use super::restart::Pace;
use super::said::Said;
use super::timers::Timers;
use super::{Action, ExitRecord, Millis, Outcome, Phase, State, Times, UnitId};
use crate::proto::pid1::Key;
use crate::unit::condition::Verdict;
use crate::unit::rare::Rare;
use crate::unit::{Command, ExecKind, ServiceType, Unit};
use script::is_script;
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use std::time::Duration;

/// How long it may take to look at conditions: the shell gives up on a single one sooner.
const CHECK_PATIENCE: Duration = Duration::from_secs(60);
/// How long SIGKILL may take where `TimeoutStopSec=` sets no limit.
const KILL_PATIENCE: Duration = Duration::from_secs(90);
const SIGKILL: i32 = 9;

/// Where the machine writes what it wants done.
pub(super) struct Run<'a> {
    pub id: UnitId,
    pub unit: &'a Rc<Unit>,
    pub now: Millis,
    pub may_restart: bool,
    pub out: &'a mut Vec<Action>,
}

/// One unit's machine; all of it goes into the journal, apart from what is as in a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Service {
    #[serde(skip_serializing_if = "is_dead")]
    pub phase: Phase,
    #[serde(skip_serializing_if = "is_usual")]
    pub wanted: Wanted,
    #[serde(skip_serializing_if = "is_usual")]
    pub since: Millis,
    #[serde(skip_serializing_if = "is_usual")]
    pub token: Option<u64>,
    #[serde(skip_serializing_if = "is_usual")]
    pub next_step: u32,
    #[serde(skip_serializing_if = "is_usual")]
    pub main: Option<Proc>,
    #[serde(skip_serializing_if = "is_usual")]
    pub control: Option<Box<Proc>>,
    #[serde(skip_serializing_if = "is_usual")]
    pub deadline: Option<Millis>,
    #[serde(skip)]
    pub timers: Rare<Timers>,
    /// What went wrong first in this run, or in the last one.
    #[serde(skip_serializing_if = "is_success")]
    pub result: Outcome,
    /// `ExecStartPost=` is through: the start succeeded.
    #[serde(skip_serializing_if = "is_usual")]
    pub started: bool,
    /// `Type=forking`: the start process is done, its daemon not yet known.
    #[serde(skip_serializing_if = "is_usual")]
    pub seeking: bool,
    /// What there is of it beside its main process.
    #[serde(skip_serializing_if = "is_usual")]
    pub group: Group,
    /// It goes down for a restart on request.
    #[serde(skip_serializing_if = "is_usual")]
    pub to_restart: bool,
    /// What a level switch wants of its stop.
    #[serde(skip_serializing_if = "is_usual")]
    pub call: Call,
    /// `ExecStopPost=` took too long, and `TimeoutStopFailureMode=abort`.
    #[serde(skip_serializing_if = "is_usual")]
    pub aborts: bool,
    /// Why the last reload failed.
    #[serde(skip_serializing_if = "is_usual")]
    pub reload: Option<Box<Outcome>>,
    #[serde(skip_serializing_if = "is_usual")]
    pub restarts: u32,
    #[serde(skip_serializing_if = "is_usual")]
    pub last_exit: Option<ExitRecord>,
    /// `Type=idle`: waits until no other job runs.
    #[serde(skip_serializing_if = "is_usual")]
    pub idle: bool,
    /// Up by the rules of its type, and not yet ready by `ReadyCheck=`.
    #[serde(skip_serializing_if = "is_usual")]
    pub up: bool,
    #[serde(skip_serializing_if = "is_usual")]
    pub reloading: Reloading,
    #[serde(skip_serializing_if = "is_usual")]
    pub said: Rare<Said>,
    #[serde(skip_serializing_if = "is_usual")]
    pub limit: StartLimit,
    #[serde(skip_serializing_if = "is_usual")]
    pub times: Times,
    #[serde(skip_serializing_if = "is_usual")]
    pub pace: Pace,
    /// The end of another unit that has started this one.
    #[serde(skip_serializing_if = "is_usual")]
    pub monitored: Option<Box<Ended>>,
    /// Verbs of its script that are at work.
    #[serde(skip_serializing_if = "is_usual")]
    pub hold: Rare<Hold>,
}

pub(super) fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_dead(phase: &Phase) -> bool {
    *phase == Phase::Dead
}

fn is_success(result: &Outcome) -> bool {
    *result == Outcome::Success
}

impl Default for Service {
    fn default() -> Self {
        Self {
            phase: Phase::Dead,
            wanted: Wanted::Down,
            since: 0,
            token: None,
            next_step: 0,
            main: None,
            control: None,
            deadline: None,
            timers: Rare::default(),
            result: Outcome::Success,
            started: false,
            seeking: false,
            group: Group::Unasked,
            to_restart: false,
            call: Call::No,
            aborts: false,
            reload: None,
            restarts: 0,
            last_exit: None,
            idle: false,
            up: false,
            reloading: Reloading::No,
            said: Rare::default(),
            limit: StartLimit::default(),
            times: Times::default(),
            pace: Pace::default(),
            monitored: None,
            hold: Rare::default(),
        }
    }
}

impl Service {
    /// One that runs already, of which nothing but its process is known.
    pub fn found(key: Key, pid: i32, now: Millis) -> Self {
        let main = Proc { step: key.step, kind: ExecKind::Start, index: 0, pid, adopted: None };
        Self {
            phase: Phase::Running,
            wanted: Wanted::Up,
            since: now,
            token: Some(key.token),
            next_step: key.step.saturating_add(1),
            main: Some(main),
            started: true,
            pace: Pace { token: key.token, begun: now, up: Some(now), ..Pace::default() },
            ..Self::default()
        }
    }

    /// The state as seen from outside.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Dead if self.result.is_failure() => State::Failed,
            Phase::Dead => State::Inactive,
            Phase::Check
            | Phase::Condition
            | Phase::StartPre
            | Phase::Start
            | Phase::StartPost
            | Phase::AutoRestart => State::Activating,
            Phase::Running | Phase::Exited => State::Active,
            Phase::Reload => State::Reloading,
            Phase::Stop
            | Phase::StopSignal
            | Phase::StopAbort
            | Phase::StopKill
            | Phase::StopPost
            | Phase::FinalSignal
            | Phase::FinalKill => State::Deactivating,
        }
    }

    /// The key of one of its processes.
    pub fn key(&self, which: Which) -> Option<Key> {
        let proc = match which {
            Which::Main => self.main.as_ref(),
            Which::Control => self.control.as_deref(),
        };
        Some(Key { token: self.token?, step: proc?.step })
    }

    /// Which of its processes a key names.
    pub fn which(&self, key: Key) -> Option<Which> {
        [Which::Main, Which::Control].into_iter().find(|w| self.key(*w) == Some(key))
    }

    /// The action that makes this process: sent when it is decided, and again if PID 1 never saw it.
    pub fn birth(&self, id: UnitId, which: Which) -> Option<Action> {
        let key = self.key(which)?;
        let proc = match which {
            Which::Main => self.main.as_ref(),
            Which::Control => self.control.as_deref(),
        }?;
        let main_pid = self.main.as_ref().filter(|m| which == Which::Control && m.pid > 0).map(|m| m.pid);
        Some(match proc.adopted.as_deref().copied() {
            Some((pid, start_time)) => Action::Adopt { unit: id, key, pid, start_time },
            None => Action::Spawn { unit: id, key, kind: proc.kind, index: proc.index, main_pid },
        })
    }

    /// After a restore: says again what may have been lost between the journal and its being done. None of it does
    /// harm when it comes twice.
    pub fn repeat(&self, r: &mut Run<'_>) {
        match self.phase {
            Phase::Reload if matches!(self.reloading, Reloading::Signalled(_)) => self.signal_reload(r),
            Phase::Running => self.watch_headless(r),
            Phase::Check => self.ask_conditions(r),
            Phase::Dead | Phase::AutoRestart | Phase::Condition | Phase::StartPre | Phase::StartPost => {}
            Phase::Exited | Phase::Reload | Phase::Stop | Phase::StopPost => {}
            Phase::Start if self.seeking && is_script(r.unit) => self.look_around(r),
            Phase::Start if self.seeking => self.seek(r),
            Phase::Start => {}
            Phase::StopSignal | Phase::StopAbort | Phase::FinalSignal => {
                self.deliver(r, self.stop_signal_number(r.unit));
                self.watch_rest(r);
            }
            Phase::StopKill | Phase::FinalKill => {
                self.deliver_kill(r);
                self.watch_rest(r);
            }
        }
    }

    /// Every (phase, input) has its cell; what is written as `{}` changes nothing, on purpose.
    pub fn step(&mut self, r: &mut Run<'_>, input: Input) {
        if let Input::Over(which, exit, why) = input {
            self.over(r, which, exit, why);
            return;
        }
        if matches!(input, Input::Due) && self.ring(r) {
            return;
        }
        match (self.phase, input) {
            // `Over` is taken above: all phases treat the ended process alike first.
            (_, Input::Over(..)) => {}

            (Phase::Dead | Phase::AutoRestart, Input::Start(token)) => self.begin(r, token),
            (_, Input::Start(_)) => {}

            (Phase::Dead, Input::Stop) => self.wanted = Wanted::Down,
            (Phase::Check, Input::Stop) => {
                self.wanted = Wanted::Down;
                self.not_begun(r, Outcome::Success);
            }
            // It will not come back, and that is no failure any more.
            (Phase::AutoRestart, Input::Stop) => {
                self.wanted = Wanted::Down;
                self.result = Outcome::Success;
                self.enter(r, Phase::Dead);
            }
            // Nothing has run, and nothing is to be cleaned up.
            (Phase::Start, Input::Stop) if self.idle => {
                self.wanted = Wanted::Down;
                self.not_begun(r, Outcome::Success);
            }
            (Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost, Input::Stop) => {
                self.wanted = Wanted::Down;
                self.stop_signal(r);
            }
            (Phase::Running | Phase::Exited, Input::Stop) => {
                self.wanted = Wanted::Down;
                self.stop(r, 0);
            }
            (Phase::Reload, Input::Stop) => {
                self.wanted = Wanted::Down;
                self.abandon_control(r);
                self.stop(r, 0);
            }
            (
                Phase::Stop
                | Phase::StopSignal
                | Phase::StopAbort
                | Phase::StopKill
                | Phase::StopPost
                | Phase::FinalSignal
                | Phase::FinalKill,
                Input::Stop,
            ) => self.wanted = Wanted::Down,
            (phase, Input::Course(course)) => self.take_course(r, phase, course),

            (Phase::Running, Input::Reload) if r.unit.service.kind == ServiceType::NotifyReload => {
                self.reload = None;
                self.reload_by_signal(r);
            }
            (Phase::Running | Phase::Exited, Input::Reload) => {
                self.reload = None;
                self.reload(r, 0);
            }
            (_, Input::Reload) => {}

            (Phase::Check, Input::Checked(Verdict::Met)) => self.go_on(r),
            (Phase::Check, Input::Checked(Verdict::Skip(reason))) => {
                self.not_begun(r, Outcome::Skipped { reason, exit: None })
            }
            (Phase::Check, Input::Checked(Verdict::Refuse(reason))) => self.not_begun(r, Outcome::Assert { reason }),
            (_, Input::Checked(_)) => {}

            (Phase::Start, Input::Executed(Which::Main)) if is_up_by_exec(r.unit) && !self.up => {
                self.came_up(r);
            }
            (_, Input::Executed(_)) => {}

            (Phase::Start, Input::Ready) if r.unit.service.says_ready() && self.main.is_some() && !self.up => {
                self.came_up(r);
            }
            (Phase::Reload, Input::Ready) => self.reloaded(r),
            (_, Input::Ready) => {}
            (_, Input::Reloading(at)) => self.said_reloading(r, at),
            (_, Input::Extend(time)) => self.extend(r.now, time),
            (_, Input::WatchdogEvery(period)) => {
                self.said.watchdog = Some(period);
                self.feed_watchdog(r.unit, r.now);
            }
            (Phase::Start | Phase::StartPost | Phase::Running | Phase::Reload, Input::Starved) => self.starved(r),
            (_, Input::Starved) => {}
            (Phase::Start, Input::Turn) if self.idle => self.leave_idle(r),
            (_, Input::Turn) => {}
            (Phase::Running, Input::Stopping) => {
                self.enter(r, Phase::StopSignal);
                self.arm(r, r.unit.service.timing.timeout_stop);
            }
            (_, Input::Stopping) => {}

            (Phase::Dead, Input::Call(token)) => self.call(r, token),
            (_, Input::Call(_)) => {}
            (Phase::Dead | Phase::AutoRestart, Input::Found(token, main)) => self.found_up(r, token, main),
            (Phase::Exited, Input::Found(_, main)) => self.revive(r, main),
            (Phase::Running | Phase::Reload, Input::Found(_, Some((pid, start)))) => {
                if self.main.as_ref().is_none_or(|m| m.pid != pid) {
                    self.adopt(r, pid, start);
                }
            }
            (_, Input::Found(..)) => {}
            (_, Input::Released) => self.released(r),
            (Phase::Exited, Input::Lock(there)) if is_script(r.unit) => self.lock(r, there),
            (_, Input::Lock(_)) => {}
            (Phase::Start, Input::Nameless) if self.seeking && is_script(r.unit) => self.came_up(r),
            (_, Input::Nameless) => {}
            (Phase::StartPost | Phase::Running | Phase::Reload, Input::Named(pid, start))
                if is_script(r.unit) && self.main.is_none() =>
            {
                self.adopt(r, pid, start);
            }

            (Phase::Start, Input::Named(pid, start)) if self.seeking => {
                self.adopt(r, pid, start);
                self.came_up(r);
            }
            (Phase::Start | Phase::StartPost | Phase::Running | Phase::Reload, Input::Named(pid, start)) => {
                if self.main.as_ref().is_some_and(|m| m.pid != pid && m.pid != 0) {
                    self.adopt(r, pid, start);
                }
            }
            (_, Input::Named(..)) => {}

            (Phase::Start, Input::Empty) if self.seeking && is_script(r.unit) => self.left_nothing(r),
            (Phase::Start, Input::Empty) if self.seeking => self.fail(r, Outcome::Protocol),
            (Phase::StopSignal | Phase::StopAbort | Phase::StopKill, Input::Empty) if self.alone() => {
                self.stop_post(r, 0)
            }
            (Phase::FinalSignal | Phase::FinalKill, Input::Empty) if self.alone() => self.finish(r),
            // Looked at again when the verb that is at work is over.
            (Phase::Running, Input::Empty) if self.is_held() => {}
            (Phase::Running, Input::Empty) if self.alone() => self.deserted(r),
            (_, Input::Empty) => {}

            (Phase::Check, Input::Due) => {
                let reason = "its conditions could not be looked at in time".to_owned();
                self.not_begun(r, Outcome::Skipped { reason, exit: None });
            }
            (Phase::Dead | Phase::Running | Phase::Exited, Input::Due) => self.deadline = None,
            // The core makes a start job of it.
            (Phase::AutoRestart, Input::Due) => self.deadline = None,
            (Phase::Start, Input::Due) if self.idle => self.leave_idle(r),
            (phase @ (Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost), Input::Due) => {
                self.late_start(r, phase);
            }
            (phase @ Phase::Reload, Input::Due) => {
                self.abandon_control(r);
                self.reload = Some(Outcome::Timeout { phase }.into());
                self.reloading = Reloading::No;
                self.running(r);
            }
            (
                phase @ (Phase::Stop
                | Phase::StopSignal
                | Phase::StopAbort
                | Phase::StopKill
                | Phase::StopPost
                | Phase::FinalSignal
                | Phase::FinalKill),
                Input::Due,
            ) => self.late_stop(r, phase),
        }
    }

    fn enter(&mut self, r: &Run<'_>, phase: Phase) {
        self.deadline = None;
        if self.phase != phase {
            let was = std::mem::replace(&mut self.phase, phase);
            self.since = r.now;
            if self.call != Call::Under {
                self.times.enter(was, phase, r.now);
            }
            self.retime(r.unit, r.now, was);
        }
    }

    fn arm(&mut self, r: &Run<'_>, limit: Option<Duration>) {
        self.deadline = limit.map(|d| r.now.saturating_add(millis(d)));
    }

    /// The first thing that went wrong is what is reported.
    pub(super) fn note(&mut self, outcome: Outcome) {
        if self.result == Outcome::Success {
            self.result = outcome;
        }
    }

    fn alone(&self) -> bool {
        self.main.is_none() && self.control.is_none()
    }

    /// Runs the command of this kind and index, if there is one.
    fn control_command(
        &mut self,
        r: &mut Run<'_>,
        phase: Phase,
        kind: ExecKind,
        index: usize,
        limit: Option<Duration>,
    ) -> bool {
        if command(r.unit, kind, index).is_none() {
            return false;
        }
        self.enter(r, phase);
        self.arm(r, limit);
        self.spawn(r, Which::Control, kind, index);
        true
    }

    fn spawn(&mut self, r: &mut Run<'_>, which: Which, kind: ExecKind, index: usize) {
        self.put(r, which, Proc { step: self.next_step, kind, index, pid: 0, adopted: None });
    }

    fn adopt(&mut self, r: &mut Run<'_>, pid: i32, start: u64) {
        let adopted = Some((pid, start).into());
        let proc = Proc { step: self.next_step, kind: ExecKind::Start, index: 0, pid, adopted };
        self.forget_held_end();
        self.put(r, Which::Main, proc);
    }

    fn put(&mut self, r: &mut Run<'_>, which: Which, proc: Proc) {
        self.next_step = self.next_step.saturating_add(1);
        match which {
            Which::Main => self.main = Some(proc),
            Which::Control => self.control = Some(proc.into()),
        }
        r.out.extend(self.birth(r.id, which));
    }

    /// Ends the command that runs now and forgets it: its exit names nobody.
    fn abandon_control(&mut self, r: &mut Run<'_>) {
        if let (Some(token), Some(key)) = (self.token, self.key(Which::Control)) {
            r.out.push(Action::Signal { unit: r.id, token, key: Some(key), signal: SIGKILL });
        }
        self.control = None;
    }
}

/// Whether its start counts as done once its program is executed.
fn is_up_by_exec(unit: &Unit) -> bool {
    let by_type = matches!(unit.service.kind, ServiceType::Simple | ServiceType::Exec | ServiceType::Idle);
    by_type && !unit.service.says_ready()
}

/// The command of a kind, by index.
pub(super) fn command(unit: &Unit, kind: ExecKind, index: usize) -> Option<&Command> {
    unit.service.commands(kind).nth(index)
}
