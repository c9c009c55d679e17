//! What SysV's scripts do at the end of a machine's life: `killall5`, `pidof`, `initctl list` and `emit`; ours beside
//! Debian's own programs.

use nix::sys::signal::Signal;
use rung_tests::world::{World, deadline};
use std::path::Path;

const SLEEPER: &str = "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n[Install]\nRunlevels=35\n";
/// Debian's, of sysvinit-utils.
const KILLALL5: &str = "/usr/bin/killall5 /usr/sbin/killall5 /sbin/killall5";
const PIDOF: &str = "/usr/bin/pidof /bin/pidof";
/// Who holds the world from outside isn't a part of it: without this `cat` it ends, whatever else is killed.
const HOLDER: &str = "o=\"-o $(pidof cat)\"";
const OMIT: &str = "/run/sendsigs.omit.d/rung";

/// The first of these that is here; `None` where Debian's isn't.
fn real(paths: &str) -> Option<String> {
    let found = paths.split(' ').find(|p| Path::new(p).exists()).map(str::to_owned);
    if found.is_none() {
        println!("skipped: the oracle of {paths} isn't installed");
    }
    found
}

fn omitted(world: &World) -> Vec<i32> {
    world.text(OMIT).split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// A pid as the world has it.
fn inside(pid: i32) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("NSpid:")).unwrap_or_default();
    line.split_whitespace().last().and_then(|p| p.parse().ok()).unwrap_or(0)
}

fn own(world: &World) -> Option<Vec<i32>> {
    Some([world.manager()?, world.logger()?].map(inside).to_vec())
}

/// Waits until the file names the present manager and logger.
fn renewed(world: &World) {
    world.wait_for("our pids to be written down", deadline(30), |w| {
        let (file, own) = (omitted(w), own(w)?);
        own.iter().all(|pid| file.contains(pid)).then_some(())
    });
}

#[test]
fn our_own_pids_are_written_down_and_renewed() {
    let world = World::new().unit("a.service", SLEEPER).boot();
    renewed(&world);
    assert!(!omitted(&world).contains(&1), "nobody kills PID 1, and nobody needs to be told");
    world.kill_manager(Signal::SIGKILL);
    renewed(&world);
    let logger = world.wait_for("a logger", deadline(10), World::logger);
    let before = inside(logger);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(logger), Signal::SIGKILL).expect("ours");
    world.wait_for("another logger", deadline(30), |w| w.logger().filter(|pid| inside(*pid) != before));
    renewed(&world);
    assert!(!omitted(&world).contains(&before));
}

/// Debian's `sendsigs`: TERM and KILL to all but those that are to be left alone.
fn with_omissions(program: &str) {
    let world = World::new().unit("a.service", SLEEPER).boot();
    renewed(&world);
    let (before, service) = (own(&world), world.main_of("a"));
    let script =
        format!("{HOLDER}; for pid in $(cat /run/sendsigs.omit.d/*); do o=\"$o -o $pid\"; done; {program} -9 $o");
    // In a session of its own, as rc is.
    let out = world.run(["setsid", "-w", "sh", "-c", &script]);
    assert_eq!(out.code, 0, "{out:?}");
    world.wait_for("the service to be gone", deadline(20), |w| (!w.lives(service)).then_some(()));
    assert_eq!(own(&world), before, "neither manager nor logger was touched");
    world.wait_for("an answer", deadline(20), |w| (w.run(["initctl", "is-failed", "a"]).code == 0).then_some(()));
}

#[test]
fn killall5_with_omissions_spares_ours() {
    with_omissions("/usr/lib/rung/killall5");
}

#[test]
fn debians_killall5_with_omissions_spares_ours() {
    if let Some(program) = real(KILLALL5) {
        with_omissions(&program);
    }
}

/// Red Hat's halt: TERM, KILL, both without any omission, then the end.
fn without_omissions(program: &str) {
    let unit =
        "[Service]\nType=oneshot\nExecStart=/usr/local/sbin/halt-script\nKillMode=none\n[Install]\nRunlevels=0\n";
    let world = World::new().unit("a.service", SLEEPER).unit("halt-script.service", unit).boot();
    let script = format!(
        "#!/bin/sh\n{HOLDER}\n{program} -15 $o\n{program} -9 $o\necho killed >>/proc/1/fd/2\nexec /usr/lib/rung/halt -d -p\n"
    );
    world.write("/usr/local/sbin/halt-script", &script);
    world.ok(["chmod", "755", "/usr/local/sbin/halt-script"]);
    world.run(["telinit", "0"]);
    assert!(world.gone(deadline(60)), "no end\n{}", world.console());
    assert!(world.console().contains("killed\n"), "the script got so far\n{}", world.console());
}

#[test]
fn a_killall5_that_spares_nobody_still_ends_in_a_power_off() {
    without_omissions("/usr/lib/rung/killall5");
}

#[test]
fn debians_killall5_that_spares_nobody_still_ends_in_a_power_off() {
    if let Some(program) = real(KILLALL5) {
        without_omissions(&program);
    }
}

/// In level 3: everything of ours is killed, comes back, and goes on with what there is.
#[test]
fn a_killall5_that_spares_nobody_costs_services_and_nothing_else() {
    let Some(program) = real(KILLALL5) else { return };
    let world = World::new()
        .unit("a.service", SLEEPER)
        .unit("b.service", &format!("{SLEEPER}\n[Service]\nRestart=always\n"))
        .boot();
    let before = (own(&world), world.main_of("b"));
    world.run(["setsid", "-w", "sh", "-c", &format!("{HOLDER}; {program} -9 $o")]);
    world.wait_for("a new manager", deadline(30), |w| own(w).filter(|own| Some(own) != before.0.as_ref()));
    world.until("a", "failed");
    world.until("b", "active");
    assert_ne!(world.main_of("b"), before.1);
    renewed(&world);
    assert_eq!(world.ok(["runlevel"]), "N 3\n");
}

#[test]
fn killall5_says_whether_there_was_anybody() {
    let world = World::new().boot();
    // It comes behind the boot.
    world.wait_for("a logger", deadline(10), World::logger);
    // Left alone: ours, and what holds the world.
    let all = "o=; for p in /proc/[0-9]*; do o=\"$o -o ${p#/proc/}\"; done; ";
    for program in [Some("/usr/lib/rung/killall5".to_owned()), real(KILLALL5)].into_iter().flatten() {
        let run = |args: &str| world.run(["setsid", "-w", "sh", "-c", &format!("{all}{program} {args}")]).code;
        assert_eq!(run("-18 $o"), 2, "{program}: nobody");
        assert_eq!(run("-18"), 0, "{program}: somebody");
        assert_eq!(run("-TERM $o"), 1, "{program}: signals are numbers");
        assert_eq!(run("-99 $o"), 1, "{program}");
    }
}

#[test]
fn pidof_finds_what_debians_finds() {
    let Some(debians) = real(PIDOF) else { return };
    let world = World::new().unit("a.service", SLEEPER).unit("b.service", SLEEPER).boot();
    world.write("/usr/local/bin/job", "#!/bin/sh\nwhile :; do sleep 1000; done\n");
    world.ok(["chmod", "755", "/usr/local/bin/job"]);
    world.write_unit("job.service", "[Service]\nType=exec\nExecStart=/usr/local/bin/job\n");
    world.write_unit("title.service", "[Service]\nType=exec\nExecStart=@/bin/sleep \"sleep: like a title\" infinity\n");
    world.ok(["initctl", "start", "job", "title"]);
    let a = world.main_of("a").to_string();
    let lines = [
        "sleep",
        "-s sleep",
        "/usr/bin/sleep",
        "/bin/sleep",
        "sh",
        "job",
        "-x job",
        "-x /usr/local/bin/job",
        "-d , sleep",
        "-q sleep",
        "no-such-program",
        "-q no-such-program",
        "sleep job no-such",
        "-c sleep",
        "-n sleep",
        "-z sleep",
        "sbin/sleep",
        "/sleep",
        "init-manager init-log",
        "-s sleep job -x job",
    ];
    for line in lines.map(str::to_owned).into_iter().chain([format!("-o {a} sleep"), format!("-o {a},2 -o 3 sleep")]) {
        // What runs meanwhile is the same for both: these two themselves aren't asked for.
        let run = |program: &str| world.run([program].into_iter().chain(line.split_whitespace()));
        let (ours, theirs) = (run("/usr/lib/rung/pidof"), run(&debians));
        assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs.stdout), "pidof {line}");
    }
    let ppid = world.run(["sh", "-c", "/usr/lib/rung/pidof -o %PPID sh; true"]).stdout;
    let with = world.run(["sh", "-c", "/usr/lib/rung/pidof sh; true"]).stdout;
    assert_eq!(with.split_whitespace().count(), ppid.split_whitespace().count() + 1);
}

/// Debian's sendsigs takes what follows `process ` in `initctl list` for pids that are to be spared; `init_is_upstart`
/// looks for a word in `initctl version`; umountnfs and Red Hat's rc emit events.
#[test]
fn initctl_says_nothing_that_scripts_take_for_another_inits() {
    let text = "[Unit]\nDescription=watches process 4711 and upstart things\n";
    let world = World::new().unit("a.service", &format!("{text}{SLEEPER}")).boot();
    let list = world.ok(["initctl", "list"]);
    let phrase = |text: &str| {
        text.match_indices("process ")
            .any(|(at, word)| text[at + word.len()..].starts_with(|c: char| c.is_ascii_digit()))
    };
    assert!(list.contains("a ") && !phrase(&list), "{list}");
    assert!(!world.ok(["initctl", "version"]).contains("upstart"));
    for words in [
        "--quiet emit unmounted-remote-filesystems",
        "emit --quiet starting JOB=x",
        "emit -n net-device-up IFACE=lo LOGICAL=lo",
        "emit stopped JOB=x",
    ] {
        let out = world.run(["initctl"].into_iter().chain(words.split(' ')));
        assert_eq!((out.code, out.stdout.as_str(), out.stderr.as_str()), (0, "", ""), "{words}");
    }
    // As scripts ask where there is one in /sbin.
    world.ok(["ln", "-sf", "/usr/bin/initctl", "/sbin/initctl"]);
    let upstart = "[ -x /sbin/initctl ] && /sbin/initctl version 2>/dev/null | grep -q upstart";
    assert_eq!(world.run(["sh", "-c", upstart]).code, 1);
    let spared = r"/sbin/initctl list | sed -n 's/.*process \([0-9][0-9]*\).*/\1/p'";
    assert_eq!(world.ok(["sh", "-c", spared]), "");
    // Where there is no Rung at all they answer at once, too.
    let bare =
        |words: &[&str]| world.run(["env", "RUNG_RUNDIR=/nowhere", "initctl"].into_iter().chain(words.iter().copied()));
    assert_eq!(bare(&["emit", "x"]).code, 0);
    assert!(!bare(&["version"]).stdout.contains("upstart"));
}
