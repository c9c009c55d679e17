//! Answers that wait until the log is complete: what a service wrote last belongs to the news of its end.

use crate::core::{Millis, RequestId, UnitId};
use crate::proto::control::JobEnd;
use std::collections::BTreeMap;

/// The logger may take this long, in milliseconds; then the answer goes without the last lines.
const PATIENCE: Millis = 500;

/// What is to be told now.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A job of a request has ended.
    Job(RequestId, JobEnd),
    /// The request is over.
    Done(RequestId),
}

/// The answers that wait.
#[derive(Debug, Default)]
pub struct Held {
    /// Units whose last instance the logger has not yet read dry.
    units: BTreeMap<UnitId, Ending>,
    tokens: BTreeMap<u64, UnitId>,
    requests: BTreeMap<RequestId, Left>,
    until: Option<Millis>,
}

#[derive(Debug, Default)]
struct Ending {
    token: u64,
    jobs: Vec<(RequestId, JobEnd)>,
}

/// What of a request is held back.
#[derive(Debug, Default)]
struct Left {
    jobs: usize,
    over: bool,
}

impl Held {
    /// The logger was asked to read this instance's pipes dry.
    pub fn ends(&mut self, unit: UnitId, token: u64, now: Millis) {
        self.tokens.insert(token, unit);
        self.units.entry(unit).or_default().token = token;
        self.until.get_or_insert(now.saturating_add(PATIENCE));
    }

    /// A job has ended: given back, unless it has to wait.
    pub fn job(&mut self, request: RequestId, unit: UnitId, end: JobEnd) -> Option<Told> {
        let Some(ending) = self.units.get_mut(&unit) else { return Some(Told::Job(request, end)) };
        ending.jobs.push((request, end));
        self.requests.entry(request).or_default().jobs += 1;
        None
    }

    /// A request is over: given back, unless one of its jobs waits.
    pub fn done(&mut self, request: RequestId) -> Option<Told> {
        let Some(left) = self.requests.get_mut(&request) else { return Some(Told::Done(request)) };
        left.over = true;
        None
    }

    /// The logger has read this instance dry: what can be told now.
    pub fn logged(&mut self, token: u64) -> Vec<Told> {
        let unit = self.tokens.remove(&token);
        let ending = unit.filter(|unit| self.units.get(unit).is_some_and(|e| e.token == token));
        let ending = ending.and_then(|unit| self.units.remove(&unit));
        if self.units.is_empty() {
            self.until = None;
        }
        let mut told = Vec::new();
        for (request, end) in ending.into_iter().flat_map(|e| e.jobs) {
            told.push(Told::Job(request, end));
            let Some(left) = self.requests.get_mut(&request) else { continue };
            left.jobs = left.jobs.saturating_sub(1);
            if left.jobs == 0 {
                let over = left.over;
                self.requests.remove(&request);
                told.extend(over.then_some(Told::Done(request)));
            }
        }
        told
    }

    /// Whose instance it is that was asked about.
    pub fn unit(&self, token: u64) -> Option<UnitId> {
        self.tokens.get(&token).copied()
    }

    /// When to go on without the logger.
    pub fn deadline(&self) -> Option<Millis> {
        self.until
    }

    /// That time has come: all there is.
    pub fn give_up(&mut self) -> Vec<Told> {
        let tokens: Vec<u64> = self.units.values().map(|e| e.token).collect();
        let told = tokens.into_iter().flat_map(|token| self.logged(token)).collect();
        self.tokens.clear();
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::JobResult;
    use crate::unit::UnitName;

    fn end(name: &str) -> JobEnd {
        let name = UnitName::new(name).expect("name");
        JobEnd { name, result: JobResult::Done, reason: None, hint: None, log: Vec::new(), script_status: None }
    }

    #[test]
    fn what_has_no_log_to_wait_for_is_told_at_once() {
        let mut held = Held::default();
        assert_eq!(held.job(1, UnitId(0), end("a")), Some(Told::Job(1, end("a"))));
        assert_eq!((held.done(1), held.deadline()), (Some(Told::Done(1)), None));
    }

    #[test]
    fn a_request_is_over_after_the_last_of_its_jobs() {
        let mut held = Held::default();
        held.ends(UnitId(0), 16, 1000);
        held.ends(UnitId(1), 17, 1100);
        assert_eq!(held.job(1, UnitId(0), end("a")), None);
        assert_eq!(held.job(1, UnitId(1), end("b")), None);
        assert_eq!((held.done(1), held.deadline()), (None, Some(1500)));
        assert_eq!(held.logged(17), [Told::Job(1, end("b"))]);
        assert_eq!(held.logged(16), [Told::Job(1, end("a")), Told::Done(1)]);
        assert_eq!(held.deadline(), None);
    }

    #[test]
    fn the_last_instance_counts_and_a_silent_logger_holds_nothing_for_ever() {
        let mut held = Held::default();
        held.ends(UnitId(0), 16, 1000);
        held.ends(UnitId(0), 18, 1000);
        assert_eq!(held.job(1, UnitId(0), end("a")), None);
        assert_eq!((held.logged(16), held.done(1)), (Vec::new(), None));
        assert_eq!(held.give_up(), [Told::Job(1, end("a")), Told::Done(1)]);
        assert_eq!((held.deadline(), held.logged(18)), (None, Vec::new()));
    }
}
