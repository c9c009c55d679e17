//! A Red Hat 6 style tree: init scripts with chkconfig headers that source `/etc/rc.d/init.d/functions`, lock files in
//! `/var/lock/subsys`, settings in `/etc/sysconfig`.
#![allow(clippy::unwrap_used, reason = "this is all test code")]

use rung_tests::world::container::Container;
use rung_tests::world::{Output, Rootfs, World, helper};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const NGINX: &str = include_str!("redhat6/nginx");

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A world with such a tree, whose nginx is a toy.
fn world() -> World {
    let world = World::new().boot();
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc-skel/init.d/functions");
    world.write("/etc/rc.d/init.d/functions", &fs::read_to_string(functions).unwrap());
    world.write("/etc/rc.d/init.d/nginx", NGINX);
    executable(&world.path("/etc/rc.d/init.d/nginx"));
    rung_tests::copy_program(helper("toy-nginx"), world.path("/usr/sbin/nginx")).unwrap();
    executable(&world.path("/usr/sbin/nginx"));
    world.write("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=six\n");
    world.write("/etc/nginx/nginx.conf", "/var/run/nginx.pid\ngood\n");
    fs::create_dir_all(world.path("/run/lock/subsys")).unwrap();
    world
}

struct By<'a>(&'a World, &'a [&'static str]);

impl By<'_> {
    fn run(&self, verb: &str) -> Output {
        self.0.run(self.1.iter().copied().chain(["/etc/rc.d/init.d/nginx", verb]))
    }

    /// Exit status and what is printed, pids as N.
    fn is(&self, verb: &str, code: i32, stdout: &str) {
        let out = self.run(verb);
        let digits = |word: &str| word.trim_end_matches(')').parse::<u32>().is_ok();
        let said: Vec<_> =
            out.stdout.split(' ').map(|w| if digits(w) { w.trim_start_matches(char::is_numeric) } else { w }).collect();
        assert_eq!((out.code, said.join(" ").as_str()), (code, stdout), "{:?}: {verb}\n{out:#?}", self.1);
    }

    fn pid(&self) -> i32 {
        self.0.read("/run/nginx.pid").trim().parse().unwrap()
    }

    fn locked(&self) -> bool {
        self.0.path("/run/lock/subsys/nginx").exists()
    }
}

#[test]
fn a_classic_script_by_hand_every_verb_and_exit_status() {
    const RUNS: &str = "nginx (pid ) is running...\n";
    let world = world();
    for shell in [&["dash"] as &[_], &["bash"], &["busybox", "sh"]] {
        if world.run(shell.iter().copied().chain(["-c", ":"])).code != 0 {
            println!("skipped: there is no {}", shell.join(" "));
            continue;
        }
        let by = By(&world, shell);
        by.is("status", 3, "nginx is stopped\n");
        by.is("start", 0, "Starting nginx: [  OK  ]\r\n");
        assert!(by.locked());
        by.is("start", 0, "");
        by.is("status", 0, RUNS);
        by.is("configtest", 0, "");

        let first = by.pid();
        by.is("reload", 0, "Reloading nginx: [  OK  ]\r\n");
        world.line("/run/nginx.pid.log", &format!("reload {first}"));
        assert_eq!(by.pid(), first);
        by.is("force-reload", 0, "Reloading nginx: [  OK  ]\r\n");
        assert_eq!(by.pid(), first);
        by.is("restart", 0, "Stopping nginx: [  OK  ]\r\nStarting nginx: [  OK  ]\r\n");
        let second = by.pid();
        assert!(second != first && world.lives(second) && !world.lives(first));
        by.is("condrestart", 0, "Stopping nginx: [  OK  ]\r\nStarting nginx: [  OK  ]\r\n");
        by.is("try-restart", 0, "Stopping nginx: [  OK  ]\r\nStarting nginx: [  OK  ]\r\n");
        let third = by.pid();

        by.is("upgrade", 0, "Starting new master nginx: [  OK  ]\r\nGraceful shutdown of old nginx: [  OK  ]\r\n");
        assert_ne!(by.pid(), third);
        world.wait_for("the old one's end", rung_tests::world::deadline(20), |w| (!w.lives(third)).then_some(()));
        by.is("status", 0, RUNS);

        // A configuration that is bad stops nothing.
        world.write("/etc/nginx/nginx.conf", "/var/run/nginx.pid\nbad\n");
        let before = by.pid();
        by.is("configtest", 1, "");
        for verb in ["restart", "reload", "condrestart", "upgrade"] {
            by.is(verb, 6, "");
        }
        assert!(by.pid() == before && world.lives(before));
        world.write("/etc/nginx/nginx.conf", "/var/run/nginx.pid\ngood\n");

        // Dead behind its pid file, dead behind its lock.
        world.ok(["kill", "-9", &before.to_string()]);
        world.wait_for("its end", rung_tests::world::deadline(20), |w| {
            (!w.path(&format!("/proc/{before}")).exists()).then_some(())
        });
        by.is("status", 1, "nginx dead but pid file exists\n");
        fs::remove_file(world.path("/run/nginx.pid")).unwrap();
        by.is("status", 2, "nginx dead but subsys locked\n");
        by.is("start", 0, "Starting nginx: [  OK  ]\r\n");

        by.is("stop", 0, "Stopping nginx: [  OK  ]\r\n");
        assert!(!by.locked() && !world.path("/run/nginx.pid").exists());
        by.is("stop", 0, "");
        by.is("status", 3, "nginx is stopped\n");
        by.is("reload", 7, "");
        by.is("upgrade", 7, "");
        by.is("condrestart", 0, "");
        by.is("nonesuch", 2, "Usage: /etc/rc.d/init.d/nginx {start|stop|status|restart|condrestart|try-restart|reload|force-reload|upgrade|configtest}\n");

        // Not configured, not installed, and no network wanted.
        fs::rename(world.path("/etc/nginx/nginx.conf"), world.path("/etc/nginx/away")).unwrap();
        by.is("start", 6, "");
        fs::rename(world.path("/etc/nginx/away"), world.path("/etc/nginx/nginx.conf")).unwrap();
        fs::rename(world.path("/usr/sbin/nginx"), world.path("/usr/sbin/nginx.away")).unwrap();
        by.is("start", 5, "");
        fs::rename(world.path("/usr/sbin/nginx.away"), world.path("/usr/sbin/nginx")).unwrap();
        world.write("/etc/sysconfig/network", "NETWORKING=no\n");
        by.is("start", 0, "");
        by.is("status", 0, "");
        world.write("/etc/sysconfig/network", "NETWORKING=yes\n");
        assert!(!by.locked());
    }
}

const INITTAB: &str = "id:3:initdefault:
si::sysinit:/etc/rc.d/rc.sysinit
l0:0:wait:/etc/rc.d/rc 0
l1:1:wait:/etc/rc.d/rc 1
l3:3:wait:/etc/rc.d/rc 3
l6:6:wait:/etc/rc.d/rc 6
";

/// Brings the machine up as far as this tree needs it.
const SYSINIT: &str = "#!/bin/sh
. /etc/rc.d/init.d/functions
mkdir -p /var/lock/subsys
rm -f /var/lock/subsys/*
action $\"Setting up:\" true
echo \"sysinit $RUNLEVEL $PREVLEVEL\" >/run/calls
";

/// A script with a lock file and nothing that runs.
fn oneshot(name: &str, header: &str) -> String {
    format!(
        "#!/bin/sh
# chkconfig: {header}
# description: {name}
. /etc/rc.d/init.d/functions
echo \"{name} $1\" >>/run/calls
case $1 in
start) touch /var/lock/subsys/{name} ;;
stop) rm -f /var/lock/subsys/{name} ;;
esac
"
    )
}

/// The tree as a root directory to boot.
fn tree() -> Rootfs {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc-skel/init.d/functions");
    let nginx = fs::read(helper("toy-nginx")).unwrap();
    let mut root = Rootfs::new()
        .file("etc/inittab", INITTAB, 0o644)
        .file("etc/rc.d/rc.sysinit", SYSINIT, 0o755)
        .file("etc/rc.d/init.d/functions", &fs::read_to_string(functions).unwrap(), 0o644)
        .file("etc/rc.d/init.d/nginx", NGINX, 0o755)
        .file("etc/rc.d/init.d/network", &oneshot("network", "2345 10 90"), 0o755)
        .file("etc/rc.d/init.d/local", &oneshot("local", "345 99 01"), 0o755)
        .file("etc/sysconfig/network", "NETWORKING=yes\n", 0o644)
        .file("etc/nginx/nginx.conf", "/var/run/nginx.pid\ngood\n", 0o644)
        .file("usr/sbin/nginx", "", 0o755)
        .link("etc/init.d", "rc.d/init.d")
        .link("var/run", "../run")
        .link("etc/rc.d/rc3.d/S10network", "../init.d/network")
        .link("etc/rc.d/rc3.d/S85nginx", "../init.d/nginx")
        .link("etc/rc.d/rc3.d/S99local", "../init.d/local");
    fs::write(root.path().join("usr/sbin/nginx"), nginx).unwrap();
    // As `etc-skel/install` leaves a root that scripts boot.
    for folder in ["usr/lib/rung/units", "etc/rung/levels"] {
        fs::remove_dir_all(root.path().join(folder)).unwrap();
        fs::create_dir(root.path().join(folder)).unwrap();
    }
    for level in 0..=6 {
        root = root.link(&format!("etc/rc{level}.d"), &format!("rc.d/rc{level}.d"));
        fs::create_dir_all(root.path().join(format!("etc/rc.d/rc{level}.d"))).unwrap();
    }
    for level in [0, 1, 6] {
        for link in ["K01local", "K15nginx", "K90network"] {
            root = root.link(&format!("etc/rc.d/rc{level}.d/{link}"), &format!("../init.d/{}", &link[3..]));
        }
    }
    ["/usr/bin/touch", "/usr/bin/readlink", "/usr/bin/tty", "/usr/bin/nice", "/usr/bin/basename"]
        .into_iter()
        .fold(root, Rootfs::program)
}

#[test]
fn the_tree_boots_by_rc_sysinit_and_its_links_and_is_supervised() {
    let mut container = Container::plain(tree());
    container.wait_said("runlevel 3 reached");
    let run = |words: &[&str]| container.run(words);
    let calls = run(&["/bin/cat", "/run/calls"]).stdout;
    assert_eq!(calls, "sysinit S N\nnetwork start\nlocal start\n", "{}", container.said());
    let active = run(&["/usr/bin/initctl", "is-active", "nginx", "network", "local"]);
    assert_eq!(active.stdout, "active\nactive\nactive\n", "{}", container.said());
    let pid = run(&["/bin/cat", "/run/nginx.pid"]).stdout;
    assert_eq!(run(&["/usr/bin/initctl", "show", "nginx", "-p", "MainPID", "--value"]).stdout, pid);
    assert!(run(&["/bin/ls", "/var/lock/subsys"]).stdout.contains("nginx"));

    assert!(run(&["/usr/bin/initctl", "reload", "nginx"]).code == 0);
    container
        .wait_for("a reload", |c| c.run(&["/bin/cat", "/run/nginx.pid.log"]).stdout.contains("reload").then_some(()));
    assert_eq!(run(&["/usr/bin/initctl", "restart", "nginx"]).code, 0, "{}", container.said());
    assert_ne!(run(&["/bin/cat", "/run/nginx.pid"]).stdout, pid);

    // Switched by its links, and asked for the level that the machine is in.
    let chkconfig = |words: &[&str]| run(&[&["/sbin/chkconfig"], words].concat());
    assert_eq!(chkconfig(&["nginx"]).code, 0);
    let list = "local          \t0:off\t1:off\t2:off\t3:on\t4:off\t5:off\t6:off\n";
    assert!(chkconfig(&[]).stdout.starts_with(list) && chkconfig(&["--list"]).stdout.contains("\nnetwork "));
    assert_eq!(chkconfig(&["nginx", "off"]).code, 0);
    assert_eq!(chkconfig(&["nginx"]).code, 1);

    // Not configured any more: that is no failure.
    let conf = container.rootfs.path().join("etc/nginx/nginx.conf");
    assert_eq!(run(&["/usr/bin/initctl", "stop", "nginx"]).code, 0);
    fs::remove_file(conf).unwrap();
    run(&["/usr/bin/initctl", "start", "nginx"]);
    assert_eq!(run(&["/usr/bin/initctl", "is-failed", "nginx"]).code, 1, "{}", container.said());

    assert_eq!(run(&["/usr/bin/initctl", "--no-wait", "poweroff"]).code, 0);
    container.ended(std::time::Duration::from_secs(60));
    let said = container.said();
    assert!(!said.contains("fail"), "{said}");
}

/// Red Hat 6's own inittab names the level only; jobs of Upstart's do the rest.
#[test]
fn it_boots_by_upstarts_jobs_where_inittab_has_no_lines() {
    let tree = tree()
        .file("etc/inittab", "id:3:initdefault:\n", 0o644)
        .file("etc/init/rcS.conf", "start on startup\ntask\nexec /etc/rc.d/rc.sysinit\n", 0o644)
        .file("etc/init/rc.conf", "start on runlevel [0123456]\ntask\nexec /etc/rc.d/rc $RUNLEVEL\n", 0o644);
    let container = Container::plain(tree);
    container.wait_said("runlevel 3 reached");
    let calls = container.run(&["/bin/cat", "/run/calls"]).stdout;
    assert_eq!(calls, "sysinit S N\nnetwork start\nlocal start\n", "{}", container.said());
    let page = container.run(&["/usr/bin/initctl", "status", "inittab-si"]).stdout;
    assert!(page.contains("/etc/init/rcS.conf"), "{page}");
}

#[test]
fn who_may_not_switch_services_is_told_so() {
    let world = world();
    rung_tests::scripts::add(&world, "nginx", NGINX);
    fs::create_dir_all(world.path("/etc/rc3.d")).unwrap();
    let nobody = ["runuser", "-u", "nobody", "--", "/usr/lib/rung/chkconfig", "nginx", "off"];
    let out = world.fails(1, nobody);
    assert_eq!(out.stderr, "You do not have enough privileges to perform this operation.\n");
    // LSB's status for it.
    world.fails(4, ["runuser", "-u", "nobody", "--", "/usr/lib/rung/service", "nginx", "start"]);
}

/// `service --status-all` is what each script says of itself; a unit that is none has a line of Rung's.
#[test]
fn the_status_of_all_is_in_the_scripts_own_words() {
    let world = world();
    // There it is a link to the other.
    world.ok(["mount", "--bind", "/etc/rc.d/init.d", "/etc/init.d"]);
    let says = |name: &str| format!("#!/bin/sh\necho \"{name}: $1\"\nexit 3\n");
    for name in ["other", "halt", "killall", "single", "x.rpmsave", "plain"] {
        world.write(&format!("/etc/rc.d/init.d/{name}"), &says(name));
        executable(&world.path(&format!("/etc/rc.d/init.d/{name}")));
    }
    world.ok(["chmod", "-x", "/etc/rc.d/init.d/plain"]);
    let out = world.run(["/usr/lib/rung/sysv", "service", "--status-all"]);
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    let words: Vec<&str> = out.stdout.lines().filter(|line| !line.starts_with(" [ ")).collect();
    assert_eq!(words, ["nginx is stopped", "other: status"]);
}
