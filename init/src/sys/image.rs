//! The files that processes run from, and copies of them in memory.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::Mode;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use super::memfd;

/// The file that process `pid` runs from, whatever is at its path now: a descriptor for executing it, close-on-exec.
///
/// # Errors
/// `ENOENT`: no such process, or no `/proc`; `EACCES`: it isn't ours to look at.
pub fn of(pid: i32) -> Result<OwnedFd, Errno> {
    let mut path = [0u8; 32];
    let _ = write!(path.as_mut_slice(), "/proc/{pid}/exe");
    let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::EINVAL)?;
    nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

/// A sealed copy of the file this process runs from, close-on-exec, ready for [`execute`]: it holds no file system.
///
/// # Errors
/// The file can't be opened (no `/proc`), or no memfd can be made.
pub fn of_self() -> io::Result<OwnedFd> {
    let image = create(c"init")?;
    copy(Path::new("/proc/self/exe"), image.as_fd())?;
    memfd::seal(image.as_fd())?;
    Ok(image)
}

/// Copies the file at `path` behind what is in `image`. May block as long as the file system does.
///
/// # Errors
/// As `open(2)`, `read(2)` and `write(2)`.
pub fn copy(path: &Path, image: BorrowedFd<'_>) -> io::Result<()> {
    let mut to = File::from(image.try_clone_to_owned()?);
    io::copy(&mut File::open(path)?, &mut to).map(drop)
}

/// A memfd that can be executed also where `vm.memfd_noexec` asks to say so.
///
/// # Errors
/// As [`memfd::create`].
pub fn create(name: &CStr) -> Result<OwnedFd, Errno> {
    const MFD_EXEC: libc::c_uint = 0x10;
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | MFD_EXEC;
    // SAFETY: a NUL-ended string; the result is checked.
    let raw = unsafe { libc::memfd_create(name.as_ptr(), flags) };
    if raw < 0 {
        // A kernel before 6.3 doesn't know the flag.
        return memfd::create(name);
    }
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Executes the program behind a descriptor. `/proc` isn't needed. Returns only when it failed.
pub fn execute(image: BorrowedFd<'_>, args: &[impl AsRef<CStr>], env: &[impl AsRef<CStr>]) -> Errno {
    match nix::unistd::execveat(image, c"", args, env, AtFlags::AT_EMPTY_PATH) {
        Err(e) => e,
        Ok(never) => match never {},
    }
}
