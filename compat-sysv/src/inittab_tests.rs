use super::*;

fn table(text: &str) -> Table {
    parse(Some(("/etc/inittab", text)), &[], "")
}

fn ids(table: &Table) -> Vec<&str> {
    table.entries.iter().map(|e| e.id.as_str()).collect()
}

fn fault(line: &str) -> String {
    let table = table(&format!("# one\n\n  {line}\n~~:S:off:"));
    let [fault] = table.faults.as_slice() else { panic!("{line}: {table:?}") };
    assert_eq!((fault.file.as_str(), fault.line), ("/etc/inittab", 3));
    fault.reason.clone()
}

#[test]
fn a_line_is_four_fields_and_the_last_may_hold_colons() {
    let table = table("x1:2345:once:/bin/echo a:b:c \n");
    let entry = &table.entries[0];
    assert_eq!((entry.id.as_str(), entry.levels.as_str(), entry.action), ("x1", "2345", Action::Once));
    assert_eq!(entry.process, "/bin/echo a:b:c ");
    assert_eq!((entry.file.as_str(), entry.line), ("/etc/inittab", 1));
}

#[test]
fn all_fifteen_actions_in_either_case() {
    assert_eq!(Action::ALL.len(), 15);
    for (action, word) in Action::ALL {
        assert_eq!(Action::from_word(word), Some(action));
        assert_eq!(Action::from_word(&word.to_uppercase()), Some(action));
        assert_eq!(action.word(), word);
        assert_eq!(table(&format!("x:S2:{word}:p")).entries[0].action, action);
    }
    assert_eq!(Action::from_word("spawn"), None);
}

#[test]
fn broken_lines_have_sysvinits_reasons() {
    let long = "x".repeat(254);
    for (line, reason) in [
        (":2:once:p", "missing id field"),
        ("x", "missing action field"),
        ("x:2", "missing action field"),
        ("x:2:once", "missing process field"),
        ("x:2::p", "missing action field"),
        ("x:2:", "missing action field"),
        ("no colon at all", "id field too long (max 4 characters)"),
        ("abcde:2:once:p", "id field too long (max 4 characters)"),
        ("x:012345678901:once:p", "rlevel field too long (max 11 characters)"),
        (&format!("x:2:once:{long}"), "process field too long (max 253 characters)"),
        (&format!("x:2:{}:p", "a".repeat(33)), "action field too long"),
        (&format!("abcde:2:{}:p", "a".repeat(33)), "action field too long"),
        ("x:2:spawn:p", "spawn: unknown action field"),
        ("x:2:once :p", "once : unknown action field"),
    ] {
        assert_eq!(fault(line), reason, "{line}");
    }
    assert!(table(&format!("x:01234567890:once:{}", &long[1..])).faults.is_empty(), "the limits themselves are legal");
}

#[test]
fn the_second_line_of_an_id_is_the_one_that_is_dropped() {
    let table = table("x:2:once:first\nx:3:wait:second\n~~:S:wait:a\n~~:S:wait:b\n");
    assert_eq!(ids(&table), ["x", "~~", "~~"]);
    assert_eq!(table.entries[0].process, "first");
    assert_eq!(table.faults[0].reason, "duplicate ID field \"x\"");
    assert_eq!(table.faults[0].line, 2);
}

#[test]
fn levels_have_their_defaults_by_action() {
    for (line, levels) in [
        ("x::respawn:p", "0123456789"),
        ("x::kbrequest:p", "0123456789"),
        ("x::ctrlaltdel:p", "S0123456789"),
        ("x::powerfail:p", "S0123456789"),
        ("x::powerokwait:p", "S0123456789"),
        ("x:23:sysinit:p", "#"),
        ("x:23:boot:p", "*"),
        ("x::bootwait:p", "*"),
        ("x:s3:wait:p", "S3"),
    ] {
        assert_eq!(table(line).entries[0].levels, levels, "{line}");
    }
    let entry = &table("x:aB3:ondemand:p").entries[0];
    assert_eq!(['a', 'A', 'b', 'c', '3', '4'].map(|c| entry.is_in(c)), [true, true, true, false, true, false]);
}

#[test]
fn power_lines_go_first_and_the_others_keep_their_order() {
    let table = table("a:2:wait:p\npf::powerfail:p\nb:2:once:p\nca::ctrlaltdel:p\nkb::kbrequest:p\n");
    assert_eq!(ids(&table), ["pf", "ca", "a", "b", "kb"]);
}

#[test]
fn single_user_mode_has_a_line_whatever_is_written() {
    let added = |text: &str| table(text).entries.iter().any(|e| e.id == "~~" && e.process == "/sbin/sulogin");
    assert!(added("a:2:wait:p\n"));
    assert!(!added("a:2S:wait:p\n"));
    // A Ctrl-Alt-Del line for all levels is one for S too.
    assert!(!added("ca::ctrlaltdel:p\n"));
    assert!(added(&format!("~~:S:wait:{}\n", "x".repeat(300))), "a dropped line doesn't count");
    let nothing = parse(None, &[], "");
    assert_eq!((ids(&nothing), nothing.entries[0].line), (vec!["~~"], 0));
}

#[test]
fn of_a_tab_file_the_first_line_counts() {
    let tabs = [("/etc/inittab.d/a.tab", "# what\n\n t1:3:once:one\nt2:3:once:two\n"), ("b.tab", "x:3:once:again\n")];
    let table = parse(Some(("/etc/inittab", "x:3:once:p\n")), &tabs, "");
    assert_eq!(ids(&table), ["x", "~~", "t1"]);
    assert_eq!((table.entries[2].file.as_str(), table.entries[2].line), ("/etc/inittab.d/a.tab", 3));
    assert_eq!((table.faults[0].file.as_str(), table.faults[0].line), ("b.tab", 1));
    assert_eq!(["a.tab", ".tab", "a.tab~", "tab"].map(is_tab), [true, false, false, false]);
}

#[test]
fn initdefault_is_the_first_lines_highest_level() {
    for (text, level) in [
        ("id:2:initdefault:", Some('2')),
        ("id:35:initdefault:\nd2:4:initdefault:", Some('5')),
        ("id:3s:initdefault:", Some('S')),
        ("id::initdefault:", Some('9')),
        ("id:x:initdefault:", None),
        ("id:2:initdefault", None),
        ("a:2:wait:p", None),
    ] {
        assert_eq!(table(text).initdefault(), level, "{text}");
    }
}

#[test]
fn autocon_adds_logins_for_the_kernels_consoles() {
    let cmdline = "quiet init.autocon=1 console=tty1 console=ttyS0,115200n8";
    let table = parse(Some(("/etc/inittab", "1:23:respawn:/sbin/getty tty1\n")), &[], cmdline);
    let added = table.entries.iter().find(|e| e.id == "S0").expect("a line");
    assert_eq!((added.levels.as_str(), added.action), ("2345", Action::Respawn));
    assert_eq!(added.process, "/sbin/agetty -L -s 115200,38400,9600 ttyS0 vt102");
    assert_eq!(table.entries.iter().filter(|e| e.id == "1").count(), 1);
    assert!(!ids(&parse(None, &[], "console=ttyS0")).contains(&"S0"));
}

#[test]
fn a_command_goes_to_a_shell_only_with_a_shells_characters() {
    let words = |text: &'static str| match command(text).run {
        Run::Words(words) => words.join("|"),
        Run::Shell(text) => panic!("{text}"),
    };
    assert_eq!(words("/sbin/getty  38400\ttty1 "), "/sbin/getty|38400|tty1");
    assert_eq!(words("/bin/a b#c d"), "/bin/a|b");
    assert_eq!(words("@/bin/a $b;c"), "/bin/a|$b;c");
    assert_eq!(words("a 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15").split('|').count(), 14);
    assert_eq!(words(""), "");
    for c in "~`!$^&*()=|\\{}[];\"'<>?".chars() {
        let text = format!("/bin/a {c}");
        assert_eq!(command(&text).run, Run::Shell(&text), "{c}");
    }
    for c in "-_+@%:,./#".chars() {
        assert!(matches!(command(&format!("/bin/a {c}")).run, Run::Words(_)), "{c}");
    }
}

#[test]
fn the_signs_stand_in_one_order_only() {
    let parts = |text: &'static str| (command(text).silent, command(text).text);
    assert_eq!(parts("+@/bin/a *"), (true, "/bin/a *"));
    assert_eq!(parts("+/bin/a"), (true, "/bin/a"));
    assert_eq!(parts("@/bin/a"), (false, "/bin/a"));
    assert_eq!(parts("@+/bin/a"), (false, "+/bin/a"));
}
