//! What the terminal can show: width, colour, a line that is written over.

use init::sys::terminal::columns;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

/// How text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Lines are cut to this width; `None`: never (a file, a pipe).
    pub width: Option<usize>,
    /// Colours may be used.
    pub colour: bool,
}

/// A width for terminals that don't know theirs.
const DEFAULT_WIDTH: usize = 80;

impl Style {
    /// Of this process's stdout.
    pub fn of_stdout() -> Self {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Self::default();
        }
        let told = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|n| *n > 0);
        let width = columns(stdout.as_fd()).or_else(told).unwrap_or(DEFAULT_WIDTH);
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_none_or(|t| t == "dumb");
        Self { width: Some(width), colour: !plain }
    }

    /// `text` in a colour, where colours may be used.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            _ if !self.colour => return text.to_owned(),
            Paint::Good => "32",
            Paint::Bad => "1;31",
            Paint::Busy => "33",
            Paint::Dim => "2",
            Paint::Bold => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Nothing.
    Plain,
    /// It runs.
    Good,
    /// It has failed.
    Bad,
    /// It is changing.
    Busy,
    /// Of less interest.
    Dim,
    /// A title.
    Bold,
}

/// One line on stderr that is written over and goes when dropped.
#[derive(Debug, Default)]
pub struct PassingLine {
    shown: bool,
}

impl PassingLine {
    /// Shows `text` in place of what was there; it is cut to the terminal's width.
    pub fn show(&mut self, text: &str) {
        let mut stderr = io::stderr().lock();
        let width = columns(stderr.as_fd()).unwrap_or(DEFAULT_WIDTH);
        let text: String = text.chars().take(width.saturating_sub(1)).collect();
        // A lost line costs nothing.
        let _ = write!(stderr, "\r{text}\x1b[K").and_then(|()| stderr.flush());
        self.shown = true;
    }

    /// Takes the line away, so that something else can be printed.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
    }
}

impl Drop for PassingLine {
    fn drop(&mut self) {
        self.clear();
    }
}
