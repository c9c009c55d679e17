//! The links by which systemd has its unit files on: `/etc/systemd/system/multi-user.target.wants/x.service`. Debian's
//! helpers look for them, and they count for Rung where neither its own links nor the farm's say anything.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where systemd's unit files lie, the first that counts first.
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Where the links lie.
const LINKS: &str = "/etc/systemd/system";
/// Units that `Also=` may lead to, in all.
const MOST: usize = 64;

fn in_root(root: Option<&Path>, path: &str) -> PathBuf {
    root.map_or_else(|| path.into(), |root| root.join(path.trim_start_matches('/')))
}

/// systemd's file for a unit, by its path in the root; of an instance, its template's. A mask is none.
pub(super) fn file(root: Option<&Path>, name: &str) -> Option<PathBuf> {
    let template = name.split_once('@').and_then(|(stem, rest)| Some(format!("{stem}@.{}", rest.rsplit_once('.')?.1)));
    let names = [Some(name.to_owned()), template];
    let paths = names.into_iter().flatten().flat_map(|n| FOLDERS.map(|folder| PathBuf::from(folder).join(&n)));
    let plain =
        |path: &PathBuf| fs::metadata(in_root(root, &path.to_string_lossy())).is_ok_and(|m| m.is_file() && m.len() > 0);
    paths.into_iter().find(plain)
}

/// What `[Install]` says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Install {
    /// Folders: `multi-user.target.wants`.
    folders: Vec<String>,
    alias: Vec<String>,
    also: Vec<String>,
    instance: Option<String>,
}

fn parse(text: &str) -> Install {
    let (mut found, mut inside) = (Install::default(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[Install]";
        }
        let Some((key, value)) = line.split_once('=').filter(|_| inside && !line.starts_with(['#', ';'])) else {
            continue;
        };
        let words = || value.split_whitespace().map(str::to_owned);
        match key.trim() {
            "WantedBy" => found.folders.extend(words().map(|w| format!("{w}.wants"))),
            "RequiredBy" => found.folders.extend(words().map(|w| format!("{w}.requires"))),
            "UpheldBy" => found.folders.extend(words().map(|w| format!("{w}.upholds"))),
            "Alias" => found.alias.extend(words()),
            "Also" => found.also.extend(words()),
            "DefaultInstance" => found.instance = Some(value.trim().to_owned()).filter(|i| !i.is_empty()),
            _ => {}
        }
    }
    found
}

/// The links of one unit, below [`LINKS`]. None for a template without an instance to stand for. Pure.
fn links(name: &str, install: &Install) -> Vec<String> {
    let name = match (name.split_once("@."), &install.instance) {
        (Some((stem, kind)), Some(instance)) => format!("{stem}@{instance}.{kind}"),
        (Some(_), None) => return Vec::new(),
        (None, _) => name.to_owned(),
    };
    let instance = name.split_once('@').and_then(|(_, rest)| rest.rsplit_once('.')).map_or("", |(i, _)| i);
    let folders = install.folders.iter().map(|folder| format!("{}/{name}", folder.replace("%i", instance)));
    let safe = |link: &String| !link.contains("..") && !link.starts_with('/') && !link.contains('%');
    folders.chain(install.alias.iter().map(|a| a.replace("%i", instance))).filter(safe).collect()
}

/// The unit and those it names by `Also=`, each with its file.
fn along(root: Option<&Path>, name: &str, own: &Path) -> Vec<(String, PathBuf, Install)> {
    let mut all: Vec<(String, PathBuf, Install)> = Vec::new();
    let mut work = vec![(name.to_owned(), own.to_owned())];
    while let Some((name, path)) = work.pop() {
        if all.len() >= MOST || all.iter().any(|(known, ..)| *known == name) {
            continue;
        }
        let install = parse(&fs::read_to_string(in_root(root, &path.to_string_lossy())).unwrap_or_default());
        work.extend(install.also.iter().filter_map(|also| Some((also.clone(), file(root, also)?))));
        all.push((name, path, install));
    }
    all
}

/// Makes the links; what was made, a line each.
pub(super) fn make(root: Option<&Path>, name: &str, file: &Path) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for (name, target, install) in along(root, name, file) {
        for link in links(&name, &install) {
            let path = in_root(root, LINKS).join(link);
            if path.symlink_metadata().is_ok() {
                continue;
            }
            let folder = path.parent().unwrap_or(&path);
            let made = fs::create_dir_all(folder).and_then(|()| symlink(&target, &path));
            made.map_err(|e| format!("{}: {e}", path.display()))?;
            lines.push(format!("Created symlink {} → {}.", path.display(), target.display()));
        }
    }
    Ok(lines)
}

/// Removes them; what was removed, a line each.
pub(super) fn remove(root: Option<&Path>, name: &str, file: &Path) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for (name, _, install) in along(root, name, file) {
        for link in links(&name, &install) {
            let path = in_root(root, LINKS).join(link);
            if !path.is_symlink() {
                continue;
            }
            fs::remove_file(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            lines.push(format!("Removed {}.", path.display()));
        }
    }
    Ok(lines)
}

/// The word of `is-enabled` for a file of a kind that Rung has no units of.
pub(super) fn state(root: Option<&Path>, name: &str) -> &'static str {
    let Some(file) = file(root, name) else { return "not-found" };
    let install = parse(&fs::read_to_string(in_root(root, &file.to_string_lossy())).unwrap_or_default());
    let links = links(name, &install);
    match links.iter().any(|link| in_root(root, LINKS).join(link).is_symlink()) {
        true => "enabled",
        false if links.is_empty() => "static",
        false => "disabled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn install_says_where_the_links_are() {
        let text = "[Unit]\nWantedBy=no.target\n[Install]\nWantedBy=timers.target a.target\nRequiredBy=b.target\n# Alias=no\nAlias=x.timer\nAlso=c.socket\n";
        let found = parse(text);
        assert_eq!(
            links("y.timer", &found),
            ["timers.target.wants/y.timer", "a.target.wants/y.timer", "b.target.requires/y.timer", "x.timer"]
        );
        assert_eq!(found.also, ["c.socket"]);
        let getty = parse("[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n");
        assert_eq!(links("getty@.service", &getty), ["getty.target.wants/getty@tty1.service"]);
        assert_eq!(links("getty@tty3.service", &getty), ["getty.target.wants/getty@tty3.service"]);
        assert!(links("x@.service", &found).is_empty());
        assert!(links("x.service", &parse("[Install]\nAlias=../../passwd /etc/x\n")).is_empty());
    }

    #[test]
    fn links_are_made_and_removed_in_a_root() {
        let root = std::env::temp_dir().join(format!("rung-install-{}", std::process::id()));
        let folder = root.join("lib/systemd/system");
        fs::create_dir_all(&folder).expect("folder");
        fs::write(folder.join("a.service"), "[Install]\nWantedBy=multi-user.target\nAlso=a.socket\n").expect("file");
        fs::write(folder.join("a.socket"), "[Install]\nWantedBy=sockets.target\n").expect("file");
        let own = file(Some(&root), "a.service").expect("it is there");
        assert_eq!(own, Path::new("/lib/systemd/system/a.service"));
        assert_eq!(make(Some(&root), "a.service", &own).expect("made").len(), 2);
        let link = root.join("etc/systemd/system/sockets.target.wants/a.socket");
        assert_eq!(fs::read_link(&link).expect("link"), Path::new("/lib/systemd/system/a.socket"));
        assert_eq!(state(Some(&root), "a.socket"), "enabled");
        assert!(make(Some(&root), "a.service", &own).expect("again").is_empty());
        assert_eq!(remove(Some(&root), "a.service", &own).expect("removed").len(), 2);
        assert_eq!((state(Some(&root), "a.socket"), state(Some(&root), "b.socket")), ("disabled", "not-found"));
        fs::remove_dir_all(&root).expect("clean");
    }
}
