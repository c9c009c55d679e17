//! The end of the machine, as far as the manager is concerned: stop all services in order, show what holds them up.

use super::control::status;
use super::state::{Going, Manager};
use super::{asked, console, machine::Purpose};
use crate::core::{Ask, Event, Occasion, RequestId, State, UnitId, Verb, Whom};
use crate::proto::control::{Asker, BootStage};
use crate::proto::pid1::{Power, Request};
use crate::proto::words;
use crate::sys::{reboot, wait};
use crate::unit::{End, EndAction, Haste, Level, UnitName};

/// Two Ctrl-Alt-Del within this time force the end, in milliseconds.
const CAD_WINDOW: u64 = 3_000;
/// In a container all is to be over within 8 s, if nothing else is configured; the last 2 s and a bit are PID 1's, for
/// the processes that are left then.
const CONTAINER_DEADLINE: u64 = 8_000 - 2_200;
/// PID 1 acts alone this long after the last service's own deadline.
const GRACE: u64 = 10_000;
/// What holds the shutdown up is shown after this time, and again each second.
const SHOW_AFTER: u64 = 2_000;

impl Manager {
    /// Begins the end. A second call changes how it ends; `force` skips the services' own ways to stop.
    pub fn go_down(&mut self, how: Power, status: i32, force: bool, request: RequestId) {
        let now = wait::now_ms();
        let most = u64::try_from(self.machine.conf.shutdown_timeout.as_millis()).unwrap_or(u64::MAX);
        let after = if self.machine.container {
            CONTAINER_DEADLINE.min(most)
        } else {
            self.longest_stop().saturating_add(GRACE).min(most)
        };
        let (deadline, show_at) = (now.saturating_add(after), now.saturating_add(SHOW_AFTER));
        if self.going.is_none() {
            self.hand_over(BootStage::Cut);
            // At once, no level is entered.
            if !force {
                self.announce(if how == Power::Reboot { Level::REBOOT } else { Level::HALT }, "shutdown");
                self.say_term(&self.lines());
            }
            self.write_omitted();
        }
        // Asked again, also by a manager that goes on with it, it isn't put off.
        let before = self.going.unwrap_or(Going { how, status, deadline, show_at });
        let deadline = deadline.min(before.deadline);
        let status = if status == 0 { before.status } else { status };
        self.going = Some(Going { how, status, deadline, show_at: before.show_at });
        if force {
            self.end_panel();
            // One that starts now would miss PID 1's SIGTERM, and be waited for.
            self.logger_due = None;
            self.logger.flush();
            let how = self.link.forced(how);
            self.link.send(Request::End { how, status }, Vec::new());
            return;
        }
        let deadline_ms = u32::try_from(deadline.saturating_sub(now)).unwrap_or(u32::MAX);
        self.link.send(Request::Down { how, deadline_ms, status }, Vec::new());
        self.read_locks();
        self.push(Event::Request { id: request, ask: Ask::Down(how) });
    }

    /// The longest `TimeoutStopSec=` of what runs.
    fn longest_stop(&self) -> u64 {
        let running = self.core.ids().filter_map(|id| {
            let view = self.core.view(id);
            view.token.and(view.unit).map(|u| u.service.timing.timeout_stop.map_or(90_000, |d| d.as_millis()))
        });
        u64::try_from(running.max().unwrap_or(0)).unwrap_or(u64::MAX)
    }

    /// An essential service is over: so is the container. Stopped on the way down it changes nothing about where that goes.
    pub fn essential_over(&mut self, unit: UnitId, status: i32) {
        if !self.machine.container && !matches!(self.machine.purpose, Purpose::Command(_)) {
            let text = format!("{} is essential, and over; a machine goes on", self.core.name(unit));
            return self.console.write(&console::line("warn", &text, None));
        }
        let request = self.own_request();
        self.askers.will_ask(request, asked::own(Asker::Essential, None));
        let how = self.going.map_or(Power::PowerOff, |going| going.how);
        self.go_down(how, status, false, request);
    }

    /// A unit's end is the machine's, by `FailureAction=` or its kind. `-immediate` tells the kernel at once, where there is
    /// a machine to tell.
    pub fn brought_down(&mut self, unit: UnitId, action: EndAction, occasion: Occasion, status: i32) {
        let view = self.core.view(unit);
        let place = status::definition(&view).and_then(|u| u.place(&format!("Unit.{}", occasion.key())));
        let place = place.map(|p| format!(" ({p})")).unwrap_or_default();
        let text = format!("{}: {}={}{place}", view.name, occasion.key(), action.word());
        self.console.write(&console::line("warn", &text, None));
        let (how, mode) = match action.end {
            End::Exit | End::PowerOff => (Power::PowerOff, reboot::Mode::RB_POWER_OFF),
            End::Reboot => (Power::Reboot, reboot::Mode::RB_AUTOBOOT),
            End::Halt => (Power::Halt, reboot::Mode::RB_HALT_SYSTEM),
        };
        if action.haste == Haste::Immediate && !self.machine.container {
            reboot::now(mode);
        }
        let request = self.own_request();
        self.askers.will_ask(request, asked::own(Asker::Manager, Some(text)));
        self.go_down(how, status, action.haste != Haste::None, request);
    }

    /// A manager before us may have died when only PID 1 knew of the shutdown, or only the journal.
    pub fn go_on_down(&mut self) {
        let told = self.going.map(|going| going.how);
        let Some(how) = unsaid(told, self.core.going_down()) else { return };
        let request = self.own_request();
        self.go_down(how, 0, false, request);
    }

    /// Nothing of ours runs any more: the end comes as soon as the log holds what was said last.
    pub fn all_down(&mut self, how: Power) {
        self.end_wanted = Some(how);
        self.end_if_logged();
    }

    /// Sends what may be this manager's end: what the logger is to know goes out before.
    pub fn say_last(&mut self, request: Request) {
        self.logger.flush();
        self.link.send(request, Vec::new());
    }

    /// Has PID 1 end the machine, if that is due and nothing unread is left in log pipes.
    pub fn end_if_logged(&mut self) {
        if self.held.deadline().is_none()
            && let Some(how) = self.end_wanted.take()
        {
            let status = self.going.map_or(0, |g| g.status);
            self.end_panel();
            // One that starts now would miss PID 1's SIGTERM, and be waited for.
            self.logger_due = None;
            self.say_last(Request::End { how, status });
        }
    }

    /// A signal came to PID 1.
    pub fn on_signal(&mut self, signal: i32) {
        if let Purpose::Command(_) = self.machine.purpose {
            self.forward(signal);
            return;
        }
        let rt = libc::SIGRTMIN();
        let how = match signal {
            libc::SIGINT if self.inittab_has_keys() && self.tell_listener(signal) => return,
            libc::SIGINT if !self.machine.container => return self.ctrl_alt_del(),
            libc::SIGTERM | libc::SIGINT if self.machine.container => Power::PowerOff,
            s if s == rt + 3 && self.machine.container => Power::PowerOff,
            s if s == rt + 3 => Power::Halt,
            s if s == rt + 4 => Power::PowerOff,
            s if s == rt + 5 => Power::Reboot,
            libc::SIGHUP => return self.read_again(),
            libc::SIGUSR1 | libc::SIGUSR2 | libc::SIGWINCH | libc::SIGPWR => {
                self.tell_listener(signal);
                return;
            }
            libc::SIGCONT => return self.go_on(),
            _ => return,
        };
        if self.going.is_none() {
            let request = self.own_request();
            self.askers.will_ask(request, asked::own(Asker::Signal, Some(words::signal_name(signal))));
            self.go_down(how, 0, false, request);
        }
    }

    fn ctrl_alt_del(&mut self) {
        let now = wait::now_ms();
        let again = self.last_cad.is_some_and(|t| now.saturating_sub(t) < CAD_WINDOW);
        self.last_cad = Some(now);
        if again {
            self.console.write(&console::line("cad", "Ctrl-Alt-Del again: rebooting at once", None));
        }
        if again || self.going.is_none() {
            let request = self.own_request();
            self.askers.will_ask(request, asked::own(Asker::Signal, Some("Ctrl-Alt-Del".to_owned())));
            self.go_down(Power::Reboot, 0, again, request);
        }
    }

    /// `init -- CMD`: what comes to us is meant for the command.
    fn forward(&mut self, signal: i32) {
        let Ok(name) = UnitName::new(crate::unit::command_unit::NAME) else { return };
        let id = self.own_request();
        self.askers.will_ask(id, asked::own(Asker::Signal, Some(words::signal_name(signal))));
        let verb = Verb::Kill { signal, whom: Whom::Main };
        self.push(Event::Request { id, ask: Ask::Units { verb, names: vec![name] } });
    }

    /// Shows what the shutdown waits for: name, what it does, pids, seconds left.
    pub fn show_holders(&mut self) {
        let now = wait::now_ms();
        let Some(going) = &mut self.going else { return };
        if now < going.show_at {
            return;
        }
        going.show_at = now.saturating_add(1_000);
        let left = going.deadline.saturating_sub(now) / 1000;
        let mut lines = Vec::new();
        for id in self.core.ids() {
            let view = self.core.view(id);
            // What is ending, whoever asked for it (perhaps a manager before us). What waits for others itself would
            // only hide those.
            let due = view.job.is_some() && view.token.is_some() && self.core.waits_for(id).is_empty();
            if !due && view.state != State::Deactivating {
                continue;
            }
            let pids: Vec<String> = view.main_pid.into_iter().chain(view.control_pid).map(|p| p.to_string()).collect();
            let own = view.deadline.map(|d| format!(", {} s left", d.saturating_sub(now) / 1000)).unwrap_or_default();
            let doing = words::phase_text(view.phase);
            let pids = if pids.is_empty() { String::new() } else { format!(" (pid {})", pids.join(", ")) };
            lines.push(format!("waiting for {}{pids}: {doing}{own}", view.name));
        }
        if lines.is_empty() || self.panel.is_shown() {
            return;
        }
        for text in lines.iter().take(8) {
            self.console.write(&console::line("wait", text, None));
        }
        self.console.write(&console::line("wait", &format!("going down anyway in {left} s"), None));
        // From here on whoever sits there may do something about it.
        self.show_panel();
    }
}

/// The shutdown that one of PID 1 and the core doesn't know of. PID 1 is told first: what it knows is newer. Pure.
fn unsaid(told: Option<Power>, decided: Option<Power>) -> Option<Power> {
    if told == decided { None } else { told.or(decided) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_knows_is_said_again() {
        let (off, reboot) = (Some(Power::PowerOff), Some(Power::Reboot));
        for (told, decided, wanted) in
            [(None, None, None), (off, off, None), (off, None, off), (None, off, off), (reboot, off, reboot)]
        {
            assert_eq!(unsaid(told, decided), wanted, "{told:?} {decided:?}");
        }
    }
}
