//! The machine of a run.

use serde::Serialize;
use std::fs;
use std::process::Command;

/// What can be told of it.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// How many of them.
    pub processors: usize,
    /// Memory in GB.
    pub memory: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The distribution.
    pub system: String,
    /// The day.
    pub date: String,
    /// Rung's commit.
    pub commit: String,
    /// The load when the run began, of the last minute.
    pub load: String,
}

impl Machine {
    /// This one, now.
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, key: &str, sign: char| -> String {
            let line = text.lines().find_map(|l| l.strip_prefix(key)?.trim().strip_prefix(sign).map(str::to_owned));
            line.unwrap_or_default().trim().trim_matches('"').to_owned()
        };
        let out = |words: &[&str]| -> String {
            let run = Command::new(words[0]).args(&words[1..]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
            run.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
        };
        let memory = after(&read("/proc/meminfo"), "MemTotal", ':');
        let kb: u64 = memory.split(' ').next().and_then(|w| w.parse().ok()).unwrap_or(0);
        Self {
            processor: after(&read("/proc/cpuinfo"), "model name", ':'),
            processors: std::thread::available_parallelism().map_or(1, Into::into),
            memory: (kb + (1 << 19)) >> 20,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            system: after(&read("/etc/os-release"), "PRETTY_NAME", '='),
            date: out(&["date", "+%Y-%m-%d"]),
            commit: out(&["git", "describe", "--always", "--dirty"]),
            load: read("/proc/loadavg").split(' ').next().unwrap_or("").to_owned(),
        }
    }

    /// In one line.
    pub fn line(&self) -> String {
        format!(
            "{} × {}, {} GB, Linux {}, {}; {}, commit {}; load at the start {}",
            self.processors, self.processor, self.memory, self.kernel, self.system, self.date, self.commit, self.load
        )
    }
}
