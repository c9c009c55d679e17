//! The LSB header of an init script: the comment between `### BEGIN INIT INFO` and `### END INIT INFO`. Pure.
//!
//! Read as insserv reads it: keys in any case, `_` for `-`, `X-VENDOR-` before the optional ones; of a key that is given
//! twice the first counts; of two headers the first. Only `Description:` goes on in lines that begin with `#` and a tab or
//! two blanks. Where insserv stops reading a list early (at an empty word, at a tab) the words behind it are kept and
//! marked: see [`Word::read`].
//!
//! ```
//! # use compat_sysv::lsb::{self, Key};
//! let keys = ["Provides: web", "Required-Start: $network db", "Required-Stop:", "Default-Start: 2 3", "Default-Stop: 0 1"];
//! let text = format!("#!/bin/sh\n{}\n# {}\n{}\n", lsb::BEGIN, keys.join("\n# "), lsb::END);
//! let (header, findings) = lsb::parse("/etc/init.d/web".as_ref(), &text);
//! let header = header.expect("a header");
//! assert_eq!(header.names(Key::RequiredStart), ["$network", "db"]);
//! assert_eq!(header.levels(Key::DefaultStart).to_string(), "23");
//! assert!(findings.is_empty());
//! ```

use init::unit::{Finding, Level, LevelSet, Severity, nearest};
use std::collections::BTreeMap;
use std::path::Path;

/// First line of a header; insserv looks for it anywhere in a line.
pub const BEGIN: &str = "### BEGIN INIT INFO";
/// Last line.
pub const END: &str = "### END INIT INFO";

/// What a header may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Facilities; the first is the service's own name for insserv.
    Provides,
    /// Started before this one; must be there.
    RequiredStart,
    /// Stopped after this one; must be there.
    RequiredStop,
    /// Started before this one where it is there.
    ShouldStart,
    /// Stopped after this one where it is there.
    ShouldStop,
    /// `X-Start-Before`: this one is started before those.
    StartBefore,
    /// `X-Stop-After`: this one is stopped after those.
    StopAfter,
    /// Levels.
    DefaultStart,
    /// Levels.
    DefaultStop,
    /// `X-Interactive: true`: runs alone, with the terminal.
    Interactive,
    /// One line for people.
    ShortDescription,
    /// Several lines for people; here joined by blanks.
    Description,
}

impl Key {
    /// All keys, by their names as people write them.
    pub const ALL: &[(&str, Self)] = &[
        ("Provides", Self::Provides),
        ("Required-Start", Self::RequiredStart),
        ("Required-Stop", Self::RequiredStop),
        ("Should-Start", Self::ShouldStart),
        ("Should-Stop", Self::ShouldStop),
        ("X-Start-Before", Self::StartBefore),
        ("X-Stop-After", Self::StopAfter),
        ("Default-Start", Self::DefaultStart),
        ("Default-Stop", Self::DefaultStop),
        ("X-Interactive", Self::Interactive),
        ("Short-Description", Self::ShortDescription),
        ("Description", Self::Description),
    ];

    /// insserv warns where one of these is missing.
    pub const EXPECTED: &[Self] =
        &[Self::Provides, Self::RequiredStart, Self::RequiredStop, Self::DefaultStart, Self::DefaultStop];

    /// As people write it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, key)| *key == self).map_or("", |(name, _)| name)
    }

    /// Takes a key as written, without the colon.
    fn read(written: &str) -> Option<Self> {
        let mut plain = written.to_ascii_lowercase().replace('_', "-");
        while plain.contains("--") {
            plain = plain.replace("--", "-");
        }
        let vendors = |end: &str| {
            let before = plain.strip_suffix(end)?;
            before.starts_with("x-").then_some(())
        };
        let known = Self::ALL.iter().find(|(name, key)| {
            let name = name.to_ascii_lowercase();
            match key {
                Self::ShouldStart | Self::ShouldStop => plain == name || vendors(&name).is_some(),
                Self::StartBefore | Self::StopAfter | Self::Interactive => {
                    let bare = name.trim_start_matches("x-");
                    plain == bare || vendors(bare).is_some()
                }
                _ => plain == name,
            }
        });
        known.map(|(_, key)| *key)
    }
}

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The line of the key, from 1.
    pub line: u32,
    /// Column of the text's first character, from 1.
    pub column: u32,
    /// Without the blanks around it.
    pub text: String,
}

/// A word of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// Without delimiters.
    pub text: &'a str,
    /// The line it stands in, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
    /// Whether insserv gets that far: it stops at a tab, and at two delimiters in a row.
    pub read: bool,
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The line of [`BEGIN`], from 1.
    pub line: u32,
    values: BTreeMap<Key, Value>,
}

impl Header {
    /// What the key says; `None` where it isn't given, which differs from an empty text.
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.values.get(&key)
    }

    /// The words of a list, split at blanks, tabs, commas and semicolons.
    pub fn words(&self, key: Key) -> Vec<Word<'_>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let (mut words, mut read, mut start) = (Vec::new(), true, 0);
        let delimits = |c: char| matches!(c, ' ' | '\t' | ',' | ';');
        for (at, c) in value.text.char_indices().chain([(value.text.len(), ' ')]) {
            if !delimits(c) {
                continue;
            }
            match value.text.get(start..at) {
                Some(text) if !text.is_empty() => {
                    let before = value.text.get(..start).unwrap_or("").chars().count();
                    let column = value.column + u32::try_from(before).unwrap_or(0);
                    words.push(Word { text, line: value.line, column, read });
                }
                _ => read = false,
            }
            read &= c != '\t';
            start = at + 1;
        }
        words
    }

    /// The words of a list, without their places.
    pub fn names(&self, key: Key) -> Vec<&str> {
        self.words(key).into_iter().map(|word| word.text).collect()
    }

    /// The levels of a list; as insserv, only words of one character count.
    pub fn levels(&self, key: Key) -> LevelSet {
        self.words(key).iter().filter(|word| word.read).filter_map(|word| level(word.text)).collect()
    }

    /// `X-Interactive: true`; no other word means it.
    pub fn is_interactive(&self) -> bool {
        self.get(Key::Interactive).is_some_and(|value| value.text == "true")
    }
}

/// One level: `0` to `6`, `S` or `s`.
fn level(word: &str) -> Option<Level> {
    let mut chars = word.chars();
    Level::from_char(chars.next()?).filter(|_| chars.next().is_none())
}

/// Reads the header of a script, and what is to be said about it. `None` where there is none, or no end to it. `path` is
/// shown, never opened.
pub fn parse(path: &Path, text: &str) -> (Option<Header>, Vec<Finding>) {
    let mut lines = (1u32..).zip(text.lines());
    let Some((begin, _)) = lines.by_ref().find(|(_, line)| line.contains(BEGIN)) else {
        return (None, Vec::new());
    };
    let mut reader =
        Reader { path, header: Header { line: begin, ..Header::default() }, findings: Vec::new(), last: None };
    for (number, line) in lines {
        if line.contains(END) {
            reader.finish();
            return (Some(reader.header), reader.findings);
        }
        reader.line(number, line);
    }
    let message = format!("the header has no end: `{END}` is missing, so nothing in it counts");
    let hint = format!("add the line `{END}` behind the last `# Key: value`");
    (None, vec![Finding { line: begin, column: 1, ..Finding::whole(Severity::Error, path, message).hint(hint) }])
}

/// A header being read.
struct Reader<'a> {
    path: &'a Path,
    header: Header,
    findings: Vec<Finding>,
    /// The key of the line before, where it counts.
    last: Option<Key>,
}

impl Reader<'_> {
    fn warn(&mut self, line: u32, column: u32, key: Key, message: String, hint: &str) {
        let whole = Finding::whole(Severity::Warning, self.path, message).hint(hint);
        self.findings.push(Finding { line, column, key: Some(key.name().to_owned()), ..whole });
    }

    fn line(&mut self, number: u32, line: &str) {
        let Some(rest) = line.strip_prefix('#') else {
            self.last = None;
            return;
        };
        let goes_on = rest.starts_with('\t') || rest.starts_with("  ");
        let written = rest.trim_start_matches([' ', '\t']);
        let key = written.split_once(':').map(|(key, value)| (key, Key::read(key), value));
        if self.last == Some(Key::Description) && goes_on && !matches!(key, Some((_, Some(_), _))) {
            if let Some(value) = self.header.values.get_mut(&Key::Description) {
                value.text = format!("{} {}", value.text, written.trim_end()).trim().to_owned();
            }
            return;
        }
        self.last = None;
        let Some((name, key, value)) = key else { return };
        let column = |part: &str| u32::try_from(line.chars().count() - part.chars().count() + 1).unwrap_or(1);
        let Some(key) = key else {
            self.unknown(number, column(written), name);
            return;
        };
        let text = value.trim_start_matches([' ', '\t']);
        let value = Value { line: number, column: column(text), text: text.trim_end().to_owned() };
        if let Some(first) = self.header.values.get(&key).map(|first| first.line) {
            let message = format!("given twice; that of line {first} counts");
            self.warn(number, value.column, key, message, "put all its words into one line");
            return;
        }
        self.header.values.insert(key, value);
        self.last = Some(key);
    }

    /// A key nobody reads: worth a word where it is a slip for one that is.
    fn unknown(&mut self, line: u32, column: u32, name: &str) {
        let name = name.trim_end();
        let is_key = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ".contains(c));
        let near = nearest(name, Key::ALL.iter().map(|(known, _)| *known));
        if let (true, Some(known)) = (is_key, near.first()) {
            let message = format!("`{name}` is no key of a header, and is passed over");
            let whole = Finding::whole(Severity::Warning, self.path, message).hint(format!("write `# {known}: …`"));
            self.findings.push(Finding { line, column, ..whole });
        }
    }

    /// What can only be said about the whole.
    fn finish(&mut self) {
        let header = std::mem::take(&mut self.header);
        for key in Key::EXPECTED.iter().filter(|key| header.get(**key).is_none()) {
            let hint = format!("add `# {}:`, empty where there is nothing to say", key.name());
            self.warn(header.line, 1, *key, "missing in the header".to_owned(), &hint);
        }
        for key in [Key::DefaultStart, Key::DefaultStop] {
            for word in header.words(key).iter().filter(|word| level(word.text).is_none()) {
                let many = word.text.chars().all(|c| Level::from_char(c).is_some());
                let hint = if many { "put blanks between the levels" } else { "levels are 0 to 6 and S" };
                self.warn(
                    word.line,
                    word.column,
                    key,
                    format!("`{}` is no level, and is passed over", word.text),
                    hint,
                );
            }
        }
        let both: LevelSet = [Key::DefaultStart, Key::DefaultStop]
            .map(|key| header.levels(key))
            .into_iter()
            .fold(Level::ALL.into_iter().collect(), |both: LevelSet, levels| {
                both.iter().filter(|level| levels.contains(*level)).collect()
            });
        if let (false, Some(value)) = (both.is_empty(), header.get(Key::DefaultStop)) {
            let message = format!("level {both} is also in Default-Start");
            self.warn(value.line, value.column, Key::DefaultStop, message, "keep each level in one of the two");
        }
        self.header = header;
    }
}

#[cfg(test)]
#[path = "lsb_tests.rs"]
mod tests;
