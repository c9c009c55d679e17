//! What `[Install]` asks for beside levels: links of `Alias=`, and in the folders of targets that stand for no level.

use super::{Farm, names};
use crate::proto::control::LinkChange;
use crate::sys::file;
use crate::unit::install::{Install, Tie};
use crate::unit::{Level, LevelSet, UnitName, rc_link};
use std::fs;
use std::path::{Path, PathBuf};

impl Farm {
    /// Makes the links beside the administrator's units. A name that is something else's already is left to it.
    ///
    /// # Errors
    /// The first link that can't be made, as text.
    pub fn install(&self, name: &UnitName, install: &Install, file: &Path) -> Result<Vec<LinkChange>, String> {
        let aliases = install.alias.iter().filter(|a| *a != name).map(|a| self.units().join(a.as_str()));
        let gatherers = install.gatherers();
        let gathered = gatherers.map(|(tie, by)| self.units().join(tie.folder(by)).join(name.as_str()));
        let mut changes = Vec::new();
        for link in aliases.chain(gathered) {
            if fs::symlink_metadata(&link).is_ok() {
                continue;
            }
            if !self.rehearses {
                let folder = link.parent().unwrap_or(&link);
                fs::create_dir_all(folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
                file::replace_link(file, &link).map_err(|e| format!("cannot make {}: {e}", link.display()))?;
            }
            let (path, target) = (link.display().to_string(), Some(file.display().to_string()));
            changes.push(LinkChange { name: name.clone(), path, target });
        }
        Ok(changes)
    }

    /// Removes the links of `Alias=` that lead to this unit, and those under these names (its own and its aliases) in
    /// the folders of whatever gathers it: the administrator's, and those that `systemctl enable` filled.
    ///
    /// # Errors
    /// The first link that can't be removed, as text.
    pub fn uninstall(&self, all: &[UnitName], install: &Install) -> Result<Vec<LinkChange>, String> {
        let Some(name) = all.first() else { return Ok(Vec::new()) };
        let leads_here = |link: &PathBuf| {
            let target = fs::read_link(link).ok();
            target.as_deref().and_then(Path::file_name).is_some_and(|n| n == name.as_str())
        };
        let aliases = install.alias.iter().map(|a| self.units().join(a.as_str())).filter(leads_here);
        let mut links: Vec<PathBuf> = aliases.collect();
        for folder in self.gathering() {
            let places = all.iter().map(|name| folder.join(name.as_str()));
            links.extend(places.filter(|link| fs::symlink_metadata(link).is_ok()));
        }
        self.remove(name, links)
    }

    /// Where systemd's links alone have a unit of these names on once it is switched off in `off`, and it is to stay on.
    /// `None`: they don't count, as something of Rung's own or of the SysV farm does, or they have it on in none of these.
    pub fn left_to_systemd(&self, all: &[UnitName], off: LevelSet) -> Option<LevelSet> {
        let is_there = |folder: &Path| all.iter().any(|name| fs::symlink_metadata(folder.join(name.as_str())).is_ok());
        let own: LevelSet = Level::ALL.into_iter().filter(|level| is_there(&self.folder(*level))).collect();
        let is_script = |file: &String| {
            let script = rc_link(file).map(|(_, _, script)| script);
            script.is_some_and(|script| all.iter().any(|name| name.short() == script))
        };
        let farm = Level::ALL.iter().any(|level| names(&self.rc(*level)).iter().any(is_script));
        let without = |set: LevelSet| -> LevelSet { set.iter().filter(|level| !off.contains(*level)).collect() };
        if farm || !without(own).is_empty() {
            return None;
        }
        let folders = self.wants().into_iter().filter(|(folder, _)| is_there(folder));
        let theirs: LevelSet = folders.flat_map(|(_, levels)| levels.iter().collect::<Vec<_>>()).collect();
        let rest = if own.is_empty() { without(theirs) } else { LevelSet::EMPTY };
        (rest != theirs).then_some(rest)
    }

    /// Removes the links of these names in the folders of those targets of systemd's that stand for levels.
    ///
    /// # Errors
    /// The first link that can't be removed, as text.
    pub fn forget_systemd(&self, all: &[UnitName]) -> Result<Vec<LinkChange>, String> {
        let Some(name) = all.first() else { return Ok(Vec::new()) };
        let places = self.wants().into_iter().flat_map(|(folder, _)| all.iter().map(move |n| folder.join(n.as_str())));
        self.remove(name, places.filter(|link| fs::symlink_metadata(link).is_ok()).collect())
    }

    fn remove(&self, name: &UnitName, links: Vec<PathBuf>) -> Result<Vec<LinkChange>, String> {
        let mut changes = Vec::new();
        for link in links {
            if !self.rehearses {
                fs::remove_file(&link).map_err(|e| format!("cannot remove {}: {e}", link.display()))?;
            }
            changes.push(LinkChange { name: name.clone(), path: link.display().to_string(), target: None });
        }
        Ok(changes)
    }

    /// The folders of what is gathered, beside the administrator's units and systemd's.
    fn gathering(&self) -> Vec<PathBuf> {
        let places = [self.units(), self.systemd_units()];
        let of = |place: PathBuf| {
            let files = names(&place).into_iter().filter(|file| Tie::of_folder(file).is_some());
            files.map(|file| place.join(file)).collect::<Vec<_>>()
        };
        places.into_iter().flat_map(of).collect()
    }

    /// Where the administrator's units are.
    fn units(&self) -> PathBuf {
        self.own.with_file_name("units")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_beside_the_units_and_removed_wherever_they_are() {
        let root = std::env::temp_dir().join(format!("rung-installed-{}", std::process::id()));
        let farm = Farm::new(root.join("rung/levels"), &root);
        let name = |n: &str| UnitName::new(n).expect("name");
        let install = Install {
            alias: vec![name("www")],
            wanted_by: vec![name("own.target"), name("multi-user.target")],
            required_by: vec![name("db")],
            ..Install::default()
        };
        let file = Path::new("/x/web.service");
        let told = farm.rehearsal().install(&name("web"), &install, file).expect("rehearsal");
        assert!(told.len() == 3 && !root.exists(), "told and not done: {told:?}");
        assert_eq!(farm.install(&name("web"), &install, file).expect("install"), told);
        assert!(farm.install(&name("web"), &install, file).expect("again").is_empty());
        let units = root.join("rung/units");
        let links = ["www.service", "own.target.wants/web.service", "db.service.requires/web.service"];
        assert!(links.iter().all(|l| fs::read_link(units.join(l)).is_ok_and(|to| to == file)));
        let theirs = root.join("systemd/system/multi-user.target.wants");
        fs::create_dir_all(&theirs).expect("folder");
        fs::write(theirs.join("www.service"), "").expect("link");
        fs::write(theirs.join("other.service"), "").expect("link");
        let changes = farm.uninstall(&[name("web"), name("www")], &install).expect("uninstall");
        assert_eq!(changes.len(), 4, "{changes:?}");
        assert!(!links.iter().any(|l| units.join(l).is_symlink()));
        assert_eq!(names(&theirs), ["other.service"]);
        // Off in one level, by systemd's links alone.
        let (all, levels) = ([name("other"), name("alias")], |text| LevelSet::parse(text).expect("levels"));
        assert_eq!(farm.left_to_systemd(&all, levels("2")), Some(levels("345")));
        assert_eq!(farm.left_to_systemd(&all, levels("S1")), None, "it isn't on there");
        assert_eq!(farm.left_to_systemd(&all, levels("2345")), Some(LevelSet::EMPTY));
        farm.enable(&all[0], file, levels("34")).expect("enable");
        assert_eq!(farm.left_to_systemd(&all, levels("3")), None, "links of Rung's own count");
        assert_eq!(farm.left_to_systemd(&all, levels("34")), Some(LevelSet::EMPTY), "the last of them would be gone");
        assert_eq!(farm.rehearsal().forget_systemd(&all).expect("told").len(), 1);
        assert_eq!(names(&theirs), ["other.service"]);
        assert_eq!(farm.forget_systemd(&all).expect("done").len(), 1);
        assert!(names(&theirs).is_empty() && farm.left_to_systemd(&all, levels("34")).is_none());
        fs::remove_dir_all(&root).expect("clean");
    }
}
