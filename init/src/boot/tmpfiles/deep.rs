//! Whole trees, emptied or changed. No recursion and few descriptors however deep they are: a user can make a tree that
//! is deeper than any stack (CVE-2021-3997). The way back up is `..`, and it is looked at whether that is still where we
//! came from. Neither symlinks nor mounts are entered.

use super::place::{Fault, names};
use crate::sys::mount;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A folder on the way down.
struct Level {
    /// Its name in the one above; empty for the first.
    name: OsString,
    identity: (u64, u64),
    /// Folders in it that are still to be entered.
    folders: Vec<OsString>,
}

fn open(folder: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(folder, name, flags, Mode::empty())
}

fn identity(folder: BorrowedFd<'_>) -> Result<(u64, u64), Errno> {
    fstat(folder).map(|stat| (stat.st_dev, stat.st_ino))
}

/// Calls `each` for everything in the tree below `top`, what a folder holds before the folder itself. What fails is
/// passed over; the last fault is told in the end.
///
/// # Errors
/// The last fault of `each`, or why a folder couldn't be entered.
pub fn visit(
    top: BorrowedFd<'_>,
    each: &mut dyn FnMut(BorrowedFd<'_>, &OsStr) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut here = open(top, OsStr::new("."))?;
    let mut result = Ok(());
    let first = enter(&here, OsString::new(), each, &mut result)?;
    let device = first.identity.0;
    let mut levels = vec![first];
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.folders.pop() {
            match open(here.as_fd(), &name) {
                Ok(folder) if fstat(&folder)?.st_dev == device && !mount::is_mount_point(folder.as_fd()) => {
                    match enter(&folder, name, each, &mut result) {
                        Ok(level) => {
                            levels.push(level);
                            here = folder;
                        }
                        Err(fault) => result = Err(fault),
                    }
                }
                // A mount: neither entered nor touched.
                Ok(_) => {}
                // It was no folder, or isn't one any more.
                Err(Errno::ENOTDIR | Errno::ELOOP) => note(&mut result, each(here.as_fd(), &name)),
                Err(e) => note(&mut result, Err(e.into())),
            }
            continue;
        }
        let Some(done) = levels.pop() else { break };
        let Some(above) = levels.last() else { break };
        let folder = open(here.as_fd(), OsStr::new(".."))?;
        // Moved elsewhere meanwhile: nothing there is ours.
        if identity(folder.as_fd())? != above.identity {
            return Err(Fault::Link);
        }
        here = folder;
        note(&mut result, each(here.as_fd(), &done.name));
    }
    result
}

/// Deals with what isn't a folder, and keeps the folders for later.
fn enter(
    folder: &OwnedFd,
    name: OsString,
    each: &mut dyn FnMut(BorrowedFd<'_>, &OsStr) -> Result<(), Fault>,
    result: &mut Result<(), Fault>,
) -> Result<Level, Fault> {
    let mut level = Level { name, identity: identity(folder.as_fd())?, folders: Vec::new() };
    for name in names(folder.as_fd())? {
        let stat = nix::sys::stat::fstatat(folder, name.as_os_str(), nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW);
        match stat {
            Ok(stat) if super::place::kind(&stat) == nix::sys::stat::SFlag::S_IFDIR => level.folders.push(name),
            Ok(_) => note(result, each(folder.as_fd(), &name)),
            Err(e) => note(result, Err(e.into())),
        }
    }
    Ok(level)
}

/// What is gone meanwhile is no fault.
fn note(result: &mut Result<(), Fault>, new: Result<(), Fault>) {
    if new.is_err() && new != Err(Fault::System(Errno::ENOENT)) {
        *result = new;
    }
}

/// Removes everything in a folder.
///
/// # Errors
/// What couldn't be removed last.
pub fn empty(folder: BorrowedFd<'_>) -> Result<(), Fault> {
    visit(folder, &mut |folder, name| remove_one(folder, name).map_err(Fault::from))
}

/// Removes a file, or a folder that is empty.
///
/// # Errors
/// As `unlinkat(2)`.
pub fn remove_one(folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::EISDIR | Errno::EPERM) => unlinkat(folder, name, UnlinkatFlags::RemoveDir),
        result => result,
    }
}

/// Removes a tree, or a file. A mount stays, with what it holds.
///
/// # Errors
/// What couldn't be removed last.
pub fn remove(folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), Fault> {
    match open(folder, name) {
        Ok(tree) if mount::is_mount_point(tree.as_fd()) => return Err(Errno::EBUSY.into()),
        Ok(tree) => empty(tree.as_fd())?,
        Err(Errno::ENOTDIR | Errno::ELOOP) => {}
        Err(e) => return Err(e.into()),
    }
    Ok(remove_one(folder, name)?)
}
