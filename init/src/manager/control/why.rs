//! `Why`: what made a unit run, or keeps it from running.

use super::methods::{Outcome as Answer, now};
use super::status::definition;
use crate::core::{ExitRecord, JobResult, Loaded, Outcome, Phase, Reason, State, UnitId, View, holds};
use crate::load;
use crate::manager::sentence;
use crate::manager::state::Manager;
use crate::proto::control::{Difference, LoadState, UnitSource, UnitStatus, Why};
use crate::proto::words;
use crate::sys::wait;
use crate::unit::{self, Restart, Source, Unit, UnitName, scalar};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest chain of units that wait for one another that is told.
const MAX_CHAIN: usize = 16;

impl Manager {
    /// Everything that bears on how one unit stands.
    pub(super) fn why(&mut self, name: &str) -> Answer {
        self.refresh_changed();
        let Some(id) = self.resolve(&[name.to_owned()])?.into_iter().next() else { return now(&()) };
        let unit = self.status(id, true);
        let differences = self.differences(id);
        let why = Why {
            verdict: self.verdict(id, &unit),
            because: self.because(id, &unit),
            waiting: self.waiting(id),
            sources: self.sources(id),
            next: next(&unit, &differences),
            differences,
            unit,
        };
        now(&why)
    }

    /// The order that the header of a script adds to the unit that stands for the script.
    fn header_order(&self, unit: &Unit) -> Option<String> {
        let (after, before) = self.script_order(unit);
        let list = |word: &str, names: &[UnitName]| {
            let names: Vec<&str> = names.iter().map(UnitName::short).collect();
            (!names.is_empty()).then(|| format!("{word} {}", names.join(", ")))
        };
        let lists: Vec<String> = [list("after", &after), list("before", &before)].into_iter().flatten().collect();
        let said = lists.join("; ");
        (!said.is_empty()).then(|| format!("by the header of the init script that it stands for it starts {said}"))
    }

    /// How it stands, in one sentence.
    fn verdict(&self, id: UnitId, unit: &UnitStatus) -> String {
        let view = self.core.view(id);
        let stopped = view.cause.filter(|c| c.word() == "stop").map(|c| &c.reason);
        // It waits for that one, or never got as far as a start.
        let wanting = self.wanting(id).filter(|_| view.awaits.is_some() || unit.since_ms.is_none());
        verdict(unit, wanting.as_deref(), self.events.lost_job(view.name), stopped)
    }

    /// Level links, units that need it, and what is in its way.
    fn because(&self, id: UnitId, unit: &UnitStatus) -> Vec<String> {
        let view = self.core.view(id);
        let mut lines = Vec::new();
        let (_, current, to) = self.core.levels();
        for level in view.on.iter() {
            if let Some(link) = self.farm.link(level, view.name) {
                lines.push(format!("on in runlevel {level}: {}", link.display()));
            }
        }
        if unit.state == State::Active && view.state == State::Inactive {
            lines.push("it stands for what the level has reached".to_owned());
        } else if let Some(level) = to.or(current)
            && !view.on.contains(level)
        {
            lines.push(format!("off in runlevel {level}"));
        }
        let twin = load::twins::decision(&load::generated(&self.machine.run_dir), view.name.short());
        if let Some(twin) = twin.filter(|_| definition(&view).is_some_and(|u| u.source.is_script())) {
            lines.push(twin.sentence());
        }
        if let Some(choice) = self.loader.choice(view.name) {
            let word = if choice.taken == Source::Script { "init script" } else { "systemd unit" };
            lines.push(format!(
                "of a systemd unit and an init script of its name the {word} was chosen: {}",
                choice.why
            ));
        }
        lines.extend(definition(&view).and_then(|unit| self.header_order(unit)));
        if let Some(cause) =
            view.cause.filter(|c| !matches!(c.reason, Reason::Asked | Reason::OnIn(_) | Reason::OffIn(_)))
        {
            lines.push(format!("last {}: {}", cause.word(), cause.reason.words()));
        }
        if let (State::Inactive | State::Failed, Some(name)) = (view.state, view.awaits) {
            lines.push(format!("it comes back when {name} is up"));
        }
        lines.extend(
            self.wanting(id).map(|name| format!("it requires {name}, which doesn't run: see initctl why {name}")),
        );
        let needs = |other: UnitId| {
            let theirs = self.core.view(other);
            let theirs_unit = definition(&theirs)?;
            let word = match view.name {
                name if theirs_unit.requires.contains(name) => "requires",
                name if theirs_unit.wants.contains(name) => "wants",
                _ => return None,
            };
            (theirs.state != State::Inactive)
                .then(|| format!("{word} it: {} ({})", theirs.name, words::state(theirs.state)))
        };
        lines.extend(self.core.ids().filter_map(needs).take(20));
        match view.on_disk {
            Loaded::Bad(reason) => lines.push(format!("its file can't be used: {}", first_line(reason))),
            Loaded::Masked => lines.push("it is masked: its file is empty or a link to /dev/null".into()),
            Loaded::Missing => lines.push("its file is gone".into()),
            Loaded::Good(_) => {}
        }
        match view.outcome {
            Some(Outcome::StartLimit) => {
                lines.push("its start limit is reached: it isn't started again by itself".into())
            }
            Some(Outcome::Skipped { reason, .. }) if unit.state != State::Active => {
                lines.push(format!("its start was skipped: {reason}"));
            }
            Some(Outcome::Dependency { name }) => {
                lines.push(format!("{name}, which it requires, is what failed: see initctl why {name}"));
                if let Some(other) = self.core.id(name) {
                    let theirs = self.core.view(other);
                    lines.extend(theirs.outcome.map(|o| format!("{name}: {}", first_line(&self.sentence(other, o)))));
                }
            }
            _ => {}
        }
        if unit.phase == Phase::AutoRestart {
            let left = unit
                .timeout_in_ms
                .map(|ms| format!(" in {}", scalar::show_span(Duration::from_secs(ms.div_ceil(1000)))));
            let times = if unit.restarts == 1 { "restart" } else { "restarts" };
            let so_far = format!("{} automatic {times} so far", unit.restarts);
            lines.push(format!("Restart= brings it back{}; {so_far}", left.unwrap_or_default()));
        } else if unit.state == State::Failed
            && let Some(definition) = definition(&view)
            && !matches!(view.outcome, Some(Outcome::StartLimit))
        {
            let stopped = view.cause.is_some_and(|c| c.word() == "stop");
            lines.push(no_restart(definition, stopped, view.last_exit));
        }
        lines
    }

    /// A unit that it requires and that was not to be had.
    fn wanting(&self, id: UnitId) -> Option<String> {
        let view = self.core.view(id);
        if view.state != State::Inactive || view.job.is_some() {
            return None;
        }
        let down = |name: &&UnitName| {
            let other = self.core.id(name).map(|id| self.core.view(id));
            other.is_none_or(|v| {
                v.state == State::Failed || matches!(v.on_disk, Loaded::Missing | Loaded::Masked | Loaded::Bad(_))
            })
        };
        definition(&view)?.requires.iter().find(down).map(ToString::to_string)
    }

    /// The chain of jobs that its job waits for.
    fn waiting(&self, id: UnitId) -> Vec<String> {
        let (mut lines, mut at, mut seen) = (Vec::new(), id, BTreeSet::new());
        while seen.insert(at) && lines.len() < MAX_CHAIN {
            let view = self.core.view(at);
            let Some((job, _)) = view.job else {
                // A job that took too long is gone, what it has begun isn't.
                let on_its_way = matches!(view.state, State::Activating | State::Deactivating);
                if on_its_way && view.phase != Phase::AutoRestart {
                    lines.push(format!("no job waits for it any more: {}", doing(&view)));
                }
                break;
            };
            let waits_for = self.core.waits_for(at);
            let Some(next) = waits_for.first().copied() else {
                lines.push(format!("{} of {} is under way: {}", job, view.name, doing(&view)));
                break;
            };
            let others = match waits_for.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            lines.push(format!("{job} of {} waits for {}{others}", view.name, self.core.name(next)));
            at = next;
        }
        lines
    }

    /// The files of its name in search order.
    fn sources(&self, id: UnitId) -> Vec<UnitSource> {
        let view = self.core.view(id);
        let used: &[PathBuf] = definition(&view).map_or(&[], |u| &u.files);
        let names = std::iter::once(view.name.clone()).chain(view.name.template());
        let names: Vec<String> = names.map(|n| n.as_str().to_owned()).collect();
        let folders = self.loader.sources().map(|(source, folder)| (source, folder.to_path_buf()));
        let script = Path::new("/etc/init.d").join(view.name.short());
        let candidates = folders
            .flat_map(|(source, folder)| names.iter().map(move |n| (source, folder.join(n))).collect::<Vec<_>>());
        let candidates = candidates.chain(std::iter::once((Source::Script, script)));
        let made_from = definition(&view).and_then(|u| u.source_path.clone());
        let is_twin = definition(&view).is_some_and(|u| u.source == Source::Twin);
        let chosen = self.loader.choice(view.name).map(|choice| choice.taken);
        let mut winner: Option<PathBuf> = None;
        let mut found: Vec<UnitSource> = Vec::new();
        for (source, path) in candidates.filter(|(_, path)| fs::symlink_metadata(path).is_ok()) {
            let masks = fs::read_link(&path).is_ok_and(|to| to == Path::new("/dev/null"));
            let part = match &winner {
                Some(_) if made_from.as_deref() == Some(path.as_path()) && is_twin => {
                    "its twin stands in for it".into()
                }
                Some(first) if made_from.as_deref() == Some(path.as_path()) => {
                    format!("{} is made from it", first.display())
                }
                Some(first) => format!("shadowed by {}", first.display()),
                None if used.contains(&path) => "used".into(),
                None if source == Source::Systemd && chosen == Some(Source::Script) => {
                    found.push(UnitSource { path: path.display().to_string(), source, part: "passed over".into() });
                    continue;
                }
                None if masks => "masks it".into(),
                None => "comes first".into(),
            };
            winner.get_or_insert_with(|| path.clone());
            found.push(UnitSource { path: path.display().to_string(), source, part });
        }
        let source = definition(&view).map_or(Source::Native, |u| u.source);
        let known: Vec<String> = found.iter().map(|f| f.path.clone()).collect();
        let others = used.iter().map(|p| p.display().to_string()).filter(|p| !known.contains(p));
        let drop_ins = others.map(|path| {
            let part = if path.ends_with(".conf") { "drop-in" } else { "used" };
            UnitSource { path, source, part: part.into() }
        });
        found.extend(drop_ins.collect::<Vec<_>>());
        found
    }

    /// Keys that a restart would change.
    fn differences(&self, id: UnitId) -> Vec<Difference> {
        let view = self.core.view(id);
        let (Some(running), Loaded::Good(disk)) = (view.unit, view.on_disk) else { return Vec::new() };
        let (running, disk) = (unit::settings(&running.with_relations_of(disk)), unit::settings(disk));
        let mut keys: Vec<&String> = Vec::new();
        for (key, _) in running.iter().chain(&disk) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let of = |pairs: &[(String, String)], key: &str| {
            let values: Vec<&str> = pairs.iter().filter(|(k, _)| k == key).map(|(_, v)| v.as_str()).collect();
            values.join(" ; ")
        };
        let pairs = keys.into_iter().map(|key| (key, of(&running, key), of(&disk, key)));
        pairs
            .filter(|(_, r, f)| r != f)
            .map(|(key, running, file)| Difference { key: key.clone(), running, file })
            .collect()
    }
}

fn setting(unit: &Unit, key: &str) -> String {
    unit::settings(unit).into_iter().find(|(k, _)| k == key).map(|(_, v)| v).unwrap_or_default()
}

/// What its process does, and until when it may.
fn doing(view: &View<'_>) -> String {
    let pid = view.control_pid.or(view.main_pid).map(|p| format!(", pid {p}")).unwrap_or_default();
    let left = view.deadline.map(|d| format!(", times out in {} s", d.saturating_sub(wait::now_ms()) / 1000));
    format!("{}{pid}{}", words::phase_text(view.phase), left.unwrap_or_default())
}

/// Why a failed unit isn't restarted.
fn no_restart(unit: &Unit, stopped: bool, exit: Option<ExitRecord>) -> String {
    let text = format!("Restart={} doesn't bring it back", setting(unit, "Restart"));
    let prevent = &unit.service.ending.prevent;
    if unit.service.restart == Restart::No {
        text
    } else if stopped {
        format!("{text}, as it was to stop")
    } else if exit.is_some_and(|exit| holds(prevent, exit)) {
        let place = unit.placed("Service.RestartPreventExitStatus");
        format!("{text}: RestartPreventExitStatus={place} names how it ended")
    } else {
        text
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// How it stands, in one sentence.
///
/// `lost`: what became of its last job, if that did nothing.
fn verdict(unit: &UnitStatus, wanting: Option<&str>, lost: Option<&str>, stopped: Option<&Reason>) -> String {
    let name = &unit.name;
    let reason = unit.reason.as_deref().map(first_line).unwrap_or_default();
    match (unit.state, unit.phase) {
        (State::Active, Phase::Exited) if unit.source.is_script() => format!(
            "{name} has done its work and counts as active; `service {} status` asks the script itself",
            name.short()
        ),
        (State::Active, Phase::Exited) => format!("{name} has done its work and counts as active"),
        (State::Active, _) => format!("{name} runs"),
        (State::Reloading, _) => format!("{name} runs, and reads its configuration again"),
        (State::Activating, Phase::AutoRestart) => format!("{name} waits for its automatic restart: {reason}"),
        (State::Activating, _) => format!("{name} is being started"),
        (State::Deactivating, _) => format!("{name} is being stopped"),
        (State::Failed, _) => format!("{name} has failed: {reason}"),
        (State::Inactive, _) => match (unit.load, &unit.job, unit.since_ms) {
            (LoadState::Masked, ..) => format!("{name} doesn't run: it is masked"),
            (LoadState::Bad, ..) => format!("{name} can't run: its file has errors"),
            (_, Some(job), _) => format!("{name} doesn't run yet: its {job} waits"),
            _ if wanting.is_some() && stopped.is_none() => {
                format!("{name} doesn't run: {}, which it requires, could not be had", wanting.unwrap_or_default())
            }
            _ if lost.is_some() => format!("{name} doesn't run: {}", lost.unwrap_or_default()),
            (.., None) => format!("{name} doesn't run: nothing has started it since the boot"),
            _ if !reason.is_empty() => format!("{name} doesn't run: {reason}"),
            _ if stopped.is_some() => {
                format!("{name} doesn't run: it was stopped{}", stopped.map(stop).unwrap_or_default())
            }
            _ => format!("{name} doesn't run: it ended by itself, without a failure"),
        },
    }
}

/// Why it was stopped, to go on with after that word; nothing where somebody asked for it.
fn stop(reason: &Reason) -> String {
    match reason {
        Reason::OffIn(level) => format!(", as it is off in runlevel {level}"),
        Reason::KillIn(level) => format!(", as it has a K link in runlevel {level}"),
        Reason::Requires(name) => format!(" with {name}, which it requires"),
        Reason::BoundTo(name) => format!(" with {name}, which it is bound to"),
        Reason::PartOf(name) => format!(" with {name}, which it is part of"),
        Reason::StopsWith(name) => format!(" with {name}, whose stop counts for it too"),
        Reason::Conflicts(name) => format!(" for {name}, which conflicts with it"),
        Reason::Unneeded => ", as nothing needs it any more (StopWhenUnneeded=)".to_owned(),
        _ => String::new(),
    }
}

/// What one might do.
fn next(unit: &UnitStatus, differences: &[Difference]) -> Vec<String> {
    let name = unit.name.short();
    let mut lines = Vec::new();
    match unit.load {
        LoadState::Masked => lines.push(format!("initctl unmask {name}")),
        LoadState::Bad => lines.push(format!("initctl verify {name}")),
        LoadState::Loaded | LoadState::Missing => {}
    }
    if let (State::Failed, Some(outcome)) = (unit.state, &unit.outcome) {
        let hint = sentence::hint(name, unit.load == LoadState::Masked, &JobResult::Failed(outcome.clone()));
        lines.extend(hint.filter(|hint| !lines.contains(hint)).into_iter().collect::<Vec<_>>());
        lines.push(format!("initctl start {name}, once the cause is mended"));
    }
    if unit.state == State::Inactive && unit.load == LoadState::Loaded && unit.job.is_none() {
        let start = format!("initctl start {name}");
        let skipped = matches!(unit.outcome, Some(Outcome::Skipped { .. }));
        lines.push(if skipped { format!("{start}, once that has changed") } else { start });
        if unit.levels.is_empty() {
            lines.push(format!("initctl enable {name}, to have it started at boot"));
        }
    }
    if unit.job.is_some() {
        lines.extend(unit.waits_for.first().map(|other| format!("initctl why {other}")));
    }
    if !differences.is_empty() {
        lines.push(format!("initctl restart {name}, to have it run as its file says"));
    }
    lines
}
