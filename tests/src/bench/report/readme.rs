//! The part of README between two markers.

use super::Report;
use crate::bench::{Doing, Result};
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- made by tests/bench/run --readme -->";
const END: &str = "<!-- end -->";

/// Writes tables into README, and the chart beside the script.
///
/// # Errors
/// A file can't be written, or README has no markers.
pub fn update(report: &Report, repository: &Path) -> Result<()> {
    let path = repository.join("README.md");
    let old = fs::read_to_string(&path).doing(path.display())?;
    let new = replaced(&old, &part(report)).ok_or_else(|| format!("README.md has no `{BEGIN}` … `{END}`"))?;
    fs::write(&path, new).doing(path.display())?;
    let bench = repository.join("tests/bench");
    fs::write(bench.join("chart.svg"), report.svg()).doing("chart.svg")?;
    fs::write(bench.join("results.json"), report.json()?).doing("results.json")
}

fn part(report: &Report) -> String {
    format!(
        "![start, restart and memory beside other inits](tests/bench/chart.svg)\n\n{}\n\n{}\n{}",
        report.machine.line(),
        report.summary(),
        report.matrix()
    )
}

fn replaced(old: &str, part: &str) -> Option<String> {
    let (before, rest) = old.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{part}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let old = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(replaced(&old, "new"), Some(format!("a\n{BEGIN}\nnew\n{END}\nb\n")));
        assert_eq!(replaced("no markers", "new"), None);
    }
}
