//! What is to be said about a text: findings with place and caret, and "did you mean".

use super::UnitName;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use std::path::PathBuf;

/// One file as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it lies; shown, never opened.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The unit can't be used.
    Error,
    /// It can, but probably not as meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One thing to say about one place in a file. `Display` renders it with the source line and a caret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The file.
    pub path: PathBuf,
    /// Line, from 1; 0: the file as a whole.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The key, without `=`.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The source line.
    pub excerpt: Option<String>,
}

/// Most characters of a source line that are shown.
const SHOWN: usize = 160;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown(f, &self.path.display().to_string())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}: ", self.severity)?;
        if let Some(key) = &self.key {
            shown(f, key)?;
            f.write_str("=: ")?;
        }
        shown(f, &self.message)?;
        if let Some(excerpt) = &self.excerpt {
            let column = (self.column as usize).saturating_sub(1);
            let from = if column < SHOWN { 0 } else { column - SHOWN / 2 };
            let line: String = excerpt.chars().skip(from).take(SHOWN).map(visible).collect();
            let pad: String = line.chars().take(column - from).map(|c| if c == '\t' { c } else { ' ' }).collect();
            write!(f, "\n    {line}\n    {pad}^")?;
        }
        if let Some(hint) = &self.hint {
            f.write_str("\n  hint: ")?;
            shown(f, hint)?;
        }
        Ok(())
    }
}

/// Text that may quote a file.
fn shown(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| f.write_char(visible(c)))
}

/// Control characters don't reach a terminal.
fn visible(c: char) -> char {
    if c.is_control() && c != '\t' { '\u{fffd}' } else { c }
}

/// Most findings kept for one unit: a file of garbage costs no more.
const MOST: usize = 100;

/// Findings being gathered, bounded; errors always count.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    dropped: usize,
}

impl Findings {
    /// Whether a line of this key is wrong.
    pub fn blame(&self, key: &str) -> bool {
        self.list.iter().any(|f| f.severity == Severity::Error && f.key.as_deref() == Some(key))
    }

    pub fn push(&mut self, finding: Finding) {
        let errors = self.list.iter().any(|f| f.severity == Severity::Error);
        if self.list.len() < MOST || (finding.severity == Severity::Error && !errors) {
            self.list.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    /// The findings in the order of the files and lines, with their source lines.
    pub fn finish(mut self, files: &[&SourceFile]) -> Vec<Finding> {
        let at = |f: &Finding| files.iter().position(|file| file.path == f.path);
        for finding in &mut self.list {
            let file = at(finding).and_then(|i| files.get(i));
            finding.excerpt = file.and_then(|f| source_line(&f.text, finding.line));
        }
        self.list.sort_by_cached_key(|f| (at(f), f.line, f.column));
        if let (1.., Some(file)) = (self.dropped, files.first()) {
            let message = format!("{} more findings are not shown", self.dropped);
            self.list.push(Finding::whole(Severity::Note, &file.path, message));
        }
        self.list
    }
}

/// A line of a text, counted from 1.
fn source_line(text: &str, number: u32) -> Option<String> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    text.trim_start_matches('\u{feff}').lines().nth(index).map(str::to_owned)
}

impl Finding {
    /// About a file as a whole.
    pub fn whole(severity: Severity, path: &std::path::Path, message: String) -> Self {
        Self { severity, path: path.into(), line: 0, column: 0, key: None, message, hint: None, excerpt: None }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Those of `known` that `wanted` may be a slip for: at most three, close ones only, the closest first.
pub fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted: Vec<char> = wanted.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
    let limit = (wanted.len() / 3).clamp(1, 3);
    let mut close: Vec<(usize, &str)> = known
        .filter_map(|name| {
            let other: Vec<char> = name.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
            if wanted.len().abs_diff(other.len()) > limit {
                return None;
            }
            let far = distance(&wanted, &other);
            (far <= limit && far < other.len()).then_some((far, name))
        })
        .collect();
    close.sort();
    close.dedup();
    close.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Names of units like one that there isn't, best first: those that differ in their kind alone (`net`, `net.target`),
/// then the mistyped.
pub fn nearest_units<'a>(wanted: &UnitName, known: impl Iterator<Item = &'a UnitName>) -> Vec<&'a str> {
    let known: Vec<&UnitName> = known.collect();
    let kinds = known.iter().filter(|n| n.prefix() == wanted.prefix() && n.instance() == wanted.instance());
    let mut near: Vec<&str> = kinds.map(|n| n.short()).collect();
    for name in nearest(wanted.short(), known.iter().map(|n| n.short())) {
        if !near.contains(&name) {
            near.push(name);
        }
    }
    near.truncate(3);
    near
}

/// Edits that turn one into the other; two neighbours that changed places are one edit.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let at = |r: &[usize], n: usize| r.get(n).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

/// "did you mean `a` or `b`?", where there is something to propose.
pub(super) fn did_you_mean<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let close: Vec<String> = nearest(wanted, known).iter().map(|n| format!("`{n}`")).collect();
    (!close.is_empty()).then(|| format!("did you mean {}?", close.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_names() {
        let verbs = ["start", "stop", "status", "restart", "reload"];
        assert_eq!(nearest("strat", verbs.into_iter()), ["start"]);
        assert_eq!(nearest("Stpo", verbs.into_iter()), ["stop"]);
        assert_eq!(nearest("sttaus", verbs.into_iter()), ["status"]);
        assert!(nearest("poweroff", verbs.into_iter()).is_empty());
        assert!(nearest("", ["a"].into_iter()).is_empty());
    }

    #[test]
    fn a_unit_of_another_kind_is_near() {
        let names = ["net.target", "met", "web", "net@a"].map(|n| UnitName::new(n).expect("name"));
        let near = |text: &str| nearest_units(&UnitName::new(text).expect("name"), names.iter());
        assert_eq!(near("net"), ["net.target", "met"]);
        assert_eq!(near("web.target").first(), Some(&"web"));
        assert!(near("smtp").is_empty());
    }

    #[test]
    fn the_caret_stands_under_the_column() {
        let finding = Finding {
            line: 3,
            column: 8,
            key: Some("Nice".into()),
            hint: Some("do so".into()),
            excerpt: Some("\tNice=\u{1b}x".into()),
            ..Finding::whole(Severity::Error, "/a".as_ref(), "`\u{1b}x` is wrong".into())
        };
        assert_eq!(
            finding.to_string(),
            "/a:3:8: error: Nice=: `\u{fffd}x` is wrong\n    \tNice=\u{fffd}x\n    \t      ^\n  hint: do so"
        );
    }
}
