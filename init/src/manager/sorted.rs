//! A map in one block of memory, for keys that mostly come in rising order and are many in a boot, such as tokens: nodes of
//! a tree, each in memory of its own, would lie scattered among what a boot has needed and given back.
//!
//! A look-up is a binary search; what is added at the end, or taken from the beginning, moves nothing else.

use std::collections::VecDeque;

/// The map.
#[derive(Debug, Clone)]
pub struct Sorted<K, V>(VecDeque<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K: Ord + Copy, V> Sorted<K, V> {
    fn find(&self, key: &K) -> Result<usize, usize> {
        match self.0.back() {
            Some((last, _)) if last < key => Err(self.0.len()),
            _ => self.0.binary_search_by(|(known, _)| known.cmp(key)),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(self.find(key).ok()?).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Whether it has the key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    /// Sets a key's value; gives the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, known)| std::mem::replace(known, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.find(key).ok()?;
        self.0.remove(at).map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Gives back the room it may still grow into.
    pub fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_is_a_map(deeds in proptest::collection::vec((0u8..20, proptest::option::of(any::<u8>())), 0..60)) {
            let (mut sorted, mut map) = (Sorted::default(), BTreeMap::new());
            for (key, value) in deeds {
                let (was, known) = match value {
                    Some(value) => (sorted.insert(key, value), map.insert(key, value)),
                    None => (sorted.remove(&key), map.remove(&key)),
                };
                prop_assert_eq!(was, known);
                prop_assert!(sorted.iter().eq(map.iter()) && sorted.len() == map.len());
                prop_assert!(sorted.is_empty() == map.is_empty());
                for key in 0..20 {
                    prop_assert_eq!((sorted.get(&key), sorted.contains_key(&key)), (map.get(&key), map.contains_key(&key)));
                    prop_assert_eq!(sorted.get_mut(&key), map.get_mut(&key));
                }
            }
            sorted.shrink();
            prop_assert!(sorted.keys().eq(map.keys()) && sorted.values().eq(map.values()));
            prop_assert!(sorted.values_mut().eq(map.values_mut()));
        }
    }
}
