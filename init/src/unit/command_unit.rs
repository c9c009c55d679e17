//! The unit behind `init -- CMD ARGS…`: one command in the foreground, whose end is the container's end. Pure.

use super::{
    Command, ExecKind, Input, KillMode, Output, Service, ServiceType, Setup, Source, Timing, Unit, UnitName,
    WorkingDirectory,
};
use std::path::PathBuf;
use std::time::Duration;

/// Its name.
pub const NAME: &str = "command.service";
/// Between SIGTERM and SIGKILL: within the 10 s that container managers give a container.
const TIMEOUT_STOP: Duration = Duration::from_secs(8);

/// What stands behind `--` among the arguments of `init`; `None` where there is no command.
pub fn command(args: &[String]) -> Option<&[String]> {
    let at = args.iter().position(|a| a == "--")?;
    args.get(at + 1..).filter(|words| words.first().is_some_and(|w| !w.is_empty()))
}

/// The unit for `words`, run with the environment and in the directory that PID 1 was started with; both are taken
/// as they are, nothing in them is expanded.
///
/// # Errors
/// A sentence, when there is no command.
pub fn command_unit(
    words: &[String],
    environment: impl IntoIterator<Item = (String, String)>,
    directory: Option<PathBuf>,
) -> Result<Unit, String> {
    if words.first().is_none_or(String::is_empty) {
        return Err("no command stands behind `--`".to_owned());
    }
    let mut unit = Unit::new(UnitName::new(NAME)?);
    unit.description = Some(words.join(" ").into());
    unit.source = Source::Generated;
    // These words had their chance of variables in the shell that gave them.
    let run = Command { words: words.iter().collect(), literal: true, ..Command::default() };
    unit.service = Service {
        kind: ServiceType::Exec,
        commands: vec![(ExecKind::Start, run)],
        essential: true,
        timing: Timing { timeout_start: None, timeout_stop: Some(TIMEOUT_STOP), ..Timing::default() }.into(),
        // The command decides what its children get; what it leaves behind is killed.
        kill_mode: KillMode::Mixed,
        setup: Setup {
            environment: environment.into_iter().collect(),
            working_directory: directory.map(|path| WorkingDirectory { path: Some(path), optional: true }),
            input: Input::Inherit,
            output: Output::Raw,
            error: Output::Raw,
            ..Setup::default()
        }
        .into(),
        ..Service::default()
    };
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| w.to_string()).collect()
    }

    #[test]
    fn the_command_stands_behind_the_dashes() {
        assert_eq!(command(&words(&["quiet", "--", "sh", "-c", "--"])), Some(words(&["sh", "-c", "--"]).as_slice()));
        for none in [&["3"] as &[&str], &["--"], &["--", ""], &[]] {
            assert_eq!(command(&words(none)), None);
        }
    }

    #[test]
    fn the_unit_runs_the_words_as_they_are() {
        let env = [("A".to_owned(), "$B %n".to_owned())];
        let unit =
            command_unit(&words(&["sh", "-c", "echo $HOME $$"]), env.clone(), Some("/srv".into())).expect("unit");
        let service = &unit.service;
        let commands: Vec<_> = service.commands(ExecKind::Start).map(|c| c.words.to_vec()).collect();
        assert_eq!(commands, [words(&["sh", "-c", "echo $HOME $$"])]);
        assert_eq!((unit.name.as_str(), unit.source, service.essential), (NAME, Source::Generated, true));
        assert_eq!((&service.input, &service.output, &service.error), (&Input::Inherit, &Output::Raw, &Output::Raw));
        assert_eq!(service.environment, env);
        assert!(command_unit(&[], [], None).is_err());
    }
}
