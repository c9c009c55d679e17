//! The journal: what of the core must outlive the manager, as records of key and value; the last of a key counts.
//!
//! | key | value |
//! |---|---|
//! | `token` | the next token |
//! | `levels` | level, switch under way, whether the machine goes down |
//! | `unit/NAME` | machine and job of a unit that isn't as new; why it is up or down, what it waits for |
//! | `request/ID` | whether and when the request was finished |
//! | `result/ID/NAME` | how the request's job for the unit ended |
//!
//! Units are named, never numbered: the arena of the next manager is another one. Definitions and level marks aren't in
//! here, they are read again. A key or value that can't be read is passed over.

use super::job::{Job, JobKind};
use super::reason::{Cause, Reason};
use super::request::Request;
use super::service::{Service, Which};
use super::{Core, Millis, RequestId, UnitId};
use crate::proto::pid1::Key;
use crate::unit::{Level, UnitName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One record; `None` deletes its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is about.
    pub key: String,
    /// How that stands now, as JSON: it is made once, and copied from there on.
    pub value: Option<String>,
}

impl Record {
    /// What is known under a key; `None`: nothing.
    pub fn new(key: String, value: Option<&impl Serialize>) -> Self {
        Self { key, value: value.and_then(|v| serde_json::to_string(v).ok()) }
    }

    /// The value, if it can be read as such.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.value.as_deref()?).ok()
    }
}

/// What has changed since the journal was last written, beside units.
#[derive(Debug, Clone, Default)]
pub(super) struct Dirty {
    pub token: bool,
    pub levels: bool,
    pub requests: BTreeSet<RequestId>,
    pub results: BTreeSet<(RequestId, UnitId)>,
}

#[derive(Serialize, Deserialize)]
struct UnitRecord {
    #[serde(default)]
    service: Service,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<JobRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    awaits: Option<UnitName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Reason>,
}

#[derive(Serialize, Deserialize)]
struct JobRecord {
    kind: JobKind,
    running: bool,
    requests: Vec<RequestId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<UnitName>,
    #[serde(default)]
    reason: Reason,
    #[serde(default)]
    since: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began: Option<Millis>,
}

#[derive(Serialize, Deserialize)]
struct RequestRecord {
    /// 0 while it is open.
    finished: u64,
}

impl Core {
    /// Records of all that changed since the last call, each made when it is asked for: of a thousand units at one time they
    /// would be most of what the manager needs.
    pub fn take_dirty(&mut self) -> impl Iterator<Item = Record> {
        let (dirty, units) = (std::mem::take(&mut self.dirty), self.units.take_dirty());
        let core = &*self;
        let token = dirty.token.then(|| core.token_record());
        let levels = dirty.levels.then(|| core.levels_record());
        let units = units.into_iter().map(|id| core.unit_record(id));
        let requests = dirty.requests.into_iter().map(|id| core.request_record(id));
        let results = dirty.results.into_iter().map(|(id, unit)| core.result_record(id, unit));
        token.into_iter().chain(levels).chain(units).chain(requests).chain(results)
    }

    /// Records of everything, as [`Core::take_dirty`] gives them: a compacted journal.
    pub fn snapshot(&self) -> impl Iterator<Item = Record> {
        let units = self.units.ids().map(|id| self.unit_record(id)).filter(|r| r.value.is_some());
        let requests = self.requests.all.iter().flat_map(|(id, request)| {
            let results = request.results.keys().map(|unit| self.result_record(*id, *unit));
            std::iter::once(self.request_record(*id)).chain(results)
        });
        [self.token_record(), self.levels_record()].into_iter().chain(units).chain(requests)
    }

    /// A core as the journal tells. Then come [`super::Event::Define`], [`super::Event::Levels`], a
    /// [`super::Event::Process`] for each slot, [`super::Event::Synced`].
    pub fn restore(records: Vec<Record>) -> Self {
        let mut core = Self::new();
        let mut last = std::collections::BTreeMap::new();
        for record in records {
            last.insert(record.key.clone(), record);
        }
        for (key, record) in last.into_iter().filter(|(_, record)| record.value.is_some()) {
            match (key.as_str(), key.split_once('/')) {
                ("token", _) => core.next_token = record.read().unwrap_or(0).max(super::FIRST_TOKEN),
                ("levels", _) => core.levels = record.read().unwrap_or_default(),
                (_, Some(("unit", name))) => core.restore_unit(name, &record),
                (_, Some(("request", id))) => core.restore_request(id, &record),
                (_, Some(("result", rest))) => core.restore_result(rest, &record),
                _ => {}
            }
        }
        core.restore_links();
        core.units.take_dirty();
        core
    }

    /// Takes in a process that the journal doesn't tell of, because it could not be read: a unit's main process as far as
    /// one can know. Belongs between [`Core::restore`] and the definitions. What is known already stays as it is.
    pub fn take_in(&mut self, name: &UnitName, key: Key, pid: i32, now: Millis) {
        let id = self.units.intern(name);
        if self.tokens.contains_key(&key.token) || self.units.get(id).service.token.is_some() {
            return;
        }
        let node = self.units.get_mut(id);
        node.service = Service::found(key, pid, now);
        node.job = None;
        node.shown = node.service.state();
        self.tokens.insert(key.token, id);
        self.note_idle(id);
        self.set_next_token(key.token.saturating_add(1));
    }

    /// The level that was reached before the journal was lost; it counts only where none is known.
    pub fn assume_level(&mut self, level: Level) {
        if self.levels() == (None, None, None) {
            self.levels.current = Some(level);
            self.dirty.levels = true;
        }
    }

    fn restore_unit(&mut self, name: &str, record: &Record) {
        let Ok(name) = UnitName::new(name) else { return };
        let Some(UnitRecord { service, job, cause, awaits, due }) = record.read() else { return };
        let id = self.units.intern(&name);
        let job = job.map(|j| Job {
            kind: j.kind,
            running: j.running,
            requests: j.requests,
            dropped: j.dropped.iter().map(|n| self.units.intern(n)).collect(),
            reason: j.reason,
            since: j.since,
            began: j.began,
            // Its definition is yet to come.
            deadline: None,
        });
        let cause = cause.map(|cause| self.causes.share(cause));
        let node = self.units.scratch(id);
        node.cause = cause;
        node.awaits = awaits.map(Box::new);
        node.due = due.map(Box::new);
        node.shown = service.state();
        node.service = service;
        node.job = job.map(Box::new);
    }

    fn restore_request(&mut self, id: &str, record: &Record) {
        let (Ok(id), Some(RequestRecord { finished })) = (id.parse(), record.read()) else { return };
        let request = self.requests.all.entry(id).or_default();
        request.finished = finished;
        request.done = finished > 0;
        if finished > 0 {
            self.requests.finished.insert(finished, id);
        }
    }

    fn restore_result(&mut self, rest: &str, record: &Record) {
        let Some((id, name)) = rest.split_once('/') else { return };
        let (Ok(id), Ok(name)) = (id.parse::<RequestId>(), UnitName::new(name)) else { return };
        let Some(result) = record.read() else { return };
        let unit = self.units.intern(&name);
        // `request/` sorts before `result/`: one without its request is a leftover.
        if let Some(request) = self.requests.all.get_mut(&id) {
            request.results.insert(unit, result);
        }
    }

    /// What follows from the records: tokens, timers, expected processes, open jobs.
    fn restore_links(&mut self) {
        for id in self.units.ids() {
            let node = self.units.scratch(id);
            if let Some(token) = node.service.token {
                self.tokens.insert(token, id);
                self.next_token = self.next_token.max(token.saturating_add(1));
            }
            if let Some(at) = node.service.due() {
                self.deadlines.insert((at, id));
            }
            self.untold.extend([Which::Main, Which::Control].into_iter().filter_map(|w| node.service.key(w)));
            for request in node.job.iter().flat_map(|j| &j.requests) {
                self.requests.all.entry(*request).or_default().open.insert(id);
            }
            self.note_idle(id);
            self.restore_hold(id);
        }
    }

    fn token_record(&self) -> Record {
        Record::new("token".into(), Some(&self.next_token))
    }

    fn levels_record(&self) -> Record {
        Record::new("levels".into(), Some(&self.levels))
    }

    fn unit_record(&self, id: UnitId) -> Record {
        let node = self.units.get(id);
        let job = node.job.as_ref().map(|j| JobRecord {
            kind: j.kind,
            running: j.running,
            requests: j.requests.clone(),
            dropped: j.dropped.iter().map(|id| self.units.get(*id).name.clone()).collect(),
            reason: j.reason.clone(),
            since: j.since,
            began: j.began,
        });
        let (cause, awaits, due) =
            (node.cause.as_deref().cloned(), node.awaits.as_deref().cloned(), node.due.as_deref().cloned());
        let at_rest = job.is_none() && cause.is_none() && awaits.is_none() && due.is_none();
        let as_new = at_rest && node.service == Service::default();
        let value = (!as_new).then(|| UnitRecord { service: node.service.clone(), job, cause, awaits, due });
        Record::new(format!("unit/{}", node.name.as_str()), value.as_ref())
    }

    fn request_record(&self, id: RequestId) -> Record {
        let value = self.requests.all.get(&id).map(|r: &Request| RequestRecord { finished: r.finished });
        Record::new(format!("request/{id}"), value.as_ref())
    }

    fn result_record(&self, id: RequestId, unit: UnitId) -> Record {
        let value = self.requests.all.get(&id).and_then(|r| r.results.get(&unit)).map(|result| &**result);
        Record::new(format!("result/{id}/{}", self.units.get(unit).name.as_str()), value)
    }
}
