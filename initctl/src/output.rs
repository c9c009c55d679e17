//! Data to stdout, messages to stderr.

use crate::cli::Global;
use crate::exit::Failure;
use crate::terminal::{Glyphs, Style};
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Where a verb prints, and how.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The flags.
    pub global: Global,
    /// How stdout is to look.
    pub style: Style,
    /// What lines are drawn with there.
    pub glyphs: Glyphs,
}

impl Output {
    /// For this process's stdout.
    pub fn new(global: Global) -> Self {
        Self { global, style: Style::of_stdout(), glyphs: Glyphs::of_environment(io::stdout().is_terminal()) }
    }

    /// Prints data: the value as JSON, or what `text` makes of it, or nothing.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn data<T: Serialize>(&self, value: &T, text: impl FnOnce(&T, &Style) -> String) -> Result<(), Failure> {
        if self.global.quiet {
            return Ok(());
        }
        if !self.global.json {
            return self.text(&text(value, &self.style));
        }
        let json = serde_json::to_string(value).map_err(|e| Failure::Other(e.to_string()))?;
        self.text(&(json + "\n"))
    }

    /// Prints text as it is, unless quiet.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        if self.global.quiet {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|e| {
            Failure::Output(e.kind() == ErrorKind::BrokenPipe, format!("writing to standard output failed: {e}"))
        })
    }

    /// Prints a message to stderr, with our name before it, unless quiet.
    pub fn message(&self, text: &str) {
        if !self.global.quiet {
            // Nobody is left to tell that stderr is gone.
            let _ = writeln!(io::stderr().lock(), "initctl: {text}");
        }
    }

    /// Whether somebody watches stderr, so that a passing line makes sense there.
    pub fn watched(&self) -> bool {
        !self.global.quiet && io::stderr().is_terminal()
    }
}
