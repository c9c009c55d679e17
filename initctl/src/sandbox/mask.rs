//! What of the root doesn't count in a sandbox: units, scripts and levels of the machine it was taken from.

use super::error::{Doing, Error};
use super::mounts::empty_folder;
use std::fs;
use std::path::Path;

/// Folders that start out empty and can be written, whether the root has them or not.
const ALWAYS: &[&str] = &["/etc/rung", "/usr/lib/rung", "/etc/init.d"];
/// The same, where the root has them.
const IF_THERE: &[&str] = &[
    "/etc/rc.d",
    "/etc/rcS.d",
    "/etc/rc0.d",
    "/etc/rc1.d",
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc4.d",
    "/etc/rc5.d",
    "/etc/rc6.d",
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Files that are gone.
const FILES: &[&str] = &["/etc/inittab", "/etc/rc.local"];

/// Empties them.
pub fn hide() -> Result<(), Error> {
    let mut done = Vec::new();
    for name in ALWAYS {
        fs::create_dir_all(name).doing(|| format!("make `{name}` in the sandbox"))?;
    }
    for name in ALWAYS.iter().chain(IF_THERE).filter(|n| Path::new(n).is_dir()) {
        // `/etc/init.d` may be a link to `/etc/rc.d/init.d`, `/lib` one to `/usr/lib`: once is enough.
        let real = fs::canonicalize(name).doing(|| format!("resolve `{name}`"))?;
        if done.contains(&real) {
            continue;
        }
        empty_folder(name, "mode=755")?;
        done.push(real);
    }
    for name in FILES {
        if Path::new(name).exists() {
            fs::remove_file(name).doing(|| format!("hide `{name}` in the sandbox"))?;
        }
    }
    Ok(())
}
