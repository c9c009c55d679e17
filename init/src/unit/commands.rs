//! `Exec…=` lines → commands.

use super::keys::Build;
use super::value::{Bad, Value};
use super::words::{Word, quote};
use super::{Command, ExecKind, Privilege};

/// Adds the commands of a line; an empty line drops those before it.
pub(super) fn set(b: &mut Build, kind: ExecKind, v: &Value<'_>) -> Result<(), Bad> {
    if v.text.is_empty() {
        b.unit.service.commands.retain(|(k, _)| *k != kind);
        return Ok(());
    }
    for words in v.words()?.split(|w| w.separator) {
        let Some((program, rest)) = words.split_first() else { continue }; // `a ;` and `; ;` hold no command
        let (prefix, path) = prefixes(program);
        let mut command = Command { place: v.place(program.at), ..Command::default() };
        let named = read_prefix(&mut command, program, prefix)?;
        check_program(program, prefix, path)?;
        let mut rest = rest.iter().map(|w| w.text.clone());
        if named {
            let zeroth = rest.next().ok_or_else(|| {
                Bad::new(program.at, "the prefix `@` wants a second word: the name the program is told")
                    .hint("add it behind the program, or leave the `@` out")
            })?;
            command.zeroth = Some(zeroth.into());
        }
        command.words = std::iter::once(path.to_owned()).chain(rest).collect();
        b.unit.service.commands.push((kind, command));
    }
    Ok(())
}

/// The characters before the program, and the program.
fn prefixes(program: &Word) -> (&str, &str) {
    let path = program.text.trim_start_matches(['-', '@', ':', '+', '!', '|']);
    (program.text.strip_suffix(path).unwrap_or(""), path)
}

/// Takes the prefixes in, in any order; whether there is an `@`.
fn read_prefix(command: &mut Command, program: &Word, prefix: &str) -> Result<bool, Bad> {
    let mut named = false;
    let mut before = ' ';
    let mut magic = false; // `!!`
    for (index, c) in prefix.char_indices() {
        let bad = |message: String| Bad::new(program.at + index, message);
        let twice = match c {
            '-' => std::mem::replace(&mut command.ignore_failure, true),
            '@' => std::mem::replace(&mut named, true),
            ':' => std::mem::replace(&mut command.literal, true),
            '!' if before == '!' && !magic => {
                magic = true;
                command.privilege = Privilege::Restricted;
                false
            }
            '+' | '!' if command.privilege != Privilege::Restricted || magic => {
                return Err(bad(format!("the prefix `{c}` stands beside another one that gives privileges"))
                    .hint("write `+` or `!` or `!!`, once"));
            }
            '+' => {
                command.privilege = Privilege::Full;
                false
            }
            '!' => {
                command.privilege = Privilege::Elevated;
                false
            }
            _ => {
                return Err(bad(format!("the prefix `{c}` (a shell around it) is not honoured"))
                    .hint("write /bin/sh -c '…'; known are `-`, `@`, `:`, `+`, `!`, `!!`"));
            }
        };
        if twice {
            return Err(bad(format!("the prefix `{c}` stands there twice")));
        }
        before = c;
    }
    Ok(named)
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
    let prefixes = [
        (command.ignore_failure, '-'),
        (command.zeroth.is_some(), '@'),
        (command.literal, ':'),
        (command.privilege == Privilege::Full, '+'),
        (command.privilege == Privilege::Elevated, '!'),
    ];
    let prefix: String = prefixes.iter().filter(|(on, _)| *on).map(|(_, c)| *c).collect();
    let mut words = command.words.iter();
    let program = words.next().unwrap_or_default();
    let words = std::iter::once(program).chain(command.zeroth.as_deref()).chain(words);
    format!("{prefix}{}", words.map(quote).collect::<Vec<_>>().join(" "))
}
