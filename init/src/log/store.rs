//! All units' logs: in the run directory until `/var/log` can be written, from then on there.

use super::boots;
use super::echo::Echo;
use super::file::{self, Limits, UnitLog};
use super::frame::Line;
use super::history::{self, Known};
use super::stamp::{Clock, Stamp};
use crate::proto::logger::{HISTORY, Stream};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What all logs together may hold back in memory, in bytes.
const PENDING_TOTAL: usize = 8 << 20;
/// How long to let be what could not be moved to `/var/log`, in microseconds.
const MOVE_AGAIN: i64 = 60_000_000;

/// Whether this can be the name of a log: one path component, none of the special ones.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_.\\@+".contains(&b))
}

/// All logs.
#[derive(Debug)]
pub struct Store {
    run: PathBuf,
    lasting: PathBuf,
    /// [`Store::persist`] was asked for, now or of a logger before this one.
    persist: bool,
    /// Some lines are still in the run directory; when to try and move them again.
    misplaced: Option<i64>,
    logs: BTreeMap<String, UnitLog>,
    /// Bytes that wait in all logs together.
    pending: usize,
    /// Logs of which not everything is in a file.
    unwritten: usize,
    /// Lines of the history that a manager may send again; looked up at the first of them.
    known: Option<Known>,
    limits: Limits,
    clock: Clock,
    /// The copy on standard output.
    pub echo: Option<Echo>,
}

impl Store {
    /// Logs below `run`, and below `lasting` once that can be written.
    pub fn new(run: PathBuf, lasting: PathBuf, limits: Limits, echo: Option<Echo>) -> Self {
        let persist = marker(&run).exists();
        Self {
            run,
            lasting,
            persist,
            misplaced: None,
            logs: BTreeMap::new(),
            pending: 0,
            unwritten: 0,
            known: None,
            limits,
            clock: Clock::default(),
            echo,
        }
    }

    /// The present moment, as it goes into the logs.
    pub fn now(&mut self) -> Stamp {
        self.clock.now()
    }

    /// One line of a service's output, to be written by [`Self::flush`].
    pub fn line(&mut self, name: &str, stream: Stream, now: Stamp, line: Line<'_>) {
        let goes_on = if line.continues { "+" } else { "" };
        let mut bytes = format!("{now} {}{goes_on} ", stream.word()).into_bytes();
        bytes.extend_from_slice(line.text);
        bytes.push(b'\n');
        self.push(name, &bytes, now);
        if let Some(echo) = &mut self.echo {
            echo.line(name, line.text);
        }
    }

    /// A line of the manager's own about a service; written at once if it can be.
    pub fn note(&mut self, name: &str, text: &str) {
        let now = self.now();
        let text = text.replace('\n', " ");
        self.push(name, format!("{now} rung {text}\n").as_bytes(), now);
        self.flush(name);
    }

    /// A line of the history, with the time at which it happened; written at once if it can be. One that is there already
    /// is known by its first word, and passed over.
    pub fn history(&mut self, at_ms: u64, text: &str) {
        let text = text.replace('\n', " ");
        let known = self.known.get_or_insert_with(|| history::known(&self.lasting, &self.run));
        if !known.is_new(&text) {
            return;
        }
        let micros = i64::try_from(at_ms).unwrap_or(0).saturating_mul(1000);
        let stamp = Stamp { micros, ..self.now() };
        self.push(HISTORY, format!("{stamp} rung {text}\n").as_bytes(), stamp);
        self.flush(HISTORY);
    }

    /// Keeps a boot's record. Where it can't last it lies in the run directory; where it can't even do that it is lost,
    /// and nothing else with it.
    pub fn record(&self, boot: &str, file: OwnedFd) {
        let Ok(text) = crate::sys::file::read_all(file, boots::LONGEST) else { return };
        let lasting = self.persist.then(|| boots::lasting(&self.lasting));
        let run = boots::run(&self.run);
        if lasting.is_some_and(|folder| boots::write(&folder, boot, &text).is_ok()) {
            boots::remove(&run);
        } else {
            // Nothing more can be done.
            let _ = boots::write(&run, boot, &text);
        }
    }

    fn push(&mut self, name: &str, bytes: &[u8], now: Stamp) {
        let room = PENDING_TOTAL.saturating_sub(self.pending);
        let log = self.logs.entry(name.to_owned()).or_default();
        let before = (log.waiting(), log.is_written());
        log.push(bytes, now, room, &self.limits);
        let after = (log.waiting(), log.is_written());
        self.count(before, after);
    }

    /// Writes what waits for this log.
    pub fn flush(&mut self, name: &str) {
        let now = self.clock.now();
        if self.misplaced.is_some_and(|at| now.micros >= at) {
            self.move_all(now);
        }
        let folders = self.folders(name);
        let Some(log) = self.logs.get_mut(name) else { return };
        let before = (log.waiting(), log.is_written());
        // A failure shows by what still waits; `retry` comes back to it.
        let _ = log.flush(&folders, now, &self.limits);
        let after = (log.waiting(), log.is_written());
        let in_run = log.folder().is_some_and(|f| f.starts_with(&self.run));
        self.count(before, after);
        if self.persist && self.misplaced.is_none() && in_run {
            self.misplaced = Some(now.micros.saturating_add(MOVE_AGAIN));
        }
    }

    fn count(&mut self, before: (usize, bool), after: (usize, bool)) {
        self.pending = (self.pending + after.0).saturating_sub(before.0);
        self.unwritten = (self.unwritten + usize::from(!after.1)).saturating_sub(usize::from(!before.1));
    }

    fn folders(&self, name: &str) -> Vec<PathBuf> {
        let lasting = self.persist.then(|| self.lasting.join(name));
        lasting.into_iter().chain([self.run.join(name)]).collect()
    }

    /// The last pipe of this log is closed: its file need not stay open.
    pub fn release(&mut self, name: &str) {
        self.flush(name);
        if self.logs.get(name).is_some_and(UnitLog::is_written) {
            self.logs.remove(name);
        }
    }

    /// Whether lines wait for a file that can be written.
    pub fn is_waiting(&self) -> bool {
        self.unwritten > 0
    }

    /// Tries again to write what waits.
    pub fn retry(&mut self) {
        let names: Vec<String> =
            self.logs.iter().filter(|(_, l)| !l.is_written()).map(|(name, _)| name.clone()).collect();
        for name in names {
            self.flush(&name);
        }
    }

    /// `/var/log` can be written now: moves there what the run directory holds, and goes on there.
    pub fn persist(&mut self) {
        self.persist = true;
        // For a logger that comes after this one. Where no file can be made the manager's next request does it.
        let _ = fs::write(marker(&self.run), b"");
        let now = self.clock.now();
        self.move_all(now);
    }

    fn move_all(&mut self, now: Stamp) {
        self.misplaced = None;
        let Ok(entries) = fs::read_dir(&self.run) else { return };
        for name in entries.flatten().filter_map(|e| e.file_name().into_string().ok()).filter(|n| is_name(n)) {
            if let Some(log) = self.logs.get_mut(&name) {
                log.close();
            }
            if file::carry_over(&self.run.join(&name), &self.lasting.join(&name), &self.limits).is_err() {
                self.misplaced = Some(now.micros.saturating_add(MOVE_AGAIN));
            }
        }
    }
}

/// Says to later loggers of this boot that [`Store::persist`] was asked for.
fn marker(run: &Path) -> PathBuf {
    run.with_extension("persistent")
}
