//! Records of `/run/utmp` (who is in, which level) and `/var/log/wtmp` (what happened): glibc's `struct utmp`.
//!
//! ```text
//! offset  0  type i16    8  line[32]   44  user[32]   332  exit i16 ×2   340  seconds i32, µs i32
//!         4  pid i32    40  id[4]      76  host[256]  336  session i32   348  address u32 ×4 · 364 unused[20]
//! ```
//! This file is pure; [`files`] writes and reads.

pub mod files;

use crate::bytes::{get, padded, put, text};
use init::unit::Level;

/// Bytes in a record, on x86-64.
pub const LEN: usize = 384;

/// What a record is about (`ut_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0: the slot is free.
    Empty,
    /// 1: the level changed; or, by its user `shutdown`, the machine goes down.
    RunLevel,
    /// 2: the machine booted.
    BootTime,
    /// 5: init started a process.
    InitProcess,
    /// 6: a getty waits for a login.
    LoginProcess,
    /// 7: somebody is logged in.
    UserProcess,
    /// 8: a process ended.
    DeadProcess,
    /// Another number (3 and 4 are clock changes).
    Other(i16),
}

impl From<i16> for Kind {
    fn from(number: i16) -> Self {
        match number {
            0 => Self::Empty,
            1 => Self::RunLevel,
            2 => Self::BootTime,
            5 => Self::InitProcess,
            6 => Self::LoginProcess,
            7 => Self::UserProcess,
            8 => Self::DeadProcess,
            n => Self::Other(n),
        }
    }
}

impl From<Kind> for i16 {
    fn from(kind: Kind) -> i16 {
        match kind {
            Kind::Empty => 0,
            Kind::RunLevel => 1,
            Kind::BootTime => 2,
            Kind::InitProcess => 5,
            Kind::LoginProcess => 6,
            Kind::UserProcess => 7,
            Kind::DeadProcess => 8,
            Kind::Other(n) => n,
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is about.
    pub kind: Kind,
    /// The process; for [`Kind::RunLevel`] the new level's letter, and the old one's times 256.
    pub pid: i32,
    /// Terminal without `/dev/`; `~` for the machine.
    pub line: String,
    /// Id of the inittab line or terminal; `~~` for the machine.
    pub id: String,
    /// Who; `reboot`, `runlevel`, `shutdown` for the machine.
    pub user: String,
    /// From where; the kernel's release for the machine (wtmp only).
    pub host: String,
    /// How the process ended: signal, exit status.
    pub exit: (i16, i16),
    /// Session.
    pub session: i32,
    /// Seconds and microseconds since the epoch. The file's seconds are unsigned here: good until 2106.
    pub time: (u32, u32),
    /// IP address.
    pub address: [u8; 16],
}

/// When something happened: seconds and microseconds since the epoch.
pub type Time = (u32, u32);

impl Record {
    /// A record of the machine itself.
    fn machine(kind: Kind, user: &str, line: &str, pid: i32, time: Time) -> Self {
        Self { kind, pid, line: line.into(), id: "~~".into(), user: user.into(), time, ..Self::empty() }
    }

    /// A free slot.
    fn empty() -> Self {
        Self {
            kind: Kind::Empty,
            pid: 0,
            line: String::new(),
            id: String::new(),
            user: String::new(),
            host: String::new(),
            exit: (0, 0),
            session: 0,
            time: (0, 0),
            address: [0; 16],
        }
    }

    /// The machine booted.
    pub fn boot(time: Time) -> Self {
        Self::machine(Kind::BootTime, "reboot", "~", 0, time)
    }

    /// The level changed; at boot there is no level before.
    pub fn run_level(new: Level, old: Option<Level>, time: Time) -> Self {
        let letter = |level: Level| i32::from(u8::try_from(level.as_char()).unwrap_or(0));
        let old = old.map_or(i32::from(b'N'), letter);
        Self::machine(Kind::RunLevel, "runlevel", "~", letter(new) + 256 * old, time)
    }

    /// The machine goes down (wtmp only).
    pub fn shutdown(time: Time) -> Self {
        Self::machine(Kind::RunLevel, "shutdown", "~~", 0, time)
    }

    /// Init started the process of `id`.
    pub fn init_process(id: &str, pid: i32, time: Time) -> Self {
        Self { kind: Kind::InitProcess, pid, id: id.into(), time, ..Self::empty() }
    }

    /// The process of this record ended.
    pub fn dead_process(&self, exit: (i16, i16), time: Time) -> Self {
        let (pid, id, line, session) = (self.pid, self.id.clone(), self.line.clone(), self.session);
        Self { kind: Kind::DeadProcess, pid, id, line, session, exit, time, ..Self::empty() }
    }

    /// Whether it is about a process that init started.
    pub fn is_process(&self) -> bool {
        matches!(self.kind, Kind::InitProcess | Kind::LoginProcess | Kind::UserProcess | Kind::DeadProcess)
    }

    /// The previous and the current level, if this record tells them: `N` and `3`.
    pub fn levels(&self) -> Option<(char, char)> {
        if self.kind != Kind::RunLevel || self.user == "shutdown" {
            return None;
        }
        let [current, previous, ..] = self.pid.to_le_bytes();
        let show = |b: u8| if b == 0 { 'N' } else { char::from(b) };
        (current != 0).then(|| (show(previous), show(current)))
    }

    /// Whether `self` takes `old`'s place in utmp: machine records by kind, processes by id.
    pub fn replaces(&self, old: &Self) -> bool {
        if self.is_process() { old.is_process() && self.id == old.id } else { self.kind == old.kind }
    }

    /// Reads a record; bytes behind the first [`LEN`] are ignored, missing ones make `None`.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..LEN)?;
        let number = |offset| i32::from_ne_bytes(get(bytes, offset));
        let short = |offset| i16::from_ne_bytes(get(bytes, offset));
        let unsigned = |offset| u32::from_ne_bytes(get(bytes, offset));
        Some(Self {
            kind: Kind::from(short(0)),
            pid: number(4),
            line: text(&get::<32>(bytes, 8)),
            id: text(&get::<4>(bytes, 40)),
            user: text(&get::<32>(bytes, 44)),
            host: text(&get::<256>(bytes, 76)),
            exit: (short(332), short(334)),
            session: number(336),
            time: (unsigned(340), unsigned(344)),
            address: get(bytes, 348),
        })
    }

    /// The bytes for the file; texts are cut to their fields.
    pub fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        put(&mut bytes, 0, &i16::from(self.kind).to_ne_bytes());
        put(&mut bytes, 4, &self.pid.to_ne_bytes());
        put(&mut bytes, 8, &padded::<32>(&self.line));
        put(&mut bytes, 40, &padded::<4>(&self.id));
        put(&mut bytes, 44, &padded::<32>(&self.user));
        put(&mut bytes, 76, &padded::<256>(&self.host));
        put(&mut bytes, 332, &self.exit.0.to_ne_bytes());
        put(&mut bytes, 334, &self.exit.1.to_ne_bytes());
        put(&mut bytes, 336, &self.session.to_ne_bytes());
        put(&mut bytes, 340, &self.time.0.to_ne_bytes());
        put(&mut bytes, 344, &self.time.1.to_ne_bytes());
        put(&mut bytes, 348, &self.address);
        bytes
    }
}

/// Machine records that could not be written yet (root still read-only, `/var` not mounted). They go out, oldest
/// first, just before the next record that can be written. Bounded: of each kind only the last one counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Backlog {
    boot: Option<Record>,
    run_level: Option<Record>,
}

impl Backlog {
    /// Keeps a record that could not be written. Records of processes are not worth keeping.
    pub fn keep(&mut self, record: Record) {
        match record.kind {
            Kind::BootTime => self.boot = Some(record),
            Kind::RunLevel => self.run_level = Some(record),
            _ => {}
        }
    }

    /// What to write for `record` now: what was kept, then the record itself. A kept record of the same kind is
    /// older news and falls away, as it would in utmp.
    pub fn with(&self, record: &Record) -> Vec<Record> {
        let kept = [&self.boot, &self.run_level].into_iter().flatten().filter(|old| old.kind != record.kind);
        kept.chain([record]).cloned().collect()
    }

    /// All of it has been written.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
#[path = "utmp_tests.rs"]
mod tests;
