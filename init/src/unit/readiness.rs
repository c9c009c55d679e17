//! How a service is known to be ready, and still alive: the keys about notices, checks and the watchdog.

use super::ServiceType;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whose notices count: `NotifyAccess=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotifyAccess {
    /// Nobody's.
    None,
    /// The main process's.
    Main,
    /// The main process's and those of the `Exec…=` commands.
    Exec,
    /// Those of every process of the service.
    All,
}

/// The keys about readiness and liveness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// `NotifyAccess=`, where it is given; see [`super::Service::notify_access`].
    pub notify_access: Option<NotifyAccess>,
    /// `NotifyFd=`: ready at a newline on this descriptor.
    pub notify_fd: Option<i32>,
    /// `ReadyCheckSec=`: the pause between two runs of `ReadyCheck=`; 500 ms.
    pub check_pause: Duration,
    /// `GuessMainPID=`; yes.
    pub guess_main_pid: bool,
    /// `ReloadSignal=`; SIGHUP.
    pub reload_signal: i32,
    /// `WatchdogSec=`; zero: none.
    pub watchdog: Duration,
    /// `WatchdogSignal=`; SIGABRT.
    pub watchdog_signal: i32,
}

impl Default for Readiness {
    fn default() -> Self {
        Self {
            notify_access: None,
            notify_fd: None,
            check_pause: Duration::from_millis(500),
            guess_main_pid: true,
            reload_signal: 1,
            watchdog: Duration::ZERO,
            watchdog_signal: 6,
        }
    }
}

impl super::Service {
    /// Whose notices count. Without `NotifyAccess=` the main process's, where a key of the unit depends on them.
    pub fn notify_access(&self) -> NotifyAccess {
        let asked = matches!(self.kind, ServiceType::Notify | ServiceType::NotifyReload);
        match self.readiness.notify_access {
            // As in systemd: a type that waits for notices hears at least the main process.
            Some(NotifyAccess::None) if asked => NotifyAccess::Main,
            Some(access) => access,
            None if asked || !self.readiness.watchdog.is_zero() => NotifyAccess::Main,
            None => NotifyAccess::None,
        }
    }

    /// Whether its start waits until it has said that it is ready, by a notice or on a descriptor.
    pub fn says_ready(&self) -> bool {
        matches!(self.kind, ServiceType::Notify | ServiceType::NotifyReload) || self.readiness.notify_fd.is_some()
    }

    /// A forking service whose main process isn't to be known: it lives as long as any process of it.
    pub fn is_headless(&self) -> bool {
        self.kind == ServiceType::Forking && self.pid_file.is_none() && !self.readiness.guess_main_pid
    }
}
