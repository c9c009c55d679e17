//! `/etc/default/*`: shell text, of which only plain assignments are understood. Whatever else stands there, a shell has
//! to read, so the script does.

use std::collections::BTreeMap;

/// Variables that the files set; of a name the last one.
#[derive(Debug, Default)]
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads files one after the other; those that aren't there set nothing.
    ///
    /// # Errors
    /// The line that is no plain assignment, with its file.
    pub fn read(files: &[&str], text: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut settings = Self::default();
        for file in files {
            let Some(text) = text(file) else { continue };
            for (number, line) in (1..).zip(text.lines()) {
                match assignment(line) {
                    Ok(None) => {}
                    Ok(Some((name, value))) => drop(settings.0.insert(name, value)),
                    Err(()) => {
                        return Err(format!("{file}:{number}: `{}` is more than a plain assignment", line.trim()));
                    }
                }
            }
        }
        Ok(settings)
    }

    /// What a variable is set to; an empty value counts as one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The same, `default` where it isn't set or empty.
    pub fn or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.get(name).filter(|value| !value.is_empty()).unwrap_or(default)
    }
}

/// `NAME=value`, `NAME='value'`, `NAME="value"`, with a comment behind it; nothing for an empty line or a comment.
fn assignment(line: &str) -> Result<Option<(String, String)>, ()> {
    let line = line.trim();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, rest) = line.split_once('=').ok_or(())?;
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(());
    }
    let (value, rest) = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (value, rest) = rest.get(1..).and_then(|rest| rest.split_once(quote)).ok_or(())?;
            if quote == '"' && value.contains(['$', '`', '\\']) {
                return Err(());
            }
            (value, rest)
        }
        _ => {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (value, rest) = rest.split_at(end);
            if value.chars().any(|c| "$`\\\"'()<>|&;*?[]{}~#".contains(c)) {
                return Err(());
            }
            (value, rest)
        }
    };
    // A word behind it would be a command.
    let comment = rest.is_empty() || rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with('#');
    if comment || rest.trim().is_empty() { Ok(Some((name.to_owned(), value.to_owned()))) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_assignments_are_read() {
        let text = "# x\n\n A=1 # one\nexport B='b c'\nC=\"d\"\nA=2\nSIZE=20%VM\nD=\n";
        let settings = Settings::read(&["/none", "/x"], &|f| (f == "/x").then(|| text.to_owned())).expect("plain");
        let of = |name: &str| settings.get(name);
        assert_eq!(
            [of("A"), of("B"), of("C"), of("SIZE"), of("D"), of("F")],
            [Some("2"), Some("b c"), Some("d"), Some("20%VM"), Some(""), None]
        );
        assert_eq!((settings.or("D", "y"), settings.or("A", "y")), ("y", "2"));
        for bad in [
            "A=$B",
            "A=`x`",
            "A=\"$B\"",
            "A=b c",
            "if true; then",
            ". /x",
            "A='b",
            "A=b;c",
            "A=b;",
            "a b=c",
            "=x",
            "A=~",
        ] {
            let why = Settings::read(&["/x"], &|_| Some(format!("OK=1\n{bad}\n"))).expect_err(bad);
            assert!(why.starts_with("/x:2: "), "{why}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,60}") {
            let _ = assignment(&text);
        }
    }
}
