//! Files as if they had been changed already: what a change would mean is asked before it is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a file is supposed to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supposed {
    /// It holds this text.
    Text(String),
    /// A link to `/dev/null`.
    Mask,
    /// It isn't there.
    Gone,
}

/// Suppositions, by path.
#[derive(Debug, Clone, Default)]
pub(super) struct Suppositions(BTreeMap<PathBuf, Supposed>);

impl Suppositions {
    pub fn add(&mut self, path: PathBuf, what: Supposed) {
        self.0.insert(path, what);
    }

    /// Whether nothing is supposed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, path: &Path) -> Option<&Supposed> {
        self.0.get(path)
    }

    /// Files of a folder that are supposed to be there, and whether each is a mask.
    pub fn files<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = (String, bool)> + 'a {
        let inside =
            self.0.iter().filter(move |(path, what)| path.parent() == Some(folder) && **what != Supposed::Gone);
        inside.filter_map(|(path, what)| {
            let mask = *what == Supposed::Mask || *what == Supposed::Text(String::new());
            Some((path.file_name()?.to_str()?.to_owned(), mask))
        })
    }

    /// Folders below this one that are supposed to hold files.
    pub fn folders<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = String> + 'a {
        let below = self.0.iter().filter(|(_, what)| **what != Supposed::Gone).filter_map(|(path, _)| path.parent());
        below.filter(move |p| p.parent() == Some(folder)).filter_map(|p| Some(p.file_name()?.to_str()?.to_owned()))
    }
}
