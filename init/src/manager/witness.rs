//! Sees what an event of the core leads to, and keeps it as events for clients and the history.

use super::asked::describe;
use super::sentence;
use super::state::Manager;
use crate::core::{Action, Ask, Event, JobResult, Loaded, Phase, RequestId, State, UnitId};
use crate::proto::control::EventKind;
use crate::proto::pid1::Life;
use crate::proto::words;
use crate::sys::wait;
use crate::unit::UnitName;
use std::collections::BTreeMap;

/// What has to be looked at before the core has had an event.
pub struct Before {
    request: Option<(u64, Ask)>,
    exit: Option<(UnitId, String)>,
}

fn job_done(action: &Action) -> Option<(UnitId, RequestId)> {
    match action {
        Action::JobDone { request, unit, .. } => Some((*unit, *request)),
        _ => None,
    }
}

impl Manager {
    /// To be asked before the core gets the event.
    pub(super) fn foresee(&self, event: &Event) -> Before {
        let request = match event {
            Event::Request { id, ask } => Some((*id, ask.clone())),
            _ => None,
        };
        Before { request, exit: self.exit_of(event) }
    }

    /// The end of a process that the core counts on.
    fn exit_of(&self, event: &Event) -> Option<(UnitId, String)> {
        let Event::Process { key, pid, life: Life::Over(exit) } = event else { return None };
        let unit = self.core.token_unit(key.token)?;
        let view = self.core.view(unit);
        let which = if view.main_key == Some(*key) {
            "main process"
        } else if view.control_key == Some(*key) {
            match view.phase {
                Phase::StartPre => "ExecStartPre=",
                Phase::StartPost => "ExecStartPost=",
                Phase::Reload => "ExecReload=",
                Phase::Stop => "ExecStop=",
                Phase::StopPost | Phase::FinalSignal | Phase::FinalKill => "ExecStopPost=",
                _ => "ExecStart=",
            }
        } else {
            return None;
        };
        let pid = if *pid > 0 { format!(" {pid}") } else { String::new() };
        Some((unit, format!("{which}{pid} {}", words::exit((*exit).into()))))
    }

    /// To be told after the core has had the event and before the journal is written.
    pub(super) fn witness(&mut self, before: Before, actions: &[Action]) {
        if let Some((id, ask)) = before.request
            && self.note_request(id, &ask, actions)
        {
            let mut text = describe(&ask);
            let names: &[UnitName] = if let Ask::Units { names, .. } = &ask { names } else { &[] };
            names.iter().for_each(|name| text.push_str(&format!(" {name}")));
            let by = self.askers.asked(id).map(ToString::to_string).unwrap_or_default();
            let only = match names {
                [name] => Some(name.clone()),
                _ => None,
            };
            self.events.push(EventKind::Request, &text, &by).unit = only;
        }
        if let Some((unit, text)) = before.exit {
            self.event(EventKind::Exit, unit, &text, "");
        }
        // For whom a job of a unit was done: one event may end thousands.
        let done: BTreeMap<UnitId, RequestId> = actions.iter().rev().filter_map(job_done).collect();
        for action in actions {
            match action {
                Action::Changed { unit, state, outcome } => {
                    let reason = outcome.as_ref().map(|o| self.sentence(*unit, o));
                    let reason = reason.as_deref().and_then(|r| r.lines().next()).unwrap_or("");
                    self.note_cpu(*unit);
                    self.state_event(*unit, *state, reason, done.get(unit).copied());
                }
                // What is masked on purpose is no news at each level.
                Action::JobDone { unit, result: JobResult::Failed(_), .. }
                    if *self.core.view(*unit).on_disk == Loaded::Masked && self.core.view(*unit).job.is_none() => {}
                Action::JobDone { request, unit, result } => {
                    let text = self.job_text(*unit, result);
                    let by = self.askers.asked(*request).map(ToString::to_string).unwrap_or_default();
                    self.event(EventKind::Job, *unit, &text, &by);
                }
                Action::LevelReached { from, to } => {
                    let text = match from {
                        Some(from) => format!("runlevel {to} reached from {from}"),
                        None => format!("runlevel {to} reached"),
                    };
                    self.events.push(EventKind::Level, &text, "");
                }
                _ => {}
            }
        }
    }

    fn event(&mut self, kind: EventKind, unit: UnitId, text: &str, by: &str) {
        let (name, state) = (self.core.name(unit).clone(), self.core.view(unit).state);
        let event = self.events.push(kind, text, by);
        (event.unit, event.state) = (Some(name), Some(state));
    }

    fn state_event(&mut self, unit: UnitId, state: State, reason: &str, done: Option<RequestId>) {
        let view = self.core.view(unit);
        let was = self.events.states.insert(unit, state);
        let main = view.main_pid.map(|pid| format!("main process {pid}")).unwrap_or_default();
        let (kind, text) = match state {
            State::Activating if view.phase == Phase::AutoRestart => {
                let left = view.deadline.map_or(0, |at| at.saturating_sub(wait::now_ms()));
                let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                (EventKind::Restart, format!("in {left} ms{why}"))
            }
            State::Activating => (EventKind::Starting, String::new()),
            State::Active if was == Some(State::Reloading) => (EventKind::Ready, "reloaded".to_owned()),
            State::Active => (EventKind::Ready, main),
            State::Reloading => (EventKind::Reloading, String::new()),
            State::Deactivating => (EventKind::Stopping, reason.to_owned()),
            State::Inactive => (EventKind::Stopped, reason.to_owned()),
            State::Failed => (EventKind::Failed, reason.to_owned()),
        };
        let by = if kind == EventKind::Restart { String::new() } else { self.asked_for(unit, done) };
        let name = self.core.name(unit).clone();
        let event = self.events.push(kind, &text, &by);
        (event.unit, event.state) = (Some(name), Some(state));
    }

    /// `done`, or what came in the way, after a colon.
    fn job_text(&self, unit: UnitId, result: &JobResult) -> String {
        let word = match result {
            JobResult::Done => return "done".into(),
            JobResult::Already => return "already so".into(),
            JobResult::Failed(_) => "failed",
            JobResult::Skipped(_) => "skipped",
            JobResult::Replaced => "replaced",
            JobResult::NotApplicable { .. } => "not applicable",
        };
        let view = self.core.view(unit);
        let plan = self.plan_failures.get(&unit).map(String::as_str);
        let reason = sentence::job_reason(super::control::status::definition(&view), result, plan).unwrap_or_default();
        format!("{word}: {}", reason.lines().next().unwrap_or_default())
    }

    /// Hands new events to the logger.
    pub(super) fn write_history(&mut self) {
        for line in self.events.take_unwritten() {
            self.logger.send(line, None);
        }
    }
}
