//! `initctl list`: a line a unit.
//!
//! Scripts of other systems search this for `process NUMBER` and spare that pid: no line of ours may say so.

use super::{clean, paint, time, word};
use crate::terminal::{Paint, Style, cut};
use init::proto::control::UnitStatus;

const HEAD: [&str; 5] = ["NAME", "STATE", "SINCE", "PID", "LEVELS"];
/// Where lines are cut, a name takes no more than this.
const NAME_WIDTH: usize = 28;

/// The table, sorted by name; `now` in milliseconds since the epoch.
pub fn list(units: &[UnitStatus], now: u64, style: &Style) -> String {
    let mut units: Vec<&UnitStatus> = units.iter().collect();
    units.sort_by(|a, b| a.name.cmp(&b.name));
    let name_width = style.width.map(|_| NAME_WIDTH);
    let rows: Vec<([String; 5], &UnitStatus)> = units
        .into_iter()
        .map(|u| {
            let since = u.since_ms.map_or("-".into(), |ms| time::short(now.saturating_sub(ms)));
            let pid = u.main_pid.or(u.control_pid).map_or("-".into(), |p| p.to_string());
            let levels = if u.levels.is_empty() { "-".into() } else { clean(&u.levels) };
            ([cut(u.name.short(), name_width), word(u).to_owned(), since, pid, levels], u)
        })
        .collect();
    let mut widths = HEAD.map(str::len);
    for (row, _) in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let used: usize = widths.iter().map(|w| w + 1).sum();
    let rest = style.width.map(|w| w.saturating_sub(used));
    let mut text = String::new();
    let mut line = |cells: &[&str; 5], last: &str, colour: Paint, all: Paint| {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let padded = match index {
                2 | 3 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            };
            line.push_str(&style.paint(if index == 1 { colour } else { all }, &padded));
            line.push(' ');
        }
        line.push_str(&style.paint(all, &cut(last, rest)));
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(&HEAD, "DESCRIPTION", Paint::Bold, Paint::Bold);
    for (row, unit) in &rows {
        let cells = row.each_ref().map(String::as_str);
        line(&cells, &description(unit), paint(unit), Paint::Plain);
    }
    text
}

/// The description, with a space that can't be taken for the phrase above.
fn description(unit: &UnitStatus) -> String {
    let text = clean(&unit.description);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("process ") {
        let (head, tail) = rest.split_at(at + "process ".len());
        out.push_str(head.trim_end_matches(' '));
        out.push(if tail.starts_with(|c: char| c.is_ascii_digit()) { '-' } else { ' ' });
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::super::samples::{NOW, failed, idle, running};
    use super::*;
    use init::proto::control::LoadState;

    fn units() -> Vec<UnitStatus> {
        let mut missing = idle("a-very-long-name-of-a-unit-that-is-missing@instance");
        missing.load = LoadState::Missing;
        vec![running("nginx"), failed("cron"), missing, idle("backup")]
    }

    #[test]
    fn a_pipe_gets_everything() {
        let wanted = "\
NAME                                                STATE    SINCE PID LEVELS DESCRIPTION
a-very-long-name-of-a-unit-that-is-missing@instance missing      -   - -      The a-very-long-name-of-a-unit-that-is-missing@instance daemon
backup                                              inactive     -   - -      The backup daemon
cron                                                failed      2h   - 3      The cron daemon
nginx                                               active    5min 812 2345   The nginx daemon
";
        assert_eq!(list(&units(), NOW, &Style::default()), wanted);
    }

    #[test]
    fn a_terminal_gets_lines_that_fit() {
        let wanted = "\
NAME                         STATE    SINCE PID LEVELS DESCRIPTION
a-very-long-name-of-a-unit-~ missing      -   - -      The a-very-long-name-of~
backup                       inactive     -   - -      The backup daemon
cron                         failed      2h   - 3      The cron daemon
nginx                        active    5min 812 2345   The nginx daemon
";
        let text = list(&units(), NOW, &Style { width: Some(79), colour: false });
        assert_eq!(text, wanted);
        assert!(text.lines().all(|l| l.chars().count() <= 79));
    }

    #[test]
    fn colours_stand_outside_the_padding() {
        let text = list(&[failed("a")], NOW, &Style { width: None, colour: true });
        assert!(text.contains("\x1b[1;31mfailed\x1b[0m "), "{text:?}");
    }

    #[test]
    fn no_line_names_a_process_to_be_spared() {
        let mut unit = running("x");
        unit.description = "process 1 process 22 process x process  3".into();
        let text = list(&[unit], NOW, &Style::default());
        assert!(text.contains("process-1 process-22 process x"), "{text}");
        assert!(!text.split("process ").skip(1).any(|t| t.starts_with(|c: char| c.is_ascii_digit())), "{text}");
    }
}
