//! What the services tell: fixed records in one file of the world.

use super::measure::interrupted;
use super::{Doing, Result, now, pause};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A record of `tests/bench/svc.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// What happened.
    pub kind: u32,
    /// Whose.
    pub number: u32,
    /// Its pid in the world.
    pub pid: i32,
    /// Its third argument.
    pub mark: i32,
    /// When, by the monotonic clock.
    pub ns: u64,
}

/// Where PID 1 was executed; written by the stage.
pub const EXECUTED: u32 = 0;
/// The service began.
pub const BEGAN: u32 = 1;
/// It got SIGTERM.
pub const TERM: u32 = 2;
/// It is about to end.
pub const ENDS: u32 = 3;

const SIZE: usize = 24;

impl Record {
    /// As the service program writes it.
    pub fn bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[0..4].copy_from_slice(&self.kind.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.number.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.pid.to_ne_bytes());
        bytes[12..16].copy_from_slice(&self.mark.to_ne_bytes());
        bytes[16..24].copy_from_slice(&self.ns.to_ne_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Self {
        let four = |at: usize| <[u8; 4]>::try_from(&bytes[at..at + 4]).expect("four bytes");
        Self {
            kind: u32::from_ne_bytes(four(0)),
            number: u32::from_ne_bytes(four(4)),
            pid: i32::from_ne_bytes(four(8)),
            mark: i32::from_ne_bytes(four(12)),
            ns: u64::from_ne_bytes(<[u8; 8]>::try_from(&bytes[16..24]).expect("eight bytes")),
        }
    }
}

/// The file, read as it grows.
#[derive(Debug)]
pub struct Records {
    file: File,
    rest: Vec<u8>,
    /// All that has been read.
    pub all: Vec<Record>,
}

impl Records {
    /// Opens it.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).doing(path.display())?;
        Ok(Self { file, rest: Vec::new(), all: Vec::new() })
    }

    /// Reads what has come since.
    ///
    /// # Errors
    /// As `read(2)`.
    pub fn read(&mut self) -> Result<()> {
        self.file.read_to_end(&mut self.rest).doing("reading the services' records")?;
        let whole = self.rest.len() / SIZE * SIZE;
        self.all.extend(self.rest.drain(..whole).collect::<Vec<_>>().chunks(SIZE).map(Record::read));
        Ok(())
    }

    /// How many there are of a kind.
    pub fn count(&self, kind: u32) -> usize {
        self.all.iter().filter(|r| r.kind == kind).count()
    }

    /// Waits until there is one for which `wanted` holds; gives it. The records carry their own time, so that looking
    /// seldom does no harm.
    ///
    /// # Errors
    /// There is none within so many seconds.
    pub fn wait(&mut self, what: &str, seconds: u64, every: u16, wanted: impl Fn(&Record) -> bool) -> Result<Record> {
        let end = now() + seconds * 1_000_000_000;
        let mut seen = 0;
        loop {
            self.read()?;
            if let Some(found) = self.all[seen..].iter().find(|r| wanted(r)) {
                return Ok(*found);
            }
            seen = self.all.len();
            if now() > end || interrupted() {
                return Err(format!("{what}: not within {seconds} s"));
            }
            pause(every);
        }
    }

    /// Waits until `count` different services have told this; gives when the first and the last of them did.
    ///
    /// # Errors
    /// They haven't within so many seconds.
    pub fn wait_all(&mut self, kind: u32, count: usize, seconds: u64) -> Result<(u64, u64)> {
        let end = now() + seconds * 1_000_000_000;
        let mut first = vec![u64::MAX; count];
        let (mut seen, mut missing) = (0, count);
        loop {
            self.read()?;
            for record in self.all[seen..].iter().filter(|r| r.kind == kind) {
                let slot = first.get_mut(record.number as usize);
                if let Some(at) = slot.filter(|at| **at == u64::MAX) {
                    *at = record.ns;
                    missing -= 1;
                }
            }
            seen = self.all.len();
            if missing == 0 {
                let bounds = first.iter().min().zip(first.iter().max());
                return bounds.map(|(a, b)| (*a, *b)).ok_or_else(|| "no services at all".to_owned());
            }
            if now() > end || interrupted() {
                return Err(format!("{} of {count} services within {seconds} s", count - missing));
            }
            pause(if count > 500 { 5 } else { 2 });
        }
    }
}
