//! The process the user started: from the boot to the command's end.

use super::cgroup::Group;
use super::error::{Doing, Error};
use super::inside::Plan;
use super::keeper::{self, Order, Pipes};
use super::ready::{Ready, Step};
use super::report::{Listener, Record, Teller};
use super::{Args, binaries, join};
use init::sys::ns::fork_alone;
use init::sys::pidfd;
use init::unit::Level;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{IsTerminal, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How much of the console's end is kept to show why a boot failed.
const CONSOLE_TAIL: usize = 4096;

/// Everything; gives the exit status.
pub fn run(args: Args) -> Result<u8, Error> {
    let plan = plan(&args)?;
    let kept = plan.kept.clone();
    let command = join::Command {
        words: args.command,
        folder: std::env::current_dir().ok(),
        mask: SigSet::thread_get_mask().doing(|| "read the signal mask".into())?,
    };
    let mut session = Session::start(plan, command)?;
    let result = session.turn();
    if result.is_err() {
        session.finish();
    }
    if let Some(folder) = kept {
        keep(&folder);
    }
    result
}

fn plan(args: &Args) -> Result<Plan, Error> {
    let folder = |path: &Path| {
        let real = fs::canonicalize(path).doing(|| format!("find the folder `{}`", path.display()))?;
        if real.is_dir() { Ok(real) } else { Err(Error::new(format!("`{}` is no folder", path.display()))) }
    };
    let units = args.units.iter().map(|p| folder(p)).collect::<Result<Vec<_>, _>>()?;
    let root = args.root.as_deref().map_or_else(|| Ok(PathBuf::from("/")), folder)?;
    let programs = binaries::folder()?;
    let kept = if args.keep { Some(kept_folder()?) } else { None };
    Ok(Plan {
        units,
        root,
        level: args.level.unwrap_or_else(default_level),
        all: args.all,
        host_net: args.host_net,
        kept,
        programs,
        user: !may_mount(),
        group: Group::create(),
    })
}

fn default_level() -> Level {
    Level::from_char('3').unwrap_or(Level::SINGLE)
}

/// Whether we have `CAP_SYS_ADMIN`; root in a container may lack it.
fn may_mount() -> bool {
    const SYS_ADMIN: u32 = 21;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let caps = status.lines().find_map(|l| l.strip_prefix("CapEff:"));
    caps.and_then(|c| u64::from_str_radix(c.trim(), 16).ok()).is_some_and(|c| c & (1 << SYS_ADMIN) != 0)
}

fn kept_folder() -> Result<PathBuf, Error> {
    let pattern = std::env::temp_dir().join("rung-sandbox-XXXXXX");
    nix::unistd::mkdtemp(&pattern).doing(|| format!("make a folder like `{}`", pattern.display()))
}

/// What was written stays; overlayfs's own folders go.
fn keep(folder: &Path) {
    let _ = fs::remove_dir_all(folder.join("work"));
    let _ = fs::remove_dir(folder.join("root"));
    eprintln!("initctl sandbox: what was written is in `{}`", folder.join("upper").display());
}

/// What is under way.
#[derive(Debug)]
enum Phase {
    Building,
    Booting(Ready),
    Running(Pid),
    Over,
}

/// A sandbox from initctl's side.
#[derive(Debug)]
struct Session {
    command: join::Command,
    level: Level,
    group: Option<Group>,
    keeper: Option<Pid>,
    init: Option<i32>,
    /// The same, for waiting; its parent is the keeper.
    handle: Option<OwnedFd>,
    built: bool,
    orders: File,
    reports: Option<Listener>,
    console: Option<File>,
    copy: Option<File>,
    signals: SignalFd,
    tail: VecDeque<u8>,
    phase: Phase,
    /// We asked for the end.
    ordered: bool,
    /// Sent by a person: how we end, whatever the command does.
    told: Option<i32>,
    status: Option<u8>,
    ended: Option<Record>,
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Error> {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).doing(|| "make a pipe".into())
}

impl Session {
    fn start(plan: Plan, command: join::Command) -> Result<Self, Error> {
        let mut mask = SigSet::empty();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGCHLD] {
            mask.add(signal);
        }
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .doing(|| "watch for signals".into())?;
        // Taking the terminal back from a shell that has ended must not stop us; a broken pipe is an error to handle.
        mask.add(Signal::SIGTTOU);
        mask.add(Signal::SIGPIPE);
        mask.thread_swap_mask(SigmaskHow::SIG_BLOCK).doing(|| "block signals".into())?;
        let copy = std::env::var_os(super::CONSOLE_FILE).map(File::create).transpose();
        let copy = copy.doing(|| format!("create the file that {} names", super::CONSOLE_FILE))?;
        let (orders_read, orders) = pipe()?;
        let (reports, reports_write) = pipe()?;
        let (console, console_write) = pipe()?;
        let keeper = fork_alone().doing(|| "fork".into())?;
        if keeper.is_none() {
            drop((orders, reports, console, signals));
            let teller = Teller::new(reports_write);
            keeper::run(&plan, Pipes { orders: orders_read, teller, console: console_write });
            std::process::exit(0);
        }
        Ok(Self {
            command,
            level: plan.level,
            group: plan.group,
            keeper,
            init: None,
            handle: None,
            built: false,
            orders: orders.into(),
            reports: Some(Listener::new(reports)),
            console: Some(console.into()),
            copy,
            signals,
            tail: VecDeque::new(),
            phase: Phase::Building,
            ordered: false,
            told: None,
            status: None,
            ended: None,
        })
    }

    /// Until the keeper has told everything.
    fn turn(&mut self) -> Result<u8, Error> {
        let mut failure = None;
        while self.reports.is_some() {
            self.wait();
            self.read_console();
            if let Err(error) = self.hear() {
                failure.get_or_insert(error);
                self.order(Order::Kill);
            }
            if let Err(error) = self.booting() {
                failure.get_or_insert(error);
                self.order(Order::Stop);
            }
            self.notice();
        }
        self.finish();
        if let Some(signal) = self.told {
            return Ok(128 + u8::try_from(signal).unwrap_or(0));
        }
        match (failure, self.status) {
            (Some(error), _) => Err(error),
            (None, Some(status)) => Ok(self.taken_along().unwrap_or(status)),
            (None, None) => Err(self.died_early()),
        }
    }

    fn order(&mut self, order: Order) {
        self.ordered = true;
        let _ = self.orders.write_all(&[order.byte()]);
    }

    fn wait(&self) {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.reports.as_ref().map(|r| PollFd::new(r.as_fd(), PollFlags::POLLIN)));
        fds.extend(self.console.as_ref().map(|c| PollFd::new(c.as_fd(), PollFlags::POLLIN)));
        let mut timeout = PollTimeout::NONE;
        if let Phase::Booting(ready) = &self.phase {
            fds.push(PollFd::new(ready.fd(), PollFlags::POLLIN));
            timeout = ready.timeout();
        }
        let _ = poll(&mut fds, timeout);
    }

    fn readable(fd: impl AsFd) -> bool {
        let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|n| n > 0)
    }

    /// Keeps the end of what init prints; shows it while a person waits at a terminal for a shell.
    fn read_console(&mut self) {
        let show = self.command.words.is_empty() && matches!(self.phase, Phase::Building | Phase::Booting(_));
        let Some(console) = self.console.as_mut().filter(|c| Self::readable(c.as_fd())) else { return };
        let mut chunk = [0; 4096];
        match console.read(&mut chunk) {
            Ok(n) if n > 0 => {
                let text = chunk.get(..n).unwrap_or_default();
                self.tail.extend(text);
                if let Some(file) = &mut self.copy {
                    let _ = file.write_all(text);
                }
                let over = self.tail.len().saturating_sub(CONSOLE_TAIL);
                self.tail.drain(..over);
                if show && std::io::stderr().is_terminal() {
                    let _ = std::io::stderr().write_all(text);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            _ => self.console = None,
        }
    }

    /// What the keeper and the sandbox's first process tell.
    fn hear(&mut self) -> Result<(), Error> {
        let Some(listener) = self.reports.as_mut().filter(|r| Self::readable(r.as_fd())) else { return Ok(()) };
        let Some(records) = listener.read() else {
            self.reports = None;
            return Ok(());
        };
        for record in records {
            match record {
                Record::Pid(pid) => {
                    self.init = Some(pid);
                    self.handle = pidfd::open(pid).ok();
                }
                Record::Built => self.built = true,
                Record::Failed(text) => return Err(Error::new(text)),
                Record::Exited(_) | Record::Killed(_) => {
                    // A machine that ends itself takes the command along; either may be seen first.
                    let by_itself =
                        matches!((&record, &self.phase), (Record::Exited(_), Phase::Running(_))) || self.ordered;
                    self.ended = Some(record);
                    if !by_itself {
                        return Err(self.died_early());
                    }
                }
            }
        }
        Ok(())
    }
    /// From the built sandbox to the started command.
    fn booting(&mut self) -> Result<(), Error> {
        if let (Phase::Building, true, Some(init)) = (&self.phase, self.built, self.init) {
            match Ready::new(init, self.level) {
                Ok(ready) => self.phase = Phase::Booting(ready),
                // It has ended already, which the keeper is about to tell.
                Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno).doing(|| "watch for the sandbox's control socket".into()),
            }
        }
        let (Phase::Booting(ready), Some(init)) = (&mut self.phase, self.init) else { return Ok(()) };
        match ready.step() {
            Step::Wait => {}
            Step::Refused(text) => {
                let text = format!("level {} can't be reached: {text}", self.level);
                self.phase = Phase::Over;
                return Err(Error::new(text + &self.last_words()));
            }
            Step::Reached(failed) => {
                for reason in failed {
                    eprintln!("initctl sandbox: {reason}");
                }
                self.phase = Phase::Over;
                self.phase = Phase::Running(join::start(init, &self.command)?);
            }
        }
        Ok(())
    }

    /// Signals, and the ends of our children.
    fn notice(&mut self) {
        while let Ok(Some(info)) = self.signals.read_signal() {
            let signal = i32::try_from(info.ssi_signo).unwrap_or(0);
            let by_key = info.ssi_code == libc::SI_KERNEL && matches!(self.phase, Phase::Running(_));
            // A key on the terminal reaches the command too, which knows what it means to it.
            if signal == libc::SIGCHLD || (by_key && signal != libc::SIGHUP) {
                continue;
            }
            // Asked again: no more patience.
            self.order(if self.told.is_some() { Order::Kill } else { Order::Stop });
            self.told.get_or_insert(signal);
        }
        let Phase::Running(command) = self.phase else { return };
        if !self.over(waitpid(command, Some(WaitPidFlag::WNOHANG))) {
            return;
        }
        self.phase = Phase::Over;
        take_terminal_back();
        self.order(Order::Stop);
    }

    /// Waits for our children; clears up if the keeper itself was killed.
    fn finish(&mut self) {
        if let Phase::Running(command) = self.phase {
            let waited = waitpid(command, None);
            if matches!(self.ended, Some(Record::Exited(_))) {
                self.over(waited);
            }
            self.phase = Phase::Over;
        }
        if let Some(keeper) = self.keeper.take() {
            let clean = matches!(waitpid(keeper, None), Ok(WaitStatus::Exited(..)));
            if clean {
                return;
            }
            // PID 1 dies of it, and with it all the rest; but only after a moment.
            if let Some(handle) = &self.handle {
                let _ = poll(&mut [PollFd::new(handle.as_fd(), PollFlags::POLLIN)], PollTimeout::from(5000_u16));
            }
            if let Some(group) = &self.group {
                group.remove();
            }
        }
    }

    /// The sandbox ended although nobody asked it to.
    /// Takes down how the command ended, if it has.
    fn over(&mut self, waited: nix::Result<WaitStatus>) -> bool {
        self.status = match waited {
            Ok(WaitStatus::Exited(_, code)) => Some(u8::try_from(code).unwrap_or(u8::MAX)),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(128 + u8::try_from(signal as i32).unwrap_or(0)),
            _ => return false,
        };
        true
    }

    /// The status of a PID 1 that ended by itself, an essential service's, where that took the command along.
    fn taken_along(&self) -> Option<u8> {
        match self.ended {
            Some(Record::Exited(code)) if self.status > Some(128) && code != 0 => u8::try_from(code).ok(),
            _ => None,
        }
    }

    fn died_early(&self) -> Error {
        let when = match self.phase {
            Phase::Building if !self.built => "before it was built",
            Phase::Building | Phase::Booting(_) => "before the level was reached",
            Phase::Running(_) | Phase::Over => "while the command ran",
        };
        let how = match &self.ended {
            Some(Record::Exited(code)) => format!("its PID 1 exited with status {code}"),
            Some(Record::Killed(signal)) => {
                let name = Signal::try_from(*signal).map_or("an unknown signal", Signal::as_str);
                format!("its PID 1 was ended by {name}")
            }
            _ => "its keeper was ended".to_owned(),
        };
        Error::new(format!("the sandbox ended {when}: {how}{}", self.last_words()))
    }

    /// The end of what init printed.
    fn last_words(&self) -> String {
        let bytes: Vec<u8> = self.tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
        if last.is_empty() {
            return "\n  It printed nothing.".to_owned();
        }
        format!("\n  The last it printed:\n    {}", last.join("\n    "))
    }
}

/// A shell that was killed leaves the terminal to a group that is gone.
fn take_terminal_back() {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let _ = nix::unistd::tcsetpgrp(&stdin, nix::unistd::getpgrp());
    }
}
