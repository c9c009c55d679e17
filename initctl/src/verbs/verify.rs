//! `verify`: what the manager would say about unit files, by its own loader and its own search for loops, and what only
//! a look at the root shows: programs, accounts, paths, units that aren't there.

mod batch;
pub(super) mod generated;
mod inittab;
mod level_links;
mod loops;
mod machine;

use super::Context;
use crate::cli::VerifyArgs;
use crate::exit::{FAILED, Failure};
use crate::render::verify as render;
use batch::Batch;
pub(super) use generated::Generated;
use init::client;
use init::load::{self, Root, conf};
use init::unit::{Finding, KeyUse, Severity, Taken, UnitName, search};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// All that was found, for `--json`.
#[derive(Debug, Serialize)]
struct Report {
    findings: Vec<Row>,
    summary: render::Summary,
}

/// A finding.
#[derive(Debug, Serialize)]
struct Row {
    severity: Severity,
    path: PathBuf,
    line: u32,
    column: u32,
    key: Option<String>,
    message: String,
    hint: Option<String>,
    #[serde(skip)]
    text: String,
    /// The table tells it as well.
    #[serde(skip)]
    in_table: bool,
}

impl Row {
    fn new(f: Finding, in_table: bool) -> Self {
        let text = f.to_string();
        let Finding { severity, path, line, column, key, message, hint, .. } = f;
        Self { severity, path, line, column, key, message, hint, text, in_table }
    }
}

/// A unit that was checked.
#[derive(Debug)]
struct Checked {
    name: UnitName,
    keys: Vec<KeyUse>,
    findings: Vec<Finding>,
}

/// Checks these files, folders and units, or all there are.
pub fn run(c: &mut Context, args: &VerifyArgs) -> Result<(), Failure> {
    let root = match &args.root {
        None => Root::system(),
        Some(folder) => super::image::root(folder)?,
    };
    let (settings, conf_findings) = conf::read(&root);
    let facts = load::conf::facts(&client::run_dir(), &settings);
    let wanted = Wanted::sort(&root, &args.files)?;
    let whole = args.files.is_empty();
    let mut checked = Vec::new();
    let mut findings = if whole { conf_findings } else { Vec::new() };
    let mut made = Generated::of(&root);
    if whole {
        batch::excerpts(&root, &mut made.findings);
        findings.append(&mut made.findings);
    }
    findings.extend(wanted.confs.iter().flat_map(|path| conf::read_file(&root, path).1));
    let machine = machine::Machine::new(&root);
    for (folder, names) in &wanted.files {
        let batch = Batch::new(&root, folder.as_deref(), &made, &facts);
        let names = match names {
            Some(names) => names.iter().map(|n| batch.unit(n)).collect::<Result<_, _>>().map_err(Failure::Other)?,
            None => batch.all(folder.as_deref()),
        };
        if !whole {
            // What is wrong with the scripts that these are made of.
            let scripts = batch.scripts(&names);
            findings.extend(made.findings.iter().filter(|f| scripts.contains(&f.path)).cloned());
        }
        let (units, mut loops) = batch.check(&names, &machine);
        checked.extend(units);
        findings.append(&mut loops);
        if whole {
            findings.extend(level_links::dangling(&root, &batch));
            findings.extend(batch.changes_of_mind());
        }
    }
    report(c, args, checked, findings, wanted)
}

/// Prints what was found; the worst of it is the exit status.
fn report(
    c: &mut Context,
    args: &VerifyArgs,
    mut checked: Vec<Checked>,
    others: Vec<Finding>,
    wanted: Wanted,
) -> Result<(), Failure> {
    let bad = |u: &Checked| u.findings.iter().any(|f| f.severity == Severity::Error);
    let bad = checked.iter().filter(|u| bad(u)).count();
    let mut findings: Vec<Row> = others.into_iter().map(|f| Row::new(f, false)).collect();
    for unit in &mut checked {
        for finding in std::mem::take(&mut unit.findings) {
            let passed_over = unit.keys.iter().any(|k| {
                Some(k.key.as_ref()) == finding.key.as_deref() && matches!(k.taken, Taken::Harmless | Taken::Changes)
            });
            findings.push(Row::new(finding, passed_over));
        }
    }
    let count = |s| findings.iter().filter(|f| f.severity == s).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let units: Vec<(&str, &[KeyUse])> = checked.iter().map(|u| (u.name.short(), u.keys.as_slice())).collect();
    let summary = render::Summary::new(&units, bad, errors, warnings, wanted.other_kinds);
    // A table of a whole distribution takes the place of thousands of lines that say the same.
    let many = wanted.files.iter().any(|(_, names)| names.is_none());
    let table = args.summary || (many && summary.is_lossy());
    let words = summary.words();
    c.out.data(&Report { findings, summary }, |r, style| {
        let shown = r.findings.iter().filter(|f| !(table && (f.in_table || f.severity == Severity::Note)));
        let mut text: String = shown.map(|f| format!("{}\n", f.text)).collect();
        if table {
            text.push_str(&render::table(&r.summary, style));
        }
        text
    })?;
    c.out.message(&words);
    if errors > 0 || (args.strict && warnings > 0) { Err(Failure::Status(FAILED)) } else { Ok(()) }
}

/// What the command line names: for each folder that is looked through first, some units or (`None`) all of it.
#[derive(Debug, Default)]
struct Wanted {
    files: Vec<(Option<PathBuf>, Option<Vec<UnitName>>)>,
    /// Files of settings.
    confs: Vec<PathBuf>,
    /// Files of kinds that Rung hasn't, by suffix.
    other_kinds: BTreeMap<String, usize>,
}

impl Wanted {
    fn sort(root: &Root, files: &[PathBuf]) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        if files.is_empty() {
            wanted.files.push((None, None));
        }
        for file in files {
            let shown = root.shown(file);
            let place = root.place(&shown);
            if place.is_dir() {
                wanted.count_others(&place);
                wanted.files.push((Some(shown), None));
            } else if shown.file_name().is_some_and(|n| n == "init.conf") && place.is_file() {
                wanted.confs.push(file.clone());
            } else if file == Path::new("init.conf") {
                wanted.confs.push(conf::PATH.into());
            } else if place.is_file() || file.to_string_lossy().contains('/') {
                if !place.exists() && fs::symlink_metadata(root.entry(&shown)).is_err() {
                    return Err(Failure::Other(format!("there is no file {}", shown.display())));
                }
                let name = search::name_of(&shown).map_err(Failure::Other)?;
                let parent = shown.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                wanted.add(Some(parent.to_owned()), name);
            } else {
                wanted.add(None, UnitName::new(&file.to_string_lossy()).map_err(Failure::Other)?);
            }
        }
        Ok(wanted)
    }

    fn add(&mut self, folder: Option<PathBuf>, name: UnitName) {
        match self.files.iter_mut().find(|(f, names)| *f == folder && names.is_some()) {
            Some((_, Some(names))) => names.push(name),
            _ => self.files.push((folder, Some(vec![name]))),
        }
    }

    fn count_others(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(file) = entry.file_name().into_string() else { continue };
            let Some((_, suffix)) = file.rsplit_once('.') else { continue };
            if batch::FOREIGN.contains(&suffix) {
                *self.other_kinds.entry(suffix.to_owned()).or_default() += 1;
            }
        }
    }
}
