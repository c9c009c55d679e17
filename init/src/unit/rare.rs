//! Parts of a unit that most units leave as they are by default: these share one value, and take no more room than a
//! pointer until something in them is set. Once a unit is read, what it has set is shared too with the unit read before,
//! where that says the same.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// Something with one default value for all who don't need another.
pub trait Usual: Default + Clone + PartialEq + 'static {
    /// That value. It is made once and stays.
    fn usual() -> &'static Self;
    /// The value that this was called with last, where that is equal.
    fn share(value: Rc<Self>) -> Rc<Self>;
}

/// `T`, at its defaults until it is changed.
#[derive(Clone)]
pub struct Rare<T: Usual>(Option<Rc<T>>);

impl<T: Usual> Rare<T> {
    /// Its own value, if it has one.
    pub(crate) fn own(&mut self) -> Option<&mut T> {
        self.0.as_mut().map(Rc::make_mut)
    }

    /// This value; the default takes no room.
    pub(crate) fn kept(value: T) -> Self {
        let mut own = Self::default();
        own.set(value);
        own
    }

    /// Changes it as a whole; what is the default takes no room.
    pub(crate) fn set(&mut self, value: T) {
        if value == *T::usual() {
            self.0 = None;
        } else {
            self.0 = Some(Rc::new(value));
        }
    }

    /// Gives back the room of what has come out the same as the default, or as the one before.
    pub(crate) fn settle(&mut self) {
        self.0 = self.0.take().filter(|own| **own != *T::usual()).map(T::share);
    }
}

impl<T> Rare<Vec<T>>
where
    Vec<T>: Usual,
{
    /// The same for a list, and the room it may still grow into.
    pub(crate) fn settle_list(&mut self) {
        self.own().into_iter().for_each(Vec::shrink_to_fit);
        self.settle();
    }
}

impl<'a, T> IntoIterator for &'a Rare<Vec<T>>
where
    Vec<T>: Usual,
{
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> FromIterator<T> for Rare<Vec<T>>
where
    Vec<T>: Usual,
{
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from(Vec::from_iter(items))
    }
}

impl<T: Usual> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Usual> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Self(Some(Rc::new(value)))
    }
}

impl<T: Usual> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::usual())
    }
}

impl<T: Usual> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        Rc::make_mut(self.0.get_or_insert_default())
    }
}

impl<T: Usual> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) if Rc::ptr_eq(one, other) => true,
            _ => **self == **other,
        }
    }
}

impl<T: Usual + Eq> Eq for Rare<T> {}

impl<T: Usual + std::fmt::Debug> std::fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Usual + Serialize> Serialize for Rare<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Usual + Deserialize<'de>> Deserialize<'de> for Rare<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::kept(T::deserialize(deserializer)?))
    }
}

/// Gives back half of a map that was filled in the order of its keys: then each of its nodes is about half full, and
/// those of one made at once are full.
pub(crate) fn pack<K: Ord, V>(map: &mut BTreeMap<K, V>) {
    *map = std::mem::take(map).into_iter().collect();
}

/// Implements [`Usual`]. The values hold counted names, and so belong to a thread; the processes that last have one.
macro_rules! usual {
    ($($type:ty),* $(,)?) => { $(
        impl $crate::unit::rare::Usual for $type {
            fn usual() -> &'static Self {
                thread_local! {
                    static USUAL: &'static $type = Box::leak(Box::default());
                }
                USUAL.with(|usual| *usual)
            }

            fn share(value: std::rc::Rc<Self>) -> std::rc::Rc<Self> {
                thread_local! {
                    static LAST: std::cell::RefCell<Option<std::rc::Rc<$type>>> = const { std::cell::RefCell::new(None) };
                }
                LAST.with_borrow_mut(|last| match last {
                    Some(last) if *last == value => std::rc::Rc::clone(last),
                    _ => std::rc::Rc::clone(last.insert(value)),
                })
            }
        }
    )* };
}
pub(crate) use usual;

usual! {
    Vec<String>, Vec<super::UnitName>, super::Directories, super::Ending, super::Exec, super::Privileges,
    super::Readiness, super::Relations, super::Scheduling, super::Setup, super::Terminal, super::Timing,
    super::condition::Conditions, super::install::Install,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Exec, Relations};

    #[test]
    fn what_isn_t_set_takes_no_room_and_is_equal_to_what_was_set_so() {
        let mut rare = Rare::<Relations>::default();
        assert_eq!(size_of_val(&rare), size_of::<usize>());
        assert!(rare.default_dependencies && rare.0.is_none(), "looking at it changes nothing");
        rare.default_dependencies = false;
        assert_ne!(rare, Rare::default());
        rare.default_dependencies = true;
        assert_eq!(rare, Rare::default());
        rare.settle();
        assert!(rare.0.is_none());
        let mut exec = Rare::from(Exec { search_path: vec!["/x".into()], ..Exec::default() });
        exec.settle();
        assert_eq!(exec.search_path.len(), 1);
    }

    #[test]
    fn what_is_set_alike_is_there_once_and_changes_for_each_alone() {
        let read = |path: &str| {
            let mut exec = Rare::from(Exec { search_path: vec![path.into()], ..Exec::default() });
            exec.settle();
            exec
        };
        let [a, mut b, c] = ["/x", "/x", "/y"].map(read);
        assert!(std::ptr::eq(&raw const *a, &raw const *b) && a != c);
        b.search_path.push("/z".into());
        assert_eq!((a.search_path.len(), b.search_path.len()), (1, 2));
    }
}
