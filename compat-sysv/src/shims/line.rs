//! `sysv line`: what a unit of inittab executes first, to be run as sysvinit runs a line after its fork.
//!
//! The record in utmp is there before the line's own program, so a getty finds it by its pid, and its id in it.

use super::{err_plain, record};
use crate::channel::said::{Said, say};
use crate::utmp::files::Files;
use std::os::unix::process::CommandExt;
use std::process::Command;

pub(super) const HELP: &str = "sysv line [-r ID] -- PROGRAM [ARG]...

Runs a line of /etc/inittab as sysvinit does: with -r it writes itself into /run/utmp and
/var/log/wtmp under ID, then it becomes PROGRAM, which is looked for along PATH. What the
kernel takes for no program is a script of /bin/sh's. Units of inittab call it.";

pub(super) fn run(_: &str, args: &[String]) -> u8 {
    let (id, words) = match args {
        [r, id, dashes, words @ ..] if r == "-r" && dashes == "--" => (Some(id), words),
        [dashes, words @ ..] if dashes == "--" => (None, words),
        _ => (None, &[] as &[String]),
    };
    let Some((program, args)) = words.split_first() else { return err_plain(&format!("Usage: {HELP}")) };
    if let Some(id) = id {
        record::start(&Files::default(), id, nix::unistd::getpid().as_raw(), &[]);
    }
    // The C library's execvp, which hands to a shell what the kernel doesn't execute.
    let failed = Command::new(program).args(args).exec();
    say(Said::Both, &format!("cannot execute \"{program}\""));
    err_plain(&format!("{program}: {failed}"))
}
