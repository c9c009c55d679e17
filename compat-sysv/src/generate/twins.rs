//! Native twins of scripts: units in `/usr/lib/rung/twins` that stand in for the scripts of their names, where these have
//! links, are as the twins know them, and are set up in a way that the twins can do.
//!
//! A twin's file has a section `[X-Twin]`: `Script=` with the MD5 sums of the scripts that it does the same as, and
//! `Needs=` with scripts that have to be twins as well. A script that somebody has changed is none of them, so it runs.

use super::{Item, Made};
use crate::farm::Kind;
use crate::tree::{Script, Tree};
use init::boot::twin::{Look, objection};
use init::load::twins::{Decision, FILE};
use init::load::{Root, conf};
use init::sys::file;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where twins lie.
pub const FOLDER: &str = "/usr/lib/rung/twins";
/// What dpkg knows of its packages.
const STATUS: &str = "/var/lib/dpkg/status";
/// Longer is no unit file, and no script.
const MAX_FILE: usize = 1 << 20;

/// A twin's file.
struct File {
    text: String,
    sums: Vec<String>,
    needs: Vec<String>,
}

/// What was decided about each script that there is a twin of.
#[derive(Debug, Clone, Default)]
pub struct Twins(BTreeMap<String, Result<String, String>>);

impl Twins {
    /// The twin that stands in for a script, as text of a unit.
    pub fn text(&self, script: &str) -> Option<&str> {
        self.0.get(script)?.as_deref().ok()
    }

    /// Adds the file of decisions.
    pub fn note(&self, made: &mut Made) {
        let line = |(script, decided): (&String, &Result<String, String>)| {
            Decision { script: script.clone(), objection: decided.as_ref().err().cloned() }.line()
        };
        if !self.0.is_empty() {
            made.items.insert(format!("twins/{FILE}"), Item::Text(self.0.iter().map(line).collect()));
        }
    }
}

/// Decides about all scripts of a root.
pub fn of(root: &Root, tree: &Tree) -> Twins {
    let files = files(root);
    if files.is_empty() {
        return Twins::default();
    }
    let settings = conf::read(root).0.twins;
    let mut decided = BTreeMap::new();
    for script in &tree.scripts {
        let Some(file) = files.get(&script.name) else { continue };
        let objection = settings.against(&script.name).or_else(|| against(root, tree, script, file));
        decided.insert(script.name.clone(), objection.map_or_else(|| Ok(file.text.clone()), Err));
    }
    // Those that call others, until nothing changes.
    loop {
        let lone = decided.iter().filter(|(_, decision)| decision.is_ok()).find_map(|(name, _)| {
            let needs = &files.get(name)?.needs;
            let missing = needs.iter().find(|need| !decided.get(*need).is_some_and(Result::is_ok))?;
            Some((name.clone(), format!("it calls {missing}, which runs itself")))
        });
        let Some((name, why)) = lone else { break };
        decided.insert(name, Err(why));
    }
    Twins(decided)
}

fn files(root: &Root) -> BTreeMap<String, File> {
    let folder = root.shown(Path::new(FOLDER));
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root.place(&folder)).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().ok();
        let Some(name) = name.as_deref().and_then(|name| name.strip_suffix(".service")) else { continue };
        if let Ok(text) = file::read_text(&root.place(&folder.join(entry.file_name())), MAX_FILE) {
            let of = |key: &str| -> Vec<String> {
                let lines =
                    text.lines().skip_while(|line| *line != "[X-Twin]").filter_map(|line| line.strip_prefix(key));
                lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
            };
            let (sums, needs) = (of("Script="), of("Needs="));
            files.insert(name.to_owned(), File { text, sums, needs });
        }
    }
    files
}

/// Why the script itself runs.
fn against(root: &Root, tree: &Tree, script: &Script, file: &File) -> Option<String> {
    if [Kind::Start, Kind::Stop].iter().all(|kind| tree.farm.levels(&script.name, *kind).is_empty()) {
        return Some("it has no link in any rcN.d".to_owned());
    }
    let Ok(bytes) = file::read(&root.place(&script.path), MAX_FILE) else {
        return Some("it can't be read".to_owned());
    };
    let sum = format!("{:x}", md5::compute(&bytes));
    if !file.sums.contains(&sum) {
        let status = file::read_text(&root.place(&root.shown(Path::new(STATUS))), 1 << 26).unwrap_or_default();
        let name = format!("/etc/init.d/{}", script.name);
        return Some(match recorded(&status, &name) {
            Some(recorded) if recorded != sum => "it was changed since its package was installed".to_owned(),
            Some(_) => "it is of another version of its package than the twin knows".to_owned(),
            None => "it isn't one that the twin knows".to_owned(),
        });
    }
    let text = |path: &str| file::read_text(&root.place(&root.shown(Path::new(path))), MAX_FILE).ok();
    let exists = |path: &str| root.place(&root.shown(Path::new(path))).exists();
    objection(&script.name, &Look { text: &text, exists: &exists })
}

/// The sum that dpkg has of a configuration file: ` /etc/init.d/x SUM [obsolete]`. Pure.
fn recorded<'a>(status: &'a str, path: &str) -> Option<&'a str> {
    let rest = |line: &'a str| line.strip_prefix(' ')?.strip_prefix(path)?.strip_prefix(' ');
    status.lines().find_map(rest)?.split_whitespace().next()
}

#[cfg(test)]
#[path = "twins_tests.rs"]
mod tests;
