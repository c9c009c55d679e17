//! Requests: what a client asked, which units' jobs are still open, and what became of the others.
//!
//! A request that is asked twice (its client lost the manager and came again) joins the first one, or hears at once how
//! it ended: the last [`KEEP`] finished ones are kept for that.

use super::ids::IdSet;
use super::{Action, Core, JobResult, RequestId, UnitId};
use crate::unit::rare::{Rare, pack, usual};
use std::collections::BTreeMap;

/// How many finished requests are remembered.
const KEEP: usize = 64;

usual!(JobResult);

/// One request.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// Units with a job of this request that hasn't ended.
    pub open: IdSet,
    /// The others; nearly all of them are done.
    pub results: BTreeMap<UnitId, Rare<JobResult>>,
    /// Its transaction is still being made.
    pub building: bool,
    pub done: bool,
    /// How often it was asked since this core began.
    pub asked: u32,
    /// Grows from one finished request to the next.
    pub finished: u64,
}

/// All requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    pub all: BTreeMap<RequestId, Request>,
    /// Finished ones, by age.
    pub finished: BTreeMap<u64, RequestId>,
}

impl Core {
    /// True if the request is known; then what there is to say has been said.
    pub(super) fn join(&mut self, id: RequestId, out: &mut Vec<Action>) -> bool {
        let Some(request) = self.requests.all.get_mut(&id) else { return false };
        request.asked = request.asked.saturating_add(1);
        for (unit, result) in &request.results {
            out.push(Action::JobDone { request: id, unit: *unit, result: JobResult::clone(result) });
        }
        if request.done {
            out.push(Action::RequestDone { request: id });
        }
        true
    }

    /// Gives back the room of a burst.
    pub fn pack(&mut self) {
        pack(&mut self.tokens);
        self.requests.all.values_mut().for_each(|request| pack(&mut request.results));
    }

    pub(super) fn open_request(&mut self, id: RequestId) {
        self.requests.all.insert(id, Request { building: true, asked: 1, ..Request::default() });
        self.dirty.requests.insert(id);
    }

    /// The transaction is complete; the request ends here if there was nothing to do.
    pub(super) fn built(&mut self, id: RequestId, out: &mut Vec<Action>) {
        if let Some(request) = self.requests.all.get_mut(&id) {
            request.building = false;
        }
        self.close_if_done(id, out);
    }

    pub(super) fn expect(&mut self, id: RequestId, unit: UnitId) {
        if let Some(request) = self.requests.all.get_mut(&id) {
            request.results.remove(&unit);
            request.open.insert(unit);
        }
    }

    /// Whether the request has a job at this unit that hasn't ended.
    pub(super) fn is_open(&self, id: RequestId, unit: UnitId) -> bool {
        self.requests.all.get(&id).is_some_and(|r| r.open.contains(unit))
    }

    /// Tells how the request's job for a unit ended.
    pub(super) fn report(&mut self, id: RequestId, unit: UnitId, result: JobResult, out: &mut Vec<Action>) {
        let Some(request) = self.requests.all.get_mut(&id) else { return };
        request.open.remove(unit);
        request.results.insert(unit, Rare::kept(result.clone()));
        self.dirty.results.insert((id, unit));
        out.push(Action::JobDone { request: id, unit, result });
        self.close_if_done(id, out);
    }

    fn close_if_done(&mut self, id: RequestId, out: &mut Vec<Action>) {
        let Some(request) = self.requests.all.get_mut(&id) else { return };
        if request.done || request.building || !request.open.is_empty() {
            return;
        }
        let age = self.requests.finished.keys().next_back().map_or(1, |last| last.saturating_add(1));
        request.done = true;
        request.open = IdSet::default();
        request.finished = age;
        for _ in 0..request.asked.max(1) {
            out.push(Action::RequestDone { request: id });
        }
        self.requests.finished.insert(age, id);
        self.dirty.requests.insert(id);
        self.level_done(id, out);
        while self.requests.finished.len() > KEEP {
            let Some((_, old)) = self.requests.finished.pop_first() else { break };
            if let Some(gone) = self.requests.all.remove(&old) {
                self.dirty.requests.insert(old);
                self.dirty.results.extend(gone.results.into_keys().map(|unit| (old, unit)));
            }
        }
    }
}
