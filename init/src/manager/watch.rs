//! One inotify descriptor for all that the manager waits for in files: unit folders, level links, `cgroup.events`, pid files.

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// What a watch is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A folder of units.
    Units,
    /// A folder of a unit's drop-ins, or of links to those that it gathers.
    Parts,
    /// A folder of level links.
    Levels,
    /// An instance's `cgroup.events`.
    Cgroup(u64),
    /// A folder in which another one that is to be watched may come to be.
    Appears(OsString),
    /// What `sysv generate` reads: any file of the folder, or this one.
    Sources(Option<OsString>),
    /// A folder in which scripts' daemons write pid files.
    Daemons,
    /// The folder of Red Hat's lock files.
    Locks,
    /// The folder in which an instance's pid file is to appear.
    PidFile(u64),
}

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The watch's purpose.
    pub why: Why,
    /// The file in the folder, where a folder is watched.
    pub file: Option<OsString>,
}

/// All watches.
#[derive(Debug)]
pub struct Watcher {
    inotify: Inotify,
    // A folder may be watched for several reasons under one descriptor.
    whys: BTreeMap<WatchDescriptor, Vec<Why>>,
}

impl Watcher {
    /// None yet.
    ///
    /// # Errors
    /// As `inotify_init1(2)`.
    pub fn new() -> Result<Self, Errno> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        Ok(Self { inotify, whys: BTreeMap::new() })
    }

    /// For epoll.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Watches a folder or file. A missing one is no error: `false`.
    pub fn add(&mut self, path: &Path, why: Why) -> bool {
        self.begin(path, why).is_some()
    }

    /// The same, and whether it wasn't watched for that until now. `None`: it is missing.
    pub fn begin(&mut self, path: &Path, why: Why) -> Option<bool> {
        let wd = self.inotify.add_watch(path, why.flags() | mask_add()).ok()?;
        Some(self.note(wd, why))
    }

    /// Notes what a watch is for; whether that is new.
    fn note(&mut self, wd: WatchDescriptor, why: Why) -> bool {
        let whys = self.whys.entry(wd).or_default();
        let new = !whys.contains(&why);
        if new {
            whys.push(why);
        }
        new
    }

    /// For many folders in a row.
    pub fn pass(&mut self) -> Pass<'_> {
        Pass { watcher: self, seen: BTreeMap::new() }
    }

    /// As [`Pass::add_or_wait`], for one folder.
    pub fn add_or_wait(&mut self, folder: &Path, why: Why) {
        self.pass().add_or_wait(folder, why);
    }

    /// No longer watches for this reason.
    pub fn remove(&mut self, why: &Why) {
        let inotify = &self.inotify;
        self.whys.retain(|wd, whys| {
            whys.retain(|w| w != why);
            if whys.is_empty() {
                let _ = inotify.rm_watch(*wd);
            }
            !whys.is_empty()
        });
    }

    /// What changed. `Err`: events were lost, everything may have changed.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn read(&mut self) -> Result<Vec<Change>, Overflow> {
        let mut changes: Vec<Change> = Vec::new();
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    return Err(Overflow);
                }
                if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    self.whys.remove(&event.wd);
                    continue;
                }
                let whys = self.whys.get(&event.wd).cloned().unwrap_or_default();
                for why in whys {
                    if matches!(&why, Why::Appears(name) | Why::Sources(Some(name)) if event.name.as_ref() != Some(name))
                    {
                        continue;
                    }
                    let change = Change { why, file: event.name.clone() };
                    if !changes.contains(&change) {
                        changes.push(change);
                    }
                }
            }
        }
        Ok(changes)
    }
}

impl Why {
    /// What the kernel is to tell.
    fn flags(&self) -> AddWatchFlags {
        let changes = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO;
        match self {
            Self::Cgroup(_) => AddWatchFlags::IN_MODIFY,
            // A script that may no longer be executed is none any more.
            Self::Sources(_) => changes | AddWatchFlags::IN_ATTRIB,
            _ => changes,
        }
    }
}

/// Watches many folders in a row, most of which are missing and lie in the same ones: the kernel is asked once for each.
/// What comes to be in between is told by the watch on the folder above, which is added before the next one is passed over.
#[derive(Debug)]
pub struct Pass<'a> {
    watcher: &'a mut Watcher,
    /// With which events; with none: it was missing. Paths are compared as bytes: that is much cheaper than by their parts.
    seen: BTreeMap<OsString, Vec<(AddWatchFlags, WatchDescriptor)>>,
}

impl Pass<'_> {
    /// Watches a folder. A missing one is no error: `false`.
    pub fn add(&mut self, path: &Path, why: Why) -> bool {
        let flags = why.flags();
        let known = self.seen.get(path.as_os_str());
        let same = known.and_then(|known| known.iter().find(|(with, _)| *with == flags));
        let wd = match same {
            Some((_, wd)) => *wd,
            None if path.ancestors().any(|at| self.is_missing(at)) => return false,
            None => {
                let wd = self.watcher.inotify.add_watch(path, flags | mask_add()).ok();
                self.seen.entry(path.into()).or_default().extend(wd.map(|wd| (flags, wd)));
                let Some(wd) = wd else { return false };
                wd
            }
        };
        self.watcher.note(wd, why);
        true
    }

    fn is_missing(&self, path: &Path) -> bool {
        self.seen.get(path.as_os_str()).is_some_and(Vec::is_empty)
    }

    /// Watches a folder, or until there is one, the nearest above it for the next on the way to it.
    pub fn add_or_wait(&mut self, folder: &Path, why: Why) {
        if self.add(folder, why) {
            return;
        }
        for (above, below) in folder.ancestors().skip(1).zip(folder.ancestors()) {
            let Some(name) = below.file_name() else { return };
            if self.add(above, Why::Appears(name.to_owned())) {
                return;
            }
        }
    }
}

/// `IN_MASK_ADD`: a second reason for a path doesn't replace the first one's events. The crate has no name for it.
fn mask_add() -> AddWatchFlags {
    AddWatchFlags::from_bits_retain(libc::IN_MASK_ADD)
}

/// The kernel's queue ran over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_for_two_reasons() {
        let root = std::env::temp_dir().join(format!("rung-watch-{}", std::process::id()));
        std::fs::create_dir_all(&root).expect("folder");
        let mut watcher = Watcher::new().expect("inotify");
        assert!(watcher.add(&root, Why::Units) && watcher.add(&root, Why::PidFile(20)));
        assert!(!watcher.add(&root.join("missing"), Why::Units));
        std::fs::write(root.join("a"), "x").expect("write");
        let whys: Vec<_> = watcher.read().expect("events").into_iter().map(|c| c.why).collect();
        assert_eq!(whys, [Why::Units, Why::PidFile(20)]);
        watcher.remove(&Why::Units);
        watcher.add_or_wait(&root.join("x/y"), Why::Units);
        std::fs::create_dir(root.join("x")).expect("folder");
        let changes = watcher.read().expect("events");
        assert!(changes.iter().any(|c| c.why == Why::Appears("x".into())), "{changes:?}");
        watcher.add_or_wait(&root.join("x/y"), Why::Units);
        std::fs::create_dir(root.join("x/y")).expect("folder");
        let changes = watcher.read().expect("events");
        assert_eq!(changes, [Change { why: Why::Appears("y".into()), file: Some("y".into()) }]);
        std::fs::write(root.join("b"), "x").expect("write");
        let changes = watcher.read().expect("events");
        assert_eq!(changes, [Change { why: Why::PidFile(20), file: Some("b".into()) }]);
        std::fs::remove_dir_all(&root).expect("clean");
    }

    #[test]
    fn a_pass_over_missing_folders_asks_once_for_each_and_waits_for_all() {
        let root = std::env::temp_dir().join(format!("rung-pass-{}", std::process::id()));
        std::fs::create_dir_all(&root).expect("folder");
        let mut watcher = Watcher::new().expect("inotify");
        let mut pass = watcher.pass();
        for (folder, why) in [("a/b/c", Why::Units), ("a/d", Why::Levels), ("a/b/c", Why::Parts)] {
            pass.add_or_wait(&root.join(folder), why);
        }
        assert!(!pass.add(&root.join("a/b/e"), Why::Units) && pass.add(&root, Why::Sources(Some("f".into()))));
        let missing: Vec<_> = pass.seen.iter().filter(|(_, known)| known.is_empty()).map(|(path, _)| path).collect();
        assert_eq!(missing, ["a", "a/b", "a/b/c"].map(|folder| root.join(folder)).each_ref());
        std::fs::create_dir(root.join("a")).expect("folder");
        let changes = watcher.read().expect("events");
        assert_eq!(changes, [Change { why: Why::Appears("a".into()), file: Some("a".into()) }]);
        // What was missing in one pass isn't in the next.
        watcher.pass().add_or_wait(&root.join("a/d"), Why::Levels);
        std::fs::create_dir(root.join("a/d")).expect("folder");
        let changes = watcher.read().expect("events");
        assert_eq!(changes, [Change { why: Why::Appears("d".into()), file: Some("d".into()) }]);
        // The folder above is watched for more than one reason.
        std::fs::write(root.join("f"), "x").expect("write");
        let changes = watcher.read().expect("events");
        assert_eq!(changes, [Change { why: Why::Sources(Some("f".into())), file: Some("f".into()) }]);
        std::fs::remove_dir_all(&root).expect("clean");
    }
}
