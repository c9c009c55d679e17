//! A set of units, a bit for each: for what is asked of every edge of a transaction.

use super::UnitId;

/// Units; as long as the highest of them needs.
#[derive(Debug, Clone, Default)]
pub(super) struct IdSet(Vec<u64>);

fn place(id: UnitId) -> (usize, u64) {
    (usize::try_from(id.0 / 64).unwrap_or(usize::MAX), 1 << (id.0 % 64))
}

impl IdSet {
    /// None, with room for so many.
    pub fn with_room(units: usize) -> Self {
        Self(Vec::with_capacity(units.div_ceil(64)))
    }

    /// Whether it is in here.
    pub fn contains(&self, id: UnitId) -> bool {
        let (at, bit) = place(id);
        self.0.get(at).is_some_and(|word| word & bit != 0)
    }

    /// Takes a unit in; `false`: it is in here already. An id is one of the arena's, so this grows no further than that.
    pub fn insert(&mut self, id: UnitId) -> bool {
        let (at, bit) = place(id);
        if at >= self.0.len() {
            self.0.resize(at.saturating_add(1), 0);
        }
        let Some(word) = self.0.get_mut(at) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_in_it_once() {
        let mut set = IdSet::with_room(2);
        for n in [0, 63, 64, 1000] {
            assert!(!set.contains(UnitId(n)) && set.insert(UnitId(n)), "{n}");
            assert!(set.contains(UnitId(n)) && !set.insert(UnitId(n)), "{n}");
        }
        assert!(!set.contains(UnitId(1)) && !set.contains(UnitId(999)) && !set.contains(UnitId(5000)));
    }
}
