//! PID 1's memory: one fixed structure in a memfd, so that it outlives its own faults.
//!
//! All fields are atomics of fixed place, and all zero is an empty table. A record is valid by one word that is
//! written last: [`Slot::life`], [`Park::fd`], [`Orphan::pid`]. Only PID 1 maps it (a new child too, until its exec).

use crate::proto::pid1::{Exit, FRAME_LEN, Frame, Life, NAME_LEN, Name};
use crate::sys::process::InFlight;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

/// Processes PID 1 can own.
pub const SLOTS: usize = 32768;
/// Descriptors it can keep.
pub const PARKS: usize = 32768;
/// Exits that belonged to nobody.
pub const ORPHANS: usize = 256;
/// First word of the table; it names the layout below and changes with it.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RungTb\x01\x00");

/// A frame in the table.
pub type Words = [AtomicU64; FRAME_LEN / 8];

/// The frame's bytes.
pub fn frame(words: &Words) -> Frame {
    let mut frame: Frame = [0; FRAME_LEN];
    for (to, word) in frame.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    frame
}

crate::plain_structs! {
/// The whole.
pub struct Table {
    /// What there is one of.
    pub head: Head,
    /// The last exits that belonged to nobody.
    pub orphans: [Orphan; ORPHANS],
    /// Processes.
    pub slots: [Slot; SLOTS],
    /// Descriptors.
    pub parked: [Park; PARKS],
}

/// What there is one of.
pub struct Head {
    /// [`MAGIC`], written once all else is in place.
    pub magic: AtomicU64,
    /// Size of the structure, checked together with `magic`.
    pub size: AtomicU64,
    /// Whose table this is.
    pub pid: AtomicI32,
    /// The program, for executing it anew; 0: none.
    pub exe: AtomicI32,
    /// PID 1's end of the manager's socket; 0: none.
    pub socket: AtomicI32,
    /// A copy of the last manager that worked; 0: none.
    pub kept: AtomicI32,
    /// The kernel's record of the child being reaped.
    pub in_flight: InFlight,
    /// The manager's request that is being carried out, written by the kernel; 0 in front: none.
    pub request: Words,
    /// Bit 0: this manager has said hello; bit 1: its sync isn't done.
    pub greeted: AtomicU32,
    /// Keeps what follows aligned.
    pub spare: AtomicU32,
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
    /// The shutdown under way: 0 none, else 1 + how, status in the upper half.
    pub down: AtomicU64,
    /// When PID 1 goes on alone with it (milliseconds, monotonic); 0: no deadline, 1: the end has begun.
    pub down_at_ms: AtomicU64,
    /// 1: the end is an exit, not `reboot(2)`.
    pub container: AtomicU32,
    /// The limit on open files that PID 1 was given, soft and hard.
    pub limit: [AtomicU64; 2],
    /// Signals not acknowledged yet, by number: how often they came.
    pub signals: [AtomicU32; 65],
    /// Failed starts of the manager in a row.
    pub failures: AtomicU32,
    /// When the manager is started next (milliseconds, monotonic).
    pub start_at_ms: AtomicU64,
    /// The manager is to be replaced by a new one (a wanted re-execution).
    pub replace: AtomicU32,
    /// Shown by `ps`.
    pub title: Text,
}

/// One process.
pub struct Slot {
    /// State ([`pack`]); 0: the slot is free. Written last.
    pub life: AtomicU64,
    /// [`crate::proto::pid1::Key::token`]
    pub token: AtomicU64,
    /// [`crate::proto::pid1::Key::step`]
    pub step: AtomicU32,
    /// The process; 0 until forked. The child itself notes it, so that it is never lost.
    pub pid: AtomicI32,
    /// When it started, in ticks since boot; 0: unknown.
    pub start_time: AtomicU64,
    /// Number of its last change.
    pub seq: AtomicU64,
    /// A failure that the child reported, as [`pack`]ed [`Exit::NotRun`]; 0: none.
    pub failure: AtomicU64,
    /// Read end of the child's report, while it is [`Life::Forked`]; 0: none.
    pub report: AtomicI32,
    /// What watches a process that isn't our child; 0: none.
    pub pidfd: AtomicI32,
    /// 1: the manager has to be told.
    pub untold: AtomicU32,
    /// 1: it isn't our child and there are no pidfds here: it is looked at each second.
    pub polled: AtomicU32,
}

/// One kept descriptor.
pub struct Park {
    /// Its number; 0: the place is free. Written last.
    pub fd: AtomicI32,
    /// Keeps what follows aligned.
    pub spare: AtomicU32,
    /// Whose it is.
    pub token: AtomicU64,
    /// Its name.
    pub name: Text,
}

/// The end of a process that belonged to nobody.
pub struct Orphan {
    /// The process; 0: nothing here. Written last.
    pub pid: AtomicI32,
    /// Keeps what follows aligned.
    pub spare: AtomicU32,
    /// When it was reaped, in ticks since boot.
    pub reaped: AtomicU64,
    /// How it ended, [`pack`]ed.
    pub life: AtomicU64,
}

/// A [`Name`] in the table.
pub struct Text {
    /// Its bytes.
    pub words: [AtomicU64; NAME_LEN / 8],
}
}

impl Text {
    /// The name.
    pub fn get(&self) -> Name {
        let mut bytes = [0u8; NAME_LEN];
        for (to, word) in bytes.chunks_exact_mut(8).zip(&self.words) {
            to.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        Name::new(std::str::from_utf8(&bytes).unwrap_or(""))
    }

    /// Sets it.
    pub fn set(&self, name: &Name) {
        let mut bytes = name.as_bytes().iter().copied().chain(std::iter::repeat(0));
        for word in &self.words {
            let mut eight = [0u8; 8];
            eight.iter_mut().zip(&mut bytes).for_each(|(to, from)| *to = from);
            word.store(u64::from_le_bytes(eight), Ordering::Relaxed);
        }
    }
}

/// A state as one word, so that it changes at once; never 0.
pub fn pack(life: Life) -> u64 {
    let (tag, stage, value) = match life {
        Life::Forked => (1u64, 0u16, 0i32),
        Life::Running => (2, 0, 0),
        Life::Over(Exit::Code(v)) => (3, 0, v),
        Life::Over(Exit::Signal(v)) => (4, 0, v),
        Life::Over(Exit::Core(v)) => (5, 0, v),
        Life::Over(Exit::NotRun { stage, errno }) => (6, stage, errno),
        Life::Over(Exit::Unknown) => (7, 0, 0),
    };
    tag | u64::from(stage) << 16 | u64::from(u32::from_le_bytes(value.to_le_bytes())) << 32
}

/// Reads [`pack`]'s word; `None` for 0 and for what nobody wrote.
pub fn unpack(word: u64) -> Option<Life> {
    let [tag, _, s0, s1, v0, v1, v2, v3] = word.to_le_bytes();
    let (stage, value) = (u16::from_le_bytes([s0, s1]), i32::from_le_bytes([v0, v1, v2, v3]));
    Some(match tag {
        1 => Life::Forked,
        2 => Life::Running,
        3 => Life::Over(Exit::Code(value)),
        4 => Life::Over(Exit::Signal(value)),
        5 => Life::Over(Exit::Core(value)),
        6 => Life::Over(Exit::NotRun { stage, errno: value }),
        7 => Life::Over(Exit::Unknown),
        _ => return None,
    })
}

/// Shorthand for the one ordering that plain fields need.
pub trait Field<T> {
    /// Its value.
    fn get(&self) -> T;
    /// Changes it.
    fn set(&self, value: T);
}

macro_rules! field {
    ($($atomic:ty: $plain:ty),*) => {$(
        impl Field<$plain> for $atomic {
            fn get(&self) -> $plain {
                self.load(Ordering::Relaxed)
            }
            fn set(&self, value: $plain) {
                // Release: what was written before stays before, also for a handler that reads it.
                self.store(value, Ordering::Release);
            }
        }
    )*};
}
field!(AtomicU32: u32, AtomicI32: i32, AtomicU64: u64);
