//! The folders a service gets: `RuntimeDirectory=` and its kin.

use super::fields::Show;
use super::value::{Bad, Value};
use super::words::quote;
use super::{Severity, Unit};
use std::path::{Component, Path, PathBuf};

/// The keys about folders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directories {
    /// `RuntimeDirectory=`, below `/run`.
    pub runtime: Directory,
    /// `StateDirectory=`, below `/var/lib`.
    pub state: Directory,
    /// `CacheDirectory=`, below `/var/cache`.
    pub cache: Directory,
    /// `LogsDirectory=`, below `/var/log`.
    pub logs: Directory,
    /// `ConfigurationDirectory=`, below `/etc`.
    pub configuration: Directory,
    /// `RuntimeDirectoryPreserve=`
    pub preserve: Preserve,
}

/// The folders of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// In order.
    pub folders: Vec<Folder>,
    /// Their mode; 0755.
    pub mode: u32,
}

impl Default for Directory {
    fn default() -> Self {
        Self { folders: Vec::new(), mode: 0o755 }
    }
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// What it lies in: `/run`, `/var/lib`, …
    pub base: PathBuf,
    /// Its name there; may have several parts.
    pub name: String,
    /// Links to it, beside it.
    pub link: Option<String>,
}

impl Folder {
    /// Its whole path.
    pub fn path(&self) -> PathBuf {
        self.base.join(&self.name)
    }
}

/// `RuntimeDirectoryPreserve=`: whether the run-time folders outlive the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Preserve {
    /// They are removed when it stops.
    #[default]
    No,
    /// They stay.
    Yes,
    /// They stay over a restart.
    Restart,
}

pub(super) const PRESERVES: &[(&str, Preserve)] =
    &[("no", Preserve::No), ("yes", Preserve::Yes), ("restart", Preserve::Restart)];

/// A kind of folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DirectoryKind {
    /// `RuntimeDirectory=`
    Runtime,
    /// `StateDirectory=`
    State,
    /// `CacheDirectory=`
    Cache,
    /// `LogsDirectory=`
    Logs,
    /// `ConfigurationDirectory=`
    Configuration,
}

impl DirectoryKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Runtime, Self::State, Self::Cache, Self::Logs, Self::Configuration];

    /// The key.
    pub fn key(self) -> &'static str {
        match self {
            Self::Runtime => "RuntimeDirectory",
            Self::State => "StateDirectory",
            Self::Cache => "CacheDirectory",
            Self::Logs => "LogsDirectory",
            Self::Configuration => "ConfigurationDirectory",
        }
    }

    /// The variable that tells the program where they are, joined by colons.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Runtime => "RUNTIME_DIRECTORY",
            Self::State => "STATE_DIRECTORY",
            Self::Cache => "CACHE_DIRECTORY",
            Self::Logs => "LOGS_DIRECTORY",
            Self::Configuration => "CONFIGURATION_DIRECTORY",
        }
    }

    fn base(self, run_dir: &Path) -> PathBuf {
        match self {
            Self::Runtime => run_dir.to_owned(),
            Self::State => "/var/lib".into(),
            Self::Cache => "/var/cache".into(),
            Self::Logs => "/var/log".into(),
            Self::Configuration => "/etc".into(),
        }
    }
}

impl Directories {
    /// Those of one kind.
    pub fn of(&self, kind: DirectoryKind) -> &Directory {
        match kind {
            DirectoryKind::Runtime => &self.runtime,
            DirectoryKind::State => &self.state,
            DirectoryKind::Cache => &self.cache,
            DirectoryKind::Logs => &self.logs,
            DirectoryKind::Configuration => &self.configuration,
        }
    }
}

impl Unit {
    /// All folders the unit's service gets, with their kinds.
    pub fn directories(&self) -> impl Iterator<Item = (DirectoryKind, &Folder)> {
        let all = &self.service.directories;
        DirectoryKind::ALL.into_iter().flat_map(move |kind| all.of(kind).folders.iter().map(move |f| (kind, f)))
    }
}

/// Reads `NAME` or `NAME:LINK` words.
pub(super) fn folders(kind: DirectoryKind) -> impl Fn(&Value<'_>) -> Result<Vec<Folder>, Bad> {
    move |v| {
        let mut list = Vec::new();
        for word in v.words()? {
            let mut fields = word.text.split(':');
            let (name, link, flags) = (fields.next().unwrap_or(""), fields.next(), fields.next());
            let mut link = link.filter(|l| !l.is_empty()).map(|l| plain(l, word.at)).transpose()?;
            if let Some(flags) = flags {
                let bad =
                    Bad::new(word.at, format!("`{flags}` is passed over: the folder is one the service can write"));
                v.remark(Severity::Warning, bad);
            }
            if link.is_some() && kind == DirectoryKind::Configuration {
                v.remark(Severity::Warning, Bad::new(word.at, "a configuration folder gets no link; passed over"));
                link = None;
            }
            list.push(Folder { base: kind.base(&v.scope.facts.run_dir), name: plain(name, word.at)?, link });
        }
        Ok(list)
    }
}

/// A relative path without `.`, `..` and doubled `/`.
fn plain(text: &str, at: usize) -> Result<String, Bad> {
    let bad = |why: &str| Bad::new(at, format!("`{text}` {why}")).hint("write a name, or several joined by `/`");
    let mut parts = Vec::new();
    for part in Path::new(text).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::ParentDir => return Err(bad("holds `..`")),
            Component::RootDir | Component::Prefix(_) => return Err(bad("is an absolute path")),
        }
    }
    match parts.iter().find(|p| p.len() > 255) {
        Some(_) => Err(bad("has a part that is too long for a name")),
        None if parts.is_empty() => Err(bad("names no folder")),
        None => Ok(parts.join("/")),
    }
}

impl Show for Vec<Folder> {
    fn show(&self) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        let one = |f: &Folder| match &f.link {
            Some(link) => quote(&format!("{}:{link}", f.name)),
            None => quote(&f.name),
        };
        vec![self.iter().map(one).collect::<Vec<_>>().join(" ")]
    }
}

impl Show for Preserve {
    fn show(&self) -> Vec<String> {
        PRESERVES.iter().filter(|(_, p)| p == self).map(|(name, _)| (*name).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, Source, SourceFile, UnitName, parse};
    use super::*;

    #[test]
    fn names_links_and_modes_are_read() {
        let read = |text: &str| {
            let file = SourceFile { path: "/a.service".into(), text: format!("[Service]\nExecStart=/a\n{text}") };
            parse(&UnitName::new("a").expect("name"), Source::Native, &file, &[], &Facts::default())
        };
        let unit =
            read("RuntimeDirectory=a b//c:x/l\nRuntimeDirectory=%p-run\nStateDirectory=./s\nStateDirectoryMode=0700\n")
                .unit;
        let paths: Vec<_> = unit.directories().map(|(kind, f)| (kind, f.path(), f.link.clone())).collect();
        assert_eq!(
            paths,
            [
                (DirectoryKind::Runtime, "/run/a".into(), None),
                (DirectoryKind::Runtime, "/run/b/c".into(), Some("x/l".into())),
                (DirectoryKind::Runtime, "/run/a-run".into(), None),
                (DirectoryKind::State, "/var/lib/s".into(), None),
            ]
        );
        assert_eq!((unit.service.directories.state.mode, unit.service.directories.cache.mode), (0o700, 0o755));
        for bad in ["../a", "/a", ".", "a:/b"] {
            assert!(read(&format!("CacheDirectory={bad}\n")).is_bad(), "{bad}");
        }
        assert!(read("RuntimeDirectory=a\nRuntimeDirectory=\n").unit.directories().next().is_none());
    }
}
