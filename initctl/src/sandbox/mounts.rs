//! The API file systems of the sandbox. All paths are the sandbox's; the host's root is still seen under [`HOST`].

use super::error::{Doing, Error};
use init::sys::ns::read_only_tree;
use nix::mount::{MsFlags, mount};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Where the host's root is seen until the sandbox is complete.
pub const HOST: &str = "/.rung-host";

const NONE: Option<&str> = None;

/// What may appear below `/sys` and in `/proc/sys`.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The network namespace is the host's.
    pub host_net: bool,
    /// There is a control group to show.
    pub cgroup: bool,
    /// In a user namespace of our own, where the kernel itself protects the host's settings.
    pub user: bool,
}

fn fresh(kind: &str, at: &str, flags: MsFlags, options: &str) -> Result<(), Error> {
    fs::create_dir_all(at).doing(|| format!("make `{at}` in the sandbox"))?;
    mount(Some(kind), at, Some(kind), flags, Some(options)).doing(|| format!("mount {kind} on `{at}` in the sandbox"))
}

/// An empty, writable folder over whatever was there.
pub fn empty_folder(at: &str, options: &str) -> Result<(), Error> {
    fresh("tmpfs", at, MsFlags::MS_NOSUID, options)
}

/// Mounts them all.
pub fn all(kind: Kind) -> Result<(), Error> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    fresh("proc", "/proc", quiet, "").map_err(|e| {
        e.hint("A container that hides parts of /proc doesn't let one mount it anew; run it with an unmasked /proc.")
    })?;
    if !kind.user {
        protect_proc(kind.host_net);
    }
    sys(kind, quiet)?;
    empty_folder("/run", "mode=755")?;
    fresh("tmpfs", "/tmp", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=1777")?;
    fs::create_dir_all("/run/rung").doing(|| "make `/run/rung`".into())?;
    dev()
}

/// Settings of the whole kernel can be read but not changed; the network's, which are the namespace's own, can.
fn protect_proc(host_net: bool) {
    let bind = |at: &str, flags: MsFlags| {
        let _ = mount(Some(at), at, NONE, MsFlags::MS_BIND, NONE)
            .and_then(|()| mount(NONE, at, NONE, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | flags, NONE));
    };
    for name in ["bus", "fs", "irq", "sys", "sysrq-trigger"] {
        bind(&format!("/proc/{name}"), MsFlags::MS_RDONLY);
    }
    if !host_net {
        bind("/proc/sys/net", MsFlags::empty());
    }
}

fn sys(kind: Kind, quiet: MsFlags) -> Result<(), Error> {
    if fresh("sysfs", "/sys", quiet | MsFlags::MS_RDONLY, "").is_err() {
        let host = format!("{HOST}/sys");
        mount(Some(host.as_str()), "/sys", NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
            .doing(|| "show `/sys` in the sandbox".into())?;
        read_only_tree(Path::new("/sys")).doing(|| "make `/sys` read-only in the sandbox".into())?;
    }
    let groups = "/sys/fs/cgroup";
    if !Path::new(groups).is_dir() {
        return Ok(());
    }
    if kind.cgroup && mount(Some("cgroup2"), groups, Some("cgroup2"), quiet, NONE).is_ok() {
        return Ok(());
    }
    // No control groups: nothing of the host's shows either.
    mount(Some("tmpfs"), groups, Some("tmpfs"), quiet | MsFlags::MS_RDONLY, Some("mode=755,size=0"))
        .doing(|| format!("hide `{groups}`"))
}

fn dev() -> Result<(), Error> {
    fresh("tmpfs", "/dev", MsFlags::MS_NOSUID, "mode=755")?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let (host, here) = (format!("{HOST}/dev/{name}"), format!("/dev/{name}"));
        if !Path::new(&host).exists() {
            continue;
        }
        fs::write(&here, "").doing(|| format!("make `{here}`"))?;
        mount(Some(host.as_str()), here.as_str(), NONE, MsFlags::MS_BIND, NONE)
            .doing(|| format!("show `{here}` in the sandbox"))?;
    }
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    // Group `tty` (5 wherever there is one) isn't known in a user namespace that has only one group.
    fresh("devpts", "/dev/pts", quiet, "newinstance,ptmxmode=666,mode=620,gid=5")
        .or_else(|_| fresh("devpts", "/dev/pts", quiet, "newinstance,ptmxmode=666,mode=620"))?;
    fresh("tmpfs", "/dev/shm", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=1777")?;
    // A kernel without POSIX message queues is no reason to refuse.
    let _ = fresh("mqueue", "/dev/mqueue", quiet | MsFlags::MS_NODEV, "");
    let links =
        [("pts/ptmx", "ptmx"), ("/proc/self/fd", "fd"), ("fd/0", "stdin"), ("fd/1", "stdout"), ("fd/2", "stderr")];
    for (target, name) in links {
        symlink(target, format!("/dev/{name}")).doing(|| format!("make the link `/dev/{name}`"))?;
    }
    fs::set_permissions("/dev", fs::Permissions::from_mode(0o755)).doing(|| "set the mode of `/dev`".into())
}
