//! Between a systemd unit and an init script of one name: which of them is the unit.
//!
//! By `Prefer=unit` the systemd unit is, if every key of it that changes behaviour is honoured and nothing in it is
//! amiss, else the script; by `Prefer=script` always the script. A script that boots the machine (a link in `rcS.d`) is
//! always taken: it does what systemd has other units for. What is masked in a folder of systemd's is so for systemd only:
//! Debian's packages have systemd pass over their scripts by that. A choice that was made stays until somebody asks for another look, so that an upgrade of either doesn't
//! exchange one for the other behind people's backs.

use super::Root;
use crate::unit::conf::Prefer;
use crate::unit::{Parsed, Severity, Source, UnitName, rc_link};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Which was taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// [`Source::Systemd`] or [`Source::Script`].
    pub taken: Source,
    /// A sentence.
    pub why: String,
    /// It was made before, and now it would be another.
    pub is_stale: bool,
    /// What is to be remembered. Where the unit is masked or can't be read, that may be for the moment only: what was
    /// chosen before.
    pub kept: Option<Source>,
}

/// What decides about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Its script boots the machine.
    Boot,
    /// What `init.conf` says.
    By(Prefer),
}

/// The names that have a start link in `rcS.d`.
pub(super) fn boot_scripts(root: &Root) -> BTreeSet<String> {
    let entries = ["/etc/rcS.d", "/etc/rc.d/rcS.d"].into_iter().flat_map(|folder| {
        let shown = root.shown(Path::new(folder));
        fs::read_dir(root.place(&shown)).into_iter().flatten().flatten()
    });
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let start = |name: &str| rc_link(name).and_then(|(start, _, script)| start.then(|| script.to_owned()));
    names.filter_map(|name| start(&name)).collect()
}

/// Choices that were made before, and what they are made by.
#[derive(Debug, Clone, Default)]
pub(super) struct Chooser {
    made: BTreeMap<UnitName, Source>,
    pub choices: BTreeMap<UnitName, Choice>,
}

impl Chooser {
    /// These were made before.
    pub fn keep(&mut self, made: BTreeMap<UnitName, Source>) {
        self.made = made;
    }

    /// Chooses for one name. `unit`: the systemd unit as read; `None`: it is masked or can't be read.
    pub fn choose(&mut self, name: &UnitName, rule: Rule, unit: Option<&Parsed>) -> Source {
        let fresh = fresh(rule, unit);
        let choice = match self.made.get(name) {
            Some(made) if *made != fresh.taken && unit.is_some() && rule != Rule::Boot => {
                let (this, other) = (word(*made), word(fresh.taken));
                let why = format!(
                    "the {this} was chosen before; now it would be the {other}: {} (initctl reload --units takes it)",
                    fresh.why
                );
                Choice { taken: *made, why, is_stale: true, kept: Some(*made) }
            }
            made if unit.is_none() && rule != Rule::Boot => Choice { kept: made.copied(), ..fresh },
            _ => fresh,
        };
        let taken = choice.taken;
        self.choices.insert(name.clone(), choice);
        taken
    }
}

fn word(source: Source) -> &'static str {
    if source == Source::Script { "init script" } else { "systemd unit" }
}

/// What would be chosen for the first time. Pure.
fn fresh(rule: Rule, unit: Option<&Parsed>) -> Choice {
    let script = |why: String| Choice { taken: Source::Script, why, is_stale: false, kept: Some(Source::Script) };
    if rule == Rule::Boot {
        return script("the init script boots the machine (it has a link in rcS.d)".to_owned());
    }
    let Some(unit) = unit else {
        return script("the systemd unit is masked for systemd, or can't be read".to_owned());
    };
    if rule == Rule::By(Prefer::Script) {
        return script("Prefer=script in init.conf".to_owned());
    }
    if !unit.not_honoured.is_empty() {
        let keys: Vec<String> = unit.not_honoured.iter().map(|key| format!("{key}=")).collect();
        return script(format!("of the systemd unit Rung doesn't honour {}", keys.join(", ")));
    }
    match unit.findings.iter().find(|f| f.severity != Severity::Note) {
        Some(finding) => {
            let text = finding.to_string();
            script(format!("the systemd unit isn't taken as it stands: {}", text.lines().next().unwrap_or_default()))
        }
        None => {
            let why = "Rung honours every key of the systemd unit that changes what it does".to_owned();
            Choice { taken: Source::Systemd, why, is_stale: false, kept: Some(Source::Systemd) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Facts, SourceFile, parse};

    fn chosen(prefer: Prefer, text: &str, before: Option<Source>) -> (Source, String) {
        let name = UnitName::new("a").expect("name");
        let file = SourceFile { path: "/s/a.service".into(), text: format!("[Service]\nExecStart=/bin/a\n{text}") };
        let unit = parse(&name, Source::Systemd, &file, &[], &Facts::default());
        let mut chooser = Chooser::default();
        chooser.keep(before.into_iter().map(|source| (name.clone(), source)).collect());
        let taken = chooser.choose(&name, Rule::By(prefer), Some(&unit));
        (taken, chooser.choices.get(&name).map(|c| c.why.clone()).unwrap_or_default())
    }

    #[test]
    fn the_unit_is_taken_where_all_of_it_counts() {
        assert_eq!(chosen(Prefer::Unit, "Nice=1\nSlice=x.slice\n", None).0, Source::Systemd);
        let (taken, why) = chosen(Prefer::Unit, "SystemCallFilter=@system-service\n", None);
        assert_eq!((taken, why.contains("SystemCallFilter=")), (Source::Script, true), "{why}");
        assert_eq!(chosen(Prefer::Unit, "Nice=x\n", None).0, Source::Script);
        assert_eq!(chosen(Prefer::Script, "Nice=1\n", None).0, Source::Script);
    }

    #[test]
    fn a_choice_stays_and_a_change_of_mind_is_told() {
        let (taken, why) = chosen(Prefer::Unit, "", Some(Source::Script));
        assert_eq!((taken, why.contains("now it would be the systemd unit")), (Source::Script, true), "{why}");
        let mut chooser = Chooser::default();
        let name = UnitName::new("a").expect("name");
        chooser.keep([(name.clone(), Source::Systemd)].into());
        assert_eq!(chooser.choose(&name, Rule::By(Prefer::Unit), None), Source::Script, "there is nothing else now");
        let kept = |chooser: &Chooser| chooser.choices.get(&name).and_then(|choice| choice.kept);
        assert_eq!(kept(&chooser), Some(Source::Systemd), "an editor may just be writing it, or somebody unmasks it");
        let mut chooser = Chooser::default();
        chooser.choose(&name, Rule::By(Prefer::Unit), None);
        assert_eq!(kept(&chooser), None, "that was no choice");
    }
}
