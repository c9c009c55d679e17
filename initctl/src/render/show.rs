//! `initctl show`: KEY=VALUE, under systemd's names where it has them.

use super::clean;
use init::proto::control::UnitStatus;
use init::proto::words;
use init::unit::UnitName;

/// All properties of a unit, in order.
pub fn properties(unit: &UnitStatus) -> Vec<(String, String)> {
    let names = |list: &[UnitName]| list.iter().map(UnitName::as_str).collect::<Vec<_>>().join(" ");
    let number = |n: Option<i32>| n.unwrap_or(0).to_string();
    let json = |v: serde_json::Result<serde_json::Value>| {
        v.ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let files = unit.files.split_first();
    let mut all: Vec<(&str, String)> = vec![
        ("Id", unit.name.as_str().to_owned()),
        ("Description", unit.description.clone()),
        ("Documentation", unit.documentation.join(" ")),
        ("LoadState", json(serde_json::to_value(unit.load))),
        ("LoadError", unit.load_error.clone().unwrap_or_default()),
        ("ActiveState", words::state(unit.state).to_owned()),
        ("SubState", json(serde_json::to_value(unit.phase)).replace('_', "-")),
        ("StateChangeTimestampMs", unit.since_ms.unwrap_or(0).to_string()),
        ("MainPID", number(unit.main_pid)),
        ("ControlPID", number(unit.control_pid)),
        ("PIDs", unit.pids.iter().map(i32::to_string).collect::<Vec<_>>().join(" ")),
        ("Result", unit.outcome.as_ref().map_or("success", words::result).to_owned()),
        ("NRestarts", unit.restarts.to_string()),
        ("LastExit", unit.last_exit.map(words::exit).unwrap_or_default()),
        ("Reason", super::status::reason(unit).unwrap_or_default()),
        ("StatusText", unit.status_text.clone().unwrap_or_default()),
        ("StatusErrno", number(unit.status_errno)),
        ("StatusExit", unit.status_exit.clone().unwrap_or_default()),
        ("StatusBusError", unit.status_bus_error.clone().unwrap_or_default()),
        ("Job", unit.job.clone().unwrap_or_default()),
        ("Levels", unit.levels.clone()),
        ("Source", json(serde_json::to_value(unit.source))),
        ("FragmentPath", files.map(|(f, _)| f.clone()).unwrap_or_default()),
        ("DropInPaths", files.map(|(_, d)| d.join(" ")).unwrap_or_default()),
        ("NeedDaemonReload", if unit.changed_on_disk { "yes" } else { "no" }.to_owned()),
        ("Requires", names(&unit.requires)),
        ("Wants", names(&unit.wants)),
        ("After", names(&unit.after)),
        ("Before", names(&unit.before)),
        ("Conflicts", names(&unit.conflicts)),
    ];
    let known: Vec<&str> = all.iter().map(|(k, _)| *k).collect();
    let settings = unit.settings.iter().filter(|(k, _)| !known.contains(&k.as_str()));
    let settings: Vec<(&str, String)> = settings.map(|(k, v)| (k.as_str(), v.clone())).collect();
    all.extend(settings);
    all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// Those of the properties whose keys are wanted (all when none is), a line each.
pub fn lines(properties: &[(String, String)], wanted: &[String], bare: bool) -> String {
    let keep = |key: &str| wanted.is_empty() || wanted.iter().flat_map(|w| w.split(',')).any(|w| w == key);
    let line = |(key, value): &(String, String)| {
        let value = clean(value);
        if bare { format!("{value}\n") } else { format!("{key}={value}\n") }
    };
    properties.iter().filter(|(k, _)| keep(k)).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{failed, running};
    use super::*;

    #[test]
    fn keys_can_be_picked() {
        let all = properties(&running("nginx"));
        let wanted = ["MainPID,Type".to_owned(), "ActiveState".to_owned()];
        assert_eq!(lines(&all, &wanted, false), "ActiveState=active\nMainPID=812\nType=simple\n");
        assert_eq!(lines(&all, &wanted[..1], true), "812\nsimple\n");
        assert_eq!(lines(&all, &["None".to_owned()], false), "");
    }

    #[test]
    fn every_key_stands_once_on_one_line() {
        let mut unit = failed("x");
        unit.settings.push(("Description".into(), "again".into()));
        unit.reason = Some("two\nlines".into());
        let all = properties(&unit);
        let keys: std::collections::BTreeSet<_> = all.iter().map(|(k, _)| k).collect();
        assert_eq!(keys.len(), all.len());
        assert_eq!(lines(&all, &[], false).lines().count(), all.len());
    }
}
