//! What building a namespace needs beyond `nix`: a fork that is known to be sound, recursive read-only mounts,
//! capabilities that are gone for good.

use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Forks. `Some(child)` in the parent, `None` in the child.
///
/// # Errors
/// As `fork(2)`; `EDEADLK` where this process has more than one thread: the child could find a lock held for ever.
pub fn fork_alone() -> Result<Option<Pid>, Errno> {
    if !single_threaded() {
        return Err(Errno::EDEADLK);
    }
    // SAFETY: no other thread exists, so the child's memory is consistent and no lock is held by anybody else.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Whether this process is its only thread. By `/proc`; where there is none, it is taken to be so: ours start no threads.
fn single_threaded() -> bool {
    std::fs::read_dir("/proc/self/task").map_or(true, |tasks| tasks.take(2).count() < 2)
}

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

/// Makes a mount and all mounts below it read-only.
///
/// # Errors
/// As `mount_setattr(2)`: `ENOSYS` before Linux 5.12.
pub fn read_only_tree(path: &Path) -> Result<(), Errno> {
    const RDONLY: u64 = 1;
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let attr = MountAttr { set: RDONLY, clear: 0, propagation: 0, userns: 0 };
    // SAFETY: path and attribute block outlive the call and the size given is the block's.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    Errno::result(done).map(drop)
}

/// Takes a capability (its number) out of the bounding set: what is executed from here on can't have it.
///
/// # Errors
/// As `prctl(2)`: `EPERM` without `CAP_SETPCAP`, `EINVAL` if the kernel doesn't know it.
pub fn drop_capability(number: u32) -> Result<(), Errno> {
    let number = libc::c_ulong::from(number);
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) }).map(drop)
}
