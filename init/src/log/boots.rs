//! The records of boots: a file for each of the last [`KEPT`], numbered in their order, whatever the clock said meanwhile:
//! `/var/log/rung/@boot/00000012-5f1c99e2.json`. Read by anybody, as the manager tells anybody the same.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Boots of which something is kept.
pub const KEPT: usize = 10;
/// Longest record, in bytes.
pub const LONGEST: usize = 32 << 20;

/// Where they last, beside the logs; no unit's name begins so.
pub fn lasting(logs: &Path) -> PathBuf {
    logs.join("@boot")
}

/// Where this boot's lies if it can't last, beside the folder of logs in the run directory.
pub fn run(logs: &Path) -> PathBuf {
    logs.with_file_name("boot")
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Its place in the order.
    pub number: u64,
    /// What names the boot.
    pub boot: String,
    /// Itself.
    pub path: PathBuf,
}

/// Those in a folder, in order. One that isn't there holds none.
///
/// # Errors
/// It is there and can't be read.
pub fn list(folder: &Path) -> io::Result<Vec<File>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let file = |path: PathBuf| {
        let (number, boot) = path.file_name()?.to_str()?.strip_suffix(".json")?.split_once('-')?;
        Some(File { number: number.parse().ok()?, boot: boot.to_owned(), path: path.clone() })
    };
    let mut found: Vec<File> = entries.flatten().filter_map(|entry| file(entry.path())).collect();
    found.sort();
    Ok(found)
}

/// Puts a boot's record in place of an earlier one, in one step; what is too old goes.
///
/// # Errors
/// As making, writing and renaming a file; then nothing of it is left.
pub fn write(folder: &Path, boot: &str, text: &[u8]) -> io::Result<()> {
    if boot.is_empty() || !boot.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(ErrorKind::InvalidInput.into());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let there = list(folder)?;
    let next = there.last().map_or(1, |file| file.number.saturating_add(1));
    let number = there.iter().find(|file| file.boot == boot).map_or(next, |file| file.number);
    let temporary = folder.join(".new");
    let _ = fs::remove_file(&temporary);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| fs::rename(&temporary, folder.join(format!("{number:08}-{boot}.json"))));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    let old: Vec<&File> = there.iter().filter(|file| file.boot != boot).collect();
    for file in old.iter().take(old.len().saturating_sub(KEPT - 1)) {
        let _ = fs::remove_file(&file.path);
    }
    Ok(())
}

/// Removes all of a folder's.
pub fn remove(folder: &Path) {
    for file in list(folder).unwrap_or_default() {
        let _ = fs::remove_file(&file.path);
    }
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("rung-boots-{}-{name}", std::process::id()))
    }

    #[test]
    fn the_last_ones_are_kept_in_their_order() {
        let folder = folder("order");
        assert_eq!(list(&folder).expect("none"), []);
        for n in 0..15 {
            write(&folder, &format!("f{n:x}"), b"first").expect("written");
            write(&folder, &format!("f{n:x}"), b"whole").expect("written");
        }
        fs::write(folder.join("notes.txt"), b"").expect("somebody's file");
        let found = list(&folder).expect("readable");
        let names: Vec<&str> = found.iter().map(|f| f.boot.as_str()).collect();
        assert_eq!(names, ["f5", "f6", "f7", "f8", "f9", "fa", "fb", "fc", "fd", "fe"]);
        assert_eq!(found.iter().map(|f| f.number).collect::<Vec<_>>(), (6..=15).collect::<Vec<_>>());
        assert!(found.iter().all(|f| fs::read(&f.path).is_ok_and(|text| text == b"whole")));
        assert!(write(&folder, "../x", b"").is_err());
        remove(&folder);
        assert!(list(&folder).expect("readable").is_empty());
        fs::remove_dir_all(&folder).expect("clean");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_and_nothing_else() {
        let folder = folder("file");
        fs::write(&folder, b"a file is in the way").expect("written");
        assert!(write(&folder, "ab", b"text").is_err());
        assert!(list(&folder).is_err());
        fs::remove_file(&folder).expect("clean");
    }
}
