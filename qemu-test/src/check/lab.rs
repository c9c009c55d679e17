//! Where the machines of a check are made: copies of what was built, which stay whatever is built meanwhile.

use super::guest::{Guest, Parts};
use super::sysv::{Boot, OWN_INIT, Record};
use crate::Options;
use crate::error::{Context, Result, fail};
use crate::image::{Builder, Disks, Kind, Machine};
use crate::qemu::{Accel, Root};
use crate::tiny;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes machines.
#[derive(Debug)]
pub struct Lab {
    machine: Machine,
    /// The one with daemons, where it is wanted.
    daemons: Option<Machine>,
    /// The one with Debian's sysvinit, where it is wanted.
    sysv: Option<Machine>,
    accel: Accel,
    /// Removed in the end.
    folder: PathBuf,
    /// Where transcripts go, and copies of disks.
    cache: PathBuf,
    keep: bool,
    append: String,
    initramfs: PathBuf,
    started: Cell<usize>,
}

/// `init.conf` of the tiny machine: whoever is stubborn isn't waited for long.
const CONF: &str = "[Manager]\nShutdownTimeoutSec=15s\n";

impl Lab {
    /// Keeps what machines are made of; then others may build again. `wanted`: the machines that are wanted,
    /// too.
    pub fn new(
        builder: Builder<'_>,
        machine: Machine,
        wanted: &[Kind],
        accel: Accel,
        options: &Options,
    ) -> Result<Self> {
        let cache = builder.cache.to_owned();
        let folder = cache.join(format!("lab-{}", std::process::id()));
        fs::create_dir_all(&folder).on("create", &folder)?;
        let initramfs = tiny::initramfs(&machine, builder.repo, builder.bin, CONF, folder.join("tiny.cpio"))?;
        let keep = |from: &Path, name: String| {
            let to = folder.join(name);
            fs::hard_link(from, &to).on("link", from).map(|()| to)
        };
        let kept = |machine: Machine, name: &str| -> Result<Machine> {
            let kernel = keep(&machine.kernel, format!("{name}-kernel"))?;
            Ok(Machine { kernel, disk: keep(&machine.disk, format!("{name}-disk"))?, ..machine })
        };
        let machine = kept(machine, "plain")?;
        let more = |kind, name| -> Result<Option<Machine>> {
            if wanted.contains(&kind) { kept(builder.machine(kind)?, name).map(Some) } else { Ok(None) }
        };
        let (daemons, sysv) = (more(Kind::Daemons, "daemons")?, more(Kind::Sysv, "sysv")?);
        let (keep, append) = (options.keep, options.append.clone());
        Ok(Self { machine, daemons, sysv, accel, folder, cache, keep, append, initramfs, started: Cell::new(0) })
    }

    /// What the transcripts are called.
    pub fn transcripts(&self) -> String {
        self.cache.join("console-*.log").display().to_string()
    }

    fn start(&self, root: Root, words: &str) -> Result<Guest<'_>> {
        self.start_as(&self.machine, root, words)
    }

    fn start_as<'a>(&self, machine: &'a Machine, root: Root, words: &str) -> Result<Guest<'a>> {
        self.started.set(self.started.get() + 1);
        let transcript = self.cache.join(format!("console-{}.log", self.started.get()));
        let words = format!("{words} {}", self.append);
        Guest::start(Parts { machine, root, accel: self.accel, words, transcript })
    }

    /// Debian on disks of its own.
    pub fn debian(&self, words: &str) -> Result<Guest<'_>> {
        self.start(Root::Disks(Disks::copy(&self.machine, &self.cache, self.keep)?), words)
    }

    /// Debian with daemons.
    pub fn daemons(&self) -> Result<Guest<'_>> {
        let Some(machine) = &self.daemons else { return fail("the machine with daemons wasn't built") };
        self.start_as(machine, Root::Disks(Disks::copy(machine, &self.cache, self.keep)?), "")
    }

    /// Debian with sysvinit under Rung, after it was booted by its own init.
    pub fn sysv(&self) -> Result<Guest<'_>> {
        let Some(machine) = &self.sysv else { return fail("the machine with sysvinit wasn't built") };
        let boot = |words| self.start_as(machine, Root::Disks(Disks::copy(machine, &self.cache, self.keep)?), words);
        let mut record = Record::of(&mut boot(OWN_INIT)?)?;
        let disks = Disks::copy(machine, &self.cache, self.keep)?;
        disks.configure("[Manager]\nTwins=no\n")?;
        record.scripts = Boot::of(&mut self.start_as(machine, Root::Disks(disks), "")?)?;
        let mut guest = boot("")?;
        guest.beside = Some(record);
        Ok(guest)
    }

    /// Debian whose root asks to be checked, and whose kernel doesn't mount `/dev`.
    pub fn debian_checked(&self) -> Result<Guest<'_>> {
        let disks = Disks::copy(&self.machine, &self.cache, self.keep)?;
        disks.want_check()?;
        self.start(Root::Disks(disks), "devtmpfs.mount=0")
    }

    /// The machine without a disk.
    pub fn tiny(&self, words: &str) -> Result<Guest<'_>> {
        self.start(Root::Initramfs(self.initramfs.clone()), words)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.folder) {
            eprintln!("remove {}: {e}", self.folder.display());
        }
    }
}
