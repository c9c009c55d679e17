//! Signals for all processes of an instance, beyond its own children. Those that one event leads to go out together: PID 1
//! is waited for once, and one look at the processes serves them all.

use super::census::Census;
use super::state::Manager;
use super::{cgroup, procs};
use crate::core::UnitId;

/// Signals that wait, in the order they were decided.
#[derive(Debug, Default)]
pub struct Spread {
    all: Vec<One>,
}

/// An instance's.
#[derive(Debug)]
struct One {
    unit: UnitId,
    token: u64,
    signals: Vec<i32>,
    /// These have been sent theirs by PID 1.
    own: [Option<i32>; 2],
}

impl Spread {
    /// Adds a signal. `own`: processes that PID 1 has been asked to send it to.
    pub fn add(&mut self, unit: UnitId, token: u64, signal: i32, own: [Option<i32>; 2]) {
        match self.all.last_mut() {
            Some(last) if last.token == token && last.own == own => last.signals.push(signal),
            _ => self.all.push(One { unit, token, signals: vec![signal], own }),
        }
    }
}

impl Manager {
    /// Sends what waits.
    pub fn spread_signals(&mut self) {
        let all = std::mem::take(&mut self.spread.all);
        if all.is_empty() {
            return;
        }
        // Our own children hear it first: a shell that lost its child before would start the next one, which heard nothing.
        // PID 1 answers in the order it is asked.
        if self.link.fetch(0, "signalled").is_err() {
            self.over = true;
            return;
        }
        if let Some(tree) = &self.tree {
            for One { unit, signals, own, .. } in all {
                if signals.contains(&libc::SIGKILL) {
                    self.slain.insert(self.core.name(unit).clone());
                }
                tree.signal(self.core.name(unit).as_str(), &signals, &own);
            }
            return;
        }
        let lone: Vec<bool> = all.iter().map(|one| self.is_lone(one.token)).collect();
        let strangers = self.has_strangers();
        let mut census = Census::default();
        for (One { token, signals, own, .. }, lone) in all.into_iter().zip(lone) {
            if strangers || !lone {
                self.signal_members(&mut census, token, &signals, own);
            }
        }
    }

    fn signal_members(&self, census: &mut Census, token: u64, signals: &[i32], own: [Option<i32>; 2]) {
        for pid in self.members_among_all(census, token).into_iter().filter(|pid| !own.contains(&Some(*pid))) {
            let start = census.start_time(pid);
            for signal in signals {
                cgroup::signal_checked(pid, *signal, || start.is_some() && procs::start_time(pid) == start);
            }
        }
    }
}
