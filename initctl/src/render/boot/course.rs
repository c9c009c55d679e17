//! What a boot was made of: its parts, its units, and what each of them waited for. Pure.

use init::core::State;
use init::proto::control::{BootRecord, BootStage, BootUnit, LevelTime};
use init::unit::Level;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A boot, seen from its end.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// What is known.
    pub record: &'a BootRecord,
    /// What times are counted from: the kernel's start, or PID 1's in a container.
    pub base: u64,
    /// When all was up, or what is the last that is known.
    pub end: u64,
}

/// A part of a boot: one follows the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `kernel`, `init`, `runlevel S`, …
    pub name: String,
    /// When it began, milliseconds since the kernel's start (in a container, since PID 1's).
    pub begun_ms: u64,
    /// When it was through; none: not yet.
    pub done_ms: Option<u64>,
}

/// What a unit waited for, and that again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link<'a> {
    /// A unit.
    Unit(&'a BootUnit),
    /// A level that had to be reached.
    Level(&'a LevelTime),
}

impl<'a> Course<'a> {
    /// Of a record.
    pub fn new(record: &'a BootRecord) -> Self {
        let base = if record.container { record.init_ms } else { 0 };
        let mut course = Self { record, base, end: record.now_ms.max(base) };
        if let Some(last) = course.levels().last().filter(|level| level.level != Level::S) {
            course.end = last.reached_ms.max(base);
        }
        course
    }

    /// Level S, and the first after it; those reached later are none of the boot's.
    pub fn levels(&self) -> &'a [LevelTime] {
        let levels = self.record.levels.as_slice();
        let length = levels.iter().position(|l| l.level != Level::S).map_or(levels.len(), |at| at + 1);
        levels.get(..length).unwrap_or_default()
    }

    /// A moment as it is shown.
    pub fn at(&self, ms: u64) -> u64 {
        ms.saturating_sub(self.base)
    }

    /// A moment by the clock, milliseconds since the epoch.
    pub fn clock(&self, ms: u64) -> u64 {
        self.record.wall_ms.saturating_sub(self.record.now_ms.saturating_sub(ms))
    }

    /// How long all of it took.
    pub fn total(&self) -> u64 {
        self.at(self.end)
    }

    /// Whether it came to its end.
    pub fn is_done(&self) -> bool {
        self.levels().last().is_some_and(|level| level.level != Level::S)
    }

    /// What it was made of, in order; each begins where the one before ended.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut from = 0;
        let mut push = |name: &str, done: Option<u64>| {
            parts.push(Part { name: name.to_owned(), begun_ms: from, done_ms: done });
            from = done.unwrap_or(from);
        };
        if !self.record.container {
            push("kernel", Some(self.at(self.record.init_ms)));
        }
        let first = self.levels().first();
        push("init", first.map(|level| self.at(level.begun_ms)));
        for level in self.levels() {
            push(&format!("runlevel {}", level.level), Some(self.at(level.reached_ms)));
        }
        parts
    }

    /// What was asked to start before the end, by its beginning.
    pub fn units(&self) -> Vec<&'a BootUnit> {
        let when = |unit: &BootUnit| unit.begun_ms.or(unit.ended_ms).or(unit.queued_ms).unwrap_or(u64::MAX);
        let asked = |unit: &&BootUnit| unit.queued_ms.or(unit.begun_ms).is_some_and(|ms| ms <= self.end);
        let mut units: Vec<&BootUnit> = self.record.units.iter().filter(asked).collect();
        units.sort_by(|a, b| (when(a), a.queued_ms, &a.name).cmp(&(when(b), b.queued_ms, &b.name)));
        units
    }

    /// Those that failed, or never began for something that did.
    pub fn failed(&self) -> Vec<&'a BootUnit> {
        self.units().into_iter().filter(|unit| has_failed(unit)).collect()
    }

    /// What the boot waited for: its last unit.
    pub fn last(&self) -> Option<&'a BootUnit> {
        let level = self.levels().last()?;
        self.last_within(level).or_else(|| self.last_within(self.levels().first()?))
    }

    fn last_within(&self, level: &LevelTime) -> Option<&'a BootUnit> {
        let within = |unit: &&BootUnit| {
            unit.begun_ms.is_some_and(|ms| ms >= level.begun_ms)
                && unit.done_ms.is_some_and(|ms| ms <= level.reached_ms)
        };
        self.record.units.iter().filter(within).max_by(|a, b| (a.done_ms, &b.name).cmp(&(b.done_ms, &a.name)))
    }

    /// From a unit back to the first, each with what it waited for last. A unit that was ordered after nothing waited for
    /// its level to be begun, and so for the one before to be reached.
    pub fn chain(&self, from: &'a BootUnit) -> Vec<Link<'a>> {
        let names: BTreeMap<_, _> = self.record.units.iter().map(|unit| (&unit.name, unit)).collect();
        let (mut chain, mut seen) = (vec![Link::Unit(from)], BTreeSet::from([&from.name]));
        let mut at = from;
        loop {
            let next = at.after.as_ref().and_then(|name| names.get(name).copied()).or_else(|| {
                let begun = at.begun_ms?;
                let level = self.levels().iter().rev().find(|level| level.reached_ms <= begun)?;
                let entered = chain.iter().any(|link| matches!(link, Link::Level(l) if l.level == level.level));
                (!entered).then(|| chain.push(Link::Level(level)))?;
                self.last_within(level)
            });
            let Some(next) = next.filter(|unit| seen.insert(&unit.name)) else { return chain };
            chain.push(Link::Unit(next));
            at = next;
        }
    }

    /// How it ended, in a few words.
    pub fn outcome(&self, is_this: bool) -> String {
        let failed = self.failed().len();
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        match (self.record.stage, self.levels().last()) {
            (_, Some(level)) if self.is_done() => format!("runlevel {}{failed}", level.level),
            (BootStage::Cut, _) => format!("cut short by a shutdown{failed}"),
            _ if is_this => "goes on".to_owned(),
            _ => "ended before it was done".to_owned(),
        }
    }
}

/// Whether it failed, or what it needed did before it began.
pub fn has_failed(unit: &BootUnit) -> bool {
    unit.state == State::Failed || unit.begun_ms.is_none() && unit.ended_ms.is_some()
}

/// How long its start took, if it is over.
pub fn took(unit: &BootUnit) -> Option<u64> {
    Some(unit.done_ms?.saturating_sub(unit.begun_ms?))
}

#[cfg(test)]
pub mod samples {
    //! A boot to look at.

    use super::*;
    use init::proto::control::Load;
    use init::unit::UnitName;

    pub fn unit(name: &str, moments: [u64; 4], after: Option<&str>) -> BootUnit {
        let full = |text: &str| UnitName::new(text).expect("a name");
        let [queued_ms, begun_ms, done_ms, ended_ms] = moments.map(|ms| (ms > 0).then_some(ms));
        let (state, after) = (State::Active, after.map(full));
        BootUnit { name: full(name), queued_ms, begun_ms, done_ms, ended_ms, state, cpu_ms: None, after }
    }

    pub fn record() -> BootRecord {
        let level = |level, begun_ms, reached_ms| LevelTime { level, begun_ms, reached_ms };
        let mut units = vec![
            unit("disk", [1010, 1010, 2400, 0], None),
            unit("net", [2600, 2600, 3500, 0], None),
            unit("web", [2600, 3500, 6000, 0], Some("net")),
            unit("slow", [2600, 2610, 0, 0], None),
            unit("broken", [2600, 2620, 2700, 2800], None),
            unit("late", [80_000, 80_000, 90_000, 0], None),
            unit("needs-broken", [2600, 0, 0, 2800], None),
        ];
        units[0].cpu_ms = Some(700);
        units[4].state = State::Failed;
        let load = |at_ms: u64| Load {
            at_ms,
            busy: at_ms / 10,
            iowait: at_ms / 20,
            total: at_ms / 5,
            read_kib: at_ms,
            written_kib: 0,
        };
        BootRecord {
            boot: "5f1c99e2".into(),
            stage: BootStage::Done,
            host: "rung".into(),
            kernel: "6.12.1".into(),
            version: "0.1.0".into(),
            container: false,
            wall_ms: 1_795_396_800_000,
            now_ms: 6000,
            init_ms: 1000,
            levels: vec![level(Level::S, 1010, 2500), level(Level::try_from('3').expect("a level"), 2600, 6000)],
            units,
            load: (20..=120).map(|n| load(n * 50)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_from_the_kernels_start_to_the_end() {
        let record = samples::record();
        let course = Course::new(&record);
        let parts = |course: &Course<'_>| -> Vec<(String, u64, Option<u64>)> {
            course.parts().into_iter().map(|p| (p.name, p.begun_ms, p.done_ms)).collect()
        };
        let wanted =
            [("kernel", 0, 1000), ("init", 1000, 1010), ("runlevel S", 1010, 2500), ("runlevel 3", 2500, 6000)];
        assert_eq!(parts(&course), wanted.map(|(name, begun, done)| (name.to_owned(), begun, Some(done))));
        assert_eq!((course.total(), course.clock(1000)), (6000, 1_795_396_795_000));
        let container = BootRecord { container: true, ..record.clone() };
        let course = Course::new(&container);
        assert_eq!(parts(&course).first(), Some(&("init".to_owned(), 0, Some(10))));
        assert_eq!(course.total(), 5000);
        let begun = BootRecord { levels: Vec::new(), stage: BootStage::Going, now_ms: 1500, ..record };
        let course = Course::new(&begun);
        assert_eq!(parts(&course).last(), Some(&("init".to_owned(), 1000, None)));
        assert_eq!((course.total(), course.outcome(true).as_str()), (1500, "goes on"));
        assert_eq!(course.outcome(false), "ended before it was done");
    }

    #[test]
    fn a_chain_goes_back_through_the_level_before() {
        let record = samples::record();
        let course = Course::new(&record);
        let names = |from: &str| -> Vec<String> {
            let unit = record.units.iter().find(|u| u.name.short() == from).expect("a unit");
            let name = |link: &Link<'_>| match link {
                Link::Unit(unit) => unit.name.short().to_owned(),
                Link::Level(level) => level.level.to_string(),
            };
            course.chain(unit).iter().map(name).collect()
        };
        assert_eq!(course.last().map(|u| u.name.short()), Some("web"));
        assert_eq!(names("web"), ["web", "net", "S", "disk"]);
        assert_eq!(names("disk"), ["disk"]);
        assert_eq!(names("needs-broken"), ["needs-broken"]);
    }

    #[test]
    fn what_came_later_or_failed_is_told_apart() {
        let record = samples::record();
        let course = Course::new(&record);
        let names: Vec<&str> = course.units().iter().map(|u| u.name.short()).collect();
        assert_eq!(names, ["disk", "net", "slow", "broken", "needs-broken", "web"]);
        let failed: Vec<&str> = course.failed().iter().map(|u| u.name.short()).collect();
        assert_eq!(failed, ["broken", "needs-broken"]);
        assert_eq!(course.outcome(false), "runlevel 3, 2 failed");
        assert_eq!((took(&record.units[0]), took(&record.units[3])), (Some(1390), None));
    }

    #[test]
    fn two_that_name_each_other_are_no_endless_chain() {
        let mut record = samples::record();
        record.units[1].after = Some(record.units[2].name.clone());
        let course = Course::new(&record);
        assert_eq!(course.chain(&record.units[2]).len(), 2);
    }
}
