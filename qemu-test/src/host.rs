//! Running the host's programs.

use crate::error::{Context, Result, fail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where programs are looked up: an ordinary user's `PATH` often lacks the `sbin`s.
pub fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")
}

/// The file that would be run for `program`.
pub fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&path()).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Whether we are root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A command with the `PATH` above and no standard input.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(find(program).unwrap_or_else(|| program.into()));
    command.env("PATH", path()).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

/// The same, run so that files can be given to root: as root, or under fakeroot, which remembers in `state`.
pub fn as_root(program: &str, state: &Path) -> Command {
    if is_root() {
        return command(program);
    }
    let mut command = command("fakeroot");
    command.arg("-s").arg(state);
    if state.exists() {
        command.arg("-i").arg(state);
    }
    command.arg("--").arg(program);
    command
}

/// Runs it to its end; what it said is part of the error when it fails, else it is returned.
pub fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let out = command.output().context(&name)?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(text);
    }
    let words: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    let said = format!("{text}{}", String::from_utf8_lossy(&out.stderr));
    fail(format!("{name} {}: {}\n{}", words.join(" "), out.status, last_lines(&said, 30)))
}

/// The last `n` lines.
pub fn last_lines(text: &str, n: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(n)..).unwrap_or_default().join("\n")
}
