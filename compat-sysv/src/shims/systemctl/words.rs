//! systemd's words for what Rung knows of a unit. Pure.

use init::core::{Phase, State};
use init::proto::control::{LoadState, UnitStatus};
use init::unit::Source;
use init::unit::name::Kind;

/// Kinds of units that systemd has and Rung hasn't: nothing of that name is ever there.
const FOREIGN: &[&str] = &["socket", "timer", "mount", "automount", "swap", "path", "slice", "scope", "device"];

/// A name as typed, or the kind of unit in it that Rung doesn't have. Names of unit files may come with their path.
pub(super) fn mangle(text: &str) -> Result<String, &'static str> {
    let name = if text.starts_with('/') { text.rsplit('/').next().unwrap_or(text) } else { text };
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    if let Some(kind) = FOREIGN.iter().find(|kind| **kind == suffix) {
        return Err(kind);
    }
    let known = Kind::ALL.iter().any(|kind| kind.suffix() == suffix);
    Ok(if known { name.to_owned() } else { format!("{name}.service") })
}

/// Whether it is a pattern for names.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// `LoadState`
pub(super) fn load(load: LoadState) -> &'static str {
    match load {
        LoadState::Loaded => "loaded",
        LoadState::Missing => "not-found",
        LoadState::Bad => "bad-setting",
        LoadState::Masked => "masked",
    }
}

/// `SubState`
pub(super) fn sub(unit: &UnitStatus) -> &'static str {
    match (unit.state, unit.phase) {
        (State::Failed, _) => "failed",
        (State::Active, _) if unit.name.kind() == Kind::Target => "active",
        (State::Inactive, Phase::Dead) | (_, Phase::Dead) => "dead",
        (_, Phase::Check | Phase::Condition) => "condition",
        (_, Phase::StartPre) => "start-pre",
        (_, Phase::Start) => "start",
        (_, Phase::StartPost) => "start-post",
        (_, Phase::Running) => "running",
        (_, Phase::Exited) => "exited",
        (_, Phase::Reload) => "reload",
        (_, Phase::Stop) => "stop",
        (_, Phase::StopSignal) => "stop-sigterm",
        (_, Phase::StopAbort) => "stop-watchdog",
        (_, Phase::StopKill) => "stop-sigkill",
        (_, Phase::StopPost) => "stop-post",
        (_, Phase::FinalSignal) => "final-sigterm",
        (_, Phase::FinalKill) => "final-sigkill",
        (_, Phase::AutoRestart) => "auto-restart",
    }
}

/// What `is-enabled` says of a unit that is on in `levels`, or is held by others (`held`).
pub(super) fn file_state(unit: &UnitStatus, held: bool) -> &'static str {
    let setting = |key: &str| unit.settings.iter().any(|(k, v)| k == key && !v.is_empty());
    let belongs = ["Runlevels", "WantedBy", "RequiredBy", "UpheldBy", "Alias"].into_iter().any(setting);
    match unit.load {
        LoadState::Missing => "not-found",
        LoadState::Masked => "masked",
        _ if !unit.levels.is_empty() || held => "enabled",
        LoadState::Bad => "bad",
        LoadState::Loaded if unit.source == Source::Generated => "static",
        LoadState::Loaded if belongs || unit.source.is_script() => "disabled",
        LoadState::Loaded if setting("Also") => "indirect",
        LoadState::Loaded => "static",
    }
}

/// Whether `is-enabled` succeeds with that word.
pub(super) fn is_on(file_state: &str) -> bool {
    matches!(file_state, "enabled" | "enabled-runtime" | "static" | "alias" | "indirect" | "generated")
}

/// Whether it is up.
pub(super) fn is_up(state: State) -> bool {
    matches!(state, State::Active | State::Reloading)
}

/// A setting's values, joined.
pub(super) fn setting(unit: &UnitStatus, key: &str) -> String {
    let values: Vec<&str> = unit.settings.iter().filter(|(k, _)| k == key).map(|(_, v)| v.as_str()).collect();
    values.join(" ")
}

/// Whether `reload` means something for it.
pub(super) fn can_reload(unit: &UnitStatus) -> bool {
    !setting(unit, "ExecReload").is_empty() || setting(unit, "Type") == "notify-reload"
}

/// What shows what a unit was made from: an init script.
pub(super) fn source_path(unit: &UnitStatus) -> Option<String> {
    Some(setting(unit, "SourcePath")).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_suffix_once() {
        assert_eq!(mangle("cron"), Ok("cron.service".into()));
        assert_eq!(mangle("cron.service"), Ok("cron.service".into()));
        assert_eq!(mangle("multi-user.target"), Ok("multi-user.target".into()));
        assert_eq!(mangle("/lib/systemd/system/a.b.service"), Ok("a.b.service".into()));
        assert_eq!(mangle("a.b"), Ok("a.b.service".into()));
        assert_eq!(mangle("dbus.socket"), Err("socket"));
    }
}
