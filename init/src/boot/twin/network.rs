//! `networking`: ifupdown's interfaces.

use super::settings::Settings;
use super::{End, NETWORKING, Verb};
use crate::boot::{program, say};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::Path;

const INTERFACES: &str = "/etc/network/interfaces";
const RUN: &str = "/run/network";

/// Brings up what is to be up at boot, takes it down at the end.
pub(super) fn networking(verb: Verb, settings: &Settings) -> End {
    let (Some(ifup), Some(ifdown)) = (program::find("ifup"), program::find("ifdown")) else { return End::Done };
    if verb == Verb::Stop {
        return down(&ifdown, settings);
    }
    let off = settings.get("CONFIGURE_INTERFACES") == Some("no");
    if !off && let Some(why) = hotplug() {
        return End::Script(why);
    }
    if !ready() {
        return End::Failed;
    }
    if off {
        say(&format!("no interface is configured: CONFIGURE_INTERFACES=no in {NETWORKING}"));
        return End::Done;
    }
    // While it is there, udev has devices that it hasn't got to.
    if Path::new("/run/udev/queue").exists()
        && let Some(udevadm) = program::find("udevadm")
    {
        let _ = program::run(&udevadm, &["settle"]);
    }
    let mut arguments = vec!["-a"];
    for pattern in settings.or("EXCLUDE_INTERFACES", "").split_whitespace() {
        arguments.extend(["-X", pattern]);
    }
    run(&ifup, arguments, settings)
}

/// Nothing is taken down that a disk is reached by.
fn down(ifdown: &Path, settings: &Settings) -> End {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let is_iscsi = Path::new("/proc/mounts").exists() && Path::new("/etc/iscsi/iscsi.initramfs").exists();
    let why = if is_iscsi {
        Some("the root is reached by iSCSI")
    } else {
        in_use(&text("/proc/mounts"), &text("/proc/swaps"))
    };
    if let Some(why) = why {
        say(&format!("the interfaces stay up: {why}"));
        return End::Done;
    }
    run(ifdown, vec!["-a", "--exclude=lo"], settings)
}

/// What lies behind the network, in the tables of mounts and of swap areas. Pure.
fn in_use(mounts: &str, swaps: &str) -> Option<&'static str> {
    let of = |table: &str, kinds: &[&str], devices: &[&str]| {
        table.lines().any(|line| {
            let mut words = line.split_whitespace();
            let (device, kind) = (words.next().unwrap_or(""), words.nth(1).unwrap_or(""));
            let is_disk =
                device.strip_prefix("/dev/nd").is_some_and(|n| n.starts_with(|c: char| c.is_ascii_lowercase()));
            is_disk || devices.iter().any(|start| device.starts_with(start)) || kinds.contains(&kind)
        })
    };
    let disks = ["/dev/nbd", "/dev/etherd/e"];
    if of(mounts, &KINDS, &[disks.as_slice(), &["curlftpfs"]].concat()) {
        Some("a file system of the network is mounted")
    } else {
        of(swaps, &[], &disks).then_some("a disk of the network is swap")
    }
}

/// As the script has them.
const KINDS: [&str; 13] = [
    "nfs",
    "nfs4",
    "smbfs",
    "ncp",
    "ncpfs",
    "cifs",
    "coda",
    "ocfs2",
    "gfs",
    "pvfs",
    "pvfs2",
    "fuse.httpfs",
    "fuse.curlftpfs",
];

/// That one of the interfaces isn't up or down is said, and is no failure, as in the script.
fn run(program: &Path, mut arguments: Vec<&str>, settings: &Settings) -> End {
    if settings.get("VERBOSE") == Some("yes") {
        arguments.push("-v");
    }
    match program::run(program, &arguments) {
        Ok(0) => {}
        Ok(status) => say(&format!("{} {}: status {status}", program.display(), arguments.join(" "))),
        Err(e) => say(&format!("{}: {}", program.display(), e.desc())),
    }
    End::Done
}

/// Where ifupdown notes what is up.
fn ready() -> bool {
    let run = Path::new(RUN);
    // Whose it is once somebody else has made it, as `ifup` for udev, isn't changed.
    let new = || {
        fs::DirBuilder::new().mode(0o755).create(run)?;
        let given = super::misc::group("netdev").map_or(Ok(()), |gid| chown(run, Some(0), Some(gid)));
        given.inspect_err(|e| say(&format!("{RUN}: can't chown: {e}"))).or(Ok(()))
    };
    let made = if run.is_dir() { Ok(()) } else { new() };
    let made = made.and_then(|()| fs::OpenOptions::new().append(true).create(true).open(run.join("ifstate")).map(drop));
    made.map_err(|e| say(&format!("{RUN}: {e}"))).is_ok()
}

/// Interfaces that come up when they are plugged in: only ifquery knows which of them are there.
fn hotplug() -> Option<String> {
    let mut files = vec![Path::new(INTERFACES).to_owned()];
    let folder = fs::read_dir("/etc/network/interfaces.d").into_iter().flatten().flatten();
    files.extend(folder.map(|entry| entry.path()));
    files.iter().find_map(|file| {
        said(&fs::read_to_string(file).unwrap_or_default()).map(|why| format!("{}: {why}", file.display()))
    })
}

/// What of a file's text only ifquery understands. Pure.
fn said(text: &str) -> Option<&'static str> {
    let mut words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.find_map(|words| match words.as_slice() {
        ["allow-hotplug", ..] => Some("it has interfaces that are plugged in"),
        ["source" | "source-directory", "/etc/network/interfaces.d" | "/etc/network/interfaces.d/*"] => None,
        ["source" | "source-directory", ..] => Some("it includes other files"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{in_use, said};

    #[test]
    fn what_a_disk_is_reached_by_stays_up() {
        let (root, swap) =
            ("/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n", "Filename Type\n/dev/sda2 partition 1 0 -2\n");
        assert_eq!(in_use(root, swap), None);
        for mount in
            ["nas:/a /a nfs4 rw 0 0", "/dev/nbd0 /a ext4 rw 0 0", "/dev/nda /a ext4 rw", "curlftpfs#x /a fuse rw"]
        {
            assert_eq!(
                in_use(&format!("{root}{mount}\n"), swap),
                Some("a file system of the network is mounted"),
                "{mount}"
            );
        }
        assert_eq!(in_use("/dev/nd0 /a ext4 rw\n/srv/nfs /b none rw\n", ""), None);
        assert_eq!(in_use(root, "/dev/etherd/e1.1 partition 1 0 -2"), Some("a disk of the network is swap"));
    }

    #[test]
    fn what_is_plugged_in_is_left_to_the_script() {
        assert_eq!(
            said("# allow-hotplug\nauto lo eth0\nsource /etc/network/interfaces.d/*\niface lo inet loopback\n"),
            None
        );
        assert!(said("auto lo\n  allow-hotplug eth0\n").is_some() && said("source /etc/x/*\n").is_some());
    }
}
