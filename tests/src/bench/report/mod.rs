//! What comes out: JSON, Markdown, a chart, and the part of README that is made of them.

mod judge;
mod machine;
mod markdown;
mod readme;
mod svg;

pub use machine::Machine;
pub use readme::update;

use super::measure::Samples;
use super::stats::{Stats, stats};
use super::{Doing, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// All that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where, and when.
    pub machine: Machine,
    /// Contenders in order, with their versions.
    pub contenders: Vec<(String, String)>,
    /// By row and contender. What each row is stands in `titles`.
    pub rows: BTreeMap<String, BTreeMap<String, Stats>>,
    /// What is wanted of Rung, and whether it is so.
    pub bars: Vec<judge::Verdict>,
    /// What could not be measured, and why.
    pub troubles: Vec<String>,
}

impl Report {
    /// Of these samples.
    pub fn new(
        machine: Machine,
        versions: &[(&'static str, String)],
        samples: &Samples,
        troubles: Vec<String>,
    ) -> Self {
        let mut rows: BTreeMap<String, BTreeMap<String, Stats>> = BTreeMap::new();
        for ((row, contender), values) in samples {
            if let Some(stats) = stats(values) {
                rows.entry(row.clone()).or_default().insert((*contender).to_owned(), stats);
            }
        }
        let contenders = versions.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        let mut report = Self { machine, contenders, rows, bars: Vec::new(), troubles };
        report.bars = report.verdicts();
        report
    }

    /// What a contender reached in a row.
    pub fn get(&self, row: &str, contender: &str) -> Option<&Stats> {
        self.rows.get(row)?.get(contender)
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that is known.
    pub fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").doing("the report")
    }
}

/// Whether it is one of ours: Rung, or a floor.
pub fn is_ours(contender: &str) -> bool {
    contender.starts_with("rung") || contender.starts_with("floor")
}
