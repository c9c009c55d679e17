//! `initctl levels --edit`: the table of levels, to be filled in. Pure: keys in, a screen of lines out.

use crate::terminal::{Key, Line, Paint, cut, pad, width};
use init::proto::control::LevelTable;
use init::unit::{Level, LevelSet, UnitName};

/// A unit: where it is on, and where it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: UnitName,
    before: LevelSet,
    now: LevelSet,
}

/// What is to be done to one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The unit.
    pub name: UnitName,
    /// Where it was on.
    pub before: LevelSet,
    /// Where it is to be turned on.
    pub on: LevelSet,
    /// Where it is to be turned off.
    pub off: LevelSet,
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Page {
    /// The table.
    #[default]
    Table,
    /// What would change; shall it?
    Save,
    /// Shall it all be forgotten?
    Leave,
}

/// What comes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another screen.
    Stay,
    /// The changes are to be made.
    Apply,
    /// Nothing is to be changed.
    Abort,
}

/// The table being edited.
#[derive(Debug)]
pub struct Sheet {
    rows: Vec<Row>,
    row: usize,
    column: usize,
    page: Page,
}

/// Columns of a level's cell.
const CELL: usize = 5;
const KEYS: &str = "space on/off  arrows or hjkl move  u undo row  s save  q quit";

impl Sheet {
    /// Of these rows, sorted by name.
    pub fn new(table: &LevelTable) -> Self {
        let row = |r: &init::proto::control::LevelRow| {
            let on = LevelSet::parse(&r.on).unwrap_or_default();
            Row { name: r.name.clone(), before: on, now: on }
        };
        let mut rows: Vec<Row> = table.rows.iter().map(row).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        // Most are about the multi-user levels.
        let column = Level::ALL.iter().position(|l| l.as_char() == '2').unwrap_or(0);
        Self { rows, row: 0, column, page: Page::Table }
    }

    /// What is to be changed so far, by name.
    pub fn changes(&self) -> Vec<Change> {
        let without = |a: LevelSet, b: LevelSet| a.iter().filter(|l| !b.contains(*l)).collect();
        let change = |r: &Row| Change {
            name: r.name.clone(),
            before: r.before,
            on: without(r.now, r.before),
            off: without(r.before, r.now),
        };
        self.rows.iter().filter(|r| r.before != r.now).map(change).collect()
    }

    /// Takes in a key.
    pub fn key(&mut self, key: Key) -> Next {
        match self.page {
            Page::Table => self.table_key(key),
            Page::Save => match key {
                Key::Char('y' | 'Y') => return Next::Apply,
                Key::Char('n' | 'N' | 'q') | Key::Escape => self.page = Page::Table,
                _ => {}
            },
            Page::Leave => match key {
                Key::Char('y' | 'Y') => return Next::Abort,
                Key::Char('n' | 'N') | Key::Escape => self.page = Page::Table,
                _ => {}
            },
        }
        // Nothing was changed: nothing to ask.
        if self.page != Page::Table && self.changes().is_empty() { Next::Abort } else { Next::Stay }
    }

    fn table_key(&mut self, key: Key) {
        let (last, right) = (self.rows.len().saturating_sub(1), Level::ALL.len().saturating_sub(1));
        let key = key.of_vi();
        if let Some(row) = key.moves(self.row, last) {
            self.row = row;
            return;
        }
        match key {
            Key::Left => self.column = self.column.saturating_sub(1),
            Key::Right => self.column = (self.column + 1).min(right),
            Key::Char(' ') | Key::Enter => {
                if let (Some(row), Some(level)) = (self.rows.get_mut(self.row), Level::ALL.get(self.column)) {
                    if row.now.contains(*level) {
                        row.now.remove(*level)
                    } else {
                        row.now.insert(*level)
                    };
                }
            }
            Key::Char('u') => {
                if let Some(row) = self.rows.get_mut(self.row) {
                    row.now = row.before;
                }
            }
            Key::Char('s') => self.page = Page::Save,
            Key::Char('q') | Key::Escape => self.page = Page::Leave,
            _ => {}
        }
    }

    /// The screen.
    pub fn screen(&self, (columns, height): (usize, usize)) -> Vec<Line> {
        match self.page {
            Page::Table => self.table(columns, height),
            Page::Save => self.question("To be changed:", "Change that? y yes  n no, back to the table", height),
            Page::Leave => self.question("Not saved:", "Leave all as it was? y yes  n no, back to the table", height),
        }
    }

    fn table(&self, columns: usize, height: usize) -> Vec<Line> {
        let longest = self.rows.iter().map(|r| width(r.name.short())).max().unwrap_or(0).max(4);
        let room = longest.min(columns.saturating_sub(1 + CELL * Level::ALL.len()));
        let mut titles = pad("UNIT", room);
        for level in Level::ALL {
            titles.push_str(&pad(&format!("  {}", level.as_char()), CELL));
        }
        let mut lines = vec![Line::painted(Paint::Bold, titles.trim_end())];
        let space = height.saturating_sub(2).max(1);
        let first = self.row.saturating_sub(space.saturating_sub(1));
        for (index, row) in self.rows.iter().enumerate().skip(first).take(space) {
            let mut line = Line::plain(pad(&cut(row.name.short(), Some(room)), room));
            for (column, level) in Level::ALL.iter().enumerate() {
                let on = row.now.contains(*level);
                let changed = on != row.before.contains(*level);
                let text = format!("{}{}", if on { "on" } else { "- " }, if changed { "*" } else { " " });
                let here = index == self.row && column == self.column;
                let cell = if here { format!("[{text}]") } else { format!(" {text} ") };
                let paint = match (changed, on) {
                    (true, _) => Paint::Busy,
                    (false, true) => Paint::Good,
                    (false, false) => Paint::Dim,
                };
                line = line.and(paint, cell);
            }
            lines.push(line);
        }
        lines.resize(height.saturating_sub(1).max(1), Line::default());
        let changed = self.changes().len();
        let tail = if changed > 0 { format!("  ({changed} changed)") } else { String::new() };
        lines.push(Line::plain(format!("{KEYS}{tail}")));
        lines
    }

    fn question(&self, title: &str, question: &str, height: usize) -> Vec<Line> {
        let mut lines = vec![Line::painted(Paint::Bold, title)];
        let all = self.changes();
        let space = height.saturating_sub(3).max(1);
        lines.extend(all.iter().take(space).map(|c| Line::plain(format!("  {}", sentence(c)))));
        if all.len() > space {
            lines.push(Line::plain(format!("  and {} more", all.len() - space)));
        }
        lines.push(Line::painted(Paint::Bold, question));
        lines
    }
}

/// One change in words: `web: on in 45, off in 2`.
pub fn sentence(change: &Change) -> String {
    let part = |word: &str, set: LevelSet| (!set.is_empty()).then(|| format!("{word} in {set}"));
    let parts: Vec<String> = [part("on", change.on), part("off", change.off)].into_iter().flatten().collect();
    format!("{}: {}", change.name, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::samples::name;
    use super::*;
    use init::proto::control::LevelRow;

    fn sheet() -> Sheet {
        let row =
            |n: &str, on: &str| LevelRow { name: name(n), on: on.into(), default: "2345".into(), held_by: Vec::new() };
        Sheet::new(&LevelTable {
            rows: vec![row("web", "2345"), row("cron", ""), row("a-very-long-name-of-a-unit-indeed-and-more", "S")],
        })
    }

    fn keys(sheet: &mut Sheet, text: &str) -> Next {
        let mut next = Next::Stay;
        for c in text.chars() {
            assert_eq!(next, Next::Stay);
            next = sheet.key(if c == 'E' { Key::Escape } else { Key::Char(c) });
        }
        next
    }

    fn sentences(sheet: &Sheet) -> Vec<String> {
        sheet.changes().iter().map(sentence).collect()
    }

    #[test]
    fn cells_are_turned_on_and_off() {
        let mut sheet = sheet();
        // Down to `cron`, 2 and 3 on; down to `web`, 3 off and on again, 4 off.
        assert_eq!(keys(&mut sheet, "j l j  l "), Next::Stay);
        assert_eq!(sentences(&sheet), ["cron: on in 23", "web: off in 4"]);
        keys(&mut sheet, "u");
        assert_eq!(sentences(&sheet), ["cron: on in 23"]);
        assert_eq!(keys(&mut sheet, "sy"), Next::Apply);
    }

    #[test]
    fn nothing_is_changed_unless_said() {
        assert_eq!(keys(&mut sheet(), "q"), Next::Abort);
        assert_eq!(keys(&mut sheet(), "s"), Next::Abort, "there is nothing to save");
        assert_eq!(keys(&mut sheet(), " qy"), Next::Abort);
        let mut back = sheet();
        assert_eq!(keys(&mut back, " qnsn"), Next::Stay);
        assert_eq!(back.changes().len(), 1, "back in the table, nothing is lost");
        assert_eq!(keys(&mut back, "E"), Next::Stay);
        assert_eq!(keys(&mut back, "xy"), Next::Abort);
    }

    #[test]
    fn the_table_is_sorted_fits_and_shows_the_cursor() {
        let mut sheet = sheet();
        keys(&mut sheet, "j ");
        let lines: Vec<String> = sheet.screen((80, 24)).iter().map(|l| l.text().trim_end().to_owned()).collect();
        let wanted = [
            "UNIT                                     S    0    1    2    3    4    5    6",
            "a-very-long-name-of-a-unit-indeed-and-~ on   -    -    -    -    -    -    -",
            "cron                                    -    -    -   [on*] -    -    -    -",
            "web                                     -    -    -    on   on   on   on   -",
        ];
        assert_eq!(lines.iter().take(4).map(String::as_str).collect::<Vec<_>>(), wanted);
        assert_eq!(lines.len(), 24);
        assert!(lines.iter().all(|l| width(l) < 80) && lines.last().is_some_and(|l| l.ends_with("(1 changed)")));
        let small = sheet.screen((60, 3));
        assert!(small.iter().any(|l| l.text().contains("[on*]")), "the cursor is to be seen");
        keys(&mut sheet, "s");
        let ask: Vec<String> = sheet.screen((80, 24)).iter().map(Line::text).collect();
        assert_eq!(ask, ["To be changed:", "  cron: on in 2", "Change that? y yes  n no, back to the table"]);
    }
}
