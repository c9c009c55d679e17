//! Mounts: make, look, unmount. Every call may block as long as the file system under it does.

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::stat;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

pub use nix::mount::{MntFlags as Unmount, MsFlags as Flags};

/// Whether something is mounted at `path`: it lies on another device than the folder above it. (The bind mount of a
/// folder of the same file system isn't seen.)
pub fn is_mounted(path: &Path) -> bool {
    let (Ok(here), Some(Ok(above))) = (stat(path), path.parent().map(stat)) else { return false };
    here.st_dev != above.st_dev
}

/// Mounts a file system that needs no device, making the folder if it can.
///
/// # Errors
/// As `mount(2)`.
pub fn virtual_fs(kind: &str, path: &Path, flags: MsFlags, options: &str) -> Result<(), Errno> {
    // Where the folder can't be made, mount says so.
    let _ = std::fs::create_dir(path);
    mount(Some(kind), path, Some(kind), flags, Some(options))
}

/// Unmounts what lies on top at `path`; a link there is not followed.
///
/// # Errors
/// As `umount2(2)`: `EBUSY`, `EINVAL` when nothing is mounted there.
pub fn unmount(path: &Path, flags: MntFlags) -> Result<(), Errno> {
    umount2(path, flags | MntFlags::UMOUNT_NOFOLLOW)
}

/// Makes the whole file system at `path` read-only, wherever else it is mounted too.
///
/// # Errors
/// As `mount(2)`: `EBUSY` while a file is open for writing or a removed one is still in use.
pub fn remount_read_only(path: &Path) -> Result<(), Errno> {
    let nothing = None::<&str>;
    mount(nothing, path, nothing, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, nothing)
}

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub point: PathBuf,
    /// `ext4`, `nfs4`, `fuse.sshfs`, …
    pub kind: String,
    /// The mount or its file system is read-only already.
    pub read_only: bool,
}

/// All mounts of this process's namespace, in the order of the table: a mount on top of another comes after it.
///
/// # Errors
/// The table can't be read: no `/proc`.
pub fn table() -> std::io::Result<Vec<Mount>> {
    Ok(parse(&std::fs::read("/proc/self/mountinfo")?))
}

fn parse(table: &[u8]) -> Vec<Mount> {
    table.split(|b| *b == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    // id parent major:minor root POINT OPTIONS [tags…] - KIND source SUPER-OPTIONS
    let mut fields = line.split(|b| *b == b' ');
    let (point, options) = (fields.nth(4)?, fields.next()?);
    let mut fields = fields.skip_while(|f| *f != b"-").skip(1);
    let (kind, super_options) = (fields.next()?, fields.nth(1)?);
    let is_read_only = |options: &[u8]| options.split(|b| *b == b',').any(|o| o == b"ro");
    Some(Mount {
        point: unescape(point),
        kind: String::from_utf8_lossy(kind).into_owned(),
        read_only: is_read_only(options) || is_read_only(super_options),
    })
}

/// `\040` and the like, as in `/proc/mounts` and `/proc/swaps`.
pub fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\');
        let value = octal.and_then(|o| u8::from_str_radix(std::str::from_utf8(o).ok()?, 8).ok());
        bytes.push(value.unwrap_or(*first));
        rest = value.and_then(|_| after.get(3..)).unwrap_or(after);
    }
    OsString::from_vec(bytes).into()
}

/// Whether a folder is where something is mounted, be it a folder of the same file system. A kernel before 5.8 can't tell.
pub fn is_mount_point(folder: BorrowedFd<'_>) -> bool {
    // SAFETY: all zeros are a valid `statx`.
    let mut info: libc::statx = unsafe { std::mem::zeroed() };
    let flags = libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: the path is terminated and the record outlives the call.
    let result = unsafe { libc::statx(folder.as_raw_fd(), c"".as_ptr(), flags, 0, &raw mut info) };
    let root = u64::try_from(libc::STATX_ATTR_MOUNT_ROOT).unwrap_or(0);
    result == 0 && info.stx_attributes & root != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads() {
        let text = b"36 35 98:0 /m /mnt/a\\040b rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n\
            37 36 0:5 / /mnt/a\\040b/c ro - nfs4 host:/x rw\n38 36 0:6 / /x rw - tmpfs - ro,size=4k\ngarbage\n1 2 3";
        let read = parse(text);
        let short: Vec<_> = read.iter().map(|m| (m.point.to_str(), m.kind.as_str(), m.read_only)).collect();
        assert_eq!(
            short,
            [(Some("/mnt/a b"), "ext3", false), (Some("/mnt/a b/c"), "nfs4", true), (Some("/x"), "tmpfs", true)]
        );
        assert_eq!(unescape(b"\\134a\\0\\"), Path::new("\\a\\0\\"));
    }

    #[test]
    fn proc_is_mounted_and_its_folders_are_not() {
        assert!(is_mounted(Path::new("/proc")));
        assert!(!is_mounted(Path::new("/proc/self")));
        assert!(!is_mounted(Path::new("/proc/no such file")));
        assert!(table().expect("table").iter().any(|m| m.point == Path::new("/proc") && m.kind == "proc"));
    }
}
