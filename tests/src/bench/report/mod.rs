//! What comes out: JSON and Markdown.

use super::measure::Samples;
use super::stats::{Stats, stats};
use super::{Doing, Result, cli};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

/// All that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Contenders in order, with their versions.
    pub contenders: Vec<(String, String)>,
    /// By row and contender.
    pub rows: BTreeMap<String, BTreeMap<String, Stats>>,
    /// What could not be measured, and why.
    pub troubles: Vec<String>,
}

impl Report {
    /// Of these samples.
    pub fn new(versions: &[(&'static str, String)], samples: &Samples, troubles: Vec<String>) -> Self {
        let mut rows: BTreeMap<String, BTreeMap<String, Stats>> = BTreeMap::new();
        for ((row, contender), values) in samples {
            if let Some(stats) = stats(values) {
                rows.entry(row.clone()).or_default().insert((*contender).to_owned(), stats);
            }
        }
        let contenders = versions.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        Self { contenders, rows, troubles }
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that is known.
    pub fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).doing("the report")
    }

    /// As tables, one a row.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (row, by) in &self.rows {
            let floor = by.get("floor").or_else(|| by.get("floor-wait")).map(|s| s.median);
            let _ = writeln!(text, "\n{row}\n\n| | min | median | p95 | max | × floor | samples |\n|-|-|-|-|-|-|-|");
            for (name, _) in &self.contenders {
                let Some(s) = by.get(name) else { continue };
                let ratio = floor.filter(|f| *f > 0.0).map_or(String::new(), |f| format!("{:.2}", s.median / f));
                let cells = [s.min, s.median, s.p95, s.max].map(|v| format!("{v:.2}")).join(" | ");
                let _ = writeln!(text, "| {name} | {cells} | {ratio} | {} |", s.samples);
            }
        }
        for trouble in &self.troubles {
            let _ = writeln!(text, "\n{trouble}");
        }
        text
    }
}

/// From now on this signal makes the bench end in order.
///
/// # Errors
/// As `sigaction(2)`.
pub fn on_signal(signal: i32) -> std::io::Result<()> {
    let handler = || cli::INTERRUPTED.store(true, Ordering::Relaxed);
    // SAFETY: storing into an atomic is all that the handler does.
    unsafe { signal_hook::low_level::register(signal, handler) }.map(drop)
}
