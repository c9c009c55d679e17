//! `/lib/init/bootclean.sh`: `/tmp`, `/run`, `/run/lock` and `/run/shm` are emptied, each once in a boot. A file `.tmpfs`
//! says that a folder lives in memory and needs none of it, `.clean` that it has been done.

use super::settings::Settings;
use super::{End, Verb};
use crate::boot::say;
use crate::boot::tmpfiles::deep;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// `checkroot-bootclean.sh`: begins anew, as mounts that come later may hide what is here now.
pub(super) fn after_root(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Start {
        for folder in ["/tmp", "/run", "/run/lock"] {
            let _ = fs::remove_file(format!("{folder}/.clean"));
        }
    }
    again(verb, settings)
}

/// `mountall-bootclean.sh`, `mountnfs-bootclean.sh`.
pub(super) fn again(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Stop {
        return End::Done;
    }
    // Nothing has been done yet, so the script can do all of it.
    for folder in ["/run", "/run/lock", "/run/shm"] {
        let path = Path::new(folder);
        if !path.join(".tmpfs").is_file() && !is_clean(path) {
            return End::Script(format!("{folder} isn't a file system in memory"));
        }
    }
    let tmp = Path::new("/tmp");
    if !tmp.is_dir() {
        return if tmp.is_symlink() { End::Done } else { End::Failed };
    }
    if tmp.join(".tmpfs").is_file() || is_clean(tmp) {
        return End::Done;
    }
    match age(settings.or("TMPTIME", "0")) {
        Ok(age) => clean_tmp(tmp, age),
        Err(()) => End::Script(format!("TMPTIME={} isn't a number of days", settings.or("TMPTIME", "0"))),
    }
}

/// Whether it has been done; a mark that isn't root's goes.
fn is_clean(folder: &Path) -> bool {
    let mark = folder.join(".clean");
    match fs::symlink_metadata(&mark) {
        Ok(meta) if meta.is_file() && meta.uid() == 0 => true,
        Ok(_) => {
            let _ = fs::remove_file(&mark);
            false
        }
        Err(_) => false,
    }
}

/// What is older than so many days goes: `Some(0)` everything, `None` nothing.
fn age(text: &str) -> Result<Option<u32>, ()> {
    match text {
        "infinite" | "infinity" => Ok(None),
        text if text.starts_with('-') => Ok(None),
        text => text.parse().map(Some).map_err(|_| ()),
    }
}

fn clean_tmp(tmp: &Path, age: Option<u32>) -> End {
    let folder = match fs::File::open(tmp) {
        Ok(folder) => folder,
        Err(e) => {
            say(&format!("/tmp can't be opened: {e}"));
            return End::Failed;
        }
    };
    // Only where everybody may write it is what it is taken for.
    let Some(top) = fstat(&folder).ok().filter(|s| s.st_mode & 0o002 != 0) else { return End::Done };
    let names: Vec<String> =
        fs::read_dir(tmp).into_iter().flatten().flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    if names.iter().any(|name| name.starts_with("...security")) {
        return End::Script("/tmp holds what is called `...security`, which stays".to_owned());
    }
    for name in names.iter().filter(|name| name.starts_with(".X") && name.ends_with("-lock")) {
        let _ = fs::remove_file(tmp.join(name));
    }
    let Some(days) = age else { return End::Done };
    let mark = tmp.join(".clean");
    let _ = fs::remove_file(&mark);
    if let Err(e) = fs::OpenOptions::new().write(true).create_new(true).custom_flags(libc_nofollow()).open(&mark) {
        say(&format!("{}: {e}", mark.display()));
        return End::Failed;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let sweep = Sweep { top: (top.st_dev, top.st_ino), days, now };
    // Files first, then the folders that are empty by now.
    let fine = [false, true].map(|folders| sweep.pass(folder.as_fd(), folders));
    if fine == [true, true] { End::Done } else { End::Failed }
}

fn libc_nofollow() -> i32 {
    nix::fcntl::OFlag::O_NOFOLLOW.bits()
}

/// One cleaning of `/tmp`.
struct Sweep {
    top: (u64, u64),
    days: u32,
    now: u64,
}

/// What root's stays at the top.
const KEPT: &[&str] =
    &["lost+found", "quota.user", "aquota.user", "quota.group", "aquota.group", ".journal", ".sujournal", ".clean"];

impl Sweep {
    fn pass(&self, top: BorrowedFd<'_>, folders: bool) -> bool {
        let result = deep::visit(top, &mut |folder, name| {
            let stat = fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
            let is_folder = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
            let kept = stat.st_uid == 0 && KEPT.iter().any(|kept| *kept == name) && self.is_top(folder);
            if is_folder != folders || kept || !self.is_old(&stat, is_folder) {
                return Ok(());
            }
            match deep::remove_one(folder, name) {
                Err(Errno::ENOTEMPTY) => Ok(()),
                other => Ok(other?),
            }
        });
        if let Err(fault) = &result {
            say(&format!("/tmp couldn't be cleaned wholly: {fault}"));
        }
        result.is_ok()
    }

    fn is_top(&self, folder: BorrowedFd<'_>) -> bool {
        fstat(folder).is_ok_and(|s| (s.st_dev, s.st_ino) == self.top)
    }

    /// As find's `-mtime +DAYS`: more than so many whole days.
    fn is_old(&self, stat: &FileStat, is_folder: bool) -> bool {
        let days = |at: i64| self.now.saturating_sub(u64::try_from(at).unwrap_or(0)) / 86400;
        let more = |at: i64| days(at) > u64::from(self.days);
        self.days == 0 || more(stat.st_mtime) && more(stat.st_ctime) && (is_folder || more(stat.st_atime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn all_goes_but_what_is_root_s_own() {
        let tmp = std::env::temp_dir().join(format!("rung-twin-clean-{}", std::process::id()));
        let _ = fs::remove_dir_all(&tmp);
        for folder in ["a/b/c", "lost+found", "a/lost+found", ".X11-unix"] {
            fs::create_dir_all(tmp.join(folder)).expect("folder");
        }
        for file in ["x", "a/b/y", "lost+found/z", ".journal", ".X0-lock"] {
            fs::write(tmp.join(file), "").expect("file");
        }
        symlink("/etc", tmp.join("a/etc")).expect("link");
        let names = || {
            let all = fs::read_dir(&tmp).expect("list").flatten().map(|e| e.file_name().into_string().expect("text"));
            let mut all: Vec<String> = all.collect();
            all.sort();
            all.join(" ")
        };
        let mode = |bits| fs::set_permissions(&tmp, fs::Permissions::from_mode(bits)).expect("mode");
        mode(0o755);
        assert!(matches!(clean_tmp(&tmp, Some(0)), End::Done), "not everybody may write it");
        assert_eq!(names(), ".X0-lock .X11-unix .journal a lost+found x");
        mode(0o1777);
        assert!(matches!(clean_tmp(&tmp, None), End::Done));
        assert_eq!(names(), ".X11-unix .journal a lost+found x");
        assert!(matches!(clean_tmp(&tmp, Some(1)), End::Done));
        assert_eq!(names(), ".X11-unix .clean .journal a lost+found x", "nothing is a day old");
        assert!(matches!(clean_tmp(&tmp, Some(0)), End::Done));
        let root = nix::unistd::geteuid().is_root();
        let left = if root { ".clean .journal lost+found" } else { "" };
        assert_eq!(names(), left);
        assert!(Path::new("/etc/passwd").exists() && (!root || !tmp.join("lost+found/z").exists()));
        fs::create_dir(tmp.join("...security.x")).expect("folder");
        assert!(matches!(clean_tmp(&tmp, Some(0)), End::Script(_)));
        fs::remove_dir_all(&tmp).expect("clean");
    }

    #[test]
    fn ages_are_days() {
        assert_eq!(["0", "7", "-1", "infinite", "x"].map(age), [Ok(Some(0)), Ok(Some(7)), Ok(None), Ok(None), Err(())]);
    }
}
