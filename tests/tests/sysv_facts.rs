//! What people and scripts see of sysvinit (sections 1 to 5 of the reference), beside what `inittab.rs` shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use compat_sysv::fifo::Request;
use compat_sysv::utmp::{Kind, Record, files};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rung_tests::inittab::{Machine, says, stays};
use rung_tests::world::container::{self, Container};
use rung_tests::world::{Rootfs, World, deadline};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const FILES: &str = "u::sysinit:+/bin/sh -c ': >/run/utmp; mkdir -p /var/log; : >/var/log/wtmp'\n";

fn text_of(machine: &Machine, path: &str) -> String {
    machine.world.wait_for(path, deadline(90), |w| Some(w.text(path)).filter(|t| t.ends_with('\n')))
}

/// How often each line of the console says this.
fn told(world: &World, words: &str) -> usize {
    world.console().lines().filter(|line| line.trim_matches('\r') == words).count()
}

/// Section 1: whoever isn't PID 1 is telinit, whatever its name; `--version` alone; a bad word is told.
#[test]
fn init_that_is_not_pid_1_is_telinit() {
    let machine = Machine::boot("id:3:initdefault:\n");
    machine.world.ok(["/sbin/init", "4"]);
    machine.wait_level('4');
    assert!(machine.world.ok(["/sbin/init", "--version"]).contains("Rung"));
    let wrong = machine.world.run(["/sbin/init", "x"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("Usage: init"), "{wrong:?}");
}

/// Sections 1 and 1.2: the umask, the session, the signals and the streams that a line has.
#[test]
fn a_line_has_a_session_of_its_own_and_nothing_else_from_init() {
    let line = "p:3:once:/bin/sh -c '{ umask; cat /proc/self/stat /proc/self/status; ls -l /proc/self/fd; } >/run/p'\n";
    let machine = Machine::boot(line);
    machine.wait_level('3');
    let text = text_of(&machine, "/run/p");
    assert!(text.starts_with("0022\n"), "{text}");
    let stat = text.lines().nth(1).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let (group, session) = (fields[2], fields[3]);
    assert_eq!(group, session, "it leads both: {stat}");
    for mask in ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"] {
        assert!(text.contains(mask), "{mask}: {text}");
    }
    let more = text.lines().filter(|line| line.contains(" -> ")).filter(|line| {
        let number = line.split(" -> ").next().unwrap().rsplit(' ').next().unwrap();
        number.parse::<i32>().unwrap() > 3
    });
    assert_eq!(more.count(), 0, "descriptors of others, beside the one of ls: {text}");
}

/// Section 1.3: `@`, `;` and `#` in a process, a script without `#!`, and what isn't there.
#[test]
fn a_process_field_is_run_as_sysvinit_runs_it() {
    let text = "id:3:initdefault:\n\
                s1:3:wait:/bin/echo a; echo b >/run/s1\n\
                a1:3:wait:@/opt/args $HOME;x # y\n\
                b1:3:wait:/opt/bare 1 2 # 3\n\
                n1:3:wait:/opt/missing x\n\
                l1:3:wait:/bin/sh -c 'echo done >/run/last'\n";
    let machine = Machine::with(text, '3', |root| {
        fs::create_dir_all(root.path().join("opt")).unwrap();
        for (name, text) in [("args", "#!/bin/sh\necho \"$#:$*\" >/run/a1\n"), ("bare", "echo \"$0 $*\" >/run/b1\n")] {
            let path = root.path().join("opt").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
    assert_eq!(text_of(&machine, "/run/last"), "done\n");
    assert_eq!(text_of(&machine, "/run/s1"), "b\n");
    assert_eq!(text_of(&machine, "/run/a1"), "1:$HOME;x\n");
    assert_eq!(text_of(&machine, "/run/b1"), "/opt/bare 1 2\n");
    let logs = machine.world.ok(["initctl", "logs", "inittab-n1"]);
    assert!(logs.contains("cannot execute \"/opt/missing\""), "{logs}");
}

/// Section 1.3: `/etc/initscript` gets id, levels, action and process, but not in single user mode.
#[test]
fn initscript_runs_the_lines() {
    let text = "id:3:initdefault:\nx1:35:wait:+/bin/sh -c 'echo ran >>/run/ran'\n";
    let script = "echo \"$1|$2|$3|$4\" >>/run/init\neval exec \"$4\"\n";
    let machine = Machine::with(text, '3', |root| fs::write(root.path().join("etc/initscript"), script).unwrap());
    assert_eq!(text_of(&machine, "/run/ran"), "ran\n");
    assert_eq!(text_of(&machine, "/run/init"), "x1|35|wait|/bin/sh -c 'echo ran >>/run/ran'\n");
}

/// Section 1.1: PID 1's own environment, in which the kernel puts its words `NAME=value`, reaches lines and scripts; `auto`
/// on the command line sets `AUTOBOOT`.
#[test]
fn lines_and_scripts_have_the_environment_of_init() {
    let rootfs = Rootfs::new();
    let folder = rootfs.path().join("var");
    let place = |path: &str| rootfs.path().join(path);
    for folder in ["var", "etc/init.d", "etc/rc3.d"] {
        fs::create_dir_all(place(folder)).unwrap();
    }
    let shows = |file: &str| format!("echo \"$PATH|$SHELL|$WORD|$AUTOBOOT|$RUNG_RUNDIR\" >/var/{file}");
    fs::write(
        place("etc/inittab"),
        format!("id:3:initdefault:\nl3:3:wait:/etc/init.d/rc 3\nx:3:once:{}\n", shows("line")),
    )
    .unwrap();
    fs::write(place("etc/init.d/shows"), format!("#!/bin/sh\n{}\n", shows("script"))).unwrap();
    fs::set_permissions(place("etc/init.d/shows"), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("../init.d/shows", place("etc/rc3.d/S20shows")).unwrap();
    let mut command = Container::command(&rootfs, container::PLAIN, &[]);
    command.arg("auto").env("WORD", "from the kernel");
    let out = fs::File::create(rootfs.beside().join("out")).unwrap();
    command.stdout(out.try_clone().unwrap()).stderr(out);
    let machine = Container::of(command.spawn().unwrap(), rootfs);
    for file in ["line", "script"] {
        let text = machine.wait_for(file, |_| fs::read_to_string(folder.join(file)).ok().filter(|t| t.ends_with('\n')));
        assert_eq!(text, "/sbin:/usr/sbin:/bin:/usr/bin|/bin/sh|from the kernel|YES|\n", "{file}");
    }
}

/// Section 2: broken lines are told with file, line and reason on the console; at each reading those that are new.
#[test]
fn broken_lines_are_told_on_the_console_and_by_no_other_line() {
    let machine = Machine::boot("id:3:initdefault:\nlonger:3:once:/bin/true\na:3:once:/bin/true\n");
    let first = "INIT: /etc/inittab[2]: id field too long (max 4 characters)";
    assert_eq!(told(&machine.world, first), 1, "{}", machine.world.console());
    machine.write("/etc/inittab", "id:3:initdefault:\nlonger:3:once:/bin/true\na:3:once:/bin/true\na:3:wait:/b\n");
    machine.level('q');
    machine.world.wait_for("the second", deadline(90), |w| {
        (told(w, "INIT: /etc/inittab[4]: duplicate ID field \"a\"") == 1).then_some(())
    });
    assert_eq!(told(&machine.world, first), 1);
    let status = machine.world.run(["initctl", "status", "inittab-a"]).stdout;
    assert!(status.contains("inittab-a") && !status.contains("duplicate") && !status.contains("too long"), "{status}");
    assert!(machine.world.run(["initctl", "verify"]).stdout.contains("duplicate ID field"));
}

/// Section 2: the first line of a file in inittab.d counts, at the next reading too.
#[test]
fn files_of_inittab_d_are_read() {
    let machine = Machine::boot("id:3:initdefault:\n");
    fs::create_dir_all(machine.world.path("/etc/inittab.d")).unwrap();
    machine.write("/etc/inittab.d/a.tab", &format!("# one\n{}{}", says("t1", "3", "once"), says("t2", "3", "once")));
    machine.write("/etc/inittab.d/b.txt", &says("t3", "3", "once"));
    machine.level('q');
    machine.wait_lines("/run/said", &["t1 3 N"]);
    machine.level('q');
    machine.wait_level('3');
    machine.wait_lines("/run/said", &["t1 3 N"]);
}

/// Section 2: `boot` and `bootwait` run once, after `sysinit`; what `boot` started outlives every switch, and what `once`
/// started ends with its levels.
#[test]
fn boot_lines_run_once_and_outlive_their_level() {
    let text = format!(
        "id:3:initdefault:\n{}{}si::sysinit:/bin/sh -c 'echo si >>/run/said'\n{}{}",
        "bo::boot:/bin/sh -c 'echo $$ >/run/bo.pid; exec sleep inf'\n",
        says("bw", "", "bootwait"),
        says("w3", "3", "wait"),
        "on:3:once:/bin/sh -c 'echo $$ >/run/on.pid; exec sleep inf'\n",
    );
    let machine = Machine::boot(&text);
    machine.wait_lines("/run/said", &["si", "bw S N", "w3 3 N"]);
    let (boot, once) = (machine.pid("/run/bo.pid"), machine.pid("/run/on.pid"));
    let lives = |pid: &str| machine.world.run(["sh", "-c", &format!("kill -0 {pid}")]).code == 0;
    machine.level('4');
    machine.wait_level('4');
    assert!(lives(&boot) && !lives(&once));
    machine.level('3');
    machine.wait_lines("/run/said", &["si", "bw S N", "w3 3 N", "w3 3 4"]);
    machine.wait_level('3');
    assert!(lives(&boot));
    assert_ne!(machine.pid("/run/on.pid"), once, "entered again, started again");
    // The level that is the current one: nothing happens, silently (section 3).
    machine.level('3');
    machine.level('q');
    machine.world.pass(300);
    machine.wait_lines("/run/said", &["si", "bw S N", "w3 3 N", "w3 3 4"]);
    assert_eq!(told(&machine.world, "INIT: Switching to runlevel: 3"), 1);
}

/// Section 2.1: SIGTERM for the group, SIGKILL after the time that was said last; it sticks.
#[test]
fn what_ignores_sigterm_is_killed_after_the_time_that_was_said() {
    let stubborn = "k:3:respawn:trap '' TERM; echo $$ >/run/k.pid; while :; do sleep 1; done\n";
    let machine = Machine::boot(&format!("id:3:initdefault:\n{stubborn}"));
    machine.pid("/run/k.pid");
    machine.world.ok(["telinit", "-t", "1", "q"]);
    let unit = || machine.world.text("/run/rung/generated/inittab/inittab-k.service");
    machine.world.wait_for("the time", deadline(90), |_| unit().contains("TimeoutStopSec=1s").then_some(()));
    let pid = machine.pid("/run/k.pid");
    machine.level('4');
    machine.wait_level('4');
    assert_ne!(machine.world.run(["sh", "-c", &format!("kill -0 {pid}")]).code, 0);
    let words = "INIT: Sending processes configured via /etc/inittab the TERM signal";
    assert_eq!(told(&machine.world, words), 1, "{}", machine.world.console());
}

/// Section 3: what init says on the console from boot to power-off.
#[test]
fn init_says_on_the_console_where_it_goes() {
    let machine = Machine::boot(&format!("id:3:initdefault:\n{}", stays("r", "345")));
    machine.level('4');
    machine.wait_level('4');
    machine.world.ok(["initctl", "runlevel", "1"]);
    let (world, mut said) = (&machine.world, Vec::new());
    world.run(["telinit", "0"]);
    world.wait_for("the last words", deadline(90), |w| {
        said = w.console().lines().filter(|l| l.contains("INIT:")).map(|l| l.trim_matches('\r').to_owned()).collect();
        said.iter().any(|line| line.ends_with(": 0")).then_some(())
    });
    let term = "INIT: Sending processes configured via /etc/inittab the TERM signal";
    let wanted = [
        concat!("INIT: version rung-", env!("CARGO_PKG_VERSION"), " booting"),
        "INIT: Entering runlevel: 3",
        "INIT: Switching to runlevel: 4",
        "INIT: Going single user",
        term,
        "INIT: Switching to runlevel: 0",
    ];
    assert_eq!(said, wanted);
}

/// Section 3: without an inittab nobody speaks as sysvinit.
#[test]
fn a_machine_without_inittab_hears_nothing_of_init() {
    let world = World::new().boot();
    assert!(!world.console().contains("INIT:"), "{}", world.console());
}

/// Section 3: `telinit S` from a multi-user level is single user mode, with the lines for `S` in it.
#[test]
fn telinit_s_goes_to_single_user_mode() {
    let text = format!("id:3:initdefault:\n{}{}", says("s1", "S", "wait"), stays("r", "3"));
    let machine = Machine::boot(&text);
    let pid = machine.pid("/run/r.pid");
    machine.world.ok(["telinit", "S"]);
    machine.wait_level('1');
    machine.wait_lines("/run/said", &["s1 1 3"]);
    assert_ne!(machine.world.run(["sh", "-c", &format!("kill -0 {pid}")]).code, 0);
    machine.world.ok(["telinit", "3"]);
    machine.wait_level('3');
}

/// Section 2: lines of level 0 that stand before its scripts run on the way down, those behind don't. They run when all
/// else is stopped (README, table of differences).
#[test]
fn lines_of_level_0_that_stand_before_its_scripts_run() {
    let line = |id: &str, words: &str| format!("{id}:0:wait:/bin/sh -c 'echo {words} >>/var/down'\n");
    let text =
        format!("id:3:initdefault:\n{}l0:0:wait:/etc/init.d/rc 0\n{}", line("b0", "before"), line("a0", "behind"));
    let machine = Machine::with(&text, '3', |root| {
        let script = "#!/bin/sh\necho \"$1 script\" >>/var/down\n";
        for folder in ["etc/init.d", "etc/rc0.d", "var"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let path = root.path().join("etc/init.d/last");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("../init.d/last", root.path().join("etc/rc0.d/S90last")).unwrap();
    });
    let file = fs::File::create(machine.world.path("/var/down")).unwrap();
    machine.world.run(["telinit", "0"]);
    let (code, errors) = machine.end();
    assert!(code == 0 || code >= 128, "{code} {errors}");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut reopened(&file), &mut text).unwrap();
    assert_eq!(text, "stop script\nbefore\n", "an S link of level 0 is called with stop");
}

/// The same file from its beginning, whatever has become of its path.
fn reopened(file: &fs::File) -> fs::File {
    use std::os::fd::AsRawFd;
    fs::File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap()
}

/// Section 2: the action for a failing power that is waited for, and the older place of its state (section 3.1).
#[test]
fn powerwait_and_the_old_place_of_the_powers_state() {
    let text = format!("id:3:initdefault:\n{}{}", says("pw", "", "powerwait"), says("po", "", "powerokwait"));
    let machine = Machine::boot(&text);
    machine.signal(Signal::SIGPWR);
    machine.wait_lines("/run/said", &["pw 3 N"]);
    machine.write("/etc/powerstatus", "O");
    machine.signal(Signal::SIGPWR);
    machine.wait_lines("/run/said", &["pw 3 N", "po 3 N"]);
    assert!(!machine.world.path("/etc/powerstatus").exists());
}

/// Section 3.1: the other signals are ignored, SIGTERM too.
#[test]
fn other_signals_change_nothing() {
    let machine = Machine::boot(&format!("id:3:initdefault:\n{}", stays("r", "3")));
    let pid = machine.pid("/run/r.pid");
    for signal in [Signal::SIGQUIT, Signal::SIGALRM, Signal::SIGPIPE, Signal::SIGTTIN, Signal::SIGVTALRM, Signal::SIGIO]
    {
        machine.signal(signal);
    }
    machine.level('q');
    machine.wait_level('3');
    assert_eq!(machine.pid("/run/r.pid"), pid);
}

/// Section 3.2: what the maintainer script of sysvinit-core does: a FIFO anew, SIGUSR1, `init u` until it succeeds.
#[test]
fn the_maintainer_scripts_reexec_works() {
    let machine = Machine::boot(&format!("id:3:initdefault:\n{}", stays("r", "3")));
    let pid = machine.pid("/run/r.pid");
    machine.world.ok(["rm", "/run/initctl"]);
    nix::unistd::mkfifo(&machine.world.path("/run/initctl"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    machine.signal(Signal::SIGUSR1);
    machine.ask(&Request::RunLevel { level: b'U', sleep_time: 3 });
    machine.world.wait_for("another manager", deadline(90), |w| {
        w.run(["initctl", "history"]).stdout.contains("took over").then_some(())
    });
    machine.world.ok(["/sbin/init", "u"]);
    assert_eq!((machine.pid("/run/r.pid"), machine.lines("/run/r")), (pid, vec!["r".to_owned()]));
}

/// Section 4: a path that is no FIFO is told, and taken up once it is one.
#[test]
fn what_is_no_fifo_is_told() {
    let machine = Machine::boot("id:3:initdefault:\n");
    machine.world.ok(["sh", "-c", "rm /run/initctl; : >/run/initctl"]);
    machine.signal(Signal::SIGUSR1);
    machine.world.wait_for("the words", deadline(90), |w| {
        w.run(["initctl", "logs", "sysv-fifo"]).stdout.contains("/run/initctl is not a fifo").then_some(())
    });
    // No SIGUSR1 here: it closes the FIFO that was made meanwhile, and what was written into it is lost.
    machine.world.ok(["rm", "/run/initctl"]);
    machine.world.wait_for("a FIFO", deadline(90), |w| w.path("/run/initctl").exists().then_some(()));
    machine.level('4');
    machine.wait_level('4');
}

/// Section 4: the FIFO is read also while the manager takes its time over what was asked before.
#[test]
fn the_fifo_is_read_while_the_manager_is_busy() {
    let machine = Machine::boot("id:3:initdefault:\n");
    let manager = Pid::from_raw(machine.world.manager().unwrap());
    kill(manager, Signal::SIGSTOP).unwrap();
    machine.level('4');
    machine.raw(&[0; 5]);
    // Straight from the file: initctl would ask the manager.
    let log = || machine.world.text("/var/log/rung/sysv-fifo/current");
    machine.world.wait_for("the second request", deadline(90), |_| log().contains("bogus initrequest").then_some(()));
    assert!(!log().contains("answer"), "the first one was given up before: {}", log());
    kill(manager, Signal::SIGCONT).unwrap();
    machine.wait_level('4');
}

/// Sections 2 and 4.1: `telinit a`, `B`, `c`.
#[test]
fn telinit_demands_a_to_c() {
    let text = format!(
        "id:3:initdefault:\n{}{}{}",
        says("da", "a", "ondemand").replace("said'", "said; exec sleep inf'"),
        says("db", "b", "ondemand").replace("said'", "said; exec sleep inf'"),
        says("dc", "c", "ondemand").replace("said'", "said; exec sleep inf'"),
    );
    let machine = Machine::boot(&text);
    for letter in ["a", "B", "c"] {
        machine.world.ok(["telinit", letter]);
    }
    machine.world.wait_for("all three", deadline(90), |_| {
        let mut lines = machine.lines("/run/said");
        lines.sort();
        (lines == ["da 3 N", "db 3 N", "dc 3 N"]).then_some(())
    });
    machine.wait_level('3');
}

/// Section 5: the line's record is in utmp before its program begins, with the line's id, and its end keeps the terminal.
#[test]
fn a_line_finds_its_own_record() {
    // As agetty does, it looks for its pid and takes the record over, with its terminal.
    let look = "g:3:once:cat /run/utmp >/run/seen; echo $$ >/run/g.pid\n";
    let machine = Machine::boot(&format!("id:3:initdefault:\n{FILES}{look}"));
    let pid: i32 = machine.pid("/run/g.pid").parse().unwrap();
    let seen = files::read(&machine.world.path("/run/seen")).unwrap();
    let own: Vec<&Record> = seen.iter().filter(|r| r.pid == pid).collect();
    assert_eq!(own.len(), 1, "{seen:?}");
    assert_eq!((own[0].kind, own[0].id.as_str(), own[0].user.as_str()), (Kind::InitProcess, "g", ""));
    let wtmp = |kind: Kind| {
        let all = files::read(&machine.world.path("/var/log/wtmp")).unwrap_or_default();
        all.iter().filter(|r| r.kind == kind && r.pid == pid && r.id == "g").count()
    };
    machine.world.wait_for("its end", deadline(90), |_| (wtmp(Kind::DeadProcess) == 1).then_some(()));
    assert_eq!(wtmp(Kind::InitProcess), 1, "once, by itself alone");
}

/// Section 5: a utmp that was emptied gets the boot's record and the level's at the next level; the level is in
/// `/run/runlevel` too, where runlevel falls back to (section 1).
#[test]
fn a_utmp_that_was_emptied_is_caught_up_with() {
    let machine = Machine::boot(&format!("id:3:initdefault:\n{FILES}"));
    machine.write("/run/utmp", "");
    machine.level('4');
    let kinds = |m: &Machine| -> Vec<Kind> {
        files::read(&m.world.path("/run/utmp")).unwrap_or_default().iter().map(|r| r.kind).collect()
    };
    machine
        .world
        .wait_for("both", deadline(90), |_| (kinds(&machine) == [Kind::BootTime, Kind::RunLevel]).then_some(()));
    assert_eq!(text_of(&machine, "/run/runlevel"), "4\n");
    let wtmp = files::read(&machine.world.path("/var/log/wtmp")).unwrap();
    assert!(wtmp.iter().any(|r| r.kind == Kind::RunLevel && r.user == "runlevel" && !r.host.is_empty()), "{wtmp:?}");
}

/// Section 2: `init.autocon=1` gives each `console=` of the kernel's a login.
#[test]
fn autocon_gives_the_kernels_consoles_a_login() {
    let machine = Machine::boot("id:3:initdefault:\n");
    machine.write("/run/cmdline", "quiet init.autocon=1 console=tty0 console=ttyS7,115200\n");
    machine.world.ok(["mount", "--bind", "/run/cmdline", "/proc/cmdline"]);
    machine.level('q');
    let path = "/run/rung/generated/levels/3/inittab-S7.service";
    let unit = machine.world.wait_for("the line", deadline(90), |w| Some(w.text(path)).filter(|t| !t.is_empty()));
    assert!(unit.contains("/sbin/agetty -L -s 115200,38400,9600 ttyS7 vt102"), "{unit}");
}

/// Section 5: the machine's end is in wtmp, and in no utmp.
#[test]
fn wtmp_tells_of_the_end() {
    let machine = Machine::boot(&format!("id:3:initdefault:\n{FILES}"));
    let wtmp = fs::File::open(machine.world.path("/var/log/wtmp")).unwrap();
    machine.world.run(["telinit", "6"]);
    machine.end();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut reopened(&wtmp), &mut bytes).unwrap();
    let records: Vec<Record> = bytes.chunks_exact(compat_sysv::utmp::LEN).filter_map(Record::decode).collect();
    let end: Vec<&Record> = records.iter().filter(|r| r.user == "shutdown").collect();
    assert_eq!(end.len(), 1, "{records:?}");
    assert_eq!((end[0].kind, end[0].id.as_str(), end[0].line.as_str(), end[0].pid), (Kind::RunLevel, "~~", "~~", 0));
    assert!(!end[0].host.is_empty());
}

/// Section 1.2: what is waited for while the machine boots has the console for its controlling terminal, so that its keys
/// end what hangs; other lines have it for their streams only.
#[test]
fn a_line_of_the_boot_has_the_consoles_keys() {
    let hangs = "h1::sysinit:/bin/sh -c 'cat /proc/self/stat >/var/boot; exec sleep 7777'\n";
    let later = "p:3:once:/bin/sh -c 'cat /proc/self/stat >/var/later'\n";
    let inittab = format!("id:3:initdefault:\n{hangs}{later}");
    let rootfs =
        Rootfs::new().program("/usr/bin/readlink").program("/usr/bin/touch").file("etc/inittab", &inittab, 0o644);
    fs::create_dir_all(rootfs.path().join("var")).unwrap();
    let var = rootfs.path().join("var");
    let pty = nix::pty::openpty(None, None).unwrap();
    let device = fs::metadata(nix::unistd::ttyname(&pty.slave).unwrap()).unwrap().rdev();
    // The terminal that this is started on is the container's console.
    let own = "mount -t tmpfs none dev && touch dev/null dev/console && mount --bind /dev/null dev/null && \
               mount --bind \"$(readlink /proc/self/fd/0)\" dev/console && mount -t tmpfs tmpfs run && mount -t proc proc proc";
    let [stdin, stdout, stderr] = [0, 1, 2].map(|_| pty.slave.try_clone().unwrap());
    let mut command = Container::command(&rootfs, own, &[]);
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    let machine = Container::of(command.spawn().unwrap(), rootfs);
    let terminal = |file: &str| {
        let text = machine.wait_for(file, |_| fs::read_to_string(var.join(file)).ok().filter(|t| t.ends_with('\n')));
        let fields: Vec<String> = text.rsplit_once(')').unwrap().1.split_whitespace().map(str::to_owned).collect();
        fields[4].parse::<u64>().unwrap()
    };
    assert_eq!(terminal("boot"), device, "the terminal, as the kernel counts it");
    fs::File::from(pty.master.try_clone().unwrap()).write_all(b"\x03").unwrap();
    assert_eq!(terminal("later"), 0, "Ctrl-C has ended the line, and the boot went on");
}

/// Section 2.2: a switch of levels takes the guard off, too.
#[test]
fn a_switch_of_levels_resets_the_guard() {
    let machine = Machine::boot("id:3:initdefault:\nf:34:respawn:echo f >>/run/said\n");
    let ten = vec!["f"; 10];
    machine.wait_lines("/run/said", &ten);
    machine.world.wait_for("the words", deadline(90), |w| {
        (told(w, "INIT: Id \"f\" respawning too fast: disabled for 5 minutes") == 1).then_some(())
    });
    machine.level('4');
    machine.wait_lines("/run/said", &[ten.clone(), ten].concat());
}
