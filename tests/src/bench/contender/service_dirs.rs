//! Those that watch a folder with a folder for each service: daemontools, runit, s6.

use super::{Contender, Launch, Setting, Stop, package, path, words};
use crate::bench::job::{Delay, Job, Kind, PROGRAM};
use crate::bench::{Doing, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const FOLDER: &str = "/etc/service";

/// One of them.
#[derive(Debug)]
struct Watcher {
    name: &'static str,
    argv: &'static [&'static str],
    stop: &'static str,
    state: &'static str,
    binaries: &'static [&'static str],
}

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(Watcher {
            name: "daemontools",
            argv: &["/usr/bin/svscan", FOLDER],
            stop: "exec svc -d /etc/service/*",
            state: "svstat",
            binaries: &["svscan", "supervise"],
        }),
        Box::new(Watcher {
            name: "runit",
            argv: &["/usr/bin/runsvdir", "-P", FOLDER],
            stop: "exec sv d /etc/service/*",
            state: "sv",
            binaries: &["runsvdir", "runsv"],
        }),
        Box::new(Watcher {
            name: "s6",
            argv: &["/usr/bin/s6-svscan", "-c", "1100", FOLDER],
            stop: "exec s6-svscanctl -t /etc/service",
            state: "s6-svstat",
            binaries: &["s6-svscan", "s6-supervise"],
        }),
    ]
}

impl Contender for Watcher {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, self.name)
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        // They know no order, and wait a second between two starts, whatever they are told.
        if job.kind == Kind::Once || job.kind == Kind::Crash && job.delay == Delay::None {
            return Ok(None);
        }
        for service in job.services() {
            let folder = root.join("etc/service").join(&service.name);
            fs::create_dir_all(&folder).doing(folder.display())?;
            // No shell in between: the service reads from its folder what it is.
            symlink(PROGRAM, folder.join("run")).doing("run")?;
            if job.kind == Kind::Crash {
                fs::write(folder.join("crash"), "").doing("crash")?;
            }
        }
        // runit waits for a second to pass since the folder was last changed.
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(10);
        let folder = fs::File::open(root.join("etc/service")).doing("etc/service")?;
        folder.set_modified(old).doing("etc/service")?;
        let over = vec![setting.packages.join(self.name)];
        Ok(Some(Launch { argv: words(self.argv), env: path(), over_usr: Some(over), ..Launch::default() }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Command(words(&["sh", "-c", self.stop]))
    }

    fn state(&self, name: &str) -> Option<Vec<String>> {
        let folder = format!("{FOLDER}/{name}");
        Some(if self.state == "sv" { words(&["sv", "status", &folder]) } else { words(&[self.state, &folder]) })
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        let folder = setting.packages.join(self.name).join("usr/bin");
        self.binaries.iter().map(|b| folder.join(b)).collect()
    }
}
