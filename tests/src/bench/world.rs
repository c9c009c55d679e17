//! A world: an init as PID 1 in namespaces, a root and a cgroup of its own. It ends with its value, and with the bench.

use super::cgroup::{Cgroup, Tree};
use super::contender::{Contender, Setting};
use super::enter::Told;
use super::job::Job;
use super::measure::interrupted;
use super::own::{self, Memory};
use super::records::{EXECUTED, Records};
use super::stage::Spec;
use super::{Doing, Result, now, pause};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// One that runs.
#[derive(Debug)]
pub struct World {
    folder: PathBuf,
    child: Child,
    /// Its PID 1, as seen from here.
    pub init: i32,
    cgroup: Cgroup,
    /// What the services told.
    pub records: Records,
    /// When PID 1 was executed.
    pub executed: u64,
    alive: File,
}

/// A command in a world that waits for the word.
#[derive(Debug)]
pub struct Entered {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl World {
    /// Starts a contender with that work. `None`: it can't do such work.
    ///
    /// # Errors
    /// It could not be started.
    pub fn start(setting: &Setting, tree: &Tree, contender: &dyn Contender, job: &Job) -> Result<Option<Self>> {
        let number = setting.next();
        let folder = setting.worlds.join(number.to_string());
        let root = folder.join("root");
        for name in ["bench", "etc", "var/log", "usr"] {
            fs::create_dir_all(root.join(name)).doing(root.display())?;
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
            std::os::unix::fs::symlink(format!("usr/{name}"), root.join(name)).doing(name)?;
        }
        std::os::unix::fs::symlink("../run", root.join("var/run")).doing("var/run")?;
        fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").doing("passwd")?;
        fs::write(root.join("etc/group"), "root:x:0:\n").doing("group")?;
        fs::write(root.join("bench/records"), "").doing("records")?;
        let fifo = root.join("bench/alive");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).doing("the FIFO")?;
        let Some(launch) = contender.prepare(setting, &root, job)? else {
            let _ = fs::remove_dir_all(&folder);
            return Ok(None);
        };
        let mut binds = launch.binds;
        binds.push((setting.own.join("svc"), "/bench/svc".into()));
        let cgroup = tree.child(&number.to_string())?;
        let spec = Spec {
            root: root.clone(),
            binds,
            over_usr: launch.over_usr,
            cgroups: launch.cgroups,
            cgroup: cgroup.path().to_owned(),
            argv: launch.argv,
            env: launch.env,
        };
        let text = serde_json::to_vec(&spec).doing("the world's description")?;
        fs::write(folder.join("spec"), text).doing("the world's description")?;
        let alive = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).doing(fifo.display())?;
        let records = Records::open(&root.join("bench/records"))?;
        let log = File::create(folder.join("log")).doing("the world's log")?;
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount",
            "--uts",
            "--ipc",
        ]);
        command.arg(&setting.program).arg("stage").arg(folder.join("spec"));
        command.stdin(Stdio::null()).stderr(log.try_clone().doing("the log")?).stdout(log);
        let child = command.spawn().doing("setpriv")?;
        let mut world = Self { folder, child, init: 0, cgroup, records, executed: 0, alive };
        world.executed = world.started()?;
        let unshare = world.child.id();
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap_or_default();
        world.init = children.split_whitespace().next().and_then(|w| w.parse().ok()).unwrap_or(0);
        Ok(Some(world))
    }

    /// Waits for the stage's record.
    fn started(&mut self) -> Result<u64> {
        let end = now() + 10_000_000_000;
        while now() < end {
            self.records.read()?;
            if let Some(record) = self.records.all.iter().find(|r| r.kind == EXECUTED) {
                return Ok(record.ns);
            }
            if self.child.try_wait().doing("the world's PID 1")?.is_some() {
                break;
            }
            pause(2);
        }
        Err(format!("it could not be started\n{}", self.log()))
    }

    /// The end of what PID 1 and its company printed.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2000)..]).into_owned()
    }

    /// A file of the world, as it is reached from here.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.init))
    }

    fn processes(&self) -> Vec<i32> {
        self.cgroup.processes()
    }

    /// The init's own processes: PID 1, then all that aren't services.
    pub fn own(&self) -> Vec<i32> {
        let service = |pid: i32| own::comm(pid).is_none_or(|c| c == "svc");
        let others = self.processes().into_iter().filter(|pid| *pid != self.init && !service(*pid));
        [self.init].into_iter().chain(others).collect()
    }

    /// CPU time in ns of its own processes.
    pub fn own_cpu(&self) -> u64 {
        self.own().into_iter().map(own::cpu).sum()
    }

    /// CPU time in µs of all in the world since PID 1 was executed.
    pub fn cpu(&self) -> u64 {
        let before = fs::read_to_string(self.folder.join("root/bench/before")).ok();
        self.cgroup.cpu().saturating_sub(before.and_then(|t| t.parse::<u64>().ok()).unwrap_or(0))
    }

    /// Memory of its own processes.
    pub fn memory(&self) -> Memory {
        own::memory(&self.own())
    }

    /// Waits until its own processes have nothing to do.
    pub fn settle(&self) {
        settle(&[self]);
    }

    /// Services by the pid they have in the world: their pid here.
    pub fn services(&self) -> BTreeMap<i32, i32> {
        let inside = |pid: i32| -> Option<i32> {
            let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = text.lines().find_map(|l| l.strip_prefix("NSpid:"))?;
            line.split_whitespace().last()?.parse().ok()
        };
        let services = self.processes().into_iter().filter(|pid| own::comm(*pid).is_some_and(|c| c == "svc"));
        services.filter_map(|pid| Some((inside(pid)?, pid))).collect()
    }

    /// Gets a command ready inside, to be run so many times.
    ///
    /// # Errors
    /// It can't get in.
    pub fn enter(&self, setting: &Setting, times: usize, words: &[String]) -> Result<Entered> {
        let mut command = Command::new(&setting.program);
        command.arg("enter").arg(self.init.to_string()).arg(times.to_string()).arg("--").args(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().doing("entering the world")?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut line = String::new();
        out.read_line(&mut line).doing("entering the world")?;
        if line == "ready\n" { Ok(Entered { child, out }) } else { Err(format!("{words:?}: can't enter the world")) }
    }

    /// Runs a command inside so many times.
    ///
    /// # Errors
    /// It can't get in, or be run; the last run failed.
    pub fn run(&self, setting: &Setting, times: usize, words: &[String]) -> Result<Told> {
        let mut entered = self.enter(setting, times, words)?;
        entered.go()?;
        let told = entered.told()?;
        if told.code == 0 { Ok(told) } else { Err(format!("{words:?} ended with {}: {}", told.code, told.stderr)) }
    }

    /// Waits until no service lives; gives the time.
    ///
    /// # Errors
    /// Some still does after so many seconds.
    pub fn all_gone(&self, seconds: u64) -> Result<u64> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;
        let end = now() + seconds * 1_000_000_000;
        while now() < end && !interrupted() {
            let mut fds = [PollFd::new(self.alive.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, PollTimeout::from(1000u16));
            if fds[0].revents().is_some_and(|r| r.contains(PollFlags::POLLHUP)) {
                return Ok(now());
            }
        }
        Err(format!("services were left after {seconds} s"))
    }
}

/// Waits until the own processes of all these worlds have nothing to do: for 200 ms no CPU time, at most 3 s.
pub fn settle(worlds: &[&World]) {
    let (mut last, mut quiet) = (u64::MAX, 0);
    for _ in 0..60 {
        let cpu = worlds.iter().map(|w| w.own_cpu()).sum();
        quiet = if cpu == last { quiet + 1 } else { 0 };
        if quiet == 4 {
            return;
        }
        last = cpu;
        pause(50);
    }
}

impl Entered {
    /// Gives the word.
    ///
    /// # Errors
    /// The command is gone.
    pub fn go(&mut self) -> Result<()> {
        self.child.stdin.as_mut().ok_or("no pipe")?.write_all(b"\n").doing("giving the word")
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The command could not be run.
    pub fn told(mut self) -> Result<Told> {
        let mut text = String::new();
        self.out.read_to_string(&mut text).doing("reading what a command told")?;
        let _ = self.child.wait();
        serde_json::from_str(&text).doing("what a command told")
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // PID 1 goes with `unshare`, its namespace with PID 1.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.cgroup.empty();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
