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
    text.lines().filter_map(|line| Some(said(line)?.0)).collect()
}

/// The same, each with the unit that it is about, where it is about one of several that are made of that file.
pub fn by_unit(path: &Path) -> Vec<(Finding, Option<String>)> {
    file::read_text(path, MAX_FILE).unwrap_or_default().lines().filter_map(said).collect()
}

fn said(line: &str) -> Option<(Finding, Option<String>)> {
    let mut fields = line.split('\t');
    let severity = match fields.next()? {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => return None,
    };
    let (path, number, message) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
    let finding = Finding::whole(severity, Path::new(path), message.to_owned());
    let mut more = fields.map(|field| (!field.is_empty()).then(|| field.to_owned()));
    let (hint, unit) = (more.next().flatten(), more.next().flatten());
    Some((Finding { line: number, column: 1, hint, ..finding }, unit))
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
        let unit = |line: &str| said(line).and_then(|(_, unit)| unit);
        assert_eq!(unit("warning\t/etc/inittab\t3\tx\ty\tinittab-l2.service").as_deref(), Some("inittab-l2.service"));
        assert_eq!(unit("warning\t/etc/inittab\t3\tx\ty"), None);
    }
}
