//! A copy of a root's scripts and links: what is done to it shows what would be done to the root.

use super::place::{Place, names};
use init::load::Root;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
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
/// Larger files aren't scripts.
const MOST: u64 = 1 << 20;

/// The copy, removed with its value.
#[derive(Debug)]
pub(super) struct Rehearsal {
    place: Place,
    folder: PathBuf,
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
        let folder = nix::unistd::mkdtemp(&std::env::temp_dir().join("rung-switch-XXXXXX"));
        let folder = folder.map_err(|e| format!("no folder can be made in {}: {e}", std::env::temp_dir().display()))?;
        let copy = Self { place: Place { root: Root::image(folder.clone()) }, folder };
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
