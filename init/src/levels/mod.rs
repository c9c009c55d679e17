//! Which units are on in which level: links in folders, read and written.
//!
//! Rung's own links are `/etc/rung/levels/{S,0..6}/NAME.service`. A name that has none of these in any level is on where
//! the SysV farm says so (`/etc/rcN.d/SnnNAME`); a K link there stops it on entering that level. One that is in neither is
//! on where links in `/etc/systemd/system/*.target.wants` switch it on, by the levels these targets stand for; else where
//! `sysv generate` says so (lines of `/etc/inittab`).
//!
//! Of the farm's links those of levels 0 and 6 mean a stop, S links too (Debian's `rc` calls both with `stop`); on a
//! Red Hat tree an S link there means a start, and a switch goes by the lock files that its scripts leave.

mod installed;

use crate::core::{LevelMark, RcRule};
use crate::proto::control::LinkChange;
use crate::sys::file;
use crate::unit::install::{self, Tie};
use crate::unit::{Level, LevelSet, UnitName, rc_link};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the links are.
#[derive(Debug, Clone)]
pub struct Farm {
    pub(super) own: PathBuf,
    sysv: PathBuf,
    /// Holds a folder for each level, written by `sysv generate`.
    generated: Option<PathBuf>,
    /// Where Red Hat's scripts leave a file while they are up.
    locks: PathBuf,
    /// Scripts whose work Rung does itself count as well (`Compat=exact`).
    pub exact: bool,
    /// Nothing is changed; what would be is told all the same.
    pub(super) rehearses: bool,
}

/// What a link of the farm says of its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    On,
    Kill,
}

/// Scripts whose work Rung does itself: the end of the machine, the way to level 1, the running of scripts. Pure.
fn is_native(level: Level, name: &str) -> bool {
    const END: [&str; 6] = ["sendsigs", "killall", "umountfs", "umountroot", "halt", "reboot"];
    match name {
        "rc" | "rcS" => true,
        "single" | "killprocs" => !level.is_multi_user(),
        name => level.is_down() && END.contains(&name),
    }
}

impl Farm {
    /// `own`: the folder with a folder for each level; `sysv`: the one that holds `rcN.d`.
    pub fn new(own: impl Into<PathBuf>, sysv: impl Into<PathBuf>) -> Self {
        let (own, sysv, locks) = (own.into(), sysv.into(), "/var/lock/subsys".into());
        Self { own, sysv, generated: None, locks, exact: false, rehearses: false }
    }

    /// Takes this folder's links in as well, for names that have none elsewhere.
    #[must_use]
    pub fn with_generated(self, folder: impl Into<PathBuf>) -> Self {
        Self { generated: Some(folder.into()), ..self }
    }

    /// The farm's folder of a level: `rcN.d`, or `rc.d/rcN.d` where only that is there.
    fn rc(&self, level: Level) -> PathBuf {
        let (plain, inner) = (self.sysv.join(format!("rc{level}.d")), self.sysv.join(format!("rc.d/rc{level}.d")));
        if !plain.is_dir() && inner.is_dir() { inner } else { plain }
    }

    fn generated(&self, level: Level) -> Option<PathBuf> {
        Some(self.generated.as_ref()?.join(level.to_string()))
    }

    /// Whether the farm is Red Hat's.
    pub fn is_red_hat(&self) -> bool {
        self.sysv.join("rc.d/init.d").is_dir()
    }

    /// What a link of the farm means in its level; `None`: nothing.
    fn meaning(&self, red_hat: bool, level: Level, start: bool, name: &str) -> Option<Mark> {
        if !self.exact && is_native(level, name) {
            return None;
        }
        let starts = start && (red_hat || !level.is_down());
        Some(if starts { Mark::On } else { Mark::Kill })
    }

    /// How the farm's `rc` decides about a script.
    fn rule(&self, red_hat: bool, name: &str) -> RcRule {
        if !red_hat {
            return RcRule::Links;
        }
        RcRule::Lock(self.is_locked(name))
    }

    /// Whether a script's lock file is there.
    pub fn is_locked(&self, name: &str) -> bool {
        let there = |file: &str| self.locks.join(file).exists();
        there(name) || there(&format!("{name}.init"))
    }

    /// Where the lock files are, on a tree that has them.
    pub fn lock_folder(&self) -> Option<&Path> {
        self.is_red_hat().then_some(&self.locks)
    }

    /// The same links, for a rehearsal: `enable` and `disable` tell what they would change, and change nothing.
    pub fn rehearsal(&self) -> Self {
        Self { rehearses: true, ..self.clone() }
    }

    /// The folder of one level's links.
    pub fn folder(&self, level: Level) -> PathBuf {
        self.own.join(level.to_string())
    }

    /// The link that has a unit on in a level: Rung's own, else the farm's.
    pub fn link(&self, level: Level, name: &UnitName) -> Option<PathBuf> {
        let own = self.folder(level).join(name.as_str());
        if fs::symlink_metadata(&own).is_ok() {
            return Some(own);
        }
        let rc = self.rc(level);
        let link = names(&rc)
            .into_iter()
            .find(|f| rc_link(f).is_some_and(|(start, _, script)| start && script == name.short()));
        let made = || self.generated(level).map(|folder| folder.join(name.as_str()));
        link.map(|link| rc.join(link)).or_else(|| made().filter(|made| fs::symlink_metadata(made).is_ok()))
    }

    /// The folders to watch for changes.
    pub fn folders(&self) -> Vec<PathBuf> {
        std::iter::once(self.own.clone())
            .chain(Level::ALL.iter().map(|l| self.folder(*l)))
            .chain(Level::ALL.iter().map(|l| self.rc(*l)))
            .chain(Level::ALL.iter().filter_map(|l| self.generated(*l)))
            .chain(self.wants().into_iter().map(|(folder, _)| folder))
            .collect()
    }

    /// The farm's own folders.
    pub fn rc_folders(&self) -> Vec<PathBuf> {
        Level::ALL.iter().map(|level| self.rc(*level)).collect()
    }

    /// Reads all links. `canonical` turns an alias into the unit's own name.
    pub fn read(&self, canonical: impl Fn(UnitName) -> UnitName) -> Vec<LevelMark> {
        let own = linked(|level| Some(self.folder(level)), &canonical);
        let generated = linked(|level| self.generated(level), &canonical);
        let red_hat = self.is_red_hat();
        let mut sysv: BTreeMap<UnitName, (LevelSet, LevelSet)> = BTreeMap::new();
        for level in Level::ALL {
            for file in names(&self.rc(level)) {
                let Some((start, _, script)) = rc_link(&file) else { continue };
                let Ok(name) = UnitName::new(script) else { continue };
                let (on, kill) = sysv.entry(canonical(name)).or_default();
                match self.meaning(red_hat, level, start, script) {
                    Some(Mark::On) => on.insert(level),
                    Some(Mark::Kill) => kill.insert(level),
                    None => {}
                }
            }
        }
        let mut marks = sysv;
        for (name, on) in self.systemd(&canonical).into_iter().chain(generated) {
            marks.entry(name).or_insert((on, LevelSet::EMPTY));
        }
        for (name, on) in own {
            marks.entry(name).or_default().0 = on;
        }
        let mark = |(name, (on, kill)): (UnitName, _)| {
            let rule = self.rule(red_hat, name.short());
            LevelMark { name, on, kill, rule }
        };
        marks.into_iter().map(mark).collect()
    }

    /// The folders of what is switched on under systemd in targets that stand for levels, with these.
    fn wants(&self) -> Vec<(PathBuf, LevelSet)> {
        let folder = self.systemd_units();
        let levels = |file: &String| {
            let (target, _) = Tie::of_folder(file)?;
            Some((folder.join(file), install::levels_of(target))).filter(|(_, levels)| !levels.is_empty())
        };
        names(&folder).iter().filter_map(levels).collect()
    }

    /// Where systemd has the administrator's units.
    pub(super) fn systemd_units(&self) -> PathBuf {
        self.sysv.join("systemd/system")
    }

    /// What is switched on under systemd, by the levels its targets stand for.
    fn systemd(&self, canonical: &impl Fn(UnitName) -> UnitName) -> BTreeMap<UnitName, LevelSet> {
        let mut on: BTreeMap<UnitName, LevelSet> = BTreeMap::new();
        for (folder, levels) in self.wants() {
            for file in names(&folder) {
                if let Ok(name) = UnitName::new(&file)
                    && name.as_str() == file
                {
                    let set = on.entry(canonical(name)).or_default();
                    levels.iter().for_each(|level| set.insert(level));
                }
            }
        }
        on
    }

    /// Switches `name` on in `levels` with links to its file, and turns the farm's K links there into S links. Levels it is
    /// on in already are left as they are.
    ///
    /// # Errors
    /// The first folder or link that can't be made, as text.
    pub fn enable(&self, name: &UnitName, file: &Path, levels: LevelSet) -> Result<Vec<LinkChange>, String> {
        let mut changes = Vec::new();
        for level in levels.iter() {
            let folder = self.folder(level);
            let link = folder.join(name.as_str());
            self.turn_farm(name, level, true, &mut changes)?;
            if fs::read_link(&link).is_ok_and(|t| t == file) {
                continue;
            }
            if !self.rehearses {
                fs::create_dir_all(&folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
                file::replace_link(file, &link).map_err(|e| format!("cannot make {}: {e}", link.display()))?;
            }
            let (path, target) = (link.display().to_string(), Some(file.display().to_string()));
            changes.push(LinkChange { name: name.clone(), path, target });
        }
        Ok(changes)
    }

    /// Switches `name` off in `levels`: removes Rung's links, and turns the farm's S links into K links, so that the farm
    /// doesn't switch it on again.
    ///
    /// # Errors
    /// The first link that can't be removed, as text.
    pub fn disable(&self, name: &UnitName, levels: LevelSet) -> Result<Vec<LinkChange>, String> {
        let mut changes = Vec::new();
        for level in levels.iter() {
            let link = self.folder(level).join(name.as_str());
            let removed = if self.rehearses { fs::symlink_metadata(&link).map(drop) } else { fs::remove_file(&link) };
            match removed {
                Ok(()) => {
                    changes.push(LinkChange { name: name.clone(), path: link.display().to_string(), target: None });
                }
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(format!("cannot remove {}: {e}", link.display())),
            }
            self.turn_farm(name, level, false, &mut changes)?;
        }
        Ok(changes)
    }

    /// Turns the farm's links of `name` in one level into S links (`on`) or K links, their numbers kept.
    fn turn_farm(&self, name: &UnitName, level: Level, on: bool, changes: &mut Vec<LinkChange>) -> Result<(), String> {
        let rc = self.rc(level);
        for file in names(&rc) {
            let Some((start, _, script)) = rc_link(&file) else { continue };
            if script != name.short() || start == on {
                continue;
            }
            let letter = if on { 'S' } else { 'K' };
            let (from, to) = (rc.join(&file), rc.join(format!("{letter}{}", file.get(1..).unwrap_or_default())));
            if !self.rehearses {
                fs::rename(&from, &to).map_err(|e| format!("cannot rename {}: {e}", from.display()))?;
            }
            let target = on.then(|| to.display().to_string());
            let path = if on { to } else { from }.display().to_string();
            changes.push(LinkChange { name: name.clone(), path, target });
        }
        Ok(())
    }
}

/// The links of folders that there are for levels.
fn linked(
    folder: impl Fn(Level) -> Option<PathBuf>,
    canonical: &impl Fn(UnitName) -> UnitName,
) -> BTreeMap<UnitName, LevelSet> {
    let mut on: BTreeMap<UnitName, LevelSet> = BTreeMap::new();
    for level in Level::ALL {
        for file in folder(level).iter().flat_map(|folder| names(folder)) {
            // Only full names: an editor's backup isn't a link.
            if let Ok(name) = UnitName::new(&file)
                && name.as_str() == file
            {
                on.entry(canonical(name)).or_default().insert(level);
            }
        }
    }
    on
}

/// What a folder holds, sorted.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_links_win_over_the_farm_and_both_can_be_switched() {
        let root = std::env::temp_dir().join(format!("rung-levels-{}", std::process::id()));
        let farm = Farm::new(root.join("levels"), &root);
        for level in "S0123456".chars() {
            fs::create_dir_all(root.join(format!("rc{level}.d"))).expect("folder");
        }
        for link in ["rc2.d/S01a", "rc0.d/K01a", "rc3.d/S01b", "rc3.d/README"] {
            fs::write(root.join(link), "").expect("link");
        }
        let name = |n: &str| UnitName::new(n).expect("name");
        let read =
            || -> Vec<String> { farm.read(|n| n).iter().map(|m| format!("{} {} {}", m.name, m.on, m.kill)).collect() };
        assert_eq!(read(), ["a 2 0", "b 3 "]);
        let levels = LevelSet::parse("45").expect("levels");
        let told = farm.rehearsal().enable(&name("a"), Path::new("/x/a.service"), levels).expect("rehearsal");
        assert_eq!((told.len(), read()), (2, vec!["a 2 0".to_owned(), "b 3 ".to_owned()]), "told and not done");
        let changes = farm.enable(&name("a"), Path::new("/x/a.service"), levels).expect("enable");
        assert_eq!(changes.len(), 2);
        assert!(farm.enable(&name("a"), Path::new("/x/a.service"), levels).expect("again").is_empty());
        assert_eq!(read(), ["a 45 0", "b 3 "]);
        farm.disable(&name("a"), Level::ALL.into_iter().collect()).expect("disable");
        assert_eq!(read(), ["a  02", "b 3 "], "off stays off, the farm's S link too");
        farm.enable(&name("a"), Path::new("/x/a.service"), LevelSet::parse("2").expect("levels")).expect("enable");
        assert_eq!(read(), ["a 2 0", "b 3 "], "and on is on, the farm's K link too");
        let wants = root.join("systemd/system/multi-user.target.wants");
        fs::create_dir_all(&wants).expect("folder");
        for link in ["a.service", "b.service", "c.service", "d.timer"] {
            fs::write(wants.join(link), "").expect("link");
        }
        assert_eq!(read(), ["a 2 0", "b 3 ", "c 2345 "], "systemd's count where there is no other");
        fs::remove_dir_all(&root).expect("clean");
    }

    #[test]
    fn the_farm_means_what_its_rc_means() {
        let root = std::env::temp_dir().join(format!("rung-farm-{}", std::process::id()));
        let mut farm = Farm::new(root.join("levels"), &root).with_generated(root.join("made"));
        farm.locks = root.join("lock");
        let write = |file: &str| {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("folder")).expect("folder");
            fs::write(path, "").expect("file");
        };
        for file in ["rc0.d/S01urandom", "rc0.d/K01a", "rc0.d/K08halt", "rc1.d/S01single", "rc1.d/K01b", "rc3.d/S02b"] {
            write(file);
        }
        write("made/3/inittab-1.service");
        write("made/2/b.service");
        let read = |farm: &Farm| -> String {
            let shown = |m: &LevelMark| format!("{} {} {}", m.name.short(), m.on, m.kill);
            let all = farm.read(|n| n);
            all.iter().filter(|m| !(m.on.is_empty() && m.kill.is_empty())).map(shown).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(read(&farm), "a  0, b 3 1, inittab-1 3 , urandom  0");
        farm.exact = true;
        assert_eq!(read(&farm), "a  0, b 3 1, halt  0, inittab-1 3 , single 1 , urandom  0");
        farm.exact = false;
        write("rc.d/init.d/b");
        assert_eq!(read(&farm), "a  0, b 3 1, inittab-1 3 , urandom 0 ", "Red Hat's rc starts there");
        let locked = |farm: &Farm| -> Vec<String> {
            let there = farm.read(|n| n).into_iter().filter(|m| m.rule == RcRule::Lock(true));
            there.map(|m| m.name.short().to_owned()).collect()
        };
        assert!(locked(&farm).is_empty());
        write("lock/b");
        write("lock/urandom.init");
        assert_eq!(locked(&farm), ["b", "urandom"]);
        fs::remove_dir_all(&root).expect("clean");
    }
}
