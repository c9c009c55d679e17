//! The link to `init-log`, itself a child of PID 1 that may die at any time.
//!
//! Both ends of its socket are parked, so neither side's death loses a message that is under way. A logger that died is
//! started anew with the same socket and gets every parked pipe again.

use super::link::Link;
use super::outbox::Outbox;
use crate::proto::logger::{Answer, MAX_LEN, Request, Stream};
use crate::sys::seqpacket::{self, Received};
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// The logger's token.
pub const TOKEN: u64 = 1;
/// So many are sent in one go: a burst is one call here, and one waking there. What an instance's end and its restart have
/// to tell are about seven.
const BURST: usize = 32;
/// Messages that may wait for room in the socket; more are dropped and counted (notes only, never pipes).
const MAX_WAITING: usize = 4096;

/// The manager's end.
#[derive(Debug)]
pub struct Logger {
    socket: OwnedFd,
    peer: Option<Rc<OwnedFd>>,
    out: Outbox,
    dropped: u64,
    /// Something waits for an answer, or for room in the socket.
    pressing: bool,
}

impl Logger {
    /// Makes a new socket pair and parks both ends.
    ///
    /// # Errors
    /// As `socketpair(2)`.
    pub fn create(link: &mut Link) -> Result<Self, Errno> {
        let (ours, theirs) = seqpacket::pair()?;
        link.park(TOKEN, "log", ours.try_clone().map_err(|_| Errno::EMFILE)?);
        let theirs = Rc::new(theirs);
        link.park(TOKEN, "log-peer", Rc::clone(&theirs));
        Ok(Self { socket: ours, peer: Some(theirs), out: Outbox::default(), dropped: 0, pressing: false })
    }

    /// Goes on with our end of the parked pair of a manager before us.
    pub fn reopen(socket: OwnedFd) -> Self {
        Self { socket, peer: None, out: Outbox::default(), dropped: 0, pressing: false }
    }

    /// Whether no logger has had the other end yet: whatever was said waits in the socket.
    pub fn is_new(&self) -> bool {
        self.peer.is_some()
    }

    /// Whether the first logger is wanted now: an instance's end waits for it, or the socket holds no more.
    pub fn wants_first(&self) -> bool {
        self.pressing && self.is_new()
    }

    /// The other end, for the logger's process, if we have just made it.
    pub fn peer(&mut self) -> Option<Rc<OwnedFd>> {
        self.peer.take()
    }

    /// For epoll.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Messages that found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Messages that wait for room in the socket.
    pub fn out(&self) -> &Outbox {
        &self.out
    }

    /// The same, to be changed.
    pub fn out_mut(&mut self) -> &mut Outbox {
        &mut self.out
    }

    /// Sends with the next [`Self::flush`], at the end of a turn of the loop at the latest, or when there is room.
    pub fn send(&mut self, request: Request, fd: Option<Rc<OwnedFd>>) {
        if self.out.len() >= MAX_WAITING && matches!(request, Request::Note { .. } | Request::History { .. }) {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.pressing |= matches!(request, Request::End { .. } | Request::Dry { .. });
        self.out.keep(&request.encode(), fd.into_iter().collect());
        if self.out.len().is_multiple_of(BURST) {
            self.flush();
        }
    }

    /// Hands over a service's pipe.
    pub fn open(&mut self, token: u64, stream: Stream, name: &str, pipe: impl Into<Rc<OwnedFd>>) {
        self.send(Request::Open { token, stream, name: name.to_owned() }, Some(pipe.into()));
    }

    /// Sends what waits.
    pub fn flush(&mut self) {
        self.out.flush(self.socket.as_fd());
        self.pressing |= self.out.len() > 0;
    }

    /// The next answer, if there is one.
    pub fn next_answer(&mut self) -> Option<Answer> {
        let mut buffer = [0; MAX_LEN];
        match seqpacket::recv(self.socket.as_fd(), &mut buffer) {
            Ok(Received::Packet(length, _)) => Answer::decode(buffer.get(..length)?),
            _ => None,
        }
    }
}
