//! Rung's own programs: found beside `initctl`, shown in the sandbox where an installation has them.

use super::error::{Doing, Error};
use init::sys::ns::read_only_tree;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Must be there.
const NEEDED: &[&str] = &["init", "init-manager", "init-log"];
/// Where the programs live in the sandbox.
pub const FOLDER: &str = "/usr/lib/rung";

/// The programs, each held open so that a mount over its folder doesn't hide it.
#[derive(Debug)]
pub struct Binaries {
    files: Vec<(String, fs::File)>,
    /// Names that `sysv` answers to; they come before the root's own in the sandbox's `PATH`.
    shims: Vec<String>,
}

/// The folder that holds them: initctl's own, or the installed one.
pub fn folder() -> Result<PathBuf, Error> {
    let own = fs::read_link("/proc/self/exe").doing(|| "find initctl's own file".into())?;
    let beside = own.parent().map(Path::to_owned).unwrap_or_default();
    let found = [beside.clone(), PathBuf::from(FOLDER)];
    let complete = |dir: &&PathBuf| NEEDED.iter().all(|n| dir.join(n).is_file());
    found.iter().find(complete).cloned().ok_or_else(|| {
        let missing = NEEDED.iter().find(|n| !beside.join(n).is_file()).unwrap_or(&"init");
        Error::new(format!("there is no `{missing}` in `{}`, nor in `{FOLDER}`", beside.display()))
            .hint("Build or install all of Rung's programs into one folder: `cargo build` does.")
    })
}

impl Binaries {
    /// Opens them.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let mut files = Vec::new();
        let hold = |path: &Path| fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path);
        for name in NEEDED.iter().chain(&["init-boot", "sysv"]) {
            let path = folder.join(name);
            match hold(&path) {
                Ok(file) => files.push(((*name).to_owned(), file)),
                Err(_) if !NEEDED.contains(name) => {}
                Err(error) => return Err(error).doing(|| format!("open `{}`", path.display())),
            }
        }
        // By its path: the magic link leads to the mount in the host's namespace, which can't be bound in this one.
        let own = fs::read_link("/proc/self/exe").and_then(|path| hold(&path));
        files.push(("initctl".to_owned(), own.doing(|| "open initctl's own file".into())?));
        Ok(Self { files, shims: shims(&folder.join("sysv")) })
    }

    /// Shows them in the sandbox, which is the present root by now.
    pub fn show(&self) -> Result<(), Error> {
        fs::create_dir_all(FOLDER).doing(|| format!("make `{FOLDER}` in the sandbox"))?;
        for (name, file) in &self.files {
            bind_file(file, Path::new(FOLDER).join(name).as_path())?;
            if name == "initctl" {
                fs::create_dir_all("/usr/bin").doing(|| "make `/usr/bin` in the sandbox".into())?;
                bind_file(file, Path::new("/usr/bin/initctl"))?;
            }
        }
        for name in &self.shims {
            let link = Path::new(FOLDER).join(name);
            let _ = fs::remove_file(&link);
            symlink("sysv", &link).doing(|| format!("make the link `{}`", link.display()))?;
        }
        // As an installation has it; a root without `/sbin` needs none.
        let _ = fs::remove_file("/sbin/init");
        let _ = symlink(Path::new(FOLDER).join("init"), "/sbin/init");
        Ok(())
    }
}

/// What an installation links to `sysv`, by its own word; nothing where it isn't there.
fn shims(sysv: &Path) -> Vec<String> {
    let said = Command::new(sysv).arg("links").stdin(Stdio::null()).output().map(|out| out.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&said);
    text.lines().filter_map(|line| line.split_once(' ')).map(|(_, name)| name.to_owned()).collect()
}

/// A place for the file, whatever was there, and the file over it.
fn bind_file(file: &fs::File, at: &Path) -> Result<(), Error> {
    let _ = fs::remove_file(at);
    fs::File::create(at).doing(|| format!("make `{}` in the sandbox", at.display()))?;
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    let none = None::<&str>;
    mount(Some(source.as_str()), at, none, MsFlags::MS_BIND, none)
        .doing(|| format!("show `{}` in the sandbox", at.display()))?;
    read_only(at).doing(|| format!("make `{}` read-only in the sandbox", at.display()))
}

/// It is the host's own file.
fn read_only(at: &Path) -> Result<(), Errno> {
    let none = None::<&str>;
    match read_only_tree(at) {
        Err(Errno::ENOSYS) => {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
            mount(none, at, none, flags, none)
        }
        other => other,
    }
}
