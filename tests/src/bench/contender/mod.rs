//! The contenders: how each is told to run N services, started, stopped and asked.

mod cargo;
mod dinit;
mod finit;
mod floor;
mod openrc;
mod reapers;
mod rung;
mod service_dirs;
mod systemd;
mod sysv;
mod watchers;

use super::Result;
use super::job::{Delay, Job, Kind, Service, name};
use nix::sys::signal::Signal;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};

/// Where things are.
#[derive(Debug)]
pub struct Setting {
    /// A folder for worlds.
    pub worlds: PathBuf,
    /// The bench itself.
    pub program: PathBuf,
    /// The folder of `svc` and `floor`.
    pub own: PathBuf,
    /// The folder of Rung's programs.
    pub rung: PathBuf,
    /// The folder with a folder for each contender that comes from a package.
    pub packages: PathBuf,
    /// Programs that were named on the command line.
    pub with: BTreeMap<String, PathBuf>,
    /// Counts worlds.
    pub count: Cell<u32>,
}

impl Setting {
    /// The next world's number.
    pub fn next(&self) -> u32 {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }
}

/// How an init is started.
#[derive(Debug, Default)]
pub struct Launch {
    /// It and its arguments.
    pub argv: Vec<String>,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// Files of the host that it needs, and where.
    pub binds: Vec<(PathBuf, PathBuf)>,
    /// Folders to lie over the host's `/usr`; `None`: it needs no `/usr`.
    pub over_usr: Option<Vec<PathBuf>>,
    /// Whether it sees a cgroup tree.
    pub cgroups: bool,
}

/// How all services are ended.
#[derive(Debug)]
pub enum Stop {
    /// By a command in the world.
    Command(Vec<String>),
    /// By a signal to PID 1.
    Signal(Signal),
    /// Not at all.
    Never,
}

/// An init.
pub trait Contender: Debug {
    /// What it is called here.
    fn name(&self) -> &'static str;

    /// Its version.
    ///
    /// # Errors
    /// It isn't there; why.
    fn version(&self, setting: &Setting) -> Result<String>;

    /// Writes what it needs into its root. `None`: it can't do such work.
    ///
    /// # Errors
    /// A file can't be written.
    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>>;

    /// How it stops all services.
    fn stop(&self, _job: &Job) -> Stop {
        Stop::Never
    }

    /// The command for the state of one service.
    fn state(&self, _name: &str) -> Option<Vec<String>> {
        None
    }

    /// More services than that take it too long.
    fn most(&self) -> usize {
        1000
    }

    /// It takes so long that two rounds must do.
    fn is_slow(&self) -> bool {
        false
    }

    /// Files whose size is told.
    fn binaries(&self, setting: &Setting) -> Vec<PathBuf>;
}

/// All of them, in the order of the report.
pub fn all() -> Vec<Box<dyn Contender>> {
    let mut list: Vec<Box<dyn Contender>> = Vec::new();
    list.extend(floor::all());
    list.extend(rung::all());
    list.extend(dinit::all());
    list.extend(sysv::all());
    list.extend(finit::all());
    list.extend(service_dirs::all());
    list.extend(systemd::all());
    list.extend(openrc::all());
    list.extend(cargo::all());
    list.extend(watchers::all());
    list.extend(reapers::all());
    list
}

/// Words as an owned list.
pub fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}

/// The PATH of those that look for programs.
pub fn path() -> Vec<(String, String)> {
    vec![("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())]
}

/// The version of an unpacked Debian package, by the `VERSION` file that the script left there.
///
/// # Errors
/// It was not unpacked.
pub fn package(setting: &Setting, name: &str) -> Result<String> {
    let file = setting.packages.join(name).join("VERSION");
    let text =
        std::fs::read_to_string(&file).map_err(|_| format!("its package isn't in {}", setting.packages.display()))?;
    Ok(text.trim().to_owned())
}

/// A service as a unit file, for those that read these; `more` is said in `[Unit]` too.
fn unit_file(more: &str, job: &Job, service: &Service) -> String {
    let mut text = format!("[Unit]\n{more}");
    for key in ["After", "Requires"] {
        if !service.after.is_empty() {
            let names: Vec<_> = service.after.clone().map(|n| name(n) + ".service").collect();
            let _ = writeln!(text, "{key}={}", names.join(" "));
        }
    }
    if job.delay == Delay::None && job.kind != Kind::Once {
        text += "StartLimitIntervalSec=0\n";
    }
    let _ = writeln!(text, "[Service]\nExecStart={}", service.words.join(" "));
    text += match (job.kind, job.delay) {
        (Kind::Once, _) => "Type=oneshot\nRemainAfterExit=yes\n",
        (_, Delay::None) => "Restart=always\nRestartSec=0\n",
        (_, Delay::Default) => "Restart=always\n",
    };
    text
}
