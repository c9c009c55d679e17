//! `/etc/inittab`, `/run/initctl` and PID 1's signals, as a machine of sysvinit's has them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use compat_sysv::fifo::{LEN, MAGIC, Request};
use compat_sysv::utmp::{Kind, files};
use nix::sys::signal::Signal;
use rung_tests::debian;
use rung_tests::inittab::{Machine, says, stays};
use rung_tests::world::{World, deadline};
use std::fs;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

#[test]
fn lines_run_in_their_order_and_levels() {
    let text = format!(
        "id:3:initdefault:\n{}w1:3:wait:/bin/sh -c 'sleep 1; echo w1 >>/run/said'\n{}{}{}bad line\n",
        "si::sysinit:/bin/sh -c 'echo si $RUNLEVEL $PREVLEVEL >>/run/said'\n",
        says("w2", "3", "wait"),
        says("o3", "34", "once"),
        says("o4", "4", "once"),
    );
    let machine = Machine::boot(&text);
    machine.wait_lines("/run/said", &["si S N", "w1", "w2 3 N", "o3 3 N"]);
    machine.level('4');
    machine.wait_level('4');
    // What was run in the level before isn't run again by staying on.
    machine.wait_lines("/run/said", &["si S N", "w1", "w2 3 N", "o3 3 N", "o4 4 3"]);
    machine.level('3');
    machine.wait_lines("/run/said", &["si S N", "w1", "w2 3 N", "o3 3 N", "o4 4 3", "w1", "w2 3 4"]);
    let findings = machine.world.text("/run/rung/generated/findings");
    assert!(findings.starts_with("error\t/etc/inittab\t7\tid field too long (max 4 characters)\t"), "{findings}");
}

#[test]
fn reading_again_ends_what_is_gone_and_leaves_a_changed_command() {
    let child = "gone:3:respawn:/bin/sh -c 'sleep inf & echo $! >/run/child; setsid sleep inf & echo $! >/run/apart; \
                 echo $$ >/run/gone.pid; wait'\n";
    let hook = |id: &str| format!("{}{}", stays(id, "3"), "");
    let (keep, other) = (hook("k"), hook("o"));
    let machine = Machine::boot(&format!("id:3:initdefault:\n{child}{keep}{other}"));
    let pids = ["gone.pid", "child", "apart", "k.pid", "o.pid"].map(|f| machine.pid(&format!("/run/{f}")));
    let lives = |pid: &str| machine.world.run(["sh", "-c", &format!("kill -0 {pid}")]).code == 0;
    machine.world.wait_for("all of them", deadline(90), |_| pids.iter().all(|p| lives(p)).then_some(()));
    // Gone; another command; another action; a new line.
    let changed = keep.replace("echo k >>", "echo changed >>");
    let acts = other.replace(":respawn:", ":once:");
    machine.write("/etc/inittab", &format!("id:3:initdefault:\n{changed}{acts}{}", says("n", "3", "once")));
    machine.level('Q');
    machine.wait_lines("/run/said", &["n 3 N"]);
    machine
        .world
        .wait_for("the end of its group", deadline(90), |_| (!lives(&pids[0]) && !lives(&pids[1])).then_some(()));
    assert!(lives(&pids[2]), "a session of its own is nobody's business");
    machine.world.wait_for("another run", deadline(90), |_| (machine.pid("/run/o.pid") != pids[4]).then_some(()));
    assert!(!lives(&pids[4]));
    assert_eq!((lives(&pids[3]), machine.lines("/run/k")), (true, vec!["k".to_owned()]));
    machine.world.ok(["sh", "-c", &format!("kill {}", pids[3])]);
    machine.wait_lines("/run/k", &["k", "changed"]);
    // SIGHUP does the same.
    machine.write("/etc/inittab", &changed.replace(":respawn:", ":off:"));
    let pid = machine.pid("/run/k.pid");
    machine.signal(Signal::SIGHUP);
    machine.world.wait_for("the end of what is off", deadline(90), |_| (!lives(&pid)).then_some(()));
}

#[test]
fn what_respawns_too_fast_is_off_until_inittab_is_read_again() {
    let machine = Machine::boot("id:3:initdefault:\nf:3:respawn:/bin/sh -c 'echo f >>/run/said'\n");
    let ten = vec!["f"; 10];
    machine.wait_lines("/run/said", &ten);
    machine.world.wait_for("the words", deadline(90), |w| {
        w.console().contains("INIT: Id \"f\" respawning too fast: disabled for 5 minutes").then_some(())
    });
    machine.world.pass(300);
    assert_eq!(machine.lines("/run/said").len(), 10);
    machine.level('q');
    machine.wait_lines("/run/said", &[ten.clone(), ten].concat());
    machine.world.pass(300);
    assert_eq!(machine.lines("/run/said").len(), 20);
}

/// The boot doesn't wait for the listener; what it is asked and signalled before it is there isn't lost.
#[test]
fn the_fifo_is_there_before_its_listener() {
    let slow = "#!/bin/sh\nread -r line </gate\nexec /usr/lib/rung/sysv \"$@\"\n";
    let text = format!("id:3:initdefault:\n{}", says("kb", "", "kbrequest"));
    let machine = Machine::with(&text, '3', |root| {
        let etc = root.path().join("etc/rung/units/sysv-fifo.service.d");
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("slow.conf"), "[Service]\nExecStart=\nExecStart=/slow/sysv fifo\n").unwrap();
        let slow_one = root.path().join("slow/sysv");
        fs::create_dir(slow_one.parent().unwrap()).unwrap();
        fs::write(&slow_one, slow).unwrap();
        fs::set_permissions(&slow_one, fs::Permissions::from_mode(0o755)).unwrap();
        nix::unistd::mkfifo(&root.path().join("gate"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    });
    machine.signal(Signal::SIGWINCH);
    let bit = 1_u64 << (Signal::SIGWINCH as u32 - 1);
    machine.world.wait_for("the signal waits", deadline(90), |w| {
        let text = w.run(["cat", &format!("/proc/{}/status", w.main_of("sysv-fifo"))]).stdout;
        let pending = text.lines().find_map(|line| line.strip_prefix("ShdPnd:"))?;
        (u64::from_str_radix(pending.trim(), 16).ok()? & bit != 0).then_some(())
    });
    machine.level('4');
    machine.world.open_gate("/gate");
    machine.wait_level('4');
    machine.wait_lines("/run/said", &["kb 3 N"]);
    assert_eq!(machine.world.status("sysv-fifo")["restarts"], 0);
}

#[test]
fn the_fifo_takes_what_is_a_request_and_comes_back() {
    let machine = Machine::boot("id:3:initdefault:\n");
    let kind = fs::symlink_metadata(machine.world.path("/run/initctl")).unwrap();
    assert!(kind.file_type().is_fifo() && kind.permissions().mode() & 0o777 == 0o600);
    assert_eq!(fs::read_link(machine.world.path("/dev/initctl")).unwrap().to_str(), Some("/run/initctl"));
    let said = |words: &str| {
        machine.world.wait_for(words, deadline(90), |w| {
            w.run(["initctl", "logs", "sysv-fifo"]).stdout.contains(words).then_some(())
        });
    };
    let mut wrong = [0; LEN];
    wrong[..4].copy_from_slice(&1_u32.to_ne_bytes());
    machine.raw(&wrong);
    said("got bogus initrequest");
    machine.raw(&wrong[..LEN - 1]);
    machine.ask(&Request::Start);
    said("got unimplemented initrequest.");
    assert_ne!(MAGIC, 1);
    machine.level('x');
    said("bad runlevel: X");
    machine.level('7');
    said("no runlevel 7: S and 0 to 6 are");

    // It waits without a time limit: `poll` and its third argument.
    #[cfg(target_arch = "x86_64")]
    machine.world.wait_for("it waits", deadline(90), |w| {
        let text = w.run(["cat", &format!("/proc/{}/syscall", w.main_of("sysv-fifo"))]).stdout;
        let words: Vec<&str> = text.split_whitespace().collect();
        (words.first() == Some(&"7") && words.get(3) == Some(&"0xffffffff")).then_some(())
    });

    // Replaced, as by a mount over /run.
    machine.world.ok(["rm", "/run/initctl"]);
    machine.world.wait_for("a new one", deadline(90), |w| w.path("/run/initctl").exists().then_some(()));
    machine.level('4');
    machine.wait_level('4');
    assert!(machine.world.console().contains("INIT: Switching to runlevel: 4"));

    machine.signal(Signal::SIGUSR2);
    let opened = |m: &Machine| {
        let mut options = fs::OpenOptions::new();
        options.write(true).custom_flags(nix::libc::O_NONBLOCK).open(m.world.path("/run/initctl")).is_ok()
    };
    machine.world.wait_for("it is closed", deadline(90), |_| (!opened(&machine)).then_some(()));
    machine.signal(Signal::SIGUSR1);
    machine.world.wait_for("it is open", deadline(90), |_| opened(&machine).then_some(()));
    machine.level('3');
    machine.wait_level('3');
}

#[test]
fn variables_reach_later_children_and_the_sleep_time_sticks() {
    let line = "v:4:once:/bin/sh -c 'echo \"$INIT_FOO|$FOO|$RUNLEVEL|$PREVLEVEL|$CONSOLE|$INIT_VERSION|$SHELL\" >>/run/said'\n";
    let machine = Machine::boot(&format!("id:3:initdefault:\n{line}"));
    machine.ask(&Request::SetEnv(vec!["INIT_FOO=a \"b\" $c".into(), "FOO=no".into()]));
    machine.ask(&Request::RunLevel { level: b'4', sleep_time: 7 });
    let words = machine.world.wait_for("the line", deadline(90), |_| machine.lines("/run/said").first().cloned());
    let words: Vec<&str> = words.split('|').collect();
    assert_eq!(words[..4], ["a \"b\" $c", "", "4", "3"]);
    assert!(words[4].starts_with("/dev/") && words[5].starts_with("sysvinit-") && words[6] == "/bin/sh", "{words:?}");
    let unit = || machine.world.text("/run/rung/generated/inittab/inittab-v.service");
    machine.world.wait_for("the time", deadline(90), |_| unit().contains("TimeoutStopSec=7s").then_some(()));
    machine.ask(&Request::SetEnv(vec!["INIT_FOO".into()]));
    machine.wait_level('4');
    machine.level('3');
    machine.wait_level('3');
    machine.level('4');
    machine.wait_level('4');
    let again = machine.world.wait_for("the line", deadline(90), |_| machine.lines("/run/said").get(1).cloned());
    assert!(again.starts_with("||4|3|"), "{again}");
}

#[test]
fn demand_levels_start_their_lines_and_leave_the_level() {
    let text =
        format!("id:3:initdefault:\n{}{}", stays("d", "a").replace("respawn", "ondemand"), says("o", "aB", "once"));
    let machine = Machine::boot(&text);
    machine.level('A');
    machine.wait_lines("/run/said", &["o 3 N"]);
    machine.wait_lines("/run/d", &["d"]);
    let first = machine.pid("/run/d.pid");
    machine.world.ok(["sh", "-c", &format!("kill {first}")]);
    machine.wait_lines("/run/d", &["d", "d"]);
    machine.level('b');
    machine.wait_lines("/run/said", &["o 3 N", "o 3 N"]);
    machine.wait_level('3');
    let second =
        machine.world.wait_for("its pid", deadline(90), |_| Some(machine.pid("/run/d.pid")).filter(|p| *p != first));
    machine.level('4');
    machine.wait_level('4');
    machine.level('q');
    machine.world.pass(300);
    assert_eq!(machine.world.run(["sh", "-c", &format!("kill -0 {second}")]).code, 0, "it lives in every level");
}

#[test]
fn keys_and_power_have_their_lines() {
    let text = format!(
        "id:3:initdefault:\n{}{}{}{}{}{}",
        says("ca", "3", "ctrlaltdel"),
        says("kb", "", "kbrequest"),
        says("pf", "", "powerfail"),
        says("pn", "", "powerfailnow"),
        says("po", "", "powerokwait"),
        says("c4", "4", "ctrlaltdel"),
    );
    let machine = Machine::boot(&text);
    let mut wanted: Vec<&str> = Vec::new();
    let status = "/run/powerstatus";
    for (signal, file, line) in [
        (Signal::SIGINT, None, "ca 3 N"),
        (Signal::SIGWINCH, None, "kb 3 N"),
        (Signal::SIGPWR, None, "pf 3 N"),
        (Signal::SIGPWR, Some("OK\n"), "po 3 N"),
        (Signal::SIGPWR, Some("LOW\n"), "pn 3 N"),
        (Signal::SIGPWR, Some("FAIL\n"), "pf 3 N"),
        (Signal::SIGINT, None, "ca 3 N"),
    ] {
        if let Some(text) = file {
            machine.write(status, text);
        }
        machine.signal(signal);
        wanted.push(line);
        machine.wait_lines("/run/said", &wanted);
        assert!(!machine.world.path(status).exists());
    }
    for (request, line) in [
        (Request::PowerFail { sleep_time: 3 }, "pf 3 N"),
        (Request::PowerFailNow { sleep_time: 3 }, "pn 3 N"),
        (Request::PowerOk { sleep_time: 3 }, "po 3 N"),
    ] {
        machine.ask(&request);
        wanted.push(line);
        machine.wait_lines("/run/said", &wanted);
    }
}

#[test]
fn a_paused_init_starts_nothing_and_its_title_tells_the_level() {
    let machine = Machine::boot("id:3:initdefault:\nx:4:once:/bin/sh -c 'echo x >>/run/said'\n");
    let title = |w: &World| fs::read_to_string(format!("/proc/{}/cmdline", w.init())).unwrap().replace('\0', " ");
    assert!(title(&machine.world).starts_with("init [3]"), "{}", title(&machine.world));
    machine.signal(Signal::SIGTSTP);
    // The signal is taken in before anything that is asked later: the manager hears of both from PID 1.
    machine.level('4');
    machine.world.pass(500);
    assert_eq!(machine.lines("/run/said").len(), 0);
    machine.signal(Signal::SIGCONT);
    machine.wait_lines("/run/said", &["x"]);
    machine.world.wait_for("the title", deadline(90), |w| title(w).starts_with("init [4]").then_some(()));
}

#[test]
fn lines_are_written_down_in_utmp_unless_they_say_plus() {
    let text = "id:3:initdefault:\nsi::sysinit:+/bin/sh -c ': >/run/utmp; mkdir -p /var/log; : >/var/log/wtmp'\n\
                a1:3:respawn:/bin/sleep inf\nb1:3:respawn:+/bin/sleep inf\nc1:3:once:/bin/sleep 1\n";
    let machine = Machine::boot(text);
    let records = |m: &Machine| files::read(&m.world.path("/run/utmp")).unwrap_or_default();
    let has = |m: &Machine, id: &str, kind: Kind| records(m).into_iter().find(|r| r.id == id && r.kind == kind);
    let started = machine.world.wait_for("a1 in utmp", deadline(90), |_| has(&machine, "a1", Kind::InitProcess));
    assert_eq!(i64::from(started.pid), machine.world.main_pid("inittab-a1"));
    assert_eq!((started.user.as_str(), started.line.as_str()), ("", ""));
    machine.world.wait_for("c1's end", deadline(90), |_| has(&machine, "c1", Kind::DeadProcess));
    assert!(!records(&machine).iter().any(|r| r.id == "b1"));
    machine.level('4');
    machine.world.wait_for("a1's end", deadline(90), |_| has(&machine, "a1", Kind::DeadProcess));
    let level = machine.world.wait_for("the level", deadline(90), |_| {
        has(&machine, "~~", Kind::RunLevel).filter(|r| r.pid == i32::from(b'4') + 256 * i32::from(b'3'))
    });
    assert_eq!(level.user, "runlevel");
}

/// `verify` names the lines of which the program is missing, of the running machine and of an image; no others.
#[test]
fn lines_whose_program_is_missing_are_named() {
    let text = "id:3:initdefault:\n\
                a:2:once:/no/such/a\n\
                b:2:once:+/no/such/b x\n\
                c:2:once:+@/no/such/c $x\n\
                d:2:respawn:/no/such/d </dev/null >/dev/null 2>&1\n\
                e:2:once:A=b exec /no/such/e; true\n\
                f:2:once:-/bin/sh\n\
                g:2:once:no-such-g -x\n\
                h:2:once:/etc\n\
                1:2:once:/bin/sleep 1\n\
                2:2:once:+/bin/sleep 1\n\
                3:2:once:@/bin/sleep $x\n\
                4:2:once:sleep 1\n\
                5:2:respawn:A=b /bin/sleep 1 >/dev/null 2>&1\n\
                6:2:once:[ -x /no/such ] && /no/such\n\
                7:2:once:cd /; /no/such\n\
                8:2:once:/bin/sh -c '/no/such'\n";
    let machine = Machine::with(text, '3', |root| {
        let folder = root.path().join("etc/inittab.d");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("x.tab"), "x:2:once:/no/such/x\n").unwrap();
    });
    for more in [&[][..], &["--root", "/"]] {
        let found = machine.world.run(["initctl", "verify"].iter().chain(more)).stdout;
        let told: Vec<&str> = found.lines().filter(|line| line.starts_with("/etc/inittab")).collect();
        let expected = [
            "/etc/inittab:2:10: warning: `/no/such/a` is not there",
            "/etc/inittab:3:11: warning: `/no/such/b` is not there",
            "/etc/inittab:4:12: warning: `/no/such/c` is not there",
            "/etc/inittab:5:13: warning: `/no/such/d` is not there",
            "/etc/inittab:6:19: warning: `/no/such/e` is not there",
            "/etc/inittab:7:10: warning: `-/bin/sh` is not there",
            "/etc/inittab:8:10: warning: `no-such-g` is in no folder of PATH",
            "/etc/inittab:9:10: warning: `/etc` is a folder",
            "/etc/inittab.d/x.tab:1:10: warning: `/no/such/x` is not there",
        ];
        assert_eq!(told, expected, "{more:?}: {found}");
        assert!(found.contains("hint: a `-` before a program is BusyBox's: write /bin/sh"), "{found}");
    }
}

/// sysvinit's own programs, as Debian compiles them, find what they know.
#[test]
fn sysvinits_own_programs_work_unchanged() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sysvinit");
    let packages = match debian::packages(&target, &["sysvinit-core"], &["./sbin"]) {
        Ok(folder) => folder,
        Err(why) => return eprintln!("skipped: sysvinit's own programs: {}", why.lines().next().unwrap_or_default()),
    };
    let text = "id:3:initdefault:\nsi::sysinit:+/bin/sh -c ': >/run/utmp; mkdir -p /var/log; : >/var/log/wtmp'\n\
                v:4:once:/bin/sh -c 'echo $INIT_FOO >>/run/said'\nq:4:once:/bin/sh -c 'echo q >>/run/q'\n";
    let machine = Machine::with(text, '3', |root| {
        let sbin = packages.join("sysvinit-core/sbin");
        for name in ["init", "halt", "runlevel", "shutdown"] {
            root.give(&sbin.join(name), &format!("/opt/{name}"));
        }
        for name in ["who", "last"] {
            root.give(&Path::new("/usr/bin").join(name), &format!("/opt/{name}"));
        }
        fs::create_dir_all(root.path().join("var")).unwrap();
        std::os::unix::fs::symlink("../run", root.path().join("var/run")).unwrap();
    });
    let world = &machine.world;
    world.wait_for("the first level's record", deadline(90), |w| {
        (w.run(["/opt/runlevel"]).stdout == "N 3\n").then_some(())
    });
    world.ok(["/opt/init", "-e", "INIT_FOO=bar"]);
    world.ok(["/opt/init", "4"]);
    machine.wait_level('4');
    machine.wait_lines("/run/said", &["bar"]);
    world.wait_for("the level's record", deadline(90), |w| (w.run(["/opt/runlevel"]).stdout == "3 4\n").then_some(()));
    let who = world.ok(["/opt/who", "-r"]);
    assert!(who.contains("run-level 4") && who.contains("last=3"), "{who}");
    let last = world.ok(["/opt/last", "-x", "-f", "/var/log/wtmp"]);
    assert!(last.contains("(to lvl 4)") && last.contains("reboot") && last.contains("system boot"), "{last}");

    machine.write("/etc/inittab", &text.replace("q:4:once", "r:4:once"));
    world.ok(["/opt/init", "q"]);
    machine.wait_lines("/run/q", &["q", "q"]);
    world.ok(["/opt/init", "u"]);
    world.wait_for("another manager", deadline(90), |w| {
        w.run(["initctl", "history"]).stdout.contains("took over").then_some(())
    });
    let wrong = world.run(["/opt/init", "x"]);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    world.ok(["/opt/halt", "-w"]);
    let down = world.ok(["/opt/last", "-x", "-f", "/var/log/wtmp"]);
    assert!(down.contains("shutdown") && down.contains("system down"), "{down}");
    // It ends itself by /sbin/init, which asks Rung.
    let out = world.run(["/opt/shutdown", "-h", "-P", "now"]);
    assert!(out.code == 0 || out.code >= 128, "{out:?}");
    let (code, errors) = machine.world.wait();
    assert!(code == 0 || code >= 128, "{code} {errors}");
}
