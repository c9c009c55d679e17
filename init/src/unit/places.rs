//! Where the keys of a unit stand in its files.

use super::keys::KEYS;
use super::model::Place;

/// By key, which is told by its number in the table: there are as many as lines in all units' files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places(Vec<At>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At {
    key: u16,
    // A `Place`, without the gap that it would leave here.
    file: u16,
    line: u32,
}

const _: () = assert!(size_of::<At>() <= 8);

impl At {
    fn place(self) -> Place {
        Place { file: self.file, line: self.line }
    }
}

impl Places {
    fn find(&self, id: &str) -> Option<Result<usize, (usize, u16)>> {
        let key = KEYS.rank(id)?;
        Some(self.0.binary_search_by_key(&key, |at| at.key).map_err(|free| (free, key)))
    }

    /// Where a key (`Service.User`) was given the last time.
    pub fn get(&self, id: &str) -> Option<Place> {
        Some(self.0.get(self.find(id)?.ok()?)?.place())
    }

    /// All keys that were given, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Place)> {
        self.0.iter().filter_map(|at| Some((KEYS.ranked(at.key)?.id, at.place())))
    }

    /// It stands there. A key that isn't in the table stands nowhere.
    pub fn set(&mut self, id: &str, place: Place) {
        let Place { file, line } = place;
        match self.find(id) {
            Some(Ok(known)) => {
                if let Some(at) = self.0.get_mut(known) {
                    (at.file, at.line) = (file, line);
                }
            }
            Some(Err((free, key))) => self.0.insert(free, At { key, file, line }),
            None => {}
        }
    }

    /// It was emptied.
    pub fn remove(&mut self, id: &str) {
        if let Some(Ok(known)) = self.find(id) {
            self.0.remove(known);
        }
    }

    /// Nothing was given.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives back the room that reading has left over.
    pub(super) fn settle(&mut self) {
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_of_a_key_counts_and_all_are_in_order() {
        let place = |line| Place { file: 1, line };
        let mut places = Places::default();
        for (line, id) in (1..).zip(["Unit.After", "Service.User", "Unit.After", "Service.Nice", "Service.Nothing"]) {
            places.set(id, place(line));
        }
        assert!(places.iter().eq([("Service.Nice", place(4)), ("Service.User", place(2)), ("Unit.After", place(3))]));
        places.remove("Service.User");
        assert_eq!((places.get("Service.User"), places.get("Unit.After")), (None, Some(place(3))));
        assert!(
            KEYS.iter().all(|key| KEYS.rank(key.id).and_then(|rank| KEYS.ranked(rank)).is_some_and(|k| k.id == key.id))
        );
        assert!((0..).map_while(|rank| KEYS.ranked(rank)).map(|key| key.id).is_sorted(), "as by their names");
    }
}
