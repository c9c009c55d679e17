//! The environment of a process, by systemd's rules (systemd.exec(5), "Environment variables in spawned processes").

use super::Inputs;
use crate::unit::{DirectoryKind, ExecKind, Input, Output, Service};
use std::ffi::CStr;
use std::path::Path;

/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The variable that gets the process's own pid.
pub(super) const PID_VARIABLE: &CStr = c"SYSTEMD_EXEC_PID";
/// The variable that gets the pid of the process that is to feed the watchdog.
pub(super) const WATCHDOG_VARIABLE: &CStr = c"WATCHDOG_PID";
/// Whether an entry is one that only the process itself can give its value.
pub(super) fn is_filled_in(entry: &CStr) -> bool {
    let name = entry.to_bytes().strip_suffix(b"=");
    name.is_some_and(|name| [PID_VARIABLE, WATCHDOG_VARIABLE].iter().any(|v| v.to_bytes() == name))
}

/// Shells that are none, as systemd has them.
const NO_SHELLS: [&str; 3] = ["/nologin", "/false", "/true"];

/// Whether the process is told about a watchdog: the main process of a unit that has one.
pub(super) fn has_watchdog(inputs: &Inputs<'_>) -> bool {
    inputs.kind == ExecKind::Start && !inputs.unit.service.readiness.watchdog.is_zero()
}

/// Of several values for one name the last counts: defaults, the user's, what the manager tells, `ExecSearchPath=`,
/// `PassEnvironment=`, `Environment=`, then `EnvironmentFile=`. `UnsetEnvironment=` takes out at the end.
pub(super) fn environment(inputs: &Inputs<'_>) -> Vec<(String, String)> {
    let service = &inputs.unit.service;
    let mut list = Environment(vec![("PATH".into(), PATH.into())]);
    for (name, value) in inputs.base_env {
        list.set(name, value);
    }
    login(inputs, &mut list);
    list.set(&PID_VARIABLE.to_string_lossy(), "");
    list.set_some("INVOCATION_ID", inputs.invocation.unwrap_or(""));
    list.set_some("NOTIFY_SOCKET", inputs.notify_socket.unwrap_or(""));
    if has_watchdog(inputs) {
        list.set(&WATCHDOG_VARIABLE.to_string_lossy(), "");
        list.set("WATCHDOG_USEC", &inputs.unit.service.readiness.watchdog.as_micros().to_string());
    }
    if let Some(pid) = inputs.main_pid {
        list.set("MAINPID", &pid.to_string());
    }
    if let Some(path) = &service.pid_file {
        list.set("PIDFILE", &path.to_string_lossy());
    }
    for kind in DirectoryKind::ALL {
        let paths = service.directories.of(kind).folders.iter().map(|f| f.path().to_string_lossy().into_owned());
        list.set_some(kind.variable(), &paths.collect::<Vec<_>>().join(":"));
    }
    if uses_terminal(service) {
        let inherited = inputs.inherited.iter().find(|(name, _)| name == "TERM").map(|(_, value)| value.as_str());
        list.set("TERM", term(&service.terminal.path, inherited));
    }
    let search: Vec<_> = service.exec.search_path.iter().map(|p| p.to_string_lossy()).collect();
    list.set_some("PATH", &search.join(":"));
    for (name, value) in inputs.inherited.iter().filter(|(name, _)| service.exec.pass_environment.contains(name)) {
        list.set(name, value);
    }
    for (name, value) in service.environment.iter().chain(inputs.env_files) {
        list.set(name, value);
    }
    let unset = &service.exec.unset_environment;
    list.0.retain(|(name, value)| {
        let taken_out = |entry: &String| match entry.split_once('=') {
            Some((n, v)) => n == name && v == value,
            None => entry == name,
        };
        !unset.iter().any(taken_out)
    });
    list.0
}

/// `USER LOGNAME HOME SHELL`
fn login(inputs: &Inputs<'_>, list: &mut Environment) {
    let service = &inputs.unit.service;
    if !service.exec.login_environment.unwrap_or(service.user.is_some()) {
        return;
    }
    let identity = inputs.identity;
    let (name, home, shell) = match &service.user {
        Some(_) => (identity.name.as_str(), identity.home.as_str(), identity.shell.as_str()),
        None => ("root", "/root", "/bin/sh"),
    };
    list.set_some("USER", name);
    list.set_some("LOGNAME", name);
    if home != "/" {
        list.set_some("HOME", home);
    }
    if !NO_SHELLS.iter().any(|s| shell.ends_with(s)) {
        list.set_some("SHELL", shell);
    }
}

/// Whether a terminal is one of its streams.
fn uses_terminal(service: &Service) -> bool {
    matches!(service.input, Input::Tty | Input::TtyForce | Input::TtyFail)
        || [&service.output, &service.error].contains(&&Output::Tty)
}

/// The kind of terminal: on the console the one the kernel was told, on a virtual one `linux`, elsewhere the humblest.
fn term<'a>(path: &Path, inherited: Option<&'a str>) -> &'a str {
    let path = path.to_str().unwrap_or("");
    let number = path.strip_prefix("/dev/tty").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    match inherited {
        Some(term) if path == "/dev/console" => term,
        _ if number => "linux",
        _ => "vt220",
    }
}

struct Environment(Vec<(String, String)>);

impl Environment {
    fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    fn set_some(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.set(name, value);
        }
    }
}
