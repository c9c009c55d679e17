//! The shutdown that was asked for, when PID 1 goes on alone with it, and the finishing child. All but the child lies
//! in the table.

use super::recover;
use super::table::Table;
use crate::proto::pid1::Power;
use crate::stage::last::{End, Final};
use crate::sys::shared::Field;
use crate::sys::wait::monotonic_ms;
use std::time::Duration;

/// An hour.
const LATEST_MS: u64 = 3_600_000;

/// The shutdown under way.
#[derive(Debug)]
pub struct Down {
    table: &'static Table,
    /// The finishing child, how it ends then, and when if the child is late.
    end: Option<(i32, End, u64)>,
}

impl Down {
    /// As the table has it.
    pub fn new(table: &'static Table) -> Self {
        Self { table, end: None }
    }

    /// A shutdown has been asked for; past `at_ms` PID 1 acts alone. `own`: by a signal, while nobody has answered it.
    /// What has been told once isn't put off by being told again: each new manager does that.
    pub fn arm(&self, how: Power, status: i32, at_ms: u64, own: bool) {
        let head = &self.table.head;
        if self.begun() || (own && head.down.get() != 0) {
            return;
        }
        let at_ms = self.told().map_or(at_ms, |_| head.down_at_ms.get().min(at_ms));
        head.down_status.set(status);
        head.down_own.set(own.into());
        head.down_at_ms.set(at_ms);
        head.down.set(u32::from(how as u8).saturating_add(1));
    }

    /// Somebody has asked for more time: up to [`LATEST_MS`] from now, and only for a shutdown that was told.
    pub fn later(&self, at_ms: u64) {
        let head = &self.table.head;
        if self.told().is_some() && !self.begun() {
            let at_ms = at_ms.min(monotonic_ms().saturating_add(LATEST_MS));
            head.down_at_ms.set(head.down_at_ms.get().max(at_ms));
        }
    }

    /// The manager has answered the signal: what follows is its own.
    pub fn answered(&self) {
        if self.table.head.down_own.get() == 1 && !self.begun() {
            self.table.head.down.set(0);
        }
    }

    /// Whether the end itself has begun.
    pub fn begun(&self) -> bool {
        self.table.head.down_begun.get() == 1
    }

    fn wanted(&self) -> Option<Power> {
        Power::from_number(u8::try_from(self.table.head.down.get()).ok()?.checked_sub(1)?)
    }

    /// The shutdown that the manager asked for.
    pub fn told(&self) -> Option<Power> {
        self.wanted().filter(|_| self.table.head.down_own.get() == 0)
    }

    /// Milliseconds until then, and what a container exits with.
    pub fn left(&self) -> (u32, i32) {
        let head = &self.table.head;
        let left = head.down_at_ms.get().saturating_sub(monotonic_ms());
        (u32::try_from(left).unwrap_or(u32::MAX), head.down_status.get())
    }

    /// When PID 1 goes on alone.
    pub fn deadline(&self) -> Option<u64> {
        self.wanted().filter(|_| !self.begun()).map(|_| self.table.head.down_at_ms.get())
    }

    /// The end: from here on it is the finishing child's work, and PID 1 only waits for it. What is left of the deadline
    /// is the processes' time to end; services that nobody has stopped need it.
    pub fn begin(&mut self) {
        let head = &self.table.head;
        let (container, first) = (head.container.get() == 1, !self.begun());
        let Some(how) = self.wanted() else { return };
        head.down_begun.set(1);
        // No manager is started any more. One that was replaced would keep its file system from going read-only.
        head.kept.close();
        if first && !container {
            recover::into_memory(self.table);
        }
        let now = monotonic_ms();
        let end = End::new(how, head.down_status.get(), container);
        let left = Duration::from_millis(head.down_at_ms.get().saturating_sub(now));
        let end = end.with_grace(end.grace.max(left));
        // Without a child for the work there is only the last step left, at once.
        self.end = Some(end.start().map_or((0, end, now), |child| (child, end, now.saturating_add(end.deadline_ms()))));
    }

    /// When the finishing child's time is over.
    pub fn last_at(&self) -> Option<u64> {
        self.end.as_ref().map(|(.., at)| *at)
    }

    /// Whether it was the finishing child that has ended: however it did, the last step is due.
    pub fn finished(&mut self, pid: i32) -> bool {
        let Some((_, _, at)) = self.end.as_mut().filter(|(child, ..)| *child == pid) else { return false };
        *at = 0;
        true
    }

    /// The last step, if it is due.
    pub fn last(&self) -> Option<Final> {
        self.end.as_ref().filter(|(.., at)| *at <= monotonic_ms()).map(|(_, end, _)| end.last())
    }
}
