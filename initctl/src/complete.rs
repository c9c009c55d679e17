//! Completion of the command line in bash, zsh and fish: the shell asks this program, which knows verbs, flags, units,
//! keys, signals and levels. What `initctl completion SHELL` prints tells the shell to ask.

use crate::exit::Failure;
use crate::own;
use clap::{Command, CommandFactory, Parser};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCandidates;
use clap_complete::env::{CompleteEnv, EnvCompleter, Shells};
use init::client::{Client, socket_path};
use init::core::State;
use init::proto::control::{UnitStatus, Units};
use init::proto::words::signal_name;
use init::unit::{Level, UnitName, keys};
use std::time::Duration;

/// The variable by which the shell's script says that it asks.
const ASKS: &str = "_INITCTL_COMPLETE";
/// Longer than this nobody waits for a list after a tab.
const PATIENCE: Duration = Duration::from_millis(400);

/// Answers the shell, if that is who asks. Whatever goes wrong, nothing is printed into the user's line.
pub fn answer<C: Parser>() -> bool {
    if std::env::var_os(ASKS).is_none() {
        return false;
    }
    let here = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(command::<C>).var(ASKS).try_complete(std::env::args_os(), here.as_deref());
    // Taken or not: a line that can't be completed gets no candidates.
    asked.unwrap_or(true)
}

/// The script for a shell.
///
/// # Errors
/// There is none for this one.
pub fn script(shell: &str) -> Result<String, Failure> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(shell) else {
        return Err(Failure::Other(format!("there is no completion for `{shell}`: bash, zsh and fish have one")));
    };
    registration(shell).map_err(|e| Failure::Other(e.to_string()))
}

fn registration(shell: &dyn EnvCompleter) -> std::io::Result<String> {
    let mut text = Vec::new();
    shell.write_registration(ASKS, "initctl", "initctl", "initctl", &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The command line with what its values may be.
fn command<C: CommandFactory>() -> Command {
    let mut command = C::command();
    let verbs: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for verb in verbs {
        let which = Which::of(&verb);
        command = command.mut_subcommand(&verb, |c| {
            c.mut_args(move |arg| {
                let shown: Vec<String> =
                    arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
                let id = arg.get_id().as_str().to_owned();
                match (shown.first().map(String::as_str), id.as_str()) {
                    (Some("NAME"), "names" | "name") | (_, "name" | "names") => {
                        arg.add(ArgValueCandidates::new(move || units(which)))
                    }
                    (Some("KEY=VALUE"), _) => arg.add(ArgValueCandidates::new(|| unit_keys("="))),
                    (Some("KEY"), _) => arg.add(ArgValueCandidates::new(|| unit_keys(""))),
                    (Some("SIGNAL"), _) => arg.add(ArgValueCandidates::new(signals)),
                    (Some("LEVELS"), _) => arg.add(ArgValueCandidates::new(level_sets)),
                    (Some("PAGE"), _) => arg.add(ArgValueCandidates::new(|| some(crate::man::names()))),
                    (Some("VERB"), "verb") => arg.add(ArgValueCandidates::new(|| some(crate::schema::verbs()))),
                    (Some("LEVEL"), _) | (_, "level") => arg.add(ArgValueCandidates::new(levels)),
                    (Some("STATE"), _) => arg.add(ArgValueCandidates::new(states)),
                    _ => arg,
                }
            })
        });
    }
    command
}

/// Which units a verb is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Up,
    Down,
    Failed,
    Masked,
    /// A name that is to be made up.
    None,
}

impl Which {
    fn of(verb: &str) -> Self {
        match verb {
            "start" => Self::Down,
            "stop" | "reload" | "try-restart" | "kill" | "top" | "ps" => Self::Up,
            "reset-failed" => Self::Failed,
            "unmask" => Self::Masked,
            "new" => Self::None,
            _ => Self::All,
        }
    }

    fn takes(self, unit: &UnitStatus) -> bool {
        use init::proto::control::LoadState;
        let up = matches!(unit.state, State::Active | State::Activating | State::Reloading);
        match self {
            Self::All => true,
            Self::Up => up,
            Self::Down => !up && unit.load != LoadState::Masked,
            Self::Failed => unit.state == State::Failed,
            Self::Masked => unit.load == LoadState::Masked,
            Self::None => false,
        }
    }
}

/// Units as the manager has them; without one, as the folders have them.
fn units(which: Which) -> Vec<CompletionCandidate> {
    if which == Which::None {
        return Vec::new();
    }
    let mut client = Client::new(socket_path()).patience(Duration::ZERO);
    let told: Result<Units, _> = client.call("List", &(), PATIENCE);
    match told {
        Ok(list) => {
            let fit = list.units.iter().filter(|u| which.takes(u));
            fit.map(|u| candidate(&u.name, Some(&u.description))).collect()
        }
        Err(_) => own::loader().names().iter().map(|n| candidate(n, None)).collect(),
    }
}

fn candidate(name: &UnitName, description: Option<&str>) -> CompletionCandidate {
    let help = description.filter(|d| *d != name.short()).map(|d| crate::render::clean(d).into());
    CompletionCandidate::new(name.short()).help(help)
}

fn unit_keys(after: &str) -> Vec<CompletionCandidate> {
    let shown = keys().filter(|k| !k.doc.starts_with("Older "));
    shown.map(|k| CompletionCandidate::new(format!("{}{after}", k.name)).help(Some(k.doc.into()))).collect()
}

/// Their short names; the long ones for those who begin to type one.
fn signals() -> Vec<CompletionCandidate> {
    let short = (1..32).map(|n| CompletionCandidate::new(signal_name(n).trim_start_matches("SIG")));
    short.chain((1..32).map(|n| CompletionCandidate::new(signal_name(n)).hide(true))).collect()
}

fn some<'a>(words: impl Iterator<Item = &'a str>) -> Vec<CompletionCandidate> {
    words.map(CompletionCandidate::new).collect()
}

/// The usual sets, then single levels.
fn level_sets() -> Vec<CompletionCandidate> {
    some(["2345", "345", "35"].into_iter()).into_iter().chain(levels()).collect()
}

fn levels() -> Vec<CompletionCandidate> {
    Level::ALL.iter().map(|l| CompletionCandidate::new(l.to_string())).collect()
}

fn states() -> Vec<CompletionCandidate> {
    ["active", "activating", "deactivating", "failed", "inactive", "reloading"].map(CompletionCandidate::new).into()
}
