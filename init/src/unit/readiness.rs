//! How a service is known to be ready, and still alive: the keys about notices, checks and the watchdog.

use super::check::place;
use super::fields::Show;
use super::finding::Findings;
use super::parse::at_place;
use super::value::Bad;
use super::{ExecKind, ServiceType, Severity, Unit};
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

/// What doesn't go together.
pub(super) fn check(unit: &Unit, findings: &mut Findings) {
    let service = &unit.service;
    let mut say = |key: &str, at, severity, bad| findings.push(at_place(unit, at, key, bad, severity));
    let word = match service.kind {
        ServiceType::Forking => "forking",
        ServiceType::Script => "script",
        _ => "oneshot",
    };
    let daemon = !matches!(service.kind, ServiceType::Forking | ServiceType::Oneshot | ServiceType::Script);
    if service.readiness.notify_fd.is_some() && !daemon {
        let bad = Bad::new(0, format!("a newline on a descriptor doesn't go with `Type={word}`"))
            .hint("write `Type=exec` and have the program stay in the foreground");
        say("NotifyFd", place(unit, "Service.NotifyFd"), Severity::Error, bad);
    }
    let mut checks = service.commands(ExecKind::ReadyCheck);
    if let (Some(first), ServiceType::Oneshot) = (checks.next(), service.kind) {
        let bad = Bad::new(0, "a oneshot is ready when it has ended; there is nothing to check").hint("take it out");
        say("ReadyCheck", first.place, Severity::Error, bad);
    }
    if let Some(second) = checks.next() {
        let bad = Bad::new(0, "a second command; there is one check").hint("write /bin/sh -c '… && …' for two");
        say("ReadyCheck", second.place, Severity::Error, bad);
    }
    if let (Some(command), ServiceType::NotifyReload) = (service.commands(ExecKind::Reload).next(), service.kind) {
        let bad = Bad::new(0, "passed over: with `Type=notify-reload` a reload is `ReloadSignal=`")
            .hint("take it out, or write `Type=notify`");
        say("ExecReload", command.place, Severity::Warning, bad);
    }
}

impl Show for Option<NotifyAccess> {
    fn show(&self) -> Vec<String> {
        let word = |access: &NotifyAccess| match access {
            NotifyAccess::None => "none",
            NotifyAccess::Main => "main",
            NotifyAccess::Exec => "exec",
            NotifyAccess::All => "all",
        };
        self.iter().map(|a| word(a).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Facts, SourceFile, UnitName, parse};

    fn read(text: &str) -> (Unit, Vec<String>) {
        let file = SourceFile { path: "/u/x.service".into(), text: format!("[Service]\nExecStart=/bin/x\n{text}") };
        let parsed =
            parse(&UnitName::new("x").expect("name"), super::super::Source::Native, &file, &[], &Facts::default());
        let says = parsed.findings.iter().map(|f| format!("{:?} {}: {}", f.severity, f.line, f.message)).collect();
        (parsed.unit, says)
    }

    #[test]
    fn whose_words_count_by_default() {
        for (text, access) in [
            ("", NotifyAccess::None),
            ("Type=notify", NotifyAccess::Main),
            ("Type=notify-reload\nNotifyAccess=none", NotifyAccess::Main),
            ("WatchdogSec=3", NotifyAccess::Main),
            ("WatchdogSec=3\nNotifyAccess=none", NotifyAccess::None),
            ("Type=notify\nNotifyAccess=all", NotifyAccess::All),
            ("NotifyAccess=exec", NotifyAccess::Exec),
        ] {
            let (unit, says) = read(text);
            assert_eq!((unit.service.notify_access(), says), (access, Vec::new()), "{text}");
        }
    }

    #[test]
    fn values_are_read_and_what_does_not_go_together_is_told() {
        let (unit, says) =
            read("NotifyFd=3\nReadyCheck=/bin/true\nReadyCheckSec=2\nWatchdogSec=infinity\nReloadSignal=USR1");
        let r = &unit.service.readiness;
        assert_eq!(
            (r.notify_fd, r.check_pause, r.watchdog, r.reload_signal),
            (Some(3), Duration::from_secs(2), Duration::ZERO, 10)
        );
        assert_eq!(says, Vec::<String>::new());
        for (text, wrong) in [
            ("NotifyFd=1", "Error 3: `1` is no whole number from 3 to 255"),
            ("NotifyAccess=x", "Error 3: `x` is not known"),
            ("Type=oneshot\nNotifyFd=3", "Error 4: a newline on a descriptor doesn't go with `Type=oneshot`"),
            (
                "Type=oneshot\nReadyCheck=/bin/true",
                "Error 4: a oneshot is ready when it has ended; there is nothing to check",
            ),
            ("ReadyCheck=/bin/a\nReadyCheck=/bin/b", "Error 4: a second command; there is one check"),
            (
                "Type=notify-reload\nExecReload=/bin/a",
                "Warning 4: passed over: with `Type=notify-reload` a reload is `ReloadSignal=`",
            ),
        ] {
            assert_eq!(read(text).1, [wrong], "{text}");
        }
    }
}
