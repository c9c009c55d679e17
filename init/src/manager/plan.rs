//! A unit's command → the plan its process carries out. Pure: whom it runs as, what files hold and where programs lie is
//! handed in.
//!
//! Order of the steps: session, signals, limits, scheduling, cgroup, folders of its own, the three streams, umask, root and
//! working folder, capabilities, groups and user, `execve`. What needs privilege comes before they are given up; the streams are opened as root, as in systemd.

mod directories;
mod environment;
mod explain;
mod rights;
mod sites;
#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

pub use directories::clearing;
pub use explain::{failure_sentence, lines, steps};
pub use sites::Sites;

use crate::proto::plan::{Access, Ids, MAX_LEN, Plan, Step, Strings, strings};
use crate::unit::accounts::Identity;
use crate::unit::variables;
use crate::unit::{Command, ExecKind, Input, Output, Place, Privilege, ServiceType, Source, Terminal, Unit};
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Places of the descriptors that go with the plan (the plan itself isn't counted). What is `None` is opened by the
/// process itself, or is `/dev/null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stdio {
    /// PID 1's own standard input for [`Input::Inherit`]; for [`Input::Null`] an open `/dev/null`, where it has no name.
    pub input: Option<u16>,
    /// The log's pipe for [`Output::Log`], PID 1's own standard output for [`Output::Raw`].
    pub output: Option<u16>,
    /// The same for standard error.
    pub error: Option<u16>,
    /// The readiness pipe for `NotifyFd=`.
    pub ready: Option<u16>,
    /// The FIFO for the listener at `/run/initctl`, whose signals wait until it reads them.
    pub listen: Option<u16>,
}

/// What a plan is made from.
pub struct Inputs<'a> {
    /// Whose process.
    pub unit: &'a Unit,
    /// Which commands.
    pub kind: ExecKind,
    /// The command.
    pub command: &'a Command,
    /// `User=` and `Group=`, looked up.
    pub identity: &'a Identity,
    /// What the files of `EnvironmentFile=` hold, in order.
    pub env_files: &'a [(String, String)],
    /// What every process gets: the locale, `RUNLEVEL`, `PREVLEVEL`, …
    pub base_env: &'a [(String, String)],
    /// The environment init itself was started with: for `PassEnvironment=`, and `TERM` of the console.
    pub inherited: &'a [(String, String)],
    /// `$INVOCATION_ID`: 32 digits.
    pub invocation: Option<&'a str>,
    /// `$MAINPID`
    pub main_pid: Option<i32>,
    /// `$NOTIFY_SOCKET`
    pub notify_socket: Option<&'a str>,
    /// The service's cgroup.
    pub cgroup: Option<&'a Path>,
    /// Whether a process that can't join it may not run.
    pub cgroup_required: bool,
    /// The descriptors that go with the plan.
    pub stdio: Stdio,
    /// The limit of open descriptors PID 1 was started with: (soft, hard).
    pub nofile: Option<(u64, u64)>,
    /// The terminal that [`Input::Inherit`] is, to become the controlling one.
    pub terminal: Option<&'a Path>,
    /// Finds a program by its bare name, along `ExecSearchPath=` and below `RootDirectory=`; its path is one below that.
    pub resolve: &'a dyn Fn(&str) -> Option<PathBuf>,
}

/// What a step belongs to, for the sentence about its failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The key, without `=`.
    pub key: &'static str,
    /// Where the key was given; a place in the unit's files.
    pub place: Option<Place>,
    /// What can't be done when the step fails: `run /usr/bin/foo`.
    pub doing: Cow<'static, str>,
}

/// A plan and, for each of its steps, what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The plan, ready to be sent.
    pub bytes: Vec<u8>,
    /// One for each step.
    pub sites: Vec<Site>,
    /// What the service's log should tell, though nothing fails by it: sentences.
    pub notes: Vec<String>,
}

/// Makes the plan.
///
/// # Errors
/// A sentence that names key, place and remedy.
pub fn compile(inputs: &Inputs<'_>) -> Result<Compiled, String> {
    let mut plan = Builder { inputs, plan: Plan::default(), sites: Vec::new(), notes: Vec::new() };
    plan.process();
    plan.scheduling();
    plan.cgroup()?;
    plan.folders()?;
    plan.terminal()?;
    plan.streams()?;
    plan.readiness();
    plan.foreground();
    plan.folder()?;
    plan.rights();
    plan.exec()?;
    let at = plan.site(inputs.kind.key());
    let Builder { plan, sites, notes, .. } = plan;
    let bytes = plan.finish().ok_or_else(|| {
        explain::sentence(
            inputs.unit,
            &at,
            &format!("arguments and environment are longer than {MAX_LEN} bytes"),
            "shorten them",
        )
    })?;
    Ok(Compiled { bytes, sites, notes })
}

/// Ignored from the start unless told otherwise, as in systemd; not for `init -- CMD`, which is no daemon.
const SIGPIPE: u64 = 1 << (13 - 1);
/// Where the listener at `/run/initctl` finds the FIFO.
const LISTEN_FD: i32 = 3;
/// `RLIMIT_NOFILE`
const NOFILE: u32 = libc::RLIMIT_NOFILE;

/// What is done to a terminal before and after a run.
fn prepare<'p>(terminal: &Terminal, path: &'p CStr) -> Step<'p> {
    let Terminal { reset, hangup, clear, .. } = *terminal;
    Step::Terminal { path, reset, hangup, clear }
}

struct Builder<'i, 'a> {
    inputs: &'i Inputs<'a>,
    plan: Plan,
    sites: Vec<Site>,
    notes: Vec<String>,
}

impl Builder<'_, '_> {
    fn push(&mut self, key: &'static str, doing: impl Into<Cow<'static, str>>, step: Step<'_>) {
        let Inputs { unit, kind, command, .. } = *self.inputs;
        self.sites.push(site(unit, key, kind, command, doing.into()));
        self.plan.push(step);
    }

    /// A path for the kernel.
    fn path(&self, key: &'static str, path: &Path) -> Result<CString, String> {
        CString::new(path.as_os_str().as_bytes()).map_err(|_| self.refuse(key, "the path holds a NUL", "write another"))
    }

    fn refuse(&self, key: &'static str, what: &str, remedy: &str) -> String {
        explain::sentence(self.inputs.unit, &self.site(key), what, remedy)
    }

    /// Where a key stands, whatever fails there.
    fn site(&self, key: &'static str) -> Site {
        let Inputs { unit, kind, command, .. } = *self.inputs;
        site(unit, key, kind, command, Cow::default())
    }

    fn exec_key(&self) -> &'static str {
        self.inputs.kind.key()
    }

    /// Session, signals, limits, priority.
    fn process(&mut self) {
        let service = &self.inputs.unit.service;
        let key = self.exec_key();
        if service.input != Input::Inherit || self.inputs.terminal.is_some() {
            self.push(key, "begin a session", Step::Session);
        }
        let ignore = if service.ignore_sigpipe && service.input != Input::Inherit { SIGPIPE } else { 0 };
        // Without this step they stay blocked, as PID 1 has them.
        if self.inputs.stdio.listen.is_none() {
            self.push(key, "reset the signals", Step::Signals { ignore });
        }
        let full = self.privilege() == Privilege::Full;
        let limits = if full { [].as_slice() } else { service.limits.as_slice() };
        let own = limits.iter().any(|l| l.resource == NOFILE);
        if let Some((soft, hard)) = self.inputs.nofile.filter(|_| !own) {
            self.push("LimitNOFILE", "set the limit", Step::Limit { resource: NOFILE, soft, hard });
        }
        for limit in limits {
            let step = Step::Limit { resource: limit.resource, soft: limit.soft, hard: limit.hard };
            self.push(limit.key, "set the limit", step);
        }
        if let Some(value) = service.nice {
            self.push("Nice", format!("set the priority {value}"), Step::Nice { value });
        }
        if let Some(value) = service.oom_score_adjust {
            self.push("OOMScoreAdjust", format!("set the score {value}"), Step::OomScore { value });
        }
    }

    fn cgroup(&mut self) -> Result<(), String> {
        let Some(path) = self.inputs.cgroup else { return Ok(()) };
        let text = self.path(self.exec_key(), path)?;
        let step = Step::Cgroup { path: &text, required: self.inputs.cgroup_required };
        self.push(self.exec_key(), format!("join the cgroup {}", path.display()), step);
        Ok(())
    }

    /// What has PID 1's own terminal becomes its foreground job, instead of leading a session without one.
    fn foreground(&mut self) {
        if self.inputs.unit.service.input == Input::Inherit && self.inputs.terminal.is_none() {
            self.push("StandardInput", "come to the foreground", Step::Foreground);
        }
    }

    /// The terminal as the main process is to find it. What runs beside that one mustn't take it away.
    fn terminal(&mut self) -> Result<(), String> {
        let terminal = &self.inputs.unit.service.terminal;
        if !terminal.is_prepared() || !matches!(self.inputs.kind, ExecKind::StartPre | ExecKind::Start) {
            return Ok(());
        }
        let path = self.path("TTYPath", &terminal.path)?;
        let doing = format!("prepare the terminal {}", terminal.path.display());
        self.push("TTYPath", doing, prepare(terminal, &path));
        Ok(())
    }

    /// Whether the process may read from the unit's terminal: what runs beside the main process would take it from that
    /// one, so it reads nothing, as in systemd. An init script is all there is.
    fn may_read_terminal(&self) -> bool {
        let beside =
            matches!(self.inputs.kind, ExecKind::ReadyCheck | ExecKind::StartPost | ExecKind::Reload | ExecKind::Stop);
        !beside || self.inputs.unit.service.kind == ServiceType::Script
    }

    /// Whether the main process does.
    fn reads_terminal(&self) -> bool {
        matches!(self.inputs.unit.service.input, Input::Tty | Input::TtyForce | Input::TtyFail)
    }

    fn streams(&mut self) -> Result<(), String> {
        let service = &self.inputs.unit.service;
        let tty = match &service.input {
            Input::Tty | Input::TtyForce | Input::TtyFail => {
                self.may_read_terminal().then_some(service.terminal.path.as_path())
            }
            Input::Inherit => self.inputs.terminal,
            Input::Null | Input::File(_) => None,
        };
        match (tty, &service.input, self.inputs.stdio.input) {
            (Some(path), input, _) => {
                let text = self.path("TTYPath", path)?;
                let force = *input == Input::TtyForce;
                let step = Step::Tty { path: &text, force, reset: false, hangup: false };
                self.push("TTYPath", format!("use the terminal {}", path.display()), step);
            }
            (None, Input::File(path), _) => self.open("StandardInput", path, Access::Read, 0)?,
            (None, _, Some(index)) => self.fd("StandardInput", index, 0),
            (None, _, None) => self.open("StandardInput", Path::new("/dev/null"), Access::ReadWrite, 0)?,
        }
        self.output("StandardOutput", &service.output, self.inputs.stdio.output, 1, tty)?;
        let same_file = matches!(service.error, Output::File(_) | Output::Append(_) | Output::Truncate(_))
            && service.error == service.output;
        match (&service.error, &service.output) {
            // Nothing is lost by two pipes, and the log can tell the two apart.
            (Output::Inherit, Output::Log | Output::Raw) if self.inputs.stdio.error.is_some() => {
                self.output("StandardError", &service.output, self.inputs.stdio.error, 2, tty)
            }
            (Output::Inherit, _) => {
                self.dup("StandardError", 1, 2);
                Ok(())
            }
            _ if same_file => {
                self.dup("StandardError", 1, 2);
                Ok(())
            }
            (error, _) => self.output("StandardError", error, self.inputs.stdio.error, 2, tty),
        }
    }

    fn readiness(&mut self) {
        let target = self.inputs.unit.service.readiness.notify_fd;
        if let (Some(index), Some(target)) = (self.inputs.stdio.ready, target) {
            self.fd("NotifyFd", index, target);
        }
        if let Some(index) = self.inputs.stdio.listen {
            self.fd(self.exec_key(), index, LISTEN_FD);
        }
    }

    fn output(
        &mut self,
        key: &'static str,
        output: &Output,
        fd: Option<u16>,
        target: i32,
        tty: Option<&Path>,
    ) -> Result<(), String> {
        match output {
            Output::Log | Output::Raw => match fd {
                Some(index) => self.fd(key, index, target),
                None => self.null(key, target)?,
            },
            // What it is to share with the input is the terminal, also where that isn't read from.
            Output::Inherit if tty.is_none() && self.reads_terminal() => {
                let path = self.inputs.unit.service.terminal.path.clone();
                self.open(key, &path, Access::ReadWrite, target)?;
            }
            Output::Inherit => self.dup(key, 0, target),
            Output::Null => self.null(key, target)?,
            Output::Tty if tty.is_some() => self.dup(key, 0, target),
            Output::Tty => {
                let path = self.inputs.unit.service.terminal.path.clone();
                self.open(key, &path, Access::ReadWrite, target)?;
            }
            Output::File(path) => self.open(key, path, Access::Write, target)?,
            Output::Append(path) => self.open(key, path, Access::Append, target)?,
            Output::Truncate(path) => self.open(key, path, Access::Truncate, target)?,
        }
        Ok(())
    }

    /// `/dev/null`: standard input's, where that is it, so that nothing depends on its name once more.
    fn null(&mut self, key: &'static str, target: i32) -> Result<(), String> {
        if self.inputs.unit.service.input == Input::Null {
            self.dup(key, 0, target);
            return Ok(());
        }
        self.open(key, Path::new("/dev/null"), Access::ReadWrite, target)
    }

    fn fd(&mut self, key: &'static str, index: u16, target: i32) {
        self.push(key, "take the descriptor", Step::Fd { index, target });
    }

    fn dup(&mut self, key: &'static str, from: i32, to: i32) {
        self.push(key, "copy the descriptor", Step::Dup { from, to });
    }

    fn open(&mut self, key: &'static str, path: &Path, access: Access, target: i32) -> Result<(), String> {
        let text = self.path(key, path)?;
        self.push(key, format!("open {}", path.display()), Step::Open { path: &text, access, target });
        Ok(())
    }

    /// Umask and folder.
    fn folder(&mut self) -> Result<(), String> {
        let unit = self.inputs.unit;
        self.push("UMask", "set the umask", Step::Umask { mask: unit.service.umask });
        let (path, optional) = match &unit.service.working_directory {
            Some(folder) => match &folder.path {
                Some(path) => (path.clone(), folder.optional),
                None if !self.inputs.identity.home.is_empty() => {
                    (self.inputs.identity.home.clone().into(), folder.optional)
                }
                None if unit.service.user.is_none() => ("/root".into(), folder.optional),
                None => {
                    let remedy = "write the folder's path in place of `~`";
                    return Err(self.refuse("WorkingDirectory", "the user has no home folder", remedy));
                }
            },
            // `init -- CMD`: the container's runtime has chosen the folder.
            None if unit.source == Source::Generated => return Ok(()),
            None => ("/".into(), false),
        };
        if let Some(root) = self.root().map(Path::to_path_buf) {
            let text = self.path("RootDirectory", &root)?;
            let doing = format!("make {} the root folder", root.display());
            self.push("RootDirectory", doing, Step::Chroot { path: &text });
        }
        let text = self.path("WorkingDirectory", &path)?;
        let doing = format!("enter the folder {}", path.display());
        self.push("WorkingDirectory", doing, Step::Chdir { path: &text, optional });
        Ok(())
    }

    /// Groups and user; the prefixes `+` and `!` leave them as they are.
    fn identity(&mut self) {
        if self.privilege() != Privilege::Restricted {
            return;
        }
        let Inputs { identity, unit, .. } = *self.inputs;
        let key = if unit.service.user.is_some() { "User" } else { "Group" };
        if !identity.groups.is_empty() {
            let more = !unit.service.exec.supplementary_groups.is_empty();
            let ids: Vec<u8> = identity.groups.iter().flat_map(|id| id.to_le_bytes()).collect();
            let key = if more { "SupplementaryGroups" } else { key };
            self.push(key, "set the groups", Step::Groups { ids: Ids::new(&ids) });
        }
        if let Some(id) = identity.gid {
            let key = if unit.service.group.is_some() { "Group" } else { key };
            self.push(key, format!("become group {id}"), Step::Gid { id });
        }
        if let Some(id) = identity.uid {
            self.push("User", format!("become user {id}"), Step::Uid { id });
        }
    }

    /// What the command's prefix and `PermissionsStartOnly=` leave of the restrictions.
    fn privilege(&self) -> Privilege {
        let Inputs { unit, kind, command, .. } = *self.inputs;
        let lifted = unit.service.exec.permissions_start_only && kind != ExecKind::Start;
        if lifted { Privilege::Full } else { command.privilege }
    }

    /// The folder that is `/` for this command.
    fn root(&self) -> Option<&Path> {
        let Inputs { unit, kind, .. } = *self.inputs;
        let exec = &unit.service.exec;
        exec.root.as_deref().filter(|_| kind == ExecKind::Start || !exec.root_start_only)
    }

    fn exec(&mut self) -> Result<(), String> {
        let key = self.exec_key();
        let command = self.inputs.command;
        let Some(name) = command.words.first() else { return Err(self.refuse(key, "no program is named", "name one")) };
        let program = if name.starts_with('/') {
            PathBuf::from(name)
        } else {
            (self.inputs.resolve)(name).ok_or_else(|| {
                let search = &self.inputs.unit.service.exec.search_path;
                let place = if search.is_empty() { "PATH" } else { "the folders of ExecSearchPath=" };
                let what = format!("there is no program `{name}` in {place}");
                self.refuse(key, &what, "install it, or write its full path")
            })?
        };
        let environment = environment::environment(self.inputs);
        let lookup = |name: &str| environment.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let mut args = command.words.to_vec();
        if let (Some(first), Some(zeroth)) = (args.first_mut(), &command.zeroth) {
            zeroth.as_ref().clone_into(first);
        }
        if !command.literal {
            // The program's own name is no place for variables; what `@` gives is.
            let from = usize::from(command.zeroth.is_none()).min(args.len());
            let (rest, unset) = variables::put_in(&args.split_off(from), &lookup);
            args.extend(rest);
            let note = |name: &String| {
                explain::sentence(
                    self.inputs.unit,
                    &self.site(key),
                    &format!("${name} isn't set: nothing is put in its place"),
                    "",
                )
            };
            self.notes.extend(unset.iter().map(note).collect::<Vec<_>>());
        }
        let args = strings(args.iter().map(String::as_str));
        let entries: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let env = strings(entries.iter().map(String::as_str));
        let text = self.path(key, &program)?;
        self.push(key, "tell the process its pid", Step::PidEnv { name: environment::PID_VARIABLE });
        if environment::has_watchdog(self.inputs) {
            self.push(key, "tell the process its pid", Step::PidEnv { name: environment::WATCHDOG_VARIABLE });
        }
        let step = Step::Exec { program: &text, args: Strings::new(&args), env: Strings::new(&env) };
        self.push(key, format!("run {}", program.display()), step);
        Ok(())
    }
}

/// Where a key stands; that of a command is the command's own line.
fn site(unit: &Unit, key: &'static str, kind: ExecKind, command: &Command, doing: Cow<'static, str>) -> Site {
    let place = if key == kind.key() {
        Some(command.place)
    } else {
        // A key of the table that wasn't given, like the default `UMask=`, has no place.
        unit.places.iter().find(|(id, _)| id.strip_prefix("Service.") == Some(key)).map(|(_, place)| *place)
    };
    Site { key, place, doing }
}
