//! `clean NAME`: the folders that a service was given, taken away again.

use super::{Context, own};
use crate::exit::{FAILED, Failure};
use crate::own::loader;
use clap::{Args as ClapArgs, ValueEnum};
use init::core::Definition;
use init::sys::folders;
use init::unit::DirectoryKind;
use nix::errno::Errno;
use serde::Serialize;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// `clean`
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Units.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Which of their folders; several are parted by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "runtime,cache", value_name = "WHAT")]
    pub what: Vec<What>,
}

/// A kind of folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// RuntimeDirectory=
    Runtime,
    /// CacheDirectory=
    Cache,
    /// StateDirectory=: what the service has learned.
    State,
    /// LogsDirectory=
    Logs,
    /// ConfigurationDirectory=
    Configuration,
    /// All of them.
    All,
}

impl What {
    fn holds(self, kind: DirectoryKind) -> bool {
        match self {
            Self::Runtime => kind == DirectoryKind::Runtime,
            Self::Cache => kind == DirectoryKind::Cache,
            Self::State => kind == DirectoryKind::State,
            Self::Logs => kind == DirectoryKind::Logs,
            Self::Configuration => kind == DirectoryKind::Configuration,
            Self::All => true,
        }
    }
}

/// A folder that goes.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    key: &'static str,
    path: PathBuf,
    removed: bool,
}

/// All of them.
#[derive(Debug, Serialize)]
struct Removed {
    folders: Vec<Row>,
}

/// Removes folders of units that don't run.
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let loader = loader();
    let (mut rows, mut failed) = (Vec::new(), false);
    for text in &args.names {
        let name = own::known(c, &loader, text)?;
        if !own::running(&name).is_empty() {
            c.out.message(&format!("{name} runs, and may want its folders\n  try: initctl stop {}", name.short()));
            failed = true;
            continue;
        }
        let Definition::Good(unit) = loader.load(&name).definition else {
            c.out.message(&format!("{name} can't be read\n  try: initctl verify {}", name.short()));
            failed = true;
            continue;
        };
        let chosen = unit.directories().filter(|(kind, _)| args.what.iter().any(|w| w.holds(*kind)));
        for (kind, folder) in chosen {
            let path = folder.path();
            let mut removed = path.symlink_metadata().is_ok() && c.out.global.dry_run;
            if !c.out.global.dry_run {
                match remove(&folder.base, &folder.name) {
                    Ok(gone) => removed = gone,
                    Err(errno) => {
                        c.out.message(&format!("cannot remove {}: {}", path.display(), errno.desc()));
                        failed = true;
                    }
                }
            }
            rows.push(Row { name: name.as_str().to_owned(), key: kind.key(), path, removed });
        }
    }
    rows.retain(|r| r.removed);
    if rows.is_empty() && !failed {
        c.out.message("there is nothing to remove");
    }
    let verb = if c.out.global.dry_run { "would remove" } else { "removed" };
    c.out.data(&Removed { folders: rows }, |all, _| {
        all.folders.iter().map(|r| format!("{verb} {}  ({}= of {})\n", r.path.display(), r.key, r.name)).collect()
    })?;
    if failed { Err(Failure::Status(FAILED)) } else { Ok(()) }
}

/// Removes a folder below a base without following links; false where there is none.
fn remove(base: &Path, name: &str) -> Result<bool, Errno> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| Errno::EINVAL);
    if base.join(name).symlink_metadata().is_err() {
        return Ok(false);
    }
    folders::remove(&text(base.as_os_str().as_bytes())?, &text(name.as_bytes())?).map(|()| true)
}
