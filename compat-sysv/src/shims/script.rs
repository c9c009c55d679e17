//! Scripts of `/etc/init.d`, run by whoever has no unit for them, and their own verbs as part of their units.

use super::err;
use super::farm::place::Place;
use crate::pid1::{PATIENCE, client};
use init::client::{in_unit, request_id};
use init::core::{State, Verb};
use init::proto::control::{Adopt, Adopted, Change, Progress, RunScript, ScriptCall, UnitStatus};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// What scripts get of the environment; on Red Hat's systems only the last two.
const KEPT: &[&str] = &[
    "LANG",
    "LANGUAGE",
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
    "LC_ALL",
    "PATH",
    "TERM",
];
/// What makes a process one of its unit's, where Rung gives it.
const MARKS: &str = "RUNG_";

/// Whether it is a file that may be run.
pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The script, in `/`, with an environment that doesn't depend on who calls.
pub(super) fn clean(script: &Path) -> Command {
    let mut command = Command::new(script);
    command.current_dir("/").env_clear();
    let red_hat = Place::new(None).is_red_hat();
    let kept = if red_hat { KEPT.get(KEPT.len().saturating_sub(2)..).unwrap_or(KEPT) } else { KEPT };
    command.envs(kept.iter().map(|name| (*name, std::env::var_os(name).unwrap_or_default())));
    command
}

/// Runs it to its end; its exit status as a shell has it.
pub(super) fn status_of(command: &mut Command, service: &str) -> u8 {
    match command.status() {
        Ok(status) => {
            let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
            code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
        }
        Err(e) => err(service, &e.to_string()),
    }
}

/// Runs a script's own verb on the caller's terminal and as part of its unit; afterwards Rung looks who is there, so that
/// a daemon that it has exchanged is supervised as the one before was. Without a unit the script runs as it is.
pub(super) fn own_verb(command: Command, unit: Option<&UnitStatus>, service: &str) -> u8 {
    let Some(unit) = unit else { return run(command, None, service) };
    let name = unit.name.short();
    let call = client().call("Run", &RunScript { name: name.to_owned() }, PATIENCE).ok();
    let stops = command.get_args().eq(["stop"]);
    let code = run(command, call.as_ref(), service);
    if stops && code == 0 && unit.state == State::Failed {
        // It has seen to what had failed. Where Rung can't be told the unit stays as it was.
        let names = vec![unit.name.as_str().to_owned()];
        let wish = Change { verb: Verb::ResetFailed, names, request: request_id(), wait: true };
        let _ = client().call::<_, Progress>("Change", &wish, PATIENCE);
    }
    // Where nothing runs there is nothing to take over.
    let _ = client().call::<_, Adopted>("Adopt", &Adopt { name: name.to_owned(), pid: None }, PATIENCE);
    code
}

fn run(mut command: Command, call: Option<&ScriptCall>, service: &str) -> u8 {
    let Some(call) = call else { return status_of(&mut command, service) };
    let mut inside = in_unit(call, command.get_program());
    inside.args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        // Only a clean call has a folder of its own, and an environment.
        inside.current_dir(folder).env_clear();
    }
    let given = |(name, value): (&OsStr, Option<&OsStr>)| value.map(|value| (name.to_owned(), value.to_owned()));
    inside.envs(command.get_envs().filter_map(given));
    inside.envs(call.environment.iter().filter(|(name, _)| name.starts_with(MARKS)).map(|(name, value)| (name, value)));
    status_of(&mut inside, service)
}
