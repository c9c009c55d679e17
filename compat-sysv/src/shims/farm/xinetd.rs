//! Services that xinetd starts: files in `/etc/xinetd.d`, switched by `disable = yes|no`.

use super::place::{Place, is_name, names};
use crate::chkconfig::is_ignored;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const FOLDER: &str = "/etc/xinetd.d";

/// The file of a service.
fn file(place: &Place, name: &str) -> Option<PathBuf> {
    Some(place.at(FOLDER).join(name)).filter(|path| is_name(name) && path.is_file())
}

/// Whether it is on; `None`: there is no such service.
pub(super) fn is_on(place: &Place, name: &str) -> Option<bool> {
    let text = fs::read(file(place, name)?).ok()?;
    Some(disabled(&String::from_utf8_lossy(&text)) == Some(false))
}

/// All services, sorted, each with whether it is on.
pub(super) fn all(place: &Place) -> Vec<(String, bool)> {
    let names = names(&place.at(FOLDER)).into_iter().filter(|name| !is_ignored(name));
    names.filter_map(|name| is_on(place, &name).map(|on| (name, on))).collect()
}

/// What the file says last: `disable = yes` or another word.
fn disabled(text: &str) -> Option<bool> {
    let mut values = text.lines().filter_map(|line| line.trim_start().strip_prefix("disable")?.split_once('='));
    values.next_back().map(|(_, value)| value.trim_start().starts_with("yes"))
}

/// Whether `# default: on` is what its file asks for; without it, what it is.
pub(super) fn default(place: &Place, name: &str) -> bool {
    let text = file(place, name).and_then(|path| fs::read(path).ok()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let comments = text.lines().filter_map(|line| line.strip_prefix('#'));
    let word = comments.filter_map(|line| line.trim_start().strip_prefix("default:")).next();
    word.map_or(disabled(&text) == Some(false), |word| word.trim_start().starts_with("on"))
}

/// Switches it: the line `disable` is written anew behind the opening brace.
///
/// # Errors
/// The file and why.
pub(super) fn set(place: &Place, name: &str, on: bool) -> Result<(), String> {
    let path = file(place, name).ok_or_else(|| format!("{FOLDER}/{name}: No such file or directory"))?;
    let why = |e: std::io::Error| format!("{}: {e}", path.display());
    let text = String::from_utf8_lossy(&fs::read(&path).map_err(why)?).into_owned();
    let mode = fs::metadata(&path).map_err(why)?.permissions().mode();
    let new = path.with_file_name(format!(".{name}.new"));
    let written = fs::write(&new, switched(&text, on))
        .and_then(|()| fs::set_permissions(&new, fs::Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&new, &path));
    written.map_err(|e| {
        let _ = fs::remove_file(&new);
        why(e)
    })
}

fn switched(text: &str, on: bool) -> String {
    let mut new = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("disable")) {
        new += line;
        new.push('\n');
        if line.trim_start().starts_with('{') {
            new += if on { "\tdisable\t= no\n" } else { "\tdisable\t= yes\n" };
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_written_behind_the_brace() {
        let text = "# default: off\nservice echo\n{\n\tdisable = yes\n\ttype = INTERNAL\n}\n";
        let on = switched(text, true);
        assert_eq!(on, "# default: off\nservice echo\n{\n\tdisable\t= no\n\ttype = INTERNAL\n}\n");
        assert_eq!((disabled(text), disabled(&on)), (Some(true), Some(false)));
        assert_eq!(switched(&switched(&on, false), true), on);
    }
}
