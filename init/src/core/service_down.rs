//! The service machine's way down: who gets which signal, who is waited for, and what comes of the end.

use super::script::Call;
use super::{KILL_PATIENCE, Run, SIGKILL, Service, Which};
use crate::core::{Action, Outcome, Phase};
use crate::proto::pid1::Key;
use crate::unit::name::Kind;
use crate::unit::{ExecKind, KillMode, Unit};
use std::rc::Rc;

const SIGHUP: i32 = 1;
const SIGCONT: i32 = 18;

impl Service {
    /// The start failed: no `ExecStop=`.
    pub(super) fn fail(&mut self, r: &mut Run<'_>, outcome: Outcome) {
        self.note(outcome);
        self.stop_signal(r);
    }

    pub(super) fn stop(&mut self, r: &mut Run<'_>, index: usize) {
        if r.unit.name.kind() == Kind::Target {
            self.finish(r);
        } else if !self.started
            || self.call == Call::Bare
            || !self.control_command(r, Phase::Stop, ExecKind::Stop, index, r.unit.service.timing.timeout_stop)
        {
            self.stop_signal(r);
        }
    }

    pub(super) fn stop_signal(&mut self, r: &mut Run<'_>) {
        self.seeking = false;
        self.enter(r, Phase::StopSignal);
        self.arm(r, r.unit.service.timing.timeout_stop);
        self.deliver(r, self.stop_signal_number(r.unit));
        self.rest(r);
    }

    /// The signal of the present phase, or of the one that begins.
    pub(super) fn stop_signal_number(&self, unit: &Unit) -> i32 {
        let service = &unit.service;
        let restart = service.ending.restart_signal.filter(|_| self.to_restart);
        match self.phase {
            Phase::StopAbort => service.readiness.watchdog_signal,
            Phase::FinalSignal if self.aborts => service.readiness.watchdog_signal,
            _ => restart.unwrap_or(service.kill_signal),
        }
    }

    /// What the main process forked while the signals were on their way has heard none: now nobody forks for it any more.
    pub(super) fn signal_heirs(&self, r: &mut Run<'_>) {
        let stops = matches!(self.phase, Phase::StopSignal | Phase::StopAbort);
        if stops && self.kill_mode(r.unit) == KillMode::ControlGroup && self.alone() {
            self.deliver(r, self.stop_signal_number(r.unit));
        }
    }

    /// `WatchdogSignal=`, for a core dump of what hangs; then as after any other signal.
    pub(in crate::core) fn stop_abort(&mut self, r: &mut Run<'_>) {
        self.seeking = false;
        self.enter(r, Phase::StopAbort);
        self.arm(r, r.unit.service.ending.timeout_abort.unwrap_or(r.unit.service.timing.timeout_stop));
        self.deliver(r, self.stop_signal_number(r.unit));
        self.rest(r);
    }

    /// `FinalKillSignal=`, unless `SendSIGKILL=no`: then what still runs is left alone.
    pub(super) fn stop_kill(&mut self, r: &mut Run<'_>) {
        if !r.unit.service.ending.send_sigkill {
            return self.leave_alone(r);
        }
        self.stop_kill_now(r);
    }

    pub(super) fn stop_kill_now(&mut self, r: &mut Run<'_>) {
        self.enter(r, Phase::StopKill);
        self.arm(r, Some(r.unit.service.timing.timeout_stop.unwrap_or(KILL_PATIENCE)));
        self.deliver_kill(r);
        self.rest(r);
    }

    /// Looks who is left after a signal, or after one of them has gone.
    pub(super) fn rest(&mut self, r: &mut Run<'_>) {
        match (self.phase, self.kill_mode(r.unit)) {
            (Phase::StopSignal | Phase::StopAbort | Phase::StopKill, KillMode::None) => {
                self.leave_alone(r);
            }
            _ if !self.alone() => {}
            (Phase::StopSignal | Phase::StopAbort, KillMode::Mixed) => self.stop_kill(r),
            (_, KillMode::ControlGroup | KillMode::Mixed) => self.watch_rest(r),
            (Phase::StopSignal | Phase::StopAbort | Phase::StopKill, KillMode::Process | KillMode::Group) => {
                self.stop_post(r, 0);
            }
            (_, KillMode::Process | KillMode::Group | KillMode::None) => self.finish(r),
        }
    }

    pub(super) fn watch_rest(&self, r: &mut Run<'_>) {
        let grouped = matches!(self.kill_mode(r.unit), KillMode::ControlGroup | KillMode::Mixed);
        if let (Some(token), true, true) = (self.token, grouped, self.alone()) {
            r.out.push(Action::Watch { unit: r.id, token });
        }
    }

    pub(super) fn stop_post(&mut self, r: &mut Run<'_>, index: usize) {
        if self.control_command(r, Phase::StopPost, ExecKind::StopPost, index, r.unit.service.timing.timeout_stop) {
            return;
        }
        if self.phase == Phase::StopPost { self.final_signal(r) } else { self.finish(r) }
    }

    /// What `ExecStopPost=` has left behind.
    pub(super) fn final_signal(&mut self, r: &mut Run<'_>) {
        if self.kill_mode(r.unit) == KillMode::Mixed {
            self.final_kill(r);
            return;
        }
        self.enter(r, Phase::FinalSignal);
        let abort = r.unit.service.ending.timeout_abort.filter(|_| self.aborts);
        self.arm(r, abort.unwrap_or(r.unit.service.timing.timeout_stop));
        self.deliver(r, self.stop_signal_number(r.unit));
        self.rest(r);
    }

    pub(super) fn final_kill(&mut self, r: &mut Run<'_>) {
        if !r.unit.service.ending.send_sigkill {
            return self.finish(r);
        }
        self.final_kill_now(r);
    }

    pub(super) fn final_kill_now(&mut self, r: &mut Run<'_>) {
        self.enter(r, Phase::FinalKill);
        self.arm(r, Some(r.unit.service.timing.timeout_stop.unwrap_or(KILL_PATIENCE)));
        self.deliver_kill(r);
        self.rest(r);
    }

    pub(super) fn finish(&mut self, r: &mut Run<'_>) {
        if let Some(token) = self.token.take() {
            r.out.push(Action::Finished { unit: r.id, token, definition: Rc::clone(r.unit) });
        }
        self.main = None;
        self.control = None;
        if self.call == Call::Under {
            // The script of what didn't run has said what it likes.
            self.result = Outcome::Success;
        }
        let again = r.unit.name.kind() == Kind::Service && self.comes_again(r);
        if again {
            self.enter(r, Phase::AutoRestart);
            let next = self.pace.next(&r.unit.service, &r.unit.name, r.now);
            let paused = self.limit.paused_until(&r.unit.service, r.now);
            self.deadline = Some(paused.map_or(next, |at| at.max(next)));
            self.restarts = self.restarts.saturating_add(1);
        } else {
            self.enter(r, Phase::Dead);
        }
        self.call = Call::No;
    }

    /// `KillSignal=` by `KillMode=`, SIGHUP if that is wanted, then SIGCONT so that a stopped process can take it.
    pub(super) fn deliver(&self, r: &mut Run<'_>, signal: i32) {
        let Some(token) = self.token else { return };
        let all = self.kill_mode(r.unit) == KillMode::ControlGroup;
        let finale = self.phase == Phase::FinalSignal;
        let keys = [self.key(Which::Main), self.key(Which::Control)];
        let targets: Vec<Option<Key>> = match self.kill_mode(r.unit) {
            _ if all => vec![None],
            KillMode::None if !finale => Vec::new(),
            _ => keys.into_iter().flatten().map(Some).collect(),
        };
        for key in targets {
            r.out.push(Action::Signal { unit: r.id, token, key, signal });
            if self.sends_sighup(r.unit) && signal != SIGHUP {
                r.out.push(Action::Signal { unit: r.id, token, key, signal: SIGHUP });
            }
            if signal != SIGKILL && signal != SIGCONT {
                r.out.push(Action::Signal { unit: r.id, token, key, signal: SIGCONT });
            }
        }
    }

    pub(super) fn deliver_kill(&self, r: &mut Run<'_>) {
        let Some(token) = self.token else { return };
        let targets: Vec<Option<Key>> = match self.kill_mode(r.unit) {
            KillMode::ControlGroup | KillMode::Mixed => vec![None],
            KillMode::None if self.phase == Phase::StopKill => Vec::new(),
            KillMode::Process | KillMode::Group | KillMode::None => {
                [self.key(Which::Main), self.key(Which::Control)].into_iter().flatten().map(Some).collect()
            }
        };
        for key in targets {
            r.out.push(Action::Signal { unit: r.id, token, key, signal: r.unit.service.ending.final_signal });
        }
    }
}
