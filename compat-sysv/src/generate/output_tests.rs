use super::*;
use std::os::unix::fs::MetadataExt;

fn output(items: &[(&str, &str)]) -> Made {
    let item = |text: &str| match text.strip_prefix("->") {
        Some(target) => Item::Link(target.into()),
        None => Item::Text(text.to_owned()),
    };
    Made {
        items: items.iter().map(|(path, text)| ((*path).to_owned(), item(text))).collect(),
        findings: Vec::new(),
        about: Vec::new(),
    }
}

fn changes(written: usize, removed: usize) -> Changes {
    Changes { written, removed }
}

#[test]
fn only_what_differs_is_written_and_what_is_gone_removed() {
    let folder = std::env::temp_dir().join(format!("rung-output-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("mkdir");
    fs::write(folder.join("mine"), "kept").expect("write");
    let first =
        output(&[("scripts/a.service", "one"), ("scripts/b.service", "two"), ("levels/2/i.service", "->../../x")]);
    assert_eq!(first.write(&folder), Ok(changes(4, 0)));
    let inode = |path: &str| fs::symlink_metadata(folder.join(path)).map(|m| (m.ino(), m.mtime_nsec())).expect("there");
    let before = ["scripts/a.service", "levels/2/i.service", "findings"].map(inode);
    assert_eq!(first.write(&folder), Ok(changes(0, 0)));
    assert_eq!(["scripts/a.service", "levels/2/i.service", "findings"].map(inode), before, "not touched");

    fs::write(folder.join("scripts/stranger"), "").expect("write");
    let second =
        output(&[("scripts/a.service", "one"), ("scripts/b.service", "three"), ("levels/2/i.service", "->../y")]);
    assert_eq!(second.write(&folder), Ok(changes(2, 1)));
    assert_eq!(inode("scripts/a.service"), before[0]);
    assert_eq!(fs::read_to_string(folder.join("scripts/b.service")).expect("read"), "three");
    assert_eq!(fs::read_link(folder.join("levels/2/i.service")).expect("link"), Path::new("../y"));

    assert_eq!(Made::default().write(&folder), Ok(changes(0, 3)));
    assert!(!folder.join("levels").exists(), "empty folders go");
    assert_eq!(fs::read_to_string(folder.join("mine")).expect("read"), "kept");
    fs::remove_dir_all(&folder).expect("clean");
}

#[test]
fn a_folder_in_the_way_goes_and_one_that_cannot_be_written_is_told() {
    let folder = std::env::temp_dir().join(format!("rung-output-way-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("scripts/a.service/x")).expect("mkdir");
    let made = output(&[("scripts/a.service", "one")]);
    assert!(made.write(&folder).is_ok());
    assert_eq!(fs::read_to_string(folder.join("scripts/a.service")).expect("read"), "one");
    let why = made.write(&folder.join("scripts/a.service")).expect_err("no folder");
    assert!(why.contains("a.service"), "{why}");
    fs::remove_dir_all(&folder).expect("clean");
}

#[test]
fn findings_are_lines_of_five_fields() {
    let finding = |severity, file: &str, line, text: &str| {
        let whole = Finding::whole(severity, Path::new(file), text.to_owned()).hint("do\tso");
        Finding { line, ..whole }
    };
    let warning = finding(Severity::Warning, "/b", 10, "x\ny");
    let keyed = Finding { key: Some("Provides".into()), ..finding(Severity::Note, "/b", 9, "m") };
    let findings = vec![warning.clone(), keyed, finding(Severity::Error, "/a", 0, "z"), warning];
    let text = Made { findings, ..Made::default() }.findings_text();
    let expect = "error\t/a\t0\tz\tdo so\nwarning\t/b\t9\tProvides: m\tdo so\nwarning\t/b\t10\tx y\tdo so\n";
    assert_eq!(text, expect);
}
