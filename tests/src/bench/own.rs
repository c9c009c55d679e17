//! An init's own processes: all of its world that aren't services. Their CPU time, wake-ups and memory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// What they hold, in bytes, and how many they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Private dirty pages of PID 1.
    pub init: u64,
    /// Of all of them, and their memfds.
    pub all: u64,
    /// The part of it that only descriptors hold.
    pub memfds: u64,
    /// Their number.
    pub processes: usize,
}

/// The name that the kernel has for a process; none where it is gone.
pub fn comm(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|t| t.trim_end().to_owned())
}

/// CPU time in nanoseconds, of all threads.
pub fn cpu(pid: i32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of = |path: std::path::PathBuf| -> Option<u64> {
        fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    tasks.filter_map(|t| of(t.path())).sum()
}

/// How often it slept and was woken, of all threads.
pub fn wakeups(pid: i32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of = |path: std::path::PathBuf| -> Option<u64> {
        let text = fs::read_to_string(path.join("status")).ok()?;
        text.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
    };
    tasks.filter_map(|t| of(t.path())).sum()
}

/// Memory of these, the first of whom is PID 1.
pub fn memory(pids: &[i32]) -> Memory {
    let mut memory = Memory { processes: pids.len(), ..Memory::default() };
    let mut files = BTreeMap::new();
    let mut mapped = Vec::new();
    for (index, pid) in pids.iter().enumerate() {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let dirty =
            text.lines().find_map(|l| l.strip_prefix("Private_Dirty:")?.trim().strip_suffix(" kB")?.parse().ok());
        let dirty = dirty.unwrap_or(0u64) * 1024;
        memory.all += dirty;
        if index == 0 {
            memory.init = dirty;
        }
        // What is mapped is among the pages counted; what is only held by a descriptor isn't.
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        let inode = |l: &str| l.contains(" /memfd:").then(|| l.split_whitespace().nth(4)?.parse::<u64>().ok());
        mapped.extend(maps.lines().filter_map(inode).flatten());
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let memfd = fs::read_link(entry.path()).is_ok_and(|l| l.to_string_lossy().starts_with("/memfd:"));
            if let Some(meta) = memfd.then(|| fs::metadata(entry.path()).ok()).flatten() {
                files.insert(meta.ino(), meta.blocks() * 512);
            }
        }
    }
    memory.memfds = files.iter().filter(|(inode, _)| !mapped.contains(inode)).map(|(_, size)| size).sum();
    memory.all += memory.memfds;
    memory
}

/// How many descriptors it has open.
pub fn descriptors(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}
