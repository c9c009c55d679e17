//! What lies under the folders of units. Where something is mounted over one of them, or inside, inotify tells of nothing:
//! it goes on watching what is covered.

use crate::sys::file;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Longest list of mounts that is read.
const MAX_MOUNTS: usize = 4 << 20;

/// The folders as they were at one time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// Device and inode of each that was there.
    folders: Vec<Option<(u64, u64)>>,
    /// What was mounted inside them, as `/proc/self/mountinfo` has it; `None`: it can't be known.
    mounts: Option<Vec<String>>,
}

impl Ground {
    /// Looks at these folders.
    pub fn look<'a>(folders: impl Iterator<Item = &'a Path>) -> Self {
        let (mut found, mut places) = (Vec::new(), Vec::new());
        for folder in folders {
            let identity = fs::metadata(folder).ok().map(|m| (m.dev(), m.ino()));
            places.extend(identity.and_then(|_| fs::canonicalize(folder).ok()));
            found.push(identity);
        }
        let mounts = file::read_text(Path::new("/proc/self/mountinfo"), MAX_MOUNTS).ok();
        Self { folders: found, mounts: mounts.map(|text| inside(&text, &places)) }
    }

    /// Whether nothing has come to lie over or in the folders between two looks at the same ones.
    pub fn is_as(&self, other: &Self) -> bool {
        self.mounts.is_some() && self == other
    }
}

/// The mounts at and below these places: number, device, and what is where, as proc(5) has them. Pure.
fn inside(mountinfo: &str, places: &[PathBuf]) -> Vec<String> {
    let is_inside = |line: &&str| {
        let at = line.split(' ').nth(4).unwrap_or_default();
        places.iter().any(|place| Path::new(at).starts_with(place))
    };
    let known = |line: &str| line.split(' ').take(5).collect::<Vec<_>>().join(" ");
    mountinfo.lines().filter(is_inside).map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_in_the_folders_count() {
        let text = "25 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
                    30 25 0:20 / /etc/rung/units/a.service rw - tmpfs tmpfs rw\n\
                    31 25 0:21 / /etc/rung/units2 rw - tmpfs tmpfs rw\n\
                    32 25 0:22 / /usr/lib/rung/units ro shared:1 - tmpfs tmpfs rw\n";
        let places = ["/etc/rung/units", "/usr/lib/rung/units"].map(PathBuf::from);
        let found = ["30 25 0:20 / /etc/rung/units/a.service", "32 25 0:22 / /usr/lib/rung/units"];
        assert_eq!(inside(text, &places), found);
        assert!(inside(text, &[]).is_empty());
    }

    #[test]
    fn another_folder_at_the_same_path_is_another_ground() {
        let root = std::env::temp_dir().join(format!("rung-ground-{}", std::process::id()));
        let (path, other) = (root.join("units"), root.join("other"));
        for folder in [&path, &other] {
            fs::create_dir_all(folder).expect("folder");
        }
        let missing = root.join("missing");
        let look = || Ground::look([path.as_path(), missing.as_path()].into_iter());
        let before = look();
        fs::write(path.join("a.service"), "").expect("file");
        assert!(before.is_as(&look()), "what inotify tells of is no other ground");
        fs::rename(&path, root.join("old")).expect("rename");
        fs::rename(&other, &path).expect("rename");
        assert!(!before.is_as(&look()));
        let again = look();
        fs::create_dir(&missing).expect("folder");
        assert!(!again.is_as(&look()));
        assert!(!Ground::default().is_as(&Ground::default()), "what isn't known may have changed");
        fs::remove_dir_all(&root).expect("clean");
    }
}
