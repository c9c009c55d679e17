//! An open-addressing index of table records by any number: a pid, a hash of a key. It lies in private memory, is
//! rebuilt after a re-execution, and uses only as much of its room as the records need.

/// Room: four places for each record of the largest table.
const ROOM: usize = 131_072;
const EMPTY: u16 = 0;
const GONE: u16 = u16::MAX;

/// Finds record numbers below 65,534.
#[derive(Debug)]
pub struct Index {
    /// Record + 1; untouched pages of it cost nothing.
    cells: Vec<u16>,
    mask: usize,
    filled: usize,
}

impl Default for Index {
    /// An empty one, with all the memory it will ever have.
    fn default() -> Self {
        Self { cells: vec![EMPTY; ROOM], mask: 255, filled: 0 }
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
