use super::*;

/// A quarter to noon.
const MORNING: i64 = (11 * 60 + 45) * 60 + 30;

fn parse(line: &str) -> Result<Wish, String> {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    Wish::parse(&args, MORNING)
}

fn good(line: &str) -> Wish {
    parse(line).expect(line)
}

#[test]
fn letters_lead_to_goals() {
    for (line, goal) in [
        ("now", Goal::Level(Level::SINGLE)),
        ("-h now", Goal::Level(Level::HALT)),
        ("-hP now", Goal::Power(PowerWord::PowerOff)),
        ("-h -H now", Goal::Power(PowerWord::Halt)),
        ("-r now", Goal::Power(PowerWord::Reboot)),
        ("-i 6 -y -g now", Goal::Power(PowerWord::Reboot)),
        ("-i S now", Goal::Level(Level::S)),
        ("-i a now", Goal::Demand('a')),
        ("-k -h now", Goal::Warn),
        ("-c", Goal::Cancel),
    ] {
        assert_eq!(good(line).goal, goal, "{line}");
    }
}

#[test]
fn what_makes_no_sense_says_why() {
    for (line, why) in [
        ("", "when?"),
        ("-h", "when?"),
        ("xx", "no time"),
        ("-P now", "along with -h"),
        ("-r -H now", "along with -h"),
        ("-i 9 now", "`9': bad runlevel"),
        ("-z now", "unknown option"),
        ("-n now", "halt or reboot only"),
        ("-n -i 1 now", "halt or reboot only"),
        ("24:00", "no time"),
        ("+1:60", "no time"),
        ("+-5", "no time"),
        ("-t x now", "seconds"),
    ] {
        let error = parse(line).expect_err(line);
        assert!(error.contains(why), "{line}: {error}");
    }
}

#[test]
fn times() {
    for (time, minutes) in [
        ("now", 0),
        ("+0", 0),
        ("+5", 5),
        ("7", 7),
        ("+1:30", 90),
        ("11:45", 0),
        ("12:00", 15),
        ("11:44", 24 * 60 - 1),
        ("00:00", 12 * 60 + 15),
        ("+4000000000", MAX_MINUTES),
    ] {
        assert_eq!(good(time).minutes, minutes, "{time}");
    }
    assert!(parse("+99999999999").is_err());
}

#[test]
fn warnings_come_closer() {
    let told = |line: &str| -> Vec<u32> {
        let wish = good(line);
        (1..=wish.minutes).rev().filter(|m| wish.warns_at(*m)).collect()
    };
    assert_eq!(told("+70"), [60, 45, 30, 15, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(told("+300")[..4], [300, 240, 180, 150]);
    assert_eq!(told("-q +70"), [70, 1]);
    assert_eq!(told("-Q +70"), [0; 0]);
}

#[test]
fn warnings_say_what_and_when() {
    assert_eq!(good("-r +5").warning(5), "The system is going DOWN for reboot in 5 minutes!");
    assert_eq!(good("-h +1").warning(1), "The system is going DOWN for system halt in 1 minute!");
    assert_eq!(good("-n -r now").logged(), "shutting down for system reboot");
    assert!(good("-n -h now").at_once && !good("-h now").at_once && good("-hb +5").background);
    assert_eq!(good("now").warning(0), "The system is going down to maintenance mode NOW!");
    assert_eq!(good("-k -r now save your work").warning(0), "save your work\nThe system is going down for reboot NOW!");
}

#[test]
fn who_is_allowed() {
    let text = "# these\n\n  anna \nberta\n";
    assert!(allowed(text, "anna") && allowed(text, "berta"));
    assert!(!allowed(text, "# these") && !allowed(text, "carla") && !allowed(text, ""));
    let many: String = (0..40).map(|n| format!("u{n}\n")).collect();
    assert!(allowed(&many, "u31") && !allowed(&many, "u32"));
}
