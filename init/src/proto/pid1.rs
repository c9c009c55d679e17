//! The frames between PID 1 and the manager: fixed size, little-endian, over a `SOCK_SEQPACKET` socketpair.
//!
//! A packet is one [`Frame`], or several events; descriptors travel beside it (`SCM_RIGHTS`). The two directions are two types,
//! [`Request`] (manager → PID 1) and [`Event`] (PID 1 → manager), so that a frame sent the wrong way doesn't
//! compile. PID 1 never trusts a frame: what [`Request::decode`] can't read is answered by [`Event::Refused`].

/// The version both sides name in [`Request::Hello`] and [`Event::Welcome`].
pub const VERSION: u16 = 5;
/// From this version of PID 1 on a packet may hold a plan behind its frame, [`Request::Park`] and [`Request::Drop`]
/// several names.
pub const BATCHES: u16 = 2;
/// From this version of PID 1 on [`Request::Spawn`] may bring the child's cgroup along.
pub const CGROUPS: u16 = 3;
/// From this version of PID 1 on it knows [`Power::Cut`].
pub const CUTS: u16 = 4;
/// From this version of PID 1 on [`Request::Ack`] may name several ends. A manager from this version on is sent up to
/// [`BUNDLE`] events in a packet, where no descriptor goes with them.
pub const BUNDLES: u16 = 5;
/// Most events in a packet, a frame each.
pub const BUNDLE: usize = 16;
/// Most ends acknowledged at once.
pub const ACKS: usize = 7;
/// Bytes in every frame.
pub const FRAME_LEN: usize = 96;
/// Longest plan, in bytes, that may follow the frame of [`Request::Spawn`] in its packet.
pub const MAX_PLAN: usize = 4000;
/// Longest list of names of parked descriptors, and longest title of PID 1, in bytes.
pub const NAME_LEN: usize = 48;
/// Most descriptors that PID 1 keeps.
pub const MAX_PARKED: usize = 32768;
/// Longest name of one parked descriptor, in bytes: each service has several, and PID 1 keeps them all.
pub const PARKED_LEN: usize = 8;
/// Most descriptors beside one frame.
pub const MAX_FDS: usize = 16;

/// The wire form. Every message maps onto it; unused fields are zero.
pub type Frame = [u8; FRAME_LEN];

/// Names one process PID 1 was asked to start: the instance of the unit, and which of its processes.
///
/// `token` is never reused for the life of the machine; `step` counts the processes of one instance (the main one,
/// `ExecStartPre=`, …). PID 1 refuses a second spawn for a key that has a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key {
    /// The instance.
    pub token: u64,
    /// The process within the instance.
    pub step: u32,
}

/// A short name, zero-padded: at most [`NAME_LEN`] bytes, cut at that length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; NAME_LEN]);

impl Name {
    /// Cuts `text` at [`NAME_LEN`] bytes and at its first NUL.
    pub fn new(text: &str) -> Self {
        let mut name = [0; NAME_LEN];
        for (to, from) in name.iter_mut().zip(text.bytes().take_while(|b| *b != 0)) {
            *to = from;
        }
        Self(name)
    }

    /// Reads [`Name::to_bytes`]'s; empty when that isn't UTF-8. A NUL inside ends it, so that equal names are equal bytes.
    pub fn from_bytes(bytes: [u8; NAME_LEN]) -> Self {
        Self::new(Self(bytes).as_str())
    }

    /// The names in a list with commas.
    pub fn list(&self) -> impl Iterator<Item = Self> {
        self.as_str().split(',').map(Self::new)
    }

    /// As the name of one parked descriptor, padded; `None`: it is longer than [`PARKED_LEN`].
    pub fn parked(&self) -> Option<[u8; PARKED_LEN]> {
        let (first, rest) = self.0.split_first_chunk()?;
        rest.iter().all(|b| *b == 0).then_some(*first)
    }

    /// Reads [`Name::parked`]'s.
    pub fn of_parked(bytes: [u8; PARKED_LEN]) -> Self {
        Self::new(std::str::from_utf8(&bytes).unwrap_or(""))
    }

    /// With its padding.
    pub fn to_bytes(self) -> [u8; NAME_LEN] {
        self.0
    }

    /// The bytes up to the padding.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|b| *b == 0).next().unwrap_or(&[])
    }

    /// The name as text; empty when it isn't UTF-8.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exit {
    /// `exit(status)`.
    Code(i32),
    /// Ended by this signal.
    Signal(i32),
    /// Ended by this signal and left a core dump.
    Core(i32),
    /// It never ran: the plan's step with this index failed with this errno. Index [`STAGE_FORK`] is the fork itself.
    NotRun {
        /// Index of the step in the plan.
        stage: u16,
        /// `errno` of the failure.
        errno: i32,
    },
    /// It is gone and nobody saw how (it wasn't PID 1's child).
    Unknown,
}

/// [`Exit::NotRun`]'s stage when `fork` itself (or reading the plan) failed.
pub const STAGE_FORK: u16 = u16::MAX;

/// Where a slot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Life {
    /// Forked; the plan's steps are being carried out.
    Forked,
    /// The `execve` succeeded (or the process was adopted).
    Running,
    /// Over, not yet acknowledged.
    Over(Exit),
}

impl Life {
    /// As one word, so that a record changes at once; never 0.
    pub fn to_word(self) -> u64 {
        let (tag, stage, value) = match self {
            Self::Forked => (1u64, 0u16, 0i32),
            Self::Running => (2, 0, 0),
            Self::Over(Exit::Code(v)) => (3, 0, v),
            Self::Over(Exit::Signal(v)) => (4, 0, v),
            Self::Over(Exit::Core(v)) => (5, 0, v),
            Self::Over(Exit::NotRun { stage, errno }) => (6, stage, errno),
            Self::Over(Exit::Unknown) => (7, 0, 0),
        };
        tag | u64::from(stage) << 16 | u64::from(u32::from_le_bytes(value.to_le_bytes())) << 32
    }

    /// Reads [`Life::to_word`]'s; `None` for 0 and for what nobody wrote.
    pub fn from_word(word: u64) -> Option<Self> {
        let [tag, _, s0, s1, v0, v1, v2, v3] = word.to_le_bytes();
        let (stage, value) = (u16::from_le_bytes([s0, s1]), i32::from_le_bytes([v0, v1, v2, v3]));
        Some(match tag {
            1 => Self::Forked,
            2 => Self::Running,
            3 => Self::Over(Exit::Code(value)),
            4 => Self::Over(Exit::Signal(value)),
            5 => Self::Over(Exit::Core(value)),
            6 => Self::Over(Exit::NotRun { stage, errno: value }),
            7 => Self::Over(Exit::Unknown),
            _ => return None,
        })
    }
}

/// What ends the machine (or the container).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Power {
    /// Stop the processor, leave the power on.
    Halt = 0,
    /// Power off.
    PowerOff = 1,
    /// Start again.
    Reboot = 2,
    /// Power off by force: who asks for that, as the last script of level 0 does, has told a UPS itself where one is to be
    /// told. Only in [`Request::End`].
    Cut = 3,
}

impl Power {
    /// The same, by force.
    #[must_use]
    pub fn forced(self) -> Self {
        if self == Self::PowerOff { Self::Cut } else { self }
    }

    /// Reads `self as u8`.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Halt, Self::PowerOff, Self::Reboot, Self::Cut].into_iter().find(|how| *how as u8 == number)
    }
}

/// Manager → PID 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// First frame of a manager: its [`VERSION`].
    Hello {
        /// The manager's version of these frames.
        version: u16,
    },
    /// The manager has synced and works: its binary is good, a crash loop is over.
    Ready,
    /// Tell the state of all slots, then all parked descriptors; PID 1 answers with [`Event::Slot`]s,
    /// [`Event::Parked`]s and one [`Event::SyncEnd`].
    Sync,
    /// Fork a child that carries out a plan. The plan follows the frame; where nothing does, it is the first descriptor
    /// (a memfd or pipe). The other descriptors are those that the plan's steps name by index. Answered by [`Event::Slot`]s for `key`.
    Spawn {
        /// The slot to fill.
        key: Key,
        /// The last descriptor is the folder of the cgroup that the child is to be born in.
        cgroup: bool,
    },
    /// Send a signal to the process of `key`; nothing happens when it is over. `group`: to its process group, if it
    /// still leads one.
    Signal {
        /// The slot.
        key: Key,
        /// Signal number.
        signal: i32,
        /// To the process group.
        group: bool,
    },
    /// Take over a process that PID 1 didn't start for us: `pid`, as started at `start_time` (clock ticks since boot,
    /// field 22 of `/proc/PID/stat`; 0: don't check). A child is reaped, anything else watched by pidfd. If it has just
    /// died, its end comes from the ring of the last orphans.
    Adopt {
        /// The slot to fill.
        key: Key,
        /// The process.
        pid: i32,
        /// When it started, in clock ticks since boot; 0 if unknown.
        start_time: u64,
    },
    /// The manager's journal holds these ends: the slots are free again. A token of 0 names none.
    Ack {
        /// The slots.
        keys: [Key; ACKS],
    },
    /// Keep the descriptor beside this frame under (token, name); one that was there is closed. Of several, each has its
    /// name in a list with commas.
    Park {
        /// Whose it is.
        token: u64,
        /// Its name.
        name: Name,
    },
    /// Send back a copy of a parked descriptor: [`Event::Fd`].
    Fetch {
        /// Whose it is.
        token: u64,
        /// Its name.
        name: Name,
    },
    /// Close a parked descriptor, or each of a list with commas; an empty name closes all of the token's.
    Drop {
        /// Whose it is.
        token: u64,
        /// Its name, or empty.
        name: Name,
    },
    /// Set PID 1's title, as `ps` shows it: `init [3]`.
    Title {
        /// The text.
        text: Name,
    },
    /// The machine goes down. PID 1 arms its own deadline and, past it, goes on alone. May be sent again to change it; the
    /// deadline only ever comes nearer.
    Down {
        /// How it ends.
        how: Power,
        /// Milliseconds from now until PID 1 acts alone.
        deadline_ms: u32,
        /// What a container's PID 1 exits with.
        status: i32,
    },
    /// Somebody has asked for more time: the deadline of the shutdown that was told comes later, by what PID 1 allows.
    Later {
        /// Milliseconds from now until PID 1 acts alone.
        deadline_ms: u32,
    },
    /// All services are down: end now.
    End {
        /// How it ends.
        how: Power,
        /// What a container's PID 1 exits with.
        status: i32,
    },
    /// Execute yourself anew (from the path you were started from) with everything kept; and start the manager anew.
    Reexec,
    /// The signal of [`Event::Signal`] has been taken care of.
    AckSignal {
        /// Signal number.
        signal: i32,
    },
}

/// PID 1 → manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Answer to [`Request::Hello`].
    Welcome {
        /// PID 1's version of these frames.
        version: u16,
        /// How many managers this PID 1 has started before; 0 at boot.
        managers: u32,
        /// How often PID 1 has executed itself anew.
        reexecs: u32,
        /// Not in the initial PID namespace, or told that it is a container.
        container: bool,
        /// Milliseconds since the epoch of `CLOCK_BOOTTIME` at which this PID 1 first started.
        booted_ms: u64,
        /// The shutdown that is under way, if one is.
        down: Option<Power>,
        /// Milliseconds until PID 1 goes on alone with it.
        left_ms: u32,
        /// What a container exits with then.
        status: i32,
    },
    /// State of a slot: sent on every change, and for every slot on [`Request::Sync`]. Sent again until acknowledged.
    Slot {
        /// The slot.
        key: Key,
        /// Its process; 0 when none was made.
        pid: i32,
        /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`); 0 if unknown.
        start_time: u64,
        /// Where it stands.
        life: Life,
        /// Number of this change; grows by one with every change in PID 1.
        seq: u64,
    },
    /// A parked descriptor, on [`Request::Sync`].
    Parked {
        /// Whose it is.
        token: u64,
        /// Its name.
        name: Name,
    },
    /// All slots and parked descriptors have been told.
    SyncEnd {
        /// The highest token PID 1 has ever seen: new ones start above it.
        highest_token: u64,
    },
    /// Answer to [`Request::Fetch`]; the descriptor is beside it if `found`.
    Fd {
        /// Whose it is.
        token: u64,
        /// Its name.
        name: Name,
        /// Whether there was one.
        found: bool,
    },
    /// A signal came to PID 1; sent again to a new manager until [`Request::AckSignal`].
    Signal {
        /// Signal number.
        signal: i32,
        /// How often since the last acknowledgement.
        count: u32,
    },
    /// A request could not be carried out.
    Refused {
        /// The request's frame kind (first two bytes).
        kind: u16,
        /// The key or token it named.
        key: Key,
        /// Why, as errno (`EEXIST`: the key has a slot; `ENOSPC`: the table is full; `ESRCH`: no such process;
        /// `EINTR`: a fault of PID 1's own came between, ask again; `EMFILE`: what came beside it found no room; …).
        errno: i32,
    },
}

/// Bytes out, at a cursor; the frame is a fixed array, so nothing can fail: what doesn't fit is a bug caught by tests.
struct Writer {
    frame: Frame,
    at: usize,
}

impl Writer {
    fn new(kind: u16) -> Self {
        Self { frame: [0; FRAME_LEN], at: 0 }.u16(kind)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        if let Some(to) = self.frame.get_mut(self.at..self.at.saturating_add(bytes.len())) {
            to.copy_from_slice(bytes);
        }
        self.at = self.at.saturating_add(bytes.len());
        self
    }

    fn u8(self, v: u8) -> Self {
        self.bytes(&[v])
    }
    fn u16(self, v: u16) -> Self {
        self.bytes(&v.to_le_bytes())
    }
    fn u32(self, v: u32) -> Self {
        self.bytes(&v.to_le_bytes())
    }
    fn i32(self, v: i32) -> Self {
        self.bytes(&v.to_le_bytes())
    }
    fn u64(self, v: u64) -> Self {
        self.bytes(&v.to_le_bytes())
    }
    fn key(self, k: Key) -> Self {
        self.u64(k.token).u32(k.step)
    }
    fn name(self, n: Name) -> Self {
        self.bytes(&n.0)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }
    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }
    fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }
    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
    fn key(&mut self) -> Option<Key> {
        Some(Key { token: self.u64()?, step: self.u32()? })
    }
    fn keys(&mut self) -> [Key; ACKS] {
        [(); ACKS].map(|()| self.key().unwrap_or_default())
    }
    fn name(&mut self) -> Option<Name> {
        self.array().map(Name::from_bytes)
    }
    fn power(&mut self) -> Option<Power> {
        Power::from_number(self.u8()?)
    }
    fn life(&mut self) -> Option<Life> {
        Life::from_word(self.u64()?)
    }
}

impl Request {
    /// Acknowledges ends; no more than [`ACKS`] find room.
    pub fn ack(ends: &[Key]) -> Self {
        Self::Ack { keys: std::array::from_fn(|n| ends.get(n).copied().unwrap_or_default()) }
    }

    /// The kind of its frame.
    pub fn kind(&self) -> u16 {
        kind(&self.encode())
    }

    /// The key or token it names, if any: what [`Event::Refused`] says.
    pub fn key(&self) -> Key {
        match *self {
            Self::Spawn { key, .. } | Self::Signal { key, .. } | Self::Adopt { key, .. } => key,
            Self::Ack { keys: [key, ..] } => key,
            Self::Park { token, .. } | Self::Fetch { token, .. } | Self::Drop { token, .. } => Key { token, step: 0 },
            _ => Key::default(),
        }
    }

    /// The wire form.
    pub fn encode(&self) -> Frame {
        match *self {
            Self::Hello { version } => Writer::new(1).u16(version),
            Self::Ready => Writer::new(2),
            Self::Sync => Writer::new(3),
            Self::Spawn { key, cgroup } => Writer::new(4).key(key).u8(cgroup.into()),
            Self::Signal { key, signal, group } => Writer::new(5).key(key).i32(signal).u8(group.into()),
            Self::Adopt { key, pid, start_time } => Writer::new(6).key(key).i32(pid).u64(start_time),
            Self::Ack { keys } => keys.iter().fold(Writer::new(7), |frame, key| frame.key(*key)),
            Self::Park { token, name } => Writer::new(8).u64(token).name(name),
            Self::Fetch { token, name } => Writer::new(9).u64(token).name(name),
            Self::Drop { token, name } => Writer::new(10).u64(token).name(name),
            Self::Title { text } => Writer::new(11).name(text),
            Self::Down { how, deadline_ms, status } => Writer::new(12).u8(how as u8).u32(deadline_ms).i32(status),
            Self::End { how, status } => Writer::new(13).u8(how as u8).i32(status),
            Self::Reexec => Writer::new(14),
            Self::AckSignal { signal } => Writer::new(15).i32(signal),
            Self::Later { deadline_ms } => Writer::new(16).u32(deadline_ms),
        }
        .frame
    }

    /// Reads a frame; `None` when its kind or a field is unknown. Bytes past the fields are ignored.
    pub fn decode(frame: &Frame) -> Option<Self> {
        let mut r = Reader { rest: frame };
        Some(match r.u16()? {
            1 => Self::Hello { version: r.u16()? },
            2 => Self::Ready,
            3 => Self::Sync,
            4 => Self::Spawn { key: r.key()?, cgroup: r.bool()? },
            5 => Self::Signal { key: r.key()?, signal: r.i32()?, group: r.bool()? },
            6 => Self::Adopt { key: r.key()?, pid: r.i32()?, start_time: r.u64()? },
            7 => Self::Ack { keys: r.keys() },
            8 => Self::Park { token: r.u64()?, name: r.name()? },
            9 => Self::Fetch { token: r.u64()?, name: r.name()? },
            10 => Self::Drop { token: r.u64()?, name: r.name()? },
            11 => Self::Title { text: r.name()? },
            12 => Self::Down { how: r.power()?, deadline_ms: r.u32()?, status: r.i32()? },
            13 => Self::End { how: r.power()?, status: r.i32()? },
            14 => Self::Reexec,
            15 => Self::AckSignal { signal: r.i32()? },
            16 => Self::Later { deadline_ms: r.u32()? },
            _ => return None,
        })
    }
}

/// The kind of a frame, for [`Event::Refused`].
pub fn kind(frame: &Frame) -> u16 {
    Reader { rest: frame }.u16().unwrap_or(0)
}

impl Event {
    /// The wire form.
    pub fn encode(&self) -> Frame {
        match *self {
            Self::Welcome { version, managers, reexecs, container, booted_ms, down, left_ms, status } => {
                Writer::new(101)
                    .u16(version)
                    .u32(managers)
                    .u32(reexecs)
                    .u8(container.into())
                    .u64(booted_ms)
                    .u8(down.is_some().into())
                    .u8(down.map_or(0, |p| p as u8))
                    .u32(left_ms)
                    .i32(status)
            }
            Self::Slot { key, pid, start_time, life, seq } => {
                Writer::new(102).key(key).i32(pid).u64(start_time).u64(life.to_word()).u64(seq)
            }
            Self::Parked { token, name } => Writer::new(103).u64(token).name(name),
            Self::SyncEnd { highest_token } => Writer::new(104).u64(highest_token),
            Self::Fd { token, name, found } => Writer::new(105).u64(token).name(name).u8(found.into()),
            Self::Signal { signal, count } => Writer::new(106).i32(signal).u32(count),
            Self::Refused { kind, key, errno } => Writer::new(107).u16(kind).key(key).i32(errno),
        }
        .frame
    }

    /// Reads a frame; `None` when its kind or a field is unknown. Bytes past the fields are ignored.
    pub fn decode(frame: &Frame) -> Option<Self> {
        let mut r = Reader { rest: frame };
        Some(match r.u16()? {
            101 => {
                let (version, managers, reexecs) = (r.u16()?, r.u32()?, r.u32()?);
                let (container, booted_ms, is_down) = (r.bool()?, r.u64()?, r.bool()?);
                let (how, left_ms, status) = (r.power()?, r.u32()?, r.i32()?);
                let down = is_down.then_some(how);
                Self::Welcome { version, managers, reexecs, container, booted_ms, down, left_ms, status }
            }
            102 => Self::Slot { key: r.key()?, pid: r.i32()?, start_time: r.u64()?, life: r.life()?, seq: r.u64()? },
            103 => Self::Parked { token: r.u64()?, name: r.name()? },
            104 => Self::SyncEnd { highest_token: r.u64()? },
            105 => Self::Fd { token: r.u64()?, name: r.name()?, found: r.bool()? },
            106 => Self::Signal { signal: r.i32()?, count: r.u32()? },
            107 => Self::Refused { kind: r.u16()?, key: r.key()?, errno: r.i32()? },
            _ => return None,
        })
    }
}

#[cfg(test)]
#[path = "pid1_tests.rs"]
mod tests;
