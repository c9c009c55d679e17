//! The order that headers of init scripts wish for, where native units or systemd's come in: they don't know of such
//! headers, so what unit files say counts more. A wish that would close a loop isn't heeded.

use super::UnitId;
use super::arena::Arena;
use crate::unit::name::Kind;
use crate::unit::{Source, Unit, UnitName};

/// That one is started after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    pub later: UnitId,
    pub earlier: UnitId,
}

impl Arena {
    /// Whether what a unit says of its order to another one is a wish only: a script's, about a service that has a unit
    /// file. Targets gather services, and mind what these say.
    pub(super) fn is_wish(&self, unit: &Unit, other: &UnitName) -> bool {
        let has_file = |unit: &Unit| matches!(unit.source, Source::Native | Source::Systemd);
        unit.source.is_script()
            && other.kind() == Kind::Service
            && self.find(other).and_then(|id| self.get(id).relations()).is_some_and(|other| has_file(other))
    }

    /// Heeds the wishes that contradict nothing, in the order of names; gives the others. Each costs a walk through those
    /// that come after the later one.
    pub(super) fn heed(&mut self, mut wishes: Vec<Wish>) -> Vec<Wish> {
        wishes.sort_by(|a, b| {
            let names = |wish: &Wish| (&self.get(wish.later).name, &self.get(wish.earlier).name);
            names(a).cmp(&names(b))
        });
        wishes.dedup();
        wishes.retain(|wish| {
            let opposed = self.comes_before(wish.later, wish.earlier);
            if !opposed {
                self.order(wish.later, wish.earlier);
            }
            opposed
        });
        wishes
    }

    /// Whether one is ordered before the other, by way of others too.
    fn comes_before(&self, one: UnitId, other: UnitId) -> bool {
        let mut seen = vec![false; self.len()];
        let mut work = vec![one];
        while let Some(at) = work.pop() {
            if at == other {
                return one != other;
            }
            let place = usize::try_from(at.0).ok().and_then(|at| seen.get_mut(at));
            if place.is_some_and(|seen| !std::mem::replace(seen, true)) {
                work.extend(&self.get(at).edges.before);
            }
        }
        false
    }
}
