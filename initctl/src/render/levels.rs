//! `initctl levels`, `enable` and `disable`.

use crate::terminal::{Paint, Style};
use init::proto::control::{LevelTable, LinkChange, Links};
use init::unit::{Level, LevelSet};

/// A row a unit, a column a level; behind them the units it comes with.
pub fn table(table: &LevelTable, style: &Style) -> String {
    let width = table.rows.iter().map(|r| r.name.short().chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:<width$}", "NAME");
    for level in Level::ALL {
        text.push_str(&format!("  {:<3}", level.as_char()));
    }
    text = style.paint(Paint::Bold, text.trim_end()) + "\n";
    for row in &table.rows {
        let on = LevelSet::parse(&row.on).unwrap_or_default();
        let mut line = format!("{:<width$}", row.name.short());
        for level in Level::ALL {
            let (word, paint) = if on.contains(level) { ("on ", Paint::Good) } else { ("off", Paint::Dim) };
            line.push_str("  ");
            line.push_str(&style.paint(paint, word));
        }
        if !row.held_by.is_empty() {
            let names: Vec<&str> = row.held_by.iter().map(|n| n.short()).collect();
            line.push_str(&format!("  with {}", names.join(" ")));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A line a link that was made or removed.
pub fn links(links: &Links) -> String {
    lines(&links.changes, "made", "removed")
}

/// A line a link that would be.
pub fn planned(links: &[LinkChange]) -> String {
    lines(links, "would make", "would remove")
}

fn lines(links: &[LinkChange], make: &str, remove: &str) -> String {
    let line = |change: &LinkChange| match &change.target {
        Some(target) => format!("{make} {} -> {target}\n", change.path),
        None => format!("{remove} {}\n", change.path),
    };
    links.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::name;
    use super::*;
    use init::proto::control::LevelRow;

    #[test]
    fn levels_are_columns() {
        let row =
            |n: &str, on: &str| LevelRow { name: name(n), on: on.into(), default: "2345".into(), held_by: Vec::new() };
        let held = LevelRow { held_by: vec![name("own.target")], ..row("off", "") };
        let all = LevelTable { rows: vec![row("nginx", "2345"), row("fsck", "S"), held] };
        let wanted = "\
NAME   S    0    1    2    3    4    5    6
nginx  off  off  off  on   on   on   on   off
fsck   on   off  off  off  off  off  off  off
off    off  off  off  off  off  off  off  off  with own.target
";
        assert_eq!(table(&all, &Style::default()), wanted);
    }

    #[test]
    fn links_are_lines() {
        let change =
            |target: Option<&str>| LinkChange { name: name("a"), path: "/l".into(), target: target.map(Into::into) };
        let both = Links { changes: vec![change(Some("/t")), change(None)], notes: Vec::new() };
        assert_eq!(links(&both), "made /l -> /t\nremoved /l\n");
    }
}
