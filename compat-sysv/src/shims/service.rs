//! `service NAME VERB`: Rung's units first, then the script in `/etc/init.d`.

use super::{err, err_plain, out};
use crate::pid1::{PATIENCE, client, is_absent, is_rung};
use init::client::{Error, Event, request_id};
use init::core::{JobResult, State, Verb};
use init::proto::control::{Change, LoadState, Names, Progress, UnitStatus, Units, errors};
use init::unit::{Source, UnitName};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(super) const HELP: &str = "NAME0 SERVICE VERB [ARG]...
       NAME0 SERVICE --full-restart
       NAME0 --status-all

Carries out a verb for a service, and waits until it is done. A unit of Rung's comes
first; a verb it doesn't have, and a service that is no unit, go to /etc/init.d/SERVICE,
in a clean environment (LANG, LANGUAGE, LC_*, PATH, TERM) and in /.

Verbs for units: start stop restart try-restart condrestart reload force-reload status

Options:
  --full-restart   stop, then start
  --status-all     a line a service: [ + ] running, [ - ] not, [ ? ] can't tell
  --help, --version";

/// Names in `/etc/init.d` that are no services.
const NO_SERVICES: &[&str] =
    &["functions", "halt", "killall", "single", "linuxconf", "kudzu", "skeleton", "README", "rc", "rcS", "reboot"];
/// … and endings of such names.
const NO_ENDINGS: &[&str] = &[".dpkg-dist", ".dpkg-old", "~", "bootclean.sh"];

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--status-all"] => status_all(),
        ["-h"] => err_plain(&format!("Usage: {}", HELP.replace("NAME0", name))),
        [service, "--full-restart"] => {
            let stopped = verb(service, "stop", &[]);
            if stopped == 0 { verb(service, "start", &[]) } else { stopped }
        }
        [service, action, rest @ ..] if !service.starts_with('-') => verb(service, action, rest),
        _ => err_plain(&format!("Usage: {name} SERVICE VERB [ARG]... | SERVICE --full-restart | --status-all")),
    }
}

fn verb(service: &str, action: &str, rest: &[&str]) -> u8 {
    let script = script(service);
    match unit(service) {
        Ok(Some(unit)) => match known(action) {
            Some(Wish::Status) if rest.is_empty() => return status(&unit),
            Some(Wish::Change(verb)) if rest.is_empty() => return change(service, &unit, verb),
            _ if script.is_none() => {
                return err(service, &format!("the unit has no verb `{action}`, and there is no init script"));
            }
            _ => {}
        },
        Ok(None) => {}
        Err(e) => return err(service, &e.to_string()),
    }
    match script {
        Some(script) => {
            let failed = clean(&script, action).args(rest).exec();
            err(service, &format!("{}: {failed}", script.display()))
        }
        None => err(service, "unrecognized service"),
    }
}

/// A verb that every unit has.
enum Wish {
    Status,
    Change(Verb),
}

fn known(action: &str) -> Option<Wish> {
    Some(Wish::Change(match action {
        "status" => return Some(Wish::Status),
        "start" => Verb::Start,
        "stop" => Verb::Stop,
        "restart" => Verb::Restart,
        "try-restart" | "condrestart" => Verb::TryRestart,
        "reload" | "force-reload" => Verb::Reload,
        _ => return None,
    }))
}

/// The unit of that name; `None` where Rung isn't here, knows none, or made it from the very script.
fn unit(service: &str) -> Result<Option<UnitStatus>, Error> {
    let Ok(full) = UnitName::new(service) else {
        return Ok(None);
    };
    if !is_rung() {
        return Ok(None);
    }
    match client().call::<_, Units>("Status", &Names { names: vec![full.to_string()] }, PATIENCE) {
        Ok(found) => Ok(found.units.into_iter().find(|u| u.load != LoadState::Missing && u.source != Source::Script)),
        Err(e) if e.is(errors::NO_SUCH_UNIT) || is_absent(&e) => Ok(None),
        Err(e) => Err(e),
    }
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

fn change(service: &str, unit: &UnitStatus, verb: Verb) -> u8 {
    let reload = verb == Verb::Reload;
    let wish = Change { verb, names: vec![unit.name.to_string()], request: request_id(), wait: true };
    let mut progress = Progress::default();
    let followed = client().follow("Change", &wish, None, &mut |event| {
        if let Event::Reply(more) = event {
            let more: Progress = more;
            progress.ended.extend(more.ended);
            progress.notes.extend(more.notes);
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
    let mut code = 0;
    for end in &progress.ended {
        let worth = match &end.result {
            JobResult::Done | JobResult::Already => continue,
            // LSB: the verb is a feature this service lacks.
            JobResult::NotApplicable { .. } if reload => 3,
            _ if end.name == unit.name => 1,
            _ => continue,
        };
        code = worth;
        err(end.name.short(), end.reason.as_deref().unwrap_or("failed"));
        for line in end.log.iter().map(|line| format!("  {line}")).chain(end.hint.clone()) {
            err_plain(&line);
        }
    }
    code
}

/// The executable script of that name.
fn script(service: &str) -> Option<PathBuf> {
    if service.is_empty() || service.contains('/') || service.starts_with('.') {
        return None;
    }
    let path = Path::new("/etc/init.d").join(service);
    executable(&path).then_some(path)
}

fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The script with one verb, in `/`, with an environment that doesn't depend on who calls.
fn clean(script: &Path, action: &str) -> Command {
    let mut command = Command::new(script);
    let keep = |name: &str| matches!(name, "LANG" | "LANGUAGE" | "PATH" | "TERM") || name.starts_with("LC_");
    command.arg(action).current_dir("/").env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(keep)));
    command
}

/// A sign for each service, by name; a unit's counts where there is a script of the same name.
fn status_all() -> u8 {
    let mut signs: BTreeMap<String, char> = BTreeMap::new();
    for entry in fs::read_dir("/etc/init.d").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let skipped = NO_SERVICES.contains(&name.as_str()) || NO_ENDINGS.iter().any(|end| name.ends_with(end));
        if !skipped && executable(&entry.path()) {
            signs.insert(name, '\0');
        }
    }
    let units: Result<Units, Error> =
        if is_rung() { client().call("List", &json!({}), PATIENCE) } else { Ok(Units::default()) };
    for unit in units.map(|units| units.units).unwrap_or_default() {
        if unit.source != Source::Script && unit.load == LoadState::Loaded {
            let sign = if matches!(unit.state, State::Active | State::Reloading) { '+' } else { '-' };
            signs.insert(unit.name.short().to_owned(), sign);
        }
    }
    for (name, sign) in signs {
        let sign = if sign == '\0' { ask(&Path::new("/etc/init.d").join(&name)) } else { sign };
        let line = format!(" [ {sign} ]  {name}");
        if sign == '?' {
            err_plain(&line)
        } else {
            out(&line)
        };
    }
    0
}

fn ask(script: &Path) -> char {
    let Ok(output) = clean(script, "status").stdin(Stdio::null()).output() else {
        return '?';
    };
    let mut text = String::from_utf8_lossy(&output.stdout).to_lowercase();
    text += &String::from_utf8_lossy(&output.stderr).to_lowercase();
    match (text.contains("usage:"), output.status.success() && !text.is_empty()) {
        (true, _) => '?',
        (false, true) => '+',
        (false, false) => '-',
    }
}
