//! How a service's end is judged and what follows from it: exit statuses, restarts, time limits, the machine's own end.

use super::Restart;
use super::exit_status::Status;
use super::fields::Show;
use super::finding::did_you_mean;
use super::scalar;
use super::terminal::{UTMP_MODES, UtmpMode};
use super::value::{Bad, Value};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Keys of systemd.service(5), systemd.kill(5) and systemd.unit(5) that say how services end and come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// `RestartMode=`
    pub restart_mode: RestartMode,
    /// `RestartSteps=`; 0: the delay doesn't grow.
    pub restart_steps: u32,
    /// `RestartMaxDelaySec=`; `Duration::MAX`: the delay doesn't grow.
    pub restart_max_delay: Duration,
    /// `SuccessExitStatus=`
    pub success: Vec<Status>,
    /// `SkipExitStatus=`
    pub skip: Vec<Status>,
    /// `RestartPreventExitStatus=`
    pub prevent: Vec<Status>,
    /// `RestartForceExitStatus=`
    pub force: Vec<Status>,
    /// `StartLimitAction=`
    pub limit_action: Option<EndAction>,
    /// `FailureAction=`
    pub failure_action: Option<EndAction>,
    /// `SuccessAction=`
    pub success_action: Option<EndAction>,
    /// `FailureActionExitStatus=`; `None`: the main process's own.
    pub failure_status: Option<i32>,
    /// `SuccessActionExitStatus=`; `None`: the main process's own.
    pub success_status: Option<i32>,
    /// `TimeoutAbortSec=`; `None`: as `TimeoutStopSec=`; `Some(None)`: no limit.
    pub timeout_abort: Option<Option<Duration>>,
    /// `TimeoutStartFailureMode=`
    pub start_failure_mode: TimeoutMode,
    /// `TimeoutStopFailureMode=`
    pub stop_failure_mode: TimeoutMode,
    /// `RuntimeMaxSec=`
    pub runtime_max: Option<Duration>,
    /// `RuntimeRandomizedExtraSec=`
    pub runtime_extra: Duration,
    /// `RestartKillSignal=`; `None`: as `KillSignal=`.
    pub restart_signal: Option<i32>,
    /// `FinalKillSignal=`
    pub final_signal: i32,
    /// `SendSIGHUP=`
    pub send_sighup: bool,
    /// `SendSIGKILL=`
    pub send_sigkill: bool,
    /// `ExitType=`
    pub exit_type: ExitType,
}

impl Default for Ending {
    fn default() -> Self {
        Self {
            restart_mode: RestartMode::Normal,
            restart_steps: 0,
            restart_max_delay: Duration::MAX,
            success: Vec::new(),
            skip: Vec::new(),
            prevent: Vec::new(),
            force: Vec::new(),
            limit_action: None,
            failure_action: None,
            success_action: None,
            failure_status: None,
            success_status: None,
            timeout_abort: None,
            start_failure_mode: TimeoutMode::Terminate,
            stop_failure_mode: TimeoutMode::Terminate,
            runtime_max: None,
            runtime_extra: Duration::ZERO,
            restart_signal: None,
            final_signal: 9,
            send_sighup: false,
            send_sigkill: true,
            exit_type: ExitType::Main,
        }
    }
}

/// `RestartMode=`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartMode {
    /// What is bound to the unit stops and comes back with it, what is part of it is restarted.
    #[default]
    Normal,
    /// Those are told only of an end for good. Handlers (`OnFailure=`) are in either mode.
    Direct,
    /// As [`Self::Direct`], and what is restarted has `DEBUG_INVOCATION=1` in its environment.
    Debug,
}

/// `TimeoutStartFailureMode=`, `TimeoutStopFailureMode=`: what a time limit that has passed does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeoutMode {
    /// `KillSignal=`, or what comes next on the way down.
    #[default]
    Terminate,
    /// `WatchdogSignal=`, for a core dump.
    Abort,
    /// `FinalKillSignal=` at once.
    Kill,
}

/// `ExitType=`: whose end is the service's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExitType {
    /// The main process's.
    #[default]
    Main,
    /// That of the last process.
    Cgroup,
}

/// What becomes of the machine or container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A container exits with a status; a machine powers off.
    Exit,
    /// Power off.
    PowerOff,
    /// Reboot.
    Reboot,
    /// Halt.
    Halt,
}

/// How much is left undone before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Haste {
    /// Services are stopped in order.
    None,
    /// Processes are killed, file systems unmounted.
    Force,
    /// Not even that: the kernel is told at once.
    Immediate,
}

/// `FailureAction=` and its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EndAction {
    /// What becomes of the machine.
    pub end: End,
    /// How.
    pub haste: Haste,
}

const fn act(end: End, haste: Haste) -> Option<EndAction> {
    Some(EndAction { end, haste })
}

const ACTIONS: &[(&str, Option<EndAction>)] = &[
    ("none", None),
    ("exit", act(End::Exit, Haste::None)),
    ("exit-force", act(End::Exit, Haste::Force)),
    ("reboot", act(End::Reboot, Haste::None)),
    ("reboot-force", act(End::Reboot, Haste::Force)),
    ("reboot-immediate", act(End::Reboot, Haste::Immediate)),
    ("poweroff", act(End::PowerOff, Haste::None)),
    ("poweroff-force", act(End::PowerOff, Haste::Force)),
    ("poweroff-immediate", act(End::PowerOff, Haste::Immediate)),
    ("halt", act(End::Halt, Haste::None)),
    ("halt-force", act(End::Halt, Haste::Force)),
    ("halt-immediate", act(End::Halt, Haste::Immediate)),
];

impl EndAction {
    /// The word in a unit file.
    pub fn word(self) -> &'static str {
        ACTIONS.iter().find(|(_, action)| *action == Some(self)).map_or("none", |(word, _)| word)
    }
}

/// systemd's actions that don't exist here, and why.
const ABSENT: &[(&str, &str)] = &[
    ("kexec", "Rung doesn't boot kernels by kexec"),
    ("kexec-force", "Rung doesn't boot kernels by kexec"),
    ("soft-reboot", "Rung has no reboot of user space alone"),
    ("soft-reboot-force", "Rung has no reboot of user space alone"),
];

/// `none`, `reboot`, `exit-force`, …
pub(super) fn action(v: &Value<'_>) -> Result<Option<EndAction>, Bad> {
    if let Some((_, found)) = ACTIONS.iter().find(|(word, _)| *word == v.text) {
        return Ok(*found);
    }
    if let Some((word, why)) = ABSENT.iter().find(|(word, _)| *word == v.text) {
        return Err(Bad::new(0, format!("`{word}` can't be done: {why}")).hint("write `reboot` for a whole reboot"));
    }
    let all = || ACTIONS.iter().map(|(word, _)| *word);
    let known = || format!("known are {}", all().collect::<Vec<_>>().join(", "));
    Err(Bad::new(0, format!("`{}` is not known", v.text)).hint(did_you_mean(v.text, all()).unwrap_or_else(known)))
}

/// The status an action ends a container with.
pub(super) fn status(v: &Value<'_>) -> Result<Option<i32>, Bad> {
    Ok(Some(scalar::number(v.text, 0, 255)?))
}

/// A limit that may be absent, or there and infinite.
pub(super) fn abort_limit(v: &Value<'_>) -> Result<Option<Option<Duration>>, Bad> {
    super::fields::timeout(v).map(Some)
}

/// A signal that may be absent.
pub(super) fn signal(v: &Value<'_>) -> Result<Option<i32>, Bad> {
    super::fields::signal(v).map(Some)
}

pub(super) const RESTARTS: &[(&str, Restart)] = &[
    ("no", Restart::No),
    ("on-success", Restart::OnSuccess),
    ("on-failure", Restart::OnFailure),
    ("on-abnormal", Restart::OnAbnormal),
    ("on-watchdog", Restart::OnWatchdog),
    ("on-abort", Restart::OnAbort),
    ("always", Restart::Always),
];
pub(super) const RESTART_MODES: &[(&str, RestartMode)] =
    &[("normal", RestartMode::Normal), ("direct", RestartMode::Direct), ("debug", RestartMode::Debug)];
pub(super) const TIMEOUT_MODES: &[(&str, TimeoutMode)] =
    &[("terminate", TimeoutMode::Terminate), ("abort", TimeoutMode::Abort), ("kill", TimeoutMode::Kill)];
pub(super) const EXIT_TYPES: &[(&str, ExitType)] = &[("main", ExitType::Main), ("cgroup", ExitType::Cgroup)];
macro_rules! show_by_table {
    ($($type:ty: $table:ident;)*) => { $(
        impl Show for $type {
            fn show(&self) -> Vec<String> {
                $table.iter().filter(|(_, value)| value == self).map(|(word, _)| (*word).to_owned()).collect()
            }
        }
    )* };
}
show_by_table! {
    Restart: RESTARTS;
    RestartMode: RESTART_MODES;
    TimeoutMode: TIMEOUT_MODES;
    ExitType: EXIT_TYPES;
    UtmpMode: UTMP_MODES;
    Option<EndAction>: ACTIONS;
}

impl Show for Option<Option<Duration>> {
    fn show(&self) -> Vec<String> {
        self.iter().flat_map(Show::show).collect()
    }
}
