//! The distribution's policy of what is switched on: `*.preset` files, as systemd reads them.

use init::unit::glob;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where they lie; of files with one name the first counts.
const FOLDERS: [&str; 4] = [
    "/etc/systemd/system-preset",
    "/run/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
];

/// A pattern, and whether what it matches is on.
pub(super) type Rule = (String, bool);

/// All rules, in the order of their files' names.
pub(super) fn read(root: Option<&Path>) -> Vec<Rule> {
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in FOLDERS {
        let folder = root.map_or_else(|| folder.into(), |root| root.join(folder.trim_start_matches('/')));
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".preset") {
                files.entry(name).or_insert_with(|| entry.path());
            }
        }
    }
    files.values().filter_map(|path| fs::read_to_string(path).ok()).flat_map(|text| parse(&text)).collect()
}

/// `enable ssh*.service`, `disable *`; other lines say nothing.
fn parse(text: &str) -> Vec<Rule> {
    let rule = |line: &str| {
        let mut words = line.split_whitespace();
        let on = match words.next()? {
            "enable" => true,
            "disable" | "ignore" => false,
            _ => return None,
        };
        Some((words.next()?.to_owned(), on))
    };
    text.lines().filter_map(rule).collect()
}

/// Whether a unit is to be on: the first rule that fits decides; without one, yes.
pub(super) fn wants_on(rules: &[Rule], name: &str) -> bool {
    rules.iter().find(|(pattern, _)| glob::matches(pattern, name)).is_none_or(|(_, on)| *on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_decides() {
        let rules = parse("# policy\nenable ssh*.service\n\ndisable *.service x\nenable\nfrob y\n");
        assert_eq!(rules.len(), 2);
        assert!(wants_on(&rules, "sshd.service") && !wants_on(&rules, "cron.service"));
        assert!(wants_on(&rules, "a.target"), "what no rule names is on");
    }
}
