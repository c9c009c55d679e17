//! The link to `init-log`, itself a child of PID 1 that may die at any time.
//!
//! Both ends of its socket are parked, so neither side's death loses a message that is under way. A logger that died is
//! started anew with the same socket and gets every parked pipe again.

use super::link::Link;
use super::outbox::Outbox;
use crate::proto::logger::{Answer, Bundle, MAX_LEN, Request, Stream};
use crate::sys::seqpacket::{self, Received};
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// The logger's token.
pub const TOKEN: u64 = 1;
/// So many are sent in one go: a burst is one call here, and one waking there. What an instance's end and its restart have
/// to tell are about seven.
const BURST: usize = 32;
/// So many bytes may wait for room in the socket; of more, notes are dropped and counted, but never pipes.
const MAX_WAITING: usize = 2 << 20;

/// The manager's end.
#[derive(Debug)]
pub struct Logger {
    socket: OwnedFd,
    peer: Option<Rc<OwnedFd>>,
    out: Outbox,
    dropped: u64,
    /// Something waits for an answer, or for room in the socket.
    pressing: bool,
    /// The logger reads bundles.
    bundles: bool,
    /// What goes out next, if it does.
    bundle: Bundle,
    /// Something waits that a manager after us wouldn't send: a pipe, or a line that no journal holds.
    prompt: bool,
}

impl Logger {
    /// Makes a new socket pair and parks both ends.
    ///
    /// # Errors
    /// As `socketpair(2)`.
    pub fn create(link: &mut Link) -> Result<Self, Errno> {
        let (ours, theirs) = seqpacket::pair()?;
        let (kept, theirs) = (ours.try_clone().map_err(|_| Errno::EMFILE)?, Rc::new(theirs));
        link.park_all(TOKEN, [("log", Rc::new(kept)), ("log-peer", Rc::clone(&theirs))]);
        Ok(Self { peer: Some(theirs), ..Self::reopen(ours) })
    }

    /// Goes on with our end of the parked pair of a manager before us.
    pub fn reopen(socket: OwnedFd) -> Self {
        let mut logger = Self {
            socket,
            peer: None,
            out: Outbox::default(),
            dropped: 0,
            pressing: false,
            bundles: false,
            bundle: Bundle::default(),
            prompt: false,
        };
        logger.begins();
        logger
    }

    /// Another logger reads from now on: what it understands is to be asked.
    pub fn begins(&mut self) {
        self.bundles = false;
        self.send(Request::Bundles, None);
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
        let told = matches!(request, Request::Note { .. } | Request::History { .. });
        if self.out.bytes() >= MAX_WAITING && told {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.pressing |= matches!(request, Request::End { .. } | Request::Dry { .. });
        self.prompt |= matches!(request, Request::Open { .. } | Request::Note { .. });
        let message = request.encode();
        if self.bundles && fd.is_none() {
            if !self.bundle.add(&message) {
                self.close_bundle();
                self.bundle.add(&message);
            }
            return;
        }
        self.close_bundle();
        self.out.keep(&message, fd.into_iter().collect());
        if self.out.len().is_multiple_of(BURST) {
            self.flush();
        }
    }

    fn close_bundle(&mut self) {
        if !self.bundle.is_empty() {
            self.out.keep(std::mem::take(&mut self.bundle).bytes(), Vec::new());
        }
    }

    /// Hands over a service's pipe.
    pub fn open(&mut self, token: u64, stream: Stream, name: &str, pipe: impl Into<Rc<OwnedFd>>) {
        self.send(Request::Open { token, stream, name: name.to_owned() }, Some(pipe.into()));
    }

    /// Sends what waits, if some of it would be lost with us.
    pub fn flush_prompt(&mut self) {
        if self.prompt {
            self.flush();
        }
    }

    /// Sends what waits.
    pub fn flush(&mut self) {
        self.prompt = false;
        self.close_bundle();
        self.out.flush(self.socket.as_fd());
        self.pressing |= self.out.len() > 0;
    }

    /// The next answer, if there is one.
    pub fn next_answer(&mut self) -> Option<Answer> {
        let mut buffer = [0; MAX_LEN];
        match seqpacket::recv(self.socket.as_fd(), &mut buffer) {
            Ok(Received::Packet(length, _)) => {
                let answer = Answer::decode(buffer.get(..length)?);
                self.bundles |= answer == Some(Answer::Bundles);
                answer
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::logger::messages;

    fn history(n: u64) -> Request {
        Request::History { at_ms: n, text: format!("boot.{n}") }
    }

    /// The packets that have come: what each holds, and how many descriptors.
    fn packets(socket: &OwnedFd) -> Vec<(Vec<Request>, usize)> {
        let mut buffer = [0; 4096];
        let packet = || match seqpacket::recv(socket.as_fd(), &mut buffer) {
            Ok(Received::Packet(length, fds)) => {
                Some((messages(&buffer[..length]).filter_map(Request::decode).collect(), fds.len()))
            }
            _ => None,
        };
        std::iter::from_fn(packet).collect()
    }

    #[test]
    fn a_logger_that_reads_bundles_gets_them_in_the_order_of_what_is_sent_alone() {
        let (ours, theirs) = seqpacket::pair().expect("pair");
        let mut logger = Logger::reopen(ours);
        logger.send(history(1), None);
        logger.flush();
        assert_eq!(packets(&theirs), [(vec![Request::Bundles], 0), (vec![history(1)], 0)], "perhaps it is an old one");
        seqpacket::send(theirs.as_fd(), &Answer::Bundles.encode(), &[]).expect("send");
        assert_eq!(logger.next_answer(), Some(Answer::Bundles));
        let open = Request::Open { token: 16, stream: Stream::Out, name: "a".into() };
        logger.send(history(2), None);
        logger.send(Request::End { token: 15 }, None);
        logger.flush_prompt();
        assert_eq!(packets(&theirs), [], "a manager after us sends these again");
        logger.open(16, Stream::Out, "a", std::fs::File::open("/dev/null").map(OwnedFd::from).expect("a file"));
        logger.send(history(3), None);
        logger.flush_prompt();
        let before = vec![history(2), Request::End { token: 15 }];
        assert_eq!(packets(&theirs), [(before, 0), (vec![open], 1), (vec![history(3)], 0)]);
        // More than one packet holds.
        (0..500).for_each(|n| logger.send(history(n), None));
        logger.flush();
        let all = packets(&theirs);
        assert!((2..50).contains(&all.len()), "{} packets", all.len());
        assert!(all.into_iter().flat_map(|(some, _)| some).eq((0..500).map(history)));
        // The next one may be older.
        logger.send(history(1), None);
        logger.begins();
        logger.send(history(2), None);
        logger.flush();
        let alone = [history(1), Request::Bundles, history(2)].map(|request| (vec![request], 0));
        assert_eq!(packets(&theirs), alone);
    }
}
