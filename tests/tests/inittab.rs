//! `/etc/inittab`, `/run/initctl` and PID 1's signals, as a machine of sysvinit's has them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use compat_sysv::fifo::{LEN, MAGIC, Request};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rung_tests::world::{Rootfs, World, deadline, exists};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

/// A root with this inittab, booted to level 3 (or another).
struct Machine {
    world: World,
    _root: Rootfs,
}

impl Machine {
    fn boot(inittab: &str) -> Self {
        Self::with(inittab, '3', |_| {})
    }

    fn with(inittab: &str, level: char, furnish: impl FnOnce(&Rootfs)) -> Self {
        let root = Rootfs::new();
        fs::write(root.path().join("etc/inittab"), inittab).unwrap();
        furnish(&root);
        let builder = World::new().level(level).arg("--root").arg(root.path()).arg("--all");
        Self { world: builder.boot(), _root: root }
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.world.path(path), text).unwrap();
    }

    /// The lines of a file that the units under test write to.
    fn lines(&self, path: &str) -> Vec<String> {
        self.world.text(path).lines().map(str::to_owned).collect()
    }

    fn wait_lines(&self, path: &str, wanted: &[&str]) {
        self.world
            .wait_for(&format!("{wanted:?} in {path}"), deadline(30), |_| (self.lines(path) == wanted).then_some(()));
    }

    fn ask(&self, request: &Request) {
        self.raw(&request.encode().unwrap());
    }

    fn raw(&self, bytes: &[u8]) {
        fs::OpenOptions::new().write(true).open(self.world.path("/run/initctl")).unwrap().write_all(bytes).unwrap();
    }

    fn level(&self, letter: char) {
        self.ask(&Request::RunLevel { level: u8::try_from(letter).unwrap(), sleep_time: 3 });
    }

    fn wait_level(&self, letter: char) {
        self.world.wait_for("the level", deadline(30), |w| {
            w.run(["initctl", "runlevel"]).stdout.trim().ends_with(letter).then_some(())
        });
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.world.init()), signal).unwrap();
    }

    fn pid(&self, path: &str) -> String {
        self.world.wait_for("a pid", deadline(30), |w| Some(w.text(path).trim().to_owned()).filter(|t| !t.is_empty()))
    }
}

/// A line that writes a word and stays.
fn stays(id: &str, levels: &str) -> String {
    format!("{id}:{levels}:respawn:/bin/sh -c 'echo $$ >/run/{id}.pid; echo {id} >>/run/{id}; exec sleep inf'\n")
}

fn says(id: &str, levels: &str, action: &str) -> String {
    format!("{id}:{levels}:{action}:/bin/sh -c 'echo {id} $RUNLEVEL $PREVLEVEL >>/run/said'\n")
}

#[test]
fn lines_run_in_their_order_and_levels() {
    let text = format!(
        "id:3:initdefault:\n{}w1:3:wait:/bin/sh -c 'sleep 1; echo w1 >>/run/said'\n{}{}{}bad line\n",
        "si::sysinit:/bin/sh -c 'echo si $RUNLEVEL $PREVLEVEL >>/run/said'\n",
        says("w2", "3", "wait"),
        says("o3", "34", "once"),
        says("o4", "4", "once"),
    );
    let machine = Machine::boot(&text);
    machine.wait_lines("/run/said", &["si S N", "w1", "w2 3 N", "o3 3 N"]);
    machine.level('4');
    machine.wait_level('4');
    // What was run in the level before isn't run again by staying on.
    machine.wait_lines("/run/said", &["si S N", "w1", "w2 3 N", "o3 3 N", "o4 4 3"]);
    machine.level('3');
    machine.wait_lines("/run/said", &["si S N", "w1", "w2 3 N", "o3 3 N", "o4 4 3", "w1", "w2 3 4"]);
    let findings = machine.world.text("/run/rung/generated/findings");
    assert!(findings.starts_with("error\t/etc/inittab\t7\tid field too long (max 4 characters)\t"), "{findings}");
}
