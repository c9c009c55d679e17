//! Those that read an inittab: sysvinit and busybox.

use super::{Contender, Launch, Setting, Stop, package, path, words};
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::{Doing, Result};
use nix::sys::signal::Signal;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug)]
struct Sysvinit;

#[derive(Debug)]
struct Busybox;

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Sysvinit), Box::new(Busybox)]
}

impl Contender for Sysvinit {
    fn name(&self) -> &'static str {
        "sysvinit"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, "sysvinit")
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        let mut text = String::from("id:3:initdefault:\n");
        if job.layers > 1 && job.width > 1 {
            return Ok(None);
        }
        for service in job.services() {
            let action = if job.kind == Kind::Once { "wait" } else { "respawn" };
            // At most four characters.
            let _ = writeln!(text, "{}:3:{action}:{}", id(service.number), service.words.join(" "));
        }
        fs::write(root.join("etc/inittab"), text).doing("inittab")?;
        let over = vec![setting.packages.join("sysvinit")];
        Ok(Some(Launch { argv: words(&["/sbin/init"]), env: path(), over_usr: Some(over), ..Launch::default() }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Command(words(&["/sbin/telinit", "4"]))
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        vec![setting.packages.join("sysvinit/usr/sbin/init")]
    }
}

fn id(number: usize) -> String {
    let digit = |n: usize| char::from_digit((n % 36) as u32, 36).unwrap_or('0');
    ['x', digit(number / 1296), digit(number / 36), digit(number)].iter().collect()
}

impl Contender for Busybox {
    fn name(&self) -> &'static str {
        "busybox"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, "busybox")
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        // It waits a second before each restart, whatever it is told.
        if job.layers > 1 && job.width > 1 || job.kind == Kind::Crash && job.delay == Delay::None {
            return Ok(None);
        }
        let action = if job.kind == Kind::Once { "wait" } else { "respawn" };
        let lines = job.services().map(|s| format!("::{action}:{}\n", s.words.join(" ")));
        fs::write(root.join("etc/inittab"), lines.collect::<String>()).doing("inittab")?;
        let program = setting.packages.join("busybox/usr/bin/busybox");
        let binds = vec![(program, PathBuf::from("/usr/sbin/init"))];
        Ok(Some(Launch { argv: words(&["/sbin/init"]), env: path(), binds, ..Launch::default() }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Signal(Signal::SIGTERM)
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        vec![setting.packages.join("busybox/usr/bin/busybox")]
    }
}
