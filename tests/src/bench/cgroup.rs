//! Cgroups of the bench's own, in a cgroup2 tree: they hold a world's processes, and count its CPU time. No controller is
//! needed, so a host whose controllers are those of v1 will do.

use super::{Doing, Result, now, pause};
use std::fs;
use std::path::{Path, PathBuf};

const PREFIX: &str = "rung-bench-";

/// The bench's own folder; everything below it goes with the value.
#[derive(Debug)]
pub struct Tree(PathBuf);

impl Tree {
    /// Makes it, below where the cgroup2 tree is mounted; removes those that killed benches left.
    ///
    /// # Errors
    /// There is no such tree, or it can't be written.
    pub fn new() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").doing("/proc/self/mounts")?;
        let top = mounts.lines().filter_map(|l| {
            let mut words = l.split(' ').skip(1);
            let (at, kind) = (words.next()?, words.next()?);
            (kind == "cgroup2").then(|| PathBuf::from(at))
        });
        let top = top
            .collect::<Vec<_>>()
            .pop()
            .ok_or("no cgroup2 tree is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")?;
        for entry in fs::read_dir(&top).doing(top.display())?.flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let stale = name.strip_prefix(PREFIX).is_some_and(|pid| !Path::new("/proc").join(pid).exists());
            if stale {
                remove(&entry.path());
            }
        }
        let own = top.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&own).doing(own.display())?;
        Ok(Self(own))
    }

    /// One for a world.
    ///
    /// # Errors
    /// As `mkdir(2)`.
    pub fn child(&self, name: &str) -> Result<Cgroup> {
        let path = self.0.join(name);
        fs::create_dir(&path).doing(path.display())?;
        Ok(Cgroup(path))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// One world's.
#[derive(Debug)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Pids of all processes in it and below.
    pub fn processes(&self) -> Vec<i32> {
        let mut found = Vec::new();
        walk(&self.0, &mut |folder| {
            let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            found.extend(text.lines().filter_map(|l| l.parse::<i32>().ok()));
        });
        found
    }

    /// CPU time of all that ever ran in it, in microseconds.
    pub fn cpu(&self) -> u64 {
        cpu(&self.0)
    }

    /// Kills what is left in it, and waits for the end of that.
    pub fn empty(&self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        let end = now() + 10_000_000_000;
        let populated = || fs::read_to_string(self.0.join("cgroup.events")).is_ok_and(|t| t.contains("populated 1"));
        while populated() && now() < end {
            pause(2);
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.empty();
        remove(&self.0);
    }
}

/// `usage_usec` of a cgroup.
pub fn cpu(folder: &Path) -> u64 {
    let text = fs::read_to_string(folder.join("cpu.stat")).unwrap_or_default();
    text.lines().find_map(|l| l.strip_prefix("usage_usec ")?.parse().ok()).unwrap_or(0)
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            walk(&entry.path(), visit);
        }
    }
    visit(folder);
}

fn remove(folder: &Path) {
    walk(folder, &mut |f| {
        let _ = fs::remove_dir(f);
    });
}
