//! Every frame survives the wire; no bytes make the decoders do anything but return.
use super::*;
use proptest::prelude::*;

fn name() -> impl Strategy<Value = Name> {
    "[a-z0-9.@-]{0,48}".prop_map(|s| Name::new(&s))
}

fn key() -> impl Strategy<Value = Key> {
    (any::<u64>(), any::<u32>()).prop_map(|(token, step)| Key { token, step })
}

fn power() -> impl Strategy<Value = Power> {
    prop_oneof![Just(Power::Halt), Just(Power::PowerOff), Just(Power::Reboot)]
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        Just(Life::Forked),
        Just(Life::Running),
        any::<i32>().prop_map(|v| Life::Over(Exit::Code(v))),
        any::<i32>().prop_map(|v| Life::Over(Exit::Signal(v))),
        any::<i32>().prop_map(|v| Life::Over(Exit::Core(v))),
        (any::<u16>(), any::<i32>()).prop_map(|(stage, errno)| Life::Over(Exit::NotRun { stage, errno })),
        Just(Life::Over(Exit::Unknown)),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        any::<u16>().prop_map(|version| Request::Hello { version }),
        Just(Request::Ready),
        Just(Request::Sync),
        (key(), any::<bool>()).prop_map(|(key, cgroup)| Request::Spawn { key, cgroup }),
        (key(), any::<i32>(), any::<bool>()).prop_map(|(key, signal, group)| Request::Signal { key, signal, group }),
        (key(), any::<i32>(), any::<u64>()).prop_map(|(key, pid, start_time)| Request::Adopt { key, pid, start_time }),
        proptest::array::uniform(key()).prop_map(|keys| Request::Ack { keys }),
        (any::<u64>(), name()).prop_map(|(token, name)| Request::Park { token, name }),
        (any::<u64>(), name()).prop_map(|(token, name)| Request::Fetch { token, name }),
        (any::<u64>(), name()).prop_map(|(token, name)| Request::Drop { token, name }),
        name().prop_map(|text| Request::Title { text }),
        (power(), any::<u32>(), any::<i32>()).prop_map(|(how, deadline_ms, status)| Request::Down {
            how,
            deadline_ms,
            status
        }),
        (power(), any::<i32>()).prop_map(|(how, status)| Request::End { how, status }),
        Just(Request::Reexec),
        any::<u32>().prop_map(|deadline_ms| Request::Later { deadline_ms }),
        any::<i32>().prop_map(|signal| Request::AckSignal { signal }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (
            (any::<u16>(), any::<u32>(), any::<u32>(), any::<bool>(), any::<u64>()),
            (proptest::option::of(power()), any::<u32>(), any::<i32>())
        )
            .prop_map(|((version, managers, reexecs, container, booted_ms), (down, left_ms, status))| {
                Event::Welcome { version, managers, reexecs, container, booted_ms, down, left_ms, status }
            }),
        (key(), any::<i32>(), any::<u64>(), life(), any::<u64>())
            .prop_map(|(key, pid, start_time, life, seq)| Event::Slot { key, pid, start_time, life, seq }),
        (any::<u64>(), name()).prop_map(|(token, name)| Event::Parked { token, name }),
        any::<u64>().prop_map(|highest_token| Event::SyncEnd { highest_token }),
        (any::<u64>(), name(), any::<bool>()).prop_map(|(token, name, found)| Event::Fd { token, name, found }),
        (any::<i32>(), any::<u32>()).prop_map(|(signal, count)| Event::Signal { signal, count }),
        (any::<u16>(), key(), any::<i32>()).prop_map(|(kind, key, errno)| Event::Refused { kind, key, errno }),
    ]
}

proptest! {
    #[test]
    fn requests_survive_the_wire(r in request()) {
        prop_assert_eq!(Request::decode(&r.encode()), Some(r));
        prop_assert_eq!(Event::decode(&r.encode()), None);
    }

    #[test]
    fn events_survive_the_wire(e in event()) {
        prop_assert_eq!(Event::decode(&e.encode()), Some(e));
        prop_assert_eq!(Request::decode(&e.encode()), None);
    }

    #[test]
    fn garbage_is_refused_or_read_never_more(bytes in proptest::collection::vec(any::<u8>(), FRAME_LEN), kind in 0u16..120) {
        let mut frame = [0; FRAME_LEN];
        frame.copy_from_slice(&bytes);
        frame[..2].copy_from_slice(&kind.to_le_bytes());
        // What is read is read the same again: nothing depends on padding.
        if let Some(r) = Request::decode(&frame) {
            prop_assert_eq!(Request::decode(&r.encode()), Some(r));
        }
        if let Some(e) = Event::decode(&frame) {
            prop_assert_eq!(Event::decode(&e.encode()), Some(e));
        }
    }
}

#[test]
fn a_long_name_is_cut_and_a_nul_ends_it() {
    assert_eq!(Name::new(&"x".repeat(99)).as_str().len(), NAME_LEN);
    assert_eq!(Name::new("a\0b").as_str(), "a");
}

#[test]
fn names_of_parked_descriptors_are_short() {
    for text in ["", "out-w", "log-peer"] {
        let name = Name::new(text);
        assert_eq!(name.parked().map(Name::of_parked), Some(name), "{text}");
    }
    assert_eq!(Name::new("signalled").parked(), None);
}
