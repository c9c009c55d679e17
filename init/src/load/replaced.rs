//! Scripts for which a native unit or one of systemd's stands: what their headers say of the order goes over to the unit.
//!
//! What orders a script and another one stands in the units of both (`sysv generate`); so only where units stand for both
//! would it be lost.

use crate::unit::{self, Facts, Source, SourceFile, Unit, UnitName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The key that names those among the others of a unit's order whom it is ordered with only since it has the console for
/// itself. A unit that stands for the script hasn't.
pub const FOR_CONSOLE: &str = "X-ForConsole";

/// The units made from such scripts, by the unit that stands for them.
#[derive(Debug, Default)]
pub(super) struct Replaced(BTreeMap<UnitName, Vec<(UnitName, PathBuf)>>);

impl Replaced {
    /// Of all units made from scripts those for which another one stands.
    pub fn of(scripts: Vec<(UnitName, PathBuf)>, stands_for: impl Fn(&UnitName) -> Option<UnitName>) -> Self {
        let mut replaced: BTreeMap<UnitName, Vec<(UnitName, PathBuf)>> = BTreeMap::new();
        for (name, path) in scripts {
            if let Some(unit) = stands_for(&name) {
                replaced.entry(unit).or_default().push((name, path));
            }
        }
        replaced.values_mut().for_each(|scripts| scripts.sort());
        Self(replaced)
    }

    /// Gives a unit the order of the scripts that it stands for.
    pub fn put_into(&self, unit: &mut Unit, read: impl Fn(&Path) -> Option<SourceFile>, facts: &Facts) {
        for (name, path) in self.0.get(&unit.name).into_iter().flatten() {
            let Some(file) = read(path) else { continue };
            let script = unit::parse(name, Source::Script, &file, &[], facts).unit;
            let values = file.text.lines().filter_map(|line| line.strip_prefix(FOR_CONSOLE)?.strip_prefix('='));
            let alone: Vec<&str> = values.flat_map(str::split_whitespace).collect();
            let counts = |other: &&UnitName| !alone.contains(&other.as_str());
            let after = script.after.iter().chain(&script.relations.start_after).filter(counts);
            unit.relations.script_after.extend(after.cloned());
            unit.relations.script_before.extend(script.before.iter().filter(counts).cloned());
        }
    }
}
