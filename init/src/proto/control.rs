//! The control interface `org.rung.Manager`: Varlink (JSON ended by NUL) over `/run/rung/control`.
//!
//! These types are the parameters and replies of its methods; unknown fields are skipped on both sides. The calls and
//! replies themselves are [`Call`] and [`Reply`]. Durations are milliseconds, times milliseconds since the epoch.

mod asked;
mod boot;
mod brief;
mod events;
mod jobs;
mod plan;
mod processes;
mod script;
mod times;
mod why;

pub use asked::{Asked, Asker, Cause, MAX_COMMAND};
pub use boot::{BootRecord, BootStage, BootUnit, Load};
pub use brief::{Briefs, UnitBrief};
pub use events::{EventKind, EventList, Events, HistoryEvent};
pub use jobs::{AskJobs, Job, Jobs};
pub use plan::{PlanOf, PlanRequest, Planned, Refused};
pub use processes::{Group, Processes};
pub use script::{Adopt, Adopted, RunScript, ScriptCall};
pub use times::{LevelTime, StartTimes, UnitTime};
pub use why::{About, Difference, ExplainedCommand, ExplainedStep, Explanation, UnitSource, Why};

use crate::core::{ExitRecord, JobResult, Outcome, Phase, RequestId, State, Verb};
use crate::proto::pid1::Power;
use crate::unit::{Level, Source, UnitName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The interface's name.
pub const INTERFACE: &str = "org.rung.Manager";
/// Longest message either side takes, in bytes.
pub const MAX_MESSAGE: usize = 16 << 20;
/// Longest message the manager takes from a client, in bytes.
pub const MAX_CALL: usize = 256 << 10;

/// A Varlink call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// `org.rung.Manager.List`, …
    pub method: String,
    /// The method's parameters.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// Replies may follow one another ([`Reply::continues`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// No reply is wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oneway: bool,
}

/// A Varlink reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply<P = Value> {
    /// The method's result, or the error's parameters.
    #[serde(default)]
    pub parameters: P,
    /// More replies to this call follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// `org.rung.Manager.NoSuchUnit`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `List {}` → [`Units`]; `Status {names}` → [`Units`]: in the order asked; unknown ones are the error [`errors::NO_SUCH_UNIT`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Names {
    /// The units; templates' instances are loaded on the way.
    #[serde(default)]
    pub names: Vec<String>,
}

/// Reply of `List` and `Status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Units {
    /// One entry a unit.
    pub units: Vec<UnitStatus>,
}

/// One unit, all that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitStatus {
    /// Full name.
    pub name: UnitName,
    /// `Description=`
    pub description: String,
    /// `Documentation=`
    #[serde(default)]
    pub documentation: Vec<String>,
    /// Whether its file can be used.
    pub load: LoadState,
    /// What is wrong with the file, or with an edit made under the running service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_error: Option<String>,
    /// The file differs from what runs.
    #[serde(default)]
    pub changed_on_disk: bool,
    /// State.
    pub state: State,
    /// In detail.
    pub phase: Phase,
    /// Since when, milliseconds since the epoch.
    #[serde(default)]
    pub since_ms: Option<u64>,
    /// Main process.
    #[serde(default)]
    pub main_pid: Option<i32>,
    /// The `Exec…=` helper that runs now.
    #[serde(default)]
    pub control_pid: Option<i32>,
    /// All processes of the service that are known.
    #[serde(default)]
    pub pids: Vec<i32>,
    /// Automatic restarts since the last request.
    #[serde(default)]
    pub restarts: u32,
    /// How the main process ended last.
    #[serde(default)]
    pub last_exit: Option<ExitRecord>,
    /// How the last instance or start ended.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// The outcome as a sentence: key, file:line, what to do.
    #[serde(default)]
    pub reason: Option<String>,
    /// `STATUS=` as the service said it, in this run or, once that is over, in the last one.
    #[serde(default)]
    pub status_text: Option<String>,
    /// `ERRNO=` as the service said it.
    #[serde(default)]
    pub status_errno: Option<i32>,
    /// `EXIT_STATUS=` as the service said it.
    #[serde(default)]
    pub status_exit: Option<String>,
    /// `BUSERROR=` as the service said it.
    #[serde(default)]
    pub status_bus_error: Option<String>,
    /// The job that waits or runs: `start`, `stop`, `restart`, `reload`.
    #[serde(default)]
    pub job: Option<String>,
    /// What that job waits for.
    #[serde(default)]
    pub waits_for: Vec<UnitName>,
    /// Milliseconds until the present phase times out.
    #[serde(default)]
    pub timeout_in_ms: Option<u64>,
    /// Levels it is on in: `2345`.
    pub levels: String,
    /// Who asked for what it does, or did last.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// Where it came from.
    pub source: Source,
    /// Its file, then drop-ins.
    #[serde(default)]
    pub files: Vec<String>,
    /// Dependencies, by key.
    #[serde(default)]
    pub requires: Vec<UnitName>,
    /// See `requires`.
    #[serde(default)]
    pub wants: Vec<UnitName>,
    /// See `requires`.
    #[serde(default)]
    pub after: Vec<UnitName>,
    /// See `requires`.
    #[serde(default)]
    pub before: Vec<UnitName>,
    /// See `requires`.
    #[serde(default)]
    pub conflicts: Vec<UnitName>,
    /// Other dependencies, as pairs of key (`binds_to`, `part_of`, …) and unit.
    #[serde(default)]
    pub relations: Vec<(String, UnitName)>,
    /// `PIDFile=`, `Type=`, … as effective: (key, value), what `show` prints.
    #[serde(default)]
    pub settings: Vec<(String, String)>,
}

/// Whether a unit's file can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadState {
    /// Yes.
    Loaded,
    /// No file of that name.
    Missing,
    /// The file has errors.
    Bad,
    /// Masked.
    Masked,
}

/// `Change`: a verb for units; [`Progress`] replies. With `more`, one as each job ends; else only the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What to do.
    pub verb: Verb,
    /// To which.
    pub names: Vec<String>,
    /// Names this request, so that asking again joins it.
    pub request: RequestId,
    /// Reply when all jobs have ended; else as soon as they are queued.
    pub wait: bool,
}

/// `SetLevel`: [`Progress`] replies as [`Change`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetLevel {
    /// The level.
    pub level: Level,
    /// As in [`Change`].
    pub request: RequestId,
    /// As in [`Change`].
    pub wait: bool,
}

/// `Power`: [`Progress`] replies as [`Change`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PowerRequest {
    /// How the machine ends.
    pub how: PowerWord,
    /// As in [`Change`].
    pub request: RequestId,
    /// As in [`Change`].
    pub wait: bool,
    /// Don't stop services in order: end at once (SIGKILL, unmount, sync).
    #[serde(default)]
    pub force: bool,
}

/// [`Power`] in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerWord {
    /// Stop the processor.
    Halt,
    /// Power off.
    PowerOff,
    /// Start again.
    Reboot,
}

impl From<PowerWord> for Power {
    fn from(word: PowerWord) -> Self {
        match word {
            PowerWord::Halt => Self::Halt,
            PowerWord::PowerOff => Self::PowerOff,
            PowerWord::Reboot => Self::Reboot,
        }
    }
}

/// What has become of a request so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Progress {
    /// Jobs that have ended since the reply before.
    #[serde(default)]
    pub ended: Vec<JobEnd>,
    /// Units that still have a job of this request.
    #[serde(default)]
    pub open: Vec<UnitName>,
    /// All have ended.
    pub done: bool,
    /// Warnings: a cycle that was broken, a unit that changed on disk, …
    #[serde(default)]
    pub notes: Vec<String>,
}

/// The end of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobEnd {
    /// The unit.
    pub name: UnitName,
    /// How it ended.
    pub result: JobResult,
    /// A failure as a sentence: what failed (key, file:line), exit status or signal by name.
    #[serde(default)]
    pub reason: Option<String>,
    /// What to try next.
    #[serde(default)]
    pub hint: Option<String>,
    /// Last log lines, oldest first.
    #[serde(default)]
    pub log: Vec<String>,
    /// What an init script's `stop` exited with, where that is no failure and no success either: 5 to 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_status: Option<i32>,
}

/// Reply of `Runlevel {}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runlevel {
    /// The level before; `None` is printed as `N`.
    pub previous: Option<Level>,
    /// The level now; `None` while booting.
    pub current: Option<Level>,
    /// The switch under way.
    #[serde(default)]
    pub switching_to: Option<Level>,
    /// The shutdown under way.
    #[serde(default)]
    pub going_down: Option<PowerWord>,
}

/// `Enable`, `Disable` → [`Links`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enable {
    /// The units.
    pub names: Vec<String>,
    /// `2345`; `None`: the unit's `Runlevels=` (enable), all (disable).
    #[serde(default)]
    pub levels: Option<String>,
}

/// Reply of `Enable` and `Disable`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Links {
    /// Links made or removed.
    pub changes: Vec<LinkChange>,
    /// What the tools of the scripts' links had to say.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChange {
    /// The unit.
    pub name: UnitName,
    /// The link's path.
    pub path: String,
    /// Made (its target) or removed.
    pub target: Option<String>,
}

/// Reply of `Levels {names}` (all units where none is named).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct LevelTable {
    /// One row a unit.
    pub rows: Vec<LevelRow>,
}

/// Where a unit is on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelRow {
    /// The unit.
    pub name: UnitName,
    /// On in these: `S`, `2345`, empty.
    pub on: String,
    /// What `enable` would use.
    pub default: String,
    /// The units in whose folders of links (`own.target.wants`) it is switched on.
    #[serde(default)]
    pub held_by: Vec<UnitName>,
}

/// `ReloadUnits`: reads unit files and links again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ReloadUnits {
    /// Chooses anew where a systemd unit and an init script have one name.
    #[serde(default)]
    pub choose: Option<bool>,
}

/// Reply of `ReloadUnits`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Reloaded {
    /// Units whose definition changed.
    pub changed: Vec<UnitName>,
    /// Findings, ready to print.
    pub findings: Vec<String>,
}

/// `Wait`: replies once every unit is in one of the states. The client gives up by hanging up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// The units.
    pub names: Vec<String>,
    /// Any of these.
    pub states: Vec<State>,
}

/// Reply of `Version {}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// The manager's version.
    pub version: String,
    /// How many managers ran before this one.
    pub managers: u32,
    /// How often PID 1 executed itself anew.
    pub reexecs: u32,
}

/// Names of errors; their parameters are [`ErrorText`].
pub mod errors {
    /// No unit of that name; `text` names the nearest ones.
    pub const NO_SUCH_UNIT: &str = "org.rung.Manager.NoSuchUnit";
    /// The caller may not change anything.
    pub const DENIED: &str = "org.rung.Manager.Denied";
    /// It could not be done.
    pub const FAILED: &str = "org.rung.Manager.Failed";
    /// The machine is going down.
    pub const GOING_DOWN: &str = "org.rung.Manager.GoingDown";
    /// The client reads its events too slowly; what it has missed is asked for with `after`.
    pub const TOO_SLOW: &str = "org.rung.Manager.TooSlow";
    /// Varlink's own.
    pub const METHOD_NOT_FOUND: &str = "org.varlink.service.MethodNotFound";
    /// Varlink's own.
    pub const INVALID_PARAMETER: &str = "org.varlink.service.InvalidParameter";
}

/// Parameters of the interface's errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct ErrorText {
    /// A sentence for people.
    #[serde(default)]
    pub text: String,
    /// Names close to what was asked for.
    #[serde(default)]
    pub nearest: Vec<String>,
}

/// The interface, as `org.varlink.service.GetInterfaceDescription` gives it.
pub const DESCRIPTION: &str = include_str!("org.rung.Manager.varlink");

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
