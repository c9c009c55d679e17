//! What ten times the units cost: allocations grow no faster than n log n, for whatever is done with all of them;
//! and what is done with one of them costs the same among a hundred and among ten thousand. Counted, not timed, so that
//! it means the same on every machine. What the core looks at is counted by its own tests (`core_tests_cost`).
#![allow(clippy::expect_used, reason = "this is all test code")]

use init::core::{Action, Ask, Core, Definition, Event, LevelMark, RcRule, Verb};
use init::load::Loader;
use init::proto::pid1::{Exit, Key, Life};
use init::unit::{Facts, Level, LevelSet, Source, UnitName};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

// SAFETY: each call is handed on as it is; counting touches only a cell that needs no allocation itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above; what is freed came from there.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted<T>(what: impl FnOnce() -> T) -> (u64, T) {
    let before = ALLOCATIONS.get();
    let result = what();
    (ALLOCATIONS.get() - before, result)
}

/// A folder of unit files, removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn name(i: usize) -> UnitName {
    UnitName::new(&format!("u{i:05}")).expect("name")
}

fn write(folder: &Path, i: usize, program: &str) {
    let after: Vec<String> = (1..=10).filter_map(|k| i.checked_sub(k)).map(|j| name(j).as_str().to_owned()).collect();
    let text = format!(
        "[Unit]\nDescription=Worker {i}\nAfter={}\n[Service]\nType=exec\nExecStart={program}\nRestart=always\n",
        after.join(" ")
    );
    std::fs::write(folder.join(name(i).as_str()), text).expect("write");
}

/// A core, and what it wants done.
struct Machine {
    core: Core,
    now: u64,
    requests: u64,
    todo: VecDeque<Action>,
}

impl Machine {
    fn feed(&mut self, event: Event) {
        let mut out = Vec::new();
        self.now += 1;
        self.core.handle(event, self.now, &mut out);
        self.core.take_dirty().for_each(drop);
        self.todo.extend(out);
    }

    /// Does what is wanted until nothing is: each process is there at once, and ends at SIGTERM.
    fn work(&mut self) {
        while let Some(action) = self.todo.pop_front() {
            match action {
                Action::Spawn { key, .. } => self.feed(Event::Process { key, pid: 100, life: Life::Running }),
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

    fn ask(&mut self, ask: Ask) {
        self.requests += 1;
        self.feed(Event::Request { id: self.requests, ask });
        self.work();
    }
}

/// What was counted, by name.
type Costs = Vec<(&'static str, u64)>;

/// What each deed costs with so many units: those that have to do with all of them, and those with one.
fn costs(n: usize) -> (Costs, Costs) {
    let folder = Folder(std::env::temp_dir().join(format!("rung-growth-{n}-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("folder");
    (0..n).for_each(|i| write(&folder.0, i, "/bin/worker"));
    let (mut all, mut one) = (Vec::new(), Vec::new());

    let mut loader = Loader::new(vec![(Source::Native, folder.0.clone())], Facts::default());
    all.push(("scan", counted(|| loader.scan()).0));
    let names = loader.names();
    assert_eq!(names.len(), n);
    let (count, definitions) = counted(|| names.iter().map(|n| loader.load(n).definition).collect::<Vec<Definition>>());
    all.push(("load", count));
    let mut machine = Machine { core: Core::new(), now: 1000, requests: 0, todo: VecDeque::new() };
    all.push(("define", counted(|| machine.feed(Event::Define(definitions))).0));

    all.push(("start all", counted(|| machine.ask(Ask::Units { verb: Verb::Start, names: names.clone() })).0));
    all.push(("stop all", counted(|| machine.ask(Ask::Units { verb: Verb::Stop, names: names.clone() })).0));
    let on = LevelSet::parse("3").expect("levels");
    let marks = names
        .iter()
        .map(|name| LevelMark { name: name.clone(), on, kill: LevelSet::EMPTY, rule: RcRule::Links })
        .collect();
    all.push(("read the levels", counted(|| machine.feed(Event::Levels(marks))).0));
    let level = |c| Ask::Level(Level::from_char(c).expect("level"));
    all.push(("switch to a level", counted(|| machine.ask(level('3'))).0));

    let middle = name(n / 2);
    let id = machine.core.id(&middle).expect("known");
    let view = machine.core.view(id);
    let (key, token) = (view.main_key.expect("it runs"), view.token.expect("it runs"));
    one.push(("an exit", counted(|| machine.over(key, token)).0));
    write(&folder.0, n / 2, "/bin/another");
    let file = middle.as_str().to_owned();
    let changed = counted(|| {
        let files = [Some(file.as_ref())];
        let names = loader.refresh(files.into_iter()).expect("nothing but a file has changed");
        assert_eq!(names, std::slice::from_ref(&middle));
        machine.feed(Event::Define(names.iter().map(|n| loader.load(n).definition).collect()));
    });
    one.push(("a changed file", changed.0));
    one.push(("a state", counted(|| machine.core.view(machine.core.id(&middle).expect("known")).state).0));

    all.push(("a list", counted(|| machine.core.ids().map(|id| machine.core.view(id).phase as u64).sum::<u64>()).0));
    all.push(("a snapshot", counted(|| machine.core.snapshot().count()).0));
    all.push(("leave the level", counted(|| machine.ask(level('1'))).0));
    (all, one)
}

#[test]
fn ten_times_the_units_cost_no_more_than_ten_times_as_much() {
    let sizes = [2_u32, 3, 4].map(|digits| (u64::from(digits), costs(10_usize.pow(digits))));
    for pair in sizes.windows(2) {
        let [(digits, (all, one)), (more_digits, (more_all, more_one))] = pair else { continue };
        for ((what, few), (_, more)) in all.iter().zip(more_all) {
            println!("{what}: {few}, then {more} allocations");
            let most = 10 * few * more_digits / digits + 100;
            assert!(
                *more <= most,
                "{what} grows faster than n log n: {few} allocations, with ten times the units {more}"
            );
        }
        for ((what, few), (_, more)) in one.iter().zip(more_one) {
            println!("{what}: {few}, then {more} allocations");
            assert!(*more <= few + few / 4 + 10, "{what}: {few} allocations, among ten times the units {more}");
        }
    }
}
