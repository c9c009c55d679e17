//! Units and what ties them together, made from the manager's list. Pure.

use init::proto::control::UnitStatus;
use init::unit::UnitName;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How one unit refers to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// `Requires=`
    Requires,
    /// `BindsTo=`
    BindsTo,
    /// `Requisite=`
    Requisite,
    /// `Wants=`
    Wants,
    /// `Upholds=`
    Upholds,
    /// `PartOf=`
    PartOf,
    /// `OnFailure=`
    OnFailure,
    /// `OnSuccess=`
    OnSuccess,
    /// `Conflicts=`
    Conflicts,
    /// `After=`, or the other's `Before=`
    After,
}

impl Relation {
    /// The key.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requires => "requires",
            Self::BindsTo => "binds to",
            Self::Requisite => "requisite",
            Self::Wants => "wants",
            Self::Upholds => "upholds",
            Self::PartOf => "part of",
            Self::OnFailure => "on failure",
            Self::OnSuccess => "on success",
            Self::Conflicts => "conflicts",
            Self::After => "after",
        }
    }

    /// Seen from the other end.
    pub fn reverse(self) -> &'static str {
        match self {
            Self::Requires => "required by",
            Self::BindsTo => "bound by",
            Self::Requisite => "checked by",
            Self::Wants => "wanted by",
            Self::Upholds => "upheld by",
            Self::PartOf => "has part",
            Self::OnFailure => "failure of",
            Self::OnSuccess => "success of",
            Self::Conflicts => "conflicts",
            Self::After => "before",
        }
    }

    /// Of the manager's word; keys that only hand on stops and reloads are left to `show`.
    fn of_word(word: &str) -> Option<Self> {
        [Self::BindsTo, Self::Requisite, Self::Upholds, Self::PartOf, Self::OnFailure, Self::OnSuccess]
            .into_iter()
            .find(|r| r.word().replace(' ', "_") == word)
    }

    /// Whether the one needs the other: its start is the other's start too, or waits for it to be there.
    pub fn pulls(self) -> bool {
        matches!(self, Self::Requires | Self::BindsTo | Self::Requisite | Self::Wants | Self::Upholds)
    }
}

/// What a unit's file says of others, in the order of [`Relation`]; `Before=` is the others' affair.
pub fn relations(unit: &UnitStatus) -> BTreeMap<Relation, Vec<UnitName>> {
    let lists = [
        (Relation::Requires, &unit.requires),
        (Relation::Wants, &unit.wants),
        (Relation::Conflicts, &unit.conflicts),
        (Relation::After, &unit.after),
    ];
    let mut all: BTreeMap<Relation, Vec<UnitName>> = lists.into_iter().map(|(r, names)| (r, names.clone())).collect();
    for (word, name) in &unit.relations {
        if let Some(relation) = Relation::of_word(word) {
            all.entry(relation).or_default().push(name.clone());
        }
    }
    all
}

/// Edges of one unit: to whom, and as what.
pub type Edges = BTreeMap<UnitName, BTreeSet<Relation>>;

/// All units by name, with their edges in both directions.
#[derive(Debug)]
pub struct Graph<'a> {
    units: BTreeMap<&'a UnitName, &'a UnitStatus>,
    forward: BTreeMap<UnitName, Edges>,
    back: BTreeMap<UnitName, Edges>,
}

impl<'a> Graph<'a> {
    /// Of these units.
    pub fn new(units: &'a [UnitStatus]) -> Self {
        let mut graph = Self {
            units: units.iter().map(|u| (&u.name, u)).collect(),
            forward: BTreeMap::new(),
            back: BTreeMap::new(),
        };
        for unit in units {
            for (relation, names) in relations(unit) {
                names.iter().for_each(|to| graph.tie(&unit.name, relation, to));
            }
            unit.conflicts.iter().for_each(|to| graph.tie(to, Relation::Conflicts, &unit.name));
            unit.before.iter().for_each(|to| graph.tie(to, Relation::After, &unit.name));
        }
        graph
    }

    fn tie(&mut self, from: &UnitName, relation: Relation, to: &UnitName) {
        self.forward.entry(from.clone()).or_default().entry(to.clone()).or_default().insert(relation);
        self.back.entry(to.clone()).or_default().entry(from.clone()).or_default().insert(relation);
    }

    /// The unit of a name; names are referred to that have none.
    pub fn unit(&self, name: &UnitName) -> Option<&'a UnitStatus> {
        self.units.get(name).copied()
    }

    /// What a unit refers to; `reverse`: what refers to it.
    pub fn edges(&self, name: &UnitName, reverse: bool) -> impl Iterator<Item = (&UnitName, &BTreeSet<Relation>)> {
        let map = if reverse { &self.back } else { &self.forward };
        map.get(name).into_iter().flatten()
    }

    /// Those that refer to a unit in this way.
    pub fn referring(&self, name: &UnitName, relation: Relation) -> Vec<UnitName> {
        self.edges(name, true).filter(|(_, set)| set.contains(&relation)).map(|(n, _)| n.clone()).collect()
    }

    /// Everything below the roots in pre-order, as far as `follow` goes with a relation. `deep`: below that too; else one
    /// step. What was shown before isn't opened again, what is on the way from the root is a loop.
    pub fn walk(&self, roots: &[UnitName], reverse: bool, deep: bool, follow: impl Fn(Relation) -> bool) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut shown: BTreeSet<UnitName> = BTreeSet::new();
        let mut path: Vec<UnitName> = Vec::new();
        let mut work: Vec<(usize, UnitName, BTreeSet<Relation>)> =
            roots.iter().rev().map(|root| (0, root.clone(), BTreeSet::new())).collect();
        while let Some((depth, name, relations)) = work.pop() {
            path.truncate(depth);
            let seen = if path.contains(&name) {
                Seen::Loop
            } else if shown.contains(&name) {
                Seen::Above
            } else {
                Seen::First
            };
            // A leaf that comes again has nothing to be looked up above.
            let below: Vec<_> = self
                .edges(&name, reverse)
                .filter_map(|(to, set)| {
                    let kept: BTreeSet<Relation> = set.iter().copied().filter(|r| follow(*r)).collect();
                    (!kept.is_empty()).then(|| (depth + 1, to.clone(), kept))
                })
                .collect();
            let seen = if seen == Seen::Above && below.is_empty() { Seen::First } else { seen };
            if seen == Seen::First && (deep || depth == 0) {
                work.extend(below.into_iter().rev());
                path.push(name.clone());
            }
            shown.insert(name.clone());
            nodes.push(Node { depth, name, relations, seen });
        }
        nodes
    }
}

/// Whether what hangs on a node is shown there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Yes.
    First,
    /// No: it stands further up.
    Above,
    /// No: it leads back to itself.
    Loop,
}

/// One line of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Steps from the root.
    pub depth: usize,
    /// The unit.
    pub name: UnitName,
    /// What ties it to the one above.
    pub relations: BTreeSet<Relation>,
    /// What is below.
    pub seen: Seen,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{idle, name};

    fn units() -> Vec<UnitStatus> {
        let unit = |n: &str, requires: &[&str], wants: &[&str], after: &[&str], before: &[&str]| UnitStatus {
            requires: requires.iter().map(|n| name(n)).collect(),
            wants: wants.iter().map(|n| name(n)).collect(),
            after: after.iter().map(|n| name(n)).collect(),
            before: before.iter().map(|n| name(n)).collect(),
            ..idle(n)
        };
        vec![
            unit("web", &["db"], &["log"], &["db"], &[]),
            unit("db", &["disk"], &[], &[], &[]),
            unit("log", &["disk"], &[], &[], &["web"]),
            unit("disk", &["gone"], &[], &[], &[]),
            unit("a", &["b"], &[], &[], &[]),
            unit("b", &["a"], &[], &[], &[]),
        ]
    }

    fn shape(nodes: &[Node]) -> Vec<String> {
        nodes.iter().map(|n| format!("{}{}{}", n.depth, n.name, if n.seen == Seen::First { "" } else { "!" })).collect()
    }

    #[test]
    fn every_key_has_its_relation() {
        let mut unit = idle("a");
        let words = ["binds_to", "part_of", "requisite", "upholds", "on_failure", "on_success", "propagates_stop_to"];
        unit.relations = words.iter().map(|w| ((*w).to_owned(), name("b"))).collect();
        let all = [unit];
        let graph = Graph::new(&all);
        let (_, set) = graph.edges(&name("a"), false).next().expect("an edge");
        assert_eq!(set.len(), 6, "all but what only hands on stops: {set:?}");
        assert_eq!(set.iter().filter(|r| r.pulls()).count(), 3);
        assert_eq!(graph.referring(&name("b"), Relation::PartOf), [name("a")]);
    }

    #[test]
    fn what_was_shown_is_not_opened_again() {
        let units = units();
        let graph = Graph::new(&units);
        let nodes = graph.walk(&[name("web")], false, true, Relation::pulls);
        assert_eq!(shape(&nodes), ["0web", "1db", "2disk", "3gone", "1log", "2disk!"]);
        let last = nodes.last().map(|n| n.seen);
        assert_eq!(last, Some(Seen::Above));
    }

    #[test]
    fn loops_come_to_an_end() {
        let units = units();
        let nodes = Graph::new(&units).walk(&[name("a")], false, true, Relation::pulls);
        assert_eq!(shape(&nodes), ["0a", "1b", "2a!"]);
        assert_eq!(nodes.last().map(|n| n.seen), Some(Seen::Loop));
    }

    #[test]
    fn both_directions_and_before() {
        let units = units();
        let graph = Graph::new(&units);
        assert_eq!(shape(&graph.walk(&[name("disk")], true, false, |_| true)), ["0disk", "1db", "1log"]);
        assert_eq!(graph.referring(&name("db"), Relation::After), [name("web")]);
        let after: Vec<_> = graph.edges(&name("web"), false).filter(|(_, s)| s.contains(&Relation::After)).collect();
        assert_eq!(after.iter().map(|(n, _)| n.to_string()).collect::<Vec<_>>(), ["db", "log"], "log is before web");
    }

    #[test]
    fn a_chain_of_any_length_is_walked() {
        let chain: Vec<UnitStatus> = (0..2000)
            .map(|n| UnitStatus { requires: vec![name(&format!("u{}", n + 1))], ..idle(&format!("u{n}")) })
            .collect();
        let graph = Graph::new(&chain);
        assert_eq!(graph.walk(&[name("u0")], false, true, Relation::pulls).len(), 2001);
    }
}
