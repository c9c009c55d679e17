//! Patterns for one component of a path, as `glob(7)`: `*`, `?`, `[a-z]`, `[!a]`, `\`.

/// Whether the component is a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether `name` matches. A leading dot is matched by a dot only. Its time is bounded by the product of both lengths.
pub fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut here) = (0, 0);
    // The last star: where the pattern goes on behind it, and where the name was.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(here) {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at.saturating_add(1), here));
                at = at.saturating_add(1);
                continue;
            }
            Some(_) => one(pattern.get(at..).unwrap_or(&[]), *c),
            None => None,
        };
        match (step, star) {
            (Some(used), _) => {
                at = at.saturating_add(used);
                here = here.saturating_add(1);
            }
            (None, Some((behind, from))) => {
                let from = from.saturating_add(1);
                star = Some((behind, from));
                (at, here) = (behind, from);
            }
            (None, None) => return false,
        }
    }
    pattern.get(at..).unwrap_or(&[]).iter().all(|c| *c == '*')
}

/// How many characters of the pattern stand for `c`, if its beginning does.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', literal, ..] => (*literal == c).then_some(2),
        ['[', rest @ ..] => match set(rest, c) {
            Some((hit, used)) => hit.then_some(used.saturating_add(1)),
            // Not closed: a plain bracket.
            None => (c == '[').then_some(1),
        },
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

/// Whether the set that begins here holds `c`, and its length with the closing bracket.
fn set(text: &[char], c: char) -> Option<(bool, usize)> {
    let negated = matches!(text.first(), Some('!' | '^'));
    let start = usize::from(negated);
    let mut at = start;
    let mut hit = false;
    loop {
        let low = *text.get(at)?;
        if low == ']' && at > start {
            return Some((hit != negated, at.saturating_add(1)));
        }
        match (text.get(at.saturating_add(1)), text.get(at.saturating_add(2))) {
            (Some('-'), Some(high)) if *high != ']' => {
                hit |= (low..=*high).contains(&c);
                at = at.saturating_add(3);
            }
            _ => {
                hit |= low == c;
                at = at.saturating_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        for (pattern, name) in [
            ("*", "a"),
            ("a*c", "abbc"),
            ("a*b*c", "aXbYbZc"),
            (".X[0-9]*-lock", ".X11-lock"),
            ("[!a]?", "bc"),
            ("[]]", "]"),
            ("a[", "a["),
            ("\\*", "*"),
            ("*.journal*", "x.journal~"),
            ("é*", "éa"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*", ".a"), ("a", "ab"), ("[!a]", "a"), ("?", ""), ("\\*", "a"), ("a*c", "ab")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_is_taken(pattern in "[a\\[\\]*?!\\\\-]{0,12}", name in "[ab\\]-]{0,12}") {
            let _ = matches(&pattern, &name);
        }

        #[test]
        fn a_plain_name_matches_itself(name in "[a-z.]{0,12}") {
            prop_assert!(matches(&name, &name));
        }
    }
}
