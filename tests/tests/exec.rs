//! How a process is set up (systemd.exec(5)): real processes tell what they got.

use rung_tests::world::{World, children, deadline, off};

/// Waits for a line in a unit's log.
fn says(world: &World, name: &str, text: &str) {
    let has = |w: &World| w.run(["initctl", "logs", name]).stdout.contains(text).then_some(());
    world.wait_for(text, deadline(10), has);
}

#[test]
fn prefixes() {
    let world = World::new()
        .unit(
            "all.service",
            &off("[Service]\nType=oneshot\nUser=nobody\nEnvironment=A=1\nStandardOutput=append:/run/all\n\
                 ExecStart=@/bin/sh other -c 'echo $$0 ${A}; id -u'\n\
                 ExecStart=:/bin/sh -c 'echo $A ${A}'\n\
                 ExecStart=!/usr/bin/id -u\nExecStart=+/usr/bin/id -u\nExecStart=!!/usr/bin/id -u\n\
                 ExecStart=-:+/bin/sh -c 'id -u; exit 7'\nExecStart=/bin/sh -c 'echo $$# ${NONE}'\n"),
        )
        .boot();
    world.ok(["initctl", "start", "all"]);
    assert_eq!(world.read("/run/all"), "other 1\n65534\n1 1\n0\n0\n65534\n0\n0\n");
    says(&world, "all", "$NONE isn't set");
}

/// A oneshot that runs this in a shell, with its output in `/run/NAME`.
fn tells(name: &str, script: &str, more: &str) -> String {
    off(&format!(
        "[Service]\nType=oneshot\nStandardOutput=truncate:/run/{name}\nExecStart=/bin/sh -c '{script}'\n{more}"
    ))
}

#[test]
fn environment_and_groups() {
    let world = World::new()
        .unit(
            "env.service",
            &tells(
                "env",
                "env; id -G",
                "User=nobody\nSupplementaryGroups=mail 12345\nExecSearchPath=/run/bin:/usr/bin:/bin\n\
                 Environment=A=1 B=%p%%1 bad \"C=x y\" GONE=1\nEnvironmentFile=/run/env.d/*.conf\n\
                 EnvironmentFile=-/run/none\nUnsetEnvironment=GONE B=2 PATH\nSetLoginEnvironment=yes\n",
            ),
        )
        .unit("found.service", &off("[Service]\nType=oneshot\nExecSearchPath=/run/bin\nExecStart=tool\n"))
        .unit("lost.service", &off("[Service]\nExecSearchPath=/run/bin\nExecStart=env\n"))
        .boot();
    world.write("/run/env.d/2.conf", "A=3\nno line\nD='q  r'\n");
    world.write("/run/env.d/1.conf", "A=2\n");
    world.ok(["initctl", "start", "env"]);
    let text = world.read("/run/env");
    for line in ["A=3", "B=env%1", "C=x y", "D=q  r", "USER=nobody", "LOGNAME=nobody", "65534 8 12345"] {
        assert!(text.lines().any(|l| l == line), "no {line} in {text}");
    }
    for name in ["GONE=", "PATH=", "TERM=", "bad"] {
        assert!(!text.lines().any(|l| l.starts_with(name)), "{name} in {text}");
    }
    says(&world, "env", "/run/env.d/2.conf:2 is no `NAME=value`");
    world.write("/run/bin/tool", "#!/bin/sh\necho ran >/run/tool\n");
    world.ok(["chmod", "755", "/run/bin/tool"]);
    world.ok(["initctl", "start", "found"]);
    assert_eq!(world.read("/run/tool"), "ran\n");
    let error = world.fails(1, ["initctl", "start", "lost"]).stderr;
    assert!(error.contains("no program `env` in the folders of ExecSearchPath="), "{error}");
}

#[test]
fn a_root_of_its_own() {
    let world = World::new()
        .unit(
            "in.service",
            &off("[Service]\nType=oneshot\nRootDirectory=/run/r\nRootDirectoryStartOnly=yes\nWorkingDirectory=/sub\n\
                 StandardOutput=append:/run/out\nUser=65534\nExecStart=sh -c 'echo *; pwd'\n\
                 ExecStartPre=+/bin/sh -c 'mkdir -p /sub; echo /run/r/s*'\n"),
        )
        .unit("none.service", &off("[Service]\nRootDirectory=/run/none\nExecStart=/bin/sh\n"))
        .boot();
    // A shell with its libraries is enough of a root.
    world.ok([
        "sh",
        "-c",
        "mkdir -p /run/r/sub /sub; for f in /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*'); do \
        mkdir -p /run/r${f%/*}; cp -L $f /run/r$f; done; touch /run/r/sub/file",
    ]);
    world.ok(["initctl", "start", "in"]);
    assert_eq!(world.read("/run/out"), "/run/r/sub\nfile\n/sub\n");
    let error = world.fails(1, ["initctl", "start", "none"]).stderr;
    assert!(error.contains("RootDirectory=") && error.contains("none.service:2"), "{error}");
}

#[test]
fn folders_of_a_service() {
    let keys = "User=nobody\nRuntimeDirectory=one two/sub:link\nRuntimeDirectoryMode=0750\nStateDirectory=exec-test\n\
                ConfigurationDirectory=exec-test\nStandardOutput=truncate:/run/one/out\n";
    let show = "echo $$RUNTIME_DIRECTORY $$STATE_DIRECTORY $$CONFIGURATION_DIRECTORY; touch /run/link/mine";
    let stays = "[Service]\nRuntimeDirectory=stays\nExecStart=/bin/sleep infinity\n";
    let world = World::new()
        .unit(
            "made.service",
            &off(&format!("[Service]\nType=oneshot\nRemainAfterExit=yes\n{keys}ExecStart=/bin/sh -c '{show}'\n")),
        )
        .unit("no.service", &off(&stays.replace("stays", "no")))
        .unit(
            "restart.service",
            &off(&stays.replace("stays", "restart").replace("Exec", "RuntimeDirectoryPreserve=restart\nExec")),
        )
        .unit("yes.service", &off(&stays.replace("stays", "yes").replace("Exec", "RuntimeDirectoryPreserve=yes\nExec")))
        .unit("twin.service", &off(&stays.replace("stays", "no")))
        .unit("attack.service", &off("[Service]\nRuntimeDirectory=open/x\nExecStart=/bin/sleep infinity\n"))
        .boot();
    let owner = |path: &str| world.ok(["stat", "-c", "%u %a", path]).trim_end().to_owned();
    world.ok(["mkdir", "-p", "/var/lib/exec-test"]);
    world.write("/var/lib/exec-test/old", "");
    world.ok(["initctl", "start", "made"]);
    assert_eq!(world.read("/run/one/out"), "/run/one:/run/two/sub /var/lib/exec-test /etc/exec-test\n");
    assert_eq!(
        (owner("/run/one"), owner("/run/two"), owner("/run/two/sub")),
        ("65534 750".into(), "0 755".into(), "65534 750".into())
    );
    assert_eq!((owner("/var/lib/exec-test"), owner("/etc/exec-test")), ("65534 755".into(), "0 755".into()));
    assert_eq!(owner("/var/lib/exec-test/old"), "65534 644", "what is in it becomes the user's too");
    // When the answer is there the folders are gone; only the innermost, and not those that stay.
    world.ok(["initctl", "stop", "made"]);
    for (path, there) in [("/run/one", false), ("/run/two", true), ("/run/two/sub", false), ("/run/link", false)] {
        assert_eq!(world.run(["test", "-e", path]).code == 0, there, "{path}");
    }
    assert_eq!(world.run(["test", "-e", "/var/lib/exec-test/old"]).code, 0);
    world.ok(["initctl", "start", "no", "restart", "yes"]);
    for name in ["no", "restart", "yes"] {
        world.write(&format!("/run/{name}/mark"), "");
    }
    world.ok(["initctl", "restart", "no", "restart", "yes"]);
    let marked = |name: &str| world.run(["test", "-e", &format!("/run/{name}/mark")]).code == 0;
    assert_eq!((marked("no"), marked("restart"), marked("yes")), (false, true, true));
    assert_eq!(owner("/run/no"), "0 755", "a restart makes it anew");
    // Another unit's folder isn't taken from under it.
    world.ok(["initctl", "start", "twin"]);
    world.ok(["initctl", "stop", "no", "restart", "yes"]);
    let there = |name: &str| world.run(["test", "-e", &format!("/run/{name}")]).code == 0;
    assert_eq!((there("no"), there("restart"), there("yes")), (true, false, true));
    world.ok(["initctl", "stop", "twin"]);
    assert!(!there("no"));
    // A link that anybody could have put there leads nowhere.
    world.ok(["sh", "-c", "mkdir -m 777 /run/open; ln -s /etc /run/open/x"]);
    let error = world.fails(1, ["initctl", "start", "attack"]).stderr;
    assert!(error.contains("RuntimeDirectory=") && error.contains("attack.service:2"), "{error}");
}

#[test]
fn rights_and_scheduling() {
    let script = "cat /proc/self/status; cat /proc/self/timerslack_ns; chrt -p $$$$; ionice; taskset -p $$$$; grep core /proc/self/limits";
    let world = World::new()
        .unit(
            "all.service",
            &tells(
                "all",
                script,
                "User=nobody\nNoNewPrivileges=yes\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_CHOWN\n\
                 CapabilityBoundingSet=~CAP_CHOWN\nAmbientCapabilities=cap_net_bind_service\nNice=5\n\
                 CPUSchedulingPolicy=batch\nIOSchedulingClass=idle\nTimerSlackNSec=1ms\nCPUAffinity=0\nLimitCORE=1M:infinity\n",
            ),
        )
        .unit("full.service", &off("[Service]\nType=oneshot\nUser=nobody\nCapabilityBoundingSet=\nNoNewPrivileges=yes\n\
              StandardOutput=truncate:/run/full\nExecStart=+/bin/cat /proc/self/status\n"))
        .boot();
    world.ok(["initctl", "start", "all", "full"]);
    let text = world.read("/run/all");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = text.lines().map(words).collect();
    for line in [
        "CapInh: 0000000000000400",
        "CapPrm: 0000000000000400",
        "CapEff: 0000000000000400",
        "CapBnd: 0000000000000400",
        "CapAmb: 0000000000000400",
        "NoNewPrivs: 1",
        "Cpus_allowed_list: 0",
        "1000000",
        "idle",
        "Max core file size 1048576 unlimited bytes",
    ] {
        assert!(lines.iter().any(|l| l == line), "no `{line}` in\n{text}");
    }
    assert!(text.contains("SCHED_BATCH"), "{text}");
    let full = world.read("/run/full");
    assert!(full.contains("NoNewPrivs:\t0") && !full.contains("CapBnd:\t0000000000000000"), "{full}");
}

/// The records of the world's utmp or wtmp that are about a process: type, pid, id, line, user.
fn seats(world: &World, path: &str) -> Vec<(i16, i32, String, String, String)> {
    let bytes = std::fs::read(world.path(path)).unwrap_or_default();
    let text = |record: &[u8], from: usize, length: usize| {
        String::from_utf8_lossy(&record[from..from + length]).trim_end_matches('\0').to_owned()
    };
    let records = bytes.chunks_exact(384).map(|r| {
        let kind = i16::from_ne_bytes([r[0], r[1]]);
        (kind, i32::from_ne_bytes([r[4], r[5], r[6], r[7]]), text(r, 40, 4), text(r, 8, 32), text(r, 44, 32))
    });
    records.filter(|r| (5..=8).contains(&r.0)).collect()
}

#[test]
fn who_sits_at_a_terminal_is_written_down() {
    let seat = |mode: &str| {
        off(&format!(
            "[Service]\nExecStart=/bin/sleep inf\nExecStop=/bin/true\nTTYPath=/dev/nowhere9\nTTYReset=yes\n\
             TTYVTDisallocate=yes\nUtmpIdentifier=no%p\nUtmpMode={mode}\nUser=root\n"
        ))
    };
    let world = World::new().unit("getty.service", &seat("init")).unit("desk.service", &seat("user")).boot();
    world.ok(["sh", "-c", ">/run/utmp; mkdir -p /var/log; >/var/log/wtmp"]);
    world.ok(["initctl", "start", "getty", "desk"]);
    let (getty, desk) = (world.main_of("getty"), world.main_of("desk"));
    let record = |kind, pid, id: &str, line: &str, user: &str| (kind, pid, id.into(), line.into(), user.into());
    let wanted = [record(5, getty, "etty", "nowhere9", ""), record(7, desk, "desk", "nowhere9", "root")];
    let sorted = |w: &World, path| {
        let mut all = seats(w, path);
        all.sort();
        all
    };
    world.wait_for("both seats", deadline(20), |w| (sorted(w, "/run/utmp") == wanted).then_some(()));
    // Whoever is told to a new manager is written down already.
    world.kill_manager(nix::sys::signal::Signal::SIGKILL);
    world.ok(["initctl", "stop", "desk"]);
    let gone = [wanted[0].clone(), record(8, desk, "desk", "nowhere9", "")];
    world.wait_for("an end", deadline(20), |w| (sorted(w, "/run/utmp") == gone).then_some(()));
    // wtmp is written after utmp.
    let kinds = |w: &World| seats(w, "/var/log/wtmp").iter().filter(|r| r.1 == desk).map(|r| r.0).collect::<Vec<_>>();
    world.wait_for("all of it in wtmp", deadline(20), |w| (kinds(w) == [5, 6, 7, 8]).then_some(()));
}

#[test]
fn run_time_folders_go_though_the_manager_dies_meanwhile() {
    let fill = "cd /run/full && seq 60000 | xargs touch && exec sleep inf";
    let unit = format!("[Service]\nRuntimeDirectory=full\nExecStart=/bin/sh -c '{fill}'\n");
    let world = World::new().unit("full.service", &off(&unit)).boot();
    let there = |w: &World| w.path("/run/full").exists();
    world.ok(["initctl", "start", "full"]);
    world.wait_for("files", deadline(60), |w| w.path("/run/full/60000").exists().then_some(()));
    world.ok(["initctl", "stop", "full", "--no-wait"]);
    // The child that removes them is still PID 1's own program.
    let comm = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let remover = world.wait_for("the removal", deadline(60), |w| {
        let found = children(w.init()).into_iter().find(|pid| comm(*pid) == "init\n");
        if there(w) { found.map(Some) } else { Some(None) }
    });
    world.kill_manager(nix::sys::signal::Signal::SIGKILL);
    if let Some(pid) = remover {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
    }
    world.wait_for("the removal by the next manager", deadline(60), |w| (!there(w)).then_some(()));
}

#[test]
fn the_last_line_of_what_remains_needs_no_newline() {
    let unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'printf done'\n";
    let world = World::new().unit("once.service", &off(unit)).boot();
    world.ok(["initctl", "start", "once"]);
    says(&world, "once", "done");
    assert_eq!(world.status("once")["state"], "active");
}
