//! Verbs for units, carried out by Rung's manager: asked, followed, and shown as a script would have.

use super::live::Live;
use crate::pid1::{PATIENCE, client, is_absent, is_rung};
use crate::shims::{err, err_plain, out};
use init::client::{Error, Event, request_id};
use init::core::{ExitRecord, JobResult, Outcome, Phase, State, Verb};
use init::proto::control::{Change, JobEnd, LoadState, Names, Progress, UnitStatus, Units, errors};
use init::unit::{ExecKind, UnitName};
use std::ops::ControlFlow;
use std::time::Duration;

/// How often what a script prints is looked for.
const TICK: Duration = Duration::from_millis(100);

/// What a word on the command line asks of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shims) enum Wish {
    Status,
    Change(Verb),
}

impl Wish {
    /// What every unit can do.
    pub(in crate::shims) fn of(action: &str) -> Option<Self> {
        Some(Self::Change(match action {
            "status" => return Some(Self::Status),
            "start" => Verb::Start,
            "stop" => Verb::Stop,
            "restart" => Verb::Restart,
            "try-restart" | "condrestart" => Verb::TryRestart,
            "reload" | "force-reload" => Verb::Reload,
            _ => return None,
        }))
    }

    /// Whether Rung does this for a unit made from a script. Everything else the script does itself, on the caller's
    /// terminal, `restart` too: it may refuse to, because the configuration is wrong, and leave alone what runs. So does one
    /// that has left nothing running and is to do it again, and one that is to stop what Rung doesn't know to run.
    fn supervises(&self, (state, phase): (State, Phase)) -> bool {
        match self {
            Self::Change(Verb::Start) => state != State::Active || phase != Phase::Exited,
            Self::Change(Verb::Stop) => !matches!(state, State::Inactive | State::Failed),
            _ => false,
        }
    }
}

/// The unit of that name; `None` where Rung isn't here or knows none.
pub(in crate::shims) fn unit(name: &str) -> Result<Option<UnitStatus>, Error> {
    let Ok(full) = UnitName::new(name) else {
        return Ok(None);
    };
    if !is_rung() {
        return Ok(None);
    }
    match client().call::<_, Units>("Status", &Names { names: vec![full.as_str().to_owned()] }, PATIENCE) {
        Ok(found) => Ok(found.units.into_iter().find(|u| u.load != LoadState::Missing)),
        Err(e) if e.is(errors::NO_SUCH_UNIT) || is_absent(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Carries out a verb for a unit, if Rung is to do it; `None`: the script is.
pub(in crate::shims) fn carry_out(name: &str, unit: &UnitStatus, action: &str, bare: bool) -> Option<u8> {
    let wish = Wish::of(action).filter(|_| bare)?;
    if unit.source.is_script() && !wish.supervises((unit.state, unit.phase)) {
        return None;
    }
    Some(match wish {
        Wish::Status => status(unit),
        Wish::Change(verb) => change(name, unit, verb, action),
    })
}

/// LSB's exit statuses: 0 running, 1 dead with traces, 3 not running, 4 unknown.
fn status(unit: &UnitStatus) -> u8 {
    let (word, code) = match unit.state {
        State::Active | State::Reloading => ("is running", 0),
        State::Activating => ("is starting", 3),
        State::Deactivating => ("is stopping", 0),
        State::Inactive => ("is not running", 3),
        State::Failed => ("has failed", 1),
    };
    let pid = unit.main_pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
    let why = unit.reason.as_ref().or(unit.load_error.as_ref()).map(|why| format!(": {why}")).unwrap_or_default();
    out(&format!("{} {word}{pid}{}", unit.name.short(), if code == 0 { String::new() } else { why }));
    code
}

fn change(service: &str, unit: &UnitStatus, verb: Verb, action: &str) -> u8 {
    let wish =
        Change { verb: verb.clone(), names: vec![unit.name.as_str().to_owned()], request: request_id(), wait: true };
    let mut progress = Progress::default();
    let mut live = unit.source.is_script().then(|| Live::new(unit.name.short()));
    let tick = live.as_ref().map(|_| TICK);
    let followed = client().follow("Change", &wish, tick, &mut |event| {
        if let Event::Reply(more) = event {
            let more: Progress = more;
            progress.ended.extend(more.ended);
            progress.notes.extend(more.notes);
        }
        if let Some(live) = &mut live {
            live.show();
        }
        ControlFlow::Continue(())
    });
    if let Err(e) = followed {
        err(service, &e.to_string());
        return if e.is(errors::DENIED) { 4 } else { 1 };
    }
    for note in &progress.notes {
        err(service, note);
    }
    // LSB: a service that can't be reloaded is restarted by force-reload.
    let cannot = |end: &JobEnd| end.name == unit.name && matches!(end.result, JobResult::NotApplicable { .. });
    if action == "force-reload" && verb == Verb::Reload && progress.ended.iter().any(cannot) {
        return change(service, unit, Verb::TryRestart, action);
    }
    let codes = progress.ended.iter().map(|end| show(end, unit, &verb, live.is_some()));
    let code = codes.fold(0, |all, one| if one == 0 { all } else { one });
    if code == 0 && verb == Verb::Stop && live.is_some() { stopped(service) } else { code }
}

/// How the script's `stop` has ended: the unit is down in any case.
fn stopped(service: &str) -> u8 {
    match unit(service).ok().flatten().and_then(|unit| unit.outcome) {
        Some(outcome @ Outcome::Exited { kind: ExecKind::Stop, .. }) => exit_code(&outcome),
        _ => 0,
    }
}

/// Prints how a job ended, if it didn't end well; its exit status. A script's own words were printed already.
fn show(end: &JobEnd, unit: &UnitStatus, verb: &Verb, printed: bool) -> u8 {
    let own = end.name == unit.name;
    let code = match &end.result {
        // Said by the script, and no failure.
        JobResult::Done if own => return end.script_status.and_then(|code| u8::try_from(code).ok()).unwrap_or(0),
        JobResult::Done | JobResult::Already => return 0,
        // LSB: the verb is a feature this service lacks.
        JobResult::NotApplicable { .. } if *verb == Verb::Reload => 3,
        JobResult::Failed(outcome) | JobResult::Skipped(outcome) if own && printed => exit_code(outcome),
        _ if own => 1,
        _ => return 0,
    };
    err(end.name.short(), end.reason.as_deref().unwrap_or("failed"));
    let log = end.log.iter().filter(|_| !printed);
    for line in log.map(|line| format!("  {line}")).chain(end.hint.as_ref().map(|hint| format!("  try: {hint}"))) {
        err_plain(&line);
    }
    code
}

/// The script's own exit status, where it had one.
fn exit_code(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Exited { exit: ExitRecord::Code(code), .. }
        | Outcome::Skipped { exit: Some(ExitRecord::Code(code)), .. } => u8::try_from(*code).unwrap_or(1),
        Outcome::Skipped { .. } => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripts_processes_are_rungs_and_its_other_words_its_own() {
        let (up, done, down) =
            [(State::Active, Phase::Running), (State::Active, Phase::Exited), (State::Inactive, Phase::Dead)].into();
        let rungs = |action: &str, unit| Wish::of(action).is_some_and(|wish| wish.supervises(unit));
        assert!(rungs("start", up) && rungs("start", down) && !rungs("start", done));
        assert!(rungs("stop", up) && rungs("stop", done) && !rungs("stop", down));
        for action in ["status", "restart", "try-restart", "condrestart", "reload", "force-reload"] {
            assert!(!rungs(action, up) && !rungs(action, down), "{action}");
        }
        assert_eq!(Wish::of("configtest"), None);
    }

    #[test]
    fn the_exit_status_is_the_scripts() {
        let exited = |exit| Outcome::Exited { kind: init::unit::ExecKind::Start, index: 0, exit };
        assert_eq!(exit_code(&exited(ExitRecord::Code(6))), 6);
        assert_eq!(exit_code(&exited(ExitRecord::Signal(9))), 1);
        assert_eq!(exit_code(&Outcome::StartLimit), 1);
        let skipped = |exit| Outcome::Skipped { reason: String::new(), exit };
        assert_eq!(exit_code(&skipped(Some(ExitRecord::Code(5)))), 5, "not installed: no failure, and no success");
        assert_eq!(exit_code(&skipped(None)), 0, "a condition");
    }
}
