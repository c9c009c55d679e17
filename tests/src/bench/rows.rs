//! The rows of the comparison: what each is called, and what is wanted of Rung in it.

/// What is wanted of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    /// At most so many times the floor.
    Floor(f64),
    /// The value below which 95 of 100 lie is at most so many times the floor's.
    FloorP95(f64),
    /// At most so much.
    Most(f64),
    /// At most so many times Rung's own value in another row.
    Own(&'static str, f64),
    /// At most so many times the best peer's.
    Best(f64),
    /// At most so many times this peer's, where it takes part.
    Peer(&'static str, f64),
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Kilobytes of 1024.
    Kb,
    /// Things.
    Count,
}

impl Unit {
    /// A value with its unit, with three digits that count.
    pub fn show(self, value: f64) -> String {
        let digits = |v: f64| match v.abs() {
            a if a >= 99.95 => format!("{v:.0}"),
            a if a >= 9.995 => format!("{v:.1}"),
            _ => format!("{v:.2}"),
        };
        match self {
            Self::Ms if value >= 9_999.5 => format!("{} s", digits(value / 1000.0)),
            Self::Ms => format!("{} ms", digits(value)),
            Self::Us if value >= 9_999.5 => format!("{} ms", digits(value / 1000.0)),
            Self::Us => format!("{} µs", digits(value)),
            Self::Kb if value >= 999.5 => format!("{} MB", digits(value / 1024.0)),
            Self::Kb => format!("{value:.0} kB"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What the samples are called.
    pub key: &'static str,
    /// What people read.
    pub title: &'static str,
    /// What the numbers are.
    pub unit: Unit,
    /// What is wanted; all of it.
    pub bars: &'static [Bar],
}

const fn row(key: &'static str, title: &'static str, unit: Unit, bars: &'static [Bar]) -> Row {
    Row { key, title, unit, bars }
}

/// All rows, in the order of the table.
pub const ROWS: &[Row] = &[
    row("start-10", "exec of PID 1 → 10 services run", Unit::Ms, &[Bar::Floor(1.5)]),
    row("start-100", "… 100 services", Unit::Ms, &[Bar::Floor(1.2)]),
    row("start-1000", "… 1000 services", Unit::Ms, &[Bar::Floor(1.3), Bar::Best(1.0), Bar::Peer("dinit", 2.0 / 3.0)]),
    row("start-10000", "… 10,000 services", Unit::Ms, &[Bar::Own("start-1000", 11.0)]),
    row("chain", "chain of 100 one-shots", Unit::Ms, &[Bar::Most(80.0)]),
    row("layers", "100 layers of 10 one-shots", Unit::Ms, &[Bar::Most(400.0)]),
    row("chain-violations", "began too early, in the chain", Unit::Count, &[Bar::Most(0.0)]),
    row("layers-violations", "began too early, in the layers", Unit::Count, &[Bar::Most(0.0)]),
    row("restart", "`kill -9` → new instance runs", Unit::Ms, &[Bar::Floor(1.25), Bar::FloorP95(2.0)]),
    row("orphans", "20,000 orphans: PID 1's CPU for each", Unit::Us, &[Bar::Most(2.6)]),
    row("orphans-zombies", "zombies 2 ms after the last orphan's end", Unit::Count, &[Bar::Most(0.0)]),
    row("idle", "wake-ups in 20 s, 100 services idle", Unit::Count, &[Bar::Most(0.0)]),
    row("stop", "stop of 100 services", Unit::Ms, &[Bar::Most(12.0)]),
    row("init-memory-1000", "private memory of PID 1, 1000 services", Unit::Kb, &[Bar::Most(100.0)]),
    row("memory-10", "… of all its own processes and memfds, 10 services", Unit::Kb, &[]),
    row("memory-100", "… 100 services", Unit::Kb, &[Bar::Most(0.9 * 1024.0)]),
    row("memory-1000", "… 1000 services", Unit::Kb, &[Bar::Most(2.2 * 1024.0)]),
    row("restart-10000", "restart with 20,000 descriptors parked", Unit::Ms, &[Bar::Own("restart", 1.1)]),
    row("state-100", "state of one of 100, by command line", Unit::Ms, &[Bar::Most(1.0)]),
    row("state-of-10000", "state of one of 10,000", Unit::Ms, &[Bar::Most(1.0)]),
    row("list-of-10000", "list of 10,000 units, table", Unit::Ms, &[Bar::Most(50.0)]),
    row("json-of-10000", "list of 10,000 units, JSON", Unit::Ms, &[Bar::Most(50.0)]),
    row("changed-of-10000", "changed file among 10,000 → its new command runs", Unit::Ms, &[Bar::Most(10.0)]),
    row("read-10000", "boot: what 10,000 unit files add", Unit::Ms, &[Bar::Most(120.0)]),
    row("transaction-1000", "transaction, 1000 units, 10,000 edges", Unit::Ms, &[]),
    row(
        "transaction-10000",
        "transaction, 10,000 units, 100,000 edges",
        Unit::Ms,
        &[Bar::Most(30.0), Bar::Own("transaction-1000", 11.0)],
    ),
    row("crash", "20 services crash all the time: own CPU in 10 s", Unit::Ms, &[Bar::Most(20.0)]),
    row("crash-each", "… with no delay: own CPU a restart", Unit::Us, &[Bar::Best(1.0)]),
    row("size-init", "PID 1's program, what is loaded of it", Unit::Kb, &[Bar::Most(1.2 * 1024.0)]),
    row("size-init-file", "PID 1's program, the file", Unit::Kb, &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits() {
        assert_eq!(Unit::Ms.show(1.234), "1.23 ms");
        assert_eq!(Unit::Ms.show(99.96), "100 ms");
        assert_eq!(Unit::Ms.show(12_345.0), "12.3 s");
        assert_eq!(Unit::Kb.show(44.0), "44 kB");
        assert_eq!(Unit::Kb.show(24_032.0), "23.5 MB");
        assert_eq!(Unit::Count.show(0.0), "0");
    }

    #[test]
    fn bars_name_rows_that_there_are() {
        for row in ROWS {
            for bar in row.bars {
                if let Bar::Own(other, _) = bar {
                    assert!(ROWS.iter().any(|r| r.key == *other), "{other}");
                }
            }
        }
    }
}
