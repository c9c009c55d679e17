//! The sandbox's control group: a child of our own where a cgroup2 tree can be written, else none.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A group that is removed by [`Group::remove`]; made before the first process of the sandbox.
#[derive(Debug, Clone)]
pub struct Group {
    path: PathBuf,
}

impl Group {
    /// Makes one below the caller's own group; `None` where the tree can't be written.
    pub fn create() -> Option<Self> {
        let own = own_group(&fs::read_to_string("/proc/self/cgroup").ok()?)?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let parent = place(&mounts, &own)?;
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let path = parent.join(format!("rung-sandbox-{}-{stamp:x}", std::process::id()));
        fs::create_dir(&path).ok()?;
        Some(Self { path })
    }

    /// Moves a process into it.
    pub fn add(&self, pid: i32) -> std::io::Result<()> {
        fs::OpenOptions::new().write(true).open(self.path.join("cgroup.procs"))?.write_all(pid.to_string().as_bytes())
    }

    /// Kills what is left in it and removes it with all groups below; nothing if it is gone already.
    pub fn remove(&self) {
        if !self.path.exists() {
            return;
        }
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
        remove_tree(&self.path, 0);
    }
}

/// Depth first. Groups nest no deeper than the kernel's `cgroup.max.depth`; a bound keeps the recursion honest.
fn remove_tree(path: &Path, depth: usize) {
    if depth > 64 {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            remove_tree(&entry.path(), depth + 1);
        }
    }
    if fs::remove_dir(path).is_err() {
        wait_until_empty(path);
        let _ = fs::remove_dir(path);
    }
}

/// The kernel says in `cgroup.events` when the last process has left; it may lag behind the reaping by a moment.
fn wait_until_empty(path: &Path) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::io::{Read, Seek};
    use std::os::fd::AsFd;
    let Ok(mut events) = fs::File::open(path.join("cgroup.events")) else { return };
    for _ in 0..20 {
        let mut text = String::new();
        if events.rewind().is_err() || events.read_to_string(&mut text).is_err() || text.contains("populated 0") {
            return;
        }
        let mut fds = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
        let _ = poll(&mut fds, PollTimeout::from(100_u8));
    }
}

/// The caller's group in the unified hierarchy.
fn own_group(text: &str) -> Option<PathBuf> {
    text.lines().find_map(|l| l.strip_prefix("0::")).map(PathBuf::from)
}

/// Where that group is seen in the file system.
fn place(mountinfo: &str, group: &Path) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        if back.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = front.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        Some(Path::new(point).join(group.strip_prefix(root).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str =
        "23 27 0:22 / /sys rw - sysfs sysfs rw\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 c rw\n";

    #[test]
    fn the_group_is_found_where_the_tree_is_mounted() {
        let own = own_group("9:name=systemd:/x\n0::/user.slice/a\n").expect("a group");
        assert_eq!(place(MOUNTS, &own), Some(PathBuf::from("/sys/fs/cgroup/unified/user.slice/a")));
        let part = MOUNTS.replace("0:38 / ", "0:38 /user.slice ");
        assert_eq!(place(&part, &own), Some(PathBuf::from("/sys/fs/cgroup/unified/a")));
        assert_eq!(place(&part, Path::new("/system.slice")), None, "not in the part that is mounted");
    }

    #[test]
    fn no_unified_tree_gives_none() {
        assert_eq!(own_group("9:pids:/\n"), None);
        assert_eq!(place("23 27 0:22 / /sys rw - sysfs sysfs rw\n", Path::new("/")), None);
    }
}
