//! `$VAR` and `${VAR}` in the arguments of a command, to the letter of systemd.service(5), "Command lines".

use super::scalar::is_variable;

/// The words with the variables put in, and the names that gave nothing: not set, or no names of variables.
///
/// `${X}` stands anywhere in a word and keeps white space; `$X` counts only as a word of its own and becomes as many words
/// as its value has, none where it isn't set; `$$` is `$`.
pub fn put_in(words: &[String], lookup: &dyn Fn(&str) -> Option<String>) -> (Vec<String>, Vec<String>) {
    let mut out = Vec::with_capacity(words.len());
    let mut unset = Vec::new();
    let mut get = |name: &str| {
        let value = lookup(name).filter(|_| is_variable(name));
        if value.is_none() && !unset.iter().any(|n| n == name) {
            unset.push(name.to_owned());
        }
        value.unwrap_or_default()
    };
    for word in words {
        match word.strip_prefix('$') {
            Some(name) if !name.starts_with(['{', '$']) => out.extend(split(&get(name))),
            _ => out.push(fill(word, &mut get)),
        }
    }
    (out, unset)
}

fn fill(word: &str, get: &mut dyn FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        // `${X:-y}` is the manual's only in environment.d(5): here it stays as it is.
        let name = after.strip_prefix('{').and_then(|t| t.split_once('}')).filter(|(name, _)| !name.contains(':'));
        rest = match (name, after.strip_prefix('$')) {
            (_, Some(tail)) => {
                out.push('$');
                tail
            }
            (Some((name, tail)), _) => {
                out.push_str(&get(name));
                tail
            }
            _ => {
                out.push('$');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

/// A value as words: white space separates, quotes hold together, `\` takes the next character as it is. What is left
/// open at the end counts as closed.
fn split(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ' | '\t' | '\n' | '\r', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lookup(name: &str) -> Option<String> {
        let known = [("FOO", "BAR BAR"), ("BAR", "waldo"), ("OPTS", "-a  'b c' \"d\\\"\"e ''"), ("EMPTY", "")];
        known.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    fn words(line: &[&str]) -> Vec<String> {
        line.iter().map(|w| (*w).to_owned()).collect()
    }

    /// The table is that of systemd's own test of `replace_env_argv`.
    #[test]
    fn each_word_becomes_what_systemd_makes_of_it() {
        for (word, expected) in [
            ("FOO$FOO", &["FOO$FOO"][..]),
            ("FOO${FOO}$FOO", &["FOOBAR BAR$FOO"]),
            ("${FOO}", &["BAR BAR"]),
            ("$FOO", &["BAR", "BAR"]),
            ("$FOO$FOO", &[]),
            ("${FOO}${BAR}", &["BAR BARwaldo"]),
            ("${FOO", &["${FOO"]),
            ("FOO$$${FOO}", &["FOO$BAR BAR"]),
            ("$$FOO${FOO}", &["$FOOBAR BAR"]),
            ("$${FOO}${BAR}", &["${FOO}waldo"]),
            ("${FOO:-${BAR}}", &["${FOO:-waldo}"]),
            ("$OPTS", &["-a", "b c", "d\"e", ""]),
            ("$EMPTY", &[]),
            ("${EMPTY}", &[""]),
            ("$NONE", &[]),
            ("a${NONE}b", &["ab"]),
            ("${a b}", &[""]),
            ("$", &[]),
            ("a$", &["a$"]),
        ] {
            assert_eq!(put_in(&words(&[word]), &lookup).0, words(expected), "{word}");
        }
    }

    #[test]
    fn what_isnt_set_is_told_once() {
        let (_, unset) = put_in(&words(&["$NONE", "${NONE}", "$a-b", "$FOO", "$$X", "${EMPTY}"]), &lookup);
        assert_eq!(unset, ["NONE", "a-b"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(value in "[\\PC\\\\'\"x$u{}; ]{0,40}") {
            put_in(&["a".into(), value.clone()], &|_| None);
            put_in(&["$a".into()], &|_| Some(value.clone()));
        }
    }
}
