//! `mesg [y|n]`: whether others may write to this terminal.

use super::{err, err_plain, out};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "NAME0 [-v] [y|n]

Lets others write to this terminal (y) or not (n), or tells which it is.

Options:
  -v, --verbose      say what was done
  --help, --version

Exit status: 0 they may, 1 they may not, 2 an error.";

/// Write permission of the group `tty`, by which `write` and `wall` come.
const GROUP_WRITE: u32 = 0o020;
/// Of others.
const OTHER_WRITE: u32 = 0o002;

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let failed = |why: &str| {
        err(name, why);
        2
    };
    let (verbose, words): (Vec<&str>, Vec<&str>) =
        args.iter().map(String::as_str).partition(|a| matches!(*a, "-v" | "--verbose"));
    let wanted = match words.as_slice() {
        [] => None,
        ["y" | "yes"] => Some(true),
        ["n" | "no"] => Some(false),
        _ => {
            err_plain(&format!("Usage: {name} [-v] [y|n]"));
            return 2;
        }
    };
    let Some(terminal) = terminal() else { return failed("no tty") };
    let may = match change(&terminal, wanted) {
        Ok(may) => may,
        Err(e) => return failed(&format!("{}: {e}", terminal.display())),
    };
    let word = if may { "y" } else { "n" };
    if wanted.is_none() || !verbose.is_empty() {
        out(&format!("{} {word}", if wanted.is_none() { "is" } else { "set to" }));
    }
    u8::from(!may)
}

/// The terminal at one of the first three descriptors.
fn terminal() -> Option<PathBuf> {
    let paths = (0..3).filter_map(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).ok());
    paths.into_iter().find(|p| p.starts_with("/dev/tty") || p.starts_with("/dev/pts") || p == Path::new("/dev/console"))
}

/// Whether others may write to it, after the change that is wanted.
fn change(terminal: &Path, wanted: Option<bool>) -> io::Result<bool> {
    let mode = fs::metadata(terminal)?.permissions().mode();
    let new = match wanted {
        None => mode,
        Some(true) => mode | GROUP_WRITE,
        Some(false) => mode & !(GROUP_WRITE | OTHER_WRITE),
    };
    if new != mode {
        fs::set_permissions(terminal, fs::Permissions::from_mode(new))?;
    }
    Ok(new & (GROUP_WRITE | OTHER_WRITE) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bits_for_others_change() {
        let path = std::env::temp_dir().join(format!("rung-mesg-{}", std::process::id()));
        fs::write(&path, "").expect("file");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        assert!(!change(&path, None).expect("read"));
        assert!(change(&path, Some(true)).expect("y") && mode() == 0o620);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).expect("ours");
        assert!(!change(&path, Some(false)).expect("n") && mode() == 0o600);
        fs::remove_file(&path).expect("clean");
    }
}
