use super::*;
use proptest::prelude::*;

fn any_request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::Start),
        (any::<u8>(), any::<i32>()).prop_map(|(level, sleep_time)| Request::RunLevel { level, sleep_time }),
        any::<i32>().prop_map(|sleep_time| Request::PowerFail { sleep_time }),
        any::<i32>().prop_map(|sleep_time| Request::PowerFailNow { sleep_time }),
        any::<i32>().prop_map(|sleep_time| Request::PowerOk { sleep_time }),
        proptest::collection::vec("INIT_[A-Z]{1,9}(=[a-zé ]{0,20})?", 0..8).prop_map(Request::SetEnv),
        (8..i32::MAX).prop_map(Request::Other),
    ]
}

proptest! {
    #[test]
    fn comes_back_as_it_went(request in any_request()) {
        let bytes = request.encode().expect("fits");
        prop_assert_eq!(Request::decode(&bytes), Ok(request));
    }

    #[test]
    fn any_other_length_is_bogus(bytes in proptest::collection::vec(any::<u8>(), 0..800)) {
        if bytes.len() != LEN {
            prop_assert_eq!(Request::decode(&bytes), Err(Bogus::Length(bytes.len())));
        }
    }

    #[test]
    fn garbage_behind_the_magic_is_read_without_harm(tail in proptest::collection::vec(any::<u8>(), LEN - 4)) {
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend(tail);
        prop_assert!(Request::decode(&bytes).is_ok());
    }
}

#[test]
fn the_bytes_are_those_of_the_c_struct() {
    let bytes = Request::RunLevel { level: b'3', sleep_time: 5 }.encode().expect("fits");
    assert_eq!(&bytes[..16], [0x69, 0x19, 0x09, 0x03, 1, 0, 0, 0, 0x33, 0, 0, 0, 5, 0, 0, 0]);
    assert!(bytes[16..].iter().all(|b| *b == 0));

    let bytes = Request::SetEnv(vec!["INIT_HALT=HALT".into(), "INIT_X".into()]).encode().expect("fits");
    assert_eq!(bytes[4], 6);
    assert_eq!(&bytes[16..39], b"INIT_HALT=HALT\0INIT_X\0\0");
}

#[test]
fn a_wrong_magic_is_bogus() {
    assert_eq!(Request::decode(&[0; LEN]), Err(Bogus::Magic(0)));
    assert_eq!(Bogus::Length(383).to_string(), "383 bytes instead of 384");
}

#[test]
fn variables_fit_or_are_refused() {
    let exactly = "X".repeat(DATA_LEN - 2);
    assert!(Request::SetEnv(vec![exactly.clone()]).encode().is_some());
    assert!(Request::SetEnv(vec![format!("{exactly}X")]).encode().is_none());
    assert!(Request::SetEnv(vec!["A\0B".into()]).encode().is_none());
    assert!(Request::SetEnv(vec![String::new()]).encode().is_none());
}
