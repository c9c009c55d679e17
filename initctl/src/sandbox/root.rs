//! The throw-away root: overlays over the given root, what is written goes to memory (or to the folder of `--keep`).
//!
//! An overlay shows one file system only, and a user namespace may not overlay a folder that has mounts below it. So a
//! folder with mounts below becomes a plain one whose entries are put together one by one; any other is one overlay.

use super::error::{Doing, Error};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

/// Folders that get something of their own and so aren't taken from the root.
const FRESH: &[&str] = &["proc", "sys", "dev", "run", "tmp"];
/// Folders of the system that must be writable although whoever owns them isn't known in a user namespace.
const WRITABLE: &[&str] = &[
    "usr",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib/systemd",
    "usr/local",
    "usr/local/bin",
    "usr/local/sbin",
    "usr/local/lib",
    "usr/local/lib/systemd",
    "lib",
    "lib/systemd",
    "var",
    "var/log",
    "var/lib",
    "var/cache",
    "var/spool",
    "opt",
    "srv",
    "home",
];
/// Largest file at a place that can't be overlaid that is copied instead.
const COPY_LIMIT: u64 = 1 << 20;

/// How a root is put together.
#[derive(Debug)]
pub struct Builder<'a> {
    root: &'a Path,
    named: &'a Path,
    stage: PathBuf,
    foreign: bool,
    mounts: Vec<PathBuf>,
    overlays: usize,
}

impl<'a> Builder<'a> {
    /// `root`: how the root can be reached now; `named`: its path in the table of mounts. `stage`: an empty folder for
    /// `upper`, `work` and the new root. `foreign`: in a user namespace, where files of users that it doesn't know
    /// can't be changed.
    pub fn new(root: &'a Path, named: &'a Path, stage: PathBuf, foreign: bool) -> Result<Self, Error> {
        let table = fs::read_to_string("/proc/self/mountinfo").doing(|| "read `/proc/self/mountinfo`".into())?;
        let points = table.lines().filter_map(mount_point);
        let below = points.filter_map(|p| p.strip_prefix(named).ok().map(|inner| root.join(inner)));
        let mounts = below.filter(|p| p != root).collect();
        Ok(Self { root, named, stage, foreign, mounts, overlays: 0 })
    }

    /// Builds it; gives the folder it is mounted on.
    pub fn build(mut self) -> Result<PathBuf, Error> {
        let new = self.stage.join("root");
        fs::create_dir(&new).doing(|| format!("make `{}`", new.display()))?;
        if self.has_mounts(self.root) {
            let none = None::<&str>;
            mount(Some("rung-sandbox"), &new, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
                .doing(|| "mount the sandbox's root folder".into())?;
            mount(none, &new, none, MsFlags::MS_PRIVATE, none).doing(|| "make the root private".into())?;
            let root = self.root.to_owned();
            self.entries(&root, &new)?;
        } else {
            self.overlay(self.root, &new, Path::new("")).doing(|| {
                format!("lay an overlay over `{}` (Linux 5.11 is needed where not root)", self.named.display())
            })?;
        }
        for name in FRESH {
            fs::create_dir_all(new.join(name)).doing(|| format!("make `/{name}` in the sandbox"))?;
        }
        Ok(new)
    }

    fn has_mounts(&self, folder: &Path) -> bool {
        self.mounts.iter().any(|m| m.starts_with(folder) && m != folder)
    }

    fn entries(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let inner = from.strip_prefix(self.root).unwrap_or(from);
        let list = fs::read_dir(from).doing(|| format!("read `{}`", self.named.join(inner).display()))?;
        for entry in list.flatten() {
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let top = from == self.root;
            if top && FRESH.iter().any(|f| entry.file_name() == OsStr::new(f)) {
                continue;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_symlink() {
                let _ = fs::read_link(&source).and_then(|to| symlink(to, &target));
            } else if kind.is_file() {
                let _ = copy_file(&source, &target);
            } else if kind.is_dir() {
                self.folder(&source, &target)?;
            }
        }
        Ok(())
    }

    fn folder(&mut self, source: &Path, target: &Path) -> Result<(), Error> {
        fs::create_dir(target).doing(|| format!("make `{}`", target.display()))?;
        let Ok(listed) = fs::read_dir(source) else { return Ok(()) };
        drop(listed);
        if let Ok(meta) = fs::metadata(source) {
            let _ = fs::set_permissions(target, meta.permissions());
        }
        if self.has_mounts(source) {
            return self.entries(source, target);
        }
        let inner = source.strip_prefix(self.root).unwrap_or(source).to_owned();
        if self.overlay(source, target, &inner).is_ok() {
            return Ok(());
        }
        // What no overlay takes is shown as it is, but can't be written; where not even that works the folder stays empty.
        let none = None::<&str>;
        if mount(Some(source), target, none, MsFlags::MS_BIND | MsFlags::MS_REC, none).is_ok()
            && init::sys::ns::read_only_tree(target).is_err()
        {
            nix::mount::umount2(target, nix::mount::MntFlags::MNT_DETACH)
                .doing(|| format!("hide `{}` again, which could not be made read-only", source.display()))?;
        }
        Ok(())
    }

    /// `inner` is the folder's place in the root.
    fn overlay(&mut self, source: &Path, target: &Path, inner: &Path) -> Result<(), Errno> {
        let io = |e: std::io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO));
        self.overlays += 1;
        let name = self.overlays.to_string();
        let mut upper = self.stage.join("upper");
        if !inner.as_os_str().is_empty() {
            upper.push(inner);
        }
        let work = self.stage.join("work").join(name);
        fs::create_dir_all(&upper).map_err(io)?;
        fs::create_dir_all(&work).map_err(io)?;
        if let Ok(meta) = fs::metadata(source) {
            let _ = fs::set_permissions(&upper, meta.permissions());
        }
        if self.foreign {
            own_folders(source, &upper, inner);
        }
        // Paths may hold commas and colons, which overlayfs would take for its own: name the folders by descriptor.
        let folders = [source, &upper, &work].map(|p| open_path(p).map_err(io));
        let [lower, above, scratch] = folders;
        let (lower, above, scratch) = (lower?, above?, scratch?);
        let fd = |f: &fs::File| format!("/proc/self/fd/{}", f.as_raw_fd());
        let options = format!("lowerdir={},upperdir={},workdir={}", fd(&lower), fd(&above), fd(&scratch));
        let options = if self.foreign { format!("{options},userxattr") } else { options };
        mount(Some("rung-sandbox"), target, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
    }
}

fn open_path(path: &Path) -> std::io::Result<fs::File> {
    fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC).open(path)
}

/// Makes the upper layer's own copy of the folders that must be writable, and of all of `/etc` that can be read.
fn own_folders(source: &Path, upper: &Path, inner: &Path) {
    for name in WRITABLE {
        let Ok(rest) = Path::new(name).strip_prefix(inner) else { continue };
        if fs::symlink_metadata(source.join(rest)).is_ok_and(|m| m.is_dir()) {
            let _ = fs::create_dir_all(upper.join(rest));
        }
    }
    if let Ok(rest) = Path::new("etc").strip_prefix(inner) {
        copy_tree(&source.join(rest), &upper.join(rest), 0);
    }
}

/// What can't be read is left out: the layer below still shows it.
fn copy_tree(from: &Path, to: &Path, depth: usize) {
    let Ok(list) = fs::read_dir(from) else { return };
    if depth > 32 || fs::create_dir_all(to).is_err() {
        return;
    }
    for entry in list.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            copy_tree(&source, &target, depth + 1);
        } else if kind.is_symlink() {
            let _ = fs::read_link(&source).and_then(|to| symlink(to, &target));
        } else if kind.is_file() {
            let _ = copy_file(&source, &target);
        }
    }
}

/// Copies a file of moderate size with its mode.
fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    let file = fs::File::open(from)?;
    let meta = file.metadata()?;
    if meta.len() > COPY_LIMIT {
        return Ok(());
    }
    let mut text = Vec::new();
    file.take(COPY_LIMIT).read_to_end(&mut text)?;
    fs::File::create(to)?.write_all(&text)?;
    fs::set_permissions(to, meta.permissions())
}

/// The fifth field of a line of mountinfo, its escapes undone.
fn mount_point(line: &str) -> Option<PathBuf> {
    let field = line.split(' ').nth(4)?.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(field.len()), 0);
    while let Some(byte) = field.get(at) {
        let digits = field.get(at + 1..at + 4).and_then(|d| std::str::from_utf8(d).ok());
        match digits.and_then(|d| u8::from_str_radix(d, 8).ok()) {
            Some(code) if *byte == b'\\' => {
                out.push(code);
                at += 4;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    Some(PathBuf::from(OsStr::from_bytes(&out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        let line = r"29 26 0:26 / /mnt/a\040b\134c rw,relatime - devpts devpts rw";
        assert_eq!(mount_point(line), Some(PathBuf::from(r"/mnt/a b\c")));
        assert_eq!(mount_point("29 26"), None);
    }
}
