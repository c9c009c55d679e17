//! What orders two scripts: words of headers, numbers of links, who runs alone.

use super::{Edge, Missing, Need, Place, Service, Strength};
use crate::facilities::{Facilities, Meaning, Member};
use crate::farm::Kind;
use crate::lsb::{Key, Word};
use crate::tree::Style;
use init::unit::Level;
use std::collections::BTreeMap;

/// The lists of a header, and what their words mean: the direction; whether the one that says it comes before the others;
/// how strong it is.
const LISTS: [(Key, Kind, bool, Strength); 6] = [
    (Key::RequiredStart, Kind::Start, false, Strength::Required),
    (Key::ShouldStart, Kind::Start, false, Strength::Should),
    (Key::StartBefore, Kind::Start, true, Strength::Before),
    (Key::RequiredStop, Kind::Stop, true, Strength::Required),
    (Key::ShouldStop, Kind::Stop, true, Strength::Should),
    (Key::StopAfter, Kind::Stop, false, Strength::Before),
];

/// Whether two are in the same level of a kind.
pub(super) fn share(services: &[Service<'_>], a: usize, b: usize, kind: Kind) -> bool {
    let (Some(a), Some(b)) = (services.get(a), services.get(b)) else { return false };
    a.levels(kind).iter().any(|level| b.levels(kind).contains(level))
}

/// Who provides what, the best provider first: one that has links, then by name.
struct Providers<'a> {
    by_name: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Providers<'a> {
    fn new(services: &[Service<'a>], style: Style) -> Self {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, service) in services.iter().enumerate() {
            let mut names: Vec<&str> = service.header.map(|h| h.names(Key::Provides)).unwrap_or_default();
            names.retain(|name| !name.starts_with('#') && (style == Style::RedHat || !name.starts_with('$')));
            if names.is_empty() || style == Style::RedHat {
                names.push(service.name);
            }
            for name in names {
                let list = by_name.entry(name).or_default();
                if !list.contains(&at) {
                    list.push(at);
                }
            }
        }
        for list in by_name.values_mut() {
            list.sort_by_key(|at| services.get(*at).map(|s| (s.numbers.is_empty(), s.name)));
        }
        Self { by_name }
    }

    fn of(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}

/// The edges that headers declare, between services that share a level; and the words that stand for nothing.
pub(super) fn declared(
    services: &[Service<'_>],
    facilities: &Facilities,
    style: Style,
) -> (Vec<(Kind, Edge)>, Vec<Missing>) {
    let mut reader =
        Reader { services, providers: Providers::new(services, style), edges: Vec::new(), missing: Vec::new() };
    for (at, service) in services.iter().enumerate() {
        let Some(header) = service.header else { continue };
        for (key, kind, first, strength) in LISTS {
            let list = List { at, key, kind, first, strength };
            for word in header.words(key) {
                reader.word(&list, &word, facilities);
            }
        }
    }
    reader.everything();
    reader.missing.sort();
    reader.missing.dedup();
    (reader.edges, reader.missing)
}

struct List {
    at: usize,
    key: Key,
    kind: Kind,
    first: bool,
    strength: Strength,
}

struct Reader<'a> {
    services: &'a [Service<'a>],
    providers: Providers<'a>,
    edges: Vec<(Kind, Edge)>,
    missing: Vec<Missing>,
}

impl Reader<'_> {
    fn word(&mut self, list: &List, word: &Word<'_>, facilities: &Facilities) {
        let place = Place { service: list.at, key: list.key, line: word.line };
        let missing = |name: &str, need| Missing { place, word: word.text.to_owned(), name: name.to_owned(), need };
        // On a chkconfig tree scripts provide `$network` and the like themselves.
        let own = word.text.starts_with('$') && !self.providers.of(word.text).is_empty();
        let meaning = match own {
            true => Meaning::Services(vec![Member { name: word.text.to_owned(), optional: false }]),
            false => facilities.meaning(word.text),
        };
        let members = match meaning {
            Meaning::Services(members) => members,
            // Two that are after all others are after each other: a word of X-Start-Before can't mean that.
            Meaning::Nothing | Meaning::Everything => return,
            Meaning::Unknown => {
                self.missing.push(missing(word.text, Need::Undefined));
                return;
            }
        };
        if word.text.starts_with('$') && members.iter().all(|member| self.providers.of(&member.name).is_empty()) {
            self.missing.push(missing(word.text, Need::Facility));
        }
        for member in members {
            let found = self.providers.of(&member.name).to_vec();
            if found.is_empty() {
                let required = !member.optional && list.strength == Strength::Required;
                let need = if required { Need::Required } else { Need::Optional };
                self.missing.push(missing(&member.name, need));
            }
            for (rank, other) in found.into_iter().enumerate() {
                let strength = match list.strength {
                    _ if !word.read => Strength::Unread,
                    Strength::Required if member.optional || rank > 0 => Strength::Should,
                    other => other,
                };
                self.edge(list.kind, if list.first { (list.at, other) } else { (other, list.at) }, strength, place);
            }
        }
    }

    fn edge(&mut self, kind: Kind, (before, after): (usize, usize), strength: Strength, place: Place) {
        if before != after && share(self.services, before, after, kind) {
            self.edges.push((kind, Edge { before, after, strength, place: Some(place) }));
        }
    }

    /// `$all`: at start behind all that don't say so too, at stop before them.
    fn everything(&mut self) {
        let services = self.services;
        for (kind, keys) in
            [(Kind::Start, [Key::RequiredStart, Key::ShouldStart]), (Kind::Stop, [Key::RequiredStop, Key::ShouldStop])]
        {
            let says = |service: &Service<'_>| {
                let words = keys.into_iter().flat_map(|key| service.header.map(|h| (key, h)));
                let mut all =
                    words.flat_map(|(key, header)| header.words(key).into_iter().map(move |word| (key, word)));
                all.find(|(_, word)| word.read && word.text.eq_ignore_ascii_case("$all"))
                    .map(|(key, word)| (key, word.line))
            };
            let all: Vec<Option<(Key, u32)>> = services.iter().map(says).collect();
            for (at, (key, line)) in all.iter().enumerate().filter_map(|(at, all)| Some((at, (*all)?))) {
                for other in (0..services.len()).filter(|other| all.get(*other) == Some(&None)) {
                    let pair = if kind == Kind::Start { (other, at) } else { (at, other) };
                    self.edge(kind, pair, Strength::All, Place { service: at, key, line });
                }
            }
        }
    }
}

/// Whether numbers, not its header, say when it is its turn.
fn by_number(service: &Service<'_>, style: Style) -> bool {
    match style {
        Style::Debian => service.header.is_none(),
        // Headers that only say what is provided are common there.
        Style::RedHat => service.header.is_none_or(|header| header.get(Key::RequiredStart).is_none()),
    }
}

/// How the numbers of two compare in the first level where both have one.
fn compared(a: &Service<'_>, b: &Service<'_>, kind: Kind) -> Option<std::cmp::Ordering> {
    Level::ALL.iter().find_map(|level| Some(a.number(kind, *level)?.cmp(&b.number(kind, *level)?)))
}

/// The edges that follow from the numbers of the links. Between two without headers they count in both directions; so
/// they do between any two on a chkconfig tree where one has none. Elsewhere a script without a header comes after those
/// with one that have lower numbers, as insserv guesses, and nobody waits for it.
pub(super) fn numbered(services: &[Service<'_>], kind: Kind, style: Style) -> Vec<Edge> {
    let strength = if style == Style::RedHat { Strength::Fixed } else { Strength::Number };
    let mut edges = Vec::new();
    for (at, service) in services.iter().enumerate().filter(|(_, service)| by_number(service, style)) {
        for (other_at, other) in services.iter().enumerate() {
            let both = by_number(other, style);
            if other_at == at || both && other_at < at {
                continue;
            }
            let (before, after) = match compared(service, other, kind) {
                Some(std::cmp::Ordering::Less) => (at, other_at),
                Some(std::cmp::Ordering::Greater) => (other_at, at),
                _ => continue,
            };
            // At start it waits, at stop it goes first.
            let waits = if kind == Kind::Start { after == at } else { before == at };
            if both || style == Style::RedHat || waits {
                edges.push(Edge { before, after, strength, place: None });
            }
        }
    }
    edges
}

/// Whether the numbers of the links say the opposite.
pub(super) fn against_numbers(services: &[Service<'_>], edge: &Edge, kind: Kind) -> bool {
    let (Some(before), Some(after)) = (services.get(edge.before), services.get(edge.after)) else { return false };
    compared(before, after, kind) == Some(std::cmp::Ordering::Greater)
}

/// Those that run alone, in the order in which they get their turns.
pub(super) fn interactive(services: &[Service<'_>], facilities: &Facilities) -> Vec<usize> {
    let is = |service: &Service<'_>| {
        let provides = service.header.map(|h| h.names(Key::Provides)).unwrap_or_default();
        let named = if provides.is_empty() { vec![service.name] } else { provides };
        service.header.is_some_and(crate::lsb::Header::is_interactive)
            || named.iter().any(|name| facilities.interactive.contains(*name))
    };
    let mut found: Vec<usize> = services.iter().enumerate().filter(|(_, s)| is(s)).map(|(at, _)| at).collect();
    found.sort_by_key(|at| services.get(*at).map(|s| (s.lowest(Kind::Start).unwrap_or(u8::MAX), s.name)));
    found
}

/// The edges that leave nobody beside an interactive one: those with lower numbers come before it, the others behind it.
pub(super) fn alone(services: &[Service<'_>], interactive: &[usize], numbers: &[u8]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for one in interactive {
        for other in (0..services.len()).filter(|other| share(services, *one, *other, Kind::Start)) {
            let (before, after) = match numbers.get(*one).cmp(&numbers.get(other)) {
                std::cmp::Ordering::Less => (*one, other),
                std::cmp::Ordering::Greater => (other, *one),
                std::cmp::Ordering::Equal => continue,
            };
            edges.push(Edge { before, after, strength: Strength::Alone, place: None });
        }
    }
    edges
}
