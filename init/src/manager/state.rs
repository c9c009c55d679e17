//! The manager: the shell around the pure core. Its parts, and how one event goes through them.

use super::asked::Askers;
use super::cgroup::Tree;
use super::console::Console;
use super::control::{Held, Requests, Server};
use super::events::EventLog;
use super::instance::Instance;
use super::journal::Journal;
use super::link::Link;
use super::logger::Logger;
use super::machine::Purpose;
use super::plan::Sites;
use super::poison::{self, Poison};
use super::sorted::Sorted;
use super::watch::Watcher;
use crate::core::{Action, Core, Event, UnitId};
use crate::levels::Farm;
use crate::load::{Ground, Loader};
use crate::proto::logger::Stream;
use crate::proto::pid1::{Key, Life, Power};
use crate::sys::epoll::Epoll;
use crate::sys::{memory, wait};
use crate::unit::conf::Conf;
use crate::unit::{Finding, UnitName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

/// Events that one turn may still have to handle: more than this at once is a loop of our own making.
const MAX_QUEUE: usize = 1 << 20;

/// What is known of the whole: given at start, changed seldom.
#[derive(Debug)]
pub struct Machine {
    /// Where sockets and state are.
    pub run_dir: PathBuf,
    /// Not the initial PID namespace: PID 1 exits instead of ending the machine.
    pub container: bool,
    /// What is to be run.
    pub purpose: Purpose,
    /// The kernel's words; in a container those that PID 1 was started with.
    pub command_line: String,
    /// `init.conf`.
    pub conf: Conf,
    /// How many managers ran before.
    pub managers: u32,
    /// How often PID 1 executed itself anew.
    pub reexecs: u32,
    /// The limit on open files that services get (soft, hard).
    pub nofile: Option<(u64, u64)>,
    /// How many descriptors PID 1 can keep.
    pub descriptors: usize,
    /// Differs from boot to boot.
    pub boot_mark: u64,
    /// Only failures on the console.
    pub quiet: bool,
    /// The pid of PID 1 (not 1 for a subreaper).
    pub pid1: i32,
}

/// A shutdown under way.
#[derive(Debug, Clone, Copy)]
pub struct Going {
    /// How it ends.
    pub how: Power,
    /// What a container's PID 1 exits with.
    pub status: i32,
    /// When PID 1 acts alone, in milliseconds of boot time.
    pub deadline: u64,
    /// When what holds it up is shown next.
    pub show_at: u64,
}

/// The manager.
pub struct Manager {
    /// All decisions.
    pub core: Core,
    /// PID 1.
    pub link: Link,
    /// What the loop waits on.
    pub epoll: Epoll,
    /// Unit files.
    pub loader: Loader,
    /// Their folders as they were when all was read last.
    pub ground: Ground,
    /// What was to be said about each unit's text.
    pub findings: BTreeMap<UnitName, Vec<Finding>>,
    /// Level links.
    pub farm: Farm,
    /// What must not be forgotten; `None` where no file for it can be made.
    pub journal: Option<Journal>,
    /// Who asked for what.
    pub askers: Askers,
    /// What was chosen between systemd units and init scripts.
    pub choices: super::choices::Choices,
    /// What happened lately.
    pub events: EventLog,
    /// Clients that follow it.
    pub followers: BTreeSet<super::control::ClientId>,
    /// What kills managers.
    pub poison: Poison,
    /// Service output.
    pub logger: Logger,
    /// The logger's process.
    pub logger_key: Key,
    /// When the logger may be started again.
    pub logger_due: Option<u64>,
    /// When it was started.
    pub logger_since: u64,
    /// How long it waited before that.
    pub logger_delay: u64,
    /// Clients.
    pub server: Server,
    /// What they wait for.
    pub requests: Requests,
    /// What they are told when the log is complete.
    pub held: Held,
    /// Clients that wait for states.
    pub state_waits: Vec<super::control::methods::StateWait>,
    /// Files.
    pub watcher: Watcher,
    /// cgroups, where there are any.
    pub tree: Option<Tree>,
    /// The console.
    pub console: Console,
    /// Descriptors of running instances.
    pub instances: Sorted<u64, Instance>,
    /// Log pipes whose last writer may still write, with the unit.
    pub pipes: Sorted<(u64, Stream), UnitName>,
    /// Those that go on from one run to the next.
    pub kept: super::kept::Kept,
    /// It was said that descriptors are short.
    pub told_crowded: bool,
    /// The system's language, as it was read in this turn of the loop.
    pub locale: std::cell::OnceCell<super::envfiles::Variables>,
    /// What is known of PID 1's children.
    pub known: super::leftover::Known,
    /// Signals that go out once all actions are carried out.
    pub spread: super::spread::Spread,
    /// What is seen of all processes, while events of PID 1's are handled.
    pub census: Option<super::census::Census>,
    /// Processes that wait for room on the way to PID 1.
    pub crowd: super::crowd::Crowd,
    /// Processes that aren't known to run what they were started for yet, and since when.
    pub forked: BTreeMap<Key, (i32, u64)>,
    /// Instances that wait for their group to become empty, with the unit.
    pub watched: BTreeMap<u64, UnitId>,
    /// Units whose last run's cgroup is still there.
    pub vacated: BTreeSet<UnitName>,
    /// Units all of whose processes were killed by way of their cgroup since it was made, or may have been.
    pub slain: BTreeSet<UnitName>,
    /// When those are to be looked at again where no event tells of their end.
    pub strays_due: Option<u64>,
    /// Instances that wait for their pid file.
    pub pid_files: BTreeMap<u64, UnitId>,
    /// What the steps of plans under way stand for.
    pub sites: Sites,
    /// The last sentence about a plan that failed, by unit.
    pub plan_failures: BTreeMap<UnitId, String>,
    /// What scripts' `stop` exited with last, where that is neither success nor failure.
    pub stop_status: BTreeMap<UnitId, i32>,
    /// Units whose definition changed since `ReloadUnits` told it last.
    pub untold: BTreeSet<UnitName>,
    /// Users and groups being looked up.
    pub lookups: super::accounts::Lookups,
    /// Run-time folders being removed.
    pub removals: super::directories::Removals,
    /// Paths of conditions that are being looked at.
    pub looks: super::conditions::Looks,
    /// Units made from init scripts and inittab.
    pub generator: super::generate::Generator,
    /// Init scripts being switched on or off.
    pub switches: super::control::scripts::Switches,
    /// Our own processes that last.
    pub lasting: super::omit::Lasting,
    /// The step of the last helper.
    pub helpers: u32,
    /// Log pipes of instances that a manager before us began.
    pub taken_over: BTreeSet<(u64, Stream)>,
    /// Processes that a paused PID 1 has refused to start.
    pub held_back: Vec<crate::proto::pid1::Key>,
    /// Events to be handled.
    pub queue: VecDeque<Event>,
    /// Starts that could not even be asked for: events of the next turn.
    pub unplanned: Vec<Event>,
    /// What the core has decided and nobody has done yet.
    pub actions: VecDeque<Action>,
    /// An action is being carried out: what comes of it waits behind the others.
    pub performing: bool,
    /// When clients are told how far their requests have come.
    pub tell_due: Option<u64>,
    /// When new clients are let in again, after descriptors had run out.
    pub accept_due: Option<u64>,
    /// Much was freed: it goes back to the kernel before the next wait.
    pub spare: bool,
    /// The whole.
    pub machine: Machine,
    /// The shutdown.
    pub going: Option<Going>,
    /// Lines of inittab were told to end, and none was killed since.
    pub lines_told: bool,
    /// What shows it on the console.
    pub panel: super::panel::Panel,
    /// All services are down; only the logger is still reading.
    pub end_wanted: Option<Power>,
    /// When Ctrl-Alt-Del was pressed last.
    pub last_cad: Option<u64>,
    /// Where its time goes.
    pub recorder: super::recorder::Recorder,
    /// The boot's own requests that are open.
    pub boot: super::boot::Boot,
    /// Nothing more can be done: PID 1 is gone.
    pub over: bool,
}

impl Manager {
    /// Puts an event into the queue.
    pub fn push(&mut self, event: Event) {
        if self.queue.len() < MAX_QUEUE {
            self.queue.push_back(event);
        }
    }

    /// Handles what is in the queue, and what comes of it.
    pub fn settle(&mut self) {
        while let Some(event) = self.queue.pop_front() {
            self.feed(event);
        }
    }

    /// One event: core, journal, actions, acknowledgement, in this order.
    fn feed(&mut self, event: Event) {
        // What killed two managers doesn't get at a third; the end of a process counts as taken care of all the same.
        let note = self.note_of(&event);
        let poison = note.as_ref().is_some_and(|n| self.poison.is_poison(n));
        let noted = note.filter(|_| !poison);
        if let Some(note) = &noted {
            self.poison.note(note);
        }
        let over = match &event {
            Event::Process { key, life: Life::Over(_), .. } => Some(*key),
            _ => None,
        };
        if !poison {
            self.decide(event);
        }
        self.carry_out();
        // What follows from it is on its way first: somebody may wait for that.
        if let Some(key) = over {
            self.link.acknowledge(key);
        }
        if noted.is_some() {
            self.poison.done();
        }
    }

    /// Lets the core decide and writes the journal. What is to be done waits for [`Self::carry_out`].
    pub fn decide(&mut self, event: Event) {
        let mut actions: Vec<Action> = Vec::new();
        let before = self.foresee(&event);
        self.core.handle(event, wait::now_ms(), &mut actions);
        self.witness(before, &actions);
        self.record();
        self.write_history();
        self.actions.extend(actions);
    }

    /// Does what was decided, in the order in which it was, also where doing one thing makes the core decide others.
    pub fn carry_out(&mut self) {
        if std::mem::replace(&mut self.performing, true) {
            return;
        }
        while let Some(action) = self.actions.pop_front() {
            self.perform(action);
        }
        self.spread_signals();
        self.performing = false;
    }

    /// Which unit's doing an event is.
    fn note_of(&self, event: &Event) -> Option<String> {
        let of = |token| Key { token, step: 0 };
        let (what, key) = match event {
            Event::Process { key, life: Life::Over(_), .. } => ("exit", *key),
            Event::Process { key, .. } => ("life", *key),
            Event::NoPlan { key, .. } => ("no plan", *key),
            Event::Notify { token, .. } => ("notify", of(*token)),
            Event::PidFile { token, .. } => ("pid file", of(*token)),
            Event::Checked { token, .. } => ("checked", of(*token)),
            Event::Empty { token } => ("empty", of(*token)),
            Event::Found { .. }
            | Event::Lock { .. }
            | Event::Hold { .. }
            | Event::Release { .. }
            | Event::Define(_)
            | Event::Levels(_)
            | Event::Request { .. }
            | Event::Synced
            | Event::Tick => return None,
        };
        self.core.token_unit(key.token).map(|id| poison::event(self.core.name(id).as_str(), what, key))
    }

    /// Writes what changed into the journal; a new one from a snapshot where it has grown too long or can't be written.
    pub fn record(&mut self) {
        let mut dirty = (self.core.take_dirty())
            .chain(self.askers.take_dirty())
            .chain(self.events.take_dirty())
            .chain(self.choices.take_dirty())
            .chain(self.recorder.take_dirty())
            .chain(self.kept.take_dirty())
            .peekable();
        if dirty.peek().is_none() {
            return;
        }
        let written = self.journal.as_mut().map(|j| j.append(dirty).is_ok() && !j.is_bloated());
        if written == Some(false) {
            self.rewrite_journal();
        }
    }

    /// A new journal from a snapshot, parked in the old one's place.
    pub fn rewrite_journal(&mut self) {
        let records = (self.core.snapshot())
            .chain(self.askers.snapshot())
            .chain(self.events.snapshot())
            .chain(self.choices.snapshot())
            .chain(self.recorder.snapshot())
            .chain(self.kept.snapshot());
        self.journal = Journal::create(records).ok();
        if let Some(shared) = self.journal.as_ref().and_then(|j| j.share().ok()) {
            self.link.park(0, "journal", shared);
        }
    }

    /// Gives back what a boot or a switch of levels has needed and rest doesn't.
    pub fn tidy(&mut self) {
        if self.journal.as_ref().is_some_and(Journal::is_slack) {
            self.rewrite_journal();
        }
        // What is let go before leaves whole pages to what is packed after it.
        self.queue.shrink_to_fit();
        self.actions.shrink_to_fit();
        self.instances.values_mut().for_each(Instance::settle);
        self.instances.shrink();
        self.pipes.shrink();
        self.core.pack();
        self.askers.pack();
        self.events.shrink();
        memory::give_back();
    }
}
