//! The administrator's own unit files: what `edit`, `set`, `new`, `mask` and `revert` write.
//!
//! A change is a [`Draft`] first: it is read by the manager's own parser as if it had been made, and only what passes is
//! written, each file in one step. What a change takes away is kept beside it under a name that ends in `~`.

mod draft;
mod dropin;
mod effect;

pub use draft::{Change, Draft, failure, kept};
pub use dropin::{assign, assignment};
pub use effect::{KeyChange, effects};

use init::client;
use init::load::{self, Loader, Root, system_folders};
use init::proto::control::{Names, Units};
use init::unit::{UnitName, search};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
        self.folder().join(format!("{}.d", name.as_str())).join(file)
    }

    /// Whether a file lies here.
    pub fn holds(path: &Path) -> bool {
        Self::ALL.into_iter().any(|layer| path.starts_with(layer.folder()))
    }
}

/// What the manager reads unit files with, looking through the same folders.
pub fn loader() -> Loader {
    // A manager makes units of init scripts that have changed before it answers; without one there is nobody to.
    let mut client = client::Client::new(client::socket_path()).patience(Duration::ZERO);
    let _ = client.call::<_, Units>("Status", &Names::default(), Duration::from_secs(30));
    let (conf, _) = load::conf::read(&Root::system());
    let facts = load::conf::facts(&client::run_dir(), &conf);
    let mut loader = Loader::new(system_folders(&client::run_dir()), facts).recalling_choices();
    loader.scan();
    loader
}

/// One of the files of a unit's name.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where it lies.
    pub path: PathBuf,
    /// A mask.
    pub mask: bool,
}

/// All files and masks of this very name, the one that counts first.
pub fn places(loader: &Loader, name: &UnitName) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for path in loader.folders().map(|folder| folder.join(name.as_str())) {
        let Ok(meta) = path.symlink_metadata() else { continue };
        let null = path.read_link().is_ok_and(|to| to == Path::new("/dev/null"));
        let mask = null || (meta.is_file() && meta.len() == 0);
        // `/lib` is often a link to `/usr/lib`.
        let same = |p: &Place| p.path.canonicalize().ok() == path.canonicalize().ok();
        if mask || !places.iter().any(same) {
            places.push(Place { path, mask });
        }
    }
    places
}

/// The unit's drop-ins that are the administrator's.
pub fn drop_ins(name: &UnitName) -> Vec<PathBuf> {
    let folders = Layer::ALL.map(|layer| layer.folder().join(format!("{}.d", name.as_str())));
    let entries = folders.iter().filter_map(|f| f.read_dir().ok()).flatten().flatten();
    let named = entries.filter(|e| e.file_name().to_str().is_some_and(|n| n.ends_with(".conf") && !n.starts_with('.')));
    let mut paths: Vec<PathBuf> = named.map(|e| e.path()).collect();
    paths.sort();
    paths
}
