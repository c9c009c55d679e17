//! Processes that are to be started while the way to PID 1 is full: of ten thousand that a level switch wants, each takes
//! descriptors and a plan along. They wait here for room, in their order, and everybody else has a turn meanwhile.

use super::accounts::{Answers, Wish};
use super::state::Manager;
use crate::core::Event;
use crate::proto::pid1::{Exit, Key, Life};
use std::collections::VecDeque;

/// With so many packets on their way to PID 1 no further process is made ready.
const MOST: usize = 64;

/// Those that wait.
#[derive(Debug, Default)]
pub struct Crowd {
    waiting: VecDeque<Wish>,
}

impl Crowd {
    /// Keeps what is to be started until there is room; `false`: there is. `before`: packets on their way.
    fn hold(&mut self, wish: Wish, before: usize) -> bool {
        let hold = before >= MOST || !self.waiting.is_empty();
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
        while let Some(wish) = self.crowd.next(self.link.out().len()) {
            let view = self.core.view(wish.unit);
            if [view.main_key, view.control_key].contains(&Some(wish.key)) {
                self.spawn(wish, &Answers::default());
            }
        }
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

    #[test]
    fn they_wait_in_their_order_while_there_is_no_room() {
        let wish = |token| {
            let key = Key { token, step: 0 };
            Wish { unit: UnitId(0), key, kind: ExecKind::Start, index: 0, main_pid: None }
        };
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
}
