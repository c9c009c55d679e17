//! A core on the bench: answers only what a test says.

use super::super::*;
use crate::proto::pid1::Exit;
use crate::unit::{Command, ExecKind, Level, LevelSet, Unit, UnitName};
use std::rc::Rc;

pub(in crate::core) struct Bench {
    pub(in crate::core) core: Core,
    pub(in crate::core) now: Millis,
    pub(in crate::core) log: Vec<Action>,
    pub(in crate::core) next_request: RequestId,
}

pub(in crate::core) fn name(text: &str) -> UnitName {
    UnitName::new(text).expect("name")
}

pub(in crate::core) fn names(list: &[&str]) -> Vec<UnitName> {
    list.iter().map(|n| name(n)).collect()
}

pub(in crate::core) fn unit(text: &str, change: impl FnOnce(&mut Unit)) -> Definition {
    let mut unit = Unit::new(name(text));
    if !text.ends_with(".target") {
        add(&mut unit, ExecKind::Start);
    }
    change(&mut unit);
    Definition::Good(Rc::new(unit))
}

pub(in crate::core) fn plain(text: &str) -> Definition {
    unit(text, |_| {})
}

pub(in crate::core) fn add(unit: &mut Unit, kind: ExecKind) {
    let command = Command { words: ["/bin/x"].iter().collect(), ..Command::default() };
    unit.service.commands.push((kind, command));
}

impl Bench {
    pub(in crate::core) fn new(definitions: Vec<Definition>) -> Self {
        let mut bench = Self { core: Core::new(), now: 1000, log: Vec::new(), next_request: 0 };
        bench.feed(Event::Define(definitions));
        bench
    }

    pub(in crate::core) fn feed(&mut self, event: Event) {
        self.log.clear();
        self.core.handle(event, self.now, &mut self.log);
        let wrong = invariants::check(&self.core);
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    pub(in crate::core) fn ask(&mut self, verb: Verb, list: &[&str]) -> RequestId {
        self.request(Ask::Units { verb, names: names(list) })
    }

    pub(in crate::core) fn request(&mut self, ask: Ask) -> RequestId {
        self.next_request += 1;
        self.feed(Event::Request { id: self.next_request, ask });
        self.next_request
    }

    pub(in crate::core) fn view(&self, text: &str) -> View<'_> {
        self.core.view(self.core.id(&name(text)).expect("known"))
    }

    pub(in crate::core) fn key(&self, text: &str, main: bool) -> Key {
        let view = self.view(text);
        if main { view.main_key.expect("main") } else { view.control_key.expect("control") }
    }

    pub(in crate::core) fn life(&mut self, key: Key, life: Life) {
        self.feed(Event::Process { key, pid: 100 + key.token as i32, life });
    }

    pub(in crate::core) fn runs(&mut self, text: &str) {
        let key = self.key(text, true);
        self.life(key, Life::Forked);
        let seen = std::mem::take(&mut self.log);
        self.life(key, Life::Running);
        self.log.splice(0..0, seen);
    }

    pub(in crate::core) fn exit(&mut self, text: &str, main: bool, exit: Exit) {
        let key = self.key(text, main);
        self.life(key, Life::Over(exit));
    }

    pub(in crate::core) fn empty(&mut self, text: &str) {
        let token = self.view(text).token.expect("live");
        self.feed(Event::Empty { token });
    }

    /// Its main process ends, and nothing is left.
    pub(in crate::core) fn ends(&mut self, text: &str, exit: Exit) {
        self.exit(text, true, exit);
        self.empty(text);
    }

    pub(in crate::core) fn wait(&mut self, ms: Millis) {
        self.now += ms;
        self.feed(Event::Tick);
    }

    pub(in crate::core) fn spawned(&self) -> Vec<String> {
        let spawns = self.log.iter().filter_map(|a| match a {
            Action::Spawn { unit, kind, index, .. } => Some(format!("{} {}{index}", self.core.name(*unit), kind.key())),
            _ => None,
        });
        spawns.collect()
    }

    pub(in crate::core) fn results(&self) -> Vec<(String, JobResult)> {
        let results = self.log.iter().filter_map(|a| match a {
            Action::JobDone { unit, result, .. } => Some((self.core.name(*unit).to_string(), result.clone())),
            _ => None,
        });
        results.collect()
    }

    pub(in crate::core) fn signals(&self) -> Vec<(bool, i32)> {
        let signals = self.log.iter().filter_map(|a| match a {
            Action::Signal { key, signal, .. } => Some((key.is_none(), *signal)),
            _ => None,
        });
        signals.collect()
    }

    pub(in crate::core) fn marks(&mut self, marks: &[(&str, &str)]) {
        let mark = |(n, on): &(&str, &str)| LevelMark {
            name: name(n),
            on: LevelSet::parse(on).expect("levels"),
            kill: LevelSet::EMPTY,
            rule: RcRule::default(),
        };
        self.feed(Event::Levels(marks.iter().map(mark).collect()));
    }

    pub(in crate::core) fn level(&mut self, c: char) -> RequestId {
        self.request(Ask::Level(Level::from_char(c).expect("level")))
    }

    /// The manager dies and comes back, with these slots in PID 1.
    pub(in crate::core) fn rebirth(&mut self, definitions: Vec<Definition>, slots: &[(Key, Life)]) {
        self.core = Core::restore(self.core.snapshot().collect());
        self.feed(Event::Define(definitions));
        for (key, life) in slots {
            self.life(*key, *life);
        }
        self.feed(Event::Synced);
    }
}

pub(in crate::core) fn done(name: &str) -> (String, JobResult) {
    (name.to_owned(), JobResult::Done)
}
