//! Unit files on disk, for verbs that work without a manager: the folders are listed here, the search is the manager's.

use init::client;
use init::sys::file;
use init::unit::search::{self, Entry, Found};
use init::unit::{Facts, Parsed, Source, SourceFile, UnitName, parse};
use nix::errno::Errno;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A unit file larger than this is none.
const MAX_FILE: usize = 1 << 20;

/// The folders that are searched, as listed.
#[derive(Debug)]
pub struct Folders(Vec<search::Folder>);

impl Folders {
    /// Rung's own on this system.
    pub fn of_system() -> Self {
        let native = search::FOLDERS.iter().filter(|(_, source)| *source == Source::Native);
        let run = |path: &str| path.strip_prefix("/run/rung").map(|rest| PathBuf::from(rest.trim_start_matches('/')));
        Self(native.map(|(path, _)| folder(run(path).map_or(path.into(), |r| client::run_dir().join(r)))).collect())
    }

    /// These, and before them the folder a file lies in.
    fn beside(&self, path: &Path) -> Vec<search::Folder> {
        let parent = path.parent().map(|p| folder(p.to_owned()));
        parent.into_iter().chain(self.0.iter().cloned()).collect()
    }

    /// Every unit there is a file of.
    pub fn names(&self) -> Vec<UnitName> {
        search::names(&self.0)
    }

    /// The file of a unit: its own, or its template's; a mask too.
    pub fn find(&self, name: &UnitName) -> Option<PathBuf> {
        match search::find(name, &self.0) {
            Found::File { path, .. } | Found::Masked(path) => Some(path),
            Found::Nothing => None,
        }
    }

    /// Reads a unit with its drop-ins. `None`: it is masked.
    ///
    /// # Errors
    /// A sentence about a file that can't be read.
    pub fn read(&self, name: &UnitName, path: &Path, facts: &Facts) -> Result<Option<Parsed>, String> {
        if is_mask(path) {
            return Ok(None);
        }
        let fragment = read(path)?;
        let systemd = path.components().any(|c| c.as_os_str() == OsStr::new("systemd"));
        let source = if systemd { Source::Systemd } else { Source::Native };
        let paths = search::drop_ins(name, source, &self.beside(path));
        let drop_ins = paths.iter().map(|p| read(p)).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(parse(name, source, &fragment, &drop_ins, facts)))
    }
}

fn folder(path: PathBuf) -> search::Folder {
    let entries = list(&path).into_iter().map(|(name, masked)| {
        let inside = if name.ends_with(".d") { list(&path.join(&name)) } else { Vec::new() };
        Entry { name, masked, inside }
    });
    let entries = entries.collect();
    search::Folder::new(path, Source::Native, entries)
}

/// Names and masks in a folder; none where there is none.
fn list(path: &Path) -> Vec<(String, bool)> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|e| Some((e.file_name().into_string().ok()?, is_mask(&e.path())))).collect()
}

fn is_mask(path: &Path) -> bool {
    let empty = || fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() == 0);
    fs::read_link(path).is_ok_and(|to| to == Path::new("/dev/null")) || empty()
}

fn read(path: &Path) -> Result<SourceFile, String> {
    match file::read_text(path, MAX_FILE) {
        Ok(text) => Ok(SourceFile { path: path.to_owned(), text }),
        Err(Errno::EINVAL) => Err("not a plain file".into()),
        Err(Errno::EFBIG) => Err(format!("longer than {MAX_FILE} bytes")),
        Err(Errno::ELOOP) => Err("cannot be read: its links lead in a circle".into()),
        Err(e) => Err(format!("cannot be read: {}", e.desc())),
    }
}

/// What specifiers stand for on this machine.
pub fn facts() -> Facts {
    let line = |path: &str| fs::read_to_string(path).map(|t| t.trim().to_owned()).unwrap_or_default();
    Facts {
        hostname: line("/proc/sys/kernel/hostname"),
        machine_id: line("/etc/machine-id"),
        boot_id: line("/proc/sys/kernel/random/boot_id").replace('-', ""),
        kernel: line("/proc/sys/kernel/osrelease"),
        arch: std::env::consts::ARCH.to_owned(),
        ..Facts::default()
    }
}
