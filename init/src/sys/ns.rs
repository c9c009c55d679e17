//! Namespaces, beyond what `nix` has: entering those of a process; a fork that is known to be sound; recursive read-only
//! mounts; capabilities and descriptors that don't go along.

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::unistd::{ForkResult, Pid};
use std::ffi::CString;
use std::fs::{self, File};
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

/// Sets close-on-exec on every descriptor from `first` on.
///
/// # Errors
/// As `close_range(2)`, or of `fcntl(2)` where that is missing.
pub fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    // SAFETY: takes no pointers; no descriptor is closed before the next execution.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if Errno::result(done).is_ok() {
        return Ok(());
    }
    let names = fs::read_dir("/proc/self/fd").map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO)))?;
    for fd in names.flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok()) {
        if u32::try_from(fd).is_ok_and(|fd| fd >= first) {
            // SAFETY: takes no pointers; a number that is no descriptor any more gives EBADF.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

/// What [`Spaces`] holds, in the order of entering: first the users, because being root in there is what the others need;
/// the mounts last, because `/proc` changes with them.
const SPACES: [(&str, CloneFlags); 7] = [
    ("user", CloneFlags::CLONE_NEWUSER),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("net", CloneFlags::CLONE_NEWNET),
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// The namespaces of a process that aren't the caller's.
#[derive(Debug)]
pub struct Spaces(Vec<(&'static str, CloneFlags, File)>);

impl Spaces {
    /// Those of this process. Where `/proc` shows no such kind, the kernel has none.
    ///
    /// # Errors
    /// As `open(2)`: `ESRCH`, `ENOENT` if the process is gone, `EACCES`.
    pub fn of(pid: i32) -> std::io::Result<Self> {
        let mut list = Vec::new();
        for (name, flag) in SPACES {
            let Ok(ours) = fs::read_link(format!("/proc/self/ns/{name}")) else { continue };
            let path = format!("/proc/{pid}/ns/{name}");
            if fs::read_link(&path)? != ours {
                list.push((name, flag, File::open(&path)?));
            }
        }
        Ok(Self(list))
    }

    /// Whether a user namespace is among them: after entering, the caller should become its root.
    pub fn has_users(&self) -> bool {
        self.0.iter().any(|(name, ..)| *name == "user")
    }

    /// Enters them all; only children are in the PID namespace.
    ///
    /// # Errors
    /// The kind that was refused, and as `setns(2)`.
    pub fn enter(&self) -> Result<(), (&'static str, Errno)> {
        self.0.iter().try_for_each(|(name, flag, file)| setns(file, *flag).map_err(|errno| (*name, errno)))
    }
}
