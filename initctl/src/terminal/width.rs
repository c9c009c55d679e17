//! How many columns text takes on a terminal, and text made to fit.

/// Ranges of characters that take two columns (East Asian Wide and Fullwidth of Unicode's UAX 11, and emoji), in blocks.
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x2e80, 0x303e),
    (0x3041, 0x33ff),
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    (0xa000, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1_f300, 0x1_f64f),
    (0x1_f680, 0x1_f6ff),
    (0x1_f900, 0x1_f9ff),
    (0x2_0000, 0x3_fffd),
];
/// Ranges of characters that take none: combining marks, joiners, variation selectors.
const NONE: &[(u32, u32)] = &[
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x0610, 0x061a),
    (0x064b, 0x065f),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x2064),
    (0x20d0, 0x20ff),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xfeff, 0xfeff),
];

fn columns(c: char) -> usize {
    let code = u32::from(c);
    let within = |ranges: &[(u32, u32)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&code));
    match code {
        0..0x0300 => 1,
        _ if within(NONE) => 0,
        _ if within(WIDE) => 2,
        _ => 1,
    }
}

/// The columns of a text without control characters.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// `text` in no more than `limit` columns; `~` stands for what was cut. `None`: as it is.
pub fn cut(text: &str, limit: Option<usize>) -> String {
    let Some(limit) = limit.filter(|limit| width(text) > *limit) else { return text.to_owned() };
    let Some(room) = limit.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let kept = text.chars().take_while(|c| {
        used += columns(*c);
        used <= room
    });
    kept.chain(Some('~')).collect()
}

/// `text` and blanks up to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_characters_take_two_columns_and_some_none() {
        for (text, columns) in [("abc", 3), ("äöü", 3), ("日本", 4), ("e\u{301}", 1), ("한글x", 5), ("●├─", 3), ("", 0)]
        {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn what_is_cut_shows_it_and_fits() {
        for (text, limit, wanted) in [
            ("abcdef", 4, "abc~"),
            ("abcd", 4, "abcd"),
            ("日本語", 4, "日~"),
            ("日本語", 6, "日本語"),
            ("x", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, Some(limit)), wanted);
            assert!(width(&cut(text, Some(limit))) <= limit);
        }
        assert_eq!(cut("abc", None), "abc");
        assert_eq!((pad("日", 4), pad("abc", 2)), ("日  ".to_owned(), "abc".to_owned()));
    }
}
