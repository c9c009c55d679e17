//! What lines and marks are drawn with: Unicode where both locale and terminal know it, else ASCII.

/// One set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Before a child that others follow.
    pub branch: &'static str,
    /// Before the last child.
    pub last: &'static str,
    /// Below a child that others follow.
    pub down: &'static str,
    /// Below the last child.
    pub blank: &'static str,
    /// Stands for a unit's state.
    pub mark: &'static str,
    /// An arrow to the right.
    pub arrow: &'static str,
    /// A full part of a bar.
    pub full: &'static str,
    /// A horizontal rule, a column of it.
    pub rule: &'static str,
}

impl Glyphs {
    /// For terminals that know ASCII alone.
    pub const ASCII: Self =
        Self { branch: "|-", last: "`-", down: "| ", blank: "  ", mark: "*", arrow: "->", full: "#", rule: "-" };
    /// For all others.
    pub const UNICODE: Self =
        Self {
            branch: "├─", last: "└─", down: "│ ", blank: "  ", mark: "●", arrow: "→", full: "█", rule: "─"
        };

    /// Of this process: by its locale, and by `TERM` where stdout is a terminal.
    pub fn of_environment(is_terminal: bool) -> Self {
        let get = |name: &str| std::env::var(name).ok();
        Self::choose(get, is_terminal)
    }

    fn choose(get: impl Fn(&str) -> Option<String>, is_terminal: bool) -> Self {
        let set = |name: &&str| get(name).is_some_and(|v| !v.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find(|n| set(n)).and_then(|n| get(n)).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let utf8 = locale.ends_with("utf-8") || locale.ends_with("utf8");
        // The kernel's console has few fonts with lines in them, a VT100 has a set of its own for them.
        let plain = |term: &str| term.starts_with("vt") || ["linux", "dumb", "ansi", "unknown", ""].contains(&term);
        let poor = is_terminal && get("TERM").is_none_or(|t| plain(&t));
        if utf8 && !poor { Self::UNICODE } else { Self::ASCII }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)], terminal: bool) -> Glyphs {
        let get = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Glyphs::choose(get, terminal)
    }

    #[test]
    fn unicode_needs_locale_and_terminal() {
        let (utf8, xterm) = (("LANG", "en_US.UTF-8"), ("TERM", "xterm-256color"));
        assert_eq!(of(&[utf8, xterm], true), Glyphs::UNICODE);
        assert_eq!(of(&[("LC_CTYPE", "C.utf8"), xterm], true), Glyphs::UNICODE);
        for pairs in [
            &[utf8, ("TERM", "vt100")][..],
            &[utf8, ("TERM", "linux")],
            &[utf8],
            &[xterm],
            &[("LANG", "C"), xterm],
            &[("LC_ALL", "C"), utf8, xterm],
        ] {
            assert_eq!(of(pairs, true), Glyphs::ASCII, "{pairs:?}");
        }
        assert_eq!(of(&[("LC_ALL", ""), utf8, xterm], true), Glyphs::UNICODE, "an empty variable counts as unset");
    }

    #[test]
    fn a_pipe_has_no_terminal_that_could_be_poor() {
        assert_eq!(of(&[("LANG", "C.UTF-8"), ("TERM", "dumb")], false), Glyphs::UNICODE);
        assert_eq!(of(&[], false), Glyphs::ASCII);
    }
}
