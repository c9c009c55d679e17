//! What a change to unit files changes of the values that count.

use init::core::Definition;
use init::load::Loaded;
use init::unit::settings;
use serde::Serialize;
use std::collections::BTreeMap;

/// A key whose value differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// The key.
    pub key: String,
    /// Its values before; none: it isn't set.
    pub before: Vec<String>,
    /// Its values after.
    pub after: Vec<String>,
    /// `file:line` of what counts after.
    pub place: Option<String>,
}

/// The keys whose values differ, in the order of keys' names; none where one of the two can't be used.
pub fn effects(before: &Loaded, after: &Loaded) -> Vec<KeyChange> {
    let values = |loaded: &Loaded| -> BTreeMap<String, Vec<String>> {
        let Definition::Good(unit) = &loaded.definition else { return BTreeMap::new() };
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in settings(unit) {
            map.entry(key).or_default().push(value);
        }
        map
    };
    let (old, new) = (values(before), values(after));
    let place = |key: &str| match &after.definition {
        Definition::Good(unit) => {
            let full = unit.places.iter().find(|(k, _)| k.rsplit_once('.').is_some_and(|(_, name)| name == key));
            full.and_then(|(_, place)| unit.show_place(place))
        }
        _ => None,
    };
    let differ = new.into_iter().filter(|(key, value)| old.get(key).is_some_and(|o| o != value));
    let written = |values: Vec<String>| values.into_iter().filter(|v| !v.is_empty()).collect();
    let row = |(key, value): (String, Vec<String>)| KeyChange {
        before: written(old.get(&key).cloned().unwrap_or_default()),
        after: written(value),
        place: place(&key),
        key,
    };
    differ.map(row).collect()
}
