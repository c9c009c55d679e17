//! The first things PID 1 does.

use super::Setup;

/// Finds out where we are. Never fails.
pub fn prepare(setup: &mut Setup) {
    setup.container = setup.subreaper || !in_initial_namespace();
}

/// The initial PID namespace has a fixed inode number.
fn in_initial_namespace() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/ns/pid").is_ok_and(|ns| ns.ino() == 0xEFFF_FFFC)
}
