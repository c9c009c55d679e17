//! `Plan`: what a request would do, by the code that would do it, and without doing it.

use super::methods::{Outcome, Refusal, now};
use crate::core::{Ask, Loaded, Plan};
use crate::manager::sentence;
use crate::manager::state::Manager;
use crate::proto::control::{Enable, PlanOf, PlanRequest, Planned, PowerWord, Refused, errors};
use crate::sys::wait;
use crate::unit::{Level, LevelSet};

impl Manager {
    /// Answers a plan.
    pub(super) fn plan(&mut self, wanted: PlanRequest) -> Outcome {
        let ask = match wanted.request {
            PlanOf::Units { verb, names } => self.units_ask(verb, &names)?,
            PlanOf::Level(level) if level == Level::HALT => Ask::Down(PowerWord::PowerOff.into()),
            PlanOf::Level(level) if level == Level::REBOOT => Ask::Down(PowerWord::Reboot.into()),
            PlanOf::Level(_) if self.going.is_some() => {
                return Err(Refusal::text(errors::GOING_DOWN, "the machine is going down"));
            }
            PlanOf::Level(level) => Ask::Level(level),
            PlanOf::Power(how) => Ask::Down(how.into()),
            PlanOf::Enable(enable) => return self.plan_links(&enable, true),
            PlanOf::Disable(enable) => return self.plan_links(&enable, false),
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

    /// The links `enable` or `disable` would make, and what comes of them.
    fn plan_links(&mut self, wanted: &Enable, on: bool) -> Outcome {
        let links = self.rehearse_enable(wanted, on)?;
        let mut notes = Vec::new();
        for id in self.resolve(&wanted.names)? {
            let view = self.core.view(id);
            let given = wanted.levels.as_deref().and_then(|text| LevelSet::parse(text).ok());
            let levels: LevelSet = match (on, given) {
                (true, given) => {
                    given.unwrap_or_else(|| self.default_levels(id)).iter().chain(view.on.iter()).collect()
                }
                (false, None) => LevelSet::EMPTY,
                (false, Some(off)) => view.on.iter().filter(|level| !off.contains(*level)).collect(),
            };
            let place = |set: LevelSet| if set.is_empty() { "off".to_owned() } else { format!("on in {set}") };
            if levels != view.on {
                let (name, was, is) = (view.name.short(), place(view.on), place(levels));
                notes
                    .push(format!("{name}: {is} from the next boot or switch on, now {was}; what runs stays as it is"));
            }
        }
        now(&Planned { links, notes, ..Planned::default() })
    }
}
