//! Verbs that change units: `start`, `stop`, `restart`, `reload`, `kill`, `reset-failed`, …

use super::look::{Found, Named, list, look};
use super::options::Options;
use super::words::{can_reload, is_up};
use crate::pid1;
use crate::shims::{err_plain, script};
use init::client::Error;
use init::core::{JobResult, State, Verb};
use init::proto::control::{JobEnd, LoadState, Progress, errors};

/// No permission.
const DENIED: u8 = 4;
/// The verb means nothing for this unit.
const NOT_APPLICABLE: u8 = 3;
/// No such unit.
const NO_UNIT: u8 = 5;

/// What a word of the command line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Start,
    Stop,
    Restart,
    TryRestart,
    Reload,
    /// `reload-or-restart`
    ReloadOrRestart,
    /// `try-reload-or-restart`
    TryReloadOrRestart,
}

impl Deed {
    /// By its word; the older words too.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "start" => Self::Start,
            "stop" => Self::Stop,
            "restart" => Self::Restart,
            "try-restart" | "condrestart" => Self::TryRestart,
            "reload" => Self::Reload,
            "reload-or-restart" => Self::ReloadOrRestart,
            "try-reload-or-restart" | "reload-or-try-restart" | "force-reload" | "condreload" => {
                Self::TryReloadOrRestart
            }
            _ => return None,
        })
    }

    /// What is asked of Rung for a unit in this state.
    fn verb(self, up: bool, reloads: bool) -> Verb {
        match self {
            Self::Start => Verb::Start,
            Self::Stop => Verb::Stop,
            Self::Restart => Verb::Restart,
            Self::TryRestart => Verb::TryRestart,
            Self::Reload => Verb::Reload,
            Self::ReloadOrRestart | Self::TryReloadOrRestart if up && reloads => Verb::Reload,
            Self::ReloadOrRestart => Verb::Restart,
            Self::TryReloadOrRestart => Verb::TryRestart,
        }
    }

    /// What is asked of an init script.
    fn action(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::TryRestart => "try-restart",
            Self::Reload => "reload",
            // LSB's word for just that.
            Self::ReloadOrRestart | Self::TryReloadOrRestart => "force-reload",
        }
    }
}

/// Does it for each of the names.
pub(super) fn run(options: &Options, word: &str, deed: Deed, names: &[String]) -> u8 {
    if names.is_empty() {
        return super::too_few();
    }
    let all = match look(names) {
        Ok(all) => all,
        Err(e) => return failed(word, "", &e),
    };
    let mut code = 0;
    let mut asked: Vec<(Verb, Vec<String>)> = Vec::new();
    for named in &all {
        match &named.found {
            Found::Unit(unit) if unit.load == LoadState::Masked && matches!(deed, Deed::Start | Deed::Restart) => {
                code = err_plain(&format!("Failed to {word} {0}: Unit {0} is masked.", named.name));
            }
            Found::Unit(unit) => {
                let verb = deed.verb(is_up(unit.state), can_reload(unit));
                let name = unit.name.as_str().to_owned();
                match asked.iter_mut().find(|(v, _)| *v == verb) {
                    Some((_, names)) => names.push(name),
                    None => asked.push((verb, vec![name])),
                }
            }
            Found::Script(path) => {
                let ended = script::clean(path).arg(deed.action()).status();
                let status = ended.ok().and_then(|s| s.code()).and_then(|c| u8::try_from(c).ok()).unwrap_or(1);
                if status != 0 {
                    err_plain(&format!(
                        "Job for {} failed: {} {} ended with {status}.",
                        named.name,
                        path.display(),
                        deed.action()
                    ));
                    code = status;
                }
            }
            Found::Nothing(nearest) => {
                let what = if deed == Deed::Stop { "loaded" } else { "found" };
                err_plain(&format!("Failed to {word} {0}: Unit {0} not {what}.{1}", named.name, near(nearest)));
                code = NO_UNIT;
            }
        }
    }
    for (verb, names) in asked {
        code = change(options, word, verb, &names).max(code);
    }
    code
}

/// Asks Rung for one verb, and tells what became of it.
pub(super) fn change(options: &Options, word: &str, verb: Verb, names: &[String]) -> u8 {
    match pid1::change(verb, names, !options.no_block) {
        Ok(progress) => told(options, word, names, &progress),
        Err(e) => failed(word, &names.join(" "), &e),
    }
}

fn told(options: &Options, word: &str, names: &[String], progress: &Progress) -> u8 {
    if !options.quiet {
        for note in &progress.notes {
            err_plain(note);
        }
    }
    progress.ended.iter().map(|end| one_told(options, word, names, end)).max().unwrap_or(0)
}

/// The exit status for one job's end.
fn one_told(options: &Options, word: &str, names: &[String], end: &JobEnd) -> u8 {
    let name = end.name.as_str();
    let asked = names.iter().any(|n| n == name);
    let reason = end.reason.as_deref();
    match &end.result {
        JobResult::Done | JobResult::Already => 0,
        JobResult::Skipped(_) => {
            if asked && !options.quiet {
                err_plain(&format!("{name} was not started: {}", reason.unwrap_or("a condition is not met")));
            }
            0
        }
        JobResult::Replaced => {
            if asked {
                err_plain(&format!("Job for {name} canceled."));
            }
            u8::from(asked)
        }
        JobResult::NotApplicable { reason } => {
            if asked {
                err_plain(&format!(
                    "Failed to {word} {name}: Job type {word} is not applicable for unit {name} ({reason})."
                ));
            }
            if asked { NOT_APPLICABLE } else { 0 }
        }
        JobResult::Failed(_) => {
            err_plain(&format!("Job for {name} failed: {}", reason.unwrap_or("no reason is known")));
            for line in &end.log {
                err_plain(&format!("  {line}"));
            }
            err_plain(&format!(
                "See \"systemctl status {name}\" and \"initctl logs {}\" for details.",
                end.name.short()
            ));
            u8::from(asked)
        }
    }
}

/// A request that Rung didn't take.
pub(super) fn failed(word: &str, names: &str, error: &Error) -> u8 {
    let names = if names.is_empty() { String::new() } else { format!(" {names}") };
    if error.is(errors::DENIED) {
        err_plain(&format!("Failed to {word}{names}: Access denied"));
        return DENIED;
    }
    err_plain(&format!("Failed to {word}{names}: {error}"))
}

/// `; did you mean …?`, or nothing.
pub(super) fn near(nearest: &[String]) -> String {
    let names: Vec<String> = nearest.iter().map(|n| format!("`{n}`")).collect();
    if names.is_empty() { String::new() } else { format!(" Did you mean {}?", names.join(" or ")) }
}

/// `kill`
pub(super) fn kill(options: &Options, names: &[String]) -> u8 {
    if names.is_empty() {
        return super::too_few();
    }
    let verb = Verb::Kill { signal: options.signal, whom: options.whom };
    each_unit(options, "kill", verb, names, "Failed to kill unit {}: Unit {} not loaded.")
}

/// `reset-failed`: of these, or of all that have failed.
pub(super) fn reset_failed(options: &Options, names: &[String]) -> u8 {
    if !names.is_empty() {
        let text = "Failed to reset failed state of unit {}: Unit {} not loaded.";
        return each_unit(options, "reset-failed", Verb::ResetFailed, names, text);
    }
    let failed = match list() {
        Ok(units) => units.into_iter().filter(|u| u.state == State::Failed),
        Err(e) => return self::failed("reset-failed", "", &e),
    };
    let names: Vec<String> = failed.map(|u| u.name.as_str().to_owned()).collect();
    if names.is_empty() { 0 } else { change(options, "reset-failed", Verb::ResetFailed, &names) }
}

fn each_unit(options: &Options, word: &str, verb: Verb, names: &[String], missing: &str) -> u8 {
    let all = match look(names) {
        Ok(all) => all,
        Err(e) => return failed(word, "", &e),
    };
    let (units, others): (Vec<Named>, Vec<Named>) = all.into_iter().partition(|n| n.unit().is_some());
    for other in &others {
        err_plain(&missing.replace("{}", &other.name));
    }
    let names: Vec<String> = units.iter().filter_map(Named::unit).map(|u| u.name.as_str().to_owned()).collect();
    let code = if names.is_empty() { 0 } else { change(options, word, verb, &names) };
    code.max(u8::from(!others.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_that_is_none_is_a_restart() {
        for (deed, up, reloads, verb) in [
            (Deed::ReloadOrRestart, true, true, Verb::Reload),
            (Deed::ReloadOrRestart, true, false, Verb::Restart),
            (Deed::ReloadOrRestart, false, true, Verb::Restart),
            (Deed::TryReloadOrRestart, false, true, Verb::TryRestart),
            (Deed::TryReloadOrRestart, true, true, Verb::Reload),
            (Deed::Reload, false, false, Verb::Reload),
        ] {
            assert_eq!(deed.verb(up, reloads), verb, "{deed:?} {up} {reloads}");
        }
        assert_eq!(Deed::of("force-reload"), Some(Deed::TryReloadOrRestart));
        assert_eq!(Deed::of("isolate"), None);
    }
}
