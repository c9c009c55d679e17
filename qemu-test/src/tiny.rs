//! A machine that is nothing but memory: a root unpacked by the kernel from an archive of our own, in which Rung is the
//! kernel's first process. There is no `/dev`, so the kernel finds no console and starts it with descriptors 0–2
//! closed; no `/proc`, `/sys` or `/run`; a shell, a few programs, and sulogin.

use crate::cpio::Archive;
use crate::error::{Context, Result};
use crate::image::Machine;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders and links, in order.
const FOLDERS: &[&str] = &[
    "usr",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/rung",
    "usr/lib/rung/units",
    "etc",
    "etc/init.d",
    "etc/rung",
    "etc/rung/units",
    "etc/rung/levels",
    "root",
];
const LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("init", "usr/lib/rung/init"),
    ("usr/bin/sh", "dash"),
    ("usr/lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
];
/// From the Debian root.
const PROGRAMS: &[&str] = &[
    "usr/bin/dash",
    "usr/bin/cat",
    "usr/bin/chmod",
    "usr/bin/cp",
    "usr/bin/cut",
    "usr/bin/dmesg",
    "usr/bin/grep",
    "usr/bin/ls",
    "usr/bin/mount",
    "usr/bin/mv",
    "usr/bin/readlink",
    "usr/bin/sleep",
    "usr/bin/stty",
    "usr/sbin/sulogin",
    "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "usr/lib/x86_64-linux-gnu/libacl.so.1",
    "usr/lib/x86_64-linux-gnu/libattr.so.1",
    "usr/lib/x86_64-linux-gnu/libblkid.so.1",
    "usr/lib/x86_64-linux-gnu/libc.so.6",
    "usr/lib/x86_64-linux-gnu/libcrypt.so.1",
    "usr/lib/x86_64-linux-gnu/libmount.so.1",
    "usr/lib/x86_64-linux-gnu/libpcre2-8.so.0",
    "usr/lib/x86_64-linux-gnu/libselinux.so.1",
    "usr/lib/x86_64-linux-gnu/libtinfo.so.6",
];
/// Units that Debian gets too.
const SHIPPED: &[&str] = &["single.service", "emergency.service"];

/// A unit of this machine: name, levels it is on in, text.
const UNITS: &[(&str, &str, &str)] = &[
    (
        "hello",
        "S",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo hello from level S; [ -c /dev/null ]'\n",
    ),
    // What is on in 2–5 and says so when it was stopped as it wants to be.
    (
        "worker",
        "2345",
        "[Service]\nType=exec\nExecStart=/bin/sleep 1000000\nExecStop=/bin/sh -c 'echo worker was stopped in order >/dev/console'\n",
    ),
    ("broken", "2", "[Service]\nType=exec\nExecStart=/bin/nosuchprogram\n"),
    (
        "shell",
        "2345",
        "[Unit]\nAfter=broken.service worker.service\n[Service]\nExecStart=/bin/sh -i\nEnvironment=HOME=/root\nStandardInput=tty-force\n\
         StandardOutput=inherit\nStandardError=inherit\nTTYPath=/dev/console\nRestart=always\nKillSignal=SIGHUP\n",
    ),
    // Started by hand: keeps a shutdown waiting.
    (
        "stubborn",
        "",
        "[Service]\nType=exec\nExecStart=/bin/sh -c 'trap \"\" TERM; while :; do sleep 1; done'\nTimeoutStopSec=60\n",
    ),
];

/// Stands in for what tells a UPS to cut the power: says on the console whether anything is left mounted at `/root`.
const UPS: &str = "#!/bin/sh
left=unmounted
while read -r from at rest; do [ \"$at\" != /root ] || left=mounted; done </proc/mounts
echo \"ups-monitor $1: /root is $left\" >/dev/console
";

/// Writes the machine's archive; `conf` is its `init.conf`.
pub fn initramfs(machine: &Machine, repo: &Path, bin: &Path, conf: &str, to: PathBuf) -> Result<PathBuf> {
    let mut archive = Archive::default();
    // The kernel brings a console of its own.
    archive.absent("dev/console");
    archive.absent("dev");
    for folder in FOLDERS {
        archive.folder(folder);
    }
    for (link, target) in LINKS {
        archive.link(link, target);
    }
    let mut copy = |from: PathBuf, to: &str, mode: u32| -> Result<()> {
        archive.file(to, mode, &fs::read(&from).on("read", &from)?);
        Ok(())
    };
    for file in PROGRAMS {
        copy(machine.root.join(file), file, 0o755)?;
    }
    for (file, mode) in [("etc/passwd", 0o644), ("etc/group", 0o644), ("etc/shadow", 0o600)] {
        copy(machine.root.join(file), file, mode)?;
    }
    for binary in ["init", "init-manager", "init-log", "sysv"] {
        copy(bin.join(binary), &format!("usr/lib/rung/{binary}"), 0o755)?;
    }
    copy(bin.join("initctl"), "usr/bin/initctl", 0o755)?;
    for unit in SHIPPED {
        copy(repo.join("etc-skel/units").join(unit), &format!("usr/lib/rung/units/{unit}"), 0o644)?;
    }
    archive.file("etc/init.d/ups-monitor", 0o755, UPS.as_bytes());
    archive.file("etc/rung/init.conf", 0o644, conf.as_bytes());
    for level in "S0123456".chars() {
        archive.folder(&format!("etc/rung/levels/{level}"));
    }
    archive.link("etc/rung/levels/1/single.service", "../../../../usr/lib/rung/units/single.service");
    for (name, levels, text) in UNITS {
        archive.file(&format!("etc/rung/units/{name}.service"), 0o644, text.as_bytes());
        for level in levels.chars() {
            archive.link(&format!("etc/rung/levels/{level}/{name}.service"), &format!("../../units/{name}.service"));
        }
    }
    fs::write(&to, archive.finish()).on("write", &to)?;
    Ok(to)
}
