//! `EnvironmentFile=`: `NAME=value` lines, quoted as systemd reads them.

use super::scalar::is_variable;

/// The assignments in order, and the numbers of lines that are none.
///
/// Comments begin with `#` or `;`; `\` at a line's end continues it; `'…'` is taken as it stands; in `"…"` a `\` escapes
/// `"`, `\`, `` ` `` and `$`; outside of quotes it escapes anything. White space around an unquoted value is dropped.
pub fn parse(text: &str) -> (Vec<(String, String)>, Vec<u32>) {
    let (mut pairs, mut bad) = (Vec::new(), Vec::new());
    let mut reader = Reader { chars: text.trim_start_matches('\u{feff}').chars().peekable(), line: 1 };
    loop {
        while reader.chars.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            reader.next();
        }
        let line = reader.line;
        match reader.chars.peek() {
            None => return (pairs, bad),
            Some('#' | ';') => reader.skip_comment(),
            Some(_) => {
                let name = reader.name();
                let value = if name.is_some() { reader.value() } else { reader.skip_line() };
                match name.filter(|n| is_variable(n) && !value.contains('\0')) {
                    Some(name) => pairs.push((name, value)),
                    None => bad.push(line),
                }
            }
        }
    }
}

struct Reader<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    line: u32,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        self.line = self.line.saturating_add(u32::from(c == '\n'));
        Some(c)
    }

    /// A comment goes on over a `\` at a line's end, as in systemd.
    fn skip_comment(&mut self) {
        while let Some(c) = self.next() {
            match c {
                '\\' => drop(self.next()),
                '\n' => return,
                _ => {}
            }
        }
    }

    fn skip_line(&mut self) -> String {
        while self.chars.peek().is_some_and(|c| *c != '\n') {
            self.next();
        }
        String::new()
    }

    /// What stands before `=`; `None` where the line has none.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        while let Some(c) = self.chars.peek().copied().filter(|c| *c != '\n') {
            self.next();
            if c == '=' {
                return Some(name.trim().to_owned());
            }
            name.push(c);
        }
        None
    }

    fn value(&mut self) -> String {
        let mut value = String::new();
        let mut keep = 0; // what quotes and escapes gave isn't trimmed
        while let Some(c) = self.chars.peek().copied().filter(|c| *c != '\n') {
            self.next();
            match c {
                ' ' | '\t' | '\r' if value.is_empty() && keep == 0 => {}
                '\'' | '"' => {
                    self.quoted(c, &mut value);
                    keep = value.len();
                }
                '\\' => {
                    value.extend(self.next().filter(|c| *c != '\n'));
                    keep = value.len();
                }
                c => value.push(c),
            }
        }
        let end = value.trim_end().len().max(keep);
        value.truncate(end);
        value
    }

    fn quoted(&mut self, quote: char, value: &mut String) {
        while let Some(c) = self.next() {
            match c {
                c if c == quote => return,
                '\\' if quote == '"' => match self.next() {
                    Some(c @ ('"' | '\\' | '`' | '$')) => value.push(c),
                    Some('\n') | None => {}
                    Some(c) => value.extend(['\\', c]),
                },
                c => value.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_read_as_systemd_reads_them() {
        let text = "# c \\\n still\n; c\nA=1\n B = x y  \nC='a $b \\' d\nD=\"q\\\"\\$\\n\nz\"  \nE=a\\ \\\n b\nF=\n1X=2\nno line\nG=x'y z'w \n";
        let (pairs, bad) = parse(text);
        let seen: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("A", "1"),
                ("B", "x y"),
                ("C", "a $b \\ d"),
                ("D", "q\"$\\n\nz"),
                ("E", "a  b"),
                ("F", ""),
                ("G", "xy zw")
            ]
        );
        assert_eq!(bad, [12, 13]);
    }

    proptest! {
        #[test]
        fn quoted_values_read_back(value in "[\\PC\\n\\t]{0,20}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`");
            let (pairs, bad) = parse(&format!("A=\"{quoted}\"\nB=1\n"));
            prop_assert_eq!(pairs, [("A".to_owned(), value), ("B".to_owned(), "1".to_owned())]);
            prop_assert!(bad.is_empty());
        }

        #[test]
        fn any_text_is_taken(text in "[\\PC\\\\'\"=#\n\r]{0,60}") {
            parse(&text);
        }
    }
}
