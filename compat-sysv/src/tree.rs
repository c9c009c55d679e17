//! The scripts of a root, with all that is said about them: headers, overrides, links, facilities.
//!
//! Header sources, best first, as in insserv 1.24: `/etc/insserv/overrides/NAME`, `/usr/share/insserv/overrides/NAME`, the
//! script itself. Nothing is executed here; a link to [`UPSTART_JOB`] gets its header from whom it is asked for
//! ([`Tree::read_with`]). Files are read when they are plain and at most [`MAX_FILE`] bytes.

use crate::chkconfig;
use crate::facilities::{Facilities, is_ignored_by_extension};
use crate::farm::{Farm, Kind};
use crate::lsb;
use init::load::Root;
use init::sys::file;
use init::unit::{Finding, Severity};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// More is no script.
pub const MAX_FILE: usize = 1 << 20;
/// A script that leads here is a job of Upstart's, whose header is asked for.
pub const UPSTART_JOB: &str = "/lib/init/upstart-job";
/// Where overrides lie, the best first.
pub const OVERRIDES: [&str; 2] = ["/etc/insserv/overrides", "/usr/share/insserv/overrides"];

/// Most links from a script to what it is.
const MAX_LINKS: usize = 20;

/// Whose rules a root lives by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// insserv: headers give the order, numbers follow from it.
    Debian,
    /// chkconfig: numbers give the order.
    RedHat,
}

/// One script.
#[derive(Debug, Clone)]
pub struct Script {
    /// As `service NAME` calls it.
    pub name: String,
    /// What is run, as shown to people.
    pub path: PathBuf,
    /// What it holds; empty where it can't be read.
    pub text: String,
    /// Its LSB header, and the file that has it.
    pub lsb: Option<(PathBuf, lsb::Header)>,
    /// What it says to chkconfig.
    pub chkconfig: chkconfig::Header,
}

impl Script {
    /// Its LSB header.
    pub fn header(&self) -> Option<&lsb::Header> {
        self.lsb.as_ref().map(|(_, header)| header)
    }
}

/// All of a root.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Whose rules count.
    pub style: Style,
    /// The folder of scripts, as shown to people.
    pub folder: PathBuf,
    /// By name.
    pub scripts: Vec<Script>,
    /// The links.
    pub farm: Farm,
    /// What `$network` and the like stand for.
    pub facilities: Facilities,
    /// What is to be said about all these files.
    pub findings: Vec<Finding>,
}

/// Whether a file of `init.d` is no script, by its name, as insserv and Red Hat's `rc` see it.
pub fn is_ignored(name: &str, style: Style) -> bool {
    let always = ["rc", "rcS", "rx", "core", "functions"].contains(&name)
        || ["README", "Makefile", "skeleton", "powerfail"].iter().any(|start| name.starts_with(start))
        || name.starts_with(['$', '.', '#', '%', '_', '+', '-', '\\', '*', '[', ']', '^', ':', '(', ')', '~'])
        || name.ends_with('~');
    always || is_ignored_by_extension(name) || style == Style::RedHat && chkconfig::is_ignored(name)
}

/// Where the scripts of a root are, as shown to people: `/etc/init.d`, or `/etc/rc.d/init.d` where there is only that.
pub fn folder(root: &Root) -> PathBuf {
    let [plain, red_hat] = ["/etc/init.d", "/etc/rc.d/init.d"].map(|path| root.shown(Path::new(path)));
    if !root.place(&plain).is_dir() && root.place(&red_hat).is_dir() { red_hat } else { plain }
}

/// Whose rules a root lives by: Red Hat's where it has `/etc/rc.d/init.d` and no `/etc/insserv.conf`.
pub fn style(root: &Root) -> Style {
    let there = |path: &str| root.place(&root.shown(Path::new(path))).exists();
    if there("/etc/rc.d/init.d") && !there(crate::facilities::PATH) { Style::RedHat } else { Style::Debian }
}

impl Tree {
    /// Reads a root; Upstart's jobs have no header.
    pub fn read(root: &Root) -> Self {
        Self::read_with(root, &mut |_| Ok(None))
    }

    /// Reads a root. `job` gives the header's text of one of Upstart's jobs, by its name; `Err`: why it can't.
    pub fn read_with(root: &Root, job: &mut dyn FnMut(&str) -> Result<Option<String>, String>) -> Self {
        let (style, folder) = (style(root), folder(root));
        let default = if style == Style::RedHat { Facilities::red_hat() } else { Facilities::debian() };
        let (facilities, mut findings) = Facilities::read(root, default);
        let (farm, said) = Farm::read(root);
        findings.extend(said);
        let mut reader = Reader { root, findings, job };
        let mut scripts = reader.folder(&folder, style, &farm);
        scripts.extend(reader.elsewhere(&scripts, &farm, style));
        scripts.sort_by(|a, b| a.name.cmp(&b.name));
        Self { style, folder, scripts, farm, facilities, findings: reader.findings }
    }
}

struct Reader<'a> {
    root: &'a Root,
    findings: Vec<Finding>,
    job: &'a mut dyn FnMut(&str) -> Result<Option<String>, String>,
}

impl Reader<'_> {
    fn folder(&mut self, folder: &Path, style: Style, farm: &Farm) -> Vec<Script> {
        let entries = fs::read_dir(self.root.place(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names.retain(|name| !is_ignored(name, style));
        let mut scripts = Vec::new();
        for name in names {
            let path = folder.join(&name);
            // A link to another script of the folder is a second name for it, of its own only where the farm calls it.
            let second = fs::read_link(self.root.entry(&path)).is_ok_and(|to| to.components().count() == 1);
            if is_executable(&self.root.place(&path)) && (!second || farm.knows(&name)) {
                let script = self.script(name, path, second);
                scripts.push(script);
            }
        }
        scripts
    }

    /// What the farm calls that isn't in the folder: `S99local` leads to `/etc/rc.d/rc.local`.
    fn elsewhere(&mut self, known: &[Script], farm: &Farm, style: Style) -> Vec<Script> {
        let known: BTreeSet<&str> = known.iter().map(|script| script.name.as_str()).collect();
        let (mut scripts, mut seen) = (Vec::new(), BTreeSet::new());
        for link in
            farm.links.iter().filter(|link| !known.contains(link.name.as_str()) && !is_ignored(&link.name, style))
        {
            let target = fs::read_link(self.root.entry(&link.path)).unwrap_or_default();
            let base = link.path.parent().unwrap_or(Path::new("/"));
            let path = match target.strip_prefix("/") {
                Ok(_) => self.root.shown(&target),
                Err(_) => plain(&base.join(&target)),
            };
            let path = if target.as_os_str().is_empty() { link.path.clone() } else { path };
            if is_executable(&self.root.place(&path)) && seen.insert(link.name.clone()) {
                scripts.push(self.script(link.name.clone(), path, false));
            }
        }
        scripts
    }

    fn script(&mut self, name: String, path: PathBuf, second: bool) -> Script {
        let text = self.text(&path);
        let (chkconfig, said) = chkconfig::parse(&path, &text);
        self.findings.extend(said);
        let lsb = if second { None } else { self.header(&name, &path, &text) };
        Script { name, path, text, lsb, chkconfig }
    }

    /// What a file holds; nothing, and a word about it, where it can't be read.
    fn text(&mut self, path: &Path) -> String {
        file::read_text(&self.root.place(path), MAX_FILE).unwrap_or_else(|e| {
            let message = format!("cannot be read: {}; its header isn't known", e.desc());
            let hint = "make it a readable plain file of at most 1 MiB";
            self.findings.push(Finding::whole(Severity::Warning, path, message).hint(hint));
            String::new()
        })
    }

    fn header(&mut self, name: &str, path: &Path, text: &str) -> Option<(PathBuf, lsb::Header)> {
        if self.is_job(path) {
            let text = match (self.job)(name) {
                Ok(text) => text.unwrap_or_default(),
                Err(why) => {
                    let hint = format!("see what it says: {UPSTART_JOB} {name} lsb-header");
                    self.findings.push(Finding::whole(Severity::Warning, path, why).hint(hint));
                    String::new()
                }
            };
            return self.parse(path, &text);
        }
        // Overrides are called as what the script is in the end, as in insserv.
        let real = self.root.place(path);
        let real = fs::canonicalize(&real).unwrap_or(real);
        let real = real.file_name().unwrap_or_default();
        for folder in OVERRIDES {
            let path = self.root.shown(Path::new(folder)).join(real);
            if self.root.place(&path).is_file() {
                let text = self.text(&path);
                if let Some(found) = self.parse(&path, &text) {
                    return Some(found);
                }
            }
        }
        self.parse(path, text)
    }

    fn parse(&mut self, path: &Path, text: &str) -> Option<(PathBuf, lsb::Header)> {
        let (header, said) = lsb::parse(path, text);
        self.findings.extend(said);
        header.map(|header| (path.to_owned(), header))
    }

    /// Whether links lead from here to Upstart's own script.
    fn is_job(&self, path: &Path) -> bool {
        let (job, mut here) = (self.root.shown(Path::new(UPSTART_JOB)), path.to_owned());
        for _ in 0..MAX_LINKS {
            let Ok(target) = fs::read_link(self.root.entry(&here)) else { return false };
            here = match target.is_absolute() {
                true => self.root.shown(&target),
                false => here.parent().unwrap_or(Path::new("/")).join(&target),
            };
            if here == job {
                return true;
            }
        }
        false
    }
}

/// Whether `rc` would run it: a plain file that its owner may execute.
fn is_executable(place: &Path) -> bool {
    fs::metadata(place).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o100 != 0)
}

/// A path without `..`, where these only undo what stands before them.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

impl Tree {
    /// The script of that name.
    pub fn script(&self, name: &str) -> Option<&Script> {
        self.scripts.binary_search_by(|script| script.name.as_str().cmp(name)).ok().and_then(|at| self.scripts.get(at))
    }

    /// The levels a script is started or stopped in: what the farm says; what the header says where the farm has no link
    /// of it at all, as insserv reckons.
    pub fn levels(&self, script: &Script, kind: Kind) -> init::unit::LevelSet {
        let key = if kind == Kind::Start { lsb::Key::DefaultStart } else { lsb::Key::DefaultStop };
        match script.header() {
            Some(header) if !self.farm.knows(&script.name) => header.levels(key),
            _ => self.farm.levels(&script.name, kind),
        }
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
