//! One connection to one manager.

use super::Error;
use crate::proto::control::{Call, MAX_MESSAGE, Reply};
use crate::proto::varlink::{self, Decoder};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    decoder: Decoder,
}

/// What came.
#[derive(Debug)]
pub(super) enum Received {
    /// A reply.
    Reply(Reply),
    /// Nothing until the deadline.
    Nothing,
    /// The manager hung up, or is gone.
    Closed,
}

impl Connection {
    /// Connects.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { stream: UnixStream::connect(path)?, decoder: Decoder::new(MAX_MESSAGE) })
    }

    /// Sends a call; `false` when the manager is gone.
    pub(super) fn send(&mut self, call: &Call) -> Result<bool, Error> {
        let bytes = varlink::encode(call).map_err(|e| Error::Protocol(e.to_string()))?;
        match self.stream.write_all(&bytes) {
            Ok(()) => Ok(true),
            Err(e) if gone(&e) => Ok(false),
            Err(e) => Err(Error::Io(e)),
        }
    }

    /// Waits for the next reply, at most until `deadline`.
    pub(super) fn receive(&mut self, deadline: Option<Instant>) -> Result<Received, Error> {
        let mut chunk = [0; 16 << 10];
        loop {
            if let Some(reply) = self.decoder.next_message().map_err(|e| Error::Protocol(e.to_string()))? {
                return Ok(Received::Reply(reply));
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left.is_some_and(|l| l.is_zero()) {
                return Ok(Received::Nothing);
            }
            self.stream.set_read_timeout(left).map_err(Error::Io)?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(Received::Closed),
                Ok(n) => self.decoder.push(chunk.get(..n).unwrap_or(&[])),
                Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) if gone(&e) => return Ok(Received::Closed),
                Err(e) => return Err(Error::Io(e)),
            }
        }
    }
}

/// The manager is gone.
fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected)
}
