//! `initctl sandbox`: what it shows, what it hides, and that nothing is left of it. With a stand-in for `init`.

#![allow(clippy::expect_used, reason = "this is all test code")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rung_tests::world::{Builder, World, children, code, deadline, exists, programs};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("it is there");
}

/// `initctl` with a stand-in for the rest.
fn world() -> Builder {
    let builder = World::new();
    let folder = builder.folder().join("bin");
    fs::create_dir(&folder).expect("a folder");
    for (from, to) in [
        ("stand-in-init", "init"),
        ("stand-in-init", "init-manager"),
        ("stand-in-init", "init-log"),
        ("initctl", "initctl"),
    ] {
        let (from, to) = (programs().join(from), folder.join(to));
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)).expect("a program");
    }
    builder.programs(&folder)
}

/// Mounts of a sandbox that the host sees.
fn leaked_mounts() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    mounts.lines().filter(|l| l.contains("rung-sandbox") || l.contains("/usr/lib/rung/")).map(str::to_owned).collect()
}

fn groups() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with("rung-sandbox-") {
                    found.insert(entry.path());
                }
                open.push(entry.path());
            }
        }
    }
    found
}

fn groups_of(initctl: i32) -> usize {
    let name = format!("rung-sandbox-{initctl}-");
    groups().iter().filter(|p| p.to_string_lossy().contains(&name)).count()
}

#[test]
fn the_commands_status_is_ours() {
    let exit = world().run(&["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((exit.code, exit.stdout.as_str(), exit.stderr.as_str()), (7, "out\n", "err\n"));
    assert_eq!(world().run(&["sh", "-c", "kill -USR1 $$"]).code, 128 + 10);
    let missing = world().run(&["no-such-program"]);
    assert_eq!(missing.code, 127);
    assert!(missing.stderr.contains("can't run `no-such-program`"), "{}", missing.stderr);
    assert_eq!(world().run(&["/etc/passwd"]).code, 126);
}

#[test]
fn init_is_pid_1_with_the_level_as_its_word() {
    let out = world().level('2').run(&[
        "sh",
        "-c",
        "tr '\\0' ' ' </proc/1/cmdline; tr '\\0' '\\n' </proc/1/environ; hostname",
    ]);
    assert!(out.stdout.starts_with("init 2 "), "{}", out.stdout);
    assert!(out.stdout.contains("container=rung-sandbox\n") && out.stdout.ends_with("\nsandbox\n"), "{}", out.stdout);
}

#[test]
fn the_machines_own_configuration_is_hidden() {
    let script = "ls -A /etc/init.d /etc/rung /run/systemd /etc/systemd/system /lib/systemd/system 2>/dev/null | \
                  grep -v '^/\\|^$\\|^units$'; ls /etc/inittab 2>/dev/null; echo x >/etc/init.d/x && \
                  echo x >/usr/lib/x && echo done";
    let before = fs::read_dir("/etc/init.d").map(Iterator::count).unwrap_or(0);
    let out = world().run(&["sh", "-c", script]);
    assert_eq!((out.code, out.stdout.as_str()), (0, "done\n"), "{}", out.stderr);
    assert_eq!(before, fs::read_dir("/etc/init.d").map(Iterator::count).unwrap_or(0));
    assert!(!Path::new("/etc/init.d/x").exists() && !Path::new("/usr/lib/x").exists());
}

/// A root folder of its own: the host's programs, and scripts of whatever kind.
fn root_with_scripts(name: &str) -> PathBuf {
    let root = std::env::temp_dir().join(format!("rung-root-{name}-{}", std::process::id()));
    fs::create_dir_all(root.join("etc/init.d")).expect("a folder");
    fs::create_dir_all(root.join("bin")).expect("a folder");
    fs::write(root.join("etc/init.d/own"), "#!/bin/sh\n").expect("a script");
    fs::write(root.join("etc/inittab"), "id:3:initdefault:\n").expect("an inittab");
    // Static, and good enough a command: it says how it was called.
    fs::copy(programs().join("world-enter"), root.join("bin/enter")).expect("a program");
    root
}

#[test]
fn another_root_and_all_it_has() {
    let root = root_with_scripts("all");
    let run = |all: bool| {
        let mut builder = world().arg("--root").arg(&root);
        if all {
            builder = builder.arg("--all");
        }
        // Without PID 1's namespaces to enter it fails with 126 either way; what counts is the kept upper folder.
        builder.arg("--keep").run(&["/bin/enter", "x"])
    };
    for all in [false, true] {
        let out = run(all);
        assert_eq!(out.code, 126, "{}", out.stderr);
        let kept = out.stderr.split('`').rev().nth(1).map(PathBuf::from).expect("the folder is named");
        assert!(kept.ends_with("upper") && kept.join("usr/bin/initctl").exists(), "{}", out.stderr);
        // Hidden by a whiteout, a device 0:0 in the layer above.
        assert_eq!(fs::symlink_metadata(kept.join("etc/inittab")).is_err(), all, "{}", kept.display());
        fs::remove_dir_all(kept.parent().expect("a folder")).expect("it is ours");
    }
    assert!(root.join("etc/inittab").exists());
    fs::remove_dir_all(root).expect("it is ours");
}

#[test]
fn units_are_copied_and_on_in_their_levels() {
    let unit = |levels: &str| format!("[Service]\nExecStart=/bin/true\n{levels}");
    let builder = world()
        .unit("plain.service", &unit(""))
        .unit("two.service", &unit("[Install]\nRunlevels=2\n"))
        .unit("never.service", &unit("[Install]\nRunlevels=\n"))
        .unit("inst@.service", &unit(""))
        .unit("plain.service.d/x.conf", "[Unit]\nDescription=x\n")
        .unit("notes.txt", "no unit");
    let out = builder.run(&["sh", "-c", "cd /etc/rung; ls units; ls -R levels; cat levels/3/plain.service"]);
    let words: Vec<&str> = out.stdout.split_whitespace().take(12).collect();
    let wanted = "inst@.service never.service plain.service plain.service.d two.service \
                  levels: 2 3 levels/2: two.service levels/3: plain.service";
    assert_eq!(words.join(" "), wanted, "{}", out.stderr);
    assert!(out.stdout.ends_with("ExecStart=/bin/true\n"));
}

#[test]
fn the_network_is_its_own_or_the_hosts() {
    let ours = fs::read_link("/proc/self/ns/net").expect("a namespace");
    let own = world().run(&["sh", "-c", "readlink /proc/self/ns/net /proc/1/ns/net; cat /sys/class/net/lo/operstate"]);
    let lines: Vec<&str> = own.stdout.lines().collect();
    assert!(lines[0] == lines[1] && lines[0] != ours.to_string_lossy(), "{own:?}");
    let flags = world().run(&["cat", "/sys/class/net/lo/flags"]);
    assert_eq!(flags.stdout, "0x9\n", "lo is up");
    let host = world().arg("--host-net").run(&["readlink", "/proc/1/ns/net"]);
    assert_eq!(host.stdout.trim_end(), ours.to_string_lossy());
}

#[test]
fn nothing_of_it_is_left() {
    let world = world().boot();
    let (initctl, init) = (world.initctl(), world.init());
    let keeper = children(initctl);
    assert!(exists(init) && keeper.len() == 2);
    assert_eq!(leaked_mounts(), [""; 0], "not even while it is up");
    let pid = world.ok(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"]);
    assert!(!pid.is_empty());
    assert_eq!(world.shutdown(), (0, String::new()));
    assert!(!exists(init) && keeper.iter().all(|p| !exists(*p)));
    assert_eq!(groups_of(initctl), 0);
    assert_eq!(leaked_mounts(), [""; 0]);
}

#[test]
fn a_signal_tears_it_down() {
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let world = world().boot();
        let (initctl, init) = (world.initctl(), world.init());
        send(initctl, Signal::try_from(number).expect("a signal"));
        let (status, errors) = world.wait();
        assert_eq!((status, errors.as_str()), (128 + number, ""), "{signal}");
        assert!(!exists(init), "{signal}");
        assert_eq!(groups_of(initctl), 0);
    }
}

#[test]
fn killing_initctl_leaves_nothing_either() {
    let world = world().boot();
    let (initctl, init) = (world.initctl(), world.init());
    world.ok(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &"]);
    let all = [children(initctl), children(init)].concat();
    send(initctl, Signal::SIGKILL);
    assert!(world.gone(deadline(10)), "the keeper lives on");
    assert!(!exists(init) && all.iter().all(|p| !exists(*p)));
    assert_eq!(groups_of(initctl), 0);
}

#[test]
fn killing_the_keeper_leaves_nothing_either() {
    let world = world().boot();
    let (initctl, init) = (world.initctl(), world.init());
    let keeper = children(initctl).into_iter().find(|c| children(*c).contains(&init)).expect("the keeper");
    send(keeper, Signal::SIGKILL);
    let (status, errors) = world.wait();
    assert_eq!(status, 125, "{errors}");
    assert!(errors.contains("keeper was ended"), "{errors}");
    assert!(!exists(init));
    assert_eq!(groups_of(initctl), 0);
}

#[test]
fn a_boot_that_fails_says_why() {
    let out = world().unit("init.conf", "die").run(&["true"]);
    assert_eq!(out.code, 125);
    assert!(out.stderr.contains("before the level was reached: its PID 1 exited with status 7"), "{}", out.stderr);
    assert!(out.stderr.contains("stand-in: told to die"), "{}", out.stderr);
    let out = world().arg("--units").arg("/no/such/folder").run(&["true"]);
    assert_eq!(out.code, 125);
    assert!(out.stderr.contains("can't find the folder `/no/such/folder`: No such file"), "{}", out.stderr);
}

#[test]
fn a_boot_that_hangs_can_be_ended() {
    let builder = world().unit("init.conf", "hang");
    let mut child = builder.command(&["true"]).stderr(Stdio::piped()).spawn().expect("initctl");
    let pid = i32::try_from(child.id()).expect("a pid");
    let until = deadline(10);
    // Its PID 1 is there as soon as the keeper has a child that has printed.
    while !children(pid).iter().any(|k| !children(*k).is_empty()) {
        assert!(Instant::now() < until, "no PID 1");
    }
    // The stand-in doesn't handle SIGTERM, so nothing reaches a PID 1; asking again means: at once.
    send(pid, Signal::SIGINT);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        assert!(Instant::now() < until, "it hangs");
        send(pid, Signal::SIGINT);
    };
    assert_eq!(code(status), 130);
    let mut text = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert_eq!(text, "");
    assert_eq!(groups_of(pid), 0);
}

#[test]
fn without_root_in_a_user_namespace() {
    if !nix::unistd::geteuid().is_root() {
        return; // All the other tests show it.
    }
    let script = "id -u; touch /etc/x /usr/bin/x /var/log/x /etc/init.d/x && echo x >>/etc/passwd && echo done";
    let out = world().user(1000).run(&["sh", "-c", script]);
    if out.stderr.contains("user namespaces") {
        eprintln!("not tried: this machine forbids them");
        return;
    }
    assert_eq!((out.code, out.stdout.as_str()), (0, "0\ndone\n"), "{}", out.stderr);
}
