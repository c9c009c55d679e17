//! Packets on their way to PID 1 or the logger that don't fit into the socket yet. None is given up but for good reasons.

use crate::sys::seqpacket::{self, Unsent};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// How long to wait before the next attempt when nothing tells of room, in milliseconds.
const AGAIN_MS: u64 = 20;

/// A queue of packets with their descriptors, which are let go once sent. The packets of a burst lie in one block, which is
/// given back when all are sent: each in memory of its own, they would leave the heap full of gaps. Where the queue never
/// becomes empty, what is sent is taken out of the block once it is the greater part.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// So many bytes of the block are sent.
    sent: usize,
    /// Length and number of descriptors.
    packets: VecDeque<(usize, usize)>,
    fds: VecDeque<Rc<OwnedFd>>,
    /// The kernel had no memory, or too many descriptors are under way.
    short: bool,
    /// Room is watched for.
    watched: bool,
}

impl Outbox {
    /// Keeps a packet until [`Self::flush`].
    pub fn keep(&mut self, packet: &[u8], fds: Vec<Rc<OwnedFd>>) {
        self.packets.push_back((packet.len(), fds.len()));
        self.bytes.extend_from_slice(packet);
        self.fds.extend(fds);
    }

    /// Sends a packet, or keeps it behind those that wait.
    pub fn send(&mut self, socket: BorrowedFd<'_>, packet: &[u8], fds: Vec<Rc<OwnedFd>>) {
        if self.packets.is_empty() {
            match pass(socket, packet, fds.iter()) {
                Ok(()) | Err(Unsent::Never) => return,
                Err(unsent) => self.short = unsent == Unsent::Short,
            }
        }
        self.keep(packet, fds);
    }

    /// Sends what waits, as far as there is room.
    pub fn flush(&mut self, socket: BorrowedFd<'_>) {
        self.short = false;
        while !self.packets.is_empty() {
            match self.burst(socket) {
                Ok(sent) => self.done(sent),
                Err(Unsent::Full) => return,
                Err(Unsent::Short) => {
                    self.short = true;
                    return;
                }
                // What is final for the first packet: a closed socket shows when reading.
                Err(Unsent::Never) => self.done(1),
            }
        }
    }

    /// Gives back what sent packets take, at no more than a byte moved for each that was sent.
    fn tidy(&mut self) {
        if self.packets.is_empty() {
            *self = Self { watched: self.watched, ..Self::default() };
        } else if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent.min(self.bytes.len()));
            self.sent = 0;
        }
    }

    /// Hands the kernel as many of the first packets as it takes at once: how many it took.
    fn burst(&self, socket: BorrowedFd<'_>) -> Result<usize, Unsent> {
        let (mut bytes, mut place) = (self.bytes.get(self.sent..).unwrap_or(&[]), 0_usize);
        let first: Vec<(usize, usize)> = self.packets.iter().take(seqpacket::BURST).copied().collect();
        let count = first.iter().map(|(_, fds)| fds).sum();
        let fds: Vec<BorrowedFd<'_>> = self.fds.iter().take(count).map(|fd| fd.as_fd()).collect();
        let packets: Vec<(&[u8], &[BorrowedFd<'_>])> = (first.into_iter())
            .map(|(length, held)| {
                let (packet, rest) = bytes.split_at_checked(length).unwrap_or_default();
                let own = fds.get(place..place.saturating_add(held)).unwrap_or_default();
                (bytes, place) = (rest, place.saturating_add(held));
                (packet, own)
            })
            .collect();
        seqpacket::send_burst(socket, &packets).map_err(Unsent::of)
    }

    /// So many of the first packets are on their way.
    fn done(&mut self, packets: usize) {
        for (length, fds) in self.packets.drain(..packets.min(self.packets.len())) {
            self.fds.drain(..fds.min(self.fds.len()));
            self.sent = self.sent.saturating_add(length);
        }
        self.tidy();
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// How many bytes of packets wait.
    pub fn bytes(&self) -> usize {
        self.bytes.len().saturating_sub(self.sent)
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

fn pass<'a>(socket: BorrowedFd<'_>, packet: &[u8], fds: impl Iterator<Item = &'a Rc<OwnedFd>>) -> Result<(), Unsent> {
    let fds: Vec<_> = fds.map(|fd| fd.as_fd()).collect();
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
        // Of different lengths, and each third with as many descriptors.
        let packet = |n: u32| [n.to_le_bytes().as_slice(), &vec![7; n as usize % 5]].concat();
        let fds = |n: u32| if n.is_multiple_of(3) { n as usize % 4 } else { 0 };
        let file = Rc::new(OwnedFd::from(std::fs::File::open("/dev/null").expect("a file")));
        for n in 0..2000_u32 {
            out.send(ours.as_fd(), &packet(n), vec![Rc::clone(&file); fds(n)]);
        }
        assert!(out.wants_room() && out.len() > 0 && out.again_in().is_none());
        let mut buffer = [0; 16];
        for n in 0..2000_u32 {
            out.flush(ours.as_fd());
            let Ok(Received::Packet(length, got)) = seqpacket::recv(theirs.as_fd(), &mut buffer) else {
                panic!("packet {n}");
            };
            assert_eq!((&buffer[..length], got.len()), (packet(n).as_slice(), fds(n)));
        }
        assert_eq!(Rc::strong_count(&file), 1, "what is sent is let go");
        assert!(!out.wants_room() && out.len() == 0 && out.bytes.capacity() == 0);
        for n in 0..50 {
            out.keep(&packet(n), vec![Rc::clone(&file); fds(n)]);
        }
        assert!(seqpacket::recv(theirs.as_fd(), &mut buffer).is_err(), "what is kept isn't sent yet");
        out.flush(ours.as_fd());
        assert_eq!((out.len(), Rc::strong_count(&file)), (0, 1));
        for n in 0..50 {
            let got = seqpacket::recv(theirs.as_fd(), &mut buffer);
            assert!(matches!(got, Ok(Received::Packet(4.., _))), "packet {n}");
        }
        drop(theirs);
        out.keep(b"gone", Vec::new());
        out.flush(ours.as_fd());
        out.send(ours.as_fd(), b"gone", Vec::new());
        assert_eq!(out.len(), 0, "nobody will ever read it");
    }

    #[test]
    fn a_queue_that_never_becomes_empty_does_not_grow() {
        let (ours, theirs) = seqpacket::pair().expect("a pair");
        let mut out = Outbox::default();
        let packet = [7; 1000];
        while out.len() < 10 {
            out.send(ours.as_fd(), &packet, Vec::new());
        }
        let mut buffer = [0; 1000];
        for _ in 0..10_000 {
            let got = seqpacket::recv(theirs.as_fd(), &mut buffer).expect("a packet");
            assert!(matches!(got, Received::Packet(1000, _)));
            out.send(ours.as_fd(), &packet, Vec::new());
            out.flush(ours.as_fd());
            assert!(out.len() > 0, "the reader is the slower one");
        }
        assert!(out.bytes.len() <= 2 * 1000 * (out.len() + 1), "{} bytes for {} packets", out.bytes.len(), out.len());
    }
}
