//! `init.conf` as it lies in a root, and what specifiers stand for.

use super::Root;
use crate::sys::file;
use crate::unit::conf::{self, Conf};
use crate::unit::{Facts, Finding, Severity, SourceFile, envfile};
use nix::errno::Errno;
use nix::sys::utsname::{UtsName, uname};
use std::ffi::OsStr;
use std::path::Path;

/// Where it lies.
pub const PATH: &str = "/etc/rung/init.conf";

/// Longer than anybody's.
const MAX_FILE: usize = 1 << 20;

/// The settings, and what is to be said about the file. Without one, or where it can't be read, they are the defaults.
pub fn read(root: &Root) -> (Conf, Vec<Finding>) {
    read_file(root, Path::new(PATH))
}

/// The same of a file that lies elsewhere.
pub fn read_file(root: &Root, path: &Path) -> (Conf, Vec<Finding>) {
    let path = root.shown(path);
    match file::read_text(&root.place(&path), MAX_FILE) {
        Ok(text) => conf::parse(&[SourceFile { path, text }], &Facts::default()),
        Err(Errno::ENOENT) => (Conf::default(), Vec::new()),
        Err(e) => {
            let message = format!("cannot be read: {}; every setting has its default", e.desc());
            (Conf::default(), vec![Finding::whole(Severity::Error, &path, message)])
        }
    }
}

/// What specifiers stand for on this machine. `run_dir`: the manager's.
pub fn facts(run_dir: &Path, conf: &Conf) -> Facts {
    let text = |path: &str| file::read_text(Path::new(path), 4096).unwrap_or_default().trim().to_owned();
    let uname = uname().ok();
    let of =
        |f: fn(&UtsName) -> &OsStr| uname.as_ref().map(|u| f(u).to_string_lossy().into_owned()).unwrap_or_default();
    Facts {
        hostname: of(|u| u.nodename()),
        machine_id: text("/etc/machine-id"),
        boot_id: text("/proc/sys/kernel/random/boot_id").replace('-', ""),
        kernel: of(|u| u.release()),
        arch: of(|u| u.machine()),
        os_release: ["/etc/os-release", "/usr/lib/os-release"]
            .iter()
            .find_map(|path| file::read_text(Path::new(path), 1 << 16).ok())
            .map(|text| envfile::parse(&text).0)
            .unwrap_or_default(),
        run_dir: run_dir.parent().unwrap_or(Path::new("/run")).to_path_buf(),
        timeout_start: conf.timeout_start,
        timeout_stop: conf.timeout_stop,
        essential: conf.essential.clone(),
        prefer: conf.prefer,
    }
}
