//! What an event costs: ten times the units, no more than about ten times the work, whichever relations they have.

use super::bench::*;
use super::*;
use crate::core::arena::LOOKS;

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
        self.core.take_dirty();
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
        u.after = names(&[other]);
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
