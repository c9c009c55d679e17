use super::*;
use crate::inittab::parse;
use init::unit::{ExecKind, Facts, Input, KillMode, Restart, ServiceType, Source, SourceFile, Unit, UnitName};
use std::time::Duration;

fn around(scripts: &dyn Fn(char) -> Vec<String>) -> Surroundings<'_> {
    Surroundings {
        scripts,
        is_before_login: &|name| name == "nginx",
        sysv: "/usr/lib/rung/sysv",
        initscript: false,
        exact: false,
        console: true,
        sleep_time: 3,
        environment: "/run/rung/environment",
    }
}

fn made_with(text: &str, change: impl FnOnce(&mut Surroundings<'_>)) -> Made {
    let scripts = |level: char| match level {
        'S' => vec!["mountall.sh".to_owned()],
        '2' => vec!["cron".to_owned(), "nginx".to_owned()],
        _ => Vec::new(),
    };
    let mut around = around(&scripts);
    change(&mut around);
    make(&parse(Some(("/etc/inittab", text)), &[], ""), &around)
}

fn made(text: &str) -> Made {
    made_with(text, |_| {})
}

/// The unit, read by the parser that Rung itself has: it finds nothing to say.
fn unit(made: &Made, id: &str) -> Unit {
    let name = UnitName::new(&format!("inittab-{id}.service")).expect("a name");
    let Some(Item::Text(text)) = made.items.get(&format!("inittab/{}", name.as_str())) else {
        panic!("{id}: {made:#?}")
    };
    let file = SourceFile { path: "/x".into(), text: text.clone() };
    let parsed = init::unit::parse(&name, Source::Native, &file, &[], &Facts::default());
    let said: Vec<_> = parsed.findings.iter().filter(|f| f.severity != init::unit::Severity::Note).collect();
    assert!(said.is_empty(), "{said:#?}\n{text}");
    parsed.unit
}

fn on(made: &Made, folder: &str, id: &str) -> String {
    let suffix = format!("/inittab-{id}.service");
    let in_folder = made.items.keys().filter_map(|path| path.strip_prefix(folder)?.strip_suffix(&suffix));
    in_folder.collect()
}

fn words(unit: &Unit) -> Vec<String> {
    let command = unit.service.commands(ExecKind::Start).next().expect("a command");
    assert!(command.literal && command.ignore_failure);
    let words = command.words.to_vec();
    let dashes = words.iter().position(|w| w == "--").expect("its own words");
    assert_eq!(words[..2], ["/usr/lib/rung/sysv", "line"]);
    words[dashes + 1..].to_vec()
}

fn names(list: &[UnitName]) -> Vec<&str> {
    list.iter().map(UnitName::short).collect()
}

#[test]
fn each_action_is_a_kind_of_service() {
    let all = "r:2:respawn:/p\nw:2:wait:/p\no:2:once:/p\nb::boot:/p\nbw::bootwait:/p\nsi::sysinit:/p\nd:a2:ondemand:/p\n\
               pf::powerfail:/p\npn::powerfailnow:/p\npw::powerwait:/p\npo::powerokwait:/p\nca::ctrlaltdel:/p\n\
               kb::kbrequest:/p\n";
    let made = made(all);
    for (id, kind, restart, remains) in [
        ("r", ServiceType::Exec, Restart::Always, false),
        ("d", ServiceType::Exec, Restart::Always, false),
        ("w", ServiceType::Oneshot, Restart::No, true),
        ("o", ServiceType::Exec, Restart::No, true),
        ("b", ServiceType::Exec, Restart::No, true),
        ("bw", ServiceType::Oneshot, Restart::No, true),
        ("si", ServiceType::Oneshot, Restart::No, true),
        ("pf", ServiceType::Exec, Restart::No, false),
        ("kb", ServiceType::Exec, Restart::No, false),
        ("pn", ServiceType::Oneshot, Restart::No, false),
        ("pw", ServiceType::Oneshot, Restart::No, false),
        ("po", ServiceType::Oneshot, Restart::No, false),
        ("ca", ServiceType::Oneshot, Restart::No, false),
    ] {
        let service = unit(&made, id).service;
        assert_eq!((service.kind, service.restart, service.remain_after_exit), (kind, restart, remains), "{id}");
        assert_eq!(
            service.timing.timeout_start,
            if kind == ServiceType::Oneshot { None } else { service.timing.timeout_start },
            "{id}"
        );
        assert_eq!(
            (service.kill_mode, service.timing.timeout_stop),
            (KillMode::Group, Some(Duration::from_secs(3))),
            "{id}"
        );
        assert!(!service.ignore_sigpipe);
    }
    assert_eq!([on(&made, "levels/", "b"), on(&made, "levels/", "si"), on(&made, "levels/", "d")], ["S", "S", "2"]);
    assert_eq!(on(&made, "events/a/", "d"), "0123456");
    assert_eq!([on(&made, "levels/", "pf"), on(&made, "levels/", "kb")], ["", ""]);
    for (occasion, id) in [
        ("powerfail", "pf"),
        ("powerfail", "pw"),
        ("powerfailnow", "pn"),
        ("powerok", "po"),
        ("ctrlaltdel", "ca"),
        ("kbrequest", "kb"),
    ] {
        assert_eq!(on(&made, &format!("events/{occasion}/"), id), "0123456", "{id}");
    }
    let respawn = unit(&made, "r").service;
    let guard =
        (respawn.timing.start_limit_burst, respawn.timing.start_limit_interval, respawn.timing.start_limit_pause);
    assert_eq!(guard, (10, Duration::from_secs(120), Duration::from_secs(300)));
    assert_eq!(respawn.timing.restart_sec, Duration::ZERO);
}

#[test]
fn off_and_initdefault_make_no_unit() {
    let made = made("x:2:off:/p\nid:2:initdefault:/p\n");
    assert_eq!(made.items.keys().collect::<Vec<_>>(), ["events/README"]);
}

#[test]
fn levels_are_rungs_and_single_user_mode_is_level_1() {
    let made = made("a:2379:respawn:/p\nb:S:wait:/p\nc:S1:once:/p\n~~:S:wait:/sbin/sulogin --force\nd:78:once:/p\n");
    assert_eq!([on(&made, "levels/", "a"), on(&made, "levels/", "b"), on(&made, "levels/", "c")], ["23", "1", "1"]);
    assert!(made.items.keys().all(|k| !k.contains("\\x7e")), "Rung's level 1 has its own shell: {made:#?}");
    assert_eq!(made.findings.len(), 1);
    assert_eq!((made.findings[0].line, made.findings[0].severity), (5, Severity::Warning));
    assert!(matches!(unit(&made, "b").service.input, Input::TtyForce));
}

#[test]
fn a_level_scripts_line_is_done_natively_and_splits_the_others() {
    let text = "si::sysinit:/etc/init.d/rcS\nl2:2:wait:/etc/init.d/rc 2\nl0:0:wait:/etc/init.d/rc 0\nw:2:wait:/w\n\
                z0:0:respawn:/sbin/sulogin\n1:23:respawn:/sbin/getty 38400 tty1\nbw::bootwait:/bw\n";
    let made = made(text);
    assert!(
        ["si", "l2", "l0", "z0"].iter().all(|id| !made.items.contains_key(&format!("inittab/inittab-{id}.service")))
    );
    assert_eq!(names(&unit(&made, "w").after), ["cron", "nginx"]);
    assert_eq!(names(&unit(&made, "1").after), ["inittab-w", "nginx"]);
    let boot = unit(&made, "bw");
    assert!(names(&boot.after).contains(&"mountall.sh") && names(&boot.after).contains(&"local-fs"));

    let early = self::made("a:2:wait:/a\nb:2:once:/b\nl2:2:wait:/etc/rc.d/rc 2\nc:2:once:/c\n");
    assert_eq!(names(&unit(&early, "a").before), ["cron", "nginx"]);
    assert_eq!((names(&unit(&early, "b").after), unit(&early, "b").before.len()), (vec!["inittab-a"], 0));
    assert_eq!(names(&unit(&early, "c").after), ["cron", "inittab-a", "nginx"]);

    let exact = made_with(text, |a| a.exact = true);
    assert_eq!(words(&unit(&exact, "l2")), ["/etc/init.d/rc", "2"]);
    assert_eq!(names(&unit(&exact, "1").after), ["inittab-w"]);

    let odd = self::made("l4:345:wait:/etc/rc.d/rc 4\n");
    assert_eq!((words(&unit(&odd, "l4")), odd.about.len()), (vec!["/etc/rc.d/rc".to_owned(), "4".to_owned()], 1));
}

#[test]
fn a_wait_line_holds_up_those_behind_it_in_its_levels() {
    let made = made("a:23:wait:/a\nb:3:wait:/b\nc:2:once:/c\nd:3:respawn:/d\ne:4:once:/e\n");
    assert_eq!(names(&unit(&made, "b").after), ["inittab-a"]);
    assert_eq!(names(&unit(&made, "c").after), ["inittab-a"]);
    assert_eq!(names(&unit(&made, "d").after), ["inittab-b"]);
    assert!(unit(&made, "e").after.is_empty());
}

#[test]
fn the_command_is_what_sysvinit_would_run() {
    let run = |process: &str| words(&unit(&made(&format!("x:2:once:{process}\n")), "x"));
    assert_eq!(run("+/sbin/getty  38400 tty1"), ["/sbin/getty", "38400", "tty1"]);
    assert_eq!(run("echo %h \"a\" $b"), ["/bin/sh", "-c", "echo %h \"a\" $b"]);
    assert_eq!(run("@/bin/a %h $b;c \\d 'e'"), ["/bin/a", "%h", "$b;c", "\\d", "'e'"]);
    assert_eq!(run("/bin/a\t-x ; b"), ["/bin/sh", "-c", "/bin/a\t-x ; b"]);
    assert_eq!(run("bin/a b"), ["bin/a", "b"]);
    assert_eq!(run("-sh"), ["-sh"]);
    assert_eq!(run(""), ["/bin/true"]);
}

#[test]
fn a_line_is_written_down_by_its_id_unless_it_says_plus() {
    let first = |process: &str| {
        let unit = unit(&made(&format!("x:2:once:{process}\n")), "x");
        unit.service.commands(ExecKind::Start).next().expect("a command").words.clone()
    };
    assert_eq!(first("/bin/a"), ["/usr/lib/rung/sysv", "line", "-r", "x", "--", "/bin/a"]);
    assert_eq!(first("+/bin/a"), ["/usr/lib/rung/sysv", "line", "--", "/bin/a"]);
}

#[test]
fn what_concerns_one_line_is_said_of_its_unit() {
    let made = made("x:345:wait:/etc/rc.d/rc 4\ny:3:once\n");
    let text = made.findings_text();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((lines[0][2], lines[0][5]), ("1", "inittab-x.service"));
    assert_eq!((lines[1][2], lines[1].len()), ("2", 5), "a line that makes no unit");
}

#[test]
fn initscript_gets_four_words() {
    let made = made_with("x:23:once:+/bin/a *\ns:S:wait:/bin/b\n", |a| a.initscript = true);
    assert_eq!(words(&unit(&made, "x")), ["/bin/sh", "/etc/initscript", "x", "23", "once", "/bin/a *"]);
    assert_eq!(words(&unit(&made, "s")), ["/bin/b"]);
}

#[test]
fn streams_are_the_console_where_there_is_one() {
    let service = unit(&made("si::sysinit:/p\n"), "si").service;
    assert_eq!(service.input, Input::TtyForce);
    let made = made("x:2:wait:/p\n");
    assert_eq!(unit(&made, "x").service.input, Input::File("/dev/console".into()));
    let without = made_with("x:2:wait:/p\n", |a| a.console = false);
    assert_eq!(unit(&without, "x").service.input, Input::Null);
}

#[test]
fn a_terminal_has_one_login() {
    let made = made(
        "1:2345:respawn:/sbin/getty --noclear 38400 tty1\nT0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n\
         m:2:respawn:/sbin/mingetty /dev/tty3\nx:2:respawn:/usr/bin/X tty7\no:1:respawn:/sbin/getty tty4\n",
    );
    let link = |name: &str| match made.items.get(&format!("inittab/{name}.service")) {
        Some(Item::Link(target)) => target.clone(),
        other => format!("{other:?}"),
    };
    assert_eq!(link("getty@tty1"), "inittab-1.service");
    assert_eq!(link("serial-getty@ttyS0"), "inittab-T0.service");
    assert_eq!(link("getty@tty3"), "inittab-m.service");
    assert_eq!((link("getty@tty7"), link("getty@tty4")), ("None".into(), "None".into()));
}

#[test]
fn ids_that_are_no_names_are_escaped_and_may_come_twice() {
    let made = made("~~:S:wait:/a\n~~:S:wait:/b\na@b:2:once:/c\nü:2:once:/d\n");
    for name in [r"\x7e\x7e", r"\x7e\x7e-2", r"a\x40b", r"\xc3\xbc"] {
        let key = format!("inittab/inittab-{name}.service");
        assert!(made.items.contains_key(&key), "{key}: {:?}", made.items.keys());
        assert!(UnitName::new(&format!("inittab-{name}")).is_ok());
    }
}

#[test]
fn what_is_wrong_is_noted_with_its_line() {
    let made = made("id:6:initdefault:\nx:2:once\n");
    let text: Vec<_> = made.findings.iter().map(|n| (n.line, n.severity, n.message.as_str())).collect();
    assert_eq!(
        text,
        [
            (2, Severity::Error, "missing process field"),
            (1, Severity::Error, "initdefault is 6, no level to boot into")
        ]
    );
    assert!(self::made("id:S:initdefault:\n").findings.is_empty());
}
