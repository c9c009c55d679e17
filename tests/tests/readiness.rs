//! Readiness and notices under the real programs: how a service says that it is ready and alive, and whose word counts.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rung_tests::world::{World, deadline, helper, off};

/// A unit whose main process does what it is told.
fn server(name: &str, more: &str) -> String {
    off(&format!("[Service]\nExecStart=/run/notify --serve /run/{name}.fifo\n{more}"))
}

fn boot(units: &[(&str, &str)]) -> World {
    let make = |world: rung_tests::world::Builder, (name, more): &(&str, &str)| {
        world.unit(&format!("{name}.service"), &server(name, more))
    };
    prepare(units.iter().fold(World::new(), make).boot(), units)
}

fn prepare(world: World, units: &[(&str, &str)]) -> World {
    let copied = rung_tests::copy_program(helper("world-notify"), world.path("/run/notify"));
    assert!(copied.is_ok(), "{copied:?}");
    for (name, _) in units {
        world.ok(["mkfifo", &format!("/run/{name}.fifo")]);
    }
    world
}

/// Tells a server what to do. Waits until it reads.
fn order(world: &World, name: &str, what: &str) {
    world.ok(["sh", "-c", &format!("echo '{what}' >/run/{name}.fifo")]);
}

fn begin(world: &World, name: &str) {
    world.ok(["initctl", "start", "--no-wait", name]);
    world.until(name, "activating");
}

fn active(world: &World, name: &str) {
    world.ok(["initctl", "wait", name, "--timeout", "10"]);
    assert_eq!(world.state(name).0, "active");
}

fn status(world: &World, name: &str, text: &str) {
    world.wait_for(text, deadline(5), |w| (w.show(name, "StatusText") == text).then_some(()));
}

#[test]
fn a_newline_on_a_descriptor() {
    let world = boot(&[("fd", "NotifyFd=3\n"), ("mute", "NotifyFd=5\nTimeoutStartSec=300ms\n")]);
    begin(&world, "fd");
    order(&world, "fd", "write 3 not yet");
    world.pass(150);
    assert_eq!(world.state("fd").0, "activating", "a newline was asked for");
    order(&world, "fd", "write 3 now|and more");
    active(&world, "fd");
    // It goes on writing where nobody listens any more.
    let pid = world.main_of("fd");
    let out = world.fails(1, ["initctl", "start", "mute"]);
    assert!(out.stderr.contains("TimeoutStartSec=") && out.stderr.contains("NotifyFd="), "{}", out.stderr);
    assert_eq!((world.main_of("fd"), world.state("mute").0.as_str()), (pid, "failed"));
}

#[test]
fn a_newline_is_heard_whoever_manages() {
    let world = boot(&[("a", "NotifyFd=3\n"), ("b", "NotifyFd=3\n"), ("c", "Type=notify\n")]);
    for name in ["a", "b", "c"] {
        begin(&world, name);
        // It is there, and reads.
        order(&world, name, "write 1 up|");
    }
    world.kill_manager(Signal::SIGKILL);
    assert_eq!(world.state("a").0, "activating");
    order(&world, "a", "write 3 |");
    active(&world, "a");
    // Said while nobody listens.
    let manager = Pid::from_raw(world.wait_for("a manager", deadline(10), World::manager));
    kill(manager, Signal::SIGSTOP).expect("it is there");
    order(&world, "b", "write 3 |");
    order(&world, "c", "say READY=1|STATUS=here");
    world.kill_manager(Signal::SIGKILL);
    active(&world, "b");
    active(&world, "c");
    status(&world, "c", "here");
}

#[test]
fn a_command_that_asks() {
    let world = World::new()
        .unit(
            "asked.service",
            &off("[Service]\nUser=nobody\nReadyCheck=/bin/sh -c 'id -u >/tmp/asker; test -e /run/up'\nReadyCheckSec=50ms\n\
                  ExecStart=/bin/sleep infinity\nExecStartPost=+/bin/sh -c 'echo post >/run/post'\n"),
        )
        .unit(
            "never.service",
            &off("[Service]\nReadyCheck=/bin/false\nTimeoutStartSec=300ms\nExecStart=/bin/sleep infinity\n"),
        )
        .unit("gone.service", &off("[Service]\nReadyCheck=/bin/false\nExecStart=/bin/sh -c 'sleep 0.2; exit 7'\n"))
        .unit(
            "daemon.service",
            &off("[Service]\nType=forking\nPIDFile=/run/d.pid\nReadyCheck=/bin/test -e /run/up\nReadyCheckSec=50ms\n\
                  ExecStart=/bin/sh -c 'sleep infinity & echo $$! >/run/d.pid'\n"),
        )
        .boot();
    begin(&world, "asked");
    world.line("/tmp/asker", "65534");
    assert!(!world.path("/run/post").exists());
    world.kill_manager(Signal::SIGKILL);
    begin(&world, "daemon");
    world.write("/run/up", "");
    active(&world, "asked");
    active(&world, "daemon");
    assert_eq!(world.read("/run/post"), "post\n");
    let out = world.fails(1, ["initctl", "start", "never"]);
    assert!(out.stderr.contains("ReadyCheck=") && out.stderr.contains("never.service:2"), "{}", out.stderr);
    let out = world.fails(1, ["initctl", "start", "gone"]);
    assert!(out.stderr.contains("exited with status 7"), "{}", out.stderr);
    // The PID file goes with the service.
    world.ok(["initctl", "stop", "daemon"]);
    assert!(!world.path("/run/d.pid").exists());
}

#[test]
fn whose_word_counts() {
    let world = boot(&[
        ("main", "Type=notify\n"),
        (
            "exec",
            "Type=notify\nNotifyAccess=exec\nExecStartPre=/run/notify STATUS=pre\nExecStop=/run/notify STATUS=bye\n",
        ),
        ("all", "Type=notify\nNotifyAccess=all\n"),
    ]);
    begin(&world, "main");
    order(&world, "main", "say READY=1|STATUS=me");
    active(&world, "main");
    // A stranger may write to the socket; nobody listens to it.
    let socket = |name: &str| {
        let environ = world.read(&format!("/proc/{}/environ", world.main_of(name)));
        environ.split('\0').find(|e| e.starts_with("NOTIFY_SOCKET=")).expect("a socket").to_owned()
    };
    world.ok(["env", &socket("main"), "/run/notify", "STATUS=stranger", "READY=1"]);
    world.ok(["env", &socket("main"), "/run/notify", "--barrier"]);
    assert_eq!(world.show("main", "StatusText"), "me");
    world.wait_for("a word about it", deadline(10), |w| {
        w.run(["initctl", "logs", "main"]).stdout.contains("refused: NotifyAccess=main").then_some(())
    });
    begin(&world, "exec");
    status(&world, "exec", "pre");
    order(&world, "exec", "say READY=1");
    active(&world, "exec");
    world.ok(["initctl", "stop", "exec"]);
    assert_eq!(world.show("exec", "StatusText"), "bye");
    begin(&world, "all");
    order(&world, "all", "say READY=1|STATUS=up|NOTIFYACCESS=none");
    active(&world, "all");
    order(&world, "all", "say STATUS=unheard");
    order(&world, "all", "barrier");
    order(&world, "all", "write 1 |");
    world.ok(["env", &socket("all"), "/run/notify", "--barrier"]);
    assert_eq!(world.show("all", "StatusText"), "up");
}

#[test]
fn the_watchdog() {
    let world = boot(&[
        ("dog", "Type=notify\nWatchdogSec=400ms\nRestart=on-failure\nRestartSec=0\n"),
        ("trigger", "Type=notify\nWatchdogSec=1h\nWatchdogSignal=SIGUSR1\n"),
        ("later", "Type=notify\nWatchdogSec=1h\n"),
    ]);
    begin(&world, "dog");
    order(&world, "dog", "say READY=1");
    active(&world, "dog");
    let pid = world.main_of("dog");
    let environ = world.read(&format!("/proc/{pid}/environ"));
    assert!(
        environ.contains(&format!("WATCHDOG_PID={pid}\0")) && environ.contains("WATCHDOG_USEC=400000\0"),
        "{environ}"
    );
    for _ in 0..4 {
        world.pass(200);
        order(&world, "dog", "say WATCHDOG=1");
    }
    assert_eq!(world.main_of("dog"), pid, "it is fed");
    // A new manager holds nothing against it.
    world.kill_manager(Signal::SIGKILL);
    order(&world, "dog", "say WATCHDOG=1");
    assert_eq!(world.main_of("dog"), pid);
    world.wait_for("its end", deadline(10), |w| (!w.lives(pid)).then_some(()));
    world.wait_for("its restart", deadline(10), |w| (w.show("dog", "NRestarts") == "1").then_some(()));
    order(&world, "dog", "say READY=1");
    active(&world, "dog");
    begin(&world, "trigger");
    order(&world, "trigger", "say READY=1");
    active(&world, "trigger");
    order(&world, "trigger", "say STATUS=ill|ERRNO=5|WATCHDOG=trigger");
    world.until("trigger", "failed");
    let page = world.run(["initctl", "status", "trigger"]).stdout;
    for word in ["watchdog", "SIGUSR1", "ill"] {
        assert!(page.contains(word), "no `{word}` in:\n{page}");
    }
    begin(&world, "later");
    order(&world, "later", "say READY=1|WATCHDOG_USEC=200000");
    active(&world, "later");
    world.until("later", "failed");
    assert!(world.show("later", "Reason").contains("watchdog"), "{}", world.show("later", "Reason"));
}

#[test]
fn a_reload_by_signal_and_notices() {
    let world = boot(&[("re", "Type=notify-reload\nTimeoutStartSec=2s\n")]);
    begin(&world, "re");
    order(&world, "re", "say READY=1");
    active(&world, "re");
    let pid = world.main_of("re");
    order(&world, "re", "hup");
    world.ok(["initctl", "reload", "--no-wait", "re"]);
    world.until("re", "reloading");
    // Killed in the middle: the next manager waits on.
    world.kill_manager(Signal::SIGKILL);
    assert_eq!(world.state("re").0, "reloading");
    order(&world, "re", "say READY=1|STATUS=again");
    active(&world, "re");
    // By itself.
    order(&world, "re", "say RELOADING=1");
    world.until("re", "reloading");
    order(&world, "re", "say READY=1");
    active(&world, "re");
    // Without an answer: it fails, and the service goes on.
    let out = world.fails(1, ["initctl", "reload", "re"]);
    assert!(out.stderr.contains("TimeoutStartSec="), "{}", out.stderr);
    assert_eq!((world.state("re").0.as_str(), world.main_of("re")), ("active", pid));
}

#[test]
fn more_time_and_last_words() {
    let world =
        boot(&[("slow", "Type=notify\nTimeoutStartSec=600ms\n"), ("words", "Type=notify\nTimeoutStopSec=10s\n")]);
    begin(&world, "slow");
    order(&world, "slow", "say EXTEND_TIMEOUT_USEC=20000000");
    world.pass(900);
    assert_eq!(world.state("slow").0, "activating");
    order(&world, "slow", "say READY=1");
    active(&world, "slow");
    begin(&world, "words");
    order(&world, "words", "say READY=1|STATUS=fine");
    active(&world, "words");
    order(&world, "words", "say STATUS=no disk|ERRNO=5|EXIT_STATUS=3|BUSERROR=x.y");
    order(&world, "words", "exit 3");
    world.until("words", "failed");
    let page = world.run(["initctl", "status", "words"]).stdout;
    assert!(page.contains("no disk") && page.contains("I/O error"), "{page}");
    assert_eq!(world.show("words", "StatusErrno"), "5");
    begin(&world, "words");
    assert_eq!(world.show("words", "StatusText"), "", "a new life");
}

#[test]
fn a_barrier_is_lifted_when_all_before_it_is_taken_in() {
    let world = boot(&[(
        "b",
        "Type=notify\nNotifyAccess=all\nExecStartPost=/bin/sh -c '/run/notify STATUS=1 STATUS=2 && /run/notify --barrier && echo lifted >/run/lifted'\n",
    )]);
    begin(&world, "b");
    order(&world, "b", "say READY=1");
    active(&world, "b");
    assert_eq!(world.read("/run/lifted"), "lifted\n");
    assert_eq!(world.show("b", "StatusText"), "2");
    // A manager that is held up holds the barrier.
    let manager = Pid::from_raw(world.wait_for("a manager", deadline(10), World::manager));
    kill(manager, Signal::SIGSTOP).expect("it is there");
    order(&world, "b", "say STATUS=3");
    order(&world, "b", "barrier");
    order(&world, "b", "exit 0");
    let pid = world.path("/run/lifted");
    assert!(pid.exists());
    world.pass(200);
    kill(manager, Signal::SIGCONT).expect("it is there");
    world.until("b", "inactive");
    assert_eq!(world.show("b", "StatusText"), "3");
}

#[test]
fn idle_services_let_the_others_go_first() {
    let say = |word: &str| format!("/bin/sh -c 'echo {word} >>/run/order'");
    let world = World::new()
        .unit("work.service", &off(&format!("[Service]\nType=oneshot\nExecStart=/bin/sleep 0.5\nExecStart={}\n", say("work"))))
        .unit("idle.service", &off(&format!("[Service]\nType=idle\nExecStart=/bin/sh -c 'echo idle >>/run/order; exec sleep infinity'\nExecStop={}\n", say("stop"))))
        .unit("long.service", &off("[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n"))
        .boot();
    world.ok(["initctl", "start", "idle", "work"]);
    // An idle service is up as soon as its program runs, so its first word may come a moment later.
    world.wait_for("idle's word", deadline(10), |w| (w.read("/run/order") == "work\nidle\n").then_some(()));
    world.ok(["initctl", "stop", "idle"]);
    // Alone it starts at once; beside what doesn't end it waits five seconds at most.
    let begun = std::time::Instant::now();
    world.ok(["initctl", "start", "idle"]);
    assert!(begun.elapsed().as_secs() < 5);
    world.ok(["initctl", "stop", "idle"]);
    begin(&world, "long");
    let begun = std::time::Instant::now();
    world.ok(["initctl", "start", "--no-wait", "idle"]);
    world.kill_manager(Signal::SIGKILL);
    active(&world, "idle");
    assert!((3..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[test]
fn a_daemon_whose_main_process_is_nobodys_business() {
    let world = World::new()
        .unit(
            "pair.service",
            &off("[Service]\nType=forking\nGuessMainPID=no\nExecStart=/bin/sh -c 'sleep 1000 & sleep 2000 & :'\n"),
        )
        .boot();
    world.ok(["initctl", "start", "pair"]);
    assert_eq!(world.state("pair"), ("active".to_owned(), 0));
    world.kill_manager(Signal::SIGKILL);
    let pids = world.ok(["pgrep", "-x", "sleep"]);
    let pids: Vec<&str> = pids.split_whitespace().collect();
    assert_eq!(pids.len(), 2, "{pids:?}");
    world.ok(["kill", pids[0]]);
    world.pass(200);
    assert_eq!(world.state("pair").0, "active", "one is left");
    world.ok(["kill", pids[1]]);
    world.until("pair", "inactive");
    world.ok(["initctl", "start", "pair"]);
    world.ok(["initctl", "stop", "pair"]);
    assert_eq!(world.run(["pgrep", "-x", "sleep"]).stdout, "");
}
