//! What went wrong while a sandbox was made: one sentence, and what can be done about it.

use std::fmt::Display;

/// A failure, ready to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// A failure that needs no cause.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn hint(self, hint: &str) -> Self {
        Self(format!("{}\n  {hint}", self.0))
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names the step that a system call failed in.
pub trait Doing<T> {
    /// `text` is a phrase like ``mount `/proc` ``: the message reads "can't mount `/proc`: permission denied".
    fn doing(self, text: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, nix::errno::Errno> {
    fn doing(self, text: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|errno| Error(format!("can't {}: {}", text(), errno.desc())))
    }
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, text: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| match error.raw_os_error() {
            Some(raw) => Error(format!("can't {}: {}", text(), nix::errno::Errno::from_raw(raw).desc())),
            None => Error(format!("can't {}: {error}", text())),
        })
    }
}
