//! PID 1's memory: one fixed structure in a memfd, so that it outlives its own faults.
//!
//! All fields are atomics of fixed place, and all zero is an empty table. A record is valid by one word that is
//! written last: [`Slot::life`], [`Park::fd`], [`Orphan::pid`]. Only PID 1 maps it (a new child too, until its exec).

use crate::proto::pid1::{Event, Exit, FRAME_LEN, Key, Life, MAX_PARKED, NAME_LEN, Name};
use crate::sys::fd::Recorded;
use crate::sys::process::InFlight;
use crate::sys::records::Record;
use crate::sys::shared::{Field, Halves};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicI32, AtomicU16, AtomicU32, AtomicU64};

/// Processes PID 1 can own.
pub const SLOTS: usize = 32768;
/// Descriptors it can keep.
pub const PARKS: usize = MAX_PARKED;
/// Exits that belonged to nobody.
pub const ORPHANS: usize = 256;
/// First word of the table; it names the layout below and changes with it, but for the six letters.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RungTb\x03\x00");

crate::plain_structs! {
/// The whole.
pub struct Table {
    /// What there is one of.
    pub head: Head,
    /// Processes.
    pub slots: [Slot; SLOTS],
    /// Descriptors.
    pub parked: [Park; PARKS],
    /// The last exits that belonged to nobody.
    pub orphans: [Orphan; ORPHANS],
}

/// What there is one of. The fields up to `exe` stay where they are in all versions: by these a program knows a table that
/// isn't for it, and leaves it to whose it is.
pub struct Head {
    /// [`MAGIC`], written once all else is in place.
    pub magic: AtomicU64,
    /// Size of the structure, checked together with `magic`.
    pub size: AtomicU64,
    /// Whose table this is.
    pub pid: AtomicI32,
    /// The table's own file; none: it doesn't outlive an image.
    pub file: Recorded,
    /// The program, for executing it anew.
    pub exe: Recorded,
    /// PID 1's end of the manager's socket.
    pub socket: Recorded,
    /// The file of the last manager that worked.
    pub kept: Recorded,
    /// The kernel's record of the child being reaped.
    pub in_flight: InFlight,
    /// The manager's request that is being carried out, written by the kernel; 0 in front: none.
    pub request: [AtomicU64; FRAME_LEN / 8],
    /// The version of this manager's frames; 0: it hasn't said hello.
    pub greeted: AtomicU32,
    /// Its sync: 0 done, else 1 + the parked descriptor to tell next (the slots are told as changes are).
    pub sync: AtomicU32,
    /// Number of the last change of a slot.
    pub seq: AtomicU64,
    /// The highest token ever seen.
    pub highest_token: AtomicU64,
    /// Milliseconds of boot time at which this PID 1 first started.
    pub booted_ms: AtomicU64,
    /// Managers started.
    pub managers: AtomicU32,
    /// Times PID 1 has executed itself anew.
    pub reexecs: AtomicU32,
    /// Faults with nothing done between them, and when the first of them was.
    pub faults: AtomicU32,
    /// Index + 1 of the slot written last.
    pub last_slot: AtomicU32,
    /// See `faults`.
    pub first_fault_ms: AtomicU64,
    /// Slots below this have been used.
    pub used_slots: AtomicU32,
    /// Places for descriptors below this have been used.
    pub used_parks: AtomicU32,
    /// Exits written into the ring so far.
    pub orphan_count: AtomicU64,
    /// The shutdown under way: 0 none, else 1 + how. Written last.
    pub down: AtomicU32,
    /// What a container exits with.
    pub down_status: AtomicI32,
    /// 1: PID 1 has armed it, at a signal that nobody has answered yet.
    pub down_own: AtomicU32,
    /// 1: the end itself has begun.
    pub down_begun: AtomicU32,
    /// When PID 1 goes on alone with it (milliseconds, monotonic).
    pub down_at_ms: AtomicU64,
    /// 1: the end is an exit, not `reboot(2)`.
    pub container: AtomicU32,
    /// The limit on open files that PID 1 was given, soft and hard.
    pub limit: [AtomicU64; 2],
    /// Signals not acknowledged yet, by number: how often they came.
    pub signals: [AtomicU32; 65],
    /// Managers started in a row without success.
    pub failures: AtomicU32,
    /// When the manager is started next (milliseconds, monotonic).
    pub start_at_ms: AtomicU64,
    /// When it last said that it works; 0: not yet.
    pub ready_at_ms: AtomicU64,
    /// The manager is to be replaced by a new one (a wanted re-execution).
    pub replace: AtomicU32,
    /// 1: nothing is started until SIGCONT (SIGTSTP: `halt` and `shutdown -n` of sysvinit send it).
    pub paused: AtomicU32,
    /// Shown by `ps`: a [`Name`].
    pub title: [AtomicU64; NAME_LEN / 8],
}

/// One process.
pub struct Slot {
    /// Its state as a word; 0: the slot is free. Written last. [`Slot::life`] reads it.
    pub life: AtomicU64,
    /// [`Key::token`]
    pub token: AtomicU64,
    /// [`Key::step`]
    pub step: AtomicU32,
    /// The process; 0 until forked. The child itself notes it, so that it is never lost.
    pub pid: AtomicI32,
    /// When it started, in ticks since boot; 0: unknown.
    pub start_time: AtomicU64,
    /// Number of its last change.
    pub seq: AtomicU64,
    /// While it is [`Life::Forked`], the read end of the child's report; then the pidfd of one that isn't our child.
    pub watch: Recorded,
    /// 1: the manager has to be told.
    pub untold: AtomicU16,
    /// 1: it isn't our child and there are no pidfds here: it is looked at each second.
    pub polled: AtomicU16,
}

/// One kept descriptor.
pub struct Park {
    /// It; none: the place is free. Written last.
    pub fd: Recorded,
    /// Whose it is.
    pub token: Halves,
    /// Its name, as [`Name::parked`] gives it.
    pub name: Halves,
}

/// The end of a process that belonged to nobody.
pub struct Orphan {
    /// The process; 0: nothing here. Written last.
    pub pid: AtomicI32,
    /// When it was reaped, in ticks since boot.
    pub reaped: AtomicU64,
    /// How it ended, as a state.
    pub life: AtomicU64,
}
}

impl Record for Slot {
    fn is_valid(&self) -> bool {
        self.life().is_some()
    }
    fn number(&self) -> u64 {
        number_of_key(self.key())
    }
}

/// Tokens count up: neighbours in time are neighbours in memory.
pub fn number_of_key(key: Key) -> u64 {
    key.token.wrapping_mul(8).wrapping_add(key.step.into())
}

/// In [`Slot::life`] beside what the child has reported, which it will have ended by: it is still [`Life::Forked`].
const FAILED: u64 = 1 << 8;

impl Slot {
    /// Its state; `None`: the slot is free.
    pub fn life(&self) -> Option<Life> {
        let word = self.life.get();
        if word & FAILED == 0 { Life::from_word(word) } else { Some(Life::Forked) }
    }

    /// The child has reported that a step of its plan failed.
    pub fn fail(&self, stage: u16, errno: i32) {
        self.life.set(Life::Over(Exit::NotRun { stage, errno }).to_word() | FAILED);
    }

    /// What it will have ended by, if it has reported a failure.
    pub fn failure(&self) -> Option<Life> {
        Life::from_word(self.life.get()).filter(|_| self.life.get() & FAILED != 0)
    }

    /// What watches a process that isn't our child.
    pub fn pidfd(&self) -> Option<BorrowedFd<'static>> {
        self.watch.get().filter(|_| self.life() != Some(Life::Forked))
    }

    /// Its key.
    pub fn key(&self) -> Key {
        Key { token: self.token.get(), step: self.step.get() }
    }

    /// Whether the manager owes an acknowledgement of its end. Token 0 is PID 1's own.
    pub fn is_owed(&self) -> bool {
        self.token.get() != 0 && matches!(self.life(), Some(Life::Over(_)))
    }

    /// As the manager hears of it.
    pub fn event(&self) -> Option<Event> {
        let (key, life, seq) = (self.key(), self.life()?, self.seq.get());
        Some(Event::Slot { key, pid: self.pid.get(), start_time: self.start_time.get(), life, seq })
    }
}

impl Record for Park {
    fn is_valid(&self) -> bool {
        self.fd.raw() > 0
    }
    fn number(&self) -> u64 {
        number_of_name(self.token.get(), self.name.get())
    }
}

/// What a descriptor parked under this name is found by.
pub fn number_of_name(token: u64, name: u64) -> u64 {
    name.to_le_bytes().iter().fold(token.wrapping_mul(8), |h, b| h.wrapping_mul(31).wrapping_add((*b).into()))
}

impl Park {
    /// Its name.
    pub fn name(&self) -> Name {
        Name::of_parked(self.name.get().to_le_bytes())
    }
}
