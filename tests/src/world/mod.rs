//! A world: the real programs as PID 1 and its company in namespaces of their own, made by `initctl sandbox`.
//!
//! ```no_run
//! # use rung_tests::world::{World, deadline};
//! let world = World::new().unit("a.service", "[Service]\nExecStart=/bin/sleep inf\n").level('3').boot();
//! assert_eq!(world.run(["initctl", "is-active", "a"]).code, 0);
//! world.run(["kill", "-9", "1"]);
//! world.wait_for("a file", deadline(5), |w| w.path("/run/there").exists().then_some(()));
//! ```
//!
//! A world ends with its value, also when the test panics: all its processes are killed, its folder is removed.

mod build;
pub mod container;
mod look;
mod process;
mod rootfs;
mod show;

pub use build::{helper, programs};
pub use process::{children, exists};
pub use rootfs::Rootfs;
pub use show::off;

use init::sys::pidfd;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// That many seconds from now.
pub fn deadline(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128+n for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// 128+n for a signal.
pub fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|n| 128 + n)).unwrap_or(-1)
}

/// A world to be.
#[derive(Debug)]
pub struct Builder {
    folder: PathBuf,
    programs: Option<PathBuf>,
    level: char,
    words: Vec<OsString>,
    user: Option<u32>,
    descriptors: Option<u32>,
    patience: Duration,
}

impl Builder {
    /// A unit file, or a drop-in (`a.service.d/x.conf`), or `init.conf`.
    #[must_use]
    pub fn unit(self, name: &str, text: &str) -> Self {
        let path = self.folder.join("units").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for units");
        fs::write(path, text).expect("a unit file is written");
        self
    }

    /// Rung's own `tmpfiles.service` runs too: what the root's tmpfiles say about `/run` and `/tmp`.
    #[must_use]
    pub fn with_tmpfiles(self) -> Self {
        fs::remove_file(self.folder.join("units/tmpfiles.service")).expect("the mask is there");
        self
    }

    /// The level to boot to; 3 if not said.
    #[must_use]
    pub fn level(mut self, level: char) -> Self {
        self.level = level;
        self
    }

    /// A further argument of `initctl sandbox`.
    #[must_use]
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self
    }

    /// Programs from this folder rather than those that cargo built.
    #[must_use]
    pub fn programs(mut self, folder: &Path) -> Self {
        self.programs = Some(folder.to_owned());
        self
    }

    /// The folder of what belongs to this world; removed at its end.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Run as this user and group, without supplementary groups.
    #[must_use]
    pub fn user(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// No process of it may have more open files, and PID 1 can't ask for more: the world has no right to.
    #[must_use]
    pub fn descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// How long the boot may take; 30 s if not said.
    #[must_use]
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// `initctl sandbox` with all that, and this command; not started.
    pub fn command(&self, words: &[&str]) -> Command {
        let folder = self.programs.clone().unwrap_or_else(|| programs().to_owned());
        let initctl = folder.join("initctl");
        let mut command = match self.descriptors {
            None => Command::new(initctl),
            Some(most) => {
                let mut command = Command::new("prlimit");
                command.arg(format!("--nofile={most}:{most}"));
                command.args(["setpriv", "--bounding-set=-sys_resource"]).arg(initctl);
                command
            }
        };
        command.arg("sandbox").arg("--level").arg(self.level.to_string());
        command.arg("--units").arg(self.folder.join("units")).args(&self.words).arg("--").args(words);
        command.env("RUNG_SANDBOX_CONSOLE", self.folder.join("console"));
        if let Some(uid) = self.user {
            // A child that changes its user drops the groups of root by itself.
            command.uid(uid).gid(uid);
        }
        command
    }

    /// Runs a command in the world to its end, and the world with it.
    pub fn run(&self, words: &[&str]) -> Output {
        let out = self.command(words).stdin(Stdio::null()).output().expect("initctl is started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Output { code: code(out.status), stdout: text(&out.stdout), stderr: text(&out.stderr) }
    }

    /// Boots it; panics with what was printed if the level isn't reached in time.
    pub fn boot(self) -> World {
        let errors = File::create(self.folder.join("errors")).expect("a file for errors");
        // Says that the level is reached, then lives as long as the pipe to it.
        let mut command = self.command(&["sh", "-c", "echo up; exec cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("initctl is started");
        let (hold, mut said) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        let patience = self.patience;
        let mut world = World { folder: self.folder.clone(), child, hold, keeper: None, init: 0 };
        std::mem::forget(self);
        let mut word = [0; 3];
        if !readable(&said, Instant::now() + patience) || said.read_exact(&mut word).is_err() {
            panic!("the world was not up in time\n{}\nconsole:\n{}", world.errors(), world.console());
        }
        let (keeper, init) = process::find_init(world.child.id()).expect("the world's PID 1");
        world.keeper = pidfd::open(keeper).ok();
        world.init = init;
        world
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn readable(fd: impl AsFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(_) => {}
        }
    }
}

/// A world that has reached its level.
#[derive(Debug)]
pub struct World {
    folder: PathBuf,
    child: Child,
    hold: Option<ChildStdin>,
    keeper: Option<OwnedFd>,
    init: i32,
}

impl World {
    /// One to furnish.
    #[expect(clippy::new_ret_no_self, reason = "a world begins as what it shall be")]
    pub fn new() -> Builder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("rung-world-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("units")).expect("a folder for the world");
        // The host's tmpfiles are no part of a world, and slow; `with_tmpfiles` has them.
        symlink("/dev/null", folder.join("units/tmpfiles.service")).expect("a mask");
        // Any user may run the world and have its console written.
        fs::write(folder.join("console"), "").expect("a file for the console");
        fs::set_permissions(folder.join("console"), fs::Permissions::from_mode(0o666)).expect("it is ours");
        Builder {
            folder,
            programs: None,
            level: '3',
            words: Vec::new(),
            user: None,
            descriptors: None,
            patience: Duration::from_secs(30),
        }
    }

    /// Its PID 1, by the pid it has here.
    pub fn init(&self) -> i32 {
        self.init
    }

    /// The `initctl sandbox` that made it.
    pub fn initctl(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// A path of the world as it is reached from here. Absolute links on the way lead astray.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.init))
    }

    /// A command to run inside, not started.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(build::helper("world-enter"));
        command.arg(self.init.to_string()).args(words).stdin(Stdio::null());
        command
    }

    /// Runs a command inside.
    pub fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Output {
        let out = self.command(words).output().expect("world-enter is started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Output { code: code(out.status), stdout: text(&out.stdout), stderr: text(&out.stderr) }
    }

    /// Runs a command that must succeed; gives its output.
    pub fn ok<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> String {
        let out = self.run(words);
        assert_eq!(out.code, 0, "{out:#?}\nconsole:\n{}", self.console());
        out.stdout
    }

    /// Looks again and again until there is something; panics at the deadline or when the world has ended. Prefer
    /// `initctl wait` where it can tell.
    pub fn wait_for<T>(&self, what: &str, until: Instant, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let end = pidfd::open(self.initctl()).expect("the world is there");
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let over = readable(&end, Instant::now() + Duration::from_millis(20));
            if over || Instant::now() > until {
                let why = if over { "the world ended" } else { "too late" };
                panic!("waiting for {what}: {why}\n{}\nconsole:\n{}", self.errors(), self.console());
            }
        }
    }

    /// What PID 1 has printed.
    pub fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("console")).unwrap_or_default()).into_owned()
    }

    /// What `initctl sandbox` has printed to its standard error.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("errors")).unwrap_or_default()).into_owned()
    }

    /// Shuts it down in order; gives initctl's exit status and what it printed to its standard error.
    pub fn shutdown(mut self) -> (i32, String) {
        self.hold = None;
        self.wait()
    }

    /// Waits for initctl's end; gives what [`World::shutdown`] does.
    pub fn wait(mut self) -> (i32, String) {
        let status = self.child.wait().expect("initctl ends");
        (code(status), self.errors())
    }

    /// Waits for the end of the sandbox's keeper: after it nothing is left. False at the deadline.
    pub fn gone(&self, until: Instant) -> bool {
        self.keeper.as_ref().is_none_or(|keeper| readable(keeper, until))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Two signals mean: at once. Only if that doesn't help is initctl killed: its command then waits for whoever
            // reaps orphans on this host.
            let pid = Pid::from_raw(self.initctl());
            let _ = kill(pid, Signal::SIGTERM).and_then(|()| kill(pid, Signal::SIGINT));
            let ended = pidfd::open(pid.as_raw()).is_ok_and(|end| readable(end, deadline(10)));
            if !ended {
                let _ = self.child.kill();
            }
            let _ = self.child.wait();
        }
        self.gone(deadline(10));
        let _ = fs::remove_dir_all(&self.folder);
    }
}
