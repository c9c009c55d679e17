//! `initctl top`: what units use, as a screen of lines or once as a table.

use super::amount::{bytes, count, cpu, percent, seconds};
use super::ps;
use super::table::{Cell, Set, table};
use crate::processes::{Group, Picture};
use crate::terminal::{Glyphs, Line, Paint};
use init::unit::UnitName;
use serde::Serialize;
use std::collections::BTreeMap;

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Sort {
    /// CPU use, most first.
    #[default]
    Cpu,
    /// Memory, most first.
    Memory,
    /// Number of processes, most first.
    Processes,
    /// Name.
    Name,
}

/// What one unit uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The unit; `rung` for Rung itself, `-` for what belongs to nobody.
    pub name: String,
    /// Share of one CPU since the picture before, in tenths of a percent.
    pub cpu_permille: u64,
    /// CPU time since it was started.
    pub cpu_ms: u64,
    /// Memory.
    pub memory_bytes: u64,
    /// How many processes.
    pub processes: usize,
    /// They themselves.
    #[serde(skip)]
    pub group: Group,
}

/// CPU time by owner at an earlier moment, in milliseconds.
pub type Before = BTreeMap<String, u64>;

/// The rows of a picture, `elapsed` milliseconds after those of `before`; and what the next ones are compared with.
pub fn rows(picture: Picture, before: &Before, elapsed: u64) -> (Vec<Row>, Before) {
    let units =
        picture.units.into_iter().map(|g| (g.name.as_ref().map(|n| n.as_str().to_owned()).unwrap_or_default(), g));
    let rest = [("rung".to_owned(), picture.own), ("-".to_owned(), picture.others)];
    let mut now = Before::new();
    let row = |(name, group): (String, Group)| {
        let cpu_ms = group.cpu_ms();
        let used = before.get(&name).map_or(0, |b| cpu_ms.saturating_sub(*b));
        now.insert(name.clone(), cpu_ms);
        let cpu_permille = used.saturating_mul(1000).checked_div(elapsed).unwrap_or(0);
        Row { name, cpu_permille, cpu_ms, memory_bytes: group.memory(), processes: group.tasks.len(), group }
    };
    let rows = units.chain(rest).filter(|(_, g)| !g.tasks.is_empty()).map(row).collect();
    (rows, now)
}

/// Sorts rows; equal ones by name.
pub fn sort(rows: &mut [Row], by: Sort, backwards: bool) {
    rows.sort_by(|a, b| {
        let order = match by {
            Sort::Cpu => (b.cpu_permille, b.cpu_ms).cmp(&(a.cpu_permille, a.cpu_ms)),
            Sort::Memory => b.memory_bytes.cmp(&a.memory_bytes),
            Sort::Processes => b.processes.cmp(&a.processes),
            Sort::Name => std::cmp::Ordering::Equal,
        };
        let order = order.then_with(|| a.name.cmp(&b.name));
        if backwards { order.reverse() } else { order }
    });
}

const COLUMNS: &[(&str, Set)] = &[
    ("UNIT", Set::Shrinks(12)),
    ("CPU%", Set::Right),
    ("MEMORY", Set::Right),
    ("PROCS", Set::Right),
    ("CPU TIME", Set::Right),
    ("MAIN", Set::Shrinks(0)),
];

fn cells(row: &Row) -> Vec<Cell> {
    let busy = if row.cpu_permille >= 500 { Paint::Busy } else { Paint::Plain };
    let first = row.group.tasks.iter().find(|t| Some(t.pid) == row.group.main).or(row.group.tasks.first());
    let name = match row.name.as_str() {
        "rung" => "(Rung itself)",
        "-" => "(of no unit)",
        name => UnitName::shorten(name),
    };
    vec![
        Cell::plain(name),
        Cell::painted(busy, percent(row.cpu_permille)),
        Cell::plain(bytes(row.memory_bytes)),
        Cell::plain(row.processes.to_string()),
        Cell::plain(cpu(row.cpu_ms)),
        Cell::painted(Paint::Dim, first.map(|t| format!("{} {}", t.pid, ps::command(t))).unwrap_or_default()),
    ]
}

/// The table alone.
pub fn once(rows: &[Row], titled: bool, room: Option<usize>) -> Vec<Line> {
    table(COLUMNS, &rows.iter().map(cells).collect::<Vec<_>>(), titled, room)
}

/// What the live view shows.
#[derive(Debug, Default)]
pub struct View {
    /// Sorted.
    pub rows: Vec<Row>,
    /// `runlevel 3`, …
    pub level: String,
    /// How long PID 1 has been running, milliseconds.
    pub up_ms: Option<u64>,
    /// How they are sorted.
    pub by: Sort,
    /// The other way round.
    pub backwards: bool,
    /// The row with the cursor.
    pub selected: usize,
    /// Its processes are shown.
    pub open: bool,
    /// Nothing is renewed.
    pub paused: bool,
    /// Seconds between pictures, in tenths.
    pub every: u64,
    /// Why there is nothing new.
    pub trouble: Option<String>,
}

/// The screen.
pub fn screen(view: &View, glyphs: &Glyphs, (columns, height): (usize, usize)) -> Vec<Line> {
    let units = view.rows.iter().filter(|r| r.name.contains('.')).count();
    let processes: usize = view.rows.iter().map(|r| r.processes).sum();
    let mut head = format!(
        "Rung, {}  {}, {}",
        view.level,
        count(units, "unit", "units"),
        count(processes, "process", "processes")
    );
    if let Some(up) = view.up_ms {
        head.push_str(&format!(", up {}", seconds(up)));
    }
    let mut lines = vec![Line::painted(Paint::Bold, head)];
    lines.push(match &view.trouble {
        Some(why) => Line::painted(Paint::Bad, why.clone()),
        None if view.paused => Line::painted(Paint::Busy, "paused: space goes on"),
        None => Line::default(),
    });
    let room = Some(columns.saturating_sub(1));
    let mut body = once(&view.rows, true, room).into_iter();
    lines.extend(body.next().map(|titles| titles.marked(false)));
    let mut shown: Vec<Line> = Vec::new();
    let mut at = 0;
    for (index, line) in body.enumerate() {
        if index == view.selected {
            at = shown.len();
        }
        shown.push(line.marked(index == view.selected));
        if let (true, Some(row)) = (view.open && index == view.selected, view.rows.get(index)) {
            let room = Some(columns.saturating_sub(5));
            let below = ps::lines(&row.group, glyphs, room).into_iter();
            shown.extend(below.map(|l| Line::painted(Paint::Dim, format!("    {}", l.text()))));
        }
    }
    // The cursor stays to be seen, the keys stay in the last line.
    let space = height.saturating_sub(lines.len() + 1).max(1);
    let first = at.saturating_sub(space.saturating_sub(1));
    lines.extend(shown.into_iter().skip(first).take(space));
    lines.resize(height.saturating_sub(1), Line::default());
    lines.push(Line::plain(keys(view)));
    lines
}

fn keys(view: &View) -> String {
    let mut text = "q quit ".to_owned();
    for (sort, key) in
        [(Sort::Cpu, "c cpu"), (Sort::Memory, "m mem"), (Sort::Processes, "p procs"), (Sort::Name, "n name")]
    {
        text.push_str(&format!(" {key}{}", if view.by == sort { "*" } else { "" }));
    }
    let (seconds, tenths) = (view.every / 10, view.every % 10);
    format!("{text}  r turn  Enter open  space pause  +- {seconds}.{tenths}s")
}

#[cfg(test)]
mod tests {
    use super::super::ps::tests::picture;
    use super::*;

    fn sorted(by: Sort, backwards: bool) -> Vec<String> {
        let before = Before::from([("web.service".to_owned(), 60_000), ("cron.service".to_owned(), 20)]);
        let (mut all, _) = rows(picture(), &before, 2000);
        sort(&mut all, by, backwards);
        all.into_iter().map(|r| r.name).collect()
    }

    #[test]
    fn shares_are_of_the_time_between_two_pictures() {
        let (first, before) = rows(picture(), &Before::new(), 0);
        assert!(first.iter().all(|r| r.cpu_permille == 0), "nothing to compare with");
        let (again, _) = rows(picture(), &before, 1000);
        assert!(again.iter().all(|r| r.cpu_permille == 0));
        let (later, _) = rows(picture(), &Before::from([("web.service".to_owned(), 60_500)]), 1000);
        assert_eq!(later.first().map(|r| (r.name.as_str(), r.cpu_permille)), Some(("web.service", 500)));
    }

    #[test]
    fn rows_are_sorted_as_asked() {
        assert_eq!(sorted(Sort::Cpu, false), ["web.service", "cron.service", "-", "rung"]);
        assert_eq!(sorted(Sort::Memory, false), ["-", "cron.service", "web.service", "rung"]);
        assert_eq!(sorted(Sort::Processes, false)[0], "web.service");
        assert_eq!(sorted(Sort::Name, true), ["web.service", "rung", "cron.service", "-"]);
    }

    #[test]
    fn a_screen_of_a_vt100() {
        let (mut all, _) = rows(picture(), &Before::new(), 0);
        sort(&mut all, Sort::Name, false);
        let mut view =
            View { rows: all, level: "runlevel 3".into(), up_ms: Some(3_723_456), every: 20, ..View::default() };
        view.selected = 3;
        view.open = true;
        let lines = screen(&view, &Glyphs::ASCII, (80, 24));
        let text: Vec<String> = lines.iter().map(Line::text).collect();
        let wanted = [
            "Rung, runlevel 3  2 units, 6 processes, up 1h 2min",
            "",
            "UNIT          CPU% MEMORY PROCS CPU TIME MAIN",
            "(of no unit)   0.0    99M     1    0.12s 99 sh",
            "cron           0.0    20M     1    0.12s 20 cron -f",
            "(Rung itself)  0.0   1.0M     1    0.12s 1 init [3]",
            "web            0.0   5.0M     3  1min 1s 12 web: master",
            "    12 12M 0.12s web: master",
        ];
        assert_eq!(text.iter().take(8).map(String::as_str).collect::<Vec<_>>(), wanted);
        assert_eq!(lines.len(), 24);
        assert!(text.last().is_some_and(|l| l.starts_with("q quit  c cpu* m mem") && l.len() < 80), "{text:?}");
        assert!(lines.iter().filter(|l| l.marked).count() == 1);
    }

    #[test]
    fn the_cursor_is_always_to_be_seen() {
        let row = |n: usize| Row {
            name: format!("u{n}.service"),
            cpu_permille: 0,
            cpu_ms: 0,
            memory_bytes: 0,
            processes: 1,
            group: Group::default(),
        };
        for selected in [0, 7, 49] {
            let view = View { rows: (0..50).map(row).collect(), selected, ..View::default() };
            for height in [1, 5, 10] {
                let lines = screen(&view, &Glyphs::ASCII, (40, height));
                let seen = lines.iter().any(|l| l.marked && l.text().starts_with(&format!("u{selected} ")));
                assert!(seen || height < 5, "{selected} {height}");
            }
        }
    }
}
