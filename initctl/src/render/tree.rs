//! `initctl tree` and `deps`.

use super::branch::prefixes;
use super::table::{Cell, Set, table, text};
use super::{clean, paint, word};
use crate::graph::{Graph, Node, Relation, Seen};
use crate::terminal::{Glyphs, Line, Paint, Style};

const COLUMNS: &[(&str, Set)] = &[("", Set::Shrinks(20)), ("", Set::Left), ("", Set::Shrinks(0))];

/// What a line says besides the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// The unit's description.
    Description,
    /// What ties it to the one above; `true`: in words for the other direction.
    Relations(bool),
}

/// A tree, a line a node: name, state, and what `say` asks for.
pub fn tree(nodes: &[Node], graph: &Graph<'_>, say: Say, glyphs: &Glyphs, style: &Style) -> String {
    let depths: Vec<usize> = nodes.iter().map(|n| n.depth).collect();
    let rows: Vec<Vec<Cell>> = nodes
        .iter()
        .zip(prefixes(&depths, glyphs))
        .map(|(node, prefix)| {
            let unit = graph.unit(&node.name);
            let (state, colour) = unit.map_or(("missing", Paint::Dim), |u| (word(u), paint(u)));
            let mark = match node.seen {
                Seen::First => String::new(),
                Seen::Above => "(see above) ".to_owned(),
                Seen::Loop => "(a loop) ".to_owned(),
            };
            let more = match say {
                Say::Description => unit.map(|u| clean(&u.description)).unwrap_or_default(),
                Say::Relations(reverse) => words(node, reverse),
            };
            vec![
                Cell::plain(format!("{prefix}{}", node.name)),
                Cell::painted(colour, state),
                Cell::painted(Paint::Dim, format!("{mark}{more}").trim_end()),
            ]
        })
        .collect();
    text(&table(COLUMNS, &rows, false, style.width), style)
}

fn words(node: &Node, reverse: bool) -> String {
    let word = |r: &Relation| if reverse { r.reverse() } else { r.word() };
    node.relations.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A title over a tree.
pub fn title(words: &str, style: &Style) -> String {
    text(&[Line::painted(Paint::Bold, words)], style)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{failed, name, running};
    use super::*;
    use init::proto::control::UnitStatus;

    fn units() -> Vec<UnitStatus> {
        let mut web = running("web");
        (web.after, web.requires, web.wants) = (vec![name("db")], vec![name("db")], vec![name("log"), name("gone")]);
        let mut log = running("log");
        (log.after, log.requires) = (vec![], vec![name("web")]);
        vec![web, failed("db"), log]
    }

    #[test]
    fn a_tree_with_a_loop() {
        let units = units();
        let graph = Graph::new(&units);
        let nodes = graph.walk(&[name("web")], false, true, Relation::pulls);
        let wanted = "\
web     active  The web daemon
|-db    failed  The db daemon
|-gone  missing
`-log   active  The log daemon
  `-web active  (a loop) The web daemon
";
        let text = tree(&nodes, &graph, Say::Description, &Glyphs::ASCII, &Style::default());
        assert_eq!(text, wanted);
    }

    #[test]
    fn relations_have_words_for_both_directions() {
        let units = units();
        let graph = Graph::new(&units);
        let of = |root: &str, reverse| {
            let nodes = graph.walk(&[name(root)], reverse, false, |_| true);
            tree(&nodes, &graph, Say::Relations(reverse), &Glyphs::UNICODE, &Style::default())
        };
        assert!(of("web", false).contains("├─db   failed  requires, after\n"), "{}", of("web", false));
        assert!(of("db", true).contains("└─web active required by, before\n"), "{}", of("db", true));
    }

    #[test]
    fn deep_trees_keep_within_the_width() {
        let chain: Vec<UnitStatus> = (0..30)
            .map(|n| UnitStatus { requires: vec![name(&format!("unit-{}", n + 1))], ..running(&format!("unit-{n}")) })
            .collect();
        let graph = Graph::new(&chain);
        let nodes = graph.walk(&[name("unit-0")], false, true, Relation::pulls);
        let text = tree(&nodes, &graph, Say::Description, &Glyphs::UNICODE, &Style { width: Some(60), colour: false });
        assert!(text.lines().all(|l| l.chars().count() <= 60), "{text}");
    }
}
