//! Paths below a root, walked one component at a time, so that nobody but root decides where they lead.
//!
//! A symlink on the way is followed only if it is root's and stands in a folder where nobody else could have put it. What
//! is at the end is opened without following at all, and changed through that very descriptor.

use crate::boot::glob;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// More symlinks on one way than this are a loop.
const MOST_LINKS: usize = 40;
/// More paths than this one pattern doesn't give.
const MOST_MATCHES: usize = 100_000;

/// Why a place can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The kernel says no.
    System(Errno),
    /// A symlink on the way could be another user's.
    Link,
    /// Something else is there.
    Other,
    /// It has another name elsewhere, which could be anything.
    HardLink,
}

impl From<Errno> for Fault {
    fn from(e: Errno) -> Self {
        Self::System(e)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(e) => f.write_str(e.desc()),
            Self::Link => f.write_str("a symlink on the way could have been put there by another user than root"),
            Self::Other => f.write_str("something of another kind is there; `=` behind the type would replace it"),
            Self::HardLink => f.write_str("it is a hard link, whose other name could be another user's"),
        }
    }
}

/// Where everything happens.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    /// We ourselves: root, save in tests.
    own: u32,
}

/// What is meant by a path: a folder and a name in it.
#[derive(Debug)]
pub struct Place {
    /// The folder.
    pub folder: OwnedFd,
    /// The name.
    pub name: OsString,
}

/// Opens something without following it and without touching it.
fn look(folder: BorrowedFd<'_>, name: &std::ffi::OsStr) -> Result<OwnedFd, Errno> {
    openat(folder, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

/// What kind of thing it is.
pub fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

impl Place {
    /// What is there, opened without being touched; not followed if it is a symlink.
    ///
    /// # Errors
    /// As `openat(2)`.
    pub fn look(&self) -> Result<OwnedFd, Errno> {
        look(self.folder.as_fd(), &self.name)
    }

    /// What kind of thing is there, if any.
    ///
    /// # Errors
    /// As `openat(2)`, save for `ENOENT`.
    pub fn kind(&self) -> Result<Option<SFlag>, Errno> {
        match self.look() {
            Ok(there) => Ok(Some(kind(&fstat(&there)?))),
            Err(Errno::ENOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl Tree {
    /// # Errors
    /// As `open(2)`.
    pub fn open(root: &Path) -> Result<Self, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(root, flags, Mode::empty())?;
        Ok(Self { root, own: nix::unistd::geteuid().as_raw() })
    }

    /// The place that a path names. Folders on the way that are missing are made, if `make`.
    ///
    /// # Errors
    /// [`Fault::Link`], or what the kernel says. `EINVAL` for the root itself.
    pub fn place(&self, path: &str, make: bool) -> Result<Place, Fault> {
        let (folder, name) = path.rsplit_once('/').ok_or(Errno::EINVAL)?;
        if name.is_empty() {
            return Err(Errno::EINVAL.into());
        }
        Ok(Place { folder: self.folder(folder, make)?, name: name.into() })
    }

    /// The folder that a path names; also by a symlink, as on the way to it.
    ///
    /// # Errors
    /// As [`Tree::place`]; `ENOTDIR` where something else is there.
    pub fn folder(&self, path: &str, make: bool) -> Result<OwnedFd, Fault> {
        let found = self.walk(path, make)?;
        if kind(&fstat(&found)?) == SFlag::S_IFDIR { Ok(found) } else { Err(Errno::ENOTDIR.into()) }
    }

    /// What a path names, symlinks followed as on the way; opened without being touched.
    ///
    /// # Errors
    /// As [`Tree::place`].
    pub fn walk(&self, path: &str, make: bool) -> Result<OwnedFd, Fault> {
        let split = |path: &str| path.split('/').map(str::to_owned).collect::<VecDeque<_>>();
        let (mut todo, mut above, mut links) = (split(path), Vec::new(), 0_usize);
        while let Some(name) = todo.pop_front() {
            if name.is_empty() || name == "." {
                continue;
            }
            if name == ".." {
                above.pop();
                continue;
            }
            let folder = above.last().map_or(self.root.as_fd(), |fd: &OwnedFd| fd.as_fd());
            let found = match look(folder, name.as_ref()) {
                Err(Errno::ENOENT) if make => match mkdirat(folder, name.as_str(), Mode::from_bits_truncate(0o755)) {
                    Ok(()) | Err(Errno::EEXIST) => look(folder, name.as_ref())?,
                    Err(e) => return Err(e.into()),
                },
                found => found?,
            };
            let stat = fstat(&found)?;
            if kind(&stat) != SFlag::S_IFLNK {
                above.push(found);
                continue;
            }
            links = links.saturating_add(1);
            if links > MOST_LINKS {
                return Err(Errno::ELOOP.into());
            }
            if !self.is_ours(&stat) || !self.only_we_write(&fstat(folder)?) {
                return Err(Fault::Link);
            }
            let target = readlinkat(&found, "")?;
            let target = target.to_str().ok_or(Errno::EILSEQ)?;
            if target.starts_with('/') {
                above.clear();
            }
            for part in split(target).into_iter().rev() {
                todo.push_front(part);
            }
        }
        match above.pop() {
            Some(found) => Ok(found),
            None => Ok(self.root.try_clone().map_err(|_| Errno::EMFILE)?),
        }
    }

    fn is_ours(&self, stat: &FileStat) -> bool {
        stat.st_uid == 0 || stat.st_uid == self.own
    }

    /// Whether nobody else can put another's symlink into the folder: others can't write there, or can only add theirs.
    fn only_we_write(&self, folder: &FileStat) -> bool {
        let mode = Mode::from_bits_truncate(folder.st_mode);
        let others = Mode::S_IWGRP | Mode::S_IWOTH;
        self.is_ours(folder) && (!mode.intersects(others) || mode.contains(Mode::S_ISVTX))
    }

    /// The paths that a pattern matches, in order; itself where it is none.
    ///
    /// # Errors
    /// [`Fault::Link`], or what the kernel says, save that nothing is there; `E2BIG` for too many.
    pub fn expand(&self, pattern: &str) -> Result<Vec<String>, Fault> {
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            if !glob::is_pattern(part) {
                found.iter_mut().for_each(|path| *path = format!("{path}/{part}"));
                continue;
            }
            let mut next = Vec::new();
            for path in &found {
                let folder = match self.folder(path, false) {
                    Ok(folder) => folder,
                    Err(Fault::System(Errno::ENOENT | Errno::ENOTDIR)) => continue,
                    Err(fault) => return Err(fault),
                };
                let names = names(folder.as_fd())?.into_iter().filter_map(|n| n.into_string().ok());
                next.extend(names.filter(|name| glob::matches(part, name)).map(|name| format!("{path}/{name}")));
            }
            found = next;
            if found.len() > MOST_MATCHES {
                return Err(Errno::E2BIG.into());
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The names in a folder, `.` and `..` apart. By `/proc`: the descriptor itself may be one that can't be read from.
///
/// # Errors
/// As `open(2)`, `getdents(2)`.
pub fn names(folder: BorrowedFd<'_>) -> Result<Vec<OsString>, Errno> {
    let errno = |e: std::io::Error| e.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
    let entries = std::fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd())).map_err(errno)?;
    entries.map(|entry| entry.map(|e| e.file_name()).map_err(errno)).collect()
}

/// Flags for what works on a descriptor itself.
pub const ITSELF: AtFlags = AtFlags::AT_EMPTY_PATH;
