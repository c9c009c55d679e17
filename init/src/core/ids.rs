//! Sets of units, a bit for each: for what is asked of every unit or edge of a transaction.

use super::UnitId;

/// Units; as long as the highest of them needs.
#[derive(Debug, Clone, Default)]
pub(super) struct IdSet {
    words: Vec<u64>,
    count: usize,
}

fn place(id: UnitId) -> (usize, u64) {
    (usize::try_from(id.0 / 64).unwrap_or(usize::MAX), 1 << (id.0 % 64))
}

impl IdSet {
    /// None, with room for so many.
    pub fn with_room(units: usize) -> Self {
        Self { words: Vec::with_capacity(units.div_ceil(64)), count: 0 }
    }

    /// Whether it is in here.
    pub fn contains(&self, id: UnitId) -> bool {
        let (at, bit) = place(id);
        self.words.get(at).is_some_and(|word| word & bit != 0)
    }

    /// Takes a unit in; `false`: it is in here already. An id is one of the arena's, so this grows no further than that.
    pub fn insert(&mut self, id: UnitId) -> bool {
        let (at, bit) = place(id);
        if at >= self.words.len() {
            self.words.resize(at.saturating_add(1), 0);
        }
        let Some(word) = self.words.get_mut(at) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        self.count = self.count.saturating_add(usize::from(new));
        new
    }

    /// Takes a unit out.
    pub fn remove(&mut self, id: UnitId) {
        let (at, bit) = place(id);
        if let Some(word) = self.words.get_mut(at).filter(|word| **word & bit != 0) {
            *word &= !bit;
            self.count = self.count.saturating_sub(1);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nobody is in here.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = UnitId> {
        self.words.iter().zip((0u32..).step_by(64)).flat_map(|(word, first)| {
            (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| UnitId(first.saturating_add(bit)))
        })
    }
}

/// Units as they come, each once: what is taken out now and then costs what is in it, however many units there are.
#[derive(Debug, Clone, Default)]
pub(super) struct IdList {
    known: IdSet,
    list: Vec<UnitId>,
}

impl IdList {
    /// Takes a unit in, if it isn't in here.
    pub fn insert(&mut self, id: UnitId) {
        if self.known.insert(id) {
            self.list.push(id);
        }
    }

    /// All of them, by id; none are left.
    pub fn take(&mut self) -> Vec<UnitId> {
        let mut list = std::mem::take(&mut self.list);
        list.sort_unstable();
        list.iter().for_each(|id| self.known.remove(*id));
        list
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
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 1000].map(UnitId));
        for n in [64, 1000, 5000] {
            set.remove(UnitId(n));
        }
        assert!(set.len() == 2 && !set.is_empty());
        set.remove(UnitId(0));
        set.remove(UnitId(63));
        assert!(set.is_empty() && set.iter().next().is_none());
    }

    #[test]
    fn a_list_is_given_once_and_in_order() {
        let mut list = IdList::default();
        [7, 3, 7, 200, 3].map(UnitId).into_iter().for_each(|id| list.insert(id));
        assert_eq!(list.take(), [3, 7, 200].map(UnitId));
        assert!(list.take().is_empty() && list.known.is_empty());
        list.insert(UnitId(3));
        assert_eq!(list.take(), [UnitId(3)]);
    }
}
