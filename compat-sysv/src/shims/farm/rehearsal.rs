//! A copy of a root's scripts and links: what is done to it shows what would be done to the root.

use super::place::{Place, names};
use init::load::Root;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What the links of a script depend on, apart from the levels' own folders.
const FOLDERS: [&str; 9] = [
    "/etc/init.d",
    "/etc/rc.d/init.d",
    "/etc/insserv.conf.d",
    "/etc/insserv",
    "/etc/insserv/overrides",
    "/etc/chkconfig.d",
    "/etc/rc.d/chkconfig.d",
    "/usr/share/insserv/overrides",
    "/etc/rung",
];
const FILES: [&str; 1] = ["/etc/insserv.conf"];
/// How the folders of copies begin.
const NAME: &str = "rung-rehearsal-";
/// Larger files aren't scripts.
const MOST: u64 = 1 << 20;

/// The copy, removed with its value; that of one who was killed by the next who makes one. Its owner holds a lock on the
/// folder, which goes with the process however that ends.
#[derive(Debug)]
pub(super) struct Rehearsal {
    place: Place,
    folder: PathBuf,
    _owned: File,
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Rehearsal {
    /// Copies what counts.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn of(place: &Place) -> Result<Self, String> {
        let all = std::env::temp_dir();
        sweep(&all);
        let (folder, owned) = own(&all).map_err(|e| format!("no folder can be made in {}: {e}", all.display()))?;
        let copy = Self { place: Place { root: Root::image(folder.clone()) }, folder, _owned: owned };
        copy.fill(place).map_err(|e| format!("scripts and links can't be copied to {}: {e}", copy.folder.display()))?;
        Ok(copy)
    }

    /// The copy.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The path in a root of what lies in the copy.
    pub(super) fn inside(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.folder).ok().map(|rest| Path::new("/").join(rest))
    }

    fn to(&self, path: &str) -> PathBuf {
        self.folder.join(path.trim_start_matches('/'))
    }

    fn fill(&self, from: &Place) -> io::Result<()> {
        let levels = "S0123456".chars();
        let levels = levels.flat_map(|l| ["/etc/rc", "/etc/rc.d/rc", "/etc/rung/levels/"].map(|at| (at, l)));
        let levels = levels.map(|(at, l)| if at.ends_with("rc") { format!("{at}{l}.d") } else { format!("{at}{l}") });
        // Links between folders are followed: what is two names of one folder is copied once.
        let folders = FOLDERS.into_iter().map(|path| (path.to_owned(), true));
        for (path, follow) in folders.chain(levels.map(|path| (path, false))) {
            let source = from.root.entry(&from.root.shown(Path::new(&path)));
            if let Ok(target) = fs::read_link(&source) {
                fs::create_dir_all(self.to(&path).parent().unwrap_or(&self.folder))?;
                symlink(target, self.to(&path))?;
            } else if source.is_dir() {
                let to = self.to(&path);
                fs::create_dir_all(&to)?;
                for name in names(&source) {
                    // A script may lie elsewhere, where there is no copy of it.
                    let file = source.join(&name);
                    let file = if follow { from.root.place(&file) } else { file };
                    copy_file(&file, &to.join(&name), follow)?;
                }
            }
        }
        for path in FILES {
            copy_file(&from.at(path), &self.to(path), true)?;
        }
        // In a copy nobody else's program is run; that there is one counts.
        if let Some(program) = super::update::insserv(from) {
            let path = self.to(&program.display().to_string());
            fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
            fs::write(&path, "")?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }
}

/// A folder of one's own, and the lock on it. Who sweeps may come before the lock, and take it away again.
fn own(all: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let folder = nix::unistd::mkdtemp(&all.join(format!("{NAME}XXXXXX")))?;
        let lock = match File::open(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            lock => lock?,
        };
        lock.lock()?;
        let (ours, there) = (lock.metadata()?.ino(), fs::symlink_metadata(&folder).map(|m| m.ino()));
        if there.is_ok_and(|inode| inode == ours) {
            return Ok((folder, lock));
        }
    }
}

/// Removes what those have left who were killed: folders of this user that nobody holds a lock on.
fn sweep(all: &Path) {
    let user = nix::unistd::geteuid().as_raw();
    for name in names(all).iter().filter(|name| name.starts_with(NAME)) {
        let folder = all.join(name);
        let owned = fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir() && meta.uid() == user);
        let lock = Some(&folder).filter(|_| owned).and_then(|folder| File::open(folder).ok());
        if lock.as_ref().is_some_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// A plain file or a link, or (`follow`) what that leads to; anything else is passed over.
fn copy_file(from: &Path, to: &Path, follow: bool) -> io::Result<()> {
    let look = if follow { fs::metadata(from) } else { fs::symlink_metadata(from) };
    let Ok(meta) = look else { return Ok(()) };
    if meta.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if meta.is_file() && meta.len() <= MOST {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        fs::copy(from, to)?;
    }
    Ok(())
}
