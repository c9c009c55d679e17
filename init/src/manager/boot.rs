//! From the first event to the default level, and level switches as seen from outside.

use super::generate;
use super::machine::{self, Purpose};
use super::state::Manager;
use super::watch::Why;
use crate::core::{Ask, Definition, Event, LevelMark, Loaded, RcRule, RequestId, Verb};
use crate::load::Ground;
use crate::proto::control::BootStage;
use crate::proto::logger;
use crate::sys::{file, wait};
use crate::unit::{Level, LevelSet, Severity, Source, UnitName};
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

/// Requests of the manager's own have this bit; clients' never (see [`client_request`]).
const OWN: RequestId = 1 << 62;
const EMERGENCY: RequestId = OWN | 1;
const LEVEL_S: RequestId = OWN | 2;
const DEFAULT: RequestId = OWN | 3;
const COMMAND: RequestId = OWN | 4;

/// The unit that gives a shell before anything else.
const EMERGENCY_UNIT: &str = "emergency.service";

/// How far the boot has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// A number for requests of the manager's own after the boot.
    next: u64,
    started_ms: u64,
    /// A process of a service was started, perhaps by a manager before this one: what is mounted may have changed.
    pub ran: bool,
    /// Asked for while level S was under way: comes after it, instead of the default.
    wanted: Option<(RequestId, Level)>,
}

impl Boot {
    /// Just begun.
    pub fn new() -> Self {
        Self { next: wait::now_ms() << 8, started_ms: wait::now_ms(), ran: false, wanted: None }
    }
}

impl Default for Boot {
    fn default() -> Self {
        Self::new()
    }
}

/// A client's request id can't be one of ours.
pub fn client_request(id: RequestId) -> RequestId {
    id & (OWN - 1)
}

/// Whether a request is one that the boot itself makes.
pub fn is_boot(id: RequestId) -> bool {
    [EMERGENCY, LEVEL_S, DEFAULT, COMMAND].contains(&id)
}

impl Manager {
    /// A name for a request of our own.
    pub fn own_request(&mut self) -> RequestId {
        self.boot.next += 1;
        OWN | (self.boot.next & (OWN - 1))
    }

    /// Goes on with the boot from wherever the core stands: at the beginning, or where a manager before us was.
    pub fn boot_on(&mut self) {
        if self.going.is_some() || self.core.going_down().is_some() {
            return;
        }
        if let Purpose::Command(_) = self.machine.purpose {
            if let Ok(name) = UnitName::new(crate::unit::command_unit::NAME) {
                self.push(Event::Request { id: COMMAND, ask: Ask::Units { verb: Verb::Start, names: vec![name] } });
            }
            return;
        }
        match self.core.levels() {
            (None, None, None) => self.boot_from_nothing(),
            (None, Some(Level::S), None) => self.enter_default_level("runlevel"),
            _ => {}
        }
    }

    fn boot_from_nothing(&mut self) {
        self.title("init boot");
        self.init_says(concat!("version rung-", env!("CARGO_PKG_VERSION"), " booting"), true);
        super::facts::note_first_boot(&self.machine.run_dir);
        let emergency = UnitName::new(EMERGENCY_UNIT).ok().filter(|n| self.core.id(n).is_some());
        match (&self.machine.purpose, emergency) {
            (Purpose::Levels { emergency: true, .. }, Some(name)) => {
                self.push(Event::Request { id: EMERGENCY, ask: Ask::Units { verb: Verb::Start, names: vec![name] } });
            }
            _ => self.enter_level_s(true),
        }
    }

    /// `watched`: folders have been watched just now.
    fn enter_level_s(&mut self, watched: bool) {
        if !self.generate_for_boot(watched) {
            self.start_level_s();
        }
    }

    /// What there is in level S is known.
    pub fn start_level_s(&mut self) {
        self.push(Event::Request { id: LEVEL_S, ask: Ask::Level(Level::S) });
    }

    /// `event`: what is written down, `boot` where the boot hasn't been yet.
    fn enter_default_level(&mut self, event: &str) {
        let (id, level) = self.boot.wanted.take().unwrap_or_else(|| (DEFAULT, self.default_level()));
        self.announce(level, event);
        self.read_locks();
        self.push(Event::Request { id, ask: Ask::Level(level) });
    }

    /// The kernel command line's choice, else `init.conf`'s, else inittab's, else 3.
    pub fn default_level(&self) -> Level {
        let Purpose::Levels { level, .. } = self.machine.purpose else { return Level::S };
        let inittab =
            || file::read_text(Path::new("/etc/inittab"), 1 << 20).ok().and_then(|t| machine::initdefault(&t));
        level.or(self.machine.conf.default_level).or_else(inittab).or(Level::from_char('3')).unwrap_or(Level::SINGLE)
    }

    /// Switches the level; a switch asked for while level S is under way comes after it, for level S is never cut short.
    pub fn switch_level(&mut self, id: RequestId, level: Level) {
        match self.core.levels() {
            (_, None, _) if matches!(self.machine.purpose, Purpose::Levels { .. }) => {
                self.boot.wanted = Some((id, level));
            }
            _ => {
                self.announce(level, "runlevel");
                if level == Level::SINGLE {
                    self.end_leftovers();
                }
                self.reread_inittab(Some(level));
                self.read_locks();
                self.push(Event::Request { id, ask: Ask::Level(level) });
            }
        }
    }

    /// A level is about to be entered. Title and records come before the first of its scripts, as sysvinit has them: those
    /// that ask (`runlevel`, `invoke-rc.d`) are told the new level.
    pub fn announce(&mut self, to: Level, event: &str) {
        let (previous, current, switching) = self.core.levels();
        if switching.or(current) == Some(to) {
            return;
        }
        self.say_level(to);
        if matches!(self.machine.purpose, Purpose::Levels { .. }) {
            self.title(&format!("init [{to}]"));
        }
        let from = current.filter(|level| *level != Level::S || previous.is_some());
        let from = from.map_or_else(|| "N".to_owned(), |level| level.to_string());
        self.record_event(&[event, &to.to_string(), &from]);
    }

    /// One of our own requests ended: what comes next.
    pub fn boot_request_done(&mut self, request: RequestId) {
        if request == EMERGENCY {
            self.enter_level_s(false);
        }
    }

    /// A level was reached.
    pub fn level_reached(&mut self, from: Option<Level>, to: Level) {
        self.title(&format!("init [{to}]"));
        if to == Level::SINGLE {
            self.kill_leftovers();
        }
        self.answer_level_waits();
        if to == Level::S && from.is_none() {
            // The root is writable now, or never will be.
            self.logger.send(logger::Request::Persist, None);
            self.recorder.hand_over_soon();
            self.reload_seen();
            self.untold.clear();
            self.enter_default_level("boot");
            return;
        }
        let took = wait::now_ms().saturating_sub(self.boot.started_ms);
        let text = match from {
            None | Some(Level::S) => format!("runlevel {to} reached"),
            Some(from) => format!("runlevel {to} reached (from {from})"),
        };
        let took = (from.is_none() || from == Some(Level::S)).then_some(took);
        if !self.machine.quiet {
            self.console.write(&super::console::line("ok", &text, took));
        }
        self.hand_over(BootStage::Done);
        self.lines_told = false;
        let _ = file::replace_text(&self.machine.run_dir.join("runlevel"), &format!("{to}\n"));
        // Scripts of level S may have emptied /run.
        self.write_omitted();
        self.spare = true;
    }

    /// What level S has mounted and written is there: reads again what can be another file now. Of most files inotify would
    /// have told.
    fn reload_seen(&mut self) {
        self.refresh_changed();
        if !self.boot.ran {
            return;
        }
        if !self.ground.is_as(&self.look_at_ground()) {
            return self.reload_all();
        }
        let spread = self.core.ids().map(|id| self.core.name(id)).filter(|name| self.loader.is_spread(name));
        let spread: Vec<UnitName> = spread.cloned().collect();
        self.redefine(spread);
        self.watch_daemons();
        self.read_levels();
    }

    fn look_at_ground(&self) -> Ground {
        Ground::look(self.loader.folders())
    }

    /// Reads all unit files and level links again and tells the core.
    pub fn reload_all(&mut self) {
        self.ground = self.look_at_ground();
        self.scan_units();
        let names = self.loader.names();
        let found: BTreeSet<&UnitName> = names.iter().collect();
        let known = self.core.ids().map(|id| self.core.name(id)).filter(|n| !found.contains(n));
        let known: Vec<UnitName> = known.cloned().collect();
        self.redefine(names.into_iter().chain(known).collect());
        self.watch_daemons();
        self.read_levels();
    }

    /// Looks which unit files there are. Folders are watched before they are read for good: what comes to be between the
    /// two would never be seen.
    /// Returns the units that gather others than before.
    pub fn scan_units(&mut self) -> BTreeSet<UnitName> {
        self.watch_folders();
        let mut gathers = self.loader.rescan();
        if self.watch_parts() {
            gathers.extend(self.loader.rescan());
        }
        self.keep_choices();
        gathers
    }

    /// The definition in use came with drop-ins: one of them may be gone.
    pub(super) fn has_drop_in_now(&self, name: &UnitName) -> bool {
        let Some(id) = self.core.id(name) else { return false };
        match self.core.view(id).on_disk {
            crate::core::Loaded::Good(unit) => unit.files.len() > 1,
            _ => true,
        }
    }

    /// [`Manager::define`] for files that may have changed: keeps which did, for `ReloadUnits` to tell.
    pub fn redefine(&mut self, names: Vec<UnitName>) {
        let on_disk = |m: &Self, name: &UnitName| m.core.id(name).map(|id| m.core.view(id).on_disk.clone());
        let before: Vec<(UnitName, Option<Loaded>)> = names.iter().map(|n| (n.clone(), on_disk(self, n))).collect();
        self.define(names);
        let changed = before.into_iter().filter(|(name, old)| on_disk(self, name) != *old).map(|(name, _)| name);
        let changed: Vec<UnitName> = changed.collect();
        self.untold.extend(changed);
    }

    /// Reads these units' files and tells the core; then the instances of templates that they refer to.
    pub fn define(&mut self, names: Vec<UnitName>) {
        let mut batch = names;
        let mut tried = BTreeSet::new();
        // Each round can name new units (instances of templates); a chain of them is bounded.
        for _ in 0..64 {
            if batch.is_empty() {
                return;
            }
            let mut definitions = Vec::with_capacity(batch.len());
            for name in batch.drain(..) {
                let definition = self.load_guarded(&name);
                definitions.push(self.as_known(definition));
            }
            // At once and not by the queue: the names it refers to are needed now.
            self.decide(Event::Define(definitions));
            self.carry_out();
            batch = self.core.missing().filter(|n| self.loader.exists(n) && !tried.contains(*n)).cloned().collect();
            tried.extend(batch.iter().cloned());
        }
    }

    /// What says the same as the definition that is known already isn't kept a second time.
    fn as_known(&self, definition: Definition) -> Definition {
        let Definition::Good(unit) = &definition else { return definition };
        let known = self.core.id(&unit.name).map(|id| self.core.view(id));
        let same = known.into_iter().flat_map(|view| match view.on_disk {
            Loaded::Good(disk) => [view.unit, Some(disk)],
            _ => [view.unit, None],
        });
        match same.flatten().find(|old| *old == unit) {
            Some(old) => Definition::Good(Rc::clone(old)),
            None => definition,
        }
    }

    fn load_guarded(&mut self, name: &UnitName) -> Definition {
        if self.poison.is_poison(name.as_str()) {
            let reason =
                "the manager died twice while it worked on this unit; change its file, or report this".to_owned();
            return Definition::Bad(name.clone(), reason);
        }
        self.poison.note(name.as_str());
        let loaded = self.loader.load(name);
        self.poison.done();
        if loaded.findings.is_empty() {
            self.findings.remove(name);
        } else {
            self.findings.insert(name.clone(), loaded.findings);
        }
        loaded.definition
    }

    /// Reads the level links and tells the core. A link for an instance of a template brings the instance in.
    pub fn read_levels(&mut self) {
        let loader = &self.loader;
        let mut marks = self.farm.read(|n| loader.canonical(n));
        marks.extend(self.terminals());
        marks.retain(|m| !m.name.is_template() && loader.exists(&m.name));
        let new: Vec<UnitName> = marks.iter().map(|m| m.name.clone()).filter(|n| self.core.id(n).is_none()).collect();
        self.define(new);
        marks.retain(|m| self.is_startable(&m.name));
        self.push(Event::Levels(marks));
    }

    /// What scripts have left their lock files, where a switch goes by these: nobody tells when one comes or goes.
    pub fn read_locks(&mut self) {
        if self.farm.is_red_hat() {
            self.read_levels();
        }
    }

    /// Whether a level link may start it. Systemd's files count only where every key in them is honoured.
    fn is_startable(&self, name: &UnitName) -> bool {
        let Some(id) = self.core.id(name) else { return false };
        match self.core.view(id).on_disk {
            Loaded::Good(unit) if unit.source == Source::Systemd => {
                self.findings.get(name).is_none_or(|all| all.iter().all(|f| f.severity == Severity::Note))
            }
            Loaded::Bad(_) => !self.loader.is_foreign(name),
            _ => true,
        }
    }

    /// Gettys without a link of their own: on tty1 to tty6 and each `console=` of the kernel command line, where the
    /// templates and the terminals exist.
    fn terminals(&self) -> Vec<LevelMark> {
        if self.machine.container {
            return Vec::new();
        }
        let on: LevelSet = LevelSet::parse("2345").unwrap_or_default();
        let virtual_ones = (1..=6).map(|n| ("getty", format!("tty{n}")));
        let serial =
            machine::consoles(&machine::cmdline()).into_iter().filter(|t| !t.starts_with("tty0") && !is_virtual(t));
        let all = virtual_ones.chain(serial.map(|t| ("serial-getty", t)));
        let there = all.filter(|(_, tty)| Path::new("/dev").join(tty).exists());
        let names = there.filter_map(|(template, tty)| UnitName::new(&format!("{template}@{tty}.service")).ok());
        // A name that leads to another unit has its login there: a line of inittab.
        let own = |n: &UnitName| self.loader.exists(n) && self.loader.canonical(n.clone()) == *n;
        names.filter(own).map(|name| LevelMark { name, on, kill: LevelSet::EMPTY, rule: RcRule::default() }).collect()
    }

    /// Watches what may change, and what has come to exist since.
    pub fn watch_folders(&mut self) {
        let mut pass = self.watcher.pass();
        for folder in self.loader.folders() {
            pass.add_or_wait(folder, Why::Units);
        }
        for folder in self.farm.folders() {
            pass.add_or_wait(&folder, Why::Levels);
        }
        generate::watch_sources(&mut pass, &self.farm);
    }

    /// Watches the folders that belong to single units; whether there are any that were not watched until now.
    fn watch_parts(&mut self) -> bool {
        let folders = self.loader.drop_in_folders();
        folders.iter().filter(|folder| self.watcher.begin(folder, Why::Parts) == Some(true)).count() > 0
    }
}

/// `tty1`, not `ttyS0`.
fn is_virtual(tty: &str) -> bool {
    tty.strip_prefix("tty").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
