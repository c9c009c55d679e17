//! Looks at the paths that `Condition…=` and `Assert…=` name: apart from the manager, for a path on a file server that is
//! dead holds whoever looks.

use super::{Job, Outcome, cmdline, glob};
use crate::sys::file;
use crate::unit::condition::Test;
use nix::sys::statvfs::{FsFlags, statvfs};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub const JOB: Job = Job {
    name: "look",
    arguments: "TEST=PATH…",
    what: "looks at paths that conditions name",
    help: "For each argument, `PathExists=/x` as in a unit's `ConditionPathExists=/x`, writes `1` where that is so, `0` where not\nand `?` where it can't be told. The manager asks it when it starts a unit with such conditions.",
    run,
};

/// A device below an encrypted one lies at most so deep.
const MAX_DEPTH: usize = 16;

fn run(arguments: &[String]) -> Outcome {
    let tests: Option<Vec<(Test, &str)>> = arguments
        .iter()
        .map(|a| a.split_once('=').and_then(|(name, path)| Some((Test::from_name(name)?, path))))
        .collect();
    let Some(tests) = tests.filter(|t| !t.is_empty()) else { return Outcome::Usage };
    let answer: String = tests
        .into_iter()
        .map(|(test, path)| match holds(test, Path::new(path)) {
            Some(true) => '1',
            Some(false) => '0',
            None => '?',
        })
        .collect();
    super::print(&answer);
    Outcome::Done
}

/// Whether it is so; `None` where that can't be told.
fn holds(test: Test, path: &Path) -> Option<bool> {
    let meta = || fs::metadata(path).ok();
    Some(match test {
        Test::PathExists => meta().is_some(),
        Test::PathExistsGlob => any(Path::new("/"), &components(path)),
        Test::PathIsDirectory => meta().is_some_and(|m| m.is_dir()),
        Test::PathIsSymbolicLink => fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink()),
        Test::PathIsMountPoint => is_mount_point(path)?,
        Test::PathIsReadWrite => statvfs(path).is_ok_and(|fs| !fs.flags().contains(FsFlags::ST_RDONLY)),
        Test::PathIsEncrypted => is_encrypted(path),
        Test::DirectoryNotEmpty => {
            let names = fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.file_name());
            names.into_iter().any(|name| !is_aside(&name.to_string_lossy()))
        }
        Test::FileNotEmpty => meta().is_some_and(|m| m.is_file() && m.len() > 0),
        Test::FileIsExecutable => meta().is_some_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0),
        Test::NeedsUpdate => needs_update(path),
        _ => return None,
    })
}

fn components(path: &Path) -> Vec<String> {
    path.iter().skip(1).map(|c| c.to_string_lossy().into_owned()).collect()
}

/// Whether anything below `folder` matches, component by component.
fn any(folder: &Path, pattern: &[String]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return folder.symlink_metadata().is_ok() };
    if !glob::is_pattern(first) {
        return any(&folder.join(first), rest);
    }
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name());
    names.into_iter().any(|name| glob::matches(first, &name.to_string_lossy()) && any(&folder.join(&name), rest))
}

/// By the kernel's table; links are followed.
fn is_mount_point(path: &Path) -> Option<bool> {
    let Ok(path) = fs::canonicalize(path) else { return Some(false) };
    let table = file::read_text(Path::new("/proc/self/mountinfo"), 8 << 20).ok()?;
    Some(table.lines().filter_map(|line| line.split(' ').nth(4)).any(|point| unescape(point) == path))
}

/// `\040` is a space, and so on.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| *first == b'\\').and_then(|d| std::str::from_utf8(d).ok());
        let byte = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(3..).unwrap_or(&[]) } else { tail };
    }
    OsString::from_vec(bytes).into()
}

/// The device below its file system is dm-crypt's, or lies on one that is.
fn is_encrypted(path: &Path) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    let device = meta.dev();
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let Ok(folder) = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")) else { return false };
    let mut work = vec![(folder, 0)];
    while let Some((folder, depth)) = work.pop() {
        let uuid = file::read_text(&folder.join("dm/uuid"), 4096).unwrap_or_default();
        if uuid.starts_with("CRYPT-") {
            return true;
        }
        if depth < MAX_DEPTH {
            let below = fs::read_dir(folder.join("slaves")).into_iter().flatten().flatten();
            work.extend(below.filter_map(|e| Some((fs::canonicalize(e.path()).ok()?, depth + 1))));
        }
    }
    false
}

/// Hidden, a backup, or left by a package manager: a folder that holds nothing else counts as empty.
fn is_aside(name: &str) -> bool {
    const ENDS: [&str; 19] = [
        "~",
        ".rpmnew",
        ".rpmsave",
        ".rpmorig",
        ".dpkg-old",
        ".dpkg-new",
        ".dpkg-tmp",
        ".dpkg-dist",
        ".dpkg-bak",
        ".dpkg-backup",
        ".dpkg-remove",
        ".ucf-new",
        ".ucf-old",
        ".ucf-dist",
        ".swp",
        ".bak",
        ".old",
        ".new",
        ".ignore",
    ];
    let known = ["lost+found", "aquota.user", "aquota.group"].contains(&name);
    name.starts_with('.') || known || ENDS.iter().any(|end| name.ends_with(end))
}

/// Older than `/usr` by the stamp that an update leaves behind. The kernel's command line may say.
fn needs_update(path: &Path) -> bool {
    let words = cmdline::kernel();
    if let Some(told) = words.iter().find_map(|w| w.strip_prefix("systemd.condition_needs_update=")) {
        return ["1", "yes", "y", "true", "t", "on"].contains(&told.to_ascii_lowercase().as_str());
    }
    if statvfs(path).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_RDONLY)) {
        return false;
    }
    let Ok(usr) = fs::symlink_metadata("/usr").and_then(|m| m.modified()) else { return false };
    let stamp = path.join(".updated");
    let Ok(updated) = fs::symlink_metadata(&stamp).and_then(|m| m.modified()) else { return true };
    usr > stamped(&stamp).unwrap_or(updated)
}

/// The time that the stamp holds in its text: file systems may round that of the file.
fn stamped(stamp: &Path) -> Option<SystemTime> {
    let text = file::read_text(stamp, 4096).ok()?;
    let nanoseconds = text.lines().find_map(|l| l.strip_prefix("TIMESTAMP_NSEC="))?.trim().parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn paths_are_what_they_are() {
        let root = std::env::temp_dir().join(format!("rung-look-{}", std::process::id()));
        fs::create_dir_all(root.join("full/sub")).expect("folder");
        fs::create_dir_all(root.join("empty")).expect("folder");
        fs::write(root.join("empty/.hidden"), "").expect("file");
        fs::write(root.join("empty/conf.dpkg-old"), "").expect("file");
        fs::write(root.join("file"), "x").expect("file");
        fs::write(root.join("bare"), "").expect("file");
        fs::set_permissions(root.join("file"), fs::Permissions::from_mode(0o755)).expect("mode");
        symlink("full", root.join("link")).expect("link");
        symlink("nowhere", root.join("dangling")).expect("link");
        let at = |test, name: &str| holds(test, &root.join(name)).expect("told");
        for (test, yes, no) in [
            (Test::PathExists, "link", "dangling"),
            (Test::PathIsDirectory, "link", "file"),
            (Test::PathIsSymbolicLink, "dangling", "full"),
            (Test::DirectoryNotEmpty, "full", "empty"),
            (Test::FileNotEmpty, "file", "bare"),
            (Test::FileIsExecutable, "file", "bare"),
            (Test::PathExistsGlob, "f*/s?b", "f*/x*"),
            (Test::PathExistsGlob, "[e]mpty/*.dpkg-old", "empty/*.conf"),
            (Test::PathIsReadWrite, "file", "missing"),
        ] {
            assert!(at(test, yes), "{test:?} {yes}");
            assert!(!at(test, no), "{test:?} {no}");
        }
        assert_eq!(holds(Test::PathIsMountPoint, Path::new("/proc")), Some(true));
        assert!(!at(Test::PathIsMountPoint, "full") && !at(Test::PathIsMountPoint, "missing"));
        assert_eq!(holds(Test::PathIsEncrypted, Path::new("/proc")), Some(false));
        assert_eq!(holds(Test::CPUs, Path::new("/")), None);
        assert!(needs_update(&root), "without a stamp");
        fs::write(root.join(".updated"), "TIMESTAMP_NSEC=1\n").expect("stamp");
        assert!(needs_update(&root), "an old one");
        fs::write(root.join(".updated"), "TIMESTAMP_NSEC=9000000000000000000\n").expect("stamp");
        assert!(!needs_update(&root), "a new one");
        fs::remove_dir_all(&root).expect("clean");
        assert_eq!(unescape("/a\\040b\\134"), Path::new("/a b\\"));
    }
}
