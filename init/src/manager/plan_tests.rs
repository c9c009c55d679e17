//! Plans to the letter, and the sentences about their failures.
use super::*;
use crate::proto::pid1::STAGE_FORK;
use crate::proto::plan::Steps;
use crate::unit::accounts::Accounts;
use crate::unit::{Facts, SourceFile, UnitName, parse};
use proptest::prelude::*;

fn unit(text: &str) -> Unit {
    let name = UnitName::new("x").expect("name");
    let file = SourceFile { path: "/etc/rung/units/x.service".into(), text: text.into() };
    let parsed = parse(&name, Source::Native, &file, &[], &Facts::default());
    assert!(!parsed.is_bad(), "{:?}", parsed.findings);
    parsed.unit
}

proptest! {
    #[test]
    fn words_and_variables_reach_the_program(
        words in proptest::collection::vec("[\\PC\t]{0,8}", 0..5),
        values in proptest::collection::vec("[\\PC\n]{0,8}", 0..3),
    ) {
        let mut unit = unit("[Service]\nExecStart=/bin/x\n");
        unit.service.environment = values.iter().enumerate().map(|(i, v)| (format!("V{i}"), v.clone())).collect();
        unit.service.commands[0].1.words = ["/bin/x"].into_iter().chain(words.iter().map(String::as_str)).collect();
        let compiled = compiled(&unit, ExecKind::Start, |_| {}).expect("plan");
        let last = Steps::new(&compiled.bytes).expect("header").last().expect("steps").expect("step");
        let Step::Exec { args, env, .. } = last else { panic!("{last:?}") };
        let read: Vec<_> = args.iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
        if words.iter().all(|w| !w.contains('$')) {
            prop_assert_eq!(read, words);
        }
        for (index, value) in values.iter().enumerate() {
            let entry = format!("V{index}={value}");
            prop_assert!(env.iter().any(|e| e.to_bytes() == entry.as_bytes()));
        }
    }
}

/// Compiles the first command of a kind after `change`.
fn compiled(unit: &Unit, kind: ExecKind, change: impl FnOnce(&mut Inputs<'_>)) -> Result<Compiled, String> {
    let accounts = Accounts::parse(
        "www:x:33:33::/var/www:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n",
        "ssl:x:110:www\n",
    );
    let service = &unit.service;
    let identity = accounts
        .identity(service.user.as_deref(), service.group.as_deref(), &service.exec.supplementary_groups)
        .expect("accounts");
    let inherited = [("TERM", "xterm"), ("PASSED", "p"), ("KEPT", "k")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let base = [("LANG".to_owned(), "C.UTF-8".to_owned())];
    let mut inputs = Inputs {
        unit,
        kind,
        command: service.commands(kind).next().expect("command"),
        identity: &identity,
        env_files: &[],
        base_env: &base,
        inherited: &inherited,
        invocation: None,
        main_pid: None,
        notify_socket: None,
        cgroup: None,
        cgroup_required: false,
        stdio: Stdio { output: Some(0), error: Some(1), ..Stdio::default() },
        nofile: None,
        terminal: None,
        resolve: &|name| (name == "true").then(|| "/usr/bin/true".into()),
    };
    change(&mut inputs);
    compile(&inputs)
}

fn plan(unit: &Unit, change: impl FnOnce(&mut Inputs<'_>)) -> String {
    let compiled = compiled(unit, ExecKind::Start, change).expect("plan");
    let steps: Vec<_> = Steps::new(&compiled.bytes).expect("header").map(|s| s.expect("step")).collect();
    assert_eq!(steps.len(), compiled.sites.len());
    lines(&compiled.bytes).join("\n")
}

#[test]
fn a_plain_service() {
    let text = plan(&unit("[Service]\nExecStart=true -a '$HOME' ${LANG}\n"), |_| {});
    assert_eq!(
        text,
        "begin a session\nsignals: all to their defaults, ignore SIGPIPE\n\
         descriptor 0: open /dev/null (read and write)\ndescriptor 1: number 0 of those passed\n\
         descriptor 2: number 1 of those passed\numask 0022\nfolder /\na session keyring of its own\n\
         environment: SYSTEMD_EXEC_PID: its own pid\n\
         environment: PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nenvironment: LANG=C.UTF-8\n\
         execute /usr/bin/true as: true -a C.UTF-8"
    );
}

/// None is lost that comes before it reads them, and none ends it.
#[test]
fn the_listeners_signals_stay_blocked() {
    let unit = unit("[Service]\nExecStart=/usr/lib/rung/sysv fifo\n");
    let text = plan(&unit, |i| i.stdio.listen = Some(2));
    assert!(!text.contains("signals:"), "{text}");
    assert!(text.contains("\ndescriptor 3: number 2 of those passed\n"), "{text}");
    assert!(plan(&unit, |_| {}).contains("\nsignals: all to their defaults"));
}

#[test]
fn everything_in_its_order() {
    let unit = unit(
        "[Service]\nUser=www\nNice=-5\nOOMScoreAdjust=-900\nUMask=077\nLimitNOFILE=10:20\nLimitNPROC=5\nLimitRTTIME=1s\n\
         WorkingDirectory=-~\nEnvironment=A=1 LANG=de \"O=-x '1 2'\"\nExecStart=/bin/x $O ${A}$$ $MAINPID\n\
         StandardOutput=append:/var/log/x\nStandardError=append:/var/log/x\n",
    );
    let files: &[_] = Box::leak(Box::new([("A".to_owned(), "2".to_owned())]));
    let text = plan(&unit, |i| {
        i.env_files = files;
        i.main_pid = Some(7);
        i.notify_socket = Some("/run/n");
        i.invocation = Some("abc");
        i.cgroup = Some(Path::new("/sys/fs/cgroup/x.service"));
        i.nofile = Some((1, 2));
    });
    assert_eq!(
        text,
        "begin a session\nsignals: all to their defaults, ignore SIGPIPE\nlimit NPROC: 5:5\nlimit NOFILE: 10:20\n\
         limit RTTIME: 1000000:1000000\nnice -5\nOOM score -900\n\
         join cgroup /sys/fs/cgroup/x.service (if possible)\ndescriptor 0: open /dev/null (read and write)\n\
         descriptor 1: open /var/log/x (append)\ndescriptor 2: as descriptor 1\numask 0077\n\
         folder /var/www (if it exists)\ngroups 33 110\ngroup 33\nuser 33\na session keyring of its own\n\
         environment: SYSTEMD_EXEC_PID: its own pid\n\
         environment: PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nenvironment: LANG=de\n\
         environment: USER=www\nenvironment: LOGNAME=www\nenvironment: HOME=/var/www\nenvironment: SHELL=/bin/sh\n\
         environment: INVOCATION_ID=abc\nenvironment: NOTIFY_SOCKET=/run/n\n\
         environment: MAINPID=7\nenvironment: A=2\nenvironment: \"O=-x '1 2'\"\n\
         execute /bin/x as: /bin/x -x \"1 2\" 2$ 7"
    );
}

#[test]
fn prefixes_give_a_name_keep_variables_and_lift_restrictions() {
    let exec = |command: &str| {
        let all = plan(&unit(&format!("[Service]\nUser=www\nLimitNPROC=5\nEnvironment=A=1\n{command}\n")), |_| {});
        let who = ["limit NPROC", "groups", "group ", "user "].map(|l| all.contains(&format!("\n{l}")));
        (all.lines().last().expect("a line").to_owned(), who)
    };
    let run = |text: &str| format!("execute /bin/x as: {text}");
    assert_eq!(exec("ExecStart=@/bin/x login-${A} $A"), (run("login-1 1"), [true; 4]));
    assert_eq!(exec("ExecStart=:/bin/x $A ${A} $$"), (run("/bin/x $A ${A} $$"), [true; 4]));
    assert_eq!(exec("ExecStart=!/bin/x"), (run("/bin/x"), [true, false, false, false]));
    assert_eq!(exec("ExecStart=!!/bin/x"), (run("/bin/x"), [true; 4]));
    assert_eq!(exec("ExecStart=+-@:/bin/x $y $z"), (run("$y $z"), [false; 4]));
    let compiled = compiled(&unit("[Service]\nExecStart=/bin/x $NONE a\n"), ExecKind::Start, |_| {}).expect("plan");
    assert_eq!(
        compiled.notes,
        ["ExecStart= (/etc/rung/units/x.service:2): $NONE isn't set: nothing is put in its place"]
    );
}

#[test]
fn the_environment_in_its_order() {
    let environment = |text: &str| {
        let all = plan(&unit(&format!("[Service]\nExecStart=/bin/x\n{text}")), |i| {
            i.env_files = Box::leak(Box::new([("B".to_owned(), "file".to_owned())]));
        });
        let entries = all.lines().filter_map(|l| l.strip_prefix("environment: "));
        entries.filter(|e| !e.contains("EXEC_PID")).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8";
    assert_eq!(environment("Environment=A=1 B=2 A=3\n"), format!("{PATH} A=3 B=file"));
    assert_eq!(
        environment("PassEnvironment=PASSED NONE KEPT\nEnvironment=KEPT=mine\nUnsetEnvironment=B LANG=de\n"),
        format!("{PATH} PASSED=p KEPT=mine")
    );
    assert_eq!(
        environment("ExecSearchPath=/a:/b\nExecSearchPath=/c\nPIDFile=x.pid\nUnsetEnvironment=LANG=C.UTF-8\n"),
        "PATH=/a:/b:/c PIDFILE=/run/x.pid B=file"
    );
    assert_eq!(
        environment("SetLoginEnvironment=yes\n"),
        format!("{PATH} USER=root LOGNAME=root HOME=/root SHELL=/bin/sh B=file")
    );
    assert_eq!(environment("User=nobody\nSetLoginEnvironment=no\n"), format!("{PATH} B=file"));
    assert_eq!(environment("User=nobody\n"), format!("{PATH} USER=nobody LOGNAME=nobody B=file"));
    for (terminal, term) in [("/dev/console", "xterm"), ("/dev/tty3", "linux"), ("/dev/ttyS0", "vt220")] {
        let text = format!("StandardInput=tty\nTTYPath={terminal}\n");
        assert_eq!(environment(&text), format!("{PATH} TERM={term} B=file"));
    }
}

#[test]
fn a_root_of_its_own_and_further_groups() {
    let text = "[Service]\nUser=www\nSupplementaryGroups=7 ssl\nRootDirectory=/srv/r\nWorkingDirectory=/w\n\
                ExecStart=/bin/x\nExecStop=/bin/y\n";
    let part = |text: &str, kind| {
        let compiled = compiled(&unit(text), kind, |_| {}).expect("plan");
        let lines = lines(&compiled.bytes);
        let begins = ["root", "folder", "group", "user"];
        let lines = lines.into_iter().filter(|l| begins.iter().any(|b| l.starts_with(b)));
        lines.collect::<Vec<_>>().join(" | ")
    };
    let inside = "root folder /srv/r | folder /w | groups 33 110 7 | group 33 | user 33";
    assert_eq!((part(text, ExecKind::Start), part(text, ExecKind::Stop)), (inside.to_owned(), inside.to_owned()));
    let only_start = format!("{text}RootDirectoryStartOnly=yes\nPermissionsStartOnly=yes\n");
    assert_eq!(part(&only_start, ExecKind::Start), inside);
    assert_eq!(part(&only_start, ExecKind::Stop), "folder /w");
}

#[test]
fn folders_come_before_streams_and_rights_around_the_user() {
    let all = plan(
        &unit(
            "[Service]\nUser=www\nExecStart=/bin/x\nLogsDirectory=x:y/z\nConfigurationDirectory=x\nLogsDirectoryMode=0700\n\
             StandardOutput=append:/var/log/x/out\nAmbientCapabilities=CAP_KILL CAP_CHOWN\n\
             CapabilityBoundingSet=CAP_KILL CAP_SETUID\nSecureBits=noroot\nNoNewPrivileges=yes\nKeyringMode=inherit\n\
             CPUSchedulingPolicy=rr\nCPUSchedulingPriority=9\nCPUAffinity=1 3-4,9\nIOSchedulingPriority=2\n",
        ),
        |_| {},
    );
    let lines: Vec<_> =
        all.lines().filter(|l| !l.starts_with("descriptor") && !l.starts_with("environment: ")).collect();
    assert_eq!(
        lines[2..],
        [
            "scheduling policy rr, priority 9",
            "CPUs 1 3 4 9",
            "I/O priority: class 2, level 2",
            "make the folder /var/log/x, mode 0700, user 33, group 33",
            "make the link /var/log/y/z to ../x",
            "make the folder /etc/x, mode 0755, left as it is if it is there",
            "umask 0022",
            "folder /",
            "secure bits 0x1",
            "capabilities: at most CAP_KILL CAP_SETUID",
            "keep capabilities over the change of the user",
            "groups 33 110",
            "group 33",
            "user 33",
            "ambient capabilities: CAP_KILL",
            "no new privileges",
            "execute /bin/x as: /bin/x",
        ]
    );
    assert!(all.contains("LOGS_DIRECTORY=/var/log/x\nenvironment: CONFIGURATION_DIRECTORY=/etc/x"), "{all}");
    let removal =
        unit("[Service]\nExecStart=/a\nRuntimeDirectory=a/b:c\nStateDirectory=d\nTTYPath=/dev/tty9\nTTYReset=yes\n");
    let lines =
        |terminal, folders| clearing(&removal, terminal, folders).map(|bytes| super::lines(&bytes)[2..].to_vec());
    assert_eq!(lines(false, true).expect("a plan"), ["remove /run/a/b", "remove /run/c", "end"]);
    assert_eq!(lines(true, false).expect("a plan"), ["terminal /dev/tty9: reset", "end"]);
    assert_eq!(lines(false, false), None);
}

#[test]
fn the_three_streams() {
    let streams = |text: &str, change: &dyn Fn(&mut Inputs<'_>)| {
        let unit = unit(&format!("[Service]\nExecStart=/bin/x\n{text}"));
        let all = plan(&unit, |i| change(i));
        all.lines().filter(|l| l.starts_with("descriptor")).map(|l| l[11..].to_owned()).collect::<Vec<_>>().join(" | ")
    };
    let none = |_: &mut Inputs<'_>| {};
    assert_eq!(
        streams(
            "StandardInput=tty-force\nStandardOutput=inherit\nTTYPath=/dev/tty1\nTTYReset=yes\nTTYVHangup=yes\n",
            &none
        ),
        "0: terminal /dev/tty1, by force | 1: as descriptor 0 | 2: as descriptor 1"
    );
    assert_eq!(
        streams("StandardOutput=tty\n", &none),
        "0: open /dev/null (read and write) | 1: open /dev/console (read and write) | 2: as descriptor 1"
    );
    assert_eq!(
        streams("StandardOutput=null\nStandardError=log\n", &none),
        "0: open /dev/null (read and write) | 1: as descriptor 0 | 2: number 1 of those passed"
    );
    assert_eq!(
        streams("StandardInput=file:/in\nStandardOutput=truncate:/out\nStandardError=null\n", &none),
        "0: open /in (read) | 1: open /out (empty it, write) | 2: open /dev/null (read and write)"
    );
    let no_error = |i: &mut Inputs<'_>| i.stdio = Stdio { input: Some(3), output: Some(0), ..Stdio::default() };
    assert_eq!(
        streams("", &no_error),
        "0: number 3 of those passed | 1: number 0 of those passed | 2: as descriptor 1"
    );
}

#[test]
fn what_runs_beside_the_main_process_leaves_it_the_terminal() {
    let text =
        "[Service]\nExecStart=/bin/x\nExecStop=/bin/y\nExecStopPost=/bin/z\nStandardInput=tty\nTTYPath=/dev/tty1\n";
    let streams = |unit: &Unit, kind| {
        let lines = lines(&compiled(unit, kind, |_| {}).expect("plan").bytes);
        lines.into_iter().filter(|l| l.starts_with("descriptor")).collect::<Vec<_>>().join(" | ")
    };
    let own = "descriptor 0: terminal /dev/tty1 | descriptor 1: as descriptor 0 | descriptor 2: as descriptor 1";
    let beside = "descriptor 0: open /dev/null (read and write) | descriptor 1: open /dev/tty1 (read and write) | \
                  descriptor 2: as descriptor 1";
    let mut unit = unit(&format!("{text}StandardOutput=inherit\n"));
    for (kind, expected) in [(ExecKind::Start, own), (ExecKind::Stop, beside), (ExecKind::StopPost, own)] {
        assert_eq!(streams(&unit, kind), expected, "{kind:?}");
    }
    unit.service.kind = ServiceType::Script;
    assert_eq!(streams(&unit, ExecKind::Stop), own, "a script may ask");
}

#[test]
fn a_terminal_is_made_ready_for_what_works_at_it() {
    let unit = unit(
        "[Service]\nExecStartPre=/bin/w\nExecStart=/bin/x\nExecStop=/bin/y\nTTYPath=/dev/tty1\nTTYReset=yes\n\
         TTYVHangup=yes\nTTYVTDisallocate=yes\n",
    );
    let prepared = |kind| {
        let bytes = compiled(&unit, kind, |_| {}).expect("plan").bytes;
        let lines = lines(&bytes);
        let at = |word: &str| lines.iter().position(|l| l.starts_with(word));
        at("terminal").map(|n| {
            assert!(at("begin a session") < Some(n) && Some(n) < at("descriptor 0"), "{lines:#?}");
            lines[n].clone()
        })
    };
    let all = Some("terminal /dev/tty1: hang up, reset, free or clear".to_owned());
    assert_eq!((prepared(ExecKind::StartPre), prepared(ExecKind::Start)), (all.clone(), all));
    assert_eq!(prepared(ExecKind::Stop), None, "it would take it from the main process");
}

#[test]
fn a_container_command_keeps_what_it_was_given() {
    let mut unit = unit("[Service]\nExecStart=/bin/x\n");
    unit.source = Source::Generated;
    (unit.service.input, unit.service.output, unit.service.error) = (Input::Inherit, Output::Raw, Output::Raw);
    let fds =
        |i: &mut Inputs<'_>| i.stdio = Stdio { input: Some(0), output: Some(1), error: Some(2), ..Stdio::default() };
    let text = plan(&unit, fds);
    assert!(text.starts_with("signals: all to their defaults\ndescriptor 0: number 0 of"), "{text}");
    assert!(text.contains("foreground") && !text.contains("session"), "{text}");
    assert!(!text.contains("folder"), "{text}");
    let text = plan(&unit, |i| {
        fds(i);
        i.terminal = Some(Path::new("/dev/pts/0"));
    });
    assert!(text.contains("descriptor 0: terminal /dev/pts/0\ndescriptor 1: number 1"), "{text}");
}

#[test]
fn failures_name_key_place_and_remedy() {
    let unit = unit("[Service]\nUser=www\nWorkingDirectory=/srv\nExecStart=/bin/x\nLimitNOFILE=5\n");
    let Compiled { bytes, sites, .. } = compiled(&unit, ExecKind::Start, |_| {}).expect("plan");
    let stage = |wanted: &str| {
        let at = sites.iter().position(|s| s.doing.starts_with(wanted)).expect(wanted);
        u16::try_from(at).expect("few")
    };
    let say = |wanted: &str, errno| failure_sentence(&unit, &sites, stage(wanted), errno);
    assert_eq!(
        say("run", libc::ENOENT),
        "ExecStart= (/etc/rung/units/x.service:4): cannot run /bin/x: No such file or directory; \
         check the path, and for a script the interpreter its first line names"
    );
    assert_eq!(
        say("enter", libc::ENOENT),
        "WorkingDirectory= (/etc/rung/units/x.service:3): cannot enter the folder /srv: No such file or directory; \
         make the folder, or write `-` before it to go on without it"
    );
    assert!(say("become user", libc::EPERM).starts_with("User= (/etc/rung/units/x.service:2): cannot become user 33"));
    assert_eq!(say("set the umask", 5), "UMask=: cannot set the umask: Input/output error");
    assert!(say("set the limit", libc::EPERM).contains("x.service:5): cannot set the limit"));
    assert_eq!(
        say("open", libc::EMFILE),
        "StandardInput=: cannot open /dev/null: Too many open files; raise the unit's LimitNOFILE=, or the limit on \
         open files (ulimit -n) of what starts process 1"
    );
    assert_eq!(
        failure_sentence(&unit, &sites, STAGE_FORK, libc::EAGAIN),
        "x: cannot start a process: Resource temporarily unavailable; check how many processes run and what limits them (pids.max, ulimit -u)"
    );
    assert_eq!(
        failure_sentence(&unit, &sites, 99, 9999),
        "x: step 99 of starting the process failed: Unknown error 9999"
    );
    for cut in 0..bytes.len() {
        lines(&bytes[..cut]);
    }
}

#[test]
fn what_cannot_be_planned_is_said() {
    let nowhere = unit("[Service]\nExecStart=nowhere\n");
    assert_eq!(
        compiled(&nowhere, ExecKind::Start, |_| {}).expect_err("unknown"),
        "ExecStart= (/etc/rung/units/x.service:2): there is no program `nowhere` in PATH; install it, or write its full path"
    );
    let homeless = unit("[Service]\nUser=12\nWorkingDirectory=~\nExecStart=/bin/x\n");
    assert!(
        compiled(&homeless, ExecKind::Start, |_| {}).expect_err("home").contains("x.service:3): the user has no home")
    );
    let long = unit(&format!("[Service]\nExecReload=/bin/x {}\nExecStart=/bin/x\n", "a".repeat(MAX_LEN)));
    let error = compiled(&long, ExecKind::Reload, |_| {}).expect_err("long");
    assert!(error.starts_with("ExecReload= (/etc/rung/units/x.service:2): arguments and environment"), "{error}");
}
