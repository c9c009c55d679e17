//! The administrator's own unit files: what `edit`, `set`, `new`, `mask` and `revert` write.
//!
//! A change is a [`Draft`] first: it is read by the manager's own parser as if it had been made, and only what passes is
//! written, each file in one step. What a change takes away is kept beside it under a name that ends in `~`.

mod draft;
mod dropin;

pub use draft::{Change, Draft, Verdict};
pub use dropin::{Assignment, assign, assignment};

use init::client;
use init::unit::{Source, UnitName, search};
use std::path::{Path, PathBuf};

/// A folder that holds the administrator's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// `/etc/rung/units`: for good.
    Lasting,
    /// `/run/rung/units`: until the machine ends.
    Runtime,
}

impl Layer {
    /// Both, the one that counts more first.
    pub const ALL: [Self; 2] = [Self::Lasting, Self::Runtime];

    /// For `--runtime`.
    pub fn of(runtime: bool) -> Self {
        if runtime { Self::Runtime } else { Self::Lasting }
    }

    /// Where it lies.
    pub fn folder(self) -> PathBuf {
        match self {
            Self::Lasting => search::FOLDERS.first().map_or("/etc/rung/units", |(path, _)| path).into(),
            Self::Runtime => client::run_dir().join("units"),
        }
    }

    /// A unit's own file here.
    pub fn file(self, name: &UnitName) -> PathBuf {
        self.folder().join(name.as_str())
    }

    /// A drop-in of a unit.
    pub fn drop_in(self, name: &UnitName, file: &str) -> PathBuf {
        self.folder().join(format!("{name}.d")).join(file)
    }

    /// Whether a file lies here.
    pub fn holds(path: &Path) -> bool {
        Self::ALL.into_iter().any(|layer| path.starts_with(layer.folder()))
    }
}

/// Whether a unit's files are systemd's: such a unit's whole copy belongs where it is read as one.
pub fn language(source: Source) -> &'static str {
    match source {
        Source::Systemd => "systemd unit file",
        Source::Script => "script",
        Source::Native | Source::Generated => "unit file",
    }
}
