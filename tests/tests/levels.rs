//! Levels under the real programs: what is on where, switching, links of Rung's and of the SysV farm.

use rung_tests::scripts::{DAEMON, add, farm, script_with};
use rung_tests::world::{World, deadline, off};
use std::os::unix::fs::symlink;

fn sleeper(levels: &str) -> String {
    format!("[Service]\nType=exec\nExecStart=/bin/sleep infinity\n[Install]\nRunlevels={levels}\n")
}

fn states(world: &World, names: &[&str]) -> String {
    let out = world.run(["initctl", "is-active"].iter().chain(names));
    out.stdout.lines().map(|l| &l[..1]).collect()
}

#[test]
fn switching() {
    let world = World::new()
        .unit("both.service", &sleeper("23"))
        .unit("two.service", &sleeper("2"))
        .unit("three.service", &sleeper("3"))
        .unit("one.service", &sleeper("1"))
        .unit("hand.service", &sleeper(""))
        .unit("elsewhere.service", &sleeper("5"))
        .unit("needed.service", &sleeper(""))
        .unit("needs.service", &sleeper("3").replace("[Service]", "[Unit]\nRequires=needed.service\n[Service]"))
        .level('2')
        .boot();
    let names = ["both", "two", "three", "one", "hand", "elsewhere", "needed", "needs"];
    assert_eq!(states(&world, &names), "aaiiiiii");
    assert_eq!(world.ok(["initctl", "runlevel"]), "N 2\n");
    world.ok(["initctl", "start", "hand", "elsewhere"]);
    let (both, hand, elsewhere) = (world.main_of("both"), world.main_of("hand"), world.main_of("elsewhere"));
    world.ok(["initctl", "runlevel", "3"]);
    assert_eq!(world.ok(["initctl", "runlevel"]), "2 3\n");
    assert_eq!(states(&world, &names), "aiaiaaaa");
    assert_eq!((world.main_of("both"), world.main_of("hand")), (both, hand), "neither is touched");
    assert_eq!(world.main_of("elsewhere"), elsewhere, "it wasn't on in 2 either");
    world.ok(["initctl", "runlevel", "1"]);
    assert_eq!(states(&world, &names), "iiiaiiii", "only what is on there");
    assert_eq!(world.ok(["initctl", "runlevel"]), "3 1\n");
    world.ok(["initctl", "runlevel", "3"]);
    assert_eq!(states(&world, &names), "aiaiiiaa");
    assert_eq!(world.ok(["initctl", "runlevel"]), "1 3\n");
    // The same level again changes nothing, also for what was stopped by hand.
    world.ok(["initctl", "stop", "three"]);
    world.ok(["initctl", "runlevel", "3"]);
    assert_eq!(states(&world, &["both", "three"]), "ai");
    assert_eq!(world.ok(["initctl", "runlevel"]), "1 3\n");
}

#[test]
fn a_later_switch_replaces_an_earlier_one() {
    let world = World::new()
        .unit(
            "slow.service",
            "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo >/run/slow; sleep infinity'\n\
             [Install]\nRunlevels=4\n",
        )
        .unit("four.service", &sleeper("4").replace("[Service]", "[Unit]\nAfter=slow.service\n[Service]"))
        .unit("five.service", &sleeper("5"))
        .level('3')
        .boot();
    let mut first =
        world.command(["initctl", "runlevel", "4"]).stderr(std::process::Stdio::null()).spawn().expect("initctl");
    world.wait_for("level 4 is under way", deadline(10), |w| w.path("/run/slow").exists().then_some(()));
    world.ok(["initctl", "runlevel", "5"]);
    let _ = first.wait().expect("initctl ends");
    assert_eq!(states(&world, &["four", "five"]), "ia");
    assert_eq!(world.state("slow"), ("failed".to_owned(), 0), "its start was cut off");
    assert!(world.ok(["initctl", "runlevel"]).ends_with(" 5\n"));
}

#[test]
fn enable_and_disable() {
    let world = World::new()
        .unit("a.service", &sleeper(""))
        .unit("b.service", &sleeper(""))
        .unit("free.service", &off("[Service]\nExecStart=/bin/sleep infinity\n"))
        .boot();
    world.write_unit("b.service", &sleeper("35"));
    let link = |level: char, name: &str| world.path(&format!("/etc/rung/levels/{level}/{name}.service"));
    let on = |name: &str| "S0123456".chars().filter(|l| link(*l, name).is_symlink()).collect::<String>();
    assert_eq!((on("a").as_str(), on("b").as_str()), ("", ""));
    assert_eq!(world.fails(1, ["initctl", "is-enabled", "a"]).stdout, "disabled\n");
    world.ok(["initctl", "enable", "a", "--levels", "24"]);
    assert_eq!(on("a"), "24");
    assert_eq!(world.ok(["readlink", "/etc/rung/levels/2/a.service"]), "/etc/rung/units/a.service\n");
    assert_eq!(world.ok(["initctl", "is-enabled", "a"]), "enabled\n");
    assert_eq!(states(&world, &["a"]), "i", "turned on, not started");
    // Without levels: what the unit says; --now starts and stops.
    world.ok(["initctl", "enable", "b", "--now"]);
    assert_eq!((on("b").as_str(), states(&world, &["b"]).as_str()), ("35", "a"));
    let table = world.ok(["initctl", "levels", "a", "b"]);
    let row = |name: &str| {
        let line =
            table.lines().find(|l| l.split_whitespace().next() == Some(name)).unwrap_or_else(|| panic!("{table}"));
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("a"), ["off", "off", "off", "on", "off", "on", "off", "off"]);
    assert_eq!(row("b"), ["off", "off", "off", "off", "on", "off", "on", "off"]);
    world.ok(["initctl", "disable", "b", "--levels", "5"]);
    assert_eq!((on("b").as_str(), states(&world, &["b"]).as_str()), ("3", "a"));
    world.ok(["initctl", "disable", "b", "--now"]);
    assert_eq!((on("b").as_str(), states(&world, &["b"]).as_str()), ("", "i"));
    let out = world.fails(1, ["initctl", "enable", "free"]);
    assert!(out.stderr.contains("--levels") && out.stderr.contains("Runlevels="), "{}", out.stderr);
    assert_eq!(world.run(["initctl", "enable", "a", "--levels", "9"]).code, 2);
    // A link that somebody else makes or takes away counts as well, and at once.
    symlink("/etc/rung/units/b.service", link('2', "b")).expect("a link");
    assert!(world.ok(["initctl", "levels", "b", "--json"]).contains("\"2\""));
    world.ok(["initctl", "runlevel", "2"]);
    assert_eq!(states(&world, &["a", "b"]), "aa");
    std::fs::remove_file(link('2', "b")).expect("it was there");
    world.ok(["initctl", "enable", "b", "--levels", "3"]);
    world.ok(["initctl", "runlevel", "3"]);
    assert_eq!(states(&world, &["a", "b"]), "ia");
}

#[test]
fn links_of_the_farm() {
    let world = World::new()
        .unit("farm.service", &sleeper(""))
        .unit("own.service", &sleeper(""))
        .unit("killed.service", &sleeper(""))
        .boot();
    world.write("/etc/init.d/farm", "#!/bin/sh\nexit 0\n");
    let farm = |level: char, name: &str| {
        let folder = world.path(&format!("/etc/rc{level}.d"));
        std::fs::create_dir_all(&folder).expect("a folder");
        symlink(format!("../init.d/{}", &name[3..]), folder.join(name)).expect("a link");
    };
    // On by the farm where Rung has no link of its own.
    farm('4', "S20farm");
    farm('2', "K80farm");
    world.ok(["initctl", "runlevel", "4"]);
    assert_eq!(states(&world, &["farm"]), "a");
    world.ok(["initctl", "runlevel", "2"]);
    assert_eq!(states(&world, &["farm"]), "i");
    // Rung's link says otherwise: the farm's S links count no more.
    world.ok(["initctl", "enable", "own", "--levels", "2"]);
    farm('5', "S20own");
    world.ok(["initctl", "runlevel", "5"]);
    assert_eq!(states(&world, &["own", "farm"]), "ii");
    // A K link stops what the old level had not on: it was started by hand.
    farm('3', "K20killed");
    world.ok(["initctl", "start", "killed"]);
    world.ok(["initctl", "runlevel", "4"]);
    assert_eq!(states(&world, &["killed", "farm"]), "aa");
    world.ok(["initctl", "runlevel", "3"]);
    assert_eq!(states(&world, &["killed", "farm"]), "ii");
}

/// What is only an init script is switched as `update-rc.d` does it: by the farm, where Debian's own tools see it.
#[test]
fn a_script_is_switched_in_the_farm() {
    let world = World::new().with_tmpfiles().boot();
    world.ok(["rm", "-rf", "/sbin/insserv", "/usr/lib/insserv", "/etc/insserv.conf"]);
    let header = "### BEGIN INIT INFO\n# Provides: web\n# Required-Start:\n# Required-Stop:\n\
                  # Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n### END INIT INFO\n";
    add(&world, "web", &script_with(header, DAEMON));
    farm(&world, &[]);
    let links = || -> String {
        let of = |level: char| {
            let folder = std::fs::read_dir(world.path(&format!("/etc/rc{level}.d"))).expect("a folder");
            let mut names: Vec<_> = folder.flatten().map(|e| e.file_name().into_string().expect("a name")).collect();
            names.retain(|name| name.ends_with("web"));
            names.sort();
            names.iter().map(|name| format!("{level}{} ", &name[..1])).collect::<String>()
        };
        "S0123456".chars().map(of).collect()
    };
    let own = || world.run(["sh", "-c", "ls /etc/rung/levels/?/web.service"]).stdout;
    let on = || {
        let table = world.ok(["initctl", "levels", "web"]);
        let row = table.lines().last().expect("a row").split_whitespace().skip(1).map(str::to_owned);
        row.zip("S0123456".chars()).filter(|(word, _)| word == "on").map(|(_, level)| level).collect::<String>()
    };
    assert_eq!(world.fails(1, ["initctl", "is-enabled", "web"]).stdout, "disabled\n");
    let plan = world.ok(["initctl", "enable", "web", "--levels", "235", "--dry-run"]);
    assert!(plan.contains("would make /etc/rc3.d/S01web -> ../init.d/web") && plan.contains("on in 235"), "{plan}");
    assert_eq!((links().as_str(), on().as_str()), ("", ""), "told and not done");
    let told = world.ok(["initctl", "enable", "web", "--levels", "235", "--now"]);
    assert!(told.contains("made /etc/rc3.d/S01web -> ../init.d/web"), "{told}");
    assert_eq!((links().as_str(), on().as_str(), own().as_str()), ("0K 1K 2S 3S 4K 5S 6K ", "235", ""));
    assert_eq!(states(&world, &["web"]), "a");
    assert_eq!(world.ok(["initctl", "is-enabled", "web"]), "enabled\n");
    assert!(world.ok(["initctl", "history", "web"]).contains("/etc/rc3.d/S01web"));
    // Behind our back, and ours again: one truth.
    world.ok(["/usr/lib/rung/sysv", "update-rc.d", "web", "disable", "5"]);
    assert_eq!(on(), "23");
    world.ok(["initctl", "enable", "web"]);
    assert_eq!((links().as_str(), on().as_str()), ("0K 1K 2S 3S 4S 5S 6K ", "2345"));
    world.ok(["initctl", "disable", "web", "--levels", "2"]);
    assert_eq!((links().as_str(), on().as_str()), ("0K 1K 2K 3S 4S 5S 6K ", "345"));
    // With a unit in the same breath; what can't be is told, with the reason, and nothing is changed.
    world.write_unit("own.service", &sleeper("4"));
    world.write_unit("unsaid.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    let refused = world.fails(1, ["initctl", "enable", "web", "--levels", "6"]);
    assert!(refused.stderr.contains("in level 6 those are stopped"), "{refused:?}");
    for root in [[].as_slice(), &["--root", "/"]] {
        let wish = ["initctl", "enable", "own", "web", "--levels", "6"];
        let refused = world.fails(1, wish.iter().chain(root).copied());
        assert!(refused.stderr.contains("in level 6 those are stopped"), "{refused:?}");
        assert_eq!(world.run(["sh", "-c", "ls /etc/rung/levels/?/own.service"]).stdout, "", "neither of both {root:?}");
    }
    let bad = world.fails(1, ["initctl", "enable", "web", "unsaid"]);
    assert!(bad.stderr.contains("in which levels it belongs"), "{bad:?}");
    assert_eq!(links(), "0K 1K 2K 3S 4S 5S 6K ", "neither of both");
    let both = world.ok(["initctl", "enable", "web", "own", "--levels", "2", "--json"]);
    assert!(both.contains("/etc/rung/levels/2/own.service") && both.contains("/etc/rc2.d/S01web"), "{both}");
    world.ok(["initctl", "mask", "web"]);
    let refused = world.fails(1, ["initctl", "enable", "web"]);
    assert!(refused.stderr.contains("masked"), "{refused:?}");
    // Off it can be switched behind the mask, as update-rc.d does it: insserv sees to the numbers.
    world.ok(["rm", "-f", "/usr/sbin/insserv"]);
    world.write("/usr/sbin/insserv", "#!/bin/sh\necho \"$@\" >>/run/insserv\n");
    world.write("/etc/insserv.conf", "");
    world.ok(["chmod", "755", "/usr/sbin/insserv"]);
    let off = world.run(["initctl", "disable", "web", "--levels", "5"]);
    assert!(off.code == 0 && off.stderr.contains("web is masked") && off.stderr.contains("unmask web"), "{off:?}");
    assert_eq!((links().as_str(), world.read("/run/insserv").as_str()), ("0K 1K 2S 3S 4S 5K 6K ", "-f web\n"));
    assert_eq!(world.fails(1, ["initctl", "is-enabled", "web"]).stdout, "masked\n");
    world.ok(["rm", "/usr/sbin/insserv", "/etc/insserv.conf"]);
    world.ok(["initctl", "unmask", "web"]);
    world.ok(["initctl", "disable", "web", "--now"]);
    assert_eq!((links().as_str(), on().as_str(), own().as_str()), ("0K 1K 2K 3K 4K 5K 6K ", "", ""));
    assert_eq!(states(&world, &["web"]), "i");
    // Where no manager is asked: by the files.
    world.ok(["initctl", "enable", "web", "--root", "/", "--levels", "3"]);
    assert_eq!(links(), "0K 1K 2K 3S 4K 5K 6K ");
    assert_eq!(world.ok(["initctl", "is-enabled", "web", "--root", "/"]), "enabled\n");
}

/// A world with a script, and an insserv that does this.
fn with_insserv(text: &str) -> World {
    let world = World::new().with_tmpfiles().boot();
    world.ok(["rm", "-rf", "/usr/sbin/insserv", "/usr/lib/insserv"]);
    let header = "### BEGIN INIT INFO\n# Provides: web\n# Default-Start: 3\n# Default-Stop: 0\n### END INIT INFO\n";
    add(&world, "web", &script_with(header, DAEMON));
    farm(&world, &["3/S01web"]);
    world.write("/usr/sbin/insserv", &format!("#!/bin/sh\n{text}\n"));
    world.ok(["chmod", "755", "/usr/sbin/insserv"]);
    world.write("/etc/insserv.conf", "");
    world
}

/// What insserv warns of is told also where it succeeds: it may have been the reason for an order that nobody wants.
#[test]
fn what_insserv_warns_of_is_told() {
    let warning = "insserv: warning: script 'x' missing LSB tags";
    let world = with_insserv(&format!("echo \"{warning}\" >&2"));
    let told = format!("initctl: {warning}\n");
    let out = world.run(["initctl", "disable", "web"]);
    assert_eq!((out.code, out.stderr.as_str()), (0, told.as_str()));
    let out = world.run(["initctl", "enable", "web", "--root", "/"]);
    assert_eq!((out.code, out.stderr.contains(&told)), (0, true), "{out:?}");
    let json = world.ok(["initctl", "disable", "web", "--json"]);
    assert!(json.contains(&format!("\"notes\":[\"{warning}\"]")), "{json}");
}

/// Whose manager dies while a script is switched hears from the next one. That begins no second switch beside the first,
/// which goes on.
#[test]
fn a_switch_outlives_its_manager() {
    let world = with_insserv("echo begin >>/run/insserv; read go </run/gate; echo end >>/run/insserv");
    world.ok(["mkfifo", "/run/gate"]);
    let mut command = world.command(["initctl", "disable", "web"]);
    let mut command = command.stderr(std::process::Stdio::piped()).spawn().expect("initctl");
    world.wait_for("insserv", deadline(20), |w| (w.text("/run/insserv") == "begin\n").then_some(()));
    world.kill_manager(nix::sys::signal::Signal::SIGKILL);
    world.ok(["initctl", "version"]);
    // Long enough for whoever was asking to ask again.
    world.pass(1500);
    assert_eq!(command.try_wait().expect("a status"), None, "the first is still at it");
    world.open_gate("/run/gate");
    let out = command.wait_with_output().expect("initctl");
    assert!(out.status.success(), "{out:?}");
    assert_eq!(world.text("/run/insserv"), "begin\nend\n");
    assert_eq!(world.fails(1, ["initctl", "is-enabled", "web"]).stdout, "disabled\n");
}

/// Who wants no answer to having a script switched gets none, not in the place of the next one either; the history knows
/// who it was.
#[test]
fn a_script_is_switched_without_an_answer() {
    use std::io::{Read, Write};
    let world = World::new().with_tmpfiles().boot();
    add(&world, "web", &script_with("", DAEMON));
    farm(&world, &[]);
    let mut stream = std::os::unix::net::UnixStream::connect(world.path("/run/rung/control")).expect("the socket");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a timeout");
    let enable = r#"{"method":"org.rung.Manager.Enable","parameters":{"names":["web"],"levels":"3"},"oneway":true}"#;
    stream.write_all(format!("{enable}\0").as_bytes()).expect("written");
    let history = |w: &World| {
        let text = w.run(["initctl", "history", "web", "--json"]).stdout;
        let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        all["events"].as_array()?.iter().find(|e| e["kind"] == "enable").cloned()
    };
    let noted = world.wait_for("the note", deadline(20), history);
    assert!(noted["by"].as_str().is_some_and(|by| by.contains("root")), "{noted}");
    stream.write_all(b"{\"method\":\"org.rung.Manager.Runlevel\"}\0").expect("written");
    stream.shutdown(std::net::Shutdown::Write).expect("closed");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a reply and the end");
    assert!(text.contains("\"current\":\"3\"") && text.matches('\0').count() == 1, "{text}");
}

/// Level 1 ends also what units left running that had stopped before, as `killprocs` does, but what has itself spared.
#[test]
fn level_one_ends_what_was_left_behind_before() {
    let leaver = |name: &str| {
        format!(
            "[Service]\nType=oneshot\nRemainAfterExit=yes\nKillMode=process\nExecStart=/bin/sh -c \
             'setsid env --ignore-signal=TERM --ignore-signal=HUP sleep 7777 & echo $! >/run/{name}.pid'\n\
             [Install]\nRunlevels=3\n"
        )
    };
    let world = World::new()
        .unit("gone.service", &leaver("gone"))
        .unit("spared.service", &leaver("spared"))
        .unit("kept.service", &leaver("kept").replace("=3\n", "=13\n"))
        .boot();
    let names = ["gone", "spared", "kept"];
    let left = names.map(|name| world.read(&format!("/run/{name}.pid")).trim().parse::<i32>().expect("a pid"));
    world.ok(["initctl", "stop", "gone", "spared", "kept"]);
    assert!(left.iter().all(|pid| world.lives(*pid)), "KillMode=process left them alone");
    world.ok(["mkdir", "-p", "/run/sendsigs.omit.d"]);
    world.write("/run/sendsigs.omit.d/spared", &format!("{}\n", left[1]));
    world.ok(["initctl", "runlevel", "2"]);
    assert!(left.iter().all(|pid| world.lives(*pid)), "only level 1 does");
    world.ok(["initctl", "runlevel", "1"]);
    world.wait_for("the end of what was left", deadline(20), |w| (!w.lives(left[0])).then_some(()));
    assert!(world.lives(left[1]) && world.lives(left[2]));
}
