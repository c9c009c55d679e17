//! Looking into a world: what `initctl` and `/proc` say there, and files written and read.

use super::{Output, World, deadline};
use std::fs;
use std::time::Instant;

/// A unit that is off in every level: it runs when asked for.
pub fn off(text: &str) -> String {
    format!("{text}\n[Install]\nRunlevels=\n")
}

impl World {
    /// A property of a unit, as `initctl show` has it.
    pub fn show(&self, unit: &str, key: &str) -> String {
        self.ok(["initctl", "show", unit, "-p", key, "--value"]).trim_end().to_owned()
    }

    /// A unit's state and main process (0: none), as one moment has them.
    pub fn state(&self, unit: &str) -> (String, i32) {
        let text = self.ok(["initctl", "show", unit, "-p", "ActiveState,MainPID", "--value"]);
        let (state, pid) = text.trim_end().split_once('\n').expect("two lines");
        (state.to_owned(), pid.parse().expect("a pid"))
    }

    /// The main process of a unit that must be active.
    pub fn main_of(&self, unit: &str) -> i32 {
        let (state, pid) = self.state(unit);
        assert!(state == "active" && pid > 1, "{unit} is {state}, main process {pid}");
        pid
    }

    /// Whether a process of the world, by its pid there, lives and is no zombie.
    pub fn lives(&self, pid: i32) -> bool {
        let status = fs::read_to_string(self.path(&format!("/proc/{pid}/status"))).unwrap_or_default();
        status.lines().any(|l| l.starts_with("State:") && !l.contains('Z'))
    }

    /// A line of `/proc/PID/status` or `/proc/PID/limits`, its words after the key.
    pub fn proc_line(&self, pid: i32, file: &str, key: &str) -> Vec<String> {
        let text = self.read(&format!("/proc/{pid}/{file}"));
        let line = text.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_else(|| panic!("no {key} in {text}"));
        line.trim_start_matches(':').split_whitespace().map(str::to_owned).collect()
    }

    /// The text of a file that must be there.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|e| panic!("{path}: {e}\nconsole:\n{}", self.console()))
    }

    /// Waits until a file holds a whole line that begins so; gives the file's text.
    pub fn line(&self, path: &str, begin: &str) -> String {
        self.wait_for(&format!("`{begin}` in {path}"), deadline(10), |w| {
            let text = fs::read_to_string(w.path(path)).ok()?;
            text.split_inclusive('\n').any(|l| l.ends_with('\n') && l.starts_with(begin)).then_some(text)
        })
    }

    /// Writes a file, in folders that need not be there.
    pub fn write(&self, path: &str, text: &str) {
        let place = self.path(path);
        fs::create_dir_all(place.parent().expect("a folder")).expect("folders are made");
        fs::write(place, text).expect("a file is written");
    }

    /// Writes an administrator's unit file.
    pub fn write_unit(&self, name: &str, text: &str) {
        self.write(&format!("/etc/rung/units/{name}"), text);
    }

    /// Runs a command that must fail with this status.
    pub fn fails<S: AsRef<std::ffi::OsStr>>(&self, status: i32, words: impl IntoIterator<Item = S>) -> Output {
        let out = self.run(words);
        assert_eq!(out.code, status, "{out:#?}\nconsole:\n{}", self.console());
        out
    }

    /// Waits until a unit is in this state.
    pub fn until(&self, unit: &str, state: &str) {
        let until = deadline(10);
        self.wait_for(&format!("{unit} {state}"), until, |w| {
            let now = w.state(unit);
            assert!(now.0 == state || Instant::now() < until, "{unit} is {now:?}, not {state}\n{}", w.console());
            (now.0 == state).then_some(())
        });
    }
}
