//! `telinit [-t SECONDS] LEVEL`, `telinit -e VAR[=VALUE]`, and `init` with a PID that isn't 1.

use super::args::Args;
use super::{err, err_plain};
use crate::fifo::{self, Request};
use crate::pid1;
use init::proto::control::errors;
use init::unit::Level;
use std::path::Path;

pub(super) const HELP: &str = "NAME0 [-t SECONDS] LEVEL
       NAME0 -e VAR[=VALUE] [-e ...]

Tells init to change the runlevel, and doesn't wait until it has.

LEVEL:
  0, 6       power off, reboot
  1, S, s    single user
  2 3 4 5    the multi-user levels
  Q, q       read the units again
  U, u       execute init and its manager anew; services go on
  A, B, C    start what /etc/inittab has for them; the level stays
  7-9        (another init's levels: sent to it as they are)

Options:
  -t SECONDS         from now on, seconds between SIGTERM and SIGKILL for lines of
                     /etc/inittab; other units say TimeoutStopSec=
  -e VAR[=VALUE]     set or unset a variable, whose name begins with INIT_, for scripts and
                     lines of /etc/inittab; other units say Environment=
  --help, --version

Rung is asked by its control socket, another init by /run/initctl.";

/// What a letter asks of Rung.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Level(Level),
    Reload,
    Reexec,
    /// Levels 7 to 9, and a to c: other inits have them.
    Foreign,
}

fn meaning(letter: char) -> Option<Meaning> {
    Some(match letter.to_ascii_uppercase() {
        'Q' => Meaning::Reload,
        'U' => Meaning::Reexec,
        '7'..='9' | 'A'..='C' => Meaning::Foreign,
        // Level S is Rung's boot; what people mean by it is single user mode.
        'S' => Meaning::Level(Level::SINGLE),
        other => Meaning::Level(Level::from_char(other)?),
    })
}

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    if !pid1::may_ask() {
        return err(name, "must be superuser.");
    }
    let usage = |why: &str| {
        if !why.is_empty() {
            err(name, why);
        }
        err_plain(&format!("Usage: {name} {{-e VAR[=VAL] | [-t SECONDS] {{0|1|2|3|4|5|6|S|s|Q|q|A|a|B|b|C|c|U|u}}}}"))
    };
    let args = match Args::parse(args, "t:e:", &[]) {
        Ok(args) => args,
        Err(why) => return usage(&why),
    };
    let sleep_time = args.value('t').map_or(Ok(fifo::SLEEP_TIME), str::parse);
    let variables = args.values('e');
    match (args.words.as_slice(), sleep_time) {
        ([], Ok(_)) if !variables.is_empty() => set_env(name, variables),
        ([word], Ok(sleep_time)) if variables.is_empty() => {
            let mut letters = word.chars();
            match (letters.next().and_then(|c| Some((c, meaning(c)?))), letters.next()) {
                (Some((letter, meaning)), None) => ask(name, letter, meaning, sleep_time),
                _ => usage(&format!("`{word}` is no runlevel")),
            }
        }
        (_, Err(_)) => usage("-t wants a number of seconds"),
        ([], _) => usage(""),
        ([_], _) => usage("a runlevel and -e don't go together"),
        _ => usage("one runlevel at a time"),
    }
}

fn ask(name: &str, letter: char, meaning: Meaning, sleep_time: i32) -> u8 {
    let answer = match meaning {
        _ if !pid1::is_rung() => return by_fifo(name, letter, sleep_time),
        // It keeps the seconds, for this and what comes later.
        Meaning::Level(_) | Meaning::Reload if sleep_time != fifo::SLEEP_TIME && Path::new(fifo::PATH).exists() => {
            return by_fifo(name, letter, sleep_time);
        }
        // Lines of inittab: who listens at the FIFO knows them.
        Meaning::Foreign if letter.is_ascii_alphabetic() && Path::new(fifo::PATH).exists() => {
            return by_fifo(name, letter, sleep_time);
        }
        Meaning::Foreign => return err(name, &format!("Rung has no runlevel {letter}: S and 0 to 6 are")),
        Meaning::Level(level) => pid1::set_level(level),
        Meaning::Reload => pid1::reload(),
        Meaning::Reexec => pid1::reexec(),
    };
    match answer {
        Ok(()) => 0,
        Err(e) if pid1::is_absent(&e) => by_fifo(name, letter, sleep_time),
        Err(e) if e.is(errors::DENIED) => err(name, "must be superuser."),
        Err(e) => err(name, &e.to_string()),
    }
}

/// Without a listener nobody takes variables; say so, and don't fail scripts that set some.
fn set_env(name: &str, variables: Vec<String>) -> u8 {
    if pid1::is_rung() && !Path::new(fifo::PATH).exists() {
        err(name, "-e has no effect here: Rung's units say Environment=");
        return 0;
    }
    let request = Request::SetEnv(variables);
    if request.encode().is_none() {
        return err(name, &format!("the variables don't fit into {} bytes", fifo::DATA_LEN));
    }
    write(name, &request)
}

fn by_fifo(name: &str, letter: char, sleep_time: i32) -> u8 {
    let level = u8::try_from(letter).unwrap_or(0);
    write(name, &Request::RunLevel { level, sleep_time })
}

fn write(name: &str, request: &Request) -> u8 {
    match pid1::write_fifo(Path::new(fifo::PATH), request) {
        Ok(()) => 0,
        Err(why) => err(name, &pid1::nobody(&why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_sysvinit_means_something() {
        for letter in "0123456789SsQqAaBbCcUu".chars() {
            assert!(meaning(letter).is_some(), "{letter}");
        }
        for letter in ['x', 'N', '#', '*', 'é'] {
            assert_eq!(meaning(letter), None, "{letter}");
        }
        assert_eq!(
            [meaning('s'), meaning('S')],
            [Some(Meaning::Level(Level::SINGLE)), Some(Meaning::Level(Level::SINGLE))]
        );
        assert_eq!(meaning('q'), Some(Meaning::Reload));
        assert_eq!(meaning('U'), Some(Meaning::Reexec));
        assert_eq!(meaning('b'), Some(Meaning::Foreign));
    }
}
