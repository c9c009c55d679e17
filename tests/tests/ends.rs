//! The first and last steps of a PID 1, in PID and mount namespaces of their own. Needs root; says so where it isn't.
#![allow(clippy::expect_used)]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const INIT: &str = env!("CARGO_BIN_EXE_ends-init");

fn is_root(test: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: {test} needs root (namespaces, mounts)");
    }
    root
}

/// Runs a script as PID 1 of new PID and mount namespaces; what it leaves behind dies with it.
fn inside(script: &str, args: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["-k", "1", "30", "unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]);
    command.args(["sh", "-c", script, INIT]).args(args);
    command.output().expect("unshare")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rung-ends-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("folder");
        Self(path)
    }
    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }
    /// A root directory with nothing but the program.
    fn root(test: &str) -> Self {
        let folder = Self::new(test);
        rung_tests::copy_program(INIT, folder.0.join("init")).expect("copy");
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Never through a mount: those were in a namespace that is gone.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn processes_that_ignore_sigterm_are_named_then_killed() {
    if !is_root("the end") {
        return;
    }
    let script =
        r#"exec "$0" end poweroff 1500 sh -c 'trap "" TERM; (sleep 999; :) & echo ready; while :; do sleep 999; done'"#;
    let started = Instant::now();
    let output = inside(script, &[]);
    let (took, said) = (started.elapsed(), text(&output.stderr));
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(took >= Duration::from_millis(1500) && took < Duration::from_secs(8), "{took:?}");
    assert!(said.contains("waiting for sh (") && said.contains("s until SIGKILL"), "{said}");
}

#[test]
fn nobody_left_is_not_waited_for() {
    if !is_root("the end") {
        return;
    }
    let started = Instant::now();
    let output = inside(r#"exec "$0" end poweroff 20000 sh -c 'echo ready; exec sleep 999'"#, &[]);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_reboot_is_told_apart_with_and_without_the_right_to() {
    if !is_root("the end") {
        return;
    }
    let output = inside(r#"exec "$0" end reboot 5000 sh -c 'echo ready; exec sleep 999'"#, &[]);
    let status = output.status;
    assert!(status.signal() == Some(1) || status.code() == Some(128 + 1), "{status:?} {}", text(&output.stderr));
    let drop = "exec setpriv --bounding-set=-sys_boot";
    let output = inside(&format!(r#"{drop} "$0" end reboot 5000 sh -c 'echo ready; exec sleep 999'"#), &[]);
    assert_eq!(output.status.code(), Some(133), "{}", text(&output.stderr));
}

#[test]
fn a_subreaper_ends_its_descendants_only() {
    if !is_root("the end") {
        return;
    }
    let script = r#"
        sleep 999 & other=$!
        "$0" end poweroff 5000 sh -c '(setsid sleep 888 &); echo ready; exec sleep 888'
        echo "status $?"
        kill -0 $other && echo other alive
        for p in /proc/[0-9]*; do tr '\0' ' ' < $p/cmdline; echo; done"#;
    let said = text(&inside(script, &[]).stdout);
    assert!(said.contains("status 7\nother alive"), "{said}");
    assert!(!said.contains("\nsleep 888"), "{said}");
}

#[test]
fn an_empty_root_without_descriptors_is_enough() {
    if !is_root("the start") {
        return;
    }
    let root = Folder::root("empty");
    let output = inside(r#"exec chroot "$1" /init prepare <&- >&- 2>&-"#, &[root.path()]);
    assert_eq!(output.status.code(), Some(0));
    let report = std::fs::read_to_string(root.0.join("report")).expect("report");
    assert!(report.contains("container true\nstdio [false, false, false]\nopen [true, true, true]\n"), "{report}");
    assert!(report.contains("next 3\n") && report.contains("proc true\n") && report.contains("failed []"), "{report}");
}

#[test]
fn a_read_only_root_and_no_rights_are_enough() {
    if !is_root("the start") {
        return;
    }
    let root = Folder::root("read-only");
    let script = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" &&
        exec chroot "$1" /init prepare <&- 2>&-"#;
    let output = inside(script, &[root.path()]);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("container true\nstdio [false, true, false]\nopen [true, true, true]\n"), "{report}");
    assert!(report.contains("failed [(\"/proc\", ENOENT)]") && report.contains("proc false"), "{report}");

    let script = r#"exec setpriv --reuid 1000 --regid 1000 --clear-groups "$0" prepare"#;
    let world = Folder::root("uid");
    let bin = world.0.join("init");
    let output = Command::new("timeout")
        .args(["-k", "1", "30", "unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"])
        .args(["sh", "-c", script, bin.to_str().expect("text")])
        .output()
        .expect("unshare");
    let report = text(&output.stdout);
    assert!(report.contains("container true\nstdio [true, true, true]"), "{report}{}", text(&output.stderr));
}

/// Mounts under a folder; gone with the namespace in any case.
fn unmount(script: &str, test: &str) -> String {
    let folder = Folder::new(test);
    let script = format!(
        "set -e; mount -t tmpfs none \"$1\"; cd \"$1\"\n{script}\n cd /; echo; grep \" $1/\" /proc/self/mountinfo || echo none left"
    );
    let output = inside(&script, &[folder.path()]);
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn stacked_bound_and_nested_mounts_go() {
    if !is_root("unmounting") {
        return;
    }
    let script = r#"
        mkdir -p a 'b c' d
        mount -t tmpfs none a; mount -t tmpfs none a; mkdir a/e; mount -t tmpfs none a/e
        mount --bind a 'b c'; mount --rbind a d
        mount --bind d a/e
        cd /; "$0" unmount "$1""#;
    let said = unmount(script, "stacked");
    assert!(said.contains("none left"), "{said}");
}

#[test]
fn a_busy_one_becomes_read_only() {
    if !is_root("unmounting") {
        return;
    }
    let script = r#"
        mkdir busy free; mount -t tmpfs none busy; mount -t tmpfs none free
        (cd busy; exec "$0" unmount "$1")
        ! touch busy/file 2>/dev/null"#;
    let said = unmount(script, "busy");
    assert!(said.contains("busy stays mounted, read-only"), "{said}");
    assert!(said.contains("/busy ") && !said.contains("/free "), "{said}");
}

#[test]
fn a_loop_mount_goes_and_its_device_is_free() {
    let tools = ["mkfs.ext2", "losetup"]
        .iter()
        .all(|t| ["/sbin", "/usr/sbin"].iter().any(|folder| Path::new(folder).join(t).exists()));
    if !is_root("unmounting") || !tools || !Path::new("/dev/loop-control").exists() {
        println!("skipped: loop devices need root, mkfs.ext2, losetup and /dev/loop-control");
        return;
    }
    let script = r#"
        truncate -s 1M image; mkfs.ext2 -q image; mkdir loop inner
        mount -o loop image loop || { echo no loop devices here; exit 0; }
        cp image loop/; mount -o loop loop/image inner || true
        cd /; "$0" unmount "$1"
        losetup -a | grep -c "$1/" || echo no device left"#;
    let said = unmount(script, "loop");
    assert!(said.contains("no loop devices here") || said.contains("none left"), "{said}");
    assert!(said.contains("no loop devices here") || said.contains("no device left"), "{said}");
}

#[test]
fn from_memory_it_holds_no_file_system() {
    if !is_root("unmounting") {
        return;
    }
    let script = r#"
        mkdir bin; mount -t tmpfs none bin; cp "$0" bin/init; cd /
        "$1/bin/init" image sh -c "umount '$1/bin' && echo unmounted >&2; echo ready" ||
            echo "status $?""#;
    let said = unmount(script, "image");
    assert!(said.contains("unmounted") && said.contains("status 7") && said.contains("none left"), "{said}");
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for() {
    if !is_root("unmounting") {
        return;
    }
    let started = Instant::now();
    let script = r#"
        mkdir dead; cd /
        "$0" dead-fuse "$1" || { test $? = 77 && echo no fuse here; }"#;
    let said = unmount(script, "fuse");
    assert!(said.contains("no fuse here") || said.contains("mounted\n") && said.contains("none left"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_helper_that_hangs_is_given_up() {
    let output = Command::new("timeout").args(["20", INIT, "late"]).output().expect("run");
    assert_eq!(text(&output.stdout), "Ok(Late) Ok(Code(7)) told 1\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_foreground_child_gets_the_terminal_and_its_keys() {
    let output = Command::new("timeout").args(["20", INIT, "foreground"]).output().expect("run");
    assert_eq!(text(&output.stdout), "in front true failed false\nOk(true)\n", "{:?}", output);
}
