//! What is wanted of Rung, and whether it is so in this run.

use super::{Report, is_ours};
use crate::bench::rows::{Bar, ROWS, Row};
use crate::bench::stats::Stats;
use serde::Serialize;

/// One bar of one row.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The row.
    pub row: String,
    /// `rung`, or `rung-plain`.
    pub contender: String,
    /// What was wanted.
    pub bar: String,
    /// What there was.
    pub value: f64,
    /// What there may be.
    pub limit: f64,
    /// Whether it is so.
    pub met: bool,
}

impl Report {
    /// All that can be told of this run.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        let each = |contender: &'static str| {
            ROWS.iter().flat_map(move |row| row.bars.iter().filter_map(move |bar| self.verdict(row, *bar, contender)))
        };
        each("rung").chain(each("rung-plain")).collect()
    }

    /// The floor for a contender: with a cgroup for each service where the contender makes one too.
    pub fn floor(&self, row: &str, contender: &str) -> Option<&Stats> {
        let own = if contender == "rung" { "floor-cgroup" } else { "floor" };
        let names: &[&str] = if row.starts_with("orphans") { &["floor-wait"] } else { &[own, "floor"] };
        names.iter().find_map(|name| self.get(row, name))
    }

    /// The peer with the least median.
    pub fn best_peer(&self, row: &str) -> Option<(&str, &Stats)> {
        let peers = self.rows.get(row)?.iter().filter(|(name, _)| !is_ours(name));
        peers.map(|(name, s)| (name.as_str(), s)).min_by(|a, b| a.1.median.total_cmp(&b.1.median))
    }

    fn verdict(&self, row: &Row, bar: Bar, contender: &'static str) -> Option<Verdict> {
        let own = self.get(row.key, contender)?;
        let floor = self.floor(row.key, contender);
        let (value, limit, text) = match bar {
            Bar::Floor(n) => (own.median, n * floor?.median, format!("≤ {n} × floor")),
            Bar::FloorP95(n) => (own.p95, n * floor?.p95, format!("p95 ≤ {n} × the floor's")),
            Bar::Most(n) => (own.median, n, format!("≤ {}", row.unit.show(n))),
            Bar::Own(other, n) => {
                let title = ROWS.iter().find(|r| r.key == other).map_or(other, |r| r.title);
                (own.median, n * self.get(other, contender)?.median, format!("≤ {n} × “{title}”"))
            }
            Bar::Best(n) => {
                let (_, best) = self.best_peer(row.key)?;
                (own.median, n * best.median, "below every peer".to_owned())
            }
            Bar::Peer(name, n) => (own.median, n * self.get(row.key, name)?.median, format!("≤ {n:.2} × {name}")),
        };
        Some(Verdict {
            row: row.key.to_owned(),
            contender: contender.to_owned(),
            bar: text,
            value,
            limit,
            met: value <= limit,
        })
    }
}
