//! Files → [`Parsed`]: each logical line looked up in a table of keys.

use super::finding::{Finding, Findings, did_you_mean};
use super::foreign::{self, Effect};
use super::keys::{Build, KEYS};
use super::text::{Logical, logical_lines};
use super::usage::Uses;
use super::value::{Bad, Scope, Table, Value};
use super::*;
use serde_ini::{Item, Parser};
use std::cell::RefCell;
use std::path::Path;

/// A unit, and what there is to say about its files.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The unit; where it is bad, what could be made of it.
    pub unit: Unit,
    /// In the order of the files and lines.
    pub findings: Vec<Finding>,
    /// Keys (`ProtectSystem`) that change what the service does and aren't honoured yet, each once.
    pub not_honoured: Vec<String>,
    /// Every key of the files, and how it is taken.
    pub keys: Vec<KeyUse>,
}

impl Parsed {
    /// Whether the unit can't be used.
    pub fn is_bad(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }
}

/// The instance that a template is read as, for `verify`.
pub const EXAMPLE_INSTANCE: &str = "instance";

/// Reads a unit's file and its drop-ins (in the order they count). Takes any text. A template (for `verify`) is read as
/// if its instance were [`EXAMPLE_INSTANCE`].
pub fn parse(name: &UnitName, source: Source, fragment: &SourceFile, drop_ins: &[SourceFile], facts: &Facts) -> Parsed {
    let mut default = Build::new(name);
    default.unit.service.timing.timeout_start = facts.timeout_start;
    default.unit.service.timing.timeout_stop = facts.timeout_stop;
    default.unit.service.timing.settle();
    default.unit.service.essential = facts.essential.contains(name);
    let mut build = default.clone();
    build.unit.source = source;
    let mut findings = Findings::default();
    let (mut not_honoured, mut keys) = (Vec::new(), Uses::default());
    let example = UnitName::new(&format!("{}@{EXAMPLE_INSTANCE}.{}", name.prefix(), name.kind().suffix()));
    let scope_name = example.as_ref().ok().filter(|_| name.is_template()).unwrap_or(name);
    let scope = Scope { name: scope_name, fragment: &fragment.path, facts };
    for (index, file) in std::iter::once(fragment).chain(drop_ins).enumerate() {
        let Ok(index) = u16::try_from(index) else { break };
        build.unit.files.push(file.path.clone());
        let mut reader = Reader { file, index, scope, findings: &mut findings };
        reader.read(&KEYS, &default, &mut build, &mut |line| match line {
            Line::Known { build, id, place, empty } => {
                keys.honoured(id);
                match empty {
                    true => build.unit.places.remove(id),
                    false => build.unit.places.set(id, place),
                }
                None
            }
            Line::Unknown { section, key } => {
                let effect = foreign::effect(section, key);
                keys.passed_over(section, key, effect);
                if matches!(effect, Some(Effect::Changes(_))) && !not_honoured.iter().any(|k| k == key) {
                    not_honoured.push(key.to_owned());
                }
                effect
            }
        });
    }
    check::check(&mut build, &mut findings);
    build.unit.settle();
    let findings = findings.finish(&std::iter::once(fragment).chain(drop_ins).collect::<Vec<_>>());
    Parsed { unit: build.unit, findings, not_honoured, keys: keys.finish() }
}

/// What a line turned out to be; the answer to `Unknown` says whether systemd knows the key.
pub(super) enum Line<'a, T> {
    /// A key of the table, about to be read.
    Known { build: &'a mut T, id: &'static str, place: Place, empty: bool },
    /// None of ours.
    Unknown { section: &'a str, key: &'a str },
}

/// Reads one file by a table of keys.
pub(super) struct Reader<'a> {
    pub file: &'a SourceFile,
    pub index: u16,
    pub scope: Scope<'a>,
    pub findings: &'a mut Findings,
}

/// What a file is read with.
type Watch<'w, T> = dyn FnMut(Line<'_, T>) -> Option<Effect> + 'w;

impl Reader<'_> {
    pub fn read<T>(&mut self, table: &Table<T>, default: &T, target: &mut T, watch: &mut Watch<'_, T>) {
        let mut section: Option<String> = None;
        for line in logical_lines(&self.file.text) {
            match Parser::from_str(&line.text).next() {
                Some(Ok(Item::Section { name })) => {
                    self.check_section(&line, &name, table);
                    section = Some(name);
                }
                Some(Ok(Item::Value { key, value })) => match &section {
                    Some(section) => self.key(table, section, &key, &value, &line, (default, target), watch),
                    None => self.say(
                        Severity::Error,
                        &line,
                        Some(&key),
                        0,
                        Bad::new(0, "stands before any section")
                            .hint(format!("begin the file with `[{}]`", table.first().map_or("", |k| k.section))),
                    ),
                },
                Some(Ok(Item::Empty | Item::Comment { .. })) | None => {}
                Some(Err(_)) => {
                    let bad = if line.text.starts_with('[') {
                        Bad::new(0, "this is no section").hint("a section is written `[Name]`")
                    } else {
                        Bad::new(0, "this is no `Key=value`")
                            .hint("a comment begins with `#`, a line is continued by a `\\` at its end")
                    };
                    self.say(Severity::Error, &line, None, 0, bad);
                }
            }
        }
    }

    fn check_section<T>(&mut self, line: &Logical, name: &str, table: &Table<T>) {
        if name.starts_with("X-") || table.iter().any(|k| k.section == name) {
            return;
        }
        let mut sections: Vec<&str> = table.iter().map(|k| k.section).collect();
        sections.dedup();
        let known = sections.iter().map(|s| format!("`[{s}]`")).collect::<Vec<_>>().join(", ");
        let hint = did_you_mean(name, sections.into_iter()).unwrap_or(format!("known are {known}"));
        self.say(
            Severity::Warning,
            line,
            None,
            1,
            Bad::new(0, format!("unknown section `[{name}]`; passed over")).hint(hint),
        );
    }

    #[expect(clippy::too_many_arguments, reason = "one line and what it changes")]
    fn key<T>(
        &mut self,
        table: &Table<T>,
        section: &str,
        key: &str,
        value: &str,
        line: &Logical,
        (default, target): (&T, &mut T),
        watch: &mut Watch<'_, T>,
    ) {
        if section.starts_with("X-") || key.starts_with("X-") {
            return;
        }
        let Some(entry) = table.find(section, key) else {
            let mut known = table.iter().filter(|k| k.section == section).peekable();
            if known.peek().is_none() {
                return; // the section itself has been reported
            }
            let (severity, bad) = match watch(Line::Unknown { section, key }) {
                Some(Effect::Harmless) => (Severity::Note, Bad::new(0, "not honoured yet; this does no harm")),
                Some(Effect::Changes(what)) => (Severity::Warning, Bad::new(0, format!("not honoured yet: {what}"))),
                None => {
                    let mut bad = Bad::new(0, format!("unknown key in `[{section}]`; passed over"));
                    let elsewhere = table.iter().find(|k| k.name == key);
                    bad.hint = elsewhere
                        .map(|k| format!("it belongs in `[{}]`", k.section))
                        .or_else(|| did_you_mean(key, known.map(|k| k.name)));
                    (Severity::Warning, bad)
                }
            };
            return self.say(severity, line, Some(key), 0, bad);
        };
        let equals = line.text.find('=').map_or(0, |at| at + 1);
        let after = line.text.get(equals..).unwrap_or("");
        let offset = equals + (after.len() - after.trim_start().len());
        let value =
            Value { text: value, scope: self.scope, line, offset, file: self.index, remarks: RefCell::default() };
        let place = Place { file: self.index, line: line.locate(0).0 };
        watch(Line::Known { build: target, id: entry.id, place, empty: value.text.is_empty() });
        let result = match value.text.find('\0') {
            Some(at) => Err(Bad::new(at, "the value holds a NUL character")),
            None => (entry.set)(target, default, &value),
        };
        for (severity, remark) in value.remarks.take() {
            self.say(severity, line, Some(key), offset, remark);
        }
        if let Err(bad) = result {
            self.say(Severity::Error, line, Some(key), offset, bad);
        }
    }

    fn say(&mut self, severity: Severity, line: &Logical, key: Option<&str>, offset: usize, bad: Bad) {
        let (number, column) = line.locate(offset + bad.at);
        self.findings.push(Finding {
            severity,
            path: self.file.path.clone(),
            line: number,
            column,
            key: key.map(str::to_owned),
            message: bad.message,
            hint: bad.hint,
            excerpt: None,
        });
    }
}

/// A finding about a place in a unit's files.
pub(super) fn at_place(unit: &Unit, place: Place, key: &str, bad: Bad, severity: Severity) -> Finding {
    let path = unit.files.get(usize::from(place.file)).map_or(Path::new(""), |p| p);
    Finding {
        line: place.line,
        column: 1,
        key: Some(key.to_owned()),
        hint: bad.hint,
        ..Finding::whole(severity, path, bad.message)
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
