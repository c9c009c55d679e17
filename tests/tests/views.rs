//! The views of `initctl` against the real manager, and the live ones on a real terminal: tmux, 80 by 24.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use rung_tests::world::{World, deadline, off};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const SLEEPER: &str = "[Service]\nType=exec\nExecStart=/bin/sleep inf\n";

fn world() -> World {
    World::new()
        .unit("web.service", "[Unit]\nRequires=db.service\nAfter=db.service\n[Service]\nType=exec\nExecStart=/bin/sh -c 'sleep inf & wait'\n")
        .unit("db.service", "[Service]\nType=exec\nExecStartPre=/bin/sleep 0.3\nExecStart=/bin/sleep inf\n")
        .unit("idle.service", &off(&format!("[Unit]\nPartOf=web.service\n{SLEEPER}")))
        .unit("broken.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
        .boot()
}

fn json(world: &World, line: &str) -> Value {
    let out = world.run(["initctl"].into_iter().chain(line.split(' ')).chain(["--json"]));
    serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{line}: {e}: {out:?}"))
}

#[test]
fn processes_belong_to_whom_they_belong() {
    let world = world();
    let mut stray = world.command(["sleep", "4711"]).spawn().expect("a process of nobody's");
    world.wait_for("the stray", deadline(10), |w| {
        w.ok(["initctl", "ps", "--strays"]).contains("sleep 4711").then_some(())
    });
    let text = world.ok(["initctl", "ps"]);
    let of = |unit: &str| text.lines().filter(|l| l.starts_with(&format!("{unit} "))).count();
    assert_eq!((of("web.service"), of("db.service"), of("idle.service")), (2, 1, 0), "{text}");
    assert!(of("rung") >= 3 && text.contains("init-manager"), "{text}");
    let web = json(&world, "ps web");
    let main = web["units"][0]["main_pid"].as_i64().expect("a main process");
    assert_eq!(main, world.main_pid("web"));
    let processes = web["units"][0]["processes"].as_array().expect("processes");
    assert!(
        processes.iter().any(|p| p["parent"] == main) && processes.iter().all(|p| p["memory_bytes"].as_u64() > Some(0))
    );
    let page = world.ok(["initctl", "status", "db"]);
    assert!(page.contains("required by  web") && page.contains("1 process, "), "{page}");
    let top = json(&world, "top --once");
    assert!(top["units"].as_array().is_some_and(|all| all.iter().any(|u| u["name"] == "web.service")), "{top}");
    stray.kill().and_then(|()| stray.wait()).expect("the stray ends");
}

#[test]
fn start_times_outlive_the_manager() {
    let world = world();
    let before = json(&world, "blame");
    let unit = |all: &Value, name: &str| {
        all["units"].as_array().and_then(|u| u.iter().find(|u| u["name"] == name)).cloned().unwrap_or_default()
    };
    let db = unit(&before, "db.service");
    let took = db["done_ms"].as_u64().zip(db["begun_ms"].as_u64()).map(|(done, begun)| done - begun);
    assert!(took.is_some_and(|ms| ms >= 300), "{db}");
    let web = unit(&before, "web.service");
    let [asked, began, through] =
        [(&web, "queued_ms"), (&web, "begun_ms"), (&db, "done_ms")].map(|(unit, key)| unit[key].as_u64());
    assert!(asked <= db["begun_ms"].as_u64() && began >= through, "asked at once, begun after db: {web} {db}");
    assert!(unit(&before, "broken.service")["done_ms"].is_u64(), "a start that failed is over too");
    assert_eq!(before["levels"][0]["level"], "S");
    assert_eq!(before["levels"][1]["level"], "3");
    world.kill_manager(nix::sys::signal::Signal::SIGKILL);
    world.ok(["initctl", "restart", "db"]);
    let after = json(&world, "blame");
    for key in ["begun_ms", "done_ms"] {
        assert_eq!(unit(&after, "db.service")[key], db[key], "the boot's start is kept: {after}");
    }
    assert!(unit(&after, "db.service")["last_begun_ms"].as_u64() > db["done_ms"].as_u64());
    assert_eq!(after["levels"], before["levels"]);
    let chain = world.ok(["initctl", "blame", "--chain", "web"]);
    assert!(chain.contains("web ") && chain.contains("db @"), "{chain}");
    assert!(chain.lines().next().is_some_and(|web| web.contains(" waited ")), "{chain}");
}

#[test]
fn trees_show_what_is_needed_and_by_whom() {
    let world = world();
    let tree = world.ok(["initctl", "tree", "web"]);
    assert_eq!(tree.lines().count(), 2, "{tree}");
    assert!(tree.contains("db active"), "{tree}");
    assert!(world.ok(["initctl", "tree"]).contains("runlevel 3\nbroken failed"), "{}", world.ok(["initctl", "tree"]));
    let deps = world.ok(["initctl", "deps", "--reverse", "db"]);
    assert!(deps.contains("web active required by, before"), "{deps}");
    assert!(world.run(["initctl", "status", "web"]).stdout.contains("   has part  idle\n"));
    assert!(
        world.ok(["initctl", "deps", "idle"]).contains("web active   part of\n"),
        "{}",
        world.ok(["initctl", "deps", "idle"])
    );
    assert!(world.ok(["initctl", "list"]).starts_with("broken "), "what failed comes first");
    assert!(world.ok(["initctl", "list", "--failed", "-c", "name"]).trim() == "broken");
    let overview = world.run(["initctl", "status"]).stdout;
    assert!(overview.contains("runlevel 3, up ") && overview.contains("failed broken"), "{overview}");
}

/// A tmux with one window in it, and a shell in a world there. It ends with its value.
struct Screen {
    folder: PathBuf,
}

impl Screen {
    /// `None`, and said, where there is no tmux.
    fn open(world: &World, term: &str, name: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            println!("skipped: tmux is not installed (apt-get install tmux)");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("rung-views-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let screen = Self { folder };
        let enter = world.command(["env", "PS1=ready> ", "ENV=", "sh", "-i"]);
        let mut tmux = screen.tmux(&["-f", "/dev/null", "-u", "new-session", "-d", "-x", "80", "-y", "24"]);
        tmux.env("LC_ALL", "C.UTF-8")
            .arg("env")
            .arg(format!("TERM={term}"))
            .arg(enter.get_program())
            .args(enter.get_args());
        assert!(tmux.status().expect("tmux").success());
        screen.until("a prompt", |text| text.contains("ready>"));
        Some(screen)
    }

    fn tmux(&self, words: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.folder.join("socket")).args(words);
        command
    }

    /// What is on the screen.
    fn text(&self) -> String {
        let out = self.tmux(&["capture-pane", "-p"]).output().expect("tmux");
        String::from_utf8_lossy(&out.stdout).trim_end().to_owned()
    }

    /// Waits until the screen is like that.
    fn until(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let limit = deadline(20);
        loop {
            let text = self.text();
            if is(&text) {
                return text;
            }
            assert!(Instant::now() < limit, "no {what} on the screen:\n{text}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Presses keys, by tmux's names.
    fn keys(&self, keys: &[&str]) {
        assert!(self.tmux(&["send-keys"]).args(keys).status().expect("tmux").success());
    }

    /// Types a command.
    fn run(&self, line: &str) {
        self.keys(&[line, "Enter"]);
    }

    /// Types a command on an empty screen: what it shows is its own.
    fn anew(&self, line: &str) {
        self.run("clear");
        self.until("empty screen", |text| text == "ready>");
        self.run(line);
    }

    /// The terminal's modes, without speed and size, as a program inside finds them.
    fn modes(&self, world: &World, name: &str) -> String {
        self.run(&format!("stty -a | tail -n +2 >/run/{name}; echo {name} >/run/{name}.there"));
        world.wait_for("the modes", deadline(10), |w| w.path(&format!("/run/{name}.there")).exists().then_some(()));
        world.read(&format!("/run/{name}"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).output();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The number of the screen's line that begins so.
fn line(text: &str, begin: &str) -> Option<usize> {
    text.lines().position(|l| l.starts_with(begin))
}

#[test]
fn top_works_on_old_terminals_and_leaves_them_as_they_were() {
    let world = world();
    for term in ["vt100", "screen"] {
        let Some(screen) = Screen::open(&world, term, term) else { return };
        let before = screen.modes(&world, &format!("before-{term}"));
        screen.anew("initctl top --sort name");
        let text = screen.until("table", |t| t.contains("web ") && t.contains("q quit"));
        assert!(text.starts_with("Rung, runlevel 3") && text.lines().count() == 24, "{text}");
        assert!(text.lines().all(|l| l.chars().count() < 80), "{text}");
        assert!(line(&text, "db") < line(&text, "web") && text.contains("n name*"), "{text}");
        screen.keys(&["r"]);
        screen.until("order turned round", |t| line(t, "web") < line(t, "db"));
        screen.keys(&["Enter"]);
        let text = screen.until("processes of a unit", |t| t.contains("`-sleep inf") || t.contains("└─sleep inf"));
        assert_eq!(text.contains("`-sleep"), term == "vt100", "lines are drawn with what the terminal knows: {text}");
        // Another size is taken at once.
        assert!(screen.tmux(&["resize-window", "-x", "60", "-y", "12"]).status().expect("tmux").success());
        screen.until("smaller screen", |t| {
            t.lines().count() == 12 && t.lines().last().is_some_and(|l| l.starts_with("q quit"))
        });
        assert!(screen.tmux(&["resize-window", "-x", "80", "-y", "24"]).status().expect("tmux").success());
        screen.keys(&["q"]);
        screen.until("prompt", |t| t.trim_end().ends_with("ready>"));
        assert_eq!(screen.modes(&world, &format!("quit-{term}")), before, "after q");
        // Ended by a signal from the keyboard, by another, and stopped and gone on with.
        for (index, end) in ["C-c", "TERM", "C-z"].into_iter().enumerate() {
            let command = if end == "TERM" { "timeout --foreground 1 initctl top" } else { "initctl top" };
            screen.anew(&format!("{command}; echo status $?"));
            screen.until("table", |t| t.contains("q quit") && t.contains("web "));
            if end != "TERM" {
                screen.keys(&[end]);
            }
            let status = match end {
                "C-c" => "status 130",
                "TERM" => "status 124",
                _ => "status 147",
            };
            screen.until("status", |t| t.contains(status));
            assert_eq!(screen.modes(&world, &format!("end-{index}-{term}")), before, "after {end}");
        }
        screen.anew("fg; echo status $?");
        screen.until("table", |t| t.contains("q quit") && t.contains("web "));
        screen.keys(&["q"]);
        screen.until("status", |t| t.contains("status 0"));
        assert_eq!(screen.modes(&world, &format!("fg-{term}")), before, "after it went on");
    }
}

#[test]
fn levels_are_changed_in_a_table_and_only_when_saved() {
    let world = world();
    let Some(screen) = Screen::open(&world, "vt100", "levels") else { return };
    let on = |unit: &str| json(&world, &format!("levels {unit}"))["rows"][0]["on"].as_str().map(str::to_owned);
    assert_eq!(on("idle").as_deref(), Some(""));
    // Left without saving.
    screen.anew("initctl levels --edit idle web");
    screen.until("table", |t| t.contains("UNIT") && t.contains("s save"));
    screen.keys(&["Space", "q"]);
    screen.until("question", |t| t.contains("Leave all as it was?") && t.contains("idle: on in 2"));
    screen.keys(&["y"]);
    screen.until("message", |t| t.contains("nothing was changed"));
    assert_eq!(on("idle").as_deref(), Some(""));
    // Only tried: the links are told, and not made.
    screen.anew("initctl levels --edit --dry-run idle; echo status $?");
    screen.until("table", |t| t.contains("UNIT") && t.contains("s save"));
    screen.keys(&["Space", "s"]);
    screen.until("question", |t| t.contains("idle: on in 2"));
    screen.keys(&["y"]);
    let text = screen.until("links", |t| t.contains("status 0"));
    assert!(
        text.contains("would make /etc/rung/levels/2/idle.service") && text.contains("idle: on in 2 from"),
        "{text}"
    );
    assert_eq!(on("idle").as_deref(), Some(""));
    // Saved: 2 and 3 on for `idle`, 3 off for `web`.
    assert!(on("web").is_some_and(|l| l.contains('3')));
    screen.anew("initctl levels --edit idle web; echo status $?");
    screen.until("table", |t| t.contains("UNIT") && t.contains("s save"));
    screen.keys(&["Space", "Right", "Space", "Down", "Space"]);
    screen.until("changes", |t| t.contains("(2 changed)"));
    screen.keys(&["s"]);
    screen.until("question", |t| {
        t.contains("idle: on in 23") && t.contains("web: off in 3") && t.contains("Change that?")
    });
    screen.keys(&["y"]);
    screen.until("links", |t| t.contains("status 0"));
    assert_eq!(on("idle").as_deref(), Some("23"));
    assert!(on("web").is_some_and(|l| !l.contains('3')), "{:?}", on("web"));
    // Nothing can be drawn on a dumb one: it says what does the same.
    screen.anew("TERM=dumb initctl levels --edit; TERM=dumb initctl top");
    let text = screen.until("errors", |t| t.contains("initctl top --once"));
    assert!(text.contains("TERM is `dumb`") && text.contains("try: initctl enable NAME --levels 2345"), "{text}");
}

#[test]
fn what_takes_long_draws_what_it_waits_for_and_a_switch_sums_up() {
    let hold = |key: &str, file: &str| format!("{key}=/bin/sh -c 'while ! [ -e {file} ]; do sleep 0.05; done'\n");
    let world = World::new()
        .unit(
            "slow.service",
            &format!(
                "[Service]\nType=exec\n{}ExecStart=/bin/sleep inf\n[Install]\nRunlevels=4\n",
                hold("ExecStartPre", "/run/go")
            ),
        )
        .unit("quits.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n[Install]\nRunlevels=4\n")
        .unit(
            "leaves.service",
            &format!(
                "[Service]\nType=exec\nExecStart=/bin/sleep inf\n{}[Install]\nRunlevels=3\n",
                hold("ExecStop", "/run/leave")
            ),
        )
        .boot();
    let Some(screen) = Screen::open(&world, "vt100", "progress") else { return };
    // A switch draws what starts and what stops.
    screen.anew("initctl runlevel 4; echo status $?");
    screen.until("what it waits for", |t| {
        t.contains("waiting for ") && t.contains("start slow: ExecStartPre=") && t.contains("stop leaves: ExecStop=")
    });
    world.write("/run/leave", "");
    let text =
        screen.until("the stop's end", |t| t.contains("start slow: ExecStartPre=") && !t.contains("stop leaves"));
    assert!(text.lines().all(|l| l.chars().count() < 80), "{text}");
    world.write("/run/go", "");
    let summed = |t: &str| t.find("runlevel 4: 1 started").is_some_and(|at| t.rfind("status 1") > Some(at));
    let text = screen.until("the end", summed);
    let summary = line(&text, "runlevel 4: 1 started, 1 stopped, 1 failed (quits), ").expect("a summary");
    assert!(text.contains("could not switch quits") && !text.contains("waiting for"), "{text}");
    assert_eq!(line(&text, "status 1"), Some(summary + 1), "it comes last, and what passed is wiped: {text}");
    // So does a single start; what is done at once draws nothing.
    world.ok(["rm", "/run/go"]);
    world.ok(["initctl", "stop", "slow"]);
    screen.anew("initctl start slow; echo status $?");
    screen.until("what it waits for", |t| t.contains("start slow: ExecStartPre="));
    world.write("/run/go", "");
    let text = screen.until("the end", |t| t.contains("status 0"));
    assert!(!text.contains("ExecStartPre"), "{text}");
}

#[test]
fn what_holds_a_switch_up_is_watched_and_killed() {
    let stubborn = "[Service]\nTimeoutStopSec=900\n\
        ExecStart=/bin/sh -c 'trap \"echo not yet\" TERM; touch /run/up; while :; do sleep 0.2; done'\n[Install]\nRunlevels=3\n";
    let world = World::new().unit("stubborn.service", stubborn).boot();
    let Some(screen) = Screen::open(&world, "vt100", "jobs") else { return };
    world.wait_for("its trap", deadline(20), |w| w.path("/run/up").exists().then_some(()));
    let (before, pid) = (screen.modes(&world, "before"), world.main_of("stubborn"));
    screen.anew("initctl shutdown-jobs --watch; echo status $?");
    screen.until("an empty view", |t| t.starts_with("no switch of levels is under way") && t.contains("q leave"));
    world.ok(["initctl", "runlevel", "2", "--no-wait"]);
    let text = screen.until("the unit, its process and its words", |t| {
        t.starts_with("switching to level 2; 1 unit is being stopped")
            && t.contains("(main) /bin/sh -c trap")
            && t.contains("| ")
            && t.contains("not yet")
    });
    assert!(text.lines().all(|l| l.chars().count() < 80) && text.lines().count() == 24, "{text}");
    // A kill is asked about first; any other key than y leaves it alone.
    screen.keys(&["k"]);
    screen.until("question", |t| t.contains("Kill stubborn now? What it hasn't written is lost. y/n"));
    screen.keys(&["n"]);
    screen.until("no question", |t| !t.contains("y/n") && t.contains("stubborn"));
    screen.keys(&["k"]);
    screen.until("question", |t| t.contains("Kill stubborn now?"));
    screen.keys(&["y"]);
    screen.until("an empty view", |t| t.starts_with("no switch of levels is under way"));
    assert!(world.state("stubborn").0 != "active" && world.run(["kill", "-0", &pid.to_string()]).code != 0);
    screen.keys(&["q"]);
    screen.until("prompt", |t| t.contains("status 0"));
    assert_eq!(screen.modes(&world, "after"), before, "after q");
}
