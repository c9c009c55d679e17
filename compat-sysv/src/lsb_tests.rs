use super::*;
use proptest::prelude::*;

fn read(body: &str) -> (Header, Vec<String>) {
    let (header, findings) = parse(Path::new("/etc/init.d/x"), &format!("#!/bin/sh\n{BEGIN}\n{body}\n{END}\nexit 0\n"));
    (header.expect("a header"), findings.iter().map(|f| format!("{}: {}", f.line, f.message)).collect())
}

const WHOLE: &str = "\
# Provides:          web httpd
# Required-Start:    $remote_fs $syslog
# Required-Stop:     $remote_fs
# Should-Start:      db
# Should-Stop:       db cache
# X-Start-Before:    gui
# X-Stop-After:      proxy
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# X-Interactive:     true
# Short-Description: A web server
# Description:       It serves
#                    the web,
#\tand more.";

#[test]
fn a_whole_header_is_read() {
    let (header, findings) = read(WHOLE);
    assert_eq!(findings, [""; 0]);
    assert_eq!(header.line, 2);
    assert_eq!(header.names(Key::Provides), ["web", "httpd"]);
    assert_eq!(header.names(Key::RequiredStart), ["$remote_fs", "$syslog"]);
    assert_eq!(header.names(Key::RequiredStop), ["$remote_fs"]);
    assert_eq!(header.names(Key::ShouldStart), ["db"]);
    assert_eq!(header.names(Key::ShouldStop), ["db", "cache"]);
    assert_eq!(header.names(Key::StartBefore), ["gui"]);
    assert_eq!(header.names(Key::StopAfter), ["proxy"]);
    assert_eq!(header.levels(Key::DefaultStart).to_string(), "2345");
    assert_eq!(header.levels(Key::DefaultStop).to_string(), "016");
    assert!(header.is_interactive());
    let text = |key| header.get(key).map(|value| value.text.as_str());
    assert_eq!(text(Key::ShortDescription), Some("A web server"));
    assert_eq!(text(Key::Description), Some("It serves the web, and more."));
    let places: Vec<(u32, u32)> = header.words(Key::Provides).iter().map(|w| (w.line, w.column)).collect();
    assert_eq!(places, [(3, 22), (3, 26)]);
}

#[test]
fn without_markers_there_is_no_header_and_without_an_end_an_error() {
    assert_eq!(parse(Path::new("/x"), "#!/bin/sh\n# Provides: x\n"), (None, Vec::new()));
    let (header, findings) = parse(Path::new("/x"), &format!("#!/bin/sh\n\n{BEGIN}\n# Provides: x\n"));
    assert!(header.is_none());
    assert_eq!((findings[0].severity, findings[0].line), (Severity::Error, 3));
    assert!(findings[0].hint.as_deref().is_some_and(|hint| hint.contains(END)));
}

#[test]
fn keys_are_read_in_any_case_with_underscores_and_by_vendors() {
    let (header, _) =
        read("#provides: x\n# REQUIRED_START: a\n#\tX-Acme-Should-Start: b\n# start-before: c\n# Interactive: true");
    assert_eq!(header.names(Key::Provides), ["x"]);
    assert_eq!(header.names(Key::RequiredStart), ["a"]);
    assert_eq!(header.names(Key::ShouldStart), ["b"]);
    assert_eq!(header.names(Key::StartBefore), ["c"]);
    assert!(header.is_interactive());
    // insserv wants the colon right behind the key, and Required without a vendor.
    let (header, _) = read("# X-Required-Start: a\n# Provides : x\nProvides: y");
    assert_eq!((header.get(Key::RequiredStart), header.get(Key::Provides)), (None, None));
}

#[test]
fn of_two_headers_and_of_two_keys_the_first_counts() {
    let text = format!("{BEGIN}\n# Provides: a\n{END}\n{BEGIN}\n# Provides: b\n{END}\n");
    assert_eq!(parse(Path::new("/x"), &text).0.expect("header").names(Key::Provides), ["a"]);
    let (header, findings) = read(&format!("{WHOLE}\n# Provides: other"));
    assert_eq!(header.names(Key::Provides), ["web", "httpd"]);
    assert_eq!(findings, ["17: given twice; that of line 3 counts"]);
}

#[test]
fn what_is_missing_is_named() {
    let (_, findings) = read("# Provides: x\n# Required-Start:\n# Default-Start: 2");
    assert_eq!(findings, ["2: missing in the header", "2: missing in the header"]);
    let (header, _) = read("# Required-Start:\n# Default-Start:");
    assert!(header.get(Key::RequiredStart).is_some() && header.get(Key::RequiredStop).is_none(), "empty isn't missing");
}

#[test]
fn a_slip_in_a_key_is_told() {
    let (_, findings) = read(&WHOLE.replace("# Should-Start:", "# Shuold-Start:"));
    assert_eq!(findings, ["6: `Shuold-Start` is no key of a header, and is passed over"]);
    let (_, findings) = read(&format!("{WHOLE}\n# Author: Foo Bar <foo@example.org>\n# See: http://x"));
    assert_eq!(findings, [""; 0], "other words are nobody's business");
}

#[test]
fn levels_are_words_of_one_character() {
    let (header, findings) = read(&WHOLE.replace("2 3 4 5", "s,2 35 7"));
    assert_eq!(header.levels(Key::DefaultStart).to_string(), "S2");
    assert_eq!(findings, ["10: `35` is no level, and is passed over", "10: `7` is no level, and is passed over"]);
    let (_, findings) = read(&WHOLE.replace("0 1 6", "0 1 2 6"));
    assert_eq!(findings, ["11: level 2 is also in Default-Start"]);
}

#[test]
fn words_that_insserv_does_not_get_to_are_marked() {
    let marks = |text: &str| -> Vec<(String, bool)> {
        let (header, _) = read(&format!("# Should-Start: {text}"));
        header.words(Key::ShouldStart).iter().map(|w| (w.text.to_owned(), w.read)).collect()
    };
    let expect =
        |list: &[(&str, bool)]| -> Vec<(String, bool)> { list.iter().map(|(w, r)| ((*w).to_owned(), *r)).collect() };
    assert_eq!(marks("a b,c;d"), expect(&[("a", true), ("b", true), ("c", true), ("d", true)]));
    assert_eq!(marks("a  b c"), expect(&[("a", true), ("b", false), ("c", false)]));
    assert_eq!(marks("a, b"), expect(&[("a", true), ("b", false)]));
    assert_eq!(marks("a\tb"), expect(&[("a", true), ("b", false)]));
    assert_eq!(marks("a b  "), expect(&[("a", true), ("b", true)]));
}

#[test]
fn only_true_is_interactive() {
    for (text, is) in [("true", true), ("true ", true), ("yes", false), ("True", false), ("", false)] {
        assert_eq!(read(&format!("# X-Interactive: {text}")).0.is_interactive(), is, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_harm(text in "(# ?(Provides|required_start|Description|x-foo-interactive|Default-Stop): ?[ a-z0-9$+,\t]{0,20}\n|#\\PC{0,20}\n|\n){0,12}") {
        let (header, _) = parse(Path::new("/x"), &format!("{BEGIN}\n{text}{END}"));
        let header = header.expect("between markers");
        for (_, key) in Key::ALL {
            for word in header.words(*key) {
                prop_assert!(!word.text.is_empty() && !word.text.contains([' ', '\t', ',', ';']));
                let line = text.lines().nth(word.line as usize - 2).expect("line");
                let at: String = line.chars().skip(word.column as usize - 1).collect();
                prop_assert!(*key == Key::Description || at.starts_with(word.text), "{:?} in {:?}", word, line);
            }
        }
    }
}
