//! The one error: a sentence for the person who runs this.

use std::fmt;
use std::path::Path;

/// A sentence that says what failed and why.
#[derive(Debug)]
pub struct Error(pub String);

/// What functions here return.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails with a sentence.
pub fn fail<T>(why: impl Into<String>) -> Result<T> {
    Err(Error(why.into()))
}

/// Adds to an error what was being done, to which file.
pub trait Context<T> {
    /// `VERB PATH: error`.
    fn on(self, verb: &str, path: &Path) -> Result<T>;
    /// `WHAT: error`.
    fn context(self, what: &str) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn on(self, verb: &str, path: &Path) -> Result<T> {
        self.map_err(|e| Error(format!("{verb} {}: {e}", path.display())))
    }

    fn context(self, what: &str) -> Result<T> {
        self.map_err(|e| Error(format!("{what}: {e}")))
    }
}
