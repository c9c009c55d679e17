//! Bytes from a terminal → keys, as VT100, xterm, screen and the kernel's console send them. Pure.

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// A control character by its letter: `Ctrl('l')`.
    Ctrl(char),
    /// Return.
    Enter,
    /// Tabulator.
    Tab,
    /// Backspace, or what a terminal sends for it.
    Backspace,
    /// Alone, not as the beginning of another key.
    Escape,
    /// Cursor keys.
    Up,
    /// …
    Down,
    /// …
    Left,
    /// …
    Right,
    /// To the first.
    Home,
    /// To the last.
    End,
    /// A screen back.
    PageUp,
    /// A screen on.
    PageDown,
    /// One that means nothing here.
    Other,
}

/// Lines that a page key moves a cursor by.
const PAGE: usize = 10;

impl Key {
    /// Where this key moves the cursor of a list, whose last line is `last`; `None`: it moves none.
    pub fn moves(self, at: usize, last: usize) -> Option<usize> {
        Some(match self {
            Self::Up => at.saturating_sub(1),
            Self::Down => at.saturating_add(1).min(last),
            Self::PageUp => at.saturating_sub(PAGE),
            Self::PageDown => at.saturating_add(PAGE).min(last),
            Self::Home => 0,
            Self::End => last,
            _ => return None,
        })
    }

    /// h, j, k, l, as vi has them, are cursor keys.
    #[must_use]
    pub fn of_vi(self) -> Self {
        match self {
            Self::Char('h') => Self::Left,
            Self::Char('j') => Self::Down,
            Self::Char('k') => Self::Up,
            Self::Char('l') => Self::Right,
            other => other,
        }
    }
}

/// Longest sequence that is waited for; what is longer isn't from a keyboard.
const MAX_SEQUENCE: usize = 16;

/// Bytes that have come and aren't keys yet.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    /// More bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether the rest may be the beginning of a key.
    pub fn is_pending(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next key. `late`: no more bytes came in time, what is there is all of it.
    pub fn next(&mut self, late: bool) -> Option<Key> {
        let (key, length) = match self.bytes.as_slice() {
            [] => return None,
            [0x1b, rest @ ..] => escape(rest, late)?,
            [b'\r' | b'\n', ..] => (Key::Enter, 1),
            [b'\t', ..] => (Key::Tab, 1),
            [0x7f | 0x08, ..] => (Key::Backspace, 1),
            [byte @ 1..0x20, ..] => (Key::Ctrl(char::from(byte | 0x60)), 1),
            [0, ..] => (Key::Other, 1),
            bytes => character(bytes, late)?,
        };
        self.bytes.drain(..length.min(self.bytes.len()));
        Some(key)
    }
}

/// What follows ESC; the length counts ESC too.
fn escape(rest: &[u8], late: bool) -> Option<(Key, usize)> {
    match rest {
        [b'[' | b'O', tail @ ..] => {
            let Some(end) = tail.iter().position(|b| (0x40..0x7f).contains(b)) else {
                let unfinished = !late && tail.len() < MAX_SEQUENCE;
                return if unfinished { None } else { Some((Key::Other, rest.len().saturating_add(1))) };
            };
            let (parameters, last) = tail.split_at(end);
            let key = match (last.first(), parameters) {
                (Some(b'A'), _) => Key::Up,
                (Some(b'B'), _) => Key::Down,
                (Some(b'C'), _) => Key::Right,
                (Some(b'D'), _) => Key::Left,
                (Some(b'H'), _) | (Some(b'~'), b"1" | b"7") => Key::Home,
                (Some(b'F'), _) | (Some(b'~'), b"4" | b"8") => Key::End,
                (Some(b'~'), b"5") => Key::PageUp,
                (Some(b'~'), b"6") => Key::PageDown,
                (Some(b'M'), b"") => Key::Enter,
                _ => Key::Other,
            };
            Some((key, end.saturating_add(3)))
        }
        [] if late => Some((Key::Escape, 1)),
        [] => None,
        // ESC and then another key: Alt, or two keys.
        [_, ..] => Some((Key::Escape, 1)),
    }
}

/// A character in UTF-8; bytes that are none are skipped one by one.
fn character(bytes: &[u8], late: bool) -> Option<(Key, usize)> {
    let wanted = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 1,
    };
    match bytes.get(..wanted).map(std::str::from_utf8) {
        Some(Ok(text)) => Some((text.chars().next().map_or(Key::Other, Key::Char), wanted)),
        None if !late => None,
        _ => Some((Key::Other, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        let mut all = Vec::new();
        while let Some(key) = decoder.next(false) {
            all.push(key);
        }
        while let Some(key) = decoder.next(true) {
            all.push(key);
        }
        all
    }

    #[test]
    fn cursors_stay_within_their_lists() {
        let from = |key: Key| key.of_vi().moves(3, 5);
        assert_eq!([from(Key::Up), from(Key::Char('k')), from(Key::Char('j'))], [Some(2), Some(2), Some(4)]);
        assert_eq!([from(Key::PageUp), from(Key::PageDown), from(Key::Home), from(Key::End)], [0, 5, 0, 5].map(Some));
        assert_eq!((Key::Down.moves(0, 0), Key::Up.moves(0, 0), from(Key::Left)), (Some(0), Some(0), None));
    }

    #[test]
    fn terminals_of_all_kinds() {
        let cases: &[(&[u8], &[Key])] = &[
            (b"jQ", &[Key::Char('j'), Key::Char('Q')]),
            (b"\x1b[A\x1b[B\x1bOC\x1bOD", &[Key::Up, Key::Down, Key::Right, Key::Left]),
            (b"\x1b[H\x1b[1~\x1b[F\x1b[4~\x1bOH", &[Key::Home, Key::Home, Key::End, Key::End, Key::Home]),
            (b"\x1b[5~\x1b[6~\x1b[1;5A", &[Key::PageUp, Key::PageDown, Key::Up]),
            (
                b"\r\n\t\x7f\x08\x0c",
                &[Key::Enter, Key::Enter, Key::Tab, Key::Backspace, Key::Backspace, Key::Ctrl('l')],
            ),
            ("ä日".as_bytes(), &[Key::Char('ä'), Key::Char('日')]),
            (b"\x1b", &[Key::Escape]),
            (b"\x1bx", &[Key::Escape, Key::Char('x')]),
            (b"\x1b[", &[Key::Other]),
            (b"\xffa\xc3", &[Key::Other, Key::Char('a'), Key::Other]),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(keys(bytes), *wanted, "{bytes:?}");
        }
    }

    #[test]
    fn a_key_may_come_in_pieces() {
        let mut decoder = Decoder::default();
        for byte in b"\x1b[" {
            decoder.push(&[*byte]);
            assert_eq!(decoder.next(false), None);
        }
        decoder.push(b"A");
        assert_eq!((decoder.next(false), decoder.is_pending()), (Some(Key::Up), false));
    }

    #[test]
    fn a_line_full_of_noise_comes_to_an_end() {
        let noise: Vec<u8> = [0x1b, b'['].into_iter().chain([b'0'; 100]).collect();
        assert!(keys(&noise).contains(&Key::Other));
    }
}
