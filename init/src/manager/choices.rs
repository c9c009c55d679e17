//! Which of a systemd unit and an init script of one name was taken: kept in the journal, so that the next manager takes
//! the same, and on disk, so that the next boot does.

use super::state::Manager;
use crate::core::Record;
use crate::load::{Root, recorded};
use crate::sys::file;
use crate::unit::{Source, UnitName};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The choices, and which of them the journal doesn't hold yet.
#[derive(Debug, Default)]
pub struct Choices {
    made: BTreeMap<UnitName, Source>,
    changed: BTreeSet<UnitName>,
    /// The text of the file that keeps them over a boot, as it was written last.
    written: Option<String>,
}

impl Choices {
    /// Takes what is its own out of a journal.
    pub fn restore(records: &mut Vec<Record>) -> Self {
        let mut choices = Self::default();
        records.retain(|record| match record.key.split_once('/') {
            Some(("choice", name)) => {
                if let (Ok(name), Some(source)) = (UnitName::new(name), record.read()) {
                    choices.made.insert(name, source);
                }
                false
            }
            _ => true,
        });
        choices
    }

    /// Records of what changed since the last call.
    pub fn take_dirty(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.changed).iter().map(|name| self.record(name)).collect()
    }

    /// Records of everything.
    pub fn snapshot(&self) -> Vec<Record> {
        self.made.keys().map(|name| self.record(name)).collect()
    }

    fn record(&self, name: &UnitName) -> Record {
        Record::new(format!("choice/{}", name.as_str()), self.made.get(name))
    }
}

impl Manager {
    /// Before the first scan: what a manager before us has chosen, at this boot or an earlier one.
    pub fn recall_recorded_choices(&mut self) {
        if self.keeps_records() {
            let recorded = recorded::read(&Root::system(), self.loader.facts().prefer);
            for (name, source) in recorded {
                self.choices.made.entry(name).or_insert(source);
            }
        }
        self.recall_choices();
    }

    /// One with a run directory of its own isn't the machine's.
    fn keeps_records(&self) -> bool {
        self.machine.run_dir == Path::new("/run/rung")
    }

    /// Writes them where the next boot finds them. Before the root is writable that fails; the scan behind level S
    /// brings us here again.
    fn record_choices(&mut self) {
        let text = {
            let made = self.loader.choices().filter_map(|(name, choice)| Some((name, choice.kept?)));
            recorded::text(made, self.loader.facts().prefer)
        };
        let none = self.loader.choices().next().is_none();
        let path = Path::new(recorded::PATH);
        if !self.keeps_records() || self.choices.written.as_ref() == Some(&text) || none && !path.exists() {
            return;
        }
        let same = file::read_text(path, text.len()).is_ok_and(|there| there == text);
        if let (false, Some(folder)) = (same, path.parent()) {
            let _ = std::fs::create_dir_all(folder);
        }
        if same || file::replace_text(path, &text).is_ok() {
            self.choices.written = Some(text);
        }
    }

    fn recall_choices(&mut self) {
        self.loader.keep_choices(self.choices.made.clone());
    }

    /// After a scan: keeps the choices that it made.
    pub fn keep_choices(&mut self) {
        for (name, choice) in self.loader.choices() {
            if let Some(kept) = choice.kept.filter(|kept| self.choices.made.get(name) != Some(kept)) {
                self.choices.made.insert(name.clone(), kept);
                self.choices.changed.insert(name.clone());
            }
        }
        self.recall_choices();
        self.record_choices();
    }

    /// Chooses anew at the next scan.
    pub fn forget_choices(&mut self) {
        let names: Vec<UnitName> = self.choices.made.keys().cloned().collect();
        self.choices.made.clear();
        self.choices.changed.extend(names);
        self.loader.keep_choices(BTreeMap::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_outlive_a_manager() {
        let name = UnitName::new("a").expect("name");
        let mut choices = Choices::default();
        choices.made.insert(name.clone(), Source::Script);
        choices.changed.insert(name.clone());
        let mut records = choices.take_dirty();
        assert!(choices.take_dirty().is_empty());
        records.push(Record { key: "other/x".into(), value: None });
        assert_eq!(Choices::restore(&mut records).made, choices.made);
        assert_eq!(records.len(), 1, "others' records are left");
        assert_eq!(choices.snapshot().len(), 1);
    }
}
