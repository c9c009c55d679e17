//! Local file systems of `/etc/fstab`: their devices are waited for, they are checked, then mounted.

use super::fstab::{self, Entry};
use super::{Job, Outcome, devices, fsck, program, say};
use crate::sys::mount::{self, Mount};

pub const JOB: Job = Job {
    name: "local-fs",
    arguments: "",
    what: "waits for, checks and mounts what /etc/fstab names",
    help: "Does `init-boot devices` and `init-boot fsck all`, then runs `mount -a -O no_netdev` if anything isn't mounted yet.",
    run,
};

fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Outcome::Usage;
    }
    for done in [devices::run(&[]), fsck::run(&["all".to_owned()])] {
        if !matches!(done, Outcome::Done) {
            return done;
        }
    }
    let mounted = mount::table().unwrap_or_default();
    if !fstab::read().iter().any(|entry| is_due(entry, &mounted)) {
        return Outcome::Done;
    }
    let Some(mount) = program::find("mount") else {
        say("`mount` isn't installed: `apt install mount`");
        return Outcome::Failed;
    };
    match program::run(&mount, &["-a", "-O", "no_netdev"]) {
        Ok(0) => Outcome::Done,
        Ok(status) => {
            say(&format!("mount -a: status {status}"));
            Outcome::Failed
        }
        Err(e) => {
            say(&format!("{}: {}", mount.display(), e.desc()));
            Outcome::Failed
        }
    }
}

/// Whether `mount -a` may have something to do with it. Pure.
fn is_due(entry: &Entry, mounted: &[Mount]) -> bool {
    let is_there = |m: &Mount| m.point == entry.point && (m.kind == entry.kind || entry.kind == "auto");
    entry.kind != "swap" && !entry.has("noauto") && !entry.has("_netdev") && !mounted.iter().any(is_there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_or_comes_later_is_not_due() {
        let mount = |point: &str, kind: &str| Mount { point: point.into(), kind: kind.into(), read_only: false };
        let mounted = [mount("/", "ext4"), mount("/proc", "proc"), mount("/tmp", "tmpfs")];
        let due = |line: &str| is_due(&fstab::parse(line).remove(0), &mounted);
        for there in
            ["UUID=1 / ext4 errors=remount-ro 0 1", "proc /proc proc", "none /tmp tmpfs size=1g", "/dev/a / auto"]
        {
            assert!(!due(there), "{there}");
        }
        for later in ["/dev/a none swap sw", "/dev/a /a ext4 noauto", "nas:/a /a nfs _netdev"] {
            assert!(!due(later), "{later}");
        }
        for due_now in ["/dev/a /srv ext4", "/dev/a /tmp ext4", "nas:/a /a nfs defaults", "/srv /a none bind"] {
            assert!(due(due_now), "{due_now}");
        }
    }
}
