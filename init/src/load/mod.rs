//! Reading unit files from their folders: which names there are, what each of them means.
//!
//! Search order, first hit wins: Rung's own folders (`/etc/rung/units`, the run directory, `/usr/lib/rung/units`), then
//! systemd's, then what was made from scripts in `/etc/init.d` and lines of `/etc/inittab`; but of a unit of systemd's and
//! a script of one name the better one is taken ([`prefer`]), and before a script its twin ([`twins`]). A link to `/dev/null` or an empty file masks; a link to
//! another unit's file is an alias. Which drop-ins count says [`search::drop_ins`].

pub mod conf;
pub mod findings;
mod gathered;
mod ground;
mod prefer;
pub mod recorded;
pub mod replaced;
pub mod root;
mod suppose;
pub mod twins;

pub use ground::Ground;
pub use prefer::Choice;
pub use root::Root;
pub use suppose::Supposed;

use crate::core::Definition;
use crate::sys::file;
use crate::unit::install;
use crate::unit::rare::{self, Rare};
use crate::unit::search::{self, Folder};
use crate::unit::{self, Facts, Finding, KeyUse, Relations, Severity, Source, SourceFile, Unit, UnitName, targets};
use gathered::Gathered;
use prefer::{Chooser, Rule};
use replaced::Replaced;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use suppose::Suppositions;

/// Longest unit file that is read.
const MAX_FILE: usize = 1 << 20;
/// Most drop-ins of one unit.
const MAX_DROP_INS: usize = 256;

/// Longest chain of aliases.
const MAX_ALIASES: usize = 16;

/// What stands under a name in the folder that wins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// A file of that name, in this one of [`Loader::folders`].
    File(usize),
    Masked,
    Alias(Box<UnitName>),
}

/// A unit as read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// For the core.
    pub definition: Definition,
    /// What is to be said about the text.
    pub findings: Vec<Finding>,
    /// The keys of its files, and how each is taken.
    pub keys: Vec<KeyUse>,
}

/// The folders and what they hold.
#[derive(Debug)]
pub struct Loader {
    root: Root,
    folders: Vec<(Source, PathBuf)>,
    facts: Facts,
    entries: BTreeMap<UnitName, Entry>,
    /// Those of them that are links to files elsewhere.
    linked: BTreeSet<UnitName>,
    /// The folders of drop-ins, by the folder they lie in.
    drop_ins: Vec<Folder>,
    gathered: Gathered,
    generated: BTreeMap<UnitName, Rc<Unit>>,
    supposed: Suppositions,
    chooser: Chooser,
    replaced: Replaced,
}

/// Where `sysv generate` writes what it makes.
pub fn generated(rundir: &Path) -> PathBuf {
    rundir.join("generated")
}

/// The folders of a running system.
pub fn system_folders(rundir: &Path) -> Vec<(Source, PathBuf)> {
    let native = [Path::new("/etc/rung/units"), &rundir.join("units"), Path::new("/usr/lib/rung/units")]
        .map(|p| (Source::Native, p.to_path_buf()));
    let systemd = [
        "/etc/systemd/system",
        "/run/systemd/system",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
    ];
    let systemd = systemd.map(|p| (Source::Systemd, PathBuf::from(p)));
    let generated = generated(rundir);
    let made = [
        (Source::Twin, generated.join("twins")),
        (Source::Script, generated.join("scripts")),
        (Source::Inittab, generated.join("inittab")),
    ];
    native.into_iter().chain(systemd).chain(made).collect()
}

impl Loader {
    /// Nothing scanned yet. The folders are this system's.
    pub fn new(folders: Vec<(Source, PathBuf)>, facts: Facts) -> Self {
        Self::of(Root::system(), folders, facts)
    }

    /// The same, for a root whose folders are given as [`Root::shown`] gives them.
    pub fn of(root: Root, folders: Vec<(Source, PathBuf)>, facts: Facts) -> Self {
        let (entries, linked, drop_ins, gathered, generated, supposed) = Default::default();
        let (chooser, replaced) = Default::default();
        Self { root, folders, facts, entries, linked, drop_ins, gathered, generated, supposed, chooser, replaced }
    }

    /// From the next scan on, reads this file as if it were so.
    pub fn suppose(&mut self, path: PathBuf, what: Supposed) {
        self.supposed.add(path, what);
    }

    /// The folders, for watching.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(|(_, p)| p.as_path())
    }

    /// The folders in search order, each with what kind of units it holds.
    pub fn sources(&self) -> impl Iterator<Item = (Source, &Path)> {
        self.folders.iter().map(|(source, path)| (*source, path.as_path()))
    }

    /// What the specifiers stand for.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Adds a unit that no file describes.
    pub fn generate(&mut self, unit: Unit) {
        self.generated.insert(unit.name.clone(), Rc::new(unit));
    }

    /// Looks through all folders. Cheap: names and links only, no file is read.
    pub fn scan(&mut self) {
        self.gathered = Gathered::default();
        self.entries.clear();
        self.linked.clear();
        self.drop_ins.clear();
        let (mut foreign, mut rivals): (_, Vec<(UnitName, usize)>) = (BTreeSet::new(), Vec::new());
        let mut scripts = Vec::new();
        for (at, (source, folder)) in self.folders.clone().into_iter().enumerate() {
            let mut drop_ins: Vec<search::Entry> = Vec::new();
            for (file, mask) in self.supposed.files(&folder) {
                let Some(name) = full_name(&file) else { continue };
                let found = if mask { Entry::Masked } else { Entry::File(at) };
                self.entries.entry(name).or_insert(found);
            }
            for file in self.supposed.folders(&folder).filter(|f| f.strip_suffix(".d").and_then(full_name).is_some()) {
                let inside = list_drop_ins(&self.root, &folder.join(&file), &self.supposed);
                drop_ins.push(search::Entry { inside, ..search::Entry::file(file) });
            }
            for entry in fs::read_dir(self.root.place(&folder)).into_iter().flatten().flatten() {
                let (Ok(file), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
                let path = folder.join(&file);
                if file.strip_suffix(".d").and_then(full_name).is_some() {
                    if !drop_ins.iter().any(|known| known.name == file) {
                        let inside = list_drop_ins(&self.root, &path, &self.supposed);
                        drop_ins.push(search::Entry { inside, ..search::Entry::file(file) });
                    }
                    continue;
                }
                self.gathered.add(&self.root, source, &folder, &file);
                let Some(name) = full_name(&file) else { continue };
                if source == Source::Script {
                    scripts.push((name.clone(), path.clone()));
                }
                if self.entries.contains_key(&name) || self.supposed.get(&path).is_some() {
                    if source.is_script() && foreign.contains(&name) && !rivals.iter().any(|(n, _)| *n == name) {
                        rivals.push((name, at));
                    }
                    continue;
                }
                if source == Source::Systemd {
                    foreign.insert(name.clone());
                }
                let empty = || entry.metadata().is_ok_and(|m| m.is_file() && m.len() == 0);
                let found = self.entry_of(&name, at, &path, kind.is_symlink(), empty);
                if kind.is_symlink() {
                    self.linked.insert(name.clone());
                }
                self.entries.insert(name, found);
            }
            self.drop_ins.push(Folder::new(folder, source, drop_ins));
        }
        self.choose(rivals);
        let stands_for = |name: &UnitName| {
            let unit = self.behind(name.clone());
            matches!(self.source(&unit), Some(Source::Native | Source::Systemd)).then_some(unit)
        };
        self.replaced = Replaced::of(scripts, stands_for);
        rare::pack(&mut self.entries);
    }

    fn entry_of(
        &self,
        name: &UnitName,
        folder: usize,
        path: &Path,
        is_link: bool,
        empty: impl FnOnce() -> bool,
    ) -> Entry {
        match () {
            () if is_link && is_mask(&self.root, path) => Entry::Masked,
            () if is_link => link(&self.root, name, folder, path),
            () if empty() => Entry::Masked,
            () => Entry::File(folder),
        }
    }

    /// Looks again at these files of folders of units: the units to read anew. `None`: what they are means more than that,
    /// and only a scan of everything tells what.
    pub fn refresh<'a>(&mut self, files: impl Iterator<Item = Option<&'a OsStr>>) -> Option<Vec<UnitName>> {
        let mut changed = Vec::new();
        for file in files {
            let file = file.and_then(OsStr::to_str)?;
            if file.ends_with(".d") || install::Tie::of_folder(file).is_some() || !self.supposed.is_empty() {
                return None;
            }
            let Some(name) = full_name(file) else { continue };
            let mut there = self.folders.iter().enumerate().filter_map(|(at, (_, folder))| {
                let path = folder.join(file);
                let found = fs::symlink_metadata(self.root.entry(&path)).ok()?;
                Some((at, path, found))
            });
            let (at, path, found) = there.next()?;
            // One that hides another may have been chosen, or not.
            if there.next().is_some() {
                return None;
            }
            drop(there);
            let empty = || found.is_file() && found.len() == 0;
            let entry = self.entry_of(&name, at, &path, found.is_symlink(), empty);
            if found.is_symlink() {
                self.linked.insert(name.clone());
            }
            // Of a new unit, and of one that was masked, the level links are to be read.
            if self.entries.get(&name) != Some(&entry) || self.source(&name) != Some(Source::Native) {
                return None;
            }
            changed.push(name);
        }
        Some(changed)
    }

    /// Names that both a systemd unit and a script have: only for these a file is read here.
    fn choose(&mut self, rivals: Vec<(UnitName, usize)>) {
        self.chooser.choices.clear();
        let boot = if rivals.is_empty() { BTreeSet::new() } else { prefer::boot_scripts(&self.root) };
        for (name, script) in rivals {
            let unit =
                self.place(&self.behind(name.clone())).and_then(|(source, path)| self.parse(&name, source, &path).ok());
            let prefer = if boot.contains(name.short()) { Rule::Boot } else { Rule::By(self.facts.prefer) };
            if self.chooser.choose(&name, prefer, unit.as_ref()) == Source::Script {
                self.entries.insert(name, Entry::File(script));
            }
        }
    }

    /// What was chosen where a systemd unit and a script have one name.
    pub fn choices(&self) -> impl Iterator<Item = (&UnitName, &Choice)> {
        self.chooser.choices.iter()
    }

    /// The same for one name; `None`: there was no choice.
    pub fn choice(&self, name: &UnitName) -> Option<&Choice> {
        self.chooser.choices.get(name)
    }

    /// Choices recorded in the root stay; before the first scan.
    #[must_use]
    pub fn recalling_choices(mut self) -> Self {
        self.chooser.keep(recorded::read(&self.root, self.facts.prefer));
        self
    }

    /// Choices made before, which stay.
    pub fn keep_choices(&mut self, made: BTreeMap<UnitName, Source>) {
        self.chooser.keep(made);
    }

    /// The unit's own name: follows an alias, also of a template.
    pub fn canonical(&self, name: UnitName) -> UnitName {
        match self.entries.get(&name) {
            Some(Entry::Alias(_)) => self.behind(name),
            Some(_) => name,
            None => match (name.template().and_then(|t| self.entries.get(&t).cloned()), name.instance()) {
                (Some(Entry::Alias(target)), Some(instance)) => {
                    let full = format!("{}@{instance}.{}", target.prefix(), target.kind().suffix());
                    UnitName::new(&full).unwrap_or(name)
                }
                _ => name,
            },
        }
    }

    /// The end of a chain of aliases; the name itself for one that bites its own tail.
    fn behind(&self, name: UnitName) -> UnitName {
        let mut at = &name;
        for _ in 0..MAX_ALIASES {
            match self.entries.get(at) {
                Some(Entry::Alias(target)) => at = target,
                _ => return at.clone(),
            }
        }
        name
    }

    /// Every name that stands for a unit of its own: no aliases, no templates.
    pub fn names(&self) -> Vec<UnitName> {
        let files = self.entries.iter().filter(|(n, e)| !n.is_template() && !matches!(e, Entry::Alias(_)));
        files.map(|(n, _)| n.clone()).chain(self.generated.keys().cloned()).collect()
    }

    /// Every name a file has in the folders: templates and aliases too, masks not.
    pub fn all_names(&self) -> impl Iterator<Item = &UnitName> {
        self.entries.iter().filter(|(_, e)| !matches!(e, Entry::Masked)).map(|(n, _)| n)
    }

    /// Every template.
    pub fn templates(&self) -> impl Iterator<Item = UnitName> {
        let files = self.entries.iter().filter(|(n, e)| n.is_template() && !matches!(e, Entry::Alias(_)));
        files.map(|(n, _)| n.clone())
    }

    /// The aliases, for "did you mean" and completion.
    pub fn aliases(&self) -> impl Iterator<Item = (&UnitName, &UnitName)> {
        self.entries.iter().filter_map(|(n, e)| match e {
            Entry::Alias(target) => Some((n, &**target)),
            _ => None,
        })
    }

    /// The aliases and what they stand for now.
    pub fn alias_table(&self) -> Vec<(UnitName, UnitName)> {
        self.aliases().map(|(alias, target)| (alias.clone(), target.clone())).collect()
    }

    /// The file that `enable` links to.
    pub fn file(&self, name: &UnitName) -> Option<PathBuf> {
        self.place(name).map(|(_, path)| path)
    }

    /// Where its file, or its template's, comes from, and the file.
    fn place(&self, name: &UnitName) -> Option<(Source, PathBuf)> {
        let (file, entry) = self.entry(name)?;
        let Entry::File(at) = entry else { return None };
        self.folders.get(*at).map(|(source, folder)| (*source, folder.join(file.as_str())))
    }

    /// Its file and its drop-ins, in the order they are read.
    pub fn files(&self, name: &UnitName) -> Vec<PathBuf> {
        let Some((source, path)) = self.place(name) else { return Vec::new() };
        let drop_ins = search::drop_ins(name, source, &self.drop_ins);
        std::iter::once(path).chain(drop_ins).collect()
    }

    /// Whether there is anything of that name: a file, an alias, a mask, a template it is an instance of.
    pub fn exists(&self, name: &UnitName) -> bool {
        self.entry(name).is_some() || self.generated.contains_key(name) || targets::well_known(name).is_some()
    }

    /// Where its file comes from; `None`: it has none.
    pub fn source(&self, name: &UnitName) -> Option<Source> {
        match self.entry(name)?.1 {
            Entry::File(at) => self.folders.get(*at).map(|(source, _)| *source),
            Entry::Masked | Entry::Alias(_) => None,
        }
    }

    /// Whether it is masked, and the first file behind the mask is a script's.
    pub fn masks_script(&self, name: &UnitName) -> bool {
        let is_file = |folder: &Path| {
            let path = self.root.place(&folder.join(name.as_str()));
            fs::read(path).is_ok_and(|text| !text.is_empty())
        };
        let first = || self.folders.iter().find(|(_, folder)| is_file(folder));
        matches!(self.entry(name), Some((_, Entry::Masked))) && first().is_some_and(|(source, _)| source.is_script())
    }

    /// Whether it comes from one of systemd's folders.
    pub fn is_foreign(&self, name: &UnitName) -> bool {
        self.source(name) == Some(Source::Systemd)
    }

    /// Whether drop-ins of its own or its template's are there.
    pub fn has_drop_ins(&self, name: &UnitName) -> bool {
        !search::drop_ins(name, Source::Systemd, &self.drop_ins).is_empty()
    }

    /// Whether more belongs to it than one file in one of the folders: what a link leads to, drop-ins, or its template's.
    pub fn is_spread(&self, name: &UnitName) -> bool {
        let linked = || self.linked.contains(name) || name.template().is_some_and(|t| self.linked.contains(&t));
        let any = || self.drop_ins.iter().any(|folder| folder.entries().next().is_some());
        linked() || any() && self.has_drop_ins(name)
    }

    /// Folders of drop-ins and of gathered units that exist, for watching.
    pub fn drop_in_folders(&self) -> Vec<PathBuf> {
        let drop_ins = self.drop_ins.iter().flat_map(|folder| folder.entries().map(|e| folder.path.join(&e.name)));
        drop_ins.chain(self.gathered.folders().iter().cloned()).collect()
    }

    /// The units that gather this one by links, in their `.wants` folders or such: by these it is switched on.
    pub fn holders(&self, name: &UnitName) -> Vec<UnitName> {
        self.gathered.holders(|link| self.canonical(link.clone()) == *name).cloned().collect()
    }

    /// [`Self::scan`]; the units that gather others than before, by `NAME.wants` and its kin.
    pub fn rescan(&mut self) -> BTreeSet<UnitName> {
        let before = std::mem::take(&mut self.gathered);
        self.scan();
        self.gathered.changed(&before).map(|name| self.canonical(name.clone())).collect()
    }

    /// What stands under a name, or under its template's.
    fn entry(&self, name: &UnitName) -> Option<(&UnitName, &Entry)> {
        self.entries.get_key_value(name).or_else(|| self.entries.get_key_value(&name.template()?))
    }

    /// Reads a unit's files. An instance comes from its template.
    pub fn load(&self, name: &UnitName) -> Loaded {
        let only = |definition| Loaded { definition, findings: Vec::new(), keys: Vec::new() };
        if let Some(unit) = self.generated.get(name) {
            return only(Definition::Good(unit.clone()));
        }
        let (source, path) = match self.entry(name).map(|(_, entry)| entry) {
            Some(Entry::Alias(target)) if self.behind(name.clone()) == *name => {
                let reason =
                    format!("{name} is a link to {target}, and its links lead in a circle: remove one of them");
                return only(Definition::Bad(name.clone(), reason));
            }
            None if let Some(target) = targets::well_known(name) => return only(self.complete(target)),
            Some(Entry::File(_))
                if self.is_foreign(name)
                    && let Some(end) = targets::end(name) =>
            {
                return only(self.complete(end));
            }
            None | Some(Entry::Alias(_)) => return only(Definition::Gone(name.clone())),
            Some(Entry::Masked) => return only(Definition::Masked(name.clone())),
            Some(Entry::File(_)) => match self.place(name) {
                Some(place) => place,
                None => return only(Definition::Gone(name.clone())),
            },
        };
        match self.parse(name, source, &path) {
            Ok(parsed) => self.define(name, parsed),
            Err(reason) => only(Definition::Bad(name.clone(), reason)),
        }
    }

    /// A unit's file with its drop-ins.
    fn parse(&self, name: &UnitName, source: Source, path: &Path) -> Result<unit::Parsed, String> {
        let fragment = self.read(path)?;
        let drop_ins = search::drop_ins(name, source, &self.drop_ins);
        let drop_ins = drop_ins.iter().map(|path| self.read(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(unit::parse(name, source, &fragment, &drop_ins, &self.facts))
    }

    fn read(&self, path: &Path) -> Result<SourceFile, String> {
        match self.supposed.get(path) {
            Some(Supposed::Text(text)) => Ok(SourceFile { path: path.to_path_buf(), text: text.clone() }),
            _ => read(&self.root, path),
        }
    }

    fn define(&self, name: &UnitName, parsed: unit::Parsed) -> Loaded {
        let bad = parsed.is_bad();
        let (findings, keys) = (parsed.findings, parsed.keys);
        if bad {
            let errors: Vec<String> =
                findings.iter().filter(|f| f.severity == Severity::Error).map(ToString::to_string).collect();
            return Loaded { definition: Definition::Bad(name.clone(), errors.join("\n")), findings, keys };
        }
        Loaded { definition: self.complete(parsed.unit), findings, keys }
    }

    /// With what its folders gather, and with the units' own names for aliases.
    fn complete(&self, mut unit: Unit) -> Definition {
        if !self.gathered.is_empty() {
            let aliases = self.aliases().filter(|(_, target)| **target == unit.name).map(|(alias, _)| alias.clone());
            let aliases: Vec<UnitName> = aliases.collect();
            self.gathered.put_into(&mut unit, &aliases);
        }
        self.replaced.put_into(&mut unit, |path| self.read(path).ok(), &self.facts);
        let lists = [&mut unit.after, &mut unit.before, &mut unit.requires, &mut unit.wants, &mut unit.conflicts];
        let rare = unit.relations.own().into_iter().flat_map(Relations::lists_mut);
        for name in lists.into_iter().filter_map(Rare::own).chain(rare).flatten() {
            *name = self.canonical(name.clone());
        }
        Definition::Good(Rc::new(unit))
    }
}

/// Only names that are written in full: `a.service`, not `a` or `a.socket`.
fn full_name(text: &str) -> Option<UnitName> {
    UnitName::new(text).ok().filter(|n| n.as_str() == text)
}

/// A link to `/dev/null`, or an empty file.
fn is_mask(root: &Root, path: &Path) -> bool {
    fs::read_link(root.entry(path)).is_ok_and(|target| target == Path::new("/dev/null"))
        || fs::metadata(root.place(path)).is_ok_and(|m| m.is_file() && m.len() == 0)
}

fn list_drop_ins(root: &Root, folder: &Path, supposed: &Suppositions) -> Vec<(String, bool)> {
    let files = fs::read_dir(root.place(folder)).into_iter().flatten().flatten().take(MAX_DROP_INS);
    let names = files.filter_map(|e| e.file_name().into_string().ok());
    let real = names.filter(|name| supposed.get(&folder.join(name)).is_none()).map(|name| {
        let mask = is_mask(root, &folder.join(&name));
        (name, mask)
    });
    real.chain(supposed.files(folder)).collect()
}

/// An alias; or, under its own name, a file that lies elsewhere.
fn link(root: &Root, name: &UnitName, folder: usize, path: &Path) -> Entry {
    let target = fs::read_link(root.entry(path)).ok();
    match target.as_deref().and_then(Path::file_name).and_then(|f| f.to_str()).and_then(full_name) {
        Some(other) if other != *name && other.kind() == name.kind() => Entry::Alias(Box::new(other)),
        _ => Entry::File(folder),
    }
}

fn read(root: &Root, path: &Path) -> Result<SourceFile, String> {
    match file::read_text(&root.place(path), MAX_FILE) {
        Ok(text) => Ok(SourceFile { path: path.to_path_buf(), text }),
        Err(nix::errno::Errno::EINVAL) => Err(format!("{}: not a plain file", path.display())),
        Err(nix::errno::Errno::ENOENT) if fs::symlink_metadata(root.entry(path)).is_ok_and(|m| m.is_symlink()) => {
            let target = fs::read_link(root.entry(path)).unwrap_or_default();
            Err(format!("{}: cannot be read: it is a link to {}, which isn't there", path.display(), target.display()))
        }
        Err(nix::errno::Errno::EFBIG) => Err(format!("{}: longer than {MAX_FILE} bytes", path.display())),
        Err(e) => Err(format!("{}: cannot be read: {}", path.display(), e.desc())),
    }
}

#[cfg(test)]
mod tests;
