//! The event loop: the manager's requests, the pipes, a retry while lines wait for a disk.
//!
//! Each pipe that is ready is read once a turn, so that a service that never stops writing delays the others by one
//! read each. It waits without a timeout unless lines wait for a file.

use super::pipes::{PipeId, Pipes};
use super::store::{Store, is_name};
use crate::proto::logger::{Answer, HISTORY, MAX_PACKET, Request, Stream, messages};
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::memory;
use crate::sys::pipe::Peeker;
use crate::sys::queued;
use crate::sys::seqpacket::{self, Received};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

const SOCKET: u64 = u64::MAX;
const SIGNALS: u64 = u64::MAX - 1;
const ECHO: u64 = u64::MAX - 2;
/// Tokens from here on would meet the numbers above; PID 1 counts them up from 16.
const TOKENS: u64 = 1 << 62;
/// One read.
const CHUNK: usize = 64 << 10;
/// Written at a time. With their time stamps short lines become many times longer, and all must find room to wait in.
const PIECE: usize = 4 << 10;
/// Requests handled before the pipes get their turn.
const REQUESTS: usize = 64;
/// The first and the longest pause before waiting lines are tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What a read found.
#[derive(PartialEq, Eq)]
enum Read {
    Some(usize),
    Dry,
    Closed,
}

/// The logger.
pub struct Server {
    epoll: Epoll,
    socket: Option<OwnedFd>,
    signals: SignalFd,
    pipes: Pipes,
    store: Store,
    answers: VecDeque<Answer>,
    socket_full: bool,
    echo_watched: bool,
    buffer: &'static mut [u8],
    peeker: Peeker,
    /// When waiting lines are tried again, and the pause that led there.
    retry: Option<(Instant, Duration)>,
    stopping: bool,
}

impl Server {
    /// Listens to the manager on `socket`. SIGTERM ends it, after a last look at the pipes.
    ///
    /// # Errors
    /// The kernel gives no epoll set, signal descriptor or memory.
    pub fn new(socket: OwnedFd, store: Store) -> Result<Self, Errno> {
        let mut ends = SigSet::empty();
        ends.add(Signal::SIGTERM);
        // The others stay blocked for good: a key typed on a shared terminal is not for us, and neither is a
        // background process's SIGTTOU.
        let mut blocked = ends;
        for signal in [Signal::SIGINT, Signal::SIGHUP, Signal::SIGPIPE, Signal::SIGTTOU, Signal::SIGTSTP] {
            blocked.add(signal);
        }
        blocked.thread_block()?;
        let signals = SignalFd::with_flags(&ends, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let epoll = Epoll::new()?;
        epoll.add(&socket, Ready::EPOLLIN, SOCKET)?;
        epoll.add(&signals, Ready::EPOLLIN, SIGNALS)?;
        Ok(Self {
            epoll,
            socket: Some(socket),
            signals,
            pipes: Pipes::default(),
            store,
            answers: VecDeque::new(),
            socket_full: false,
            echo_watched: false,
            buffer: memory::untouched(CHUNK)?,
            peeker: Peeker::new()?,
            retry: None,
            stopping: false,
        })
    }

    /// Works until SIGTERM, or until the other end of the socket is closed by everyone who had it; then what the pipes
    /// hold is written and it returns.
    pub fn run(mut self) {
        let mut events = Vec::with_capacity(64);
        while !self.stopping {
            events.clear();
            let timeout = self.retry_in();
            if self.epoll.wait(timeout, |data, _| events.push(data)).is_err() {
                break;
            }
            for data in &events {
                match *data {
                    SOCKET => self.requests(),
                    SIGNALS => self.stopping |= matches!(self.signals.read_signal(), Ok(Some(_))),
                    ECHO => {}
                    pipe => self.pipe_ready(PipeId::of_data(pipe)),
                }
            }
            self.answer();
            self.echo();
        }
        for pipe in self.pipes.all() {
            self.read_dry(pipe);
        }
        self.store.retry();
        self.answer();
        self.echo();
    }

    /// Tries waiting lines again when it is time; milliseconds until the next time, if lines still wait.
    fn retry_in(&mut self) -> Option<u64> {
        if !self.store.is_waiting() {
            self.retry = None;
            return None;
        }
        let now = Instant::now();
        let (mut at, mut pause) = *self.retry.get_or_insert((now + RETRY.0, RETRY.0));
        if at <= now {
            self.store.retry();
            pause = (pause * 2).min(RETRY.1);
            at = now + pause;
            self.retry = Some((at, pause));
        }
        // Rounded up, so that a wait never ends just before the time.
        let wait = u64::try_from(at.saturating_duration_since(now).as_millis()).unwrap_or(0).saturating_add(1);
        self.store.is_waiting().then_some(wait)
    }

    fn requests(&mut self) {
        for _ in 0..REQUESTS {
            let Some(socket) = &self.socket else { break };
            let mut buffer = [0; MAX_PACKET];
            match seqpacket::recv(socket.as_fd(), &mut buffer) {
                Ok(Received::Packet(length, mut fds)) => {
                    let packet = buffer.get(..length).unwrap_or_default();
                    messages(packet).for_each(|message| self.request(message, fds.take(0)));
                }
                Err(Errno::EAGAIN) => break,
                Err(Errno::EMSGSIZE) => {}
                Ok(Received::Closed) | Err(_) => {
                    self.socket = None;
                    self.stopping = true;
                }
            }
        }
        // All that came in one go is one write.
        if self.store.is_waiting() {
            self.store.flush(HISTORY);
        }
    }

    /// One request; `fd` came with its packet.
    fn request(&mut self, message: &[u8], fd: Option<OwnedFd>) {
        match Request::decode(message) {
            Some(Request::Open { token, stream, name }) => {
                if let Some(fd) = fd {
                    self.open(token, stream, &name, fd);
                }
            }
            Some(Request::Dry { token }) => self.read_both_dry(token),
            Some(Request::End { token }) => {
                self.read_both_dry(token);
                self.answers.push_back(Answer::Ended { token });
            }
            Some(Request::Note { name, text }) if is_name(&name) => {
                self.store.note(&name, &text);
                if !self.pipes.has_name(&name) {
                    self.store.release(&name);
                }
            }
            Some(Request::History { at_ms, text }) => self.store.history(at_ms, &text),
            Some(Request::Record { boot }) => {
                if let Some(fd) = fd {
                    self.store.record(&boot, fd);
                    self.pipes.pack();
                    memory::give_back();
                }
                self.answers.push_back(Answer::Recorded);
            }
            Some(Request::Persist) => self.store.persist(),
            Some(Request::Bundles) => self.answers.push_back(Answer::Bundles),
            // A manager newer than this logger; it sees what isn't answered.
            Some(Request::Note { .. }) | None => {}
        }
    }

    fn open(&mut self, token: u64, stream: Stream, name: &str, fd: OwnedFd) {
        let pipe = PipeId { token, stream };
        if token >= TOKENS || self.pipes.get(pipe).is_some() {
            return;
        }
        // The reading end's mode is nobody else's business: writers have a description of their own.
        let ready = is_name(name)
            && fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).is_ok()
            && self.epoll.add(&fd, Ready::EPOLLIN, pipe.to_data()).is_ok();
        if ready {
            self.pipes.add(pipe, name, fd);
        } else {
            self.answers.push_back(Answer::Closed { token, stream });
        }
    }

    fn pipe_ready(&mut self, pipe: PipeId) {
        match self.read(pipe) {
            Read::Some(_) | Read::Dry => {}
            Read::Closed => self.close(pipe),
        }
    }

    /// One read. What was read leaves the pipe only when it is written: a logger that is killed meanwhile loses nothing,
    /// for the pipe outlives it.
    fn read(&mut self, pipe: PipeId) -> Read {
        let Some((fd, name)) = self.pipes.get(pipe) else { return Read::Dry };
        let peeked = self.peeker.peek(fd, self.buffer);
        let is_pipe = peeked != Err(Errno::EINVAL);
        let seen = if is_pipe { peeked } else { nix::unistd::read(fd, self.buffer) };
        let mut count = match seen {
            Ok(0) => return Read::Closed,
            Ok(count) => count,
            Err(Errno::EAGAIN | Errno::EINTR) => return Read::Dry,
            Err(_) => return Read::Closed,
        };
        if is_pipe {
            // A line that has only begun stays, unless it stands alone.
            let whole = self.buffer.get(..count).and_then(|bytes| bytes.iter().rposition(|b| *b == b'\n'));
            count = whole.map_or(count, |last| last + 1);
        }
        let name = Rc::clone(name);
        let (now, store) = (self.store.now(), &mut self.store);
        let mut framer = self.pipes.take_framer(pipe);
        for piece in self.buffer.get(..count).unwrap_or(&[]).chunks(PIECE) {
            framer.feed(piece, |line| store.line(&name, pipe.stream, now, line));
            store.flush(&name);
        }
        self.pipes.put_framer(pipe, framer);
        let mut left = if is_pipe { count } else { 0 };
        while let (1.., Some((fd, _)), Some(room)) = (left, self.pipes.get(pipe), self.buffer.get_mut(..left)) {
            match nix::unistd::read(fd, room) {
                Ok(n @ 1..) => left = left.saturating_sub(n),
                Err(Errno::EINTR) => {}
                _ => break,
            }
        }
        Read::Some(count)
    }

    fn read_both_dry(&mut self, token: u64) {
        self.read_dry(PipeId { token, stream: Stream::Out });
        self.read_dry(PipeId { token, stream: Stream::Err });
    }

    /// Reads what is in the pipe now, no more (a process that was left behind may write for ever), and ends the line.
    fn read_dry(&mut self, pipe: PipeId) {
        let Some((fd, _)) = self.pipes.get(pipe) else { return };
        let mut left = queued::bytes(fd).unwrap_or(0);
        while left > 0 {
            match self.read(pipe) {
                Read::Some(count) => left = left.saturating_sub(count),
                Read::Dry => break,
                Read::Closed => return self.close(pipe),
            }
        }
        self.finish_line(pipe);
    }

    fn finish_line(&mut self, pipe: PipeId) {
        let now = self.store.now();
        let mut framer = self.pipes.take_framer(pipe);
        if let Some((_, name)) = self.pipes.get(pipe) {
            framer.finish(|line| self.store.line(name, pipe.stream, now, line));
            self.store.flush(name);
        }
    }

    fn close(&mut self, pipe: PipeId) {
        self.finish_line(pipe);
        let Some((fd, last_of)) = self.pipes.remove(pipe) else { return };
        // PID 1 holds a copy of this end, so that closing it does not take it out of the set.
        let _ = self.epoll.remove(fd.as_fd());
        self.answers.push_back(Answer::Closed { token: pipe.token, stream: pipe.stream });
        if let Some(name) = last_of {
            self.store.release(&name);
        }
    }

    fn answer(&mut self) {
        let Some(socket) = &self.socket else { return };
        while let Some(answer) = self.answers.front() {
            match seqpacket::send(socket.as_fd(), &answer.encode(), &[]) {
                Err(Errno::EAGAIN) => break,
                // Whatever else is wrong shows when the socket is read.
                _ => drop(self.answers.pop_front()),
            }
        }
        let full = !self.answers.is_empty();
        if full != self.socket_full {
            let ready = if full { Ready::EPOLLIN | Ready::EPOLLOUT } else { Ready::EPOLLIN };
            self.socket_full = full && self.epoll.modify(socket, ready, SOCKET).is_ok();
        }
    }

    fn echo(&mut self) {
        let Some(echo) = &mut self.store.echo else { return };
        let wait = echo.flush();
        if wait != self.echo_watched {
            if wait {
                self.echo_watched = self.epoll.add(&*echo, Ready::EPOLLOUT, ECHO).is_ok();
            } else {
                let _ = self.epoll.remove(echo.as_fd());
                self.echo_watched = false;
            }
        }
    }
}
