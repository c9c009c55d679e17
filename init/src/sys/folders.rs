//! Making and removing a service's folders, between fork and exec: nothing is allocated.
//!
//! The user of a service may own what lies on the way, so no part is trusted to be what it was a moment ago: each is
//! opened from the one above it, and a symbolic link is followed only where nobody but root could have put it.

use super::fd::close;
use nix::errno::Errno;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

/// Deepest tree whose owner is changed, or that is removed.
const DEEPEST: u32 = 64;
/// Passes over one folder while others fill it.
const PASSES: u32 = 100;
const PATH_ONLY: i32 = libc::O_PATH | libc::O_DIRECTORY;
const READABLE: i32 = libc::O_RDONLY | libc::O_DIRECTORY;

/// How a folder shall be.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Its mode.
    pub mode: u32,
    /// Its owner; `u32::MAX`: as it is.
    pub uid: u32,
    /// Its group; `u32::MAX`: as it is.
    pub gid: u32,
    /// Also where it is there already.
    pub always: bool,
}

/// An open descriptor, closed at the end.
struct Open(RawFd);

impl Drop for Open {
    fn drop(&mut self) {
        close(self.0);
    }
}

fn open_at(at: RawFd, name: &CStr, flags: i32) -> Result<Open, Errno> {
    // SAFETY: a NUL-ended name.
    let fd = unsafe { libc::openat(at, name.as_ptr(), flags | libc::O_CLOEXEC | libc::O_NONBLOCK) };
    Errno::result(fd).map(Open)
}

fn status(fd: RawFd, name: &CStr) -> Result<libc::stat, Errno> {
    let mut found = MaybeUninit::uninit();
    let flags = libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;
    // SAFETY: `found` has room for what the kernel writes.
    Errno::result(unsafe { libc::fstatat(fd, name.as_ptr(), found.as_mut_ptr(), flags) })?;
    // SAFETY: filled by the successful call.
    Ok(unsafe { found.assume_init() })
}

fn make_at(at: RawFd, name: &CStr, mode: u32) -> Result<(), Errno> {
    // SAFETY: a NUL-ended name.
    Errno::result(unsafe { libc::mkdirat(at, name.as_ptr(), mode) }).map(drop)
}

fn change_mode(fd: RawFd, mode: u32) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::fchmod(fd, mode) }).map(drop)
}

/// A folder below another one.
fn enter(at: RawFd, name: &CStr, flags: i32) -> Result<Open, Errno> {
    match open_at(at, name, flags | libc::O_NOFOLLOW) {
        Err(Errno::ENOTDIR | Errno::ELOOP) if is_of_root(at, name)? => open_at(at, name, flags),
        Err(Errno::ENOTDIR) if status(at, name)?.st_mode & libc::S_IFMT == libc::S_IFLNK => Err(Errno::ELOOP),
        other => other,
    }
}

/// Whether the link `name` is root's, in a folder where only root can put one.
fn is_of_root(at: RawFd, name: &CStr) -> Result<bool, Errno> {
    let (link, folder) = (status(at, name)?, status(at, c"")?);
    // SAFETY: takes nothing.
    let own = unsafe { libc::geteuid() };
    let ours = |owner: u32| owner == 0 || owner == own;
    let is_link = link.st_mode & libc::S_IFMT == libc::S_IFLNK;
    Ok(is_link && ours(link.st_uid) && ours(folder.st_uid) && folder.st_mode & 0o022 == 0)
}

/// The parts of a relative path, each ended by NUL, one after the other: (part, whether it is the last).
struct Parts<'a> {
    rest: &'a [u8],
    part: [u8; 256],
}

impl<'a> Parts<'a> {
    fn new(name: &'a CStr) -> Self {
        Self { rest: name.to_bytes(), part: [0; 256] }
    }

    fn next(&mut self) -> Result<Option<(&CStr, bool)>, Errno> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let end = self.rest.iter().position(|b| *b == b'/').unwrap_or(self.rest.len());
        let (part, rest) = self.rest.split_at_checked(end).ok_or(Errno::EINVAL)?;
        if matches!(part, b"" | b"." | b"..") {
            return Err(Errno::EINVAL);
        }
        self.part = [0; 256];
        self.part.get_mut(..255).and_then(|p| p.get_mut(..end)).ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(part);
        self.rest = rest.get(1..).unwrap_or(&[]);
        let name = CStr::from_bytes_until_nul(&self.part).map_err(|_| Errno::EINVAL)?;
        Ok(Some((name, self.rest.is_empty())))
    }
}

/// Opens the folder all but the last part of `name` lead to, made where `create`; calls `last` with it and the last.
fn walk<T>(
    base: &CStr,
    name: &CStr,
    create: bool,
    last: impl FnOnce(RawFd, &CStr) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let mut at = match open_at(libc::AT_FDCWD, base, PATH_ONLY) {
        Err(Errno::ENOENT) if create => {
            make_at(libc::AT_FDCWD, base, 0o755)?;
            open_at(libc::AT_FDCWD, base, PATH_ONLY)?
        }
        other => other?,
    };
    let mut parts = Parts::new(name);
    while let Some((part, is_last)) = parts.next()? {
        if is_last {
            return last(at.0, part);
        }
        at = match enter(at.0, part, PATH_ONLY) {
            Err(Errno::ENOENT) if create => {
                make_at(at.0, part, 0o755)?;
                let made = open_at(at.0, part, READABLE | libc::O_NOFOLLOW)?;
                // Whatever the umask is.
                change_mode(made.0, 0o755)?;
                made
            }
            other => other?,
        };
    }
    Err(Errno::EINVAL)
}

/// Makes a folder, or takes the one that is there.
///
/// # Errors
/// As `openat(2)`, `mkdirat(2)`, `fchown(2)`; `ELOOP` for a link that isn't root's.
pub fn make(base: &CStr, name: &CStr, wanted: &Wanted) -> Result<(), Errno> {
    walk(base, name, true, |at, part| {
        let (folder, made) = match enter(at, part, READABLE) {
            Err(Errno::ENOENT) => {
                make_at(at, part, wanted.mode & 0o700)?;
                (open_at(at, part, READABLE | libc::O_NOFOLLOW)?, true)
            }
            other => (other?, false),
        };
        if !made && !wanted.always {
            return Ok(());
        }
        let is = status(folder.0, c"")?;
        let differs = |wanted: u32, is: u32| wanted != u32::MAX && wanted != is;
        if differs(wanted.uid, is.st_uid) || differs(wanted.gid, is.st_gid) {
            own_tree(folder.0, is.st_uid, wanted, DEEPEST)?;
        }
        // Behind the owner: a change of that takes set-id bits away.
        if is.st_mode & 0o7777 != wanted.mode || made {
            change_mode(folder.0, wanted.mode)?;
        }
        Ok(())
    })
}

/// Gives an open folder and all in it an owner. `old`: who had it; a file with further names that is another's isn't
/// taken: it may be one from elsewhere.
fn own_tree(folder: RawFd, old: u32, wanted: &Wanted, depth: u32) -> Result<(), Errno> {
    let depth = depth.checked_sub(1).ok_or(Errno::ELOOP)?;
    entries(folder, |name| {
        let entry = match open_at(folder, name, libc::O_PATH | libc::O_NOFOLLOW) {
            Err(Errno::ENOENT) => return Ok(()),
            other => other?,
        };
        let is = status(entry.0, c"")?;
        if is.st_mode & libc::S_IFMT == libc::S_IFDIR {
            let inner = open_at(folder, name, READABLE | libc::O_NOFOLLOW)?;
            return own_tree(inner.0, old, wanted, depth);
        }
        if is.st_nlink > 1 && is.st_uid != old { Ok(()) } else { own(entry.0, wanted) }
    })?;
    own(folder, wanted)
}

fn own(fd: RawFd, wanted: &Wanted) -> Result<(), Errno> {
    // SAFETY: an empty NUL-ended name: the descriptor itself.
    Errno::result(unsafe { libc::fchownat(fd, c"".as_ptr(), wanted.uid, wanted.gid, libc::AT_EMPTY_PATH) }).map(drop)
}

/// Makes a symbolic link, or finds it made.
///
/// # Errors
/// As `symlinkat(2)`: `EEXIST` where something else stands.
pub fn link(base: &CStr, name: &CStr, target: &CStr) -> Result<(), Errno> {
    walk(base, name, true, |at, part| {
        // SAFETY: NUL-ended texts.
        match Errno::result(unsafe { libc::symlinkat(target.as_ptr(), at, part.as_ptr()) }) {
            Err(Errno::EEXIST) => {
                let mut text = [0u8; libc::PATH_MAX as usize];
                // SAFETY: the buffer has the length told.
                let length = unsafe { libc::readlinkat(at, part.as_ptr(), text.as_mut_ptr().cast(), text.len()) };
                let same = usize::try_from(length).ok().and_then(|n| text.get(..n)) == Some(target.to_bytes());
                if same { Ok(()) } else { Err(Errno::EEXIST) }
            }
            other => other.map(drop),
        }
    })
}

/// Removes a file, a link, or a folder with all in it that is on its file system. What is missing is fine.
///
/// # Errors
/// As `unlinkat(2)`; `EXDEV` where another file system is mounted below.
pub fn remove(base: &CStr, name: &CStr) -> Result<(), Errno> {
    let removed = walk(base, name, false, |at, part| {
        let device = status(at, part)?.st_dev;
        remove_at(at, part, device, DEEPEST)
    });
    match removed {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}

fn remove_at(at: RawFd, name: &CStr, device: u64, depth: u32) -> Result<(), Errno> {
    let depth = depth.checked_sub(1).ok_or(Errno::ELOOP)?;
    let unlink = |flags: i32| {
        // SAFETY: a NUL-ended name.
        match Errno::result(unsafe { libc::unlinkat(at, name.as_ptr(), flags) }) {
            Err(Errno::ENOENT) => Ok(()),
            other => other.map(drop),
        }
    };
    let folder = match open_at(at, name, READABLE | libc::O_NOFOLLOW) {
        Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::ENOTDIR | Errno::ELOOP) => return unlink(0),
        other => other?,
    };
    if status(folder.0, c"")?.st_dev != device {
        return Err(Errno::EXDEV);
    }
    for _ in 0..PASSES {
        // SAFETY: takes no pointers.
        Errno::result(unsafe { libc::lseek(folder.0, 0, libc::SEEK_SET) })?;
        entries(folder.0, |entry| remove_at(folder.0, entry, device, depth))?;
        match unlink(libc::AT_REMOVEDIR) {
            Err(Errno::ENOTEMPTY | Errno::EEXIST) => {}
            other => return other,
        }
    }
    Err(Errno::ENOTEMPTY)
}

/// Room for directory entries, aligned as the kernel writes them.
#[repr(C, align(8))]
struct Buffer([u8; 2048]);

/// Where in `struct linux_dirent64` the record's length and the name are.
const LENGTH: usize = 16;
const NAME: usize = 19;

fn entries(folder: RawFd, mut each: impl FnMut(&CStr) -> Result<(), Errno>) -> Result<(), Errno> {
    let mut buffer = Buffer([0; 2048]);
    loop {
        let room = buffer.0.len();
        // SAFETY: the buffer has the length told.
        let got = unsafe { libc::syscall(libc::SYS_getdents64, folder, buffer.0.as_mut_ptr(), room) };
        let got = usize::try_from(Errno::result(got)?).unwrap_or(0);
        if got == 0 {
            return Ok(());
        }
        let mut rest = buffer.0.get(..got).unwrap_or(&[]);
        while let Some(&[a, b]) = rest.get(LENGTH..LENGTH + 2) {
            let (record, tail) = rest.split_at_checked(u16::from_ne_bytes([a, b]).into()).ok_or(Errno::EIO)?;
            let name = record.get(NAME..).and_then(|n| CStr::from_bytes_until_nul(n).ok()).ok_or(Errno::EIO)?;
            if !matches!(name.to_bytes(), b"." | b"..") {
                each(name)?;
            }
            rest = tail;
        }
    }
}

#[cfg(test)]
#[path = "folders_tests.rs"]
mod tests;
