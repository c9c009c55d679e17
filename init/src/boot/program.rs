//! Other programs, found and run.

use nix::errno::Errno;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/// Where the program is, if it is installed. `PATH` isn't asked: level S runs what the system has.
pub fn find(name: &str) -> Option<PathBuf> {
    let runs = |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| runs(path))
}

/// Runs it to its end: its exit status, 128 and the signal's number for a signal.
pub fn run(program: &Path, arguments: &[&str]) -> Result<i32, Errno> {
    let status = Command::new(program).args(arguments).status();
    let status = status.map_err(|e| e.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    Ok(status.code().unwrap_or_else(|| status.signal().unwrap_or(0).saturating_add(128)))
}

/// Becomes it. Returns only when that didn't work.
pub fn become_it(program: &Path, arguments: &[&str]) -> std::io::Error {
    use std::os::unix::process::CommandExt;
    Command::new(program).args(arguments).exec()
}
