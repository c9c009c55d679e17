//! `initctl list`: a line a unit.
//!
//! Scripts of other systems search this for `process NUMBER` and spare that pid: no line of ours may say so.

use super::table::{Cell, Set, table, text};
use super::{clean, paint, time, word};
use crate::terminal::{Paint, Style, cut};
use init::core::State;
use init::proto::control::{LoadState, UnitStatus};
use init::unit::Source;

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Column {
    /// The name, without `.service`.
    Name,
    /// The state, or what is wrong with the file.
    State,
    /// What it does, in words.
    Doing,
    /// For how long it has been in that state.
    Since,
    /// The main process.
    Pid,
    /// Automatic restarts.
    Restarts,
    /// Levels it is on in.
    Levels,
    /// Where it came from.
    Source,
    /// Service, target, …
    Kind,
    /// Its file.
    File,
    /// The description.
    Description,
}

/// The columns where none are asked for.
pub const COLUMNS: &[Column] =
    &[Column::Name, Column::State, Column::Since, Column::Pid, Column::Levels, Column::Description];

/// The table: failed units first, then by name; titled on a terminal only, so that a script counts units alone. `now` in
/// milliseconds since the epoch.
pub fn list(units: &[UnitStatus], columns: &[Column], now: u64, style: &Style) -> String {
    let mut units: Vec<&UnitStatus> = units.iter().collect();
    units.sort_by(|a, b| is_failed(b).cmp(&is_failed(a)).then_with(|| a.name.cmp(&b.name)));
    // A long name leaves room for the rest.
    let longest = style.width.map(|w| (w / 3).max(28));
    let row = |u: &UnitStatus| -> Vec<Cell> { columns.iter().map(|c| cell(*c, u, now, longest)).collect() };
    let rows: Vec<Vec<Cell>> = units.into_iter().map(row).collect();
    let set: Vec<(&str, Set)> = columns.iter().map(|c| heading(*c)).collect();
    text(&table(&set, &rows, style.width.is_some(), style.width), style)
}

/// Whether somebody should look at it.
pub fn is_failed(unit: &UnitStatus) -> bool {
    unit.state == State::Failed || (unit.state == State::Inactive && unit.load == LoadState::Bad)
}

fn heading(column: Column) -> (&'static str, Set) {
    match column {
        Column::Name => ("NAME", Set::Shrinks(12)),
        Column::State => ("STATE", Set::Left),
        Column::Doing => ("DOING", Set::Shrinks(16)),
        Column::Since => ("SINCE", Set::Right),
        Column::Pid => ("PID", Set::Right),
        Column::Restarts => ("RESTARTS", Set::Right),
        Column::Levels => ("LEVELS", Set::Left),
        Column::Source => ("SOURCE", Set::Left),
        Column::Kind => ("KIND", Set::Left),
        Column::File => ("FILE", Set::Shrinks(16)),
        Column::Description => ("DESCRIPTION", Set::Shrinks(8)),
    }
}

fn cell(column: Column, unit: &UnitStatus, now: u64, longest: Option<usize>) -> Cell {
    let or_dash = |text: String| Cell::plain(if text.is_empty() { "-".to_owned() } else { text });
    match column {
        Column::Name => Cell::plain(cut(unit.name.short(), longest)),
        Column::State => Cell::painted(paint(unit), word(unit)),
        Column::Doing => Cell::plain(init::proto::words::phase_text(unit.phase)),
        Column::Since => or_dash(unit.since_ms.map(|ms| time::short(now.saturating_sub(ms))).unwrap_or_default()),
        Column::Pid => or_dash(unit.main_pid.or(unit.control_pid).map(|p| p.to_string()).unwrap_or_default()),
        Column::Restarts => Cell::plain(unit.restarts.to_string()),
        Column::Levels => or_dash(clean(&unit.levels)),
        Column::Source => Cell::plain(source(unit.source)),
        Column::Kind => Cell::plain(unit.name.kind().suffix()),
        Column::File => or_dash(unit.files.first().map(|f| clean(f)).unwrap_or_default()),
        Column::Description => Cell::painted(Paint::Plain, description(unit)),
    }
}

/// The word for where a unit came from.
pub fn source(source: Source) -> &'static str {
    match source {
        Source::Native => "native",
        Source::Systemd => "systemd",
        Source::Script => "script",
        Source::Twin => "twin",
        Source::Inittab => "inittab",
        Source::Generated => "generated",
    }
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

    fn shown(style: &Style) -> String {
        list(&units(), COLUMNS, NOW, style)
    }

    #[test]
    fn a_pipe_gets_everything_and_no_titles() {
        let wanted = "\
cron                                                failed     2h   - 3    The cron daemon
a-very-long-name-of-a-unit-that-is-missing@instance missing     -   - -    The a-very-long-name-of-a-unit-that-is-missing@instance daemon
backup                                              inactive    -   - -    The backup daemon
nginx                                               active   5min 812 2345 The nginx daemon
";
        assert_eq!(shown(&Style::default()), wanted);
    }

    #[test]
    fn a_terminal_gets_lines_that_fit() {
        let wanted = "\
NAME                         STATE    SINCE PID LEVELS DESCRIPTION
cron                         failed      2h   - 3      The cron daemon
a-very-long-name-of-a-unit-~ missing      -   - -      The a-very-long-name-of-~
backup                       inactive     -   - -      The backup daemon
nginx                        active    5min 812 2345   The nginx daemon
";
        let text = shown(&Style { width: Some(80), colour: false });
        assert_eq!(text, wanted);
        for width in [60, 72, 80, 100, 132, 200] {
            let text = shown(&Style { width: Some(width), colour: false });
            assert!(text.lines().all(|l| l.chars().count() <= width), "{text}");
        }
        assert!(!shown(&Style { width: Some(200), colour: false }).contains('~'), "a wide one shows all");
    }

    #[test]
    fn colours_stand_outside_the_padding() {
        let text = list(&[failed("a")], COLUMNS, NOW, &Style { width: None, colour: true });
        assert!(text.contains("\x1b[1;31mfailed\x1b[0m "), "{text:?}");
    }

    #[test]
    fn columns_can_be_chosen() {
        let columns = [Column::Name, Column::Kind, Column::Source, Column::Restarts, Column::Doing, Column::File];
        let text = list(&[failed("a")], &columns, NOW, &Style::default());
        assert_eq!(text, "a service native 5 not running /usr/lib/rung/units/a.service\n");
    }

    #[test]
    fn no_line_names_a_process_to_be_spared() {
        let mut unit = running("x");
        unit.description = "process 1 process 22 process x process  3".into();
        let text = list(&[unit], COLUMNS, NOW, &Style::default());
        assert!(text.contains("process-1 process-22 process x"), "{text}");
        assert!(!text.split("process ").skip(1).any(|t| t.starts_with(|c: char| c.is_ascii_digit())), "{text}");
    }
}
