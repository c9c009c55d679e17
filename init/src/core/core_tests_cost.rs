//! What an event costs: ten times the units, no more than about ten times the work, whichever relations they have.

use super::bench::*;
use super::*;
use crate::core::arena::LOOKS;
use crate::unit::LevelSet;

/// A core without the bench's checks, which walk through all units.
struct Fast {
    core: Core,
    now: Millis,
    next_request: RequestId,
    todo: VecDeque<Action>,
}

impl Fast {
    fn new(definitions: Vec<Definition>) -> Self {
        let mut fast = Self { core: Core::new(), now: 1000, next_request: 0, todo: VecDeque::new() };
        fast.feed(Event::Define(definitions));
        fast
    }

    fn feed(&mut self, event: Event) {
        let mut out = Vec::new();
        self.core.handle(event, self.now, &mut out);
        self.core.take_dirty().for_each(drop);
        self.todo.extend(out);
    }

    /// Does what is asked, and what comes of it, until nothing is left to do.
    fn work(&mut self) {
        while let Some(action) = self.todo.pop_front() {
            match action {
                Action::Spawn { key, .. } => {
                    self.feed(Event::Process { key, pid: 100, life: Life::Running });
                }
                Action::Signal { unit, token, signal: 15, .. } => {
                    if let Some(key) = self.core.view(unit).main_key {
                        self.over(key, token);
                    }
                }
                _ => {}
            }
        }
    }

    fn over(&mut self, key: Key, token: u64) {
        self.feed(Event::Process { key, pid: 100, life: Life::Over(Exit::Signal(9)) });
        self.feed(Event::Empty { token });
    }

    fn ask(&mut self, verb: Verb, names: Vec<UnitName>) {
        self.next_request += 1;
        self.feed(Event::Request { id: self.next_request, ask: Ask::Units { verb, names } });
        self.work();
    }

    fn crash(&mut self, text: &str) {
        let view = self.core.view(self.core.id(&name(text)).expect("known"));
        let (key, token) = (view.main_key.expect("main"), view.token.expect("live"));
        self.over(key, token);
        self.work();
        self.now += 5000;
        self.feed(Event::Tick);
        self.work();
    }
}

fn nth(n: usize) -> String {
    format!("u{n:05}")
}

/// Units with what `change` makes of each, and one called `hub`.
fn many(n: usize, hub: impl FnOnce(&mut Unit), change: impl Fn(&mut Unit, usize)) -> Vec<Definition> {
    let mut all = vec![unit("hub", hub)];
    all.extend((0..n).map(|i| unit(&nth(i), |u| change(u, i))));
    all
}

/// Looks at units for a start of all, a crash of the hub with what follows, a stop of the others.
fn costs(definitions: Vec<Definition>, n: usize) -> [u64; 3] {
    let all: Vec<UnitName> = (0..n).map(|i| name(&nth(i))).chain([name("hub")]).collect();
    let mut fast = Fast::new(definitions);
    let mut count = |what: &dyn Fn(&mut Fast)| {
        let before = LOOKS.get();
        what(&mut fast);
        LOOKS.get() - before
    };
    let start = count(&|f| f.ask(Verb::Start, all.clone()));
    let crash = count(&|f| f.crash("hub"));
    let stop = count(&|f| f.ask(Verb::Stop, all[..n].to_vec()));
    [start, crash, stop]
}

/// With this many units, and with ten times as many.
const FEW: usize = 50;

#[test]
fn no_relation_costs_more_than_its_edges() {
    let always = |u: &mut Unit| u.service.restart = Restart::Always;
    let everybody = |n| (0..n).map(|i| name(&nth(i))).collect::<Vec<_>>();
    let bound = |u: &mut Unit, other: &str| {
        u.relations.binds_to = names(&[other]);
        u.after = names(&[other]).into();
    };
    type Shape<'a> = (&'a str, &'a dyn Fn(usize) -> Vec<Definition>);
    let shapes: &[Shape<'_>] = &[
        ("unrelated", &|n| many(n, always, |_, _| ())),
        ("bound", &|n| many(n, always, |u, _| bound(u, "hub"))),
        ("a chain", &|n| many(n, always, |u, i| bound(u, &i.checked_sub(1).map_or_else(|| "hub".to_owned(), nth)))),
        ("parts", &|n| many(n, always, |u, _| u.relations.part_of = names(&["hub"]))),
        ("upheld", &|n| many(n, |u| u.relations.upholds = everybody(n), |_, _| ())),
        ("upholders", &|n| many(n, always, |u, _| u.relations.upholds = names(&["hub"]))),
        ("handlers", &|n| many(n, |u| u.relations.on_failure = everybody(n), |_, _| ())),
    ];
    for (word, make) in shapes {
        let (few, more) = (costs(make(FEW), FEW), costs(make(10 * FEW), 10 * FEW));
        for (what, (few, more)) in ["start", "crash", "stop"].iter().zip(few.into_iter().zip(more)) {
            assert!(more <= 11 * few, "{word}, {what}: {few} looks, then {more}");
        }
    }
}

/// What was counted, by name.
type Costs = Vec<(&'static str, u64)>;

/// Looks at units for all that is done with a machine of so many: with all of them, and with one.
fn life(n: usize) -> (Costs, Costs) {
    let ordered =
        |u: &mut Unit, i: usize| u.after = (1..=10).filter_map(|k| i.checked_sub(k)).map(|j| name(&nth(j))).collect();
    let definitions = many(n, |_| (), ordered);
    let all: Vec<UnitName> = (0..n).map(|i| name(&nth(i))).collect();
    let on = LevelSet::parse("3").expect("levels");
    let marks = all
        .iter()
        .map(|name| LevelMark { name: name.clone(), on, kill: LevelSet::EMPTY, rule: RcRule::default() })
        .collect();
    let (mut fast, before) = (Fast::new(Vec::new()), std::cell::Cell::new(0));
    let mut count = |what: &mut dyn FnMut(&mut Fast)| {
        before.set(LOOKS.get());
        what(&mut fast);
        LOOKS.get() - before.get()
    };
    let (mut definitions, mut marks) = (Some(definitions), Some(marks));
    let level = |f: &mut Fast, c| {
        f.next_request += 1;
        f.feed(Event::Request { id: f.next_request, ask: Ask::Level(Level::from_char(c).expect("level")) });
        f.work();
    };
    let middle = nth(n / 2);
    let whole = vec![
        ("define", count(&mut |f| f.feed(Event::Define(definitions.take().unwrap_or_default())))),
        ("read the levels", count(&mut |f| f.feed(Event::Levels(marks.take().unwrap_or_default())))),
        ("switch to a level", count(&mut |f| level(f, '3'))),
        ("a list", count(&mut |f| f.core.ids().for_each(|id| assert!(f.core.view(id).phase != Phase::Check)))),
        (
            "another order",
            count(&mut |f| f.feed(Event::Define(vec![unit(&middle, |u| u.after = names(&["hub"]).into())]))),
        ),
    ];
    let one = vec![
        (
            "a changed file",
            count(&mut |f| f.feed(Event::Define(vec![unit("hub", |u| u.description = Some("x".into()))]))),
        ),
        ("an exit", count(&mut |f| f.crash(&middle))),
        (
            "a state",
            count(&mut |f| assert!(f.core.id(&name(&middle)).is_some_and(|id| f.core.view(id).phase != Phase::Check))),
        ),
    ];
    let whole = whole.into_iter().chain([("leave the level", count(&mut |f| level(f, '1')))]).collect();
    (whole, one)
}

#[test]
fn ten_times_the_units_are_ten_times_the_work_and_one_of_them_is_none_the_more() {
    let sizes = [100, 1_000, 10_000].map(life);
    for pair in sizes.windows(2) {
        let [(few, one), (more, still)] = pair else { continue };
        for ((what, few), (_, more)) in few.iter().zip(more) {
            assert!(*more <= 11 * few + 100, "{what}: {few} looks, with ten times the units {more}");
        }
        for ((what, few), (_, more)) in one.iter().zip(still) {
            assert!(*more <= few + 10, "{what}: {few} looks, among ten times the units {more}");
        }
    }
}

/// Looks at units for the start of so many, each with so many edges of either kind.
fn start_of(n: usize, edges: usize) -> u64 {
    let needs = |u: &mut Unit, i: usize| {
        u.requires = (1..=edges).filter_map(|k| i.checked_sub(k)).map(|j| name(&nth(j))).collect();
        u.after = u.requires.clone();
    };
    let mut fast = Fast::new(many(n, |_| (), needs));
    let ask = Ask::Units { verb: Verb::Start, names: vec![name(&nth(n - 1))] };
    let before = LOOKS.get();
    fast.feed(Event::Request { id: 1, ask });
    LOOKS.get() - before
}

#[test]
fn a_unit_that_many_edges_lead_to_is_looked_at_no_more_often() {
    let (few, more) = (start_of(500, 5), start_of(500, 20));
    assert!(more <= few + few / 10, "{few} looks, with four times the edges {more}");
}
