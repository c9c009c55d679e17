//! The link to `init-log`, itself a child of PID 1 that may die at any time.
//!
//! Both ends of its socket are parked, so neither side's death loses a message that is under way. A logger that died is
//! started anew with the same socket and gets every parked pipe again.

use super::link::{Gone, Link};
use crate::proto::logger::{Answer, MAX_LEN, Request, Stream};
use crate::proto::plan::{Access, Plan, Step, Strings, strings};
use crate::sys::seqpacket::{self, Received};
use nix::errno::Errno;
use std::collections::VecDeque;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The logger's token.
pub const TOKEN: u64 = 1;
/// Messages that may wait for room in the socket; more are dropped and counted (notes only, never pipes).
const MAX_WAITING: usize = 4096;

/// The plan of the logger's process: its socket as descriptor 3, PID 1's standard output as 1 if that goes with it (as the
/// second descriptor). `None` for paths that can't be.
pub fn plan(program: &Path, env: &[String], cgroup: Option<&Path>, stdout: bool) -> Option<Vec<u8>> {
    let path = |p: &Path| CString::new(p.as_os_str().as_bytes()).ok();
    let program = path(program)?;
    let cgroup = match cgroup {
        Some(folder) => Some(path(folder)?),
        None => None,
    };
    let mut plan = Plan::default();
    plan.push(Step::Session);
    plan.push(Step::Signals { ignore: 0 });
    if let Some(path) = &cgroup {
        plan.push(Step::Cgroup { path, required: false });
    }
    plan.push(Step::Open { path: c"/dev/null", access: Access::ReadWrite, target: 0 });
    if stdout {
        plan.push(Step::Fd { index: 1, target: 1 });
    } else {
        plan.push(Step::Dup { from: 0, to: 1 });
    }
    plan.push(Step::Dup { from: 0, to: 2 });
    plan.push(Step::Fd { index: 0, target: 3 });
    let (args, env) = (strings(["init-log"]), strings(env.iter().map(String::as_str)));
    plan.push(Step::Exec { program: &program, args: Strings::new(&args), env: Strings::new(&env) });
    plan.finish()
}

/// The manager's end.
#[derive(Debug)]
pub struct Logger {
    socket: OwnedFd,
    out: VecDeque<(Request, Option<OwnedFd>)>,
    dropped: u64,
}

impl Logger {
    /// Makes a new socket pair and parks both ends.
    ///
    /// # Errors
    /// As `socketpair(2)`.
    pub fn create(link: &mut Link) -> Result<Self, Errno> {
        let (ours, theirs) = seqpacket::pair()?;
        link.park(TOKEN, "log", ours.try_clone().map_err(|_| Errno::EMFILE)?);
        link.park(TOKEN, "log-peer", theirs);
        Ok(Self { socket: ours, out: VecDeque::new(), dropped: 0 })
    }

    /// Goes on with the parked pair of a manager before us.
    ///
    /// # Errors
    /// [`Gone`] when PID 1 is.
    pub fn reopen(link: &mut Link) -> Result<Option<Self>, Gone> {
        Ok(link.fetch(TOKEN, "log")?.map(|socket| Self { socket, out: VecDeque::new(), dropped: 0 }))
    }

    /// For epoll.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Messages that found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether messages wait for room in the socket.
    pub fn is_waiting(&self) -> bool {
        !self.out.is_empty()
    }

    /// Sends, now or when there is room.
    pub fn send(&mut self, request: Request, fd: Option<OwnedFd>) {
        if self.out.len() >= MAX_WAITING && matches!(request, Request::Note { .. }) {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.out.push_back((request, fd));
        self.flush();
    }

    /// Hands over a service's pipe.
    pub fn open(&mut self, token: u64, stream: Stream, name: &str, pipe: OwnedFd) {
        self.send(Request::Open { token, stream, name: name.to_owned() }, Some(pipe));
    }

    /// Sends what waits.
    pub fn flush(&mut self) {
        while let Some((request, fd)) = self.out.front() {
            let borrowed: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
            match seqpacket::send(self.socket.as_fd(), &request.encode(), &borrowed) {
                Err(Errno::EAGAIN) => return,
                Ok(()) | Err(_) => drop(self.out.pop_front()),
            }
        }
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
