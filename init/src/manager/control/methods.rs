//! The methods of `org.rung.Manager`: parameters in, replies out.

use super::client::{ClientId, Rights};
use super::requests::Waiter;
use crate::core::{Ask, Course, Event, RequestId, State, UnitId, Verb};
use crate::manager::boot::client_request;
use crate::manager::state::Manager;
use crate::proto::control::{
    About, Briefs, Call, Change, ErrorText, LevelRow, LevelTable, Names, PowerRequest, PowerWord, Progress,
    ReloadUnits, Reloaded, Reply, Runlevel, SetLevel, Units, Version, Wait, errors,
};
use crate::proto::pid1::{Power, Request};
use crate::proto::varlink;
use crate::sys::wait;
use crate::unit::{UnitName, nearest_units};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A client that waits until units are in one of some states.
#[derive(Debug)]
pub struct StateWait {
    client: ClientId,
    units: Vec<UnitId>,
    states: Vec<State>,
}

/// An error reply in the making.
pub(super) struct Refusal {
    pub(super) error: &'static str,
    pub(super) parameters: Value,
}

impl Refusal {
    pub(super) fn text(error: &'static str, text: impl Into<String>) -> Self {
        Self::nearest(error, text, Vec::new())
    }

    fn nearest(error: &'static str, text: impl Into<String>, nearest: Vec<String>) -> Self {
        let parameters = serde_json::to_value(ErrorText { text: text.into(), nearest }).unwrap_or(Value::Null);
        Self { error, parameters }
    }
}

/// What a method gives: a reply now, or one later.
pub(super) enum Answer {
    /// The whole message, as it goes to the client.
    Now(Vec<u8>),
    Later,
}

pub(super) type Outcome = Result<Answer, Refusal>;

pub(super) fn now<T: Serialize>(value: &T) -> Outcome {
    Ok(Answer::Now(message(&Reply { parameters: value, continues: false, error: None })))
}

/// A reply as it goes to the client.
fn message<T: Serialize>(reply: &Reply<T>) -> Vec<u8> {
    varlink::encode(reply).unwrap_or_else(|_| b"{\"parameters\":null}\0".to_vec())
}

fn parameters<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    let value = if call.parameters.is_null() { json!({}) } else { call.parameters.clone() };
    serde_json::from_value(value)
        .map_err(|e| Refusal { error: errors::INVALID_PARAMETER, parameters: json!({ "parameter": e.to_string() }) })
}

impl Manager {
    /// Answers a call, now or later.
    pub fn answer(&mut self, client: ClientId, call: &Call, rights: Rights) {
        match self.dispatch(client, call, rights) {
            Ok(Answer::Later) if call.oneway => {
                self.forget_client(client);
                self.server.end_call(client);
            }
            Ok(Answer::Later) => {}
            _ if call.oneway => self.server.end_call(client),
            Ok(Answer::Now(message)) => self.send(client, message, false),
            Err(refusal) => {
                let error = Some(refusal.error.to_owned());
                self.reply(client, Reply { parameters: refusal.parameters, continues: false, error });
            }
        }
    }

    /// Sends a reply; one to a client that is gone is dropped.
    pub fn reply(&mut self, client: ClientId, reply: Reply) {
        self.send(client, message(&reply), reply.continues);
    }

    fn send(&mut self, client: ClientId, message: Vec<u8>, continues: bool) {
        if !self.server.reply(&self.epoll, crate::manager::reactor::CLIENT, client, message, continues) {
            self.forget_client(client);
        }
    }

    /// The client hung up, or wants no answer to what it asked for last.
    pub fn forget_client(&mut self, client: ClientId) {
        self.requests.forget(client);
        self.switches.forget(client);
        self.state_waits.retain(|w| w.client != client);
        self.followers.remove(&client);
    }

    fn dispatch(&mut self, client: ClientId, call: &Call, rights: Rights) -> Outcome {
        let change = |done: bool| match rights {
            Rights::Change => Ok(done),
            Rights::Read => Err(Refusal::text(
                errors::DENIED,
                "only root and the group named by AllowGroup= in init.conf may change anything",
            )),
        };
        match call.method.as_str() {
            "org.varlink.service.GetInfo" => now(&json!({
                "vendor": "Rung", "product": "Rung", "version": env!("CARGO_PKG_VERSION"), "url": "",
                "interfaces": ["org.varlink.service", crate::proto::control::INTERFACE],
            })),
            "org.varlink.service.GetInterfaceDescription" => {
                now(&json!({ "description": crate::proto::control::DESCRIPTION }))
            }
            "org.rung.Manager.List" => {
                let ids = self.listed();
                now(&Units { units: ids.into_iter().map(|id| self.status(id, false)).collect() })
            }
            "org.rung.Manager.Brief" => self.briefs(&parameters(call)?),
            "org.rung.Manager.Status" => {
                let names: Names = parameters(call)?;
                let ids = self.resolve(&names.names)?;
                now(&Units { units: ids.into_iter().map(|id| self.status(id, true)).collect() })
            }
            "org.rung.Manager.Runlevel" => now(&self.runlevel()),
            "org.rung.Manager.Levels" => self.level_table(&parameters::<Names>(call)?),
            "org.rung.Manager.Version" => now(&Version {
                version: env!("CARGO_PKG_VERSION").into(),
                managers: self.machine.managers,
                reexecs: self.machine.reexecs,
            }),
            "org.rung.Manager.Why" => self.why(&parameters::<About>(call)?.name),
            "org.rung.Manager.Explain" => self.explain(&parameters::<About>(call)?.name, rights),
            "org.rung.Manager.Events" => self.follow_events(client, call.more, &parameters(call)?),
            "org.rung.Manager.Processes" => self.processes(&parameters(call)?),
            "org.rung.Manager.Jobs" => now(&self.jobs(&parameters(call)?)),
            "org.rung.Manager.StartTimes" => now(&self.start_times()),
            "org.rung.Manager.Boot" => now(&self.boot_record(true)),
            "org.rung.Manager.Wait" => self.wait_for(client, parameters(call)?),
            "org.rung.Manager.Plan" => self.plan(client, parameters(call)?),
            "org.rung.Manager.Change" => change(true).and_then(|_| self.change(client, call)),
            "org.rung.Manager.SetLevel" => change(true).and_then(|_| self.set_level(client, call)),
            "org.rung.Manager.Power" => change(true).and_then(|_| self.power(client, call)),
            "org.rung.Manager.Enable" => change(true).and_then(|_| self.enable(client, &parameters(call)?, true)),
            "org.rung.Manager.Disable" => change(true).and_then(|_| self.enable(client, &parameters(call)?, false)),
            "org.rung.Manager.Run" => change(true).and_then(|_| self.run_script(client, &parameters(call)?)),
            "org.rung.Manager.Adopt" => change(true).and_then(|_| self.adopt_for(client, &parameters(call)?)),
            "org.rung.Manager.ReloadUnits" => change(true).and_then(|_| self.reload_units(&parameters(call)?)),
            "org.rung.Manager.Reexec" => {
                change(true)?;
                self.say_last(Request::Reexec);
                now(&json!({}))
            }
            other => Err(Refusal { error: errors::METHOD_NOT_FOUND, parameters: json!({ "method": other }) }),
        }
    }

    /// What a list of all units holds.
    fn listed(&self) -> Vec<UnitId> {
        self.core.ids().filter(|id| self.is_listed(*id) && !self.is_bare(*id)).collect()
    }

    fn briefs(&mut self, names: &Names) -> Outcome {
        let ids = if names.names.is_empty() { self.listed() } else { self.resolve(&names.names)? };
        let now_ms = (wait::now_ms(), wait::wall_ms());
        now(&Briefs { units: ids.into_iter().map(|id| self.brief(id, now_ms)).collect() })
    }

    /// A well-known target without a file that isn't up: somebody is ordered after it, and that is all.
    fn is_bare(&self, id: UnitId) -> bool {
        let view = self.core.view(id);
        let known = crate::unit::targets::well_known(view.name).is_some();
        known && view.state == State::Inactive && self.loader.file(view.name).is_none()
    }

    /// Units that are only referred to, by nobody that runs, aren't listed.
    fn is_listed(&self, id: UnitId) -> bool {
        let view = self.core.view(id);
        !matches!(view.on_disk, crate::core::Loaded::Missing) || view.unit.is_some()
    }

    /// Names as typed → units; instances of templates are loaded on the way.
    pub(super) fn resolve(&mut self, names: &[String]) -> Result<Vec<UnitId>, Refusal> {
        let mut ids = Vec::with_capacity(names.len());
        for text in names {
            let name = UnitName::new(text).map_err(|e| Refusal::text(errors::NO_SUCH_UNIT, e))?;
            let name = self.loader.canonical(name);
            if name.is_template() {
                let text = format!("{name} is a template: name an instance, such as {}@NAME", name.prefix());
                return Err(Refusal::text(errors::NO_SUCH_UNIT, text));
            }
            if self.core.id(&name).is_none_or(|id| !self.is_listed(id)) && self.loader.exists(&name) {
                self.define(vec![name.clone()]);
            }
            match self.core.id(&name).filter(|id| self.is_listed(*id)) {
                Some(id) => ids.push(id),
                None => return Err(self.no_such_unit(&name)),
            }
        }
        Ok(ids)
    }

    fn no_such_unit(&self, name: &UnitName) -> Refusal {
        let units = self.core.ids().filter(|i| self.is_listed(*i)).map(|i| self.core.name(i));
        let known = units.chain(self.loader.aliases().map(|(alias, _)| alias));
        let near: Vec<String> = nearest_units(name, known).into_iter().map(ToOwned::to_owned).collect();
        Refusal::nearest(errors::NO_SUCH_UNIT, format!("there is no unit named {name}"), near)
    }

    fn change(&mut self, client: ClientId, call: &Call) -> Outcome {
        let change: Change = parameters(call)?;
        let longer = matches!(change.verb, Verb::Stopping(Course::Wait { .. }));
        let ask = self.units_ask(change.verb, &change.names)?;
        if let Ask::Units { names, .. } = &ask {
            // What a stop before this request ended with is no answer to it.
            self.stop_status.retain(|id, _| !names.contains(self.core.name(*id)));
        }
        let answer = self.begin(client, call, change.request, change.wait, ask);
        if longer {
            self.settle();
            self.put_off_end();
        }
        answer
    }

    /// What is asked of units, by names as they were typed; refused when the machine goes down.
    pub(super) fn units_ask(&mut self, verb: Verb, names: &[String]) -> Result<Ask, Refusal> {
        self.refresh_changed();
        let ids = self.resolve(names)?;
        if matches!(verb, Verb::Start | Verb::Restart | Verb::TryRestart) && self.going.is_some() {
            return Err(Refusal::text(errors::GOING_DOWN, "the machine is going down: nothing is started any more"));
        }
        Ok(Ask::Units { verb, names: ids.iter().map(|id| self.core.name(*id).clone()).collect() })
    }

    fn set_level(&mut self, client: ClientId, call: &Call) -> Outcome {
        let wanted: SetLevel = parameters(call)?;
        if wanted.level.is_down() {
            let how = if wanted.level == crate::unit::Level::HALT { PowerWord::PowerOff } else { PowerWord::Reboot };
            return self.end_machine(client, call, how, wanted.request, wanted.wait, false);
        }
        if self.going.is_some() {
            return Err(Refusal::text(errors::GOING_DOWN, "the machine is going down"));
        }
        self.refresh_changed();
        let id = client_request(wanted.request);
        self.asked_by(client, id);
        if wanted.wait {
            self.requests.wait(id, Waiter { client, stream: call.more });
        }
        self.switch_level(id, wanted.level);
        if wanted.wait { Ok(Answer::Later) } else { now(&Progress::default()) }
    }

    fn power(&mut self, client: ClientId, call: &Call) -> Outcome {
        let wanted: PowerRequest = parameters(call)?;
        self.end_machine(client, call, wanted.how, wanted.request, wanted.wait, wanted.force)
    }

    fn end_machine(
        &mut self,
        client: ClientId,
        call: &Call,
        how: PowerWord,
        request: RequestId,
        wait: bool,
        force: bool,
    ) -> Outcome {
        let request = client_request(request);
        self.asked_by(client, request);
        if wait && !force {
            self.requests.wait(request, Waiter { client, stream: call.more });
        }
        self.go_down(how.into(), 0, force, request);
        if wait && !force { Ok(Answer::Later) } else { now(&Progress { done: force, ..Progress::default() }) }
    }

    fn begin(&mut self, client: ClientId, call: &Call, request: RequestId, wait: bool, ask: Ask) -> Outcome {
        let id = client_request(request);
        self.asked_by(client, id);
        if wait {
            self.requests.wait(id, Waiter { client, stream: call.more });
        }
        self.push(Event::Request { id, ask });
        if !wait {
            return now(&Progress::default());
        }
        self.tell_soon(id);
        Ok(Answer::Later)
    }

    /// Tells those who wait for a request what has become of it.
    pub fn tell_progress(&mut self, request: RequestId, done: bool) {
        let open_units = if done { Vec::new() } else { self.core.open_units(request) };
        let open: Vec<UnitName> = open_units.iter().map(|id| self.core.name(*id).clone()).collect();
        let Some(state) = self.requests.get_mut(request) else { return };
        let streamed = Progress {
            ended: std::mem::take(&mut state.ended),
            open: open.clone(),
            done,
            notes: if done { state.notes.clone() } else { Vec::new() },
        };
        let whole = Progress { ended: state.all.clone(), ..streamed.clone() };
        let waiters = state.waiters.clone();
        for waiter in waiters {
            let progress = if waiter.stream { &streamed } else { &whole };
            if !waiter.stream && !done {
                continue;
            }
            let parameters = serde_json::to_value(progress).unwrap_or(Value::Null);
            self.reply(waiter.client, Reply { parameters, continues: !done, error: None });
        }
    }

    pub(super) fn runlevel(&self) -> Runlevel {
        let (previous, current, switching_to) = self.core.levels();
        let going_down = self.going.map(|g| match g.how {
            Power::Halt => PowerWord::Halt,
            Power::PowerOff | Power::Cut => PowerWord::PowerOff,
            Power::Reboot => PowerWord::Reboot,
        });
        Runlevel { previous, current, switching_to, going_down }
    }

    fn level_table(&mut self, names: &Names) -> Outcome {
        self.refresh_changed();
        self.settle();
        let ids = if names.names.is_empty() {
            self.core.ids().filter(|id| self.is_listed(*id)).collect()
        } else {
            self.resolve(&names.names)?
        };
        let row = |id: &UnitId| LevelRow {
            name: self.core.name(*id).clone(),
            on: self.core.view(*id).on.to_string(),
            default: self.default_levels(*id).to_string(),
            held_by: self.loader.holders(self.core.name(*id)),
        };
        now(&LevelTable { rows: ids.iter().map(row).collect() })
    }

    /// A change is taken in as soon as it is made; here it is told.
    fn reload_units(&mut self, wanted: &ReloadUnits) -> Outcome {
        if wanted.choose.unwrap_or(false) {
            self.forget_choices();
        }
        self.reload_all();
        self.reread_inittab(None);
        self.settle();
        let changed = std::mem::take(&mut self.untold).into_iter().collect();
        let mut reloaded = Reloaded { changed, ..Reloaded::default() };
        for findings in self.findings.values() {
            reloaded.findings.extend(findings.iter().map(ToString::to_string));
        }
        now(&reloaded)
    }

    fn wait_for(&mut self, client: ClientId, wait: Wait) -> Outcome {
        let units = self.resolve(&wait.names)?;
        let wait = StateWait { client, units, states: wait.states };
        if self.is_met(&wait) {
            return now(&Units { units: wait.units.iter().map(|id| self.status(*id, false)).collect() });
        }
        self.state_waits.push(wait);
        Ok(Answer::Later)
    }

    fn is_met(&self, wait: &StateWait) -> bool {
        wait.units.iter().all(|id| wait.states.contains(&self.state(*id)))
    }

    /// A level was reached: who waited for what that means?
    pub fn answer_level_waits(&mut self) {
        let units: std::collections::BTreeSet<UnitId> = self.state_waits.iter().flat_map(|w| w.units.clone()).collect();
        for unit in units {
            self.answer_state_waits(unit, self.state(unit));
        }
    }

    /// A unit's state changed: who waited for that?
    pub fn answer_state_waits(&mut self, unit: UnitId, state: State) {
        let waits = std::mem::take(&mut self.state_waits);
        for wait in waits {
            let concerned = wait.units.contains(&unit) && wait.states.contains(&state);
            if concerned && self.is_met(&wait) {
                let units = Units { units: wait.units.iter().map(|id| self.status(*id, false)).collect() };
                let parameters = serde_json::to_value(&units).unwrap_or(Value::Null);
                self.reply(wait.client, Reply { parameters, continues: false, error: None });
            } else {
                self.state_waits.push(wait);
            }
        }
    }
}
