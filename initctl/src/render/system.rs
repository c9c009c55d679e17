//! `initctl status` without a name, `runlevel`, `version`.

use super::status::reason;
use super::{clean, word};
use crate::terminal::{Paint, Style};
use init::core::State;
use init::proto::control::{PowerWord, Runlevel, UnitStatus, Version};

/// What `runlevel(8)` prints: `N 3`; `None` while the machine boots.
pub fn runlevel(levels: &Runlevel) -> Option<String> {
    let current = levels.current?;
    Some(format!("{} {current}\n", levels.previous.map_or('N', |l| l.as_char())))
}

/// The system in a few lines.
pub fn system(version: &Version, levels: &Runlevel, units: &[UnitStatus], style: &Style) -> String {
    let mut text = style.paint(Paint::Bold, &format!("Rung {}", clean(&version.version)));
    text.push_str(&format!(", {}\n", standing(levels)));
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
    text
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
        text.push_str(&format!(", number {} since boot", v.managers + 1));
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
    use super::super::samples::{failed, idle, running};
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
        let units = [running("a"), running("b"), failed("c"), idle("d")];
        let wanted = "\
Rung 0.1.0, runlevel 3
  4 units: 2 active, 1 failed, 1 inactive
  failed c: ExecStart (/etc/rung/units/x.service:4) was killed by SIGSEGV
";
        assert_eq!(system(&version, &at(None, Some('3')), &units, &Style::default()), wanted);
    }

    #[test]
    fn the_version_never_says_upstart() {
        let version = Version { version: "0.1.0".into(), managers: 1, reexecs: 2 };
        assert!(!super::version(Some(&version)).contains("upstart"));
        assert!(super::version(None).starts_with("initctl "));
    }
}
