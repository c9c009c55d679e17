//! `Plan`: what a request would do, by the code that would do it, and without doing it.

use super::ClientId;
use super::methods::{Outcome, Refusal, now};
use crate::core::{Ask, Loaded, Plan};
use crate::manager::sentence;
use crate::manager::state::Manager;
use crate::proto::control::{PlanOf, PlanRequest, Planned, PowerWord, Refused, errors};
use crate::sys::wait;
use crate::unit::Level;

impl Manager {
    /// Answers a plan.
    pub(super) fn plan(&mut self, client: ClientId, wanted: PlanRequest) -> Outcome {
        let ask = match wanted.request {
            PlanOf::Units { verb, names } => self.units_ask(verb, &names)?,
            PlanOf::Level(level) if level == Level::HALT => Ask::Down(PowerWord::PowerOff.into()),
            PlanOf::Level(level) if level == Level::REBOOT => Ask::Down(PowerWord::Reboot.into()),
            PlanOf::Level(_) if self.going.is_some() => {
                return Err(Refusal::text(errors::GOING_DOWN, "the machine is going down"));
            }
            PlanOf::Level(level) => Ask::Level(level),
            PlanOf::Power(how) => Ask::Down(how.into()),
            PlanOf::Enable(enable) => return self.plan_links(client, &enable, true),
            PlanOf::Disable(enable) => return self.plan_links(client, &enable, false),
        };
        self.refresh_changed();
        self.read_locks();
        self.settle();
        let mut planned = self.say_plan(self.core.plan(&ask, wait::now_ms()));
        if matches!(ask, Ask::Level(_)) && self.core.levels().1.is_none() {
            planned.notes.push("the machine is booting: the switch comes after level S".to_owned());
        }
        now(&planned)
    }

    fn say_plan(&self, plan: Plan) -> Planned {
        let say = |refusal: crate::core::Refusal| {
            let disk = self.core.id(&refusal.unit).map(|id| self.core.view(id).on_disk);
            let unit = disk.and_then(|disk| if let Loaded::Good(unit) = disk { Some(unit.as_ref()) } else { None });
            let reason = sentence::job_reason(unit, &refusal.result, None);
            Refused { unit: refusal.unit, result: refusal.result, reason }
        };
        Planned {
            steps: plan.steps,
            stays: plan.stays,
            refused: plan.refused.into_iter().map(say).collect(),
            cuts: plan.cuts,
            ..Planned::default()
        }
    }
}
