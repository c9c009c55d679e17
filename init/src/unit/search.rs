//! Which file is a unit's: search order, masks, templates, drop-ins. Works on listings; the shell reads the folders.

use super::{Source, UnitName};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// File name.
    pub name: String,
    /// A link to `/dev/null`, or an empty file.
    pub masked: bool,
    /// The entries of a `NAME.d` folder, each with its `masked`; empty in other entries.
    pub inside: Vec<(String, bool)>,
}

impl Entry {
    /// A plain file.
    pub fn file(name: impl Into<String>) -> Self {
        Self { name: name.into(), masked: false, inside: Vec::new() }
    }
}

/// A folder of units, as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it lies.
    pub path: PathBuf,
    /// What kind of units it holds.
    pub source: Source,
    /// What it holds, sorted by name.
    entries: Vec<Entry>,
}

impl Folder {
    /// A folder and what it holds, in any order.
    pub fn new(path: impl Into<PathBuf>, source: Source, mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Self { path: path.into(), source, entries }
    }

    /// What it holds, sorted by name.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|e| e.name.as_str().cmp(name)).ok()?;
        self.entries.get(at)
    }
}

/// The folders of units, the one that counts most first.
pub const FOLDERS: [(&str, Source); 11] = [
    ("/etc/rung/units", Source::Native),
    ("/run/rung/units", Source::Native),
    ("/usr/lib/rung/units", Source::Native),
    ("/etc/systemd/system", Source::Systemd),
    ("/run/systemd/system", Source::Systemd),
    ("/usr/local/lib/systemd/system", Source::Systemd),
    ("/usr/lib/systemd/system", Source::Systemd),
    ("/lib/systemd/system", Source::Systemd),
    ("/run/rung/generated/twins", Source::Twin),
    ("/run/rung/generated/scripts", Source::Script),
    ("/run/rung/generated/inittab", Source::Inittab),
];

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The unit's file, and its drop-ins in the order they count.
    File {
        /// The file.
        path: PathBuf,
        /// What kind of file.
        source: Source,
        /// Its drop-ins.
        drop_ins: Vec<PathBuf>,
    },
    /// Masked by this entry.
    Masked(PathBuf),
    /// No folder holds it.
    Nothing,
}

/// Finds the file of a unit. The first folder that has the name itself counts; else, for an instance, the first that has
/// its template. `folders`: the one that counts most first.
pub fn find(name: &UnitName, folders: &[Folder]) -> Found {
    let candidates = std::iter::once(name.clone()).chain(name.template());
    for candidate in candidates {
        for folder in folders {
            let Some(entry) = folder.entry(candidate.as_str()) else { continue };
            let path = folder.path.join(&entry.name);
            if entry.masked {
                return Found::Masked(path);
            }
            return Found::File { path, source: folder.source, drop_ins: drop_ins(name, folder.source, folders) };
        }
    }
    Found::Nothing
}

/// The drop-ins of a unit: `NAME.d/*.conf` of all folders that speak its language, its template's too. Of several with
/// one file name the one in the more specific `NAME.d`, then in the earlier folder, counts. Sorted by file name.
///
/// A Rung folder's drop-ins change a systemd unit as well; a systemd folder's don't touch a native one.
pub fn drop_ins(name: &UnitName, source: Source, folders: &[Folder]) -> Vec<PathBuf> {
    let mut seen: Vec<(&str, Option<PathBuf>)> = Vec::new();
    for owner in std::iter::once(name.clone()).chain(name.template()) {
        let wanted = format!("{}.d", owner.as_str());
        for folder in folders.iter().filter(|f| f.source != Source::Systemd || source == Source::Systemd) {
            if let Some(entry) = folder.entry(&wanted) {
                for (file, masked) in entry.inside.iter().filter(|(f, _)| f.ends_with(".conf") && !f.starts_with('.')) {
                    if !seen.iter().any(|(known, _)| known == file) {
                        let path = folder.path.join(&entry.name).join(file);
                        seen.push((file, (!masked).then_some(path)));
                    }
                }
            }
        }
    }
    seen.sort();
    seen.into_iter().filter_map(|(_, path)| path).collect()
}

/// All names that have a file, templates included, sorted; what isn't the name of a unit is passed over.
pub fn names(folders: &[Folder]) -> Vec<UnitName> {
    let entries = folders.iter().flat_map(|f| &f.entries);
    let names = entries.filter_map(|e| UnitName::new(&e.name).ok().filter(|n| n.as_str() == e.name));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The name of the unit a file holds, by its file name. For `verify FILE`.
///
/// # Errors
/// A sentence.
pub fn name_of(path: &Path) -> Result<UnitName, String> {
    let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name = UnitName::new(&file)?;
    if name.as_str() != file {
        return Err(format!("{}: a unit file's name ends in `.service` or `.target`", path.display()));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &str, source: Source, entries: &[&str]) -> Folder {
        let mut list: Vec<Entry> = Vec::new();
        for text in entries {
            let (text, masked) = text.strip_suffix('!').map_or((*text, false), |t| (t, true));
            match text.split_once('/') {
                None => list.push(Entry { masked, ..Entry::file(text) }),
                Some((dir, file)) => match list.iter_mut().find(|e| e.name == dir) {
                    Some(entry) => entry.inside.push((file.into(), masked)),
                    None => list.push(Entry { inside: vec![(file.into(), masked)], ..Entry::file(dir) }),
                },
            }
        }
        Folder::new(path, source, list)
    }

    fn show(found: Found) -> String {
        match found {
            Found::File { path, drop_ins, .. } => {
                std::iter::once(path).chain(drop_ins).map(|p| p.display().to_string()).collect::<Vec<_>>().join(" ")
            }
            Found::Masked(path) => format!("masked {}", path.display()),
            Found::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn the_first_folder_counts() {
        let folders = [
            folder(
                "/e",
                Source::Native,
                &["b.service!", "a.service.d/20.conf", "a.service.d/x", "g@.service.d/1.conf!"],
            ),
            folder("/r", Source::Native, &["a.service.d/10.conf", "a.service.d/20.conf", "g@tty1.service.d/2.conf"]),
            folder("/u", Source::Native, &["a.service", "b.service", "g@.service", "g@.service.d/1.conf", "README"]),
            folder(
                "/s",
                Source::Systemd,
                &["a.service", "s.service", "s.service.d/1.conf", "a.service.d/0.conf", "g@x.service"],
            ),
        ];
        let at = |name| show(find(&UnitName::new(name).expect(name), &folders));
        assert_eq!(at("a"), "/u/a.service /r/a.service.d/10.conf /e/a.service.d/20.conf");
        assert_eq!(at("b"), "masked /e/b.service");
        assert_eq!(at("g@tty1"), "/u/g@.service /r/g@tty1.service.d/2.conf");
        assert_eq!(at("g@tty2"), "/u/g@.service");
        assert_eq!(at("g@x"), "/s/g@x.service");
        assert_eq!(at("s"), "/s/s.service /s/s.service.d/1.conf");
        assert_eq!(at("z"), "nothing");
        let all: Vec<_> = names(&folders).iter().map(|n| n.as_str().to_owned()).collect();
        assert_eq!(all, ["a.service", "b.service", "g@.service", "g@x.service", "s.service"]);
    }

    #[test]
    fn files_have_names() {
        assert_eq!(name_of("/x/a.service".as_ref()).expect("name").as_str(), "a.service");
        assert!(name_of("/x/a.conf".as_ref()).is_err() && name_of("/".as_ref()).is_err());
    }
}
