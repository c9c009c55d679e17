//! `/etc/fstab` and `/etc/fstab.d/*.fstab`, as fstab(5) and Debian's scripts read them.

use super::conf;
use crate::sys::mount;
use std::path::{Path, PathBuf};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub device: String,
    pub point: PathBuf,
    pub kind: String,
    pub options: String,
    /// The sixth field; empty where there is none.
    pub pass: String,
}

impl Entry {
    /// Whether it has this word among its options.
    pub fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|o| o == option)
    }

    /// Whether it is to be checked.
    pub fn is_checked(&self) -> bool {
        !self.pass.is_empty() && self.pass != "0"
    }
}

/// All lines, in order.
pub fn read() -> Vec<Entry> {
    let folder = std::fs::read_dir("/etc/fstab.d").into_iter().flatten().flatten();
    let mut more: Vec<PathBuf> =
        folder.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "fstab")).collect();
    more.sort();
    let files = std::iter::once(PathBuf::from("/etc/fstab")).chain(more);
    files.filter_map(|file| conf::text(&file)).flat_map(|text| parse(&text)).collect()
}

/// Lines of fewer than three fields are passed over.
pub fn parse(text: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let mut fields = line.split_whitespace().map(str::to_owned);
        Some(Entry {
            device: fields.next()?,
            point: mount::unescape(fields.next()?.as_bytes()),
            kind: fields.next()?,
            options: fields.next().unwrap_or_else(|| "defaults".to_owned()),
            pass: fields.nth(1).unwrap_or_default(),
        })
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(entry).collect()
}

/// The first for a place, of this type if one is named.
pub fn at<'a>(entries: &'a [Entry], point: &str, kind: Option<&str>) -> Option<&'a Entry> {
    entries.iter().find(|e| e.point == Path::new(point) && kind.is_none_or(|kind| e.kind == kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_entries() {
        let text = "# x\n/dev/a / ext4 errors=remount-ro 0 1\n  tmpfs /t\\040x tmpfs mode=1777,noauto\nshort /x\n/s none swap sw 0 0";
        let found = parse(text);
        assert_eq!(found.len(), 3);
        let tmp = at(&found, "/t x", Some("tmpfs")).expect("there");
        assert!(tmp.has("noauto") && !tmp.is_checked() && at(&found, "/t x", Some("ext4")).is_none());
        assert!(at(&found, "/", None).expect("root").is_checked());
        assert_eq!(found.last().map(|e| (e.kind.as_str(), e.pass.as_str())), Some(("swap", "0")));
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,80}") {
            let _ = parse(&text);
        }
    }
}
