//! Verbs about unit files: `cat`, `reload --units`.

use super::Context;
use crate::exit::{FAILED, Failure};
use crate::own::failure;
use crate::render::clean_lines;
use init::proto::control::{Names, ReloadUnits, Reloaded, Units};
use serde::Serialize;
use std::path::Path;

/// `cat NAME…`: each file under a line with its path.
pub fn cat(c: &mut Context, names: Vec<String>) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct File {
        path: String,
        text: String,
    }
    #[derive(Serialize)]
    struct Files {
        files: Vec<File>,
    }
    let units: Units = c.ask("Status", &Names { names })?;
    let (mut files, mut failed) = (Vec::new(), false);
    for unit in &units.units {
        if unit.files.is_empty() {
            c.out.message(&format!("{} has no file\n  try: initctl why {}", unit.name, unit.name.short()));
            failed = true;
        }
        for path in &unit.files {
            match std::fs::read(path) {
                Ok(bytes) => {
                    files.push(File { path: path.clone(), text: String::from_utf8_lossy(&bytes).into_owned() });
                }
                Err(e) => {
                    c.out.message(&failure("read", Path::new(path), &e).text().unwrap_or_default());
                    failed = true;
                }
            }
        }
    }
    c.out.data(&Files { files }, |all, _| {
        let texts: Vec<String> = all.files.iter().map(|f| format!("# {}\n{}\n", f.path, f.text.trim_end())).collect();
        texts.join("\n")
    })?;
    if failed { Err(Failure::Status(FAILED)) } else { Ok(()) }
}

/// So many findings are shown in full.
const SHOWN: usize = 5;

/// How many findings of each kind there are, and where they are shown.
fn summary(findings: &[String]) -> String {
    let first = |finding: &String| finding.lines().next().unwrap_or_default().to_owned();
    let count = |word: &str| findings.iter().map(first).filter(|line| line.contains(&format!(": {word}: "))).count();
    let kinds = [("error", count("error")), ("warning", count("warning")), ("note", count("note"))];
    let some = kinds.iter().filter(|(_, n)| *n > 0);
    let words = some.map(|(word, n)| format!("{n} {word}{}", if *n == 1 { "" } else { "s" }));
    format!("{} about unit files\n  try: initctl verify", words.collect::<Vec<_>>().join(", "))
}

/// `reload --units`
pub fn reload(c: &mut Context) -> Result<(), Failure> {
    let reloaded: Reloaded = c.ask("ReloadUnits", &ReloadUnits { choose: Some(true) })?;
    if reloaded.findings.len() <= SHOWN {
        reloaded.findings.iter().for_each(|finding| c.out.message(&clean_lines(finding)));
    } else {
        c.out.message(&summary(&reloaded.findings));
    }
    c.out.data(&reloaded, |r, _| r.changed.iter().map(|n| format!("changed {n}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_findings_are_counted() {
        let texts =
            ["/a:1:1: error: x", "/b:2:1: warning: there is: error: y\n  hint: z", "/c:1:1: note: n", "/d: note: n"];
        let texts: Vec<String> = texts.map(str::to_owned).into();
        assert_eq!(summary(&texts), "2 errors, 1 warning, 2 notes about unit files\n  try: initctl verify");
        assert_eq!(summary(&texts[2..3]), "1 note about unit files\n  try: initctl verify");
    }
}
