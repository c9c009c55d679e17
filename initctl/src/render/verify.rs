//! The summary of `verify`: how much of what a set of units says is honoured.

use crate::terminal::{Paint, Style, cut};
use init::unit::{KeyUse, Taken};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Names of units in one line.
const MOST_NAMES: usize = 6;

/// Counts over all units.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Units checked.
    units: usize,
    /// Those with errors.
    bad: usize,
    /// Those in which no key is lost.
    whole: usize,
    errors: usize,
    warnings: usize,
    /// How the keys are taken; a key counts once for each unit that has it.
    keys: BTreeMap<Taken, usize>,
    /// Keys that aren't honoured, the most frequent first.
    not_honoured: Vec<Key>,
    /// Files of kinds that Rung hasn't, by suffix.
    other_kinds: BTreeMap<String, usize>,
}

/// A key that isn't honoured.
#[derive(Debug, Serialize)]
struct Key {
    section: String,
    key: String,
    taken: Taken,
    /// What is lost without it.
    lost: &'static str,
    /// In which units.
    units: Vec<String>,
}

/// `3 units`, `1 error`, `no warnings`.
fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

impl Summary {
    /// Of units by name, with their keys.
    pub fn new(
        units: &[(&str, &[KeyUse])],
        bad: usize,
        errors: usize,
        warnings: usize,
        other_kinds: BTreeMap<String, usize>,
    ) -> Self {
        let mut keys = BTreeMap::new();
        let mut lost: BTreeMap<(&str, &str), Key> = BTreeMap::new();
        let mut whole = 0;
        for (name, uses) in units {
            whole += usize::from(uses.iter().all(|k| matches!(k.taken, Taken::Honoured | Taken::Harmless)));
            for key in *uses {
                *keys.entry(key.taken).or_default() += 1;
                if key.taken != Taken::Honoured {
                    let fresh = || Key {
                        section: key.section.to_string(),
                        key: key.key.to_string(),
                        taken: key.taken,
                        lost: key.lost,
                        units: Vec::new(),
                    };
                    let entry = lost.entry((&key.section, &key.key)).or_insert_with(fresh);
                    entry.units.push((*name).to_owned());
                }
            }
        }
        let mut not_honoured: Vec<Key> = lost.into_values().collect();
        not_honoured.sort_by_key(|k| (Reverse(k.taken), Reverse(k.units.len())));
        Self { units: units.len(), bad, whole, errors, warnings, keys, not_honoured, other_kinds }
    }

    /// Whether there is anything that isn't honoured.
    pub fn is_lossy(&self) -> bool {
        !self.not_honoured.is_empty()
    }

    /// In a line.
    pub fn words(&self) -> String {
        format!(
            "{} checked: {}, {}",
            counted(self.units, "unit"),
            counted(self.errors, "error"),
            counted(self.warnings, "warning")
        )
    }
}

/// What each way of taking a key means.
const MEANINGS: [(Taken, &str, &str); 4] = [
    (Taken::Honoured, "honoured", "they do what they say"),
    (Taken::Harmless, "harmless", "passed over: the service does the same without them"),
    (Taken::Changes, "changes", "passed over: the service does something else without them"),
    (Taken::Unknown, "unknown", "known to nobody"),
];

/// The table.
pub fn table(summary: &Summary, style: &Style) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(cut(line, style.width).trim_end());
        text.push('\n');
    };
    line(&format!(
        "{}: in {} of them no key is lost, {} can't be used",
        counted(summary.units, "unit"),
        summary.whole,
        summary.bad
    ));
    if !summary.other_kinds.is_empty() {
        let kinds: Vec<_> = summary.other_kinds.iter().map(|(kind, n)| counted(*n, kind)).collect();
        line(&format!("not looked at, as Rung has no such units: {}", kinds.join(", ")));
    }
    line("");
    line(&style.paint(Paint::Bold, " KEYS  TAKEN"));
    for (taken, word, meaning) in MEANINGS {
        let count = summary.keys.get(&taken).copied().unwrap_or(0);
        line(&format!("{count:>5}  {word:<9} {meaning}"));
    }
    for (taken, word, _) in MEANINGS.into_iter().skip(1).rev() {
        let keys: Vec<&Key> = summary.not_honoured.iter().filter(|k| k.taken == taken).collect();
        if keys.is_empty() {
            continue;
        }
        line("");
        line(&style.paint(Paint::Bold, &format!("UNITS  {}", word.to_uppercase())));
        for key in keys {
            let what = if key.lost.is_empty() { some(&key.units) } else { key.lost.to_owned() };
            let name = format!("[{}] {}", key.section, key.key);
            line(&format!("{:>5}  {name:<34} {what}", key.units.len()));
        }
    }
    text
}

/// A few of the names.
fn some(units: &[String]) -> String {
    let shown = units.get(..MOST_NAMES.min(units.len())).unwrap_or_default().join(" ");
    if units.len() > MOST_NAMES { shown + " …" } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, taken: Taken, lost: &'static str) -> KeyUse {
        KeyUse { section: "Service".into(), key: name.to_owned().into(), taken, lost }
    }

    #[test]
    fn keys_are_counted_by_how_they_are_taken() {
        let a = [key("Type", Taken::Honoured, ""), key("Slice", Taken::Harmless, "")];
        let b = [
            key("PrivateTmp", Taken::Changes, "the service sees the machine as it is"),
            key("Typ", Taken::Unknown, ""),
        ];
        let others = BTreeMap::from([("socket".to_owned(), 2)]);
        let summary = Summary::new(&[("a", &a), ("b", &b)], 1, 3, 1, others);
        assert_eq!(summary.words(), "2 units checked: 3 errors, 1 warning");
        let style = Style { width: Some(60), colour: false };
        assert_eq!(
            table(&summary, &style),
            "2 units: in 1 of them no key is lost, 1 can't be used\n\
             not looked at, as Rung has no such units: 2 sockets\n\n KEYS  TAKEN\n    \
             1  honoured  they do what they say\n    \
             1  harmless  passed over: the service does the same wit~\n    \
             1  changes   passed over: the service does something el~\n    1  unknown   known to nobody\n\n\
             UNITS  UNKNOWN\n    1  [Service] Typ                      b\n\n\
             UNITS  CHANGES\n    1  [Service] PrivateTmp               the service sees ~\n\n\
             UNITS  HARMLESS\n    1  [Service] Slice                    a\n"
        );
    }
}
