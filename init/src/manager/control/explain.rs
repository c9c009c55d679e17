//! `Explain`: the plan that a start would carry out. Nothing is made or changed for it.

use super::client::Rights;
use super::methods::{Outcome, Refusal, now};
use crate::core::{Ask, Deed, Loaded, Step, Verb};
use crate::manager::fifo;
use crate::manager::plan::{self, Inputs, Stdio};
use crate::manager::spawn::{find_for, is_heard, uses_log};
use crate::manager::state::Manager;
use crate::manager::{envfiles, instance};
use crate::proto::control::{ExplainedCommand, ExplainedStep, Explanation, errors};
use crate::sys::wait;
use crate::unit::{Command, ExecKind, Output, Unit, UnitName};
use std::cmp::Ordering;

/// Stands for what only those may see who may change something.
const HIDDEN: &str = "(hidden)";

impl Manager {
    /// Explains what a start of a unit does. Who may only read sees no values from environment files.
    pub(super) fn explain(&mut self, name: &str, rights: Rights) -> Outcome {
        self.refresh_changed();
        let Some(id) = self.resolve(&[name.to_owned()])?.into_iter().next() else { return now(&()) };
        let view = self.core.view(id);
        let (name, unit) = match view.on_disk {
            Loaded::Good(unit) => (view.name.clone(), unit.clone()),
            Loaded::Bad(reason) => return Err(Refusal::text(errors::FAILED, reason.clone())),
            _ => {
                let text = format!("{} can't be started: initctl why {} says more", view.name, view.name);
                return Err(Refusal::text(errors::FAILED, text));
            }
        };
        let mut commands = Vec::new();
        for (kind, command) in &unit.service.commands {
            commands.push(self.explained(&unit, *kind, command, rights));
        }
        let with = self.started_with(&name);
        now(&Explanation { name, with, commands })
    }

    /// What else a start would start and stop, by the plan that a start now would have.
    fn started_with(&self, name: &UnitName) -> Vec<String> {
        let ask = Ask::Units { verb: Verb::Start, names: vec![name.clone()] };
        let plan = self.core.plan(&ask, wait::now_ms());
        let own = plan.steps.iter().find(|s| s.unit == *name).map_or(usize::MAX, |s| s.wave);
        let others = plan.steps.iter().filter(|s| s.unit != *name);
        let line = |step: &Step| {
            let deed = if step.deed == Deed::Stop { "stopped" } else { "started" };
            let order = match step.wave.cmp(&own) {
                Ordering::Less => "before it",
                Ordering::Equal => "at the same time",
                Ordering::Greater => "after it",
            };
            format!("{}, {}: is {deed} {order}", step.unit, step.reason.words())
        };
        others.map(line).collect()
    }

    fn explained(&self, unit: &Unit, kind: ExecKind, command: &Command, rights: Rights) -> ExplainedCommand {
        let (key, place) = (kind.key().to_owned(), unit.show_place(command.place));
        let refused = |problem| ExplainedCommand { key: kind.key().into(), place: None, steps: Vec::new(), problem };
        let (mut env_files, _) = match envfiles::read(unit) {
            Ok(read) => read,
            Err(problem) => return ExplainedCommand { place, ..refused(Some(problem)) },
        };
        if rights == Rights::Read {
            env_files.iter_mut().for_each(|(_, value)| HIDDEN.clone_into(value));
        }
        let known = self.known_identity(unit);
        let mut problem = known.is_none().then(|| {
            let user = unit.service.user.as_deref().or(unit.service.group.as_deref()).unwrap_or_default();
            format!("{user} isn't in /etc/passwd and /etc/group: getent is asked when it starts")
        });
        let identity = known.unwrap_or_default();
        let base_env = self.base_env(unit.name.as_str(), 0);
        let inherited = envfiles::inherited();
        let notify = is_heard(unit, kind).then(|| instance::notify_path(&self.machine.run_dir, 0));
        let notify = notify.map(|p| p.with_file_name("NUMBER").display().to_string());
        let events = self.tree.as_ref().map(|tree| tree.events(unit.name.as_str()));
        let mut stdio = Stdio::default();
        if uses_log(unit) || unit.service.output == Output::Raw {
            (stdio.output, stdio.error) = (Some(0), Some(1));
        }
        if kind == ExecKind::Start && unit.service.readiness.notify_fd.is_some() {
            stdio.ready = Some(2);
        }
        if fifo::is_listener(unit, kind, command) {
            stdio.listen = Some(3);
        }
        let inputs = Inputs {
            unit,
            kind,
            command,
            identity: &identity,
            env_files: &env_files,
            base_env: &base_env,
            inherited: &inherited,
            invocation: Some("RANDOM"),
            main_pid: None,
            notify_socket: notify.as_deref(),
            cgroup: events.as_deref().and_then(std::path::Path::parent),
            cgroup_required: true,
            stdio,
            nofile: self.machine.nofile,
            terminal: None,
            resolve: &|name| find_for(unit, kind, name),
        };
        let compiled = match plan::compile(&inputs) {
            Ok(compiled) => compiled,
            Err(reason) => return ExplainedCommand { place, ..refused(Some(reason)) },
        };
        if problem.is_none() && !compiled.notes.is_empty() {
            problem = Some(compiled.notes.join("\n"));
        }
        let from_files = |name: &str| env_files.iter().any(|(n, _)| n == name);
        let environment = |text: &str| {
            let name = text.strip_prefix("environment: ")?.trim_start_matches('"').split(['=', ':']).next()?;
            let key = if from_files(name) {
                "EnvironmentFile"
            } else if unit.service.environment.iter().any(|(n, _)| n == name) {
                "Environment"
            } else if matches!(name, "USER" | "LOGNAME" | "HOME" | "SHELL") {
                "User"
            } else {
                return Some((String::new(), None));
            };
            Some((key.to_owned(), unit.place(&format!("Service.{key}"))))
        };
        let mut steps = Vec::new();
        for (lines, site) in plan::steps(&compiled.bytes).into_iter().zip(&compiled.sites) {
            for text in lines {
                let own = || (site.key.to_owned(), site.place.and_then(|place| unit.show_place(place)));
                let (key, place) = environment(&text).unwrap_or_else(own);
                steps.push(ExplainedStep { text: stream(text, &unit.service.output), key, place });
            }
        }
        ExplainedCommand { key, place, steps, problem }
    }
}

/// The descriptors that go with a plan have no names of their own.
fn stream(text: String, output: &Output) -> String {
    let Some((target, number)) = text.split_once(": number ") else { return text };
    let what = match (number.chars().next(), output) {
        (Some('2'), _) => "the pipe by which it tells that it is ready",
        (Some('3'), _) => "the FIFO /run/initctl, open",
        (_, Output::Raw) => "what init was started with",
        (Some('0'), _) => "a pipe to the log, as `out`",
        _ => "a pipe to the log, as `err`",
    };
    format!("{target}: {what}")
}
