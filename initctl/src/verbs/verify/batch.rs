//! Units of one search path, read as the manager reads them.

use super::generated::Generated;
use super::machine::Machine;
use super::{Checked, loops};
use init::core::{Core, Definition, Event};
use init::load::{Loader, Root, recorded};
use init::sys::file;
use init::unit::install::levels_of;
use init::unit::{Facts, Finding, Severity, Source, Unit, UnitName, nearest_units};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// systemd's kinds of unit that Rung hasn't.
pub const FOREIGN: [&str; 9] = ["socket", "device", "mount", "automount", "swap", "path", "timer", "slice", "scope"];

/// Longest file that lines are quoted from.
const LONGEST: usize = 8 << 20;

/// A search path.
#[derive(Debug)]
pub struct Batch<'a> {
    root: &'a Root,
    made: &'a Generated,
    pub loader: Loader,
}

impl<'a> Batch<'a> {
    /// The folders of the system, and before them `first`.
    pub fn new(root: &'a Root, first: Option<&Path>, made: &'a Generated, facts: &Facts) -> Self {
        let is_systemd = |path: &Path| path.components().any(|c| c.as_os_str() == OsStr::new("systemd"));
        let first =
            first.map(|path| (if is_systemd(path) { Source::Systemd } else { Source::Native }, path.to_owned()));
        let folders = first.into_iter().chain(made.folders(root)).collect();
        let mut loader = Loader::of(root.clone(), folders, facts.clone()).recalling_choices();
        loader.scan();
        Self { root, made, loader }
    }

    /// A unit that was named, by its own name.
    pub fn unit(&self, name: &UnitName) -> Result<UnitName, String> {
        let own = self.loader.canonical(name.clone());
        if self.loader.exists(&own) { Ok(own) } else { Err(self.missing(name, "there is no file and no unit")) }
    }

    /// `there is no unit X`, with names that are near.
    fn missing(&self, name: &UnitName, what: &str) -> String {
        let near = self.near(name);
        let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
        format!("{what} `{}`{near}", name.short())
    }

    fn near(&self, name: &UnitName) -> Option<String> {
        // The suffix is common to nearly all and would make far ones look near.
        let near = nearest_units(name, self.loader.all_names());
        (!near.is_empty()).then(|| near.join(" or "))
    }

    /// All units, templates too; of one folder, only what lies in it.
    pub fn all(&self, folder: Option<&Path>) -> Vec<UnitName> {
        let inside = |name: &UnitName| {
            folder.is_none_or(|folder| self.loader.file(name).is_some_and(|file| file.parent() == Some(folder)))
        };
        let names: BTreeSet<UnitName> =
            self.loader.all_names().map(|name| self.loader.canonical(name.clone())).filter(inside).collect();
        names.into_iter().collect()
    }

    /// The init scripts that these units are made of, as they are shown.
    pub fn scripts(&self, names: &[UnitName]) -> BTreeSet<PathBuf> {
        let script = |name: &UnitName| match self.loader.load(name).definition {
            Definition::Good(unit) if unit.source.is_script() => unit.source_path.clone(),
            _ => None,
        };
        names.iter().filter_map(script).map(|path| self.root.shown(&path)).collect()
    }

    /// Where a systemd unit and a script have one name, and today another of them would be taken.
    pub fn changes_of_mind(&self) -> Vec<Finding> {
        let path = self.root.shown(Path::new(recorded::PATH));
        let stale = self.loader.choices().filter(|(_, choice)| choice.is_stale);
        stale
            .map(|(name, c)| Finding::whole(Severity::Warning, &path, format!("{}: {}", name.short(), c.why)))
            .collect()
    }

    /// Reads and checks these units; beside them, the loops that they are in.
    pub fn check(&self, names: &[UnitName], machine: &Machine<'_>) -> (Vec<Checked>, Vec<Finding>) {
        let mut core = Core::new();
        let mut checked = Vec::new();
        let mut definitions = Vec::new();
        for name in names {
            let loaded = self.loader.load(name);
            let mut findings = loaded.findings;
            match &loaded.definition {
                Definition::Good(unit) => {
                    findings.extend(self.missing_units(unit));
                    findings.extend(machine.check(unit));
                    self.made.tell_origin(self.root, unit, &mut findings);
                }
                Definition::Bad(_, reason) if findings.is_empty() => {
                    let path = self.loader.file(name).unwrap_or_else(|| PathBuf::from(name.as_str()));
                    // What the loader says of a file begins with its path, as a finding does.
                    let twice = format!("{}: ", path.display());
                    let reason = reason.strip_prefix(&twice).unwrap_or(reason);
                    findings.push(Finding::whole(Severity::Error, &path, reason.to_owned()));
                }
                _ => {}
            }
            excerpts(self.root, &mut findings);
            definitions.push(loaded.definition);
            checked.push(Checked { name: name.clone(), keys: loaded.keys, findings });
        }
        core.handle(Event::Define(definitions), 0, &mut Vec::new());
        self.complete(&mut core);
        let mut loops = loops::findings(&core, names);
        loops.extend(loops::in_vain(&core, names, self.root));
        excerpts(self.root, &mut loops);
        (checked, loops)
    }

    /// Reads what these units refer to, and what that refers to.
    fn complete(&self, core: &mut Core) {
        let mut tried = BTreeSet::new();
        loop {
            let more: Vec<UnitName> =
                core.missing().filter(|n| self.loader.exists(n) && !tried.contains(*n)).cloned().collect();
            if more.is_empty() {
                return;
            }
            let definitions = more.iter().map(|n| self.loader.load(n).definition).collect();
            tried.extend(more);
            core.handle(Event::Define(definitions), 0, &mut Vec::new());
        }
    }

    /// Units that it names and nobody defines.
    fn missing_units(&self, unit: &Unit) -> Vec<Finding> {
        let absent = |name: &&UnitName| !self.loader.exists(name);
        let mut findings = Vec::new();
        let more = &unit.relations;
        let needed =
            [("Unit.Requires", &*unit.requires), ("Unit.BindsTo", &more.binds_to), ("Unit.Requisite", &more.requisite)];
        for (key, list) in needed {
            for name in list.iter().filter(absent) {
                let message = format!("there is no unit `{name}`, so this one can't be started");
                findings.push(self.about(unit, key, name, Severity::Error, message));
            }
        }
        for (key, list) in [("Unit.OnFailure", &more.on_failure), ("Unit.OnSuccess", &more.on_success)] {
            for name in list.iter().filter(absent) {
                let message = format!("there is no unit `{name}`, so nothing starts then");
                findings.push(self.about(unit, key, name, Severity::Warning, message));
            }
        }
        for (key, list) in [("Unit.Wants", &*unit.wants), ("Unit.Upholds", &more.upholds)] {
            for name in list.iter().filter(absent) {
                let message = format!("there is no unit `{name}`; a start goes on without it");
                findings.push(self.about(unit, key, name, Severity::Note, message));
            }
        }
        let install = &unit.install;
        let holders = [
            ("Install.WantedBy", &install.wanted_by),
            ("Install.RequiredBy", &install.required_by),
            ("Install.UpheldBy", &install.upheld_by),
        ];
        // What a template's are called is known when it is switched on.
        for (key, list) in holders.into_iter().filter(|_| !unit.name.is_template()) {
            for name in list.iter().filter(absent).filter(|name| levels_of(name.as_str()).is_empty()) {
                let message = format!("there is no unit `{name}`: switched on there, it is started by nothing");
                let hint = "write the target or unit that is to bring it, or Runlevels=2345".to_owned();
                let finding = self.about(unit, key, name, Severity::Warning, message);
                findings.push(Finding { hint: finding.hint.clone().or(Some(hint)), ..finding });
            }
        }
        for (key, list) in [("Unit.After", &unit.after), ("Unit.Before", &unit.before)] {
            // Most units are ordered against others that may be there or not: only a slip is worth a word.
            for name in list.iter().filter(absent).filter(|n| unit.source == Source::Native && self.near(n).is_some()) {
                findings.push(self.about(unit, key, name, Severity::Note, format!("there is no unit `{name}`")));
            }
        }
        findings
    }

    fn about(&self, unit: &Unit, id: &str, name: &UnitName, severity: Severity, message: String) -> Finding {
        let mut finding = super::machine::at(unit, id, severity, message);
        finding.hint = self.near(name).map(|near| format!("did you mean {near}?"));
        finding
    }
}

/// Source lines for findings that have none, so that they are shown with a caret; it stands under what is quoted.
pub fn excerpts(root: &Root, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|f| f.excerpt.is_none() && f.line > 0) {
        let Ok(text) = file::read_text(&root.place(&finding.path), LONGEST) else { continue };
        let index = usize::try_from(finding.line).unwrap_or(0).saturating_sub(1);
        let Some(line) = text.trim_start_matches('\u{feff}').lines().nth(index) else { continue };
        let quoted = finding.message.split('`').nth(1).and_then(|word| line.find(word));
        let value = line.find('=').filter(|_| finding.key.is_some()).map(|at| at + 1);
        let at = quoted.or(value).and_then(|at| line.get(..at)).map_or(0, |before| before.chars().count());
        finding.column = u32::try_from(at + 1).unwrap_or(1);
        finding.excerpt = Some(line.to_owned());
    }
}
