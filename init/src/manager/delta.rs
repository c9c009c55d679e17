//! What of a text differs from one of the same form, such as two records of a kind: where they are alike it is named by its
//! length alone.
//!
//! A delta is a row of steps: how many bytes both have, how many follow that only the new text has, these, and how many
//! only the old one has. The last step may end early. Numbers have seven bits a byte, the lowest first.

/// Adds what makes `text` out of `base`.
pub fn diff(mut base: &[u8], mut text: &[u8], out: &mut Vec<u8>) {
    while !text.is_empty() {
        let same = alike(base.iter().zip(text));
        let (old, new) = (base.get(same..).unwrap_or_default(), text.get(same..).unwrap_or_default());
        put(same, out);
        if new.is_empty() {
            return;
        }
        // Mostly a number or a name is another one, and what comes after it is alike again.
        let (mut skip, mut own) = (word(old), word(new));
        if old.get(skip) != new.get(own) {
            let end = alike(old.iter().rev().zip(new.iter().rev()));
            (skip, own) = (old.len().saturating_sub(end), new.len().saturating_sub(end));
        }
        put(own, out);
        out.extend(new.iter().take(own));
        put(skip, out);
        (base, text) = (old.get(skip..).unwrap_or_default(), new.get(own..).unwrap_or_default());
    }
}

/// The text that `delta` makes out of `base`, if it is one of that base, and no longer than `most`.
pub fn apply(mut base: &[u8], mut delta: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while !delta.is_empty() {
        let (same, rest) = base.split_at_checked(take(&mut delta)?)?;
        text.extend_from_slice(same);
        base = rest;
        if delta.is_empty() {
            break;
        }
        let own = take(&mut delta)?;
        let (new, rest) = delta.split_at_checked(own)?;
        text.extend_from_slice(new);
        delta = rest;
        base = base.get(take(&mut delta)?..)?;
        if text.len() > most {
            return None;
        }
    }
    (text.len() <= most).then_some(text)
}

fn alike<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(a, b)| a == b).count()
}

fn word(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric()).count()
}

fn put(mut number: usize, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn take(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    // Four bytes are more than any length here needs.
    for shift in [0, 7, 14, 21] {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(base: &[u8], text: &[u8]) -> Vec<u8> {
        let mut delta = Vec::new();
        diff(base, text, &mut delta);
        assert_eq!(apply(base, &delta, text.len()).as_deref(), Some(text));
        delta
    }

    #[test]
    fn numbers_and_names_that_differ_are_all_that_is_said() {
        let base = br#"{"key":"unit/s0999.service","value":{"since":26214159,"token":517,"pid":505,"up":26214159}}"#;
        let text = br#"{"key":"unit/s1000.service","value":{"since":26214163,"token":98,"pid":1506,"up":26214163}}"#;
        let delta = made(base, text);
        assert!(delta.len() < 40, "{} of {}", delta.len(), text.len());
        assert_eq!(made(base, base), [u8::try_from(base.len()).expect("short")]);
        assert!(made(base, b"").is_empty());
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        "([a-c1-3]{0,4}[,:]){0,12}".prop_map(String::into_bytes)
    }

    proptest! {
        #[test]
        fn any_text_is_made_out_of_any_other(base in text(), text in text(), any in proptest::collection::vec(any::<u8>(), 0..300)) {
            made(&base, &text);
            made(&any, &text);
            made(&text, &any);
        }

        #[test]
        fn garbage_makes_nothing_long(base in text(), delta in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(text) = apply(&base, &delta, 40) {
                prop_assert!(text.len() <= 40);
            }
        }
    }
}
