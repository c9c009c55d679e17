//! The root file system becomes writable.

use super::{Job, Outcome, program, say};
use nix::unistd::{AccessFlags, access};

pub const JOB: Job = Job {
    name: "remount-root",
    arguments: "",
    what: "makes the root file system writable, as /etc/fstab says",
    help: "Runs `mount -o remount,rw /`, which takes the other options from /etc/fstab. In a container the root is as the\ncontainer's maker wants it: it is enough that it can be written.",
    run,
};

fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Outcome::Usage;
    }
    let why = match program::find("mount").map(|mount| program::run(&mount, &["-o", "remount,rw", "/"])) {
        Some(Ok(0)) => return Outcome::Done,
        Some(Ok(status)) => format!("mount: status {status}"),
        Some(Err(e)) => e.desc().to_owned(),
        None => "`mount` isn't installed: `apt install mount`".to_owned(),
    };
    if access("/", AccessFlags::W_OK).is_ok() {
        return Outcome::Done;
    }
    say(&format!("the root file system stays read-only: {why}"));
    Outcome::Failed
}
