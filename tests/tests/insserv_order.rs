//! Debian's own insserv beside Rung's order: the same folders of scripts, made up and real; then the same numbers, and no
//! dependency of its `.depend` files that isn't in the order of Rung's units.
//!
//! insserv and the packages are fetched by apt the first time. Nothing of the host is changed: insserv is given folders of
//! its own for everything.

#![allow(clippy::expect_used, clippy::panic, reason = "tests' helpers fail by it")]

use compat_sysv::farm::{self, Kind};
use compat_sysv::generate;
use compat_sysv::order::{self, Direction, Order};
use compat_sysv::tree::Tree;
use init::load::Root;
use init::unit::{self, Facts, Level, Severity, Source, SourceFile, UnitName};
use rung_tests::debian;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages with init scripts of their own in Debian 12.
const PACKAGES: &[&str] = &[
    "acpid",
    "anacron",
    "apache2",
    "at",
    "autofs",
    "avahi-daemon",
    "bind9",
    "bluez",
    "chrony",
    "console-setup",
    "cron",
    "cups-daemon",
    "dbus",
    "dnsmasq",
    "dovecot-core",
    "exim4-base",
    "fail2ban",
    "haproxy",
    "hostapd",
    "ifupdown",
    "initscripts",
    "isc-dhcp-relay",
    "isc-dhcp-server",
    "keyboard-configuration",
    "kmod",
    "lightdm",
    "lm-sensors",
    "mariadb-server",
    "mdadm",
    "memcached",
    "multipath-tools",
    "nfs-common",
    "nfs-kernel-server",
    "nginx-common",
    "ntpsec",
    "open-iscsi",
    "openbsd-inetd",
    "openssh-server",
    "orphan-sysvinit-scripts",
    "postfix",
    "procps",
    "proftpd-core",
    "quota",
    "redis-server",
    "rpcbind",
    "rsync",
    "samba",
    "slim",
    "smartmontools",
    "snmpd",
    "squid",
    "sudo",
    "sysfsutils",
    "sysstat",
    "tor",
    "udev",
    "unbound",
    "uuid-runtime",
    "varnish",
    "vsftpd",
    "watchdog",
    "x11-common",
    "xinetd",
];

/// acpid is to start before xdm, and bootlogs after it. Where there is no xdm, insserv has no dependency between the two;
/// but when it moves acpid up for an interactive script's sake, it moves bootlogs along.
const UNEQUAL: &[&str] = &["bootlogs"];

/// What is fetched: the folder of insserv, and that of the packages' scripts. `None`: it can't be, and it is said why.
fn fetched() -> Option<(PathBuf, PathBuf)> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("insserv");
    fs::create_dir_all(&target).expect("folder");
    let lock = fs::File::create(target.join("lock")).expect("lock");
    lock.lock().expect("lock");
    let insserv = debian::packages(&target, &["insserv"], &["./sbin", "./etc"]);
    let scripts = || debian::packages(&target, PACKAGES, &["./etc/init.d", "./etc/insserv.conf.d", "./usr/share"]);
    match insserv.and_then(|insserv| Ok((insserv.join("insserv"), scripts()?))) {
        Ok(both) => Some(both),
        Err(why) => {
            assert!(!why.contains("Unable to locate package"), "{why}");
            println!("skipped: Debian's insserv can't be fetched: {}", why.lines().last().unwrap_or_default());
            None
        }
    }
}

/// A root with scripts.
struct Place(PathBuf);

impl Place {
    fn new(name: &str, insserv: &Path) -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")), name, insserv)
    }

    fn below(parent: &Path, name: &str, insserv: &Path) -> Self {
        let folder = parent.join(format!("insserv-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("etc/init.d")).expect("folder");
        fs::copy(insserv.join("etc/insserv.conf"), folder.join("etc/insserv.conf")).expect("insserv.conf");
        Self(folder)
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.0.join("etc/init.d").join(name);
        fs::write(&path, text).expect("script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }

    /// Switches scripts on as `insserv -f` does; what it says.
    fn insserv(&self, insserv: &Path, names: &[String]) -> String {
        let folder = self.0.join("etc/init.d");
        let mut command = Command::new(insserv.join("sbin/insserv"));
        for (option, path) in [
            ("-p", folder.clone()),
            ("-i", folder),
            ("-c", self.0.join("etc/insserv.conf")),
            ("-o", self.0.join("none")),
        ] {
            command.arg(option).arg(path);
        }
        let output = command.arg("-f").args(names).output().expect("insserv runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "insserv {names:?}: {}\n{said}", output.status);
        said
    }

    /// Its `.depend` files of a kind: who waits for whom.
    fn depend(&self, kind: Kind) -> Vec<(String, String)> {
        let files: &[&str] = if kind == Kind::Start { &[".depend.boot", ".depend.start"] } else { &[".depend.stop"] };
        let text: String =
            files.iter().map(|file| fs::read_to_string(self.0.join("etc/init.d").join(file)).expect(file)).collect();
        let rules = text.lines().filter_map(|line| line.split_once(": "));
        rules.flat_map(|(one, all)| all.split(' ').map(move |other| (one.to_owned(), other.to_owned()))).collect()
    }

    /// Takes away all that insserv brings.
    fn forget_insserv(&self, tree: &Tree) {
        fs::remove_file(self.0.join("etc/insserv.conf")).expect("insserv.conf");
        for file in [".depend.boot", ".depend.start", ".depend.stop"] {
            fs::remove_file(self.0.join("etc/init.d").join(file)).expect(file);
        }
        for link in &tree.farm.links {
            let name = farm::file_name(link.kind, 1, &link.name);
            fs::rename(&link.path, link.path.with_file_name(name)).expect("rename");
        }
    }

    fn tree(&self) -> Tree {
        Tree::read(&Root::image(self.0.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What differs between insserv's links and files, and Rung's order of the same tree; and how many dependencies there are.
/// Where two scripts are in different levels insserv reckons numbers by way of scripts that are in neither, as its lists
/// happen to lie; so these needn't be `equal`.
fn differences(place: &Place, equal: bool) -> (String, usize) {
    let tree = place.tree();
    let services = order::services(&tree);
    let order = order::order(&services, &tree.facilities, tree.style);
    let (mut text, mut rules) = (String::new(), 0);
    for (kind, direction) in [(Kind::Start, &order.start), (Kind::Stop, &order.stop)] {
        for (at, script) in tree.scripts.iter().enumerate() {
            let theirs: BTreeSet<u8> =
                Level::ALL.iter().filter_map(|level| tree.farm.number(&script.name, kind, *level)).collect();
            let ours = direction.numbers.get(at).copied().unwrap_or_default();
            let known = UNEQUAL.contains(&script.name.as_str());
            if equal && !known && !theirs.is_empty() && theirs != BTreeSet::from([ours]) {
                let _ = writeln!(text, "{kind:?} {}: number {ours}, not {theirs:?}", script.name);
            }
        }
        for (after, before) in place.depend(kind) {
            let at = |name: &str| tree.scripts.iter().position(|s| s.name == name).expect("a script of the folder");
            rules += 1;
            // insserv's file may say that a script waits for itself.
            if after != before && !direction.is_before(at(&before), at(&after)) {
                let _ = writeln!(text, "{kind:?}: {before} isn't before {after}");
            }
        }
    }
    text += &units(place, &tree, &order);
    (text, rules)
}

/// Whether the units can be read, and say what the order says.
fn units(place: &Place, tree: &Tree, order: &Order) -> String {
    let made = generate::generate(&Root::image(place.0.clone()), &place.0.join("out"));
    let list = |name: &str, key: &str| -> BTreeSet<String> {
        let Some(generate::Item::Text(unit)) = made.items.get(&format!("scripts/{name}.service")) else {
            panic!("no unit for {name}");
        };
        let values = unit.lines().filter_map(|line| line.strip_prefix(key));
        values.flat_map(|value| value.split(' ').map(str::to_owned)).collect()
    };
    let mut edges: BTreeSet<(String, String)> = BTreeSet::new();
    for script in &tree.scripts {
        let own = format!("{}.service", script.name);
        for key in ["After=", "StartAfter="] {
            edges.extend(list(&script.name, key).into_iter().map(|other| (other, own.clone())));
        }
        edges.extend(list(&script.name, "Before=").into_iter().map(|other| (own.clone(), other)));
    }
    let mut text = String::new();
    for (path, item) in &made.items {
        if let (generate::Item::Text(unit), Some(name)) = (item, path.strip_prefix("scripts/")) {
            let name = UnitName::new(name).expect("a unit's name");
            let file = SourceFile { path: path.into(), text: unit.clone() };
            let parsed = unit::parse(&name, Source::Script, &file, &[], &Facts::default());
            parsed.findings.iter().for_each(|finding| text += &format!("{finding}\n"));
        }
    }
    for edge in &order.start.edges {
        let [before, after] = [edge.before, edge.after].map(|at| format!("{}.service", tree.scripts[at].name));
        if !edges.contains(&(before.clone(), after.clone())) {
            let _ = writeln!(text, "no unit says that {before} is before {after}");
        }
    }
    text += &stops(tree, order, &list);
    // No two may wait for each other: an order of all units exists.
    let mut left = edges;
    loop {
        let waits: BTreeSet<String> = left.iter().map(|(_, after)| after.clone()).collect();
        let n = left.len();
        left.retain(|(before, _)| waits.contains(before));
        if left.is_empty() {
            return text;
        }
        if left.len() == n {
            let _ = writeln!(text, "the units wait for each other: {left:?}");
            return text;
        }
    }
}

/// What the order of stopping has, where that of starting doesn't say the opposite, has to hold both ways.
fn stops(tree: &Tree, order: &Order, list: &dyn Fn(&str, &str) -> BTreeSet<String>) -> String {
    let mut text = String::new();
    for edge in order
        .stop
        .edges
        .iter()
        .filter(|stop| !order.opposed.iter().any(|o| (o.before, o.after) == (stop.after, stop.before)))
    {
        let [first, last] = [edge.before, edge.after].map(|at| tree.scripts[at].name.as_str());
        let (after, before) = (format!("{last}.service"), format!("{first}.service"));
        if !list(first, "After=").contains(&after) && !list(last, "Before=").contains(&before) {
            let _ = writeln!(text, "no unit says that {first} stops before {last}");
        }
    }
    text
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Some names, without doubles.
    fn some(&mut self, most: usize, of: &[String]) -> String {
        let n = if of.is_empty() { 0 } else { self.below(most + 1) };
        let names: BTreeSet<&String> = (0..n).map(|_| &of[self.below(of.len())]).collect();
        names.into_iter().cloned().collect::<Vec<_>>().join(" ")
    }
}

/// The scripts of one made-up world: names and texts. Without `loops`, each needs only earlier ones; unless they are
/// `mixed`, all are in the same levels.
fn world(dice: &mut Dice, loops: bool, mixed: bool) -> BTreeMap<String, String> {
    const FACILITIES: &[&str] =
        &["$network", "$syslog", "$remote_fs", "$time", "rsyslog", "networking", "gone", "+gone"];
    const LEVELS: &[(&str, &str)] =
        &[("2 3 4 5", "0 1 6"), ("S", ""), ("S", "0 6"), ("2 3", "0 1 4 5 6"), ("", "0 6"), ("3 5", "")];
    let n = 3 + dice.below(16);
    let mut names: Vec<String> = (0..n).map(|n| format!("s{n:02}")).collect();
    for known in ["rsyslog", "networking", "mountall", "hwclock"] {
        if dice.below(3) == 0 {
            let at = dice.below(names.len());
            names[at] = known.to_owned();
        }
    }
    names.dedup();
    let mut scripts = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        let mut earlier: Vec<String> = names[..if loops { n.min(names.len()) } else { at }].to_vec();
        let later: Vec<String> = names[if loops { 0 } else { at + 1 }..].to_vec();
        if loops || at > n / 2 {
            earlier.extend(FACILITIES.iter().filter(|_| loops).map(|f| (*f).to_owned()));
        }
        let (start, stop) = LEVELS[if mixed && dice.below(3) == 0 { dice.below(LEVELS.len()) } else { 0 }];
        let mut text = format!("#!/bin/sh\n### BEGIN INIT INFO\n# Provides: {name}");
        if dice.below(5) == 0 {
            let _ = write!(text, " {name}-alias");
        }
        let mut required = dice.some(3, &earlier);
        if !loops && at + 1 == names.len() && dice.below(3) == 0 {
            required = "$all".to_owned();
        }
        let _ = write!(
            text,
            "\n# Required-Start: {required}\n# Required-Stop: {}\n# Should-Start: {}\n# Should-Stop: {}\n",
            dice.some(3, &earlier),
            dice.some(2, &earlier),
            dice.some(2, &earlier)
        );
        if dice.below(4) == 0 {
            let _ =
                writeln!(text, "# X-Start-Before: {}\n# X-Stop-After: {}", dice.some(2, &later), dice.some(2, &later));
        }
        if dice.below(8) == 0 {
            text += dice.one(&["# X-Interactive: true\n", "# X-Interactive: yes\n"]);
        }
        let _ = write!(text, "# Default-Start: {start}\n# Default-Stop: {stop}\n### END INIT INFO\n:\n");
        scripts.insert(name.clone(), text);
    }
    scripts
}

#[test]
fn made_up_scripts_are_ordered_as_by_insserv() {
    let Some((insserv, _)) = fetched() else { return };
    let (mut rules, mut looped) = (0, 0);
    for seed in 0..120 {
        let mut dice = Dice(seed * 7919 + 1);
        let mixed = seed % 2 == 1;
        let scripts = world(&mut dice, seed % 6 == 5, mixed);
        let place = Place::new(&format!("made-up-{seed}"), &insserv);
        for (name, text) in &scripts {
            place.script(name, text);
        }
        let names: Vec<String> = scripts.keys().cloned().collect();
        let said = place.insserv(&insserv, &names);
        let tree = place.tree();
        let order = order::order(&order::services(&tree), &tree.facilities, tree.style);
        let dropped = |d: &Direction| !d.dropped.is_empty();
        let loops = said.contains("loop") || said.contains("can not be true");
        if loops {
            looped += 1;
            assert!(dropped(&order.start) || dropped(&order.stop), "seed {seed}: insserv says\n{said}");
            continue;
        }
        assert!(!dropped(&order.start) && !dropped(&order.stop), "seed {seed}: insserv knows of no loop");
        let (differences, n) = differences(&place, !mixed);
        rules += n;
        let headers: Vec<&str> = scripts.values().map(String::as_str).collect();
        assert!(differences.is_empty(), "seed {seed}:\n{differences}{said}\n{}", headers.join(""));
    }
    println!("{rules} dependencies compared; {looped} of 120 worlds have loops");
    assert!(rules > 1000 && looped > 5 && looped < 40, "{rules} {looped}");
}

#[test]
fn the_scripts_of_debian_packages_are_read_and_ordered_as_by_insserv() {
    let Some((insserv, packages)) = fetched() else { return };
    let place = Place::new("packages", &insserv);
    let mut with = 0;
    for package in packages.read_dir().expect("packages").flatten().map(|e| e.path()) {
        let folders = ["etc/init.d", "usr/share/orphan-sysvinit-scripts"].map(|folder| package.join(folder));
        let files: Vec<PathBuf> =
            folders.iter().filter_map(|f| f.read_dir().ok()).flatten().flatten().map(|e| e.path()).collect();
        let scripts = files.iter().filter(|path| path.is_file() && path.extension().is_none_or(|e| e != "md5sum"));
        let before = with;
        for path in scripts {
            let name = path.file_name().expect("name").to_string_lossy();
            place.script(&name, &String::from_utf8_lossy(&fs::read(path).expect("text")));
            with = before + 1;
        }
    }
    let tree = place.tree();
    assert!(with >= 40 && tree.scripts.len() >= 80, "{with} packages, {} scripts", tree.scripts.len());
    let headers = tree.scripts.iter().filter(|script| script.lsb.is_some()).count();

    // None of these scripts is wrong, so nothing may be said about them.
    let findings: Vec<String> = tree.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    let made = generate::generate(&Root::image(place.0.clone()), &place.0.join("out"));
    let errors: Vec<String> =
        made.findings.iter().filter(|f| f.severity == Severity::Error).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    println!("{}", made.findings_text());

    let names: Vec<String> = tree.scripts.iter().map(|script| script.name.clone()).collect();
    let said = place.insserv(&insserv, &names);
    let (differences, rules) = differences(&place, true);
    println!("{with} packages, {} scripts, {headers} headers, {rules} dependencies of insserv's", names.len());
    assert!(differences.is_empty(), "{differences}{said}");

    // An image without insserv: no table, no `.depend` files, all numbers 01. The headers order just as much.
    let declared = |tree: &Tree| -> (BTreeSet<(usize, usize)>, Order) {
        let order = order::order(&order::services(tree), &tree.facilities, tree.style);
        let edges = order.start.edges.iter().chain(&order.stop.edges).filter(|edge| edge.place.is_some());
        (edges.map(|edge| (edge.before, edge.after)).collect(), order)
    };
    let with_insserv = place.tree();
    place.forget_insserv(&with_insserv);
    let without = place.tree();
    assert_eq!(without.farm.links.len(), with_insserv.farm.links.len());
    assert!(without.farm.links.iter().all(|link| link.number == 1));
    let ((theirs, order), (ours, _)) = (declared(&with_insserv), declared(&without));
    let lost: Vec<String> = theirs.difference(&ours).map(|(a, b)| format!("{} {}", names[*a], names[*b])).collect();
    assert!(theirs.len() > 300 && lost.is_empty(), "{} edges, lost {lost:?}", theirs.len());
    assert!(order.opposed.is_empty(), "Debian's scripts start and stop in one order: {:?}", order.opposed);
}

/// Eight scripts, three of them a loop that insserv can't solve.
fn loop_of_three() -> Vec<(String, String)> {
    let needs = |name| match name {
        "a" => "c",
        "b" => "a",
        "c" => "b",
        "e" => "d",
        "f" => "b",
        "g" => "f e",
        _ => "",
    };
    ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| (name.to_owned(), header(name, needs(name)))).into()
}

fn header(name: &str, required: &str) -> String {
    format!(
        "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {required}\n# Required-Stop: {required}\n\
         # Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n### END INIT INFO\n:\n"
    )
}

/// Behind a loop `insserv -f` numbers as the folder happens to be listed, so that the same scripts get other numbers on
/// another machine. A tmpfs lists the newest file first; so it is the place to make the same scripts in several orders.
#[test]
fn behind_a_loop_the_order_does_not_depend_on_how_the_folder_is_listed() {
    let Some((insserv, _)) = fetched() else { return };
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for turn in 0..8 {
        let mut scripts = loop_of_three();
        scripts.rotate_left(turn);
        if turn % 2 == 1 {
            scripts.reverse();
        }
        let place = Place::below(Path::new("/dev/shm"), &format!("listed-{turn}"), &insserv);
        scripts.iter().for_each(|(name, text)| place.script(name, text));
        place.insserv(&insserv, &["a", "b", "c", "d", "e", "f", "g", "h"].map(str::to_owned));
        let tree = place.tree();
        let links: BTreeSet<String> =
            tree.farm.links.iter().map(|link| farm::file_name(link.kind, link.number, &link.name)).collect();
        theirs.insert(links);
        let order = order::order(&order::services(&tree), &tree.facilities, tree.style);
        assert!(!order.start.dropped.is_empty(), "a loop");
        let at = |name: &str| tree.scripts.iter().position(|s| s.name == name).expect("script");
        for (before, after) in [("d", "e"), ("e", "g"), ("f", "g"), ("b", "f")] {
            assert!(order.start.is_before(at(before), at(after)), "{before} before {after}");
        }
        let name = |at: usize| tree.scripts[at].name.clone();
        let numbers: Vec<_> = tree
            .scripts
            .iter()
            .map(|s| (s.name.clone(), order.start.numbers[at(&s.name)]))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let dropped: Vec<_> = order.start.dropped.iter().map(|d| (name(d.edge.before), name(d.edge.after))).collect();
        ours.insert((numbers, dropped));
    }
    assert!(theirs.len() > 1, "insserv's numbers don't depend on the listing: then README's line is wrong: {theirs:?}");
    assert_eq!(ours.len(), 1, "{ours:?}");
}
