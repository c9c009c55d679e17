//! What the machine shows of itself: the probe behind `Condition…=`.

use crate::sys::{cpuid, file};
use crate::unit::Facts;
use crate::unit::condition::Probe;
use std::path::{Path, PathBuf};

/// Longest of the kernel's files that is looked at.
const MAX_FILE: usize = 1 << 20;
/// There since the boot where it was the machine's first, in the run directory.
const FIRST_BOOT: &str = "first-boot";

/// The machine, now.
#[derive(Debug)]
pub struct Shown {
    /// Names and numbers.
    pub facts: Facts,
    /// The kernel's words, or PID 1's.
    pub command_line: String,
    /// In a PID namespace of its own.
    pub container: bool,
    /// Our cgroup, where there is one.
    pub cgroup: Option<PathBuf>,
    /// Where the manager keeps what outlives it.
    pub run_dir: PathBuf,
}

impl Probe for Shown {
    fn read(&self, path: &str) -> Option<String> {
        file::read_text(Path::new(path), MAX_FILE).ok()
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|e| e.file_name().into_string().ok()).collect()
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn command_line(&self) -> String {
        self.command_line.clone()
    }

    fn in_container(&self) -> bool {
        self.container
    }

    fn hypervisor(&self) -> String {
        cpuid::hypervisor()
    }

    fn controllers(&self) -> Option<Vec<String>> {
        let text = file::read_text(&self.cgroup.as_ref()?.join("cgroup.controllers"), MAX_FILE).ok()?;
        Some(text.split_whitespace().map(str::to_owned).collect())
    }

    fn first_boot(&self) -> bool {
        self.run_dir.join(FIRST_BOOT).exists()
    }
}

/// At the boot: remembers whether the machine has a machine id. Who sets the machine up gives it one, and from the next
/// boot on it isn't the first.
pub fn note_first_boot(run_dir: &Path) {
    let id = file::read_text(Path::new("/etc/machine-id"), 4096).unwrap_or_default();
    if ["", "uninitialized"].contains(&id.trim()) {
        let _ = file::replace_text(&run_dir.join(FIRST_BOOT), "");
    }
}
