//! Events, one below the other: `history` and `events`.

use super::clean;
use crate::terminal::{Paint, Style};
use init::proto::control::EventKind;

/// One event.
#[derive(Debug, Clone)]
pub struct Row {
    /// `2026-11-23 01:20:00`
    pub time: String,
    /// Whose, without `.service`.
    pub unit: Option<String>,
    /// What.
    pub kind: EventKind,
    /// Details.
    pub text: String,
    /// Who asked.
    pub by: String,
}

/// Where the text begins: behind the time and the kind.
const INDENT: usize = 32;

/// All of them.
pub fn rows(rows: &[Row], style: &Style) -> String {
    rows.iter().map(|row| self::row(row, style)).collect()
}

/// `TIME  KIND  UNIT: TEXT (by WHOM)`, folded at the width.
pub fn row(row: &Row, style: &Style) -> String {
    let colour = match row.kind {
        EventKind::Failed => Paint::Bad,
        EventKind::Ready => Paint::Good,
        EventKind::Restart | EventKind::Exit => Paint::Busy,
        EventKind::Boot | EventKind::Manager | EventKind::Level => Paint::Bold,
        _ => Paint::Plain,
    };
    let kind = style.paint(colour, &format!("{:<9}", row.kind.word()));
    let mut text = row.unit.as_deref().map(clean).unwrap_or_default();
    // A request's text names the units itself.
    if row.kind == EventKind::Request {
        text = clean(&row.text);
    } else if !row.text.is_empty() {
        let colon = if text.is_empty() { "" } else { ": " };
        text.push_str(&format!("{colon}{}", clean(&row.text)));
    }
    if !row.by.is_empty() {
        text.push_str(&format!(" (by {})", clean(&row.by)));
    }
    let text = fold(&text, style.width.map(|w| w.saturating_sub(INDENT)), INDENT);
    format!("{}  {kind}  {text}\n", row.time)
}

/// Breaks a text at blanks so that no line is longer than `width`; the lines after the first are indented.
pub fn fold(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width.filter(|w| *w >= 20) else { return text.to_owned() };
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_that_fold_on_a_terminal() {
        let mut event = Row {
            time: "2026-11-23 01:20:00".into(),
            unit: Some("web".into()),
            kind: EventKind::Starting,
            text: String::new(),
            by: "root (uid 0, pid 812): initctl start web and a good many others".into(),
        };
        let plain = row(&event, &Style::default());
        assert_eq!(plain.lines().count(), 1);
        assert!(plain.starts_with("2026-11-23 01:20:00  starting   web (by root (uid 0, pid 812): initctl"), "{plain}");
        let narrow = row(&event, &Style { width: Some(80), colour: false });
        assert!(narrow.lines().count() == 2 && narrow.lines().all(|l| l.chars().count() <= 80), "{narrow}");
        (event.kind, event.text, event.by) = (EventKind::Request, "start web".into(), String::new());
        assert_eq!(row(&event, &Style::default()), "2026-11-23 01:20:00  request    start web\n");
    }
}
