//! Where a unit of systemd's and an init script have one name: which of the two is taken.
//!
//! The unit, if every key in it that changes behaviour is honoured; else the script. Always the script where `Prefer=` says
//! so, and where the script boots the machine (a link in `rcS.d`): it does what systemd has other units for. A mask in
//! systemd's folders is no word on a script: Debian's packages have systemd pass over their scripts by such.

use super::{Entry, Loader, conf};
use crate::core::Definition;
use crate::unit::conf::Prefer;
use crate::unit::{Severity, Source, UnitName};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

impl Loader {
    /// Decides for these names, whose entries are systemd's; `PathBuf`: what was made of the script.
    pub(super) fn choose(&mut self, contested: Vec<(UnitName, PathBuf)>) {
        if contested.is_empty() {
            return;
        }
        let by_scripts = conf::read(&self.root).0.prefer == Prefer::Script;
        let boot = self.boot_scripts();
        for (name, path) in contested {
            if by_scripts || boot.contains(name.short()) || !self.is_whole(&name) {
                self.entries.insert(name, Entry::File(Source::Script, path));
            }
        }
    }

    /// The names that have a start link in `rcS.d`.
    fn boot_scripts(&self) -> BTreeSet<String> {
        let folders = ["/etc/rcS.d", "/etc/rc.d/rcS.d"].map(Path::new);
        let entries = folders.iter().flat_map(|folder| {
            let shown = self.root.shown(folder);
            fs::read_dir(self.root.place(&shown)).into_iter().flatten().flatten()
        });
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let start = |name: &str| {
            let rest = name.strip_prefix('S')?;
            let digits = rest.get(..2)?.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| rest.get(2..).map(str::to_owned)).flatten()
        };
        names.filter_map(|name| start(&name)).collect()
    }

    /// Whether a unit can be read and nothing in it is lost.
    fn is_whole(&self, name: &UnitName) -> bool {
        let loaded = self.load(&self.canonical(name.clone()));
        matches!(loaded.definition, Definition::Good(_))
            && loaded.findings.iter().all(|finding| finding.severity == Severity::Note)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Root;
    use super::*;
    use crate::unit::Facts;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_better_of_unit_and_script_is_taken() {
        let dir = std::env::temp_dir().join(format!("rung-choice-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let root = Root::image(dir.clone());
        for folder in ["etc/rung", "systemd", "scripts", "etc/rcS.d"] {
            fs::create_dir_all(dir.join(folder)).expect("a folder");
        }
        let write = |path: &str, text: &str| fs::write(dir.join(path), text).expect("a file");
        for name in ["whole", "lossy", "masked", "boot", "udev"] {
            write(&format!("scripts/{name}.service"), "[Service]\nType=script\nExecStart=/bin/true\n");
        }
        write("systemd/whole.service", "[Service]\nExecStart=/bin/true\n");
        write("systemd/boot.service", "[Service]\nExecStart=/bin/true\n");
        write("systemd/lossy.service", "[Service]\nExecStart=/bin/true\nPrivateUsers=yes\n");
        write("systemd/udevd.service", "[Service]\nExecStart=/bin/true\n");
        symlink("udevd.service", dir.join("systemd/udev.service")).expect("a link");
        symlink("/dev/null", dir.join("systemd/masked.service")).expect("a link");
        write("etc/rcS.d/S01boot", "");
        write("etc/rcS.d/K01whole", "");
        let taken = || -> String {
            let folders = vec![(Source::Systemd, dir.join("systemd")), (Source::Script, dir.join("scripts"))];
            let mut loader = Loader::of(root.clone(), folders, Facts::default());
            loader.scan();
            let source = |name: &str| {
                let name = loader.canonical(UnitName::new(name).expect("a name"));
                match loader.load(&name).definition {
                    Definition::Good(unit) => unit.source,
                    other => panic!("{other:?}"),
                }
            };
            let scripts = ["whole", "lossy", "masked", "boot", "udev"].into_iter();
            scripts.filter(|name| source(name) == Source::Script).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(taken(), "lossy masked boot");
        write("etc/rcS.d/S02udev", "");
        assert_eq!(taken(), "lossy masked boot udev");
        write("etc/rung/init.conf", "[Manager]\nPrefer=script\n");
        assert_eq!(taken(), "whole lossy masked boot udev");
        fs::remove_dir_all(&dir).expect("clean");
    }
}
