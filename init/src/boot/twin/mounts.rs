//! Mounting and remounting without `mount`: what `/lib/init/mount-functions.sh` does with it.

use crate::boot::fstab::{self, Entry};
use crate::boot::say;
use crate::sys::mount::{Flags, unescape};
use nix::mount::mount;
use std::path::{Path, PathBuf};

/// Whether it is mounted where it isn't, or its options are set anew where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Mount,
    Remount,
}

/// A file system as a script wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub kind: &'a str,
    pub point: &'a str,
    pub device: &'a str,
    pub options: &'a str,
}

/// A line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mounted {
    point: PathBuf,
    options: String,
    super_options: String,
}

/// What mounts are made by: flags, and what the file system itself reads.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Options {
    flags: Flags,
    /// Key, and the word it stands in; each key once.
    data: Vec<(String, String)>,
}

impl Options {
    fn new() -> Self {
        Self { flags: Flags::empty(), data: Vec::new() }
    }

    /// Takes words in; later ones count.
    fn add(&mut self, text: &str) {
        for word in text.split(',').filter(|word| !word.is_empty()) {
            if let Some((_, flag, on)) = WORDS.iter().find(|(name, ..)| *name == word) {
                self.flags.set(*flag, *on);
                continue;
            }
            let key = word.split('=').next().unwrap_or(word);
            // For mount(8) and fsck, not for the kernel.
            if FOR_PROGRAMS.contains(&key) || key.starts_with("x-") || key.starts_with("X-") {
                continue;
            }
            self.data.retain(|(known, _)| known != key);
            self.data.push((key.to_owned(), word.to_owned()));
        }
    }

    fn text(&self) -> String {
        self.data.iter().map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(",")
    }
}

const WORDS: &[(&str, Flags, bool)] = &[
    ("ro", Flags::MS_RDONLY, true),
    ("rw", Flags::MS_RDONLY, false),
    ("nosuid", Flags::MS_NOSUID, true),
    ("suid", Flags::MS_NOSUID, false),
    ("nodev", Flags::MS_NODEV, true),
    ("dev", Flags::MS_NODEV, false),
    ("noexec", Flags::MS_NOEXEC, true),
    ("exec", Flags::MS_NOEXEC, false),
    ("sync", Flags::MS_SYNCHRONOUS, true),
    ("async", Flags::MS_SYNCHRONOUS, false),
    ("noatime", Flags::MS_NOATIME, true),
    ("atime", Flags::MS_NOATIME, false),
    ("nodiratime", Flags::MS_NODIRATIME, true),
    ("diratime", Flags::MS_NODIRATIME, false),
    ("relatime", Flags::MS_RELATIME, true),
    ("norelatime", Flags::MS_RELATIME, false),
    ("strictatime", Flags::MS_STRICTATIME, true),
];
const FOR_PROGRAMS: &[&str] =
    &["defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group", "_netdev", "nofail", "comment"];

/// Does what `domount` does.
pub(super) fn domount(mode: Mode, wanted: &Wanted<'_>, entries: &[Entry]) -> bool {
    let Wanted { kind, point, device, options } = wanted;
    if !is_known(kind) {
        say(&format!("the kernel knows no {kind}: {point} isn't mounted"));
        return true;
    }
    let entry = fstab::at(entries, point, Some(kind));
    if entry.is_some_and(|e| e.has("noauto")) {
        return true;
    }
    if !Path::new(point).is_dir() {
        say(&format!("{point} isn't there: nothing is mounted there"));
        return true;
    }
    let mounted = mounted(Path::new(point));
    let mut all = Options::new();
    let result = match (mode, &mounted) {
        (Mode::Mount, Some(_)) | (Mode::Remount, None) => return true,
        (Mode::Mount, None) => {
            all.add(options);
            all.add(entry.map_or("", |e| &e.options));
            mount(Some(*device), *point, Some(*kind), all.flags, Some(all.text().as_str()))
        }
        (Mode::Remount, Some(now)) => {
            // As mount(8): what isn't named stays as fstab has it, else as it is.
            match fstab::at(entries, point, None) {
                Some(entry) => all.add(&entry.options),
                None => {
                    all.add(&now.super_options);
                    all.add(&now.options);
                }
            }
            all.add(options);
            all.add(entry.map_or("", |e| &e.options));
            mount(None::<&str>, *point, None::<&str>, all.flags | Flags::MS_REMOUNT, Some(all.text().as_str()))
        }
    };
    if let Err(e) = result {
        let verb = if mode == Mode::Mount { "mounted" } else { "remounted" };
        say(&format!("{kind} can't be {verb} on {point} (options {options}): {}", e.desc()));
    }
    result.is_ok()
}

/// Whether something is mounted there.
pub(super) fn is_mount_point(point: &str) -> bool {
    mounted(Path::new(point)).is_some()
}

/// A tmpfs is always tried, and what the kernel loads with its mount point.
fn is_known(kind: &str) -> bool {
    let known = || std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    ["tmpfs", "proc", "efivarfs"].contains(&kind)
        || known().lines().any(|line| line.split_whitespace().next_back() == Some(kind))
}

fn mounted(point: &Path) -> Option<Mounted> {
    let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    // What lies on top is what is seen.
    table.split(|b| *b == b'\n').filter_map(parse).rfind(|m| m.point == point)
}

fn parse(line: &[u8]) -> Option<Mounted> {
    let mut fields = line.split(|b| *b == b' ');
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (point, options) = (unescape(fields.nth(4)?), text(fields.next()?));
    let super_options = text(fields.skip_while(|f| *f != b"-").nth(3)?);
    Some(Mounted { point, options, super_options })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_options_count_and_words_become_flags() {
        let mut all = Options::new();
        all.add("rw,gid=5,mode=620,ptmxmode=666");
        all.add("rw,nosuid,noexec,relatime");
        all.add("noexec,nosuid,gid=5,mode=600");
        all.add("defaults,noauto,x-y=1,exec");
        assert_eq!(all.text(), "ptmxmode=666,gid=5,mode=600");
        assert_eq!(all.flags, Flags::MS_NOSUID | Flags::MS_RELATIME);
    }

    #[test]
    fn the_table_is_read() {
        let line = b"36 35 0:5 / /dev/p\\040s rw,nosuid shared:2 - devpts devpts rw,gid=5,mode=620";
        let read = parse(line).expect("a mount");
        assert_eq!((read.point.to_str(), read.super_options.as_str()), (Some("/dev/p s"), "rw,gid=5,mode=620"));
        assert!(parse(b"1 2 3").is_none() && is_mount_point("/proc") && !is_mount_point("/proc/self"));
    }
}
