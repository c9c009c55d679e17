//! Level S's jobs as their units start them, where that takes a mount namespace of its own.

#![allow(clippy::unwrap_used, reason = "tests' helpers fail by it")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A root directory; removed in the end.
struct Root(PathBuf);

impl Root {
    fn new(test: &str) -> Self {
        let root = Self(std::env::temp_dir().join(format!("rung-level-s-{test}-{}", std::process::id())));
        fs::create_dir_all(root.0.join("etc")).unwrap();
        root
    }

    /// Runs a script in a mount namespace of its own, in the root; `$BOOT` is `init-boot`.
    fn sh(&self, script: &str) -> Output {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "sh", "-ec", script]).current_dir(&self.0);
        command.env("BOOT", rung_tests::world::programs().join("init-boot")).output().unwrap()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").map(|m| std::os::unix::fs::MetadataExt::uid(&m)).is_ok_and(|uid| uid == 0)
}

/// A folder bound from elsewhere lies on the same device, and yet its contents aren't ours to remove.
#[test]
fn what_is_mounted_is_not_emptied() {
    if !is_root() {
        return;
    }
    let root = Root::new("mounts");
    fs::write(root.0.join("lines"), "D /tmp 1777\nR /other\nZ /tmp 0777\n").unwrap();
    let out = root.sh("mkdir -p safe/folder tmp/a/bound tmp/b/memory other/bound; touch safe/file tmp/a/x\n\
         mount --bind safe tmp/a/bound; mount --bind safe other/bound; mount -t tmpfs none tmp/b/memory\n\
         touch tmp/b/memory/file; chmod 700 safe\n\
         \"$BOOT\" tmpfiles --boot --root . lines || true\n\
         ls safe/file safe/folder -d tmp/b/memory/file; stat -c %a safe; test ! -e tmp/a/x");
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{text}{errors}");
    assert_eq!(text, "safe/file\nsafe/folder\ntmp/b/memory/file\n700\n", "{errors}");
}

/// A line that is wrong or can't be done names its file and line, and the job goes on.
#[test]
fn failures_name_their_line() {
    let root = Root::new("failures");
    fs::write(root.0.join("lines"), "d /a 0755\n\nd relative\nd /b - no-such-user\nd /c\n").unwrap();
    let mut command = Command::new(rung_tests::world::programs().join("init-boot"));
    let out = command.args(["tmpfiles", "--root", ".", "lines"]).current_dir(&root.0).output().unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("lines:3: ") && errors.contains("lines:4: ") && errors.contains("`no-such-user`"),
        "{errors}"
    );
    assert!(root.0.join("a").is_dir() && root.0.join("c").is_dir() && !root.0.join("b").exists());
}

/// A device that the machine needs is waited for until it is there; one with `nofail` as long as udev has work.
#[test]
fn devices_of_fstab_are_waited_for() {
    if !is_root() {
        return;
    }
    let root = Root::new("devices");
    fs::write(root.0.join("fstab"), "LABEL=a\\b /srv ext4\n/dev/x /x ext4 nofail\n/dev/y /y ext4 noauto\n").unwrap();
    let out = root.sh("mount -t tmpfs none /dev; mount -t tmpfs none /run; mount -t tmpfs none /etc\n\
         mknod -m 666 /dev/null c 1 3; mkdir /run/udev; touch /run/udev/control /run/udev/queue; cp fstab /etc\n\
         \"$BOOT\" devices 2>said & pid=$!\n\
         turns=0; until cat /proc/$pid/fdinfo/* 2>/dev/null | grep -q inotify; do\n\
         turns=$((turns + 1)); [ $turns -lt 5000 ]; done\n\
         rm /run/udev/queue\n\
         turns=0; until grep -q /dev/x said; do turns=$((turns + 1)); [ $turns -lt 5000 ]; done\n\
         kill -0 $pid; mkdir /dev/disk; mkdir /dev/disk/by-label; ln -s /dev/null '/dev/disk/by-label/a\\x5cb'\n\
         wait $pid; cat said");
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{text}{errors}");
    assert_eq!(text, "/dev/x, which fstab names, isn't there after 0 s\n", "{errors}");
}

/// A root that fstab doesn't name keeps the options it has; of one that it names, those of fstab count.
#[test]
fn the_root_becomes_writable_as_it_was_meant() {
    if !is_root() {
        return;
    }
    let root = Root::new("remount");
    let out = root.sh("mkdir m; mount -t tmpfs -o nosuid,nodev none m; cd m; mkdir etc proc usr\n\
         for name in bin lib lib64 sbin; do ln -s usr/$name $name; done\n\
         cp \"$BOOT\" init-boot; mount -t proc proc proc; mount --bind /usr usr\n\
         for line in '# none' 'none / tmpfs nosuid,noexec'; do\n\
         echo \"$line\" >etc/fstab; mount -o remount,ro .; chroot . /init-boot remount-root\n\
         grep \" $PWD \" /proc/self/mounts | cut -d ' ' -f 4; mount -o remount,exec .; done");
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{text}{errors}");
    let has = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = text.lines().map(has).collect();
    let [kept, named] = lines.as_slice() else { panic!("{text}{errors}") };
    for (line, there, not) in
        [(kept, ["rw", "nosuid", "nodev"], "noexec"), (named, ["rw", "nosuid", "noexec"], "nodev")]
    {
        assert!(there.iter().all(|word| line.iter().any(|w| w == word)) && !line.iter().any(|w| w == not), "{text}");
    }
}

#[test]
fn each_job_has_its_help_and_takes_no_nonsense() {
    let program = rung_tests::world::programs().join("init-boot");
    let run = |arguments: &[&str]| Command::new(&program).args(arguments).output().unwrap();
    let overview = String::from_utf8(run(&["--help"]).stdout).unwrap();
    let jobs: Vec<&str> =
        overview.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    assert!(jobs.len() >= 9, "{overview}");
    for job in jobs {
        let help = run(&[job, "--help"]);
        assert!(help.status.success() && help.stdout.starts_with(b"Usage: init-boot "), "{job}");
        let wrong = run(&[job, "--nonsense", "--nonsense"]);
        assert_eq!(wrong.status.code(), Some(2), "{job}");
    }
    assert_eq!(run(&["nonsense"]).status.code(), Some(2));
}
