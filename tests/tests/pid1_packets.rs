//! What several things at once look like between PID 1 and its manager.

#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use init::proto::pid1::{BUNDLES, Event, Life, Request, VERSION};
use nix::errno::Errno;
use rung_tests::pid1::{Options, World, key};
use std::collections::BTreeMap;

const HELPER: &str = env!("CARGO_BIN_EXE_pid1-helper");

fn world() -> World {
    World::start(HELPER, &Options::default())
}

#[test]
fn ends_are_acknowledged_together_whatever_else_is_named() {
    let world = world();
    let (manager, _) = world.greeted();
    let ended = [16, 17, 18].map(key);
    manager.spawn(key(19), &["/bin/sleep", "1000"]);
    manager.running(key(19));
    let mut over = BTreeMap::new();
    ended.iter().for_each(|key| manager.spawn(*key, &["/bin/true"]));
    while over.len() < ended.len() {
        let (key, exit) = manager.expect("an end", |event, _| match event {
            Event::Slot { key, life: Life::Over(exit), .. } => Some((key, exit)),
            _ => None,
        });
        over.insert(key, exit);
    }
    // One that runs, PID 1's own, and one that was never there: they change nothing for the others.
    manager.send(Request::ack(&[key(16), key(19), key(0), key(99), key(17), key(18)]));
    assert_eq!(manager.refused().1, Errno::EBUSY);
    let (slots, ..) = manager.sync();
    assert_eq!(slots.into_keys().collect::<Vec<_>>(), [key(19)]);
    assert!(manager.quiet(), "the manager lives, and has its slot");
}

#[test]
fn events_come_several_in_a_packet_to_a_manager_that_knows_of_that() {
    for (version, more) in [(VERSION, 2), (BUNDLES - 1, 0)] {
        let world = world();
        let manager = world.manager();
        manager.send(Request::Hello { version });
        manager.send(Request::Sync);
        let parked = |event, _| matches!(event, Event::Parked { .. }).then_some(());
        manager.expect("standard input", parked);
        assert_eq!(manager.bundled(), more, "standard output and error, to version {version}");
        manager.expect("standard output", parked);
        manager.expect("standard error", parked);
        manager.expect("the end", |event, _| matches!(event, Event::SyncEnd { .. }).then_some(()));
        assert_eq!(manager.bundled(), 0);
    }
}
