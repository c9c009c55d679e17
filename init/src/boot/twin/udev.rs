//! `udev`: the device manager as a daemon that is watched over, and what its script does around it.

use super::settings::Settings;
use super::{End, Verb};
use crate::boot::{program, say};
use crate::sys::file;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{AccessFlags, access};
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The daemon.
pub(super) const DAEMON: &str = "/lib/systemd/systemd-udevd";
const PID_FILE: &str = "/run/udev.pid";
/// Where scripts that end all processes look whom to spare.
const SPARED: &str = "/run/sendsigs.omit.d";

/// `start` before the daemon, which isn't started where this fails; `started` when it is ready; `stop` after its end.
pub(super) fn udev(verb: Verb, _: &Settings) -> End {
    match verb {
        Verb::Start => before(),
        Verb::Started(pid) => after(pid),
        Verb::Stop => {
            for path in ["/run/udev/control", PID_FILE] {
                let _ = fs::remove_file(path);
            }
            End::Done
        }
    }
}

fn before() -> End {
    let kernel = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let why = match () {
        () if !kernel.lines().any(|line| line.ends_with("\tdevtmpfs")) => "the kernel has no devtmpfs",
        () if !Path::new("/sys/class").is_dir() => "there is no /sys",
        () if access("/sys", AccessFlags::W_OK).is_err() => "/sys is read-only, as in a container",
        () => "",
    };
    if !why.is_empty() {
        say(&format!("udev isn't started: {why}"));
        return End::Failed;
    }
    // Where there is one, the kernel would start a program for each event.
    let _ = file::poke(Path::new("/sys/kernel/uevent_helper"), "\n");
    let release = nix::sys::utsname::uname().map(|u| u.release().to_owned()).unwrap_or_default();
    let list = Path::new("/lib/modules").join(release).join("modules.devname");
    for node in nodes(&fs::read_to_string(list).unwrap_or_default()) {
        make(&node);
    }
    // What an initramfs left.
    if Path::new("/run/udev").exists() {
        run(&["info", "--cleanup-db"]);
    }
    End::Done
}

fn after(pid: i32) -> End {
    let _ = fs::write(PID_FILE, format!("{pid}\n")).map_err(|e| say(&format!("{PID_FILE}: {e}")));
    let _ = fs::DirBuilder::new().recursive(true).mode(0o755).create(SPARED);
    let _ = file::replace_link(Path::new(PID_FILE), &Path::new(SPARED).join("systemd-udevd"));
    run(&["trigger", "--type=subsystems", "--action=add"]);
    run(&["trigger", "--type=devices", "--action=add"]);
    let own = Path::new("/sbin/MAKEDEV");
    let target = if own.exists() { own } else { Path::new("/bin/true") };
    let _ = file::replace_link(target, Path::new("/dev/MAKEDEV"));
    run(&["settle"]);
    End::Done
}

/// What doesn't work is said, and the boot goes on, as in the script.
fn run(arguments: &[&str]) {
    let Some(udevadm) = program::find("udevadm") else { return };
    match program::run(&udevadm, arguments) {
        Ok(0) => {}
        Ok(status) => say(&format!("udevadm {}: status {status}", arguments.join(" "))),
        Err(e) => say(&format!("{}: {}", udevadm.display(), e.desc())),
    }
}

/// A device that is there before its module, to have that loaded.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    name: String,
    kind: SFlag,
    major: u64,
    minor: u64,
}

/// Lines `MODULE NAME cMAJOR:MINOR`; others are passed over.
fn nodes(text: &str) -> Vec<Node> {
    let node = |line: &str| {
        let mut fields = line.split_whitespace();
        let (_, name, device) = (fields.next().filter(|m| !m.starts_with('#'))?, fields.next()?, fields.next()?);
        let (kind, numbers) = match device.split_at_checked(1)? {
            ("c", numbers) => (SFlag::S_IFCHR, numbers),
            ("b", numbers) => (SFlag::S_IFBLK, numbers),
            _ => return None,
        };
        let (major, minor) = numbers.split_once(':')?;
        let leaves = name.split('/').any(|part| part.is_empty() || part == "..");
        let node = Node { name: name.to_owned(), kind, major: major.parse().ok()?, minor: minor.parse().ok()? };
        (!leaves).then_some(node)
    };
    text.lines().filter_map(node).collect()
}

fn make(node: &Node) {
    let path = Path::new("/dev").join(&node.name);
    if path.exists() {
        return;
    }
    if let Some(folder) = path.parent() {
        let _ = fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
    }
    if let Err(e) = mknod(&path, node.kind, Mode::S_IRUSR | Mode::S_IWUSR, makedev(node.major, node.minor)) {
        say(&format!("{} can't be made: {}", path.display(), e.desc()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_the_kernel_s_list_are_devices() {
        let text =
            "# Device nodes\nfuse fuse c10:229\ntun net/tun c10:200\nx ../x c1:1\nloop loop0 b7:0\nshort\ny y z1:2\n";
        let found = nodes(text);
        let names: Vec<_> = found.iter().map(|n| (n.name.as_str(), n.kind, n.major, n.minor)).collect();
        let (c, b) = (SFlag::S_IFCHR, SFlag::S_IFBLK);
        assert_eq!(names, [("fuse", c, 10, 229), ("net/tun", c, 10, 200), ("loop0", b, 7, 0)]);
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,60}") {
            let _ = nodes(&text);
        }
    }
}
