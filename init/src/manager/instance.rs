//! What the manager holds for one run of a unit: its notify socket and the write ends of its log pipes.
//!
//! PID 1 keeps the socket, and of the pipes the logger's ends, under the instance's token: a new manager finds the socket
//! again, and makes the write ends anew.

use super::link::{Gone, Link};
use super::logger::Logger;
use super::{notify, plan};
use crate::proto::logger::Stream;
use crate::sys::pipe;
use crate::unit::{NotifyAccess, Unit, UnitName};
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Names of parked descriptors.
pub mod parked {
    /// The notify socket.
    pub const NOTIFY: &str = "notify";
    /// The readiness pipe (`NotifyFd=`), our end.
    pub const READY: &str = "ready-r";
    /// Stands for what the run leaves behind, until that is cleared away.
    pub const LEFT: &str = "left";
    /// Standard output's pipe, the logger's end.
    pub const OUT_READ: &str = "out-r";
    /// Standard error's pipe, the logger's end.
    pub const ERR_READ: &str = "err-r";
    /// The services' ends, which managers before us kept as well.
    pub const WRITE_ENDS: [&str; 2] = ["out-w", "err-w"];

    /// Whether it is an end of a log pipe.
    pub fn is_pipe(name: &str) -> bool {
        [OUT_READ, ERR_READ].contains(&name) || WRITE_ENDS.contains(&name)
    }

    /// The logger's end of a stream.
    pub fn read_end(stream: crate::proto::logger::Stream) -> &'static str {
        match stream {
            crate::proto::logger::Stream::Out => OUT_READ,
            crate::proto::logger::Stream::Err => ERR_READ,
        }
    }
}

/// Where the output of an instance goes, as far as that is to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// None of it does.
    None,
    /// Each stream has a pipe.
    Two,
    /// Both share a pipe: descriptors are short.
    One,
}

/// One instance's descriptors.
#[derive(Debug, Default)]
pub struct Instance {
    /// The notify socket.
    pub notify: Option<OwnedFd>,
    /// Our end of the readiness pipe, while a newline is awaited.
    pub ready: Option<OwnedFd>,
    /// It has been told that somebody isn't heard.
    pub refused: bool,
    /// The instance that its log pipes were made for: itself, or one before it (see [`super::kept`]).
    pub logs: u64,
    /// The service's end of its output pipe.
    pub out: Option<End>,
    /// The service's end of its error pipe; none where that is the output's.
    pub err: Option<End>,
}

/// A descriptor that is counted while it is on its way to processes, and lies here once it isn't: an instance that only runs
/// needs no memory beside its own.
#[derive(Debug)]
pub struct End(Held);

#[derive(Debug)]
enum Held {
    Alone(OwnedFd),
    Counted(Rc<OwnedFd>),
}

impl From<OwnedFd> for End {
    fn from(fd: OwnedFd) -> Self {
        Self(Held::Alone(fd))
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Held::Alone(fd) => fd.as_fd(),
            Held::Counted(fd) => fd.as_fd(),
        }
    }
}

impl End {
    /// The descriptor, for a process.
    pub fn share(end: &mut Option<Self>) -> Option<Rc<OwnedFd>> {
        let counted = match end.take()?.0 {
            Held::Alone(fd) => Rc::new(fd),
            Held::Counted(fd) => fd,
        };
        *end = Some(Self(Held::Counted(Rc::clone(&counted))));
        Some(counted)
    }

    fn settle(end: &mut Option<Self>) {
        let alone = |fd| Rc::try_unwrap(fd).map_or_else(Held::Counted, Held::Alone);
        *end = end.take().map(|end| match end.0 {
            Held::Counted(fd) => Self(alone(fd)),
            held @ Held::Alone(_) => Self(held),
        });
    }
}

/// Where an instance's notify socket is.
pub fn notify_path(rundir: &Path, token: u64) -> PathBuf {
    rundir.join("notify").join(token.to_string())
}

impl Instance {
    /// Makes the notify socket of a new instance and parks it.
    ///
    /// # Errors
    /// As `socket(2)`; a text that names what could not be made.
    pub fn listen(&mut self, token: u64, path: &Path, link: &mut Link) -> Result<(), String> {
        let socket =
            notify::listen(path).map_err(|e| format!("cannot make the notify socket {}: {e}", path.display()))?;
        link.park(token, parked::NOTIFY, share(&socket)?);
        self.notify = Some(socket);
        Ok(())
    }

    /// Makes the log pipes of a new instance and parks them.
    ///
    /// # Errors
    /// As `pipe2(2)`; a text that names what could not be made.
    pub fn create(
        unit: &UnitName,
        token: u64,
        logs: Logs,
        link: &mut Link,
        logger: &mut Logger,
    ) -> Result<Self, String> {
        let mut instance = Self { logs: token, ..Self::default() };
        let name = unit.short();
        // PID 1 keeps the logger's ends, so that a logger's death loses nothing. From these the others can be made anew.
        match logs {
            Logs::None => {}
            Logs::Two => {
                let ((out_read, out), (err_read, err)) = (log_pipe()?, log_pipe()?);
                let parks = [(parked::OUT_READ, Rc::clone(&out_read)), (parked::ERR_READ, Rc::clone(&err_read))];
                link.park_all(token, parks);
                logger.open(token, Stream::Out, name, out_read);
                logger.open(token, Stream::Err, name, err_read);
                (instance.out, instance.err) = (Some(out.into()), Some(err.into()));
            }
            Logs::One => {
                let (read, write) = log_pipe()?;
                link.park(token, parked::OUT_READ, Rc::clone(&read));
                logger.open(token, Stream::Out, name, read);
                instance.out = Some(write.into());
            }
        }
        Ok(instance)
    }

    /// Takes up what a manager before us parked; the log pipes are those made for the instance `logs`.
    ///
    /// # Errors
    /// [`Gone`] when PID 1 is.
    pub fn fetch(token: u64, logs: u64, link: &mut Link) -> Result<Self, Gone> {
        let mut write_end = |name| {
            let read = link.fetch(logs, name)?;
            Ok(read.and_then(|read| pipe::write_end(read.as_fd()).ok()).map(End::from))
        };
        let (out, err) = (write_end(parked::OUT_READ)?, write_end(parked::ERR_READ)?);
        link.unpark_all(logs, &parked::WRITE_ENDS);
        let (notify, ready) = (link.fetch(token, parked::NOTIFY)?, link.fetch(token, parked::READY)?);
        Ok(Self { notify, ready, refused: false, logs, out, err })
    }

    /// Parks once more what PID 1 had no room for. What can't be opened anew now isn't kept.
    pub fn park_again(&self, token: u64, link: &mut Link) {
        if let Some(socket) = self.notify.as_ref().and_then(|socket| share(socket).ok()) {
            link.park(token, parked::NOTIFY, socket);
        }
        if let Some(pipe) = self.ready.as_ref().and_then(|read| share(read).ok()) {
            link.park(token, parked::READY, pipe);
        }
        for (write, name) in [(&self.out, parked::OUT_READ), (&self.err, parked::ERR_READ)] {
            if let Some(read) = write.as_ref().and_then(|write| pipe::read_end(write.as_fd()).ok()) {
                link.park(self.logs, name, read);
            }
        }
    }

    /// Gives back what its start has needed.
    pub fn settle(&mut self) {
        End::settle(&mut self.out);
        End::settle(&mut self.err);
    }

    /// Whether a stream has a pipe, to whose end the service's processes write.
    pub fn has_pipe(&self, stream: Stream) -> bool {
        match stream {
            Stream::Out => self.out.is_some(),
            Stream::Err => self.err.is_some(),
        }
    }
}

/// Whether something beside log pipes may be parked under the token of an instance.
pub fn parks(unit: &Unit) -> bool {
    let service = &unit.service;
    let heard = service.notify_access() != NotifyAccess::None || service.readiness.notify_fd.is_some();
    heard || plan::clearing(unit, true, true).is_some()
}

/// A new readiness pipe; our end is parked, the other one is the service's.
///
/// # Errors
/// As `pipe2(2)`; a text that says what could not be made.
pub fn ready_pipe(token: u64, link: &mut Link) -> Result<(OwnedFd, OwnedFd), String> {
    let (read, write) = pipe::new().map_err(|e| unmade("a readiness pipe", e))?;
    link.park(token, parked::READY, share(&read)?);
    Ok((read, write))
}

fn share(fd: &OwnedFd) -> Result<OwnedFd, String> {
    fd.try_clone().map_err(|e| format!("cannot duplicate a descriptor: {e}"))
}

fn unmade(what: &str, errno: Errno) -> String {
    let remedy = match errno {
        Errno::EMFILE | Errno::ENFILE => "; raise the limit on open files (ulimit -n) of what starts process 1",
        _ => "",
    };
    format!("cannot make {what}: {}{remedy}", errno.desc())
}

/// Both ends of a new pipe: the logger's and the service's.
fn log_pipe() -> Result<(Rc<OwnedFd>, OwnedFd), String> {
    let (read, write) = pipe::new().map_err(|e| unmade("a log pipe", e))?;
    Ok((Rc::new(read), write))
}
