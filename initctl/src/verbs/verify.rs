//! `verify`: what the manager would say about unit files, and what only a look at the machine shows.

use super::Context;
use crate::exit::{FAILED, Failure};
use crate::units::{self, Folders};
use init::unit::search;
use init::unit::{Facts, Finding, Severity, Unit, UnitName, nearest};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A finding, for `--json`.
#[derive(Debug, Serialize)]
struct Row {
    severity: String,
    path: PathBuf,
    line: u32,
    column: u32,
    key: Option<String>,
    message: String,
    hint: Option<String>,
    #[serde(skip)]
    text: String,
}

impl From<&Finding> for Row {
    fn from(f: &Finding) -> Self {
        Self {
            severity: f.severity.to_string(),
            path: f.path.clone(),
            line: f.line,
            column: f.column,
            key: f.key.clone(),
            message: f.message.clone(),
            hint: f.hint.clone(),
            text: f.to_string(),
        }
    }
}

/// Checks these files and units, or all there are.
pub fn run(c: &mut Context, files: &[PathBuf]) -> Result<(), Failure> {
    let (folders, facts) = (Folders::of_system(), units::facts());
    let all = folders.names();
    let mut wanted: Vec<(UnitName, PathBuf)> = Vec::new();
    if files.is_empty() {
        wanted = all.iter().filter_map(|n| Some((n.clone(), folders.find(n)?))).collect();
    }
    for file in files {
        wanted.push(locate(&folders, file, all.iter())?);
    }
    let known: BTreeSet<&UnitName> = all.iter().chain(wanted.iter().map(|(n, _)| n)).collect();
    let mut findings = Vec::new();
    for (name, path) in &wanted {
        findings.extend(check(&folders, name, path, &facts, &known));
    }
    let rows: Vec<Row> = findings.iter().map(Row::from).collect();
    c.out.data(&rows, |rows, _| rows.iter().map(|r| format!("{}\n", r.text)).collect())?;
    let count = |s| findings.iter().filter(|f| f.severity == s).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    c.out.message(&format!(
        "{} checked: {}, {}",
        counted(wanted.len(), "unit"),
        counted(errors, "error"),
        counted(warnings, "warning")
    ));
    if errors > 0 { Err(Failure::Status(FAILED)) } else { Ok(()) }
}

/// `3 units`, `1 error`, `no warnings`.
fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// A path is a file; anything else is a unit's name.
fn locate<'a>(
    folders: &Folders,
    file: &Path,
    known: impl Iterator<Item = &'a UnitName>,
) -> Result<(UnitName, PathBuf), Failure> {
    let shown = file.display();
    if file.is_file() || shown.to_string().contains('/') {
        let name = search::name_of(file).map_err(Failure::Other)?;
        return Ok((name, file.to_owned()));
    }
    let name = UnitName::new(&shown.to_string()).map_err(Failure::Other)?;
    folders.find(&name).map(|path| (name.clone(), path)).ok_or_else(|| {
        let near = nearest(name.short(), known.map(UnitName::short));
        let near = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
        Failure::Other(format!("there is no file and no unit `{shown}`{near}"))
    })
}

fn check(folders: &Folders, name: &UnitName, path: &Path, facts: &Facts, known: &BTreeSet<&UnitName>) -> Vec<Finding> {
    let parsed = match folders.read(name, path, facts) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return Vec::new(),
        Err(e) => return vec![finding(Severity::Error, path.to_owned(), 0, None, e)],
    };
    let mut findings = parsed.findings;
    findings.extend(missing_units(&parsed.unit, folders, known));
    findings.extend(missing_programs(&parsed.unit));
    findings
}

/// Units it requires and nobody defines.
fn missing_units(unit: &Unit, folders: &Folders, known: &BTreeSet<&UnitName>) -> Vec<Finding> {
    let missing = unit.requires.iter().filter(|n| !known.contains(n) && folders.find(n).is_none());
    let at = unit.places.iter().find(|(k, _)| *k == "Unit.Requires").map(|(_, p)| *p).unwrap_or_default();
    missing
        .map(|n| {
            let near = nearest(n.as_str(), known.iter().map(|k| k.as_str()));
            let file = unit.files.get(usize::from(at.file)).cloned().unwrap_or_default();
            let mut f = finding(Severity::Warning, file, at.line, Some("Requires"), format!("there is no unit `{n}`"));
            f.hint = (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")));
            f
        })
        .collect()
}

/// Programs that aren't there (they may come with a file system that isn't mounted yet: no error).
fn missing_programs(unit: &Unit) -> Vec<Finding> {
    let commands = unit.service.commands.iter();
    let missing = commands.filter_map(|(kind, command)| {
        let program = Path::new(command.words.first()?);
        (program.is_absolute() && !program.exists() && !program.to_string_lossy().contains('$')).then_some((
            kind.key(),
            command.place,
            program,
        ))
    });
    missing
        .map(|(key, place, program)| {
            let file = unit.files.get(usize::from(place.file)).cloned().unwrap_or_default();
            let message = format!("{} is not there", program.display());
            finding(Severity::Warning, file, place.line, Some(key), message)
        })
        .collect()
}

fn finding(severity: Severity, path: PathBuf, line: u32, key: Option<&str>, message: String) -> Finding {
    Finding { severity, path, line, column: 1, key: key.map(str::to_owned), message, hint: None, excerpt: None }
}
