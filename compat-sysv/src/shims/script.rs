//! The scripts of `/etc/init.d`, run by whoever has no unit for them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where scripts lie: Debian's folder, Red Hat's.
const FOLDERS: [&str; 2] = ["/etc/init.d", "/etc/rc.d/init.d"];

/// The executable script of that name.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    find_in(None, name)
}

/// The same, in a root.
pub(super) fn find_in(root: Option<&Path>, name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return None;
    }
    let place = |folder: &str| root.map_or_else(|| folder.into(), |root| root.join(folder.trim_start_matches('/')));
    FOLDERS.into_iter().map(|folder| place(folder).join(name)).find(|path| executable(path))
}

/// Whether it is a file that may be run.
pub(super) fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The script with one verb, in `/`, with an environment that doesn't depend on who calls.
pub(super) fn clean(script: &Path, action: &str) -> Command {
    let mut command = Command::new(script);
    let keep = |name: &str| matches!(name, "LANG" | "LANGUAGE" | "PATH" | "TERM") || name.starts_with("LC_");
    command.arg(action).current_dir("/").env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(keep)));
    command
}

/// Whether an S link below `etc` has the script on in a level one boots into.
pub(super) fn is_on(etc: &Path, name: &str) -> bool {
    let starts = |file: &str| {
        let number = file.strip_prefix('S').and_then(|rest| rest.split_at_checked(2));
        number.is_some_and(|(digits, rest)| digits.bytes().all(|b| b.is_ascii_digit()) && rest == name)
    };
    let folders = ["2", "3", "4", "5", "S"].map(|level| etc.join(format!("rc{level}.d")));
    let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    entries.filter_map(|e| e.file_name().into_string().ok()).any(|file| starts(&file))
}
