//! One client: what it has sent, what it is still to get, what it may do.

use crate::proto::control::{Call, MAX_CALL, MAX_MESSAGE};
use crate::proto::varlink::Decoder;
use crate::sys::epoll::Ready;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use std::os::fd::{AsRawFd, OwnedFd};

/// Names a connected client; never reused by one manager.
pub type ClientId = u64;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// See.
    Read,
    /// Change, too.
    Change,
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
    /// Who it is.
    pub uid: u32,
    /// What it may do.
    pub rights: Rights,
    input: Decoder,
    output: Vec<u8>,
    /// So much of the output is on its way: a long list isn't moved up each time a part of it has left.
    sent: usize,
    /// Calls are answered one after the other (Varlink): while one is open, the next ones wait.
    pub busy: bool,
    /// It will send no more; it may still read.
    ended: bool,
    /// What its socket is watched for now.
    pub watched: Ready,
}

/// What a client's input holds.
#[derive(Debug, PartialEq)]
pub enum Input {
    /// Nothing to be answered now.
    Nothing,
    /// The next call.
    Call(Call),
    /// What is no call, or too long: drop it.
    Drop,
}

impl Client {
    /// A new connection, non-blocking.
    pub fn new(socket: OwnedFd, uid: u32, rights: Rights) -> Self {
        let (input, output) = (Decoder::new(MAX_CALL), Vec::new());
        Self { socket, uid, rights, input, output, sent: 0, busy: false, ended: false, watched: Self::READ }
    }

    /// What a new connection is watched for.
    pub const READ: Ready = Ready::EPOLLIN;

    /// Bytes of replies that it has yet to read.
    pub fn unread(&self) -> usize {
        self.output.len().saturating_sub(self.sent)
    }

    /// Its socket.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// What to wait for on the socket. While its calls wait for an answer it may send no more than one further call's
    /// worth, and its end is noted once; that both sides are closed is always told.
    pub fn interest(&self) -> Ready {
        let reads = !self.ended && self.input.pending() <= MAX_CALL;
        let read = if reads { Self::READ } else { Ready::empty() };
        if self.output.is_empty() { read } else { read | Ready::EPOLLOUT }
    }

    /// Everything it asked for has been answered and sent, and it asks for no more.
    pub fn is_over(&self) -> bool {
        self.ended && !self.busy && self.output.is_empty()
    }

    /// Reads what is there, at most one call's worth beyond what is held. `false`: the connection is broken.
    pub fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        while !self.ended && self.input.pending() <= MAX_CALL {
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => self.ended = true,
                Ok(n) => self.input.push(buffer.get(..n).unwrap_or(&[])),
                Err(Errno::EAGAIN) => return true,
                Err(Errno::EINTR) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// The next whole call, unless one is being answered.
    pub fn next_call(&mut self) -> Input {
        if self.busy {
            return Input::Nothing;
        }
        match self.input.next_message() {
            Ok(None) => Input::Nothing,
            Ok(Some(call)) => Input::Call(call),
            Err(_) => Input::Drop,
        }
    }

    /// Queues a reply and sends what there is room for. `false`: it is gone, or lets too much pile up.
    pub fn reply(&mut self, message: Vec<u8>) -> bool {
        if self.output.is_empty() {
            (self.output, self.sent) = (message, 0);
        } else {
            self.output.extend_from_slice(&message);
        }
        self.flush() && self.unread() <= MAX_MESSAGE
    }

    /// Sends what waits. `false`: it is gone.
    pub fn flush(&mut self) -> bool {
        let alive = loop {
            let rest = self.output.get(self.sent..).unwrap_or(&[]);
            if rest.is_empty() {
                break true;
            }
            match send(self.socket.as_raw_fd(), rest, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
                Ok(n) => self.sent = self.sent.saturating_add(n),
                Err(Errno::EAGAIN) => break true,
                Err(Errno::EINTR) => {}
                Err(_) => break false,
            }
        };
        if self.unread() == 0 {
            // A long list once sent needn't be kept room for.
            (self.output, self.sent) = (Vec::new(), 0);
        }
        alive
    }
}
