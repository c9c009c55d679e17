//! `shutdown`, `halt` and their kin as commands: who is told, what lies about meanwhile, how it is cancelled, what it ends in.

#![allow(clippy::expect_used, reason = "tests' helpers fail by it")]

use rung_tests::world::{Output, World, deadline};
use std::fs;
use std::process::{Child, Stdio};

const PID_FILE: &str = "/run/shutdown.pid";
const NOLOGIN: &str = "/run/nologin";

/// A utmp record of somebody who is logged in.
fn login(user: &str, line: &str) -> Vec<u8> {
    let mut record = vec![0_u8; 384];
    let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &7_i16.to_ne_bytes());
    put(8, line.as_bytes());
    put(44, user.as_bytes());
    record
}

/// Somebody at a terminal that keeps what it is told.
fn with_login(world: &World, user: &str, line: &str) {
    fs::write(world.path("/run/utmp"), login(user, line)).expect("utmp");
    fs::write(world.path(&format!("/dev/{line}")), "").expect("a terminal");
}

fn heard(world: &World, line: &str) -> String {
    world.text(&format!("/dev/{line}")).replace('\r', "")
}

fn start(world: &World, words: &str) -> Child {
    let child = world.command(words.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("it starts");
    world.wait_for("its pid file", deadline(20), |w| w.path(PID_FILE).exists().then_some(()));
    child
}

fn end(child: Child) -> (i32, String) {
    let out = child.wait_with_output().expect("it ends");
    (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stderr).into_owned())
}

fn run(world: &World, words: &str) -> Output {
    world.run(words.split(' '))
}

#[test]
fn it_waits_in_the_foreground_and_is_cancelled() {
    let world = World::new().boot();
    with_login(&world, "anna", "tty9");
    let first = start(&world, "shutdown +7 save your work");
    let second = run(&world, "shutdown +9");
    assert_eq!((second.code, second.stderr.as_str()), (1, "shutdown: already running.\n"));
    world.wait_for("the first warning", deadline(20), |w| heard(w, "tty9").contains("in 7 minutes!").then_some(()));
    let text = heard(&world, "tty9");
    assert!(text.contains("Broadcast message from root@") && text.contains("):\n\nsave your work\n"), "{text}");
    assert!(text.contains("The system is going DOWN to maintenance mode in 7 minutes!\n"), "{text}");
    assert!(!world.path(NOLOGIN).exists(), "seven minutes is early");
    with_login(&world, "anna", "tty9");
    let cancel = run(&world, "shutdown -c go on");
    assert_eq!((cancel.code, cancel.stderr.as_str()), (0, ""));
    assert_eq!(end(first), (0, "\r\nShutdown cancelled.\n".to_owned()));
    assert!(heard(&world, "tty9").ends_with("\n\ngo on\n\n"));
    assert!(!world.path(PID_FILE).exists());
    assert_eq!(run(&world, "shutdown -c").stderr, "shutdown: cannot find pid of running shutdown.\n");
    world.write(PID_FILE, "1\n");
    let stale = run(&world, "shutdown -c");
    assert_eq!((stale.code, stale.stderr.as_str()), (1, "shutdown: not running.\n"));
}

#[test]
fn of_some_at_the_same_time_one_waits() {
    let world = World::new().boot();
    let mut all: Vec<Child> = (0..6).map(|_| start(&world, "shutdown +9")).collect();
    // Only the one that waits does not end by itself.
    world.wait_for("the others' end", deadline(20), |_| {
        let over = all.iter_mut().filter_map(|child| child.try_wait().expect("a child")).count();
        (over == 5).then_some(())
    });
    let first = all.iter_mut().position(|child| child.try_wait().expect("a child").is_none()).expect("one waits");
    let first = all.remove(first);
    for other in all {
        assert_eq!(end(other), (1, "shutdown: already running.\n".to_owned()));
    }
    assert_eq!(run(&world, "shutdown -c").code, 0);
    assert_eq!(end(first).0, 0);
    let left = fs::read_dir(world.path("/run")).expect("a folder").flatten();
    assert!(!left.into_iter().any(|f| f.file_name().to_string_lossy().starts_with("shutdown.pid")));
}

#[test]
fn nobody_logs_in_any_more_shortly_before() {
    let world = World::new().boot();
    let first = start(&world, "shutdown -f -F -h +3");
    world.wait_for("nologin", deadline(20), |w| w.path(NOLOGIN).exists().then_some(()));
    let text = world.read(NOLOGIN);
    assert!(text.starts_with("\r\nThe system is going down on ") && text.trim_end().len() > 50, "{text:?}");
    assert!(world.path("/fastboot").exists() && world.path("/forcefsck").exists());
    assert_eq!(run(&world, "shutdown -c").code, 0);
    assert_eq!(end(first).0, 0);
    for gone in [NOLOGIN, PID_FILE, "/fastboot", "/forcefsck"] {
        assert!(!world.path(gone).exists(), "{gone}");
    }
    // The administrator's own stays.
    world.write(NOLOGIN, "closed\n");
    let first = start(&world, "shutdown -h +3");
    assert_eq!(run(&world, "shutdown -c").code, 0);
    end(first);
    assert_eq!(world.read(NOLOGIN), "closed\n");
}

#[test]
fn it_leaves_the_terminal_alone_when_told_so() {
    let world = World::new().boot();
    let out = run(&world, "shutdown -b -r +9 later");
    assert_eq!((out.code, out.stdout.as_str()), (0, ""), "{out:?}");
    assert!(
        out.stderr.starts_with("shutting down for system reboot at ") && out.stderr.contains("`shutdown -c` cancels"),
        "{out:?}"
    );
    let pid: i32 = world.read(PID_FILE).trim().parse().expect("a pid");
    assert!(world.lives(pid));
    assert_eq!(
        world.proc_line(pid, "status", "NSsid"),
        world.proc_line(pid, "status", "NSpid"),
        "a session of its own"
    );
    assert_eq!(run(&world, "shutdown --background -h +9").stderr, "shutdown: already running.\n");
    assert_eq!(run(&world, "shutdown -c").code, 0);
    world.wait_for("its end", deadline(20), |w| (!w.lives(pid) && !w.path(PID_FILE).exists()).then_some(()));
    assert_eq!(run(&world, "shutdown -b xx").code, 1);
}

#[test]
fn it_only_warns_with_k_and_a_wants_somebody_at_the_console() {
    let world = World::new().boot();
    with_login(&world, "anna", "tty3");
    let out = run(&world, "shutdown -k -r now just so");
    assert_eq!((out.code, out.stderr.as_str()), (0, "\r\nShutdown cancelled.\n"));
    assert!(heard(&world, "tty3").contains("just so\nThe system is going down for reboot NOW!\n"));
    world.write("/etc/shutdown.allow", "# these\nberta\n");
    let out = run(&world, "shutdown -a -k now");
    assert_eq!((out.code, out.stderr.as_str()), (1, "shutdown: no authorized users logged in.\n"));
    world.write("/etc/shutdown.allow", "anna\n");
    assert_eq!(run(&world, "shutdown -a -k now").code, 0);
    // Somebody who is logged in from elsewhere isn't at the console.
    with_login(&world, "anna", "pty9");
    assert_eq!(run(&world, "shutdown -a -k now").code, 1);
    fs::remove_file(world.path("/etc/shutdown.allow")).expect("it was there");
    assert_eq!(run(&world, "shutdown -a -k now").code, 0, "without the file -a says nothing");
}

#[test]
fn wrong_words_and_wrong_people_are_refused() {
    let world = World::new().boot();
    for line in [
        "shutdown",
        "shutdown xx",
        "shutdown -P now",
        "shutdown -r -H now",
        "shutdown -i 9 now",
        "shutdown -n -i 1 now",
        "shutdown 24:00",
        "halt -x",
        "reboot now",
        "poweroff -t x",
    ] {
        let out = run(&world, line);
        assert!(out.code == 1 && !out.stderr.is_empty(), "{line}: {out:?}");
        assert!(!world.path(PID_FILE).exists(), "{line}");
    }
    let as_nobody = |line: &str| run(&world, &format!("setpriv --reuid=65534 --clear-groups {line}"));
    assert_eq!(as_nobody("shutdown now").stderr, "shutdown: you must be root to do that!\n");
    assert_eq!(as_nobody("halt").stderr, "halt: must be superuser.\n");
    assert_eq!(as_nobody("init 3").stderr, "init: must be superuser.\n");
    assert_eq!(world.ok(["runlevel"]), "N 3\n");
}

#[test]
fn halt_tells_everybody_as_shutdown_does_and_w_only_writes() {
    let world = World::new().boot();
    with_login(&world, "anna", "tty4");
    world.write("/var/log/wtmp", "");
    assert_eq!(run(&world, "halt -w").code, 0);
    assert_eq!(fs::read(world.path("/var/log/wtmp")).expect("wtmp").len(), 384);
    // What was told outlives the world in its console.
    fs::remove_file(world.path("/dev/tty4")).expect("it was there");
    std::os::unix::fs::symlink("/proc/1/fd/2", world.path("/dev/tty4")).expect("a link");
    world.run(["reboot", "-m", "so long"]);
    assert!(world.gone(deadline(60)));
    let told = world.console().replace('\r', "");
    assert!(told.contains("so long\nThe system is going down for reboot NOW!\n"), "{told}");
}

#[test]
fn now_means_now() {
    for line in ["shutdown -h now", "shutdown -r now", "shutdown -n -h now", "shutdown -h -H +0", "init 0", "telinit 6"]
    {
        let world = World::new().boot();
        run(&world, line);
        assert!(world.gone(deadline(60)), "{line}\n{}", world.console());
    }
}
