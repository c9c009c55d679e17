//! `runlevel [UTMP]`: the previous and the current level.

use super::out;
use crate::pid1;
use crate::utmp::files;
use init::proto::control::{PowerWord, Runlevel};
use init::unit::Level;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

pub(super) const HELP: &str = "NAME0 [UTMP]

Prints the previous and the current runlevel: `N 3`, where N means none before. One that
is being entered counts already.
Asks Rung; where PID 1 is another init, or a file is named, reads the file (/run/utmp).
Prints `unknown` and exits with 1 when no level is known.

Options:
  --help, --version";

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let found = match args {
        [] => from_rung().or_else(|| from_files(Path::new("/run/utmp"))),
        [option] if option.starts_with('-') => {
            // As the original, which takes it for a file, ends.
            super::err(name, &format!("unknown option `{option}`"));
            None
        }
        [path] => files::levels(Path::new(path)),
        _ => return super::err_plain(&format!("Usage: {name} [UTMP]")),
    };
    match found {
        Some((previous, current)) => out(&format!("{previous} {current}")),
        None => {
            out("unknown");
            1
        }
    }
}

/// The current level, if anybody knows it.
pub(super) fn current() -> Option<Level> {
    let (_, level) = from_rung().or_else(|| from_files(Path::new("/run/utmp")))?;
    Level::from_char(level)
}

fn from_rung() -> Option<(char, char)> {
    let levels: Runlevel = pid1::client().patience(Duration::ZERO).call("Runlevel", &json!({}), pid1::PATIENCE).ok()?;
    show(&levels)
}

/// The level that is being entered counts, as in utmp.
fn show(levels: &Runlevel) -> Option<(char, char)> {
    let down = levels.going_down.map(|how| if how == PowerWord::Reboot { Level::REBOOT } else { Level::HALT });
    let current = levels.current?;
    let (previous, current) = match down.or(levels.switching_to) {
        Some(to) => (Some(current).filter(|level| *level != Level::S || levels.previous.is_some()), to),
        None => (levels.previous, current),
    };
    Some((previous.map_or('N', Level::as_char), current.as_char()))
}

fn from_files(utmp: &Path) -> Option<(char, char)> {
    files::levels(utmp).or_else(|| {
        let text = std::fs::read_to_string("/run/runlevel").ok()?;
        Some(('N', text.chars().next().filter(char::is_ascii_alphanumeric)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_runlevel_8_prints_it() {
        let none = Runlevel { previous: None, current: None, switching_to: None, going_down: None };
        let three = Level::from_char('3');
        assert_eq!(show(&none), None);
        assert_eq!(show(&Runlevel { current: three, ..none.clone() }), Some(('N', '3')));
        assert_eq!(show(&Runlevel { current: Some(Level::S), previous: three, ..none.clone() }), Some(('3', 'S')));
        let boots = Runlevel { current: Some(Level::S), switching_to: three, ..none.clone() };
        assert_eq!(show(&boots), Some(('N', '3')));
        assert_eq!(show(&Runlevel { current: None, switching_to: Some(Level::S), ..none.clone() }), None);
        let ends = Runlevel { current: three, going_down: Some(PowerWord::Reboot), ..none };
        assert_eq!(show(&ends), Some(('3', '6')));
    }
}
