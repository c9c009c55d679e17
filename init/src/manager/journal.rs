//! The journal: what the core must not forget when the manager dies.
//!
//! A memfd that PID 1 parks. Records are appended (`u32 length, u32 checksum, JSON of a [`Record`]`), the last one of a key
//! counts. A record that was cut short or garbled ends the reading: what came before it holds. When the file has grown to
//! several times what it says, a new one is written from a snapshot and parked in the old one's place.

use crate::core::Record;
use crate::sys::{file, memfd};
use nix::errno::Errno;
use serde::Deserialize;
use serde_json::Value;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

/// Rewritten when longer than this and four times what the last rewriting wrote.
const SLACK: u64 = 64 << 10;
/// A record longer than this is not believed when reading.
const MAX_RECORD: usize = 4 << 20;

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

/// Appends one record's wire form.
pub fn encode(record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    let _ = write!(out, "{{\"key\":{},\"value\":", serde_json::Value::String(record.key.clone()));
    out.extend_from_slice(record.value.as_deref().unwrap_or("null").as_bytes());
    out.push(b'}');
    let json = out.get(start + 8..).unwrap_or_default();
    let Ok(length) = u32::try_from(json.len()) else { return out.truncate(start) };
    let [l0, l1, l2, l3] = length.to_le_bytes();
    let [c0, c1, c2, c3] = checksum(json).to_le_bytes();
    if let Some(head) = out.get_mut(start..start + 8) {
        head.copy_from_slice(&[l0, l1, l2, l3, c0, c1, c2, c3]);
    }
}

/// The records up to the first that can't be read, and the length they take.
pub fn decode(mut bytes: &[u8]) -> (Vec<Record>, usize) {
    let (mut records, whole) = (Vec::new(), bytes.len());
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let [l0, l1, l2, l3, c0, c1, c2, c3] = *head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let Some((json, rest)) = rest.split_at_checked(length) else { break };
        if length > MAX_RECORD || checksum(json) != u32::from_le_bytes([c0, c1, c2, c3]) {
            break;
        }
        let Ok(Wire { key, value }) = serde_json::from_slice(json) else { break };
        records.push(Record { key, value: value.map(|v| v.to_string()) });
        bytes = rest;
    }
    (records, whole - bytes.len())
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    file: OwnedFd,
    length: u64,
    compact_length: u64,
}

impl Journal {
    /// A new one that holds `records`.
    ///
    /// # Errors
    /// When neither a memfd nor a file without name can be made or written.
    pub fn create(records: impl Iterator<Item = Record>) -> Result<Self, Errno> {
        let file = memfd::or_file(c"rung-journal")?;
        let mut journal = Self { file, length: 0, compact_length: 0 };
        journal.append(records)?;
        journal.compact_length = journal.length;
        Ok(journal)
    }

    /// Goes on with one that was parked, after `length` good bytes.
    pub fn reopen(file: OwnedFd, length: u64) -> Self {
        Self { file, length, compact_length: length }
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
            encode(&record, &mut bytes);
        }
        file::write_at(self.file.as_fd(), &bytes, self.length)?;
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
        ("[a-z:]{1,20}", proptest::option::of("\\PC{0,40}"))
            .prop_map(|(key, value)| Record { key, value: value.map(|text| Value::String(text).to_string()) })
    }

    proptest! {
        #[test]
        fn records_survive_and_a_cut_keeps_what_came_before(
            records in proptest::collection::vec(record(), 0..8), cut in 0usize..400
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for r in &records {
                encode(r, &mut bytes);
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
}
