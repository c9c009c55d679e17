//! Packets on their way to PID 1 or the logger that don't fit into the socket yet. None is given up but for good reasons.

use crate::sys::seqpacket::{self, Unsent};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// How long to wait before the next attempt when nothing tells of room, in milliseconds.
const AGAIN_MS: u64 = 20;

/// A queue of packets with their descriptors, which are let go once sent.
#[derive(Debug, Default)]
pub struct Outbox {
    packets: VecDeque<(Vec<u8>, Vec<Rc<OwnedFd>>)>,
    /// The kernel had no memory, or too many descriptors are under way.
    short: bool,
    /// Room is watched for.
    watched: bool,
}

impl Outbox {
    /// Sends a packet, or keeps it behind those that wait.
    pub fn send(&mut self, socket: BorrowedFd<'_>, packet: &[u8], fds: Vec<Rc<OwnedFd>>) {
        if self.packets.is_empty() {
            match pass(socket, packet, &fds) {
                Ok(()) | Err(Unsent::Never) => return,
                Err(unsent) => self.short = unsent == Unsent::Short,
            }
        }
        self.packets.push_back((packet.to_vec(), fds));
    }

    /// Sends what waits, as far as there is room.
    pub fn flush(&mut self, socket: BorrowedFd<'_>) {
        self.short = false;
        while let Some((packet, fds)) = self.packets.front() {
            match pass(socket, packet, fds) {
                Err(Unsent::Full) => return,
                Err(Unsent::Short) => {
                    self.short = true;
                    return;
                }
                // What is final for this packet: a closed socket shows when reading.
                Ok(()) | Err(Unsent::Never) => drop(self.packets.pop_front()),
            }
        }
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether room in the socket is waited for, which `epoll` tells of.
    pub fn wants_room(&self) -> bool {
        !self.packets.is_empty() && !self.short
    }

    /// Whether room is to be watched for, where that has changed since it was asked last.
    pub fn watch(&mut self) -> Option<bool> {
        let wants = self.wants_room();
        (std::mem::replace(&mut self.watched, wants) != wants).then_some(wants)
    }

    /// How long to wait at most before [`Self::flush`] is to be called again, in milliseconds.
    pub fn again_in(&self) -> Option<u64> {
        self.short.then_some(AGAIN_MS)
    }
}

fn pass(socket: BorrowedFd<'_>, packet: &[u8], fds: &[Rc<OwnedFd>]) -> Result<(), Unsent> {
    let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
    seqpacket::send(socket, packet, &fds).map_err(Unsent::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::seqpacket::Received;

    #[test]
    fn what_finds_no_room_waits_and_comes_in_order() {
        let (ours, theirs) = seqpacket::pair().expect("a pair");
        let mut out = Outbox::default();
        for n in 0..2000_u32 {
            out.send(ours.as_fd(), &n.to_le_bytes(), Vec::new());
        }
        assert!(out.wants_room() && out.len() > 0 && out.again_in().is_none());
        let mut buffer = [0; 4];
        for n in 0..2000_u32 {
            out.flush(ours.as_fd());
            assert!(matches!(seqpacket::recv(theirs.as_fd(), &mut buffer), Ok(Received::Packet(4, _))));
            assert_eq!(u32::from_le_bytes(buffer), n);
        }
        assert!(!out.wants_room() && out.len() == 0);
        drop(theirs);
        out.send(ours.as_fd(), b"gone", Vec::new());
        assert_eq!(out.len(), 0, "nobody will ever read it");
    }
}
