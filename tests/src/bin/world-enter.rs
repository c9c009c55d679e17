//! `world-enter PID CMD…`: runs a command in the namespaces of a process, as `nsenter` would; ends as it does, 128+n for
//! a signal. 126: it could not get in.

use init::sys::ns::Spaces;
use nix::unistd::{chdir, setgid, setuid};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(text) => {
            eprintln!("world-enter: {text}");
            ExitCode::from(126)
        }
    }
}

fn run() -> Result<u8, String> {
    let mut words = std::env::args_os().skip(1);
    let pid = words.next().and_then(|w| w.to_str()?.parse().ok()).ok_or("the first argument is no pid")?;
    let program = words.next().ok_or("no command")?;
    let spaces = Spaces::of(pid).map_err(|e| format!("can't find the namespaces of {pid}: {e}"))?;
    spaces.enter().map_err(|(kind, errno)| format!("can't enter the {kind} namespace of {pid}: {errno}"))?;
    if spaces.has_users() {
        setgid(0.into()).and_then(|()| setuid(0.into())).map_err(|e| format!("can't become root: {e}"))?;
    }
    chdir("/").map_err(|e| format!("can't enter the root folder: {e}"))?;
    let path = "/usr/lib/rung:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    // The child is in the PID namespace; `Command` looks it up in the child's PATH.
    let status = Command::new(&program).args(words).env("PATH", path).status();
    let status = status.map_err(|e| format!("can't run `{}`: {e}", program.to_string_lossy()))?;
    let code = status.code().or_else(|| status.signal().map(|n| 128 + n)).unwrap_or(126);
    Ok(u8::try_from(code).unwrap_or(126))
}
