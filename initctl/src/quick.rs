//! The questions that scripts ask all the time, without building the whole command line for each: `is-active NAME…` and
//! its like are understood here where nothing but names and the plainest flags is written; all else is for `cli`.

use crate::cli::{Cli, Global, IsEnabledArgs, Names, Verb};
use std::ffi::OsString;

/// The command line, if it is such a question.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Cli> {
    let mut global = Global::default();
    let mut words = Vec::new();
    for word in args.into_iter().skip(1) {
        match word.to_str()? {
            "-q" | "--quiet" => global.quiet = true,
            "-j" | "--json" => global.json = true,
            word if word.is_empty() || word.starts_with('-') => return None,
            word => words.push(word.to_owned()),
        }
    }
    if words.len() < 2 {
        return None;
    }
    let verb = match words.remove(0).as_str() {
        "is-active" => Verb::IsActive(Names { names: words }),
        "is-failed" => Verb::IsFailed(Names { names: words }),
        "is-enabled" => Verb::IsEnabled(IsEnabledArgs { names: words, root: None }),
        _ => return None,
    };
    Some(Cli { global, verb: Some(verb) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn line(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_is_understood_here_means_the_same_there() {
        for text in [
            "initctl is-active a",
            "initctl is-failed -q a b",
            "initctl --json is-enabled a",
            "initctl is-active a --quiet b*",
        ] {
            let (quick, slow) = (parse(line(text)).expect(text), Cli::try_parse_from(line(text)).expect(text));
            assert_eq!(format!("{quick:?}"), format!("{slow:?}"));
        }
    }

    #[test]
    fn all_else_is_left_to_the_command_line() {
        for text in
            ["initctl", "initctl is-active", "initctl is-active -h", "initctl is-active -- -a", "initctl list a"]
        {
            assert!(parse(line(text)).is_none(), "{text}");
        }
    }
}
