//! What happened: entries of the history, and of the stream of events.

use crate::core::State;
use crate::unit::UnitName;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The machine or container has begun.
    Boot,
    /// A manager took over from one that died or was replaced.
    Manager,
    /// Somebody asked for a change.
    Request,
    /// A level was reached.
    Level,
    /// The unit is being started.
    Starting,
    /// It is active.
    Ready,
    /// It waits for its automatic restart.
    Restart,
    /// Its configuration is being read again.
    Reloading,
    /// It is being stopped.
    Stopping,
    /// It is down, as it should be.
    Stopped,
    /// It has failed.
    Failed,
    /// One of its processes ended.
    Exit,
    /// A request's job for it ended. Not part of the history where the job did what was asked.
    Job,
    /// It was switched on in levels.
    Enable,
    /// It was switched off.
    Disable,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Boot,
        Self::Manager,
        Self::Request,
        Self::Level,
        Self::Starting,
        Self::Ready,
        Self::Restart,
        Self::Reloading,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
        Self::Exit,
        Self::Job,
        Self::Enable,
        Self::Disable,
    ];

    /// The word for it, in messages and in the history.
    pub fn word(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Manager => "manager",
            Self::Request => "request",
            Self::Level => "level",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Restart => "restart",
            Self::Reloading => "reloading",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Exit => "exit",
            Self::Job => "job",
            Self::Enable => "enable",
            Self::Disable => "disable",
        }
    }

    /// The kind of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// Names this boot, or this container.
    #[serde(with = "shared")]
    pub boot: Rc<str>,
    /// Grows by one from event to event of a boot.
    pub seq: u64,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// What.
    pub kind: EventKind,
    /// Whose; `None` for what concerns no single unit.
    #[serde(default)]
    pub unit: Option<UnitName>,
    /// The unit's state after it.
    #[serde(default)]
    pub state: Option<State>,
    /// Details: exit status, failed step with key and file:line, links.
    #[serde(default, with = "shared")]
    pub text: Rc<str>,
    /// Who asked, where somebody did.
    #[serde(default, with = "shared")]
    pub by: Rc<str>,
}

/// A text that many events have: serde has no word for it without a feature that nothing else needs.
mod shared {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::rc::Rc;

    pub fn serialize<S: Serializer>(text: &Rc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rc<str>, D::Error> {
        String::deserialize(deserializer).map(Rc::from)
    }
}

/// `Events`: what happened after event `after`; with `more`, and what happens from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Events {
    /// The last event that is known already; `None`: begin with the last `count`.
    #[serde(default)]
    pub after: Option<u64>,
    /// The boot that event belongs to; of another one all that is kept is told.
    #[serde(default)]
    pub boot: Option<String>,
    /// How many of the past ones at most, where `after` isn't given.
    #[serde(default)]
    pub count: Option<u64>,
}

/// Reply of `Events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct EventList {
    /// In order.
    pub events: Vec<HistoryEvent>,
    /// All up to this number has been told: what `after` is when the call is made again.
    #[serde(default)]
    pub last: u64,
    /// The boot it belongs to.
    #[serde(default)]
    pub boot: String,
    /// So many events between `after` and the first of these are no longer known here; the history has them.
    #[serde(default)]
    pub missed: u64,
}
