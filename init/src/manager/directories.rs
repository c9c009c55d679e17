//! Removing a service's run-time folders when it stops, and clearing its terminal. A child of PID 1 does it, as the ones
//! may be large and the other slow; what is to be started of the unit meanwhile waits, and so does the answer to whoever
//! asked for the stop.

use super::accounts::{Answers, Wish};
use super::control::status;
use super::instance::parked;
use super::plan;
use super::state::Manager;
use crate::core::{Event, Phase, State, UnitId};
use crate::proto::pid1::{Exit, Key, Life, Request};
use crate::sys::wait;
use crate::unit::{Preserve, Unit};
use std::collections::BTreeMap;

/// The token of those children.
pub const TOKEN: u64 = 5;
/// They may take this long, in milliseconds.
const PATIENCE: u64 = 30_000;

/// One removal under way.
#[derive(Debug)]
struct Removal {
    unit: UnitId,
    /// The instance, where it is one's end.
    ran: Option<u64>,
    deadline: u64,
    /// The instance whose log is complete, so that only this is waited for.
    logged: Option<u64>,
}

/// All removals under way, by the step of their child, and the processes that wait for them.
#[derive(Debug, Default)]
pub struct Removals {
    open: BTreeMap<u32, Removal>,
    waiting: Vec<Wish>,
}

impl Removals {
    /// Whether one is under way for a unit.
    pub fn concern(&self, unit: UnitId) -> bool {
        self.open.values().any(|r| r.unit == unit)
    }

    /// When the first of them has taken too long.
    pub fn next_deadline(&self) -> Option<u64> {
        self.open.values().map(|r| r.deadline).min()
    }

    /// Keeps what is to be started of a unit until its folders are gone; `false`: nothing is in its way.
    pub fn hold(&mut self, wish: Wish) -> bool {
        let hold = self.concern(wish.unit);
        if hold {
            self.waiting.push(wish);
        }
        hold
    }

    /// The log of an instance is complete; `true`: the news of its end has to wait for this.
    pub fn hold_news(&mut self, unit: UnitId, token: u64) -> bool {
        let removal = self.open.values_mut().find(|r| r.unit == unit);
        removal.map(|r| r.logged = Some(token)).is_some()
    }
}

impl Manager {
    /// An instance is over (`ran`), or its automatic restart was called off: removes its run-time folders unless they are to
    /// stay, and after a run clears its terminal. `true`: that goes on, and until it is done PID 1 keeps [`parked::LEFT`]
    /// for a manager after us.
    pub fn clear_away(&mut self, unit: UnitId, definition: &Unit, ran: Option<u64>) -> bool {
        let view = self.core.view(unit);
        let restarts = view.phase == Phase::AutoRestart
            || view.job.is_some_and(|(kind, _)| ["start", "restart"].contains(&kind))
            || !matches!(view.state, State::Inactive | State::Failed);
        let stays = match definition.service.directories.preserve {
            Preserve::No => false,
            Preserve::Yes => true,
            Preserve::Restart => restarts,
        };
        let none = definition.service.directories.runtime.folders.is_empty();
        if self.removals.concern(unit) {
            return false;
        }
        let folders = !stays && !none && !self.shares_runtime(unit, definition);
        let bytes = plan::clearing(definition, ran.is_some(), folders);
        let Some(bytes) = bytes else { return false };
        let step = self.helper_step();
        if self.link.spawn(Key { token: TOKEN, step }, &bytes, Vec::new(), None).is_err() {
            return false;
        }
        let deadline = wait::now_ms().saturating_add(PATIENCE);
        self.removals.open.insert(step, Removal { unit, ran, deadline, logged: None });
        true
    }

    /// A manager before us died before what this instance left behind was cleared away; whether that was begun now.
    pub fn clear_left(&mut self, token: u64) -> bool {
        let found = self.core.ids().find(|id| self.core.end_of(*id).token == token);
        let unit = found.and_then(|id| Some((id, status::definition(&self.core.view(id)).cloned()?)));
        unit.is_some_and(|(id, definition)| self.clear_away(id, &definition, Some(token)))
    }

    /// Whether another unit that isn't down has one of these folders too.
    fn shares_runtime(&self, unit: UnitId, definition: &Unit) -> bool {
        let own = &definition.service.directories.runtime.folders;
        let shares = |other: &Unit| other.service.directories.runtime.folders.iter().any(|f| own.contains(f));
        self.core.ids().filter(|id| *id != unit).map(|id| self.core.view(id)).any(|view| {
            !matches!(view.state, State::Inactive | State::Failed) && view.unit.is_some_and(|other| shares(other))
        })
    }

    /// A removal has ended, well or not: what waited for it goes on.
    pub fn on_removed(&mut self, step: u32) {
        let Some(Removal { unit, ran, logged, .. }) = self.removals.open.remove(&step) else { return };
        if let Some(token) = ran {
            self.link.unpark(token, parked::LEFT);
        }
        if let Some(token) = logged {
            let told = self.held.logged(token);
            self.tell(told);
        }
        let (now, later) = std::mem::take(&mut self.removals.waiting).into_iter().partition(|w| w.unit == unit);
        self.removals.waiting = later;
        let now: Vec<Wish> = now;
        for wish in now {
            let view = self.core.view(unit);
            if [view.main_key, view.control_key].contains(&Some(wish.key)) {
                self.spawn(wish, &Answers::default());
            }
        }
    }

    /// Those that have taken too long are given up.
    pub fn removals_due(&mut self, now: u64) {
        let late = self.removals.open.iter().filter(|(_, r)| r.deadline <= now).map(|(step, _)| *step);
        for step in late.collect::<Vec<_>>() {
            let key = Key { token: TOKEN, step };
            self.link.send(Request::Signal { key, signal: libc::SIGKILL, group: true }, Vec::new());
            self.on_removed(step);
        }
    }

    /// A process of the instance that waits for a removal is to get a signal: it ends before it was.
    pub fn signal_held(&mut self, token: u64, key: Option<Key>, signal: i32) {
        let concerned = |w: &Wish| w.key.token == token && key.is_none_or(|k| k == w.key);
        if [0, libc::SIGCONT].contains(&signal) {
            return;
        }
        let (gone, rest) = std::mem::take(&mut self.removals.waiting).into_iter().partition(concerned);
        self.removals.waiting = rest;
        let gone: Vec<Wish> = gone;
        for wish in gone {
            let life = Life::Over(Exit::Signal(signal));
            self.push(Event::Process { key: wish.key, pid: 0, life });
        }
    }
}
