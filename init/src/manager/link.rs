//! The manager's end of the socket to PID 1.
//!
//! Requests that don't fit into the socket wait in a queue (bounded by what the manager does itself between two turns
//! of its loop); events are read until there are none. Descriptors can be fetched synchronously: PID 1 never blocks, so
//! its answer is near.

use super::outbox::Outbox;
use crate::proto::pid1::{
    ACKS, BATCHES, BUNDLE, BUNDLES, CGROUPS, CUTS, Event, FRAME_LEN, Key, MAX_PLAN, Name, Power, Request,
};
use crate::sys::seqpacket::{self, Received};
use crate::sys::{file, memfd, pipe, wait};
use nix::errno::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// How long PID 1 may take to answer a [`Link::fetch`] or the first hello, in milliseconds.
const ANSWER_MS: u64 = 10_000;

/// The connection.
#[derive(Debug)]
pub struct Link {
    socket: OwnedFd,
    out: Outbox,
    early: VecDeque<Event>,
    /// What is left of a packet that held several.
    bundle: VecDeque<Event>,
    /// What goes out with the next [`Self::flush`].
    late: Vec<Request>,
    /// Whose ends are acknowledged with it.
    ended: Vec<Key>,
    /// PID 1's version of the frames.
    version: u16,
}

/// PID 1 has closed its end, or doesn't answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

impl Link {
    /// Takes the socket that PID 1 gave us.
    pub fn new(socket: OwnedFd) -> Self {
        let (early, bundle) = (VecDeque::new(), VecDeque::new());
        Self { socket, out: Outbox::default(), early, bundle, late: Vec::new(), ended: Vec::new(), version: 1 }
    }

    /// What PID 1 has said of itself: one of an older version is spoken to in its own way.
    pub fn speak(&mut self, version: u16) {
        self.version = version;
    }

    /// An end by force, as this PID 1 knows it.
    pub fn forced(&self, how: Power) -> Power {
        if self.version < CUTS { how } else { how.forced() }
    }

    /// For epoll.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Requests that wait for room in the socket.
    pub fn out(&self) -> &Outbox {
        &self.out
    }

    /// The same, to be changed.
    pub fn out_mut(&mut self) -> &mut Outbox {
        &mut self.out
    }

    /// Whether events came in while an answer was awaited: no descriptor tells of them any more.
    pub fn has_early(&self) -> bool {
        !self.early.is_empty() || !self.bundle.is_empty()
    }

    /// Sends a request, now or as soon as there is room. `fds` are closed here once sent.
    pub fn send(&mut self, request: Request, fds: Vec<OwnedFd>) {
        self.send_shared(request, fds.into_iter().map(Rc::new).collect());
    }

    fn send_shared(&mut self, request: Request, fds: Vec<Rc<OwnedFd>>) {
        self.out.send(self.socket.as_fd(), &request.encode(), fds);
    }

    /// Sends a request that nobody waits for with the next [`Self::flush`], all in one go.
    pub fn send_late(&mut self, request: Request) {
        self.late.push(request);
    }

    /// Asks for a process, to be born in a cgroup if the folder of one is given. Its plan goes in the same packet, if it
    /// isn't too long for that.
    ///
    /// # Errors
    /// As `memfd_create(2)` and `pipe2(2)` for one that is.
    pub fn spawn(
        &mut self,
        key: Key,
        plan: &[u8],
        mut fds: Vec<Rc<OwnedFd>>,
        cgroup: Option<Rc<OwnedFd>>,
    ) -> Result<(), Errno> {
        let cgroup = cgroup.filter(|_| self.version >= CGROUPS);
        let request = Request::Spawn { key, cgroup: cgroup.is_some() };
        fds.extend(cgroup);
        if self.version < BATCHES || plan.len() > MAX_PLAN {
            fds.insert(0, Rc::new(plan_file(plan)?));
            self.send_shared(request, fds);
        } else {
            let packet = [request.encode().as_slice(), plan].concat();
            self.out.send(self.socket.as_fd(), &packet, fds);
        }
        Ok(())
    }

    /// Acknowledges an end with the next [`Self::flush`].
    pub fn acknowledge(&mut self, key: Key) {
        self.ended.push(key);
    }

    /// Sends what waits, as far as there is room.
    pub fn flush(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        for some in ended.chunks(if self.version < BUNDLES { 1 } else { ACKS }) {
            self.out.keep(&Request::ack(some).encode(), Vec::new());
        }
        for request in std::mem::take(&mut self.late) {
            self.out.keep(&request.encode(), Vec::new());
        }
        self.out.flush(self.socket.as_fd());
    }

    /// The next event, if one is there.
    ///
    /// # Errors
    /// [`Gone`] when PID 1 has closed the socket.
    pub fn next_event(&mut self) -> Result<Option<Event>, Gone> {
        if let Some(event) = self.early.pop_front() {
            return Ok(Some(event));
        }
        self.read().map(|got| got.map(|(event, _)| event))
    }

    /// The next events, at most so many; none: nothing has happened.
    ///
    /// # Errors
    /// [`Gone`] when PID 1 has closed the socket and all that it said before has been given.
    pub fn next_events(&mut self, most: usize) -> Result<Vec<Event>, Gone> {
        let mut events = Vec::new();
        while events.len() < most {
            match self.next_event() {
                Ok(Some(event)) => events.push(event),
                Err(Gone) if events.is_empty() => return Err(Gone),
                Ok(None) | Err(Gone) => break,
            }
        }
        Ok(events)
    }

    fn read(&mut self) -> Result<Option<(Event, Option<OwnedFd>)>, Gone> {
        if let Some(event) = self.bundle.pop_front() {
            return Ok(Some((event, None)));
        }
        loop {
            let mut frames = [0; FRAME_LEN * BUNDLE];
            match seqpacket::recv(self.socket.as_fd(), &mut frames) {
                Ok(Received::Packet(length, mut fds)) => {
                    // What is no whole frame isn't ours.
                    let (frames, _) = frames.get(..length).unwrap_or_default().as_chunks::<FRAME_LEN>();
                    self.bundle.extend(frames.iter().filter_map(Event::decode));
                    if let Some(event) = self.bundle.pop_front() {
                        return Ok(Some((event, fds.take(0))));
                    }
                }
                // Nor is what was cut.
                Err(Errno::EMSGSIZE) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Ok(Received::Closed) | Err(_) => return Err(Gone),
            }
        }
    }

    /// Forgets the slots and parked descriptors among the early events: they were taken in as they came.
    pub fn forget_early_state(&mut self) {
        self.early.retain(|event| !matches!(event, Event::Slot { .. } | Event::Parked { .. }));
    }

    /// Waits for the first event that `pick` takes; others are kept for [`Self::next_event`].
    ///
    /// # Errors
    /// [`Gone`] when PID 1 is gone or silent for 10 s.
    pub fn await_event<T>(
        &mut self,
        mut pick: impl FnMut(&Event, &mut Option<OwnedFd>) -> Option<T>,
    ) -> Result<T, Gone> {
        let deadline = wait::now_ms().saturating_add(ANSWER_MS);
        loop {
            self.flush();
            while let Some((event, mut fd)) = self.read()? {
                if let Some(found) = pick(&event, &mut fd) {
                    return Ok(found);
                }
                self.early.push_back(event);
            }
            let left = deadline.checked_sub(wait::now_ms()).filter(|ms| *ms > 0).ok_or(Gone)?;
            wait::ready(self.socket.as_fd(), self.out.wants_room(), self.out.again_in().unwrap_or(left).min(left));
        }
    }

    /// A copy of a parked descriptor.
    ///
    /// # Errors
    /// [`Gone`] as [`Self::await_event`].
    pub fn fetch(&mut self, token: u64, name: &str) -> Result<Option<OwnedFd>, Gone> {
        let wanted = Name::new(name);
        self.send(Request::Fetch { token, name: wanted }, Vec::new());
        self.await_event(|event, fd| match event {
            Event::Fd { token: t, name: n, found } if *t == token && *n == wanted => {
                Some(if *found { fd.take() } else { None })
            }
            _ => None,
        })
    }

    /// Parks `fd`.
    pub fn park(&mut self, token: u64, name: &str, fd: impl Into<Rc<OwnedFd>>) {
        self.send_shared(Request::Park { token, name: Name::new(name) }, vec![fd.into()]);
    }

    /// Parks several descriptors of a token; their names together must be shorter than one name may be.
    pub fn park_all<const N: usize>(&mut self, token: u64, all: [(&str, Rc<OwnedFd>); N]) {
        if self.version < BATCHES {
            all.into_iter().for_each(|(name, fd)| self.park(token, name, fd));
            return;
        }
        let names = all.each_ref().map(|(name, _)| *name).join(",");
        self.send_shared(Request::Park { token, name: Name::new(&names) }, all.map(|(_, fd)| fd).into());
    }

    /// Closes several parked descriptors of a token; their names together must be shorter than one name may be.
    pub fn unpark_all(&mut self, token: u64, names: &[&str]) {
        if self.version < BATCHES {
            names.iter().for_each(|name| self.unpark(token, name));
        } else {
            self.unpark(token, &names.join(","));
        }
    }

    /// As [`Self::unpark_all`] for a token that is over, with the next [`Self::flush`]: PID 1 starts what there is to be
    /// started before it tidies up.
    pub fn unpark_late(&mut self, token: u64, names: &[&str]) {
        if self.version < BATCHES {
            self.unpark_all(token, names);
        } else {
            self.send_late(Request::Drop { token, name: Name::new(&names.join(",")) });
        }
    }

    /// Closes a parked descriptor; all of the token's where `name` is empty.
    pub fn unpark(&mut self, token: u64, name: &str) {
        self.send(Request::Drop { token, name: Name::new(name) }, Vec::new());
    }
}

/// A plan as a descriptor: a sealed memfd; where there are none, a pipe that holds it whole.
fn plan_file(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    match memfd::create(c"rung-plan") {
        Ok(fd) => {
            file::write_at(fd.as_fd(), bytes, 0)?;
            memfd::seal(fd.as_fd())?;
            Ok(fd)
        }
        Err(_) => pipe::holding(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_an_answer_is_kept_and_shown() {
        let (ours, theirs) = seqpacket::pair().expect("pair");
        let mut link = Link::new(ours);
        let early = Event::Refused { kind: 1, key: Key { token: 16, step: 0 }, errno: 4 };
        let answer = Event::Fd { token: 1, name: Name::new("x"), found: false };
        for event in [early, answer] {
            seqpacket::send(theirs.as_fd(), &event.encode(), &[]).expect("send");
        }
        assert!(!link.has_early());
        assert!(link.fetch(1, "x").expect("answer").is_none());
        assert!(link.has_early(), "nothing is left in the socket that would wake the loop");
        assert_eq!(link.next_event(), Ok(Some(early)));
        assert!(!link.has_early());
    }

    #[test]
    fn events_of_one_packet_are_told_one_by_one_and_none_is_left() {
        let (ours, theirs) = seqpacket::pair().expect("pair");
        let mut link = Link::new(ours);
        let refused = |token| Event::Refused { kind: 1, key: Key { token, step: 0 }, errno: 4 };
        let answer = Event::Fd { token: 1, name: Name::new("x"), found: false };
        let bundle = |events: &[Event]| events.iter().flat_map(Event::encode).collect::<Vec<u8>>();
        for packet in [bundle(&[refused(16), refused(17)]), bundle(&[answer, refused(18)]), bundle(&[refused(19)])] {
            seqpacket::send(theirs.as_fd(), &packet, &[]).expect("send");
        }
        seqpacket::send(theirs.as_fd(), b"garbage", &[]).expect("send");
        assert!(link.fetch(1, "x").expect("answer").is_none());
        assert!(link.has_early());
        assert_eq!(link.next_events(9), Ok([16, 17, 18, 19].map(refused).to_vec()));
        assert!(!link.has_early());
    }

    #[test]
    fn ends_are_acknowledged_together_but_to_an_older_process_1_one_by_one() {
        let key = |token| Key { token, step: 0 };
        let ends: Vec<Key> = (16..25).map(key).collect();
        let all = |some: &[Key]| Request::ack(some);
        let one_by_one: Vec<Request> = ends.iter().map(|end| all(&[*end])).collect();
        for (version, wanted) in [(BUNDLES - 1, one_by_one), (BUNDLES, ends.chunks(ACKS).map(all).collect())] {
            let (ours, theirs) = seqpacket::pair().expect("pair");
            let mut link = Link::new(ours);
            link.speak(version);
            ends.iter().for_each(|end| link.acknowledge(*end));
            link.flush();
            let mut frame = [0; FRAME_LEN];
            for request in wanted {
                assert!(matches!(seqpacket::recv(theirs.as_fd(), &mut frame), Ok(Received::Packet(FRAME_LEN, _))));
                assert_eq!(Request::decode(&frame), Some(request));
            }
            assert!(seqpacket::recv(theirs.as_fd(), &mut frame).is_err(), "version {version}");
        }
    }
}
