use super::*;
use proptest::prelude::*;

fn level(c: char) -> Level {
    Level::from_char(c).expect("level")
}

prop_compose! {
    fn any_record()(
        kind in any::<i16>(), pid in any::<i32>(), line in "[a-z/0-9~]{0,31}", id in "[a-z0-9~]{0,4}",
        user in "[a-z]{0,32}", host in "[a-z.0-9]{0,255}", exit in any::<(i16, i16)>(), session in any::<i32>(),
        time in any::<(u32, u32)>(), address in any::<[u8; 16]>(),
    ) -> Record {
        Record { kind: kind.into(), pid, line, id, user, host, exit, session, time, address }
    }
}

proptest! {
    #[test]
    fn comes_back_as_it_went(record in any_record()) {
        prop_assert_eq!(Record::decode(&record.encode()), Some(record));
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..800)) {
        prop_assert_eq!(Record::decode(&bytes).is_some(), bytes.len() >= LEN);
    }

    #[test]
    fn long_texts_are_cut(text in "[a-z]{0,600}") {
        let record = Record { user: text.clone(), host: text.clone(), ..Record::empty() };
        let back = Record::decode(&record.encode()).expect("whole");
        prop_assert_eq!(&back.user, text.get(..32).unwrap_or(&text));
        prop_assert_eq!(&back.host, text.get(..256).unwrap_or(&text));
    }
}

#[test]
fn the_bytes_are_those_of_the_c_struct() {
    let bytes = Record::run_level(level('2'), None, (0x0102_0304, 5)).encode();
    assert_eq!(&bytes[..8], [1, 0, 0, 0, 0x32, 0x4e, 0, 0]);
    assert_eq!(&bytes[8..10], b"~\0");
    assert_eq!(&bytes[40..44], b"~~\0\0");
    assert_eq!(&bytes[44..53], b"runlevel\0");
    assert_eq!(&bytes[340..348], [4, 3, 2, 1, 5, 0, 0, 0]);
}

#[test]
fn levels_are_told_by_level_records_only() {
    let time = (1, 0);
    assert_eq!(Record::run_level(level('2'), None, time).levels(), Some(('N', '2')));
    assert_eq!(Record::run_level(level('S'), Some(level('3')), time).levels(), Some(('3', 'S')));
    assert_eq!(Record { pid: 0x32, ..Record::run_level(level('2'), None, time) }.levels(), Some(('N', '2')));
    assert_eq!(Record::shutdown(time).levels(), None);
    assert_eq!(Record::boot(time).levels(), None);
}

#[test]
fn places_in_utmp() {
    let getty = Record::init_process("1", 10, (1, 0));
    let dead = getty.dead_process((0, 1), (2, 0));
    assert!(dead.replaces(&getty) && getty.replaces(&dead));
    assert!(!Record::init_process("2", 11, (1, 0)).replaces(&getty));
    assert!(Record::boot((2, 0)).replaces(&Record::boot((1, 0))));
    assert!(!Record::boot((2, 0)).replaces(&Record::run_level(level('2'), None, (1, 0))));
}

#[test]
fn what_could_not_be_written_goes_out_first() {
    let boot = Record::boot((1, 0));
    let two = Record::run_level(level('2'), None, (2, 0));
    let three = Record::run_level(level('3'), Some(level('2')), (3, 0));
    let getty = Record::init_process("1", 10, (4, 0));
    let mut backlog = Backlog::default();
    for record in [&boot, &getty, &two, &three] {
        backlog.keep(record.clone());
    }
    assert_eq!(backlog.with(&getty), [boot.clone(), three, getty.clone()]);
    let one = Record::run_level(level('1'), None, (5, 0));
    assert_eq!(backlog.with(&one), [boot, one]);
    backlog.clear();
    assert_eq!(backlog.with(&getty), [getty]);
}
