//! What a service's machine is made of, and what it reacts to.

use crate::core::{Course, ExitRecord, Millis};
use crate::unit::ExecKind;
use crate::unit::condition::Verdict;
use serde::{Deserialize, Serialize};

/// What is wanted of a unit, whatever it is doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::core) enum Wanted {
    /// Stopped by request, or never started.
    #[default]
    Down,
    /// Started; `Restart=` applies.
    Up,
}

/// How far a reload by notices has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::core) enum Reloading {
    /// There is none.
    #[default]
    No,
    /// `ReloadSignal=` was sent at this time, and `RELOADING=1` is awaited.
    Signalled(Millis),
    /// It has said `RELOADING=1`; `READY=1` is awaited.
    Told,
}

/// What is known of the processes beside the main one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::core) enum Group {
    /// Nothing: they don't count.
    #[default]
    Unasked,
    /// There is no main process, and the service lives as long as they do.
    Outlives,
    /// None of them is left.
    Empty,
}

/// A process the machine counts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::core) struct Proc {
    pub step: u32,
    pub kind: ExecKind,
    pub index: usize,
    /// 0 until PID 1 has told.
    pub pid: i32,
    /// Not started by us: pid and start time of the daemon that was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Box<(i32, u64)>>,
}

/// Which of the two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) enum Which {
    /// The service itself.
    Main,
    /// A command beside it.
    Control,
}

/// What the machine reacts to.
#[derive(Debug, Clone)]
pub(in crate::core) enum Input {
    /// Begin a new instance under this token.
    Start(u64),
    /// Its conditions were looked at.
    Checked(Verdict),
    /// Go down.
    Stop,
    /// It goes down: go on with that otherwise.
    Course(Course),
    /// Run `ExecReload=`.
    Reload,
    /// Its `execve` succeeded.
    Executed(Which),
    /// It ended; the text is set when it never ran because no plan could be made.
    Over(Which, ExitRecord, Option<String>),
    /// `READY=1`
    Ready,
    /// `RELOADING=1`, and when.
    Reloading(Option<Millis>),
    /// `STOPPING=1`
    Stopping,
    /// The service asks for this much more time.
    Extend(Millis),
    /// The service sets another period for its watchdog; 0: none.
    WatchdogEvery(Millis),
    /// `WATCHDOG=trigger`
    Starved,
    /// `Type=idle`: its turn has come.
    Turn,
    /// The service named its main process (`MAINPID=`, `PIDFile=`).
    Named(i32, u64),
    /// No main process is known by `PIDFile=` or by a guess; there may be one later.
    Nameless,
    /// Its processes are there, started by somebody else; a new instance under this token, and its main process.
    Found(u64, Option<(i32, u64)>),
    /// The verb of its script that was at work is over.
    Released,
    /// [`crate::core::Event::Lock`]: whether the file is there.
    Lock(bool),
    /// Run `ExecStop=` under this token, although it is down.
    Call(u64),
    /// No process of the unit is left.
    Empty,
    /// The deadline has passed.
    Due,
}
