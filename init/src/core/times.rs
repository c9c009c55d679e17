//! When starts began and were through: what `blame` and the summary of a boot are made of.

use super::{Millis, Phase};
use crate::unit::Level;
use serde::{Deserialize, Deserializer, Serialize};

/// One start: when it began, and when it was through, whether it succeeded or not; 0 while it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start(pub Millis, pub Millis);

/// A unit's starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// When the first start was asked for; 0: never.
    #[serde(skip_serializing_if = "is_zero")]
    pub queued: Millis,
    /// When the unit was down again for the first time, or its start was given up before it began; 0: not yet.
    #[serde(skip_serializing_if = "is_zero")]
    pub ended: Millis,
    /// Both begin at 0 where there was none.
    #[serde(deserialize_with = "start")]
    first: Start,
    #[serde(deserialize_with = "start")]
    last: Start,
}

/// Managers before this one wrote `null` for none.
fn start<'de, D: Deserializer<'de>>(from: D) -> Result<Start, D::Error> {
    Ok(Option::<Start>::deserialize(from)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_zero(ms: &Millis) -> bool {
    *ms == 0
}

fn some(start: Start) -> Option<Start> {
    (start != Start::default()).then_some(start)
}

/// The first time a level was reached, since its switch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached(pub Level, pub Start);

/// What a phase is to a start.
enum Part {
    Before,
    Of,
    After,
}

fn part(phase: Phase) -> Part {
    match phase {
        Phase::Dead | Phase::AutoRestart => Part::Before,
        Phase::Check | Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost => Part::Of,
        Phase::Running
        | Phase::Exited
        | Phase::Reload
        | Phase::Stop
        | Phase::StopSignal
        | Phase::StopAbort
        | Phase::StopKill
        | Phase::StopPost
        | Phase::FinalSignal
        | Phase::FinalKill => Part::After,
    }
}

/// Whether a start goes on in it.
pub(super) fn is_start(phase: Phase) -> bool {
    matches!(part(phase), Part::Of)
}

impl Times {
    /// The first start since the machine came up; later ones tell nothing of the boot.
    pub fn first(&self) -> Option<Start> {
        some(self.first)
    }

    /// The last.
    pub fn last(&self) -> Option<Start> {
        some(self.last)
    }

    /// A start is about to begin that was asked for at `since`.
    pub(super) fn ask(&mut self, since: Millis) {
        if self.first().is_none() {
            (self.queued, self.ended) = (since, 0);
        }
    }

    /// A start that was asked for at `since` is over before it began.
    pub(super) fn give_up(&mut self, since: Millis, now: Millis) {
        if self.first().is_none() {
            (self.queued, self.ended) = (since, now);
        }
    }

    /// A unit leaves one phase for another.
    pub(super) fn enter(&mut self, from: Phase, to: Phase, now: Millis) {
        let (was, is) = (part(from), part(to));
        match (&was, &is) {
            (Part::Before, Part::Of) => self.last = Start(now, 0),
            (Part::Before, Part::After) => self.last = Start(now, now),
            (Part::Of, Part::After | Part::Before) if self.last().is_some() => self.last.1 = now,
            _ => {}
        }
        if self.first().is_none_or(|first| self.last.0 == first.0) {
            self.first = self.last;
        }
        if matches!(is, Part::Before) && self.ended == 0 && self.first().is_some() {
            self.ended = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_is_kept() {
        let mut times = Times::default();
        times.enter(Phase::Dead, Phase::StartPre, 10);
        assert_eq!(times.first(), Some(Start(10, 0)));
        times.enter(Phase::StartPre, Phase::Start, 20);
        times.enter(Phase::Start, Phase::Running, 30);
        times.enter(Phase::Running, Phase::Reload, 35);
        times.enter(Phase::Reload, Phase::Running, 36);
        times.enter(Phase::Running, Phase::StopSignal, 37);
        times.enter(Phase::StopSignal, Phase::Dead, 38);
        times.enter(Phase::Dead, Phase::Running, 50);
        assert_eq!((times.first(), times.last(), times.ended), (Some(Start(10, 30)), Some(Start(50, 50)), 38));
    }

    #[test]
    fn a_start_that_fails_ends_too() {
        let mut times = Times::default();
        times.enter(Phase::Dead, Phase::Start, 1);
        times.enter(Phase::Start, Phase::StopSignal, 5);
        times.enter(Phase::StopSignal, Phase::AutoRestart, 6);
        times.enter(Phase::AutoRestart, Phase::Start, 9);
        assert_eq!((times.first(), times.last(), times.ended), (Some(Start(1, 5)), Some(Start(9, 0)), 6));
    }

    #[test]
    fn what_was_asked_for_and_never_began_is_known_until_it_begins() {
        let mut times = Times::default();
        times.give_up(5, 9);
        assert_eq!((times.first(), times.queued, times.ended), (None, 5, 9));
        times.ask(20);
        times.enter(Phase::Dead, Phase::Running, 30);
        assert_eq!((times.first(), times.queued, times.ended), (Some(Start(30, 30)), 20, 0));
        times.ask(40);
        assert_eq!(times.queued, 20, "a later start is none of the boot's");
    }

    #[test]
    fn a_manager_reads_what_the_one_before_the_upgrade_wrote() {
        let read = |text: &str| serde_json::from_str::<Times>(text).expect("times");
        let times = read(r#"{"first":[1,2],"last":null}"#);
        assert_eq!((times.first(), times.last(), times.queued), (Some(Start(1, 2)), None, 0));
        let now = Times { queued: 3, ..times };
        assert_eq!(read(&serde_json::to_string(&now).expect("text")), now);
        assert_eq!(std::mem::size_of::<Times>(), 48, "there are as many as units");
    }
}
