//! From nothing, or from what a manager before us left, to a running loop.

use super::asked::Askers;
use super::cgroup::Tree;
use super::choices::Choices;
use super::console::Console;
use super::control::{Held, Requests, Server, server};
use super::events::EventLog;
use super::instance::{Instance, parked};
use super::journal::{self, Journal};
use super::kept::Kept;
use super::link::{Gone, Link};
use super::logger::Logger;
use super::machine::{self, Purpose};
use super::plan::Sites;
use super::poison::{JOURNAL, Poison};
use super::procs;
use super::recorder::Recorder;
use super::sorted::Sorted;
use super::spawn::UNIT_VARIABLE;
use super::state::{Going, Machine, Manager};
use super::watch::Watcher;
use super::{boot::Boot, directories, logger};
use crate::core::{Core, Event};
use crate::levels::Farm;
use crate::load::{self, Loader, Root, system_folders};
use crate::proto::control::EventKind;
use crate::proto::logger::Stream;
use crate::proto::pid1::{Event as Pid1Event, Key, Life, MAX_PARKED, Name, Power, Request, VERSION};
use crate::sys::epoll::Epoll;
use crate::sys::{fd, file, memory, signals, wait};
use crate::unit::accounts::Accounts;
use crate::unit::conf::{Compat, Conf};
use crate::unit::{Level, UnitName, command_unit};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

/// What PID 1 told at the beginning.
struct Greeting {
    version: u16,
    managers: u32,
    reexecs: u32,
    container: bool,
    booted_ms: u64,
    down: Option<Power>,
    left_ms: u32,
    status: i32,
    /// Each once, as it was told last.
    slots: Vec<(Key, i32, Life)>,
    parked: Vec<(u64, Name)>,
    highest_token: u64,
}

/// The manager's whole life. Its end is PID 1's, or a start that could not be made: then PID 1 tries again.
pub fn run() -> i32 {
    signals::die_of_faults();
    memory::keep_large_apart();
    nix::unistd::alarm::set(30);
    let Ok(socket) = fd::take(3) else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"init-manager: is started by init only\n");
        return 2;
    };
    match Manager::start(socket) {
        Ok(mut manager) => {
            manager.run();
            0
        }
        Err(Gone) => 1,
    }
}

impl Greeting {
    /// A copy of a parked descriptor. What isn't parked isn't asked for.
    fn fetch(&self, link: &mut Link, token: u64, name: &str) -> Result<Option<OwnedFd>, Gone> {
        if self.parked.contains(&(token, Name::new(name))) { link.fetch(token, name) } else { Ok(None) }
    }
}

fn greet(link: &mut Link) -> Result<Greeting, Gone> {
    link.send(Request::Hello { version: VERSION }, Vec::new());
    link.send(Request::Sync, Vec::new());
    let mut greeting = link.await_event(|event, _| match *event {
        Pid1Event::Welcome { version, managers, reexecs, container, booted_ms, down, left_ms, status } => {
            Some(Greeting {
                version,
                managers,
                reexecs,
                container,
                booted_ms,
                down,
                left_ms,
                status,
                slots: Vec::new(),
                parked: Vec::new(),
                highest_token: 0,
            })
        }
        _ => None,
    })?;
    link.speak(greeting.version);
    let (mut slots, parked) = (BTreeMap::new(), &mut greeting.parked);
    greeting.highest_token = link.await_event(|event, _| {
        match *event {
            Pid1Event::Slot { key, pid, life, .. } => drop(slots.insert(key, (pid, life))),
            Pid1Event::Parked { token, name } => parked.push((token, name)),
            Pid1Event::SyncEnd { highest_token } => return Some(highest_token),
            _ => {}
        }
        None
    })?;
    greeting.slots = slots.into_iter().map(|(key, (pid, life))| (key, pid, life)).collect();
    link.forget_early_state();
    Ok(greeting)
}

/// What the journal gave.
struct Restored {
    core: Core,
    choices: Choices,
    askers: Askers,
    events: EventLog,
    recorder: Recorder,
    kept: Kept,
    journal: Option<Journal>,
}

/// The core and what goes with it as they were, by the journal; new ones where there is none, or where two managers died reading it.
fn restore(link: &mut Link, greeting: &Greeting, poison: &mut Poison) -> Result<Restored, Gone> {
    // Numbers after a lost journal don't meet those before it.
    let empty = |first| Restored {
        core: Core::new(),
        choices: Choices::default(),
        askers: Askers::default(),
        events: EventLog::new(first),
        recorder: Recorder::default(),
        kept: Kept::default(),
        journal: None,
    };
    let Some(parked) = greeting.fetch(link, 0, "journal")? else { return Ok(empty(1)) };
    if poison.is_poison(JOURNAL) {
        poison.forgive(JOURNAL);
        return Ok(empty(wait::now_ms()));
    }
    poison.note(JOURNAL);
    let bytes = parked.try_clone().ok().and_then(|f| file::read_all(f, 256 << 20).ok()).unwrap_or_default();
    let (mut records, length) = journal::decode(&bytes);
    let askers = Askers::restore(&mut records);
    let choices = Choices::restore(&mut records);
    let events = EventLog::restore(&mut records).unwrap_or_else(|| EventLog::new(wait::now_ms()));
    let recorder = Recorder::restore(&mut records);
    let kept = Kept::restore(&mut records);
    let core = Core::restore(records);
    poison.done();
    // Behind what can't be read nothing is appended: a new one.
    let whole = length == bytes.len();
    let journal = whole.then(|| Journal::reopen(parked, length as u64));
    Ok(Restored { core, choices, askers, events, recorder, kept, journal })
}

/// Processes of services that the journal doesn't tell of are taken in by what they show of themselves: their cgroup,
/// else their environment.
fn take_in(core: &mut Core, slots: &[(Key, i32, Life)], tree: Option<&Tree>, run_dir: &Path) {
    let mut unknown: Vec<(Key, i32)> = slots
        .iter()
        .filter(|(key, pid, life)| key.token >= 16 && *pid > 1 && !matches!(life, Life::Over(_)))
        .filter(|(key, ..)| core.token_unit(key.token).is_none())
        .map(|(key, pid, _)| (*key, *pid))
        .collect();
    // The first step that lives is the main process: what runs beside it came later.
    unknown.sort_unstable_by_key(|(key, _)| *key);
    for (key, pid) in &unknown {
        let name = match tree {
            Some(tree) => file::read_text(Path::new(&format!("/proc/{pid}/cgroup")), 1 << 20)
                .ok()
                .and_then(|text| tree.unit_of(&text)),
            None => procs::env(*pid, UNIT_VARIABLE),
        };
        if let Some(name) = name.and_then(|n| UnitName::new(&n).ok()) {
            core.take_in(&name, *key, *pid, wait::now_ms());
        }
    }
    if !unknown.is_empty() {
        let text = file::read_text(&run_dir.join("runlevel"), 64).unwrap_or_default();
        if let Some(level) = text.trim().chars().next().and_then(Level::from_char) {
            core.assume_level(level);
        }
    }
}

/// Descriptors that PID 1 needs for itself, and for children on their way to their programs.
const NOT_KEPT: usize = 256;

/// Our limit on open files goes up to the hard one; how many descriptors PID 1, whose limit that is too, can keep.
fn raise_nofile() -> usize {
    let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return MAX_PARKED };
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    usize::try_from(hard).unwrap_or(usize::MAX).saturating_sub(NOT_KEPT).min(MAX_PARKED)
}

/// `RUNG_NOFILE=soft:hard`: the limit PID 1 was started with.
fn nofile() -> Option<(u64, u64)> {
    let text = std::env::var("RUNG_NOFILE").ok()?;
    let (soft, hard) = text.split_once(':')?;
    Some((soft.parse().ok()?, hard.parse().ok()?))
}

fn allowed_group(conf: &Conf) -> Option<u32> {
    let text = file::read_text(Path::new("/etc/group"), 8 << 20).ok()?;
    Some(Accounts::parse("", &text).group(conf.allow_group.as_deref()?)?.gid)
}

impl Manager {
    /// Greets PID 1, restores, reads everything, and is ready for the loop.
    ///
    /// # Errors
    /// [`Gone`] when PID 1 is, or when the kernel refuses what a manager can't be without.
    pub fn start(socket: OwnedFd) -> Result<Self, Gone> {
        let mut link = Link::new(socket);
        let greeting = greet(&mut link)?;
        let args: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
        let (conf, conf_findings) = load::conf::read(&Root::system());
        let run_dir = machine::run_dir();
        let mut poison = greeting.fetch(&mut link, 0, "note")?.map_or_else(Poison::create, Poison::reopen);
        let Restored { mut core, choices, askers, events, recorder, kept, journal } =
            restore(&mut link, &greeting, &mut poison)?;
        core.set_next_token(greeting.highest_token.saturating_add(1));
        let listener = match greeting.fetch(&mut link, 0, "control")? {
            Some(fd) => Some(fd),
            None => server::open(&run_dir.join("control")).ok(),
        };
        let pid1 = nix::unistd::getppid().as_raw();
        let tree = Tree::find(pid1, greeting.container);
        take_in(&mut core, &greeting.slots, tree.as_ref(), &run_dir);
        // A container has no command line of a kernel's, only the words it was started with.
        let words = if greeting.container { args.join(" ") } else { machine::cmdline() };
        let quiet = words.split_ascii_whitespace().any(|w| w == "quiet");
        let console = if greeting.container { super::console::STDERR } else { "/dev/console" };
        let group = allowed_group(&conf);
        let machine = Machine {
            purpose: machine::purpose(&args),
            container: greeting.container,
            managers: greeting.managers,
            reexecs: greeting.reexecs,
            nofile: nofile(),
            descriptors: raise_nofile(),
            boot_mark: greeting.booted_ms,
            quiet: quiet || matches!(machine::purpose(&args), Purpose::Command(_)),
            pid1,
            run_dir,
            command_line: words,
            conf,
        };
        let slain = tree.iter().flat_map(Tree::units).collect();
        let mut manager = Self {
            logger: match greeting.fetch(&mut link, logger::TOKEN, "log")? {
                Some(socket) => Logger::reopen(socket),
                None => Logger::create(&mut link).map_err(|_| Gone)?,
            },
            epoll: Epoll::new().map_err(|_| Gone)?,
            loader: Loader::new(system_folders(&machine.run_dir), load::conf::facts(&machine.run_dir, &machine.conf)),
            ground: Default::default(),
            findings: BTreeMap::new(),
            farm: Farm::new("/etc/rung/levels", "/etc")
                .with_generated(load::generated(&machine.run_dir).join("levels")),
            journal,
            askers,
            choices,
            events,
            followers: BTreeSet::new(),
            poison,
            logger_key: Key { token: logger::TOKEN, step: 0 },
            logger_due: None,
            logger_since: 0,
            logger_delay: 0,
            server: Server::new(listener, group),
            requests: Requests::default(),
            held: Held::default(),
            state_waits: Vec::new(),
            watcher: Watcher::new().map_err(|_| Gone)?,
            tree,
            console: Console::new(console, machine.quiet),
            instances: Sorted::default(),
            pipes: Sorted::default(),
            told_crowded: false,
            locale: Default::default(),
            known: Default::default(),
            spread: Default::default(),
            census: None,
            crowd: Default::default(),
            forked: BTreeMap::new(),
            watched: BTreeMap::new(),
            vacated: BTreeSet::new(),
            slain,
            strays_due: None,
            pid_files: BTreeMap::new(),
            sites: Sites::default(),
            plan_failures: BTreeMap::new(),
            untold: BTreeSet::new(),
            lookups: Default::default(),
            removals: Default::default(),
            looks: Default::default(),
            generator: Default::default(),
            switches: Default::default(),
            stop_status: BTreeMap::new(),
            // Helpers of the manager before us may still be there, under lower numbers.
            lasting: Default::default(),
            helpers: u32::try_from((wait::now_ms() / 10) & 0x3fff_ffff).unwrap_or(0),
            held_back: Vec::new(),
            taken_over: Default::default(),
            queue: VecDeque::new(),
            unplanned: Vec::new(),
            actions: VecDeque::new(),
            performing: false,
            tell_due: None,
            accept_due: None,
            spare: false,
            going: greeting.down.map(|how| {
                let now = wait::now_ms();
                let deadline = now.saturating_add(greeting.left_ms.into());
                Going { how, status: greeting.status, deadline, show_at: now.saturating_add(2_000) }
            }),
            panel: Default::default(),
            end_wanted: None,
            lines_told: false,
            last_cad: None,
            recorder,
            kept,
            boot: Boot::new(),
            over: false,
            machine,
            core,
            link,
        };
        for finding in conf_findings {
            manager.console.write(&format!("{finding}\r\n"));
        }
        manager.boot.ran = manager.machine.managers > 0;
        manager.farm.exact = manager.machine.conf.compat == Compat::Exact;
        manager.recall_recorded_choices();
        manager.park_own();
        manager.register().map_err(|_| Gone)?;
        manager.take_over(greeting)?;
        Ok(manager)
    }

    /// Parks what the next manager is to find.
    fn park_own(&mut self) {
        if self.journal.is_none() {
            self.rewrite_journal();
        }
        match (self.poison.share().ok(), self.server.share_listener()) {
            (Some(note), Some(listener)) => {
                self.link.park_all(0, [("note", Rc::new(note)), ("control", Rc::new(listener))]);
            }
            (Some(note), None) => self.link.park(0, "note", note),
            (None, Some(listener)) => self.link.park(0, "control", listener),
            (None, None) => {}
        }
    }

    /// Reads units and levels, matches the slots, and goes on with the boot.
    fn take_over(&mut self, greeting: Greeting) -> Result<(), Gone> {
        if let Purpose::Command(words) = &self.machine.purpose {
            let env = std::env::vars().filter(|(name, _)| !name.starts_with("RUNG_"));
            let directory = std::env::current_dir().ok();
            if let Ok(unit) = command_unit::command_unit(words, env, directory) {
                self.loader.generate(unit);
            }
        }
        self.note_begin();
        self.reload_all();
        self.untold.clear();
        self.settle();
        // What they were at is begun anew, and they would meet what is started then.
        for (key, ..) in greeting.slots.iter().filter(|(key, ..)| key.token == directories::TOKEN) {
            self.link.send(Request::Signal { key: *key, signal: libc::SIGKILL, group: true }, Vec::new());
        }
        self.fetch_instances(&greeting)?;
        let logger_runs = self.match_logger(&greeting);
        self.match_switch(&greeting.slots);
        greeting.slots.iter().for_each(|(key, pid, life)| self.note_own(*key, *pid, *life));
        let first = !self.boot.ran;
        if !first {
            self.write_omitted();
        }
        for (key, pid, life) in greeting.slots {
            if key.token != logger::TOKEN {
                self.on_slot(key, pid, life);
            }
        }
        self.push(Event::Synced);
        self.settle();
        if logger_runs {
            // The manager before us may have died before it had told all.
            self.events.write_again();
            self.write_history();
        } else if self.logger.is_new() && matches!(self.machine.purpose, Purpose::Levels { .. }) {
            self.plan_first_logger();
        } else {
            self.start_logger();
        }
        if let Some(tree) = self.tree.as_ref().filter(|_| !self.slain.is_empty()) {
            let (core, tree) = (&self.core, tree.clone());
            tree.sweep(|name| {
                crate::unit::UnitName::new(name)
                    .ok()
                    .and_then(|n| core.id(&n))
                    .is_some_and(|id| core.view(id).token.is_some())
            });
        }
        self.go_on_down();
        self.record_boot();
        self.boot_on();
        self.settle();
        if first {
            // What level S begins with doesn't wait for it.
            self.write_omitted();
        }
        self.link.send(Request::Ready, Vec::new());
        Ok(())
    }

    /// The history says when a boot begins, and when a manager follows another.
    fn note_begin(&mut self) {
        let facts = self.loader.facts();
        let boot_id = facts.boot_id.get(..8).unwrap_or_default();
        let begin = format!("kernel {} on {}, boot id {boot_id}", facts.kernel, facts.hostname);
        let reexecs = self.machine.reexecs;
        let times = match reexecs {
            0 => String::new(),
            1 => "; PID 1 has executed itself anew once".to_owned(),
            n => format!("; PID 1 has executed itself anew {n} times"),
        };
        let next = format!("manager {} took over{times}", self.machine.managers + 1);
        let first = self.machine.managers == 0;
        let (kind, text) = if first { (EventKind::Boot, begin) } else { (EventKind::Manager, next) };
        self.events.push(kind, &text, "");
        for id in self.core.ids() {
            let state = self.core.view(id).state;
            self.events.states.insert(id, state);
        }
    }

    /// Takes up the parked descriptors of the instances the core knows; closes what no unit claims.
    fn fetch_instances(&mut self, greeting: &Greeting) -> Result<(), Gone> {
        let mut tokens: Vec<u64> = greeting.parked.iter().map(|(token, _)| *token).filter(|t| *t >= 16).collect();
        tokens.sort_unstable();
        tokens.dedup();
        // Pipes of an instance that is over may be those of one that lives and has none of its own.
        let mut lent = self.kept.lent(&self.core);
        lent.retain(|_, user| !greeting.parked.iter().any(|(t, name)| t == user && parked::is_pipe(name.as_str())));
        for token in tokens {
            let user = lent.get(&token).copied();
            if user.is_some() || self.core.token_unit(token).is_none() {
                self.let_go(token, &greeting.parked, user.is_some());
            }
            if let Some(user) = user {
                self.fetch_instance(user, token)?;
            } else if !self.instances.contains_key(&token) {
                self.fetch_instance(token, token)?;
            }
        }
        Ok(())
    }

    /// Takes up what is parked of an instance, if a unit has it; its log pipes were made for the instance `logs`.
    fn fetch_instance(&mut self, token: u64, logs: u64) -> Result<(), Gone> {
        let Some(unit) = self.core.token_unit(token) else { return Ok(()) };
        let name = self.core.name(unit).clone();
        let instance = Instance::fetch(token, logs, &mut self.link)?;
        self.note_pipes(&name, &instance);
        let both = [Stream::Out, Stream::Err].into_iter().filter(|stream| instance.has_pipe(*stream));
        self.taken_over.extend(both.map(|stream| (logs, stream)));
        self.adopt_instance(token, instance);
        Ok(())
    }

    /// An instance is over, and the manager before us had not done all that follows from it. `lent`: but for its log
    /// pipes, which another one uses.
    fn let_go(&mut self, token: u64, parked: &[(u64, Name)], lent: bool) {
        let own = parked.iter().filter(|(t, name)| *t == token && !(lent && parked::is_pipe(name.as_str())));
        let own: Vec<Name> = own.map(|(_, name)| *name).collect();
        let left = own.iter().any(|name| name.as_str() == parked::LEFT);
        let stays = left && self.clear_left(token);
        let gone = own.iter().filter(|name| !(stays && name.as_str() == parked::LEFT));
        gone.for_each(|name| self.link.unpark(token, name.as_str()));
    }

    /// Whether the logger runs; the key that its next process gets follows the ones there are.
    fn match_logger(&mut self, greeting: &Greeting) -> bool {
        let mut runs = false;
        for (key, _, life) in greeting.slots.iter().filter(|(key, ..)| key.token == logger::TOKEN) {
            self.logger_key.step = self.logger_key.step.max(key.step);
            if matches!(life, Life::Over(_)) {
                self.link.send(Request::ack(&[*key]), Vec::new());
            } else {
                runs = true;
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::pid1::Exit;
    use crate::sys::seqpacket;
    use std::os::fd::AsFd;

    #[test]
    fn what_is_told_twice_before_the_loop_is_taken_in_once() {
        let (ours, theirs) = seqpacket::pair().expect("pair");
        let key = Key { token: 16, step: 0 };
        let slot = |life, seq| Pid1Event::Slot { key, pid: 7, start_time: 1, life, seq };
        let over = Life::Over(Exit::Code(3));
        let signal = Pid1Event::Signal { signal: libc::SIGHUP, count: 1 };
        let welcome = Pid1Event::Welcome {
            version: VERSION,
            managers: 1,
            reexecs: 0,
            container: true,
            booted_ms: 0,
            down: None,
            left_ms: 0,
            status: 0,
        };
        // Changes are told from the welcome on, and all slots again at the sync.
        let parked = Pid1Event::Parked { token: 0, name: Name::new("stdin") };
        let end = Pid1Event::SyncEnd { highest_token: 16 };
        for event in [welcome, slot(Life::Running, 1), signal, slot(over, 2), slot(over, 2), parked, end] {
            seqpacket::send(theirs.as_fd(), &event.encode(), &[]).expect("send");
        }
        let mut link = Link::new(ours);
        let greeting = greet(&mut link).expect("greeting");
        assert_eq!(greeting.slots, [(key, 7, over)]);
        assert_eq!((link.next_event(), link.next_event()), (Ok(Some(signal)), Ok(None)));
    }
}
