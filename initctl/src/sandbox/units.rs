//! The given units, copied into the sandbox and switched on.

use super::binaries::FOLDER;
use super::error::{Doing, Error};
use init::unit::{Level, LevelSet, install};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Where an administrator's units live.
pub const ADMIN: &str = "/etc/rung/units";
/// Where Rung's own live.
pub const BASE: &str = "/usr/lib/rung/units";
const LEVELS: &str = "/etc/rung/levels";
const SUFFIXES: &[&str] = &["service", "target", "socket", "timer", "path", "mount", "check"];

/// Copies a folder's units, drop-ins and `init.conf`; each unit is switched on in its `Runlevels=`, else in `level`.
pub fn add(folder: &Path, shown: &Path, level: Level) -> Result<(), Error> {
    fs::create_dir_all(ADMIN).doing(|| format!("make `{ADMIN}`"))?;
    for entry in list(folder, shown)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (from, to) = (entry.path(), Path::new(ADMIN).join(&name));
        if name == "init.conf" {
            copy(&from, &shown.join(&name), Path::new("/etc/rung/init.conf"))?;
        } else if name.ends_with(".d") && from.is_dir() {
            fs::create_dir_all(&to).doing(|| format!("make `{}`", to.display()))?;
            let shown = shown.join(&name);
            for part in list(&from, &shown)? {
                copy(&part.path(), &shown.join(part.file_name()), &to.join(part.file_name()))?;
            }
        } else if is_unit(&name) {
            copy(&from, &shown.join(&name), &to)?;
        }
    }
    for entry in list(folder, shown)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_unit(&name) && !is_template(&name) && !is_mask(&entry.path()) {
            let levels = levels_of(Path::new(ADMIN), &name).unwrap_or_else(|| [level].into_iter().collect());
            switch_on(ADMIN, &name, levels)?;
        }
    }
    Ok(())
}

/// Copies those of Rung's own units that say `X-Sandbox=yes`, the ones that make sense without a machine of one's own, and
/// what belongs into `/run` and `/tmp`.
pub fn add_base(own: &Path) -> Result<(), Error> {
    fs::create_dir_all(BASE).doing(|| format!("make `{BASE}`"))?;
    for entry in list(&own.join("units"), Path::new(BASE))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        if !is_unit(&name) || last_value(&text, "X-Sandbox") != Some("yes") {
            continue;
        }
        copy(&entry.path(), &entry.path(), &Path::new(BASE).join(&name))?;
        if !is_template(&name) {
            switch_on(BASE, &name, levels_of(Path::new(BASE), &name).unwrap_or_default())?;
        }
    }
    let common = own.join("tmpfiles.conf");
    if common.exists() { copy(&common, &common, &Path::new(FOLDER).join("tmpfiles.conf")) } else { Ok(()) }
}

fn list(folder: &Path, shown: &Path) -> Result<Vec<fs::DirEntry>, Error> {
    let mut entries: Vec<_> =
        fs::read_dir(folder).doing(|| format!("read the units' folder `{}`", shown.display()))?.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// Follows links, save one to `/dev/null`, which masks a unit, and those that lead nowhere. What can't be a unit file is
/// there in the sandbox, too, so that Rung says what is wrong with that one unit.
fn copy(from: &Path, shown: &Path, to: &Path) -> Result<(), Error> {
    let _ = fs::remove_file(to);
    match (fs::metadata(from), fs::read_link(from)) {
        (_, Ok(target)) if target == Path::new("/dev/null") => symlink(target, to),
        (Ok(kind), _) if kind.is_file() => fs::copy(from, to).map(drop),
        (Ok(kind), _) if kind.is_dir() => fs::create_dir_all(to),
        // Opening a FIFO would wait for its other end.
        (Ok(_), _) => Err(ErrorKind::InvalidInput.into()),
        (Err(_), Ok(target)) => symlink(target, to),
        (Err(error), Err(_)) => Err(error),
    }
    .doing(|| format!("copy `{}`", shown.display()))
}

fn is_mask(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null"))
}

fn is_unit(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, suffix)| !stem.is_empty() && SUFFIXES.contains(&suffix))
}

fn is_template(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, _)| stem.ends_with('@'))
}

/// `Runlevels=` of a unit and its drop-ins, the last one counts; else what `WantedBy=` stands for. A value that is wrong is for `verify` to say.
fn levels_of(folder: &Path, name: &str) -> Option<LevelSet> {
    let mut texts = vec![folder.join(name)];
    let mut parts: Vec<_> =
        fs::read_dir(folder.join(format!("{name}.d"))).into_iter().flatten().flatten().map(|e| e.path()).collect();
    parts.sort();
    texts.append(&mut parts);
    let texts: Vec<String> = texts.iter().filter_map(|p| fs::read_to_string(p).ok()).collect();
    match texts.iter().filter_map(|t| last_value(t, "Runlevels")).next_back() {
        Some(levels) => LevelSet::parse(levels).ok(),
        None => Some(wanted_by(&texts)).filter(|levels| !levels.is_empty()),
    }
}

/// The levels that the targets of `WantedBy=` and its kin stand for.
fn wanted_by(texts: &[String]) -> LevelSet {
    let pairs = texts.iter().flat_map(|t| t.lines()).filter_map(|l| l.split_once('='));
    let targets = pairs.filter(|(key, _)| ["WantedBy", "RequiredBy", "UpheldBy"].contains(&key.trim()));
    install::levels_of_all(targets.flat_map(|(_, targets)| targets.split_whitespace()))
}

fn last_value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let pairs = text.lines().filter_map(|l| l.split_once('='));
    pairs.filter(|(k, _)| k.trim() == key).map(|(_, v)| v.trim()).next_back()
}

fn switch_on(folder: &str, name: &str, levels: LevelSet) -> Result<(), Error> {
    for level in levels.iter() {
        let place = Path::new(LEVELS).join(level.to_string());
        fs::create_dir_all(&place).doing(|| format!("make `{}`", place.display()))?;
        let link = place.join(name);
        let _ = fs::remove_file(&link);
        symlink(Path::new(folder).join(name), &link).doing(|| format!("make the link `{}`", link.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_units_and_templates() {
        assert!(is_unit("a.service") && is_unit("getty@.service"));
        assert!(!is_unit("a.service~") && !is_unit(".service") && !is_unit("a.service.d") && !is_unit("README"));
        assert!(is_template("getty@.service") && !is_template("getty@tty1.service"));
    }

    #[test]
    fn the_last_value_counts() {
        let text = "[Service]\nExecStart=/bin/x\n[Install]\n Runlevels = 2\nRunlevels=35 \n#Runlevels=4\n";
        assert_eq!(last_value(text, "Runlevels"), Some("35"));
        assert_eq!(last_value(text, "X-Sandbox"), None);
    }
}
