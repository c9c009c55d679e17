//! The service machine between "it runs" and "it is ready", and its reload by signal and notices.

use super::script::is_script;
use super::{Group, Reloading, Run, Service, Timers, Which, command};
use crate::core::limit::millis;
use crate::core::restart::MIN_RESTART;
use crate::core::{Action, Millis, Phase};
use crate::unit::{ExecKind, ServiceType, Unit};
use std::time::Duration;

/// How long a `Type=idle` start may be put off, as in systemd.
const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// Whether there is anything that a reload would do.
pub(crate) fn can_reload(unit: &Unit) -> bool {
    unit.service.kind == ServiceType::NotifyReload || command(unit, ExecKind::Reload, 0).is_some()
}

impl Service {
    /// `Type=idle`: waits for its turn.
    pub(super) fn wait_idle(&mut self, r: &mut Run<'_>) {
        self.idle = true;
        self.enter(r, Phase::Start);
        self.arm(r, Some(IDLE_LIMIT));
    }

    /// Its turn has come.
    pub(super) fn leave_idle(&mut self, r: &mut Run<'_>) {
        self.idle = false;
        // It begins now: the wait is no part of its run.
        self.pace.begun = r.now;
        self.condition(r, 0);
    }

    /// It is up by the rules of its type. What is waited for next is its check, if it has one.
    pub(super) fn came_up(&mut self, r: &mut Run<'_>) {
        self.seeking = false;
        if command(r.unit, ExecKind::ReadyCheck, 0).is_none() {
            return self.start_post(r, 0);
        }
        self.up = true;
        self.check(r);
    }

    /// Runs `ReadyCheck=`.
    pub(in crate::core) fn check(&mut self, r: &mut Run<'_>) {
        self.timers.set(Timers { check: None, ..*self.timers });
        self.spawn(r, Which::Control, ExecKind::ReadyCheck, 0);
    }

    /// `ReadyCheck=` has ended: what it says, or another run a little later.
    pub(super) fn checked(&mut self, r: &mut Run<'_>, good: bool) {
        if good {
            self.start_post(r, 0);
        } else {
            let pause = millis(r.unit.service.readiness.check_pause);
            self.timers.check = Some(r.now.saturating_add(pause.max(MIN_RESTART)));
        }
    }

    /// The start command of a daemon has ended: now its main process is looked for, or known not to be.
    pub(super) fn left_daemon(&mut self, r: &mut Run<'_>) {
        if r.unit.service.is_headless() {
            return self.came_up(r);
        }
        self.seeking = true;
        if is_script(r.unit) { self.look_around(r) } else { self.seek(r) }
    }

    /// No process is left of a service that has no main process.
    pub(super) fn deserted(&mut self, r: &mut Run<'_>) {
        self.group = Group::Empty;
        self.running(r);
    }

    /// `ReloadSignal=` instead of commands: the service answers with `RELOADING=1`, then `READY=1`.
    pub(super) fn reload_by_signal(&mut self, r: &mut Run<'_>) {
        self.enter(r, Phase::Reload);
        self.arm(r, r.unit.service.timing.timeout_start);
        self.reloading = Reloading::Signalled(r.now);
        self.signal_reload(r);
    }

    pub(super) fn signal_reload(&self, r: &mut Run<'_>) {
        if let (Some(token), key @ Some(_)) = (self.token, self.key(Which::Main)) {
            let signal = r.unit.service.readiness.reload_signal;
            r.out.push(Action::Signal { unit: r.id, token, key, signal });
        }
    }

    /// `RELOADING=1`, said at this time: by itself, in answer to the signal, or while a command makes it.
    pub(super) fn said_reloading(&mut self, r: &mut Run<'_>, at: Option<Millis>) {
        match (self.phase, self.reloading) {
            (Phase::Running, _) if self.main.is_some() => {
                self.reload = None;
                self.enter(r, Phase::Reload);
                self.arm(r, r.unit.service.timing.timeout_start);
                self.reloading = Reloading::Told;
            }
            // One that was said before the signal went out speaks of another reload. A millisecond is lost to rounding.
            (Phase::Reload, Reloading::Signalled(sent)) if at.is_none_or(|at| at.saturating_add(1) < sent) => {}
            (Phase::Reload, _) => self.reloading = Reloading::Told,
            _ => {}
        }
    }

    /// `READY=1` after `RELOADING=1`.
    pub(super) fn reloaded(&mut self, r: &mut Run<'_>) {
        if self.reloading != Reloading::Told {
            return;
        }
        self.reloading = Reloading::No;
        // While `ExecReload=` runs its end is waited for as well.
        if self.control.is_none() {
            self.running(r);
        }
    }
}
