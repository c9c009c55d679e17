//! Why a call has no answer.

use crate::proto::control::{ErrorText, errors};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a call has no answer. `Display` is a sentence for people.
#[derive(Debug)]
pub enum Error {
    /// Nobody listens at the socket.
    NoManager {
        /// The socket.
        path: PathBuf,
        /// What `connect` said.
        error: io::Error,
    },
    /// The connection broke and no new manager came within this time.
    Lost {
        /// The socket.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
    /// The manager is there and says nothing.
    Silent {
        /// How long we waited.
        waited: Duration,
    },
    /// Reading or writing failed.
    Io(io::Error),
    /// The other side doesn't speak our language.
    Protocol(String),
    /// The manager's answer is an error.
    Refused {
        /// Its name: one of [`errors`], or another.
        name: String,
        /// What it says.
        text: ErrorText,
    },
}

impl Error {
    /// Whether it is this error (one of [`errors`]) of the manager's.
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Self::Refused { name: n, .. } if n == name)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoManager { path, error } if error.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "may not connect to the Rung manager at {}: {error}", path.display())
            }
            Self::NoManager { path, error } => {
                let why = match error.kind() {
                    io::ErrorKind::NotFound => "nothing is there".to_owned(),
                    io::ErrorKind::ConnectionRefused => "nobody listens".to_owned(),
                    _ => error.to_string(),
                };
                write!(f, "no Rung manager at {} ({why}); is Rung PID 1 here?", path.display())
            }
            Self::Lost { path, waited } => {
                let seconds = waited.as_secs();
                write!(f, "the Rung manager at {} went away and none came back within {seconds} s", path.display())
            }
            Self::Silent { waited } => {
                write!(f, "the Rung manager did not answer within {:.1} s", waited.as_secs_f32())
            }
            Self::Io(error) => write!(f, "talking to the Rung manager failed: {error}"),
            Self::Protocol(why) => write!(f, "the Rung manager's answer can't be understood: {why}"),
            Self::Refused { name, text } if text.text.is_empty() => match name.as_str() {
                errors::DENIED => write!(f, "permission denied: only root and the admin group may change anything"),
                errors::GOING_DOWN => write!(f, "the machine is going down"),
                errors::METHOD_NOT_FOUND => write!(f, "the manager is of another version: it doesn't know this method"),
                errors::INVALID_PARAMETER => {
                    write!(f, "the manager is of another version: it doesn't understand this request")
                }
                other => write!(f, "the manager answered {other}"),
            },
            Self::Refused { text, .. } => f.write_str(&text.text),
        }
    }
}

impl std::error::Error for Error {}
