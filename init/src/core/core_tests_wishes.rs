//! The order that headers of init scripts wish for, beside unit files.

use super::bench::*;
use super::*;
use crate::unit::Source;

fn script(text: &str, after: &[&str], before: &[&str]) -> Definition {
    unit(text, |u| {
        u.source = Source::Script;
        u.service.kind = ServiceType::Oneshot;
        (u.after, u.before) = (names(after).into(), names(before).into());
    })
}

/// A unit of systemd's with an order of its own, and one by the header of the script that it stands for.
fn stands(text: &str, after: &[&str], header: &[&str]) -> Definition {
    unit(text, |u| {
        u.source = Source::Systemd;
        u.service.kind = ServiceType::Oneshot;
        u.after = names(after).into();
        u.relations.script_after = names(header);
    })
}

/// What starts when all are asked for at once, one after the other where they wait.
fn starts(definitions: Vec<Definition>) -> (Vec<Vec<String>>, Vec<(String, String)>) {
    let all: Vec<String> = definitions
        .iter()
        .filter_map(|d| if let Definition::Good(u) = d { Some(u.name.to_string()) } else { None })
        .collect();
    let mut b = Bench::new(definitions);
    let text = |name: &UnitName| name.short().to_owned();
    let unheeded = b.core.unheeded().map(|(later, earlier)| (text(later), text(earlier))).collect();
    b.ask(Verb::Start, &all.iter().map(String::as_str).collect::<Vec<_>>());
    let mut waves = Vec::new();
    loop {
        assert!(!b.log.iter().any(|a| matches!(a, Action::CycleBroken { .. })), "there is no loop: {:?}", b.log);
        let wave: Vec<String> = b.spawned().iter().filter_map(|s| Some(s.split_once(' ')?.0.to_owned())).collect();
        if wave.is_empty() {
            return (waves, unheeded);
        }
        let mut next = Vec::new();
        for name in &wave {
            b.exit(name, true, Exit::Code(0));
            next.append(&mut b.log);
            b.empty(name);
            next.append(&mut b.log);
        }
        b.log = next;
        waves.push(wave);
    }
}

#[test]
fn a_header_orders_the_unit_that_stands_for_its_script() {
    let (waves, unheeded) =
        starts(vec![stands("web", &[], &["db"]), stands("db", &[], &[]), script("x", &["web"], &[])]);
    assert_eq!((waves, unheeded.len()), (vec![vec!["db".to_owned()], vec!["web".into()], vec!["x".into()]], 0));
}

#[test]
fn what_unit_files_say_counts_more_than_headers() {
    let pair = |later: &str, earlier: &str| (later.to_owned(), earlier.to_owned());
    // Right away, and by way of others; by the header of a script that a unit stands for, and of one that runs.
    let (waves, unheeded) = starts(vec![stands("web", &[], &["db"]), stands("db", &["web"], &[])]);
    assert_eq!((waves.concat(), unheeded), (vec!["web".to_owned(), "db".into()], vec![pair("web", "db")]));
    let (waves, unheeded) =
        starts(vec![stands("web", &[], &["db"]), stands("db", &["mid"], &[]), stands("mid", &["web"], &[])]);
    assert_eq!((waves.concat(), unheeded.len()), (vec!["web".to_owned(), "mid".into(), "db".into()], 1));
    let (waves, unheeded) = starts(vec![script("a", &["db"], &[]), stands("db", &["a"], &[])]);
    assert_eq!((waves.concat(), unheeded), (vec!["a".to_owned(), "db".into()], vec![pair("a", "db")]));
    let (waves, unheeded) = starts(vec![
        script("a", &[], &["db"]),
        unit("db", |u| {
            u.service.kind = ServiceType::Oneshot;
            u.before = names(&["a"]).into();
        }),
    ]);
    assert_eq!((waves.concat(), unheeded), (vec!["db".to_owned(), "a".into()], vec![pair("db", "a")]));
}

#[test]
fn headers_that_contradict_each_other_by_way_of_units_lose_one_wish_always_the_same() {
    let make = || vec![stands("a", &[], &["b"]), stands("b", &[], &["c"]), stands("c", &[], &["a"])];
    let turned = make().into_iter().rev().collect();
    for definitions in [make(), turned] {
        let (waves, unheeded) = starts(definitions);
        assert_eq!(waves.concat(), ["c", "b", "a"]);
        assert_eq!(unheeded, [("c".to_owned(), "a".to_owned())]);
    }
}

/// Neither of two that are ordered for the start alone waits for the other's stop; after a script's header with a unit file
/// on one of the two sides they do.
#[test]
fn an_order_for_the_start_alone() {
    let later = |text: &str, source: Source| {
        unit(text, |u| {
            u.source = source;
            u.relations.start_after = names(&["seed"]);
        })
    };
    let seed = |source: Source| unit("seed", |u| u.source = source);
    let cases =
        [(Source::Native, Source::Native, 2), (Source::Script, Source::Script, 2), (Source::Native, Source::Script, 1)];
    for (earlier, own, stopped) in cases {
        let mut b = Bench::new(vec![seed(earlier), later("net", own)]);
        b.ask(Verb::Start, &["net", "seed"]);
        assert_eq!(b.spawned(), ["seed ExecStart0"], "{earlier:?} {own:?}");
        b.runs("seed");
        assert_eq!(b.spawned(), ["net ExecStart0"], "{earlier:?} {own:?}");
        b.runs("net");
        b.ask(Verb::Stop, &["net", "seed"]);
        assert_eq!(
            b.signals().iter().filter(|(_, signal)| *signal == libc::SIGTERM).count(),
            stopped,
            "{earlier:?} {own:?}"
        );
    }
    // What is said for both ways counts for both.
    let both = unit("net", |u| {
        u.after = names(&["seed"]).into();
        u.relations.start_after = names(&["seed"]);
    });
    let mut b = Bench::new(vec![plain("seed"), both]);
    for name in ["seed", "net"] {
        b.ask(Verb::Start, &[name]);
        b.runs(name);
    }
    b.ask(Verb::Stop, &["net", "seed"]);
    assert_eq!(b.signals().iter().filter(|(_, signal)| *signal == libc::SIGTERM).count(), 1);
}
