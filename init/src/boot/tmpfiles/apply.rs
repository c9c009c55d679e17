//! What a line does to the file systems.

use super::deep;
use super::line::{Kind, Line, unescape};
use super::place::{Fault, ITSELF, Place, Tree, kind, names};
use crate::unit::accounts::Accounts;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat, makedev, mkdirat, mknodat};
use nix::unistd::{Gid, Uid, fchownat, ftruncate, mkfifoat, symlinkat};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// What lines are done with.
pub struct Workshop {
    /// Where.
    pub tree: Tree,
    /// Who is who there.
    pub accounts: Accounts,
    /// Whether users can make hard links to what isn't theirs (`fs.protected_hardlinks` is off).
    pub free_hard_links: bool,
}

/// Why a line wasn't done, as a fragment.
#[derive(Debug)]
pub enum Failure {
    /// At this path.
    At(String, Fault),
    /// The line asks for what there isn't.
    Line(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(path, fault) => write!(f, "{path}: {fault}"),
            Self::Line(what) => f.write_str(what),
        }
    }
}

/// Mode and owners, looked up.
#[derive(Clone, Copy, Default)]
struct Looks {
    mode: Option<super::line::Mode>,
    user: Option<(u32, bool)>,
    group: Option<(u32, bool)>,
}

impl Workshop {
    /// Takes away what the line says is to go: `r`, `R`, what is in a `D`.
    ///
    /// # Errors
    /// The first path that doesn't work.
    pub fn remove(&self, line: &Line) -> Result<(), Failure> {
        let paths = match line.kind {
            Kind::Remove | Kind::RemoveTree => self.expand(line)?,
            Kind::Folder { empty: true } => vec![line.path.clone()],
            _ => return Ok(()),
        };
        for path in paths {
            let result = match line.kind {
                Kind::Folder { .. } => self.existing(&path).and_then(|folder| match folder {
                    Some(folder) => deep::empty(folder.as_fd()),
                    None => Ok(()),
                }),
                Kind::RemoveTree => self.tree.place(&path, false).and_then(|p| deep::remove(p.folder.as_fd(), &p.name)),
                _ => self.tree.place(&path, false).and_then(|p| Ok(deep::remove_one(p.folder.as_fd(), &p.name)?)),
            };
            match result {
                // `r` takes no folder that holds something.
                Err(Fault::System(Errno::ENOENT | Errno::ENOTDIR | Errno::ENOTEMPTY)) => {}
                result => result.map_err(|fault| Failure::At(path, fault))?,
            }
        }
        Ok(())
    }

    /// Makes what the line says is to be.
    ///
    /// # Errors
    /// The first path that doesn't work, or a user that isn't there.
    pub fn create(&self, line: &Line) -> Result<(), Failure> {
        if matches!(line.kind, Kind::Remove | Kind::RemoveTree | Kind::Pass { .. }) {
            return Ok(());
        }
        let looks = self.looks(line)?;
        let paths = if line.kind.takes_pattern() { self.expand(line)? } else { vec![line.path.clone()] };
        for path in paths {
            self.create_one(line, &path, looks).map_err(|fault| Failure::At(path, fault))?;
        }
        Ok(())
    }

    fn create_one(&self, line: &Line, path: &str, looks: Looks) -> Result<(), Fault> {
        let argument = line.argument.as_deref().unwrap_or("");
        match line.kind {
            Kind::File { replace } => self.file(line, path, replace, looks),
            Kind::Folder { .. } => self.make_folder(line, path, looks),
            Kind::Fifo => self.node(line, path, SFlag::S_IFIFO, 0, looks),
            Kind::Device { character } => {
                let number = argument.split_once(':').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                let (major, minor) = number.ok_or(Errno::EINVAL)?;
                let kind = if character { SFlag::S_IFCHR } else { SFlag::S_IFBLK };
                self.node(line, path, kind, makedev(major, minor), looks)
            }
            Kind::Link { only_if_there } => self.link(line, path, only_if_there),
            Kind::Copy => self.copy(line, path, looks),
            Kind::Write { append } => match self.tree.walk(path, false) {
                Err(Fault::System(Errno::ENOENT | Errno::ENOTDIR)) => Ok(()),
                found => self.write(found?.as_fd(), argument, append),
            },
            Kind::Adjust => match self.existing(path)? {
                Some(folder) => self.dress(folder.as_fd(), looks, None),
                None => Ok(()),
            },
            Kind::Own | Kind::OwnTree => {
                let place = match self.tree.place(path, false) {
                    Err(Fault::System(Errno::ENOENT | Errno::ENOTDIR)) => return Ok(()),
                    place => place?,
                };
                let there = match place.look() {
                    Err(Errno::ENOENT) => return Ok(()),
                    there => there?,
                };
                if line.kind == Kind::OwnTree && kind(&fstat(&there)?) == SFlag::S_IFDIR {
                    deep::visit(there.as_fd(), &mut |folder, name| {
                        let name = name.to_owned();
                        let folder = folder.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
                        let there = Place { folder, name }.look()?;
                        self.dress(there.as_fd(), looks, None)
                    })?;
                }
                self.dress(there.as_fd(), looks, None)
            }
            Kind::Remove | Kind::RemoveTree | Kind::Pass { .. } => Ok(()),
        }
    }

    fn expand(&self, line: &Line) -> Result<Vec<String>, Failure> {
        self.tree.expand(&line.path).map_err(|fault| Failure::At(line.path.clone(), fault))
    }

    /// The folder, if it is there and is one.
    fn existing(&self, path: &str) -> Result<Option<OwnedFd>, Fault> {
        match self.tree.folder(path, false) {
            Ok(folder) => Ok(Some(folder)),
            Err(Fault::System(Errno::ENOENT | Errno::ENOTDIR)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn looks(&self, line: &Line) -> Result<Looks, Failure> {
        let missing = |what: &str, name: &str| Failure::Line(format!("there is no {what} `{name}`"));
        let user = line.user.as_ref().map(|owner| {
            let known = self.accounts.user(&owner.name).map(|u| u.uid).or_else(|| owner.name.parse().ok());
            known.map(|id| (id, owner.only_new)).ok_or_else(|| missing("user", &owner.name))
        });
        let group = line.group.as_ref().map(|owner| {
            let known = self.accounts.group(&owner.name).map(|g| g.gid).or_else(|| owner.name.parse().ok());
            known.map(|id| (id, owner.only_new)).ok_or_else(|| missing("group", &owner.name))
        });
        Ok(Looks { mode: line.mode, user: user.transpose()?, group: group.transpose()? })
    }

    /// Gives what was opened its mode and owners; `new` is the mode that something new has if the line gives none.
    fn dress(&self, there: BorrowedFd<'_>, looks: Looks, new: Option<u32>) -> Result<(), Fault> {
        let stat = fstat(there)?;
        let counts = |only_new: bool| new.is_some() || !only_new;
        let user = looks.user.filter(|(_, only_new)| counts(*only_new)).map(|(id, _)| id);
        let group = looks.group.filter(|(_, only_new)| counts(*only_new)).map(|(id, _)| id);
        let present = stat.st_mode & 0o7777;
        let mode = match looks.mode.filter(|mode| counts(mode.only_new)) {
            Some(mode) if mode.masked && new.is_none() => Some(masked(mode.bits, stat.st_mode)),
            Some(mode) => Some(mode.bits),
            None => new,
        };
        let new_owner = user.is_some_and(|id| id != stat.st_uid) || group.is_some_and(|id| id != stat.st_gid);
        let new_mode = mode.is_some_and(|mode| mode != present);
        if !new_owner && !new_mode {
            return Ok(());
        }
        let is_folder = kind(&stat) == SFlag::S_IFDIR;
        if !is_folder && stat.st_nlink > 1 && new.is_none() && self.free_hard_links {
            return Err(Fault::HardLink);
        }
        if new_owner {
            fchownat(there, "", user.map(Uid::from_raw), group.map(Gid::from_raw), ITSELF)?;
        }
        // A change of owner takes set-user bits away, so the mode comes after it. A symlink has none.
        let wanted = mode.unwrap_or(present);
        if kind(&stat) != SFlag::S_IFLNK && (new_mode || wanted & 0o6000 != 0) {
            let path = format!("/proc/self/fd/{}", there.as_raw_fd());
            fchmodat(there, path.as_str(), Mode::from_bits_truncate(wanted), FchmodatFlags::FollowSymlink)?;
        }
        Ok(())
    }

    /// What the line is about, made way for: `=` takes away what is of another kind. True if something of this kind is
    /// there.
    fn make_way(line: &Line, place: &Place, wanted: SFlag) -> Result<bool, Fault> {
        match place.kind()? {
            None => Ok(false),
            Some(there) if there == wanted => Ok(true),
            Some(_) if line.exact || (line.replace && wanted != SFlag::S_IFREG) => {
                deep::remove(place.folder.as_fd(), &place.name)?;
                Ok(false)
            }
            Some(_) => Err(Fault::Other),
        }
    }

    fn file(&self, line: &Line, path: &str, replace: bool, looks: Looks) -> Result<(), Fault> {
        let place = self.tree.place(path, true)?;
        let text = line.argument.as_deref().unwrap_or("");
        if Self::make_way(line, &place, SFlag::S_IFREG)? {
            let there = place.look()?;
            if replace {
                self.write(there.as_fd(), text, false)?;
            }
            return self.dress(there.as_fd(), looks, None);
        }
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let new = openat(&place.folder, place.name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        write_all(new.as_fd(), &unescape(text))?;
        self.dress(new.as_fd(), looks, line.kind.mode())
    }

    /// Writes a text into what was opened, which is opened again for that. Never waits for a FIFO's reader.
    fn write(&self, there: BorrowedFd<'_>, text: &str, append: bool) -> Result<(), Fault> {
        let stat = fstat(there)?;
        let is_plain = kind(&stat) == SFlag::S_IFREG;
        if is_plain && stat.st_nlink > 1 && self.free_hard_links {
            return Err(Fault::HardLink);
        }
        let mut flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        flags.set(OFlag::O_APPEND, append);
        let file = open(format!("/proc/self/fd/{}", there.as_raw_fd()).as_str(), flags, Mode::empty())?;
        if is_plain && !append {
            // The kernel's own files can't be cut, and needn't be.
            let _ = ftruncate(&file, 0);
        }
        Ok(write_all(file.as_fd(), &unescape(text))?)
    }

    fn make_folder(&self, line: &Line, path: &str, looks: Looks) -> Result<(), Fault> {
        let place = match self.tree.place(path, true) {
            // The root itself.
            Err(Fault::System(Errno::EINVAL)) => {
                return self.dress(self.tree.folder(path, false)?.as_fd(), looks, None);
            }
            place => place?,
        };
        match Self::make_way(line, &place, SFlag::S_IFDIR) {
            Ok(true) => self.dress(place.look()?.as_fd(), looks, None),
            Ok(false) => {
                mkdirat(&place.folder, place.name.as_os_str(), Mode::S_IRWXU)?;
                self.dress(place.look()?.as_fd(), looks, line.kind.mode())
            }
            // A symlink of root's to a folder is as good as one: /var/run, /var/lock.
            Err(Fault::Other) if place.kind()? == Some(SFlag::S_IFLNK) => match self.tree.folder(path, false) {
                Ok(folder) => self.dress(folder.as_fd(), looks, None),
                Err(Fault::System(Errno::ENOTDIR)) => Err(Fault::Other),
                Err(fault) => Err(fault),
            },
            Err(fault) => Err(fault),
        }
    }

    fn node(&self, line: &Line, path: &str, wanted: SFlag, device: u64, looks: Looks) -> Result<(), Fault> {
        let place = self.tree.place(path, true)?;
        if Self::make_way(line, &place, wanted)? {
            let there = place.look()?;
            if wanted == SFlag::S_IFIFO || fstat(&there)?.st_rdev == device {
                return self.dress(there.as_fd(), looks, None);
            }
            if !line.replace {
                return Err(Fault::Other);
            }
            deep::remove_one(place.folder.as_fd(), &place.name)?;
        }
        let private = Mode::S_IRUSR | Mode::S_IWUSR;
        if wanted == SFlag::S_IFIFO {
            mkfifoat(&place.folder, place.name.as_os_str(), private)?;
        } else {
            mknodat(&place.folder, place.name.as_os_str(), wanted, private, device)?;
        }
        self.dress(place.look()?.as_fd(), looks, line.kind.mode())
    }

    fn link(&self, line: &Line, path: &str, only_if_there: bool) -> Result<(), Fault> {
        let place = self.tree.place(path, true)?;
        let target = line.argument.clone().unwrap_or_else(|| format!("/usr/share/factory{}", line.path));
        if only_if_there {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let full = if target.starts_with('/') { target.clone() } else { format!("{folder}/{target}") };
            if self.tree.walk(&full, false).is_err() {
                return Ok(());
            }
        }
        match place.kind()? {
            Some(SFlag::S_IFLNK) if readlinkat(&place.folder, place.name.as_os_str())? == target.as_str() => {
                return Ok(());
            }
            Some(_) if line.replace => deep::remove(place.folder.as_fd(), &place.name)?,
            Some(SFlag::S_IFLNK) => return Ok(()),
            Some(_) if line.exact => deep::remove(place.folder.as_fd(), &place.name)?,
            // A plain `L` is content with whatever is there.
            Some(_) => return Ok(()),
            None => {}
        }
        Ok(symlinkat(target.as_str(), &place.folder, place.name.as_os_str())?)
    }

    /// Copies what isn't there yet, in a work list of paths; a source that is missing is no matter.
    fn copy(&self, line: &Line, path: &str, looks: Looks) -> Result<(), Fault> {
        let source = line.argument.clone().unwrap_or_else(|| format!("/usr/share/factory{}", line.path));
        let mut todo = vec![(source, path.to_owned())];
        while let Some((from, to)) = todo.pop() {
            let is_top = to == path;
            // A symlink below is copied as one.
            let original = if is_top { self.tree.walk(&from, false) } else { self.look_at(&from) };
            let original = match original {
                Err(Fault::System(Errno::ENOENT | Errno::ENOTDIR)) if is_top => return Ok(()),
                original => original?,
            };
            let place = self.tree.place(&to, true)?;
            let stat = fstat(&original)?;
            let there = place.kind()?;
            if is_top && there.is_some() && !line.replace && !self.is_empty_folder(&place) {
                return self.dress(place.look()?.as_fd(), looks, None);
            }
            match (kind(&stat), there) {
                (SFlag::S_IFDIR, None | Some(SFlag::S_IFDIR)) => {
                    if there.is_none() {
                        mkdirat(&place.folder, place.name.as_os_str(), Mode::S_IRWXU)?;
                    }
                    let names = names(original.as_fd())?.into_iter().filter_map(|n| n.into_string().ok());
                    todo.extend(names.map(|name| (format!("{from}/{name}"), format!("{to}/{name}"))));
                }
                (SFlag::S_IFREG, None) => {
                    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                    let new = openat(&place.folder, place.name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
                    let from = std::fs::File::open(format!("/proc/self/fd/{}", original.as_raw_fd()));
                    let errno = |e: std::io::Error| e.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
                    std::io::copy(&mut from.map_err(errno)?, &mut std::fs::File::from(new)).map_err(errno)?;
                }
                (SFlag::S_IFLNK, None) => {
                    symlinkat(readlinkat(&original, "")?.as_os_str(), &place.folder, place.name.as_os_str())?;
                }
                // What is there stays; devices and sockets aren't copied.
                _ => continue,
            }
            let copied = place.look()?;
            let own = Looks { mode: None, user: Some((stat.st_uid, false)), group: Some((stat.st_gid, false)) };
            self.dress(copied.as_fd(), own, Some(stat.st_mode & 0o7777))?;
            if is_top {
                self.dress(copied.as_fd(), looks, Some(looks.mode.map_or(stat.st_mode & 0o7777, |mode| mode.bits)))?;
            }
        }
        Ok(())
    }

    fn look_at(&self, path: &str) -> Result<OwnedFd, Fault> {
        Ok(self.tree.place(path, false)?.look()?)
    }

    fn is_empty_folder(&self, place: &Place) -> bool {
        let folder = place.look().ok().filter(|f| fstat(f).is_ok_and(|stat| kind(&stat) == SFlag::S_IFDIR));
        folder.is_some_and(|f| names(f.as_fd()).is_ok_and(|names| names.is_empty()))
    }
}

/// `~0755`: no right, and no more than the present one has: a file that nobody executes isn't made executable.
fn masked(wanted: u32, present: u32) -> u32 {
    let mut mode = wanted;
    for (right, all) in [(0o111, 0o111), (0o222, 0o222), (0o444, 0o444)] {
        if present & all == 0 {
            mode &= !right;
        }
    }
    if SFlag::from_bits_truncate(present) & SFlag::S_IFMT == SFlag::S_IFDIR { mode } else { mode & 0o777 }
}

fn write_all(file: BorrowedFd<'_>, text: &str) -> Result<(), Errno> {
    let mut bytes = text.as_bytes();
    while !bytes.is_empty() {
        match nix::unistd::write(file, bytes) {
            Ok(0) => return Err(Errno::ENOSPC),
            Ok(n) => bytes = bytes.get(n..).unwrap_or(&[]),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
