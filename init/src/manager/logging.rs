//! The logger's process: started, started again, what it answers, and the pipes it is given.

use super::instance::parked;
use super::state::Manager;
use crate::proto::logger::{Answer, Request as LoggerRequest, Stream};
use crate::proto::pid1::{Key, Life, Request};
use crate::sys::wait;
use crate::unit::UnitName;
use std::collections::BTreeSet;

/// A logger that ended is started again after this long, in milliseconds.
const LOGGER_DELAY: u64 = 200;
/// One that ends again and again waits no longer than this.
const LOGGER_DELAY_MOST: u64 = 10_000;
/// The boot's first services start before the logger does: it has nothing to do but to read what they print, which waits in
/// pipes and its socket. It starts this much later, or as soon as somebody waits for it.
const FIRST_LOGGER_DELAY: u64 = 30;

impl Manager {
    /// The logger is to be started again: soon, if it has worked for a while, else later each time.
    pub(super) fn logger_again(&mut self) {
        let now = wait::now_ms();
        let ran = now.saturating_sub(self.logger_since);
        let longer = self.logger_delay.saturating_mul(2).min(LOGGER_DELAY_MOST);
        self.logger_delay = if ran > LOGGER_DELAY_MOST { LOGGER_DELAY } else { longer.max(LOGGER_DELAY) };
        self.logger_due = Some(now.saturating_add(self.logger_delay));
    }

    pub(super) fn on_logger_slot(&mut self, key: Key, life: Life) {
        if !matches!(life, Life::Over(_)) {
            return;
        }
        self.link.send(Request::ack(&[key]), Vec::new());
        if key == self.logger_key && self.logger_due.is_none() {
            self.logger_again();
        }
    }

    pub(super) fn read_logger(&mut self) {
        while let Some(answer) = self.logger.next_answer() {
            if let Answer::Ended { token } = answer
                && let Some(unit) = self.held.unit(token)
            {
                self.kept.is_dry(unit, token);
            }
            match answer {
                Answer::Ended { token } if self.held.unit(token).is_some_and(|u| self.removals.hold_news(u, token)) => {
                }
                Answer::Ended { token } => {
                    let told = self.held.logged(token);
                    self.tell(told);
                }
                Answer::Recorded => self.record_written(),
                Answer::Bundles => {}
                Answer::Closed { token, stream } => self.pipe_closed(token, stream),
            }
        }
    }

    /// The logger has found that nobody writes to a pipe any more. Where its instance goes on, nobody did while there was no
    /// manager, which holds an end as well: the logger gets it once more.
    fn pipe_closed(&mut self, token: u64, stream: Stream) {
        let pipe = (token, stream);
        let goes_on = |all: &Self| all.instances.values().any(|i| i.logs == token && i.has_pipe(stream));
        match self.pipes.get(&pipe).cloned() {
            Some(unit) if self.taken_over.remove(&pipe) && goes_on(self) => self.hand_pipe(token, stream, &unit),
            _ => {
                self.pipes.remove(&pipe);
                self.link.unpark(token, parked::read_end(stream));
            }
        }
    }

    /// Gives the logger its parked end of a pipe.
    fn hand_pipe(&mut self, token: u64, stream: Stream, unit: &UnitName) {
        match self.link.fetch(token, parked::read_end(stream)) {
            Ok(Some(pipe)) => self.logger.open(token, stream, unit.short(), pipe),
            Ok(None) => {}
            Err(_) => self.over = true,
        }
    }

    /// The first logger is to be started.
    pub fn plan_first_logger(&mut self) {
        self.logger_due = Some(wait::now_ms().saturating_add(FIRST_LOGGER_DELAY));
    }

    /// Starts the logger if it is due, or the first one if something waits for it.
    pub fn logger_if_due(&mut self, now: u64) {
        // Of an end under way there is something to be written, whatever else.
        let pressing = self.logger.wants_first() || self.going.is_some() && self.logger.is_new();
        if !self.logger_due.is_some_and(|at| pressing || at <= now) {
            return;
        }
        self.logger_due = None;
        if self.logger.is_new() {
            // All that there is to be told, and every pipe, is in its socket.
            self.logger_since = now;
            self.spawn_logger();
        } else {
            self.start_logger();
        }
    }

    /// Starts the logger's process with its parked socket, and gives it every parked pipe.
    pub fn start_logger(&mut self) {
        self.logger_since = wait::now_ms();
        self.logger.begins();
        self.spawn_logger();
        for (token, name, stream) in self.log_pipes() {
            self.hand_pipe(token, stream, &name);
        }
        self.events.write_again();
        self.write_history();
        self.send_record();
        // The one before may have died with the message that an instance is over.
        let used: BTreeSet<u64> = self.instances.values().map(|instance| instance.logs).collect();
        let all: BTreeSet<u64> = self.pipes.keys().map(|(token, _)| *token).collect();
        for token in all.difference(&used).copied() {
            self.logger.send(LoggerRequest::End { token }, None);
        }
    }

    /// The pipes that may still be written to: token, unit, stream.
    fn log_pipes(&self) -> Vec<(u64, UnitName, Stream)> {
        self.pipes.iter().map(|((token, stream), name)| (*token, name.clone(), *stream)).collect()
    }
}
