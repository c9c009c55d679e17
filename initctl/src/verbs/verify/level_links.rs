//! Links in `/etc/rung/levels` that lead to no unit.

use super::batch::Batch;
use init::load::Root;
use init::unit::{Finding, Level, Severity, UnitName};
use std::fs;
use std::path::Path;

/// Names that are on in a level and that nobody defines.
pub fn dangling(root: &Root, batch: &Batch<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for level in Level::ALL {
        let folder = root.shown(&Path::new("/etc/rung/levels").join(level.to_string()));
        for entry in fs::read_dir(root.place(&folder)).into_iter().flatten().flatten() {
            let Ok(file) = entry.file_name().into_string() else { continue };
            let Ok(name) = UnitName::new(&file) else { continue };
            if name.as_str() == file && !batch.loader.exists(&name) {
                let message = format!("it is on in level {level}, but there is no such unit");
                let finding = Finding::whole(Severity::Warning, &folder.join(&file), message);
                findings.push(finding.hint(format!("remove the link: initctl disable {}", name.short())));
            }
        }
    }
    findings
}
