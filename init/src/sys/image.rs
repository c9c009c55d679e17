//! This program's own file as an anonymous one in memory: executed from there, it holds no file system.

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use super::memfd;

/// A sealed copy of the file this process runs from, close-on-exec, ready for [`execute`].
///
/// # Errors
/// The file can't be opened (no `/proc`), or no memfd can be made.
pub fn of_self() -> io::Result<OwnedFd> {
    let mut own = File::open("/proc/self/exe")?;
    let copy = create()?;
    let mut writer = File::from(copy.try_clone()?);
    io::copy(&mut own, &mut writer)?;
    drop(writer);
    memfd::seal(copy.as_fd())?;
    Ok(copy)
}

/// A memfd that can be executed also where `vm.memfd_noexec` asks to say so.
fn create() -> Result<OwnedFd, Errno> {
    const MFD_EXEC: libc::c_uint = 0x10;
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | MFD_EXEC;
    // SAFETY: a NUL-ended constant; the result is checked.
    let raw = unsafe { libc::memfd_create(c"init".as_ptr(), flags) };
    if raw < 0 {
        // A kernel before 6.3 doesn't know the flag.
        return memfd::create(c"init");
    }
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Executes the program behind a descriptor. `/proc` isn't needed. Returns only when it failed.
pub fn execute(image: BorrowedFd<'_>, args: &[&CStr], env: &[&CStr]) -> Errno {
    match nix::unistd::execveat(image, c"", args, env, AtFlags::AT_EMPTY_PATH) {
        Err(e) => e,
        Ok(never) => match never {},
    }
}
