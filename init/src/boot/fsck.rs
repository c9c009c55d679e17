//! File systems are checked before they are written to.

use super::fstab::{self, Entry};
use super::{Job, Outcome, cmdline, program, say};
use crate::sys::mount::{self, Mount};
use crate::sys::reboot;
use std::path::{Path, PathBuf};

pub const JOB: Job = Job {
    name: "fsck",
    arguments: "root|all",
    what: "checks the file systems that /etc/fstab wants checked",
    help: "root  Checks the root file system, while it is still read-only. Where it was repaired under the kernel's feet the\n      machine starts again; where it needs repair by hand there is a shell on the console first.\nall   Checks the others.\n\nChecked is what has a sixth field in /etc/fstab that isn't 0. Kernel words: fsck.mode=skip|force, fastboot, forcefsck,\nfsck.repair=preen|yes|no. The files /fastboot and /forcefsck do as the words of their names.",
    run,
};

/// How to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Manner {
    skip: bool,
    force: bool,
    /// What to repair: `-a` what is safe, `-y` all, `-n` nothing.
    repair: &'static str,
}

/// What an exit status of fsck(8) asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    Restart,
    Damaged,
    /// The checker itself failed.
    Unchecked,
}

pub(super) fn run(arguments: &[String]) -> Outcome {
    let is_root = match arguments {
        [which] if which == "root" => true,
        [which] if which == "all" => false,
        _ => return Outcome::Usage,
    };
    let manner = manner(&cmdline::kernel(), &|path| Path::new(path).exists());
    if manner.skip || !fstab::read().iter().any(|e| has_check(e) && (e.point == Path::new("/")) == is_root) {
        return Outcome::Done;
    }
    if is_root { root(manner) } else { others(manner) }
}

fn root(manner: Manner) -> Outcome {
    let table = mount::table().unwrap_or_default();
    // The last mount on a folder is the one that is seen. Read-write already: an initramfs or a container's maker has
    // seen to it.
    let Some(mounted) = table.iter().rfind(|m| m.point == Path::new("/")).filter(|m| m.read_only) else {
        return Outcome::Done;
    };
    // By its number: names like UUID=… need udev, which has to wait for the root. An overlay has no device to check.
    let Some(device) = root_device() else { return Outcome::Done };
    let device = device.to_string_lossy();
    let flags = flags(manner);
    let result = match (program::find(&format!("fsck.{}", mounted.kind)), program::find("fsck")) {
        (Some(checker), _) => program::run(&checker, &with(&flags, &device)),
        (None, Some(fsck)) => program::run(&fsck, &[&["-T"], with(&flags, &device).as_slice()].concat()),
        (None, None) => return no_checker(mounted),
    };
    let status = match result {
        Ok(status) => status,
        Err(e) => {
            say(&format!("the root file system couldn't be checked: {}", e.desc()));
            return Outcome::Failed;
        }
    };
    match verdict(status) {
        Verdict::Fine => Outcome::Done,
        Verdict::Restart => {
            say("the root file system was repaired: the machine starts again");
            restart()
        }
        Verdict::Damaged => {
            let text = format!("the root file system needs repair by hand (fsck: status {status})");
            say(&text);
            on_console(&format!("{text}; the machine starts again when you leave the shell"));
            sulogin();
            restart()
        }
        Verdict::Unchecked => {
            say(&format!("the root file system couldn't be checked (fsck: status {status}): see above"));
            Outcome::Failed
        }
    }
}

fn others(manner: Manner) -> Outcome {
    let Some(fsck) = program::find("fsck") else {
        say("no `fsck` is installed, so nothing is checked: `apt install util-linux`");
        return Outcome::Done;
    };
    // It takes them in the order of fstab's passes, disks side by side, without the root (-R) and what is mounted (-M).
    let status = match program::run(&fsck, &[&["-A", "-R", "-T", "-M"], flags(manner).as_slice()].concat()) {
        Ok(status) => status,
        Err(e) => {
            say(&format!("{}: {}", fsck.display(), e.desc()));
            return Outcome::Failed;
        }
    };
    match verdict(status) {
        // Nothing of it is mounted yet, so there is nothing to start again for.
        Verdict::Fine | Verdict::Restart => Outcome::Done,
        Verdict::Damaged => {
            say(&format!("a file system needs repair by hand (fsck: status {status}): see above, run `fsck DEVICE`"));
            Outcome::Failed
        }
        Verdict::Unchecked => {
            say(&format!("not all file systems could be checked (fsck: status {status}): see above"));
            Outcome::Failed
        }
    }
}

fn no_checker(mounted: &Mount) -> Outcome {
    say(&format!("neither `fsck.{}` nor `fsck` is installed, so the root isn't checked", mounted.kind));
    Outcome::Done
}

fn manner(words: &[String], exists: &dyn Fn(&str) -> bool) -> Manner {
    let mut manner = Manner { skip: exists("/fastboot"), force: exists("/forcefsck"), repair: "-a" };
    for word in words {
        match word.as_str() {
            "fastboot" | "fsck.mode=skip" => manner.skip = true,
            "forcefsck" | "fsck.mode=force" => manner.force = true,
            "fsck.mode=auto" => (manner.skip, manner.force) = (false, false),
            "fsck.repair=yes" => manner.repair = "-y",
            "fsck.repair=no" => manner.repair = "-n",
            "fsck.repair=preen" => manner.repair = "-a",
            _ => {}
        }
    }
    manner
}

fn flags(manner: Manner) -> Vec<&'static str> {
    [manner.repair].into_iter().chain(manner.force.then_some("-f")).collect()
}

fn with<'a>(flags: &[&'a str], last: &'a str) -> Vec<&'a str> {
    flags.iter().copied().chain([last]).collect()
}

/// Whether it is to be checked. What lives in memory or on the network has no device to check.
fn has_check(entry: &Entry) -> bool {
    entry.is_checked() && entry.kind != "none" && entry.kind != "tmpfs" && !entry.device.contains(":/")
}

/// Bits of the status: 1 repaired, 2 changed under the kernel, 4 damage is left, 8 and up fsck itself failed.
pub(super) fn verdict(status: i32) -> Verdict {
    match status {
        0 | 1 => Verdict::Fine,
        2 | 3 => Verdict::Restart,
        4..=127 if status & 4 != 0 => Verdict::Damaged,
        _ => Verdict::Unchecked,
    }
}

/// The device below `/`, by the kernel's name for it.
pub(super) fn root_device() -> Option<PathBuf> {
    let number = nix::sys::stat::stat("/").ok()?.st_dev;
    let (major, minor) = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
    let text = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/uevent")).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
    Some(Path::new("/dev").join(name)).filter(|path| path.exists())
}

/// A console that blocks or is gone must not hold the boot up.
pub(super) fn on_console(text: &str) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY).bits();
    if let Ok(mut console) = std::fs::OpenOptions::new().write(true).custom_flags(flags).open("/dev/console") {
        let _ = console.write_all(format!("{text}\r\n").as_bytes());
    }
}

/// A shell for who knows root's password.
pub(super) fn sulogin() {
    let console = || std::fs::OpenOptions::new().read(true).write(true).open("/dev/console");
    let (Some(sulogin), Ok(input), Ok(output), Ok(errors)) =
        (program::find("sulogin"), console(), console(), console())
    else {
        return;
    };
    let mut command = std::process::Command::new(sulogin);
    let _ = command.arg("/dev/console").stdin(input).stdout(output).stderr(errors).status();
}

/// At once: the root is read-only and what the kernel remembers of it is out of date, so nothing may be written.
pub(super) fn restart() -> Outcome {
    say(&format!("the machine can't be started again: {}", reboot::now(reboot::Mode::RB_AUTOBOOT).desc()));
    Outcome::Failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_files_say_how() {
        let with = |words: &[&str], file: &str| {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            manner(&words, &|path| path == file)
        };
        assert_eq!(with(&["quiet"], ""), Manner { skip: false, force: false, repair: "-a" });
        assert!(with(&[], "/fastboot").skip && with(&["fsck.mode=skip"], "").skip && with(&["fastboot"], "").skip);
        assert!(with(&[], "/forcefsck").force && with(&["fsck.mode=force"], "").force);
        assert_eq!(flags(with(&["forcefsck", "fsck.repair=yes"], "")), ["-y", "-f"]);
        assert!(!with(&["fsck.mode=auto"], "/fastboot").skip, "the word comes after the file");
    }

    #[test]
    fn fstab_says_what_is_checked() {
        let text = "UUID=1 / ext4 errors=remount-ro 0 1\n/dev/sdb1\t/a\\040b ext4 defaults 0 2\nUUID=2 none swap sw 0 0\n\
                    tmpfs /t tmpfs x 0 2\nhost:/x /n nfs x 0 2\n/dev/sdc /c ext4\nbroken\n";
        let found = fstab::parse(text);
        let found: Vec<_> = found.iter().filter(|e| has_check(e)).map(|e| e.point.display().to_string()).collect();
        assert_eq!(found, ["/", "/a b"]);
    }

    #[test]
    fn statuses_have_their_meaning() {
        let all = [0, 1, 2, 3, 4, 5, 6, 8, 12, 32, 139].map(verdict);
        use Verdict::{Damaged as D, Fine as F, Restart as R, Unchecked as U};
        assert_eq!(all, [F, F, R, R, D, D, D, U, D, U, U]);
    }
}
