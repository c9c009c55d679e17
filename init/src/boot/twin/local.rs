//! `mountall.sh` and `mountnfs.sh`: what fstab has besides the root.

use super::kernel::{Memory, end, migrate};
use super::mounts::{self, Mode};
use super::settings::Settings;
use super::{End, RCS, Verb, root};
use crate::boot::fstab::{self, Entry};
use crate::boot::{conf, program, say};
use nix::sys::stat::Mode as Bits;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::Command;

/// File systems of the network, which come later.
const REMOTE: &[&str] = &["nfs", "nfs4", "smbfs", "cifs", "ncp", "ncpfs", "coda", "ocfs2", "gfs", "gfs2", "ceph"];

pub(super) fn mountall(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Stop {
        return End::Done;
    }
    let memory = Memory::new(settings);
    let mut fine = mount_local(&memory.entries);
    fine &= links(&memory.entries);
    fine &= root::logs_can_be_written();
    control_channel();
    if !root::has_word("noswap") {
        root::swap_on(&memory.entries);
    }
    fine &= memory.run(Mode::Mount) & memory.lock(Mode::Mount) & memory.shm(Mode::Mount);
    let is_rw = memory.entries.iter().rfind(|e| e.point == Path::new("/")).is_none_or(|e| !e.has("ro"));
    end(fine & memory.tmp(is_rw))
}

/// `mount -a`, where that has anything to do.
fn mount_local(entries: &[Entry]) -> bool {
    let mount = |arguments: &[&str]| {
        let Some(mount) = program::find("mount") else {
            say("`mount` isn't installed: `apt install mount`");
            return false;
        };
        let mut command = Command::new(mount);
        command.args(arguments);
        // For file systems that translate names.
        if let Some(lang) = lang() {
            command.env("LANG", lang);
        }
        match command.status() {
            Ok(status) if status.success() => true,
            Ok(status) => {
                say(&format!("mount {}: {status}", arguments.join(" ")));
                false
            }
            Err(e) => {
                say(&format!("mount: {e}"));
                false
            }
        }
    };
    if mounts::is_mount_point("/usr") {
        mount(&["-o", "remount", "/usr"]);
    }
    let due = |e: &&Entry| {
        let there = || e.point.to_str().is_some_and(mounts::is_mount_point);
        e.kind != "swap" && !e.has("noauto") && !e.has("_netdev") && !REMOTE.contains(&e.kind.as_str()) && !there()
    };
    let kinds = format!("no{}", REMOTE.join(","));
    entries.iter().find(due).is_none() || mount(&["-a", "-t", &kinds, "-O", "no_netdev"])
}

/// `LANG` of `/etc/default/locale`.
fn lang() -> Option<String> {
    Settings::read(&["/etc/default/locale"], &|path| conf::text(Path::new(path))).ok()?.get("LANG").map(str::to_owned)
}

/// `post_mountall`, but for a `/run` that is a link itself.
fn links(entries: &[Entry]) -> bool {
    if Path::new("/run").is_symlink() {
        say("/run is a link: /var/run and /var/lock are left as they are");
        return true;
    }
    let shm = match fstab::at(entries, "/run/shm", None) {
        Some(_) => migrate("/dev/shm", "/run/shm"),
        None => migrate("/run/shm", "/dev/shm"),
    };
    migrate("/var/run", "/run") & migrate("/var/lock", "/run/lock") & shm
}

/// Something may have been mounted over the FIFO.
fn control_channel() {
    let path = Path::new("/run/initctl");
    let is_fifo = fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo());
    if !is_fifo && Path::new("/usr/share/sysvinit/update-rc.d").is_file() {
        let _ = fs::remove_file(path);
        let _ = nix::unistd::mkfifo(path, Bits::from_bits_truncate(0o600));
        let init = nix::unistd::Pid::from_raw(1);
        let _ = nix::sys::signal::kill(init, nix::sys::signal::Signal::SIGUSR1);
    }
}

pub(super) fn nfs_objection(settings: &Settings) -> Option<String> {
    let off = settings.get("ASYNCMOUNTNFS") == Some("no");
    off.then(|| format!("ASYNCMOUNTNFS=no in {RCS}: the script mounts file systems of the network, the twin doesn't"))
}

/// `umountnfs.sh`: the record of the end, and no marks left. What is mounted from the network only the script unmounts.
pub(super) fn umountnfs(verb: Verb, _: &Settings) -> End {
    if verb != Verb::Stop {
        return End::Done;
    }
    let table = fs::read_to_string("/proc/mounts").unwrap_or_default();
    if let Some(point) = table.lines().find_map(due_before_the_end) {
        return End::Script(format!("{point} is mounted"));
    }
    if let Some(halt) = program::find("halt") {
        let _ = program::run(&halt, &["-w"]);
    }
    for folder in ["/tmp", "/run", "/run/lock"] {
        let _ = fs::remove_file(Path::new(folder).join(".clean"));
    }
    End::Done
}

/// The place of a mount that `umountnfs.sh` unmounts.
fn due_before_the_end(line: &str) -> Option<&str> {
    let mut fields = line.split_whitespace().skip(1);
    let (point, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
    let stays = ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/sys", "/run"].contains(&point)
        || ["/proc/", "/run/"].iter().any(|above| point.starts_with(above));
    let remote = ["nfs", "nfs4", "smbfs", "ncp", "ncpfs", "cifs", "coda", "ceph"].contains(&kind);
    let of_kernel = ["proc", "procfs", "linprocfs", "devpts", "usbfs", "usbdevfs", "sysfs"].contains(&kind);
    (!stays && (remote || of_kernel || options.split(',').any(|o| o == "_netdev"))).then_some(point)
}

/// Waits for file systems of the network that the machine can't do without: as the script.
pub(super) fn mountnfs(verb: Verb, _: &Settings) -> End {
    let waited = |e: &Entry| {
        let kinds = ["nfs", "nfs4", "smbfs", "cifs", "coda", "ncp", "ncpfs", "ceph"];
        kinds.contains(&e.kind.as_str())
            && !e.has("noauto")
            && (e.point.starts_with("/usr") || e.point.starts_with("/var"))
    };
    match fstab::read().iter().find(|e| verb == Verb::Start && waited(e)) {
        Some(e) => End::Script(format!("{} of the network has to be waited for", e.point.display())),
        None => End::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::due_before_the_end as due;

    #[test]
    fn what_is_of_the_network_is_left_to_the_script() {
        assert_eq!(due("h:/x /srv nfs4 rw 0 0"), Some("/srv"));
        assert_eq!(due("proc /chroot/proc proc rw 0 0"), Some("/chroot/proc"));
        assert_eq!(due("/dev/nbd0 /x ext4 rw,_netdev 0 0"), Some("/x"));
        for line in ["proc /proc proc rw 0 0", "/dev/sda / ext4 rw 0 0", "tmpfs /tmp tmpfs rw 0 0", "x /run/y nfs rw"] {
            assert_eq!(due(line), None, "{line}");
        }
    }
}
