//! systemd, with the host's libraries.

use super::{Contender, Launch, Setting, Stop, package, path, unit_file, words};
use crate::bench::job::Job;
use crate::bench::{Doing, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

#[derive(Debug)]
struct Systemd;

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Systemd)]
}

impl Contender for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, "systemd")
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        let folder = root.join("etc/systemd/system");
        let wants = folder.join("bench.target.wants");
        fs::create_dir_all(&wants).doing(wants.display())?;
        // No journal runs here, so that nothing is logged, and nothing waits for it.
        let conf = "[Manager]\nDefaultStandardOutput=null\nDefaultStandardError=null\nStatusUnitFormat=name\n";
        fs::write(root.join("etc/systemd/system.conf"), conf).doing("system.conf")?;
        fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").doing("machine-id")?;
        fs::write(folder.join("bench.target"), "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n").doing("target")?;
        for service in job.services() {
            let text = unit_file("DefaultDependencies=no\n", job, &service);
            let file = service.name.clone() + ".service";
            fs::write(folder.join(&file), text).doing(&file)?;
            symlink(format!("../{file}"), wants.join(&file)).doing(&file)?;
        }
        let argv = words(&["/usr/lib/systemd/systemd", "--unit=bench.target", "--log-target=null", "--show-status=no"]);
        let mut env = path();
        env.push(("container".to_owned(), "bench".to_owned()));
        let over = vec![setting.packages.join("systemd")];
        Ok(Some(Launch { argv, env, over_usr: Some(over), cgroups: true, ..Launch::default() }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Command(words(&["systemctl", "stop", "s*.service"]))
    }

    fn state(&self, name: &str) -> Option<Vec<String>> {
        Some(words(&["systemctl", "is-active", &format!("{name}.service")]))
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        let lib = setting.packages.join("systemd/usr/lib");
        let shared = "systemd/libsystemd-shared-252.so";
        vec![lib.join("systemd/systemd"), lib.join("x86_64-linux-gnu").join(shared)]
    }
}
