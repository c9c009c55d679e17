//! The lines of a tree, drawn left of what hangs on it.

use crate::terminal::Glyphs;

/// For each node of a tree in pre-order, given by its depth (0: a root, no line), what is drawn before it.
pub fn prefixes(depths: &[usize], glyphs: &Glyphs) -> Vec<String> {
    // From the last to the first: whether another node of that depth follows below the same parent.
    let mut follows: Vec<bool> = Vec::new();
    let mut all: Vec<String> = Vec::with_capacity(depths.len());
    for depth in depths.iter().rev() {
        follows.resize(depth + 1, false);
        let mut text = String::new();
        for (level, more) in follows.iter().enumerate().skip(1) {
            text.push_str(match (level == *depth, more) {
                (true, true) => glyphs.branch,
                (true, false) => glyphs.last,
                (false, true) => glyphs.down,
                (false, false) => glyphs.blank,
            });
        }
        if let Some(more) = follows.last_mut() {
            *more = true;
        }
        all.push(text);
    }
    all.reverse();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_down_to_the_last_child() {
        let depths = [0, 1, 2, 2, 1, 0, 1, 2];
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let draw = |glyphs: &Glyphs| {
            let lines: Vec<String> =
                prefixes(&depths, glyphs).into_iter().zip(names).map(|(p, n)| format!("{p}{n}")).collect();
            lines.join("\n")
        };
        assert_eq!(draw(&Glyphs::ASCII), "a\n|-b\n| |-c\n| `-d\n`-e\nf\n`-g\n  `-h");
        assert_eq!(draw(&Glyphs::UNICODE), "a\n├─b\n│ ├─c\n│ └─d\n└─e\nf\n└─g\n  └─h");
    }
}
