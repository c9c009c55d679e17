//! What `sysv generate` has to say: a line each in a file beside what it makes.

use crate::sys::file;
use crate::unit::{Finding, Severity};
use std::path::Path;

/// Longer than what a machine's scripts can give cause for.
const MAX_FILE: usize = 1 << 20;

/// Reads the file; without one there is nothing to say.
pub fn read(path: &Path) -> Vec<Finding> {
    parse(&file::read_text(path, MAX_FILE).unwrap_or_default())
}

/// `error|warning TAB file TAB line TAB text TAB remedy`, a line each; other lines are passed over. Pure.
pub fn parse(text: &str) -> Vec<Finding> {
    let finding = |line: &str| {
        let mut fields = line.split('\t');
        let severity = match fields.next()? {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => return None,
        };
        let (path, number, message) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
        let finding = Finding::whole(severity, Path::new(path), message.to_owned());
        let hint = fields.next().filter(|hint| !hint.is_empty()).map(ToOwned::to_owned);
        Some(Finding { line: number, column: 1, hint, ..finding })
    };
    text.lines().filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_findings() {
        let text =
            "error\t/etc/inittab\t7\tthere is no `x`\twrite `y`\nwarning\t/etc/init.d/a\t0\ta loop\t\nnote\tx\nbad";
        let shown: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["/etc/inittab:7:1: error: there is no `x`\n  hint: write `y`", "/etc/init.d/a: warning: a loop"]
        );
    }
}
