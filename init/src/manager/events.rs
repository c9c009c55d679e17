//! What happened lately: numbered, journaled together with the state it led to, told to clients that follow, and written
//! to the history by the logger.
//!
//! An event is in the journal before anybody hears of it, so that a new manager goes on with the next number and can tell
//! what a client or the logger has missed. The journal holds a ring of [`KEEP`] events.

use crate::core::{Record, State, UnitId};
use crate::proto::control::{EventKind, EventList, Events, HistoryEvent};
use crate::proto::logger::Request;
use crate::sys::wait;
use crate::unit::UnitName;
use crate::unit::rare::pack;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;

/// So many of the last events are kept.
pub const KEEP: u64 = 512;
/// Longest details, in bytes; they must leave room in a frame to the logger.
const MAX_TEXT: usize = 200;
/// Longest sentence about who asked.
const MAX_BY: usize = 200;

/// So many of them are looked at for a text that is there already.
const ALIKE: usize = 4;

/// The last events.
#[derive(Debug)]
pub struct EventLog {
    boot: Rc<str>,
    next: u64,
    ring: VecDeque<HistoryEvent>,
    /// Numbers from here on aren't in the journal.
    unrecorded: u64,
    /// Numbers from here on weren't handed to the logger.
    unwritten: u64,
    /// Numbers from here on weren't told to clients.
    untold: u64,
    /// The boot's name isn't in the journal.
    unnamed: bool,
    /// States as they were told last.
    pub states: BTreeMap<UnitId, State>,
}

impl EventLog {
    /// Nothing has happened. `first`: the number of the first event.
    pub fn new(first: u64) -> Self {
        // Containers share their machine's boot id; what is random tells them apart.
        let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
        hasher.write_u64(wait::wall_ms());
        let boot = format!("{:08x}", hasher.finish() & 0xffff_ffff).into();
        Self {
            boot,
            next: first,
            ring: VecDeque::new(),
            unrecorded: first,
            unwritten: first,
            untold: first,
            unnamed: true,
            states: BTreeMap::new(),
        }
    }

    /// What names the boot.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// Takes what is its own out of a journal; `None` where there is nothing of it.
    pub fn restore(records: &mut Vec<Record>) -> Option<Self> {
        let (mut boot, mut slots) = (None, BTreeMap::new());
        records.retain(|record| match record.key.strip_prefix("event/") {
            Some(key) => {
                if key == "boot" {
                    boot = record.read::<String>().map(Rc::from).or(boot.take());
                } else if let Some(event) = record.read::<HistoryEvent>() {
                    slots.insert(key.to_owned(), event);
                }
                false
            }
            None => true,
        });
        let mut all: Vec<HistoryEvent> = slots.into_values().collect();
        all.sort_by_key(|e| e.seq);
        let next = all.last().map_or(1, |e| e.seq.saturating_add(1));
        let first = all.first().map_or(1, |e| e.seq);
        let log =
            Self { boot: boot?, ring: all.into(), unrecorded: next, untold: next, unwritten: first, ..Self::new(next) };
        Some(Self { unnamed: false, ..log })
    }

    /// Adds an event.
    pub fn push(&mut self, kind: EventKind, text: &str, by: &str) -> &mut HistoryEvent {
        let event = HistoryEvent {
            boot: self.boot.clone(),
            seq: self.next,
            at_ms: wait::wall_ms(),
            kind,
            unit: None,
            state: None,
            text: self.share(&short(text, MAX_TEXT)),
            by: self.share(&short(by, MAX_BY)),
        };
        self.next = self.next.saturating_add(1);
        let index = self.ring.len();
        self.ring.push_back(event);
        &mut self.ring[index]
    }

    /// A text of an event just before, or a new one: where many units do the same, it is kept once.
    fn share(&self, text: &str) -> Rc<str> {
        let mut recent = self.ring.iter().rev().take(ALIKE).flat_map(|e| [&e.text, &e.by]);
        recent.find(|known| ***known == *text).map_or_else(|| text.into(), Rc::clone)
    }

    /// What the last job of a unit came to, where it did nothing and nothing has happened to the unit since.
    pub fn lost_job(&self, unit: &UnitName) -> Option<&str> {
        let last = self.ring.iter().rev().find(|e| e.unit.as_ref() == Some(unit))?;
        let text = (last.kind == EventKind::Job).then_some(&*last.text)?;
        text.strip_prefix("failed: ")
    }

    fn from(&self, seq: u64) -> impl Iterator<Item = &HistoryEvent> {
        let first = self.ring.front().map_or(seq, |e| e.seq);
        self.ring.iter().skip(usize::try_from(seq.saturating_sub(first)).unwrap_or(usize::MAX))
    }

    fn record(event: &HistoryEvent) -> Record {
        Record::new(format!("event/{}", event.seq % KEEP), Some(event))
    }

    fn name_record(&self) -> Record {
        Record::new("event/boot".into(), Some(&&*self.boot))
    }

    /// Records of what happened since the last call. Now the events may be told.
    pub fn take_dirty(&mut self) -> Vec<Record> {
        let name = std::mem::take(&mut self.unnamed).then(|| self.name_record());
        let records = name.into_iter().chain(self.from(self.unrecorded).map(Self::record)).collect();
        self.unrecorded = self.next;
        records
    }

    /// Records of everything.
    pub fn snapshot(&self) -> impl Iterator<Item = Record> {
        let kept = self.from(self.next.saturating_sub(KEEP));
        std::iter::once(self.name_record()).chain(kept.map(Self::record))
    }

    /// Lines of the history that the logger is to write, once.
    pub fn take_unwritten(&mut self) -> Vec<Request> {
        let lines = self.from(self.unwritten).filter(|e| lasts(e)).map(line).collect();
        self.unwritten = self.next;
        lines
    }

    /// A logger may have died with what it was told: all that is kept is handed over again. It knows what it has.
    pub fn write_again(&mut self) {
        self.unwritten = self.ring.front().map_or(self.next, |e| e.seq);
    }

    /// Events to be told to those who follow, once; what is too old is dropped here.
    pub fn take_untold(&mut self) -> Vec<HistoryEvent> {
        let news = self.from(self.untold).cloned().collect();
        self.untold = self.next;
        while self.ring.len() as u64 > KEEP {
            self.ring.pop_front();
        }
        news
    }

    /// Gives back the room of a burst.
    pub fn shrink(&mut self) {
        let mut ring = Self { ring: VecDeque::with_capacity(self.ring.len()), ..Self::new(self.next) };
        for event in &self.ring {
            let (text, by) = (ring.share(&event.text), ring.share(&event.by));
            ring.ring.push_back(HistoryEvent { text, by, ..event.clone() });
        }
        self.ring = ring.ring;
        pack(&mut self.states);
    }

    /// Events as they are told, up to the last that may be.
    pub fn reply(&self, events: Vec<HistoryEvent>, missed: u64) -> EventList {
        EventList { events, last: self.untold.saturating_sub(1), boot: self.boot.to_string(), missed }
    }

    /// What a client asks for.
    pub fn list(&self, wanted: &Events) -> EventList {
        let oldest = self.ring.front().map_or(self.next, |e| e.seq);
        let same_boot = wanted.boot.as_ref().is_none_or(|boot| **boot == *self.boot);
        let begin = match wanted.after {
            Some(after) if same_boot => after.saturating_add(1),
            Some(_) => 1,
            None => self.next.saturating_sub(wanted.count.unwrap_or(KEEP)).max(oldest),
        };
        let events = self.from(begin).take_while(|e| e.seq < self.untold).cloned().collect();
        let missed = if wanted.after.is_some() { oldest.saturating_sub(begin) } else { 0 };
        self.reply(events, missed)
    }
}

/// Jobs that did what they were asked add nothing to the history: the request and the states say it all.
fn lasts(event: &HistoryEvent) -> bool {
    event.kind != EventKind::Job || event.text.contains(':')
}

/// `BOOT.SEQ unit kind text by`, with tabs between; what is nothing is `-`.
fn line(event: &HistoryEvent) -> Request {
    let unit = event.unit.as_ref().map_or("-", |name| name.as_str());
    let filled = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let (text, by) = (filled(&event.text), filled(&event.by));
    let text = format!("{}.{}\t{unit}\t{}\t{text}\t{by}", event.boot, event.seq, event.kind.word());
    Request::History { at_ms: event.at_ms, text }
}

/// One line without tabs and other control characters, cut with `~`.
fn short(text: &str, most: usize) -> String {
    let mut out = String::new();
    for c in text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > most - 1 {
            out.push('~');
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seqs(list: &EventList) -> Vec<u64> {
        list.events.iter().map(|e| e.seq).collect()
    }

    #[test]
    fn numbers_go_on_after_a_restore_and_what_is_missing_is_counted() {
        let mut log = EventLog::new(1);
        let mut records = Vec::new();
        for n in 1..=KEEP + 10 {
            log.push(EventKind::Ready, &format!("n {n}"), "");
            records.extend(log.take_dirty());
            assert_eq!(log.take_untold().len(), 1);
            assert_eq!(log.take_unwritten().len(), 1);
        }
        records.push(Record { key: "token".into(), value: None });
        let mut compact = log.snapshot().collect();
        let mut restored = EventLog::restore(&mut records).expect("events");
        assert_eq!(records.len(), 1, "others' records are left alone");
        for log in [&mut restored, &mut EventLog::restore(&mut compact).expect("events")] {
            assert_eq!(log.boot, restored_boot(&log.ring));
            let wanted = |after| Events { after: Some(after), ..Events::default() };
            assert_eq!(seqs(&log.list(&wanted(KEEP + 8))), [KEEP + 9, KEEP + 10]);
            let all = log.list(&wanted(5));
            assert_eq!((all.events.len() as u64, all.missed), (KEEP, 5));
            assert_eq!(log.take_unwritten().len() as u64, KEEP, "the logger is told all again");
            log.push(EventKind::Stopped, "", "");
            assert_eq!(log.take_untold().first().map(|e| e.seq), Some(KEEP + 11));
            let other = Events { after: Some(KEEP + 11), boot: Some("other".into()), count: None };
            assert_eq!(log.list(&other).events.len() as u64, KEEP);
            assert_eq!(log.list(&Events { count: Some(2), ..Events::default() }).events.len(), 2);
        }
    }

    fn restored_boot(ring: &VecDeque<HistoryEvent>) -> Rc<str> {
        ring.front().expect("an event").boot.clone()
    }

    #[test]
    fn texts_are_one_bounded_line() {
        assert_eq!(short(" a\tb\nc ", 100), "a b c");
        let long = short(&"ü".repeat(500), MAX_TEXT);
        assert!(long.len() <= MAX_TEXT && long.ends_with('~'));
        let mut log = EventLog::new(1);
        log.push(EventKind::Job, "done", "");
        log.push(EventKind::Job, "failed: no", "");
        assert_eq!(log.take_unwritten().len(), 1);
    }
}
