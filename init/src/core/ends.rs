//! What a unit's end does to the machine (`FailureAction=` and its kind), and what others are told of it.

use super::job::exit_status;
use super::reason::Reason;
use super::service::Wanted;
use super::{Action, Core, ExitRecord, Occasion, Outcome, Phase, UnitId};
use crate::unit::{End, EndAction, UnitName};
use serde::{Deserialize, Serialize};

/// How a run ended, for the environment of commands that are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The unit.
    pub unit: UnitName,
    /// The instance.
    pub token: u64,
    /// What became of it.
    pub result: Outcome,
    /// How its main process ended, if it has.
    pub exit: Option<ExitRecord>,
}

/// The end of the machine that a unit has brought about. In the journal until the shutdown itself is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Brought {
    pub unit: UnitName,
    pub action: EndAction,
    pub occasion: Occasion,
    pub status: i32,
}

impl Core {
    /// How the present run of a unit, or its last one, has ended so far.
    pub fn end_of(&self, id: UnitId) -> Ended {
        let node = self.units.get(id);
        let service = &node.service;
        let (result, exit) = (service.result.clone(), service.pace.status());
        Ended { unit: node.name.clone(), token: service.pace.token, result, exit }
    }

    /// The unit whose end has started this one by `OnFailure=` or `OnSuccess=`, and how it ended.
    pub fn monitored(&self, id: UnitId) -> Option<&Ended> {
        self.units.get(id).service.monitored.as_deref()
    }

    /// A new run begins: what is its occasion? An automatic restart keeps that of the run before.
    pub(super) fn note_monitored(&mut self, id: UnitId) {
        let node = self.units.get(id);
        let ended = match node.job.as_ref().map(|j| &j.reason) {
            Some(Reason::OnFailure(name) | Reason::OnSuccess(name)) => self.units.find(name),
            _ if node.service.phase == Phase::AutoRestart => return,
            _ => None,
        };
        let ended = ended.map(|id| Box::new(self.end_of(id)));
        if ended != self.units.get(id).service.monitored {
            self.units.get_mut(id).service.monitored = ended;
        }
    }

    /// Whether the present instance was started by an automatic restart.
    pub fn is_restart(&self, id: UnitId) -> bool {
        self.units.get(id).service.restarts > 0
    }

    /// A unit has just gone down for good.
    pub(super) fn check_end(&mut self, id: UnitId, out: &mut Vec<Action>) {
        let result = &self.units.get(id).service.result;
        if result.is_skip() {
            return;
        }
        let occasion = if *result == Outcome::Success { Occasion::Success } else { Occasion::Failure };
        self.check_action(id, occasion, out);
    }

    /// A unit is down for good, by this occasion: the first one that has an action for it ends the machine.
    pub(super) fn check_action(&mut self, id: UnitId, occasion: Occasion, out: &mut Vec<Action>) {
        if self.levels.down.is_some() || self.levels.brought.is_some() {
            return;
        }
        let node = self.units.get(id);
        let (unit, service) = (node.unit(), &node.service);
        let ending = &unit.service.ending;
        let (occasion, action, status) = match occasion {
            Occasion::StartLimit if ending.limit_action.is_some() => (occasion, ending.limit_action, None),
            Occasion::StartLimit | Occasion::Failure => {
                (Occasion::Failure, ending.failure_action, ending.failure_status)
            }
            Occasion::Success => (occasion, ending.success_action, ending.success_status),
        };
        let Some(action) = action else { return };
        let stopped = service.wanted == Wanted::Down && service.result == Outcome::Success;
        let own = if stopped { 0 } else { exit_status(&service.result, service.pace.status()) };
        let status = if action.end == End::Exit { status.unwrap_or(own) } else { 0 };
        self.levels.brought = Some(Brought { unit: node.name.clone(), action, occasion, status });
        self.dirty.levels = true;
        self.tell_brought(out);
    }

    /// Says which end a unit has brought about, as long as the shutdown hasn't begun.
    pub(super) fn tell_brought(&self, out: &mut Vec<Action>) {
        if let (Some(Brought { unit, action, occasion, status }), None) = (&self.levels.brought, self.levels.down)
            && let Some(unit) = self.units.find(unit)
        {
            out.push(Action::EndMachine { unit, action: *action, occasion: *occasion, status: *status });
        }
    }
}
