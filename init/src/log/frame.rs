//! Bytes → lines. Pure.

/// Longest piece of a line that is kept together, in bytes; what is longer is split.
pub const MAX_LINE: usize = 8 << 10;

/// A line, or a piece of one that is longer than [`MAX_LINE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Without its newline.
    pub text: &'a [u8],
    /// The same line goes on in the next piece.
    pub continues: bool,
}

/// Cuts what comes down one pipe into lines.
#[derive(Debug, Default)]
pub struct Framer {
    partial: Vec<u8>,
    /// Pieces of the present line have been given out already.
    split: bool,
}

impl Framer {
    /// Takes what was read and gives each finished line to `each`.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while !bytes.is_empty() {
            let room = MAX_LINE.saturating_sub(self.partial.len());
            // One byte more than there is room for: the newline of a line that just fits.
            let window = bytes.get(..bytes.len().min(room + 1)).unwrap_or(bytes);
            if let Some(end) = window.iter().position(|b| *b == b'\n') {
                let (line, rest) = bytes.split_at(end);
                self.end_with(line, &mut each);
                bytes = rest.get(1..).unwrap_or(&[]);
            } else if window.len() <= room {
                self.partial.extend_from_slice(bytes);
                return;
            } else {
                let (piece, rest) = bytes.split_at(room);
                self.partial.extend_from_slice(piece);
                each(Line { text: &self.partial, continues: true });
                self.partial.clear();
                self.split = true;
                bytes = rest;
            }
        }
    }

    /// Whether no line has begun: then a fresh one does as well.
    pub fn is_idle(&self) -> bool {
        self.partial.is_empty() && !self.split
    }

    /// Ends a line that has no newline yet.
    pub fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if self.split || !self.partial.is_empty() {
            self.end_with(&[], &mut each);
        }
    }

    fn end_with(&mut self, text: &[u8], each: &mut impl FnMut(Line<'_>)) {
        if self.partial.is_empty() {
            each(Line { text, continues: false });
        } else {
            self.partial.extend_from_slice(text);
            each(Line { text: &self.partial, continues: false });
            self.partial.clear();
        }
        self.split = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(chunks: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let (mut framer, mut lines) = (Framer::default(), Vec::new());
        for chunk in chunks {
            framer.feed(chunk, |l| lines.push((l.text.to_vec(), l.continues)));
        }
        framer.finish(|l| lines.push((l.text.to_vec(), l.continues)));
        lines
    }

    #[test]
    fn lines_may_come_in_pieces() {
        let lines = run(&[b"a\nb", b"c", b"\n\nlast"]);
        let texts: Vec<_> = lines.iter().map(|(t, _)| t.as_slice()).collect();
        assert_eq!(texts, [b"a".as_slice(), b"bc", b"", b"last"]);
    }

    #[test]
    fn a_line_that_just_fits_is_not_split() {
        let mut text = vec![b'x'; MAX_LINE];
        text.push(b'\n');
        assert_eq!(run(&[&text]), [(vec![b'x'; MAX_LINE], false)]);
        text.insert(0, b'x');
        assert_eq!(run(&[&text]), [(vec![b'x'; MAX_LINE], true), (b"x".to_vec(), false)]);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_or_made_up(
            lines in proptest::collection::vec((0usize..3 * MAX_LINE, any::<u8>()), 0..6),
            cuts in proptest::collection::vec(1usize..20_000, 1..20),
        ) {
            let lines: Vec<Vec<u8>> =
                lines.into_iter().map(|(n, b)| vec![if b == b'\n' { b'x' } else { b }; n]).collect();
            let all: Vec<u8> = lines.iter().flat_map(|l| l.iter().copied().chain([b'\n'])).collect();
            let (mut chunks, mut rest, mut cut) = (Vec::new(), all.as_slice(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.len().min(*cut.next().expect("endless")));
                chunks.push(head);
                rest = tail;
            }
            let mut joined: Vec<Vec<u8>> = vec![Vec::new()];
            for (piece, continues) in run(&chunks) {
                prop_assert!(piece.len() <= MAX_LINE);
                joined.last_mut().expect("one").extend(piece);
                if !continues {
                    joined.push(Vec::new());
                }
            }
            joined.pop();
            prop_assert_eq!(joined, lines);
        }
    }
}
