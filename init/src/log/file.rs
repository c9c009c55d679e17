//! One unit's log files: `current`, and the older `current.1` (the newest) to `current.N`.
//!
//! Lines wait in a bounded buffer until a file takes them: one write for all lines of a read, and nothing is lost
//! while a disk is full for a moment. What the buffer can't hold is counted, and said in the log at the place where
//! it is missing.

use super::stamp::Stamp;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How large things may get.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A file this long is rotated.
    pub file_bytes: u64,
    /// Files of a unit, `current` too; the oldest is removed.
    pub files: u32,
    /// Lines of a unit that wait for a file, in bytes.
    pub pending_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 1 << 20, files: 4, pending_bytes: 256 << 10 }
    }
}

/// A log file's path by age: 0 is `current`.
pub fn path(folder: &Path, age: u32) -> PathBuf {
    if age == 0 { folder.join("current") } else { folder.join(format!("current.{age}")) }
}

/// An open `current`.
#[derive(Debug)]
struct Current {
    file: File,
    folder: PathBuf,
    size: u64,
    /// The last line written has no newline yet (the disk was full in the middle of it).
    mid_line: bool,
}

impl Current {
    fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o640)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path(folder, 0))?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let size = about.len();
        let mut last = *b"\n";
        if let Some(at) = size.checked_sub(1) {
            file.read_exact_at(&mut last, at)?;
        }
        let mut current = Self { file, folder: folder.to_owned(), size, mid_line: false };
        if last != *b"\n" {
            // A logger (or the machine) died in the middle of a line.
            current.append(b"\n")?;
        }
        Ok(current)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        if let Some(last) = count.checked_sub(1).and_then(|at| bytes.get(at)) {
            self.mid_line = *last != b'\n';
        }
        self.size = self.size.saturating_add(u64::try_from(count).unwrap_or(0));
        Ok(count)
    }

    /// Whether somebody removed the file.
    fn removed(&self) -> bool {
        self.file.metadata().is_ok_and(|m| m.nlink() == 0)
    }

    /// Makes room when the file is long enough. A folder in which nothing can be renamed lets `current` grow to the
    /// size of all files together, no further.
    fn rotated(self, limits: &Limits) -> io::Result<Self> {
        if self.size < limits.file_bytes || self.mid_line {
            return Ok(self);
        }
        let older = |age: u32| match fs::rename(path(&self.folder, age), path(&self.folder, age + 1)) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        };
        // From the oldest on; after a failure the next would overwrite what could not move.
        match (0..limits.files.saturating_sub(1)).rev().try_for_each(older) {
            Ok(()) if limits.files > 1 => Self::open(&self.folder),
            Ok(()) => {
                self.file.set_len(0)?;
                Ok(Self { size: 0, ..self })
            }
            Err(e) if self.size >= limits.file_bytes.saturating_mul(limits.files.into()) => Err(e),
            Err(_) => Ok(self),
        }
    }
}

/// One unit's log.
#[derive(Debug, Default)]
pub struct UnitLog {
    current: Option<Current>,
    pending: Vec<u8>,
    dropped: u64,
}

impl UnitLog {
    /// Takes one line (its newline included) to be written by the next [`Self::flush`]; `room` is what all logs
    /// together may still hold back.
    pub fn push(&mut self, line: &[u8], now: Stamp, room: usize, limits: &Limits) {
        self.push_dropped(now, limits);
        let left = limits.pending_bytes.saturating_sub(self.pending.len()).min(room);
        if self.dropped > 0 || line.len() > left {
            self.dropped = self.dropped.saturating_add(1);
        } else {
            self.pending.extend_from_slice(line);
        }
    }

    fn push_dropped(&mut self, now: Stamp, limits: &Limits) {
        // Only once half of the buffer is free again: else it would hold little but such notes.
        if self.dropped > 0 && self.pending.len() <= limits.pending_bytes / 2 {
            let plural = if self.dropped == 1 { "line" } else { "lines" };
            let note = format!("{now} rung {} {plural} dropped: they could not be written\n", self.dropped);
            self.pending.extend_from_slice(note.as_bytes());
            self.dropped = 0;
        }
    }

    /// Bytes that wait for a file.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Whether everything is in a file.
    pub fn is_written(&self) -> bool {
        self.pending.is_empty() && self.dropped == 0
    }

    /// The folder that is written to.
    pub fn folder(&self) -> Option<&Path> {
        self.current.as_ref().map(|c| c.folder.as_path())
    }

    /// Closes the file; the next flush opens it anew.
    pub fn close(&mut self) {
        self.current = None;
    }

    /// Writes what waits into the first of `folders` that can be written.
    ///
    /// # Errors
    /// Why not everything could be written; the rest waits.
    pub fn flush(&mut self, folders: &[PathBuf], now: Stamp, limits: &Limits) -> io::Result<()> {
        while !self.is_written() {
            self.push_dropped(now, limits);
            let mut current = self.take_current(folders, limits)?;
            let fits = limits.file_bytes.saturating_sub(current.size);
            match current.append(first_lines(&self.pending, usize::try_from(fits).unwrap_or(usize::MAX))) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.pending.drain(..count.min(self.pending.len()));
                    self.current = Some(current);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => self.current = Some(current),
                Err(e) => {
                    if matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
                        self.current = Some(current);
                    }
                    return Err(e);
                }
            }
        }
        // A burst's memory isn't kept for the next one.
        self.pending = Vec::new();
        Ok(())
    }

    fn take_current(&mut self, folders: &[PathBuf], limits: &Limits) -> io::Result<Current> {
        if let Some(current) = self.current.take().filter(|c| !c.removed()) {
            return current.rotated(limits);
        }
        let mut last = ErrorKind::NotFound.into();
        for folder in folders {
            match Current::open(folder).and_then(|c| c.rotated(limits)) {
                Ok(current) => return Ok(current),
                Err(e) => last = e,
            }
        }
        Err(last)
    }
}

/// The lines that begin within the first `length` bytes, but always one.
fn first_lines(bytes: &[u8], length: usize) -> &[u8] {
    let newline = |rest: &[u8]| rest.iter().position(|b| *b == b'\n');
    let from = length.saturating_sub(1);
    let end = bytes.get(from..).and_then(newline).map_or(bytes.len(), |at| from + at + 1);
    bytes.get(..end).unwrap_or(bytes)
}

/// Moves the lines of all files in `from` behind those in `to`, oldest first, and removes `from`.
///
/// # Errors
/// What could not be moved stays where it is, and nothing of it is in `to`.
pub fn carry_over(from: &Path, to: &Path, limits: &Limits) -> io::Result<()> {
    let mut target = Current::open(to)?;
    for age in (0..limits.files).rev() {
        let source = path(from, age);
        let mut bytes = Vec::new();
        match File::open(&source) {
            Ok(file) => file.take(limits.file_bytes.saturating_mul(8)).read_to_end(&mut bytes)?,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        if bytes.last().is_some_and(|b| *b != b'\n') {
            bytes.push(b'\n');
        }
        target = target.rotated(limits)?;
        let before = target.size;
        if let Err(e) = target.file.write_all(&bytes) {
            target.file.set_len(before)?;
            return Err(e);
        }
        target.size = before.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        fs::remove_file(&source)?;
    }
    fs::remove_dir(from)
}
