//! The unit files of some hundred Debian packages load, and most of what they say is honoured. The tables it prints tell
//! what isn't (`cargo test -p rung-tests --test debian_units -- --show-output`).

#![allow(clippy::expect_used, clippy::panic, reason = "tests' helpers fail by it")]

use init::load::Loader;
use init::unit::{Facts, Finding, KeyUse, Severity, Source, Taken, UnitName};
use rung_tests::debian;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Packages without a service of their own are of no interest, but a few may move theirs elsewhere.
const LEAST_PACKAGES: usize = 80;
/// What has been reached; it may only rise. Services …
const LEAST_SERVICES: usize = 155;
/// … those of them that say nothing that isn't honoured or harmless, …
const LEAST_WHOLE: usize = 110;
/// … and the share of all keys, in hundredths, that is honoured or harmless.
const LEAST_KEYS: usize = 83;

/// A unit of a package.
struct Unit {
    package: String,
    name: String,
    keys: Vec<KeyUse>,
    errors: Vec<Finding>,
}

impl Unit {
    fn count(&self, taken: Taken) -> usize {
        self.keys.iter().filter(|k| k.taken == taken).count()
    }

    /// Whether nothing in it is lost.
    fn is_whole(&self) -> bool {
        self.errors.is_empty() && self.count(Taken::Changes) + self.count(Taken::Unknown) == 0
    }
}

/// All services and targets of a package, templates too; masks and aliases apart.
fn load(package: &Path) -> Vec<Unit> {
    let folders = ["lib/systemd/system", "usr/lib/systemd/system"].map(|f| (Source::Systemd, package.join(f)));
    let files: Vec<_> = folders.iter().filter_map(|(_, f)| f.read_dir().ok()).flatten().flatten().collect();
    let mut loader = Loader::new(folders.to_vec(), Facts::default());
    loader.scan();
    let plain = files.iter().filter(|f| f.metadata().is_ok_and(|m| m.is_file() && m.len() > 0));
    let names = plain.filter_map(|f| {
        let file = f.file_name().into_string().ok()?;
        UnitName::new(&file).ok().filter(|name| name.as_str() == file)
    });
    let mut units: Vec<Unit> = names
        .map(|name| {
            let loaded = loader.load(&name);
            let errors = loaded.findings.into_iter().filter(|f| f.severity == Severity::Error).collect();
            let package = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Unit { package, name: name.short().to_owned(), keys: loaded.keys, errors }
        })
        .collect();
    units.sort_by(|a, b| a.name.cmp(&b.name));
    units
}

#[test]
fn the_units_of_debians_daemons_load() {
    if !["/usr/bin/apt-get", "/usr/bin/dpkg-deb"].iter().all(|p| Path::new(p).exists()) {
        println!("skipped: Debian's packages can't be fetched without apt-get and dpkg-deb");
        return;
    }
    let packages: Vec<&str> = include_str!("debian_units/packages").lines().filter(|l| !l.starts_with('#')).collect();
    let (kept, paths) = (
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-units"),
        ["./lib/systemd/system", "./usr/lib/systemd/system"],
    );
    let folder =
        debian::packages(&kept, &packages, &paths).unwrap_or_else(|why| panic!("fetching Debian's packages: {why}"));
    let mut folders: Vec<_> = folder.read_dir().expect("read").flatten().map(|e| e.path()).collect();
    folders.sort();
    assert_eq!(folders.len(), packages.len(), "a package is missing in {}", folder.display());
    let units: Vec<Unit> = folders.iter().flat_map(|f| load(f)).collect();

    println!("{}", table(&units));
    println!("{}", missing(&units));
    let errors: Vec<String> = units.iter().flat_map(|u| &u.errors).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{} errors:\n{}", errors.len(), errors.join("\n"));

    let services: Vec<&Unit> = units.iter().filter(|u| !u.name.ends_with(".target")).collect();
    let mut with: Vec<&str> = services.iter().map(|u| u.package.as_str()).collect();
    with.dedup();
    let whole: Vec<&str> = services.iter().filter(|u| u.is_whole()).map(|u| u.name.as_str()).collect();
    let sum = |taken| services.iter().map(|u| u.count(taken)).sum::<usize>();
    let (honoured, harmless) = (sum(Taken::Honoured), sum(Taken::Harmless));
    let all = honoured + harmless + sum(Taken::Changes) + sum(Taken::Unknown);
    println!("{} of {} services say nothing that is lost: {}", whole.len(), services.len(), whole.join(" "));
    println!("{honoured} keys honoured, {harmless} harmless, of {all}, in {} packages", with.len());
    assert!(with.len() >= LEAST_PACKAGES && services.len() >= LEAST_SERVICES, "{} {}", with.len(), services.len());
    assert!(whole.len() >= LEAST_WHOLE, "only {} services are honoured as a whole", whole.len());
    let share = (honoured + harmless) * 100 / all;
    assert!(share >= LEAST_KEYS, "only {share} % of the keys are honoured or harmless");
}

/// A line for each unit.
fn table(units: &[Unit]) -> String {
    let mut text = format!(
        "{:<26} {:<32} {:>8} {:>8} {:>7} {:>7}\n",
        "package", "unit", "honoured", "harmless", "changes", "unknown"
    );
    for unit in units {
        let [honoured, harmless, changes, unknown] = [Taken::Honoured, Taken::Harmless, Taken::Changes, Taken::Unknown]
            .map(|t| match unit.count(t) {
                0 => "-".to_owned(),
                n => n.to_string(),
            });
        let _ = writeln!(
            text,
            "{:<26} {:<32} {honoured:>8} {harmless:>8} {changes:>7} {unknown:>7}",
            unit.package, unit.name
        );
    }
    text
}

/// The keys that aren't honoured, the most frequent first, with the units that have them.
fn missing(units: &[Unit]) -> String {
    let mut keys: BTreeMap<(&str, &str), Vec<&Unit>> = BTreeMap::new();
    for unit in units {
        for key in unit.keys.iter().filter(|k| matches!(k.taken, Taken::Changes | Taken::Unknown)) {
            keys.entry((&key.section, &key.key)).or_default().push(unit);
        }
    }
    let mut list: Vec<_> = keys.into_iter().collect();
    list.sort_by_key(|(key, units)| (std::cmp::Reverse(units.len()), *key));
    let mut text = String::from("not honoured, by the number of units\n");
    for ((section, key), units) in list {
        let names: Vec<&str> = units.iter().take(6).map(|u| u.name.as_str()).collect();
        let more = if units.len() > names.len() { " …" } else { "" };
        let _ = writeln!(text, "{:>4}  [{section}] {key:<28} {}{more}", units.len(), names.join(" "));
    }
    text
}
