//! One client: what it has sent, what it is still to get, what it may do.

use crate::proto::control::{Call, MAX_CALL, MAX_MESSAGE, Reply};
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
    input: Vec<u8>,
    output: Vec<u8>,
    /// Calls are answered one after the other (Varlink): while one is open, the next ones wait.
    pub busy: bool,
}

/// What reading from a client gave.
#[derive(Debug, PartialEq)]
pub enum Input {
    /// Go on later.
    Nothing,
    /// The next call.
    Call(Call),
    /// It hung up, sent what is no call, or too much: drop it.
    Drop,
}

impl Client {
    /// A new connection, non-blocking.
    pub fn new(socket: OwnedFd, uid: u32, rights: Rights) -> Self {
        Self { socket, uid, rights, input: Vec::new(), output: Vec::new(), busy: false }
    }

    /// Its socket.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Whether replies wait for room.
    pub fn is_waiting(&self) -> bool {
        !self.output.is_empty()
    }

    /// Reads what is there, at most one call's worth beyond what is held. `false`: it hung up.
    pub fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        while self.input.len() <= MAX_CALL {
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => return false,
                Ok(n) => self.input.extend_from_slice(buffer.get(..n).unwrap_or(&[])),
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
        let Some(end) = self.input.iter().position(|b| *b == 0) else {
            return if self.input.len() > MAX_CALL { Input::Drop } else { Input::Nothing };
        };
        let call = self.input.get(..end).and_then(|json| serde_json::from_slice(json).ok());
        self.input.drain(..=end);
        call.map_or(Input::Drop, Input::Call)
    }

    /// Queues a reply and sends what there is room for. `false`: it is gone, or lets too much pile up.
    pub fn reply(&mut self, reply: &Reply) -> bool {
        if serde_json::to_writer(&mut self.output, reply).is_err() {
            return false;
        }
        self.output.push(0);
        self.flush() && self.output.len() <= MAX_MESSAGE
    }

    /// Sends what waits. `false`: it is gone.
    pub fn flush(&mut self) -> bool {
        let mut sent = 0;
        let alive = loop {
            let rest = self.output.get(sent..).unwrap_or(&[]);
            if rest.is_empty() {
                break true;
            }
            match send(self.socket.as_raw_fd(), rest, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
                Ok(n) => sent += n,
                Err(Errno::EAGAIN) => break true,
                Err(Errno::EINTR) => {}
                Err(_) => break false,
            }
        };
        self.output.drain(..sent);
        if self.output.is_empty() {
            // A long list once sent needn't be kept room for.
            self.output = Vec::new();
        }
        alive
    }
}
