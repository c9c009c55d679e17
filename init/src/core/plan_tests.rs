use crate::core::tests::bench::*;
use crate::core::*;
use crate::unit::{ExecKind, Unit};

fn needs(other: &'static str) -> impl Fn(&mut Unit) {
    move |u| {
        u.requires = names(&[other]).into();
        u.after = names(&[other]).into();
    }
}

/// `wave deed name: reason` of each step.
fn lines(plan: &Plan) -> Vec<String> {
    let line = |s: &Step| format!("{} {:?} {}: {}", s.wave, s.deed, s.unit, s.reason.words());
    plan.steps.iter().map(line).collect()
}

fn plan(b: &Bench, verb: Verb, list: &[&str]) -> Plan {
    b.core.plan(&Ask::Units { verb, names: names(list) }, b.now)
}

fn up(b: &mut Bench, list: &[&str]) {
    b.ask(Verb::Start, list);
    for n in list {
        b.runs(n);
    }
}

#[test]
fn a_start_goes_in_waves_and_says_who_needs_whom() {
    let app = unit("app", |u| {
        needs("db")(u);
        u.wants = names(&["mail", "nowhere"]).into();
    });
    let mut b = Bench::new(vec![app, unit("db", needs("disk")), plain("disk"), plain("mail")]);
    let before: Vec<_> = b.core.snapshot().collect();
    let p = plan(&b, Verb::Start, &["app"]);
    assert_eq!(
        lines(&p),
        [
            "1 Start disk: required by db",
            "1 Start mail: wanted by app",
            "2 Start db: required by app",
            "3 Start app: asked for"
        ]
    );
    assert_eq!(b.core.snapshot().collect::<Vec<_>>(), before, "nothing has changed");
    assert!(b.core.take_dirty().all(|r| !r.key.starts_with("request")));
    up(&mut b, &["disk"]);
    assert_eq!(lines(&plan(&b, Verb::Start, &["db"])), ["1 Start db: asked for"]);
    assert_eq!(plan(&b, Verb::Start, &["disk"]).stays, [name("disk")]);
}

#[test]
fn a_restart_has_two_halves() {
    let mut b = Bench::new(vec![plain("a"), unit("b", needs("a"))]);
    up(&mut b, &["a", "b"]);
    let want = ["1 Stop b: requires a", "2 Stop a: asked for", "3 Start a: asked for", "4 Start b: requires a"];
    let p = plan(&b, Verb::Restart, &["a"]);
    assert_eq!(lines(&p), want);
    assert!(p.steps.iter().all(|s| s.restart));
    assert_eq!(plan(&b, Verb::Stop, &["a"]).steps.len(), 2);
}

#[test]
fn what_cant_be_done_is_said_and_loops_are_named() {
    let link = |n: &str, after: &'static str| unit(n, |u| u.after = names(&[after]).into());
    let b = Bench::new(vec![link("a", "b"), link("b", "a"), unit("c", needs("gone")), plain("d")]);
    let p = plan(&b, Verb::Start, &["a", "b", "c"]);
    assert_eq!(p.cuts, [Cut { members: names(&["a", "b"]), later: name("a"), earlier: name("b") }]);
    assert_eq!(lines(&p), ["1 Start a: asked for", "2 Start b: asked for"]);
    let refused: Vec<&str> = p.refused.iter().map(|r| r.unit.short()).collect();
    assert_eq!(refused, ["c", "gone"]);
    let p = plan(&b, Verb::Reload, &["d"]);
    assert!(
        p.steps.is_empty() && matches!(p.refused.first().map(|r| &r.result), Some(JobResult::NotApplicable { .. }))
    );
}

#[test]
fn a_level_switch_says_what_stops_starts_and_stays() {
    let mut b = Bench::new(["two", "both", "three", "hand"].iter().map(|n| plain(n)).collect());
    b.marks(&[("two", "2"), ("both", "23"), ("three", "3")]);
    b.level('2');
    b.runs("two");
    b.runs("both");
    up(&mut b, &["hand"]);
    let level = |c| Ask::Level(crate::unit::Level::from_char(c).expect("level"));
    let p = b.core.plan(&level('3'), b.now);
    assert_eq!(lines(&p), ["1 Stop two: off in level 3", "1 Start three: on in level 3"]);
    assert_eq!(p.stays, names(&["both", "hand"]));
    let p = b.core.plan(&Ask::Down(crate::proto::pid1::Power::PowerOff), b.now);
    assert_eq!((p.steps.len(), p.stays.len()), (3, 0));
}

#[test]
fn a_reset_a_signal_and_a_start_called_off_are_steps_too() {
    let mut b = Bench::new(vec![plain("a"), unit("b", needs("a")), unit("c", |u| add(u, ExecKind::Reload))]);
    b.ask(Verb::Start, &["b"]);
    let p = plan(&b, Verb::Stop, &["b"]);
    assert_eq!(lines(&p), ["1 CallOff b: asked for"]);
    assert_eq!(lines(&plan(&b, Verb::ResetFailed, &["c"])), ["1 Reset c: asked for"]);
    let kill = Verb::Kill { signal: 15, whom: Whom::All };
    assert_eq!(lines(&plan(&b, kill, &["a"])), ["1 Signal a: asked for"]);
}
