//! Files as people write them, findings to the letter, and texts nobody would write.
use super::*;
use proptest::prelude::*;
use std::time::Duration;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

fn read(name: &str, text: &str) -> Parsed {
    let name = UnitName::new(name).expect("name");
    parse(&name, Source::Native, &file("/etc/rung/units/x.service", text), &[], &Facts::default())
}

fn good(text: &str) -> Unit {
    let parsed = read("x", text);
    assert!(parsed.findings.is_empty(), "{}", rendered(&parsed));
    parsed.unit
}

fn rendered(parsed: &Parsed) -> String {
    parsed.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const NGINX: &str = "\
[Unit]
Description=Web server
After=network.target remote-fs.target

[Service]
Type=forking
PIDFile=/run/nginx.pid
ExecStartPre=/usr/sbin/nginx -t -q -g 'daemon on; master_process on;'
ExecStart=/usr/sbin/nginx -g 'daemon on; master_process on;'
ExecReload=/usr/sbin/nginx -g 'daemon on; master_process on;' -s reload
ExecStop=-/sbin/start-stop-daemon --quiet --stop \\
    --retry QUIT/5 --pidfile /run/nginx.pid
TimeoutStopSec=5
KillMode=mixed

[Install]
WantedBy=multi-user.target
";

#[test]
fn a_web_server() {
    let unit = good(NGINX);
    let service = &unit.service;
    assert_eq!(unit.after.iter().map(UnitName::as_str).collect::<Vec<_>>(), ["network.target", "remote-fs.target"]);
    assert_eq!((service.kind, service.kill_mode), (ServiceType::Forking, KillMode::Mixed));
    let start = service.commands(ExecKind::Start).next().expect("start");
    assert_eq!(start.words, ["/usr/sbin/nginx", "-g", "daemon on; master_process on;"]);
    let stop = service.commands(ExecKind::Stop).next().expect("stop");
    assert!(stop.ignore_failure);
    assert_eq!(stop.words.iter().last(), Some("/run/nginx.pid"));
    assert_eq!(
        (service.timing.timeout_stop, service.timing.timeout_start),
        (Some(Duration::from_secs(5)), Some(Duration::from_secs(90)))
    );
    assert_eq!(unit.runlevels.to_string(), "2345");
    assert_eq!(unit.place("Service.ExecStop").as_deref(), Some("/etc/rung/units/x.service:11"));
    assert_eq!(unit.place("Service.User"), None);
}

#[test]
fn documentation_is_where_one_can_read() {
    let parsed =
        read("x", "[Unit]\nDocumentation=man:x(8)\nDocumentation=https://x.example/ README\n[Service]\nExecStart=/a\n");
    assert_eq!(*parsed.unit.documentation, ["man:x(8)", "https://x.example/"]);
    let text = parsed.findings.iter().map(ToString::to_string).collect::<String>();
    assert!(text.contains(":3:34: warning: ") && text.contains("`README` is passed over"), "{text}");
}

#[test]
fn an_ssh_server_of_systemds() {
    let parsed = read(
        "ssh",
        "[Unit]\nDescription=Secure shell\nDocumentation=man:sshd(8)\nAfter=network.target auditd.service\n\
         ConditionPathExists=!/etc/ssh/sshd_not_to_be_run\n[Service]\nEnvironmentFile=-/etc/default/ssh\n\
         ExecStartPre=/usr/sbin/sshd -t\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n\
         ExecReload=/usr/sbin/sshd -t\nExecReload=/bin/kill -HUP $MAINPID\nKillMode=process\nRestart=on-failure\n\
         RestartPreventExitStatus=255\nType=notify\nRuntimeDirectory=sshd\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n",
    );
    assert!(!parsed.is_bad());
    assert!(parsed.not_honoured.is_empty(), "{:?}", parsed.not_honoured);
    assert_eq!(*parsed.unit.documentation, ["man:sshd(8)"]);
    let service = &parsed.unit.service;
    assert_eq!(service.environment_files, [("/etc/default/ssh".into(), true)]);
    assert_eq!(service.commands(ExecKind::Reload).count(), 2);
    assert_eq!(service.commands(ExecKind::Start).next().expect("start").words, ["/usr/sbin/sshd", "-D", "$SSHD_OPTS"]);
}

#[test]
fn a_getty_template_and_its_drop_ins() {
    let name = UnitName::new("getty@tty1").expect("name");
    let base = "[Unit]\nDescription=Getty on %I\n[Service]\nExecStart=-/sbin/agetty -o '-p -- \\\\u' --noclear %I $TERM\n\
                Restart=always\nRestartSec=0\nStandardInput=tty\nStandardOutput=tty\nTTYPath=/dev/%I\nTTYReset=yes\n\
                Environment=A=1 \"B=x y\"\nLimitNOFILE=1024:4096\nLimitNICE=+5\n[Install]\nRunlevels=2345\n";
    let drop_in =
        "[Service]\nExecStart=\nExecStart=/sbin/mingetty %i\nNice=-5\nEnvironment=\nEnvironment=C=3\nRestartSec=\n";
    let files = [file("/etc/rung/units/getty@.service.d/a.conf", drop_in)];
    let parsed = parse(&name, Source::Native, &file("/u/getty@.service", base), &files, &Facts::default());
    assert_eq!(rendered(&parsed), "");
    let (unit, service) = (&parsed.unit, &parsed.unit.service);
    assert_eq!(unit.description(), "Getty on tty1");
    assert_eq!(service.commands(ExecKind::Start).map(|c| c.words.line()).collect::<Vec<_>>(), ["/sbin/mingetty tty1"]);
    assert_eq!((service.terminal.path.to_str(), &service.input), (Some("/dev/tty1"), &Input::Tty));
    assert_eq!(service.environment, [("C".to_owned(), "3".to_owned())]);
    assert_eq!(service.timing.restart_sec, Duration::from_millis(100));
    assert_eq!(unit.place("Service.ExecStart").as_deref(), Some("/etc/rung/units/getty@.service.d/a.conf:3"));
    assert_eq!(unit.place("Service.RestartSec"), None);
    let limits: Vec<_> = service.limits.iter().map(|l| (l.key, l.resource, l.soft, l.hard)).collect();
    assert_eq!(limits, [("LimitNOFILE", libc::RLIMIT_NOFILE, 1024, 4096), ("LimitNICE", libc::RLIMIT_NICE, 15, 15)]);
}

#[test]
fn a_template_is_read_as_if_it_had_an_instance() {
    let text = "[Unit]\nAfter=x@%i.service\n[Service]\nUser=%i\nExecStart=/bin/a\n";
    let parsed = read("a@", text);
    assert_eq!(rendered(&parsed), "");
    assert!(parsed.unit.name.is_template());
}

#[test]
fn prefixes_stand_in_any_order() {
    let command = |text: &str| {
        let unit = good(&format!("[Service]\nUser=a\nExecStart={text}\n"));
        unit.service.commands(ExecKind::Start).next().expect("a command").clone()
    };
    let all = command("+:@-/bin/a zeroth $x");
    assert_eq!(
        (all.words.to_vec(), all.zeroth.as_deref()),
        (vec!["/bin/a".to_owned(), "$x".to_owned()], Some("zeroth"))
    );
    assert_eq!((all.ignore_failure, all.literal, all.privilege), (true, true, Privilege::Full));
    assert_eq!(command("-!!/bin/a").privilege, Privilege::Restricted);
    assert_eq!(command("!-/bin/a").privilege, Privilege::Elevated);
}

#[test]
fn a_oneshot_of_several_commands() {
    let unit = good(
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/a 1 ; -/bin/b ';' ; \\\n c\nExecStart=/bin/d \\;\n",
    );
    let commands: Vec<_> =
        unit.service.commands(ExecKind::Start).map(|c| (c.words.line(), c.ignore_failure, c.place.line)).collect();
    assert_eq!(
        commands,
        [
            ("/bin/a 1".to_owned(), false, 4),
            ("/bin/b ;".to_owned(), true, 4),
            ("c".to_owned(), false, 5),
            ("/bin/d ;".to_owned(), false, 6)
        ]
    );
    assert_eq!(unit.service.timing.timeout_start, None);
    good("[Unit]\nWants=a.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/a\n");
}

#[test]
fn findings_to_the_letter() {
    let parsed = read(
        "x",
        "[Unit]\nAfter=y.service \\\n  z@.service\n[Service]\nExecStart=/bin/true\nNice=9x\nRestrat=no\n\
         PrivateTmp=yes\nUMask=%z\n  Environment=A=1 'B=2\nEnvironment=A=1 x y\nRestart=alway\nAfter=z.service\n",
    );
    assert!(parsed.is_bad());
    assert_eq!(rendered(&parsed), include_str!("parse_golden.txt").trim_end());
}

#[test]
fn the_whole_unit_is_checked() {
    let has = |text: &str, what: &str| {
        let parsed = read("x", text);
        assert!(rendered(&parsed).contains(what), "{text}\n{}", rendered(&parsed));
        parsed.is_bad()
    };
    assert!(has("[Service]\nType=simple\n", "the service has no `ExecStart=`"));
    assert!(has("", "the service has no `ExecStart=`"));
    let unclosed = rendered(&read("x", "[Service]\nExecStart=/bin/sh -c \"x\n"));
    assert!(unclosed.contains("never closed") && !unclosed.contains("has no"), "{unclosed}");
    assert!(has("[Service]\nExecStart=/a\nExecStart=/b\n", "x.service:3:1: error: ExecStart=: a second command"));
    assert!(has(
        "[Service]\nType=oneshot\nExecStart=/a\nRestart=always\n",
        "x.service:4:1: error: Restart=: `always` doesn't go"
    ));
    assert!(!has("[Service]\nType=forking\nExecStart=/a\n", "warning: Type=: a forking service without `PIDFile=`"));
    assert!(has("[Service]\nExecStart=a/b\n", "relative path"));
    assert!(has("[Service]\nExecStart=@/a\n", "the prefix `@` wants a second word"));
    assert!(has("[Service]\nExecStart=-+:!/a b\n", "x.service:2:14: error: ExecStart=: the prefix `!` stands beside"));
    assert!(has("[Service]\nExecStart=--/a b\n", "the prefix `-` stands there twice"));
    assert!(has("[Service]\nExecStart=!!!/a b\n", "the prefix `!` stands beside"));
    assert!(has("[Service]\nExecStart=|/a b\n", "the prefix `|` (a shell around it)"));
    assert!(!has("[Service]\nExecStart=!!/a b\n", ""));
    assert!(!has("[Service]\nExecStart=/a\nType=dbus\n", "`dbus` is not honoured yet: the start counts"));
    assert!(!has("[Service]\nExecStart=/a \"b%z\"\n", "x.service:2:16: warning: ExecStart=: `%z` is no specifier"));
    assert!(has("[Service]\nExecStart=/a \"b%m\"\n", "x.service:2:16: error: ExecStart=: `%m` is not known"));
    assert!(has("ExecStart=/a\n", "stands before any section"));
    assert!(has("[Service\n[Service]\nExecStart=/a\n", "x.service:1:1: error: this is no section"));
    assert!(has("[Service]\nExecStart\n", "x.service:2:1: error: this is no `Key=value`"));
    assert!(!has(
        "[Unit]\nRequires=a.socket\n[Service]\nExecStart=/a\n",
        "warning: Requires=: `a.socket` is passed over"
    ));
    assert!(!has("[Srevice]\nX=1\n[Service]\nExecStart=/a\n", "did you mean `Service`?"));
    assert!(has("[Service]\nExecStart=/a\nKillSignal=SIGFOO\n", "`SIGFOO` is no signal"));
    assert!(has("[Service]\nExecStart=/a\nPIDFile=../x\n", "holds `..`"));
    assert!(has("[Service]\nExecStart=/a\nUser=a b\n", "3:7: error: User=: ` ` can't"));
}

#[test]
fn what_is_ours_to_ignore_is_silent() {
    good("[X-Foo]\nbar=1\n[Unit]\nX-Note=1\n[Service]\nX-Y=z\nExecStart=/bin/true\n");
    let target = read("a.target", "[Unit]\nDescription=A\nWants=b.service\n");
    assert_eq!(rendered(&target), "");
    let target = read("a.target", "[Service]\nExecStart=/bin/a\n");
    assert!(!target.is_bad() && rendered(&target).contains("x.service:2:1: warning: ExecStart=: only a service"));
    assert_eq!(target.unit.service, Service::default());
}

#[test]
fn the_table_tells_its_defaults() {
    let unit = Unit::new(UnitName::new("x").expect("name"));
    let shown = settings(&unit);
    for key in keys().filter(|k| k.show.is_some() && !k.default.starts_with('(')) {
        let value = shown.iter().find(|(name, _)| name == key.name).map(|(_, value)| value.as_str());
        assert_eq!(value, Some(key.default), "{}", key.id);
    }
    let mut ids: Vec<_> = keys().map(|k| k.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(keys().all(|k| k.doc.ends_with('.') && k.id == format!("{}.{}", k.section, k.name)));
}

/// Writes a unit as a file, each key in its section; older spellings, of which a note would be made, are left out.
fn written(unit: &Unit) -> String {
    let mut text = String::new();
    for section in ["Unit", "Service", "Install"] {
        text.push_str(&format!("[{section}]\n"));
        for (name, value) in settings(unit) {
            let has = |k: &KeyDoc| k.section == section && k.name == name && k.show.is_some();
            if keys().any(|k| has(k) && !k.doc.starts_with("Older ")) {
                text.push_str(&format!("{name}={value}\n"));
            }
        }
    }
    text
}

proptest! {
    #[test]
    fn a_unit_reads_back_as_shown(
        words in proptest::collection::vec("[a-zA-Z0-9 %$;'\"\\\\ä\t]{0,10}", 0..4),
        value in "[a-z %\"'\\\\=]{0,10}",
        user in "[a-z%]{1,8}",
        nice in -20..20i32,
        soft in 0..1000u64,
        micros in 0..10_000_000_000u64,
        umask in 0..0o7777u32,
        signal in 1..32i32,
        optional: bool,
    ) {
        let mut unit = Unit::new(UnitName::new("x").expect("name"));
        let mut command = vec!["/bin/x".to_owned()];
        command.extend(words);
        let place = Place::default();
        let privilege = [Privilege::Restricted, Privilege::Elevated, Privilege::Full][umask as usize % 3];
        let zeroth = (!optional).then(|| value.as_str().into());
        let command = Command { words: command.iter().collect(), zeroth, ignore_failure: optional, literal: optional, privilege, place };
        unit.service.commands = vec![(ExecKind::Start, command)];
        unit.service.environment = vec![("A".into(), value.clone()), ("B".into(), value)];
        unit.service.user = Some(user);
        unit.service.nice = Some(nice);
        unit.service.umask = umask;
        unit.service.kill_signal = signal;
        unit.service.timing.restart_sec = Duration::from_micros(micros);
        unit.service.working_directory = Some(WorkingDirectory { path: None, optional });
        unit.service.output = Output::Append("/var/log/100%".into());
        unit.service.limits =
            vec![Limit { key: "LimitRTTIME", resource: libc::RLIMIT_RTTIME, soft, hard: u64::MAX }];
        unit.after = vec![UnitName::new("a.target").expect("name"), UnitName::new("b\\x2dc").expect("name")].into();
        unit.runlevels = LevelSet::parse("S24").expect("levels");
        let text = written(&unit);
        let mut parsed = read("x", &text);
        prop_assert!(parsed.findings.is_empty(), "{}\n{}", text, rendered(&parsed));
        parsed.unit.places.clear();
        parsed.unit.files.clear();
        for (_, command) in &mut parsed.unit.service.commands {
            command.place = place;
        }
        prop_assert_eq!(parsed.unit, unit);
    }

    #[test]
    fn any_text_is_taken(text in "\\PC{0,200}") {
        rendered(&read("x", &text));
    }

    #[test]
    fn any_value_is_taken(key in 0..KEYS.len(), value in "[\\PC\\\\%$'\"=:;~@+!\u{0}\n-]{0,30}") {
        let key = &KEYS[key];
        let parsed = read("x@y", &format!("[{}]\n{}={value}\n{}={value}", key.section, key.name, key.name));
        rendered(&parsed);
        settings(&parsed.unit);
    }

    #[test]
    fn any_cut_is_taken(cut in 0..NGINX.len()) {
        rendered(&read("x", &NGINX[..cut]));
    }

    #[test]
    fn findings_are_bounded(lines in 0usize..400) {
        let parsed = read("x", &"[Service]\nA=1\nNice=x\n".repeat(lines));
        prop_assert!(parsed.findings.len() <= 102 && parsed.is_bad());
    }
}
