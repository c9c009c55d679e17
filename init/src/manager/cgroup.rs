//! Finding and signalling all processes of a service by its cgroup, where a cgroup2 tree can be written.
//!
//! PID 1 and its helpers live in the leaf `rung`, services beside it, one folder each, named as the unit.

use super::procs;
use crate::sys::{file, pidfd};
use crate::unit::UnitName;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// The leaf of PID 1, manager and logger.
const OWN: &str = "rung";

/// The part of the cgroup2 tree that is ours.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    /// The same, as `/proc/PID/cgroup` has it.
    inner: PathBuf,
    /// The leaf [`OWN`], for processes to be born in.
    leaf: Option<Rc<OwnedFd>>,
}

/// Where a cgroup2 tree is mounted, by the text of `/proc/self/mountinfo`. Pure.
pub fn mount_point(mountinfo: &str) -> Option<(PathBuf, PathBuf)> {
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        (kind.split(' ').next()? == "cgroup2").then_some(())?;
        let mut fields = mount.split(' ').skip(3);
        Some((PathBuf::from(fields.next()?), PathBuf::from(fields.next()?)))
    })
}

/// Our own cgroup in the unified tree, by the text of `/proc/self/cgroup`. Pure.
pub fn own_path(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// A cgroup's path below that which is mounted. One that climbs out of what we see (`/..`) can't be ours to write. Pure.
fn below<'a>(own: &'a Path, mounted: &Path) -> Option<&'a Path> {
    let relative = own.strip_prefix(mounted).or_else(|_| own.strip_prefix("/")).ok()?;
    relative.components().all(|c| matches!(c, Component::Normal(_))).then_some(relative)
}

/// Whether nobody but PID 1 and its children is in a cgroup. Processes of outer PID namespaces show as 0.
fn is_exclusive(folder: &Path, pid1: i32) -> bool {
    let text = file::read_text(&folder.join("cgroup.procs"), 1 << 20).unwrap_or_default();
    let ours = |pid: i32| pid == pid1 || procs::stat(pid).is_some_and(|s| s.parent == pid1);
    text.lines().all(|line| line.parse().is_ok_and(ours))
}

/// The unit's folder in a process's cgroup path; `own` is that of the leaf [`OWN`] beside it. Pure.
fn unit_of(own: &str, path: &str) -> Option<String> {
    let root = Path::new(own).parent().filter(|_| own.ends_with(OWN))?;
    let unit = Path::new(path).strip_prefix(root).ok()?.iter().next()?.to_str()?;
    (unit != OWN).then(|| unit.to_owned())
}

impl Tree {
    /// Finds the tree and moves PID 1 and us into the leaf. `None` where there is none that can be written, or where a
    /// container shares its cgroup with others: folders there would meet those of the next such container.
    pub fn find(pid1: i32, container: bool) -> Option<Self> {
        let text = |path| file::read_text(Path::new(path), 1 << 20).ok();
        let (inside, mount) = mount_point(&text("/proc/self/mountinfo")?)?;
        let own = own_path(&text("/proc/self/cgroup")?)?.to_owned();
        let in_leaf = own.ends_with(OWN);
        let mut inner = PathBuf::from(own);
        if inner.file_name().is_some_and(|n| n == OWN) {
            inner.pop();
        }
        let root = mount.join(below(&inner, &inside)?);
        let leaf = root.join(OWN);
        if container && !in_leaf && !is_exclusive(&root, pid1) {
            return None;
        }
        match fs::create_dir(&leaf) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return None,
            _ => {}
        }
        let procs = leaf.join("cgroup.procs");
        file::poke(&procs, &std::process::id().to_string()).ok()?;
        let _ = file::poke(&procs, &pid1.to_string());
        let leaf = folder(&leaf);
        Some(Self { root, inner, leaf })
    }

    /// The leaf's path: where helpers are started.
    pub fn own(&self) -> PathBuf {
        self.root.join(OWN)
    }

    /// The same as a descriptor.
    pub fn own_folder(&self) -> Option<Rc<OwnedFd>> {
        self.leaf.clone()
    }

    /// The path of a unit's cgroup.
    pub fn path(&self, unit: &str) -> PathBuf {
        self.root.join(unit)
    }

    /// Makes the unit's cgroup.
    ///
    /// # Errors
    /// As `mkdir(2)`; one that exists is fine.
    pub fn create(&self, unit: &str) -> std::io::Result<PathBuf> {
        let path = self.path(unit);
        match fs::create_dir(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
            _ => Ok(path),
        }
    }

    /// The unit's cgroup, made where it isn't there yet, and as a descriptor. None where that can't be had: then a process
    /// moves there by its path. `missing`: it isn't there, most likely.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn prepare(&self, unit: &str, missing: bool) -> std::io::Result<(PathBuf, Option<Rc<OwnedFd>>)> {
        let path = self.path(unit);
        match if missing { None } else { folder(&path) } {
            None => self.create(unit).map(|path| (path.clone(), folder(&path))),
            there => Ok((path, there)),
        }
    }

    /// Units that have a cgroup.
    pub fn units(&self) -> impl Iterator<Item = UnitName> {
        let name = |folder: PathBuf| UnitName::new(folder.file_name()?.to_str()?).ok();
        subfolders(&self.root).into_iter().filter_map(name)
    }

    /// Moves a process into the unit's cgroup. `false`: it is gone, or the kernel refuses.
    pub fn add(&self, unit: &str, pid: i32) -> bool {
        let folder = self.create(unit).ok();
        folder.is_some_and(|folder| file::poke(&folder.join("cgroup.procs"), &pid.to_string()).is_ok())
    }

    /// Whether a process is one of PID 1's helpers.
    pub fn is_own(&self, pid: i32) -> bool {
        self.contains(OWN, pid)
    }

    /// Removes it if it is empty (folders below it too); whether it is gone.
    pub fn remove(&self, unit: &str) -> bool {
        remove_tree(&self.path(unit))
    }

    /// A new run begins in it, as [`Self::prepare`] has given it: removes what the last one has left below it.
    pub fn renew(&self, (path, folder): &(PathBuf, Option<Rc<OwnedFd>>)) {
        let links = folder.as_ref().map(|folder| nix::sys::stat::fstat(folder).map(|about| about.st_nlink));
        // Two are its own.
        if !matches!(links, Some(Ok(..=2))) {
            for folder in subfolders(path) {
                remove_tree(&folder);
            }
        }
    }

    /// The processes in it, also in cgroups below it.
    pub fn pids(&self, unit: &str) -> Vec<i32> {
        let mut found = Vec::new();
        let mut folders = vec![self.path(unit)];
        while let Some(folder) = folders.pop() {
            let text = file::read_text(&folder.join("cgroup.procs"), 4 << 20).unwrap_or_default();
            found.extend(text.lines().filter_map(|l| l.parse::<i32>().ok()).filter(|pid| *pid > 0));
            folders.extend(subfolders(&folder));
        }
        found
    }

    /// The unit whose cgroup a process is in, by the text of its `/proc/PID/cgroup`.
    pub fn unit_of(&self, text: &str) -> Option<String> {
        let own = file::read_text(Path::new("/proc/self/cgroup"), 1 << 20).ok()?;
        unit_of(own_path(&own)?, own_path(text)?)
    }

    /// Whether a process is in it.
    pub fn contains(&self, unit: &str, pid: i32) -> bool {
        match file::read_text(Path::new(&format!("/proc/{pid}/cgroup")), 64 << 10) {
            Ok(text) => own_path(&text).is_some_and(|path| Path::new(path).starts_with(self.inner.join(unit))),
            Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ESRCH) => false,
            Err(_) => self.pids(unit).contains(&pid),
        }
    }

    /// The file whose change tells that it has become empty.
    pub fn events(&self, unit: &str) -> PathBuf {
        self.path(unit).join("cgroup.events")
    }

    /// Whether no process is in it.
    pub fn is_empty(&self, unit: &str) -> bool {
        match file::glance(&self.events(unit)) {
            Ok(text) => text.lines().any(|l| l == "populated 0"),
            Err(_) => self.pids(unit).is_empty(),
        }
    }

    /// Sends signals to every process in it. SIGKILL goes by `cgroup.kill`, which no fork outruns, where the kernel
    /// has it; others process by process, each checked to be still there behind its pidfd, but not to those of `except`.
    pub fn signal(&self, unit: &str, signals: &[i32], except: &[Option<i32>]) {
        if signals.contains(&libc::SIGKILL) && file::poke(&self.path(unit).join("cgroup.kill"), "1").is_ok() {
            return;
        }
        let mut done: Vec<i32> = except.iter().flatten().copied().collect();
        // A process may fork while we go through them: again until there is nobody new, with a bound.
        for _ in 0..16 {
            let new: Vec<i32> = self.pids(unit).into_iter().filter(|p| !done.contains(p)).collect();
            if new.is_empty() {
                return;
            }
            for pid in new {
                done.push(pid);
                for signal in signals {
                    signal_checked(pid, *signal, || self.contains(unit, pid));
                }
            }
        }
    }

    /// Removes what is empty and belongs to no unit of `keep`.
    pub fn sweep(&self, keep: impl Fn(&str) -> bool) {
        for folder in subfolders(&self.root) {
            let name = folder.file_name().and_then(|n| n.to_str()).unwrap_or(OWN).to_owned();
            if name != OWN && (name.ends_with(".service")) && !keep(&name) {
                remove_tree(&folder);
            }
        }
    }
}

/// Sends a signal to a process after `check` has said, with its pidfd open, that it is still the one that is meant.
pub fn signal_checked(pid: i32, signal: i32, check: impl Fn() -> bool) {
    match pidfd::open(pid) {
        Ok(fd) => {
            if check() {
                let _ = pidfd::signal(fd.as_fd(), signal);
            }
        }
        Err(nix::errno::Errno::ESRCH) => {}
        // No pidfds here (old kernel, filter): the start time is the next best proof.
        Err(_) => {
            let before = procs::start_time(pid);
            if before.is_some() && check() && procs::start_time(pid) == before {
                let number = nix::sys::signal::Signal::try_from(signal).ok();
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), number);
            }
        }
    }
}

fn folder(path: &Path) -> Option<Rc<OwnedFd>> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).ok().map(Rc::new)
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()).collect()
}

fn remove_tree(folder: &Path) -> bool {
    if fs::remove_dir(folder).is_ok() {
        return true;
    }
    // Deepest first; `rmdir` refuses what isn't empty of processes.
    let (mut order, mut next) = (vec![folder.to_path_buf()], 0);
    while let Some(folder) = order.get(next) {
        let below = subfolders(folder);
        order.extend(below);
        next += 1;
    }
    for folder in order.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
    !folder.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_unit() {
        let cases = [
            ("/rung", "/a.service", Some("a.service")),
            ("/x/rung", "/x/a@b.service/sub/sub", Some("a@b.service")),
            ("/x/rung", "/x/rung", None),
            ("/x/rung", "/y/a.service", None),
            ("/x", "/x/a.service", None),
        ];
        for (own, path, unit) in cases {
            assert_eq!(unit_of(own, path).as_deref(), unit, "{path}");
        }
    }

    #[test]
    fn the_unified_tree_is_found() {
        let info = "30 20 0:25 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n\
                    31 30 0:26 /box /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw\n";
        let found = mount_point(info).expect("mount");
        assert_eq!(found, (PathBuf::from("/box"), PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(mount_point("30 20 0:25 / / rw - ext4 /dev/x rw"), None);
        let at = |own: &'static str, mounted: &str| below(Path::new(own), Path::new(mounted)).and_then(Path::to_str);
        assert_eq!(at("/box/a", "/box"), Some("a"));
        assert_eq!(at("/", "/"), Some(""));
        assert_eq!(at("/../a", "/"), None, "outside of what is mounted");
        assert_eq!(own_path("2:cpu:/a\n0::/b/c\n"), Some("/b/c"));
    }
}
