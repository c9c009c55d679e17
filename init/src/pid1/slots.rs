//! The processes PID 1 owns: what changes them, and how they are found.

use super::table::{Slot, Table, number_of_key};
use crate::proto::pid1::{Key, Life};
use crate::sys::records::{Index, Records};
use crate::sys::shared::Field;
use nix::errno::Errno;

/// The slots of a table, by key and by pid.
#[derive(Debug)]
pub struct Slots {
    table: &'static Table,
    records: Records<Slot>,
    /// Only what isn't over: the pid of another may have been given away.
    by_pid: Index,
    untold: usize,
    unanswered: usize,
}

fn number_of_pid(pid: i32) -> u64 {
    pid.unsigned_abs().into()
}

impl Slots {
    /// Takes up what the table holds.
    pub fn new(table: &'static Table) -> Self {
        let records = Records::new(&table.slots, &table.head.used_slots);
        let mut slots = Self { table, records, by_pid: Index::default(), untold: 0, unanswered: 0 };
        slots.untold = slots.all().filter(|(_, slot, _)| slot.untold.get() == 1).count();
        slots.unanswered = slots.all().filter(|(_, slot, _)| slot.is_owed()).count();
        slots.index_pids();
        slots
    }

    fn index_pids(&mut self) {
        let alive = self.all().filter(|(_, slot, life)| slot.pid.get() > 0 && !matches!(life, Life::Over(_)));
        self.by_pid.refill(self.records.count(), alive.map(|(i, slot, _)| (number_of_pid(slot.pid.get()), i)));
    }

    /// So many places for parked descriptors have been in use at one time.
    pub fn parks(&self) -> u32 {
        self.table.head.used_parks.get()
    }

    /// All slots in use, with their states.
    pub fn all(&self) -> impl Iterator<Item = (usize, &'static Slot, Life)> + use<> {
        self.records.all().filter_map(|(index, slot)| Some((index, slot, slot.life()?)))
    }

    /// The slot with this number, if in use.
    pub fn get(&self, index: usize) -> Option<(&'static Slot, Life)> {
        let slot = self.records.get(index)?;
        Some((slot, slot.life()?))
    }

    /// Finds a slot by its key.
    pub fn find(&self, key: Key) -> Option<usize> {
        self.records.find(number_of_key(key), |slot| slot.key() == key).map(|(index, _)| index)
    }

    /// Finds the process that isn't over by its pid.
    pub fn by_pid(&self, pid: i32) -> Option<usize> {
        self.by_pid.find(number_of_pid(pid), |i| self.get(i).is_some_and(|(slot, _)| slot.pid.get() == pid))
    }

    /// Fills a slot. The pid may follow ([`Slots::started`]).
    ///
    /// # Errors
    /// `EEXIST`: the key has one; `ENOSPC`: none is free.
    pub fn insert(&mut self, key: Key, life: Life) -> Result<(usize, &'static Slot), Errno> {
        if self.find(key).is_some() {
            return Err(Errno::EEXIST);
        }
        let head = &self.table.head;
        let index = self.records.add(|index, slot| {
            head.last_slot.set(u32::try_from(index.saturating_add(1)).unwrap_or(0));
            head.highest_token.set(head.highest_token.get().max(key.token));
            slot.token.set(key.token);
            slot.step.set(key.step);
            slot.pid.set(0);
            slot.start_time.set(0);
            slot.watch.forget();
            slot.untold.set(0);
            slot.polled.set(0);
            slot.life.set(life.to_word());
        })?;
        self.changed(index);
        Ok((index, self.records.get(index).ok_or(Errno::ENOSPC)?))
    }

    /// The slot's process is `pid`.
    pub fn started(&mut self, index: usize, pid: i32, start_time: u64) {
        let Some((slot, _)) = self.get(index) else { return };
        slot.start_time.set(start_time);
        slot.pid.set(pid);
        if !self.by_pid.insert(number_of_pid(pid), index) {
            self.index_pids();
        }
    }

    /// The slot's state changes. An end is final.
    pub fn set(&mut self, index: usize, life: Life) {
        let Some((slot, before)) = self.get(index) else { return };
        if before == life || matches!(before, Life::Over(_)) {
            return;
        }
        slot.life.set(life.to_word());
        if matches!(life, Life::Over(_)) {
            self.by_pid.remove(number_of_pid(slot.pid.get()), index);
            self.unanswered = self.unanswered.saturating_add(slot.is_owed().into());
        }
        self.changed(index);
    }

    fn changed(&mut self, index: usize) {
        let Some((slot, _)) = self.get(index) else { return };
        let seq = self.table.head.seq.get().wrapping_add(1);
        self.table.head.seq.set(seq);
        slot.seq.set(seq);
        self.tell(slot);
    }

    /// Token 0 is PID 1's own: the manager doesn't hear of it.
    fn tell(&mut self, slot: &Slot) {
        if slot.token.get() != 0 && slot.untold.get() == 0 {
            slot.untold.set(1);
            self.untold = self.untold.saturating_add(1);
        }
    }

    /// The manager is to hear of all of them.
    pub fn tell_all(&mut self) {
        self.all().for_each(|(_, slot, _)| self.tell(slot));
    }

    /// Those the manager hasn't been told of, from slot `first` on, then from the beginning.
    pub fn untold(&self, first: usize) -> impl Iterator<Item = (usize, &'static Slot)> + use<> {
        let slots = self.records.from(first).chain(self.records.all());
        slots.filter(|(_, slot)| slot.untold.get() == 1).take(self.untold)
    }

    /// The manager knows the slot's state.
    pub fn told(&mut self, slot: &Slot) {
        self.untold = self.untold.saturating_sub(usize::from(slot.untold.get() == 1));
        slot.untold.set(0);
    }

    /// Empties the slot.
    pub fn free(&mut self, index: usize) {
        let Some((slot, _)) = self.get(index) else { return };
        self.told(slot);
        self.by_pid.remove(number_of_pid(slot.pid.get()), index);
        self.unanswered = self.unanswered.saturating_sub(slot.is_owed().into());
        self.records.remove(index, |slot| slot.life.set(0));
    }

    /// How many ends it hasn't acknowledged.
    pub fn unanswered(&self) -> usize {
        self.unanswered
    }
}
