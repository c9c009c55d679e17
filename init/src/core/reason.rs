//! Why a job is there: each job has one reason, the first that was found for it.

use super::{Millis, RequestId};
use crate::unit::{Level, UnitName};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Why a unit is started, stopped, restarted or reloaded. The unit named is the one that the reason comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The request names it.
    #[default]
    Asked,
    /// It is on in the level.
    OnIn(Level),
    /// It is off in the level.
    OffIn(Level),
    /// It has a K link in the level.
    KillIn(Level),
    /// This one requires it, or is bound to it.
    RequiredBy(UnitName),
    /// This one wants it.
    WantedBy(UnitName),
    /// This one upholds it.
    UpheldBy(UnitName),
    /// It requires this one, which goes down or is restarted.
    Requires(UnitName),
    /// It is bound to this one, which goes down or is restarted.
    BoundTo(UnitName),
    /// It is part of this one, which goes down or is restarted.
    PartOf(UnitName),
    /// This one's stop is propagated to it.
    StopsWith(UnitName),
    /// This one's reload is propagated to it.
    ReloadsWith(UnitName),
    /// It conflicts with this one, which is started.
    Conflicts(UnitName),
    /// `StopWhenUnneeded=`: nobody needs it any more.
    Unneeded,
    /// This one, for want of which it was down, is up again.
    Returns(UnitName),
    /// `OnFailure=` of this one.
    OnFailure(UnitName),
    /// `OnSuccess=` of this one.
    OnSuccess(UnitName),
    /// `Restart=`
    Again,
}

impl Reason {
    /// The unit that the reason comes from, if there is one.
    pub fn unit(&self) -> Option<&UnitName> {
        match self {
            Self::Asked | Self::OnIn(_) | Self::OffIn(_) | Self::KillIn(_) | Self::Unneeded | Self::Again => None,
            Self::RequiredBy(name)
            | Self::WantedBy(name)
            | Self::UpheldBy(name)
            | Self::Requires(name)
            | Self::BoundTo(name)
            | Self::PartOf(name)
            | Self::StopsWith(name)
            | Self::ReloadsWith(name)
            | Self::Conflicts(name)
            | Self::Returns(name)
            | Self::OnFailure(name)
            | Self::OnSuccess(name) => Some(name),
        }
    }

    /// In a few words, as they stand behind the unit in a list.
    pub fn words(&self) -> String {
        match self {
            Self::Asked => "asked for".to_owned(),
            Self::OnIn(level) => format!("on in level {level}"),
            Self::OffIn(level) => format!("off in level {level}"),
            Self::KillIn(level) => format!("K link in level {level}"),
            Self::RequiredBy(name) => format!("required by {name}"),
            Self::WantedBy(name) => format!("wanted by {name}"),
            Self::UpheldBy(name) => format!("upheld by {name}"),
            Self::Requires(name) => format!("requires {name}"),
            Self::BoundTo(name) => format!("bound to {name}"),
            Self::PartOf(name) => format!("part of {name}"),
            Self::StopsWith(name) => format!("stops with {name}"),
            Self::ReloadsWith(name) => format!("reloads with {name}"),
            Self::Conflicts(name) => format!("conflicts with {name}"),
            Self::Unneeded => "no longer needed".to_owned(),
            Self::Returns(name) => format!("back with {name}"),
            Self::OnFailure(name) => format!("on failure of {name}"),
            Self::OnSuccess(name) => format!("on success of {name}"),
            Self::Again => "restarts by itself".to_owned(),
        }
    }
}

/// The job that last set a unit's course: why it runs, or why it doesn't. Kept when the job has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// `start`, `stop` or `restart`.
    pub job: super::job::JobKind,
    /// Why.
    pub reason: Reason,
    /// The request it was made for; `None` if nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// When.
    pub at: Millis,
}

/// Gives out causes to be kept. Those that one request has for many units come one after the other, and are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Causes {
    last: Option<Rc<Cause>>,
}

impl Causes {
    pub fn share(&mut self, cause: Cause) -> Rc<Cause> {
        let same = self.last.take().filter(|last| **last == cause);
        let cause = same.unwrap_or_else(|| Rc::new(cause));
        self.last = Some(Rc::clone(&cause));
        cause
    }
}

impl Cause {
    /// `start`, `stop` or `restart`.
    pub fn word(&self) -> &'static str {
        self.job.word()
    }
}
