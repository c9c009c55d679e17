//! Tables: columns as wide as they need to be, or as the terminal lets them.

use crate::terminal::{Line, Paint, Style, cut, pad, width};

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// To the left, at full width.
    Left,
    /// To the right, at full width.
    Right,
    /// To the left; cut where there is no room, but to no less than so many columns.
    Shrinks(usize),
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Its text, on one line and harmless.
    pub text: String,
    /// Its colour.
    pub paint: Paint,
}

impl Cell {
    /// One without colour.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::painted(Paint::Plain, text)
    }

    /// One in a colour.
    pub fn painted(paint: Paint, text: impl Into<String>) -> Self {
        Self { text: text.into(), paint }
    }
}

/// The rows as lines, with the titles above them where `titled`; `room`: how wide they may be.
pub fn table(columns: &[(&str, Set)], rows: &[Vec<Cell>], titled: bool, room: Option<usize>) -> Vec<Line> {
    let titles: Vec<Cell> = columns.iter().map(|(title, _)| Cell::painted(Paint::Bold, *title)).collect();
    let head = titled.then_some(&titles);
    let natural = |index: usize| {
        let cells = head.into_iter().chain(rows).filter_map(|row| row.get(index));
        cells.map(|c| width(&c.text)).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..columns.len()).map(natural).collect();
    if let Some(room) = room {
        fit(columns, &mut widths, room);
    }
    let line = |row: &Vec<Cell>| {
        let mut line = Line::default();
        let last = row.iter().zip(&widths).rposition(|(c, width)| !c.text.is_empty() && *width > 0).unwrap_or(0);
        for (index, ((cell, (_, set)), width)) in row.iter().zip(columns).zip(&widths).enumerate().take(last + 1) {
            let text = cut(&cell.text, room.map(|_| *width));
            let padded = match set {
                Set::Right => format!("{}{text}", " ".repeat(width.saturating_sub(crate::terminal::width(&text)))),
                _ if index == last => text,
                _ => pad(&text, *width),
            };
            let gap = if index == last { "" } else { " " };
            line = line.and(cell.paint, padded).and(Paint::Plain, gap);
        }
        line
    };
    head.into_iter().chain(rows).map(line).collect()
}

/// Takes from the columns that shrink what is too much, the last first.
fn fit(columns: &[(&str, Set)], widths: &mut [usize], room: usize) {
    let gaps = columns.len().saturating_sub(1);
    let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(room);
    for ((_, set), width) in columns.iter().zip(widths).rev() {
        if let Set::Shrinks(least) = set {
            let taken = over.min(width.saturating_sub(*least));
            *width -= taken;
            over -= taken;
        }
    }
}

/// Lines as text.
pub fn text(lines: &[Line], style: &Style) -> String {
    lines.iter().map(|line| line.render(style.width, style) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[(&str, Set)] = &[("NAME", Set::Shrinks(6)), ("N", Set::Right), ("TEXT", Set::Shrinks(0))];

    fn rows() -> Vec<Vec<Cell>> {
        let row = |cells: [&str; 3]| cells.into_iter().map(Cell::plain).collect();
        vec![row(["a-long-name", "1", "words and words"]), row(["日本", "22", ""])]
    }

    fn shown(titled: bool, room: Option<usize>) -> Vec<String> {
        table(COLUMNS, &rows(), titled, room).iter().map(Line::text).collect()
    }

    #[test]
    fn without_a_limit_nothing_is_cut() {
        assert_eq!(shown(false, None), ["a-long-name  1 words and words", "日本        22"]);
        assert_eq!(shown(true, None).first().map(String::as_str), Some("NAME         N TEXT"));
    }

    #[test]
    fn the_last_column_gives_way_first() {
        assert_eq!(shown(false, Some(20)), ["a-long-name  1 word~", "日本        22"]);
        assert_eq!(shown(false, Some(12)), ["a-long-~  1", "日本     22"]);
        for room in 10..40 {
            assert!(shown(true, Some(room)).iter().all(|l| width(l) <= room), "{room}");
        }
    }

    #[test]
    fn colours_stand_outside_the_padding() {
        let rows = vec![vec![Cell::painted(Paint::Bad, "x"), Cell::plain("1"), Cell::plain("t")]];
        let lines = table(COLUMNS, &rows, false, None);
        let style = Style { width: None, colour: true };
        assert_eq!(text(&lines, &style), "\x1b[1;31mx\x1b[0m 1 t\n");
    }
}
