//! systemd's quoting: a value → words, and back.

/// One word, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Unquoted and unescaped.
    pub text: String,
    /// Byte offset of its beginning in the value.
    pub at: usize,
    /// A bare `;`: it separates commands.
    pub separator: bool,
}

/// What splitting found odd but could live with: byte offset and a sentence.
pub(super) type Oddity = (usize, String);

/// Splits by white space; `'…'` and `"…"` hold words together, `\` escapes as in C, `\s` is a space. An escape that is
/// unknown stays as it is and is told.
///
/// # Errors
/// Byte offset and what is wrong: a quote that isn't closed, a value that ends in `\`.
pub(super) fn split(value: &str, odd: &mut Vec<Oddity>) -> Result<Vec<Word>, Oddity> {
    let mut words = Vec::new();
    let mut rest = value.char_indices().peekable();
    loop {
        while rest.next_if(|(_, c)| space(*c)).is_some() {}
        let Some(&(at, first)) = rest.peek() else { return Ok(words) };
        let ends = |n: usize| value.get(at + n..).is_some_and(|t| t.chars().next().is_none_or(space));
        if first == ';' && ends(1) {
            rest.next();
            words.push(Word { text: ";".into(), at, separator: true });
            continue;
        }
        if value.get(at..at + 2) == Some("\\;") && ends(2) {
            rest.nth(1);
            words.push(Word { text: ";".into(), at, separator: false });
            continue;
        }
        let mut text = String::new();
        let mut quote: Option<(usize, char)> = None;
        while let Some((here, c)) = rest.next_if(|(_, c)| quote.is_some() || !space(*c)) {
            match (c, quote) {
                ('\\', _) => {
                    let tail = value.get(here + 1..).unwrap_or("");
                    if tail.is_empty() {
                        return Err((here, "the value ends in a `\\` that escapes nothing".into()));
                    }
                    let skip = match escape(tail) {
                        Some((decoded, length)) => {
                            text.push(decoded);
                            length
                        }
                        None => {
                            let known = tail.chars().next().unwrap_or('\\');
                            odd.push((here, format!("`\\{known}` is no escape sequence; kept as it stands")));
                            text.push('\\');
                            0
                        }
                    };
                    while rest.next_if(|(next, _)| *next <= here + skip).is_some() {}
                }
                (c, Some((_, open))) if c == open => quote = None,
                ('"' | '\'', None) => quote = Some((here, c)),
                (c, _) => text.push(c),
            }
        }
        if let Some((open, c)) = quote {
            return Err((open, format!("the quote `{c}` is never closed")));
        }
        words.push(Word { text, at, separator: false });
    }
}

/// systemd's white space.
fn space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The character an escape stands for (`tail` is what follows the backslash), and its length in bytes.
fn escape(tail: &str) -> Option<(char, usize)> {
    let first = tail.chars().next()?;
    let number = |from: usize, length: usize, radix: u32| {
        let digits = tail.get(from..from + length)?;
        let value = digits.bytes().all(|b| char::from(b).is_digit(radix)).then_some(digits)?;
        let value = char::from_u32(u32::from_str_radix(value, radix).ok()?)?;
        (value != '\0').then_some((value, from + length))
    };
    match first {
        'a' => Some(('\u{7}', 1)),
        'b' => Some(('\u{8}', 1)),
        'f' => Some(('\u{c}', 1)),
        'n' => Some(('\n', 1)),
        'r' => Some(('\r', 1)),
        't' => Some(('\t', 1)),
        'v' => Some(('\u{b}', 1)),
        's' => Some((' ', 1)),
        '\\' | '"' | '\'' => Some((first, 1)),
        'x' => number(1, 2, 16).filter(|(c, _)| c.is_ascii()),
        'u' => number(1, 4, 16),
        'U' => number(1, 8, 16),
        '0'..='7' => number(0, 3, 8).filter(|(c, _)| c.is_ascii()),
        _ => None,
    }
}

/// A word as a value of `Exec…=` would hold it, specifiers kept out (`%` → `%%`).
pub fn quote(word: &str) -> String {
    let plain = |c: char| !space(c) && !c.is_control() && !"\"'\\".contains(c);
    let mut out = String::with_capacity(word.len() + 2);
    let bare = !word.is_empty() && word != ";" && word.chars().all(plain);
    for c in word.chars() {
        match c {
            '%' => out.push_str("%%"),
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    if bare { out } else { format!("\"{out}\"") }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
