//! How the kernel shares the machine out to a process: the keys that are single system calls.

use super::fields::Show;
use super::scalar;
use super::value::{Bad, Value};
use std::collections::BTreeSet;

/// The keys about scheduling.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scheduling {
    /// `CPUSchedulingPolicy=`
    pub policy: Option<Policy>,
    /// `CPUSchedulingPriority=`, 1 to 99 for real-time policies.
    pub priority: Option<i32>,
    /// `CPUSchedulingResetOnFork=`
    pub reset_on_fork: bool,
    /// `CPUAffinity=`; empty: all.
    pub affinity: Cpus,
    /// `IOSchedulingClass=`
    pub io_class: Option<IoClass>,
    /// `IOSchedulingPriority=`, 0 (most) to 7.
    pub io_priority: Option<i32>,
    /// `TimerSlackNSec=`, in nanoseconds.
    pub timer_slack: Option<Nanoseconds>,
    /// `CoredumpFilter=`
    pub coredump_filter: Option<CoredumpFilter>,
    /// `MemoryKSM=`
    pub memory_merge: Option<bool>,
    /// `Personality=`
    pub personality: Option<Personality>,
}

/// `CPUSchedulingPolicy=`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "sched(7) describes them")]
pub enum Policy {
    Other = 0,
    Fifo = 1,
    Rr = 2,
    Batch = 3,
    Idle = 5,
}

pub(super) const POLICIES: &[(&str, Policy)] = &[
    ("other", Policy::Other),
    ("batch", Policy::Batch),
    ("idle", Policy::Idle),
    ("fifo", Policy::Fifo),
    ("rr", Policy::Rr),
];

/// `IOSchedulingClass=`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "ioprio_set(2) describes them")]
pub enum IoClass {
    None = 0,
    RealTime = 1,
    BestEffort = 2,
    Idle = 3,
}

pub(super) const IO_CLASSES: &[(&str, IoClass)] = &[
    ("none", IoClass::None),
    ("realtime", IoClass::RealTime),
    ("best-effort", IoClass::BestEffort),
    ("idle", IoClass::Idle),
    ("0", IoClass::None),
    ("1", IoClass::RealTime),
    ("2", IoClass::BestEffort),
    ("3", IoClass::Idle),
];

/// A time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nanoseconds(pub u64);

/// `Personality=`: the kernel's `PER_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personality {
    /// The machine's own.
    Native = 0,
    /// `PER_LINUX32`
    Linux32 = 8,
}

pub(super) const PERSONALITIES: &[(&str, Personality)] =
    &[("x86-64", Personality::Native), ("x86", Personality::Linux32)];

/// Numbers of CPUs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cpus(pub BTreeSet<u32>);

/// No machine has more.
const MOST_CPUS: u32 = 8192;

impl Cpus {
    /// Bit n of the little-endian bytes stands for CPU n.
    pub fn mask(&self) -> Vec<u8> {
        let longest = self.0.last().map_or(0, |n| n / 64 + 1) * 8;
        let mut mask = vec![0u8; longest as usize];
        for cpu in &self.0 {
            if let Some(byte) = mask.get_mut((cpu / 8) as usize) {
                *byte |= 1 << (cpu % 8);
            }
        }
        mask
    }
}

/// `0 2-4,7`; lines add up, an empty one resets.
pub(super) fn cpus(set: &mut Cpus, v: &Value<'_>) -> Result<(), Bad> {
    if v.text.is_empty() {
        set.0.clear();
    }
    if v.text == "numa" {
        return Err(Bad::new(0, "`numa` is not honoured").hint("name the CPUs, e.g. `0-3`"));
    }
    for word in v.words()? {
        for part in word.text.split(',').filter(|p| !p.is_empty()) {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n < MOST_CPUS);
            let (Some(low), Some(high)) = (number(low), number(high)) else {
                return Err(Bad::new(word.at, format!("`{part}` is no number of a CPU, and no range of them")));
            };
            set.0.extend(low..=high);
        }
    }
    Ok(())
}

/// A time; a plain number counts nanoseconds.
pub(super) fn nanoseconds(v: &Value<'_>) -> Result<Option<Nanoseconds>, Bad> {
    let (count, unit) = v.text.split_at(v.text.find(|c: char| !c.is_ascii_digit()).unwrap_or(v.text.len()));
    if let (Ok(count), "" | "ns" | "nsec") = (count.parse(), unit.trim()) {
        return Ok(Some(Nanoseconds(count)));
    }
    let time = scalar::span(v.text)?.map_or(u64::MAX, |t| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX));
    Ok(Some(Nanoseconds(time)))
}

/// What of a process's memory a core dump holds: bits as of core(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoredumpFilter(pub u64);

const MAPPINGS: [&str; 9] = [
    "private-anonymous",
    "shared-anonymous",
    "private-file-backed",
    "shared-file-backed",
    "elf-headers",
    "private-huge",
    "shared-huge",
    "private-dax",
    "shared-dax",
];

pub(super) fn coredump_filter(v: &Value<'_>) -> Result<Option<CoredumpFilter>, Bad> {
    let mut mask = 0;
    for word in v.words()? {
        let place = MAPPINGS.iter().position(|name| *name == word.text);
        let digits = word.text.trim_start_matches("0x");
        mask |= match (word.text.as_str(), place) {
            ("all", _) => (1 << MAPPINGS.len()) - 1,
            ("default", _) => 0x33,
            (_, Some(bit)) => 1 << bit,
            _ => u64::from_str_radix(digits, 16)
                .map_err(|_| Bad::new(word.at, format!("`{}` is no kind of mapping; core(5) lists them", word.text)))?,
        };
    }
    Ok(Some(CoredumpFilter(mask)))
}

fn name_of<T: PartialEq>(table: &[(&str, T)], value: &T) -> Vec<String> {
    table.iter().filter(|(_, v)| v == value).map(|(name, _)| (*name).to_owned()).take(1).collect()
}

macro_rules! show_options {
    ($($type:ty, |$value:ident| $show:expr;)*) => { $(
        impl Show for Option<$type> {
            fn show(&self) -> Vec<String> {
                self.iter().flat_map(|$value| $show).collect()
            }
        }
    )* };
}
show_options! {
    Policy, |v| name_of(POLICIES, v);
    IoClass, |v| name_of(IO_CLASSES, v);
    Personality, |v| name_of(PERSONALITIES, v);
    Nanoseconds, |v| [format!("{}ns", v.0)];
    CoredumpFilter, |v| [format!("{:#x}", v.0)];
}

impl Show for Cpus {
    fn show(&self) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        vec![self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")]
    }
}
