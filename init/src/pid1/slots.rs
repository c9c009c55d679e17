//! The processes PID 1 owns: what changes them, and how they are found.

use super::index::Index;
use super::table::{Field, SLOTS, Slot, Table, pack, unpack};
use crate::proto::pid1::{Event, Key, Life};
use nix::errno::Errno;

/// The slots of a table, with their indices.
#[derive(Debug)]
pub struct Slots {
    table: &'static Table,
    by_key: Index,
    /// Only what isn't over: the pid of another may have been given away.
    by_pid: Index,
    /// No slot below is free.
    full_below: usize,
    in_use: usize,
    untold: usize,
    unanswered: usize,
}

fn hash(key: Key) -> u64 {
    // Tokens count up: neighbours in time are neighbours in memory.
    key.token.wrapping_mul(8).wrapping_add(key.step.into())
}

fn pid_number(pid: i32) -> u64 {
    pid.unsigned_abs().into()
}

impl Slots {
    /// Builds the indices from what the table holds.
    pub fn new(table: &'static Table) -> Self {
        let (by_key, by_pid) = (Index::default(), Index::default());
        let mut slots = Self { table, by_key, by_pid, full_below: 0, in_use: 0, untold: 0, unanswered: 0 };
        slots.in_use = slots.all().count();
        slots.untold = slots.all().filter(|(_, s, _)| s.untold.get() == 1).count();
        slots.unanswered =
            slots.all().filter(|(_, s, life)| matches!(life, Life::Over(_)) && s.token.get() != 0).count();
        slots.reindex();
        slots
    }

    fn reindex(&mut self) {
        let table = self.table;
        self.by_key.refill(self.in_use, all(table).map(|(i, s, _)| (hash(key(s)), i)));
        let alive = all(table).filter(|(_, s, life)| s.pid.get() > 0 && !matches!(life, Life::Over(_)));
        self.by_pid.refill(self.in_use, alive.map(|(i, s, _)| (pid_number(s.pid.get()), i)));
    }

    /// All slots in use, with their states.
    pub fn all(&self) -> impl Iterator<Item = (usize, &'static Slot, Life)> + use<> {
        all(self.table)
    }

    /// The slot with this number, if in use.
    pub fn get(&self, index: usize) -> Option<(&'static Slot, Life)> {
        let slot = self.table.slots.get(index)?;
        Some((slot, unpack(slot.life.get())?))
    }

    /// Finds a slot by its key.
    pub fn find(&self, wanted: Key) -> Option<usize> {
        self.by_key.find(hash(wanted), |i| self.get(i).is_some_and(|(slot, _)| key(slot) == wanted))
    }

    /// Finds the process that isn't over by its pid.
    pub fn by_pid(&self, pid: i32) -> Option<usize> {
        self.by_pid.find(pid_number(pid), |i| self.get(i).is_some_and(|(slot, _)| slot.pid.get() == pid))
    }

    /// Fills a slot. The pid may follow ([`Slots::started`]).
    ///
    /// # Errors
    /// `EEXIST`: the key has one; `ENOSPC`: none is free.
    pub fn insert(&mut self, key: Key, life: Life) -> Result<usize, Errno> {
        if self.find(key).is_some() {
            return Err(Errno::EEXIST);
        }
        let free = |(_, slot): &(usize, &Slot)| slot.life.get() == 0;
        let found = self.table.slots.iter().enumerate().skip(self.full_below).find(free);
        let (index, slot) = found.ok_or(Errno::ENOSPC)?;
        let head = &self.table.head;
        self.full_below = index.saturating_add(1);
        let used = u32::try_from(self.full_below).unwrap_or(u32::MAX);
        head.used_slots.set(head.used_slots.get().max(used));
        head.last_slot.set(used);
        head.highest_token.set(head.highest_token.get().max(key.token));
        slot.token.set(key.token);
        slot.step.set(key.step);
        slot.pid.set(0);
        slot.start_time.set(0);
        slot.failure.set(0);
        slot.report.set(0);
        slot.pidfd.set(0);
        slot.untold.set(0);
        slot.polled.set(0);
        self.in_use = self.in_use.saturating_add(1);
        slot.life.set(pack(life));
        if !self.by_key.insert(hash(key), index) {
            self.reindex();
        }
        self.changed(index);
        Ok(index)
    }

    /// The slot's process is `pid`.
    pub fn started(&mut self, index: usize, pid: i32, start_time: u64) {
        let Some((slot, _)) = self.get(index) else { return };
        slot.start_time.set(start_time);
        slot.pid.set(pid);
        if !self.by_pid.insert(pid_number(pid), index) {
            self.reindex();
        }
    }

    /// The slot's state changes.
    pub fn set(&mut self, index: usize, life: Life) {
        let Some((slot, before)) = self.get(index) else { return };
        if before == life || matches!(before, Life::Over(_)) {
            return;
        }
        slot.life.set(pack(life));
        if matches!(life, Life::Over(_)) {
            self.by_pid.remove(pid_number(slot.pid.get()), index);
            if slot.token.get() != 0 {
                self.unanswered = self.unanswered.saturating_add(1);
            }
        }
        self.changed(index);
    }

    fn changed(&mut self, index: usize) {
        let Some((slot, _)) = self.get(index) else { return };
        let seq = self.table.head.seq.get().wrapping_add(1);
        self.table.head.seq.set(seq);
        slot.seq.set(seq);
        // Token 0 is PID 1's own: the manager doesn't hear of it.
        if slot.token.get() != 0 && slot.untold.get() == 0 {
            slot.untold.set(1);
            self.untold = self.untold.saturating_add(1);
        }
    }

    /// Empties the slot.
    pub fn free(&mut self, index: usize) {
        let Some((slot, life)) = self.get(index) else { return };
        self.told(index);
        self.by_key.remove(hash(key(slot)), index);
        if !matches!(life, Life::Over(_)) {
            self.by_pid.remove(pid_number(slot.pid.get()), index);
        } else if slot.token.get() != 0 {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        slot.life.set(0);
        self.in_use = self.in_use.saturating_sub(1);
        self.full_below = self.full_below.min(index);
    }

    /// How many the manager hasn't been told of.
    pub fn untold(&self) -> usize {
        self.untold
    }

    /// How many ends it hasn't acknowledged.
    pub fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// The manager knows the slot's state.
    pub fn told(&mut self, index: usize) {
        if let Some((slot, _)) = self.get(index)
            && slot.untold.get() == 1
        {
            slot.untold.set(0);
            self.untold = self.untold.saturating_sub(1);
        }
    }

    /// The slot as the manager hears of it.
    pub fn event(&self, index: usize) -> Option<Event> {
        let (slot, life) = self.get(index)?;
        let (pid, start_time, seq) = (slot.pid.get(), slot.start_time.get(), slot.seq.get());
        Some(Event::Slot { key: key(slot), pid, start_time, life, seq })
    }
}

/// The slot's key.
pub fn key(slot: &Slot) -> Key {
    Key { token: slot.token.get(), step: slot.step.get() }
}

fn all(table: &'static Table) -> impl Iterator<Item = (usize, &'static Slot, Life)> {
    let used = usize::try_from(table.head.used_slots.get()).unwrap_or(SLOTS);
    let slots = table.slots.iter().enumerate().take(used);
    slots.filter_map(|(index, slot)| Some((index, slot, unpack(slot.life.get())?)))
}
