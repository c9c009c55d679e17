//! Varlink's framing: JSON objects, each ended by a NUL byte, over a byte stream. Pure: the caller reads and writes.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What can't be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// A message is longer than this many bytes. The stream can't be used any further.
    TooLong(usize),
    /// A message isn't JSON, or not the JSON that was expected. The stream goes on behind it.
    Malformed(String),
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong(limit) => write!(f, "message longer than {limit} bytes"),
            Self::Malformed(why) => write!(f, "malformed message: {why}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// One message in its wire form, the final NUL included.
///
/// # Errors
/// [`FrameError::Malformed`] for what JSON can't hold (a map whose keys aren't text).
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = serde_json::to_vec(message).map_err(|e| FrameError::Malformed(e.to_string()))?;
    // JSON escapes U+0000 inside texts, so this NUL is the only one.
    bytes.push(0);
    Ok(bytes)
}

/// Cuts a byte stream into messages, however the bytes arrive. Holds at most one message of the limit's length and what
/// came with it in one [`Decoder::push`].
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the next message begins.
    start: usize,
    /// No NUL lies between `start` and here.
    scanned: usize,
    limit: usize,
}

impl Decoder {
    /// Takes messages of at most `limit` bytes, the NUL not counted.
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, scanned: 0, limit }
    }

    /// Adds what was read from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned = self.scanned.saturating_sub(self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that were pushed and not yet given out.
    pub fn pending(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    /// The next whole message without its NUL; `None` until more bytes are pushed.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], from then on each time: hang up.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let unseen = self.buffer.get(self.scanned..).unwrap_or(&[]);
        let end = unseen.iter().position(|b| *b == 0).map(|at| self.scanned.saturating_add(at));
        let length = end.unwrap_or(self.buffer.len()).saturating_sub(self.start);
        if length > self.limit {
            return Err(FrameError::TooLong(self.limit));
        }
        let Some(end) = end else {
            self.scanned = self.buffer.len();
            return Ok(None);
        };
        let frame = self.start..end;
        self.start = end.saturating_add(1);
        self.scanned = self.start;
        Ok(self.buffer.get(frame))
    }

    /// The next whole message, read as a `T`; `None` until more bytes are pushed.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn next_message<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        match self.next_frame()? {
            None => Ok(None),
            Some(frame) => serde_json::from_slice(frame).map(Some).map_err(|e| FrameError::Malformed(e.to_string())),
        }
    }
}

#[cfg(test)]
#[path = "varlink_tests.rs"]
mod tests;
