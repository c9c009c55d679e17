//! Patterns in place of names: `stop 'web@*'`. They are taken for the units there are, before the verb is asked for.

use super::Context;
use super::plan::{self, What};
use crate::cli::Verb;
use crate::exit::{Failure, NO_UNIT, UNKNOWN};
use init::core::State;
use init::proto::control::{LoadState, Planned, Progress, UnitStatus, Units};
use init::unit::{UnitName, glob};

/// Among which units a verb looks for those that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Among {
    /// All there are.
    Known,
    /// Those that can be started.
    Whole,
    /// Those that run, or come up or go down.
    Up,
    /// Those that have failed.
    Failed,
}

impl Among {
    fn takes(self, unit: &UnitStatus) -> bool {
        let down = matches!(unit.state, State::Inactive | State::Failed);
        match self {
            Self::Known => unit.load != LoadState::Missing || !down,
            Self::Whole => unit.load == LoadState::Loaded,
            Self::Up => !down,
            Self::Failed => unit.state == State::Failed,
        }
    }

    /// “no … fits”.
    fn words(self) -> &'static str {
        match self {
            Self::Known => "unit",
            Self::Whole => "unit that could be started",
            Self::Up => "unit that runs",
            Self::Failed => "unit that has failed",
        }
    }
}

/// Whether a unit's name, with or without its suffix, fits a pattern.
pub fn fits(pattern: &str, name: &UnitName) -> bool {
    glob::matches(pattern, name.short()) || glob::matches(pattern, name.as_str())
}

/// No unit's name holds one of these.
fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The verb's names, where it takes patterns for them.
fn names_of(verb: &mut Verb) -> Option<(&mut Vec<String>, Among)> {
    Some(match verb {
        Verb::Start(args) => (&mut args.names, Among::Whole),
        Verb::Stop(args) | Verb::Restart(args) | Verb::TryRestart(args) => (&mut args.names, Among::Up),
        Verb::Reload(args) => (&mut args.names, Among::Up),
        Verb::Kill(args) => (&mut args.names, Among::Up),
        Verb::Ps(args) => (&mut args.names, Among::Known),
        Verb::ResetFailed(args) => (&mut args.names, Among::Failed),
        Verb::Status(args) => (&mut args.names, Among::Known),
        Verb::Cat(args) | Verb::IsActive(args) | Verb::IsFailed(args) => (&mut args.names, Among::Known),
        Verb::IsEnabled(args) if args.root.is_none() => (&mut args.names, Among::Known),
        Verb::Show(args) => (&mut args.names, Among::Known),
        Verb::Wait(args) => (&mut args.names, Among::Known),
        Verb::Levels(args) => (&mut args.names, Among::Known),
        Verb::Tree(args) => (&mut args.names, Among::Known),
        Verb::Deps(args) => (&mut args.names, Among::Known),
        Verb::Plan(args) => match args.verb {
            What::Start => (&mut args.names, Among::Whole),
            What::Stop | What::Restart | What::TryRestart | What::Reload => (&mut args.names, Among::Up),
            What::ResetFailed => (&mut args.names, Among::Failed),
            _ => return None,
        },
        _ => return None,
    })
}

/// Puts names in the place of the verb's patterns. A pattern that fits nothing is told; `false`: nothing is left to be
/// done, and that was printed.
///
/// # Errors
/// No unit fits where the verb is for any, or the manager doesn't answer.
pub fn expand(c: &mut Context, verb: &mut Verb) -> Result<bool, Failure> {
    let none = if super::kind(verb) == crate::exit::Kind::Question { UNKNOWN } else { NO_UNIT };
    let Some((names, among)) = names_of(verb).filter(|(names, _)| names.iter().any(|n| is_pattern(n))) else {
        return Ok(true);
    };
    let all: Units = c.ask("List", &())?;
    let mut found: Vec<String> = Vec::new();
    for text in names.drain(..) {
        if !is_pattern(&text) {
            found.push(text);
            continue;
        }
        let fit = all.units.iter().filter(|u| among.takes(u) && fits(&text, &u.name));
        let fit: Vec<String> = fit.map(|u| u.name.as_str().to_owned()).collect();
        if fit.is_empty() {
            let known = all.units.iter().any(|u| Among::Known.takes(u) && fits(&text, &u.name));
            c.out.message(&match known {
                true => format!("no {} fits `{text}`\n  try: initctl list '{text}'", among.words()),
                false => format!("no unit fits `{text}`\n  try: initctl list"),
            });
        }
        for name in fit {
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    *names = found;
    match (names.is_empty(), among) {
        (false, _) => Ok(true),
        // As a name whose unit is down already.
        (true, Among::Up | Among::Failed) => {
            if c.out.global.dry_run || matches!(verb, Verb::Plan(_)) {
                plan::print(c, &Planned::default())?;
            } else {
                c.out.data(&Progress { done: true, ..Progress::default() }, |_, _| String::new())?;
            }
            Ok(false)
        }
        (true, Among::Known | Among::Whole) => Err(Failure::Status(none)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{failed, idle, running};

    #[test]
    fn verbs_look_among_the_units_they_are_for() {
        let mut missing = idle("gone");
        missing.load = LoadState::Missing;
        let mut masked = idle("masked");
        masked.load = LoadState::Masked;
        let units = [running("up"), failed("bad"), idle("down"), missing, masked];
        let taken = |among: Among| {
            let taken = units.iter().filter(|u| among.takes(u)).map(|u| u.name.short());
            taken.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(taken(Among::Known), "up bad down masked");
        assert_eq!(taken(Among::Whole), "up bad down");
        assert_eq!((taken(Among::Up), taken(Among::Failed)), ("up".to_owned(), "bad".to_owned()));
    }

    #[test]
    fn a_name_is_no_pattern() {
        assert!(!is_pattern("getty@tty1") && !is_pattern("a\\x2db.service"));
        assert!(is_pattern("php*") && is_pattern("web@?.service") && is_pattern("[a-c]"));
        let name = UnitName::new("web@1").expect("a name");
        assert!(fits("web@*", &name) && fits("*.service", &name) && !fits("web@", &name));
    }
}
