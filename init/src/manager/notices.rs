//! What services say while they run: whose words count, and how they reach the core without one being lost.
//!
//! A datagram is taken off its socket, and a newline off its pipe, only after what it says stands in the journal: a
//! manager that dies in between leaves it to the next one. To hear a word twice does no harm.

use super::instance::parked;
use super::notify::{self, Said};
use super::procs;
use super::reactor::{NOTIFY, READY};
use super::state::Manager;
use crate::core::{Event, Notice};
use crate::proto::logger;
use crate::proto::pid1::Key;
use crate::sys::datagram::{self, Sender};
use crate::sys::epoll::Ready;
use crate::sys::pipe::Peeker;
use crate::sys::wait;
use crate::unit::NotifyAccess;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Longest piece of a readiness pipe that is looked at.
const PIECE: usize = 4096;

impl Manager {
    /// Takes in what waits in an instance's notify socket, so many datagrams at most.
    pub fn read_notify(&mut self, token: u64, most: usize) {
        for _ in 0..most {
            if self.is_nameless(token) {
                return self.listen_to(token, Ready::empty());
            }
            let Some(socket) = self.instances.get(&token).and_then(|i| i.notify.as_ref()) else { return };
            let Some((datagram, sender)) = notify::first(socket.as_fd()) else { return };
            self.hear(token, &datagram, sender);
            if let Some(socket) = self.instances.get(&token).and_then(|i| i.notify.as_ref()) {
                datagram::discard(socket.as_fd());
            }
        }
    }

    /// PID 1 hasn't told yet which process is the main one, or the command beside it: until it has, nobody's words can be
    /// judged.
    fn is_nameless(&self, token: u64) -> bool {
        let Some(view) = self.core.token_unit(token).map(|id| self.core.view(id)) else { return false };
        let unknown = |key: Option<Key>, pid: Option<i32>| key.is_some() && pid.is_none();
        unknown(view.main_key, view.main_pid) || unknown(view.control_key, view.control_pid)
    }

    /// A process is known: words are heard again.
    pub fn hear_again(&mut self, token: u64) {
        self.listen_to(token, Ready::EPOLLIN);
    }

    fn listen_to(&self, token: u64, events: Ready) {
        if let Some(socket) = self.instances.get(&token).and_then(|i| i.notify.as_ref()) {
            let _ = self.epoll.modify(socket, events, NOTIFY | token);
        }
    }

    fn hear(&mut self, token: u64, datagram: &[u8], sender: Option<Sender>) {
        let said = notify::parse(datagram, boot_ms);
        // `BARRIER=1` asks for nothing but that its descriptor is closed, after what came before it: anybody may.
        if said.is_empty() {
            return;
        }
        if let Err(why) = self.judge(token, sender) {
            return self.refuse(token, why);
        }
        let mut notices = Vec::with_capacity(said.len());
        for one in said {
            match one {
                Said::Notice(notice) => notices.push(notice),
                Said::MainPid(pid) => {
                    let stat = procs::stat(pid).filter(|_| self.owns(token, pid));
                    notices.extend(stat.map(|s| Notice::MainPid { pid, start_time: s.start_time }));
                }
                Said::Store => self.refuse(token, "FDSTORE=1: descriptors aren't kept here; closed".to_owned()),
            }
        }
        if !notices.is_empty() {
            self.push(Event::Notify { token, notices });
            self.settle();
        }
    }

    /// Whether a sender's words count, by `NotifyAccess=` or the `NOTIFYACCESS=` said last.
    fn judge(&self, token: u64, sender: Option<Sender>) -> Result<(), String> {
        let Some(id) = self.core.token_unit(token) else { return Err(String::new()) };
        let view = self.core.view(id);
        let set = view.unit.map_or(NotifyAccess::None, |u| u.service.notify_access());
        let access = view.said.access.unwrap_or(set);
        let Some(Sender { pid, uid }) = sender.filter(|s| s.pid > 0) else {
            return Err("a notice of a process that can't be seen from here counts for nothing".to_owned());
        };
        let is = |of: Option<i32>| of == Some(pid);
        let (may, word) = match access {
            NotifyAccess::None => (false, "none"),
            NotifyAccess::Main => (is(view.main_pid), "main"),
            NotifyAccess::Exec => (is(view.main_pid) || is(view.control_pid), "exec"),
            NotifyAccess::All => {
                let ours = is(view.main_pid) || is(view.control_pid) || self.owns(token, pid);
                // Who is gone by now, as short-lived helpers are, is known by its user only. Asked last: it may go meanwhile.
                let gone = || procs::stat(pid).is_none_or(|s| s.zombie || s.ending);
                (ours || (gone() && (uid == 0 || owner(view.main_pid) == Some(uid))), "all")
            }
        };
        let name = || procs::command(pid);
        if may {
            Ok(())
        } else {
            Err(format!("a notice of process {pid} ({}) is refused: NotifyAccess={word}", name()))
        }
    }

    /// Says once in the service's log why it isn't heard.
    fn refuse(&mut self, token: u64, text: String) {
        let Some(id) = self.core.token_unit(token) else { return };
        let name = self.core.name(id).short().to_owned();
        let Some(instance) = self.instances.get_mut(&token) else { return };
        if !std::mem::replace(&mut instance.refused, true) {
            self.logger.send(logger::Request::Note { name, text }, None);
        }
    }

    /// `NotifyFd=`: looks whether there is a newline.
    pub fn read_ready(&mut self, token: u64) {
        let Some(pipe) = self.instances.get(&token).and_then(|i| i.ready.as_ref()) else { return };
        let mut piece = [0; PIECE];
        let found = Peeker::new().and_then(|peeker| peeker.peek(pipe.as_fd(), &mut piece));
        match found {
            Err(nix::errno::Errno::EAGAIN) => {}
            Ok(length) if length > 0 && !piece.iter().take(length).any(|b| *b == b'\n') => {
                let _ = nix::unistd::read(pipe, piece.get_mut(..length).unwrap_or_default());
            }
            Ok(length) => {
                if length > 0 {
                    self.push(Event::Notify { token, notices: vec![Notice::Ready] });
                    self.settle();
                }
                // Said, or closed without a word: then the start's time limit tells.
                self.forget_ready(token);
            }
            Err(_) => self.forget_ready(token),
        }
    }

    fn forget_ready(&mut self, token: u64) {
        if let Some(pipe) = self.instances.get_mut(&token).and_then(|i| i.ready.take()) {
            let _ = self.epoll.remove(pipe.as_fd());
            self.link.unpark(token, parked::READY);
        }
    }

    /// Takes the reading end of a readiness pipe into the loop.
    pub fn watch_ready(&mut self, token: u64) {
        if let Some(pipe) = self.instances.get(&token).and_then(|i| i.ready.as_ref()) {
            let _ = self.epoll.add(pipe, Ready::EPOLLIN, READY | token);
        }
    }
}

/// The user of a process.
fn owner(pid: Option<i32>) -> Option<u32> {
    std::fs::metadata(format!("/proc/{}", pid?)).ok().map(|m| m.uid())
}

/// Microseconds of `CLOCK_MONOTONIC` in the core's time; the two clocks differ by the time spent in suspend.
fn boot_ms(monotonic_us: u64) -> u64 {
    let asleep = wait::now_ms().saturating_sub(wait::monotonic_ms());
    (monotonic_us / 1000).saturating_add(asleep)
}
