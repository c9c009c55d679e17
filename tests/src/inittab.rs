//! A world with an inittab: what the tests of sysvinit's ways have in common.

use crate::world::{Rootfs, World, deadline};
use compat_sysv::fifo::Request;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::Write;

/// A root with this inittab, booted to level 3 (or another).
pub struct Machine {
    /// The world it is in.
    pub world: World,
    _root: Rootfs,
}

impl Machine {
    /// Boots it to level 3.
    pub fn boot(inittab: &str) -> Self {
        Self::with(inittab, '3', |_| {})
    }

    /// Boots it to this level, with a root that is furnished before.
    pub fn with(inittab: &str, level: char, furnish: impl FnOnce(&Rootfs)) -> Self {
        let root = Rootfs::new();
        fs::write(root.path().join("etc/inittab"), inittab).expect("works");
        furnish(&root);
        let builder = World::new().level(level).arg("--root").arg(root.path()).arg("--all");
        Self { world: builder.boot(), _root: root }
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.world.path(path), text).expect("works");
    }

    /// The lines of a file that the units under test write to.
    pub fn lines(&self, path: &str) -> Vec<String> {
        self.world.text(path).lines().map(str::to_owned).collect()
    }

    /// Waits until a file holds exactly these lines.
    pub fn wait_lines(&self, path: &str, wanted: &[&str]) {
        self.world
            .wait_for(&format!("{wanted:?} in {path}"), deadline(90), |_| (self.lines(path) == wanted).then_some(()));
    }

    /// Writes a request into `/run/initctl`.
    pub fn ask(&self, request: &Request) {
        self.raw(&request.encode().expect("works"));
    }

    /// Writes into `/run/initctl`.
    pub fn raw(&self, bytes: &[u8]) {
        fs::OpenOptions::new()
            .write(true)
            .open(self.world.path("/run/initctl"))
            .expect("works")
            .write_all(bytes)
            .expect("works");
    }

    /// Asks for a level by `/run/initctl`, as `telinit` does.
    pub fn level(&self, letter: char) {
        self.ask(&Request::RunLevel { level: u8::try_from(letter).expect("works"), sleep_time: 3 });
    }

    /// Waits until a level is reached.
    pub fn wait_level(&self, letter: char) {
        // Neither `runlevel` nor `initctl runlevel`, which tell a level that is about to be entered, too.
        self.world.wait_for("the level", deadline(90), |w| {
            w.text("/run/rung/runlevel").trim().ends_with(letter).then_some(())
        });
    }

    /// A signal for PID 1.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.world.init()), signal).expect("works");
    }

    /// Waits until the machine has ended; gives what [`World::wait`] does.
    pub fn end(self) -> (i32, String) {
        self.world.wait()
    }

    /// The pid in a file, once it is there.
    pub fn pid(&self, path: &str) -> String {
        self.world.wait_for("a pid", deadline(90), |w| Some(w.text(path).trim().to_owned()).filter(|t| !t.is_empty()))
    }
}

/// A line that writes a word and stays.
pub fn stays(id: &str, levels: &str) -> String {
    format!("{id}:{levels}:respawn:/bin/sh -c 'echo $$ >/run/{id}.pid; echo {id} >>/run/{id}; exec sleep inf'\n")
}

/// A line that writes its id and the levels into `/run/said`.
pub fn says(id: &str, levels: &str, action: &str) -> String {
    format!("{id}:{levels}:{action}:/bin/sh -c 'echo {id} $RUNLEVEL $PREVLEVEL >>/run/said'\n")
}
