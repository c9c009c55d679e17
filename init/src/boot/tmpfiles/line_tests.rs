use super::*;
use proptest::prelude::*;

fn good(text: &str) -> Line {
    match read(text, &Facts::sample()) {
        Read::Line(line) => *line,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn fields_and_marks() {
    let line = good("f+!-= /run//x/ ~:0664 :root utmp 10d  a\\tb  c");
    assert_eq!(line.kind, Kind::File { replace: true });
    assert!(line.boot_only && line.optional && line.exact && line.replace);
    assert_eq!(line.path, "/run/x");
    assert_eq!(line.mode, Some(Mode { bits: 0o664, masked: true, only_new: true }));
    assert_eq!(line.user, Some(Owner { name: "root".into(), only_new: true }));
    assert_eq!(line.group, Some(Owner { name: "utmp".into(), only_new: false }));
    assert_eq!(line.argument.as_deref().map(unescape).as_deref(), Some("a\tb  c"));
    let line = good("d /run/lock");
    assert_eq!((line.mode, line.user, line.argument), (None, None, None));
    assert_eq!(good("d \"/run/a b\" - - - -").path, "/run/a b");
    assert_eq!(good("d /run/a\\x20b").path, "/run/a b");
    assert_eq!(good("w /x - - - - -").argument, None);
    assert_eq!(good("L? /x - - - - y").kind, Kind::Link { only_if_there: true });
}

#[test]
fn every_type_is_known() {
    for letter in "fFwdDevqQpLcbCxXrRzZmtThHaA".chars() {
        good(&format!("{letter} /x 0755 root root - x"));
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (text, word) in [
        ("y /x", "`y`"),
        ("d", "no path"),
        ("d run/x", "absolute"),
        ("d /run/../x", "absolute"),
        ("d /x 999", "mode"),
        ("d /x 17777", "mode"),
        ("d /x +755", "mode"),
        ("d# /x", "`#`"),
        ("d \"/x", "closed"),
        ("d /x/%q", "%q"),
    ] {
        match read(text, &Facts::sample()) {
            Read::Wrong(why) => assert!(why.contains(word), "{text}: {why}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    for text in ["f^ /x - - - - cred", "d /x/%m"] {
        assert_eq!(read(text, &Facts::default()), Read::Skip, "{text}");
    }
}

#[test]
fn escapes() {
    assert_eq!(unescape("a\\n\\x41\\101\\\\\\q\\x4\\"), "a\nAA\\\\q\\x4\\");
}

proptest! {
    #[test]
    fn any_text_is_taken(text in "\\PC{0,60}") {
        let _ = read(&text, &Facts::sample());
    }

    #[test]
    fn any_line_is_taken(text in "[fdLwz][!+=~^-]{0,2} [/a.%\\\\\"' x0-9-]{0,30}") {
        if let Read::Line(line) = read(&text, &Facts::sample()) {
            prop_assert!(line.path.starts_with('/') && !line.path.split('/').any(|part| part == ".."));
        }
    }
}
