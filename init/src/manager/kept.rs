//! Log pipes that go on from one run to the next: an automatic restart that comes soon uses those of the run before, once
//! the logger has read them dry and ended the last line. Making, parking and watching new ones costs more than the rest
//! of a restart.
//!
//! The pipes stay parked under the instance that they were made for. Whose pipes a unit's present instance uses, where they
//! aren't its own, is in the journal; it changes once in a row of restarts. When a manager dies between two runs the pipes
//! are let go, and the next run gets new ones.

use super::instance::{End, Instance};
use super::spawn::uses_log;
use super::state::Manager;
use crate::core::{Core, Record, UnitId};
use crate::proto::logger::{Request, Stream};
use crate::sys::pipe;
use crate::sys::wait;
use crate::unit::{KillMode, Unit, UnitName};
use std::collections::{BTreeMap, BTreeSet};

/// Before the name of a unit in the journal.
const KEY: &str = "pipes";

/// A run's that is over: the service's ends.
#[derive(Debug)]
pub struct Spare {
    /// The instance they were made for.
    pub owner: u64,
    out: End,
    err: End,
    /// The logger has read them, and ended the last line.
    dry: bool,
}

/// What is kept, and who uses it.
#[derive(Debug, Default)]
pub struct Kept {
    /// Whose pipes a unit's instance uses that has none of its own.
    owners: BTreeMap<UnitName, u64>,
    changed: BTreeSet<UnitName>,
    /// Between two runs.
    spare: BTreeMap<UnitId, Spare>,
}

impl Kept {
    /// Takes what is its own out of a journal.
    pub fn restore(records: &mut Vec<Record>) -> Self {
        let mut kept = Self::default();
        records.retain(|record| match record.key.split_once('/') {
            Some((KEY, name)) => {
                // The last one of a name counts, also where that says that there is nothing.
                if let Ok(name) = UnitName::new(name) {
                    match record.read() {
                        Some(owner) => drop(kept.owners.insert(name, owner)),
                        None => drop(kept.owners.remove(&name)),
                    }
                }
                false
            }
            _ => true,
        });
        kept
    }

    /// Records of what changed since the last call.
    pub fn take_dirty(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.changed).iter().map(|name| self.record(name)).collect()
    }

    /// Records of everything.
    pub fn snapshot(&self) -> Vec<Record> {
        self.owners.keys().map(|name| self.record(name)).collect()
    }

    fn record(&self, name: &UnitName) -> Record {
        Record::new(format!("{KEY}/{}", name.as_str()), self.owners.get(name))
    }

    /// Whose pipes a unit's instance uses, if it has none of its own.
    pub fn owner(&self, name: &UnitName) -> Option<u64> {
        self.owners.get(name).copied()
    }

    /// Notes whose they are; `true` if that is new.
    fn own(&mut self, name: &UnitName, owner: Option<u64>) -> bool {
        if self.owner(name) == owner {
            return false;
        }
        match owner {
            Some(owner) => drop(self.owners.insert(name.clone(), owner)),
            None => drop(self.owners.remove(name)),
        }
        self.changed.insert(name.clone())
    }

    /// Instances whose pipes are used by another that lives, with that one.
    pub fn lent(&self, core: &Core) -> BTreeMap<u64, u64> {
        let live = |name: &UnitName| core.view(core.id(name)?).token;
        self.owners.iter().filter_map(|(name, owner)| Some((*owner, live(name)?))).collect()
    }

    /// The logger has read an instance's pipes dry.
    pub fn is_dry(&mut self, unit: UnitId, owner: u64) {
        if let Some(spare) = self.spare.get_mut(&unit).filter(|spare| spare.owner == owner) {
            spare.dry = true;
        }
    }
}

impl Manager {
    /// An instance is over: the logger is told, and its pipes are let go unless a next one can go on with them.
    pub(super) fn pipes_over(&mut self, unit: UnitId, definition: &Unit, token: u64, instance: Option<Instance>) {
        let owner = instance.as_ref().map_or(token, |i| i.logs);
        self.logger.send(Request::End { token: owner }, None);
        self.held.ends(unit, owner, wait::now_ms());
        // Nobody is left who would write into them.
        let ended = matches!(definition.service.kill_mode, KillMode::ControlGroup | KillMode::Mixed);
        let both = instance.and_then(|i| i.out.zip(i.err)).filter(|_| ended && self.comes_soon(unit));
        match both {
            Some((out, err)) => drop(self.kept.spare.insert(unit, Spare { owner, out, err, dry: false })),
            // The logger's ends stay parked until it says that nobody writes any more.
            None => drop(self.kept.own(self.core.name(unit), None)),
        }
    }

    /// The automatic restart that they were kept for is off.
    pub(super) fn drop_spare(&mut self, unit: UnitId) {
        if self.kept.spare.remove(&unit).is_some() {
            self.kept.own(self.core.name(unit), None);
        }
    }

    /// Gives a new instance the pipes of the run before. `None`: it needs its own, and any that were kept are let go.
    pub(super) fn take_spare(&mut self, unit: &Unit) -> Option<Instance> {
        let id = self.core.id(&unit.name)?;
        let good = |spare: &Spare| {
            let read = [Stream::Out, Stream::Err].into_iter().all(|s| self.pipes.contains_key(&(spare.owner, s)));
            spare.dry && read && spare.is_as_new()
        };
        let fits = uses_log(unit) && self.kept.spare.get(&id).is_some_and(good);
        let spare = if fits { self.kept.spare.remove(&id) } else { None };
        let Some(Spare { owner, out, err, .. }) = spare else {
            self.drop_spare(id);
            return None;
        };
        if self.kept.own(&unit.name, Some(owner)) {
            // A manager after us must know before the process is there.
            self.record();
        }
        Some(Instance { out: Some(out), err: Some(err), logs: owner, ..Instance::default() })
    }

    /// A new instance has pipes of its own.
    pub(super) fn has_own_pipes(&mut self, unit: &UnitName) {
        if self.kept.own(unit, None) {
            self.record();
        }
    }
}

impl Spare {
    /// Takes back what the last run may have set: `O_NONBLOCK` belongs to a pipe's end, not to a process.
    fn is_as_new(&self) -> bool {
        [&self.out, &self.err].into_iter().all(|end| pipe::reset(end).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_uses_whose_outlives_a_manager() {
        let [a, b] = ["a.service", "b.service"].map(|n| UnitName::new(n).expect("name"));
        let mut kept = Kept::default();
        assert!(kept.own(&a, Some(16)) && kept.own(&b, Some(17)) && !kept.own(&a, Some(16)));
        let mut records = kept.take_dirty();
        assert!(records.len() == 2 && kept.take_dirty().is_empty());
        assert!(kept.own(&b, None) && !kept.own(&b, None));
        records.extend(kept.take_dirty());
        records.push(Record { key: "token".into(), value: None });
        let mut whole = kept.snapshot();
        for records in [&mut records, &mut whole] {
            let restored = Kept::restore(records);
            assert_eq!((restored.owner(&a), restored.owner(&b)), (Some(16), None));
        }
        assert_eq!((records.len(), whole.len()), (1, 0), "others' records are left alone");
    }
}
