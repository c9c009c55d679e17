//! `is-active`, `is-failed`, `is-enabled`, `is-system-running`.

use super::look::{Found, list, look};
use super::options::Options;
use super::switching;
use super::words::{is_on, is_up};
use crate::pid1;
use crate::shims::{err_plain, out, script};
use init::client::Error;
use init::core::State;
use init::proto::words;

/// Not running.
const NOT_ACTIVE: u8 = 3;
/// No such unit.
const UNKNOWN: u8 = 4;

/// `is-active`: succeeds if one of them is.
pub(super) fn is_active(options: &Options, names: &[String]) -> u8 {
    state(options, names, NOT_ACTIVE, is_up)
}

/// `is-failed`
pub(super) fn is_failed(options: &Options, names: &[String]) -> u8 {
    state(options, names, 1, |state| state == State::Failed)
}

fn state(options: &Options, names: &[String], no: u8, wanted: fn(State) -> bool) -> u8 {
    if names.is_empty() {
        return super::too_few();
    }
    let all = match look(names) {
        Ok(all) => all,
        Err(e) => return unreachable(&e),
    };
    let (mut hit, mut known) = (false, false);
    for named in &all {
        let state = match &named.found {
            Found::Unit(unit) => Some(unit.state),
            // LSB: 0 is running; there is no word for failed but a dead process with its traces.
            Found::Script(path) => {
                Some(match script::clean(path).arg("status").output().ok().and_then(|o| o.status.code()) {
                    Some(0) => State::Active,
                    Some(1 | 2) => State::Failed,
                    _ => State::Inactive,
                })
            }
            Found::Nothing(_) => None,
        };
        known |= state.is_some();
        hit |= state.is_some_and(wanted);
        if !options.quiet {
            out(state.map_or("inactive", words::state));
        }
    }
    match (hit, known) {
        (true, _) => 0,
        (false, true) => no,
        (false, false) if no == NOT_ACTIVE => UNKNOWN,
        (false, false) => no,
    }
}

/// `is-enabled`: succeeds if one of them is.
pub(super) fn is_enabled(options: &Options, names: &[String]) -> u8 {
    if names.is_empty() {
        return super::too_few();
    }
    let (mut on, mut known) = (false, false);
    for name in names {
        let word = match switching::state_of(options, name) {
            Ok(word) => word,
            Err(why) => return err_plain(&why),
        };
        known |= word != "not-found";
        on |= is_on(&word);
        if !options.quiet {
            out(&word);
        }
    }
    match (on, known) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => UNKNOWN,
    }
}

/// What is known of each; where nobody can be asked, nothing is.
fn unreachable(error: &Error) -> u8 {
    err_plain(&format!("Failed to retrieve unit state: {error}"));
    UNKNOWN
}

/// `is-system-running`: succeeds only for `running`.
pub(super) fn is_system_running(options: &Options) -> u8 {
    let word = system_state();
    if !options.quiet {
        out(word);
    }
    u8::from(word != "running")
}

/// systemd's word for the state of the whole.
pub(super) fn system_state() -> &'static str {
    let (Ok(levels), Ok(units)) = (pid1::runlevel(), list()) else { return "offline" };
    if levels.going_down.is_some() {
        return "stopping";
    }
    match (levels.current, levels.switching_to) {
        (None, _) => "initializing",
        (Some(_), Some(_)) => "starting",
        (Some(level), None) if !level.is_multi_user() => "maintenance",
        _ if units.iter().any(|u| u.state == State::Failed) => "degraded",
        _ => "running",
    }
}
