//! What is kept of a boot beside the units' own times: the load of processors and disks, the CPU time of long starts; and
//! the record that the logger makes a file of, once level S is through, once the boot is done, or once it is cut short.
//!
//! The load is looked at when the loop turns anyway, never for its own sake, and at most [`MOST`] looks are kept: every
//! second one is dropped when there are more, and the next ones come half as often. After the boot nothing of it is left.

use super::state::Manager;
use crate::core::{Reached, Record, Start, State, UnitId};
use crate::proto::control::{BootRecord, BootStage, BootUnit, LevelTime, Load};
use crate::proto::logger::Request;
use crate::sys::{file, memfd, wait};
use crate::unit::Level;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::uio::pread;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Looks that are kept.
const MOST: usize = 256;
/// Between two looks at first, in milliseconds; a processor's tick is 10.
const SPACING: u64 = 50;
/// A start that takes longer is asked for its CPU time, in milliseconds.
const LONG: u64 = 50;
/// So many of them.
const MOST_LONG: usize = 1024;
/// Of `/proc/diskstats`; disks after that aren't counted.
const DISKS: usize = 16 << 10;
/// What has been handed to the logger, in the journal.
const KEY: &str = "boot/recorded";

/// The recorder; empty and idle once the boot is done.
#[derive(Debug, Default)]
pub struct Recorder {
    /// The boot goes on.
    on: bool,
    load: Vec<Load>,
    spacing: u64,
    next: u64,
    processors: Option<OwnedFd>,
    disks: Option<OwnedFd>,
    /// In milliseconds.
    cpu: BTreeMap<UnitId, u32>,
    /// What the logger has not answered yet.
    unwritten: Option<OwnedFd>,
    /// What is known so far is to be handed over.
    soon: bool,
    /// The whole has been handed over, by this manager or one before.
    recorded: bool,
    dirty: bool,
}

impl Recorder {
    /// Takes what is its own out of a journal.
    pub fn restore(records: &mut Vec<Record>) -> Self {
        let before = records.len();
        records.retain(|record| record.key != KEY);
        Self { recorded: records.len() < before, ..Self::default() }
    }

    /// A record of what has changed since the last call.
    pub fn take_dirty(&mut self) -> Option<Record> {
        std::mem::take(&mut self.dirty).then(Self::record)
    }

    /// A record of everything.
    pub fn snapshot(&self) -> Option<Record> {
        self.recorded.then(Self::record)
    }

    fn record() -> Record {
        Record::new(KEY.to_owned(), Some(&true))
    }

    /// Level S is done. What comes after it is started first: nobody waits for the record.
    pub fn hand_over_soon(&mut self) {
        self.soon = true;
    }

    fn begin(&mut self) {
        let file = |path| open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok();
        (self.on, self.spacing) = (true, SPACING);
        (self.processors, self.disks) = (file("/proc/stat"), file("/proc/diskstats"));
    }

    fn end(&mut self) {
        let unwritten = self.unwritten.take();
        *self = Self { recorded: true, dirty: true, unwritten, ..Self::default() };
    }

    /// Looks at the load, unless that was done just now.
    pub fn look(&mut self) {
        if !self.on {
            return;
        }
        let now = wait::now_ms();
        if now >= self.next {
            self.next = now.saturating_add(self.spacing);
            self.look_now(now);
        }
    }

    fn look_now(&mut self, now: u64) {
        let mut load = Load { at_ms: now, ..Load::default() };
        let mut buffer = [0; DISKS];
        if let Some(text) = read(self.processors.as_ref(), &mut buffer[..512]) {
            processors(text, &mut load);
        }
        if let Some(text) = read(self.disks.as_ref(), &mut buffer) {
            disks(text, &mut load);
        }
        if self.load.len() >= MOST {
            let mut index = 0;
            self.load.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.spacing = self.spacing.saturating_mul(2);
        }
        self.load.push(load);
    }
}

fn read<'a>(fd: Option<&OwnedFd>, buffer: &'a mut [u8]) -> Option<&'a str> {
    let length = pread(fd?, buffer, 0).ok()?;
    let bytes = buffer.get(..length)?;
    // What is cut off may end within a character.
    Some(std::str::from_utf8(bytes).unwrap_or_else(|e| {
        bytes.get(..e.valid_up_to()).and_then(|part| std::str::from_utf8(part).ok()).unwrap_or_default()
    }))
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. Pure.
fn processors(text: &str, load: &mut Load) {
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_ascii_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
    let at = |index: usize| ticks.get(index).copied().unwrap_or(0);
    load.total = ticks.iter().sum();
    load.iowait = at(4);
    load.busy = load.total.saturating_sub(at(3)).saturating_sub(at(4));
}

/// `/proc/diskstats`: what whole disks have read and written; a partition stands behind its disk. Pure.
fn disks(text: &str, load: &mut Load) {
    let mut disk = "";
    // What is made of other disks would count twice.
    let made = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"];
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let Some(name) = fields.next() else { continue };
        let part = !disk.is_empty()
            && name.strip_prefix(disk).is_some_and(|rest| {
                let digits = rest.strip_prefix('p').unwrap_or(rest);
                !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
            });
        if part || made.iter().any(|kind| name.starts_with(kind)) {
            continue;
        }
        disk = name;
        // Sectors of 512 bytes: the third and the seventh number.
        let numbers: Vec<u64> = fields.take(7).map(|n| n.parse().unwrap_or(0)).collect();
        let kib = |index: usize| numbers.get(index).copied().unwrap_or(0) / 2;
        load.read_kib = load.read_kib.saturating_add(kib(2));
        load.written_kib = load.written_kib.saturating_add(kib(6));
    }
}

/// `usage_usec` of a cgroup's `cpu.stat`, in milliseconds. Pure.
fn usage(text: &str) -> Option<u32> {
    let micros = text.lines().find_map(|line| line.strip_prefix("usage_usec "))?.trim().parse::<u64>().ok()?;
    u32::try_from(micros.div_ceil(1000)).ok()
}

impl Manager {
    /// The first level after level S is reached: nothing more belongs to the boot.
    fn is_booted(&self) -> bool {
        self.core.levels().1.is_some_and(|level| level != Level::S)
    }

    /// Takes part in a boot: this one's beginning, or where the manager before us was.
    pub fn record_boot(&mut self) {
        use super::machine::Purpose;
        let levels = matches!(self.machine.purpose, Purpose::Levels { .. });
        if self.recorder.recorded || !levels || self.going.is_some() {
            return;
        }
        if !self.is_booted() {
            self.recorder.begin();
            self.recorder.look();
        } else if self.core.reached().iter().any(|level| level.0 != Level::S) {
            // It died between the two.
            self.hand_over(BootStage::Done);
        } else {
            // Nothing is known of it: the journal was lost.
            self.recorder.recorded = true;
        }
    }

    /// A start that took long is over: the CPU time it took, while its cgroup is there.
    pub(super) fn note_cpu(&mut self, unit: UnitId) {
        if !self.recorder.on || self.recorder.cpu.len() >= MOST_LONG || self.recorder.cpu.contains_key(&unit) {
            return;
        }
        let view = self.core.view(unit);
        let long = view.times.first().is_some_and(|start| start.1.saturating_sub(start.0) >= LONG);
        if let (true, Some(tree)) = (long, &self.tree) {
            let text = file::read_text(&tree.path(view.name.as_str()).join("cpu.stat"), 4096).unwrap_or_default();
            self.recorder.cpu.extend(usage(&text).map(|ms| (unit, ms)));
        }
    }

    /// Hands over what is known so far, where that is due.
    pub fn hand_over_going(&mut self) {
        if std::mem::take(&mut self.recorder.soon) {
            self.hand_over(BootStage::Going);
        }
    }

    /// Has what is known so far written down, if the boot goes on.
    pub fn hand_over(&mut self, stage: BootStage) {
        if !self.recorder.on && stage != BootStage::Done || self.recorder.recorded {
            return;
        }
        if self.recorder.on {
            self.recorder.look_now(wait::now_ms());
        }
        // The rest follows soon, or the power fails.
        let record = BootRecord { stage, ..self.boot_record(stage != BootStage::Going) };
        self.recorder.unwritten = serde_json::to_vec(&record).ok().and_then(|text| {
            let file = memfd::or_file(c"rung-boot").ok()?;
            file::write_at(file.as_fd(), &text, 0).ok().map(|()| file)
        });
        self.send_record();
        if stage != BootStage::Going {
            self.recorder.end();
            self.record();
        }
    }

    /// Sends what the logger hasn't answered: it may have died with it.
    pub fn send_record(&mut self) {
        if let Some(file) = self.recorder.unwritten.as_ref().and_then(|file| file.try_clone().ok()) {
            self.logger.send(Request::Record { boot: self.events.boot().to_owned() }, Some(file.into()));
        }
    }

    /// The logger has written it, or can't.
    pub fn record_written(&mut self) {
        self.recorder.unwritten = None;
    }

    /// All that is known of this boot. `whole`: units and load, too.
    pub fn boot_record(&self, whole: bool) -> BootRecord {
        let text = |path| file::read_text(Path::new(path), 4096).unwrap_or_default().trim_end().to_owned();
        let level = |Reached(level, Start(begun, done)): &Reached| LevelTime {
            level: *level,
            begun_ms: *begun,
            reached_ms: *done,
        };
        BootRecord {
            boot: self.events.boot().to_owned(),
            stage: if self.is_booted() { BootStage::Done } else { BootStage::Going },
            host: text("/proc/sys/kernel/hostname"),
            kernel: text("/proc/sys/kernel/osrelease"),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            container: self.machine.container,
            wall_ms: wait::wall_ms(),
            now_ms: wait::now_ms(),
            init_ms: self.machine.boot_mark,
            levels: self.core.reached().iter().map(level).collect(),
            units: self.core.ids().filter(|_| whole).filter_map(|id| self.boot_unit(id)).collect(),
            load: if whole { self.recorder.load.clone() } else { Vec::new() },
        }
    }

    fn boot_unit(&self, id: UnitId) -> Option<BootUnit> {
        let (view, queued) = (self.core.view(id), self.core.asked_at(id));
        let first = view.times.first();
        // One that was taken over was never asked for.
        queued.or(first.map(|start| start.0))?;
        let some = |ms: u64| (ms > 0).then_some(ms);
        Some(BootUnit {
            name: view.name.clone(),
            queued_ms: queued,
            begun_ms: first.map(|start| start.0),
            done_ms: first.and_then(|start| some(start.1)),
            ended_ms: some(view.times.ended),
            state: if view.outcome.is_some_and(|o| o.is_failure()) { State::Failed } else { view.state },
            cpu_ms: self.recorder.cpu.get(&id).map(|ms| u64::from(*ms)),
            after: self.core.waited_for(id).map(|other| self.core.name(other).clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_read() {
        let mut load = Load::default();
        processors("cpu  100 1 50 800 40 2 3 4 0 0\ncpu0 1 2 3\n", &mut load);
        assert_eq!((load.busy, load.iowait, load.total), (160, 40, 1000));
        let text = "   8 0 sda 10 0 200 5 1 0 400 5 0 9 9\n   8 1 sda1 9 0 190 5 1 0 390 5 0 9 9\n\
                    253 0 dm-0 1 0 1000 5 1 0 1000 5 0 9 9\n   7 0 loop0 1 0 1000 5 1 0 1 5 0 9 9\n\
                    259 0 nvme0n1 1 0 20 5 1 0 40 5 0 9 9\n 259 1 nvme0n1p1 1 0 20 5 1 0 40 5 0 9 9\n 8 2 sdb 1 0 99";
        disks(text, &mut load);
        assert_eq!((load.read_kib, load.written_kib), (110, 220), "what is cut off isn't counted");
        assert_eq!(usage("usage_usec 12345\nuser_usec 1\n"), Some(13));
        assert_eq!(usage("nonsense"), None);
    }

    #[test]
    fn looks_are_bounded_and_reach_over_the_whole_boot() {
        let mut recorder = Recorder { spacing: SPACING, ..Recorder::default() };
        for n in 0..10_000 {
            recorder.look_now(n);
        }
        assert!(recorder.load.len() <= MOST && recorder.spacing > SPACING);
        assert_eq!(recorder.load.first().map(|l| l.at_ms), Some(0));
        assert_eq!(recorder.load.last().map(|l| l.at_ms), Some(9_999));
        assert!(recorder.load.is_sorted_by_key(|l| l.at_ms));
    }

    #[test]
    fn that_it_is_done_outlives_the_manager() {
        let mut recorder = Recorder { on: true, ..Recorder::default() };
        assert_eq!((recorder.take_dirty(), recorder.snapshot()), (None, None));
        recorder.end();
        let dirty = recorder.take_dirty();
        assert!(dirty.is_some() && recorder.take_dirty().is_none() && recorder.snapshot() == dirty);
        let mut records: Vec<Record> = dirty.into_iter().collect();
        assert!(Recorder::restore(&mut records).recorded && records.is_empty());
        assert!(!Recorder::restore(&mut records).recorded);
    }
}
