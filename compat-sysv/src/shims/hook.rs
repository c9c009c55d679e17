//! `hook VERB SCRIPT`: for scripts that somebody calls by their path. The hook of the LSB function library asks it before
//! a script does anything itself.

use super::err;
use super::farm::place::Place;
use crate::pid1::is_rung;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

pub(super) const HELP: &str = "NAME0 VERB SCRIPT [ARG]...

Hands a call of an init script to Rung, as `initctl run` does, and exits with its status.
Exit status 250: the script is to go on by itself, because PID 1 is not Rung, or because
Rung runs it already, or because it is no script of /etc/init.d, or because
SYSTEMCTL_SKIP_REDIRECT is set.

Options:
  --help, --version";

/// The script is to go on by itself.
const GO_ON: u8 = 250;

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let [verb, path, rest @ ..] = args else {
        return err(name, "a verb and a script are needed; see --help");
    };
    // What Rung runs is told its unit; the other is what systemd's own hook heeds.
    let alone = ["RUNG_UNIT", "SYSTEMCTL_SKIP_REDIRECT"].iter().any(|name| std::env::var_os(name).is_some());
    if alone || !is_rung() {
        return GO_ON;
    }
    let script = Path::new(path)
        .file_name()
        .and_then(|file| file.to_str())
        .filter(|file| Place::new(None).program(file).is_some());
    let Some(script) = script else { return GO_ON };
    let failed = Command::new("initctl").args(["run", script, verb]).args(rest).exec();
    err(name, &format!("initctl: {failed}"))
}
