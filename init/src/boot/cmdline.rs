//! The kernel's command line.

use crate::sys::file;
use std::path::Path;

/// Its words; quotes hold blanks together, as the kernel reads them.
pub fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The running kernel's words. A container shows its host's, which aren't meant for it; PID 1's environment says so there.
pub fn kernel() -> Vec<String> {
    if std::env::var_os("container").is_some() {
        return Vec::new();
    }
    words(&file::read_text(Path::new("/proc/cmdline"), 1 << 16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_hold_blanks_together() {
        assert_eq!(words("ro a=\"b c\" \"d=e f\"\n"), ["ro", "a=b c", "d=e f"]);
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,80}") {
            let _ = words(&text);
        }
    }
}
