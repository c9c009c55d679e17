//! Tables: Rung beside floor and best peer, every contender in the rows that matter most, and all there is.

use super::Report;
use crate::bench::rows::{ROWS, Unit};
use crate::bench::stats::Stats;
use std::fmt::Write as _;

/// The columns of the second table.
const COLUMNS: [(&str, &str); 9] = [
    ("start-10", "start 10"),
    ("start-100", "100"),
    ("start-1000", "1000"),
    ("chain", "chain of 100"),
    ("restart", "restart"),
    ("stop", "stop 100"),
    ("orphans", "orphan"),
    ("state-100", "state"),
    ("memory-100", "memory at 100"),
];

fn unit(key: &str) -> Unit {
    ROWS.iter().find(|r| r.key == key).map_or(Unit::Count, |r| r.unit)
}

fn span(unit: Unit, stats: &Stats) -> String {
    let median = unit.show(stats.median);
    if stats.samples < 2 || unit == Unit::Count && (stats.max - stats.min).abs() < f64::EPSILON {
        return median;
    }
    let bare = |v: f64| unit.show(v).split(' ').next().unwrap_or("").to_owned();
    let same = |v: f64| unit.show(v).split(' ').nth(1) == median.split(' ').nth(1);
    let number = |v: f64| if same(v) { bare(v) } else { unit.show(v) };
    format!("{median} ({}–{})", number(stats.min), number(stats.max))
}

impl Report {
    /// Rung beside floor and best peer, with what is wanted.
    pub fn summary(&self) -> String {
        let mut text = String::from(
            "| | Rung, median (min–max) | × floor | without cgroups | × floor | best peer | wanted | |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for row in ROWS {
            let Some(own) = self.get(row.key, "rung").or_else(|| self.get(row.key, "rung-plain")) else {
                let _ = writeln!(text, "| {} | not measured | | | | | | |", row.title);
                continue;
            };
            let plain = self.get(row.key, "rung-plain");
            let ratio = |own: Option<&Stats>, contender: &str| {
                let floor = self.floor(row.key, contender).filter(|f| f.median > 0.0 && row.unit != Unit::Kb);
                own.zip(floor).map_or(String::new(), |(o, f)| format!("{:.2}", o.median / f.median))
            };
            let best = self.best_peer(row.key);
            let best = best.map_or(String::new(), |(name, s)| format!("{name} {}", row.unit.show(s.median)));
            let verdicts: Vec<_> = self.bars.iter().filter(|v| v.row == row.key && v.contender == "rung").collect();
            let wanted: Vec<_> = verdicts.iter().map(|v| v.bar.as_str()).collect();
            let met = match (verdicts.is_empty(), verdicts.iter().all(|v| v.met)) {
                (true, _) => "",
                (_, true) => "met",
                (_, false) => "**missed**",
            };
            let cells = [
                row.title.to_owned(),
                span(row.unit, own),
                ratio(Some(own), "rung"),
                plain.map_or(String::new(), |s| row.unit.show(s.median)),
                ratio(plain, "rung-plain"),
                best,
                wanted.join(", "),
                met.to_owned(),
            ];
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text
    }

    /// Every contender in some rows.
    pub fn matrix(&self) -> String {
        let titles: Vec<_> = COLUMNS.iter().map(|(_, title)| *title).collect();
        let mut text = format!("| | version | {} |\n|---|---|{}\n", titles.join(" | "), "---|".repeat(COLUMNS.len()));
        for (name, version) in &self.contenders {
            let cell = |key: &str| self.get(key, name).map_or(String::new(), |s| unit(key).show(s.median));
            let cells: Vec<_> = COLUMNS.iter().map(|(key, _)| cell(key)).collect();
            if cells.iter().any(|c| !c.is_empty()) {
                let _ = writeln!(text, "| {name} | {version} | {} |", cells.join(" | "));
            }
        }
        text
    }

    /// All there is.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n{}\n{}", self.machine.line(), self.summary(), self.matrix());
        for (row, by) in &self.rows {
            let title = ROWS.iter().find(|r| r.key == row).map_or(String::new(), |r| format!(": {}", r.title));
            let _ = writeln!(text, "\n**{row}**{title}\n\n| | min | median | p95 | max | × floor | samples |");
            text += "|---|---|---|---|---|---|---|\n";
            for (name, _) in &self.contenders {
                let Some(s) = by.get(name) else { continue };
                let floor = self.floor(row, name).map(|f| f.median).filter(|f| *f > 0.0);
                let ratio = floor.map_or(String::new(), |f| format!("{:.2}", s.median / f));
                let cells = [s.min, s.median, s.p95, s.max].map(|v| format!("{v:.2}")).join(" | ");
                let _ = writeln!(text, "| {name} | {cells} | {ratio} | {} |", s.samples);
            }
        }
        if !self.troubles.is_empty() {
            text += "\nNot measured:\n\n";
        }
        for trouble in &self.troubles {
            let _ = writeln!(text, "- {}", trouble.lines().next().unwrap_or(""));
        }
        text
    }
}
