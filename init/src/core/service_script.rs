//! The service machine of `Type=script`: what an init script leaves running is the service.
//!
//! When the script has ended its main process is looked for: the one in `PIDFile=`, else the only one that PID 1 has
//! inherited. With several the service has none, and lives as long as any of them. Where nothing is left it has done its
//! work and counts as active; so does one whose last process ends well within [`BRIEF`] of the start, for that was no
//! daemon. Later the end of its last process is its end, and a main process that ends badly is one where `Restart=` is to
//! bring it back.
//! `ExecStop=` runs at such an end only if a restart follows: somebody who stops the service by its script would find
//! that the daemon he starts next is stopped again.
//!
//! A K link has `ExecStop=` run for a unit that is down ([`Call::Due`], then [`Call::Under`]), and a level that rc's rules
//! would end without the script ends it by signals alone ([`Call::Bare`]). What level 1 stops leaves nobody, script or not
//! ([`Call::Whole`]): Debian's `killprocs` ends all processes there.

use super::{Group, Run, Service, Wanted};
use crate::core::restart::wants_restart;
use crate::core::{Action, ExitRecord, Millis, Outcome, Phase};
use crate::unit::{ExecKind, KillMode, ServiceType, Unit, Words};
use serde::{Deserialize, Serialize};

/// What ends within this many milliseconds of the start, and well, was no daemon.
const BRIEF: Millis = 3_000;

/// What a level switch wants of a script's stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::core) enum Call {
    /// Nothing out of the ordinary.
    #[default]
    No,
    /// Signals to all its processes, and no `ExecStop=`.
    Bare,
    /// `ExecStop=`, and then signals to all its processes; SIGHUP too, as shells ignore SIGTERM.
    Whole,
    /// `ExecStop=` although the unit is down.
    Due,
    /// That runs.
    Under,
}

pub(super) fn is_script(unit: &Unit) -> bool {
    unit.service.kind == ServiceType::Script
}

/// What the LSB's statuses of a script's `stop` mean that leave nothing running: not installed, not configured, not
/// running. To rc they are no failures either.
pub(super) fn is_stopped(unit: &Unit, kind: ExecKind, exit: ExitRecord) -> bool {
    is_script(unit) && kind == ExecKind::Stop && matches!(exit, ExitRecord::Code(5..=7))
}

/// What SysV says of a script's exit status that means that there is nothing to start.
pub(super) fn skip_reason(unit: &Unit, words: Option<&Words>, exit: ExitRecord) -> String {
    let why = match exit {
        ExitRecord::Code(5) => "its program is not installed".to_owned(),
        ExitRecord::Code(6) => "it is not configured".to_owned(),
        _ => format!("SkipExitStatus={} names that", unit.placed("Service.SkipExitStatus")),
    };
    let ended = match exit {
        ExitRecord::Code(code) => format!("exited with status {code}"),
        _ => "was ended by a signal".to_owned(),
    };
    format!("`{}` {ended}: {why}", words.map(Words::line).unwrap_or_default())
}

impl Service {
    /// Which processes a stop is for.
    pub(super) fn kill_mode(&self, unit: &Unit) -> KillMode {
        match self.call {
            Call::Bare | Call::Whole => KillMode::ControlGroup,
            Call::No | Call::Due | Call::Under => unit.service.kill_mode,
        }
    }

    /// Whether SIGHUP goes with the signal of a stop.
    pub(super) fn sends_sighup(&self, unit: &Unit) -> bool {
        unit.service.ending.send_sighup || self.call == Call::Whole
    }

    /// The script has ended well, or a process that was its main one: who is there now?
    pub(super) fn look_around(&self, r: &mut Run<'_>) {
        if let Some(token) = self.token {
            // First whether anybody is: with nobody there is no file to wait for.
            r.out.push(Action::Watch { unit: r.id, token });
            r.out.push(Action::ReadPidFile { unit: r.id, token });
        }
    }

    /// Nobody is left.
    pub(super) fn left_nothing(&mut self, r: &mut Run<'_>) {
        self.group = Group::Empty;
        self.came_up(r);
    }

    /// It is up, or was, and no process of it is left.
    pub(super) fn is_over(&mut self, r: &mut Run<'_>) {
        let brief = r.unit.service.pid_file.is_none()
            && self.pace.up.is_some_and(|up| r.now.saturating_sub(up) < BRIEF)
            && matches!(self.pace.status(), None | Some(ExitRecord::Code(0) | ExitRecord::Unknown));
        let good = self.result == Outcome::Success;
        let starts = matches!(self.phase, Phase::Start | Phase::StartPost);
        // One that is up without any process is so after its reload as well.
        let had_none = self.phase == Phase::Reload && self.group == Group::Empty;
        if good && (starts || brief || had_none) {
            self.enter(r, Phase::Exited);
        } else {
            self.go_after_end(r);
        }
    }

    /// It has ended by itself.
    pub(super) fn go_after_end(&mut self, r: &mut Run<'_>) {
        if self.comes_again(r) { self.stop(r, 0) } else { self.stop_signal(r) }
    }

    /// Somebody has called its script with `stop`, which is no end that `Restart=` makes good.
    pub(super) fn undone(&mut self, r: &mut Run<'_>) {
        self.wanted = Wanted::Down;
        self.stop_signal(r);
    }

    /// Whether `Restart=` would bring it back if it ended now.
    pub(super) fn comes_again(&self, r: &Run<'_>) -> bool {
        let wanted = self.wanted == Wanted::Up && r.may_restart;
        wanted && wants_restart(&r.unit.service, &self.result, self.pace.status())
    }

    /// `ExecStop=` of a unit that is down.
    pub(super) fn call(&mut self, r: &mut Run<'_>, token: u64) {
        self.renew(r, token);
        self.wanted = Wanted::Down;
        self.started = true;
        self.call = Call::Under;
        self.stop(r, 0);
    }

    /// Its processes were started by somebody else, and are there: `main`, where it is known.
    pub(super) fn found_up(&mut self, r: &mut Run<'_>, token: u64, main: Option<(i32, u64)>) {
        self.renew(r, token);
        self.started = true;
        self.pace.up = Some(r.now);
        self.revive(r, main);
    }

    /// Processes of it are there, though nothing ran or it counted as done.
    pub(super) fn revive(&mut self, r: &mut Run<'_>, main: Option<(i32, u64)>) {
        self.group = Group::Outlives;
        if let Some((pid, start)) = main {
            self.adopt(r, pid, start);
        }
        self.enter(r, Phase::Running);
        if main.is_none() {
            self.look_around(r);
        }
    }
}
