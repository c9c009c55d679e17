//! What is booted: a kernel and a disk, built in two layers and cached under `target/qemu`.
//!
//! The *base* is Debian alone: a folder made by mmdebstrap from `qemu-test/machine`, named by a hash of that recipe; there
//! are five of them ([`Kind`]). The *machine* is the base with Rung installed in it as an ext4 image, named by a hash of what was installed. No mount,
//! no loop device: mke2fs fills the image from the folder. Each boot gets a copy of the image.

use crate::error::{Context, Error, Result, fail};
use crate::host;
use nix::fcntl::{Flock, FlockArg};
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Which Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A small server.
    Plain,
    /// The same with the daemons of `qemu-test/daemons`. None of them starts by itself.
    Daemons,
    /// The small server with Debian's own sysvinit, its scripts and their links: Rung is put in the place of
    /// `/sbin/init` alone. `qemu-test/sysv` and `qemu-test/apache2` make it.
    Sysv,
    /// That with further inits, to be measured.
    Peers,
    /// The small server with the daemons that are measured, and no init but Rung.
    Native,
}

impl Kind {
    /// What the folders of such bases begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Plain => "base-",
            Self::Daemons => "daemons-",
            Self::Sysv => "sysv-",
            Self::Peers => "peers-",
            Self::Native => "native-",
        }
    }

    /// Size of the root disk. Sparse: what isn't used costs nothing.
    fn disk(self) -> &'static str {
        match self {
            Self::Plain | Self::Sysv | Self::Peers | Self::Native => "1G",
            Self::Daemons => "3G",
        }
    }

    /// What makes it of the plain one, below `qemu-test`: lists of packages, or folders with that and a program.
    fn more(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Daemons => &["daemons"],
            Self::Sysv => &["sysv", "apache2"],
            Self::Peers => &["sysv", "peers"],
            Self::Native => &["native"],
        }
    }

    /// Whether it holds what measures, which is this program.
    fn is_measured(self) -> bool {
        matches!(self, Self::Peers | Self::Native)
    }
}

/// Size of the swap disk, in bytes.
const SWAP: u64 = 64 << 20;

/// What a boot starts from.
#[derive(Debug)]
pub struct Machine {
    /// Debian's kernel.
    pub kernel: PathBuf,
    /// The folder the root disk was made from.
    pub root: PathBuf,
    /// The pristine root disk.
    pub disk: PathBuf,
    /// The private key that opens root's account.
    pub key: PathBuf,
}

/// Builds machines.
#[derive(Debug)]
pub struct Builder<'a> {
    /// The top of the source tree.
    pub repo: &'a Path,
    /// The folder of the built binaries.
    pub bin: &'a Path,
    /// Where built pieces are kept.
    pub cache: &'a Path,
    /// Two builds at once would use the same folders.
    _lock: Flock<File>,
}

impl<'a> Builder<'a> {
    /// Waits for other builds in the same cache to end.
    pub fn new(repo: &'a Path, bin: &'a Path, cache: &'a Path) -> Result<Self> {
        fs::create_dir_all(cache).on("create", cache)?;
        let path = cache.join("lock");
        let file = File::create(&path).on("create", &path)?;
        let lock = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| e).on("lock", &path)?;
        Ok(Self { repo, bin, cache, _lock: lock })
    }

    /// The machine, from the cache where nothing has changed.
    pub fn machine(&self, kind: Kind) -> Result<Machine> {
        let key = self.key()?;
        let base = self.base(kind)?;
        let kernel = base.join("root/boot/vmlinuz");
        let mut hash = DefaultHasher::new();
        for binary in BINARIES {
            hash_tree(&mut hash, &self.bin.join(binary))?;
        }
        hash_tree(&mut hash, &self.repo.join("etc-skel"))?;
        hash_tree(&mut hash, &key.with_extension("pub"))?;
        if kind.is_measured() {
            hash_tree(&mut hash, &self.bin.join(PROBE))?;
        }
        let disk = base.join(format!("machine-{:016x}.ext4", hash.finish()));
        if !disk.exists() {
            println!("installing Rung into the machine ...");
            self.install(&base, &key, &disk, kind)?;
        }
        Ok(Machine { kernel, root: base.join("root"), disk, key })
    }

    /// The key pair for ssh, made once.
    fn key(&self) -> Result<PathBuf> {
        let key = self.cache.join("ssh_key");
        if !key.exists() {
            host::run(
                host::command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "qemu-test", "-f"]).arg(&key),
            )?;
        }
        Ok(key)
    }

    /// Debian's folder.
    fn base(&self, kind: Kind) -> Result<PathBuf> {
        let recipe = self.repo.join("qemu-test/machine");
        let (suite, sources) = debian_sources()?;
        let mut hash = DefaultHasher::new();
        hash_tree(&mut hash, &recipe)?;
        let more: Vec<PathBuf> = kind.more().iter().map(|name| self.repo.join("qemu-test").join(name)).collect();
        more.iter().try_for_each(|list| hash_tree(&mut hash, list))?;
        hash.write(sources.as_bytes());
        let base = self.cache.join(format!("{}{:016x}", kind.prefix(), hash.finish()));
        if base.exists() {
            return Ok(base);
        }
        println!("building Debian's root file system (once; half a minute and more) ...");
        let work = self.cache.join("base.new");
        if work.exists() {
            fs::remove_dir_all(&work).on("remove", &work)?;
        }
        fs::create_dir_all(work.join("root")).on("create", &work)?;
        let sources_list = work.join("sources.list");
        fs::write(&sources_list, sources).on("write", &sources_list)?;
        let mut packages = String::new();
        let programs: Vec<PathBuf> = more.iter().map(|m| m.join("customize")).filter(|p| p.exists()).collect();
        let list_of = |folder: PathBuf| if folder.is_dir() { folder.join("packages") } else { folder };
        for list in std::iter::once(recipe.clone()).chain(more).map(list_of) {
            packages.push_str(&fs::read_to_string(&list).on("read", &list)?);
        }
        let packages: Vec<_> = packages.lines().filter(|l| !l.starts_with('#')).collect();
        let tar = work.join("root.tar");
        let mut mmdebstrap = host::command("mmdebstrap");
        mmdebstrap.args(["--quiet", "--variant=apt", "--aptopt=Apt::Install-Recommends \"false\""]);
        for folder in ["doc", "man", "locale", "info"] {
            mmdebstrap.arg(format!("--dpkgopt=path-exclude=/usr/share/{folder}/*"));
        }
        mmdebstrap.arg(format!("--include={}", packages.join(",")));
        mmdebstrap.arg(format!("--customize-hook={} \"$1\"", recipe.join("customize").display()));
        for program in programs {
            mmdebstrap.arg(format!("--customize-hook={} \"$1\"", program.display()));
        }
        if kind == Kind::Daemons {
            // Each is started when its turn comes, not all of them at boot.
            mmdebstrap.arg("--customize-hook=rm -f \"$1\"/etc/rc[0-6S].d/[SK]* \"$1\"/etc/systemd/system/*.wants/*");
        }
        host::run(mmdebstrap.arg(suite).arg(&tar).arg(&sources_list))?;
        let state = work.join("fakeroot");
        host::run(host::as_root("tar", &state).arg("-xf").arg(&tar).arg("-C").arg(work.join("root")))?;
        fs::remove_file(&tar).on("remove", &tar)?;
        fs::rename(&work, &base).on("rename", &work)?;
        self.remove_others(&base, kind);
        Ok(base)
    }

    /// Bases of older recipes are of no more use. What can't be removed only costs room.
    fn remove_others(&self, base: &Path, kind: Kind) {
        for entry in fs::read_dir(self.cache).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(kind.prefix()) && entry.path() != base {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Puts Rung into the base's folder (what an earlier build put there goes first) and makes the disk.
    fn install(&self, base: &Path, key: &Path, disk: &Path, kind: Kind) -> Result<()> {
        let (root, state) = (base.join("root"), base.join("fakeroot"));
        for old in [root.join("etc/rung"), root.join("usr/lib/rung")] {
            host::run(host::as_root("rm", &state).arg("-rf").arg(old))?;
        }
        let mut install = host::as_root("sh", &state);
        install.arg(self.repo.join("etc-skel/install")).arg("--root").arg(&root).arg("--bin").arg(self.bin);
        host::run(&mut install)?;
        let mut keys = host::as_root("install", &state);
        keys.args(["-D", "-m", "600"]).arg(key.with_extension("pub")).arg(root.join("root/.ssh/authorized_keys"));
        host::run(&mut keys)?;
        if kind == Kind::Native {
            self.units(&root, &state)?;
        }
        if kind.is_measured() {
            let mut probe = host::as_root("install", &state);
            probe.arg(self.bin.join(PROBE)).arg(root.join(crate::measure::probe::PLACE.trim_start_matches('/')));
            host::run(&mut probe)?;
        }
        for entry in fs::read_dir(base).on("read", base)? {
            let path = entry.on("read", base)?.path();
            if path.extension().is_some_and(|e| e == "ext4" || e == "part") {
                fs::remove_file(&path).on("remove", &path)?;
            }
        }
        let part = disk.with_extension("part");
        let mut mke2fs = host::as_root("mke2fs", &state);
        host::run(mke2fs.args(["-q", "-F", "-t", "ext4", "-L", "rung", "-d"]).arg(&root).arg(&part).arg(kind.disk()))?;
        fs::rename(&part, disk).on("rename", &part)
    }

    /// The administrator's own units, on in the levels of daemons.
    fn units(&self, root: &Path, state: &Path) -> Result<()> {
        let folder = self.repo.join("qemu-test/native/units");
        let mut put = host::as_root("cp", state);
        host::run(put.arg("-r").arg(folder.join(".")).arg(root.join("etc/rung/units")))?;
        for entry in fs::read_dir(&folder).on("read", &folder)? {
            let name = entry.on("read", &folder)?.file_name();
            let target = Path::new("../../units").join(&name);
            for level in ["2", "3", "4", "5"] {
                let link = root.join("etc/rung/levels").join(level).join(&name);
                host::run(host::as_root("ln", state).arg("-sfn").arg(&target).arg(link))?;
            }
        }
        Ok(())
    }
}

/// This program, which measures inside the machine.
const PROBE: &str = "qemu-test";

/// What Rung is made of; [`Builder`] hashes them, `etc-skel/install` installs them.
pub const BINARIES: &[&str] = &["init", "init-manager", "init-log", "init-boot", "initctl", "sysv"];

/// Debian's release and sources as the host has them configured: its mirror is the one that can be reached.
fn debian_sources() -> Result<(String, String)> {
    let ask = || {
        host::run(host::command("apt-get").args([
            "indextargets",
            "--format",
            "$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Created-By: Packages",
        ]))
    };
    let debian = |list: String| -> Vec<String> {
        list.lines().filter_map(|l| l.strip_prefix("Debian ")).map(str::to_owned).collect()
    };
    let mut lines = debian(ask()?);
    if lines.is_empty() && host::is_root() {
        host::run(host::command("apt-get").args(["-q", "update"]))?;
        lines = debian(ask()?);
    }
    lines.sort();
    lines.dedup();
    let suites = lines.iter().filter_map(|l| l.split(' ').nth(2));
    let Some(suite) = suites.min_by_key(|s| s.len()).map(str::to_owned) else {
        return fail("apt knows no Debian source on this host; run `apt-get update` as root, then start again");
    };
    Ok((suite, lines.join("\n") + "\n"))
}

/// Hashes a file, or all below a folder with their names, in order. Good enough for a cache of our own.
fn hash_tree(hash: &mut DefaultHasher, path: &Path) -> Result<()> {
    let meta = fs::symlink_metadata(path).on("read", path)?;
    if meta.is_symlink() {
        hash.write(fs::read_link(path).on("read", path)?.as_os_str().as_encoded_bytes());
    } else if meta.is_dir() {
        let entries: std::io::Result<Vec<_>> = fs::read_dir(path).on("read", path)?.collect();
        let mut entries: Vec<_> = entries.on("read", path)?.into_iter().map(|e| e.path()).collect();
        entries.sort();
        for entry in entries {
            hash.write(entry.file_name().unwrap_or_default().as_encoded_bytes());
            hash_tree(hash, &entry)?;
        }
    } else {
        hash.write(&fs::read(path).on("read", path)?);
    }
    Ok(())
}

/// One boot's own disks, removed with it.
#[derive(Debug)]
pub struct Disks {
    /// The folder that holds them.
    folder: PathBuf,
    /// The root disk.
    pub root: PathBuf,
    /// The swap disk.
    pub swap: PathBuf,
    keep: bool,
}

impl Disks {
    /// Copies the machine's disk, sparsely.
    pub fn copy(machine: &Machine, cache: &Path, keep: bool) -> Result<Self> {
        let folder = (0..).map(|n| cache.join(format!("run-{}-{n}", std::process::id()))).find(|f| !f.exists());
        let folder = folder.unwrap_or_else(|| cache.join("run"));
        fs::create_dir_all(&folder).on("create", &folder)?;
        let disks = Self { root: folder.join("root.ext4"), swap: folder.join("swap"), folder, keep };
        let mut cp = host::command("cp");
        host::run(cp.args(["--sparse=always", "--reflink=auto"]).arg(&machine.disk).arg(&disks.root))?;
        File::create(&disks.swap).and_then(|f| f.set_len(SWAP)).on("create", &disks.swap)?;
        host::run(host::command("mkswap").arg("-q").arg(&disks.swap))?;
        Ok(disks)
    }

    /// Makes the root's superblock say that it was mounted too often without a check.
    /// A check comes first: what it would tidy up in a file system fresh from mke2fs has the machine start again.
    pub fn want_check(&self) -> Result<()> {
        // Status 1: tidied up.
        host::command("e2fsck").arg("-fp").arg(&self.root).stdout(Stdio::null()).status().context("e2fsck")?;
        host::run(host::command("tune2fs").args(["-c", "30", "-C", "100"]).arg(&self.root)).map(drop)
    }

    /// Gives the root this `init.conf`.
    pub fn configure(&self, text: &str) -> Result<()> {
        let file = self.folder.join("init.conf");
        fs::write(&file, text).on("write", &file)?;
        for command in ["rm /etc/rung/init.conf".to_owned(), format!("write {} /etc/rung/init.conf", file.display())] {
            host::run(host::command("debugfs").args(["-w", "-R", &command]).arg(&self.root))?;
        }
        Ok(())
    }

    /// Asserts that the root's file system needs no repair, not even a replay of its journal.
    pub fn fsck(&self) -> Result<()> {
        host::run(host::command("e2fsck").arg("-fn").arg(&self.root)).map_err(|e| Error(format!("not clean: {e}")))?;
        let header = host::run(host::command("dumpe2fs").arg("-h").arg(&self.root))?;
        match header.lines().find(|l| l.contains("needs_recovery")) {
            Some(_) => {
                fail("the journal holds what wasn't written: the file system wasn't unmounted or made read-only")
            }
            None => Ok(()),
        }
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        if self.keep {
            println!("the machine's disk is {}", self.root.display());
        } else if let Err(e) = fs::remove_dir_all(&self.folder) {
            eprintln!("remove {}: {e}", self.folder.display());
        }
    }
}
