//! What Red Hat's script `halt` does beside ending the machine: Rung ends it by itself and doesn't call the script, so what
//! else its text names is done by a unit of levels 0 and 6, when all the others are stopped.

use super::{Item, Made};
use crate::tree::{Style, Tree};
use init::load::{Root, conf};
use init::unit::UnitName;
use init::unit::conf::Compat;
use std::path::Path;

const UNIT: &str = "halt-work.service";
/// What the script's text names, and how that is done: a program and its arguments.
const WORK: [(&str, &str, &str); 3] = [
    ("hwclock", "/sbin/hwclock", " --systohc"),
    ("/.autofsck", "/bin/rm", " -f /.autofsck"),
    ("/sbin/halt.local", "/sbin/halt.local", ""),
];

/// Makes the unit where there is such a script and anything to do.
pub(super) fn make(root: &Root, tree: &Tree, made: &mut Made) {
    let script = tree.script("halt").filter(|_| tree.style == Style::RedHat);
    let Some(script) = script.filter(|_| conf::read(root).0.compat != Compat::Exact) else { return };
    let names = |word: &str| script.text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(word));
    let there = |program: &str| root.place(&root.shown(Path::new(program))).is_file();
    let work = WORK.iter().filter(|(word, program, _)| names(word) && there(program));
    let commands: String = work.map(|(_, program, rest)| format!("ExecStart=-{program}{rest}\n")).collect();
    if commands.is_empty() {
        return;
    }
    // Stopped or started there, all the others come first.
    let others = tree.scripts.iter().filter(|other| other.name != script.name);
    let others: Vec<UnitName> = others.filter_map(|other| UnitName::new(&other.name).ok()).collect();
    let after =
        |some: &[UnitName]| format!("After={}\n", some.iter().map(UnitName::as_str).collect::<Vec<_>>().join(" "));
    let after: String = others.chunks(8).map(after).collect();
    let text = format!(
        "# Made by `sysv generate` from {0}; changes here are lost.\n[Unit]\nDescription=Last things of Red Hat's halt\n\
         SourcePath={0}\nDefaultDependencies=no\n{after}\n[Service]\nType=oneshot\nTimeoutStartSec=1min\n{commands}",
        script.path.display()
    );
    made.items.insert(format!("inittab/{UNIT}"), Item::Text(text));
    for level in ['0', '6'] {
        made.items.insert(format!("levels/{level}/{UNIT}"), Item::Link(format!("../../inittab/{UNIT}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    /// The commands of the unit that is made.
    fn made(place: &Scratch) -> Option<String> {
        let mut made = Made::default();
        make(&place.root(), &Tree::read(&place.root()), &mut made);
        let Some(Item::Text(text)) = made.items.get("inittab/halt-work.service") else { return None };
        assert!(
            text.contains("After=web.service\n") && made.items.contains_key("levels/6/halt-work.service"),
            "{text}"
        );
        Some(text.lines().filter(|line| line.starts_with("Exec")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn only_what_the_script_names_and_the_root_has() {
        let place = Scratch::new();
        place.put("etc/init.d/web", "#!/bin/sh\n");
        place.put("etc/init.d/halt", "#!/bin/sh\n# /.autofsck\n/sbin/hwclock --systohc\n/sbin/halt.local\n");
        place.put("sbin/hwclock", "");
        place.put("bin/rm", "");
        assert_eq!(made(&place), None, "it isn't Red Hat's");
        place.put("etc/rc.d/init.d/web", "#!/bin/sh\n");
        assert_eq!(made(&place).as_deref(), Some("ExecStart=-/sbin/hwclock --systohc"));
        place.put("etc/rung/init.conf", "[Manager]\nCompat=exact\n");
        assert_eq!(made(&place), None, "the script is called");
    }
}
