//! `enable` and `disable`, as clients ask for them.

use super::ClientId;
use super::methods::{Answer, Outcome, Refusal, now};
use super::scripts::Wanted;
use crate::core::UnitId;
use crate::manager::state::Manager;
use crate::proto::control::{Enable, EventKind, LinkChange, Links, Planned, errors};
use crate::switch::{Switch, Switched};
use crate::unit::{LevelSet, UnitName};

type Changes = Result<Vec<LinkChange>, Refusal>;

/// A request that was looked at.
#[derive(Debug)]
pub struct Request {
    /// Who is to be told; none: nobody any more.
    pub client: Option<ClientId>,
    /// Who asked.
    pub by: String,
    /// The scripts.
    pub scripts: Vec<UnitName>,
    /// The others.
    pub units: Vec<UnitName>,
    /// The levels; `None`: as files and tools have it.
    pub levels: Option<LevelSet>,
    /// On or off.
    pub on: bool,
}

pub(super) fn failed(text: impl Into<String>) -> Refusal {
    Refusal::text(errors::FAILED, text)
}

impl Manager {
    /// Switches units on or off.
    pub(super) fn enable(&mut self, client: ClientId, wanted: &Enable, on: bool) -> Outcome {
        let request = self.switch_request(client, wanted, on)?;
        if request.scripts.is_empty() {
            return now(&Links { changes: self.switch_units(&request)?, notes: Vec::new() });
        }
        // Whether the others can be switched is known before the first link of a script is changed.
        self.rehearse_units(&request)?;
        self.switch_scripts(Wanted { request, planned: None }).map(|()| Answer::Later)
    }

    /// What `enable` and `disable` would change, and what comes of it.
    pub(super) fn plan_links(&mut self, client: ClientId, wanted: &Enable, on: bool) -> Outcome {
        let request = self.switch_request(client, wanted, on)?;
        let mut planned = Planned { links: self.rehearse_units(&request)?, ..Planned::default() };
        for id in self.resolve(&wanted.names)? {
            let view = self.core.view(id);
            if request.scripts.contains(view.name) {
                continue;
            }
            let levels: LevelSet = match (on, request.levels) {
                (true, given) => {
                    given.unwrap_or_else(|| self.default_levels(id)).iter().chain(view.on.iter()).collect()
                }
                (false, None) => LevelSet::EMPTY,
                (false, Some(off)) => view.on.iter().filter(|level| !off.contains(*level)).collect(),
            };
            planned.notes.extend(self.say_levels(id, levels));
        }
        if request.scripts.is_empty() {
            return now(&planned);
        }
        self.switch_scripts(Wanted { request, planned: Some(planned) }).map(|()| Answer::Later)
    }

    /// What `sysv switch` has done to scripts, or would do: a sentence where it changes anything.
    pub(super) fn say_switched(&self, done: &Switched) -> Vec<String> {
        let said = done.on.iter().filter_map(|(name, on)| {
            let levels = LevelSet::parse(on).ok()?;
            self.say_levels(self.core.id(name)?, levels)
        });
        said.collect()
    }

    fn say_levels(&self, id: UnitId, levels: LevelSet) -> Option<String> {
        let view = self.core.view(id);
        let place = |set: LevelSet| if set.is_empty() { "off".to_owned() } else { format!("on in {set}") };
        let (name, was, is) = (view.name.short(), place(view.on), place(levels));
        let text = format!("{name}: {is} from the next boot or switch on, now {was}; what runs stays as it is");
        (levels != view.on).then_some(text)
    }

    /// Reads the links again.
    pub(super) fn take_in_links(&mut self) {
        self.watch_folders();
        self.read_levels();
    }

    fn switch_request(&mut self, client: ClientId, wanted: &Enable, on: bool) -> Result<Request, Refusal> {
        let levels = match wanted.levels.as_deref().map(LevelSet::parse).transpose() {
            Ok(levels) => levels,
            Err(c) => return Err(failed(format!("`{c}` is no runlevel: S and 0 to 6 are"))),
        };
        if levels.is_some_and(LevelSet::is_empty) {
            return Err(failed("no runlevel given: write them as in --levels 2345"));
        }
        self.refresh_changed();
        let names: Vec<String> = wanted.names.iter().map(|name| self.switch().default_instance(name)).collect();
        let ids = self.resolve(&names)?;
        let names: Vec<UnitName> = ids.iter().map(|id| self.core.name(*id).clone()).collect();
        let switch = self.switch();
        let (scripts, units) = switch.scripts(switch.along(names), on);
        let along: Vec<String> = units.iter().map(|name| name.as_str().to_owned()).collect();
        self.resolve(&along)?;
        let by = self.server.peer(client).map(|asked| asked.to_string()).unwrap_or_default();
        Ok(Request { client: Some(client), by, scripts, units, levels, on })
    }

    /// Switches what isn't a script.
    pub(super) fn switch_units(&mut self, request: &Request) -> Changes {
        let changes = self.change_links(request);
        self.take_in_links();
        let changes = changes?;
        self.note_switched(request, &request.units, &changes);
        Ok(changes)
    }

    fn rehearse_units(&mut self, request: &Request) -> Changes {
        let farm = self.farm.rehearsal();
        let farm = std::mem::replace(&mut self.farm, farm);
        let changes = self.change_links(request);
        self.farm = farm;
        changes
    }

    fn change_links(&self, Request { units, levels, on, .. }: &Request) -> Changes {
        let switch = self.switch();
        if *on { switch.on(units, *levels) } else { switch.off(units, *levels) }.map_err(failed)
    }

    fn switch(&self) -> Switch<'_> {
        Switch { loader: &self.loader, farm: &self.farm, place: &|file| file }
    }

    /// The history says what was switched on or off, and by whom.
    pub(super) fn note_switched(&mut self, request: &Request, units: &[UnitName], changes: &[LinkChange]) {
        for name in units {
            let Some(id) = self.core.id(name) else { continue };
            let paths: Vec<&str> = changes.iter().filter(|c| c.name == *name).map(|c| c.path.as_str()).collect();
            let (kind, verb) = if request.on { (EventKind::Enable, "made") } else { (EventKind::Disable, "removed") };
            let text =
                if paths.is_empty() { "it was so already".to_owned() } else { format!("{verb} {}", paths.join(" ")) };
            let state = self.core.view(id).state;
            let event = self.events.push(kind, &text, &request.by);
            (event.unit, event.state) = (Some(name.clone()), Some(state));
            self.record();
            self.write_history();
        }
    }
}
