//! The last steps before an init is executed, as PID 1 of the world's namespaces: mounts, the new root, the time stamp.

use super::records::{EXECUTED, Record};
use super::{Doing, Result, cgroup, now};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod, umask};
use nix::unistd::{chdir, pivot_root};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// All there is to know about a world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// Its root folder.
    pub root: PathBuf,
    /// Files and folders of the host, and where they are to be seen.
    pub binds: Vec<(PathBuf, PathBuf)>,
    /// Folders that lie over the host's `/usr`, read-only; `None`: the world has no `/usr` but its own.
    pub over_usr: Option<Vec<PathBuf>>,
    /// Whether there is a cgroup tree.
    pub cgroups: bool,
    /// The world's own cgroup, as the host sees it.
    pub cgroup: PathBuf,
    /// The init and its arguments.
    pub argv: Vec<String>,
    /// Its environment.
    pub env: Vec<(String, String)>,
}

const NONE: Option<&str> = None;

/// Does all that, and executes the init.
///
/// # Errors
/// Whatever could not be done.
pub fn run(spec: &Path) -> Result<()> {
    let spec: Spec = serde_json::from_slice(&fs::read(spec).doing(spec.display())?).doing(spec.display())?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).doing("making mounts private")?;
    // PID 1 alone is in the world's cgroup, as in a container's: one who shares it with others makes none of its own.
    let procs = spec.cgroup.join("cgroup.procs");
    fs::write(&procs, "0").doing(procs.display())?;
    unshare(CloneFlags::CLONE_NEWCGROUP).doing("a cgroup namespace")?;
    let root = &spec.root;
    mount(Some(root), root, NONE, MsFlags::MS_BIND, NONE).doing("binding the root")?;
    let folder = |name: &str| -> Result<PathBuf> {
        let path = root.join(name);
        fs::create_dir_all(&path).doing(path.display())?;
        Ok(path)
    };
    let fresh = |kind: &str, name: &str, options: &str| -> Result<()> {
        let at = folder(name)?;
        mount(Some(kind), &at, Some(kind), MsFlags::MS_NOSUID, Some(options)).doing(format!("mounting {name}"))
    };
    if let Some(over) = &spec.over_usr {
        let lower: Vec<_> = over.iter().map(|p| p.join("usr")).chain([PathBuf::from("/usr")]).collect();
        let lower = lower.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(":");
        let at = folder("usr")?;
        if over.is_empty() {
            mount(Some("/usr"), &at, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE).doing("binding /usr")?;
        } else {
            let options = format!("lowerdir={lower}");
            mount(Some("overlay"), &at, Some("overlay"), MsFlags::MS_RDONLY, Some(options.as_str()))
                .doing(format!("overlay on /usr ({options})"))?;
        }
    }
    for (from, to) in &spec.binds {
        let at = root.join(to.strip_prefix("/").unwrap_or(to));
        if from.is_dir() {
            fs::create_dir_all(&at).doing(at.display())?;
        } else if !at.exists() {
            fs::create_dir_all(at.parent().unwrap_or(root)).doing(at.display())?;
            fs::write(&at, "").doing(at.display())?;
        }
        mount(Some(from), &at, NONE, MsFlags::MS_BIND, NONE).doing(format!("binding {}", from.display()))?;
    }
    fresh("proc", "proc", "")?;
    fresh("tmpfs", "run", "mode=755")?;
    fresh("tmpfs", "tmp", "mode=1777")?;
    fresh("tmpfs", "dev", "mode=755")?;
    let before = umask(Mode::empty());
    let nodes =
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("console", 1, 3)];
    for (name, major, minor) in nodes {
        let at = root.join("dev").join(name);
        mknod(&at, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(major, minor)).doing(at.display())?;
    }
    umask(before);
    folder("sys")?;
    if spec.cgroups {
        fresh("sysfs", "sys", "")?;
        let at = root.join("sys/fs/cgroup");
        mount(Some("cgroup2"), &at, Some("cgroup2"), MsFlags::MS_NOSUID, NONE).doing("mounting the cgroup tree")?;
    }
    // So much went into getting here; the rest is the contender's.
    fs::write(root.join("bench/before"), cgroup::cpu(&spec.cgroup).to_string()).doing("bench/before")?;
    chdir(root).doing(root.display())?;
    pivot_root(".", ".").doing("pivot_root")?;
    umount2(".", MntFlags::MNT_DETACH).doing("leaving the old root")?;
    chdir("/").doing("/")?;
    let (program, words) = spec.argv.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    command.args(words).env_clear().envs(spec.env.iter().cloned());
    let mut records = fs::OpenOptions::new().append(true).open("/bench/records").doing("/bench/records")?;
    let stamp = Record { kind: EXECUTED, number: 0, pid: 1, mark: 0, ns: now() };
    records.write_all(&stamp.bytes()).doing("/bench/records")?;
    Err(format!("{program}: {}", command.exec()))
}
