//! The line to the manager. Nothing is queued: what doesn't fit stays marked in its slot and is found by a cursor.

use super::parked::Parked;
use super::signals::Pending;
use super::slots::Slots;
use super::table::{Field, Table, frame};
use super::{Tag, tag};
use crate::proto::pid1::{Event, FRAME_LEN, Frame, Request};
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::seqpacket::{self, Fds, Received};
use crate::sys::{fd, process};
use nix::errno::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};

/// How long a manager may leave an exit or a signal unanswered, or its socket full.
const PATIENCE_MS: u64 = 30_000;

/// Bits of [`super::table::Head::greeted`].
const GREETED: u32 = 1;
const SYNCING: u32 = 2;

/// How far a sync has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    No,
    Slots(usize),
    Parked(usize),
}

/// One read from the manager.
#[derive(Debug)]
pub enum Got {
    /// A request, and what came beside it.
    Request(Request, Fds),
    /// A packet that can't be read: its kind and why.
    Bad(u16, Errno),
    /// Nothing for now.
    Nothing,
    /// The manager has closed its end.
    Closed,
}

/// The socket (its number lies in the table) and what still has to be said.
#[derive(Debug)]
pub struct Link {
    table: &'static Table,
    epoll: &'static Epoll,
    sync: Sync,
    cursor: usize,
    /// One answer that didn't fit. While it waits no request is read, so there is never a second one.
    answer: Option<(Event, Option<OwnedFd>)>,
    full: bool,
    waiting_since: Option<u64>,
}

impl Link {
    /// The line as the table has it.
    pub fn new(table: &'static Table, epoll: &'static Epoll) -> Self {
        // A manager that outlived a re-execution of ours waits for the end of its sync.
        let sync = if table.head.greeted.get() & SYNCING != 0 { Sync::Slots(0) } else { Sync::No };
        let link = Self { table, epoll, sync, cursor: 0, answer: None, full: false, waiting_since: None };
        if let Some(socket) = link.socket() {
            let _ = epoll.add(socket, Ready::EPOLLIN, tag(Tag::Manager, 0));
        }
        link
    }

    fn socket(&self) -> Option<BorrowedFd<'static>> {
        let raw = self.table.head.socket.get();
        fd::borrow(raw).filter(|_| raw > 0)
    }

    /// Whether there is a line.
    pub fn is_open(&self) -> bool {
        self.socket().is_some()
    }

    /// Puts a new manager at the other end.
    pub fn open(&mut self, socket: OwnedFd) {
        self.close();
        self.table.head.socket.set(fd::keep_raw(socket));
        *self = Self::new(self.table, self.epoll);
    }

    /// Hangs up.
    pub fn close(&mut self) {
        if let Some(socket) = self.socket() {
            let _ = self.epoll.remove(socket);
            let raw = self.table.head.socket.get();
            self.table.head.socket.set(0);
            fd::close(raw);
        }
        self.done();
        self.table.head.greeted.set(0);
        self.answer = None;
        (self.sync, self.full, self.waiting_since) = (Sync::No, false, None);
    }

    /// The next request. None is read while an answer waits to be sent.
    pub fn receive(&mut self) -> Got {
        let Some(socket) = self.socket().filter(|_| self.answer.is_none()) else { return Got::Nothing };
        let words = &self.table.head.request;
        self.done();
        let mut received = seqpacket::recv_shared(socket, words);
        if matches!(received, Err(Errno::ECONNRESET)) {
            // It has gone without reading all we sent; what it sent itself is still there.
            received = seqpacket::recv_shared(socket, words);
        }
        let frame = frame(words);
        match received {
            Ok(Received::Packet(FRAME_LEN, fds)) => match Request::decode(&frame) {
                Some(request) => Got::Request(request, fds),
                None => Got::Bad(kind(&frame), Errno::EPROTO),
            },
            Ok(Received::Packet(..)) => Got::Bad(kind(&frame), Errno::EMSGSIZE),
            Err(Errno::EMSGSIZE) => Got::Bad(kind(&frame), Errno::EMSGSIZE),
            Err(Errno::EAGAIN) => Got::Nothing,
            Ok(Received::Closed) | Err(_) => Got::Closed,
        }
    }

    /// The request that was read last has been carried out, and answered if it needs that.
    pub fn done(&self) {
        if self.answer.is_none() {
            let [first, ..] = &self.table.head.request;
            first.set(0);
        }
    }

    /// The request that a fault of ours interrupted.
    pub fn interrupted(&self) -> Option<Request> {
        Request::decode(&frame(&self.table.head.request))
    }

    /// Answers a request.
    pub fn answer(&mut self, event: Event, fd: Option<OwnedFd>) {
        self.answer = Some((event, fd));
        self.send_answer();
    }

    /// From here on the manager hears of changes.
    pub fn greet(&mut self) {
        self.table.head.greeted.set(GREETED);
    }

    /// Tells everything from the beginning.
    pub fn sync(&mut self) {
        self.sync = Sync::Slots(0);
        self.table.head.greeted.set(self.table.head.greeted.get() | SYNCING);
    }

    fn send(&mut self, event: Event, fd: Option<BorrowedFd<'_>>) -> bool {
        let Some(socket) = self.socket() else { return false };
        match seqpacket::send(socket, &event.encode(), fd.as_slice()) {
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::ETOOMANYREFS) => self.full = true,
            // A manager that is gone is seen by its exit.
            _ => return true,
        }
        false
    }

    fn send_answer(&mut self) -> bool {
        let Some((event, fd)) = self.answer.take() else { return true };
        let sent = self.send(event, fd.as_ref().map(std::os::fd::AsFd::as_fd));
        if !sent && self.is_open() {
            self.answer = Some((event, fd));
        }
        sent
    }

    /// Says what there is to say, as far as it fits.
    pub fn flush(&mut self, slots: &mut Slots, parked: &Parked, pending: &mut Pending) {
        if !self.is_open() {
            return;
        }
        let was_full = std::mem::replace(&mut self.full, false);
        let answered = self.send_answer();
        if answered {
            self.done();
        }
        let done = answered && (self.table.head.greeted.get() & GREETED == 0 || self.tell(slots, parked, pending));
        let wanted = if done { Ready::EPOLLIN } else { Ready::EPOLLOUT | Ready::EPOLLIN };
        // While an answer waits nothing is read: only room to write is of interest.
        let wanted = if self.answer.is_some() { Ready::EPOLLOUT } else { wanted };
        if (was_full || self.full)
            && let Some(socket) = self.socket()
        {
            let _ = self.epoll.modify(socket, wanted, tag(Tag::Manager, 0));
        }
        let owes = self.full || slots.unanswered() > 0 || pending.any();
        self.waiting_since = owes.then(|| self.waiting_since.unwrap_or_else(process::now_ms));
    }

    /// The manager has acknowledged something.
    pub fn progress(&mut self) {
        self.waiting_since = None;
    }

    /// When the manager's time to answer is over.
    pub fn deadline(&self) -> Option<u64> {
        Some(self.waiting_since?.saturating_add(PATIENCE_MS))
    }

    fn tell(&mut self, slots: &mut Slots, parked: &Parked, pending: &mut Pending) -> bool {
        while let Some((signal, count)) = pending.next() {
            if !self.send(Event::Signal { signal, count }, None) {
                return false;
            }
            pending.told(signal);
        }
        self.tell_changes(slots) && self.tell_all(slots, parked)
    }

    fn tell_changes(&mut self, slots: &mut Slots) -> bool {
        let used = usize::try_from(self.table.head.used_slots.get()).unwrap_or(0);
        while slots.untold() > 0 {
            let from = if self.cursor < used { self.cursor } else { 0 };
            let all = self.table.slots.get(..used).unwrap_or(&[]).iter().enumerate();
            let next = all.clone().skip(from).chain(all.take(from)).find(|(_, slot)| slot.untold.get() == 1);
            let Some((index, _)) = next else { return true };
            if !self.tell_slot(slots, index) {
                return false;
            }
            self.cursor = index.saturating_add(1);
        }
        true
    }

    fn tell_slot(&mut self, slots: &mut Slots, index: usize) -> bool {
        let Some(event) = slots.event(index) else { return true };
        let sent = self.send(event, None);
        if sent {
            slots.told(index);
        }
        sent
    }

    fn tell_all(&mut self, slots: &mut Slots, parked: &Parked) -> bool {
        if let Sync::Slots(from) = self.sync {
            for (index, slot, _) in slots.all().filter(|(index, ..)| *index >= from) {
                self.sync = Sync::Slots(index);
                if slot.token.get() != 0 && !self.tell_slot(slots, index) {
                    return false;
                }
            }
            self.sync = Sync::Parked(0);
        }
        if let Sync::Parked(from) = self.sync {
            for (index, park) in parked.all().filter(|(index, _)| *index >= from) {
                self.sync = Sync::Parked(index);
                if !self.send(Event::Parked { token: park.token.get(), name: park.name.get() }, None) {
                    return false;
                }
            }
            self.sync = Sync::Parked(usize::MAX);
            if !self.send(Event::SyncEnd { highest_token: self.table.head.highest_token.get() }, None) {
                return false;
            }
            self.sync = Sync::No;
            self.table.head.greeted.set(GREETED);
        }
        true
    }
}

fn kind(frame: &Frame) -> u16 {
    frame.first_chunk::<2>().map_or(0, |bytes| u16::from_le_bytes(*bytes))
}
