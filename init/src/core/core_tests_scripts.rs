//! Units made from init scripts: what they leave running, what their statuses mean, and rc's rules on a level switch.

use super::bench::*;
use super::*;
use crate::unit::{LevelSet, Source, Status};

fn script(text: &str, change: impl FnOnce(&mut Unit)) -> Definition {
    unit(text, |u| {
        u.source = Source::Script;
        u.service.kind = ServiceType::Script;
        u.service.kill_mode = KillMode::Process;
        u.service.ending.skip = vec![Status::Code(5), Status::Code(6)];
        add(u, ExecKind::Stop);
        change(u);
    })
}

/// Started, its script ended well, and this is what is found then: its main process, others, nobody.
fn started(b: &mut Bench, text: &str, main: Option<i32>, empty: bool) {
    b.ask(Verb::Start, &[text]);
    left(b, text, main, empty);
}

fn left(b: &mut Bench, text: &str, main: Option<i32>, empty: bool) {
    let token = b.view(text).token.expect("live");
    b.exit(text, false, Exit::Code(0));
    let watch = b.log.iter().position(|a| matches!(a, Action::Watch { .. })).expect("watched");
    let read = b.log.iter().position(|a| matches!(a, Action::ReadPidFile { .. })).expect("looked for");
    assert!(watch < read, "with nobody there is nothing to look for");
    if empty {
        b.feed(Event::Empty { token });
    }
    b.feed(Event::PidFile { token, found: main.map(|pid| (pid, 7)) });
}

#[test]
fn what_a_script_leaves_is_the_service() {
    let mut b = Bench::new(vec![script("one", |_| {}), script("many", |_| {}), script("none", |_| {})]);
    started(&mut b, "one", Some(55), false);
    assert_eq!((b.view("one").state, b.view("one").main_pid), (State::Active, Some(55)));
    started(&mut b, "many", None, false);
    assert_eq!((b.view("many").phase, b.view("many").main_pid), (Phase::Running, None));
    started(&mut b, "none", None, true);
    assert_eq!(b.view("none").phase, Phase::Exited);
    // Later the end of all is the end.
    b.wait(10_000);
    b.empty("many");
    assert_eq!((b.view("many").state, b.spawned()), (State::Inactive, vec![]), "nobody asked for its stop");
    b.exit("one", true, Exit::Signal(11));
    assert_eq!(b.view("one").state, State::Active, "others of it may be left");
    b.empty("one");
    assert_eq!((b.view("one").state, b.spawned()), (State::Failed, vec![]));
}

/// Its processes show whether a daemon is up; of who has left none the lock file does, and nobody calls the script again.
#[test]
fn a_lock_file_that_goes_ends_what_left_no_process() {
    let always = |u: &mut Unit| u.service.restart = Restart::Always;
    let mut b = Bench::new(vec![script("done", always), script("daemon", always)]);
    started(&mut b, "done", None, true);
    started(&mut b, "daemon", Some(55), false);
    b.wait(60_000);
    for name in ["done", "daemon"] {
        b.feed(lock(name, false));
    }
    assert_eq!((b.view("done").state, b.view("daemon").state), (State::Inactive, State::Active));
    b.wait(60_000);
    assert_eq!((b.spawned(), b.signals()), (vec![], vec![]));
    // As `service done restart` does on its way.
    started(&mut b, "done", None, true);
    b.feed(Event::Hold { unit: UnitName::new("done").expect("a name"), pid: 7, start_time: 1 });
    b.feed(lock("done", false));
    assert_eq!(b.view("done").phase, Phase::Exited);
    b.feed(lock("done", true));
    b.feed(Event::Release { pid: 7, unit: None });
    assert_eq!(b.view("done").phase, Phase::Exited, "it is up again");
}

/// As `service done restart` does that comes no further than its `stop`.
#[test]
fn a_lock_file_that_is_not_back_when_the_verb_is_over_ends_it() {
    let mut b = Bench::new(vec![script("done", |u| u.service.restart = Restart::Always)]);
    started(&mut b, "done", None, true);
    b.feed(Event::Hold { unit: UnitName::new("done").expect("a name"), pid: 7, start_time: 1 });
    b.feed(lock("done", false));
    assert_eq!(b.view("done").state, State::Active, "it may come back");
    b.feed(Event::Release { pid: 7, unit: None });
    assert_eq!((b.view("done").state, b.spawned()), (State::Inactive, vec![]));
    // The next time nothing of that counts.
    started(&mut b, "done", None, true);
    b.feed(Event::Hold { unit: UnitName::new("done").expect("a name"), pid: 8, start_time: 1 });
    b.feed(Event::Release { pid: 8, unit: None });
    assert_eq!(b.view("done").state, State::Active);
}

fn lock(name: &str, there: bool) -> Event {
    Event::Lock { unit: UnitName::new(name).expect("a name"), there }
}

#[test]
fn what_ends_soon_and_well_was_no_daemon() {
    let file = |u: &mut Unit| u.service.pid_file = Some("/run/x.pid".into());
    let mut b = Bench::new(vec![script("helper", |_| {}), script("daemon", file), script("crash", |_| {})]);
    for (name, exit, phase) in [
        ("helper", Exit::Code(0), Phase::Exited),
        ("daemon", Exit::Code(0), Phase::Dead),
        ("crash", Exit::Code(1), Phase::Dead),
    ] {
        started(&mut b, name, Some(55), false);
        b.wait(500);
        b.ends(name, exit);
        assert_eq!(b.view(name).phase, phase, "{name}");
    }
    assert_eq!(b.view("crash").state, State::Failed);
}

#[test]
fn a_script_without_processes_stays_up_when_it_is_reloaded() {
    let mut b = Bench::new(vec![script("none", |u| add(u, ExecKind::Reload))]);
    started(&mut b, "none", None, true);
    b.wait(60_000);
    b.ask(Verb::Reload, &["none"]);
    b.exit("none", false, Exit::Code(0));
    assert_eq!((b.view("none").phase, b.signals()), (Phase::Exited, vec![]));
}

#[test]
fn a_pid_file_that_comes_late_names_the_main_process() {
    let mut b = Bench::new(vec![script("a", |u| u.service.pid_file = Some("/run/a.pid".into()))]);
    started(&mut b, "a", None, false);
    let token = b.view("a").token.expect("live");
    assert_eq!(b.view("a").main_pid, None);
    b.feed(Event::PidFile { token, found: Some((77, 1)) });
    assert_eq!(b.view("a").main_pid, Some(77));
}

#[test]
fn restart_is_stop_and_start_of_the_script() {
    let mut b = Bench::new(vec![script("a", |u| u.service.restart = Restart::OnFailure)]);
    started(&mut b, "a", Some(55), false);
    b.exit("a", true, Exit::Signal(9));
    assert_eq!(b.spawned(), ["a ExecStop0"], "whoever is left hears of it");
    b.exit("a", false, Exit::Code(0));
    assert_eq!(b.view("a").phase, Phase::AutoRestart);
    b.wait(200);
    assert_eq!(b.spawned(), ["a ExecStart0"]);
    left(&mut b, "a", Some(56), false);
    assert_eq!((b.view("a").state, b.view("a").restarts), (State::Active, 1));
}

#[test]
fn statuses_5_and_6_are_no_failures() {
    for (code, why) in [(5, "not installed"), (6, "not configured")] {
        let mut b = Bench::new(vec![script("a", |u| u.service.restart = Restart::Always)]);
        b.ask(Verb::Start, &["a"]);
        b.exit("a", false, Exit::Code(code));
        let results = b.results();
        let Some((_, JobResult::Skipped(Outcome::Skipped { reason, exit }))) = results.first() else {
            panic!("{results:?}");
        };
        assert!(reason.contains(why) && *exit == Some(ExitRecord::Code(code)), "{reason}");
        assert_eq!(b.view("a").state, State::Inactive, "and Restart= leaves it so");
    }
    let mut b = Bench::new(vec![script("a", |_| {})]);
    b.ask(Verb::Start, &["a"]);
    b.exit("a", false, Exit::Code(7));
    assert_eq!(b.view("a").state, State::Failed);
}

#[test]
fn a_stop_that_finds_nothing_to_stop_is_no_failure() {
    for (code, state) in [(5, State::Inactive), (6, State::Inactive), (7, State::Inactive), (1, State::Failed)] {
        let mut b = Bench::new(vec![script("a", |_| {})]);
        started(&mut b, "a", None, true);
        b.ask(Verb::Stop, &["a"]);
        b.exit("a", false, Exit::Code(code));
        assert_eq!(b.view("a").state, state, "{code}");
    }
}

#[test]
fn a_script_that_hangs_is_ended_and_the_others_go_on() {
    let hangs = script("a", |u| u.service.timing.timeout_start = Some(Duration::from_secs(300)));
    let after = script("b", |u| {
        u.after = names(&["a"]).into();
        u.wants = names(&["a"]).into();
    });
    let mut b = Bench::new(vec![hangs, after]);
    b.ask(Verb::Start, &["b"]);
    b.wait(299_000);
    assert!(b.spawned().is_empty());
    b.wait(1_000);
    assert_eq!(b.signals(), [(false, 15), (false, 18)]);
    b.exit("a", false, Exit::Signal(15));
    assert_eq!(b.view("a").outcome, Some(&Outcome::Timeout { phase: Phase::Start }));
    assert_eq!(b.spawned(), ["b ExecStart0"], "what it wants has failed, and that counts as met");
}

#[test]
fn processes_that_somebody_else_has_started_are_taken_over() {
    let mut b = Bench::new(vec![script("a", |_| {}), script("b", |_| {})]);
    b.feed(Event::Found { unit: name("a"), main: Some((55, 7)) });
    assert_eq!((b.view("a").state, b.view("a").main_pid), (State::Active, Some(55)));
    assert!(matches!(b.log.first(), Some(Action::Adopt { pid: 55, start_time: 7, .. })), "{:?}", b.log);
    b.feed(Event::Found { unit: name("a"), main: Some((56, 8)) });
    assert_eq!(b.view("a").main_pid, Some(56), "its script has restarted it");
    b.feed(Event::Found { unit: name("b"), main: None });
    assert_eq!((b.view("b").phase, b.view("b").main_pid), (Phase::Running, None));
    b.ask(Verb::Stop, &["b"]);
    assert_eq!(b.spawned(), ["b ExecStop0"]);
}

/// Units by their S and K links: `a=23/01`.
fn farm(b: &mut Bench, links: &[&str]) {
    ruled(b, links, |_| RcRule::Links);
}

/// On a Red Hat system, where these have left their lock files.
fn locked(b: &mut Bench, links: &[&str], locks: &[&str]) {
    ruled(b, links, |unit| RcRule::Lock(locks.contains(&unit)));
}

fn ruled(b: &mut Bench, links: &[&str], rule: impl Fn(&str) -> RcRule) {
    let marks = links.iter().map(|text| {
        let (unit, levels) = text.split_once('=').expect("levels");
        let (on, kill) = levels.split_once('/').expect("K links");
        let set = |text| LevelSet::parse(text).expect("levels");
        let rule = rule(unit);
        LevelMark { name: name(unit), on: set(on), kill: set(kill), rule }
    });
    b.feed(Event::Levels(marks.collect()));
}

/// Lets every script that is called end well and leave a daemon; what was called, in order.
fn calls(b: &mut Bench) -> Vec<String> {
    let mut all = Vec::new();
    let mut batch = b.log.clone();
    loop {
        let spawned: Vec<(UnitId, bool)> = batch
            .iter()
            .filter_map(|a| match a {
                Action::Spawn { unit, kind, .. } => Some((*unit, *kind == ExecKind::Start)),
                _ => None,
            })
            .collect();
        batch.clear();
        for (id, starts) in &spawned {
            let text = b.core.name(*id).short().to_owned();
            all.push(format!("{text} {}", if *starts { "start" } else { "stop" }));
            if *starts {
                left(b, &text, Some(1000 + id.0 as i32), false);
            } else {
                b.exit(&text, false, Exit::Code(0));
            }
            batch.append(&mut b.log);
            // The daemon has heard its script.
            if !starts && b.view(&text).main_key.is_some() {
                b.exit(&text, true, Exit::Code(0));
                batch.append(&mut b.log);
            }
        }
        if spawned.is_empty() {
            return all;
        }
    }
}

fn four() -> Bench {
    let mut b = Bench::new(["a", "b", "c", "d"].map(|n| script(n, |_| {})).to_vec());
    farm(&mut b, &["a=23/016", "b=2/0136", "c=/0126", "d=3/06"]);
    b.level('S');
    b
}

#[test]
fn a_switch_calls_what_rc_calls() {
    let mut b = four();
    b.level('2');
    assert_eq!(calls(&mut b), ["a start", "b start"], "no K link counts at the first level");
    b.level('3');
    assert_eq!(calls(&mut b), ["b stop", "d start"], "K before S; a is on in both");
    b.level('2');
    assert_eq!(calls(&mut b), ["c stop", "b start"], "c was never started; d has no K link there and is left alone");
    assert_eq!(b.view("d").state, State::Active);
    b.level('1');
    assert_eq!(calls(&mut b), ["a stop", "b stop"], "c's K link was there in 2 as well");
    assert_eq!(b.view("d").state, State::Deactivating, "level 1 ends all the others, by signals");
}

#[test]
fn level_1_leaves_nobody_of_what_it_stops() {
    let login = unit("login", |u| u.service.kill_mode = KillMode::Process);
    let mut b = Bench::new(vec![login, script("daemon", |_| {})]);
    farm(&mut b, &["login=23/", "daemon=23/1"]);
    b.level('2');
    b.runs("login");
    left(&mut b, "daemon", Some(55), false);
    b.level('1');
    assert_eq!(b.spawned(), ["daemon ExecStop0"]);
    assert_eq!(
        b.signals(),
        [(true, 15), (true, 1), (true, 18)],
        "all of login: its shells too, which heed SIGHUP only"
    );
    b.exit("daemon", false, Exit::Code(0));
    assert_eq!(b.signals(), [(true, 15), (true, 1), (true, 18)]);
    b.ends("login", Exit::Signal(15));
    b.level('2');
    b.runs("login");
    b.ask(Verb::Stop, &["login"]);
    assert_eq!(b.signals(), [(false, 15), (false, 18)], "as its file says, at any other stop");
}

#[test]
fn lock_files_decide_for_red_hats_rc() {
    const LINKS: &[&str] = &["a=35/016", "b=3/056", "c=3/5", "d=/35"];
    let mut b = Bench::new(["a", "b", "c", "d"].map(|n| script(n, |_| {})).to_vec());
    locked(&mut b, LINKS, &["c", "d"]);
    b.level('S');
    b.level('3');
    assert_eq!(calls(&mut b), ["d stop", "a start", "b start"], "at the first level, too; c has its lock file");
    b.ends("a", Exit::Signal(9));
    locked(&mut b, LINKS, &["b"]);
    b.level('5');
    assert_eq!(calls(&mut b), ["b stop", "a start"], "a is on in both, and down; c and d have none");
    b.ends("a", Exit::Signal(9));
    locked(&mut b, LINKS, &["a"]);
    b.level('3');
    assert_eq!(calls(&mut b), ["b start", "c start"], "a is down, and has left its lock file");
    locked(&mut b, LINKS, &["c"]);
    b.level('5');
    assert_eq!(calls(&mut b), ["c stop", "a start"]);
    locked(&mut b, LINKS, &["a"]);
    b.request(Ask::Down(Power::PowerOff));
    assert_eq!(calls(&mut b), ["a stop"]);
    assert_eq!(b.view("b").state, State::Deactivating, "it hears signals only");
}

#[test]
fn a_start_under_way_is_called_off_where_there_is_no_lock_file_yet() {
    let mut b = Bench::new(vec![script("a", |_| {})]);
    locked(&mut b, &["a=3/2"], &[]);
    b.level('S');
    b.level('3');
    assert_eq!(b.spawned(), ["a ExecStart0"]);
    b.level('2');
    assert_eq!(b.signals(), [(false, 15), (false, 18)]);
}

#[test]
fn on_the_way_down_k_links_are_called_for_those_that_are_down_too() {
    let mut b = four();
    b.level('3');
    assert_eq!(calls(&mut b), ["a start", "d start"]);
    b.request(Ask::Down(Power::PowerOff));
    let mut called = calls(&mut b);
    called.sort();
    assert_eq!(called, ["a stop", "c stop", "d stop"], "b has a K link in 3 too, and was stopped there");
    assert_eq!(b.core.levels().1, Some(Level::HALT));
}

#[test]
fn a_k_link_of_what_waits_for_its_start_and_has_no_stop_calls_the_start_off() {
    let mut b = Bench::new(vec![
        script("slow", |_| {}),
        script("next", |u| {
            u.after = vec![name("slow")].into();
            u.service.commands.retain(|(kind, _)| *kind != ExecKind::Stop);
        }),
    ]);
    farm(&mut b, &["slow=3/", "next=3/2"]);
    b.level('3');
    assert_eq!(b.view("next").phase, Phase::Dead, "it waits for slow");
    b.level('2');
    assert!(b.view("next").job.is_none() && b.spawned().is_empty(), "there is nothing to call");
}

#[test]
fn a_failing_stop_of_what_did_not_run_is_no_failure() {
    let mut b = four();
    b.level('3');
    calls(&mut b);
    b.level('2');
    assert_eq!(b.spawned(), ["c ExecStop0"]);
    b.exit("c", false, Exit::Code(1));
    assert_eq!(b.view("c").state, State::Inactive);
}

#[test]
fn scripts_that_are_not_on_are_not_started_for_those_that_are() {
    let wants = |u: &mut Unit| u.wants = names(&["b"]).into();
    let mut b = Bench::new(vec![script("a", wants), script("b", |_| {}), unit("n", wants)]);
    farm(&mut b, &["a=2/", "n=3/"]);
    b.level('S');
    b.level('2');
    assert_eq!(calls(&mut b), ["a start"]);
    b.level('3');
    assert_eq!(b.spawned().len(), 2, "a unit of another kind gets what it wants");
}
