//! `show`: KEY=VALUE, under systemd's names and in its forms, as tools read them.

use super::look::{Found, look};
use super::options::Options;
use super::switching::is_held;
use super::words::{can_reload, file_state, is_up, load, mangle, setting, source_path, sub};
use crate::pid1;
use crate::shims::clock::moment;
use crate::shims::{err_plain, out};
use init::core::{ExitRecord, State};
use init::proto::control::{LoadState, UnitStatus};
use init::proto::words::{result, state};
use init::unit::UnitName;

/// A key and its value.
type Property = (String, String);

/// `show [NAME…]`; without a name, the manager's own.
pub(super) fn run(options: &Options, names: &[String]) -> u8 {
    if names.is_empty() {
        print(options, &manager());
        return 0;
    }
    let all = match look(names) {
        Ok(all) => all,
        Err(e) => return err_plain(&format!("Failed to get properties: {e}")),
    };
    for (index, named) in all.iter().enumerate() {
        if index > 0 {
            out("");
        }
        let properties = match &named.found {
            Found::Unit(unit) => properties(unit, &named.name, file_state(unit, is_held(unit.name.as_str()))),
            // A script that PID 1 doesn't know runs, or doesn't: nobody watches it.
            Found::Script(path) => {
                let path = path.display().to_string();
                let enabled = super::files::state(None, &named.name);
                absent(&named.name, "loaded", &[("SourcePath", path), ("UnitFileState", enabled)])
            }
            Found::Nothing(_) => absent(&named.name, "not-found", &[]),
        };
        print(options, &properties);
    }
    0
}

/// What is known of a name that is no unit of Rung's.
fn absent(name: &str, load: &str, more: &[(&str, String)]) -> Vec<Property> {
    let fixed = [
        ("Id", name),
        ("Names", name),
        ("Description", name),
        ("LoadState", load),
        ("ActiveState", "inactive"),
        ("SubState", "dead"),
        ("MainPID", "0"),
        ("ControlPID", "0"),
        ("Result", "success"),
        ("NRestarts", "0"),
        ("CanStart", if load == "loaded" { "yes" } else { "no" }),
        ("CanStop", if load == "loaded" { "yes" } else { "no" }),
        ("CanReload", "no"),
        ("NeedDaemonReload", "no"),
        ("FragmentPath", ""),
        ("SourcePath", ""),
        ("UnitFileState", ""),
        ("Triggers", ""),
        ("TriggeredBy", ""),
    ];
    let given = |key: &str| more.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone());
    fixed.into_iter().map(|(k, v)| (k.to_owned(), given(k).unwrap_or_else(|| v.to_owned()))).collect()
}

/// Prints what was asked for, in the order it was asked for; without that, all that has a value (`--all`: the rest too).
fn print(options: &Options, properties: &[Property]) {
    let line = |key: &str, value: &str| {
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        out(&if options.value { value } else { format!("{key}={value}") });
    };
    if options.properties.is_empty() {
        properties.iter().filter(|(_, v)| options.all || !v.is_empty()).for_each(|(k, v)| line(k, v));
        return;
    }
    for key in &options.properties {
        properties.iter().filter(|(k, _)| k.eq_ignore_ascii_case(key)).for_each(|(k, v)| line(k, v));
    }
}

/// The manager's.
fn manager() -> Vec<Property> {
    let version = pid1::version().map(|v| v.version).unwrap_or_default();
    let level = pid1::runlevel().ok().and_then(|l| l.current).map(|l| l.to_string()).unwrap_or_default();
    let units = super::look::list().unwrap_or_default();
    let failed = units.iter().filter(|u| u.state == State::Failed).count();
    let jobs = units.iter().filter(|u| u.job.is_some()).count();
    let texts = [
        ("Version", format!("Rung {version}")),
        ("SystemState", super::asking::system_state().to_owned()),
        ("Runlevel", level),
        ("NNames", units.len().to_string()),
        ("NFailedUnits", failed.to_string()),
        ("NJobs", jobs.to_string()),
        ("Virtualization", String::new()),
    ];
    texts.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// All properties of a unit, asked for by `name`. Pure but for local time.
pub(super) fn properties(unit: &UnitStatus, name: &str, file_state: &str) -> Vec<Property> {
    let names = |list: &[UnitName]| list.iter().map(UnitName::as_str).collect::<Vec<_>>().join(" ");
    let relation = |word: &str| {
        unit.relations.iter().filter(|(w, _)| w == word).map(|(_, n)| n.as_str()).collect::<Vec<_>>().join(" ")
    };
    let yes = |b: bool| if b { "yes" } else { "no" }.to_owned();
    let id = unit.name.as_str();
    let (files, up) = (unit.files.split_first(), is_up(unit.state));
    let since = |wanted: bool| unit.since_ms.filter(|_| wanted).map(moment).unwrap_or_default();
    let (code, status) = match unit.last_exit {
        Some(ExitRecord::Code(code)) => (libc::CLD_EXITED, code),
        Some(ExitRecord::Signal(n)) => (libc::CLD_KILLED, n),
        Some(ExitRecord::Core(n)) => (libc::CLD_DUMPED, n),
        _ => (0, 0),
    };
    let loaded = unit.load == LoadState::Loaded;
    let mut all: Vec<(&str, String)> = vec![
        ("Id", id.to_owned()),
        ("Names", if mangle(name).is_ok_and(|n| n != id) { format!("{id} {name}") } else { id.to_owned() }),
        ("Description", unit.description.clone()),
        ("LoadState", load(unit.load).to_owned()),
        ("LoadError", unit.load_error.clone().filter(|_| !loaded).unwrap_or_default()),
        ("ActiveState", state(unit.state).to_owned()),
        ("SubState", sub(unit).to_owned()),
        ("FragmentPath", files.map(|(f, _)| f.clone()).unwrap_or_default()),
        ("SourcePath", source_path(unit).unwrap_or_default()),
        ("DropInPaths", files.map(|(_, d)| d.join(" ")).unwrap_or_default()),
        ("UnitFileState", file_state.to_owned()),
        ("UnitFilePreset", String::new()),
        ("StateChangeTimestamp", since(true)),
        ("ActiveEnterTimestamp", since(up)),
        ("InactiveEnterTimestamp", since(!up)),
        ("CanStart", yes(loaded && setting(unit, "RefuseManualStart") != "yes")),
        ("CanStop", yes(setting(unit, "RefuseManualStop") != "yes")),
        ("CanReload", yes(can_reload(unit))),
        ("CanIsolate", "no".to_owned()),
        ("NeedDaemonReload", "no".to_owned()),
        ("Job", unit.job.clone().unwrap_or_default()),
        ("MainPID", unit.main_pid.unwrap_or(0).to_string()),
        ("ControlPID", unit.control_pid.unwrap_or(0).to_string()),
        ("ExecMainPID", unit.main_pid.unwrap_or(0).to_string()),
        ("ExecMainCode", code.to_string()),
        ("ExecMainStatus", status.to_string()),
        ("TasksCurrent", unit.pids.len().to_string()),
        ("Result", unit.outcome.as_ref().map_or("success", result).to_owned()),
        ("NRestarts", unit.restarts.to_string()),
        ("StatusText", unit.status_text.clone().unwrap_or_default()),
        ("StatusErrno", unit.status_errno.unwrap_or(0).to_string()),
        ("Requires", names(&unit.requires)),
        ("Requisite", relation("requisite")),
        ("Wants", names(&unit.wants)),
        ("BindsTo", relation("binds_to")),
        ("PartOf", relation("part_of")),
        ("Conflicts", names(&unit.conflicts)),
        ("Before", names(&unit.before)),
        ("After", names(&unit.after)),
        ("OnFailure", relation("on_failure")),
        ("Triggers", String::new()),
        ("TriggeredBy", String::new()),
        ("WantedBy", String::new()),
        ("Following", String::new()),
        ("Transient", "no".to_owned()),
    ];
    let known: Vec<&str> = all.iter().map(|(k, _)| *k).collect();
    let mut settings: Vec<(&str, String)> = Vec::new();
    for (key, value) in unit.settings.iter().filter(|(k, _)| !known.contains(&k.as_str())) {
        let command = key.starts_with("Exec") && !value.is_empty() && COMMANDS.contains(&key.as_str());
        match settings.last_mut() {
            // A list's values stand on one line; commands each on their own.
            Some((last, text)) if *last == key && !command => *text = format!("{text} {value}"),
            _ => settings.push((key, if command { exec(value) } else { value.clone() })),
        }
    }
    all.extend(settings);
    all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

const COMMANDS: [&str; 7] =
    ["ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"];

/// A command as systemd shows it: `{ path=… ; argv[]=… ; ignore_errors=no }`.
fn exec(line: &str) -> String {
    let text = line.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    let prefix = line.get(..line.len().saturating_sub(text.len())).unwrap_or("");
    let path = text.split_whitespace().next().unwrap_or("").trim_matches('"');
    let ignored = if prefix.contains('-') { "yes" } else { "no" };
    format!("{{ path={path} ; argv[]={text} ; ignore_errors={ignored} }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_show_their_program() {
        assert_eq!(exec("/bin/sleep inf"), "{ path=/bin/sleep ; argv[]=/bin/sleep inf ; ignore_errors=no }");
        assert!(exec("-/bin/a \"b c\"").starts_with("{ path=/bin/a ; argv[]=/bin/a \"b c\" ; ignore_errors=yes"));
    }
}
