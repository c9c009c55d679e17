//! Patterns as of fnmatch(3): `*`, `?`, `[a-z]`, `[!a-z]`. `*` stands for anything, a `/` and a leading dot too.

/// Whether the whole of `text` matches `pattern`. Takes time in proportion to both lengths at worst.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on when a mismatch makes the last `*` take one more character.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, t));
            p += 1;
        } else if let Some(length) = one(pattern.get(p..).unwrap_or(&[]), text.get(t).copied()) {
            p += length;
            t += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern.get(p..).unwrap_or(&[]).iter().all(|c| *c == '*')
}

/// How many characters of `pattern` match the one character; `None` when they don't.
fn one(pattern: &[char], c: Option<char>) -> Option<usize> {
    let (first, c) = (*pattern.first()?, c?);
    if first == '?' {
        return Some(1);
    }
    let literal = (first == c).then_some(1);
    if first != '[' {
        return literal;
    }
    let negated = pattern.get(1) == Some(&'!');
    let from = 1 + usize::from(negated);
    // A `]` that comes first stands for itself; an unclosed `[` too.
    let Some(close) = pattern.iter().skip(from + 1).position(|c| *c == ']').map(|at| at + from + 1) else {
        return literal;
    };
    let set = pattern.get(from..close)?;
    let mut hit = false;
    let mut rest = set;
    while let Some((low, tail)) = rest.split_first() {
        match tail {
            ['-', high, tail @ ..] => {
                hit |= (*low..=*high).contains(&c);
                rest = tail;
            }
            _ => {
                hit |= *low == c;
                rest = tail;
            }
        }
    }
    (hit != negated).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, wanted) in [
            ("nginx", "nginx", true),
            ("nginx", "nginx2", false),
            ("get*", "getty@tty1", true),
            ("*tty?", "getty@tty1", true),
            ("*tty?", "getty@tty12", false),
            ("*a*b*", "xaxxbx", true),
            ("tty[1-3]", "tty2", true),
            ("tty[!1-3]", "tty2", false),
            ("tty[1-3]", "tty4", false),
            ("[", "[", true),
            ("[]]", "]", true),
            ("", "", true),
            ("*", "", true),
            ("", "x", false),
            ("a*a*a*a*a*a*a*b", &"a".repeat(2000), false),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
