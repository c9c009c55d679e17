//! Signals that came to PID 1, until the manager has taken care of them.

use super::table::{Field, Table};

/// The counts lie in the table; which of them this manager has been told doesn't.
#[derive(Debug)]
pub struct Pending {
    table: &'static Table,
    untold: [bool; 65],
}

impl Pending {
    /// All that the table holds is to be told.
    pub fn new(table: &'static Table) -> Self {
        let mut pending = Self { table, untold: [false; 65] };
        pending.tell_all();
        pending
    }

    /// A new manager has to hear of them all.
    pub fn tell_all(&mut self) {
        for (untold, count) in self.untold.iter_mut().zip(&self.table.head.signals) {
            *untold = count.get() != 0;
        }
    }

    fn change(&mut self, signal: i32, untold: bool, count: impl Fn(u32) -> u32) {
        let Ok(index) = usize::try_from(signal) else { return };
        if let (Some(flag), Some(cell)) = (self.untold.get_mut(index), self.table.head.signals.get(index)) {
            *flag = untold;
            cell.set(count(cell.get()));
        }
    }

    /// One has come.
    pub fn came(&mut self, signal: i32) {
        self.change(signal, true, |count| count.saturating_add(1));
    }

    /// The manager has been told.
    pub fn told(&mut self, signal: i32) {
        self.change(signal, false, |count| count);
    }

    /// The manager has taken care of it.
    pub fn acknowledged(&mut self, signal: i32) {
        self.change(signal, false, |_| 0);
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
