//! Messages come out as they went in, however the stream is cut; garbage and truncation only return errors.
use super::*;
use crate::proto::control::{Call, Reply};
use proptest::prelude::*;
use serde_json::{Value, json};

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "(\\PC|\\x00){0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,6}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn calls() -> impl Strategy<Value = Call> {
    ("[a-zA-Z.]{1,30}", values(), any::<bool>(), any::<bool>()).prop_map(|(method, parameters, more, oneway)| Call {
        method,
        parameters,
        more,
        oneway,
    })
}

fn replies() -> impl Strategy<Value = Reply> {
    (values(), any::<bool>(), proptest::option::of("[a-zA-Z.]{1,30}"))
        .prop_map(|(parameters, continues, error)| Reply { parameters, continues, error })
}

/// Pushes `bytes` in pieces that end at `cuts` and takes out what is whole after each.
fn feed(bytes: &[u8], cuts: &[usize], limit: usize) -> Vec<Result<Vec<u8>, FrameError>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let mut decoder = Decoder::new(limit);
    let mut out = Vec::new();
    for pair in cuts.windows(2) {
        decoder.push(&bytes[pair[0]..pair[1]]);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => out.push(Ok(frame.to_vec())),
                Ok(None) => break,
                Err(e) => {
                    out.push(Err(e));
                    return out;
                }
            }
        }
    }
    out
}

proptest! {
    #[test]
    fn calls_and_replies_survive_any_split(
        calls in proptest::collection::vec(calls(), 0..4),
        replies in proptest::collection::vec(replies(), 0..4),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        for call in &calls {
            bytes.extend(encode(call).expect("json"));
        }
        for reply in &replies {
            bytes.extend(encode(reply).expect("json"));
        }
        let frames: Vec<_> = feed(&bytes, &cuts, 1 << 20).into_iter().map(|f| f.expect("frame")).collect();
        prop_assert_eq!(frames.len(), calls.len() + replies.len());
        for (frame, call) in frames.iter().zip(&calls) {
            prop_assert_eq!(&serde_json::from_slice::<Call>(frame).expect("call"), call);
        }
        for (frame, reply) in frames.iter().skip(calls.len()).zip(&replies) {
            prop_assert_eq!(&serde_json::from_slice::<Reply>(frame).expect("reply"), reply);
        }
    }

    #[test]
    fn a_cut_stream_gives_the_whole_messages_before_the_cut(call in calls(), cut: usize) {
        let one = encode(&call).expect("json");
        let two = [one.clone(), one.clone()].concat();
        let cut = cut % two.len();
        let frames = feed(&two[..cut], &[], 1 << 20);
        prop_assert_eq!(frames.len(), cut / one.len());
    }

    #[test]
    fn garbage_only_returns(
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..200),
        cuts in proptest::collection::vec(any::<usize>(), 0..8),
        limit in 0usize..64,
    ) {
        for frame in feed(&bytes, &cuts, limit).into_iter().flatten() {
            prop_assert!(frame.len() <= limit && !frame.contains(&0));
            let _ = serde_json::from_slice::<Call>(&frame);
            let _ = serde_json::from_slice::<Reply>(&frame);
        }
    }

    #[test]
    fn the_way_the_bytes_arrive_changes_nothing(
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..100),
        cuts in proptest::collection::vec(any::<usize>(), 0..8),
        limit in 0usize..32,
    ) {
        prop_assert_eq!(feed(&bytes, &cuts, limit), feed(&bytes, &[], limit));
    }
}

#[test]
fn a_message_may_be_as_long_as_the_limit_and_no_longer() {
    let mut decoder = Decoder::new(4);
    decoder.push(b"1234\0");
    assert_eq!(decoder.next_frame(), Ok(Some(&b"1234"[..])));
    decoder.push(b"12345");
    assert_eq!(decoder.next_frame(), Err(FrameError::TooLong(4)));
    assert_eq!(decoder.next_frame(), Err(FrameError::TooLong(4)));
}

#[test]
fn a_malformed_message_leaves_the_next_one_readable() {
    let mut decoder = Decoder::new(100);
    decoder.push(b"{]\0{\"method\":\"a.B\"}\0");
    assert!(matches!(decoder.next_message::<Call>(), Err(FrameError::Malformed(_))));
    let call = decoder.next_message::<Call>().expect("readable").expect("whole");
    assert_eq!((call.method.as_str(), call.parameters, call.more), ("a.B", Value::Null, false));
    assert_eq!((decoder.next_message::<Call>(), decoder.pending()), (Ok(None), 0));
}

#[test]
fn nesting_can_not_exhaust_the_stack() {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(&vec![b'['; 1 << 19]);
    decoder.push(b"\0");
    assert!(matches!(decoder.next_message::<Value>(), Err(FrameError::Malformed(_))));
}

#[test]
fn a_nul_in_a_text_is_escaped() {
    let bytes = encode(&json!({"a": "x\0y"})).expect("json");
    assert_eq!(bytes.iter().filter(|b| **b == 0).count(), 1);
}
