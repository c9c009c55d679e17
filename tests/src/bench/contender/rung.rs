//! Rung, with a cgroup for each service, as on a machine, and without, as in most containers.

use super::{Contender, Launch, Setting, Stop, unit_file, words};
use crate::bench::job::{Job, Service, name};
use crate::bench::{Doing, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug)]
struct Rung {
    cgroups: bool,
}

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Rung { cgroups: true }), Box::new(Rung { cgroups: false })]
}

const PROGRAMS: [&str; 5] = ["init", "init-manager", "init-log", "init-boot", "sysv"];

impl Contender for Rung {
    fn name(&self) -> &'static str {
        if self.cgroups { "rung" } else { "rung-plain" }
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        let program = setting.rung.join("initctl");
        let out = Command::new(&program).arg("--version").output().doing(program.display())?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let word = text.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit()));
        Ok(word.unwrap_or("?").to_owned())
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        let etc = root.join("etc/rung");
        let (units, level) = (etc.join("units"), etc.join("levels/3"));
        for folder in [&units, &level, &etc.join("levels/4"), &etc.join("levels/S")] {
            fs::create_dir_all(folder).doing(folder.display())?;
        }
        let skeleton = Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc-skel");
        fs::copy(skeleton.join("rung/init.conf"), etc.join("init.conf")).doing("init.conf")?;
        let fifo = "sysv-fifo.service";
        fs::copy(skeleton.join("units").join(fifo), units.join(fifo)).doing(fifo)?;
        symlink(format!("../../units/{fifo}"), etc.join("levels/S").join(fifo)).doing(fifo)?;
        // Without it the FIFO isn't wanted; a machine that comes from sysvinit has it.
        fs::create_dir_all(root.join("etc/init.d")).doing("init.d")?;
        for service in job.services() {
            let file = service.name.clone() + ".service";
            fs::write(units.join(&file), unit_file("", job, &service)).doing(&file)?;
            symlink(format!("../../units/{file}"), level.join(&file)).doing(&file)?;
        }
        let more = Job { idle_units: 0, ..*job };
        for number in job.count()..job.count() + job.idle_units {
            let words = [crate::bench::job::PROGRAM.to_owned(), job.kind.word().to_owned(), number.to_string()];
            let service = Service { number, name: name(number), words, after: 0..0 };
            let file = service.name.clone() + ".service";
            fs::write(units.join(&file), unit_file("", &more, &service)).doing(&file)?;
        }
        let lib = Path::new("/usr/lib/rung");
        let mut binds: Vec<_> = PROGRAMS.iter().map(|p| (setting.rung.join(p), lib.join(p))).collect();
        binds.push((setting.rung.join("initctl"), "/usr/bin/initctl".into()));
        Ok(Some(Launch { argv: words(&["/usr/lib/rung/init"]), binds, cgroups: self.cgroups, ..Launch::default() }))
    }

    fn stop(&self, _: &Job) -> Stop {
        // Nothing is on in level 4.
        Stop::Command(words(&["initctl", "-q", "runlevel", "4"]))
    }

    fn state(&self, name: &str) -> Option<Vec<String>> {
        Some(words(&["initctl", "-q", "is-active", name]))
    }

    fn most(&self) -> usize {
        100_000
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        ["init", "init-manager", "init-log", "sysv", "initctl"].iter().map(|p| setting.rung.join(p)).collect()
    }
}
