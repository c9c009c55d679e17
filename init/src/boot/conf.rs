//! Folders of settings, as tmpfiles.d, sysctl.d and modules-load.d have them: a file in an earlier folder stands in for
//! one of its name in a later folder, an empty one or a link to `/dev/null` masks it, and all are read in the order of
//! their names.

use crate::sys::file;
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Longest file that is read.
const LIMIT: usize = 1 << 20;

/// The files named `*.conf` in these folders below `root`, that count.
pub fn files(root: &Path, folders: &[&str]) -> Vec<PathBuf> {
    let mut chosen: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for folder in folders {
        let folder = below(root, folder);
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "conf") {
                chosen.entry(entry.file_name()).or_insert(path);
            }
        }
    }
    chosen.into_values().collect()
}

/// An absolute path, seen from `root`.
pub fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// A file's text; nothing where it isn't there or masks another. What else keeps it from being read is said.
pub fn text(path: &Path) -> Option<String> {
    match file::read_text(path, LIMIT) {
        Ok(text) => Some(text),
        // A link to /dev/null is a device: `EINVAL`.
        Err(Errno::ENOENT | Errno::EINVAL | Errno::ENOTDIR) => None,
        Err(e) => {
            super::say(&format!("{}: can't be read: {}", path.display(), e.desc()));
            None
        }
    }
}

/// The lines that aren't blank or comment (`#`, `;`), trimmed, with their numbers.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', ';']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_folder_stands_in_for_a_later_one() {
        let root = std::env::temp_dir().join(format!("rung-boot-conf-{}", std::process::id()));
        for folder in ["etc", "run", "lib"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for name in ["etc/b.conf", "run/a.conf", "run/b.conf", "lib/a.conf", "lib/c.conf", "lib/d.txt"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("/dev/null", root.join("etc/c.conf")).unwrap();
        let found = files(&root, &["/etc", "/run", "/lib", "/none"]);
        let texts: Vec<_> = found.iter().filter_map(|path| text(path)).collect();
        assert_eq!(texts, ["run/a.conf", "etc/b.conf"]);
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn comments_are_no_lines() {
        let found: Vec<_> = lines("# a\n\n; b\n c d \ne").collect();
        assert_eq!(found, [(4, "c d"), (5, "e")]);
    }
}
