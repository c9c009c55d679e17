use super::*;
use proptest::prelude::*;

fn texts(value: &str) -> Vec<String> {
    split(value, &mut Vec::new()).expect(value).into_iter().map(|w| w.text).collect()
}

#[test]
fn words_are_split_as_systemd_does() {
    assert_eq!(texts(r#"a  "b c"d 'e "f"' g\x20h "\t" """#), ["a", "b cd", "e \"f\"", "g h", "\t", ""]);
    assert_eq!(texts(r"\101\s\u00e4 \;"), ["A ä", ";"]);
    let words = split("/bin/a ; /bin/b;c ';'", &mut Vec::new()).expect("words");
    let seen: Vec<_> = words.iter().map(|w| (w.text.as_str(), w.separator, w.at)).collect();
    assert_eq!(seen, [("/bin/a", false, 0), (";", true, 7), ("/bin/b;c", false, 9), (";", false, 18)]);
}

#[test]
fn what_is_wrong_is_placed() {
    assert_eq!(split("a 'b", &mut Vec::new()).expect_err("open").0, 2);
    assert_eq!(split("a b\\", &mut Vec::new()).expect_err("end").0, 3);
    let mut odd = Vec::new();
    assert_eq!(split(r"s/\.d/\xzz/", &mut odd).expect("words")[0].text, r"s/\.d/\xzz/");
    assert_eq!(odd.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 6]);
}

proptest! {
    #[test]
    fn quoted_words_read_back(words in proptest::collection::vec("[\\PC\\t\\n]{0,12}", 0..5)) {
        let line: Vec<String> = words.iter().map(|w| quote(w)).collect();
        let read = texts(&line.join(" ").replace("%%", "%"));
        prop_assert_eq!(read, words);
    }

    #[test]
    fn no_text_panics(value in "[\\PC\\\\'\"x$u{}; ]{0,40}") {
        let _ = split(&value, &mut Vec::new());
    }
}
