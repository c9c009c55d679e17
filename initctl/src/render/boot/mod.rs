//! `initctl boot`: where the time of a boot went. Pure.

mod course;
mod plot;

pub use course::{Course, Link, Part, has_failed, took};
pub use plot::svg;

use super::amount::{count, cpu, span};
use super::branch::prefixes;
use super::table::{Cell, Set, table};
use super::{clean, time};
use crate::terminal::{Glyphs, Line, Paint};
use serde::Serialize;

/// A moment by the clock in the zone `offset` seconds east of UTC: `10:41:57.203`.
fn clock(ms: u64, offset: i32) -> String {
    let moment = time::moment(ms, offset);
    format!("{}.{:03}", moment.get(11..).unwrap_or(&moment), ms % 1000)
}

/// The boot in a sentence: `rung, 2026-11-23 10:41:56, kernel 6.12, Rung 0.1.0`.
pub fn title(course: &Course<'_>, offset: i32) -> String {
    let record = course.record;
    let begun = course.clock(course.base);
    let kernel = if record.kernel.is_empty() { String::new() } else { format!(", kernel {}", clean(&record.kernel)) };
    let version = if record.version.is_empty() { String::new() } else { format!(", Rung {}", clean(&record.version)) };
    format!("{}, {}{kernel}{version}", clean(&record.host), time::moment(begun, offset))
}

/// What is counted beside the times.
pub fn summary(course: &Course<'_>) -> String {
    let units = count(course.units().len(), "unit", "units");
    match course.failed().as_slice() {
        [] => format!("{units}, none failed"),
        failed => {
            let names: Vec<&str> = failed.iter().take(5).map(|unit| unit.name.short()).collect();
            let more = if failed.len() > 5 { ", …" } else { "" };
            format!("{units}, {} failed ({}{more})", failed.len(), names.join(", "))
        }
    }
}

/// `boot time`
pub fn times(course: &Course<'_>, is_this: bool, offset: i32, room: Option<usize>) -> Vec<Line> {
    let row = |part: &Part| {
        let took = part.done_ms.map_or("not yet".to_owned(), |done| span(done.saturating_sub(part.begun_ms)));
        let at = part.done_ms.map_or(String::new(), |done| format!("@{}", span(done)));
        let clock = part.done_ms.map_or(String::new(), |done| clock(course.clock(course.base + done), offset));
        vec![
            Cell::plain(part.name.clone()),
            Cell::painted(Paint::Busy, took),
            Cell::plain(at),
            Cell::painted(Paint::Dim, clock),
        ]
    };
    let rows: Vec<Vec<Cell>> = course.parts().iter().map(row).collect();
    let since = if course.record.container { "SINCE PID 1" } else { "SINCE KERNEL" };
    let mut lines = vec![Line::painted(Paint::Bold, title(course, offset)), Line::default()];
    let columns = [("", Set::Left), ("TOOK", Set::Right), (since, Set::Right), ("BY THE CLOCK", Set::Left)];
    lines.extend(table(&columns, &rows, true, room));
    lines.push(Line::default());
    let end = if course.is_done() {
        Line::plain(format!("all up after {}", span(course.total())))
    } else {
        Line::painted(Paint::Busy, course.outcome(is_this))
    };
    let paint = if course.failed().is_empty() { Paint::Plain } else { Paint::Bad };
    lines.push(end.and(Paint::Plain, ": ").and(paint, summary(course)));
    if !course.record.container {
        lines.push(Line::painted(Paint::Dim, BEFORE));
    }
    lines
}

/// What nobody here can know.
const BEFORE: &str = "what firmware and boot loader took before the kernel's start isn't known";

/// `boot blame`: the longest starts first.
pub fn blame(course: &Course<'_>, names: &[String], titled: bool, room: Option<usize>) -> Vec<Line> {
    let mut units = course.units();
    units.retain(|unit| names.is_empty() || names.iter().any(|name| *name == unit.name.as_str()));
    units.sort_by(|a, b| took(b).cmp(&took(a)).then_with(|| a.name.cmp(&b.name)));
    let row = |unit: &&init::proto::control::BootUnit| {
        let paint = if has_failed(unit) { Paint::Bad } else { Paint::Plain };
        let took = match (took(unit), unit.begun_ms) {
            (Some(ms), _) => span(ms),
            (None, Some(_)) => "not yet".to_owned(),
            (None, None) if unit.ended_ms.is_some() => "never".to_owned(),
            (None, None) => "waits".to_owned(),
        };
        let begun = unit.begun_ms.or(unit.queued_ms).unwrap_or(0);
        vec![
            Cell::plain(took),
            Cell::painted(Paint::Dim, unit.cpu_ms.map_or("-".to_owned(), cpu)),
            Cell::painted(Paint::Dim, format!("@{}", span(course.at(begun)))),
            Cell::painted(paint, unit.name.short()),
        ]
    };
    let rows: Vec<Vec<Cell>> = units.iter().map(row).collect();
    let columns = [("TOOK", Set::Right), ("CPU", Set::Right), ("BEGAN", Set::Right), ("UNIT", Set::Shrinks(12))];
    table(&columns, &rows, titled, room)
}

/// `boot critical-chain`: when each was through, and how long it took.
pub fn chain(course: &Course<'_>, links: &[Link<'_>], glyphs: &Glyphs, room: Option<usize>) -> Vec<Line> {
    let depths: Vec<usize> = (0..links.len()).collect();
    let row = |(link, prefix): (&Link<'_>, String)| {
        let (name, paint, done, took) = match link {
            Link::Unit(unit) => {
                let paint = if has_failed(unit) { Paint::Bad } else { Paint::Plain };
                (unit.name.short().to_owned(), paint, unit.done_ms, took(unit))
            }
            Link::Level(level) => (format!("runlevel {}", level.level), Paint::Bold, Some(level.reached_ms), None),
        };
        let at = match (link, done) {
            (_, Some(done)) => format!("@{}", span(course.at(done))),
            (Link::Unit(unit), None) if unit.begun_ms.is_none() => "never began".to_owned(),
            _ => "not yet".to_owned(),
        };
        vec![
            Cell::painted(paint, format!("{prefix}{name}")),
            Cell::plain(at),
            Cell::painted(Paint::Busy, took.map_or(String::new(), |ms| format!("+{}", span(ms)))),
        ]
    };
    let rows: Vec<Vec<Cell>> = links.iter().zip(prefixes(&depths, glyphs)).map(row).collect();
    table(&[("", Set::Shrinks(20)), ("", Set::Right), ("", Set::Left)], &rows, false, room)
}

/// One boot of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// 0 is this one, -1 the one before.
    pub index: i64,
    /// What names it, as in the history.
    pub boot: String,
    /// When it began, milliseconds since the epoch.
    pub begun_ms: Option<u64>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Until all was up.
    pub total_ms: Option<u64>,
    /// `runlevel 3, 1 failed`, …
    pub outcome: String,
    /// Why its record can't be read.
    pub problem: Option<String>,
}

/// `boot list`
pub fn list(rows: &[Row], offset: i32, titled: bool, room: Option<usize>) -> Vec<Line> {
    let row = |row: &Row| {
        let some = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let paint = if row.problem.is_some() { Paint::Bad } else { Paint::Plain };
        vec![
            Cell::plain(row.index.to_string()),
            Cell::plain(clean(&row.boot)),
            Cell::plain(some(row.begun_ms.map(|ms| time::moment(ms, offset)))),
            Cell::plain(some(row.kernel.as_deref().map(clean))),
            Cell::plain(some(row.total_ms.map(span))),
            Cell::painted(paint, clean(row.problem.as_deref().unwrap_or(&row.outcome))),
        ]
    };
    let rows: Vec<Vec<Cell>> = rows.iter().map(row).collect();
    let columns = [
        ("", Set::Right),
        ("BOOT", Set::Left),
        ("BEGAN", Set::Left),
        ("KERNEL", Set::Shrinks(8)),
        ("TOOK", Set::Right),
        ("OUTCOME", Set::Shrinks(16)),
    ];
    table(&columns, &rows, titled, room)
}

#[cfg(test)]
mod tests {
    use super::course::samples::record;
    use super::*;
    use init::proto::control::BootRecord;

    fn texts(lines: &[Line]) -> Vec<String> {
        let squeeze = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.iter().map(|line| squeeze(line.text())).collect()
    }

    #[test]
    fn the_boot_in_parts() {
        let record = record();
        let wanted = [
            "rung, 2026-11-23 01:19:54, kernel 6.12.1, Rung 0.1.0",
            "",
            "TOOK SINCE KERNEL BY THE CLOCK",
            "kernel 1s @1s 01:19:55.000",
            "init 10ms @1.010s 01:19:55.010",
            "runlevel S 1.490s @2.500s 01:19:56.500",
            "runlevel 3 3.500s @6s 01:20:00.000",
            "",
            "all up after 6s: 6 units, 2 failed (broken, needs-broken)",
            BEFORE,
        ];
        assert_eq!(texts(&times(&Course::new(&record), true, 0, None)), wanted);
        let container = BootRecord { container: true, ..record };
        let lines = texts(&times(&Course::new(&container), true, 0, None));
        assert!(lines.iter().all(|line| !line.contains("kernel 1s") && line != BEFORE), "{lines:?}");
        assert!(lines.contains(&"init 10ms @10ms 01:19:55.010".to_owned()), "{lines:?}");
    }

    #[test]
    fn the_longest_start_comes_first_with_its_cpu_time() {
        let record = record();
        let course = Course::new(&record);
        let wanted = [
            "2.500s - @3.500s web",
            "1.390s 0.70s @1.010s disk",
            "900ms - @2.600s net",
            "80ms - @2.620s broken",
            "never - @2.600s needs-broken",
            "not yet - @2.610s slow",
        ];
        assert_eq!(texts(&blame(&course, &[], false, None)), wanted);
        assert_eq!(texts(&blame(&course, &["net.service".into()], false, None)), ["900ms - @2.600s net"]);
    }

    #[test]
    fn the_chain_says_when_and_how_long() {
        let record = record();
        let course = Course::new(&record);
        let links = course.chain(course.last().expect("a unit"));
        let wanted = ["web @6s +2.500s", "`-net @3.500s +900ms", "`-runlevel S @2.500s", "`-disk @2.400s +1.390s"];
        assert_eq!(texts(&chain(&course, &links, &Glyphs::ASCII, None)), wanted);
    }
}
