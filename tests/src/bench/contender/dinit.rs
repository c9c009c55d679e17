//! dinit, where its program is named on the command line; `dinitctl` stands beside it.

use super::{Contender, Launch, Setting, Stop, path, words};
use crate::bench::job::{Delay, Job, Kind, name};
use crate::bench::{Doing, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug)]
struct Dinit;

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Dinit)]
}

impl Contender for Dinit {
    fn name(&self) -> &'static str {
        "dinit"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        let program = setting.with.get("dinit").ok_or("give it as --with dinit=PATH")?;
        let out = Command::new(program).arg("--version").output().doing(program.display())?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let word = text.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit()));
        Ok(word.unwrap_or("?").trim_end_matches('.').to_owned())
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        let folder = root.join("etc/dinit.d");
        fs::create_dir_all(&folder).doing(folder.display())?;
        let mut boot = String::from("type = internal\n");
        for service in job.services() {
            let kind = if job.kind == Kind::Once { "scripted" } else { "process" };
            let mut text = format!("type = {kind}\ncommand = {}\n", service.words.join(" "));
            if job.kind != Kind::Once {
                text += "restart = true\n";
                if job.delay == Delay::None {
                    text += "smooth-recovery = true\nrestart-delay = 0\nrestart-limit-count = 0\n";
                }
            }
            for before in service.after {
                let _ = writeln!(text, "depends-on = {}", name(before));
            }
            let _ = writeln!(boot, "waits-for = {}", service.name);
            fs::write(folder.join(&service.name), text).doing(&service.name)?;
        }
        fs::write(folder.join("boot"), boot).doing("boot")?;
        let Some(program) = setting.with.get("dinit") else { return Ok(None) };
        let mut binds = vec![(program.clone(), PathBuf::from("/dinit"))];
        let control = program.with_file_name("dinitctl");
        if control.exists() {
            binds.push((control, "/dinitctl".into()));
        }
        let argv = words(&["/dinit", "-q", "-d", "/etc/dinit.d", "-p", "/run/dinitctl"]);
        Ok(Some(Launch { argv, env: path(), binds, over_usr: Some(Vec::new()), ..Launch::default() }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Command(words(&["/dinitctl", "-p", "/run/dinitctl", "stop", "boot"]))
    }

    fn state(&self, name: &str) -> Option<Vec<String>> {
        Some(words(&["/dinitctl", "-p", "/run/dinitctl", "is-started", name]))
    }

    fn most(&self) -> usize {
        10_000
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        setting.with.get("dinit").cloned().into_iter().collect()
    }
}
