//! What the shell may see of the core.

use super::job::JobKind;
use super::service::Which;
use super::{Cause, Core, ExitRecord, Millis, Outcome, Phase, Reached, Reason, RequestId, Said, State, Times, UnitId};
use crate::proto::pid1::{Exit, Key, Power};
use crate::unit::{ExecKind, Level, LevelSet, Unit, UnitName};
use std::rc::Rc;

/// What a unit's file gave, when it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// It can be used.
    Good(Rc<Unit>),
    /// It can't; the findings.
    Bad(String),
    /// A link to `/dev/null`.
    Masked,
    /// Referred to, or run once, but there is no file.
    Missing,
}

impl Loaded {
    /// Why it can't be started.
    pub(super) fn refusal(&self, name: &UnitName) -> Outcome {
        let reason = match self {
            Self::Good(_) if name.is_template() => format!("{name} is a template: start an instance of it"),
            Self::Good(_) => format!("{name} can't be started"),
            Self::Bad(findings) => findings.clone(),
            Self::Masked => format!("{name} is masked: its file is empty or a link to /dev/null"),
            Self::Missing if name.is_template() => format!("{name} is a template: start an instance of it"),
            Self::Missing => format!("there is no unit file for {name}"),
        };
        Outcome::Config { reason }
    }
}

/// One unit, as it stands.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Its name.
    pub name: &'a UnitName,
    /// The definition the running instance was started from.
    pub unit: Option<&'a Rc<Unit>>,
    /// The definition its next start would use.
    pub on_disk: &'a Loaded,
    /// As seen from outside.
    pub state: State,
    /// In detail.
    pub phase: Phase,
    /// Since when it is in this phase.
    pub since: Millis,
    /// The instance.
    pub token: Option<u64>,
    /// The main process.
    pub main_pid: Option<i32>,
    /// The key of the main process.
    pub main_key: Option<Key>,
    /// The command that runs beside it.
    pub control_pid: Option<i32>,
    /// Its key.
    pub control_key: Option<Key>,
    /// Automatic restarts so far.
    pub restarts: u32,
    /// How the main process last ended.
    pub last_exit: Option<ExitRecord>,
    /// What went wrong in this run or the last one; `None` if it never ran.
    pub outcome: Option<&'a Outcome>,
    /// What it has said of itself.
    pub said: &'a Said,
    /// The job at it (`start`, `stop`, `restart`, `reload`), and who waits for it.
    pub job: Option<(&'static str, &'a [RequestId])>,
    /// Why that job is there.
    pub job_reason: Option<&'a Reason>,
    /// The job that last set its course: why it runs, or why it doesn't.
    pub cause: Option<&'a Cause>,
    /// The unit for want of which it is down; it comes back with that one.
    pub awaits: Option<&'a UnitName>,
    /// When its present phase times out, or its automatic restart is due.
    pub deadline: Option<Millis>,
    /// When its starts began and were through.
    pub times: Times,
    /// The levels it is on in.
    pub on: LevelSet,
    /// A verb of its script is at work: it isn't restarted by itself.
    pub held: bool,
}

impl Core {
    /// The unit of a name.
    pub fn id(&self, name: &UnitName) -> Option<UnitId> {
        self.units.find(name)
    }

    /// The name of a unit.
    pub fn name(&self, id: UnitId) -> &UnitName {
        &self.units.get(id).name
    }

    /// All units, also those only referred to.
    pub fn ids(&self) -> impl Iterator<Item = UnitId> {
        self.units.ids()
    }

    /// How a unit stands.
    pub fn view(&self, id: UnitId) -> View<'_> {
        let node = self.units.get(id);
        let service = &node.service;
        let ran = service.result != Outcome::Success || service.since > 0 || service.last_exit.is_some();
        let pid = |p: Option<&super::service::Proc>| p.map(|p| p.pid).filter(|pid| *pid > 0);
        View {
            name: &node.name,
            unit: node.running.as_ref(),
            on_disk: &node.disk,
            state: service.state(),
            phase: service.phase,
            since: service.since,
            token: service.token,
            main_pid: pid(service.main.as_ref()),
            main_key: service.key(Which::Main),
            control_pid: pid(service.control.as_deref()),
            control_key: service.key(Which::Control),
            restarts: service.restarts,
            last_exit: service.last_exit,
            outcome: ran.then_some(&service.result),
            said: &service.said,
            job: node.job.as_ref().map(|j| (j.kind.word(), j.requests.as_slice())),
            job_reason: node.job.as_ref().map(|j| &j.reason),
            cause: node.cause.as_deref(),
            awaits: node.awaits.as_deref(),
            deadline: service.deadline,
            times: service.times,
            on: node.on,
            held: service.is_held(),
        }
    }

    /// Every unit that the unit's job waits for, before it can run.
    pub fn waits_for(&self, id: UnitId) -> Vec<UnitId> {
        self.blockers(id)
    }

    /// Which command runs beside the main process.
    pub fn control_command(&self, id: UnitId) -> Option<(ExecKind, usize)> {
        self.units.get(id).service.control.as_ref().map(|p| (p.kind, p.index))
    }

    /// The unit of a live instance.
    pub fn token_unit(&self, token: u64) -> Option<UnitId> {
        self.tokens.get(&token).copied()
    }

    /// The action that makes the process of a key, to be carried out once more: PID 1 lost what it was asked.
    pub fn birth(&self, key: Key) -> Option<super::Action> {
        let id = self.token_unit(key.token)?;
        let service = &self.units.get(id).service;
        service.birth(id, service.which(key)?)
    }

    /// The level before, the present one, and the one a switch under way goes to.
    pub fn levels(&self) -> (Option<Level>, Option<Level>, Option<Level>) {
        (self.levels.previous, self.levels.current, self.levels.switching.as_ref().map(|s| s.to))
    }

    /// When a unit's first start was asked for; `None`: it never was.
    pub fn asked_at(&self, id: UnitId) -> Option<Millis> {
        let node = self.units.get(id);
        let waits = node.job.as_ref().filter(|job| job.kind == JobKind::Start && node.service.times.first().is_none());
        waits.map(|job| job.since).or(Some(node.service.times.queued)).filter(|ms| *ms > 0)
    }

    /// What a unit's first start waited for: of the units it is ordered after that which was through last before it began.
    /// Nobody waits for what was through before he was asked.
    pub fn waited_for(&self, id: UnitId) -> Option<UnitId> {
        let node = self.units.get(id);
        let begun = node.service.times.first()?.0;
        let asked = self.asked_at(id).unwrap_or(0);
        let done = |other: &UnitId| self.units.get(*other).service.times.first().map(|start| start.1);
        let before = node.edges.after.iter().filter_map(|other| Some((done(other)?, *other)));
        before
            .filter(|(done, other)| *done > 0 && (asked < *done && *done <= begun) && *other != id)
            .max()
            .map(|(_, other)| other)
    }

    /// Orders that headers of init scripts wish for and unit files contradict: the unit, and the one it doesn't come after.
    pub fn unheeded(&self) -> impl Iterator<Item = (&UnitName, &UnitName)> {
        self.units.unheeded.iter().map(|wish| (self.name(wish.later), self.name(wish.earlier)))
    }

    /// When each level was reached first, in that order.
    pub fn reached(&self) -> &[Reached] {
        &self.levels.reached
    }

    /// How the machine is about to end, if it is.
    pub fn going_down(&self) -> Option<Power> {
        self.levels.down
    }

    /// Names that definitions or levels refer to and nobody has defined.
    pub fn missing(&self) -> impl Iterator<Item = &UnitName> {
        self.units.ids().map(|id| self.units.get(id)).filter(|n| n.disk == Loaded::Missing).map(|n| &n.name)
    }

    /// Units with a job of this request that hasn't ended.
    pub fn open_units(&self, request: RequestId) -> Vec<UnitId> {
        self.requests.all.get(&request).map(|r| r.open.iter().collect()).unwrap_or_default()
    }
}

impl From<Exit> for ExitRecord {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Code(code),
            Exit::Signal(signal) => Self::Signal(signal),
            Exit::Core(signal) => Self::Core(signal),
            Exit::NotRun { stage, errno } => Self::NotRun { stage, errno },
            Exit::Unknown => Self::Unknown,
        }
    }
}
