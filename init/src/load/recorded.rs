//! Choices between a systemd unit and an init script of one name, as they were first made: kept in `/etc/rung/choices`,
//! beside the levels' links, because they count before `/var` is mounted.

use crate::sys::file;
use crate::unit::conf::Prefer;
use crate::unit::{Source, UnitName};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::Root;

/// Where they are kept.
pub const PATH: &str = "/etc/rung/choices";
/// Longer than what a machine's names can give cause for.
const MAX_FILE: usize = 1 << 20;

/// What was chosen, by name.
pub type Recorded = BTreeMap<UnitName, Source>;

/// Reads them. What was chosen by another `Prefer=` doesn't count: who changes that asks for another choice.
pub fn read(root: &Root, prefer: Prefer) -> Recorded {
    let path = root.place(&root.shown(Path::new(PATH)));
    parse(&file::read_text(&path, MAX_FILE).unwrap_or_default(), prefer)
}

fn word(prefer: Prefer) -> &'static str {
    if prefer == Prefer::Script { "script" } else { "unit" }
}

/// `NAME unit` or `NAME script`, a line each, below the `Prefer=` that they were made by. Pure.
pub fn parse(text: &str, prefer: Prefer) -> Recorded {
    let lines = || text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let by = lines().find_map(|line| line.strip_prefix("Prefer="));
    if by != Some(word(prefer)) {
        return Recorded::new();
    }
    let one = |line: &str| {
        let (name, word) = line.split_once(' ')?;
        let source = match word.trim() {
            "unit" => Source::Systemd,
            "script" => Source::Script,
            _ => return None,
        };
        Some((UnitName::new(name).ok()?, source))
    };
    lines().filter_map(one).collect()
}

/// The file's text. Pure.
pub fn text<'a>(choices: impl Iterator<Item = (&'a UnitName, Source)>, prefer: Prefer) -> String {
    let mut text =
        "# Where a systemd unit and an init script have one name: which of them is the unit. Kept by Rung;\n\
                    # `initctl reload --units` chooses anew.\n"
            .to_owned();
    let _ = writeln!(text, "Prefer={}", word(prefer));
    for (name, source) in choices {
        let _ = writeln!(text, "{} {}", name.as_str(), if source == Source::Script { "script" } else { "unit" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_unless_another_was_preferred_then() {
        let name = |text| UnitName::new(text).expect("name");
        let all = Recorded::from([(name("a"), Source::Script), (name("b@c"), Source::Systemd)]);
        let text = text(all.iter().map(|(name, source)| (name, *source)), Prefer::Unit);
        assert!(text.ends_with("Prefer=unit\na.service script\nb@c.service unit\n"), "{text}");
        assert_eq!(parse(&text, Prefer::Unit), all);
        assert_eq!(parse(&text, Prefer::Script), Recorded::new());
    }

    #[test]
    fn what_cannot_be_read_is_chosen_anew() {
        let text = "Prefer=unit\n\n# a\nx y z\na.service script\nb.service maybe\nc\n";
        assert_eq!(
            parse(text, Prefer::Unit).into_keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>(),
            ["a.service"]
        );
        assert_eq!(parse("a.service script\n", Prefer::Unit), Recorded::new());
        assert_eq!(parse("", Prefer::Unit), Recorded::new());
    }
}
