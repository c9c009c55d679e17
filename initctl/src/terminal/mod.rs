//! What the terminal can show: width, colour, lines to draw with, a line that is written over; and, for the views that
//! live, the terminal itself: [`Live`] takes it key by key and screen by screen, and gives it back whatever happens.

mod glyphs;
mod keys;
mod live;
mod screen;
mod width;

pub use glyphs::Glyphs;
pub use keys::Key;
pub use live::{Event, Live};
pub use screen::Line;
pub use width::{cut, pad, width};

use init::sys::terminal;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// How text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Lines are cut to this width; `None`: never (a file, a pipe).
    pub width: Option<usize>,
    /// Colours may be used.
    pub colour: bool,
}

/// A size for terminals that don't know theirs.
const DEFAULT_WIDTH: usize = 80;
const DEFAULT_HEIGHT: usize = 24;

/// Columns and rows of a terminal: as it says, else as `COLUMNS` and `LINES` say, else a VT100's.
pub fn size(fd: BorrowedFd<'_>) -> (usize, usize) {
    let told = |name: &str| std::env::var(name).ok()?.parse().ok().filter(|n| *n > 0);
    let (columns, rows) = terminal::size(fd);
    (
        columns.or_else(|| told("COLUMNS")).unwrap_or(DEFAULT_WIDTH),
        rows.or_else(|| told("LINES")).unwrap_or(DEFAULT_HEIGHT),
    )
}

impl Style {
    /// Of this process's stdout.
    pub fn of_stdout() -> Self {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Self::default();
        }
        let (width, _) = size(stdout.as_fd());
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

/// A few lines on stderr that are written over and go when dropped.
#[derive(Debug, Default)]
pub struct PassingLine {
    shown: usize,
}

impl PassingLine {
    /// Shows these lines in place of what was there; each is cut to the terminal's width, and there are never more than
    /// half of its height.
    pub fn show(&mut self, lines: &[String]) {
        let mut stderr = io::stderr().lock();
        let (width, height) = size(stderr.as_fd());
        let fit = lines.iter().take((height / 2).max(1)).map(|line| cut(line, Some(width.saturating_sub(1))));
        let lines: Vec<String> = fit.map(|line| format!("{line}\x1b[K")).collect();
        // A lost line costs nothing.
        let _ = write!(stderr, "{}{}\x1b[J", self.home(), lines.join("\r\n")).and_then(|()| stderr.flush());
        self.shown = lines.len();
    }

    /// Takes the lines away, so that something else can be printed.
    pub fn clear(&mut self) {
        if self.shown > 0 {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "{}\x1b[J", self.home()).and_then(|()| stderr.flush());
            self.shown = 0;
        }
    }

    /// To where the first line begins.
    fn home(&self) -> String {
        match self.shown {
            0 | 1 => "\r".to_owned(),
            n => format!("\r\x1b[{}A", n - 1),
        }
    }
}

impl Drop for PassingLine {
    fn drop(&mut self) {
        self.clear();
    }
}
