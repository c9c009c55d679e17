//! The root file system becomes writable.

use super::options::Options;
use super::{Job, Outcome, fstab, program, say};
use crate::sys::mount::{self, Flags};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use std::path::Path;

pub const JOB: Job = Job {
    name: "remount-root",
    arguments: "",
    what: "makes the root file system writable, as /etc/fstab says",
    help: "Does what `mount -o remount,rw /` does, with the other options of /etc/fstab, and runs that where the\nkernel doesn't take them as they stand, or there are none. In a container the root is as the container's maker wants it: it\nis enough that it can be written.",
    run,
};

fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Outcome::Usage;
    }
    let entries = fstab::read();
    // Which options it has where fstab doesn't say, mount(8) finds out.
    if fstab::at(&entries, "/", None).is_some_and(|entry| root(&entry.options, "rw").is_ok()) {
        return Outcome::Done;
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

/// Remounts the root with these options, the later ones counting, without a program.
///
/// # Errors
/// `ENOTSUP` where its kind has a program of its own for that; else as `mount(2)`: mount(8) may know how the options are
/// meant.
pub(super) fn root(options: &str, mode: &str) -> Result<(), Errno> {
    let table = mount::table().unwrap_or_default();
    let kind = table.into_iter().rfind(|m| m.point == Path::new("/")).map(|m| m.kind).ok_or(Errno::ENOTSUP)?;
    if program::find(&format!("mount.{kind}")).is_some() {
        return Err(Errno::ENOTSUP);
    }
    let mut all = Options::new();
    all.add(options);
    all.add(mode);
    let nothing = None::<&str>;
    nix::mount::mount(nothing, "/", nothing, all.flags | Flags::MS_REMOUNT, Some(all.text().as_str()))
}
