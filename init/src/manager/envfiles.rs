//! What is read from files for a process's environment: `EnvironmentFile=` with its patterns, and the system's locale.

use crate::sys::file;
use crate::sys::memory::TUNED;
use crate::unit::glob::matches;
use crate::unit::{Unit, envfile};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Longest environment file.
const MAX_FILE: usize = 8 << 20;
/// Most files that one pattern stands for.
const MOST: usize = 1000;
/// Where the system's language is set: systemd's place, and Debian's.
const LOCALE: [&str; 2] = ["/etc/locale.conf", "/etc/default/locale"];

/// Variables and their values, in order.
pub type Variables = Vec<(String, String)>;

/// The environment init itself was started with, as far as it is text.
pub fn inherited() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, value)| TUNED.split_once('=') != Some((name, value)))
        .collect()
}

/// What the files of `EnvironmentFile=` hold, and sentences about lines that are passed over.
///
/// # Errors
/// A sentence about a file that must be there.
pub fn read(unit: &Unit) -> Result<(Variables, Vec<String>), String> {
    let (mut env, mut notes) = (Vec::new(), Vec::new());
    let place = || unit.placed("Service.EnvironmentFile");
    for (path, optional) in &unit.service.environment_files {
        let files = if is_pattern(path) { expand(path) } else { vec![path.clone()] };
        if files.is_empty() && !optional {
            let path = path.display();
            return Err(format!(
                "EnvironmentFile={}: no file matches {path}; make one, or write -{path} if there may be none",
                place()
            ));
        }
        for file in files {
            let text = match file::read_text(&file, MAX_FILE) {
                Ok(text) => text,
                Err(_) if *optional => continue,
                Err(e) => {
                    let path = file.display();
                    return Err(format!(
                        "EnvironmentFile={}: {path} cannot be read: {}; make it, or write -{path} if it may be missing",
                        place(),
                        e.desc()
                    ));
                }
            };
            let (pairs, bad) = envfile::parse(&text);
            env.extend(pairs);
            let file = file.display();
            let note =
                |line: u32| format!("EnvironmentFile={}: {file}:{line} is no `NAME=value`; passed over", place());
            notes.extend(bad.into_iter().take(5).map(note));
        }
    }
    Ok((env, notes))
}

/// `LANG`, `LANGUAGE` and `LC_*` of the system.
pub fn locale() -> Variables {
    let text = LOCALE.iter().find_map(|path| file::read_text(Path::new(path), 1 << 16).ok()).unwrap_or_default();
    let (pairs, _) = envfile::parse(&text);
    pairs.into_iter().filter(|(name, _)| is_locale(name)).collect()
}

/// Whether a variable is about the language.
pub fn is_locale(name: &str) -> bool {
    name == "LANG" || name == "LANGUAGE" || name.starts_with("LC_")
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The files a pattern stands for, sorted; hidden ones only where the pattern says so.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.components().filter_map(|c| if let Component::Normal(part) = c { part.to_str() } else { None })
    {
        if !is_pattern(Path::new(part)) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let mut next = Vec::new();
        for folder in &found {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                if matches(part, &name) && (part.starts_with('.') || !name.starts_with('.')) {
                    next.push(folder.join(name));
                }
            }
        }
        next.sort_unstable();
        next.truncate(MOST);
        found = next;
    }
    found.retain(|path| path.exists());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::UnitName;

    #[test]
    fn patterns_stand_for_sorted_files_and_bad_lines_are_told() {
        let folder = std::env::temp_dir().join(format!("rung-envfiles-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in [("b.env", "X=2\nno line\n"), ("a.env", "X=1\n1Y=3\n"), (".c.env", "X=3\n"), ("d", "X=4\n")]
        {
            fs::write(folder.join(name), text).expect("a file");
        }
        let mut unit = Unit::new(UnitName::new("a").expect("name"));
        let mut at = |name: &str, optional| {
            unit.service.environment_files = vec![(folder.join(name), optional)];
            read(&unit)
        };
        let (env, notes) = at("*.env", false).expect("files");
        let pair = |value: &str| ("X".to_owned(), value.to_owned());
        assert_eq!(env, [pair("1"), pair("2")]);
        assert!(notes[0].contains("a.env:2 is no") && notes[1].contains("b.env:2 is no"), "{notes:?}");
        assert!(at("*.none", false).expect_err("nothing").contains("no file matches"));
        assert_eq!(at("*.none", true), Ok((Vec::new(), Vec::new())));
        assert!(at("none", false).expect_err("nothing").contains("cannot be read"));
        fs::remove_dir_all(&folder).expect("ours");
    }
}
