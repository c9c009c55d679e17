//! `initctl status` without a name, `runlevel`, `version`.

use super::amount::seconds;
use super::status::reason;
use super::{clean, clean_lines, time, word};
use crate::terminal::{Paint, Style};
use init::core::{Phase, State};
use init::proto::control::{PowerWord, Runlevel, UnitStatus, Version};
use init::unit::{Finding, Severity};

/// What `runlevel(8)` prints: `N 3`; `None` while the machine boots.
pub fn runlevel(levels: &Runlevel) -> Option<String> {
    let current = levels.current?;
    Some(format!("{} {current}\n", levels.previous.map_or('N', |l| l.as_char())))
}

/// The system in a few lines; `up`: for how long PID 1 has been running, milliseconds.
pub fn system(version: &Version, levels: &Runlevel, up: Option<u64>, units: &[UnitStatus], style: &Style) -> String {
    let mut text = style.paint(Paint::Bold, &format!("Rung {}", clean(&version.version)));
    text.push_str(&format!(", {}", standing(levels)));
    text.push_str(&up.map(|ms| format!(", up {}", seconds(ms))).unwrap_or_default());
    text.push('\n');
    let count = |wanted: &str| units.iter().filter(|u| word(u) == wanted).count();
    let mut counts = Vec::new();
    for state in ["active", "activating", "reloading", "deactivating", "failed", "bad", "masked", "inactive"] {
        let number = count(state);
        if number > 0 {
            counts.push(format!("{number} {state}"));
        }
    }
    text.push_str(&format!("  {} units: {}\n", units.len(), counts.join(", ")));
    for unit in units.iter().filter(|u| u.state == State::Failed || word(u) == "bad") {
        let why = reason(unit).or_else(|| unit.load_error.clone()).unwrap_or_default();
        let why = why.lines().next().unwrap_or("").to_owned();
        let name = style.paint(Paint::Bad, unit.name.short());
        text.push_str(format!("  {} {name}: {}", word(unit), clean(&why)).trim_end_matches([':', ' ']));
        text.push('\n');
    }
    for unit in units.iter().filter(|u| u.job.is_some() || u.phase == Phase::AutoRestart) {
        text.push_str(&format!("  {} {}\n", style.paint(Paint::Busy, unit.name.short()), going_on(unit)));
    }
    text
}

/// What is wrong with the settings, each finding as `verify` shows it.
pub fn settings(findings: &[Finding], style: &Style) -> String {
    let line = |f: &Finding| {
        let paint = if f.severity == Severity::Error { Paint::Bad } else { Paint::Busy };
        let text = clean_lines(&f.to_string());
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let rest: String = rest.lines().map(|l| format!("  {l}\n")).collect();
        format!("  {}\n{rest}", style.paint(paint, first))
    };
    findings.iter().map(line).collect()
}

/// What is under way at a unit: its job, what that waits for, when its time is up.
fn going_on(unit: &UnitStatus) -> String {
    let mut parts =
        vec![unit.job.as_deref().map_or("restarts by itself".to_owned(), |job| format!("has a {} job", clean(job)))];
    if !unit.waits_for.is_empty() {
        let names: Vec<String> = unit.waits_for.iter().take(4).map(ToString::to_string).collect();
        let more = unit.waits_for.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        parts.push(format!("waits for {}{more}", names.join(", ")));
    } else if unit.job.is_some() {
        parts.push(init::proto::words::phase_text(unit.phase).to_owned());
    }
    if let Some(ms) = unit.timeout_in_ms {
        let span = time::short(ms.saturating_add(999));
        parts.push(if unit.phase == Phase::AutoRestart { format!("in {span}") } else { format!("{span} left") });
    }
    parts.join(", ")
}

/// Where the machine stands, in words.
pub fn standing(levels: &Runlevel) -> String {
    match (levels.current, levels.switching_to, levels.going_down) {
        (_, _, Some(how)) => format!("going down ({})", power(how)),
        (Some(now), Some(next), None) => format!("switching from runlevel {now} to {next}"),
        (None, Some(next), None) => format!("booting to runlevel {next}"),
        (Some(now), None, None) => format!("runlevel {now}"),
        (None, None, None) => "booting".to_owned(),
    }
}

/// `power off`, …
pub fn power(how: PowerWord) -> &'static str {
    match how {
        PowerWord::Halt => "halt",
        PowerWord::PowerOff => "power off",
        PowerWord::Reboot => "reboot",
    }
}

/// The versions; the manager's where there is one.
pub fn version(manager: Option<&Version>) -> String {
    let mut text = format!("initctl {} (Rung)\n", env!("CARGO_PKG_VERSION"));
    if let Some(v) = manager {
        text.push_str(&format!("manager {}", clean(&v.version)));
        match v.managers {
            0 => text.push_str(", the first since boot"),
            n => text.push_str(&format!(", after {n} other{} since boot", if n == 1 { "" } else { "s" })),
        }
        match v.reexecs {
            0 => {}
            1 => text.push_str("; init executed itself anew once"),
            n => text.push_str(&format!("; init executed itself anew {n} times")),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples::{failed, idle, name, running};
    use super::*;
    use init::unit::Level;

    fn at(previous: Option<char>, current: Option<char>) -> Runlevel {
        let level = |c: Option<char>| c.and_then(Level::from_char);
        Runlevel { previous: level(previous), current: level(current), switching_to: None, going_down: None }
    }

    #[test]
    fn runlevels_print_as_runlevel_8_prints_them() {
        assert_eq!(runlevel(&at(None, Some('3'))).as_deref(), Some("N 3\n"));
        assert_eq!(runlevel(&at(Some('3'), Some('S'))).as_deref(), Some("3 S\n"));
        assert_eq!(runlevel(&at(None, None)), None);
    }

    #[test]
    fn the_system_in_a_few_lines() {
        let version = Version { version: "0.1.0".into(), managers: 0, reexecs: 0 };
        let (mut waiting, mut again) = (idle("d"), failed("e"));
        (waiting.job, waiting.waits_for) = (Some("start".into()), vec![name("a"), name("b")]);
        (again.state, again.phase, again.timeout_in_ms) = (State::Activating, Phase::AutoRestart, Some(2500));
        let units = [running("a"), running("b"), failed("c"), waiting, again];
        let wanted = "\
Rung 0.1.0, runlevel 3, up 1h 2min
  5 units: 2 active, 1 activating, 1 failed, 1 inactive
  failed c: ExecStart (/etc/rung/units/x.service:4) was killed by SIGSEGV
  d has a start job, waits for a, b
  e restarts by itself, in 3s
";
        assert_eq!(system(&version, &at(None, Some('3')), Some(3_723_456), &units, &Style::default()), wanted);
    }

    #[test]
    fn the_version_never_says_upstart() {
        let version = Version { version: "0.1.0".into(), managers: 1, reexecs: 2 };
        assert!(!super::version(Some(&version)).contains("upstart"));
        assert!(super::version(None).starts_with("initctl "));
    }
}
