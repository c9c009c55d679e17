//! Text → logical lines: continuations joined and comments dropped as systemd does, each character's place kept.

/// One logical line, trimmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Logical {
    pub text: String,
    /// Where the parts of `text` stand: (byte offset in it, line, column), ascending.
    pieces: Vec<(usize, u32, u32)>,
}

impl Logical {
    /// Line and column of a byte offset in the text.
    pub fn locate(&self, offset: usize) -> (u32, u32) {
        let after = self.pieces.partition_point(|(at, _, _)| *at <= offset);
        let Some((at, line, column)) = after.checked_sub(1).and_then(|i| self.pieces.get(i)) else { return (0, 0) };
        let chars = self.text.get(*at..offset).map_or(0, |t| t.chars().count());
        (*line, column.saturating_add(u32::try_from(chars).unwrap_or(0)))
    }

    fn push(&mut self, text: &str, line: u32, column: u32) {
        self.pieces.push((self.text.len(), line, column));
        self.text.push_str(text);
    }

    fn finish(mut self) -> Self {
        self.text.truncate(self.text.trim_end().len());
        let cut = self.text.len() - self.text.trim_start().len();
        if cut > 0 {
            let places: Vec<_> = self.pieces.iter().map(|(at, ..)| self.locate((*at).max(cut))).collect();
            for (piece, (line, column)) in self.pieces.iter_mut().zip(places) {
                *piece = (piece.0.saturating_sub(cut), line, column);
            }
            self.text.drain(..cut);
        }
        self
    }
}

/// The lines that hold something. A line that ends in a single `\` goes on in the next one (the `\` becomes a space);
/// comment lines are dropped, inside of a continuation too.
pub(super) fn logical_lines(text: &str) -> Vec<Logical> {
    let mut lines = Vec::new();
    let mut open: Option<Logical> = None;
    for (number, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        if raw.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let mut line = open.take().unwrap_or_default();
        let backslashes = raw.bytes().rev().take_while(|b| *b == b'\\').count();
        if backslashes % 2 == 1 {
            line.push(raw.strip_suffix('\\').unwrap_or(raw), number, 1);
            line.text.push(' ');
            open = Some(line);
        } else {
            line.push(raw, number, 1);
            lines.push(line.finish());
        }
    }
    lines.extend(open.map(Logical::finish));
    lines.retain(|l| !l.text.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn continuations_are_joined_and_places_kept() {
        let lines = logical_lines("\u{feff}# c\n  A = b \\\n; c\n  c \\\\\n\nX=\\\n\n[S]\nlast\\");
        let texts: Vec<_> = lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts, ["A = b    c \\\\", "X=", "[S]", "last"]);
        let first = &lines[0];
        assert_eq!(first.locate(0), (2, 3));
        assert_eq!(first.locate(first.text.find('c').expect("c")), (4, 3));
        assert_eq!(lines[1].locate(0), (6, 1));
    }

    proptest! {
        #[test]
        fn every_place_lies_in_the_text(text in "[ \\\\\n#;ä=a]{0,60}") {
            let raw: Vec<&str> = text.lines().collect();
            for line in logical_lines(&text) {
                for (offset, c) in line.text.char_indices().filter(|(_, c)| *c != ' ') {
                    let (l, column) = line.locate(offset);
                    prop_assert_eq!(raw[l as usize - 1].chars().nth(column as usize - 1), Some(c));
                }
            }
        }
    }
}
