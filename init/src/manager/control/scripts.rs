//! `enable` and `disable` of init scripts: `sysv switch` changes their links as the distribution's own tools would. A child
//! of PID 1 runs it, one at a time; who asked waits, and the loop doesn't.

use super::ClientId;
use super::enable::{self, failed};
use super::methods::Refusal;
use crate::manager::spawn::{PATH, beside};
use crate::manager::state::Manager;
use crate::proto::control::{Links, Planned, Reply};
use crate::proto::pid1::{Exit, Key, Life, Request};
use crate::proto::words;
use crate::switch::{Switched, notes, sysv_words};
use crate::sys::{file, memfd, wait};
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// The token of that child.
pub const TOKEN: u64 = 9;
/// It may take this long, in milliseconds.
const PATIENCE: u64 = 30_000;
/// More requests than this don't wait.
const MOST_WAITING: usize = 64;
/// Longest text of its that is read.
const MOST_TEXT: usize = 1 << 18;

/// What was asked for.
#[derive(Debug)]
pub struct Wanted {
    /// Scripts to be switched, and the units of the same breath: those come behind, where it went well.
    pub request: enable::Request,
    /// Only what would be done is to be told, behind this.
    pub planned: Option<Planned>,
}

#[derive(Debug)]
struct Running {
    step: u32,
    deadline: u64,
    /// `None`: the manager before us has started it, and only that one knew what for.
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    output: Rc<OwnedFd>,
    errors: Rc<OwnedFd>,
    wanted: Wanted,
}

/// The one under way, and those behind it.
#[derive(Debug, Default)]
pub struct Switches {
    running: Option<Running>,
    waiting: VecDeque<Wanted>,
}

impl Switches {
    /// When the one under way has taken too long.
    pub fn next_deadline(&self) -> Option<u64> {
        self.running.as_ref().map(|running| running.deadline)
    }

    /// Nobody is to be told any more: what this client only wanted to know isn't looked for.
    pub fn forget(&mut self, client: ClientId) {
        let work = self.running.as_mut().and_then(|running| running.work.as_mut());
        let all = self.waiting.iter_mut().chain(work.map(|work| &mut work.wanted));
        for wanted in all {
            wanted.request.client = wanted.request.client.filter(|asker| *asker != client);
        }
        self.waiting.retain(|wanted| wanted.planned.is_none() || wanted.request.client.is_some());
    }
}

/// What was written to a file; what can't be read any more is missed where it is looked for.
fn text(fd: &OwnedFd) -> String {
    let bytes = fd.try_clone().ok().and_then(|fd| file::read_all(fd, MOST_TEXT).ok());
    String::from_utf8_lossy(&bytes.unwrap_or_default()).trim().to_owned()
}

impl Manager {
    /// Has scripts switched on or off, and whoever asked told.
    pub(super) fn switch_scripts(&mut self, wanted: Wanted) -> Result<(), Refusal> {
        if self.switches.running.is_none() {
            return self.begin_switch(wanted);
        }
        // What changes something goes before what only asks, which anybody may.
        let asks = wanted.planned.is_some();
        let first = self.switches.waiting.iter().position(|other| other.planned.is_some() && !asks);
        let place = first.unwrap_or(self.switches.waiting.len());
        if place >= MOST_WAITING {
            return Err(failed("too many requests of this kind are under way"));
        }
        self.switches.waiting.insert(place, wanted);
        Ok(())
    }

    /// What the manager before us had begun goes on. Two at once would spoil each other's links: who asks for a switch now,
    /// as the one who had asked for that does again, waits for its end.
    pub fn match_switch(&mut self, slots: &[(Key, i32, Life)]) {
        let own = |(key, _, life): &&(Key, i32, Life)| key.token == TOKEN && !matches!(life, Life::Over(_));
        let deadline = wait::now_ms().saturating_add(PATIENCE);
        let found = slots.iter().find(own).map(|(key, ..)| Running { step: key.step, deadline, work: None });
        self.switches.running = found;
    }

    fn begin_switch(&mut self, wanted: Wanted) -> Result<(), Refusal> {
        let new = || memfd::or_file(c"rung-switch").map(Rc::new);
        let made = new().and_then(|output| Ok((output, new()?)));
        let (output, errors) = made.map_err(|e| failed(format!("no file for its output can be made: {}", e.desc())))?;
        let (program, step) = (beside("sysv"), self.helper_step());
        let enable::Request { scripts, levels, on, .. } = &wanted.request;
        let words = sysv_words(scripts, *levels, *on, wanted.planned.is_some());
        let args: Vec<&str> = std::iter::once("sysv").chain(words.iter().map(String::as_str)).collect();
        let fds = vec![(Rc::clone(&output), 1), (Rc::clone(&errors), 2)];
        if !self.start_helper(Key { token: TOKEN, step }, &program, &args, &[format!("PATH={PATH}")], fds) {
            return Err(failed(format!("{} can't be started", program.display())));
        }
        let deadline = wait::now_ms().saturating_add(PATIENCE);
        let work = Some(Work { output, errors, wanted });
        self.switches.running = Some(Running { step, deadline, work });
        Ok(())
    }

    /// It has ended: takes in what it did, tells who asked, and goes on with the next.
    pub fn on_switched(&mut self, step: u32, exit: Exit) {
        let Some(running) = self.switches.running.take_if(|running| running.step == step) else { return };
        match running.work {
            Some(work) => self.take_in_switch(work, exit),
            None => self.take_in_links(),
        }
        while let Some(next) = self.switches.waiting.pop_front() {
            let client = next.request.client;
            match self.begin_switch(next) {
                Ok(()) => break,
                Err(refusal) => self.turn_away(client, refusal),
            }
        }
        self.settle();
    }

    fn take_in_switch(&mut self, Work { output, errors, wanted }: Work, exit: Exit) {
        let (output, said) = (text(&output), text(&errors));
        // What the distribution's own tools print stands before it.
        let done = output.lines().next_back().and_then(|line| serde_json::from_str(line).ok());
        match done.filter(|_| exit == Exit::Code(0)) {
            Some(done) => self.tell_switched(wanted, done, notes(&said)),
            None => {
                if wanted.planned.is_none() {
                    self.take_in_links();
                }
                let why = if said.is_empty() { format!("sysv switch {}", words::exit(exit.into())) } else { said };
                self.turn_away(wanted.request.client, failed(why));
            }
        }
    }

    fn tell_switched(&mut self, Wanted { request, planned }: Wanted, done: Switched, notes: Vec<String>) {
        let client = request.client;
        if let Some(mut planned) = planned {
            planned.notes.extend(self.say_switched(&done).into_iter().chain(notes));
            planned.links.extend(done.changes);
            return self.send_value(client, &planned);
        }
        self.note_switched(&request, &request.scripts, &done.changes);
        match self.switch_units(&request) {
            Ok(mut changes) => {
                changes.extend(done.changes);
                self.send_value(client, &Links { changes, notes });
            }
            Err(refusal) => self.turn_away(client, refusal),
        }
    }

    fn send_value<T: Serialize>(&mut self, client: Option<ClientId>, value: &T) {
        let Some(client) = client else { return };
        let parameters = serde_json::to_value(value).unwrap_or(Value::Null);
        self.reply(client, Reply { parameters, continues: false, error: None });
    }

    fn turn_away(&mut self, client: Option<ClientId>, refusal: Refusal) {
        let Some(client) = client else { return };
        let error = Some(refusal.error.to_owned());
        self.reply(client, Reply { parameters: refusal.parameters, continues: false, error });
    }

    /// One that takes too long is ended; what it has done by then stays.
    pub fn switch_due(&mut self, now: u64) {
        if let Some(step) = self.switches.running.as_ref().filter(|r| r.deadline <= now).map(|r| r.step) {
            let key = Key { token: TOKEN, step };
            self.link.send(Request::Signal { key, signal: libc::SIGKILL, group: true }, Vec::new());
            self.on_switched(step, Exit::Signal(libc::SIGKILL));
        }
    }
}
