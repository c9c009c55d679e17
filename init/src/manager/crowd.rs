//! Processes that are to be started while the way to PID 1 is full: of ten thousand that a level switch wants, each takes
//! descriptors and a plan along. They wait here for room, in their order, and everybody else has a turn meanwhile. Those
//! that PID 1 had no descriptors for wait here as well, for a while.

use super::accounts::{Answers, Wish};
use super::state::Manager;
use crate::core::{Action, Event};
use crate::proto::pid1::{Exit, Key, Life};
use crate::sys::wait;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// With so many packets on their way to PID 1 no further process is made ready.
const MOST: usize = 64;
/// Pause before PID 1 is asked again for what it had no descriptors for, in milliseconds.
const AGAIN: u64 = 50;
/// A process that it has had none for in this time, in milliseconds, isn't started.
const PATIENCE: u64 = 10_000;

/// Those that wait.
#[derive(Debug, Default)]
pub struct Crowd {
    waiting: VecDeque<Wish>,
    /// PID 1 is short of descriptors: nobody goes before this time.
    pause: Option<u64>,
    /// Since when it has been, for those that it refused.
    refused: BTreeMap<Key, u64>,
    /// Instances whose descriptors it could not keep.
    unparked: BTreeSet<u64>,
}

impl Crowd {
    /// When the pause is over.
    pub fn next_deadline(&self) -> Option<u64> {
        self.pause
    }

    /// Keeps one that PID 1 had no descriptors for; `false`: it has had none for too long.
    fn again(&mut self, wish: Wish, now: u64) -> bool {
        let since = *self.refused.entry(wish.key).or_insert(now);
        if now.saturating_sub(since) >= PATIENCE {
            self.refused.remove(&wish.key);
            return false;
        }
        self.waiting.push_back(wish);
        self.pause = Some(now.saturating_add(AGAIN));
        true
    }

    /// Whether those that wait may go: there is no pause, or it is over.
    fn goes_on(&mut self, now: u64) -> bool {
        self.pause = self.pause.filter(|until| *until > now);
        self.pause.is_none()
    }

    /// PID 1 has taken it, or it isn't wanted any more.
    pub fn settled(&mut self, key: Key) {
        self.refused.remove(&key);
    }

    /// Keeps what is to be started until there is room; `false`: there is. `before`: packets on their way.
    fn hold(&mut self, wish: Wish, before: usize) -> bool {
        let hold = before >= MOST || !self.waiting.is_empty() || self.pause.is_some();
        if hold {
            self.waiting.push_back(wish);
        }
        hold
    }

    /// The next one, if there is room.
    fn next(&mut self, before: usize) -> Option<Wish> {
        if before < MOST { self.waiting.pop_front() } else { None }
    }

    /// Takes out those of an instance; of one key, if one is given.
    fn take(&mut self, token: u64, key: Option<Key>) -> Vec<Wish> {
        let concerned = |w: &Wish| w.key.token == token && key.is_none_or(|k| k == w.key);
        if !self.waiting.iter().any(concerned) {
            return Vec::new();
        }
        let (gone, rest) = std::mem::take(&mut self.waiting).into_iter().partition::<Vec<_>, _>(concerned);
        self.waiting = rest.into();
        gone.iter().for_each(|wish| self.settled(wish.key));
        gone
    }
}

impl Manager {
    /// Starts a process, or lets it wait for room.
    pub fn spawn_soon(&mut self, wish: Wish) {
        if !self.crowd.hold(wish, self.link.out().len()) {
            self.spawn(wish, &Answers::default());
        }
    }

    /// Starts those that there is room for now. What waits behind them is woken by room in the socket to PID 1.
    pub fn spawn_crowd(&mut self) {
        if !self.crowd.goes_on(wait::now_ms()) {
            return;
        }
        for token in std::mem::take(&mut self.crowd.unparked) {
            if let Some(instance) = self.instances.get(&token) {
                instance.park_again(token, &mut self.link);
            }
        }
        while let Some(wish) = self.crowd.next(self.link.out().len()) {
            let view = self.core.view(wish.unit);
            if [view.main_key, view.control_key].contains(&Some(wish.key)) {
                self.spawn(wish, &Answers::default());
            } else {
                self.crowd.settled(wish.key);
            }
        }
    }

    /// PID 1, or its child on the way to the program, had no descriptor left: it is asked again soon. `false`: it has been
    /// for long enough, or the unit's own limit is meant.
    pub fn spawn_again(&mut self, key: Key) -> bool {
        let Some(Action::Spawn { unit, key, kind, index, main_pid }) = self.core.birth(key) else { return false };
        let definition = self.core.view(unit).unit;
        let own = definition.is_some_and(|u| u.service.limits.iter().any(|l| l.resource == libc::RLIMIT_NOFILE));
        !own && self.crowd.again(Wish { unit, key, kind, index, main_pid }, wait::now_ms())
    }

    /// PID 1 had no room for what was to be parked: it is asked to keep it once more.
    pub fn park_again(&mut self, token: u64) {
        self.crowd.unparked.insert(token);
        self.crowd.pause.get_or_insert(wait::now_ms().saturating_add(AGAIN));
    }

    /// A process of the instance that waits for room is to get a signal: it ends before it was.
    pub fn signal_crowd(&mut self, token: u64, key: Option<Key>, signal: i32) {
        if [0, libc::SIGCONT].contains(&signal) {
            return;
        }
        for wish in self.crowd.take(token, key) {
            self.push(Event::Process { key: wish.key, pid: 0, life: Life::Over(Exit::Signal(signal)) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::UnitId;
    use crate::unit::ExecKind;

    fn wish(token: u64) -> Wish {
        let key = Key { token, step: 0 };
        Wish { unit: UnitId(0), key, kind: ExecKind::Start, index: 0, main_pid: None }
    }

    #[test]
    fn they_wait_in_their_order_while_there_is_no_room() {
        let mut crowd = Crowd::default();
        assert!(!crowd.hold(wish(16), MOST - 1));
        assert!(crowd.hold(wish(17), MOST) && crowd.hold(wish(18), 0), "nobody goes before those that wait");
        assert!(crowd.hold(wish(19), 0));
        assert_eq!(crowd.next(MOST), None);
        assert_eq!(crowd.take(18, Some(Key { token: 18, step: 1 })), []);
        assert_eq!(crowd.take(18, None), [wish(18)]);
        assert_eq!((crowd.next(0), crowd.next(0), crowd.next(0)), (Some(wish(17)), Some(wish(19)), None));
        assert!(!crowd.hold(wish(20), 0));
    }

    #[test]
    fn who_was_refused_is_asked_for_again_until_it_takes_too_long() {
        let mut crowd = Crowd::default();
        assert!(crowd.goes_on(1000) && crowd.again(wish(16), 1000));
        assert!(crowd.hold(wish(17), 0), "nobody goes before one that waits");
        assert_eq!(crowd.next_deadline(), Some(1000 + AGAIN));
        assert!(!crowd.goes_on(1000 + AGAIN - 1) && crowd.goes_on(1000 + AGAIN));
        assert_eq!(crowd.next_deadline(), None);
        assert_eq!((crowd.next(0), crowd.next(0)), (Some(wish(16)), Some(wish(17))));
        crowd.settled(wish(17).key);
        assert!(crowd.again(wish(16), 999 + PATIENCE) && crowd.again(wish(17), 1000 + PATIENCE));
        assert_eq!(crowd.next(0), Some(wish(16)));
        assert!(!crowd.again(wish(16), 1000 + PATIENCE), "since it was refused first");
        assert_eq!(crowd.take(17, None), [wish(17)]);
        assert!(crowd.refused.is_empty());
    }
}
