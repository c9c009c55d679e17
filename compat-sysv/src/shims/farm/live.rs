//! What a unit prints while one waits for it, as it would have printed it to the terminal.

use init::client;
use init::log::read::{Entry, Writer};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A log, from where it ended when the waiting began.
#[derive(Debug)]
pub(in crate::shims) struct Live {
    path: PathBuf,
    /// File and offset of what has been shown.
    seen: (u64, u64),
}

impl Live {
    /// The log of the unit with this short name.
    pub(in crate::shims) fn new(name: &str) -> Self {
        let lasting = std::env::var_os("RUNG_LOGDIR").filter(|dir| !dir.is_empty());
        let folders = [lasting.map_or("/var/log/rung".into(), PathBuf::from), client::run_dir().join("log")];
        let path = |folder: &PathBuf| folder.join(name).join("current");
        let found = folders.iter().map(path).find(|path| path.exists());
        let path = found.unwrap_or_else(|| path(folders.first().unwrap_or(&PathBuf::new())));
        let seen = fs::metadata(&path).map(|m| (m.ino(), m.len())).unwrap_or_default();
        Self { path, seen }
    }

    /// Prints the whole lines that have come since; what Rung itself noted is left out.
    pub(in crate::shims) fn show(&mut self) {
        let Ok(mut file) = File::open(&self.path) else { return };
        let inode = file.metadata().map_or(0, |m| m.ino());
        let from = if inode == self.seen.0 { self.seen.1 } else { 0 };
        let mut text = Vec::new();
        if file.seek(SeekFrom::Start(from)).is_err() || file.take(16 << 20).read_to_end(&mut text).is_err() {
            return;
        }
        let end = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        self.seen = (inode, from + u64::try_from(end).unwrap_or(0));
        for entry in text.get(..end).unwrap_or(&[]).split(|b| *b == b'\n').filter_map(Entry::parse) {
            let mut line = entry.text;
            line.extend(if entry.continues { &b""[..] } else { &b"\n"[..] });
            let _ = match entry.writer {
                Writer::Out => std::io::stdout().write_all(&line),
                Writer::Err => std::io::stderr().write_all(&line),
                Writer::Rung => Ok(()),
            };
        }
    }
}
