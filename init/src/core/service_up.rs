//! The service machine's way up, and what the end of a process means.

use super::script::{Call, is_script, is_stopped, skip_reason};
use super::{CHECK_PATIENCE, Group, Reloading, Run, Service, Wanted, Which, command, is_up_by_exec};
use crate::core::restart::holds;
use crate::core::{Action, ExitRecord, Outcome, Phase};
use crate::unit::name::Kind;
use crate::unit::rare::Rare;
use crate::unit::{ExecKind, ExitType, ServiceType, Unit};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGPIPE: i32 = 13;
const SIGTERM: i32 = 15;

impl Service {
    /// A new run: nothing of the last one counts.
    pub(super) fn renew(&mut self, r: &mut Run<'_>, token: u64) {
        let fresh = self.phase == Phase::Dead;
        if fresh {
            self.restarts = 0;
        }
        self.pace.begin(token, r.now, fresh);
        self.wanted = Wanted::Up;
        self.result = Outcome::Success;
        self.started = false;
        self.seeking = false;
        self.group = Group::Unasked;
        self.to_restart = false;
        self.call = Call::No;
        self.aborts = false;
        self.reload = None;
        self.forget_held_end();
        self.said = Rare::default();
        self.main = None;
        self.control = None;
        self.token = Some(token);
        self.next_step = 0;
    }

    pub(super) fn begin(&mut self, r: &mut Run<'_>, token: u64) {
        self.renew(r, token);
        if r.unit.conditions.is_empty() {
            return self.go_on(r);
        }
        self.enter(r, Phase::Check);
        self.arm(r, Some(CHECK_PATIENCE));
        self.ask_conditions(r);
    }

    pub(super) fn ask_conditions(&self, r: &mut Run<'_>) {
        r.out.extend(self.token.map(|token| Action::Check { unit: r.id, token }));
    }

    /// The end of an instance of which nothing is there yet.
    pub(super) fn not_begun(&mut self, r: &mut Run<'_>, outcome: Outcome) {
        self.token = None;
        self.result = outcome;
        self.enter(r, Phase::Dead);
    }

    /// Its conditions are met, or it has none.
    pub(super) fn go_on(&mut self, r: &mut Run<'_>) {
        if r.unit.name.kind() == Kind::Target {
            self.token = None;
            self.started = true;
            self.enter(r, Phase::Running);
            return;
        }
        if r.unit.service.kind == ServiceType::Idle {
            return self.wait_idle(r);
        }
        self.condition(r, 0);
    }

    /// `ExecCondition=`: the first that exits with 1 to 254 ends the start, and that is no failure.
    pub(super) fn condition(&mut self, r: &mut Run<'_>, index: usize) {
        if !self.control_command(r, Phase::Condition, ExecKind::Condition, index, r.unit.service.timing.timeout_start) {
            self.start_pre(r, 0);
        }
    }

    pub(super) fn start_pre(&mut self, r: &mut Run<'_>, index: usize) {
        if !self.control_command(r, Phase::StartPre, ExecKind::StartPre, index, r.unit.service.timing.timeout_start) {
            self.start_main(r, 0);
        }
    }

    pub(super) fn start_main(&mut self, r: &mut Run<'_>, index: usize) {
        if command(r.unit, ExecKind::Start, index).is_none() {
            if r.unit.service.kind == ServiceType::Oneshot {
                self.start_post(r, 0);
            } else {
                self.fail(r, Outcome::Config { reason: "it has no ExecStart=".to_owned() });
            }
            return;
        }
        self.enter(r, Phase::Start);
        self.arm(r, r.unit.service.timing.timeout_start);
        let leaves = matches!(r.unit.service.kind, ServiceType::Forking | ServiceType::Script);
        let which = if leaves { Which::Control } else { Which::Main };
        self.spawn(r, which, ExecKind::Start, index);
    }

    pub(super) fn start_post(&mut self, r: &mut Run<'_>, index: usize) {
        self.seeking = false;
        if !self.control_command(r, Phase::StartPost, ExecKind::StartPost, index, r.unit.service.timing.timeout_start) {
            self.running(r);
        }
    }

    /// The start is through, or a reload over: where the main process is gone by now, so is the service.
    pub(super) fn running(&mut self, r: &mut Run<'_>) {
        self.started = true;
        self.pace.up.get_or_insert(r.now);
        if self.main.is_some() && self.phase == Phase::Reload && self.reloading == Reloading::Told {
            // Its commands are through, and it has said that it is still at it.
            self.enter(r, Phase::Reload);
            self.arm(r, r.unit.service.timing.timeout_start);
        } else if self.main.is_some() {
            self.enter(r, Phase::Running);
        } else if self.is_end_put_off() {
            self.wait_for_verb(r);
        } else if self.lives_on(r.unit) {
            self.group = Group::Outlives;
            self.enter(r, Phase::Running);
            self.watch_headless(r);
        } else if is_script(r.unit) {
            self.is_over(r);
        } else if self.result == Outcome::Success && r.unit.service.remain_after_exit {
            self.enter(r, Phase::Exited);
        } else {
            self.stop(r, 0);
        }
    }

    pub(super) fn reload(&mut self, r: &mut Run<'_>, index: usize) {
        if index == 0 {
            self.reloading = Reloading::No;
        }
        if !self.control_command(r, Phase::Reload, ExecKind::Reload, index, r.unit.service.timing.timeout_start) {
            self.running(r);
        }
    }

    pub(super) fn seek(&self, r: &mut Run<'_>) {
        if let Some(token) = self.token {
            r.out.push(Action::ReadPidFile { unit: r.id, token });
            r.out.push(Action::Watch { unit: r.id, token });
        }
    }

    /// Without its main process it is still there as long as one of the others is.
    fn lives_on(&self, unit: &Unit) -> bool {
        let headless = self.result == Outcome::Success && unit.service.is_headless();
        let any = is_script(unit) || unit.service.ending.exit_type == ExitType::Cgroup;
        self.group != Group::Empty && (headless || any)
    }

    /// One without a main process ends with its last process.
    pub(super) fn watch_headless(&self, r: &mut Run<'_>) {
        if is_script(r.unit) && self.main.is_none() {
            return self.look_around(r);
        }
        if let (Some(token), None) = (self.token, &self.main) {
            r.out.push(Action::Watch { unit: r.id, token });
        }
    }

    pub(super) fn over(&mut self, r: &mut Run<'_>, which: Which, exit: ExitRecord, why: Option<String>) {
        let gone = match which {
            Which::Main => self.main.take(),
            Which::Control => self.control.take().map(|proc| *proc),
        };
        let Some(proc) = gone else { return };
        if which == Which::Main {
            self.last_exit = Some(exit);
            self.pace.exit = Some((exit, r.now).into());
        }
        let ignore = command(r.unit, proc.kind, proc.index).is_some_and(|c| c.ignore_failure);
        let good = ignore || self.is_clean(r.unit, which, exit) || is_stopped(r.unit, proc.kind, exit);
        let outcome = match (good, why) {
            (true, _) => Outcome::Success,
            (false, Some(reason)) => Outcome::Config { reason },
            (false, None) if self.is_skip(r.unit, proc.kind, exit) => {
                let words = command(r.unit, proc.kind, proc.index).map(|c| &c.words);
                Outcome::Skipped { reason: skip_reason(r.unit, words, exit), exit: Some(exit) }
            }
            (false, None) => Outcome::Exited { kind: proc.kind, index: proc.index, exit },
        };
        match which {
            Which::Control if proc.kind == ExecKind::ReadyCheck && self.phase == Phase::Start => {
                self.checked(r, outcome == Outcome::Success);
            }
            Which::Main => self.main_over(r, proc.index, outcome),
            Which::Control => self.control_over(r, proc.index, outcome),
        }
    }

    /// `SkipExitStatus=`: a start that ends so isn't meant to be.
    fn is_skip(&self, unit: &Unit, kind: ExecKind, exit: ExitRecord) -> bool {
        let starts = self.phase == Phase::Start && kind == ExecKind::Start;
        starts && !matches!(exit, ExitRecord::NotRun { .. }) && holds(&unit.service.ending.skip, exit)
    }

    pub(super) fn is_clean(&self, unit: &Unit, which: Which, exit: ExitRecord) -> bool {
        let daemon = which == Which::Main && unit.service.kind != ServiceType::Oneshot;
        let core = matches!(exit, ExitRecord::Core(_) | ExitRecord::NotRun { .. });
        if which == Which::Main && !core && holds(&unit.service.ending.success, exit) {
            return true;
        }
        match exit {
            ExitRecord::Code(code) => code == 0,
            // Nobody could see how: an adopted process that wasn't our child.
            ExitRecord::Unknown => true,
            ExitRecord::Signal(SIGHUP | SIGINT | SIGTERM | SIGPIPE) => daemon,
            ExitRecord::Signal(signal) | ExitRecord::Core(signal) => {
                daemon && self.phase == Phase::StopSignal && signal == self.stop_signal_number(unit)
            }
            ExitRecord::NotRun { .. } => false,
        }
    }

    pub(super) fn main_over(&mut self, r: &mut Run<'_>, index: usize, outcome: Outcome) {
        let failed = outcome != Outcome::Success;
        match self.phase {
            Phase::Start => match r.unit.service.kind {
                _ if failed => self.fail(r, outcome),
                ServiceType::Oneshot if command(r.unit, ExecKind::Start, index.saturating_add(1)).is_some() => {
                    self.start_main(r, index.saturating_add(1));
                }
                // Simple, exec: it ran and has ended before we were told that it ran.
                ServiceType::Oneshot => self.start_post(r, 0),
                _ if is_up_by_exec(r.unit) && command(r.unit, ExecKind::ReadyCheck, 0).is_none() => {
                    self.start_post(r, 0);
                }
                _ => self.fail(r, Outcome::Protocol),
            },
            Phase::Running if self.is_held() => self.put_off_end(r, outcome),
            Phase::Running => self.main_gone(r, outcome),
            Phase::Reload if self.control.is_none() && self.is_held() => {
                self.reload = Some(Outcome::Protocol.into());
                self.put_off_end(r, outcome);
            }
            Phase::Reload if self.control.is_none() => {
                self.note(outcome);
                self.reload = Some(Outcome::Protocol.into());
                self.running(r);
            }
            // Their own commands go on first; the end of those looks at the main process again.
            Phase::StartPost | Phase::Reload if self.is_held() => self.hold.end = Some(outcome),
            Phase::StartPost | Phase::Reload | Phase::Stop | Phase::StopPost => self.note(outcome),
            Phase::StopSignal | Phase::StopAbort | Phase::StopKill | Phase::FinalSignal | Phase::FinalKill => {
                self.note(outcome);
                self.signal_heirs(r);
                self.rest(r);
            }
            Phase::Dead | Phase::Check | Phase::Condition | Phase::StartPre | Phase::Exited | Phase::AutoRestart => {}
        }
    }

    /// It runs, and its main process has ended.
    pub(super) fn main_gone(&mut self, r: &mut Run<'_>, outcome: Outcome) {
        let failed = outcome != Outcome::Success;
        self.note(outcome);
        if failed && is_script(r.unit) && self.comes_again(r) {
            // Others of it may be left: its stop is for them.
            return self.stop(r, 0);
        }
        self.running(r);
    }

    pub(super) fn control_over(&mut self, r: &mut Run<'_>, index: usize, outcome: Outcome) {
        let failed = outcome != Outcome::Success;
        let next = index.saturating_add(1);
        match self.phase {
            Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost if failed => self.fail(r, outcome),
            Phase::Condition => self.condition(r, next),
            Phase::StartPre => self.start_pre(r, next),
            Phase::Start => self.left_daemon(r),
            Phase::StartPost => self.start_post(r, next),
            Phase::Reload if failed => {
                self.reload = Some(outcome.into());
                self.reloading = Reloading::No;
                self.running(r);
            }
            Phase::Reload => self.reload(r, next),
            Phase::Stop if failed => {
                self.note(outcome);
                self.stop_signal(r);
            }
            Phase::Stop => self.stop(r, next),
            // The start command that a stop has cut off ends by our own signal: that is no failure of its own.
            Phase::StopSignal | Phase::StopAbort | Phase::StopKill => {
                self.signal_heirs(r);
                self.rest(r);
            }
            Phase::StopPost if failed => {
                self.note(outcome);
                self.final_signal(r);
            }
            Phase::StopPost => self.stop_post(r, next),
            Phase::FinalSignal | Phase::FinalKill => self.rest(r),
            Phase::Dead | Phase::Check | Phase::Running | Phase::Exited | Phase::AutoRestart => {}
        }
    }
}
