//! A world's own processes, and how its units fare.

use super::{World, children, deadline};
use init::sys::pidfd;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Instant;

impl World {
    /// Its manager, by the pid it has here; `None` between two.
    pub fn manager(&self) -> Option<i32> {
        self.own("init-manager")
    }

    /// Its logger.
    pub fn logger(&self) -> Option<i32> {
        self.own("init-log")
    }

    fn own(&self, name: &str) -> Option<i32> {
        children(self.init()).into_iter().find(|pid| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split(|b| *b == 0).next() == Some(name.as_bytes())
        })
    }

    /// Ends the manager with a signal and waits for the next one.
    pub fn kill_manager(&self, signal: Signal) {
        let old = self.wait_for("a manager", deadline(20), World::manager);
        self.wait_for("the next manager", deadline(20), |w| {
            // Again and again: the handler of Rust's runtime lets the first SIGSEGV pass that isn't a fault of its own.
            let _ = (w.manager() == Some(old)).then(|| kill(Pid::from_raw(old), signal));
            w.manager().filter(|pid| *pid != old)
        });
    }

    /// What `initctl status --json` says about a unit.
    pub fn status(&self, unit: &str) -> Value {
        let out = self.run(["initctl", "status", "--json", unit]);
        let whole: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
        whole.get("units").and_then(|u| u.get(0)).cloned().unwrap_or_else(|| panic!("no unit: {whole}"))
    }

    /// The main process of a running unit, by the pid it has inside.
    pub fn main_pid(&self, unit: &str) -> i64 {
        let status = self.status(unit);
        status.get("main_pid").and_then(Value::as_i64).unwrap_or_else(|| panic!("{unit} doesn't run: {status}"))
    }

    /// The main processes of several.
    pub fn main_pids(&self, units: &[&str]) -> Vec<i64> {
        units.iter().map(|unit| self.main_pid(unit)).collect()
    }

    /// A file that PID 1 keeps in memory, to read or to spoil.
    pub fn kept_file(&self, name: &str) -> Option<PathBuf> {
        let folder = fs::read_dir(format!("/proc/{}/fd", self.init())).ok()?;
        let wanted = format!("/memfd:{name} (deleted)");
        folder.flatten().map(|e| e.path()).find(|p| fs::read_link(p).is_ok_and(|l| l.as_os_str() == wanted.as_str()))
    }

    /// The text of a file inside; empty where there is none.
    pub fn text(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_default()
    }

    /// Opens a FIFO inside once somebody reads it: lets go who waits there.
    pub fn open_gate(&self, inside: &str) {
        self.wait_for("somebody at the gate", deadline(20), |w| {
            use std::os::unix::fs::OpenOptionsExt;
            File::options().write(true).custom_flags(libc::O_NONBLOCK).open(w.path(inside)).ok()
        });
    }

    /// Lets time pass, which nothing else can show: for what must not happen in it.
    pub fn pass(&self, milliseconds: u16) {
        let end = pidfd::open(self.init()).expect("the world is there");
        let over = Instant::now() + std::time::Duration::from_millis(milliseconds.into());
        while let Some(left) = over.checked_duration_since(Instant::now()) {
            let mut fds = [PollFd::new(end.as_fd(), PollFlags::POLLIN)];
            let got = poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO));
            assert_ne!(got, Ok(1), "the world ended");
            if left.as_millis() == 0 {
                break;
            }
        }
    }
}
