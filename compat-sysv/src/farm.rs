//! The farm: `/etc/rcN.d/SnnNAME` and `KnnNAME`, links that say which script is started and stopped in which level, and in
//! which order.
//!
//! Red Hat style trees have them in `/etc/rc.d/rcN.d`, where `/etc/rcN.d` leads; either is read. A link is named after its
//! script, whatever it leads to, as `rc` and `startpar` do.

use init::load::Root;
use init::unit::{Finding, Level, LevelSet, Severity, rc_link};
use std::fs;
use std::path::{Path, PathBuf};

/// Start or stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `S`.
    Start,
    /// `K`.
    Stop,
}

impl Kind {
    /// `S` or `K`.
    pub fn letter(self) -> char {
        match self {
            Self::Start => 'S',
            Self::Stop => 'K',
        }
    }
}

/// `S20nginx` → kind, number, name, by [`rc_link`].
pub fn parse(file: &str) -> Option<(Kind, u8, &str)> {
    let (start, number, name) = rc_link(file)?;
    Some((if start { Kind::Start } else { Kind::Stop }, number, name))
}

/// The file name of a link: two digits at least.
pub fn file_name(kind: Kind, number: u8, name: &str) -> String {
    format!("{}{number:02}{name}", kind.letter())
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The level of its folder.
    pub level: Level,
    /// Start or stop.
    pub kind: Kind,
    /// 0 to 99.
    pub number: u8,
    /// The script's.
    pub name: String,
    /// The link itself, as shown to people.
    pub path: PathBuf,
}

/// All links.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Farm {
    /// By level (S first), start before stop, number and name.
    pub links: Vec<Link>,
}

/// The folder of a level's links in a root, as shown to people: `/etc/rc.d/rcN.d` only where there is no `/etc/rcN.d`.
pub fn folder(root: &Root, level: Level) -> PathBuf {
    let [plain, red_hat] =
        [format!("/etc/rc{level}.d"), format!("/etc/rc.d/rc{level}.d")].map(|p| root.shown(Path::new(&p)));
    let there = |path: &Path| root.place(path).is_dir();
    if !there(&plain) && there(&red_hat) { red_hat } else { plain }
}

impl Farm {
    /// Reads the links of a root, and what is to be said about its folders: links that lead nowhere (they are left out),
    /// and what is neither link nor documentation.
    pub fn read(root: &Root) -> (Self, Vec<Finding>) {
        let (mut farm, mut findings) = (Self::default(), Vec::new());
        for level in Level::ALL {
            let folder = folder(root, level);
            let entries = fs::read_dir(root.place(&folder)).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
            names.sort();
            for file in names {
                let path = folder.join(&file);
                let warn = |message: &str, hint: String| {
                    Finding::whole(Severity::Warning, &path, message.to_owned()).hint(hint)
                };
                match parse(&file) {
                    Some(_) if !root.place(&path).exists() => {
                        findings.push(warn(
                            "leads nowhere, and is passed over",
                            format!("remove it: rm {}", path.display()),
                        ));
                    }
                    Some((kind, number, name)) => {
                        farm.links.push(Link { level, kind, number, name: name.to_owned(), path });
                    }
                    None if file.starts_with('.') || file.starts_with("README") => {}
                    None => {
                        let hint = "name it S or K, two digits, and the script's name; or remove it".to_owned();
                        findings.push(warn("is no link of a level, and is passed over", hint));
                    }
                }
            }
        }
        farm.links.sort();
        (farm, findings)
    }

    /// The links of a script.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Link> {
        self.links.iter().filter(move |link| link.name == name)
    }

    /// The levels in which a script has links of a kind.
    pub fn levels(&self, name: &str, kind: Kind) -> LevelSet {
        self.of(name).filter(|link| link.kind == kind).map(|link| link.level).collect()
    }

    /// The number of a script's link in a level; the lowest where there are several.
    pub fn number(&self, name: &str, kind: Kind, level: Level) -> Option<u8> {
        self.of(name).filter(|link| link.kind == kind && link.level == level).map(|link| link.number).min()
    }

    /// Whether the script has any link.
    pub fn knows(&self, name: &str) -> bool {
        self.of(name).next().is_some()
    }

    /// The names of all scripts with links, each once, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.links.iter().map(|link| link.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
#[path = "farm_tests.rs"]
mod tests;
