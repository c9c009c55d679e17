//! Reading logs back: the last lines of a unit over all its files.

use super::file::{Limits, path};
use super::stamp::Stamp;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The service, on standard output.
    Out,
    /// The service, on standard error.
    Err,
    /// Rung, about the service.
    Rung,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, as in the file: `2026-11-23T01:02:03.123456+00:00`.
    pub time: String,
    /// Who wrote it.
    pub writer: Writer,
    /// It was too long, the next entry goes on with it.
    pub continues: bool,
    /// The text, as bytes: services write what they like.
    pub text: Vec<u8>,
}

impl Entry {
    /// Reads a line of a log file, without its newline; `None` when it isn't one.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut parts = line.splitn(3, |b| *b == b' ');
        let (time, word, text) = (parts.next()?, parts.next()?, parts.next()?);
        let (word, continues) = word.strip_suffix(b"+").map_or((word, false), |w| (w, true));
        let writer = match word {
            b"out" => Writer::Out,
            b"err" => Writer::Err,
            b"rung" => Writer::Rung,
            _ => return None,
        };
        let time = std::str::from_utf8(time).ok().filter(|t| t.len() >= 20 && t.as_bytes().get(10) == Some(&b'T'))?;
        Some(Self { time: time.to_owned(), writer, continues, text: text.to_vec() })
    }

    /// Whether it was written at that moment or later, in milliseconds since 1970.
    pub fn is_since(&self, ms: u64) -> bool {
        // `+01:00`; a line says itself how far its time is from UTC.
        let ahead = self.time.get(self.time.len().saturating_sub(6)..).and_then(|zone| {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
            Some(if zone.starts_with('-') { -seconds } else { seconds })
        });
        let micros = i64::try_from(ms).unwrap_or(i64::MAX / 1_000_000).saturating_mul(1000);
        let since = Stamp { micros, offset: ahead.unwrap_or(0) }.to_string();
        // Both to the millisecond.
        self.time.get(..23) >= since.get(..23)
    }

    /// The text for people: control characters and what isn't UTF-8 made harmless.
    pub fn text_lossy(&self) -> String {
        let mut shown = String::new();
        for c in String::from_utf8_lossy(&self.text).trim_end_matches('\r').chars() {
            match c {
                '\t' => shown.push(c),
                c if c.is_control() => shown.extend(c.escape_default()),
                c => shown.push(c),
            }
        }
        shown
    }
}

/// The last `count` lines of the unit `name`, oldest first: what the folder `run` holds was written after what
/// `lasting` holds. No log at all is no error.
///
/// # Errors
/// A file is there and can't be read.
pub fn tail(lasting: &Path, run: &Path, name: &str, count: usize) -> io::Result<Vec<Entry>> {
    if !super::store::is_name(name) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for folder in [run, lasting] {
        for age in 0..Limits::default().files {
            if found.len() >= count {
                break;
            }
            tail_file(&path(&folder.join(name), age), count, &mut found)?;
        }
    }
    found.reverse();
    Ok(found)
}

/// Adds the file's last lines to `found`, newest first, until it holds `count`.
fn tail_file(path: &Path, count: usize, found: &mut Vec<Entry>) -> io::Result<()> {
    const BLOCK: u64 = 64 << 10;
    let file = match File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        Err(e) => return Err(e),
    };
    let mut end = file.metadata()?.len();
    // What lies between the beginning of the block read last and its first newline: the end of an earlier line.
    let mut tail: Vec<u8> = Vec::new();
    while end > 0 && found.len() < count {
        let start = end.saturating_sub(BLOCK);
        let mut block = vec![0; usize::try_from(end - start).unwrap_or(0)];
        file.read_exact_at(&mut block, start)?;
        end = start;
        block.extend_from_slice(&tail);
        let mut lines = block.split(|b| *b == b'\n');
        let first = lines.next().unwrap_or(&[]).to_vec();
        for line in lines.rev() {
            if found.len() < count {
                found.extend(Entry::parse(line));
            }
        }
        tail = first;
    }
    if found.len() < count {
        found.extend(Entry::parse(&tail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_before_or_since_a_moment_whatever_their_zone() {
        // 2026-11-23 01:02:03.500 UTC.
        let moment = 1_795_395_723_500;
        for (time, since) in [
            ("2026-11-23T01:02:03.499999+00:00", false),
            ("2026-11-23T01:02:03.500000+00:00", true),
            ("2026-11-23T02:02:03.400000+01:00", false),
            ("2026-11-23T02:02:03.600000+01:00", true),
            ("2026-11-22T21:32:03.501000-03:30", true),
            ("2026-11-22T23:59:59.000000-00:00", false),
        ] {
            let entry = Entry::parse(format!("{time} out x").as_bytes()).expect(time);
            assert_eq!(entry.is_since(moment), since, "{time}");
        }
    }
}
