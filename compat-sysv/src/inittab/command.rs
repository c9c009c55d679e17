//! How a line's fourth field is run.

/// With one of these in it the text is a shell's.
const SHELL_CHARACTERS: &str = "~`!$^&*()=|\\{}[];\"'<>?";
/// More words are dropped.
const MAX_WORDS: usize = 14;

/// A fourth field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command<'a> {
    /// `+`: no records in utmp and wtmp.
    pub silent: bool,
    /// The text without the signs before it.
    pub text: &'a str,
    /// Who gets it.
    pub run: Run<'a>,
}

/// Who gets the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run<'a> {
    /// A program, found by `PATH`, with its arguments. None: there is nothing to run.
    Words(Vec<&'a str>),
    /// `/bin/sh -c TEXT`.
    Shell(&'a str),
}

/// Takes a fourth field apart: `+`, then `@` (never a shell), then the text.
pub fn command(process: &str) -> Command<'_> {
    let (silent, rest) = sign(process, '+');
    let (literal, text) = sign(rest, '@');
    let shell = !literal && text.contains(|c| SHELL_CHARACTERS.contains(c));
    let run = if shell { Run::Shell(text) } else { Run::Words(words(text)) };
    Command { silent, text, run }
}

fn sign(text: &str, sign: char) -> (bool, &str) {
    text.strip_prefix(sign).map_or((false, text), |rest| (true, rest))
}

/// `#` ends the line, also within a word.
fn words(text: &str) -> Vec<&str> {
    let text = text.split('#').next().unwrap_or_default();
    text.split([' ', '\t']).filter(|w| !w.is_empty()).take(MAX_WORDS).collect()
}
