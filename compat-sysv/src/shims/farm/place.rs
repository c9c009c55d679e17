//! A root directory as these commands see it: its scripts, the links of its levels, names that are near.

use crate::farm::{self, Kind, Link};
use crate::shims::script::is_executable;
use init::load::Root;
use init::unit::{Level, nearest};
use std::fs;
use std::path::{Path, PathBuf};

/// The root, and where its scripts are.
#[derive(Debug)]
pub(in crate::shims) struct Place {
    pub(in crate::shims) root: Root,
}

impl Place {
    /// This system, or the image in a folder.
    pub(in crate::shims) fn new(root: Option<&str>) -> Self {
        let root = root.map(|folder| folder.trim_end_matches('/')).filter(|folder| !folder.is_empty());
        let absolute = |folder: &str| std::path::absolute(folder).unwrap_or_else(|_| folder.into());
        Self { root: root.map_or_else(Root::system, |folder| Root::image(absolute(folder))) }
    }

    /// The same, of a path.
    pub(in crate::shims) fn of(root: Option<&Path>) -> Self {
        Self::new(root.and_then(Path::to_str))
    }

    /// Where to find a path of the root, links followed.
    pub(in crate::shims) fn at(&self, path: &str) -> PathBuf {
        self.root.place(&self.root.shown(Path::new(path)))
    }

    /// Whether it is laid out as Red Hat's systems are.
    pub(in crate::shims) fn is_red_hat(&self) -> bool {
        self.at("/etc/rc.d/init.d").is_dir()
    }

    /// The folder of the scripts.
    pub(in crate::shims) fn scripts(&self) -> PathBuf {
        let [plain, red_hat] = ["/etc/init.d", "/etc/rc.d/init.d"].map(|path| self.at(path));
        if !plain.is_dir() && red_hat.is_dir() { red_hat } else { plain }
    }

    /// The script of that name, executable or not.
    pub(in crate::shims) fn script(&self, name: &str) -> Option<PathBuf> {
        let path = self.scripts().join(name);
        let path = self.root.place(&path);
        (is_name(name) && path.is_file()).then_some(path)
    }

    /// The script of that name, if it can be executed.
    pub(in crate::shims) fn program(&self, name: &str) -> Option<PathBuf> {
        self.script(name).filter(|path| is_executable(path))
    }

    /// The names of the files in the scripts' folder, sorted.
    pub(in crate::shims) fn names(&self) -> Vec<String> {
        names(&self.scripts())
    }

    /// The folder of a level's links.
    pub(in crate::shims) fn level(&self, level: Level) -> PathBuf {
        self.root.place(&farm::folder(&self.root, level))
    }

    /// The links of a script in a level, those that lead nowhere too, sorted; several are possible.
    pub(in crate::shims) fn links(&self, level: Level, name: &str) -> Vec<Link> {
        let folder = self.level(level);
        let links = names(&folder).into_iter().filter_map(|file| {
            let (kind, number, of) = farm::parse(&file)?;
            (of == name).then(|| Link { level, kind, number, name: name.to_owned(), path: folder.join(&file) })
        });
        links.collect()
    }

    /// Whether the script has links in any level.
    pub(in crate::shims) fn is_linked(&self, name: &str) -> bool {
        Level::ALL.iter().any(|level| !self.links(*level, name).is_empty())
    }

    /// Whether an S link has the script on in a level one boots into.
    pub(in crate::shims) fn is_on(&self, name: &str) -> bool {
        let starts = |level: &Level| self.links(*level, name).iter().any(|link| link.kind == Kind::Start);
        Level::ALL.iter().filter(|level| matches!(level.as_char(), 'S' | '2'..='5')).any(starts)
    }

    /// Makes a link `SnnNAME` or `KnnNAME`, and the folder where it is missing.
    ///
    /// # Errors
    /// The path and why.
    pub(in crate::shims) fn link(&self, level: Level, kind: Kind, number: u8, name: &str) -> Result<(), String> {
        let folder = self.level(level);
        let link = folder.join(farm::file_name(kind, number, name));
        let why = |e: std::io::Error| unwritten(&link, &e);
        fs::create_dir_all(&folder).map_err(why)?;
        std::os::unix::fs::symlink(format!("../init.d/{name}"), &link).map_err(why)
    }

    /// `did you mean …?`: names of scripts and of `others` that are near.
    pub(in crate::shims) fn near<'a>(&self, name: &str, others: impl Iterator<Item = &'a str>) -> Option<String> {
        let known: Vec<String> = self.names().into_iter().chain(others.map(str::to_owned)).collect();
        let near = nearest(name, known.iter().map(String::as_str));
        let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
        (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
    }
}

/// A path that can't be changed, and why.
pub(in crate::shims) fn unwritten(path: &Path, e: &std::io::Error) -> String {
    let why = nix::errno::Errno::from_raw(e.raw_os_error().unwrap_or(0)).desc();
    let remedy = if e.kind() == std::io::ErrorKind::PermissionDenied { "; only root may change it" } else { "" };
    format!("{}: {why}{remedy}", path.display())
}

/// Whether it can name a file of a folder.
pub(in crate::shims) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && !name.starts_with('.')
}

/// What a folder holds, sorted.
pub(in crate::shims) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    names
}
