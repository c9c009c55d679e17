//! Signals that came to PID 1, until the manager has taken care of them. How often each came lies in the table.

use super::table::Table;
use crate::sys::shared::Field;
use std::sync::atomic::AtomicU32;

/// The signals, and which of them this manager hasn't been told.
#[derive(Debug)]
pub struct Pending {
    table: &'static Table,
    untold: [bool; 65],
}

impl Pending {
    /// All that the table holds is to be told.
    pub fn new(table: &'static Table) -> Self {
        let untold = table.head.signals.each_ref().map(|count| count.get() != 0);
        Self { table, untold }
    }

    fn at(&mut self, signal: i32) -> Option<(&mut bool, &'static AtomicU32)> {
        let index = usize::try_from(signal).ok()?;
        Some((self.untold.get_mut(index)?, self.table.head.signals.get(index)?))
    }

    /// One has come.
    pub fn came(&mut self, signal: i32) {
        if let Some((untold, count)) = self.at(signal) {
            count.set(count.get().saturating_add(1));
            *untold = true;
        }
    }

    /// The manager has been told.
    pub fn told(&mut self, signal: i32) {
        if let Some((untold, _)) = self.at(signal) {
            *untold = false;
        }
    }

    /// The manager has taken care of it.
    pub fn acknowledged(&mut self, signal: i32) {
        if let Some((untold, count)) = self.at(signal) {
            (*untold, _) = (false, count.set(0));
        }
    }

    /// The next one to tell: signal and count.
    pub fn next(&self) -> Option<(i32, u32)> {
        let index = self.untold.iter().position(|untold| *untold)?;
        Some((i32::try_from(index).ok()?, self.table.head.signals.get(index)?.get()))
    }

    /// Whether the manager has left one unanswered.
    pub fn any(&self) -> bool {
        self.table.head.signals.iter().any(|count| count.get() != 0)
    }
}
