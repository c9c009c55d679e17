//! `status`: a page for each unit, laid out as systemctl's.

use super::changing::near;
use super::look::{Found, list, look};
use super::options::Options;
use super::switching::is_held;
use super::words::{file_state, is_up, load, source_path, sub};
use crate::pid1::{PATIENCE, client};
use crate::shims::clock::moment;
use crate::shims::{err_plain, out, script};
use init::client::run_dir;
use init::core::State;
use init::log::read;
use init::proto::control::{Names, Processes, UnitStatus};
use init::proto::words::{exit, result, state};
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Not running.
const NOT_ACTIVE: u8 = 3;
/// No such unit.
const UNKNOWN: u8 = 4;

/// `status [NAME…]`: 0 if all are up, 3 if one isn't, 4 if there is one that isn't known.
pub(super) fn run(options: &Options, names: &[String]) -> u8 {
    if names.is_empty() {
        return overview();
    }
    let names: Vec<String> = names.iter().map(|n| by_pid(n).unwrap_or_else(|| n.clone())).collect();
    let all = match look(&names) {
        Ok(all) => all,
        Err(e) => {
            err_plain(&format!("Failed to get unit status: {e}"));
            return UNKNOWN;
        }
    };
    let mut code = 0;
    for (index, named) in all.iter().enumerate() {
        if index > 0 {
            out("");
        }
        code = code.max(match &named.found {
            Found::Unit(unit) => {
                out(page(unit, options).trim_end());
                if matches!(unit.state, State::Inactive | State::Failed) { NOT_ACTIVE } else { 0 }
            }
            Found::Script(path) => script::clean(path)
                .arg("status")
                .status()
                .ok()
                .and_then(|s| s.code())
                .and_then(|c| u8::try_from(c).ok())
                .unwrap_or(UNKNOWN),
            Found::Nothing(nearest) => {
                err_plain(&format!("Unit {} could not be found.{}", named.name, near(nearest)));
                UNKNOWN
            }
        });
    }
    code
}

/// The unit that a process belongs to.
fn by_pid(word: &str) -> Option<String> {
    let pid: i32 = word.parse().ok()?;
    let all = client().call::<_, Processes>("Processes", &Names::default(), PATIENCE).ok()?;
    all.groups.into_iter().find(|g| g.pids.contains(&pid)).map(|g| g.name.as_str().to_owned())
}

fn overview() -> u8 {
    let units = list().unwrap_or_default();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let failed = units.iter().filter(|u| u.state == State::Failed).count();
    let jobs = units.iter().filter(|u| u.job.is_some()).count();
    out(&format!("● {}", host.trim()));
    out(&format!("    State: {}", super::asking::system_state()));
    out(&format!("    Units: {} loaded", units.len()));
    out(&format!("     Jobs: {jobs} queued"));
    out(&format!("   Failed: {failed} units"));
    0
}

fn page(unit: &UnitStatus, options: &Options) -> String {
    let terminal = std::io::stdout().is_terminal();
    let paint = |text: &str| match unit.state {
        State::Failed if terminal => format!("\x1b[0;1;31m{text}\x1b[0m"),
        state if is_up(state) && terminal => format!("\x1b[0;1;32m{text}\x1b[0m"),
        _ => text.to_owned(),
    };
    let dot = match unit.state {
        State::Failed => "×",
        State::Inactive => "○",
        State::Activating | State::Deactivating => "●",
        State::Reloading => "↻",
        State::Active => "●",
    };
    let mut text = format!("{} {}", paint(dot), unit.name.as_str());
    if unit.description != unit.name.short() {
        text += &format!(" - {}", clean(&unit.description));
    }
    text += "\n";
    let place = source_path(unit).or_else(|| unit.files.first().cloned());
    let held = is_held(unit.name.as_str());
    text += &match (&unit.load_error, place) {
        (Some(error), _) if load(unit.load) != "loaded" => {
            format!("     Loaded: {} (Reason: {})\n", load(unit.load), clean(error))
        }
        (_, Some(path)) => format!("     Loaded: {} ({path}; {})\n", load(unit.load), file_state(unit, held)),
        (_, None) => format!("     Loaded: {}\n", load(unit.load)),
    };
    text += &drop_ins(unit.files.get(1..).unwrap_or(&[]));
    text += &active(unit, paint);
    if let Some(pid) = unit.main_pid {
        text += &format!("   Main PID: {pid} ({})\n", name_of(pid));
    } else if let (Some(ended), false) = (unit.last_exit, is_up(unit.state)) {
        text += &format!("   Main PID: {}\n", exit(ended));
    }
    if let Some(pid) = unit.control_pid {
        text += &format!("    Control: {pid} ({})\n", name_of(pid));
    }
    if let Some(said) = &unit.status_text {
        text += &format!("     Status: \"{}\"\n", clean(said));
    }
    if !unit.pids.is_empty() {
        text += &format!("      Tasks: {}\n", unit.pids.len());
        text += "     CGroup: /\n";
        let last = unit.pids.len() - 1;
        for (index, pid) in unit.pids.iter().enumerate() {
            let branch = if index == last { "└─" } else { "├─" };
            text += &format!("             {branch}{pid} {}\n", command_of(*pid));
        }
    }
    if let Some(why) = &unit.reason
        && !is_up(unit.state)
    {
        text += &format!("\n{}\n", clean(why));
    }
    text + &log(unit, options.lines)
}

fn active(unit: &UnitStatus, paint: impl Fn(&str) -> String) -> String {
    let (word, detail) = (state(unit.state), sub(unit));
    let shown = if word == detail { word.to_owned() } else { format!("{word} ({detail})") };
    let mut text = format!("     Active: {}", paint(&shown));
    if let Some(outcome) = unit.outcome.as_ref().filter(|o| !is_up(unit.state) && result(o) != "success") {
        text += &format!(" (Result: {})", result(outcome));
    }
    if let Some(since) = unit.since_ms {
        text += &format!(" since {}; {} ago", moment(since), ago(now_ms().saturating_sub(since) / 1000));
    }
    text + "\n"
}

fn drop_ins(paths: &[String]) -> String {
    let mut text = String::new();
    let mut folders: Vec<(&Path, Vec<String>)> = Vec::new();
    for path in paths.iter().map(Path::new) {
        let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else { continue };
        let file = file.to_string_lossy().into_owned();
        match folders.last_mut() {
            Some((last, files)) if *last == folder => files.push(file),
            _ => folders.push((folder, vec![file])),
        }
    }
    for (index, (folder, files)) in folders.iter().enumerate() {
        let head = if index == 0 { "    Drop-In: " } else { "             " };
        text += &format!("{head}{}\n             └─{}\n", folder.display(), files.join(", "));
    }
    text
}

/// The last lines of the unit's log, as syslog would show them.
fn log(unit: &UnitStatus, count: usize) -> String {
    let lasting = std::env::var_os("RUNG_LOGDIR").filter(|d| !d.is_empty());
    let lasting = lasting.map_or_else(|| PathBuf::from("/var/log/rung"), PathBuf::from);
    // A log that can't be read is a smaller page, not a failure.
    let entries = read::tail(&lasting, &run_dir().join("log"), unit.name.short(), count).unwrap_or_default();
    let mut text = String::from(if entries.is_empty() { "" } else { "\n" });
    for entry in entries {
        let time = entry.time.get(..19).unwrap_or(&entry.time).replace('T', " ");
        text += &format!("{time} {}: {}\n", unit.name.short(), entry.text_lossy());
    }
    text
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

/// `42s`, `5min 3s`, `3h 4min`, `2 days`.
fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}min {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}min", seconds / 3600, seconds % 3600 / 60),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn name_of(pid: i32) -> String {
    clean(fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim())
}

fn command_of(pid: i32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&words).replace('\0', " ");
    if line.trim().is_empty() { format!("[{}]", name_of(pid)) } else { clean(line.trim()) }
}

/// What others wrote, on one line and harmless to terminals.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_drop_ins() {
        assert_eq!(
            [ago(5), ago(65), ago(7200), ago(90_000), ago(999_999)],
            ["5s", "1min 5s", "2h 0min", "1 day", "11 days"]
        );
        let paths = ["/etc/x.d/a.conf", "/etc/x.d/b.conf", "/run/x.d/c.conf"].map(str::to_owned);
        let text =
            "    Drop-In: /etc/x.d\n             └─a.conf, b.conf\n             /run/x.d\n             └─c.conf\n";
        assert_eq!(drop_ins(&paths), text);
    }
}
