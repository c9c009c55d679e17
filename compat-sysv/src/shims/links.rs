//! `sysv links`: the names that an installation links to `sysv`, for the installer and the sandbox.

use super::{SHIMS, err, out};

pub(super) const HELP: &str = "links

Prints a line for each command that an installation has under its own name: the folder
it belongs into, below the root, and the name.

Options:
  --help, --version";

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    if !args.is_empty() {
        return err(name, "takes no arguments");
    }
    for shim in SHIMS {
        // `/sbin/init` is PID 1's own program, which knows telinit's ways by itself.
        for command in shim.names.iter().filter(|command| **command != "init") {
            if let Some(folder) = shim.folder {
                out(&format!("{folder} {command}"));
            }
        }
    }
    0
}
