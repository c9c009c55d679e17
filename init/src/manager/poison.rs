//! What the manager was working on when it died.
//!
//! Before it works on one unit's text or event it notes the unit in a memfd that PID 1 parks; afterwards it takes the note
//! away. A manager that finds a note died there. Two deaths with the same note: that unit is poison, and left alone until
//! its file changes.

use crate::proto::pid1::Key;
use crate::sys::shared::{self, Field};
use crate::sys::{file, memfd};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::AtomicU64;

/// Room for the note, in bytes; the rest of the file is the ledger.
const NOTE_LEN: usize = 512;
/// Deaths that make poison.
const DEATHS: u32 = 2;

/// The note's name for the journal itself.
pub const JOURNAL: &str = "(journal)";

/// The note for an event of one of a unit's processes; the unit's bare name is the note for its text. It names the very
/// process: an event that isn't to blame won't be met again by the next manager.
pub fn event(unit: &str, what: &str, key: Key) -> String {
    format!("event {unit} {what} {}.{}", key.token, key.step)
}

/// The note for starting a unit's process.
pub fn start(unit: &str, key: Key) -> String {
    event(unit, "start", key)
}

/// Deaths by note.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    deaths: BTreeMap<String, u32>,
}

impl Ledger {
    /// A manager died with this note on the table.
    pub fn died(&mut self, note: &str) {
        let count = self.deaths.entry(note.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    /// Whether to leave it alone.
    pub fn is_poison(&self, note: &str) -> bool {
        self.deaths.get(note).is_some_and(|n| *n >= DEATHS)
    }

    /// It went well.
    pub fn forget(&mut self, note: &str) -> bool {
        self.deaths.remove(note).is_some()
    }

    /// The unit's file changed: another chance.
    pub fn forgive(&mut self, unit: &str) -> bool {
        let (before, events) = (self.deaths.len(), format!("event {unit} "));
        self.deaths.retain(|note, _| note != unit && !note.starts_with(&events));
        self.deaths.len() != before
    }
}

/// The note and the ledger, in a memfd.
#[derive(Debug)]
pub struct Poison {
    file: Option<OwnedFd>,
    /// The note, where the file begins.
    place: Option<&'static [AtomicU64; NOTE_LEN / 8]>,
    ledger: Ledger,
    /// What is being worked on, innermost last.
    open: Vec<String>,
}

impl Poison {
    /// A clean table.
    pub fn create() -> Self {
        let file = memfd::or_file(c"rung-note").ok();
        Self { place: place(file.as_ref()), file, ledger: Ledger::default(), open: Vec::new() }
    }

    /// Goes on with the one a manager before us left: a note on it is entered into the ledger.
    pub fn reopen(fd: OwnedFd) -> Self {
        let bytes = fd.try_clone().ok().and_then(|f| file::read_all(f, 1 << 20).ok()).unwrap_or_default();
        let (note, rest) = bytes.split_at_checked(NOTE_LEN).unwrap_or((&bytes, &[]));
        let text = |b: &[u8]| String::from_utf8_lossy(b.split(|b| *b == 0).next().unwrap_or_default()).into_owned();
        let mut ledger: Ledger = serde_json::from_str(&text(rest)).unwrap_or_default();
        let note = text(note);
        if !note.is_empty() {
            ledger.died(&note);
        }
        let mut poison = Self { place: place(Some(&fd)), file: Some(fd), ledger, open: Vec::new() };
        poison.save();
        poison
    }

    /// A descriptor to park.
    ///
    /// # Errors
    /// When there is none.
    pub fn share(&self) -> Result<OwnedFd, Errno> {
        self.file.as_ref().and_then(|f| f.try_clone().ok()).ok_or(Errno::EBADF)
    }

    /// What is worked on from now on, until [`Self::done`]; one may be part of another.
    pub fn note(&mut self, note: &str) {
        self.open.push(note.to_owned());
        self.write();
    }

    /// What was noted last went well: if an event, it wasn't the cause of any death. A text, read again at each start, is
    /// forgiven only when its file changes.
    pub fn done(&mut self) {
        let note = self.open.pop().unwrap_or_default();
        if note.starts_with("event ") && self.ledger.forget(&note) {
            self.save();
        }
        self.write();
    }

    fn write(&self) {
        let note = self.open.last().map_or("", String::as_str).as_bytes();
        let note = note.get(..NOTE_LEN - 8).unwrap_or(note);
        // It ends at its first NUL; what stands behind that is of no meaning.
        for (to, part) in self.place.into_iter().flatten().zip(note.chunks(8).chain([[].as_slice()])) {
            let mut word = [0; 8];
            word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            to.set(u64::from_le_bytes(word));
        }
    }

    /// Whether a unit (or [`JOURNAL`]) is to be left alone.
    pub fn is_poison(&self, unit: &str) -> bool {
        self.ledger.is_poison(unit)
    }

    /// The unit's file changed: another chance.
    pub fn forgive(&mut self, unit: &str) {
        if self.ledger.forgive(unit) {
            self.save();
        }
    }

    fn save(&mut self) {
        let Some(file) = &self.file else { return };
        let mut bytes = vec![0; NOTE_LEN];
        bytes.extend(serde_json::to_vec(&self.ledger).unwrap_or_default());
        bytes.push(0);
        let _ = file::write_at(file.as_fd(), &bytes, 0);
    }
}

/// The note's place in memory: it is written too often for a system call each time.
fn place(file: Option<&OwnedFd>) -> Option<&'static [AtomicU64; NOTE_LEN / 8]> {
    shared::map(Some(file?.as_fd())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(poison: Poison) -> Poison {
        Poison::reopen(poison.share().expect("memfd"))
    }

    #[test]
    fn two_deaths_with_the_same_note_are_poison() {
        let mut poison = Poison::create();
        for round in 0..2 {
            assert!(!poison.is_poison("a.service"), "{round}");
            poison.note("b.service");
            poison.note("a.service");
            poison = again(poison);
        }
        assert!(poison.is_poison("a.service") && !poison.is_poison("b.service"));
        poison = again(poison);
        assert!(poison.is_poison("a.service"), "a death elsewhere changes nothing");
        let key = Key { token: 16, step: 2 };
        for _ in 0..2 {
            poison.note(&start("a.service", key));
            poison = again(poison);
        }
        assert!(poison.is_poison(&start("a.service", key)) && !poison.is_poison(&event("a.service", "exit", key)));
        poison.forgive("a.service");
        poison = again(poison);
        assert!(!poison.is_poison("a.service") && !poison.is_poison(&start("a.service", key)));
    }

    #[test]
    fn an_event_that_went_well_once_was_no_cause() {
        let exit = event("a.service", "exit", Key { token: 16, step: 0 });
        let mut poison = Poison::create();
        for _ in 0..4 {
            poison.note(&exit);
            poison = again(poison);
            poison.note(&exit);
            poison.note("b.service");
            poison.done();
            poison.done();
        }
        assert!(!poison.is_poison(&exit));
        poison.note(&exit);
        poison.note("b.service");
        poison.done();
        poison = again(poison);
        assert_eq!(poison.ledger.deaths.get(&exit), Some(&1), "the outer note came back");
    }

    #[test]
    fn a_note_taken_away_is_no_death() {
        let mut poison = Poison::create();
        for _ in 0..3 {
            poison.note("a.service");
            poison.done();
            poison = again(poison);
        }
        assert!(!poison.is_poison("a.service"));
    }
}
