//! Taking the file systems down: in rounds, since one that is in the way of another (a mount on top, a loop device, a
//! swap file) goes first. Each call that can hang is made by a helper with a deadline. What can't be unmounted becomes
//! read-only. Runs in the finishing child, never in PID 1.

use crate::sys::helper::{self, Ended};
use crate::sys::mount::{self, Mount, Unmount};
use crate::sys::{loopdev, swap};
use nix::errno::Errno;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What may be taken down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All there is: only for the init of a machine.
    Machine,
    /// What is mounted below this folder, not at it.
    Below(PathBuf),
}

/// A local file system may have much to write back.
const LOCAL: Duration = Duration::from_secs(30);
/// A server that doesn't answer now won't do so later.
const REMOTE: Duration = Duration::from_secs(3);
/// A mount that frees another one, which frees another one, …
const ROUNDS: usize = 16;

impl Scope {
    /// The API file systems stay: they have no data, and the rest of the way needs them.
    fn holds(&self, point: &Path) -> bool {
        match self {
            Self::Below(folder) => point != folder && point.starts_with(folder),
            Self::Machine => {
                let api = ["/proc", "/sys", "/dev"].iter().any(|p| point.starts_with(p));
                !api && point != Path::new("/") && point != Path::new("/run")
            }
        }
    }
}

struct Down<'a> {
    scope: &'a Scope,
    until: Instant,
    say: &'a dyn Fn(&str),
    /// What hung once is not tried again.
    hung: Vec<PathBuf>,
    /// A loop device that is still in use goes by itself once it was told to.
    detached: Vec<PathBuf>,
}

/// Unmounts all in `scope`, or makes it read-only; swap off, loop devices detached, everything written. `say` gets
/// what a person should know. What stayed mounted and writable is returned.
pub fn everything(scope: &Scope, until: Instant, say: &dyn Fn(&str)) -> Vec<PathBuf> {
    let mut down = Down { scope, until, say, hung: Vec::new(), detached: Vec::new() };
    down.sync();
    for _ in 0..ROUNDS {
        let mut progress = down.unmount_round();
        progress |= down.swap_off();
        progress |= down.detach_loops();
        if !progress || Instant::now() >= until {
            break;
        }
    }
    let writable = down.read_only();
    down.sync();
    writable
}

impl Down<'_> {
    /// `work` in a helper. Whether it was done; says what went wrong. One that hangs is never tried again.
    fn step(
        &mut self,
        path: &Path,
        what: &str,
        limit: Duration,
        work: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let (started, until) = (Instant::now(), self.until.min(helper::after(limit)));
        let waiting = || {
            let (passed, left) = (
                started.elapsed().as_secs(),
                until.saturating_duration_since(Instant::now()).as_secs().saturating_add(1),
            );
            (self.say)(&format!("{what} {}: {passed} s so far, {left} s left", path.display()));
        };
        // An errno is below 134; 255 is no errno.
        match helper::run(until, waiting, || work().err().map_or(0, |e| e as i32))? {
            Ended::Code(0) => Ok(()),
            Ended::Code(errno) => Err(Errno::from_raw(errno)),
            Ended::Signal(_) => Err(Errno::EINTR),
            Ended::Late => {
                (self.say)(&format!("{what} {}: does not answer, given up", path.display()));
                self.hung.push(path.to_owned());
                Err(Errno::ETIMEDOUT)
            }
        }
    }

    fn mounts(&self) -> Vec<Mount> {
        let mut mounts = mount::table().unwrap_or_default();
        mounts.retain(|m| self.scope.holds(&m.point) && !self.hung.contains(&m.point));
        // On top first.
        mounts.reverse();
        mounts
    }

    fn unmount_round(&mut self) -> bool {
        let mut progress = false;
        for mount in self.mounts() {
            if Instant::now() >= self.until {
                break;
            }
            progress |= self.unmount(&mount).is_ok();
        }
        progress
    }

    fn unmount(&mut self, mount: &Mount) -> Result<(), Errno> {
        let point = &mount.point;
        if !is_remote(&mount.kind) {
            return self.step(point, "unmount", LOCAL, || mount::unmount(point, Unmount::empty()));
        }
        let mut done = Err(Errno::EBUSY);
        for flags in [Unmount::empty(), Unmount::MNT_FORCE, Unmount::MNT_DETACH] {
            done = self.step(point, "unmount", REMOTE, || mount::unmount(point, flags));
            if done.is_ok() || done == Err(Errno::EINVAL) {
                break;
            }
        }
        if done.is_ok() {
            self.hung.retain(|p| p != point);
        }
        done
    }

    fn swap_off(&mut self) -> bool {
        let mut progress = false;
        if *self.scope == Scope::Machine {
            for area in swap::in_use() {
                if !self.hung.contains(&area) {
                    progress |= self.step(&area, "swap off", LOCAL, || swap::off(&area)).is_ok();
                }
            }
        }
        progress
    }

    fn detach_loops(&mut self) -> bool {
        let mut progress = false;
        for (device, file) in loopdev::in_use() {
            if self.scope.holds(&file) && !self.detached.contains(&device) {
                self.detached.push(device.clone());
                progress |= self.step(&device, "detach", REMOTE, || loopdev::detach(&device)).is_ok();
            }
        }
        progress
    }

    /// What is left, and the root: nothing more gets written there.
    fn read_only(&mut self) -> Vec<PathBuf> {
        let mut root = None;
        if *self.scope == Scope::Machine {
            let unknown = || Mount { point: "/".into(), kind: String::new(), read_only: false };
            let on_top = |table: Vec<Mount>| table.into_iter().rfind(|m| m.point == Path::new("/"));
            root = mount::table().map_or_else(|_| Some(unknown()), on_top);
        }
        let mut writable = Vec::new();
        for mount in self.mounts().into_iter().chain(root).filter(|m| !m.read_only) {
            let point = &mount.point;
            match self.step(point, "remount read-only", LOCAL, || mount::remount_read_only(point)) {
                // That the root stays is no news.
                Ok(()) if point == Path::new("/") => {}
                Ok(()) => (self.say)(&format!("{} stays mounted, read-only", point.display())),
                Err(e) => {
                    (self.say)(&format!("{} stays writable: {}", point.display(), e.desc()));
                    writable.push(mount.point);
                }
            }
        }
        writable
    }

    fn sync(&mut self) {
        // What can't be written in time is lost either way; `step` has said so.
        let _ = self.step(Path::new("disks"), "write", LOCAL, || {
            nix::unistd::sync();
            Ok(())
        });
    }
}

fn is_remote(kind: &str) -> bool {
    ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "ncpfs", "glusterfs", "ocfs2", "gfs2", "fuse"].contains(&kind)
        || kind.starts_with("fuse.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_keeps_what_is_needed() {
        let holds = |p: &str| Scope::Machine.holds(Path::new(p));
        for kept in ["/", "/run", "/proc", "/proc/sys/fs/binfmt_misc", "/sys/fs/cgroup", "/dev/pts"] {
            assert!(!holds(kept), "{kept}");
        }
        for goes in ["/home", "/run/lock", "/tmp", "/processes", "/mnt/proc"] {
            assert!(holds(goes), "{goes}");
        }
        let below = Scope::Below("/mnt/x".into());
        assert!(below.holds(Path::new("/mnt/x/y")));
        assert!(
            !below.holds(Path::new("/mnt/x")) && !below.holds(Path::new("/mnt/xy")) && !below.holds(Path::new("/"))
        );
    }

    #[test]
    fn network_file_systems_are_known() {
        assert!(is_remote("nfs4") && is_remote("fuse.sshfs"));
        assert!(!is_remote("ext4") && !is_remote("fuseblk"));
    }
}
