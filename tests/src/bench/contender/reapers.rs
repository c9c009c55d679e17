//! Inits for containers: they start one command, pass signals on, and reap.

use super::{Contender, Launch, Setting, package, path, words};
use crate::bench::Result;
use crate::bench::job::{Job, Kind};
use std::path::{Path, PathBuf};

#[derive(Debug)]
struct Reaper(&'static str);

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Reaper("tini")), Box::new(Reaper("dumb-init"))]
}

impl Reaper {
    fn program(&self, setting: &Setting) -> PathBuf {
        setting.packages.join(self.0).join("usr/bin").join(self.0)
    }
}

impl Contender for Reaper {
    fn name(&self) -> &'static str {
        self.0
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, self.0)
    }

    fn prepare(&self, setting: &Setting, _: &Path, job: &Job) -> Result<Option<Launch>> {
        if job.kind != Kind::Run || job.count() != 1 {
            return Ok(None);
        }
        let program = format!("/usr/bin/{}", self.0);
        let argv = words(&[&program, "--", "/bench/svc", "run", "0"]);
        let over = vec![setting.packages.join(self.0)];
        Ok(Some(Launch { argv, env: path(), over_usr: Some(over), ..Launch::default() }))
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        vec![self.program(setting)]
    }
}
