//! Unit files as they lie in their folders, whether or not a manager has read them.

use super::words::{is_pattern, mangle};
use crate::shims::farm::place::Place;
use init::client::run_dir;
use init::core::Definition;
use init::load::{self, Loader, Root, system_folders};
use init::unit::{UnitName, glob};
use std::collections::BTreeMap;
use std::path::Path;

/// What the manager reads unit files with, looking through the same folders, or those of another root.
pub(super) fn loader(root: Option<&Path>) -> Loader {
    let root = root.map_or_else(Root::system, |folder| Root::image(folder.to_owned()));
    let (conf, _) = load::conf::read(&root);
    let facts = load::conf::facts(&run_dir(), &conf);
    let folders = system_folders(&run_dir());
    let folders = folders.into_iter().map(|(source, path)| (source, root.shown(&path))).collect();
    let mut loader = Loader::of(root, folders, facts);
    loader.scan();
    loader
}

/// The words of `list-unit-files` by name: of the files alone, nobody is asked where a unit is on.
pub(super) fn states(root: Option<&Path>) -> BTreeMap<String, &'static str> {
    let loader = loader(root);
    let mut all: BTreeMap<String, &'static str> = BTreeMap::new();
    let own = loader.names().into_iter().chain(loader.templates());
    for name in own {
        all.insert(name.as_str().to_owned(), word(&loader, &name));
    }
    for (alias, _) in loader.aliases() {
        all.insert(alias.as_str().to_owned(), "alias");
    }
    all
}

fn word(loader: &Loader, name: &UnitName) -> &'static str {
    match loader.load(name).definition {
        Definition::Masked(_) => "masked",
        Definition::Bad(..) => "bad",
        Definition::Gone(_) => "not-found",
        Definition::Good(unit) => {
            let install = &unit.install;
            let belongs =
                !unit.runlevels.is_empty() || install.gatherers().next().is_some() || !install.alias.is_empty();
            match (belongs, install.also.is_empty()) {
                (true, _) => "disabled",
                (false, false) => "indirect",
                (false, true) => "static",
            }
        }
    }
}

/// The word for one name: its links are looked for where no manager can be asked.
pub(super) fn state(root: Option<&Path>, name: &str) -> String {
    let short = name.strip_suffix(".service").unwrap_or(name);
    let in_root = |path: &str| root.map_or_else(|| path.into(), |root| root.join(path.trim_start_matches('/')));
    if mangle(name).is_err() {
        return super::install::state(root, name).to_owned();
    }
    let Ok(unit) = UnitName::new(name) else { return "not-found".to_owned() };
    let loader = loader(root);
    let word = if loader.aliases().any(|(alias, _)| *alias == unit) { "alias" } else { word(&loader, &unit) };
    let linked = || {
        let levels = in_root("/etc/rung/levels");
        "S0123456".chars().any(|level| levels.join(level.to_string()).join(name).symlink_metadata().is_ok())
    };
    let place = Place::of(root);
    let scripted = || place.is_on(short);
    let wanted = || is_wanted(&in_root("/etc/systemd/system"), name) || !loader.holders(&unit).is_empty();
    match word {
        "disabled" | "static" | "indirect" if linked() || scripted() || wanted() => "enabled".to_owned(),
        "not-found" if place.program(short).is_some() => if scripted() { "enabled" } else { "disabled" }.to_owned(),
        word => word.to_owned(),
    }
}

/// Whether links in systemd's folder have it on.
fn is_wanted(folder: &Path, name: &str) -> bool {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut folders =
        entries.filter(|e| e.file_name().to_str().is_some_and(|n| n.ends_with(".wants") || n.ends_with(".requires")));
    folders.any(|f| f.path().join(name).symlink_metadata().is_ok())
}

/// Whether a name is one of those asked for; all are, where none is asked for.
pub(super) fn is_asked(name: &str, patterns: &[String], types: &[String]) -> bool {
    let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
    let named = |p: &String| {
        let full = if p.contains('.') || is_pattern(p) { p.clone() } else { format!("{p}.service") };
        glob::matches(&full, name)
    };
    (patterns.is_empty() || patterns.iter().any(named)) && (types.is_empty() || types.iter().any(|t| t == kind))
}
