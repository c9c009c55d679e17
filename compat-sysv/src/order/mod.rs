//! In which order scripts are started and stopped, and the numbers that insserv would give them. Pure.
//!
//! What orders two scripts, the strongest first; only scripts that share a level are ordered:
//!
//! | [`Strength`] | from |
//! |---|---|
//! | `Fixed` | the numbers of a chkconfig tree, where one of the two has no `Required-Start:` |
//! | `Required` | `Required-Start:`, `Required-Stop:` |
//! | `Should` | `Should-Start:`, `Should-Stop:`, optional members of facilities |
//! | `Before` | `X-Start-Before:`, `X-Stop-After:` |
//! | `All` | `$all` |
//! | `Number` | the numbers of the links, where there is no header |
//! | `Alone` | `X-Interactive:`, by insserv's numbers |
//! | `Unread` | words of a list that insserv doesn't get to ([`crate::lsb::Word::read`]) |
//!
//! Edges are taken in this order, and by name among equals; one that would close a loop is dropped. So of each loop one of
//! the weakest edges is missing, always the same one, and what insserv would compute is never contradicted. On a chkconfig
//! tree a header's edge against the numbers is dropped too.
//!
//! ```
//! # use compat_sysv::{facilities::Facilities, lsb, order::{self, Service}, tree::Style};
//! # use init::unit::LevelSet;
//! let header = |text: &str| lsb::parse("x".as_ref(), &format!("{}\n{text}\n{}", lsb::BEGIN, lsb::END)).0;
//! let (db, web) = (header("# Provides: db"), header("# Provides: web\n# Required-Start: db"));
//! let levels = LevelSet::parse("2345").expect("levels");
//! let service = |name, header| Service { start: levels, ..Service::new(name, header) };
//! let services = [service("db", db.as_ref()), service("web", web.as_ref())];
//! let order = order::order(&services, &Facilities::debian(), Style::Debian);
//! assert_eq!(order.start.numbers, [1, 2]);
//! assert!(order.start.is_before(0, 1));
//! ```

mod edges;
mod graph;

use crate::facilities::Facilities;
use crate::farm::{Farm, Kind, Link};
use crate::lsb::{Header, Key};
use crate::tree::{Script, Style, Tree};
use graph::Graph;
use init::unit::{Level, LevelSet};

/// The highest number a link can have.
pub const MAX_NUMBER: u8 = 99;

/// One script to be ordered.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    /// Its file name.
    pub name: &'a str,
    /// Its header, or an override's.
    pub header: Option<&'a Header>,
    /// The levels it is started in.
    pub start: LevelSet,
    /// The levels it is stopped in.
    pub stop: LevelSet,
    /// The numbers its links have now.
    pub numbers: Vec<(Kind, Level, u8)>,
}

impl<'a> Service<'a> {
    /// One that is on nowhere.
    pub fn new(name: &'a str, header: Option<&'a Header>) -> Self {
        Self { name, header, start: LevelSet::EMPTY, stop: LevelSet::EMPTY, numbers: Vec::new() }
    }

    /// With the levels and numbers of its links.
    #[must_use]
    pub fn linked(mut self, farm: &Farm) -> Self {
        self.start = farm.levels(self.name, Kind::Start);
        self.stop = farm.levels(self.name, Kind::Stop);
        self.numbers = farm.of(self.name).map(|Link { kind, level, number, .. }| (*kind, *level, *number)).collect();
        self
    }

    fn levels(&self, kind: Kind) -> LevelSet {
        match kind {
            Kind::Start => self.start,
            Kind::Stop => self.stop,
        }
    }

    fn number(&self, kind: Kind, level: Level) -> Option<u8> {
        self.numbers.iter().filter(|(k, l, _)| *k == kind && *l == level).map(|(_, _, number)| *number).min()
    }

    /// The lowest number of its links of a kind.
    fn lowest(&self, kind: Kind) -> Option<u8> {
        self.numbers.iter().filter(|(k, _, _)| *k == kind).map(|(_, _, number)| *number).min()
    }
}

/// The services of a tree, in the order of [`Tree::scripts`], with the levels of [`Tree::levels`].
pub fn services(tree: &Tree) -> Vec<Service<'_>> {
    tree.scripts.iter().map(|script| service(tree, script)).collect()
}

fn service<'a>(tree: &'a Tree, script: &'a Script) -> Service<'a> {
    let linked = Service::new(&script.name, script.header()).linked(&tree.farm);
    Service { start: tree.levels(script, Kind::Start), stop: tree.levels(script, Kind::Stop), ..linked }
}

/// Why two are ordered; the greater the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// A word that insserv doesn't get to.
    Unread,
    /// One of the two is interactive.
    Alone,
    /// The numbers of the links.
    Number,
    /// `$all`.
    All,
    /// The other's wish.
    Before,
    /// Where it is there.
    Should,
    /// It must be there.
    Required,
    /// The numbers on a chkconfig tree.
    Fixed,
}

/// Where it is said that two are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Index of the service whose header says so.
    pub service: usize,
    /// In this key …
    pub key: Key,
    /// … and line.
    pub line: u32,
}

/// One comes before the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Index of the one that is started, or stopped, first.
    pub before: usize,
    /// Index of the other.
    pub after: usize,
    /// How much it counts.
    pub strength: Strength,
    /// Where it is said; `None` for numbers and the like.
    pub place: Option<Place>,
}

/// An edge that isn't honoured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The edge.
    pub edge: Edge,
    /// Those that would wait for each other, in their order, beginning with what the edge wants last; empty where the numbers
    /// of a chkconfig tree say otherwise.
    pub members: Vec<usize>,
}

/// A service, or a facility, that no script provides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Missing {
    /// Where it is asked for.
    pub place: Place,
    /// The word there.
    pub word: String,
    /// What the word stands for: itself, or a member of a facility.
    pub name: String,
    /// What that is to the one that asks.
    pub need: Need,
}

/// What a missing one is to whom asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// It must be there.
    Required,
    /// It is used where it is there; so are those that get an `X-Start-Before:`.
    Optional,
    /// A facility, none of whose members is there.
    Facility,
    /// A facility that is defined nowhere.
    Undefined,
}

/// The order of starting, or that of stopping.
#[derive(Debug, Clone, Default)]
pub struct Direction {
    /// What orders two, without loops; each pair once, by its strongest reason; sorted.
    pub edges: Vec<Edge>,
    /// What was dropped.
    pub dropped: Vec<Dropped>,
    /// The number that insserv would give each, from 1.
    pub numbers: Vec<u8>,
    /// It takes more than [`MAX_NUMBER`] numbers; insserv refuses then.
    pub overflow: bool,
}

impl Direction {
    /// Whether one is ordered before the other, by way of others too.
    pub fn is_before(&self, one: usize, other: usize) -> bool {
        let mut seen = vec![false; self.numbers.len()];
        let mut work = vec![one];
        while let Some(at) = work.pop() {
            for edge in self.edges.iter().filter(|edge| edge.before == at) {
                if edge.after == other {
                    return true;
                }
                if let Some(seen) = seen.get_mut(edge.after).filter(|seen| !**seen) {
                    *seen = true;
                    work.push(edge.after);
                }
            }
        }
        false
    }

    /// Those that come right before this one.
    pub fn needs(&self, service: usize) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.after == service)
    }
}

/// The whole.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Starting.
    pub start: Direction,
    /// Stopping: `before` is stopped first.
    pub stop: Direction,
    /// Both in one, for units, which are stopped in reverse of how they are started: the order of starting, and that of
    /// stopping where it doesn't say the opposite.
    pub both: Vec<Edge>,
    /// Those of `both` that are for starting alone: headers say so, and both scripts have their turn in the order of stopping,
    /// which doesn't mind.
    pub start_only: Vec<Edge>,
    /// Edges of stopping (reversed) that the order of starting contradicts.
    pub opposed: Vec<Edge>,
    /// Those that run alone, in the order in which they get their turns.
    pub interactive: Vec<usize>,
    /// What is asked for and not there; sorted.
    pub missing: Vec<Missing>,
}

/// Orders services. All indices in the result are those of `services`; the order these are given in matters for nothing
/// but where names are equal.
pub fn order(services: &[Service<'_>], facilities: &Facilities, style: Style) -> Order {
    let (declared, missing) = edges::declared(services, facilities, style);
    let interactive = edges::interactive(services, facilities);
    let [start, stop] = [Kind::Start, Kind::Stop].map(|kind| direction(services, &declared, kind, &interactive, style));
    let mut graph = Graph::new(services.len());
    let (mut both, mut opposed) = (Vec::new(), Vec::new());
    for edge in &start.edges {
        graph.add(edge.before, edge.after);
        both.push(*edge);
    }
    let mut reversed: Vec<Edge> = stop.edges.iter().map(|e| Edge { before: e.after, after: e.before, ..*e }).collect();
    reversed.sort_by_key(|edge| (std::cmp::Reverse(edge.strength), name_key(services, edge)));
    for edge in reversed {
        if graph.has(edge.before, edge.after) {
            continue;
        }
        if graph.add(edge.before, edge.after) {
            both.push(edge);
        } else {
            opposed.push(edge);
        }
    }
    both.sort();
    opposed.sort();
    let start_only = for_start_alone(services, &start, &stop);
    Order { start, stop, both, start_only, opposed, interactive, missing }
}

/// The edges of starting between scripts that needn't wait for each other when they stop. A script that isn't called then
/// says nothing of that order: its processes end in reverse of the start.
fn for_start_alone(services: &[Service<'_>], start: &Direction, stop: &Direction) -> Vec<Edge> {
    let mut stops = Graph::new(services.len());
    for edge in &stop.edges {
        stops.add(edge.before, edge.after);
    }
    let is_stopped = |at: usize| {
        let ends = |(kind, level, _): &(Kind, Level, u8)| *kind == Kind::Stop && level.is_down();
        services.get(at).is_some_and(|service| service.header.is_some() && service.numbers.iter().any(ends))
    };
    let is_alone = |edge: &&Edge| {
        let (earlier, later) = (edge.before, edge.after);
        edge.place.is_some() && is_stopped(earlier) && is_stopped(later) && !stops.reaches(later, earlier)
    };
    start.edges.iter().filter(is_alone).copied().collect()
}

fn name_key<'a>(services: &[Service<'a>], edge: &Edge) -> (&'a str, &'a str) {
    let name = |at: usize| services.get(at).map_or("", |service| service.name);
    (name(edge.after), name(edge.before))
}

fn direction(
    services: &[Service<'_>],
    declared: &[(Kind, Edge)],
    kind: Kind,
    interactive: &[usize],
    style: Style,
) -> Direction {
    let mut wanted: Vec<Edge> = declared.iter().filter(|(k, _)| *k == kind).map(|(_, edge)| *edge).collect();
    wanted.extend(edges::numbered(services, kind, style));
    let mut made = Made { services, graph: Graph::new(services.len()), direction: Direction::default() };
    made.take(wanted, |edge| style == Style::RedHat && edges::against_numbers(services, edge, kind));
    let interactive = if kind == Kind::Start { interactive } else { &[] };
    let shares = |a: usize, b: usize| edges::share(services, a, b, kind);
    let counted: Vec<Edge> = made.direction.edges.iter().filter(|e| e.strength > Strength::Unread).copied().collect();
    let (numbers, overflow) = graph::numbers(services.len(), &counted, interactive, shares);
    made.direction.numbers = numbers;
    made.direction.overflow = overflow;
    let alone = edges::alone(services, interactive, &made.direction.numbers);
    made.take(alone, |_| false);
    made.direction.edges.sort();
    made.direction
}

struct Made<'a> {
    services: &'a [Service<'a>],
    graph: Graph,
    direction: Direction,
}

impl Made<'_> {
    /// Takes the edges that close no loop, the strongest first.
    fn take(&mut self, mut wanted: Vec<Edge>, contradicts: impl Fn(&Edge) -> bool) {
        wanted.retain(|edge| edge.before != edge.after);
        wanted.sort_by_key(|edge| (std::cmp::Reverse(edge.strength), name_key(self.services, edge), edge.place));
        for edge in wanted {
            if self.graph.has(edge.before, edge.after) {
                continue;
            }
            if edge.strength < Strength::Fixed && contradicts(&edge) {
                self.direction.dropped.push(Dropped { edge, members: Vec::new() });
            } else if self.graph.add(edge.before, edge.after) {
                self.direction.edges.push(edge);
            } else {
                let members = self.graph.path(edge.after, edge.before);
                self.direction.dropped.push(Dropped { edge, members });
            }
        }
    }
}

#[cfg(test)]
#[path = "../order_tests.rs"]
mod tests;
