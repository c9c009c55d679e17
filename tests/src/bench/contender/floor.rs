//! The floors: `tests/bench/floor.c`.

use super::{Contender, Launch, Setting, Stop, words};
use crate::bench::Result;
use crate::bench::job::{Delay, Job, Kind};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};

/// A bare loop of vfork and exec, that waits and starts again; with a cgroup for each service, or without.
#[derive(Debug)]
struct Floor {
    cgroups: bool,
}

/// A bare loop of `waitpid`.
#[derive(Debug)]
struct Reaper;

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Floor { cgroups: false }), Box::new(Floor { cgroups: true }), Box::new(Reaper)]
}

fn launch(setting: &Setting, cgroups: bool, argv: &[&str]) -> Launch {
    let binds = vec![(setting.own.join("floor"), PathBuf::from("/floor"))];
    Launch { argv: words(argv), binds, cgroups, ..Launch::default() }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        if self.cgroups { "floor-cgroup" } else { "floor" }
    }

    fn version(&self, _: &Setting) -> Result<String> {
        Ok("vfork, exec, waitpid".to_owned())
    }

    fn prepare(&self, setting: &Setting, _: &Path, job: &Job) -> Result<Option<Launch>> {
        let (count, layers, width) = (job.count().to_string(), job.layers.to_string(), job.width.to_string());
        let mut argv = match job.kind {
            Kind::Once if job.width == 1 => vec!["/floor", "chain", &count],
            Kind::Once => vec!["/floor", "layers", &layers, &width],
            Kind::Crash if job.delay == Delay::Default => return Ok(None),
            kind => vec!["/floor", kind.word(), &count],
        };
        if self.cgroups {
            if job.kind == Kind::Once {
                return Ok(None);
            }
            argv.push("/sys/fs/cgroup");
        }
        Ok(Some(launch(setting, self.cgroups, &argv)))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Signal(Signal::SIGTERM)
    }

    fn most(&self) -> usize {
        100_000
    }

    fn binaries(&self, _: &Setting) -> Vec<PathBuf> {
        Vec::new()
    }
}

impl Contender for Reaper {
    fn name(&self) -> &'static str {
        "floor-wait"
    }

    fn version(&self, _: &Setting) -> Result<String> {
        Ok("waitpid".to_owned())
    }

    fn prepare(&self, setting: &Setting, _: &Path, job: &Job) -> Result<Option<Launch>> {
        let one = job.kind == Kind::Run && job.count() == 1;
        Ok(one.then(|| launch(setting, false, &["/floor", "wait", "/bench/svc", "run", "0"])))
    }

    fn binaries(&self, _: &Setting) -> Vec<PathBuf> {
        Vec::new()
    }
}
