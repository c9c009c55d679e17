//! Swap.

use super::mount::unescape;
use nix::NixPath;
use nix::errno::Errno;
use std::path::{Path, PathBuf};

/// The swap areas in use.
pub fn in_use() -> Vec<PathBuf> {
    let table = std::fs::read("/proc/swaps").unwrap_or_default();
    let lines = table.split(|b| *b == b'\n').skip(1);
    lines.filter_map(|l| l.split(|b| b" \t".contains(b)).next()).filter(|p| !p.is_empty()).map(unescape).collect()
}

/// Takes a swap area out of use; lasts as long as reading back what is in it.
///
/// # Errors
/// As `swapoff(2)`.
pub fn off(path: &Path) -> Result<(), Errno> {
    // SAFETY: the path is a live, NUL-ended string.
    let done = path.with_nix_path(|path| unsafe { libc::swapoff(path.as_ptr()) })?;
    Errno::result(done).map(drop)
}
