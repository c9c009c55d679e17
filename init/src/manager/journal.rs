//! The journal: what the core must not forget when the manager dies.
//!
//! A memfd that PID 1 parks. Records are appended (`u32 length, u32 checksum, JSON of a [`Record`]`), the last one of a key
//! counts. A record that was cut short or garbled ends the reading: what came before it holds. When the file has grown to
//! several times what it says, a new one is written from a snapshot and parked in the old one's place.
//!
//! Most records are like the one before of their kind but for a few numbers: a thousand units have one course, one cause
//! and one result. Of these only the difference is written ([`DELTA`], the kind's mark, the delta); it counts from the last
//! of that kind, whole or not, that isn't longer than [`MAX_BASE`].

use super::delta;
use crate::core::Record;
use crate::sys::{file, memfd};
use nix::errno::Errno;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

/// Rewritten when longer than this and four times what the last rewriting wrote.
const SLACK: u64 = 64 << 10;
/// A record longer than this is not believed when reading.
const MAX_RECORD: usize = 4 << 20;
/// A longer one is like no other.
const MAX_BASE: usize = 4 << 10;
/// Before a difference; JSON begins otherwise.
const DELTA: u8 = 1;

/// FNV-1a: finds torn and garbled records; not meant against malice, only root can write here.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, b| (sum ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

/// A record as it lies in the file.
#[derive(Deserialize)]
struct Wire {
    key: String,
    value: Option<Value>,
}

/// The last record of each kind, as JSON. Kinds whose marks are the same have one between them, to no harm.
#[derive(Debug, Default)]
pub struct Bases(BTreeMap<u8, Vec<u8>>);

impl Bases {
    /// What the next of this kind may be told by.
    fn keep(&mut self, mark: u8, json: &[u8]) {
        if json.len() <= MAX_BASE {
            let base = self.0.entry(mark).or_default();
            base.clear();
            base.extend_from_slice(json);
        }
    }
}

/// What stands for a key's kind: what is before its first slash.
fn mark(key: &str) -> u8 {
    let kind = key.split('/').next().unwrap_or_default();
    checksum(kind.as_bytes()).to_le_bytes()[0]
}

/// Appends one record's wire form.
pub fn encode(record: &Record, bases: &mut Bases, out: &mut Vec<u8>) {
    let mut json = Vec::with_capacity(record.key.len() + record.value.as_ref().map_or(0, String::len) + 32);
    let _ = write!(json, "{{\"key\":{},\"value\":", serde_json::Value::String(record.key.clone()));
    json.extend_from_slice(record.value.as_deref().unwrap_or("null").as_bytes());
    json.push(b'}');
    let (start, mark) = (out.len(), mark(&record.key));
    out.extend_from_slice(&[0; 8]);
    if let Some(base) = bases.0.get(&mark) {
        out.extend_from_slice(&[DELTA, mark]);
        delta::diff(base, &json, out);
    }
    if out.len() == start + 8 || out.len() - start - 8 >= json.len() {
        out.truncate(start + 8);
        out.extend_from_slice(&json);
    }
    bases.keep(mark, &json);
    let wire = out.get(start + 8..).unwrap_or_default();
    let Ok(length) = u32::try_from(wire.len()) else { return out.truncate(start) };
    let [l0, l1, l2, l3] = length.to_le_bytes();
    let [c0, c1, c2, c3] = checksum(wire).to_le_bytes();
    if let Some(head) = out.get_mut(start..start + 8) {
        head.copy_from_slice(&[l0, l1, l2, l3, c0, c1, c2, c3]);
    }
}

/// The JSON of a record as it was written.
fn whole<'a>(wire: &'a [u8], bases: &Bases) -> Option<Cow<'a, [u8]>> {
    let [DELTA, mark, delta @ ..] = wire else { return Some(Cow::Borrowed(wire)) };
    delta::apply(bases.0.get(mark)?, delta, MAX_RECORD).map(Cow::Owned)
}

/// The records up to the first that can't be read, and the length they take.
pub fn decode(mut bytes: &[u8]) -> (Vec<Record>, usize) {
    let (mut records, length_of_all, mut bases) = (Vec::new(), bytes.len(), Bases::default());
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let [l0, l1, l2, l3, c0, c1, c2, c3] = *head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let Some((wire, rest)) = rest.split_at_checked(length) else { break };
        if length > MAX_RECORD || checksum(wire) != u32::from_le_bytes([c0, c1, c2, c3]) {
            break;
        }
        let Some(json) = whole(wire, &bases) else { break };
        let Ok(Wire { key, value }) = serde_json::from_slice(&json) else { break };
        bases.keep(mark(&key), &json);
        records.push(Record { key, value: value.map(|v| v.to_string()) });
        bytes = rest;
    }
    (records, length_of_all - bytes.len())
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    file: OwnedFd,
    length: u64,
    compact_length: u64,
    /// What this manager has written last: what another has is not needed to go on.
    bases: Bases,
}

impl Journal {
    /// A new one that holds `records`.
    ///
    /// # Errors
    /// When neither a memfd nor a file without name can be made or written.
    pub fn create(records: impl Iterator<Item = Record>) -> Result<Self, Errno> {
        let file = memfd::or_file(c"rung-journal")?;
        let mut journal = Self { file, length: 0, compact_length: 0, bases: Bases::default() };
        journal.append(records)?;
        journal.compact_length = journal.length;
        Ok(journal)
    }

    /// Goes on with one that was parked, after `length` good bytes.
    pub fn reopen(file: OwnedFd, length: u64) -> Self {
        Self { file, length, compact_length: length, bases: Bases::default() }
    }

    /// A descriptor to park.
    ///
    /// # Errors
    /// As `dup(2)`.
    pub fn share(&self) -> Result<OwnedFd, Errno> {
        self.file.try_clone().map_err(|_| Errno::EMFILE)
    }

    /// Appends.
    ///
    /// # Errors
    /// As `pwrite(2)`; nothing of these records counts then.
    pub fn append(&mut self, records: impl Iterator<Item = Record>) -> Result<(), Errno> {
        let mut bytes = Vec::new();
        for record in records {
            encode(&record, &mut self.bases, &mut bytes);
        }
        let written = file::write_at(self.file.as_fd(), &bytes, self.length);
        // None of them may be built on.
        written.inspect_err(|_| self.bases = Bases::default())?;
        self.length = self.length.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Whether it is time to write a new one from a snapshot.
    pub fn is_bloated(&self) -> bool {
        self.length > self.compact_length.saturating_mul(4).saturating_add(SLACK)
    }

    /// Whether a new one may be much shorter: worth it when there is nothing else to do.
    pub fn is_slack(&self) -> bool {
        self.length > self.compact_length.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        ("[ab/:]{1,20}", proptest::option::of("\\PC{0,40}"))
            .prop_map(|(key, value)| Record { key, value: value.map(|text| Value::String(text).to_string()) })
    }

    proptest! {
        #[test]
        fn records_survive_and_a_cut_keeps_what_came_before(
            records in proptest::collection::vec(record(), 0..8), cut in 0usize..400
        ) {
            let (mut bytes, mut bases) = (Vec::new(), Bases::default());
            let mut ends = vec![0];
            for r in &records {
                encode(r, &mut bases, &mut bytes);
                ends.push(bytes.len());
            }
            prop_assert_eq!(decode(&bytes), (records.clone(), bytes.len()));
            bytes.truncate(cut);
            let whole = ends.iter().filter(|e| **e <= bytes.len()).count() - 1;
            prop_assert_eq!(decode(&bytes), (records[..whole].to_vec(), ends[whole]));
        }

        #[test]
        fn garbage_is_read_no_further(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (_, length) = decode(&bytes);
            prop_assert!(length <= bytes.len());
        }
    }

    #[test]
    fn the_file_holds_what_was_appended() {
        let r = |key: &str| Record { key: key.into(), value: None };
        let mut journal = Journal::create([r("a")].into_iter()).expect("journal");
        journal.append([r("b")].into_iter()).expect("append");
        assert!(!journal.is_slack());
        journal.append([r("c")].into_iter()).expect("append");
        assert!(journal.is_slack());
        let bytes = file::read_all(journal.share().expect("dup"), 1 << 20).expect("read");
        assert_eq!(decode(&bytes).0, [r("a"), r("b"), r("c")]);
    }

    #[test]
    fn of_records_of_a_kind_the_difference_is_written_and_every_manager_can_go_on() {
        let r = |n: u32, up: u64| {
            let value = serde_json::json!({"phase": "running", "since": up, "token": n + 16, "pid": 3000 + n});
            Record::new(format!("unit/s{n:04}.service"), Some(&value))
        };
        let mut all: Vec<Record> = (0..1000).map(|n| r(n, 26_214_159 + u64::from(n))).collect();
        let journal = Journal::create(all.iter().cloned()).expect("journal");
        assert!(journal.length < 1000 * 40, "{} bytes", journal.length);
        let mut next = Journal::reopen(journal.share().expect("dup"), journal.length);
        let more = [r(1, 7), Record { key: "unit/s0002.service".into(), value: None }, r(2, 8)];
        next.append(more.iter().cloned()).expect("append");
        all.extend(more);
        let bytes = file::read_all(journal.share().expect("dup"), 1 << 20).expect("read");
        assert_eq!(decode(&bytes), (all, bytes.len()));
    }

    #[test]
    fn what_managers_wrote_that_knew_no_differences_is_read_and_gone_on_from() {
        let wire = |json: &str| {
            let length = u32::try_from(json.len()).expect("short").to_le_bytes();
            [&length[..], &checksum(json.as_bytes()).to_le_bytes(), json.as_bytes()].concat()
        };
        let old = [r#"{"key":"token","value":17}"#, r#"{"key":"unit/a.service","value":{"since":1}}"#];
        let mut bytes = old.map(wire).concat();
        let length = bytes.len();
        let (mut records, whole) = decode(&bytes);
        assert_eq!((records.len(), whole), (2, length));
        let next = Record { key: "unit/a.service".into(), value: Some(r#"{"since":2}"#.into()) };
        encode(&next, &mut Bases::default(), &mut bytes);
        records.push(next);
        assert_eq!(decode(&bytes), (records, bytes.len()));
        // A difference from what isn't there ends the reading.
        let odd = wire(&format!("{}\u{2}\u{3}", char::from(DELTA)));
        assert_eq!(decode(&odd), (Vec::new(), 0));
    }
}
