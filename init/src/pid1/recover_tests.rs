//! What is left of a table after faults that keep coming; what the slots find.
use super::*;
use crate::pid1::parked::Parked;
use crate::pid1::slots::Slots;
use crate::pid1::table::{Park, SLOTS, Slot};
use crate::proto::pid1::{Key, Name};
use nix::errno::Errno;

fn key(token: u64) -> Key {
    Key { token, step: (token % 3) as u32 }
}

fn table() -> &'static Table {
    shared::map(None).expect("memory")
}

#[test]
fn every_state_fits_a_word() {
    let ends = [Exit::Code(0), Exit::Code(-1), Exit::Signal(9), Exit::Core(11), Exit::Unknown];
    let not_run = Exit::NotRun { stage: STAGE_FORK, errno: 40_000 };
    for life in ends.into_iter().chain([not_run]).map(Life::Over).chain([Life::Forked, Life::Running]) {
        assert_eq!(Life::from_word(life.to_word()), Some(life));
    }
    assert_eq!(Life::from_word(0), None);
    assert_eq!(Life::from_word(99), None);
}

#[test]
fn names_fit_their_place() {
    for text in ["", "init [3]", &"x".repeat(48)] {
        let table = table();
        table.head.title.set(Name::new(text).to_bytes());
        assert_eq!(Name::from_bytes(table.head.title.get()).as_str(), text);
    }
}

#[test]
fn slots_are_found_by_key_and_pid_until_the_table_is_full() {
    let table = table();
    let mut slots = Slots::new(table);
    for n in 0..SLOTS {
        let (index, _) = slots.insert(key(n as u64), Life::Forked).expect("room");
        slots.started(index, n as i32 + 10, 0);
    }
    assert_eq!(slots.insert(key(1 << 20), Life::Forked).err(), Some(Errno::ENOSPC));
    assert_eq!(slots.insert(key(77), Life::Forked).err(), Some(Errno::EEXIST));
    let index = slots.by_pid(87).expect("pid");
    assert_eq!(slots.find(key(77)), Some(index));
    slots.set(index, Life::Over(Exit::Code(1)));
    assert_eq!((slots.by_pid(87), slots.unanswered()), (None, 1));
    // An end is final.
    slots.set(index, Life::Running);
    assert_eq!(slots.get(index).map(|(_, life)| life), Some(Life::Over(Exit::Code(1))));
    slots.free(index);
    assert_eq!((slots.find(key(77)), slots.unanswered()), (None, 0));
    // As a new image finds it.
    let mut again = Slots::new(table);
    assert_eq!(again.by_pid(88), again.find(key(78)));
    assert_eq!(again.insert(key(1 << 20), Life::Forked).map(|(index, _)| index), Ok(index));
}

#[test]
fn repeated_faults_cost_the_last_record_then_all_but_the_processes() {
    let table = table();
    let mut slots = Slots::new(table);
    for token in [16, 17, 18] {
        let (index, _) = slots.insert(key(token), Life::Running).expect("room");
        slots.started(index, token as i32 + 100, 5);
    }
    table.head.used_parks.set(3);
    let tokens = || Slots::new(table).all().map(|(_, slot, _)| slot.token.get()).collect::<Vec<_>>();
    table.head.faults.set(FAULTS - 1);
    mend(table);
    assert_eq!((tokens(), table.head.used_parks.get()), (vec![16, 17, 18], 3));
    table.head.faults.set(FAULTS);
    mend(table);
    assert_eq!((tokens(), table.head.used_parks.get()), (vec![16, 17], 3));
    table.head.faults.set(FAULTS + 1);
    mend(table);
    assert_eq!((tokens(), table.head.used_parks.get()), (vec![16, 17], 0));
    assert!(Slots::new(table).by_pid(117).is_some());
}

#[test]
fn a_slot_that_was_never_forked_for_says_so() {
    let table = table();
    let (index, _) = Slots::new(table).insert(key(16), Life::Forked).expect("room");
    mend(table);
    let end = Exit::NotRun { stage: STAGE_FORK, errno: libc::EINTR };
    assert_eq!(Slots::new(table).get(index).map(|(_, life)| life), Some(Life::Over(end)));
    assert_eq!(Slots::new(table).untold(7).next().map(|(index, _)| index), Some(index));
}

#[test]
fn what_a_child_reported_is_how_it_ends_also_for_the_next_image() {
    let table = table();
    let (index, slot) = Slots::new(table).insert(key(16), Life::Forked).expect("room");
    assert_eq!((slot.life(), slot.failure()), (Some(Life::Forked), None));
    slot.pid.set(100);
    slot.fail(7, libc::ENOENT);
    mend(table);
    let (slot, life) = Slots::new(table).get(index).expect("a slot");
    let end = Life::Over(Exit::NotRun { stage: 7, errno: libc::ENOENT });
    assert_eq!((life, slot.failure(), slot.is_owed()), (Life::Forked, Some(end), false));
    Slots::new(table).set(index, end);
    assert_eq!((slot.life(), slot.failure(), slot.is_owed()), (Some(end), None, true));
}

#[test]
fn a_service_costs_few_bytes() {
    assert_eq!((size_of::<Slot>(), size_of::<Park>()), (48, 20));
    let table = table();
    let mut parked = Parked::new(table);
    let (token, name) = (u64::MAX - 5, Name::new("ready-r"));
    parked.put(token, &name, std::fs::File::open("/dev/null").expect("null").into()).expect("room");
    assert!(parked.get(token, &name).is_some() && parked.get(token & 0xffff_ffff, &name).is_none());
    assert_eq!(parked.from(0).map(|(_, park)| park.name()).collect::<Vec<_>>(), [name]);
}
