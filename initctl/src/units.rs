//! Unit files on disk, for verbs that work without a manager: where they lie, what they are called, their drop-ins.

use init::client;
use init::unit::{Facts, Parsed, Source, SourceFile, UnitName, parse};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A unit file larger than this is none.
const MAX_FILE: u64 = 1 << 20;

/// The folders that are searched, first hit wins.
#[derive(Debug)]
pub struct Folders(Vec<PathBuf>);

impl Folders {
    /// This system's.
    pub fn of_system() -> Self {
        Self(vec!["/etc/rung/units".into(), client::run_dir().join("units"), "/usr/lib/rung/units".into()])
    }

    /// Every unit there is a file of, by name.
    pub fn all(&self) -> BTreeMap<UnitName, PathBuf> {
        let mut found = BTreeMap::new();
        for path in self.0.iter().filter_map(|f| fs::read_dir(f).ok()).flatten().flatten().map(|e| e.path()) {
            if let Some(name) = name_of(&path) {
                found.entry(name).or_insert(path);
            }
        }
        found
    }

    /// The file of a unit: its own, or its template's.
    pub fn find(&self, name: &UnitName) -> Option<PathBuf> {
        let names = [Some(name.clone()), name.template()];
        let paths = names.into_iter().flatten().flat_map(|n| self.0.iter().map(move |f| f.join(n.as_str())));
        paths.into_iter().find(|p| p.symlink_metadata().is_ok())
    }

    /// Reads a unit with its drop-ins: those of the folders, and those beside the file. `None`: it is masked.
    ///
    /// # Errors
    /// As reading the files.
    pub fn read(&self, name: &UnitName, path: &Path, facts: &Facts) -> io::Result<Option<Parsed>> {
        if fs::read_link(path).is_ok_and(|to| to == Path::new("/dev/null")) {
            return Ok(None);
        }
        let fragment = read(path)?;
        let mut drop_ins = Vec::new();
        for path in self.drop_ins(name, path) {
            drop_ins.push(read(&path)?);
        }
        let systemd = path.components().any(|c| c.as_os_str() == OsStr::new("systemd"));
        let source = if systemd { Source::Systemd } else { Source::Native };
        Ok(Some(parse(name, source, &fragment, &drop_ins, facts)))
    }

    /// Paths of the drop-ins in the order they count: by file name; of two of one name the one in the first folder.
    fn drop_ins(&self, name: &UnitName, path: &Path) -> Vec<PathBuf> {
        let mut by_name: BTreeMap<_, PathBuf> = BTreeMap::new();
        let names = [Some(name.clone()), name.template()];
        for folder in self.0.iter().map(PathBuf::as_path).chain(path.parent()) {
            for unit in names.iter().flatten() {
                let entries = fs::read_dir(folder.join(format!("{}.d", unit.as_str()))).into_iter().flatten().flatten();
                for path in entries.map(|e| e.path()).filter(|p| p.extension() == Some(OsStr::new("conf"))) {
                    by_name.entry(path.file_name().map(OsStr::to_owned)).or_insert(path);
                }
            }
        }
        by_name.into_values().collect()
    }
}

/// The unit a path names; `None` where its last component is no unit's name.
pub fn name_of(path: &Path) -> Option<UnitName> {
    let name = path.file_name()?.to_str()?;
    UnitName::new(name).ok().filter(|n| n.as_str() == name)
}

fn read(path: &Path) -> io::Result<SourceFile> {
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() > MAX_FILE {
        return Err(io::Error::other("not a plain file of reasonable size"));
    }
    Ok(SourceFile { path: path.to_owned(), text: String::from_utf8_lossy(&fs::read(path)?).into_owned() })
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
