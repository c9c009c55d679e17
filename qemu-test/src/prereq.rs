//! The host's programs: installed from Debian when we are root, else named with the command that installs them.

use crate::error::{Result, fail};
use crate::host;
use std::process::Stdio;

/// Program, and Debian's package that has it.
const NEEDED: &[(&str, &str)] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("mmdebstrap", "mmdebstrap"),
    ("mke2fs", "e2fsprogs"),
    ("e2fsck", "e2fsprogs"),
    ("tune2fs", "e2fsprogs"),
    ("mkswap", "util-linux"),
    ("setpriv", "util-linux"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("tar", "tar"),
];

/// Sees to it that all are there.
pub fn ensure() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !host::is_root() || host::find("apt-get").is_none() {
        return fail(format!("this needs programs that aren't installed; as root run:\n  {install}"));
    }
    println!("installing {} ...", missing.join(" "));
    // Old lists name files the mirror no longer has.
    host::run(host::command("apt-get").args(["-q", "update"]))?;
    let status = host::command("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-q", "-y", "install", "--no-install-recommends"])
        .args(&missing)
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() && self::missing().is_empty() => Ok(()),
        _ => fail(format!("installing didn't work; try it by hand:\n  {install}")),
    }
}

fn missing() -> Vec<&'static str> {
    let fakeroot = (!host::is_root()).then_some(&("fakeroot", "fakeroot"));
    let mut packages: Vec<_> =
        NEEDED.iter().chain(fakeroot).filter(|(program, _)| host::find(program).is_none()).map(|(_, p)| *p).collect();
    packages.dedup();
    packages
}
