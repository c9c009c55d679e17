//! What the kernel can say of a path out of its cache of names alone (`RESOLVE_CACHED`, Linux 5.12). Neither a disk nor a
//! file server is asked, so nothing can hang.

use nix::errno::Errno;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What is known of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glimpse {
    /// It is there. Links are followed.
    There {
        /// It is a folder.
        folder: bool,
        /// Its mount, as `/proc/self/mountinfo` numbers it.
        mount: u64,
    },
    /// It isn't there.
    Missing,
    /// Whoever wants to know has to look for himself, and may hang.
    Unknown,
}

/// What is known of `path`.
pub fn glimpse(path: &Path) -> Glimpse {
    match open(path) {
        Ok(fd) => look(&fd).unwrap_or(Glimpse::Unknown),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Glimpse::Missing,
        Err(_) => Glimpse::Unknown,
    }
}

/// The path itself: no file is opened.
fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: all zeroes is a value of these numbers.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((libc::O_PATH | libc::O_CLOEXEC).unsigned_abs());
    how.resolve = libc::RESOLVE_CACHED;
    let length = size_of::<libc::open_how>();
    // SAFETY: a NUL-ended path, and a structure of the length that is said.
    let opened = unsafe { libc::syscall(libc::SYS_openat2, libc::AT_FDCWD, path.as_ptr(), &raw const how, length) };
    let raw = RawFd::try_from(Errno::result(opened)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

fn look(fd: &OwnedFd) -> Result<Glimpse, Errno> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    let wanted = libc::STATX_TYPE | libc::STATX_MNT_ID;
    // SAFETY: all zeroes is a value of these numbers.
    let mut stat: libc::statx = unsafe { std::mem::zeroed() };
    // SAFETY: an empty NUL-ended path, and room for what the kernel writes.
    Errno::result(unsafe { libc::statx(fd.as_raw_fd(), c"".as_ptr(), flags, wanted, &raw mut stat) })?;
    if stat.stx_mask & wanted != wanted {
        return Err(Errno::ENOSYS);
    }
    let folder = libc::mode_t::from(stat.stx_mode) & libc::S_IFMT == libc::S_IFDIR;
    Ok(Glimpse::There { folder, mount: stat.stx_mnt_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_used_is_known_and_nothing_false_is_said() {
        let folder = std::env::temp_dir();
        assert!(folder.is_dir());
        match glimpse(&folder) {
            Glimpse::There { folder, mount } => assert!(folder && mount > 0),
            // An older kernel, or a filter.
            other => assert_eq!(other, Glimpse::Unknown),
        }
        assert_ne!(glimpse(&folder.join("there is no such file")), glimpse(&folder));
        assert!(matches!(
            glimpse(Path::new("/proc/self/exe")),
            Glimpse::Unknown | Glimpse::There { folder: false, .. }
        ));
    }
}
