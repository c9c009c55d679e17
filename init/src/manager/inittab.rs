//! What `/etc/inittab` has to do with the manager: signals for the one who listens, and reading it again.
//!
//! The lines are units like any others, made by the generator. On `telinit q`, SIGHUP and a switch of levels sysvinit's
//! rules hold for them: a line that is gone, or is for something else now, is ended; one that is for other levels, too; a
//! changed command alone waits until the process ends; what is on and isn't up starts, whatever its guard says.

use super::asked;
use super::state::Manager;
use crate::core::{Ask, Event, Loaded, Phase, State, UnitId, Verb, Whom};
use crate::proto::control::Asker;
use crate::proto::pid1::Key;
use crate::sys::syslog::{self, Priority};
use crate::sys::wait;
use crate::unit::{Level, Service, Unit, UnitName};
use std::path::{Path, PathBuf};

/// Who listens at `/run/initctl` and knows what inittab has for keys and power.
pub const LISTENER: &str = "sysv-fifo.service";
/// A restart that is further off is one that the guard has put off, in milliseconds.
const LONG: u64 = 60_000;
/// The file itself.
const INITTAB: &str = "/etc/inittab";
/// What each line's unit begins with.
pub const PREFIX: &str = "inittab-";

/// What is to become of a line's unit. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Keep,
    Stop,
    Start,
    /// It is for something else now.
    Restart,
}

impl Manager {
    fn events(&self) -> PathBuf {
        self.machine.run_dir.join("generated/events")
    }

    /// Whether there is an inittab.
    fn has_inittab(&self) -> bool {
        self.events().join("README").exists()
    }

    /// Whether inittab has something for Ctrl-Alt-Del in this level. On a machine it alone decides, where there is one.
    pub fn inittab_has_keys(&self) -> bool {
        let (_, current, to) = self.core.levels();
        let folder = to.or(current).map(|level| self.events().join("ctrlaltdel").join(level.to_string()));
        self.has_inittab() && (!self.machine.container || folder.is_some_and(|f| f.exists()))
    }

    /// Passes a signal on to the listener; `false` where nobody listens.
    pub fn tell_listener(&mut self, signal: i32) -> bool {
        let Ok(name) = UnitName::new(LISTENER) else { return false };
        let up = |id: UnitId| self.core.view(id).state == State::Active && self.core.view(id).main_pid.is_some();
        if !self.core.id(&name).is_some_and(up) {
            return false;
        }
        self.ask_of_lines(Verb::Kill { signal, whom: Whom::Main }, vec![name]);
        true
    }

    /// PID 1 starts nothing while it is paused: these are asked for again when it goes on.
    pub fn hold_back(&mut self, key: Key) {
        self.held_back.push(key);
    }

    /// PID 1 goes on.
    pub fn go_on(&mut self) {
        for key in std::mem::take(&mut self.held_back) {
            self.ask_again(key);
        }
    }

    /// Says what sysvinit would say: on the console, and in the system log where it would be there too. Only where there
    /// is an inittab; people and scripts of such a machine look for it.
    pub fn init_says(&mut self, text: &str, logged: bool) {
        if !Path::new(INITTAB).exists() {
            return;
        }
        self.console.write(&format!("\rINIT: {text}\r\n"));
        if logged {
            syslog::send(Priority::DaemonInfo, "init", text);
        }
    }

    /// A level is about to be entered.
    pub fn say_level(&mut self, to: Level) {
        let (_, current, switching) = self.core.levels();
        match to {
            _ if switching.or(current) == Some(to) => {}
            _ if current.is_none_or(|level| level == Level::S) && !to.is_down() => {
                self.init_says(&format!("Entering runlevel: {to}"), true);
            }
            Level::SINGLE => self.init_says("Going single user", true),
            to => self.init_says(&format!("Switching to runlevel: {to}"), true),
        }
    }

    /// Lines that run a process are about to be ended.
    pub fn say_term(&mut self, lines: &[UnitName]) {
        let runs = |name: &UnitName| self.core.id(name).is_some_and(|id| self.core.view(id).main_pid.is_some());
        if lines.iter().any(runs) {
            self.init_says("Sending processes configured via /etc/inittab the TERM signal", false);
            self.lines_told = true;
        }
    }

    /// A unit is killed: if it is a line that didn't end in its time, that is said, once for all that were told to end.
    pub fn say_kill(&mut self, unit: UnitId) {
        let view = self.core.view(unit);
        let late = matches!(view.phase, Phase::StopKill | Phase::FinalKill) && view.name.as_str().starts_with(PREFIX);
        if late && std::mem::take(&mut self.lines_told) {
            self.init_says("Sending processes configured via /etc/inittab the KILL signal", false);
        }
    }

    /// The units of inittab's lines.
    pub fn lines(&self) -> Vec<UnitName> {
        let names = self.core.ids().map(|id| self.core.name(id));
        names.filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect()
    }

    /// Says it when a line's guard puts its next start off.
    pub fn note_guard(&mut self, id: UnitId) {
        let view = self.core.view(id);
        let late = view.deadline.is_some_and(|at| at.saturating_sub(wait::now_ms()) > LONG);
        let line = view.name.as_str().strip_prefix(PREFIX).and_then(|name| name.strip_suffix(".service"));
        let Some(line) = line.filter(|_| view.phase == Phase::AutoRestart && late) else { return };
        let text = format!("Id \"{line}\" respawning too fast: disabled for 5 minutes");
        self.init_says(&text, true);
    }

    /// inittab was read again: what follows for its lines in this level, the present one or one that is about to be
    /// entered.
    pub fn reread_inittab(&mut self, entered: Option<Level>) {
        // What was read just now counts.
        self.settle();
        let (_, current, to) = self.core.levels();
        let Some(level) = entered.or(to).or(current) else { return };
        if self.going.is_some() {
            return;
        }
        let of = |course: Course| {
            let of = |name: &UnitName| self.core.id(name).map(|id| self.course(id, level));
            self.lines().into_iter().filter(|name| of(name) == Some(course)).collect::<Vec<_>>()
        };
        let (stops, starts, restarts) = (of(Course::Stop), of(Course::Start), of(Course::Restart));
        self.say_term(&[stops.clone(), restarts.clone()].concat());
        self.ask_of_lines(Verb::Stop, stops);
        self.ask_of_lines(Verb::ResetFailed, starts.iter().chain(&restarts).cloned().collect());
        if entered.is_none() {
            self.ask_of_lines(Verb::Start, starts);
        }
        self.ask_of_lines(Verb::Restart, restarts);
    }

    fn course(&self, id: UnitId, level: Level) -> Course {
        let view = self.core.view(id);
        let disk = match view.on_disk {
            Loaded::Good(unit) => Some(unit.as_ref()),
            _ => None,
        };
        let paused = view.phase == Phase::AutoRestart;
        let up = matches!(view.state, State::Active | State::Activating | State::Reloading) && !paused;
        let boots = view.on.contains(Level::S);
        let on = view.on.contains(level) && !boots;
        // On no level at all: started by `telinit a`, a key or a failing power.
        let off = !on && !boots && !view.on.is_empty();
        course(up || paused, paused, on, off, view.unit.map(|u| u.as_ref()), disk)
    }

    fn ask_of_lines(&mut self, verb: Verb, names: Vec<UnitName>) {
        if names.is_empty() {
            return;
        }
        let id = self.own_request();
        self.askers.will_ask(id, asked::own(Asker::Signal, Some("inittab".to_owned())));
        self.push(Event::Request { id, ask: Ask::Units { verb, names } });
    }
}

fn course(there: bool, paused: bool, on: bool, off: bool, unit: Option<&Unit>, disk: Option<&Unit>) -> Course {
    let differs = match (unit, disk) {
        (Some(unit), Some(disk)) => action(&unit.service) != action(&disk.service),
        _ => false,
    };
    match disk {
        _ if !there && on && disk.is_some() => Course::Start,
        _ if !there => Course::Keep,
        None => Course::Stop,
        Some(_) if off => Course::Stop,
        Some(_) if differs && on => Course::Restart,
        Some(_) if differs => Course::Stop,
        Some(_) if paused && on => Course::Start,
        Some(_) => Course::Keep,
    }
}

/// By what the units of two actions differ.
fn action(service: &Service) -> impl PartialEq {
    (service.kind, service.restart, service.remain_after_exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Restart, ServiceType};

    fn unit(kind: ServiceType, restart: Restart, remains: bool) -> Unit {
        let mut unit = Unit::new(UnitName::new("inittab-x.service").expect("a name"));
        (unit.service.kind, unit.service.restart, unit.service.remain_after_exit) = (kind, restart, remains);
        unit
    }

    #[test]
    fn a_line_is_ended_when_it_is_gone_or_for_something_else() {
        let respawn = unit(ServiceType::Exec, Restart::Always, false);
        let once = unit(ServiceType::Exec, Restart::No, true);
        let mut other_command = respawn.clone();
        other_command.service.commands.push((crate::unit::ExecKind::Start, Default::default()));
        let up = |on: bool, off: bool, disk: Option<&Unit>| course(true, false, on, off, Some(&respawn), disk);
        assert_eq!(up(true, false, None), Course::Stop);
        assert_eq!(up(true, false, Some(&once)), Course::Restart);
        assert_eq!(up(false, true, Some(&respawn)), Course::Stop);
        assert_eq!(up(true, false, Some(&other_command)), Course::Keep);
        assert_eq!(up(false, false, Some(&respawn)), Course::Keep, "on demand");
        assert_eq!(course(false, false, true, false, None, Some(&once)), Course::Start);
        assert_eq!(course(false, false, false, true, None, Some(&once)), Course::Keep);
        assert_eq!(course(false, false, false, false, Some(&once), None), Course::Keep);
        assert_eq!(course(true, true, true, false, Some(&respawn), Some(&respawn)), Course::Start, "its guard is off");
    }
}
