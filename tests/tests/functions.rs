//! `etc-skel/init.d/functions` and `etc-skel/lsb/init-functions`: each function, what it prints and its exit status, under
//! each shell there is, in a world of their own (they signal processes by their names).
#![allow(clippy::unwrap_used, reason = "this is all test code")]

use rung_tests::world::{Output, World, helper};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SHELLS: &[&[&str]] = &[&["dash"], &["bash"], &["busybox", "sh"]];

fn skeleton(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc-skel").join(path)).unwrap()
}

/// Puts a program into the world.
fn program(world: &World, from: &Path, to: &str) {
    let at = world.path(to);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    rung_tests::copy_program(from, &at).unwrap();
    fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A world with both libraries, a toy daemon, and a configuration for it.
fn world() -> World {
    let world = World::new().boot();
    for (from, to) in [
        ("init.d/functions", "/etc/rc.d/init.d/functions"),
        ("lsb/init-functions", "/usr/lib/rung-test/init-functions"),
    ] {
        fs::create_dir_all(world.path(to).parent().unwrap()).unwrap();
        world.write(to, &skeleton(from));
    }
    program(&world, &helper("toy-nginx"), "/usr/sbin/toyd");
    world.write("/usr/sbin/clean", CLEAN);
    fs::set_permissions(world.path("/usr/sbin/clean"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(world.path("/run/lock/subsys")).unwrap();
    world.write("/etc/toyd.conf", "/var/run/toyd.pid\ngood\n");
    world
}

/// What a shell makes of this, after it has sourced a library.
fn run(world: &World, shell: &[&str], library: &str, script: &str) -> Output {
    // Whoever runs the tests may have a niceness of their own.
    let text = format!("renice -n 0 -p $$ >/dev/null\nLIBRARY={library}\n. $LIBRARY\n{NOBODY}\n{script}");
    world.run(shell.iter().copied().chain(["-c", &text]))
}

/// One line of a table: a script, its exit status, all that it prints to standard output.
type Line = (&'static str, i32, &'static str);

/// Checks a table under all shells.
fn all(world: &World, library: &str, table: &[Line]) {
    for shell in SHELLS {
        if world.run(shell.iter().copied().chain(["-c", ":"])).code != 0 {
            println!("skipped: there is no {}", shell.join(" "));
            continue;
        }
        for (script, code, stdout) in table {
            let out = run(world, shell, library, script);
            assert_eq!((out.code, out.stdout.as_str()), (*code, *stdout), "{shell:?}: {script}\n{out:#?}");
        }
    }
}

const REDHAT: &str = "/etc/rc.d/init.d/functions";
const LSB: &str = "/usr/lib/rung-test/init-functions";
/// A function: the library's, called by somebody who may do nothing.
const NOBODY: &str = "nobody() { runuser -s $(command -v sh) nobody -c \". $LIBRARY; $1\"; }";
/// A program that ends what an earlier line may have left.
const CLEAN: &str = "#!/bin/sh
for pid in $(pgrep -x toyd); do kill -9 $pid; while [ -d /proc/$pid ]; do sleep 0.02; done; done
rm -f /var/run/toyd.pid* /run/lock/subsys/*
";

/// A script where one runs.
macro_rules! up {
    ($script:literal) => {
        concat!("clean; /usr/sbin/toyd -c /etc/toyd.conf; ", $script)
    };
}
/// A script where none does.
macro_rules! down {
    ($script:literal) => {
        concat!("clean; ", $script)
    };
}

#[test]
fn results_words_and_files_are_told_in_red_hats_way() {
    let world = world();
    all(
        &world,
        REDHAT,
        &[
            ("echo_success", 0, "[  OK  ]\r"),
            ("echo_failure", 1, "[FAILED]\r"),
            ("echo_passed", 1, "[PASSED]\r"),
            ("echo_warning", 1, "[WARNING]\r"),
            (
                "BOOTUP=color CONSOLETYPE=vt; MOVE_TO_COL='printf >'; SETCOLOR_SUCCESS='printf g'; SETCOLOR_NORMAL='printf n'; echo_success",
                0,
                ">[g  OK  n]\r",
            ),
            ("false; success x", 0, "[  OK  ]\r"),
            ("(exit 5); failure x", 5, "[FAILED]\r"),
            ("(exit 6); passed x", 6, "[PASSED]\r"),
            ("(exit 7); warning x", 7, "[WARNING]\r"),
            ("LSB=1; (exit 5); failure x", 5, ""),
            ("BOOTUP=verbose; (exit 5); failure x", 5, ""),
            ("LSB=1; success x", 0, ""),
            ("action $\"Doing it:\" true", 0, "Doing it: [  OK  ]\r\n"),
            ("action 'Doing it:' sh -c 'exit 4'", 4, "Doing it: [FAILED]\r\n"),
            (
                "prog=toy; echo -n $\"Starting $prog: \"; echo $\"Usage: x {start|stop}\"",
                0,
                "Starting toy: Usage: x {start|stop}\n",
            ),
            ("echo -en 'a\\tb'; echo; echo -e '\\0101'; echo", 0, "a\tb\nA\n\n"),
            ("strstr abcd bc", 0, ""),
            ("strstr abcd cb", 1, ""),
            (
                "is_ignored_file nginx.rpmsave && is_ignored_file x.old && is_ignored_file y~ && ! is_ignored_file nginx",
                0,
                "",
            ),
            ("is_true yes && is_true TRUE && is_true 1 && is_true On && ! is_true no && ! is_true ''", 0, ""),
            ("is_false no && is_false FALSE && is_false 0 && is_false off && ! is_false yes && ! is_false ''", 0, ""),
            ("checkpid 1", 0, ""),
            ("checkpid 99999999 1", 0, ""),
            ("checkpid 99999999", 1, ""),
            ("update_boot_stage x; apply_sysctl", 0, ""),
            ("confirm cron <<E\n\nE", 0, "Start service cron (Y)es/(N)o/(C)ontinue? [Y] "),
            ("confirm cron <<E\nn\nE", 1, "Start service cron (Y)es/(N)o/(C)ontinue? [Y] "),
            ("confirm cron <<E\nc\nE", 2, "Start service cron (Y)es/(N)o/(C)ontinue? [Y] "),
            ("umask; echo $PATH", 0, "0022\n/sbin:/usr/sbin:/bin:/usr/bin\n"),
        ],
    );
    fs::create_dir_all(world.path("/etc/sysconfig")).unwrap();
    world.write("/etc/sysconfig/init", "BOOTUP=verbose\nPROMPT=no\nRES_COL=70\n");
    all(&world, REDHAT, &[("echo $BOOTUP $RES_COL $PROMPT", 0, "serial 70 no\n")]);
    all(&world, REDHAT, &[("CONSOLETYPE=vt; . /etc/rc.d/init.d/functions; success; echo $BOOTUP", 0, "verbose\n")]);
}

#[test]
fn daemons_are_started_signalled_stopped_and_asked_for_in_red_hats_way() {
    const OK: &str = "[  OK  ]\r";
    const NO: &str = "[FAILED]\r";
    let world = world();
    all(
        &world,
        REDHAT,
        &[
            // Starting.
            (down!("daemon toyd -c /etc/toyd.conf; [ -s /var/run/toyd.pid ] && pidof toyd >/dev/null"), 0, OK),
            (up!("daemon /usr/sbin/toyd -c /nonesuch"), 0, ""),
            (up!("daemon --force /usr/sbin/toyd -c /nonesuch 2>/dev/null"), 1, NO),
            (down!("daemon toyd -c /nonesuch 2>/dev/null"), 1, NO),
            (up!("rm /var/run/toyd.pid; daemon toyd -c /nonesuch 2>/dev/null"), 1, NO),
            (down!("daemon 'exit 42'"), 42, NO),
            (up!("daemon --check toyd 'exit 42'"), 0, ""),
            (up!("daemon --check=toyd 'exit 42'"), 0, ""),
            (up!("daemon --pidfile /var/run/toyd.pid 'exit 42'"), 0, ""),
            (up!("daemon --pidfile=/var/run/other.pid 'exit 42'"), 42, NO),
            (down!("daemon --user nobody 'id -un; :' x"), 0, concat!("nobody\n", "[  OK  ]\r")),
            (down!("daemon --user=nobody +5 'id -un; nice'"), 0, concat!("nobody\n5\n", "[  OK  ]\r")),
            (down!("NICELEVEL=7; daemon +5 nice"), 0, concat!("7\n", "[  OK  ]\r")),
            (down!("daemon 'ulimit -S -c'"), 0, concat!("0\n", "[  OK  ]\r")),
            (down!("DAEMON_COREFILE_LIMIT=12; daemon 'ulimit -S -c'"), 0, concat!("12\n", "[  OK  ]\r")),
            (down!("LSB=1; daemon true"), 0, ""),
            (down!("BOOTUP=verbose; daemon true"), 0, " true"),
            (
                down!("CGROUP_DAEMON=cpu:/x; daemon true"),
                0,
                concat!("Cgroups not installed[WARNING]\r\n", "[  OK  ]\r"),
            ),
            (down!("daemon >/dev/null"), 1, ""),
            (down!("daemon --nonesuch true >/dev/null"), 1, ""),
            // Ending.
            (up!("killproc toyd; [ ! -e /var/run/toyd.pid ] && ! pidof toyd"), 0, OK),
            (up!("rm /var/run/toyd.pid; killproc toyd && ! pidof toyd"), 0, OK),
            (up!("mv /var/run/toyd.pid /tmp/p; killproc -p /tmp/p toyd && [ ! -e /tmp/p ] && ! pidof toyd"), 0, OK),
            (up!("killproc -p /tmp/none toyd; pidof toyd >/dev/null"), 0, NO),
            (up!("p=/var/run/toyd.pid; killproc -p $p -b /usr/sbin/other toyd; pidof toyd >/dev/null"), 0, NO),
            (up!("p=/var/run/toyd.pid; killproc -p $p -b /usr/sbin/toyd toyd; ! pidof toyd"), 0, OK),
            (down!("toyd -s -c /etc/toyd.conf; killproc -d 1s toyd; ! pidof toyd"), 0, OK),
            (up!("killproc toyd -HUP; r=$?; [ -s /var/run/toyd.pid ] && pidof toyd >/dev/null && exit $r"), 0, OK),
            (down!("killproc toyd"), 0, NO),
            (down!("killproc toyd -HUP"), 0, NO),
            (down!("LSB=1; killproc toyd -HUP"), 7, ""),
            (down!("LSB=1; killproc toyd"), 0, ""),
            (down!("killproc >/dev/null"), 1, ""),
            (down!("killproc -b x toyd >/dev/null"), 1, ""),
            (up!("BOOTUP=verbose; killproc toyd"), 0, "toyd "),
            // Asking.
            (up!("[ $(pidofproc toyd) = $(cat /var/run/toyd.pid) ]"), 0, ""),
            (up!("rm /var/run/toyd.pid; [ $(pidofproc toyd) = $(pidof toyd) ]"), 0, ""),
            (down!("echo 99999999 >/var/run/toyd.pid; pidofproc toyd"), 1, ""),
            (down!("echo 99999999 >/tmp/p; pidofproc -p /tmp/p toyd"), 1, ""),
            (up!("pidofproc -p /tmp/none toyd"), 3, ""),
            (down!("pidofproc toyd"), 3, ""),
            (
                up!(
                    "p=$(pidof toyd); printf '99999999 x %s 1\\n-1 1' $p >/tmp/p; [ \"$(pidofproc -p /tmp/p toyd)\" = \"$p 1 1\" ]"
                ),
                0,
                "",
            ),
            (down!("echo $(__seconds 5) $(__seconds 5s) $(__seconds 2m) $(__seconds 1h)"), 0, "5 5 120 3600\n"),
            (up!("[ $(pidfileofproc toyd) = $(pidof toyd) ]"), 0, ""),
            (up!("rm /var/run/toyd.pid; pidfileofproc toyd"), 0, ""),
            (up!("status toyd | sed 's/[0-9][0-9]*/N/'"), 0, "toyd (pid N) is running...\n"),
            (up!("status /usr/sbin/toyd | sed 's/[0-9][0-9]*/N/'"), 0, "toyd (pid N) is running...\n"),
            (up!("rm /var/run/toyd.pid; status toyd | sed 's/[0-9][0-9]*/N/'"), 0, "toyd (pid N) is running...\n"),
            (down!("echo 99999999 >/var/run/toyd.pid; status toyd"), 1, "toyd dead but pid file exists\n"),
            (down!("echo 99999999 x >/tmp/p; status -p /tmp/p toyd"), 1, "toyd dead but pid file exists\n"),
            (down!("touch /var/lock/subsys/toyd; status toyd"), 2, "toyd dead but subsys locked\n"),
            (down!("touch /var/lock/subsys/l; status -l l toyd"), 2, "toyd dead but subsys locked\n"),
            (down!("touch /var/lock/subsys/toyd; status -p /tmp/none -l other toyd"), 3, "toyd is stopped\n"),
            (down!("status toyd"), 3, "toyd is stopped\n"),
            (up!("p=/var/run/toyd.pid; status -p $p -b /usr/sbin/toyd toyd >/dev/null"), 0, ""),
            (up!("p=/var/run/toyd.pid; status -p $p -b /usr/sbin/x toyd"), 1, "toyd dead but pid file exists\n"),
            (down!("status >/dev/null"), 1, ""),
            // A pid file that can't be read, a process that isn't one's own.
            (
                down!("echo 1 >/tmp/q; chmod 0 /tmp/q; nobody 'status -p /tmp/q toyd'"),
                4,
                "toyd status unknown due to insufficient privileges.\n",
            ),
            (down!("echo 1 >/tmp/q; chmod 0 /tmp/q; nobody 'pidofproc -p /tmp/q toyd'"), 4, ""),
            (down!("echo 1 >/tmp/q; chmod 0 /tmp/q; nobody 'killproc -p /tmp/q toyd'"), 4, NO),
            (up!("nobody 'killproc toyd -HUP'"), 1, NO),
            (up!("nobody 'killproc -d 0 toyd' && exit 0; pidof toyd >/dev/null && exit 3"), 3, NO),
            // Without a pidof.
            (
                up!(
                    "command() { return 1; }; __scan toyd >/dev/null && __scan /usr/sbin/toyd >/dev/null && ! __scan tooyd"
                ),
                0,
                "",
            ),
        ],
    );
    world.write("/bin/cgexec", "#!/bin/sh\necho \"$1 $2 $3 $4\"; shift 4; exec \"$@\"\n");
    world.ok(["chmod", "755", "/bin/cgexec"]);
    let line = "CGROUP_DAEMON='cpu:/x memory:/y'; daemon true";
    all(&world, REDHAT, &[(line, 0, "-g cpu:/x -g memory:/y\n[  OK  ]\r")]);
    world.write("/tmp/cmdline", "quiet rc.debug\n");
    world.ok(["mount", "--bind", "/tmp/cmdline", "/proc/cmdline"]);
    all(&world, REDHAT, &[("case $- in *x*) echo traced ;; esac", 0, "traced\n")]);
}

#[test]
fn the_functions_of_the_lsb() {
    let world = world();
    all(
        &world,
        LSB,
        &[
            (down!("start_daemon /usr/sbin/toyd -c /etc/toyd.conf && pidof toyd >/dev/null"), 0, ""),
            (up!("start_daemon /usr/sbin/toyd -c /nonesuch"), 0, ""),
            (up!("rm /var/run/toyd.pid; start_daemon /usr/sbin/toyd -c /nonesuch"), 0, ""),
            (up!("start_daemon -f /usr/sbin/toyd -c /nonesuch"), 1, ""),
            (up!("start_daemon -p /tmp/none -n 5 /usr/sbin/toyd -c /nonesuch"), 1, ""),
            (down!("start_daemon -n 5 /usr/bin/nice"), 0, "5\n"),
            (down!("start_daemon /usr/sbin/nonesuch"), 5, ""),
            (down!("start_daemon"), 2, ""),
            (down!("start_daemon -x /bin/true"), 2, ""),
            (up!("killproc /usr/sbin/toyd && [ ! -e /var/run/toyd.pid ] && ! pidof toyd"), 0, ""),
            (
                up!(
                    "mv /var/run/toyd.pid /tmp/p; killproc -p /tmp/p /usr/sbin/toyd && [ ! -e /tmp/p ] && ! pidof toyd"
                ),
                0,
                "",
            ),
            (up!("killproc /usr/sbin/toyd -HUP && pidof toyd >/dev/null"), 0, ""),
            (
                up!("killproc /usr/sbin/toyd SIGKILL && pidofproc /usr/sbin/toyd >/dev/null; [ -e /var/run/toyd.pid ]"),
                0,
                "",
            ),
            (down!("killproc /usr/sbin/toyd"), 0, ""),
            (down!("killproc /usr/sbin/toyd -HUP"), 7, ""),
            (down!("killproc"), 2, ""),
            (up!("[ $(pidofproc /usr/sbin/toyd) = $(pidof toyd) ]"), 0, ""),
            (up!("[ $(pidofproc -p /var/run/toyd.pid /usr/sbin/toyd) = $(pidof toyd) ]"), 0, ""),
            (down!("echo 99999999 >/var/run/toyd.pid; pidofproc /usr/sbin/toyd"), 1, ""),
            (down!("pidofproc /usr/sbin/toyd"), 3, ""),
            (down!("pidofproc"), 4, ""),
            (up!("status_of_proc /usr/sbin/toyd toy"), 0, "toy is running.\n"),
            (down!("status_of_proc /usr/sbin/toyd toy 2>&1"), 3, "toy is not running failed!\n"),
            ("log_success_msg It works", 0, "It works.\n"),
            ("log_failure_msg It 2>&1", 0, "It failed!\n"),
            ("log_warning_msg Old 2>&1", 0, "Old (warning).\n"),
            (
                "log_daemon_msg 'Starting web' toyd; log_progress_msg more; log_end_msg 0",
                0,
                "Starting web: toyd more.\n",
            ),
            ("log_daemon_msg 'Starting web' toyd; log_end_msg 3", 3, "Starting web: toyd failed!\n"),
            ("log_begin_msg 'Old'; log_end_msg 255", 255, "Old (warning).\n"),
            (
                "log_action_begin_msg Checking; log_action_cont_msg root; log_action_end_msg 0 clean",
                0,
                "Checking...root...done (clean).\n",
            ),
            ("log_action_begin_msg Checking; log_action_end_msg 1", 1, "Checking...failed.\n"),
            ("log_action_msg Going", 0, "Going.\n"),
            ("init_is_upstart", 1, ""),
            (down!("echo 1 >/tmp/q; chmod 0 /tmp/q; nobody 'pidofproc -p /tmp/q /usr/sbin/toyd'"), 4, ""),
            (down!("echo 1 >/tmp/q; chmod 0 /tmp/q; nobody 'killproc -p /tmp/q /usr/sbin/toyd'"), 4, ""),
            (
                down!("echo 1 >/tmp/q; chmod 0 /tmp/q; nobody 'status_of_proc -p /tmp/q /usr/sbin/toyd toy' 2>&1"),
                4,
                "could not access PID file for toy failed!\n",
            ),
        ],
    );
    world.write(
        "/lib/lsb/init-functions.d/50-test",
        "log_daemon_msg_pre() { printf '>'; }\nlog_end_msg_post() { echo \"<$1>\"; }\n",
    );
    let line = "log_daemon_msg 'Starting web' toyd; log_end_msg 3";
    all(&world, LSB, &[(line, 3, ">Starting web: toyd failed!\n<3>\n")]);
    world.write("/tmp/script", "### BEGIN INIT INFO\n# Provides: web www\n### END INIT INFO\n# Provides: no\n");
    all(&world, LSB, &[("get_lsb_header_val /tmp/script Provides", 0, "web www\n")]);
}

/// A script that a hook may take out of its own hands.
const BY_HAND: &str = "#!/bin/sh\n. LIBRARY\necho \"the script: $*\"\n";

#[test]
fn a_script_started_by_hand_is_handed_to_rung() {
    let unit = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\n[Install]\nRunlevels=\n";
    let world =
        World::new().unit("web.service", unit).unit("bad.service", &unit.replace("sleep inf", "nonesuch")).boot();
    world.write("/lib/lsb/init-functions", &skeleton("lsb/init-functions"));
    world.write("/lib/lsb/init-functions.d/40-rung", &skeleton("lsb/init-functions.d/40-rung"));
    world.write("/etc/rc.d/init.d/functions", &skeleton("init.d/functions"));
    let script = |path: &str, library: &str| {
        world.write(path, &BY_HAND.replace("LIBRARY", library));
        fs::set_permissions(world.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    };
    for name in ["/etc/init.d/web", "/etc/init.d/bad", "/etc/init.d/other", "/etc/init.d/other.dpkg-old", "/tmp/web"] {
        script(name, "/lib/lsb/init-functions");
    }
    script("/etc/rc.d/init.d/web", "/etc/rc.d/init.d/functions");
    script("/etc/rc3.d/S20web", "/lib/lsb/init-functions");
    let by_rung = |line: &str| {
        let out = world.run(["sh", "-c", line]);
        assert!(
            out.code == 0 && out.stdout.contains("by Rung") && !out.stdout.contains("the script"),
            "{line}: {out:?}"
        );
    };
    let by_itself = |line: &str, said: &str| {
        let out = world.run(["sh", "-c", line]);
        assert_eq!((out.code, out.stdout), (0, format!("the script: {said}\n")), "{line}: {}", out.stderr);
    };
    let pid = || world.main_of("web");

    for path in ["/etc/init.d/web", "/etc/rc.d/init.d/web", "/etc/rc3.d/S20web"] {
        for shell in SHELLS {
            let shell = shell.join(" ");
            if world.run(["sh", "-c", &format!("{shell} -c :")]).code != 0 {
                continue;
            }
            by_rung(&format!("{shell} {path} start"));
            let first = pid();
            by_rung(&format!("{shell} {path} start"));
            assert_eq!(pid(), first, "it ran already");
            by_rung(&format!("{shell} {path} restart"));
            let second = pid();
            by_rung(&format!("{shell} {path} condrestart"));
            by_rung(&format!("{shell} {path} force-reload"));
            assert!(second != first && pid() != second);
            by_rung(&format!("{shell} {path} stop"));
            assert_eq!(world.state("web").0, "inactive");
            by_itself(&format!("{shell} {path} status"), "status");
        }
    }

    by_itself("/etc/init.d/web upgrade", "upgrade");
    by_itself("/etc/init.d/web start now", "start now");
    by_itself("/etc/init.d/web", "");
    by_rung("/etc/init.d/other start");
    by_itself("/etc/init.d/other.dpkg-old start", "start");
    by_itself("/tmp/web start", "start");
    by_itself("RUNG_UNIT=web.service /etc/init.d/web start", "start");
    by_itself("SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/web start", "start");
    by_itself("RUNG_RUNDIR=/nonesuch /etc/init.d/web start", "start");
    let out = world.fails(1, ["/etc/init.d/bad", "start"]);
    assert!(out.stderr.contains("bad") && out.stdout.is_empty(), "{out:?}");
}
