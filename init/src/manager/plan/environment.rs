//! The environment of a process, by systemd's rules.

use super::Inputs;
use crate::unit::ExecKind;
use std::ffi::CStr;

/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The variable that gets the process's own pid.
pub(super) const PID_VARIABLE: &CStr = c"SYSTEMD_EXEC_PID";
/// The variable that gets the pid of the process that is to feed the watchdog.
pub(super) const WATCHDOG_VARIABLE: &CStr = c"WATCHDOG_PID";

/// Whether the process is told about a watchdog: the main process of a unit that has one.
pub(super) fn has_watchdog(inputs: &Inputs<'_>) -> bool {
    inputs.kind == ExecKind::Start && !inputs.unit.service.readiness.watchdog.is_zero()
}

/// Of several values for one name the last counts: defaults, the user's, what the manager tells, `Environment=`, then
/// `EnvironmentFile=`.
pub(super) fn environment(inputs: &Inputs<'_>) -> Vec<(String, String)> {
    let mut list = Environment(vec![("PATH".into(), PATH.into())]);
    for (name, value) in inputs.base_env {
        list.set(name, value);
    }
    let identity = inputs.identity;
    if inputs.unit.service.user.is_some() {
        for (name, value) in [("USER", &identity.name), ("LOGNAME", &identity.name)] {
            list.set_some(name, value);
        }
        if identity.home != "/" {
            list.set_some("HOME", &identity.home);
        }
        if !["/nologin", "/false"].iter().any(|s| identity.shell.ends_with(s)) {
            list.set_some("SHELL", &identity.shell);
        }
    }
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
    for (name, value) in inputs.unit.service.environment.iter().chain(inputs.env_files) {
        list.set(name, value);
    }
    list.0
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
