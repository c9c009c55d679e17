//! `initctl blame`: how long starts took, and what the boot was made of.

use super::amount::span;
use super::branch::prefixes;
use super::table::{Cell, Set, table};
use crate::graph::{Graph, Relation};
use crate::terminal::{Glyphs, Line, Paint};
use init::proto::control::{StartTimes, UnitTime};
use init::unit::{Level, UnitName};
use std::collections::BTreeMap;

/// What the boot was made of: kernel, level S, the level after it.
pub fn summary(times: &StartTimes) -> Vec<Line> {
    let mut lines = Vec::new();
    let init = times.init_ms.unwrap_or(0);
    if let (Some(ms), false) = (times.init_ms, times.container) {
        lines.push(Line::plain(format!("kernel, until PID 1   {}", span(ms))));
    }
    for level in &times.levels {
        let took = span(level.reached_ms.saturating_sub(level.begun_ms));
        let at = span(level.reached_ms.saturating_sub(init));
        lines.push(Line::plain(format!(
            "runlevel {}            {took}, reached {at} after PID 1 was started",
            level.level
        )));
    }
    lines
}

/// How long a start took, if it is over.
pub fn took(unit: &UnitTime) -> Option<u64> {
    Some(unit.done_ms?.saturating_sub(unit.begun_ms))
}

/// How long it waited before it began, if that is known: for what it is ordered after, and for jobs before its own.
pub fn waited(unit: &UnitTime) -> Option<u64> {
    Some(unit.begun_ms.saturating_sub(unit.queued_ms?))
}

/// Starts, the longest first; below them those that aren't over.
pub fn sorted(units: &mut [UnitTime]) {
    units.sort_by(|a, b| took(b).cmp(&took(a)).then_with(|| a.name.cmp(&b.name)));
}

/// The table.
pub fn blame(times: &StartTimes, titled: bool, room: Option<usize>) -> Vec<Line> {
    let init = times.init_ms.unwrap_or(0);
    let row = |unit: &UnitTime| {
        vec![
            Cell::plain(took(unit).map_or("not yet".to_owned(), span)),
            Cell::plain(waited(unit).map_or("?".to_owned(), span)),
            Cell::painted(Paint::Dim, span(unit.begun_ms.saturating_sub(init))),
            Cell::plain(unit.name.short()),
        ]
    };
    let rows: Vec<Vec<Cell>> = times.units.iter().map(row).collect();
    let columns = [("TOOK", Set::Right), ("WAITED", Set::Right), ("BEGAN AT", Set::Right), ("UNIT", Set::Shrinks(12))];
    table(&columns, &rows, titled, room)
}

/// What each unit of a chain waited for last: from the unit, or what ended last in the level, back to the first.
pub fn chain(times: &StartTimes, graph: &Graph<'_>, from: &UnitName) -> Vec<UnitName> {
    let done: BTreeMap<&UnitName, (u64, u64)> =
        times.units.iter().filter_map(|u| Some((&u.name, (u.begun_ms, u.done_ms?)))).collect();
    let mut found = vec![from.clone()];
    let mut at = from;
    // Of what it is ordered after: that which was through last before it began. So times fall, and there is no loop.
    while let Some((begun, _)) = done.get(at) {
        let before = graph.edges(at, false).filter(|(_, set)| set.contains(&Relation::After));
        let waited = before
            .filter_map(|(name, _)| done.get_key_value(name))
            .filter(|(name, (_, end))| end <= begun && !found.contains(name));
        let Some((name, _)) = waited.max_by(|a, b| a.1.1.cmp(&b.1.1).then_with(|| b.0.cmp(a.0))) else { break };
        at = name;
        found.push(at.clone());
    }
    found
}

/// The last that was through of the first switch to the last level reached: what the boot waited for.
pub fn last_of_boot(times: &StartTimes) -> Option<(Level, &UnitName)> {
    let level = times.levels.last()?;
    let within = |u: &&UnitTime| u.done_ms.is_some_and(|d| d <= level.reached_ms);
    let last = times.units.iter().filter(within).max_by_key(|u| u.done_ms)?;
    Some((level.level, &last.name))
}

/// A chain: when each was through, how long it took, and how long it had waited before.
pub fn chain_lines(times: &StartTimes, names: &[UnitName], glyphs: &Glyphs, room: Option<usize>) -> Vec<Line> {
    let init = times.init_ms.unwrap_or(0);
    let depths: Vec<usize> = (0..names.len()).collect();
    let row = |(name, prefix): (&UnitName, String)| {
        let unit = times.units.iter().find(|u| u.name == *name);
        let (at, took, waited) = match unit {
            Some(u) => (
                u.done_ms.map_or("not yet".to_owned(), |d| format!("@{}", span(d.saturating_sub(init)))),
                took(u).map_or(String::new(), |ms| format!("+{}", span(ms))),
                waited(u).filter(|ms| *ms > 0).map_or(String::new(), |ms| format!("waited {}", span(ms))),
            ),
            None => ("never started".to_owned(), String::new(), String::new()),
        };
        let unit = Cell::plain(format!("{prefix}{}", name.short()));
        vec![unit, Cell::plain(at), Cell::painted(Paint::Busy, took), Cell::painted(Paint::Dim, waited)]
    };
    let rows: Vec<Vec<Cell>> = names.iter().zip(prefixes(&depths, glyphs)).map(row).collect();
    let columns = [("", Set::Shrinks(20)), ("", Set::Right), ("", Set::Left), ("", Set::Left)];
    table(&columns, &rows, false, room)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{idle, name};
    use super::*;
    use init::proto::control::{LevelTime, UnitStatus};

    fn times() -> StartTimes {
        let unit = |n: &str, queued_ms, begun_ms, done_ms| UnitTime {
            name: name(n),
            queued_ms: Some(queued_ms),
            begun_ms,
            done_ms,
            last_begun_ms: begun_ms,
            last_done_ms: done_ms,
        };
        let level = |level, begun_ms, reached_ms| LevelTime { level, begun_ms, reached_ms };
        StartTimes {
            now_ms: 99_000,
            init_ms: Some(1000),
            container: false,
            levels: vec![level(Level::S, 1010, 2500), level(Level::try_from('3').expect("a level"), 2500, 6000)],
            units: vec![
                unit("disk", 1010, 1010, Some(2400)),
                unit("net", 2500, 2500, Some(3500)),
                unit("web", 2500, 3500, Some(6000)),
                unit("slow", 2500, 2600, None),
                UnitTime { queued_ms: None, ..unit("late", 0, 80_000, Some(90_000)) },
            ],
        }
    }

    fn texts(lines: &[Line]) -> Vec<String> {
        lines.iter().map(Line::text).collect()
    }

    #[test]
    fn the_boot_in_parts() {
        let wanted = [
            "kernel, until PID 1   1s",
            "runlevel S            1.490s, reached 1.500s after PID 1 was started",
            "runlevel 3            3.500s, reached 5s after PID 1 was started",
        ];
        assert_eq!(texts(&summary(&times())), wanted);
        let container = StartTimes { container: true, ..times() };
        assert_eq!(summary(&container).len(), 2);
    }

    #[test]
    fn the_longest_comes_first() {
        let mut times = times();
        sorted(&mut times.units);
        let names: Vec<_> = times.units.iter().map(|u| u.name.to_string()).collect();
        assert_eq!(names, ["late", "web", "disk", "net", "slow"]);
        assert_eq!(texts(&blame(&times, false, None))[1], " 2.500s    1s   2.500s web");
    }

    #[test]
    fn a_chain_is_what_was_waited_for() {
        let times = times();
        let unit = |n: &str, after: &[&str]| UnitStatus { after: after.iter().map(|n| name(n)).collect(), ..idle(n) };
        let units =
            [unit("web", &["net", "slow", "disk"]), unit("net", &["disk"]), unit("disk", &["web"]), unit("slow", &[])];
        let graph = Graph::new(&units);
        assert_eq!(last_of_boot(&times).map(|(l, n)| (l.as_char(), n.to_string())), Some(('3', "web".to_owned())));
        let names = chain(&times, &graph, &name("web"));
        assert_eq!(names, [name("web"), name("net"), name("disk")]);
        let wanted = ["web          @5s +2.500s waited 1s", "`-net   @2.500s +1s", "  `-disk @1.400s +1.390s"];
        let lines = texts(&chain_lines(&times, &names, &Glyphs::ASCII, None));
        let squeeze = |s: &String| s.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(lines.iter().map(squeeze).collect::<Vec<_>>(), wanted.map(|w| squeeze(&w.to_owned())));
    }
}
