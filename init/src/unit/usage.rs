//! How the keys of a unit's files are taken, for `verify`.

use super::foreign::Effect;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How a key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Taken {
    /// It does what it says.
    Honoured,
    /// It is systemd's and passed over; the service does the same without it.
    Harmless,
    /// It is systemd's and passed over; the service does something else without it.
    Changes,
    /// Nobody knows it.
    Unknown,
}

/// A key that stands in the files of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// `Service`
    pub section: Cow<'static, str>,
    /// `User`
    pub key: Cow<'static, str>,
    /// How it is taken.
    pub taken: Taken,
    /// What is lost without it; empty but for [`Taken::Changes`].
    pub lost: &'static str,
}

/// More kinds of keys than there are in any file that means something.
const MOST: usize = 1000;

/// A section and a key in it.
type Name = (Cow<'static, str>, Cow<'static, str>);

/// Keys being gathered, each once.
#[derive(Debug, Default)]
pub(super) struct Uses(BTreeMap<Name, (Taken, &'static str)>);

impl Uses {
    /// A key of the table.
    pub fn honoured(&mut self, id: &'static str) {
        if let Some((section, key)) = id.split_once('.') {
            self.note(section.into(), key.into(), Taken::Honoured, "");
        }
    }

    /// One that isn't in the table.
    pub fn passed_over(&mut self, section: &str, key: &str, effect: Option<Effect>) {
        let (section, key) = (section.to_owned().into(), key.to_owned().into());
        match effect {
            Some(Effect::Harmless) => self.note(section, key, Taken::Harmless, ""),
            Some(Effect::Changes(what)) => self.note(section, key, Taken::Changes, what),
            None => self.note(section, key, Taken::Unknown, ""),
        }
    }

    fn note(&mut self, section: Cow<'static, str>, key: Cow<'static, str>, taken: Taken, lost: &'static str) {
        if self.0.len() < MOST {
            self.0.insert((section, key), (taken, lost));
        }
    }

    /// Sorted by section and key.
    pub fn finish(self) -> Vec<KeyUse> {
        let list = self.0.into_iter();
        list.map(|((section, key), (taken, lost))| KeyUse { section, key, taken, lost }).collect()
    }
}
