//! The history: one line an event, as `rung` lines of the log that is called [`HISTORY`], with tabs between
//! `BOOT.SEQ`, the unit, what happened, details, and who asked; what is nothing is `-`.
//!
//! ```text
//! 2026-11-23T01:02:03.123000+00:00 rung 5f1c99e2.12<tab>web.service<tab>ready<tab>main process 812<tab>-
//! ```

use super::read::{self, Entry};
use crate::proto::control::EventKind;
use crate::proto::logger::HISTORY;
use crate::sys::memory;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;

/// More than a manager sends again.
const KNOWN: usize = 1024;

/// The first words of the last lines, as hashes: they are only compared, and there are few enough to look through.
#[derive(Debug, Default)]
pub struct Known(VecDeque<u64>);

impl Known {
    /// Whether a line isn't there yet; from now on it is.
    pub fn is_new(&mut self, text: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        text.split('\t').next().hash(&mut hasher);
        let word = hasher.finish();
        if self.0.contains(&word) {
            return false;
        }
        if self.0.len() == KNOWN {
            self.0.pop_front();
        }
        self.0.push_back(word);
        true
    }
}

/// What the files hold.
pub fn known(lasting: &Path, run: &Path) -> Known {
    let mut known = Known::default();
    for entry in read::tail(lasting, run, HISTORY, KNOWN).unwrap_or_default() {
        known.is_new(&entry.text_lossy());
    }
    memory::give_back();
    known
}

/// One line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// As in the file: `2026-11-23T01:02:03.123000+00:00`.
    pub time: String,
    /// Names the boot.
    pub boot: String,
    /// The event's number within it.
    pub seq: u64,
    /// The unit's full name; empty for what concerns no single one.
    pub unit: String,
    /// What happened.
    pub kind: EventKind,
    /// Details.
    pub text: String,
    /// Who asked; empty where nobody did.
    pub by: String,
}

impl Past {
    /// Reads a line of the history; `None` when it isn't one.
    pub fn of(entry: &Entry) -> Option<Self> {
        let text = entry.text_lossy();
        let mut parts = text.split('\t').map(|part| if part == "-" { "" } else { part });
        let (boot, seq) = parts.next()?.split_once('.')?;
        let (unit, kind) = (parts.next()?, EventKind::of_word(parts.next()?)?);
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (details, by) = (next(), next());
        Some(Self {
            time: entry.time.clone(),
            boot: boot.to_owned(),
            seq: seq.parse().ok()?,
            unit: unit.to_owned(),
            kind,
            text: details,
            by,
        })
    }
}

/// All of the history that is kept, oldest first.
///
/// Boots follow each other as in the file, events of one boot by their numbers: what a logger had read but not written
/// when it died is written by its successor after what still waited in the socket.
///
/// # Errors
/// A file is there and can't be read.
pub fn all(lasting: &Path, run: &Path) -> io::Result<Vec<Past>> {
    let mut past: Vec<Past> = read::tail(lasting, run, HISTORY, usize::MAX)?.iter().filter_map(Past::of).collect();
    let mut boots: HashMap<String, usize> = HashMap::new();
    for one in &past {
        let next = boots.len();
        boots.entry(one.boot.clone()).or_insert(next);
    }
    past.sort_by_key(|one| (boots.get(&one.boot).copied(), one.seq));
    Ok(past)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::file::Limits;
    use crate::log::store::Store;

    #[test]
    fn what_a_dead_logger_had_not_written_is_read_in_its_place() {
        let folder = std::env::temp_dir().join(format!("rung-history-order-{}", std::process::id()));
        let (run, lasting) = (folder.join("run"), folder.join("lasting"));
        let mut store = Store::new(run.clone(), lasting.clone(), Limits::default(), None);
        for (boot, n) in [("zz", 8), ("zz", 9), ("ab", 1), ("ab", 3), ("ab", 4), ("ab", 2)] {
            store.history(n * 1000, &format!("{boot}.{n}\ta.service\tready\t-\t-"));
        }
        store.persist();
        let past = all(&lasting, &run).expect("readable");
        assert_eq!(past.iter().map(|p| p.seq).collect::<Vec<_>>(), [8, 9, 1, 2, 3, 4]);
        std::fs::remove_dir_all(&folder).expect("clean");
    }

    #[test]
    fn each_event_is_written_once_whoever_died() {
        let folder = std::env::temp_dir().join(format!("rung-history-{}", std::process::id()));
        let (run, lasting) = (folder.join("run"), folder.join("lasting"));
        let store = || Store::new(run.clone(), lasting.clone(), Limits::default(), None);
        let line = |n: u32| format!("ab.{n}\ta.service\tready\tmain process {n}\t-");
        let mut first = store();
        (1..=3).for_each(|n| first.history(u64::from(n) * 1000, &line(n)));
        first.persist();
        first.history(4000, &line(4));
        first.flush(HISTORY);
        drop(first);
        let mut second = store();
        (2..=6).for_each(|n| second.history(u64::from(n) * 1000, &line(n)));
        second.history(0, "nonsense");
        second.flush(HISTORY);
        let past = all(&lasting, &run).expect("readable");
        assert_eq!(past.iter().map(|p| p.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        let last = past.last().expect("a line");
        assert_eq!((last.boot.as_str(), last.unit.as_str(), last.kind), ("ab", "a.service", EventKind::Ready));
        assert_eq!((last.text.as_str(), last.by.as_str()), ("main process 6", ""));
        let at = super::super::stamp::Stamp { micros: 6_000_000, offset: 0 };
        assert!(last.time.starts_with(at.to_string().get(..10).expect("a date")), "{}", last.time);
        std::fs::remove_dir_all(&folder).expect("clean");
    }
}
