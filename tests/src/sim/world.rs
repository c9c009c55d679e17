//! One world: the loop of the manager's shell, with a journal, a clock that jumps, and sudden deaths.

use super::check::{Heard, Judge};
use super::foresee::Foreseen;
use super::machine::{Machine, Told, Watches};
use super::make;
use super::rng::Rng;
use super::talk;
use init::core::{
    Action, Ask, Core, Definition, Event, LevelMark, Loaded, Millis, Notice, Record, RequestId, State, UnitId,
};
use init::proto::pid1::{Key, Life, Power};
use init::unit::{End, Level, Service, Source, UnitName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The shell's own requests count from here on.
const OWN: RequestId = 1 << 32;
/// All requests must have ended this long after the last one was made.
const PATIENCE: Millis = 3_600_000;

/// What the shell hasn't handled yet. Lost when the manager dies; PID 1 and the clients tell the rest again.
#[derive(Debug, Clone)]
enum Pending {
    Slot(Key),
    Core(Event),
}

struct World {
    rng: Rng,
    late: Rng,
    core: Core,
    machine: Machine,
    journal: BTreeMap<String, Record>,
    definitions: Vec<Definition>,
    marks: Vec<LevelMark>,
    now: Millis,
    pending: VecDeque<Pending>,
    /// Notifications wait in sockets that PID 1 has parked: they outlive the manager.
    sockets: VecDeque<Event>,
    watches: Watches,
    asked: BTreeMap<RequestId, Ask>,
    /// Who runs a verb of a unit's script, and the daemon that it will have started.
    verbs: BTreeMap<i32, (UnitName, Option<i32>)>,
    /// Those that the core wants to hear the end of.
    awaited: BTreeSet<i32>,
    /// Requests that were taken in at least once.
    first: BTreeSet<RequestId>,
    heard: Heard,
    judge: Judge,
    /// The plan of the last request, as long as nothing has come between.
    foreseen: Option<Foreseen>,
    /// What the level it goes down to was seen to need, by the definitions of then.
    kept: BTreeSet<UnitName>,
    /// In ten thousand steps.
    deaths: u64,
    trace: Vec<String>,
    tracing: bool,
}

/// Runs the world of a seed.
///
/// # Errors
/// What went wrong, with the last steps before it if `tracing`.
pub fn run(seed: u64, tracing: bool) -> Result<u64, String> {
    let mut rng = Rng::new(seed);
    let n = make::size(&mut rng);
    let mut late = Rng::new(!seed);
    let definitions = (0..n).filter_map(|i| make::definition(&mut rng, &mut late, i, n)).collect();
    let marks = make::marks(&mut rng, n);
    let deaths = if n > 40 { 10 } else { rng.pick(&[0, 0, 20, 100, 500]).unwrap_or(0) };
    let mut world = World {
        rng,
        late,
        core: Core::new(),
        machine: Machine::default(),
        journal: BTreeMap::new(),
        definitions,
        marks,
        now: 1,
        pending: VecDeque::new(),
        sockets: VecDeque::new(),
        watches: Watches::new(),
        asked: BTreeMap::new(),
        verbs: BTreeMap::new(),
        awaited: BTreeSet::new(),
        first: BTreeSet::new(),
        heard: Heard::default(),
        judge: Judge::default(),
        foreseen: None,
        kept: BTreeSet::new(),
        deaths,
        trace: Vec::new(),
        tracing,
    };
    world.begin();
    let result = world.live(n);
    result.map_err(|wrong| {
        let from = world.trace.len().saturating_sub(400);
        format!("{}\n{wrong}", world.trace.get(from..).unwrap_or_default().join("\n"))
    })
}

impl World {
    fn begin(&mut self) {
        let definitions = self.definitions.clone();
        self.pending.push_back(Pending::Core(Event::Define(definitions)));
        self.pending.push_back(Pending::Core(Event::Levels(self.marks.clone())));
        self.request(1, Ask::Level(Level::S));
    }

    fn request(&mut self, id: RequestId, ask: Ask) {
        self.asked.insert(id, ask.clone());
        self.pending.push_back(Pending::Core(Event::Request { id, ask }));
    }

    fn live(&mut self, n: usize) -> Result<u64, String> {
        let mut left = 1 + self.rng.below(12);
        // Some worlds are watched for a while when all is answered: daemons die, restarts are due.
        let linger = self.rng.pick(&[0, 0, 20_000]).unwrap_or(0);
        let mut next_request = self.rng.below(500);
        let mut next_id = 2;
        let mut steps = 0;
        let mut last = self.now;
        loop {
            steps += 1;
            self.drain()?;
            if left > 0 && self.now >= next_request {
                let ask = if next_id == 2 && self.rng.percent(60) {
                    Ask::Level(Level::from_char('3').unwrap_or(Level::S))
                } else {
                    make::ask(&mut self.rng, n)
                };
                // Not on the way down: what is up in the end is judged by the definitions of then.
                if self.core.going_down().is_none() && self.rng.percent(10) {
                    self.edit(n);
                }
                if self.rng.percent(6) {
                    self.somebody_starts(n);
                }
                if self.late.percent(15) {
                    self.somebody_runs_a_verb(n);
                }
                self.request(next_id, ask);
                next_id += 1;
                left -= 1;
                last = self.now;
                next_request = self.now + self.rng.pick(&[0, 10, 300, 4000]).unwrap_or(0);
                continue;
            }
            let open = self.asked.keys().any(|id| !self.heard.done.contains(id));
            if left == 0 && !open && (self.now > last + linger || self.core.going_down().is_some()) {
                return self.end().map(|()| steps);
            }
            if self.now > last + PATIENCE {
                let open: Vec<_> = self.asked.iter().filter(|(id, _)| !self.heard.done.contains(id)).collect();
                return Err(format!("never answered: {open:?}"));
            }
            let deed = self.machine.agenda.first_key_value().map(|((at, _), _)| *at);
            let request = (left > 0).then_some(next_request);
            let Some(next) = [deed, self.core.next_deadline(), request].into_iter().flatten().min() else {
                if left == 0 && !open {
                    return self.end().map(|()| steps);
                }
                let open: Vec<_> = self.asked.iter().filter(|(id, _)| !self.heard.done.contains(id)).collect();
                let jobs = self.jobs();
                return Err(format!("nothing will happen any more, never answered: {open:?}; {jobs}"));
            };
            self.now = self.now.max(next);
            self.happen();
            if self.core.next_deadline().is_some_and(|at| at <= self.now) {
                self.pending.push_back(Pending::Core(Event::Tick));
            }
        }
    }

    /// Somebody edits a unit file.
    fn edit(&mut self, n: usize) {
        let i = self.rng.index(n);
        if let (Some(new), Some(old)) =
            (make::definition(&mut self.rng, &mut self.late, i, n), self.definitions.get_mut(i))
        {
            *old = new.clone();
            self.pending.push_back(Pending::Core(Event::Define(vec![new])));
        }
    }

    /// Somebody starts a service's processes without asking Rung, and tells it.
    fn somebody_starts(&mut self, n: usize) {
        let Some(unit) = make::name(self.rng.index(n)) else { return };
        let is_script = |id| matches!(self.core.view(id).on_disk, Loaded::Good(u) if u.source == Source::Script);
        if !self.core.id(&unit).is_some_and(is_script) {
            return;
        }
        let pid = self.machine.stray(&mut self.rng, &unit, self.now);
        let main = self.rng.percent(50).then_some((pid, 1));
        self.pending.push_back(Pending::Core(Event::Found { unit, main }));
    }

    /// Somebody runs a verb of a script inside its unit: it ends the daemon, and may start another one.
    fn somebody_runs_a_verb(&mut self, n: usize) {
        let Some(unit) = make::name(self.late.index(n)) else { return };
        let Some(view) = self.core.id(&unit).map(|id| self.core.view(id)) else { return };
        let Loaded::Good(known) = view.on_disk else { return };
        if known.source != Source::Script && self.late.percent(80) {
            return;
        }
        let Some((holder, daemon)) = self.machine.verb(&mut self.late, &unit, view.main_pid, self.now) else { return };
        self.verbs.insert(holder, (unit.clone(), daemon));
        self.pending.push_back(Pending::Core(Event::Hold { unit, pid: holder, start_time: 1 }));
    }

    /// Verbs whose processes have ended are over. Most say so, and which daemon is there now.
    fn look_at_verbs(&mut self) {
        let gone: Vec<i32> =
            self.awaited.iter().filter(|pid| !self.machine.processes.contains_key(pid)).copied().collect();
        for pid in gone {
            self.awaited.remove(&pid);
            if let Some((unit, daemon)) = self.verbs.remove(&pid) {
                let main =
                    daemon.filter(|daemon| self.machine.processes.contains_key(daemon)).map(|daemon| (daemon, 1));
                if main.is_some() {
                    self.pending.push_back(Pending::Core(Event::Found { unit, main }));
                }
            }
            self.pending.push_back(Pending::Core(Event::Release { pid, unit: None }));
        }
    }

    /// Lets the machine do what is due, one deed.
    fn happen(&mut self) {
        let Some(entry) = self.machine.agenda.first_entry() else { return };
        if entry.key().0 > self.now {
            return;
        }
        let deed = entry.remove();
        match self.machine.happen(deed) {
            Told::Slot(key) => {
                self.pending.push_back(Pending::Slot(key));
                if self.rng.percent(5) {
                    self.pending.push_back(Pending::Slot(key));
                }
            }
            Told::Says(token, notices) => self.sockets.push_back(Event::Notify { token, notices }),
            Told::MainPid(token, pid) => {
                let notices = vec![Notice::MainPid { pid, start_time: 1 }];
                self.sockets.push_back(Event::Notify { token, notices });
            }
            Told::Looked(token) => self.looked(token),
            Told::Nothing => {}
        }
        self.look_at_watches();
        self.look_at_verbs();
    }

    fn looked(&mut self, token: u64) {
        let verdict = make::verdict(&mut self.rng);
        self.pending.push_back(Pending::Core(Event::Checked { token, verdict }));
    }

    fn look_at_watches(&mut self) {
        let empty: Vec<_> =
            self.watches.iter().filter(|(_, id)| self.machine.group(self.core.name(*id)).is_empty()).copied().collect();
        for watch in empty {
            self.watches.remove(&watch);
            self.pending.push_back(Pending::Core(Event::Empty { token: watch.0 }));
        }
    }

    /// Handles all that is pending.
    fn drain(&mut self) -> Result<(), String> {
        loop {
            // Sockets are read dry before an exit is handled.
            let first = self.sockets.pop_front().map(Pending::Core).or_else(|| self.pending.pop_front());
            let (event, ack) = match first {
                Some(Pending::Core(event)) => (event, None),
                Some(Pending::Slot(key)) => match self.machine.slots.get(&key) {
                    Some(slot) => {
                        let over = matches!(slot.life, Life::Over(_)).then_some(key);
                        (Event::Process { key, pid: slot.pid, life: slot.life }, over)
                    }
                    None => continue,
                },
                None => return Ok(()),
            };
            self.turn(event, ack)?;
        }
    }

    /// One turn of the manager's loop; it may die at three places.
    fn turn(&mut self, event: Event, ack: Option<Key>) -> Result<(), String> {
        let mut out = Vec::new();
        self.say(|| brief(&event));
        let define = matches!(event, Event::Define(_) | Event::Levels(_));
        let asked = matches!(event, Event::Request { .. });
        if let Event::Request { id, ask } = &event {
            let known = !self.first.insert(*id);
            let small = self.core.ids().count() < 40;
            self.foreseen = (small && !known).then(|| Foreseen::new(&self.core, *id, ask, self.now));
        }
        if define {
            self.foreseen = None;
        }
        self.core.handle(event, self.now, &mut out);
        if let Some(mut foreseen) = self.foreseen.take()
            && foreseen.batch(&self.core, &out)?
        {
            self.foreseen = Some(foreseen);
        }
        if asked {
            self.look_at_needs();
        }
        self.judge.state(&self.core);
        self.fair()?;
        if !define && self.dies() {
            return self.rebirth("before the journal");
        }
        self.judge.state(&self.core);
        self.judge.batch(&self.core, &self.machine, &out, self.now);
        self.fair()?;
        for record in self.core.take_dirty() {
            self.journal.insert(record.key.clone(), record);
        }
        if let Some(key) = ack {
            self.machine.slots.remove(&key);
        }
        for action in out {
            if self.dies() {
                return self.rebirth("between the journal and the deed");
            }
            self.say(|| format!("    {action:?}"));
            self.perform(action);
        }
        Ok(())
    }

    fn dies(&mut self) -> bool {
        self.deaths > 0 && self.rng.below(10_000) < self.deaths
    }

    /// A new manager: journal, files, slots, then clients that ask again.
    fn rebirth(&mut self, when: &str) -> Result<(), String> {
        self.say(|| format!("the manager dies {when}"));
        self.pending.clear();
        self.watches.clear();
        self.awaited.clear();
        self.foreseen = None;
        let records: Vec<Record> = if self.rng.percent(50) {
            self.journal.values().cloned().collect()
        } else {
            // Compacted, and through the text that a file would hold.
            let core = Core::restore(self.journal.values().cloned().collect());
            let text = serde_json::to_string(&core.snapshot().collect::<Vec<_>>()).map_err(|e| e.to_string())?;
            serde_json::from_str(&text).map_err(|e| e.to_string())?
        };
        self.core = Core::restore(records);
        self.core.set_next_token(self.machine.highest + 1);
        let mut events = vec![Event::Define(self.definitions.clone()), Event::Levels(self.marks.clone())];
        for (key, slot) in &self.machine.slots {
            events.push(Event::Process { key: *key, pid: slot.pid, life: slot.life });
        }
        events.push(Event::Synced);
        let mut out = Vec::new();
        let mut acks = Vec::new();
        for event in events {
            if let Event::Process { key, life: Life::Over(_), .. } = event {
                acks.push(key);
            }
            self.say(|| format!("sync: {}", brief(&event)));
            self.core.handle(event, self.now, &mut out);
        }
        self.judge.state(&self.core);
        self.judge.batch(&self.core, &self.machine, &out, self.now);
        self.fair()?;
        for record in self.core.take_dirty() {
            self.journal.insert(record.key.clone(), record);
        }
        for key in acks {
            self.machine.slots.remove(&key);
        }
        for action in out {
            self.say(|| format!("    {action:?}"));
            self.perform(action);
        }
        for (id, ask) in self.asked.clone() {
            if !self.heard.done.contains(&id) {
                self.pending.push_back(Pending::Core(Event::Request { id, ask }));
            }
        }
        self.pending.push_back(Pending::Core(Event::Tick));
        Ok(())
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Spawn { unit, key, kind, .. } => {
                let name = self.core.name(unit).clone();
                let service = self.service(&name);
                if self.rng.percent(2) {
                    let reason = "x.service:7: no such user".to_owned();
                    self.pending.push_back(Pending::Core(Event::NoPlan { key, reason }));
                } else {
                    self.machine.spawn(&mut self.rng, &name, key, kind, &service, self.now);
                    self.pending.push_back(Pending::Slot(key));
                }
            }
            Action::Signal { unit, token, key: Some(_), signal } if self.is_reload(unit, signal) => {
                let said = talk::reload(&mut self.rng, self.now);
                self.machine.talk(token, said);
            }
            Action::Check { token, .. } => {
                // By what the kernel shows, at once; by paths, when a process has looked at them, or never.
                match self.rng.below(20) {
                    0 => {}
                    1..=10 => self.looked(token),
                    _ => self.machine.look(self.now + self.rng.below(400), token),
                }
            }
            Action::Signal { unit, key, signal, .. } => {
                let pids = match key {
                    Some(key) => self.machine.slots.get(&key).map(|s| s.pid).into_iter().collect(),
                    None => self.machine.group(self.core.name(unit)),
                };
                for pid in pids {
                    self.machine.signal(&mut self.rng, pid, signal, self.now);
                }
            }
            Action::ReadPidFile { token, .. } => {
                let daemon = self.machine.daemons.get(&token).copied();
                let found = daemon.filter(|pid| self.machine.processes.contains_key(pid)).map(|pid| (pid, 1));
                self.pending.push_back(Pending::Core(Event::PidFile { token, found }));
            }
            Action::Adopt { unit, key, pid, .. } => {
                let name = self.core.name(unit).clone();
                self.machine.adopt(&name, key, pid);
                self.pending.push_back(Pending::Slot(key));
            }
            Action::Watch { unit, token } => {
                self.watches.insert((token, unit));
                self.look_at_watches();
            }
            Action::Await { pid, .. } => {
                self.awaited.insert(pid);
                self.look_at_verbs();
            }
            Action::JobDone { request, unit, result } => {
                self.heard.results.insert((request, unit), result);
            }
            Action::RequestDone { request } => {
                self.heard.done.insert(request);
            }
            Action::Finished { .. } | Action::Changed { .. } | Action::LevelReached { .. } => {}
            Action::EndMachine { action, .. } => self.brought_down(action.end),
            Action::CycleBroken { .. } | Action::EssentialOver { .. } | Action::AllDown { .. } => {}
        }
    }

    /// As the shell does it. Said again by the next manager, it is another request.
    fn brought_down(&mut self, end: End) {
        let how = match end {
            End::Exit | End::PowerOff => Power::PowerOff,
            End::Reboot => Power::Reboot,
            End::Halt => Power::Halt,
        };
        let own = self.asked.range(OWN..).next_back().map_or(OWN, |(last, _)| last + 1);
        self.request(own, Ask::Down(how));
    }

    fn service(&self, name: &UnitName) -> Service {
        let view = self.core.id(name).map(|id| self.core.view(id));
        view.and_then(|v| v.unit.map(|u| u.service.clone())).unwrap_or_default()
    }

    fn is_reload(&self, unit: UnitId, signal: i32) -> bool {
        self.core.view(unit).unit.is_some_and(|u| talk::is_reload(&u.service, signal))
    }

    fn fair(&mut self) -> Result<(), String> {
        if self.judge.wrong.is_empty() { Ok(()) } else { Err(self.judge.wrong.join("; ")) }
    }

    /// All requests have been answered: does the core agree, and is what went down really down?
    fn end(&mut self) -> Result<(), String> {
        if self.core.going_down().is_none() {
            return Ok(());
        }
        let (_, level, _) = self.core.levels();
        let up: BTreeSet<_> = self
            .core
            .ids()
            .map(|id| self.core.view(id))
            .filter(|v| !matches!(v.state, State::Inactive | State::Failed))
            .filter(|v| !level.is_some_and(|l| v.on.contains(l)) && matches!(v.on_disk, Loaded::Good(_)))
            .map(|v| v.name.clone())
            .collect();
        let needed = self.needed(level);
        match up.iter().find(|name| !needed.contains(*name) && !self.kept.contains(*name)) {
            Some(name) => Err(format!("the machine is down, and {name} is up")),
            None => Ok(()),
        }
    }

    /// On the way down: a running instance's definition is forgotten with the manager, what was kept for it stays.
    fn look_at_needs(&mut self) {
        let to = self.core.levels().2.filter(|level| level.is_down());
        if to.is_some() {
            let needed = self.needed(to);
            self.kept.extend(needed);
        }
    }

    /// What the units of a level need, by the definitions on disk and those that run.
    fn needed(&self, level: Option<Level>) -> BTreeSet<UnitName> {
        let on =
            |name: &UnitName| self.marks.iter().any(|m| m.name == *name && level.is_some_and(|l| m.on.contains(l)));
        let mut work: Vec<UnitName> = self.marks.iter().map(|m| m.name.clone()).filter(on).collect();
        let mut all = BTreeSet::new();
        while let Some(name) = work.pop() {
            let Some(view) = self.core.id(&name).map(|id| self.core.view(id)) else { continue };
            let disk = if let Loaded::Good(unit) = view.on_disk { Some(unit) } else { None };
            if all.insert(name) {
                for unit in disk.into_iter().chain(view.unit) {
                    let r = &unit.relations;
                    let needs = [&*unit.requires, &*unit.wants, &r.binds_to, &r.upholds, &r.requisite];
                    work.extend(needs.into_iter().flatten().cloned());
                }
            }
        }
        all
    }

    /// Every job, what it waits for, and how its unit stands.
    fn jobs(&self) -> String {
        let view = |id| self.core.view(id);
        let jobs = self.core.ids().filter_map(|id| {
            let (word, requests) = view(id).job?;
            Some(format!("{id:?} {word} {requests:?} in {:?} waits for {:?}", view(id).phase, self.core.waits_for(id)))
        });
        jobs.collect::<Vec<_>>().join(", ")
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        if self.tracing {
            self.trace.push(format!("{:>8} {}", self.now, what()));
        }
    }
}

/// Definitions are long; they are in the seed anyway.
fn brief(event: &Event) -> String {
    match event {
        Event::Define(units) => format!("Define {} units", units.len()),
        Event::Levels(marks) => format!("Levels of {} units", marks.len()),
        event => format!("{event:?}"),
    }
}
