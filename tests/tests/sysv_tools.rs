//! What people and scripts see of `shutdown`, `halt` and `wall` under Rung (section 6 of the reference), beside what
//! `shutdown_command.rs` shows and, where another init is PID 1, `shutdown_oracle.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use compat_sysv::utmp::{Kind, LEN, Record};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use rung_tests::inittab::Machine;
use rung_tests::world::{World, deadline};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

/// Somebody at each of these terminals.
fn with_logins(world: &World, lines: &[&str]) {
    let login = |line: &&str| Record {
        kind: Kind::UserProcess,
        user: "anna".into(),
        line: (*line).into(),
        ..Record::boot((7, 0))
    };
    fs::write(world.path("/run/utmp"), lines.iter().map(|line| login(line).encode()).collect::<Vec<_>>().concat())
        .unwrap();
}

/// A terminal that keeps what it is told; each time from its beginning.
fn terminal(world: &World, line: &str) {
    fs::write(world.path(&format!("/dev/{line}")), "").unwrap();
}

fn heard(world: &World, line: &str) -> String {
    world.text(&format!("/dev/{line}")).replace('\r', "")
}

/// What the system log is told.
struct Syslog(UnixDatagram);

impl Syslog {
    fn of(world: &World) -> Self {
        let socket = UnixDatagram::bind(world.path("/dev/log")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self(socket)
    }

    /// Waits for a line of this priority that ends so.
    fn wait(&self, world: &World, priority: &str, end: &str) {
        world.wait_for(end, deadline(100), |_| {
            let mut bytes = [0; 1024];
            let length = self.0.recv(&mut bytes).ok()?;
            let line = String::from_utf8_lossy(&bytes[..length]).into_owned();
            (line.starts_with(priority) && line.ends_with(end)).then_some(())
        });
    }
}

fn in_level(world: &World, level: char) {
    world.wait_for("the level", deadline(60), |w| w.text("/run/rung/runlevel").starts_with(level).then_some(()));
}

/// The minute before: nobody logs in, everybody is told, and when the level is entered nothing of it is left.
#[test]
fn a_shutdown_that_comes_leaves_nothing_behind() {
    let world = World::new().boot();
    let syslog = Syslog::of(&world);
    with_logins(&world, &["tty9"]);
    terminal(&world, "tty9");
    let mut command = world.command(["shutdown", "+1"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    world.wait_for("nologin", deadline(20), |w| w.path("/run/nologin").exists().then_some(()));
    let warning = "The system is going DOWN to maintenance mode in 1 minute!\n";
    world.wait_for("the warning", deadline(20), |w| heard(w, "tty9").contains(warning).then_some(()));
    terminal(&world, "tty9");
    syslog.wait(&world, "<13>shutdown[", "]: shutting down to maintenance mode");
    in_level(&world, '1');
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    assert!(heard(&world, "tty9").ends_with("):\n\nThe system is going down to maintenance mode NOW!\n\n"));
    assert!(!world.path("/run/nologin").exists() && !world.path("/run/shutdown.pid").exists());
}

/// Where `/var/run` is a folder of its own login programs look in `/etc`. Everybody may read what is written there.
#[test]
fn nologin_of_older_trees_is_in_etc() {
    let world = World::new().boot();
    world.ok(["sh", "-c", "rm -f /var/run; mkdir /var/run"]);
    let mut command = world.command(["sh", "-c", "umask 077; exec shutdown +3"]);
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    world.wait_for("nologin", deadline(20), |w| w.path("/etc/nologin").exists().then_some(()));
    assert_eq!(world.ok(["stat", "-c", "%a", "/etc/nologin"]), "644\n");
    assert!(!world.path("/run/nologin").exists());
    world.ok(["shutdown", "-c"]);
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(!world.path("/etc/nologin").exists());
}

/// `-t` is for the lines of inittab, as with telinit; what is killed is told.
#[test]
fn shutdown_passes_its_seconds_on() {
    let stubborn = "k:3:respawn:trap '' TERM; echo $$ >/run/k.pid; while :; do sleep 1; done\n";
    let machine = Machine::boot(&format!("id:3:initdefault:\n{stubborn}"));
    machine.pid("/run/k.pid");
    machine.world.ok(["shutdown", "-t", "1", "now"]);
    machine.wait_level('1');
    let unit = machine.world.text("/run/rung/generated/inittab/inittab-k.service");
    assert!(unit.contains("TimeoutStopSec=1s"), "{unit}");
    let words = |signal: &str| format!("INIT: Sending processes configured via /etc/inittab the {signal} signal");
    machine.world.wait_for("what was told", deadline(30), |w| {
        let console = w.console();
        let told = console.lines().map(|line| line.trim_matches('\r')).filter(|line| line.contains("configured via"));
        (told.collect::<Vec<_>>() == [words("TERM"), words("KILL")]).then_some(())
    });
}

/// Boots a machine whose levels 0 and 6 note what they see; runs this in level 3; gives what was noted, and wtmp.
fn ends(command: &str, default: &str) -> (String, Vec<Record>) {
    let inittab = "id:3:initdefault:\nsi::sysinit:+/bin/sh -c ': >/run/utmp; : >/var/log/wtmp'\n\
                   dn:06:wait:/bin/sh -c 'echo \"$INIT_HALT $RUNLEVEL $PREVLEVEL $(/sbin/runlevel)\" >>/var/down'\n";
    let machine = Machine::with(inittab, '3', |root| {
        fs::create_dir_all(root.path().join("var/log")).unwrap();
        fs::create_dir_all(root.path().join("etc/default")).unwrap();
        fs::write(root.path().join("etc/default/halt"), default).unwrap();
        fs::write(root.path().join("var/down"), "").unwrap();
    });
    let open = |path: &str| File::open(machine.world.path(path)).unwrap();
    let (down, wtmp) = (open("/var/down"), open("/var/log/wtmp"));
    machine.world.run(command.split(' '));
    machine.end();
    // Whatever has become of their paths.
    let whole = |file: &File| {
        let mut bytes = Vec::new();
        File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let records = whole(&wtmp).chunks_exact(LEN).filter_map(Record::decode).collect();
    (String::from_utf8(whole(&down)).unwrap(), records)
}

/// Lines and scripts of level 0 are told how the machine ends; where nobody says, by what Debian's halt script reads.
#[test]
fn level_0_is_told_how_the_machine_ends() {
    for (command, default, told) in [
        ("shutdown -h -H now", "HALT=poweroff\n", "HALT 0 3 3 0\n"),
        ("poweroff", "HALT=halt\n", "POWEROFF 0 3 3 0\n"),
        ("shutdown -h now", "# comment\nHALT=halt\n", "HALT 0 3 3 0\n"),
        ("telinit 0", "NETDOWN=yes\n", "POWEROFF 0 3 3 0\n"),
        ("shutdown -r now", "HALT=halt\n", " 6 3 3 6\n"),
    ] {
        let (down, records) = ends(command, default);
        assert_eq!(down, told, "{command}");
        let levels = records.iter().rev().filter(|r| r.kind == Kind::RunLevel).map(|r| r.user.as_str());
        assert_eq!(levels.take(2).collect::<Vec<_>>(), ["shutdown", "runlevel"], "{command}: {records:?}");
    }
}

/// At once, and written down all the same, unless that isn't wanted.
#[test]
fn a_forced_end_is_written_down() {
    for (command, count) in [("halt -f", 1), ("reboot -f -d", 0), ("poweroff -f -n", 0), ("shutdown -n -h now", 1)] {
        let (down, records) = ends(command, "");
        assert_eq!(down, "", "{command}: no level is entered");
        assert_eq!(records.iter().filter(|r| r.user == "shutdown").count(), count, "{command}: {records:?}");
    }
}

/// `wall`: from words, a file or the standard input; 4096 bytes; a terminal that takes nothing is passed over.
#[test]
fn wall_tells_everybody_who_is_there() {
    let world = World::new().boot();
    let syslog = Syslog::of(&world);
    with_logins(&world, &["tty7", "tty8", "gone", "tty9"]);
    terminal(&world, "tty8");
    terminal(&world, "tty9");
    // Its other end is there and reads nothing.
    let path = world.path("/dev/tty7");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
    let flags = OFlag::O_NONBLOCK.bits();
    let mut full = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).unwrap();
    while full.write(&[0; 4096]).is_ok() {}
    let wall = |words: &[&str]| world.ok(["/usr/lib/rung/sysv", "wall"].iter().chain(words));
    wall(&["lunch", "is", "ready"]);
    syslog.wait(&world, "<13>wall[", "]: lunch is ready");
    for line in ["tty8", "tty9"] {
        let told = heard(&world, line);
        assert!(told.starts_with("\x07\x07\nBroadcast message from root@"), "{told:?}");
        assert!(told.ends_with("):\n\nlunch is ready\n\n"), "{told:?}");
    }
    world.write("/run/text", &"%".repeat(5000));
    wall(&["/run/text"]);
    assert_eq!(heard(&world, "tty8").matches('%').count(), 4096);
    terminal(&world, "tty9");
    let mut command = world.command(["/usr/lib/rung/sysv", "wall", "-n"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(heard(&world, "tty9"), "typed\n");
}
