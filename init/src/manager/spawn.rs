//! From the core's wish to a process: instance, environment, identity, plan, and PID 1's frame.

use super::accounts::{Answers, Wish};
use super::envfiles;
use super::fifo;
use super::instance::{self, End, Instance, Logs, parked};
use super::plan::{self, Inputs, Stdio};
use super::poison;
use super::reactor::NOTIFY;
use super::state::Manager;
use crate::core::{Event, Phase};
use crate::proto::logger::{self, Stream};
use crate::proto::pid1::{Exit, Key, Power};
use crate::sys::epoll::Ready;
use crate::sys::memory::TUNED;
use crate::sys::{file, memfd, pipe, wait};
use crate::unit::{ExecKind, Input, NotifyAccess, Output, Source, Unit, UnitName};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Names a process's unit where there are no cgroups to tell.
pub const UNIT_VARIABLE: &str = "RUNG_UNIT";
/// Where programs without a path are looked for, as in systemd.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The script asks nobody, and what it says goes to the log.
fn without_console(unit: &Unit) -> Rc<Unit> {
    let mut unit = unit.clone();
    (unit.service.input, unit.service.output, unit.service.error) = (Input::Null, Output::Log, Output::Inherit);
    Rc::new(unit)
}

impl Manager {
    /// Asks for a process once more: PID 1 could not even begin with it.
    pub fn ask_again(&mut self, key: Key) {
        self.sites.forget_one(key);
        if let Some(action) = self.core.birth(key) {
            self.perform(action);
        }
    }

    /// Starts a process, or tells the core why it can't be. `answers`: what `getent` has said about its user so far.
    pub fn spawn(&mut self, wish: Wish, answers: &Answers) {
        let Wish { unit, key, .. } = wish;
        if self.removals.hold(wish) {
            return;
        }
        let note = poison::start(self.core.name(unit).as_str(), key);
        let tried = if self.poison.is_poison(&note) {
            Err("the manager died twice while it started this unit; change its file, or report this".to_owned())
        } else {
            self.poison.note(&note);
            let tried = self.try_spawn(wish, answers);
            // Its pipes reach the logger right behind its plan.
            self.logger.flush_prompt();
            self.poison.done();
            tried
        };
        if let Err(reason) = tried {
            self.crowd.settled(key);
            self.plan_failures.insert(unit, reason.clone());
            // Not in this turn: units that can't be started and come again at once would leave no time for anything else.
            self.unplanned.push(Event::NoPlan { key, reason });
        }
    }

    fn try_spawn(&mut self, wish: Wish, answers: &Answers) -> Result<(), String> {
        let Wish { unit: id, key, kind, index, main_pid } = wish;
        let unit = self.core.view(id).unit.cloned().ok_or("its definition is gone")?;
        let command = unit.service.commands(kind).nth(index).cloned().ok_or("the command is gone from its file")?;
        let Some(identity) = self.identity(wish, &unit, answers)? else { return Ok(()) };
        let unit = if self.console_is_taken(&unit) { without_console(&unit) } else { unit };
        self.instance(&unit, key.token)?;
        let (env_files, mut notes) = envfiles::read(&unit)?;
        let inherited = envfiles::inherited();
        let mut base_env = self.base_env(unit.name.as_str(), key.token);
        base_env.extend(self.told(id, &unit, kind));
        let heard = is_heard(&unit, kind);
        let notify = self.instances.get(&key.token).and_then(|i| i.notify.as_ref()).filter(|_| heard);
        let notify = notify.map(|_| instance::notify_path(&self.machine.run_dir, key.token).display().to_string());
        let vacated = self.vacated.remove(&unit.name);
        let slain = vacated && self.slain.contains(&unit.name);
        if self.tree.as_ref().is_some_and(|tree| slain && tree.remove(unit.name.as_str())) {
            self.slain.remove(&unit.name);
        }
        let missing = key.step == 0 && !vacated && !self.slain.contains(&unit.name);
        let cgroup = self.tree.as_ref().map(|t| t.prepare(unit.name.as_str(), missing)).transpose();
        let cgroup = cgroup.map_err(|e| format!("cannot make the cgroup of {}: {e}", unit.name))?;
        if let (Some(tree), Some(last)) = (&self.tree, cgroup.as_ref().filter(|_| vacated)) {
            tree.renew(last);
        }
        let (cgroup, born) = cgroup.unzip();
        // Where `cgroup.kill` was written once, the kernel (from 6.13 on) kills at birth whom it finds born from outside.
        let born = born.flatten().filter(|_| !self.slain.contains(&unit.name));
        let (mut stdio, mut fds) = self.streams(&unit, key.token)?;
        if kind == ExecKind::Start && unit.service.readiness.notify_fd.is_some() {
            stdio.ready = u16::try_from(fds.len()).ok();
            fds.push(Rc::new(self.make_ready(key.token)?));
        }
        let listens = fifo::is_listener(&unit, kind, &command);
        if let Some(fifo) = listens.then(fifo::prepare).flatten() {
            stdio.listen = u16::try_from(fds.len()).ok();
            fds.push(Rc::new(fifo));
        }
        let invocation = self.invocation(key.token);
        let inputs = Inputs {
            unit: &unit,
            kind,
            command: &command,
            identity: &identity,
            env_files: &env_files,
            base_env: &base_env,
            inherited: &inherited,
            invocation: Some(&invocation),
            main_pid,
            notify_socket: notify.as_deref(),
            cgroup: cgroup.as_deref(),
            cgroup_required: true,
            stdio,
            nofile: self.machine.nofile,
            terminal: None,
            resolve: &|name| find_for(&unit, kind, name),
        };
        let compiled = plan::compile(&inputs)?;
        notes.extend(compiled.notes);
        for text in notes {
            self.logger.send(logger::Request::Note { name: unit.name.short().to_owned(), text }, None);
        }
        // Ours, and it mounts nothing.
        self.boot.ran |= !listens;
        self.known.peopled(key);
        self.sites.keep(key, compiled.sites);
        self.plan_failures.remove(&id);
        let handed = self.link.spawn(key, &compiled.bytes, fds, born);
        if self.logger.wants_first() {
            self.logger_if_due(wait::now_ms());
        }
        handed.map_err(|e| format!("cannot hand the plan over: {}", e.desc()))
    }

    /// The instance's descriptors: there, parked by a manager before us, or new.
    fn instance(&mut self, unit: &Unit, token: u64) -> Result<(), String> {
        if self.instances.contains_key(&token) {
            return Ok(());
        }
        let notify = (unit.service.notify_access() != NotifyAccess::None)
            .then(|| instance::notify_path(&self.machine.run_dir, token));
        let mut instance = match self.take_spare(unit) {
            Some(instance) => instance,
            None => {
                let logs = if uses_log(unit) { self.log_pipes_for_one() } else { Logs::None };
                self.has_own_pipes(&unit.name);
                Instance::create(&unit.name, token, logs, &mut self.link, &mut self.logger)?
            }
        };
        if let Some(path) = notify {
            instance.listen(token, &path, &mut self.link)?;
        }
        self.note_pipes(&unit.name, &instance);
        self.adopt_instance(token, instance);
        if plan::clearing(unit, true, true).is_some()
            && let Ok(mark) = memfd::create(c"rung-left").or_else(|_| pipe::holding(b""))
        {
            self.link.park(token, parked::LEFT, mark);
        }
        Ok(())
    }

    /// How many pipes an instance gets. PID 1, which keeps them, can't hold more descriptors than the machine allows it, and
    /// more than its table has places for.
    fn log_pipes_for_one(&mut self) -> Logs {
        if !is_crowded(self.pipes.len(), self.machine.descriptors) {
            return Logs::Two;
        }
        if !std::mem::replace(&mut self.told_crowded, true) {
            let text = format!(
                "process 1 can keep {} descriptors: from now on a service's standard error goes into the same pipe as its \
                 output, and the log says `out` of both",
                self.machine.descriptors
            );
            self.console.write(&super::console::line("warn", &text, None));
        }
        Logs::One
    }

    /// Remembers which log pipes there are, for a logger that has to be started anew.
    pub fn note_pipes(&mut self, unit: &UnitName, instance: &Instance) {
        if instance.out.is_some() {
            if instance.err.is_some() {
                self.pipes.insert((instance.logs, Stream::Err), unit.clone());
            }
            self.pipes.insert((instance.logs, Stream::Out), unit.clone());
        }
    }

    /// Takes an instance's descriptors into the loop.
    pub fn adopt_instance(&mut self, token: u64, instance: Instance) {
        if let Some(socket) = &instance.notify {
            let _ = self.epoll.add(socket, Ready::EPOLLIN, NOTIFY | token);
        }
        self.instances.insert(token, instance);
        self.watch_ready(token);
    }

    /// `NotifyFd=`: a pipe for this start; the service's end of it.
    fn make_ready(&mut self, token: u64) -> Result<OwnedFd, String> {
        let (read, write) = instance::ready_pipe(token, &mut self.link)?;
        if let Some(instance) = self.instances.get_mut(&token) {
            instance.ready = Some(read);
        }
        self.watch_ready(token);
        Ok(write)
    }

    pub(super) fn base_env(&self, unit: &str, token: u64) -> Vec<(String, String)> {
        let (previous, current, to) = self.core.levels();
        // A process started by a switch sees the level that is being entered.
        let level = to.or(current);
        let left = if to.is_some() { current } else { previous };
        let word = |l: Option<crate::unit::Level>| l.map_or_else(|| "N".to_owned(), |l| l.to_string());
        let left = left.filter(|l| previous.is_some() || *l != crate::unit::Level::S);
        let own = envfiles::inherited().into_iter().filter(|(name, _)| envfiles::is_locale(name));
        let sysv = self.sysv_source(unit);
        // As sysvinit's children: PID 1's own environment, with the kernel's words `NAME=value` in it.
        let all = if sysv.is_some() { envfiles::inherited() } else { Vec::new() };
        let mut env: Vec<_> = all.into_iter().filter(|(name, _)| !is_managers(name)).collect();
        env.extend(own.chain(self.locale.get_or_init(envfiles::locale).iter().cloned()));
        env.extend([("RUNLEVEL".to_owned(), word(level)), ("PREVLEVEL".to_owned(), word(left))]);
        if let Some(sysv) = sysv {
            let script = sysv.is_script();
            // Nobody is there who chose how to boot.
            let auto = self.machine.command_line.split_ascii_whitespace().any(|w| w == "auto" || w == "-a");
            env.extend(auto.then(|| ("AUTOBOOT".to_owned(), "YES".to_owned())));
            env.extend(sysv_env(&word(level), &word(left), script.then_some(unit)));
            // Variables that were set by way of /run/initctl.
            let set = file::read_text(&self.machine.run_dir.join("environment"), 1 << 16).unwrap_or_default();
            env.extend(crate::unit::envfile::parse(&set).0);
            env.extend(self.going.and_then(|going| init_halt(going.how)));
        }
        for name in ["container", "RUNG_RUNDIR"] {
            env.extend(std::env::var(name).ok().map(|value| (name.to_owned(), value)));
        }
        if self.tree.is_none() {
            env.push(("RUNG_INSTANCE".to_owned(), token.to_string()));
            env.push((UNIT_VARIABLE.to_owned(), unit.to_owned()));
        }
        env
    }

    /// Where a unit came from, if that was SysV's.
    fn sysv_source(&self, unit: &str) -> Option<Source> {
        let id = self.core.id(&UnitName::new(unit).ok()?)?;
        let source = super::control::status::definition(&self.core.view(id))?.source;
        (source.is_script() || source == Source::Inittab).then_some(source)
    }

    /// Whether a script that asks for the console isn't to have it: a container's is somebody else's, and once a level was
    /// reached somebody may be logged in there and would be thrown out. On the way down nobody is any more.
    fn console_is_taken(&self, unit: &Unit) -> bool {
        let booted = self.core.levels().1.is_some_and(|level| level != crate::unit::Level::S);
        let asks = unit.source == Source::Script && unit.service.input == Input::TtyForce;
        asks && (self.machine.container || booted && self.going.is_none())
    }

    /// The descriptors that go with the plan, and their places.
    fn streams(&mut self, unit: &Unit, token: u64) -> Result<(Stdio, Vec<Rc<OwnedFd>>), String> {
        let (mut stdio, mut fds) = (Stdio::default(), Vec::new());
        let place = |fds: &mut Vec<Rc<OwnedFd>>, fd: Option<Rc<OwnedFd>>| {
            let fd = fd?;
            fds.push(fd);
            u16::try_from(fds.len() - 1).ok()
        };
        let service = &unit.service;
        if service.input == Input::Inherit {
            let fd = self.parked(0, "stdin")?;
            stdio.input = place(&mut fds, fd);
        }
        if service.output == Output::Raw {
            let (out, err) = (self.parked(0, "stdout")?, self.parked(0, "stderr")?);
            stdio.output = place(&mut fds, out);
            stdio.error = place(&mut fds, err);
        } else if uses_log(unit) {
            let share = |i: &mut Instance| (End::share(&mut i.out), End::share(&mut i.err));
            let (out, err) = self.instances.get_mut(&token).map_or((None, None), share);
            stdio.output = place(&mut fds, out);
            stdio.error = place(&mut fds, err).or(stdio.output);
        }
        Ok((stdio, fds))
    }

    fn parked(&mut self, token: u64, name: &str) -> Result<Option<Rc<OwnedFd>>, String> {
        self.link.fetch(token, name).map(|fd| fd.map(Rc::new)).map_err(|_| {
            self.over = true;
            "process 1 doesn't answer".to_owned()
        })
    }

    /// A process never ran: keeps the sentence that says at which step, with key and place. One that was a script's `stop`:
    /// keeps its status where that is neither success nor failure.
    pub fn remember_failure(&mut self, key: Key, exit: Exit) {
        let sites = self.sites.take(key);
        let ended = self.core.token_unit(key.token).map(|id| (id, self.core.view(id)));
        if let Some((id, view)) = ended.filter(|(_, view)| view.phase == Phase::Stop && view.control_key == Some(key)) {
            let script = view.unit.is_some_and(|unit| unit.source.is_script());
            match exit {
                Exit::Code(status @ 5..=7) if script => drop(self.stop_status.insert(id, status)),
                _ => drop(self.stop_status.remove(&id)),
            }
        }
        let (Exit::NotRun { stage, errno }, Some(id)) = (exit, self.core.token_unit(key.token)) else { return };
        let Some(unit) = self.core.view(id).unit.cloned() else { return };
        let text = plan::failure_sentence(&unit, sites.as_deref().unwrap_or_default(), stage, errno);
        self.plan_failures.insert(id, text);
    }

    /// Starts the logger with its socket as descriptor 3.
    pub fn spawn_logger(&mut self) {
        let made = self.logger.peer();
        let parked = || self.link.fetch(super::logger::TOKEN, "log-peer").ok().flatten().map(Rc::new);
        let Some(socket) = made.or_else(parked) else { return };
        let stdout =
            if self.machine.container { self.link.fetch(0, "stdout").ok().flatten().map(Rc::new) } else { None };
        self.logger_key.step = self.logger_key.step.wrapping_add(1) & 0x7fff_ffff;
        let key = self.logger_key;
        let rundir = format!("RUNG_RUNDIR={}", self.machine.run_dir.display());
        let mut env = vec![format!("PATH={PATH}"), rundir, TUNED.to_owned()];
        env.extend(std::env::var("RUNG_LOGDIR").ok().map(|d| format!("RUNG_LOGDIR={d}")));
        if self.machine.container {
            env.push("RUNG_LOG_STDOUT=1".to_owned());
        }
        let fds = std::iter::once((socket, 3)).chain(stdout.map(|fd| (fd, 1))).collect();
        self.start_helper(key, &beside("init-log"), &["init-log"], &env, fds);
    }
}

/// Variables that are for the manager, or for whoever made a sandbox.
fn is_managers(name: &str) -> bool {
    let own = ["RUNG_", "LISTEN_"];
    own.iter().any(|prefix| name.starts_with(prefix))
        || ["NOTIFY_SOCKET", "INVOCATION_ID", "PWD", "OLDPWD", "SHLVL", "_"].contains(&name)
}

/// How the machine ends, for scripts of level 0; `shutdown` of sysvinit sets it.
fn init_halt(how: Power) -> Option<(String, String)> {
    let word = match how {
        Power::Halt => "HALT",
        Power::PowerOff | Power::Cut => "POWEROFF",
        Power::Reboot => return None,
    };
    Some(("INIT_HALT".to_owned(), word.to_owned()))
}

/// What init gives its children, and rc its scripts (`runlevel` and `previous`). A script is told its unit as well: by
/// that the hook for people's calls of scripts knows that Rung is at work.
pub fn sysv_env(level: &str, left: &str, script: Option<&str>) -> Vec<(String, String)> {
    let console = std::env::var("CONSOLE").unwrap_or_else(|_| "/dev/console".to_owned());
    let fixed = [
        ("PATH", "/sbin:/usr/sbin:/bin:/usr/bin"),
        ("SHELL", "/bin/sh"),
        ("HOME", "/"),
        ("INIT_VERSION", concat!("sysvinit-rung-", env!("CARGO_PKG_VERSION"))),
        ("CONSOLE", &console),
        ("runlevel", level),
        ("previous", left),
    ];
    let mut env: Vec<(String, String)> = fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    env.push(("TERM".to_owned(), std::env::var("TERM").unwrap_or_else(|_| "linux".to_owned())));
    env.extend(script.map(|unit| (UNIT_VARIABLE.to_owned(), unit.to_owned())));
    env
}

/// A program beside this one, or where Rung is installed.
pub fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok().and_then(|p| Some(p.parent()?.join(name)));
    let argv = || std::env::args_os().next().map(PathBuf::from).and_then(|p| Some(p.parent()?.join(name)));
    [own, argv()].into_iter().flatten().find(|p| p.exists()).unwrap_or_else(|| Path::new("/usr/lib/rung").join(name))
}

/// Whether a process is told where it may say something: those whose words count.
pub(super) fn is_heard(unit: &Unit, kind: ExecKind) -> bool {
    match unit.service.notify_access() {
        NotifyAccess::None => false,
        NotifyAccess::Main => kind == ExecKind::Start,
        NotifyAccess::Exec | NotifyAccess::All => true,
    }
}

/// Whether one of its streams goes to the log.
pub(super) fn uses_log(unit: &Unit) -> bool {
    unit.service.output == Output::Log || unit.service.error == Output::Log
}

/// Whether services get one log pipe each from now on. `pipes`: those there are, of each of which PID 1 keeps an end.
/// `most`: descriptors it can have. What is left then is for a pipe each, and notify sockets.
fn is_crowded(pipes: usize, most: usize) -> bool {
    pipes.saturating_mul(2) >= most
}

/// The first file of that name in [`PATH`] that can be executed.
pub fn find_program(name: &str) -> Option<PathBuf> {
    find(name, PATH.split(':').map(Path::new), Path::new("/"))
}

/// The same for a command of a unit: along `ExecSearchPath=`, below `RootDirectory=`.
pub(super) fn find_for(unit: &Unit, kind: ExecKind, name: &str) -> Option<PathBuf> {
    let exec = &unit.service.exec;
    let inside = kind == ExecKind::Start || !exec.root_start_only;
    let root = exec.root.as_deref().filter(|_| inside).unwrap_or(Path::new("/"));
    if exec.search_path.is_empty() {
        find(name, PATH.split(':').map(Path::new), root)
    } else {
        find(name, exec.search_path.iter().map(PathBuf::as_path), root)
    }
}

fn find<'p>(name: &str, folders: impl Iterator<Item = &'p Path>, root: &Path) -> Option<PathBuf> {
    let can_run = |path: &Path| {
        let place = root.join(path.strip_prefix("/").unwrap_or(path));
        nix::unistd::access(&place, nix::unistd::AccessFlags::X_OK).is_ok() && place.is_file()
    };
    folders.map(|folder| folder.join(name)).find(|path| can_run(path))
}
