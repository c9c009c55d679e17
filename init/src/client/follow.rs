//! Calls that outlive the manager that began to answer them.

use super::Error;
use super::connection::{Connection, Received};
use crate::proto::control::{Call, INTERFACE};
use crate::sys::watch::Watch;
use nix::errno::Errno;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a manager that was there may take to come back: longer than the slowest step of PID 1's keeper.
const COME_BACK: Duration = Duration::from_secs(60);
/// How long a socket at which nobody listens yet is tried.
const COME_UP: Duration = Duration::from_secs(5);
/// A new manager binds its socket a moment before it listens; no event tells of the second.
const RETRY: Duration = Duration::from_millis(200);

/// What [`Client::follow`] tells while it waits.
#[derive(Debug)]
pub enum Event<R> {
    /// A reply; more may follow.
    Reply(R),
    /// Nothing for a while.
    Idle,
    /// The manager is gone; its successor will be asked again.
    Lost,
}

/// A client of one control socket.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    connection: Option<Connection>,
    /// A manager has been there.
    seen: bool,
    come_up: Duration,
    come_back: Duration,
}

impl Client {
    /// A client of the manager at `path`; connects at the first call.
    pub fn new(path: PathBuf) -> Self {
        Self { path, connection: None, seen: false, come_up: COME_UP, come_back: COME_BACK }
    }

    /// Waits at most this long for a manager, whether it was there before or not.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        (self.come_up, self.come_back) = (patience, patience);
        self
    }

    /// Calls `method` (of [`INTERFACE`]) and waits for its one reply, at most `timeout`.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn call<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &P,
        timeout: Duration,
    ) -> Result<R, Error> {
        let deadline = Instant::now() + timeout;
        let mut last = None;
        self.run(method, parameters, false, Some(timeout), &mut |event| {
            match event {
                Event::Reply(reply) => last = Some(reply),
                Event::Idle if Instant::now() >= deadline => return ControlFlow::Break(()),
                Event::Idle | Event::Lost => {}
            }
            ControlFlow::Continue(())
        })?;
        last.ok_or(Error::Silent { waited: timeout })
    }

    /// Calls `method` and gives each of its replies to `each`, and [`Event::Idle`] whenever `tick` has passed without
    /// one. Ends with the last reply, or when `each` breaks off.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn follow<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &P,
        tick: Option<Duration>,
        each: &mut dyn FnMut(Event<R>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.run(method, parameters, true, tick, each)
    }

    /// Calls `method` and takes the end of the connection for an answer: for what ends the manager.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn call_last<P: Serialize>(&mut self, method: &str, parameters: &P, timeout: Duration) -> Result<(), Error> {
        let call = call(method, parameters, false)?;
        let Some(mut connection) = self.connect(&mut || ControlFlow::Continue(()))? else { return Ok(()) };
        if !connection.send(&call)? {
            return Ok(());
        }
        match connection.receive(Some(Instant::now() + timeout))? {
            Received::Closed => Ok(()),
            Received::Nothing => Err(Error::Silent { waited: timeout }),
            Received::Reply(IgnoredAny, _) => Ok(()),
            Received::Refused(name, text) => Err(Error::Refused { name, text }),
        }
    }

    fn run<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &P,
        more: bool,
        tick: Option<Duration>,
        each: &mut dyn FnMut(Event<R>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let call = call(method, parameters, more)?;
        loop {
            let connection = match self.connection.take() {
                Some(connection) => Some(connection),
                None => self.connect(&mut || each(Event::Idle))?,
            };
            let Some(mut connection) = connection else { return Ok(()) };
            if connection.send(&call)? && self.replies(connection, tick, each)? {
                return Ok(());
            }
            if each(Event::Lost).is_break() {
                return Ok(());
            }
        }
    }

    /// Reads replies until the last; `false` when the manager is gone before.
    fn replies<R: DeserializeOwned>(
        &mut self,
        mut connection: Connection,
        tick: Option<Duration>,
        each: &mut dyn FnMut(Event<R>) -> ControlFlow<()>,
    ) -> Result<bool, Error> {
        loop {
            let (result, continues) = match connection.receive(tick.map(|t| Instant::now() + t))? {
                Received::Closed => return Ok(false),
                Received::Refused(name, text) => {
                    self.connection = Some(connection);
                    return Err(Error::Refused { name, text });
                }
                Received::Nothing => {
                    if each(Event::Idle).is_break() {
                        return Ok(true);
                    }
                    continue;
                }
                Received::Reply(result, continues) => (result, continues),
            };
            let flow = each(Event::Reply(result));
            if !continues {
                self.connection = Some(connection);
                return Ok(true);
            }
            if flow.is_break() {
                return Ok(true);
            }
        }
    }

    /// Connects; waits while nobody listens at a socket that is there, or, once a manager was seen, for the socket.
    /// `None` when `idle` breaks off.
    fn connect(&mut self, idle: &mut dyn FnMut() -> ControlFlow<()>) -> Result<Option<Connection>, Error> {
        let patience = if self.seen { self.come_back } else { self.come_up };
        let deadline = Instant::now() + patience;
        let mut watch = None;
        loop {
            let error = match Connection::open(&self.path) {
                Ok(connection) => {
                    self.seen = true;
                    return Ok(Some(connection));
                }
                Err(e) => e,
            };
            let passing = match error.kind() {
                ErrorKind::ConnectionRefused => true,
                ErrorKind::NotFound => self.seen,
                _ => false,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if !passing || left.is_zero() {
                return Err(match self.seen && passing {
                    true => Error::Lost { path: self.path.clone(), waited: patience },
                    false => Error::NoManager { path: self.path.clone(), error },
                });
            }
            if idle().is_break() {
                return Ok(None);
            }
            // The first turn only begins to watch: what happened before that is seen by trying again.
            match &watch {
                None => watch = Some(self.watch().map_err(|e| Error::Io(e.into()))?),
                Some(watch) => drop(watch.wait(Some(left.min(RETRY))).map_err(|e| Error::Io(e.into()))?),
            }
        }
    }

    fn watch(&self) -> Result<Watch, Errno> {
        let watch = Watch::new()?;
        if let Some(dir) = self.path.parent() {
            // A folder that is gone too is seen by trying again.
            let _ = watch.add(dir);
        }
        Ok(watch)
    }
}

fn call<P: Serialize>(method: &str, parameters: &P, more: bool) -> Result<Call, Error> {
    let parameters = serde_json::to_value(parameters).map_err(|e| Error::Protocol(e.to_string()))?;
    Ok(Call { method: format!("{INTERFACE}.{method}"), parameters, more, oneway: false })
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
