//! The line to the manager. Nothing is queued: what doesn't fit stays marked in its slot and is found by a cursor.

use super::parked::Parked;
use super::signals::Pending;
use super::slots::Slots;
use super::table::{Park, Table};
use super::{Tag, tag};
use crate::proto::pid1::{BUNDLE, BUNDLES, Event, FRAME_LEN, Frame, Key, MAX_PLAN, Request, kind};
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::seqpacket::{self, Fds, Received, Unsent};
use crate::sys::shared::Field;
use crate::sys::wait::monotonic_ms;
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How long a manager may leave an exit or a signal unanswered, or its socket full.
const PATIENCE_MS: u64 = 30_000;

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

/// The socket (it lies in the table, as what is still to be said does).
#[derive(Debug)]
pub struct Link {
    table: &'static Table,
    epoll: &'static Epoll,
    /// Where to look for the next change.
    cursor: usize,
    /// One answer that didn't fit. While it waits no request is read, so there is never a second one.
    answer: Option<(Event, Option<OwnedFd>)>,
    full: bool,
    waiting_since: Option<u64>,
    /// What came behind the last request, and its length.
    behind: (Vec<u8>, usize),
}

impl Link {
    /// The line as the table has it.
    pub fn new(table: &'static Table, epoll: &'static Epoll) -> Self {
        epoll.add_recorded(&table.head.socket, tag(Tag::Manager, 0));
        Self { table, epoll, cursor: 0, answer: None, full: false, waiting_since: None, behind: (vec![0; MAX_PLAN], 0) }
    }

    fn socket(&self) -> Option<BorrowedFd<'static>> {
        self.table.head.socket.get()
    }

    /// Puts a new manager at the other end.
    pub fn open(&mut self, socket: OwnedFd) {
        self.close();
        self.table.head.socket.put(socket);
        *self = Self::new(self.table, self.epoll);
    }

    /// Hangs up.
    pub fn close(&mut self) {
        let head = &self.table.head;
        self.epoll.drop_recorded(&head.socket);
        head.greeted.set(0);
        head.sync.set(0);
        (self.answer, self.full, self.waiting_since) = (None, false, None);
        self.done();
    }

    /// The next request. None is read while an answer waits to be sent.
    pub fn receive(&mut self) -> Got {
        let Some(socket) = self.socket().filter(|_| self.answer.is_none()) else { return Got::Nothing };
        let words = &self.table.head.request;
        self.done();
        let (behind, length) = &mut self.behind;
        let mut received = seqpacket::recv_shared(socket, words, behind);
        if matches!(received, Err(Errno::ECONNRESET)) {
            // It has gone without reading all we sent; what it sent itself is still there.
            received = seqpacket::recv_shared(socket, words, behind);
        }
        *length = if let Ok(Received::Packet(whole, _)) = &received { whole.saturating_sub(FRAME_LEN) } else { 0 };
        let frame: Frame = words.get();
        match received {
            Ok(Received::Packet(whole, fds)) if whole >= FRAME_LEN => match Request::decode(&frame) {
                Some(request) if *length == 0 || matches!(request, Request::Spawn { .. }) => Got::Request(request, fds),
                Some(_) => Got::Bad(kind(&frame), Errno::EMSGSIZE),
                None => Got::Bad(kind(&frame), Errno::EPROTO),
            },
            Ok(Received::Packet(..)) | Err(Errno::EMSGSIZE) => Got::Bad(kind(&frame), Errno::EMSGSIZE),
            Err(Errno::EAGAIN) => Got::Nothing,
            Ok(Received::Closed) | Err(_) => Got::Closed,
        }
    }

    /// What came behind the last request.
    pub fn plan(&self) -> &[u8] {
        let (behind, length) = &self.behind;
        behind.get(..*length).unwrap_or(&[])
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
        Request::decode(&self.table.head.request.get())
    }

    /// Answers a request.
    pub fn answer(&mut self, event: Event, fd: Option<OwnedFd>) {
        self.answer = Some((event, fd));
        self.send_answer();
    }

    /// Says that a request can't be carried out.
    pub fn refuse(&mut self, kind: u16, key: Key, errno: Errno) {
        self.answer(Event::Refused { kind, key, errno: errno as i32 }, None);
    }

    /// From here on the manager, which speaks this version, hears of changes.
    pub fn greet(&mut self, version: u16) {
        self.table.head.greeted.set(version.max(1).into());
    }

    /// Tells everything from the beginning.
    pub fn sync(&mut self, slots: &mut Slots) {
        slots.tell_all();
        self.table.head.sync.set(1);
    }

    fn send(&mut self, frames: &[Frame], fd: Option<BorrowedFd<'_>>) -> bool {
        let Some(socket) = self.socket() else { return false };
        let sent = seqpacket::send(socket, frames.as_flattened(), fd.as_slice());
        // A manager that is gone is seen by its exit.
        let blocked = sent.is_err_and(|errno| Unsent::of(errno) != Unsent::Never);
        self.full |= blocked;
        !blocked
    }

    fn send_answer(&mut self) -> bool {
        let Some((event, fd)) = self.answer.take() else { return true };
        let sent = self.send(&[event.encode()], fd.as_ref().map(AsFd::as_fd));
        if !sent && self.socket().is_some() {
            self.answer = Some((event, fd));
        }
        sent
    }

    /// Says what there is to say, as far as it fits.
    pub fn flush(&mut self, slots: &mut Slots, parked: &Parked, pending: &mut Pending) {
        let Some(socket) = self.socket() else { return };
        let was_full = std::mem::replace(&mut self.full, false);
        if self.send_answer() {
            self.done();
            if self.table.head.greeted.get() != 0 {
                self.tell(slots, parked, pending);
            }
        }
        if was_full || self.full {
            let wanted = match (self.full, &self.answer) {
                (false, _) => Ready::EPOLLIN,
                (true, None) => Ready::EPOLLIN | Ready::EPOLLOUT,
                // Nothing is read meanwhile: only room to write is of interest.
                (true, Some(_)) => Ready::EPOLLOUT,
            };
            let _ = self.epoll.modify(socket, wanted, tag(Tag::Manager, 0));
        }
        let owes = self.full || slots.unanswered() > 0 || pending.any();
        self.waiting_since = owes.then(|| self.waiting_since.unwrap_or_else(monotonic_ms));
    }

    /// The manager has acknowledged something.
    pub fn progress(&mut self) {
        self.waiting_since = None;
    }

    /// When the manager's time to answer is over.
    pub fn deadline(&self) -> Option<u64> {
        Some(self.waiting_since?.saturating_add(PATIENCE_MS))
    }

    /// Signals, changes, then what is left of a sync; stops where the socket is full.
    fn tell(&mut self, slots: &mut Slots, parked: &Parked, pending: &mut Pending) {
        let head = &self.table.head;
        let most = if head.greeted.get() < BUNDLES.into() { 1 } else { BUNDLE };
        while let Some((signal, count)) = pending.next() {
            if !self.send(&[Event::Signal { signal, count }.encode()], None) {
                return;
            }
            pending.told(signal);
        }
        loop {
            let some: Vec<_> = slots.untold(self.cursor).take(most).collect();
            let Some((last, _)) = some.last() else { break };
            let frames: Vec<Frame> = some.iter().filter_map(|(_, slot)| Some(slot.event()?.encode())).collect();
            if !frames.is_empty() && !self.send(&frames, None) {
                return;
            }
            self.cursor = last.saturating_add(1);
            some.iter().for_each(|(_, slot)| slots.told(slot));
        }
        while let Some(next) = head.sync.get().checked_sub(1) {
            let some: Vec<_> = parked.from(usize::try_from(next).unwrap_or(0)).take(most).collect();
            let event = |park: &Park| Event::Parked { token: park.token.get(), name: park.name() }.encode();
            let frames: Vec<Frame> = some.iter().map(|(_, park)| event(park)).collect();
            let end = [Event::SyncEnd { highest_token: head.highest_token.get() }.encode()];
            if !self.send(if some.is_empty() { &end } else { &frames }, None) {
                return;
            }
            let after = |(index, _): &(usize, _)| u32::try_from(*index).unwrap_or(u32::MAX).saturating_add(2);
            head.sync.set(some.last().map_or(0, after));
        }
    }
}
