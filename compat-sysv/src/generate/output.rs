//! What the generator makes: files and links below one folder, and findings. Written so that who reads meanwhile sees
//! whole files only, and that what didn't change isn't touched.

use init::sys::file;
use init::unit::{Finding, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file of findings.
pub const FINDINGS: &str = "findings";
/// The folders that are the generator's own: what it doesn't make there is removed.
pub const FOLDERS: [&str; 5] = ["twins", "scripts", "inittab", "levels", "events"];

/// How deep these folders go.
const MAX_DEPTH: usize = 4;

/// One file or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A file with this text.
    Text(String),
    /// A symbolic link with this target.
    Link(String),
}

/// All that is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Made {
    /// By path below the folder; each begins with one of [`FOLDERS`].
    pub items: BTreeMap<String, Item>,
    /// What is to be said about the files that were read.
    pub findings: Vec<Finding>,
    /// What is to be said about one of several units that are made of the same file, with the unit's name.
    pub about: Vec<(String, Finding)>,
}

/// `error` or `warning`, file, line (0: as a whole), text and remedy, with tabs between; the unit, where it is about one of
/// several.
fn line(finding: &Finding, unit: Option<&str>) -> String {
    let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let word = if finding.severity == Severity::Error { "error" } else { "warning" };
    let key = finding.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
    let (file, text) = (plain(&finding.path.display().to_string()), plain(&format!("{key}{}", finding.message)));
    let unit = unit.map(|unit| format!("\t{unit}")).unwrap_or_default();
    format!("{word}\t{file}\t{}\t{text}\t{}{unit}\n", finding.line, plain(finding.hint.as_deref().unwrap_or_default()))
}

/// How many files and links were written and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// New ones and changed ones.
    pub written: usize,
    /// Those that are no longer made.
    pub removed: usize,
}

impl Made {
    /// The text of the file of findings: sorted, each line once.
    pub fn findings_text(&self) -> String {
        let all =
            self.findings.iter().map(|f| (f, None)).chain(self.about.iter().map(|(unit, f)| (f, Some(unit.as_str()))));
        let at = |(f, unit): (&Finding, Option<&str>)| (f.path.clone(), f.line, line(f, unit));
        let lines: BTreeSet<(PathBuf, u32, String)> = all.map(at).collect();
        lines.into_iter().map(|(_, _, line)| line).collect()
    }

    /// Brings `folder` to hold exactly this. What stands beside [`FOLDERS`] and [`FINDINGS`] there is left alone.
    ///
    /// # Errors
    /// The first file that can't be written or removed, as text; the others are as they should be all the same.
    pub fn write(&self, folder: &Path) -> Result<Changes, String> {
        let (mut changes, mut failed) = (Changes::default(), None);
        let mut note = |path: &Path, done: std::io::Result<bool>, count: &mut usize| match done {
            Ok(changed) => *count += usize::from(changed),
            Err(e) => {
                failed.get_or_insert_with(|| format!("{}: {e}", path.display()));
            }
        };
        for (path, item) in &self.items {
            let path = folder.join(path);
            note(&path, put(&path, item), &mut changes.written);
        }
        let mut there = Vec::new();
        for own in FOLDERS {
            list(&folder.join(own), MAX_DEPTH, &mut there);
        }
        for path in &there {
            let place = path.strip_prefix(folder).ok().and_then(Path::to_str);
            if !place.is_some_and(|place| self.items.contains_key(place)) {
                note(path, remove(path), &mut changes.removed);
            }
        }
        FOLDERS.iter().for_each(|own| prune(&folder.join(own), MAX_DEPTH));
        // Last, so that who sees it sees all else.
        let path = folder.join(FINDINGS);
        note(&path, put(&path, &Item::Text(self.findings_text())), &mut changes.written);
        failed.map_or(Ok(changes), Err)
    }
}

/// Writes what isn't there yet; whether it wasn't.
fn put(path: &Path, item: &Item) -> std::io::Result<bool> {
    let meta = fs::symlink_metadata(path);
    let same = match item {
        Item::Text(text) => {
            meta.as_ref().is_ok_and(fs::Metadata::is_file)
                && file::read(path, text.len()).is_ok_and(|there| there == text.as_bytes())
        }
        Item::Link(target) => fs::read_link(path).is_ok_and(|there| there == Path::new(target)),
    };
    if same {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if meta.is_ok_and(|meta| meta.is_dir()) {
        fs::remove_dir_all(path)?;
    }
    match item {
        Item::Text(text) => file::replace_text(path, text)?,
        Item::Link(target) => file::replace_link(Path::new(target), path)?,
    }
    Ok(true)
}

/// What a folder holds, folders apart.
fn list(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => list(&entry.path(), depth - 1, found),
            _ => found.push(entry.path()),
        }
    }
}

/// Removes a folder and those in it, as far as they are empty.
fn prune(folder: &Path, depth: usize) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            prune(&entry.path(), depth - 1);
        }
    }
    let _ = fs::remove_dir(folder);
}

fn remove(path: &Path) -> std::io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        // Another run was quicker.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
