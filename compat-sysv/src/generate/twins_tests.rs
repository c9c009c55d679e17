//! Which scripts have their twins stand in for them, on real folders.
use super::*;
use crate::generate::generate;
use crate::scratch::Scratch;

struct Machine(Scratch);

impl Machine {
    /// Two scripts with links in rcS.d, the second after the first, and twins for both.
    fn new() -> Self {
        let machine = Self(Scratch::new());
        for (number, name, after) in [("01", "kmod", ""), ("02", "hostname.sh", "kmod")] {
            let header =
                format!("Provides: {name}\n# Required-Start: {after}\n# Default-Start: S\n# X-Interactive: true");
            let script = format!("#!/bin/sh\n### BEGIN INIT INFO\n# {header}\n### END INIT INFO\n");
            machine.write(&format!("etc/init.d/{name}"), &script);
            machine.write(&format!("etc/rcS.d/S{number}{name}"), "");
            let sum = format!("{:x}", md5::compute(script));
            let service = format!("[Service]\nExecStart=/usr/lib/rung/init-boot twin {name} start\n");
            machine
                .write(&format!("usr/lib/rung/twins/{name}.service"), &format!("{service}[X-Twin]\nScript=0 {sum}\n"));
        }
        machine
    }

    fn write(&self, path: &str, text: &str) {
        self.0.put(path, text);
    }

    fn add(&self, path: &str, text: &str) {
        let before = fs::read_to_string(self.0.0.join(path)).unwrap_or_default();
        self.write(path, &(before + text));
    }

    fn made(&self) -> Made {
        generate(&self.0.root(), &self.0.0.join("out"))
    }

    fn decisions(&self) -> String {
        match self.made().items.get("twins/decisions") {
            Some(Item::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }
}

#[test]
fn twins_have_the_order_of_their_scripts() {
    let machine = Machine::new();
    assert_eq!(machine.decisions(), "hostname.sh\t\nkmod\t\n");
    let made = machine.made();
    let Some(Item::Text(text)) = made.items.get("twins/hostname.sh.service") else { panic!("{:?}", made.items.keys()) };
    for line in ["After=kmod.service", "Type=script", "SourcePath=/etc/init.d/hostname.sh"] {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    assert!(!text.contains("tty") && text.contains("init-boot twin hostname.sh start"), "{text}");
    assert!(made.items.contains_key("scripts/hostname.sh.service"));
}

#[test]
fn a_script_that_was_changed_runs_itself() {
    let machine = Machine::new();
    machine.add("etc/init.d/kmod", "echo mine\n");
    let sum = format!("{:x}", md5::compute(fs::read(machine.0.0.join("etc/init.d/kmod")).expect("read")));
    assert_eq!(machine.decisions(), "hostname.sh\t\nkmod\tit isn't one that the twin knows\n");
    machine.write("var/lib/dpkg/status", "Package: kmod\nConffiles:\n /etc/init.d/kmod 0123\n");
    assert!(machine.decisions().contains("kmod\tit was changed since its package was installed\n"));
    machine.write("var/lib/dpkg/status", &format!("Package: kmod\nConffiles:\n /etc/init.d/kmod {sum} obsolete\n"));
    assert!(machine.decisions().contains("kmod\tit is of another version of its package than the twin knows\n"));
    machine.add("usr/lib/rung/twins/hostname.sh.service", "Needs=kmod\n");
    assert!(machine.decisions().starts_with("hostname.sh\tit calls kmod, which runs itself\n"));
    assert!(!machine.made().items.keys().any(|k| k.starts_with("twins/") && k.ends_with(".service")));
}

#[test]
fn init_conf_settings_and_links_decide() {
    let machine = Machine::new();
    machine.write("etc/rung/init.conf", "[Manager]\nTwins=!kmod\n");
    assert_eq!(machine.decisions(), "hostname.sh\t\nkmod\tTwins=!kmod in init.conf\n");
    machine.write("etc/rung/init.conf", "[Manager]\nTwins=no\n");
    assert_eq!(machine.decisions().matches("Twins=no in init.conf").count(), 2);
    machine.write("etc/rung/init.conf", "[Manager]\nTwins=yes\n");
    machine.write("etc/default/rcS", "VERBOSE=yes\n");
    assert_eq!(machine.decisions().matches("VERBOSE=yes in /etc/default/rcS").count(), 2);
    machine.write("etc/default/rcS", "VERBOSE=$(x)\n");
    assert_eq!(machine.decisions().matches("is more than a plain assignment").count(), 2);
    fs::remove_file(machine.0.0.join("etc/default/rcS")).expect("remove");
    fs::remove_file(machine.0.0.join("etc/rcS.d/S01kmod")).expect("remove");
    assert_eq!(machine.decisions(), "hostname.sh\t\nkmod\tit has no link in any rcN.d\n");
}
