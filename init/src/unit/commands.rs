//! `Exec…=` lines → commands.

use super::keys::Build;
use super::value::{Bad, Value};
use super::words::{Word, quote};
use super::{Command, ExecKind};

/// Adds the commands of a line; an empty line drops those before it.
pub(super) fn set(b: &mut Build, kind: ExecKind, v: &Value<'_>) -> Result<(), Bad> {
    if v.text.is_empty() {
        b.unit.service.commands.retain(|(k, _)| *k != kind);
        return Ok(());
    }
    for words in v.words()?.split(|w| w.separator) {
        let Some((program, _)) = words.split_first() else { continue }; // `a ;` and `; ;` hold no command
        let (prefix, path) = prefixes(program);
        let command = Command {
            words: std::iter::once(path.to_owned()).chain(words.iter().skip(1).map(|w| w.text.clone())).collect(),
            ignore_failure: prefix.contains('-'),
            place: v.place(program.at),
        };
        check_prefix(b, kind, v, program, prefix)?;
        check_program(program, prefix, path)?;
        b.unit.service.commands.push((kind, command));
    }
    Ok(())
}

/// The characters before the program, and the program.
fn prefixes(program: &Word) -> (&str, &str) {
    let path = program.text.trim_start_matches(['-', '@', ':', '+', '!', '|']);
    (program.text.strip_suffix(path).unwrap_or(""), path)
}

fn check_prefix(b: &mut Build, kind: ExecKind, v: &Value<'_>, program: &Word, prefix: &str) -> Result<(), Bad> {
    for (index, c) in prefix.char_indices() {
        let what = match c {
            '@' => "another name as its zeroth argument",
            ':' => "no variables put in",
            '|' => "a shell around it",
            '!' if prefix.get(..index).is_some_and(|p| p.contains('!')) => continue, // `!!`
            '+' | '!' => {
                let at = program.at + index;
                b.privileged.push((kind, v.place(at), v.line.locate(v.offset + at).1));
                continue;
            }
            _ => continue,
        };
        return Err(Bad::new(program.at + index, format!("the prefix `{c}` ({what}) is not honoured yet"))
            .hint("known is `-`: a failure is passed over"));
    }
    Ok(())
}

fn check_program(program: &Word, prefix: &str, path: &str) -> Result<(), Bad> {
    let bad = |message: String| Bad::new(program.at + prefix.len(), message);
    if path.is_empty() {
        return Err(bad("no program stands here".into()));
    }
    if !path.starts_with('/') && path.contains('/') {
        return Err(bad(format!("`{path}` is a relative path"))
            .hint("write an absolute path, or the bare name of a program to look up in PATH"));
    }
    if path.ends_with('/') {
        return Err(bad(format!("`{path}` names a folder, not a program")));
    }
    if let Some(c) = path.chars().next().filter(|c| "\"'$&|<>".contains(*c)) {
        return Err(bad(format!("a program's name doesn't begin with `{c}`"))
            .hint("this is no shell line; write /bin/sh -c '…' for one"));
    }
    Ok(())
}

/// A command as it would be written.
pub(super) fn show_command(command: &Command) -> String {
    let words: Vec<String> = command.words.iter().map(|w| quote(w)).collect();
    format!("{}{}", if command.ignore_failure { "-" } else { "" }, words.join(" "))
}
