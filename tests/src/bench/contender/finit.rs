//! finit.

use super::{Contender, Launch, Setting, Stop, package, path, words};
use crate::bench::job::{Delay, Job, Kind, name};
use crate::bench::{Doing, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug)]
struct Finit;

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Finit)]
}

impl Contender for Finit {
    fn name(&self) -> &'static str {
        "finit"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, "finit")
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        if job.layers > 1 && job.width > 1 {
            return Ok(None);
        }
        let mut text = String::from("runlevel 2\n");
        for service in job.services() {
            // `run` is waited for, so that a chain is a list of them. The number after the colon keeps alike ones apart.
            let verb = if job.kind == Kind::Once { "run" } else { "service" };
            let again = if job.kind != Kind::Once && job.delay == Delay::None { " respawn" } else { "" };
            let _ = writeln!(
                text,
                "{verb} [2]{again} name:{} :{} {} --",
                service.name,
                service.number + 1,
                service.words.join(" ")
            );
        }
        fs::write(root.join("etc/finit.conf"), text).doing("finit.conf")?;
        fs::write(root.join("etc/fstab"), "").doing("fstab")?;
        let over = vec![setting.packages.join("finit")];
        let mut env = path();
        env.push(("container".to_owned(), "bench".to_owned()));
        Ok(Some(Launch { argv: words(&["/usr/sbin/finit"]), env, over_usr: Some(over), ..Launch::default() }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Command(words(&["/usr/sbin/initctl", "runlevel", "4"]))
    }

    fn state(&self, service: &str) -> Option<Vec<String>> {
        let number = (0..100_000).find(|n| name(*n) == service)?;
        Some(words(&["/usr/sbin/initctl", "status", &format!("{service}:{}", number + 1)]))
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        vec![setting.packages.join("finit/usr/sbin/finit")]
    }
}
