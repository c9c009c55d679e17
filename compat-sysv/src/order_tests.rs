use super::*;
use crate::lsb;
use proptest::prelude::*;
use std::path::Path;

/// `NAME: key words; key words` → a header; `d` stands for the levels.
fn header(body: &str) -> Option<Header> {
    let text: String = body.split(';').map(|line| format!("# {}\n", line.trim())).collect();
    lsb::parse(Path::new("/x"), &format!("{}\n{text}{}\n", lsb::BEGIN, lsb::END)).0
}

#[derive(Debug, Clone)]
struct World {
    names: Vec<String>,
    headers: Vec<Option<Header>>,
    levels: Vec<(LevelSet, LevelSet)>,
    numbers: Vec<Vec<(Kind, Level, u8)>>,
}

fn level(c: char) -> Level {
    Level::from_char(c).expect("level")
}

impl World {
    /// Each with its header's lines; all in levels 2 and 0 unless the header says otherwise.
    fn new(list: &[(&str, &str)]) -> Self {
        let headers: Vec<Option<Header>> = list.iter().map(|(_, body)| header(body).filter(|_| *body != "-")).collect();
        let of = |header: &Option<Header>, key, default: &str| match header.as_ref().and_then(|h| h.get(key)) {
            Some(_) => header.as_ref().expect("header").levels(key),
            None => LevelSet::parse(default).expect("levels"),
        };
        let levels = headers.iter().map(|h| (of(h, Key::DefaultStart, "2"), of(h, Key::DefaultStop, "0"))).collect();
        let names = list.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { names, headers, levels, numbers: vec![Vec::new(); list.len()] }
    }

    fn numbered(mut self, start: &[u8], stop: &[u8]) -> Self {
        for (at, numbers) in self.numbers.iter_mut().enumerate() {
            numbers.extend(start.get(at).map(|n| (Kind::Start, level('2'), *n)));
            numbers.extend(stop.get(at).map(|n| (Kind::Stop, level('0'), *n)));
        }
        self
    }

    fn services(&self) -> Vec<Service<'_>> {
        (0..self.names.len())
            .map(|at| Service {
                start: self.levels[at].0,
                stop: self.levels[at].1,
                numbers: self.numbers[at].clone(),
                ..Service::new(&self.names[at], self.headers[at].as_ref())
            })
            .collect()
    }

    fn order(&self, style: Style) -> Order {
        order(&self.services(), &Facilities::debian(), style)
    }

    fn shown(&self, edges: &[Edge]) -> Vec<String> {
        edges.iter().map(|e| format!("{}<{}", self.names[e.before], self.names[e.after])).collect()
    }
}

#[test]
fn headers_order_starting_and_stopping() {
    let world = World::new(&[
        ("db", "Provides: db"),
        ("gui", "Provides: gui; Required-Start: $named"),
        ("named", "Provides: named; X-Start-Before: web; X-Stop-After: web"),
        ("web", "Provides: web; Required-Start: db; Required-Stop: db; Should-Start: gone"),
    ]);
    let order = world.order(Style::Debian);
    assert_eq!(world.shown(&order.start.edges), ["db<web", "named<gui", "named<web"]);
    assert_eq!(order.start.numbers, [1, 2, 1, 2]);
    assert_eq!(world.shown(&order.stop.edges), ["web<db", "web<named"]);
    assert_eq!(order.stop.numbers, [2, 1, 2, 1]);
    assert_eq!(world.shown(&order.both), ["db<web", "named<gui", "named<web"]);
    assert!(order.opposed.is_empty());
    assert_eq!(order.missing.iter().filter(|m| m.need == Need::Required).count(), 0);
    assert_eq!(order.start.edges[0].strength, Strength::Required);
    assert_eq!(order.start.edges[1].strength, Strength::Should, "an optional member");
    assert_eq!(order.start.edges[2].strength, Strength::Before);
    let place = order.start.edges[0].place.expect("said somewhere");
    assert_eq!((place.service, place.key, place.line), (3, Key::RequiredStart, 3));
}

#[test]
fn only_those_that_share_a_level_are_ordered() {
    let world = World::new(&[
        ("a", "Provides: a; Default-Start: S; Default-Stop:"),
        ("b", "Provides: b; Required-Start: a; Required-Stop: a; Default-Start: 2 3"),
        ("c", "Provides: c; Required-Start: a b; Default-Start: 3 S"),
    ]);
    let order = world.order(Style::Debian);
    assert_eq!(world.shown(&order.start.edges), ["a<c", "b<c"]);
    assert_eq!(order.start.numbers, [1, 1, 2]);
    assert!(order.stop.edges.is_empty());
}

#[test]
fn stopping_may_oppose_starting() {
    let world = World::new(&[("a", "Provides: a; Required-Stop: b"), ("b", "Provides: b; Required-Start: a")]);
    let order = world.order(Style::Debian);
    assert_eq!(
        (world.shown(&order.start.edges), world.shown(&order.stop.edges)),
        (vec!["a<b".into()], vec!["a<b".into()])
    );
    assert_eq!((world.shown(&order.both), world.shown(&order.opposed)), (vec!["a<b".into()], vec!["b<a".into()]));
}

#[test]
fn several_names_and_several_providers() {
    let world = World::new(&[
        ("mta1", "Provides: mta mail"),
        ("mta2", "Provides: mta"),
        ("user", "Provides: user; Required-Start: mta mail"),
    ]);
    let order = world.order(Style::Debian);
    assert_eq!(world.shown(&order.start.edges), ["mta1<user", "mta2<user"]);
    assert_eq!(order.start.edges[1].strength, Strength::Should, "one of them is enough");
}

#[test]
fn what_is_missing_is_told() {
    let world =
        World::new(&[("a", "Provides: a; Required-Start: $local_fs +x y $weird; Should-Start: z; Required-Stop: y")]);
    let missing = world.order(Style::Debian).missing;
    let told = |need| -> Vec<(&str, &str, Key)> {
        let those = missing.iter().filter(|m| m.need == need);
        those.map(|m| (m.word.as_str(), m.name.as_str(), m.place.key)).collect()
    };
    assert_eq!(told(Need::Undefined), [("$weird", "$weird", Key::RequiredStart)]);
    assert_eq!(told(Need::Required), [("y", "y", Key::RequiredStart), ("y", "y", Key::RequiredStop)]);
    assert_eq!(told(Need::Facility), [("$local_fs", "$local_fs", Key::RequiredStart)]);
    assert!(told(Need::Optional).contains(&("$local_fs", "mountall", Key::RequiredStart)));
    assert!(told(Need::Optional).contains(&("+x", "x", Key::RequiredStart)));
    assert!(told(Need::Optional).contains(&("z", "z", Key::ShouldStart)));
}

#[test]
fn all_comes_last_at_start_and_first_at_stop() {
    let world = World::new(&[
        ("a", "Provides: a; Required-Start: $all; Required-Stop: $all"),
        ("b", "Provides: b; Required-Start: c"),
        ("c", "Provides: c"),
        ("d", "Provides: d; Should-Start: $all"),
    ]);
    let order = world.order(Style::Debian);
    assert_eq!(order.start.numbers, [3, 2, 1, 3]);
    assert_eq!(order.stop.numbers, [1, 2, 2, 2]);
    assert!(!order.start.is_before(0, 3) && !order.start.is_before(3, 0), "two of that kind aren't ordered");
}

#[test]
fn interactive_ones_run_alone_as_insserv_has_it() {
    // The numbers are those of insserv 1.24 for these headers.
    let world = World::new(&[
        ("a", "Provides: a"),
        ("b", "Provides: b; Required-Start: a"),
        ("c", "Provides: c; Required-Start: a"),
        ("i", "Provides: i; Required-Start: a; X-Interactive: true"),
        ("z", "Provides: z; Required-Start: $all"),
    ]);
    let order = world.order(Style::Debian);
    assert_eq!(order.start.numbers, [1, 3, 3, 2, 4]);
    assert!(order.start.is_before(3, 1) && order.start.is_before(3, 2) && !order.start.is_before(1, 2));
    assert_eq!(order.start.edges.iter().filter(|e| e.strength == Strength::Alone).count(), 2);
    let mut facilities = Facilities::default();
    facilities.interactive.insert("b".into());
    let numbers = super::order(&world.services(), &facilities, Style::Debian).start.numbers;
    assert_eq!(numbers, [1, 2, 4, 3, 5], "insserv.conf makes some interactive too");
}

#[test]
fn a_loop_loses_its_weakest_edge_and_is_told() {
    let world = World::new(&[
        ("a", "Provides: a; Required-Start: c"),
        ("b", "Provides: b; Required-Start: a"),
        ("c", "Provides: c; Should-Start: b"),
    ]);
    let order = world.order(Style::Debian);
    assert_eq!(world.shown(&order.start.edges), ["a<b", "c<a"]);
    let dropped = &order.start.dropped[0];
    assert_eq!((world.shown(&[dropped.edge]), &dropped.members), (vec!["b<c".into()], &vec![2, 0, 1]));
    assert_eq!(order.start.numbers, [2, 3, 1]);
    let equal = World::new(&[("a", "Provides: a; Required-Start: b"), ("b", "Provides: b; Required-Start: a")]);
    assert_eq!(equal.shown(&equal.order(Style::Debian).start.edges), ["b<a"], "among equals the names decide");
}

#[test]
fn without_headers_numbers_order() {
    let world = World::new(&[("a", "-"), ("b", "-"), ("c", "-"), ("h", "Provides: h")])
        .numbered(&[20, 10, 10, 5], &[1, 2, 2, 9]);
    let order = world.order(Style::Debian);
    assert_eq!(world.shown(&order.start.edges), ["b<a", "c<a", "h<a", "h<b", "h<c"]);
    assert_eq!(world.shown(&order.stop.edges), ["a<b", "a<c", "a<h", "b<h", "c<h"]);
    // One with a header doesn't wait for one without, as with insserv.
    let world = World::new(&[("a", "-"), ("h", "Provides: h")]).numbered(&[1, 2], &[2, 1]);
    let order = world.order(Style::Debian);
    assert!(order.start.edges.is_empty() && order.stop.edges.is_empty());
    let all_01 = World::new(&[("a", "-"), ("b", "-")]).numbered(&[1, 1], &[1, 1]);
    assert!(all_01.order(Style::Debian).both.is_empty());
}

#[test]
fn a_header_beats_numbers_but_not_on_a_chkconfig_tree() {
    let list = [("a", "Provides: a; Required-Start: b"), ("b", "Provides: b; Required-Start: ")];
    let world = World::new(&list).numbered(&[1, 2], &[]);
    assert_eq!(world.shown(&world.order(Style::Debian).start.edges), ["b<a"]);
    let order = world.order(Style::RedHat);
    assert!(order.start.edges.is_empty(), "never against the numbers");
    assert_eq!(
        (world.shown(&[order.start.dropped[0].edge]), order.start.dropped[0].members.len()),
        (vec!["b<a".into()], 0)
    );
    let agreed = World::new(&list).numbered(&[2, 1], &[]);
    assert_eq!(agreed.shown(&agreed.order(Style::RedHat).start.edges), ["b<a"]);
}

#[test]
fn on_a_chkconfig_tree_numbers_order_all_but_two_with_requirements() {
    let world = World::new(&[
        ("network", "Provides: $network"),
        ("postfix", "Provides: postfix; Required-Start: $network"),
        ("sshd", "Provides: sshd; Required-Start: $network"),
        ("vendor", "-"),
    ])
    .numbered(&[10, 80, 55, 70], &[90, 30, 25, 30]);
    let order = world.order(Style::RedHat);
    let expect = ["network<postfix", "network<sshd", "network<vendor", "sshd<vendor", "vendor<postfix"];
    assert_eq!(world.shown(&order.start.edges), expect);
    assert!(order.missing.is_empty(), "$network is provided by a script");
    assert_eq!(order.start.edges[0].strength, Strength::Fixed);
}

#[test]
fn words_behind_a_double_blank_count_least() {
    let world = World::new(&[
        ("a", "Provides: a; Required-Start: b  c"),
        ("b", "Provides: b"),
        ("c", "Provides: c; X-Start-Before: d"),
        ("d", "Provides: d"),
        ("e", "Provides: e; Should-Start: f  g"),
        ("f", "Provides: f"),
        ("g", "Provides: g; Should-Start: e"),
    ]);
    let order = world.order(Style::Debian);
    assert_eq!(world.shown(&order.start.edges), ["b<a", "c<a", "c<d", "e<g", "f<e"]);
    assert_eq!(order.start.numbers, [2, 1, 1, 2, 2, 1, 3], "insserv's numbers know nothing of c before a");
}

#[test]
fn numbers_run_out_at_99() {
    let list: Vec<(String, String)> = (0..120)
        .map(|n| (format!("s{n:03}"), format!("Provides: s{n:03}; Required-Start: s{:03}", (n + 119) % 120)))
        .map(|(name, body)| (name.clone(), if name == "s000" { "Provides: s000".to_owned() } else { body }))
        .collect();
    let list: Vec<(&str, &str)> = list.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let order = World::new(&list).order(Style::Debian);
    assert!(order.start.overflow && order.start.numbers[119] == 99);
    assert!(order.start.is_before(0, 119));
}

/// Worlds of up to twelve scripts with any headers, levels and numbers.
fn any_world() -> impl Strategy<Value = World> {
    let name = prop_oneof![
        8 => (0u8..12).prop_map(|n| format!("s{n:02}")),
        1 => Just("$all".to_owned()),
        1 => Just("$syslog".to_owned()),
        1 => Just("+s03".to_owned()),
    ];
    let list = proptest::collection::vec(name, 0..4).prop_map(|words| words.join(" "));
    let lists = proptest::collection::vec(list, 6);
    let levels = prop_oneof![Just("2 3 4 5"), Just("S"), Just("2"), Just("3 5"), Just("")];
    let one = (lists, levels, any::<u8>(), 0u8..100, 0u8..100);
    proptest::collection::vec(one, 1..12).prop_map(|all| {
        let names: Vec<String> = (0..all.len()).map(|n| format!("s{n:02}")).collect();
        let bodies: Vec<String> = (0..all.len())
            .map(|n| {
                let (lists, levels, kind, ..) = &all[n];
                let keys = [
                    "Required-Start",
                    "Should-Start",
                    "X-Start-Before",
                    "Required-Stop",
                    "Should-Stop",
                    "X-Stop-After",
                ];
                let lines: Vec<String> = keys.iter().zip(lists).map(|(key, list)| format!("{key}: {list}")).collect();
                let extra = if kind % 7 == 0 { "X-Interactive: true" } else { "Default-Stop: 0 1 6" };
                let whole = format!("Provides: s{n:02}; {}; Default-Start: {levels}; {extra}", lines.join("; "));
                if kind % 5 == 1 { "-".to_owned() } else { whole }
            })
            .collect();
        let list: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(bodies.iter().map(String::as_str)).collect();
        let start: Vec<u8> = all.iter().map(|one| one.3).collect();
        let stop: Vec<u8> = all.iter().map(|one| one.4).collect();
        World::new(&list).numbered(&start, &stop)
    })
}

proptest! {
    #[test]
    fn there_is_always_an_order_and_every_edge_is_in_it(world in any_world(), red_hat: bool) {
        let style = if red_hat { Style::RedHat } else { Style::Debian };
        let order = world.order(style);
        for direction in [&order.start, &order.stop] {
            for edge in &direction.edges {
                prop_assert!(!direction.is_before(edge.after, edge.before), "a loop through {:?}", edge);
                if edge.strength > Strength::Unread && !direction.overflow {
                    let [before, after] = [edge.before, edge.after].map(|at| direction.numbers[at]);
                    prop_assert!(before < after, "{:?}: {} {}", edge, before, after);
                }
            }
        }
        let both = Direction { edges: order.both.clone(), numbers: vec![0; world.names.len()], ..Direction::default() };
        for edge in &order.both {
            prop_assert!(!both.is_before(edge.after, edge.before));
        }
        for edge in &order.start.edges {
            prop_assert!(both.is_before(edge.before, edge.after));
        }
    }

    #[test]
    fn what_is_declared_is_kept_or_told(world in any_world()) {
        let order = world.order(Style::Debian);
        let services = world.services();
        for (kind, direction) in [(Kind::Start, &order.start), (Kind::Stop, &order.stop)] {
            for (_, edge) in edges::declared(&services, &Facilities::debian(), Style::Debian).0.iter().filter(|(k, _)| *k == kind) {
                let kept = direction.is_before(edge.before, edge.after);
                let told = direction.dropped.iter().find(|d| (d.edge.before, d.edge.after) == (edge.before, edge.after));
                prop_assert!(kept || told.is_some(), "{:?}", edge);
                if let Some(told) = told {
                    prop_assert!(direction.is_before(edge.after, edge.before));
                    prop_assert_eq!((told.members.first(), told.members.last()), (Some(&edge.after), Some(&edge.before)));
                }
            }
        }
    }

    #[test]
    fn the_weakest_of_a_loop_is_dropped(world in any_world()) {
        let order = world.order(Style::Debian);
        for direction in [&order.start, &order.stop] {
            for dropped in &direction.dropped {
                for pair in dropped.members.windows(2) {
                    let found = direction.edges.iter().find(|e| (e.before, e.after) == (pair[0], pair[1]));
                    prop_assert!(found.is_some_and(|e| e.strength >= dropped.edge.strength));
                }
            }
        }
    }

    #[test]
    fn the_order_given_does_not_matter(world in any_world(), turn in 0usize..12) {
        let n = world.names.len();
        let turned = World {
            names: (0..n).map(|at| world.names[(at + turn) % n].clone()).collect(),
            headers: (0..n).map(|at| world.headers[(at + turn) % n].clone()).collect(),
            levels: (0..n).map(|at| world.levels[(at + turn) % n]).collect(),
            numbers: (0..n).map(|at| world.numbers[(at + turn) % n].clone()).collect(),
        };
        let sorted = |world: &World| {
            let order = world.order(Style::Debian);
            let mut shown = world.shown(&order.both);
            shown.sort();
            let mut numbers: Vec<(String, u8)> = world.names.iter().cloned().zip(order.start.numbers).collect();
            numbers.sort();
            (shown, numbers)
        };
        prop_assert_eq!(sorted(&world), sorted(&turned));
    }

    #[test]
    fn numbers_of_a_chkconfig_tree_are_never_contradicted(world in any_world()) {
        let order = world.order(Style::RedHat);
        let services = world.services();
        for (kind, direction) in [(Kind::Start, &order.start), (Kind::Stop, &order.stop)] {
            for edge in direction.edges.iter().filter(|e| e.strength != Strength::Alone) {
                prop_assert!(!edges::against_numbers(&services, edge, kind), "{:?}", edge);
            }
        }
    }
}
