//! What the manager was working on when it died.
//!
//! Before it works on one unit's text or event it notes the unit in a memfd that PID 1 parks; afterwards it takes the note
//! away. A manager that finds a note died there. Two deaths with the same note: that unit is poison, and left alone until
//! its file changes.

use crate::sys::{file, memfd};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

/// Room for the note, in bytes; the rest of the file is the ledger.
const NOTE_LEN: usize = 512;
/// Deaths that make poison.
const DEATHS: u32 = 2;

/// The note's name for the journal itself.
pub const JOURNAL: &str = "(journal)";

/// The note for what a unit's processes do; its bare name is the note for its text.
pub fn event(unit: &str) -> String {
    format!("event {unit}")
}

/// The note for starting a unit's process.
pub fn start(unit: &str) -> String {
    format!("start {unit}")
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

    /// Its file changed: another chance.
    pub fn forgive(&mut self, note: &str) -> bool {
        self.deaths.remove(note).is_some()
    }
}

/// The note and the ledger, in a memfd.
#[derive(Debug)]
pub struct Poison {
    file: Option<OwnedFd>,
    ledger: Ledger,
}

impl Poison {
    /// A clean table.
    pub fn create() -> Self {
        Self { file: memfd::create(c"rung-note").or_else(|_| file::unnamed()).ok(), ledger: Ledger::default() }
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
        let mut poison = Self { file: Some(fd), ledger };
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

    /// The unit that is worked on now; empty: none.
    pub fn note(&self, unit: &str) {
        let mut bytes = [0; NOTE_LEN];
        for (to, from) in bytes.iter_mut().zip(unit.bytes()) {
            *to = from;
        }
        if let Some(file) = &self.file {
            let _ = file::write_at(file.as_fd(), &bytes, 0);
        }
    }

    /// Whether a unit (or [`JOURNAL`]) is to be left alone.
    pub fn is_poison(&self, unit: &str) -> bool {
        self.ledger.is_poison(unit)
    }

    /// The unit's file changed, or it went well: another chance.
    pub fn forgive(&mut self, unit: &str) {
        let notes = [unit.to_owned(), event(unit), start(unit)];
        if notes.iter().filter(|note| self.ledger.forgive(note)).count() > 0 {
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
        for _ in 0..2 {
            poison.note(&start("a.service"));
            poison = again(poison);
        }
        assert!(poison.is_poison(&start("a.service")) && !poison.is_poison(&event("a.service")));
        poison.forgive("a.service");
        poison = again(poison);
        assert!(!poison.is_poison("a.service") && !poison.is_poison(&start("a.service")));
    }

    #[test]
    fn a_note_taken_away_is_no_death() {
        let mut poison = Poison::create();
        for _ in 0..3 {
            poison.note("a.service");
            poison.note("");
            poison = again(poison);
        }
        assert!(!poison.is_poison("a.service"));
    }
}
