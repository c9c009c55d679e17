//! The kernel's own file systems, memory's, modules and parameters: `mountkernfs.sh`, `mountdevsubfs.sh`,
//! `mount-configfs`, `kmod`, `procps`.

use super::mounts::{self, Mode, Wanted};
use super::settings::Settings;
use super::{End, Verb};
use crate::boot::fstab::{self, Entry};
use crate::boot::{modules, say, sysctl};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::Path;

/// What a mount of memory is made with.
pub(super) struct Memory<'a> {
    pub settings: &'a Settings,
    pub entries: Vec<Entry>,
}

impl<'a> Memory<'a> {
    pub fn new(settings: &'a Settings) -> Self {
        Self { settings, entries: fstab::read() }
    }

    /// `NAME_SIZE` and `NAME_MODE` as options.
    fn limits(&self, name: &str, size: &str, mode: &str) -> String {
        let all = vm_size(self.settings.or("TMPFS_SIZE", "20%VM"));
        let own = vm_size(self.settings.get(&format!("{name}_SIZE")).unwrap_or(size));
        let size = if own.is_empty() { all } else { own };
        let mode = match self.settings.get(&format!("{name}_MODE")).unwrap_or(mode) {
            "" => self.settings.or("TMPFS_MODE", "755"),
            mode => mode,
        };
        format!(",size={size},mode={mode}")
    }

    fn tmpfs(&self, mode: Mode, point: &str, options: &str) -> bool {
        mounts::domount(mode, &Wanted { kind: "tmpfs", point, device: "tmpfs", options }, &self.entries)
    }

    fn ram_shm(&self) -> &str {
        self.settings.or("RAMSHM", "yes")
    }

    /// `mount_run`.
    pub fn run(&self, mode: Mode) -> bool {
        let apart = self.ram_shm() == "yes" || fstab::at(&self.entries, "/run/shm", Some("tmpfs")).is_some();
        let exec = if apart { ",noexec" } else { "" };
        let done = self.tmpfs(mode, "/run", &format!("nosuid{exec}{}", self.limits("RUN", "10%", "755")));
        folder("/run/sendsigs.omit.d") & touch("/run/.tmpfs") & done
    }

    /// `mount_lock`.
    pub fn lock(&self, mode: Mode) -> bool {
        let made = folder("/run/lock");
        let ram = match fstab::at(&self.entries, "/run/lock", None) {
            Some(entry) => entry.kind == "tmpfs",
            None => self.settings.or("RAMLOCK", "yes") == "yes",
        };
        if !ram {
            return made & chmod("/run/lock", self.settings.or("LOCK_MODE", "1777"));
        }
        let limits = self.limits("LOCK", "5242880", "1777");
        let done = self.tmpfs(mode, "/run/lock", &format!("nodev,noexec,nosuid{limits}"));
        made & done & touch("/run/lock/.tmpfs")
    }

    /// `mount_shm`.
    pub fn shm(&self, mode: Mode) -> bool {
        let on_run = fstab::at(&self.entries, "/run/shm", None).is_some();
        let (point, other) = if on_run { ("/run/shm", "/dev/shm") } else { ("/dev/shm", "/run/shm") };
        if !Path::new(point).is_dir() {
            let _ = fs::remove_file(point);
        }
        let made = folder(point);
        let ram = match fstab::at(&self.entries, point, None) {
            Some(entry) => entry.kind == "tmpfs",
            None => self.ram_shm() == "yes",
        };
        let done = if ram {
            let limits = self.limits("SHM", "", "1777");
            self.tmpfs(mode, point, &format!("nosuid,nodev,noexec{limits}")) & touch(&format!("{point}/.tmpfs"))
        } else {
            chmod(point, self.settings.or("SHM_MODE", "1777"))
        };
        made & done & (mode == Mode::Remount || migrate(other, point))
    }

    /// `mount_tmp`, for a root that is mounted in `root_mode`.
    pub fn tmp(&self, root_is_rw: bool) -> bool {
        let tmp = Path::new("/tmp");
        if tmp.is_symlink() && !tmp.is_dir() {
            let target = fs::read_link(tmp).unwrap_or_default();
            let _ = fs::create_dir_all(&target);
            let _ = fs::set_permissions(&target, fs::Permissions::from_mode(0o1777));
        }
        let entry = fstab::at(&self.entries, "/tmp", None);
        let little = || {
            let limit: u64 = self.settings.or("TMP_OVERFLOW_LIMIT", "1024").parse().unwrap_or(0);
            nix::sys::statvfs::statvfs("/tmp")
                .is_ok_and(|s| s.blocks_available().saturating_mul(s.fragment_size()) / 1024 < limit)
        };
        let small = memory("MemTotal").is_some_and(|kib| kib <= 65536);
        let ram = match entry {
            Some(entry) => entry.kind == "tmpfs",
            None => self.settings.or("RAMTMP", "no") == "yes" && !small || !root_is_rw || little(),
        };
        if !ram {
            return true;
        }
        let done = self.tmpfs(Mode::Mount, "/tmp", &format!("nodev,nosuid{}", self.limits("TMP", "", "1777")));
        done & touch("/tmp/.tmpfs")
    }
}

pub(super) fn mountkernfs(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Stop {
        return End::Done;
    }
    end(kernel_file_systems(Mode::Mount, &Memory::new(settings)))
}

/// `mountkernfs.sh`; with [`Mode::Remount`] what its `reload` does.
pub(super) fn kernel_file_systems(mode: Mode, memory: &Memory<'_>) -> bool {
    let mut fine = memory.run(mode) & memory.lock(mode);
    let mut one = |kind: &str, point: &str, device: &str, options: &str| {
        fine &= mounts::domount(mode, &Wanted { kind, point, device, options }, &memory.entries);
    };
    one("proc", "/proc", "proc", "nodev,noexec,nosuid");
    let kernel = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let knows = |kind: &str| kernel.lines().any(|line| line.ends_with(kind));
    if knows("securityfs") {
        one("securityfs", "/sys/kernel/security", "securityfs", "");
    }
    if knows("sysfs") {
        one("sysfs", "/sys", "sysfs", "nodev,noexec,nosuid");
    }
    if Path::new("/sys/fs/pstore").is_dir() {
        one("pstore", "/sys/fs/pstore", "pstore", "");
    }
    if Path::new("/sys/firmware/efi/efivars").is_dir() {
        one("efivarfs", "/sys/firmware/efi/efivars", "none", "");
    }
    fine
}

pub(super) fn mountdevsubfs(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Stop {
        return End::Done;
    }
    end(device_file_systems(Mode::Mount, &Memory::new(settings)))
}

/// `mountdevsubfs.sh`; with [`Mode::Remount`] what its `reload` does.
pub(super) fn device_file_systems(mode: Mode, memory: &Memory<'_>) -> bool {
    for (link, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        let link = Path::new("/dev").join(link);
        if !link.is_symlink() && !link.is_dir() {
            let _ = symlink(target, &link).map_err(|e| say(&format!("{}: {e}", link.display())));
        }
    }
    let fine = memory.shm(mode);
    let _ = folder("/dev/pts");
    let (group, mode_of) =
        (memory.settings.get("TTYGRP").unwrap_or("5"), memory.settings.get("TTYMODE").unwrap_or("620"));
    let options = format!("noexec,nosuid,gid={group},mode={mode_of}");
    let wanted = Wanted { kind: "devpts", point: "/dev/pts", device: "devpts", options: &options };
    mounts::domount(mode, &wanted, &memory.entries) & fine
}

pub(super) fn configfs(verb: Verb, _: &Settings) -> End {
    let point = "/sys/kernel/config";
    if verb == Verb::Stop || !Path::new(point).is_dir() {
        return End::Done;
    }
    end(mounts::domount(Mode::Mount, &Wanted { kind: "configfs", point, device: "none", options: "" }, &[]))
}

pub(super) fn kmod(verb: Verb, _: &Settings) -> End {
    if verb == Verb::Start {
        modules::as_kmod();
    }
    End::Done
}

pub(super) fn procps(verb: Verb, _: &Settings) -> End {
    if verb == Verb::Stop { End::Done } else { end(sysctl::as_procps()) }
}

/// `run_migrate`: what was at `old` is a link to `new` from now on.
pub(super) fn migrate(old: &str, new: &str) -> bool {
    let (from, to) = (Path::new(old), Path::new(new));
    let target = fs::read_link(from).ok();
    if target.as_deref() == Some(to) {
        return true;
    }
    let one = |path: &Path| nix::sys::stat::stat(path).map(|s| (s.st_dev, s.st_ino)).ok();
    let done = match target {
        // Older ones were relative.
        Some(_) => fs::remove_file(from).and_then(|()| symlink(to, from)),
        None if one(from).is_some() && one(from) == one(to) => return true,
        None => {
            let _ = if from.is_dir() { fs::remove_dir_all(from) } else { fs::remove_file(from) };
            match from.is_dir() {
                // Something is mounted there.
                true => {
                    say(&format!("{old} can't be removed, so {new} is bound there: take it out of /etc/fstab"));
                    let flags = nix::mount::MsFlags::MS_BIND;
                    nix::mount::mount(Some(to), from, None::<&str>, flags, None::<&str>).map_err(Into::into)
                }
                false => symlink(to, from),
            }
        }
    };
    done.map_err(|e| say(&format!("{old} can't be made a link to {new}: {e}"))).is_ok()
}

pub(super) fn end(fine: bool) -> End {
    if fine { End::Done } else { End::Failed }
}

/// A number of kibibytes out of `/proc/meminfo`.
fn memory(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `20%VM`: of memory and swap, in kibibytes; other sizes as they are.
fn vm_size(size: &str) -> String {
    let Some(percent) = size.strip_suffix("%VM") else { return size.to_owned() };
    let all = memory("MemTotal").unwrap_or(0).saturating_add(memory("SwapTotal").unwrap_or(0));
    format!("{}k", (all / 100).saturating_mul(percent.parse().unwrap_or(0)))
}

fn folder(path: &str) -> bool {
    if Path::new(path).is_dir() {
        return true;
    }
    fs::DirBuilder::new().mode(0o755).create(path).map_err(|e| say(&format!("{path} can't be made: {e}"))).is_ok()
}

/// Makes a file where there is none.
fn touch(path: &str) -> bool {
    let made = fs::OpenOptions::new().append(true).create(true).open(path);
    made.map_err(|e| say(&format!("{path} can't be made: {e}"))).is_ok()
}

fn chmod(path: &str, mode: &str) -> bool {
    let Ok(bits) = u32::from_str_radix(mode, 8) else {
        say(&format!("{path}: `{mode}` is no mode"));
        return false;
    };
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).map_err(|e| say(&format!("{path}: {e}"))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_of_memory_and_swap() {
        assert_eq!(
            (vm_size("10%").as_str(), vm_size("5242880").as_str(), vm_size("").as_str()),
            ("10%", "5242880", "")
        );
        let all = memory("MemTotal").expect("memory") + memory("SwapTotal").expect("swap");
        assert_eq!(vm_size("20%VM"), format!("{}k", all / 100 * 20));
    }

    #[test]
    fn a_folder_becomes_a_link() {
        let base = std::env::temp_dir().join(format!("rung-twin-migrate-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(base.join("old/x")).expect("folder");
        fs::create_dir_all(base.join("new")).expect("folder");
        let (old, new) = (base.join("old").display().to_string(), base.join("new").display().to_string());
        for _ in 0..2 {
            assert!(migrate(&old, &new));
            assert_eq!(fs::read_link(&old).expect("a link"), Path::new(&new));
        }
        fs::remove_file(&old).expect("remove");
        symlink("new", &old).expect("a link");
        assert!(migrate(&old, &new), "a relative one is replaced");
        assert_eq!(fs::read_link(&old).expect("a link"), Path::new(&new));
        fs::remove_dir_all(&base).expect("clean");
    }
}
