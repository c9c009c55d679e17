//! Rung as PID 1 of containers: plain `unshare`, `crun`, odd surroundings, one command in the foreground.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rung_tests::world::container::{Container, SPACES, finish, unshare};
use rung_tests::world::{Output, Rootfs, children, code, exists, programs};
use std::fs;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const HELPER: &str = env!("CARGO_BIN_EXE_pid1-helper");
fn init() -> PathBuf {
    programs().join("init")
}

/// `init -- sh -c SCRIPT` as PID 1, run to its end.
fn foreground(script: &str) -> Output {
    finish(unshare(&[]).arg(init()).args(["--", "sh", "-c", script]))
}

fn signal(pid: i32, number: i32) {
    // Real-time signals have no name in `nix`.
    let status = Command::new("kill").arg(format!("-{number}")).arg(pid.to_string()).status().expect("kill");
    assert!(status.success());
}

#[test]
fn one_command_has_our_streams_and_we_its_status() {
    let out = foreground("echo out; echo err >&2; exit 7");
    assert_eq!((out.code, out.stdout.as_str(), out.stderr.as_str()), (7, "out\n", "err\n"));
    assert_eq!(foreground("kill -9 $$").code, 137);
    assert_eq!(foreground("kill -USR1 $$").code, 128 + 10);
    let missing = finish(unshare(&[]).arg(init()).args(["--", "/no/such/program"]));
    assert!(missing.code == 127 && missing.stderr.contains("cannot run /no/such/program"), "{missing:?}");
    let mut command = unshare(&[]);
    command.arg(init()).args(["--", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("unshare");
    // No time stamps, no lines: bytes.
    child.stdin.take().expect("a pipe").write_all(b"a\0\xffb").expect("written");
    let out = child.wait_with_output().expect("it ends");
    assert_eq!((code(out.status), out.stdout.as_slice()), (0, &b"a\0\xffb"[..]));
}

#[test]
fn signals_are_the_commands() {
    let script = "for s in TERM INT USR1 WINCH HUP; do trap \"echo got-$s\" $s; done; trap 'exit 5' USR2; echo ready; \
                  while :; do sleep 1000 & wait; done";
    let rootfs = Rootfs::new();
    let out = fs::File::create(rootfs.beside().join("out")).expect("a file");
    let child = unshare(&[]).arg(init()).args(["--", "sh", "-c", script]).stdout(out).spawn().expect("unshare");
    let mut container = Container::of(child, rootfs);
    container.wait_said("ready");
    let pid1 = container.init();
    for (name, signal) in [
        ("TERM", Signal::SIGTERM),
        ("INT", Signal::SIGINT),
        ("USR1", Signal::SIGUSR1),
        ("WINCH", Signal::SIGWINCH),
        ("HUP", Signal::SIGHUP),
    ] {
        kill(Pid::from_raw(pid1), signal).expect("kill");
        container.wait_said(&format!("got-{name}\n"));
    }
    kill(Pid::from_raw(pid1), Signal::SIGUSR2).expect("kill");
    assert_eq!(container.ended(Duration::from_secs(8)).code(), Some(5));
}

#[test]
fn orphans_are_reaped_under_the_command() {
    let script = format!(
        "{HELPER} orphans 500; while ls -l /proc/*/exe 2>&1 | grep -q pid1-helper; do :; done; \
                          ps -eo stat= | grep -c ^Z; exit 3"
    );
    let out = foreground(&script);
    assert_eq!((out.code, out.stdout.as_str()), (3, "0\n"), "{}", out.stderr);
}

#[test]
fn a_subreaper_leaves_nothing_behind() {
    let rundir = Rootfs::new();
    let script = "setsid sleep 1000 >/dev/null 2>&1 & echo $!; (setsid sh -c 'sleep 1000 & sleep 1000' >/dev/null 2>&1 &) ; exit 4";
    let mut command = Command::new(init());
    command.args(["--subreaper", "--", "sh", "-c", script]).env("RUNG_RUNDIR", rundir.beside()).stdin(Stdio::null());
    let out = finish(&mut command);
    assert_eq!(out.code, 4, "{out:?}");
    let pid: i32 = out.stdout.trim().parse().expect("a pid");
    assert!(!exists(pid), "{pid} lives on");
    let mark = format!("RUNG_RUNDIR={}", rundir.beside().display());
    let pids =
        fs::read_dir("/proc").expect("proc").flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    let left: Vec<i32> = pids
        .filter(|p| fs::read(format!("/proc/{p}/environ")).is_ok_and(|e| String::from_utf8_lossy(&e).contains(&mark)))
        .filter(|p| exists(*p))
        .collect();
    assert_eq!(left, [0; 0]);
}

#[test]
fn a_terminal_is_the_commands_own() {
    let inner =
        "test -t 0 && test -t 1 && echo terminal; echo direct >/dev/tty; stty -echo; read x; echo got $x; exit 6";
    let rundir = Rootfs::new();
    let line = format!("unshare {} -- {} -- sh -c '{inner}'", SPACES.join(" "), init().display());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("RUNG_RUNDIR", rundir.beside());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script");
    child.stdin.take().expect("a pipe").write_all(b"typed\n").expect("written");
    let out = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(code(out.status), 6, "{said}");
    for text in ["terminal", "direct", "got typed"] {
        assert!(said.contains(text), "{text}: {said}");
    }
}

const SLEEPER: &str = "[Service]\nExecStart=/bin/sleep 1000000\n";

/// Says when it is up, and when it is stopped.
fn speaker(name: &str, after: &str) -> String {
    let script = format!("trap \"echo down-{name}; exit 0\" TERM; echo up-{name}; while :; do sleep 1000 & wait; done");
    format!("[Unit]\n{after}\n[Service]\nExecStart=/bin/sh -c '{script}'\n")
}

fn pair() -> Rootfs {
    Rootfs::new().unit("one.service", &speaker("one", "")).unit("two.service", &speaker("two", "After=one.service"))
}

#[test]
fn a_root_directory_boots_and_signals_end_it_in_order() {
    // SIGTERM, SIGINT, SIGRTMIN+3.
    for number in [15, 2, 37] {
        let mut container = Container::plain(pair());
        container.wait_said("up-two");
        container.wait_said("runlevel 3 reached");
        let out = container.run(&["/usr/bin/initctl", "is-active", "one", "two"]);
        assert_eq!((out.code, out.stdout.as_str()), (0, "active\nactive\n"), "{out:?}");
        signal(container.init(), number);
        let status = container.ended(Duration::from_secs(8));
        assert_eq!((status.code(), status.signal()), (Some(0), None), "{number}: {}", container.said());
        let said = container.said();
        let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
        assert!(at("down-two") < at("down-one"), "{number}: {said}");
    }
}

#[test]
fn reboot_and_poweroff_are_told_apart() {
    let essential = &format!("{SLEEPER}Essential=yes\n");
    let ends = [("poweroff", SLEEPER, (Some(0), None)), ("reboot", SLEEPER, (None, Some(1)))];
    for (verb, unit, wanted) in ends.into_iter().chain([("reboot", essential.as_str(), (None, Some(1)))]) {
        let mut container = Container::plain(Rootfs::new().unit("a.service", unit));
        container.wait_said("runlevel 3 reached");
        container.run(&["/usr/bin/initctl", verb, "--no-wait"]);
        let status = container.ended(Duration::from_secs(8));
        assert_eq!((status.code(), status.signal()), wanted, "{verb}: {}", container.said());
    }
}

#[test]
fn what_holds_the_end_up_is_shown_and_does_not_hold_it_for_long() {
    let stubborn = "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; echo up-stubborn; while :; do sleep 1000; done'\n";
    let mut container = Container::plain(Rootfs::new().unit("stubborn.service", stubborn));
    container.wait_said("up-stubborn");
    container.wait_said("runlevel 3 reached");
    let began = Instant::now();
    signal(container.init(), 15);
    let status = container.ended(Duration::from_millis(8_500));
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() >= Duration::from_secs(5), "it had its time: {:?}", began.elapsed());
    let said = container.said();
    let line = said.lines().find(|l| l.contains("waiting for stubborn")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("(pid ") && line.contains(" s left"), "{line}");
}

#[test]
fn what_holds_the_end_up_is_killed_from_the_console() {
    let stubborn = "[Service]\nExecStart=/bin/sh -c 'trap \"echo not yet\" TERM; echo up-stubborn; \
                    while :; do sleep 1000 & wait; done'\n";
    let (mut container, mut keys) = Container::on_a_terminal(Rootfs::new().unit("stubborn.service", stubborn));
    container.wait_said("up-stubborn");
    container.wait_said("runlevel 3 reached");
    signal(container.init(), 15);
    // However busy this machine is, there is time to look.
    let more = ["/usr/bin/initctl", "shutdown-jobs", "wait", "stubborn", "--for", "600"];
    container.wait_for("more time", |c| (c.run(&more).code == 0).then_some(()));
    for text in ["going down: power-off", "by force in", "(main) /bin/sh", " left", "not yet", "k kill now"] {
        container.wait_said(text);
    }
    assert!(container.said().contains("waiting for stubborn"), "a console's log has it too: {}", container.said());
    keys.write_all(b"k").expect("typed");
    container.wait_said("Kill stubborn now?");
    keys.write_all(b"y").expect("typed");
    let status = container.ended(Duration::from_secs(60));
    assert_eq!(status.code(), Some(0), "{}", container.said());
}

#[test]
fn odd_surroundings_are_lived_with() {
    let usual = "mount --rbind /dev dev";
    for (what, script, wrap) in [
        ("nothing but /dev", usual, &[][..]),
        (
            "read-only",
            "mount --bind . . && cd \"$0\" && mount --rbind /dev dev && mount -o remount,bind,ro \"$0\"",
            &[],
        ),
        ("no /run", "mount --rbind /dev dev && mount -t proc proc proc && rmdir run", &[]),
        ("run is a file", "mount --rbind /dev dev && rmdir run && touch run", &[]),
        ("ENOSYS", "mount --rbind /dev dev && mount -t proc proc proc", &[HELPER, "filter", "38"]),
        ("EPERM, no /proc", usual, &[HELPER, "filter", "1"]),
        ("read-only cgroups", "mount --rbind /dev dev && mount --rbind -o ro /sys sys && mount -t proc proc proc", &[]),
    ] {
        let mut container = Container::boot(pair(), script, wrap);
        container.wait_for(what, |c| c.said().contains("up-two").then_some(()));
        container.wait_for(what, |c| c.said().contains("runlevel 3 reached").then_some(()));
        // A manager that dies here must find its way too.
        let managers = |c: &Container| {
            let words = |p: &i32| fs::read(format!("/proc/{p}/cmdline")).unwrap_or_default();
            children(c.init()).into_iter().find(|p| words(p).starts_with(b"init-manager\0"))
        };
        let old = container.wait_for("a manager", managers);
        kill(Pid::from_raw(old), Signal::SIGKILL).expect("kill");
        container.wait_for("the next manager", |c| managers(c).filter(|p| *p != old));
        kill(Pid::from_raw(container.init()), Signal::SIGSEGV).expect("kill");
        signal(container.init(), 15);
        let status = container.ended(Duration::from_secs(10));
        let said = container.said();
        assert_eq!((status.code(), status.signal()), (Some(0), None), "{what}: {said}");
        assert_eq!((said.matches("up-one").count(), said.matches("up-two").count()), (1, 1), "{what}: {said}");
        assert!(said.contains("down-one") && said.contains("down-two"), "{what}: {said}");
    }
}

#[test]
fn the_run_directory_is_the_one_given_or_another() {
    let folder = Rootfs::new();
    let run = |dir: &Path| {
        let mut command = unshare(&[]);
        command.arg(init()).args(["--", "sh", "-c", "echo $RUNG_RUNDIR; ls $RUNG_RUNDIR/control"]);
        finish(command.env("RUNG_RUNDIR", dir))
    };
    let given = folder.beside().join("given");
    let out = run(&given);
    let given = given.display();
    assert_eq!((out.code, out.stdout), (0, format!("{given}\n{given}/control\n")));
    let out = run(Path::new("/proc/sys/nothing"));
    assert!(out.stdout.starts_with("/proc/sys/nothing\n"), "{out:?}");
}

#[test]
fn a_user_without_rights_has_one_command() {
    let user = if nix::unistd::geteuid().is_root() { 1000 } else { nix::unistd::geteuid().as_raw() };
    let mut command = unshare(&["--user", "--map-current-user"]);
    command.arg(init()).args(["--", "sh", "-c", "id -u; (exit 3 &); kill -TERM $$"]);
    if nix::unistd::geteuid().is_root() {
        command.uid(user).gid(user);
    }
    let rundir = std::env::temp_dir().join(format!("rung-user-{}", std::process::id()));
    let out = finish(command.env("RUNG_RUNDIR", &rundir));
    let _ = fs::remove_dir_all(&rundir);
    if out.stderr.starts_with("unshare: ") {
        println!("skipped: this machine forbids user namespaces");
        return;
    }
    assert_eq!((out.code, out.stdout), (143, format!("{user}\n")), "{}", out.stderr);
}

#[test]
fn crun_runs_it() {
    if !["/usr/bin/crun", "/usr/local/bin/crun"].iter().any(|p| Path::new(p).exists()) {
        println!("skipped: crun is not installed (apt-get install crun)");
        return;
    }
    let rootfs = pair();
    let bundle = rootfs.beside().to_owned();
    let name = bundle.file_name().expect("a name").to_string_lossy().into_owned();
    let mount = |at: &str, kind: &str, options: &[&str]| serde_json::json!({ "destination": at, "type": kind, "source": kind, "options": options });
    let spaces = ["pid", "mount", "ipc", "uts", "network", "cgroup"].map(|t| serde_json::json!({ "type": t }));
    let caps = ["CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SYS_BOOT"];
    let config = serde_json::json!({
        "ociVersion": "1.0.0",
        "process": {
            "terminal": false, "user": { "uid": 0, "gid": 0 }, "args": ["/sbin/init", "3"], "cwd": "/",
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "container=oci"], "noNewPrivileges": true,
            "capabilities": { "bounding": caps, "effective": caps, "permitted": caps }
        },
        "root": { "path": "root", "readonly": false },
        "hostname": "box",
        "mounts": [
            mount("/proc", "proc", &[]), mount("/dev", "tmpfs", &["nosuid", "mode=755"]),
            mount("/run", "tmpfs", &["nosuid"]), mount("/sys", "sysfs", &["ro"])
        ],
        "linux": { "namespaces": spaces }
    });
    fs::write(bundle.join("config.json"), config.to_string()).expect("config.json");
    let out = fs::File::create(bundle.join("out")).expect("a file");
    let state = bundle.join("state");
    // crun wants cgroup2 where it looks for it; a host that still has the old hierarchies gets its own view here.
    let script = "[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 9; \
                  exec crun --root \"$0\" --cgroup-manager=disabled run --bundle \"$1\" \"$2\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(&state).arg(&bundle).arg(&name);
    command.stdin(Stdio::null()).stdout(out.try_clone().expect("a descriptor")).stderr(out);
    let mut container = Container { child: command.spawn().expect("crun"), rootfs };
    let pid = container.child.id().to_string();
    let crun = |words: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args(["-t", &pid, "-m", "crun", "--root"]).arg(&state).args(words).stdin(Stdio::null());
        finish(&mut command)
    };
    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        container.wait_said("up-two");
        container.wait_said("runlevel 3 reached");
        let out = crun(&["exec", &name, "/usr/bin/initctl", "is-active", "one", "two"]);
        assert_eq!((out.code, out.stdout.as_str()), (0, "active\nactive\n"), "{out:?}");
        let killed = crun(&["kill", &name, "TERM"]);
        assert_eq!(killed.code, 0, "{killed:?}");
        assert_eq!(container.ended(Duration::from_secs(8)).code(), Some(0), "{}", container.said());
        assert!(container.said().contains("down-one"), "{}", container.said());
    }));
    if tried.is_err() {
        crun(&["delete", "--force", &name]);
    }
    tried.unwrap_or_else(|e| std::panic::resume_unwind(e));
}
