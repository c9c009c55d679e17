//! Records in shared memory, each valid by one word that is written last; what finds them lies in private memory.

use super::memory;
use super::shared::{Field, Plain};
use nix::errno::Errno;
use std::sync::atomic::AtomicU32;

/// What a store holds.
pub trait Record: Plain + 'static {
    /// Whether its commit word says that it holds something.
    fn is_valid(&self) -> bool;
    /// What it is found by. Others may have the same number.
    fn number(&self) -> u64;
}

/// The places of a table, by number and by what is in them.
#[derive(Debug)]
pub struct Records<R: 'static> {
    places: &'static [R],
    /// In the table: places below it have been used.
    used: &'static AtomicU32,
    index: Index,
    /// No place below is free.
    full_below: usize,
    count: usize,
}

impl<R: Record> Records<R> {
    /// Takes up what the table holds.
    pub fn new(places: &'static [R], used: &'static AtomicU32) -> Self {
        let mut records = Self { places, used, index: Index::default(), full_below: 0, count: 0 };
        records.count = records.all().count();
        records.reindex();
        records
    }

    fn reindex(&mut self) {
        self.index.refill(self.count, self.all().map(|(place, record)| (record.number(), place)));
    }

    /// All valid ones from place `first` on, with their places.
    pub fn from(&self, first: usize) -> impl Iterator<Item = (usize, &'static R)> + use<R> {
        let used = usize::try_from(self.used.get()).unwrap_or(usize::MAX);
        self.places.iter().enumerate().take(used).skip(first).filter(|(_, record)| record.is_valid())
    }

    /// All valid ones, with their places.
    pub fn all(&self) -> impl Iterator<Item = (usize, &'static R)> + use<R> {
        self.from(0)
    }

    /// How many are valid.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The record at a place, if valid.
    pub fn get(&self, place: usize) -> Option<&'static R> {
        self.places.get(place).filter(|record| record.is_valid())
    }

    /// The record with this number for which `is` holds.
    pub fn find(&self, number: u64, is: impl Fn(&R) -> bool) -> Option<(usize, &'static R)> {
        let place = self.index.find(number, |place| self.get(place).is_some_and(&is))?;
        Some((place, self.get(place)?))
    }

    /// Fills a free place: `fill` gets it with its number, and writes the commit word last.
    ///
    /// # Errors
    /// `ENOSPC`: none is free.
    pub fn add(&mut self, fill: impl FnOnce(usize, &'static R)) -> Result<usize, Errno> {
        let mut free = self.places.iter().enumerate().skip(self.full_below).filter(|(_, record)| !record.is_valid());
        let (place, record) = free.next().ok_or(Errno::ENOSPC)?;
        self.full_below = place + 1;
        self.used.set(self.used.get().max(u32::try_from(self.full_below).unwrap_or(u32::MAX)));
        fill(place, record);
        self.count += 1;
        if !self.index.insert(record.number(), place) {
            self.reindex();
        }
        Ok(place)
    }

    /// Empties a place: `clear` takes the commit word back.
    pub fn remove(&mut self, place: usize, clear: impl FnOnce(&R)) {
        let Some(record) = self.get(place) else { return };
        self.index.remove(record.number(), place);
        clear(record);
        self.count = self.count.saturating_sub(1);
        self.full_below = self.full_below.min(place);
    }
}

/// Room: four places for each record of the largest table.
const ROOM: usize = 131_072;
const EMPTY: u16 = 0;
const GONE: u16 = u16::MAX;

/// An open-addressing index of places below 65,534 by any number. It lies in private memory, is rebuilt after a
/// re-execution, and uses only as much of its room as the records need.
#[derive(Debug)]
pub struct Index {
    /// Record + 1; untouched pages of it cost nothing, and no fork copies it.
    cells: &'static mut [u16],
    mask: usize,
    filled: usize,
}

impl Default for Index {
    /// An empty one, with all the memory it will ever have.
    fn default() -> Self {
        let cells = memory::unforked(ROOM).unwrap_or_else(|_| vec![EMPTY; ROOM].leak());
        Self { cells, mask: 255, filled: 0 }
    }
}

impl Index {
    fn walk(&self, number: u64) -> impl Iterator<Item = usize> + use<> {
        let (mask, start) = (self.mask, usize::try_from(number & 0xffff_ffff).unwrap_or(0));
        (0..=mask).map(move |step| start.wrapping_add(step) & mask)
    }

    /// The record at `number` for which `is` holds.
    pub fn find(&self, number: u64, is: impl Fn(usize) -> bool) -> Option<usize> {
        self.place(number, is).map(|(_, record)| record)
    }

    fn place(&self, number: u64, is: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
        for at in self.walk(number) {
            match self.cells.get(at).copied().unwrap_or(EMPTY) {
                EMPTY => return None,
                GONE => {}
                cell => {
                    let record = usize::from(cell).saturating_sub(1);
                    if is(record) {
                        return Some((at, record));
                    }
                }
            }
        }
        None
    }

    /// Adds `record` at `number`. `false`: there was no room; [`Index::refill`] makes some.
    pub fn insert(&mut self, number: u64, record: usize) -> bool {
        if self.filled.saturating_add(1).saturating_mul(2) > self.mask {
            return false;
        }
        let Ok(cell) = u16::try_from(record.saturating_add(1)) else { return false };
        let empty = |at: &usize| self.cells.get(*at) == Some(&EMPTY);
        let Some(at) = self.walk(number).find(empty) else { return false };
        if let Some(place) = self.cells.get_mut(at) {
            *place = cell;
            self.filled = self.filled.saturating_add(1);
        }
        true
    }

    /// Removes `record` from `number`.
    pub fn remove(&mut self, number: u64, record: usize) {
        if let Some((at, _)) = self.place(number, |r| r == record)
            && let Some(cell) = self.cells.get_mut(at)
        {
            *cell = GONE;
        }
    }

    /// Empties it and fills it with `all`, of which there are `count`, with room for as many again.
    pub fn refill(&mut self, count: usize, all: impl Iterator<Item = (u64, usize)>) {
        let size = count.saturating_mul(4).next_power_of_two().clamp(256, ROOM);
        self.cells.iter_mut().take(self.mask.max(size).saturating_add(1)).for_each(|cell| *cell = EMPTY);
        (self.mask, self.filled) = (size.saturating_sub(1), 0);
        for (number, record) in all {
            self.insert(number, record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_in_and_nothing_else() {
        let mut index = Index::default();
        let mut held = std::collections::BTreeMap::new();
        let mut random = 7u64;
        for round in 0..50_000u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (random >> 33) % 3000;
            let record = usize::try_from(number).unwrap();
            if held.remove(&number).is_some() {
                index.remove(number, record);
            } else {
                if !index.insert(number, record) {
                    index.refill(held.len(), held.keys().map(|n| (*n, usize::try_from(*n).unwrap())));
                    assert!(index.insert(number, record), "round {round}");
                }
                held.insert(number, ());
            }
            let probe = round % 3000;
            let found = index.find(probe, |r| r == usize::try_from(probe).unwrap());
            assert_eq!(found.is_some(), held.contains_key(&probe), "round {round}");
        }
    }
}
