//! One call to the manager: Varlink (JSON ended by NUL) over its control socket.

use init::proto::control::{Call, ErrorText, INTERFACE, MAX_MESSAGE, Reply, errors};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// Nobody listens there: PID 1 isn't Rung, or its manager is down.
    Absent(io::Error),
    /// The manager says no: the error's short name, and its sentence.
    Refused(String, String),
    /// The connection broke or the answer can't be read.
    Broken(String),
}

impl Error {
    /// Whether the caller lacks the right.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Refused(name, _) if name == errors::DENIED)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent(e) => write!(f, "no manager at {}: {e}", socket().display()),
            Self::Refused(name, text) if text.is_empty() => f.write_str(name),
            Self::Refused(_, text) | Self::Broken(text) => f.write_str(text),
        }
    }
}

/// The control socket: in `$RUNG_RUNDIR`, else `/run/rung`.
pub fn socket() -> PathBuf {
    std::env::var_os("RUNG_RUNDIR").map_or_else(|| PathBuf::from("/run/rung"), PathBuf::from).join("control")
}

/// Calls `method` and reads its one reply. `patience` bounds each read and write; `None` waits for as long as it takes.
///
/// # Errors
/// See [`Error`].
pub fn call<T: DeserializeOwned>(
    method: &str,
    parameters: &impl Serialize,
    patience: Option<Duration>,
) -> Result<T, Error> {
    let broken = |e: io::Error| match e.kind() {
        ErrorKind::WouldBlock => Error::Broken("the manager doesn't answer".into()),
        _ => Error::Broken(format!("the connection to the manager broke: {e}")),
    };
    let unreadable = |e: serde_json::Error| Error::Broken(format!("the manager's answer can't be read: {e}"));
    let parameters = serde_json::to_value(parameters).map_err(unreadable)?;
    let call = Call { method: format!("{INTERFACE}.{method}"), parameters, more: false, oneway: false };
    let mut bytes = serde_json::to_vec(&call).map_err(unreadable)?;
    bytes.push(0);

    let mut stream = UnixStream::connect(socket()).map_err(Error::Absent)?;
    stream.set_read_timeout(patience).and_then(|()| stream.set_write_timeout(patience)).map_err(broken)?;
    stream.write_all(&bytes).map_err(broken)?;
    let mut answer = Vec::new();
    BufReader::new(stream).take(MAX_MESSAGE as u64).read_until(0, &mut answer).map_err(broken)?;
    if answer.pop() != Some(0) {
        return Err(Error::Broken("the manager hung up before it answered".into()));
    }
    let reply: Reply = serde_json::from_slice(&answer).map_err(unreadable)?;
    match reply.error {
        Some(name) => {
            let text = serde_json::from_value::<ErrorText>(reply.parameters).unwrap_or_default().text;
            Err(Error::Refused(name, text))
        }
        None => serde_json::from_value(reply.parameters).map_err(unreadable),
    }
}
