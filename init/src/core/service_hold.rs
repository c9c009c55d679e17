//! The service machine while a verb of its script is at work (see [`crate::core::hold`]).

use super::script::is_script;
use super::{Group, Run, Service};
use crate::core::{Outcome, Phase};

impl Service {
    /// A verb of its script is at work: what happens to its main process may be the verb's doing.
    pub(in crate::core) fn is_held(&self) -> bool {
        self.hold.is_on()
    }

    /// The main process has ended under a verb.
    pub(super) fn put_off_end(&mut self, r: &mut Run<'_>, outcome: Outcome) {
        self.hold.end = Some(outcome);
        self.wait_for_verb(r);
    }

    /// Whether it has ended and a verb that is still at work decides what that means.
    pub(super) fn is_end_put_off(&self) -> bool {
        self.is_held() && self.hold.end.is_some()
    }

    /// Without a main process: another one may come; whether it has is seen when the verb is over.
    pub(super) fn wait_for_verb(&mut self, r: &mut Run<'_>) {
        self.group = Group::Outlives;
        self.enter(r, Phase::Running);
        if is_script(r.unit) {
            self.look_around(r);
        }
    }

    /// There is a main process again, or a new run: the end of the one before means nothing any more.
    pub(super) fn forget_held_end(&mut self) {
        if let Some(hold) = self.hold.own()
            && hold.end.take().is_some()
        {
            self.pace.exit = None;
        }
    }

    /// The lock file of a script that has left nothing running came or went.
    pub(super) fn lock(&mut self, r: &mut Run<'_>, there: bool) {
        match self.hold.own().filter(|hold| hold.is_on()) {
            Some(hold) => hold.unlocked = !there,
            None if there => {}
            None => self.undone(r),
        }
    }

    /// The verb is over: what it has left behind counts.
    pub(super) fn released(&mut self, r: &mut Run<'_>) {
        let hold = self.hold.own().map(|hold| (hold.end.take(), std::mem::take(&mut hold.unlocked)));
        let (end, unlocked) = hold.unwrap_or_default();
        self.hold.settle();
        match (self.phase, end) {
            _ if self.main.is_some() => {}
            // A `restart` that came no further than its `stop`.
            (Phase::Exited, _) if unlocked => self.undone(r),
            (Phase::Running, Some(outcome)) => self.main_gone(r, outcome),
            // Its last process may have gone meanwhile.
            (Phase::Running, None) => self.watch_headless(r),
            // The end of their commands looks at the main process.
            (Phase::StartPost | Phase::Reload, Some(outcome)) => self.note(outcome),
            _ => {}
        }
    }
}
