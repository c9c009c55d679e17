//! When starts began and were through: what `blame` and the summary of a boot are made of.

use super::{Millis, Phase};
use crate::unit::Level;
use serde::{Deserialize, Serialize};

/// One start: when it began, and when it was through, whether it succeeded or not; 0 while it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start(pub Millis, pub Millis);

/// A unit's starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// The first since the machine came up; later ones tell nothing of the boot.
    pub first: Option<Start>,
    /// The last.
    pub last: Option<Start>,
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
    /// A unit leaves one phase for another.
    pub(super) fn enter(&mut self, from: Phase, to: Phase, now: Millis) {
        match (part(from), part(to)) {
            (Part::Before, Part::Of) => self.last = Some(Start(now, 0)),
            (Part::Before, Part::After) => self.last = Some(Start(now, now)),
            (Part::Of, Part::After | Part::Before) => {
                if let Some(start) = &mut self.last {
                    start.1 = now;
                }
            }
            (Part::Before, Part::Before) | (Part::Of, Part::Of) | (Part::After, _) => return,
        }
        if self.first.is_none_or(|first| self.last.is_some_and(|last| last.0 == first.0)) {
            self.first = self.last;
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
        assert_eq!(times.first, Some(Start(10, 0)));
        times.enter(Phase::StartPre, Phase::Start, 20);
        times.enter(Phase::Start, Phase::Running, 30);
        times.enter(Phase::Running, Phase::Reload, 35);
        times.enter(Phase::Reload, Phase::Running, 36);
        times.enter(Phase::Running, Phase::StopSignal, 37);
        times.enter(Phase::StopSignal, Phase::Dead, 38);
        times.enter(Phase::Dead, Phase::Running, 50);
        assert_eq!(times, Times { first: Some(Start(10, 30)), last: Some(Start(50, 50)) });
    }

    #[test]
    fn a_start_that_fails_ends_too() {
        let mut times = Times::default();
        times.enter(Phase::Dead, Phase::Start, 1);
        times.enter(Phase::Start, Phase::StopSignal, 5);
        times.enter(Phase::StopSignal, Phase::AutoRestart, 6);
        times.enter(Phase::AutoRestart, Phase::Start, 9);
        assert_eq!(times, Times { first: Some(Start(1, 5)), last: Some(Start(9, 0)) });
    }
}
