//! One line of tmpfiles.d(5), as text. Pure.

use super::specifier::{self, Facts};

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `f`, `F`: a file, `replace`: with its text written anew.
    File {
        /// Also where there is one.
        replace: bool,
    },
    /// `w`: text into what is there.
    Write {
        /// Behind what it holds.
        append: bool,
    },
    /// `d`, `v`, `q`, `Q`; `D` is emptied first.
    Folder {
        /// Its contents go.
        empty: bool,
    },
    /// `e`: mode and owner of folders that are there.
    Adjust,
    /// `p`
    Fifo,
    /// `L`
    Link {
        /// `?`: only if its target is there.
        only_if_there: bool,
    },
    /// `c`, `b`
    Device {
        /// A character device.
        character: bool,
    },
    /// `C`
    Copy,
    /// `r`
    Remove,
    /// `R`
    RemoveTree,
    /// `z`
    Own,
    /// `Z`
    OwnTree,
    /// `x`, `X` (what ageing leaves alone: nothing ages here), and attributes and access lists, which aren't set.
    Pass {
        /// Nothing is lost by that.
        silent: bool,
    },
}

/// A mode and how it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// The bits.
    pub bits: u32,
    /// `~`: no right that the present mode lacks.
    pub masked: bool,
    /// `:`: for what is made anew only.
    pub only_new: bool,
}

/// Whom something belongs to, by name or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The name.
    pub name: String,
    /// `:`: for what is made anew only.
    pub only_new: bool,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it does.
    pub kind: Kind,
    /// `!`: while booting only.
    pub boot_only: bool,
    /// `-`: a failure is no matter.
    pub optional: bool,
    /// `=`: what is there and of another kind goes.
    pub exact: bool,
    /// `+`: replaces.
    pub replace: bool,
    /// Absolute; a pattern for some kinds.
    pub path: String,
    /// None: the kind's own, or left as it is.
    pub mode: Option<Mode>,
    /// None: left as it is.
    pub user: Option<Owner>,
    /// None: left as it is.
    pub group: Option<Owner>,
    /// The text, or target, or device number.
    pub argument: Option<String>,
}

impl Kind {
    /// Whether a path can have one such line only; the first counts.
    pub fn is_exclusive(self) -> bool {
        !matches!(self, Self::Write { .. } | Self::Own | Self::OwnTree | Self::Pass { .. })
    }

    /// Whether the path is a pattern.
    pub fn takes_pattern(self) -> bool {
        matches!(self, Self::Write { .. } | Self::Adjust | Self::Remove | Self::RemoveTree | Self::Own | Self::OwnTree)
    }

    /// The mode of what is made anew and has none given.
    pub fn mode(self) -> Option<u32> {
        match self {
            Self::Folder { .. } => Some(0o755),
            Self::File { .. } | Self::Fifo | Self::Device { .. } => Some(0o644),
            _ => None,
        }
    }
}

/// What a line says, or why it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// It is to be done.
    Line(Box<Line>),
    /// It doesn't concern this machine.
    Skip,
    /// It is wrong: what, and what would be right.
    Wrong(String),
}

/// Reads a line that isn't blank or a comment.
pub fn read(text: &str, facts: &Facts) -> Read {
    match line(text, facts) {
        Ok(Some(line)) => Read::Line(Box::new(line)),
        Ok(None) => Read::Skip,
        Err(why) => Read::Wrong(why),
    }
}

fn line(text: &str, facts: &Facts) -> Result<Option<Line>, String> {
    let mut rest = text.trim();
    let mut field = || -> Result<Option<String>, String> {
        let (word, after) = word(rest)?;
        rest = after;
        Ok((!word.is_empty() && word != "-").then_some(word))
    };
    let (letters, path) = (field()?.unwrap_or_default(), field()?);
    let (mode, user, group, _age) = (field()?, field()?, field()?, field()?);
    let argument = Some(rest.trim()).filter(|a| !a.is_empty() && *a != "-");

    let mut letters = letters.chars();
    let letter = letters.next().unwrap_or(' ');
    let marks: String = letters.collect();
    if let Some(strange) = marks.chars().find(|c| !"!-=+~^?$".contains(*c)) {
        return Err(format!(
            "`{strange}` behind the type `{letter}` isn't known; `!`, `-`, `=` and `+` may stand there"
        ));
    }
    // What comes from a credential has none here; texts in Base64 are such texts too.
    if marks.contains(['^', '~']) {
        return Ok(None);
    }
    let replace = marks.contains('+');
    let kind = kind(letter, replace, marks.contains('?'))?;
    let path = path.ok_or("there is no path behind the type")?;
    let Some(path) = specifier::expand(&path, facts)? else { return Ok(None) };
    if !path.starts_with('/') || path.split('/').any(|part| part == ".." || part == ".") || path.contains('\0') {
        return Err(format!("`{path}` must be an absolute path without `..`"));
    }
    let argument = match argument.map(|a| specifier::expand(a, facts)).transpose()? {
        Some(None) => return Ok(None),
        given => given.flatten(),
    };
    let names = |field: Option<String>| -> Result<Option<Option<Owner>>, String> {
        let Some(field) = field else { return Ok(Some(None)) };
        let (name, only_new) = field.strip_prefix(':').map_or((field.as_str(), false), |name| (name, true));
        let name = specifier::expand(name, facts)?;
        Ok(name.map(|name| Some(Owner { name, only_new }).filter(|o| !o.name.is_empty() && o.name != "-")))
    };
    let (Some(user), Some(group)) = (names(user)?, names(group)?) else { return Ok(None) };
    Ok(Some(Line {
        kind,
        boot_only: marks.contains('!'),
        optional: marks.contains('-'),
        exact: marks.contains('='),
        replace,
        path: tidy(&path),
        mode: mode.as_deref().map(parse_mode).transpose()?,
        user,
        group,
        argument,
    }))
}

fn kind(letter: char, replace: bool, only_if_there: bool) -> Result<Kind, String> {
    Ok(match letter {
        'f' => Kind::File { replace },
        'F' => Kind::File { replace: true },
        'w' => Kind::Write { append: replace },
        'd' | 'v' | 'q' | 'Q' => Kind::Folder { empty: false },
        'D' => Kind::Folder { empty: true },
        'e' => Kind::Adjust,
        'p' => Kind::Fifo,
        'L' => Kind::Link { only_if_there },
        'c' | 'b' => Kind::Device { character: letter == 'c' },
        'C' => Kind::Copy,
        'r' => Kind::Remove,
        'R' => Kind::RemoveTree,
        // `m` is the old name of `z`.
        'z' | 'm' => Kind::Own,
        'Z' => Kind::OwnTree,
        'x' | 'X' => Kind::Pass { silent: true },
        't' | 'T' | 'h' | 'H' | 'a' | 'A' => Kind::Pass { silent: false },
        _ => return Err(format!("`{letter}` isn't a type of tmpfiles.d(5), such as `d`, `f` or `L`")),
    })
}

/// No doubled slashes, none at the end.
fn tidy(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    format!("/{}", parts.join("/"))
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    let digits = text.trim_start_matches(['~', ':']);
    let (marks, _) = text.split_at(text.len().saturating_sub(digits.len()));
    match u32::from_str_radix(digits, 8) {
        Ok(bits) if bits <= 0o7777 && !digits.starts_with('+') => {
            Ok(Mode { bits, masked: marks.contains('~'), only_new: marks.contains(':') })
        }
        _ => Err(format!("`{text}` isn't a mode: up to four octal digits, such as 0755")),
    }
}

/// The first word, quotes and backslashes resolved, and what follows it.
fn word(text: &str) -> Result<(String, &str), String> {
    let text = text.trim_start();
    let (mut word, mut quote) = (String::new(), None);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            (c, None) if c.is_whitespace() => return Ok((word, text.get(at..).unwrap_or(""))),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            ('\\', _) => match chars.next() {
                Some((_, next)) => unescape_one(next, &mut chars, &mut word),
                None => word.push('\\'),
            },
            (c, _) => word.push(c),
        }
    }
    match quote {
        Some(quote) => Err(format!("a {quote} isn't closed")),
        None => Ok((word, "")),
    }
}

/// C's escapes, as the text of `f` and `w` has them.
pub fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.char_indices();
    while let Some((_, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, next)) => unescape_one(next, &mut chars, &mut plain),
                None => plain.push('\\'),
            },
            c => plain.push(c),
        }
    }
    plain
}

/// What stands behind a backslash. Numbers name characters; unknown escapes stay as they are.
fn unescape_one(c: char, rest: &mut std::str::CharIndices<'_>, to: &mut String) {
    let mut number = |first: &str, more: usize, radix: u32| {
        let mut ahead = rest.clone();
        let digits: String = first.chars().chain(ahead.by_ref().take(more).map(|(_, c)| c)).collect();
        let value = u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32);
        let whole =
            digits.chars().count() == first.len().saturating_add(more) && digits.chars().all(|c| c.is_digit(radix));
        let value = value.filter(|v| whole && *v != '\0')?;
        *rest = ahead;
        Some(value)
    };
    let plain = match c {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'a' => Some('\x07'),
        'b' => Some('\x08'),
        'f' => Some('\x0c'),
        'v' => Some('\x0b'),
        's' => Some(' '),
        '\\' | '"' | '\'' => Some(c),
        'x' => number("", 2, 16),
        '0'..='7' => number(&c.to_string(), 2, 8),
        _ => None,
    };
    match plain {
        Some(c) => to.push(c),
        None => to.extend(['\\', c]),
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
