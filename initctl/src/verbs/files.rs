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

/// `reload --units`
pub fn reload(c: &mut Context) -> Result<(), Failure> {
    let reloaded: Reloaded = c.ask("ReloadUnits", &ReloadUnits { choose: Some(true) })?;
    for finding in &reloaded.findings {
        c.out.message(&clean_lines(finding));
    }
    c.out.data(&reloaded, |r, _| r.changed.iter().map(|n| format!("changed {n}\n")).collect())
}
