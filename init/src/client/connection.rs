//! One connection to one manager.

use super::Error;
use crate::proto::control::{Call, ErrorText, MAX_MESSAGE, Reply};
use crate::proto::varlink::{self, Decoder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

/// What is read at a time once an answer has turned out to be long.
const LONG_READ: usize = 256 << 10;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    decoder: Decoder,
}

/// What came.
#[derive(Debug)]
pub(super) enum Received<R> {
    /// A reply; more may follow.
    Reply(R, bool),
    /// An error's name, and what there is to say of it.
    Refused(String, ErrorText),
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
    pub(super) fn receive<R: DeserializeOwned>(&mut self, deadline: Option<Instant>) -> Result<Received<R>, Error> {
        let mut chunk = vec![0; 8 << 10];
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(|e| Error::Protocol(e.to_string()))? {
                return read(frame).map_err(|e| Error::Protocol(format!("malformed message: {e}")));
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left.is_some_and(|l| l.is_zero()) {
                return Ok(Received::Nothing);
            }
            self.stream.set_read_timeout(left).map_err(Error::Io)?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(Received::Closed),
                Ok(n) => {
                    self.decoder.push(chunk.get(..n).unwrap_or(&[]));
                    if n == chunk.len() {
                        // A long list comes in fewer pieces.
                        chunk.resize(LONG_READ, 0);
                    }
                }
                Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) if gone(&e) => return Ok(Received::Closed),
                Err(e) => return Err(Error::Io(e)),
            }
        }
    }
}

/// A message, read straight into what it is to become.
fn read<R: DeserializeOwned>(frame: &[u8]) -> serde_json::Result<Received<R>> {
    #[derive(Deserialize)]
    struct Whole<P> {
        parameters: P,
        #[serde(default)]
        continues: bool,
        error: Option<String>,
    }
    if let Ok(Whole { parameters, continues, error: None }) = serde_json::from_slice(frame) {
        return Ok(Received::Reply(parameters, continues));
    }
    // An error, or no parameters at all, which are as good as `null`.
    let reply: Reply = serde_json::from_slice(frame)?;
    match reply.error {
        Some(name) => Ok(Received::Refused(name, serde_json::from_value(reply.parameters).unwrap_or_default())),
        None => Ok(Received::Reply(serde_json::from_value(reply.parameters)?, reply.continues)),
    }
}

/// The manager is gone.
fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected)
}
