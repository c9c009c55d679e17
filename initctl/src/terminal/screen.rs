//! A screenful of lines; only what has changed is sent, which a slow serial line thanks one for. Pure.

use super::width::{cut, width};
use super::{Paint, Style};

/// One line, as pieces in colours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(Paint, String)>,
    /// Shown in reverse.
    pub marked: bool,
}

impl Line {
    /// One without colour.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::painted(Paint::Plain, text)
    }

    /// One in a colour.
    pub fn painted(paint: Paint, text: impl Into<String>) -> Self {
        Self { pieces: vec![(paint, text.into())], marked: false }
    }

    /// With a piece more.
    #[must_use]
    pub fn and(mut self, paint: Paint, text: impl Into<String>) -> Self {
        self.pieces.push((paint, text.into()));
        self
    }

    /// Shown in reverse.
    #[must_use]
    pub fn marked(mut self, marked: bool) -> Self {
        self.marked = marked;
        self
    }

    /// What can be read of it.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// As printed, in no more than `columns`, in colours where those may be used.
    pub fn render(&self, columns: Option<usize>, style: &Style) -> String {
        let (mut text, mut room) = (String::new(), columns);
        for (paint, piece) in &self.pieces {
            let piece = cut(piece, room);
            room = room.map(|room| room.saturating_sub(width(&piece)));
            // Reverse alone can be seen on every terminal; colours within it can't.
            text.push_str(&if self.marked { piece } else { style.paint(*paint, &piece) });
        }
        if self.marked { format!("\x1b[7m{text}\x1b[m") } else { text }
    }
}

/// What is on the screen.
#[derive(Debug, Default)]
pub struct Screen {
    shown: Vec<String>,
    size: (usize, usize),
}

impl Screen {
    /// The bytes that bring these lines onto a screen of `columns` by `rows`. Lines beyond it are left out; the last column
    /// stays empty, for some terminals go on in the next line there.
    pub fn draw(&mut self, lines: &[Line], (columns, rows): (usize, usize), style: &Style) -> String {
        let mut out = String::new();
        if self.size != (columns, rows) {
            self.size = (columns, rows);
            self.shown.clear();
            out.push_str("\x1b[m\x1b[H\x1b[2J");
        }
        let lines: Vec<String> =
            lines.iter().take(rows).map(|l| l.render(Some(columns.saturating_sub(1)), style)).collect();
        for (row, line) in lines.iter().enumerate() {
            if self.shown.get(row) != Some(line) {
                out.push_str(&format!("\x1b[{};1H{line}\x1b[K", row.saturating_add(1)));
            }
        }
        if lines.len() < self.shown.len() {
            out.push_str(&format!("\x1b[{};1H\x1b[J", lines.len().saturating_add(1)));
        }
        self.shown = lines;
        out
    }

    /// Everything is to be sent anew: something else has written to the terminal.
    pub fn forget(&mut self) {
        self.size = (0, 0);
    }

    /// How many lines there are on it.
    pub fn height(&self) -> usize {
        self.shown.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (10, 3);

    fn lines(texts: &[&str]) -> Vec<Line> {
        texts.iter().map(|t| Line::plain(*t)).collect()
    }

    #[test]
    fn only_what_changed_is_sent() {
        let (mut screen, style) = (Screen::default(), Style::default());
        assert_eq!(
            screen.draw(&lines(&["a", "b"]), SIZE, &style),
            "\x1b[m\x1b[H\x1b[2J\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K"
        );
        assert_eq!(screen.draw(&lines(&["a", "b"]), SIZE, &style), "");
        assert_eq!(screen.draw(&lines(&["a", "c"]), SIZE, &style), "\x1b[2;1Hc\x1b[K");
        assert_eq!(screen.draw(&lines(&["a"]), SIZE, &style), "\x1b[2;1H\x1b[J");
        screen.forget();
        assert!(screen.draw(&lines(&["a"]), SIZE, &style).contains("2J"));
    }

    #[test]
    fn nothing_leaves_the_screen() {
        let (mut screen, style) = (Screen::default(), Style { width: None, colour: true });
        let long = Line::painted(Paint::Bad, "123456").and(Paint::Plain, "7890123");
        let sent = screen.draw(&[long, Line::plain("x"), Line::plain("y"), Line::plain("z")], SIZE, &style);
        assert!(sent.contains("\x1b[1;31m123456\x1b[0m78~\x1b[K"), "{sent:?}");
        assert!(!sent.contains('z') && screen.height() == 3);
        let marked = Screen::default().draw(&[Line::painted(Paint::Bad, "m").marked(true)], SIZE, &style);
        assert!(marked.contains("\x1b[7mm\x1b[m"), "{marked:?}");
    }
}
