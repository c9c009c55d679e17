//! Who asked: kept with each request, and with the units it gave jobs to, in the journal.
//!
//! A client is known by its socket (`SO_PEERCRED`); what its process is called is read from `/proc` once, when it asks. The
//! command line of a process lies in its own memory, and whoever owns that can make a read of it wait for ever (FUSE,
//! userfaultfd): it is read of root's processes only, of others' the name that the kernel keeps.

use super::boot;
use super::state::Manager;
use crate::core::{Action, Ask, Course, JobResult, Reason, Record, RequestId, UnitId, Verb};
use crate::proto::control::{Asked, Asker, Cause, MAX_COMMAND};
use crate::proto::pid1::Power;
use crate::proto::words;
use crate::sys::{credentials, file, wait};
use crate::unit::UnitName;
use crate::unit::rare::pack;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::rc::Rc;

/// Requests that are kept though no unit's cause names them.
const KEEP: usize = 64;
/// Most units between a request and what came of it that are kept.
const MAX_WAY: usize = 32;
/// Longest `/etc/passwd` that is searched for a client's name.
const MAX_PASSWD: usize = 1 << 20;
/// `/proc/PID/loginuid` of a process nobody logged in for.
const NO_LOGIN: u32 = u32::MAX;

/// A unit's cause, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    request: RequestId,
    job: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    via: Vec<UnitName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<String>,
}

/// All that is known of who asked.
#[derive(Debug, Default)]
pub struct Askers {
    requests: BTreeMap<RequestId, Asked>,
    causes: BTreeMap<UnitName, Rc<Kept>>,
    /// The cause noted last: what one request brings about is the same for many units, and kept once.
    last: Option<Rc<Kept>>,
    changed_requests: BTreeSet<RequestId>,
    changed_causes: BTreeSet<UnitName>,
    /// Unneeded requests are looked for when there are so many.
    prune_at: usize,
}

impl Askers {
    /// Takes what is its own out of a journal.
    pub fn restore(records: &mut Vec<Record>) -> Self {
        let mut askers = Self::default();
        records.retain(|record| match record.key.split_once('/') {
            Some(("asked", id)) => {
                if let Ok(id) = id.parse::<RequestId>() {
                    keep(&mut askers.requests, id, record);
                }
                false
            }
            Some(("cause", name)) => {
                if let Ok(name) = UnitName::new(name) {
                    askers.keep_cause(name, record.read());
                }
                false
            }
            _ => true,
        });
        askers
    }

    /// Records of what changed since the last call.
    pub fn take_dirty(&mut self) -> impl Iterator<Item = Record> {
        let requests = std::mem::take(&mut self.changed_requests);
        let causes = std::mem::take(&mut self.changed_causes);
        let askers = &*self;
        let requests = requests.into_iter().map(|id| askers.request_record(id));
        requests.chain(causes.into_iter().map(|name| askers.cause_record(&name)))
    }

    /// Records of everything.
    pub fn snapshot(&self) -> impl Iterator<Item = Record> {
        let requests = self.requests.keys().map(|id| self.request_record(*id));
        requests.chain(self.causes.keys().map(|name| self.cause_record(name)))
    }

    fn request_record(&self, id: RequestId) -> Record {
        Record::new(format!("asked/{id}"), self.requests.get(&id))
    }

    fn cause_record(&self, name: &UnitName) -> Record {
        Record::new(format!("cause/{}", name.as_str()), self.causes.get(name).map(|kept| &**kept))
    }

    /// Gives back the room of a burst.
    pub fn pack(&mut self) {
        pack(&mut self.causes);
    }

    /// Who made a request.
    pub fn asked(&self, id: RequestId) -> Option<&Asked> {
        self.requests.get(&id)
    }

    /// What brought a unit where it is.
    pub fn cause(&self, name: &UnitName) -> Option<Cause> {
        let kept = self.causes.get(name)?;
        let asked = self.requests.get(&kept.request)?.clone();
        Some(Cause { job: kept.job.clone(), asked, via: kept.via.clone(), level: kept.level.clone() })
    }

    /// A request is about to be made; the first to ask under its number counts.
    pub fn will_ask(&mut self, id: RequestId, asked: Asked) {
        if let Entry::Vacant(place) = self.requests.entry(id) {
            place.insert(asked);
            self.changed_requests.insert(id);
            self.prune();
        }
    }

    fn blame(&mut self, name: &UnitName, kept: Kept) {
        if self.causes.get(name).is_none_or(|known| **known != kept) {
            self.keep_cause(name.clone(), Some(kept));
            self.changed_causes.insert(name.clone());
        }
    }

    fn keep_cause(&mut self, name: UnitName, kept: Option<Kept>) {
        let Some(kept) = kept else { return drop(self.causes.remove(&name)) };
        let same = self.last.take().filter(|last| **last == kept);
        let kept = same.unwrap_or_else(|| Rc::new(kept));
        self.last = Some(Rc::clone(&kept));
        self.causes.insert(name, kept);
    }

    /// Forgets requests that nothing refers to, the oldest first. Seldom: it walks through everything.
    fn prune(&mut self) {
        if self.requests.len() <= self.prune_at.max(2 * KEEP) {
            return;
        }
        let named: BTreeSet<RequestId> = self.causes.values().map(|kept| kept.request).collect();
        let mut free: Vec<(u64, RequestId)> =
            self.requests.iter().filter(|(id, _)| !named.contains(id)).map(|(id, a)| (a.at_ms, *id)).collect();
        free.sort_unstable();
        for (_, id) in free.iter().take(free.len().saturating_sub(KEEP)) {
            self.requests.remove(id);
            self.changed_requests.insert(*id);
        }
        self.prune_at = self.requests.len().saturating_mul(2);
    }
}

/// What a record says of a key: its value, or that it is gone.
fn keep<K: Ord, V: DeserializeOwned>(map: &mut BTreeMap<K, V>, key: K, record: &Record) {
    match record.read() {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

/// What a request asks, in a few words.
pub fn describe(ask: &Ask) -> String {
    match ask {
        Ask::Units { verb, .. } => match verb {
            Verb::Start => "start".into(),
            Verb::Stop => "stop".into(),
            Verb::Restart => "restart".into(),
            Verb::TryRestart => "try-restart".into(),
            Verb::Reload => "reload".into(),
            Verb::ResetFailed => "reset-failed".into(),
            Verb::Kill { signal, .. } => format!("kill with {}", words::signal_name(*signal)),
            Verb::Stopping(Course::Wait { ms }) => format!("wait {} s longer for its stop", ms / 1000),
            Verb::Stopping(Course::Kill) => "kill it while it stops".into(),
            Verb::Stopping(Course::Skip) => "stop waiting for its stop".into(),
        },
        Ask::Level(level) => format!("runlevel {level}"),
        Ask::Down(Power::Halt) => "halt".into(),
        Ask::Down(Power::PowerOff | Power::Cut) => "poweroff".into(),
        Ask::Down(Power::Reboot) => "reboot".into(),
    }
}

/// A request by one of our own; `command` is a signal's name.
pub fn own(asker: Asker, command: Option<String>) -> Asked {
    Asked { verb: String::new(), asker, uid: None, user: None, login: None, pid: None, command, at_ms: wait::wall_ms() }
}

/// Who is at the other end of a client's socket.
pub fn peer(socket: BorrowedFd<'_>, uid: u32) -> Asked {
    let pid = credentials::peer_pid(socket).unwrap_or(0);
    let trusted = uid == 0 || uid == nix::unistd::geteuid().as_raw();
    let command = if pid <= 0 { None } else { command(pid, trusted) };
    let login = file::read_text(Path::new(&format!("/proc/{pid}/loginuid")), 64).ok().filter(|_| pid > 0);
    let login = login.and_then(|t| t.trim().parse::<u32>().ok()).filter(|id| *id != NO_LOGIN && *id != uid);
    Asked {
        uid: Some(uid),
        user: user(uid),
        login: login.map(|id| user(id).unwrap_or_else(|| format!("uid {id}"))),
        pid: Some(pid),
        ..own(Asker::Client, command)
    }
}

fn user(uid: u32) -> Option<String> {
    if uid == 0 {
        return Some("root".into());
    }
    let text = file::read_text(Path::new("/etc/passwd"), MAX_PASSWD).ok()?;
    let mut lines = text.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| shown(name.as_bytes()))
    })
}

/// What a process is called: its command line, where reading that is safe, else its name.
fn command(pid: i32, whole: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(MAX_COMMAND);
    if whole && let Ok(file) = std::fs::File::open(format!("/proc/{pid}/cmdline")) {
        let _ = file.take(MAX_COMMAND as u64 + 1).read_to_end(&mut bytes);
    }
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.is_empty() {
        bytes = super::procs::command(pid).into_bytes();
    }
    (!bytes.is_empty()).then(|| shown(&bytes))
}

/// For people, one line: words apart, what can't be printed as `?`, cut with `~`.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\0', " ");
    let mut text: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.len() > MAX_COMMAND {
        let mut end = MAX_COMMAND - 1;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('~');
    }
    text
}

impl Manager {
    /// A request was handed to the core: notes whose doing the jobs are that came of it. `false`: it had been made before.
    pub(super) fn note_request(&mut self, id: RequestId, ask: &Ask, actions: &[Action]) -> bool {
        let asker = if boot::is_boot(id) { Asker::Boot } else { Asker::Manager };
        self.askers.will_ask(id, own(asker, None));
        let verb = describe(ask);
        match self.askers.requests.get_mut(&id) {
            Some(asked) if asked.verb.is_empty() => asked.verb.clone_from(&verb),
            _ => return false,
        }
        self.askers.changed_requests.insert(id);
        let mut jobs: BTreeMap<UnitId, String> = BTreeMap::new();
        for unit in self.core.open_units(id) {
            if let Some((word, requests)) = self.core.view(unit).job
                && requests.first() == Some(&id)
            {
                jobs.insert(unit, word.to_owned());
            }
        }
        for action in actions {
            if let Action::JobDone {
                request,
                unit,
                result: JobResult::Done | JobResult::Failed(_) | JobResult::Skipped(_),
            } = action
                && *request == id
            {
                jobs.entry(*unit).or_insert_with(|| verb.clone());
            }
        }
        let level = match ask {
            Ask::Level(level) => Some(*level),
            Ask::Down(Power::Reboot) => Some(crate::unit::Level::REBOOT),
            Ask::Down(_) => Some(crate::unit::Level::HALT),
            Ask::Units { .. } => None,
        };
        for (unit, job) in jobs {
            let name = self.core.name(unit).clone();
            let level = level.map(|l| l.to_string());
            self.askers.blame(&name, Kept { request: id, job, via: self.way(unit, id), level });
        }
        true
    }

    /// Through which units a request came to this one, the one it began with first.
    fn way(&self, unit: UnitId, request: RequestId) -> Vec<UnitName> {
        let mut way = VecDeque::new();
        let mut at = unit;
        while way.len() < MAX_WAY {
            let view = self.core.view(at);
            let cause = view.cause.filter(|cause| cause.request == Some(request)).map(|cause| &cause.reason);
            let earlier = view.job_reason.or(cause).and_then(Reason::unit).filter(|name| !way.contains(*name));
            let Some(id) = earlier.and_then(|name| self.core.id(name)) else { break };
            way.push_front(self.core.name(id).clone());
            at = id;
        }
        way.into()
    }

    /// Whose doing the unit's job is, or was until just now: for the request `done`.
    pub(super) fn asked_for(&self, unit: UnitId, done: Option<RequestId>) -> String {
        let view = self.core.view(unit);
        let open = view.job.map(|(_, requests)| requests.first().copied());
        let Some(request) = open.flatten().or(done) else {
            // Nobody asked: an automatic restart, or what another unit brings about.
            return if open.is_some() { view.job_reason.map(Reason::words).unwrap_or_default() } else { String::new() };
        };
        match self.askers.causes.get(view.name) {
            Some(kept) if kept.request == request => self.askers.cause(view.name).map(|c| c.sentence()),
            _ => self.askers.asked(request).map(ToString::to_string),
        }
        .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_survives_the_journal_and_what_nobody_needs_is_forgotten() {
        let mut askers = Askers::default();
        let asked = |at_ms| Asked { verb: "start".into(), at_ms, ..own(Asker::Manager, None) };
        let name = UnitName::new("a").expect("name");
        askers.will_ask(1, asked(1));
        let kept = Kept { request: 1, job: "start".into(), via: Vec::new(), level: None };
        askers.blame(&name, kept);
        let mut records: Vec<Record> = askers.take_dirty().collect();
        for id in 2..1000 {
            askers.will_ask(id, asked(id));
        }
        records.extend(askers.take_dirty());
        records.push(Record { key: "unit/a.service".into(), value: None });
        assert!(askers.requests.len() <= 4 * KEEP, "{}", askers.requests.len());
        let restored = Askers::restore(&mut records);
        assert_eq!(records.len(), 1, "others' records are left alone");
        assert_eq!(restored.requests, askers.requests);
        assert_eq!(restored.cause(&name).expect("kept").asked, asked(1));
        let mut snapshot = askers.snapshot().collect();
        assert_eq!(Askers::restore(&mut snapshot).requests, askers.requests);
    }

    #[test]
    fn a_command_line_is_one_bounded_line() {
        assert_eq!(shown(b"initctl\0start\0a\nb"), "initctl start a?b");
        let long = shown("ü".repeat(200).as_bytes());
        assert!(long.len() <= MAX_COMMAND && long.ends_with('~'), "{long}");
        let pid = i32::try_from(std::process::id()).expect("pid");
        assert!(command(pid, true).is_some_and(|c| !c.is_empty()) && command(pid, false).is_some());
        assert_eq!(user(0).as_deref(), Some("root"));
    }
}
