//! Those that are written in Rust and in no package of Debian's: horust, which `tests/bench/run --install` has cargo
//! build, and rustysd. Either is taken where it is named on the command line.

use super::{Contender, Launch, Setting, Stop, path, words};
use crate::bench::job::{Delay, Job, Kind, name};
use crate::bench::{Doing, Result};
use nix::sys::signal::Signal;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug)]
struct Horust;

#[derive(Debug)]
struct Rustysd;

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Horust), Box::new(Rustysd)]
}

/// Where its program is: as named, else where cargo was told to install it.
fn program(setting: &Setting, name: &str) -> Result<PathBuf> {
    let installed = setting.own.join("cargo/bin").join(name);
    let named = setting.with.get(name).cloned().or_else(|| installed.exists().then_some(installed));
    named.ok_or_else(|| format!("give it as --with {name}=PATH"))
}

/// What stands beside its program, if it does.
fn beside(program: &Path, name: &str) -> Option<(PathBuf, PathBuf)> {
    let control = program.with_file_name(name);
    control.exists().then(|| (control, Path::new("/").join(name)))
}

impl Contender for Horust {
    fn name(&self) -> &'static str {
        "horust"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        let program = program(setting, "horust")?;
        // It has no option that tells; cargo knows what it has installed.
        let list = fs::read_to_string(setting.own.join("cargo/.crates.toml")).unwrap_or_default();
        let version = list.split_once("\"horust ").and_then(|(_, rest)| rest.split(' ').next());
        if program.exists() { Ok(version.unwrap_or("?").to_owned()) } else { Err(program.display().to_string()) }
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        // What comes after another begins when that one runs, not when it has ended.
        if job.kind == Kind::Once {
            return Ok(None);
        }
        let folder = root.join("etc/horust/services");
        fs::create_dir_all(&folder).doing(folder.display())?;
        for service in job.services() {
            let mut text = format!("command = \"{}\"\nworking-directory = \"/\"\n", service.words.join(" "));
            text += "[restart]\nstrategy = \"always\"\n";
            if job.delay == Delay::None {
                text += "backoff = \"0s\"\n";
            }
            fs::write(folder.join(service.name + ".toml"), text).doing("a service")?;
        }
        let program = program(setting, "horust")?;
        let mut binds = vec![(program.clone(), PathBuf::from("/horust"))];
        binds.extend(beside(&program, "horustctl"));
        Ok(Some(Launch {
            argv: words(&["/horust"]),
            env: path(),
            binds,
            over_usr: Some(Vec::new()),
            ..Launch::default()
        }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Signal(Signal::SIGTERM)
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        program(setting, "horust").into_iter().collect()
    }
}

impl Contender for Rustysd {
    fn name(&self) -> &'static str {
        "rustysd"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        let program = program(setting, "rustysd")?;
        // It has no option that tells.
        if program.exists() { Ok("?".to_owned()) } else { Err(program.display().to_string()) }
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        let (config, units) = (root.join("etc/rustysd"), root.join("etc/rustysd/units"));
        fs::create_dir_all(&units).doing(units.display())?;
        let text = "unit_dirs = [\"/etc/rustysd/units\"]\ntarget_unit = \"default.target\"\n\
                    notifications_dir = \"/run/rustysd\"\nlog_to_stdout = false\nlog_to_disk = false\n\
                    logging_dir = \"/run\"\n";
        fs::write(config.join("rustysd_config.toml"), text).doing("its configuration")?;
        fs::write(units.join("default.target"), "[Unit]\nDescription=all\n").doing("default.target")?;
        for service in job.services() {
            // A key that it doesn't know is an error of the file's.
            let mut text = String::from("[Unit]\n");
            for key in ["After", "Requires"] {
                let before: Vec<_> = service.after.clone().map(|n| name(n) + ".service").collect();
                if !before.is_empty() {
                    let _ = writeln!(text, "{key}={}", before.join(","));
                }
            }
            let kind = if job.kind == Kind::Once { "Type=oneshot" } else { "Restart=always" };
            let command = service.words.join(" ");
            let _ = write!(text, "[Service]\nExecStart={command}\n{kind}\n[Install]\nWantedBy=default.target\n");
            fs::write(units.join(service.name + ".service"), text).doing("a unit")?;
        }
        let program = program(setting, "rustysd")?;
        let mut binds = vec![(program.clone(), PathBuf::from("/rustysd"))];
        binds.extend(beside(&program, "rsdctl"));
        let argv = words(&["/rustysd", "--conf", "/etc/rustysd"]);
        Ok(Some(Launch { argv, env: path(), binds, over_usr: Some(Vec::new()), ..Launch::default() }))
    }

    // Nobody is told to end: it kills.

    fn state(&self, name: &str) -> Option<Vec<String>> {
        Some(words(&["/rsdctl", "/run/rustysd/control.socket", "status", &format!("{name}.service")]))
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        program(setting, "rustysd").into_iter().collect()
    }
}
