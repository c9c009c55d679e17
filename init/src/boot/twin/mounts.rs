//! Mounting and remounting without `mount`: what `/lib/init/mount-functions.sh` does with it.

use crate::boot::fstab::{self, Entry};
use crate::boot::options::Options;
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
    fn the_table_is_read() {
        let line = b"36 35 0:5 / /dev/p\\040s rw,nosuid shared:2 - devpts devpts rw,gid=5,mode=620";
        let read = parse(line).expect("a mount");
        assert_eq!((read.point.to_str(), read.super_options.as_str()), (Some("/dev/p s"), "rw,gid=5,mode=620"));
        assert!(parse(b"1 2 3").is_none() && is_mount_point("/proc") && !is_mount_point("/proc/self"));
    }
}
