//! PID namespaces.

use std::os::unix::ffi::OsStrExt;

/// Whether this process is in the initial PID namespace, whose inode number is part of the kernel's interface
/// (`PROC_PID_INIT_INO`); `None` where `/proc` can't say.
pub fn is_initial_pid() -> Option<bool> {
    let link = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.as_os_str().as_bytes() == b"pid:[4026531836]")
}
