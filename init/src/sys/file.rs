//! Files: bounded reads that don't block, positioned writes, unnamed files, atomic replacement.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::sys::uio::{pread, pwrite};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Whether `stat` is that of a plain file.
fn is_plain(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG
}

/// Reads a plain file whole, at most `limit` bytes. Never blocks on a FIFO or device: those are `EINVAL`.
///
/// # Errors
/// As `open(2)`, `read(2)`; `EFBIG` when it is longer than `limit`.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Errno> {
    let fd = open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY, Mode::empty())?;
    let stat = fstat(&fd)?;
    if !is_plain(&stat) {
        return Err(Errno::EINVAL);
    }
    read_whole(&fd, usize::try_from(stat.st_size).unwrap_or(0), limit)
}

/// As [`read`], as text; bytes that aren't UTF-8 become U+FFFD.
///
/// # Errors
/// As [`read`].
pub fn read_text(path: &Path, limit: usize) -> Result<String, Errno> {
    Ok(String::from_utf8(read(path, limit)?).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// What one read gives of a file of the kernel's that is known to be short.
///
/// # Errors
/// As `open(2)`, `read(2)`.
pub fn glance(path: &Path) -> Result<String, Errno> {
    let fd = open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, Mode::empty())?;
    let mut buffer = [0; 512];
    let length = nix::unistd::read(&fd, &mut buffer)?;
    Ok(String::from_utf8_lossy(buffer.get(..length).unwrap_or(&[])).into_owned())
}

/// Reads a descriptor from its beginning, at most `limit` bytes.
///
/// # Errors
/// As `pread(2)`; `EFBIG` when it is longer than `limit`.
pub fn read_all(fd: OwnedFd, limit: usize) -> Result<Vec<u8>, Errno> {
    read_whole(&fd, 0, limit)
}

/// Reads up to the length that the file is known to have, or, where that is 0 as with the kernel's own files, to its end.
fn read_whole(fd: &OwnedFd, length: usize, limit: usize) -> Result<Vec<u8>, Errno> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let at = i64::try_from(bytes.len()).map_err(|_| Errno::EFBIG)?;
        match pread(fd, &mut buffer, at) {
            Ok(0) => return Ok(bytes),
            Ok(n) => bytes.extend_from_slice(buffer.get(..n).unwrap_or(&[])),
            Err(Errno::EINTR) => continue,
            Err(e) => return Err(e),
        }
        if bytes.len() > limit {
            return Err(Errno::EFBIG);
        }
        if bytes.len() == length {
            return Ok(bytes);
        }
    }
}

/// Writes all of `bytes` at `offset`.
///
/// # Errors
/// As `pwrite(2)`.
pub fn write_at(fd: BorrowedFd<'_>, mut bytes: &[u8], mut offset: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match pwrite(fd, bytes, i64::try_from(offset).map_err(|_| Errno::EFBIG)?) {
            Ok(0) => return Err(Errno::ENOSPC),
            Ok(n) => {
                bytes = bytes.get(n..).unwrap_or(&[]);
                offset = offset.saturating_add(n as u64);
            }
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Writes to a file of the kernel's (`/proc`, `/sys`, cgroups) in one call.
///
/// # Errors
/// As `open(2)`, `write(2)`.
pub fn poke(path: &Path, text: &str) -> Result<(), Errno> {
    let fd = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, Mode::empty())?;
    nix::unistd::write(fd.as_fd(), text.as_bytes()).map(drop)
}

/// A file without a name, for systems without memfds: in `$RUNG_RUNDIR`, `/run`, `/tmp` or `/dev/shm`.
///
/// # Errors
/// The last folder's, when it works in none.
pub fn unnamed() -> Result<OwnedFd, Errno> {
    let first = std::env::var_os("RUNG_RUNDIR").map(PathBuf::from);
    let mut last = Errno::ENOENT;
    for folder in first.into_iter().chain(["/run", "/tmp", "/dev/shm"].map(PathBuf::from)) {
        match unnamed_in(&folder) {
            Ok(file) => return Ok(file),
            Err(e) => last = e,
        }
    }
    Err(last)
}

fn unnamed_in(folder: &Path) -> Result<OwnedFd, Errno> {
    let (flags, mode) = (OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::S_IRUSR | Mode::S_IWUSR);
    open(folder, flags | OFlag::O_TMPFILE, mode).or_else(|_| {
        // A file system that doesn't know such files.
        let path = folder.join(format!(".rung-{}-{}", std::process::id(), super::wait::now_ms()));
        let file = open(&path, flags | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW, mode)?;
        nix::unistd::unlink(&path).map(|()| file)
    })
}

/// Puts a symlink at `link`, over whatever stood there, in one step.
///
/// # Errors
/// As `symlink(2)`, `rename(2)`.
pub fn replace_link(target: &Path, link: &Path) -> std::io::Result<()> {
    let mut name = link.file_name().unwrap_or_default().to_owned();
    name.push(format!(".rung-{}", std::process::id()));
    let temporary: PathBuf = link.with_file_name(name);
    let _ = std::fs::remove_file(&temporary);
    std::os::unix::fs::symlink(target, &temporary)?;
    std::fs::rename(&temporary, link).inspect_err(|_| drop(std::fs::remove_file(&temporary)))
}

/// Replaces a file's text in one step.
///
/// # Errors
/// As `write(2)`, `rename(2)`.
pub fn replace_text(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".rung-{}", std::process::id()));
    let temporary = path.with_file_name(name);
    std::fs::write(&temporary, text)?;
    std::fs::rename(&temporary, path).inspect_err(|_| drop(std::fs::remove_file(&temporary)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_bounded_and_never_block() {
        assert_eq!(read(Path::new("/dev/zero"), 10).expect_err("device"), Errno::EINVAL);
        assert_eq!(read(Path::new("/proc/self/maps"), 10).expect_err("long"), Errno::EFBIG);
        assert!(read(Path::new("/proc/self/stat"), 1 << 16).is_ok());
    }
}
