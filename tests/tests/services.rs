//! Services under the real programs: how each type starts, what it runs with, and how it ends.

use rung_tests::world::{World, deadline, helper, off};

/// A service whose main process stays; started when it is executed.
fn sleeper(more: &str) -> String {
    off(&format!("[Service]\nType=exec\nExecStart=/bin/sleep infinity\n{more}"))
}

fn once(script: &str, more: &str) -> String {
    off(&format!("[Service]\nType=oneshot\nExecStart=/bin/sh -c '{script}'\n{more}"))
}

#[test]
fn simple_and_exec() {
    let world = World::new()
        .unit("simple.service", &off("[Service]\nExecStart=/bin/sleep infinity\n"))
        .unit("exec.service", &sleeper(""))
        .unit("gone.service", "[Service]\nType=exec\nExecStart=/no/such/program\n[Install]\nRunlevels=\n")
        .unit("script.service", "[Service]\nType=exec\nExecStart=/run/not-executable\n[Install]\nRunlevels=\n")
        .unit("many.service", &sleeper("ExecStart=/bin/true\n"))
        .boot();
    assert_eq!(world.state("simple"), ("inactive".to_owned(), 0));
    world.ok(["initctl", "start", "simple", "exec"]);
    for name in ["simple", "exec"] {
        let pid = world.main_of(name);
        // A simple one counts as started when it is forked.
        let cmdline = format!("/proc/{pid}/cmdline");
        world.wait_for(name, deadline(5), |w| (w.read(&cmdline) == "/bin/sleep\0infinity\0").then_some(()));
        // A session of its own, led by the main process.
        let stat = world.read(&format!("/proc/{pid}/stat"));
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        assert_eq!((fields[1], fields[3]), ("1", pid.to_string().as_str()), "its parent is PID 1: {stat}");
    }
    let out = world.fails(1, ["initctl", "start", "gone"]);
    for word in ["could not start gone", "ExecStart=", "gone.service:3", "/no/such/program"] {
        assert!(out.stderr.contains(word), "no `{word}` in:\n{}", out.stderr);
    }
    world.write("/run/not-executable", "#!/bin/sh\n");
    let out = world.fails(1, ["initctl", "start", "script"]);
    assert!(out.stderr.contains("/run/not-executable") && out.stderr.contains("script.service:3"), "{}", out.stderr);
    assert_eq!(world.state("gone").0, "failed");
    // More than one ExecStart= is for one-shots.
    let out = world.fails(1, ["initctl", "start", "many"]);
    assert!(out.stderr.contains("many.service") && out.stderr.contains("ExecStart="), "{}", out.stderr);
    // Who started twice runs once; what is stopped twice is stopped.
    let pid = world.main_of("simple");
    world.ok(["initctl", "start", "simple"]);
    assert_eq!(world.main_of("simple"), pid);
    world.ok(["initctl", "stop", "simple"]);
    assert!(!world.lives(pid));
    world.ok(["initctl", "stop", "simple"]);
    assert_eq!(world.state("simple"), ("inactive".to_owned(), 0), "ended by its stop signal is no failure");
}

#[test]
fn forking() {
    let daemon = |name: &str, more: &str| {
        let line = format!("/bin/sh -c 'sleep infinity & echo $$! >/run/{name}.pid'");
        off(&format!("[Service]\nType=forking\nExecStart={line}\n{more}"))
    };
    let world = World::new()
        .unit("file.service", &daemon("file", "PIDFile=/run/file.pid\n"))
        .unit("guess.service", &daemon("guess", ""))
        .unit(
            "late.service",
            &off("[Service]\nType=forking\nPIDFile=late.pid\nExecStart=/bin/sh -c '(sleep 0.2; sleep infinity & \
                  echo $$! >/run/late.pid; wait) &'\n"),
        )
        .unit("bad.service", &off("[Service]\nType=forking\nExecStart=/bin/sh -c 'exit 4'\n"))
        .unit(
            "liar.service",
            &off("[Service]\nType=forking\nPIDFile=/run/liar.pid\nTimeoutStartSec=400ms\n\
                  ExecStart=/bin/sh -c 'echo 1 >/run/liar.pid'\n"),
        )
        .boot();
    for name in ["file", "guess", "late"] {
        world.ok(["initctl", "start", name]);
        let pid = world.main_of(name);
        assert_eq!(world.read(&format!("/run/{name}.pid")).trim(), pid.to_string(), "{name}");
        // The shell's child, which has yet to become its program.
        let comm = format!("/proc/{pid}/comm");
        world.wait_for(name, deadline(5), |w| (w.read(&comm) == "sleep\n").then_some(()));
    }
    let out = world.fails(1, ["initctl", "start", "bad"]);
    assert!(out.stderr.contains("exited with status 4"), "{}", out.stderr);
    // Its end is seen and told, though Rung didn't start that very process.
    let pid = world.main_of("guess");
    world.ok(["kill", "-9", &pid.to_string()]);
    world.until("guess", "failed");
    assert!(world.show("guess", "Reason").contains("SIGKILL"), "{}", world.show("guess", "Reason"));
    let pid = world.main_of("file");
    world.ok(["initctl", "stop", "file"]);
    assert!(!world.lives(pid));
    // A PID file that names a process of somebody else counts for nothing.
    let out = world.fails(1, ["initctl", "start", "liar"]);
    assert!(out.stderr.contains("liar"), "{}", out.stderr);
    assert_eq!(world.state("liar"), ("failed".to_owned(), 0));
}

#[test]
fn oneshot() {
    let lines = |name: &str, lines: &[&str], more: &str| {
        let lines: String = lines.iter().map(|l| format!("ExecStart={}\n", l.replace("OUT", name))).collect();
        off(&format!("[Service]\nType=oneshot\n{lines}{more}"))
    };
    let say = |word: &str, status: i32| format!("/bin/sh -c 'echo {word} >>/run/OUT; exit {status}'");
    let (a, b, c) = (say("a", 0), say("b", 0), say("c", 3));
    let world = World::new()
        .unit(
            "kept.service",
            &lines("kept", &[&a, &b], "RemainAfterExit=yes\nExecStop=/bin/sh -c 'echo z >>/run/kept'\n"),
        )
        .unit("done.service", &lines("done", &[&a, &b], ""))
        .unit("broken.service", &lines("broken", &[&a, &c, &b], "ExecStopPost=/bin/sh -c 'echo post >>/run/broken'\n"))
        .unit("tolerant.service", &lines("tolerant", &[&a, &format!("-{c}"), &b], ""))
        .unit("missing.service", &lines("missing", &["-/no/such/program", &b], ""))
        .boot();
    world.ok(["initctl", "start", "kept"]);
    assert_eq!(world.read("/run/kept"), "a\nb\n");
    assert_eq!(world.state("kept"), ("active".to_owned(), 0));
    assert_eq!(world.show("kept", "SubState"), "exited");
    world.ok(["initctl", "start", "kept"]);
    assert_eq!(world.read("/run/kept"), "a\nb\n", "it is active already");
    world.ok(["initctl", "restart", "kept"]);
    assert_eq!(world.read("/run/kept"), "a\nb\nz\na\nb\n");
    for _ in 0..2 {
        world.ok(["initctl", "start", "done"]);
        assert_eq!(world.state("done"), ("inactive".to_owned(), 0));
    }
    assert_eq!(world.read("/run/done"), "a\nb\na\nb\n");
    let out = world.fails(1, ["initctl", "start", "broken"]);
    assert_eq!(world.read("/run/broken"), "a\nc\npost\n");
    assert!(out.stderr.contains("broken.service:4") && out.stderr.contains("status 3"), "{}", out.stderr);
    world.ok(["initctl", "start", "tolerant", "missing"]);
    assert_eq!(world.read("/run/tolerant"), "a\nc\nb\n");
    assert_eq!(world.read("/run/missing"), "b\n");
}

#[test]
fn notify() {
    let world = World::new()
        .unit(
            "full.service",
            &off("[Service]\nType=notify\nNotifyAccess=all\nTimeoutStartSec=10s\nExecStart=/bin/sh /run/full.sh\n"),
        )
        .unit("never.service", &off("[Service]\nType=notify\nTimeoutStartSec=300ms\nExecStart=/bin/sleep infinity\n"))
        .unit("early.service", &off("[Service]\nType=notify\nExecStart=/bin/sh -c 'exit 5'\n"))
        .boot();
    rung_tests::copy_program(helper("world-notify"), world.path("/run/notify")).expect("a copy");
    // Garbage first; then another main process; ready only on a word of ours.
    world.write(
        "/run/full.sh",
        "echo $$ >/run/shell\nmkfifo /run/go; exec 3<>/run/go\n\
         sleep infinity &\n\
         /run/notify '' '=' 'READY' 'READY=0' \"$(printf '\\377\\376\\n\\n=x')\" 'NO SUCH=1' 'MAINPID=x' 'MAINPID=1' \
         'MAINPID=99999999' 'STATUS=warming up'\n\
         echo garbage >/run/said; read x <&3\n\
         /run/notify \"$(printf 'STATUS=half\\nREADY=1\\nSTATUS=at your service\\nMAINPID=%d\\n' $!)\"\n\
         read x <&3; /run/notify STOPPING=1; echo said >>/run/said; read x <&3\n\
         kill $!; exit 0\n",
    );
    world.ok(["initctl", "start", "--no-wait", "full"]);
    world.line("/run/said", "garbage");
    let shell: i32 = world.read("/run/shell").trim().parse().unwrap();
    world.wait_for("the status", deadline(5), |w| (w.show("full", "StatusText") == "warming up").then_some(()));
    assert_eq!(world.state("full"), ("activating".to_owned(), shell), "nothing there said that it is ready");
    world.ok(["sh", "-c", "echo >/run/go"]);
    world.ok(["initctl", "wait", "full", "--timeout", "5"]);
    let main = world.main_of("full");
    assert_ne!(main, shell);
    assert_eq!(world.read(&format!("/proc/{main}/comm")), "sleep\n");
    assert_eq!(world.show("full", "StatusText"), "at your service");
    assert!(world.ok(["initctl", "status", "full"]).contains("at your service"));
    world.ok(["sh", "-c", "echo >/run/go"]);
    world.line("/run/said", "said");
    world.until("full", "deactivating");
    world.ok(["sh", "-c", "echo >/run/go"]);
    world.until("full", "inactive");
    let out = world.fails(1, ["initctl", "start", "never"]);
    assert!(out.stderr.contains("TimeoutStartSec="), "{}", out.stderr);
    assert_eq!(world.state("never"), ("failed".to_owned(), 0));
    let out = world.fails(1, ["initctl", "start", "early"]);
    assert!(out.stderr.contains("exited with status 5"), "{}", out.stderr);
}

#[test]
fn commands_around_the_main_one() {
    let around = |main: &str, pre: &str, post: &str| {
        let say = |word: &str| format!("/bin/sh -c 'echo {word}:$$MAINPID:${{SERVICE_X}} >>/run/order'");
        off(&format!(
            "[Service]\nEnvironment=SERVICE_X=x\nType=simple\nExecStartPre={}\nExecStartPre={pre}\nExecStart={main}\n\
             ExecStartPost={}\nExecStartPost={post}\nExecReload={}\nExecReload=/bin/kill -HUP $MAINPID\nExecStop={}\n\
             ExecStopPost={}\n",
            say("pre"),
            say("started"),
            say("reload"),
            say("stop"),
            say("post")
        ))
    };
    let hup = "/bin/sh -c 'trap \"echo hup >>/run/order\" HUP; while :; do sleep infinity & wait; kill $$!; done'";
    let world = World::new()
        .unit("all.service", &around(hup, "-/bin/false", "/bin/true"))
        .unit("pre.service", &around("/bin/sleep infinity", "/bin/false", "/bin/true"))
        .unit("post.service", &around("/bin/sleep infinity", "/bin/true", "/bin/false"))
        .unit("dies.service", &around("/bin/sh -c 'read x </run/die; exit 9'", "/bin/true", "/bin/true"))
        .unit("plain.service", &sleeper(""))
        .unit("badreload.service", &sleeper("ExecReload=/bin/sh -c 'exit 6'\n"))
        .boot();
    let run = |verb: &str, name: &str, status: i32| {
        world.write("/run/order", "");
        let out = world.fails(status, ["initctl", verb, name]);
        (world.read("/run/order"), out.stderr)
    };
    let (order, _) = run("start", "all", 0);
    let pid = world.main_of("all");
    assert_eq!(order, format!("pre::x\nstarted:{pid}:x\n"));
    let (order, _) = run("reload", "all", 0);
    assert!(order.starts_with(&format!("reload:{pid}:x\n")), "{order}");
    world.line("/run/order", "hup");
    assert_eq!(world.main_of("all"), pid, "a reload restarts nothing");
    let (order, _) = run("stop", "all", 0);
    assert_eq!(order, format!("stop:{pid}:x\npost::x\n"));
    // A failed ExecStartPre=: nothing else but ExecStopPost= runs.
    let (order, errors) = run("start", "pre", 1);
    assert_eq!(order, "pre::x\npost::x\n");
    assert!(errors.contains("ExecStartPre=") && errors.contains("pre.service:5"), "{errors}");
    // A failed ExecStartPost=: it is ended.
    let (order, errors) = run("start", "post", 1);
    assert!(order.ends_with("post::x\n") && order.starts_with("pre::x\nstarted:"), "{order}");
    assert!(!order.contains("stop:"), "it never was up: {order}");
    assert!(errors.contains("ExecStartPost="), "{errors}");
    assert_eq!(world.state("post"), ("failed".to_owned(), 0));
    // One that dies by itself has its stop commands run all the same, without a $MAINPID.
    world.write("/run/order", "");
    world.ok(["mkfifo", "/run/die"]);
    world.ok(["initctl", "start", "dies"]);
    world.ok(["sh", "-c", "echo >/run/die"]);
    world.until("dies", "failed");
    let order = world.read("/run/order");
    assert!(order.ends_with("stop::x\npost::x\n"), "{order}");
    // Reload where there is nothing to reload, or nobody.
    world.ok(["initctl", "start", "plain", "badreload"]);
    let (_, errors) = run("reload", "plain", 1);
    assert!(errors.contains("ExecReload="), "{errors}");
    let (_, errors) = run("reload", "badreload", 1);
    assert!(errors.contains("status 6"), "{errors}");
    world.main_of("badreload");
    run("reload", "all", 1);
}

#[test]
fn words_and_variables_of_a_command() {
    let args = "/bin/sh /run/args";
    let world = World::new()
        .unit(
            "words@.service",
            &format!(
                "[Service]\nType=oneshot\nEnvironment=ONE=1 \"TWO=a b\" 'THREE=c \"d\"'\nEnvironment=EMPTY=\n\
                 ExecStart={args} a 'b c' \"d 'e'\" f\\x20g \"h\\ti\" 'j'k\n\
                 ExecStart={args} $ONE $TWO ${{TWO}} x${{ONE}}y \"$TWO\" $EMPTY ${{EMPTY}} $NONE $$ONE $$ $ONE.x\n\
                 ExecStart={args} %i %n %p %% \"%i x\"\n\
                 ExecStart={args} one \\\n  two \\\n# a comment between\n  three\n"
            ),
        )
        .boot();
    world.write("/run/args", "for a; do printf '<%s>' \"$a\" >>/run/out; done; echo >>/run/out\n");
    world.ok(["initctl", "start", "words@x-y"]);
    let out = world.read("/run/out");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "<a><b c><d 'e'><f g><h\ti><jk>");
    // A word that begins with one `$` is a variable's name as a whole, and none is called `ONE.x`.
    assert_eq!(lines[1], "<1><a><b><a b><x1y><a><b><><$ONE><$>");
    assert_eq!(lines[2], "<x-y><words@x-y.service><words><%><x-y x>");
    assert_eq!(lines[3], "<one><two><three>");
}

#[test]
fn what_a_process_runs_with() {
    let world = World::new()
        .unit(
            "set.service",
            &sleeper(
                "User=nobody\nGroup=daemon\nWorkingDirectory=/usr\nUMask=0027\nEnvironment=A=1 B=2\n\
                 EnvironmentFile=-/no/such/file\nEnvironmentFile=/run/env\nLimitNOFILE=123:456\nLimitCORE=0\nNice=7\n\
                 OOMScoreAdjust=321\n",
            ),
        )
        .unit("plain.service", &sleeper(""))
        .unit("noenv.service", &sleeper("EnvironmentFile=/no/such/file\n"))
        .unit("nouser.service", &sleeper("User=nosuchuser\n"))
        .unit("nogroup.service", &sleeper("Group=nosuchgroup\n"))
        .unit("nodir.service", &sleeper("WorkingDirectory=/no/such/folder\n"))
        .unit("anydir.service", &sleeper("WorkingDirectory=-/no/such/folder\n"))
        .unit("uid.service", &sleeper("User=4321\nGroup=4322\n"))
        .boot();
    world.write("/run/env", "# a comment\nB=3\nC=\"x y\"\n\nD='$A'\n");
    world.ok(["initctl", "start", "set", "plain", "anydir", "uid"]);
    let pid = world.main_of("set");
    let ids = |pid| (world.proc_line(pid, "status", "Uid"), world.proc_line(pid, "status", "Gid"));
    assert_eq!(ids(pid), (vec!["65534".to_owned(); 4], vec!["1".to_owned(); 4]));
    assert_eq!(world.proc_line(pid, "status", "Umask"), ["0027"]);
    assert_eq!(world.proc_line(pid, "limits", "Max open files")[..2], ["123", "456"]);
    assert_eq!(world.proc_line(pid, "limits", "Max core file size")[..2], ["0", "0"]);
    assert_eq!(world.read(&format!("/proc/{pid}/oom_score_adj")), "321\n");
    let stat = world.read(&format!("/proc/{pid}/stat"));
    assert_eq!(stat.rsplit(')').next().unwrap().split_whitespace().nth(16), Some("7"));
    assert_eq!(world.ok(["readlink", &format!("/proc/{pid}/cwd")]), "/usr\n");
    let environ = world.read(&format!("/proc/{pid}/environ"));
    let environ: Vec<&str> = environ.split('\0').collect();
    for wanted in ["A=1", "B=3", "C=x y", "D=$A", "USER=nobody", "LOGNAME=nobody"] {
        assert!(environ.contains(&wanted), "no `{wanted}` in {environ:?}");
    }
    assert!(environ.iter().any(|e| e.starts_with("PATH=/")) && environ.iter().any(|e| e.starts_with("HOME=/")));
    // What isn't said: root, `/`, no descriptor but the three, no signal blocked or ignored but SIGPIPE.
    let pid = world.main_of("plain");
    assert_eq!(ids(pid).0, vec!["0"; 4]);
    assert_eq!(world.ok(["readlink", &format!("/proc/{pid}/cwd")]), "/\n");
    assert_eq!(world.proc_line(pid, "status", "SigBlk"), ["0000000000000000"]);
    assert_eq!(world.proc_line(pid, "status", "SigIgn"), ["0000000000001000"]);
    let fds = world.ok(["ls", &format!("/proc/{pid}/fd")]);
    assert_eq!(fds, "0\n1\n2\n");
    let pid = world.main_of("uid");
    assert_eq!(ids(pid), (vec!["4321".to_owned(); 4], vec!["4322".to_owned(); 4]));
    world.main_of("anydir");
    for (name, key) in
        [("noenv", "EnvironmentFile="), ("nouser", "User="), ("nogroup", "Group="), ("nodir", "WorkingDirectory=")]
    {
        let out = world.fails(1, ["initctl", "start", name]);
        assert!(out.stderr.contains(key) && out.stderr.contains(&format!("{name}.service:4")), "{}", out.stderr);
        assert_eq!(world.state(name).0, "failed", "{name}");
    }
}

#[test]
fn where_output_goes_and_input_comes_from() {
    let to = |out: &str| once("echo out; echo err >&2", out);
    let world = World::new()
        .unit("file.service", &to("StandardOutput=file:/run/file\n"))
        .unit("append.service", &to("StandardOutput=append:/run/append\n"))
        .unit("truncate.service", &to("StandardOutput=truncate:/run/truncate\n"))
        .unit("apart.service", &to("StandardOutput=append:/run/o\nStandardError=append:/run/e\n"))
        .unit("null.service", &to("StandardOutput=null\nStandardError=log\n"))
        .unit("log.service", &to("StandardOutput=log\nStandardError=null\n"))
        .unit("input.service", &once("cat", "StandardInput=file:/run/in\nStandardOutput=truncate:/run/copy\n"))
        .unit("noinput.service", &once("cat; echo end", ""))
        .unit("nofolder.service", &to("StandardOutput=file:/no/such/folder/x\n"))
        .boot();
    for path in ["file", "append", "truncate"] {
        world.write(&format!("/run/{path}"), "0123456789\n");
        world.ok(["initctl", "start", path]);
    }
    assert_eq!(world.read("/run/file"), "out\nerr\n89\n", "opened, not emptied");
    assert_eq!(world.read("/run/append"), "0123456789\nout\nerr\n");
    assert_eq!(world.read("/run/truncate"), "out\nerr\n");
    let out = world.fails(1, ["initctl", "start", "input"]);
    assert!(out.stderr.contains("make the file, or correct its path"), "{}", out.stderr);
    world.write("/run/in", "taken in\n");
    world.ok(["initctl", "start", "apart", "null", "log", "input", "noinput"]);
    assert_eq!((world.read("/run/o").as_str(), world.read("/run/e").as_str()), ("out\n", "err\n"));
    assert_eq!(world.read("/run/copy"), "taken in\n");
    for (name, line) in [("null", "err err"), ("log", "out out"), ("noinput", "out end")] {
        // The log is written beside the service.
        let text = world
            .wait_for(name, deadline(10), |w| Some(w.run(["initctl", "logs", name]).stdout).filter(|t| !t.is_empty()));
        let lines: Vec<&str> = text.lines().map(|l| l.split_once(' ').expect("a time").1).collect();
        assert_eq!(lines, [line], "{name}");
    }
    let out = world.fails(1, ["initctl", "start", "nofolder"]);
    assert!(out.stderr.contains("StandardOutput=") && out.stderr.contains("/no/such/folder/x"), "{}", out.stderr);
}
