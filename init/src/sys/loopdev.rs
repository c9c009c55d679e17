//! Loop devices.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

const LOOP_CLR_FD: libc::Ioctl = 0x4C01;

/// The loop devices in use, and their backing files as the kernel names them.
pub fn in_use() -> Vec<(PathBuf, PathBuf)> {
    let Ok(entries) = std::fs::read_dir("/sys/block") else { return Vec::new() };
    let names = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).filter(|n| n.starts_with("loop"));
    names
        .filter_map(|name| {
            let file = std::fs::read_to_string(format!("/sys/block/{name}/loop/backing_file")).ok()?;
            Some((Path::new("/dev").join(name), PathBuf::from(file.trim_end_matches('\n'))))
        })
        .collect()
}

/// Detaches a loop device from its file; one that is still mounted goes when it is unmounted.
///
/// # Errors
/// As `open(2)` and `ioctl(2)`.
pub fn detach(device: &Path) -> Result<(), Errno> {
    let fd = open(device, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?;
    // SAFETY: LOOP_CLR_FD takes no argument.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), LOOP_CLR_FD, 0) }).map(drop)
}
