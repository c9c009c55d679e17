//! Data to stdout, messages to stderr.

use crate::cli::Global;
use crate::exit::Failure;
use crate::terminal::{Glyphs, Style};
use serde::Serialize;
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IsTerminal, Write};

/// So many messages go into an error document.
const MESSAGES: usize = 50;

/// Where a verb prints, and how.
///
/// With `--json` what a verb says is collected, and printed as one document at its end.
#[derive(Debug)]
pub struct Output {
    /// The flags.
    pub global: Global,
    /// How stdout is to look.
    pub style: Style,
    /// What lines are drawn with there.
    pub glyphs: Glyphs,
    /// Parts of the document, as JSON.
    parts: RefCell<Vec<String>>,
    /// Messages, for an error document.
    messages: RefCell<Vec<String>>,
    /// Something has been printed, line by line.
    printed: Cell<bool>,
}

impl Output {
    /// For this process's stdout.
    pub fn new(global: Global) -> Self {
        Self {
            global,
            style: Style::of_stdout(),
            glyphs: Glyphs::of_environment(io::stdout().is_terminal()),
            parts: RefCell::default(),
            messages: RefCell::default(),
            printed: Cell::default(),
        }
    }

    /// Prints data: what `text` makes of the value, or nothing; with `--json` the value becomes part of the document.
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
        self.parts.borrow_mut().push(json);
        Ok(())
    }

    /// Ends the document: prints it, with the error where there was one. Nothing unless `--json`, or if quiet.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn finish(&self, failed: bool, error: impl FnOnce(String) -> Value) -> Result<(), Failure> {
        if !self.global.json {
            return Ok(());
        }
        let parts = self.parts.take();
        let messages = self.messages.take().join("\n");
        let empty = parts.is_empty() && !self.printed.get();
        let error = (failed && (empty || !messages.is_empty())).then(|| error(messages));
        match (parts.as_slice(), error) {
            ([], None) if empty => self.text("{}\n"),
            ([], None) => Ok(()),
            ([one], None) => self.text(&format!("{one}\n")),
            (_, error) => self.text(&format!("{}\n", Value::Object(merged(&parts, error)))),
        }
    }

    /// Prints a text that is all there is to print; with `--json` it is the document's `text`.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn whole(&self, text: String) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Whole {
            text: String,
        }
        self.data(&Whole { text }, |whole, _| whole.text.clone())
    }

    /// Prints text as it is, unless quiet.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        if self.global.quiet {
            return Ok(());
        }
        self.printed.set(true);
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|e| {
            Failure::Output(e.kind() == ErrorKind::BrokenPipe, format!("writing to standard output failed: {e}"))
        })
    }

    /// Prints a message to stderr, with our name before it, unless quiet.
    pub fn message(&self, text: &str) {
        let mut messages = self.messages.borrow_mut();
        if self.global.json && messages.len() < MESSAGES {
            messages.push(text.to_owned());
        }
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

/// One document of several: lists of the same name are joined, of other values the last one counts.
fn merged(parts: &[String], error: Option<Value>) -> Map<String, Value> {
    let mut all = Map::new();
    let parts = parts.iter().filter_map(|part| serde_json::from_str::<Map<String, Value>>(part).ok());
    for (name, value) in parts.flatten().chain(error.map(|e| ("error".to_owned(), e))) {
        match (all.get_mut(&name), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (_, value) => drop(all.insert(name, value)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_make_one_document() {
        let parts = [r#"{"units":[1],"made":false}"#, r#"{"units":[2],"made":true}"#].map(str::to_owned);
        let all = Value::Object(merged(&parts, Some(json!({"text": "no"}))));
        assert_eq!(all, json!({"units": [1, 2], "made": true, "error": {"text": "no"}}));
    }
}
