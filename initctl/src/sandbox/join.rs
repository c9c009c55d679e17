//! Running a command in a sandbox that is up.

use super::error::{Doing, Error};
use init::sys::ns::{Spaces, fork_alone};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, chdir, getpid, getppid, setgid, setuid};
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A command to run inside.
#[derive(Debug)]
pub struct Command {
    /// Program and arguments; empty: a shell.
    pub words: Vec<OsString>,
    /// Where it starts, if that folder exists inside.
    pub folder: Option<PathBuf>,
    /// The signals that were blocked when initctl began.
    pub mask: SigSet,
}

/// Starts it in the namespaces of `init` (its pid here). The process given back ends with the command's status, 128+n
/// for a signal.
pub fn start(init: i32, command: &Command) -> Result<Pid, Error> {
    let spaces = Spaces::of(init).doing(|| "find the sandbox's namespaces".into())?;
    let parent = getpid();
    match fork_alone().doing(|| "fork".into())? {
        Some(pid) => Ok(pid),
        None => {
            let status = enter(&spaces, parent).and_then(|()| run(command)).unwrap_or_else(|error| {
                eprintln!("initctl sandbox: {error}");
                super::BROKEN
            });
            std::process::exit(status.into())
        }
    }
}

fn enter(spaces: &Spaces, parent: Pid) -> Result<(), Error> {
    end_with(parent)?;
    spaces
        .enter()
        .map_err(|(kind, errno)| Error::new(format!("can't enter the sandbox's {kind} namespace: {}", errno.desc())))?;
    if spaces.has_users() {
        setgid(0.into()).and_then(|()| setuid(0.into())).doing(|| "become root in the sandbox".into())?;
    } else {
        super::inside::drop_dangerous();
    }
    // Changing who we are forgets the death signal.
    end_with(parent)
}

fn end_with(parent: Pid) -> Result<(), Error> {
    set_pdeathsig(Signal::SIGKILL).doing(|| "ask to end with initctl".into())?;
    if getppid() == parent { Ok(()) } else { Err(Error::new("initctl is gone")) }
}

/// Only a child is in the PID namespace that was joined.
fn run(command: &Command) -> Result<u8, Error> {
    match fork_alone().doing(|| "fork".into())? {
        Some(pid) => loop {
            match waitpid(pid, None) {
                Ok(WaitStatus::Exited(_, code)) => return Ok(u8::try_from(code).unwrap_or(u8::MAX)),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + u8::try_from(signal as i32).unwrap_or(0)),
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(errno).doing(|| "wait for the command".into()),
            }
        },
        None => {
            let (error, status) = execute(command);
            eprintln!("initctl sandbox: {error}");
            std::process::exit(status.into())
        }
    }
}

/// Comes back only on failure: with the status a shell would give.
fn execute(command: &Command) -> (Error, u8) {
    let folder = command.folder.as_deref().filter(|f| chdir(*f).is_ok());
    if folder.is_none() && chdir("/").is_err() {
        return (Error::new("can't enter the sandbox's root folder"), super::BROKEN);
    }
    let words = if command.words.is_empty() { vec![shell()] } else { command.words.clone() };
    let argv: Vec<CString> = words.iter().filter_map(|w| CString::new(w.as_bytes()).ok()).collect();
    let kept = std::env::vars_os().filter(|(k, _)| k != "PATH" && k != "container" && k != "NOTIFY_SOCKET");
    let envp: Vec<CString> = kept
        .chain([("PATH".into(), super::PATH.into()), ("container".into(), "rung-sandbox".into())])
        .filter_map(|(k, v)| CString::new([k.as_bytes(), b"=", v.as_bytes()].concat()).ok())
        .collect();
    let Some(program) = argv.first() else { return (Error::new("no command"), super::BROKEN) };
    let _ = set_pdeathsig(Signal::SIGKILL);
    let _ = command.mask.thread_set_mask();
    // `execvpe` looks through our own PATH, which is the caller's: look through the sandbox's instead.
    let mut failure = nix::errno::Errno::ENOENT;
    for path in candidates(program) {
        match nix::unistd::execve(&path, &argv, &envp) {
            Ok(never) => match never {},
            Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR) => {}
            Err(errno) => failure = errno,
        }
    }
    let status = if failure == nix::errno::Errno::ENOENT { 127 } else { 126 };
    (Error::new(format!("can't run `{}`: {}", program.to_string_lossy(), failure.desc())), status)
}

fn shell() -> OsString {
    std::env::var_os("SHELL").filter(|s| std::path::Path::new(s).exists()).unwrap_or_else(|| "/bin/sh".into())
}

fn candidates(program: &CString) -> Vec<CString> {
    if program.as_bytes().contains(&b'/') {
        return vec![program.clone()];
    }
    let join = |folder: &str| CString::new([folder.as_bytes(), b"/", program.as_bytes()].concat()).ok();
    super::PATH.split(':').filter_map(join).collect()
}
