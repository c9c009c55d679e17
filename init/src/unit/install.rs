//! `[Install]`: what `enable` goes by, and which levels systemd's targets stand for.

use super::value::{Bad, Value};
use super::{Level, LevelSet, Severity, UnitName};

/// How a unit holds one that was switched on in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// `WantedBy=`
    Wants,
    /// `RequiredBy=`
    Requires,
    /// `UpheldBy=`
    Upholds,
}

impl Tie {
    const ENDS: [(Self, &'static str); 3] =
        [(Self::Wants, ".wants"), (Self::Requires, ".requires"), (Self::Upholds, ".upholds")];

    /// The folder of links beside the units: `own.target.wants`.
    pub fn folder(self, owner: &UnitName) -> String {
        let end = Self::ENDS.iter().find(|(tie, _)| *tie == self).map_or("", |(_, end)| end);
        format!("{}{end}", owner.as_str())
    }

    /// Whose folder it is, and for what, by its name.
    pub fn of_folder(name: &str) -> Option<(&str, Self)> {
        Self::ENDS.iter().find_map(|(tie, end)| Some((name.strip_suffix(end)?, *tie)))
    }
}

/// `[Install]`, `Runlevels=` apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Install {
    /// `WantedBy=`
    pub wanted_by: Vec<UnitName>,
    /// `RequiredBy=`
    pub required_by: Vec<UnitName>,
    /// `UpheldBy=`
    pub upheld_by: Vec<UnitName>,
    /// `Alias=`: further names that `enable` makes links for.
    pub alias: Vec<UnitName>,
    /// `Also=`: units that are switched on and off along with this one.
    pub also: Vec<UnitName>,
    /// `DefaultInstance=`: what `enable` takes for a template that is named without an instance.
    pub default_instance: Option<String>,
}

impl Install {
    /// Everything that is to hold the unit, and how.
    fn ties(&self) -> impl Iterator<Item = (Tie, &UnitName)> {
        let (wants, requires) = (self.wanted_by.iter(), self.required_by.iter());
        let upholds = self.upheld_by.iter().map(|name| (Tie::Upholds, name));
        wants.map(|name| (Tie::Wants, name)).chain(requires.map(|name| (Tie::Requires, name))).chain(upholds)
    }

    /// The levels that these targets stand for.
    pub fn levels(&self) -> LevelSet {
        levels_of_all(self.ties().map(|(_, name)| name.as_str()))
    }

    /// Those that stand for no level: they hold the unit by a link.
    pub fn gatherers(&self) -> impl Iterator<Item = (Tie, &UnitName)> {
        self.ties().filter(|(_, name)| levels_of(name.as_str()).is_empty())
    }
}

/// The targets that stand for levels. Devices and resource kinds that systemd starts a target for when they turn up
/// (`bluetooth`, `printer`, …) are taken as there; sockets, timers and paths belong to a system that is up.
const TARGETS: &[(&str, &str)] = &[
    ("S", "sysinit basic local-fs local-fs-pre swap cryptsetup veritysetup integritysetup"),
    ("1", "rescue"),
    (
        "2345",
        "multi-user default getty remote-fs sockets timers paths bluetooth printer smartcard sound usb-gadget machines \
         remote-cryptsetup",
    ),
    ("5", "graphical"),
    ("0", "poweroff halt"),
    ("6", "reboot kexec soft-reboot"),
    ("06", "shutdown umount final"),
];

/// The levels that a target stands for; none for one that only gathers units (`network-online.target`).
pub fn levels_of(target: &str) -> LevelSet {
    let Some(stem) = target.strip_suffix(".target") else { return LevelSet::EMPTY };
    let digit = stem.strip_prefix("runlevel").and_then(|digit| LevelSet::parse(digit).ok());
    let row = TARGETS.iter().find(|(_, names)| names.split_ascii_whitespace().any(|name| name == stem));
    row.and_then(|(levels, _)| LevelSet::parse(levels).ok()).or(digit).unwrap_or_default()
}

/// The levels of a list of targets.
pub fn levels_of_all<'a>(targets: impl IntoIterator<Item = &'a str>) -> LevelSet {
    targets.into_iter().flat_map(|target| levels_of(target).iter().collect::<Vec<Level>>()).collect()
}

/// Names; those of kinds that don't exist here are passed over.
pub(super) fn names(v: &Value<'_>) -> Result<Vec<UnitName>, Bad> {
    let mut names = Vec::new();
    for word in v.words()? {
        match UnitName::new(&word.text) {
            Ok(name) if name.as_str() == word.text => names.push(name),
            Ok(_) => {
                let text = format!("`{}` is passed over: no such kind of unit here", word.text);
                v.remark(Severity::Note, Bad::new(word.at, text));
            }
            Err(message) => return Err(Bad::new(word.at, message)),
        }
    }
    Ok(names)
}

/// The part of a name behind `@`.
pub(super) fn instance(v: &Value<'_>) -> Result<String, Bad> {
    let text = v.expand(0, v.text)?;
    match UnitName::new(&format!("x@{text}.service")) {
        Ok(_) => Ok(text),
        Err(_) => Err(Bad::new(0, format!("`{text}` can't stand behind the `@` of a name"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Facts, Source, SourceFile, parse};

    #[test]
    fn targets_stand_for_levels() {
        for (target, levels) in [
            ("multi-user.target", "2345"),
            ("graphical.target", "5"),
            ("sysinit.target", "S"),
            ("rescue.target", "1"),
            ("reboot.target", "6"),
            ("shutdown.target", "06"),
            ("runlevel3.target", "3"),
            ("runlevel9.target", ""),
            ("network-online.target", ""),
            ("multi-user.service", ""),
        ] {
            assert_eq!(levels_of(target).to_string(), levels, "{target}");
        }
    }

    #[test]
    fn the_section_is_read() {
        let text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=graphical.target foo.service\n\
                    RequiredBy=rescue.target own@%i.target\nAlias=web.service\nAlso=a.service b.socket\nDefaultInstance=tty1\n";
        let file = SourceFile { path: "/u/x@.service".into(), text: text.into() };
        let name = UnitName::new("x@y").expect("name");
        let parsed = parse(&name, Source::Native, &file, &[], &Facts::default());
        let install = &parsed.unit.install;
        assert_eq!(parsed.unit.runlevels.to_string(), "15");
        assert_eq!(install.alias.iter().map(UnitName::as_str).collect::<Vec<_>>(), ["web.service"]);
        assert_eq!(install.also.iter().map(UnitName::as_str).collect::<Vec<_>>(), ["a.service"]);
        assert_eq!(install.default_instance.as_deref(), Some("tty1"));
        let folders: Vec<_> = install.gatherers().map(|(tie, name)| tie.folder(name)).collect();
        assert_eq!(folders, ["foo.service.wants", "own@y.target.requires"]);
        assert_eq!(Tie::of_folder("a.target.upholds"), Some(("a.target", Tie::Upholds)));
        assert!(
            !parsed.is_bad() && parsed.findings.iter().all(|f| f.severity == Severity::Note),
            "{:?}",
            parsed.findings
        );
    }
}
