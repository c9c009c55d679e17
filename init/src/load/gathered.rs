//! `NAME.wants/`, `NAME.requires/` and `NAME.upholds/`: folders of links by which a unit gathers others, as in systemd.unit(5).

use super::{Root, full_name};
use crate::unit::{Source, Unit, UnitName, install};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Most links of one folder.
const MAX_LINKS: usize = 4096;

/// One unit that is gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    tie: install::Tie,
    name: UnitName,
    /// The folder it lies in is one of systemd's.
    source: Source,
    /// It leads to `/dev/null`: the same link in a later folder doesn't count.
    masked: bool,
}

/// Such folders, by the unit that gathers.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    links: BTreeMap<UnitName, Vec<Link>>,
    folders: Vec<PathBuf>,
}

impl Gathered {
    /// Takes in `file` of a folder of units if it is such a folder; of several links with one name the first counts.
    /// Those of targets that stand for levels are no dependencies: they switch on, and the level links decide.
    pub fn add(&mut self, root: &Root, source: Source, folder: &Path, file: &str) {
        let Some((owner, tie)) = install::Tie::of_folder(file) else { return };
        let Some(owner) = full_name(owner).filter(|o| install::levels_of(o.as_str()).is_empty()) else { return };
        let folder = folder.join(file);
        let links = self.links.entry(owner).or_default();
        for entry in fs::read_dir(root.place(&folder)).into_iter().flatten().flatten().take(MAX_LINKS) {
            let name = entry.file_name().to_str().and_then(full_name);
            let Some(name) = name.filter(|n| !n.is_template()) else { continue };
            if links.iter().any(|l| l.tie == tie && l.name == name) {
                continue;
            }
            let target = fs::read_link(root.entry(&folder.join(name.as_str())));
            let masked = target.is_ok_and(|target| target == Path::new("/dev/null"));
            links.push(Link { tie, name, source, masked });
        }
        links.sort_by(|a, b| a.name.cmp(&b.name));
        self.folders.push(folder);
    }

    /// Gives a unit what its folders and its template's gather. As with drop-ins, systemd's folders leave a unit of
    /// Rung's own alone; a target is nobody's own.
    pub fn put_into(&self, unit: &mut Unit, aliases: &[UnitName]) {
        let theirs = unit.source == Source::Systemd || unit.name.kind() == crate::unit::name::Kind::Target;
        let owners = std::iter::once(unit.name.clone()).chain(unit.name.template()).chain(aliases.iter().cloned());
        for link in owners.filter_map(|owner| self.links.get(&owner)).flatten() {
            if link.masked || link.name == unit.name || link.source == Source::Systemd && !theirs {
                continue;
            }
            let list = match link.tie {
                install::Tie::Wants => &mut unit.wants,
                install::Tie::Requires => &mut unit.requires,
                install::Tie::Upholds => &mut unit.relations.upholds,
            };
            if !list.contains(&link.name) {
                list.push(link.name.clone());
            }
        }
    }

    /// The units that gather this one.
    pub fn holders<'a>(&'a self, is_it: impl Fn(&UnitName) -> bool + 'a) -> impl Iterator<Item = &'a UnitName> {
        let holds = move |links: &[Link]| links.iter().any(|link| !link.masked && is_it(&link.name));
        self.links.iter().filter(move |(_, links)| holds(links)).map(|(owner, _)| owner)
    }

    /// Whether anything has folders.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// The units whose folders differ from those of `other`.
    pub fn changed<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a UnitName> {
        let owners = self.links.keys().chain(other.links.keys());
        owners.filter(|owner| self.links.get(owner) != other.links.get(owner))
    }

    /// The folders, for watching.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
}
