//! The plan: the flat list of steps that a child of PID 1 performs between fork and exec.
//!
//! The manager writes it ([`Plan::push`]), PID 1's child reads it where it lies ([`Steps`]): no allocation, strings end
//! in NUL so that they can be handed to the kernel as they are. Layout, little-endian:
//!
//! ```text
//! u32 magic  u32 total length  u16 steps  u16 0      then for each step:
//! u16 op  u16 0  u32 payload length  payload
//! ```

mod kernel;

pub use kernel::Setting;

use std::ffi::CStr;

/// First four bytes: `RPL1`.
pub const MAGIC: u32 = u32::from_le_bytes(*b"RPL1");
/// Longest plan, in bytes; also what fits into a pipe made as large as an unprivileged process may.
pub const MAX_LEN: usize = 1 << 20;
const HEADER: usize = 12;

/// How [`Step::Open`] opens a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Access {
    /// Read only.
    Read = 0,
    /// Write, created (0644 less umask), from its beginning.
    Write = 1,
    /// Write at the end, created.
    Append = 2,
    /// Write, created and emptied.
    Truncate = 3,
    /// Read and write.
    ReadWrite = 4,
}

/// One step. The index of a step that fails comes back in [`super::pid1::Exit::NotRun`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// `setsid`.
    Session,
    /// All signals to their default, none blocked; then those in `ignore` (bit n-1 for signal n) ignored.
    Signals {
        /// Bit n-1 stands for signal n.
        ignore: u64,
    },
    /// The descriptor passed as number `index` becomes `target` (kept over exec).
    Fd {
        /// Place among the descriptors sent with the plan; the plan itself isn't counted.
        index: u16,
        /// Number in the new program.
        target: i32,
    },
    /// Open a file as `target` (kept over exec), never as controlling terminal.
    Open {
        /// What to open.
        path: &'a CStr,
        /// How.
        access: Access,
        /// Number in the new program.
        target: i32,
    },
    /// Open a terminal read-write as descriptor 0 and make it the controlling one (after [`Step::Session`]).
    Tty {
        /// The terminal.
        path: &'a CStr,
        /// Take it even from another session (needs privilege).
        force: bool,
        /// Put it into sane modes first.
        reset: bool,
        /// Hang it up first, so that nobody keeps it open.
        hangup: bool,
    },
    /// What is done to a terminal before and after a run, in this order. It may be missing, or be none.
    Terminal {
        /// The terminal.
        path: &'a CStr,
        /// Put it into sane modes.
        reset: bool,
        /// Hang it up, so that nobody keeps it open.
        hangup: bool,
        /// Free the virtual terminal; clear its screen where it is in use, or none of these.
        clear: bool,
    },
    /// Descriptor `from`, as set by an earlier step, also as `to`.
    Dup {
        /// Existing descriptor.
        from: i32,
        /// Its copy.
        to: i32,
    },
    /// `setrlimit`.
    Limit {
        /// `RLIMIT_*`.
        resource: u32,
        /// Soft limit; `u64::MAX` is infinity.
        soft: u64,
        /// Hard limit.
        hard: u64,
    },
    /// `umask`.
    Umask {
        /// The mask.
        mask: u32,
    },
    /// `setpriority`.
    Nice {
        /// -20 to 19.
        value: i32,
    },
    /// `/proc/self/oom_score_adj`.
    OomScore {
        /// -1000 to 1000.
        value: i32,
    },
    /// Join a cgroup by writing to its `cgroup.procs`.
    Cgroup {
        /// Path of the cgroup's folder.
        path: &'a CStr,
        /// Whether a failure is one of the plan.
        required: bool,
    },
    /// `setgroups`.
    Groups {
        /// Little-endian u32s.
        ids: Ids<'a>,
    },
    /// `setresgid`.
    Gid {
        /// The group.
        id: u32,
    },
    /// `setresuid`.
    Uid {
        /// The user.
        id: u32,
    },
    /// `chroot`, and into it.
    Chroot {
        /// The new root.
        path: &'a CStr,
    },
    /// `chdir`.
    Chdir {
        /// The folder.
        path: &'a CStr,
        /// A missing folder is passed over.
        optional: bool,
    },
    /// The environment entry `NAME=` gets the process's own pid as its value.
    PidEnv {
        /// The variable's name.
        name: &'a CStr,
    },
    /// A process group of its own, made the foreground one of the terminal that is descriptor 0, 1 or 2 and controls
    /// this session; nothing more where there is none. Instead of [`Step::Session`], after the descriptors are set.
    Foreground,
    /// One number set in the kernel.
    Set {
        /// Where.
        what: Setting,
        /// The number.
        value: u64,
    },
    /// `sched_setscheduler`.
    Scheduler {
        /// `SCHED_*`, with `SCHED_RESET_ON_FORK`.
        policy: i32,
        /// Real-time priority; 0 for the other policies.
        priority: i32,
    },
    /// `sched_setaffinity`.
    Affinity {
        /// Bit n of the little-endian u32s stands for CPU n.
        cpus: Ids<'a>,
    },
    /// Makes the folder `name` below `base`, and those on the way (0755), never through a link that others could have made.
    Folder {
        /// A folder that is trusted.
        base: &'a CStr,
        /// Relative, of plain parts.
        name: &'a CStr,
        /// Mode of the last part.
        mode: u32,
        /// Its owner, and of all it holds; `u32::MAX`: as it is.
        uid: u32,
        /// Its group, likewise.
        gid: u32,
        /// Whether mode and owner are also those of a folder that is there already.
        always: bool,
    },
    /// Makes a symbolic link, and the folders on the way to it.
    Link {
        /// A folder that is trusted.
        base: &'a CStr,
        /// The link below it.
        name: &'a CStr,
        /// What it says.
        target: &'a CStr,
    },
    /// Removes what is at `name` below `base`, with all it holds, on its file system.
    Remove {
        /// A folder that is trusted.
        base: &'a CStr,
        /// Relative, of plain parts; it may be missing.
        name: &'a CStr,
    },
    /// The process ends well here, in place of an `execve`.
    End,
    /// `execve`. The last step.
    Exec {
        /// The program; always a path.
        program: &'a CStr,
        /// Its arguments, the zeroth too.
        args: Strings<'a>,
        /// `K=V` entries.
        env: Strings<'a>,
    },
}

/// A list of NUL-ended strings in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strings<'a>(&'a [u8]);

impl<'a> Strings<'a> {
    /// `bytes`: strings, each ended by NUL. What follows the last NUL is not part of the list.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    /// The strings, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a CStr> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let text = CStr::from_bytes_until_nul(rest).ok()?;
            rest = rest.get(text.count_bytes() + 1..)?;
            Some(text)
        })
    }
}

/// A list of ids: little-endian u32s in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids<'a>(&'a [u8]);

impl<'a> Ids<'a> {
    /// `bytes`: little-endian u32s.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    /// The bytes, as they lie in the plan.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
    /// The ids, in order.
    pub fn iter(self) -> impl Iterator<Item = u32> + 'a {
        self.0.chunks_exact(4).filter_map(|c| Some(u32::from_le_bytes(c.try_into().ok()?)))
    }
}

/// Turns texts into the bytes of [`Strings`]; a NUL inside a text ends it.
pub fn strings<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend(text.bytes().take_while(|b| *b != 0));
        bytes.push(0);
    }
    bytes
}

/// A plan being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    bytes: Vec<u8>,
    steps: u16,
}

impl Default for Plan {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&[0; HEADER - 4]);
        Self { bytes, steps: 0 }
    }
}

impl Plan {
    /// Adds a step; its index is the number of steps before it.
    pub fn push(&mut self, step: Step<'_>) -> u16 {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 8]);
        let op = self.payload(step);
        let length = u32::try_from(self.bytes.len() - at - 8).unwrap_or(u32::MAX);
        if let Some(head) = self.bytes.get_mut(at..at + 8) {
            head[..2].copy_from_slice(&op.to_le_bytes());
            head[4..].copy_from_slice(&length.to_le_bytes());
        }
        let index = self.steps;
        self.steps = self.steps.saturating_add(1);
        index
    }

    /// The finished plan. `None` when it is longer than [`MAX_LEN`].
    pub fn finish(mut self) -> Option<Vec<u8>> {
        if self.bytes.len() > MAX_LEN {
            return None;
        }
        let total = u32::try_from(self.bytes.len()).ok()?;
        self.bytes[4..8].copy_from_slice(&total.to_le_bytes());
        self.bytes[8..10].copy_from_slice(&self.steps.to_le_bytes());
        Some(self.bytes)
    }

    fn u32(&mut self, v: u32) {
        self.bytes.extend_from_slice(&v.to_le_bytes());
    }
    fn i32(&mut self, v: i32) {
        self.bytes.extend_from_slice(&v.to_le_bytes());
    }
    fn u64(&mut self, v: u64) {
        self.bytes.extend_from_slice(&v.to_le_bytes());
    }
    fn text(&mut self, v: &CStr) {
        self.bytes.extend_from_slice(v.to_bytes_with_nul());
    }

    fn payload(&mut self, step: Step<'_>) -> u16 {
        match step {
            Step::Session => 1,
            Step::Signals { ignore } => {
                self.u64(ignore);
                2
            }
            Step::Fd { index, target } => {
                self.u32(index.into());
                self.i32(target);
                3
            }
            Step::Open { path, access, target } => {
                self.u32((access as u16).into());
                self.i32(target);
                self.text(path);
                4
            }
            Step::Tty { path, force, reset, hangup } => {
                self.u32(u32::from(force) | u32::from(reset) << 1 | u32::from(hangup) << 2);
                self.text(path);
                5
            }
            Step::Dup { from, to } => {
                self.i32(from);
                self.i32(to);
                6
            }
            Step::Limit { resource, soft, hard } => {
                self.u32(resource);
                self.u64(soft);
                self.u64(hard);
                7
            }
            Step::Umask { mask } => {
                self.u32(mask);
                8
            }
            Step::Nice { value } => {
                self.i32(value);
                9
            }
            Step::OomScore { value } => {
                self.i32(value);
                10
            }
            Step::Cgroup { path, required } => {
                self.u32(required.into());
                self.text(path);
                11
            }
            Step::Groups { ids } => {
                self.bytes.extend_from_slice(ids.0);
                12
            }
            Step::Gid { id } => {
                self.u32(id);
                13
            }
            Step::Uid { id } => {
                self.u32(id);
                14
            }
            Step::Chroot { path } => {
                self.text(path);
                15
            }
            Step::Chdir { path, optional } => {
                self.u32(optional.into());
                self.text(path);
                16
            }
            Step::PidEnv { name } => {
                self.text(name);
                17
            }
            Step::Foreground => 19,
            Step::Set { what, value } => {
                self.u32(what as u32);
                self.u64(value);
                20
            }
            Step::Scheduler { policy, priority } => {
                self.i32(policy);
                self.i32(priority);
                21
            }
            Step::Affinity { cpus } => {
                self.bytes.extend_from_slice(cpus.0);
                22
            }
            Step::Folder { base, name, mode, uid, gid, always } => {
                for number in [mode, uid, gid, always.into()] {
                    self.u32(number);
                }
                self.text(base);
                self.text(name);
                23
            }
            Step::Link { base, name, target } => {
                self.text(base);
                self.text(name);
                self.text(target);
                24
            }
            Step::Remove { base, name } => {
                self.text(base);
                self.text(name);
                25
            }
            Step::End => 26,
            Step::Terminal { path, reset, hangup, clear } => {
                self.u32(u32::from(clear) | u32::from(reset) << 1 | u32::from(hangup) << 2);
                self.text(path);
                27
            }
            Step::Exec { program, args, env } => {
                self.u32(u32::try_from(args.0.len()).unwrap_or(u32::MAX));
                self.text(program);
                self.bytes.extend_from_slice(args.0);
                self.bytes.extend_from_slice(env.0);
                18
            }
        }
    }
}

/// The steps of a plan, read in place. Ends after the last step, or early with one `Err` at what can't be read.
#[derive(Debug, Clone)]
pub struct Steps<'a> {
    rest: &'a [u8],
    left: u16,
}

/// The plan can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Steps<'a> {
    /// Checks the header. `bytes` may be longer than the plan (a mapped page), not shorter.
    ///
    /// # Errors
    /// [`Malformed`] when this is no plan, or a longer one than [`MAX_LEN`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut head = Bytes(bytes);
        let (magic, total) = (head.u32()?, head.u32()? as usize);
        let left = head.u16()?;
        if magic != MAGIC || !(HEADER..=MAX_LEN).contains(&total) {
            return Err(Malformed);
        }
        Ok(Self { rest: bytes.get(HEADER..total).ok_or(Malformed)?, left })
    }

    fn read(&mut self) -> Result<Step<'a>, Malformed> {
        let mut head = Bytes(self.rest);
        let op = head.u16()?;
        head.u16()?;
        let length = head.u32()? as usize;
        let (payload, rest) = head.0.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        let mut p = Bytes(payload);
        Ok(match op {
            1 => Step::Session,
            2 => Step::Signals { ignore: p.u64()? },
            3 => Step::Fd { index: u16::try_from(p.u32()?).map_err(|_| Malformed)?, target: p.i32()? },
            4 => {
                let access = match p.u32()? {
                    0 => Access::Read,
                    1 => Access::Write,
                    2 => Access::Append,
                    3 => Access::Truncate,
                    4 => Access::ReadWrite,
                    _ => return Err(Malformed),
                };
                Step::Open { access, target: p.i32()?, path: p.text()? }
            }
            5 => {
                let bits = p.u32()?;
                Step::Tty { force: bits & 1 != 0, reset: bits & 2 != 0, hangup: bits & 4 != 0, path: p.text()? }
            }
            6 => Step::Dup { from: p.i32()?, to: p.i32()? },
            7 => Step::Limit { resource: p.u32()?, soft: p.u64()?, hard: p.u64()? },
            8 => Step::Umask { mask: p.u32()? },
            9 => Step::Nice { value: p.i32()? },
            10 => Step::OomScore { value: p.i32()? },
            11 => Step::Cgroup { required: p.u32()? != 0, path: p.text()? },
            12 => Step::Groups { ids: Ids(payload) },
            13 => Step::Gid { id: p.u32()? },
            14 => Step::Uid { id: p.u32()? },
            15 => Step::Chroot { path: p.text()? },
            16 => Step::Chdir { optional: p.u32()? != 0, path: p.text()? },
            17 => Step::PidEnv { name: p.text()? },
            18 => {
                let args = p.u32()? as usize;
                let program = p.text()?;
                let (args, env) = p.0.split_at_checked(args).ok_or(Malformed)?;
                Step::Exec { program, args: Strings(args), env: Strings(env) }
            }
            19 => Step::Foreground,
            20 => Step::Set { what: Setting::from_number(p.u32()?).ok_or(Malformed)?, value: p.u64()? },
            21 => Step::Scheduler { policy: p.i32()?, priority: p.i32()? },
            22 => Step::Affinity { cpus: Ids(payload) },
            23 => {
                let (mode, uid, gid, always) = (p.u32()?, p.u32()?, p.u32()?, p.u32()? != 0);
                Step::Folder { base: p.text()?, name: p.text()?, mode, uid, gid, always }
            }
            24 => Step::Link { base: p.text()?, name: p.text()?, target: p.text()? },
            25 => Step::Remove { base: p.text()?, name: p.text()? },
            26 => Step::End,
            27 => {
                let bits = p.u32()?;
                Step::Terminal { clear: bits & 1 != 0, reset: bits & 2 != 0, hangup: bits & 4 != 0, path: p.text()? }
            }
            _ => return Err(Malformed),
        })
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = Result<Step<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let step = self.read();
        if step.is_err() {
            self.left = 0;
        }
        Some(step)
    }
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }
    fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }
    fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_le_bytes)
    }
    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }
    fn text(&mut self) -> Result<&'a CStr, Malformed> {
        let text = CStr::from_bytes_until_nul(self.0).map_err(|_| Malformed)?;
        self.0 = self.0.get(text.count_bytes() + 1..).ok_or(Malformed)?;
        Ok(text)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
