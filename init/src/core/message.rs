//! What goes into the core and what comes out of it.

use crate::proto::pid1::{Key, Life, Power};
use crate::unit::condition::Verdict;
use crate::unit::{EndAction, ExecKind, Level, LevelSet, NotifyAccess, Unit, UnitName};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Milliseconds of `CLOCK_BOOTTIME`; the core only compares and adds.
pub type Millis = u64;

/// Place of a unit in the core's arena; never reused while the core lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub u32);

/// Names one client request within this boot: made by the client, kept with its jobs, so that a request that is asked
/// twice joins what the first one began.
pub type RequestId = u64;

/// What a unit file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// It can be used.
    Good(Rc<Unit>),
    /// It can't: the findings as text. A running instance keeps the definition it has; starts are refused with this.
    Bad(UnitName, String),
    /// `enable`d nowhere to be seen: a link to `/dev/null`.
    Masked(UnitName),
    /// The file is gone. A running instance keeps the definition it has.
    Gone(UnitName),
}

/// How rc decides whether a switch calls a script that has a link in the new level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RcRule {
    /// Debian's: unless the link was the same in the level before.
    #[default]
    Links,
    /// Red Hat's: with `stop` if the script has left its lock file, with `start` if not. Whether it is there.
    Lock(bool),
}

/// Which levels a unit is on in, and in which it is to be stopped even if it wasn't on before (K links).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelMark {
    /// The unit.
    pub name: UnitName,
    /// On in these.
    pub on: LevelSet,
    /// Has a K link in these.
    pub kill: LevelSet,
    /// Which of these links a switch goes by, if it is a script's unit.
    pub rule: RcRule,
}

/// What a client asks to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Start, with what it requires and wants.
    Start,
    /// Stop, after what requires it.
    Stop,
    /// Stop, then start; start it where it isn't running.
    Restart,
    /// Restart it only where it is running.
    TryRestart,
    /// `ExecReload=`; fails where there is none.
    Reload,
    /// Forget a failure and the start limit.
    ResetFailed,
    /// Send a signal to its processes.
    Kill {
        /// Signal number.
        signal: i32,
        /// To whom.
        whom: Whom,
    },
    /// Change how its stop, which is under way, goes on.
    Stopping(Course),
}

/// How a stop that takes long is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// Its present time limit comes this much later; an hour after the present step began at the latest.
    Wait {
        /// Milliseconds.
        ms: Millis,
    },
    /// No more waiting for it to end by itself: `FinalKillSignal=` now.
    Kill,
    /// Its processes are left alone and it counts as stopped, as a failure. What is left on the way down of the machine
    /// is killed in the end.
    Skip,
}

/// Whose processes a signal goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// The main process.
    Main,
    /// The `Exec…=` helper that runs now.
    Control,
    /// Every process of the service.
    All,
}

/// A request that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A verb for some units.
    Units {
        /// What to do.
        verb: Verb,
        /// To which; all of them known to the core.
        names: Vec<UnitName>,
    },
    /// Switch the level: `runlevel N`.
    Level(Level),
    /// End the machine by way of level 0 or 6. Without `Down` frames of its own: the shell sends those.
    Down(Power),
}

/// Something the service said over its notify socket, one assignment each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// `READY=1`
    Ready,
    /// `STOPPING=1`
    Stopping,
    /// `RELOADING=1`, and when that was by `MONOTONIC_USEC=`.
    Reloading(Option<Millis>),
    /// `STATUS=`
    Status(String),
    /// `ERRNO=`
    Errno(i32),
    /// `EXIT_STATUS=`: a number, or a word.
    ExitStatus(String),
    /// `BUSERROR=`
    BusError(String),
    /// `WATCHDOG=1`
    Alive,
    /// `WATCHDOG=trigger`
    Trigger,
    /// `WATCHDOG_USEC=`; 0: no watchdog.
    WatchdogEvery(Millis),
    /// `EXTEND_TIMEOUT_USEC=`
    Extend(Millis),
    /// `NOTIFYACCESS=`
    Access(NotifyAccess),
    /// `MAINPID=`, already checked to be a process of the service.
    MainPid {
        /// The process.
        pid: i32,
        /// When it started, clock ticks since boot.
        start_time: u64,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Unit files were read, or read again. Names that definitions refer to but nobody defines are known as missing.
    Define(Vec<Definition>),
    /// The level links were read, or read again: the whole table.
    Levels(Vec<LevelMark>),
    /// A client, a signal or the boot asks for a change.
    Request {
        /// Its name; one that is known joins the request of that name.
        id: RequestId,
        /// What is asked.
        ask: Ask,
    },
    /// A process of ours changed its state (PID 1's slot event; may come twice).
    Process {
        /// Which.
        key: Key,
        /// Its pid; 0 if it never got one.
        pid: i32,
        /// Where it stands.
        life: Life,
    },
    /// After a restore: every slot has been told by [`Event::Process`]; what has none was never started.
    Synced,
    /// The service said something.
    Notify {
        /// The instance.
        token: u64,
        /// In order.
        notices: Vec<Notice>,
    },
    /// Answer to [`Action::ReadPidFile`]: its process, checked to be alive and the service's own.
    PidFile {
        /// The instance.
        token: u64,
        /// The process and its start time; `None`: nothing usable there yet (the shell goes on watching).
        found: Option<(i32, u64)>,
    },
    /// Answer to [`Action::Check`].
    Checked {
        /// The instance.
        token: u64,
        /// What comes of it.
        verdict: Verdict,
    },
    /// Processes of a unit are there that were started by somebody else.
    Found {
        /// Whose.
        unit: UnitName,
        /// Its main process and when that started, if it is known.
        main: Option<(i32, u64)>,
    },
    /// The lock file of a script that has left nothing running came or went. Without it somebody else has stopped the
    /// script; unless that is on the way of a verb of its own, behind which the file may be there again.
    Lock {
        /// Whose.
        unit: UnitName,
        /// Whether it is there now.
        there: bool,
    },
    /// A process begins to run a verb of the unit's script inside the unit: until it is over `Restart=` waits.
    Hold {
        /// Whose script.
        unit: UnitName,
        /// Who runs it.
        pid: i32,
        /// When that one started, clock ticks since boot.
        start_time: u64,
    },
    /// A verb is over. Also the answer to [`Action::Await`]; of one that holds nothing it changes nothing.
    Release {
        /// Who ran it.
        pid: i32,
        /// Whose script; `None`: all that it ran, for the process has ended.
        unit: Option<UnitName>,
    },
    /// Answer to [`Action::Watch`]: no process of the instance's unit is left.
    Empty {
        /// The instance.
        token: u64,
    },
    /// The plan could not be made: no such user, program not found, … `reason` names key, file and line.
    NoPlan {
        /// The process that was to be.
        key: Key,
        /// A sentence for people.
        reason: String,
    },
    /// Time has passed; something may be due.
    Tick,
}

/// What the shell is to do, in this order, after the journal holds what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start a process.
    Spawn {
        /// Whose.
        unit: UnitId,
        /// Its key; new, or (after a restore) one that never got a slot.
        key: Key,
        /// Which commands.
        kind: ExecKind,
        /// Which of them.
        index: usize,
        /// The main process's pid, for `$MAINPID`.
        main_pid: Option<i32>,
    },
    /// Look at the conditions of the unit and answer [`Event::Checked`].
    Check {
        /// Whose.
        unit: UnitId,
        /// The instance.
        token: u64,
    },
    /// Send a signal.
    Signal {
        /// Whose processes.
        unit: UnitId,
        /// The instance.
        token: u64,
        /// The main or the control process, by key; `None`: all processes of the instance's unit.
        key: Option<Key>,
        /// Signal number.
        signal: i32,
    },
    /// Read `PIDFile=` (or guess the main process where there is none) and answer [`Event::PidFile`]; go on watching
    /// while the answer is `None`.
    ReadPidFile {
        /// Whose.
        unit: UnitId,
        /// The instance.
        token: u64,
    },
    /// Have PID 1 watch this process under this key; [`Event::Process`] follows.
    Adopt {
        /// Whose.
        unit: UnitId,
        /// Its new key.
        key: Key,
        /// The process.
        pid: i32,
        /// When it started.
        start_time: u64,
    },
    /// Say [`Event::Empty`] as soon as (perhaps at once) no process of the instance's unit is left.
    Watch {
        /// Whose.
        unit: UnitId,
        /// The instance.
        token: u64,
    },
    /// Say [`Event::Release`] as soon as (perhaps at once) this process, which runs a script's verb, has ended.
    Await {
        /// The process.
        pid: i32,
        /// When it started.
        start_time: u64,
    },
    /// The instance is over: its notify socket, log pipes and parked descriptors can go.
    Finished {
        /// Whose.
        unit: UnitId,
        /// The instance.
        token: u64,
        /// What it was started from.
        definition: Rc<Unit>,
    },
    /// The unit's state, as seen from outside, changed (console, subscribers).
    Changed {
        /// Which.
        unit: UnitId,
        /// How it stands now.
        state: State,
        /// What led here, where there is something to say.
        outcome: Option<Outcome>,
    },
    /// A job of this request ended.
    JobDone {
        /// The request.
        request: RequestId,
        /// The unit.
        unit: UnitId,
        /// How.
        result: JobResult,
    },
    /// All jobs of the request ended. Sent once for each time it was asked.
    RequestDone {
        /// The request.
        request: RequestId,
    },
    /// The level has been reached: all jobs of the switch ended.
    LevelReached {
        /// The one before; `None` at boot.
        from: Option<Level>,
        /// The one now.
        to: Level,
    },
    /// Ordering edges made a loop: this one was dropped for this transaction.
    CycleBroken {
        /// The shortest loop, each ordered after the next.
        members: Vec<UnitId>,
        /// The edge that was dropped: the first is no longer ordered after the second.
        dropped: (UnitId, UnitId),
    },
    /// An essential service is over for good: the container ends with this status.
    EssentialOver {
        /// Which.
        unit: UnitId,
        /// Exit status: its own, or 128+n for a signal.
        status: i32,
    },
    /// A unit's end is to end the machine, by `FailureAction=` or its kind.
    EndMachine {
        /// Which.
        unit: UnitId,
        /// How.
        action: EndAction,
        /// Which key says so.
        occasion: Occasion,
        /// What a container's PID 1 is to exit with.
        status: i32,
    },
    /// Every service is down: the machine can end.
    AllDown {
        /// How.
        how: Power,
    },
}

/// What makes a unit act on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// `StartLimitAction=`
    StartLimit,
    /// `FailureAction=`
    Failure,
    /// `SuccessAction=`
    Success,
}

impl Occasion {
    /// The key in `[Unit]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::StartLimit => "StartLimitAction",
            Self::Failure => "FailureAction",
            Self::Success => "SuccessAction",
        }
    }
}

/// A unit's state as seen from outside; systemd's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not running.
    Inactive,
    /// Being started, or waiting for its automatic restart.
    Activating,
    /// Running (or a one-shot that remains).
    Active,
    /// Its reload commands run.
    Reloading,
    /// Being stopped.
    Deactivating,
    /// Over, with a failure.
    Failed,
}

/// How an instance, or an attempt to start one, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Success,
    /// A command failed.
    Exited {
        /// Which commands.
        kind: ExecKind,
        /// Which of them.
        index: usize,
        /// How.
        exit: ExitRecord,
    },
    /// A deadline passed (`TimeoutStartSec=`, `TimeoutStopSec=`).
    Timeout {
        /// What took too long.
        phase: Phase,
    },
    /// The daemon said nothing (`Type=notify`) or left no main process (`Type=forking`) and was gone.
    Protocol,
    /// It said nothing for longer than `WatchdogSec=`, or `WATCHDOG=trigger`.
    Watchdog,
    /// Started too often: `StartLimitBurst=` in `StartLimitIntervalSec=`.
    StartLimit,
    /// No plan could be made, or the unit's file is bad, masked or gone.
    Config {
        /// A sentence.
        reason: String,
    },
    /// A unit it requires failed or couldn't be started.
    Dependency {
        /// Which.
        name: UnitName,
    },
    /// The job took too long (`JobTimeoutSec=`, `JobRunningTimeoutSec=`); the unit was left as it was.
    JobTimeout,
    /// Somebody asked not to wait for its stop any longer; its processes were left alone.
    Abandoned {
        /// What it was at.
        phase: Phase,
    },
    /// A `Condition…=` is not met, or its command said so itself (`SkipExitStatus=`): it was not started, and that is no
    /// failure. (`ExecCondition=` saying no is [`Outcome::Exited`] of that kind.)
    Skipped {
        /// A sentence that names key and place.
        reason: String,
        /// How the command ended that said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<ExitRecord>,
    },
    /// An `Assert…=` is not met.
    Assert {
        /// A sentence that names key and place.
        reason: String,
    },
}

impl Outcome {
    /// The unit was not meant to run now: a `Condition…=` is not met, or `ExecCondition=` exited with 1 to 254.
    pub fn is_skip(&self) -> bool {
        let no = |exit: &ExitRecord| matches!(exit, ExitRecord::Code(1..=254));
        match self {
            Self::Skipped { .. } => true,
            Self::Exited { kind, exit, .. } => *kind == ExecKind::Condition && no(exit),
            _ => false,
        }
    }

    /// Neither a success nor a skip.
    pub fn is_failure(&self) -> bool {
        *self != Self::Success && !self.is_skip()
    }
}

/// [`crate::proto::pid1::Exit`] as it is kept in journal and replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitRecord {
    /// `exit(n)`
    Code(i32),
    /// A signal.
    Signal(i32),
    /// A signal, with a core dump.
    Core(i32),
    /// Never ran: the plan's step failed.
    NotRun {
        /// The plan's step, [`crate::proto::pid1::STAGE_FORK`] for the fork.
        stage: u16,
        /// Its errno.
        errno: i32,
    },
    /// Nobody saw how.
    Unknown,
}

/// What a service is doing, in detail; the states of its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not running.
    Dead,
    /// `Condition…=` and `Assert…=` are looked at.
    Check,
    /// `ExecCondition=`
    Condition,
    /// `ExecStartPre=`
    StartPre,
    /// `ExecStart=`, not yet ready.
    Start,
    /// `ExecStartPost=`
    StartPost,
    /// Running.
    Running,
    /// A one-shot (or a daemon with `RemainAfterExit=`) that is done and counts as active.
    Exited,
    /// `ExecReload=`
    Reload,
    /// `ExecStop=`
    Stop,
    /// `KillSignal=` was sent.
    StopSignal,
    /// `WatchdogSignal=` was sent, so that it leaves a core dump.
    StopAbort,
    /// SIGKILL was sent.
    StopKill,
    /// `ExecStopPost=`
    StopPost,
    /// After `ExecStopPost=`: what is left got `KillSignal=`.
    FinalSignal,
    /// … got SIGKILL.
    FinalKill,
    /// Waits for its automatic restart.
    AutoRestart,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobResult {
    /// As asked.
    #[default]
    Done,
    /// It was so already.
    Already,
    /// It was not to be started now: a condition is not met. Who requires it goes on.
    Skipped(Outcome),
    /// It could not be done.
    Failed(Outcome),
    /// A later request wanted otherwise.
    Replaced,
    /// The verb makes no sense for this unit or state (reload of what isn't running, no `ExecReload=`).
    NotApplicable {
        /// A sentence.
        reason: String,
    },
}
