//! Start and stop numbers as chkconfig finds them for scripts with an LSB header: one above each dependency, one below
//! at stop, until nothing changes. Pure.

use crate::chkconfig::Info;
use init::unit::LevelSet;

/// What a script without numbers of its own begins with.
const MIDDLE: u8 = 50;
const HIGHEST: u8 = 99;

/// One script, as far as numbers go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) name: String,
    pub(super) info: Info,
    /// Started in these of 0 to 6.
    pub(super) on: LevelSet,
    pub(super) start: u8,
    pub(super) stop: u8,
}

impl Numbered {
    pub(super) fn new(name: &str, info: Info, on: LevelSet) -> Self {
        let (start, stop) = (info.start.unwrap_or(MIDDLE), info.stop.unwrap_or(MIDDLE));
        Self { name: name.to_owned(), info, on, start, stop }
    }

    fn is(&self, dependency: &str) -> bool {
        self.name == dependency || self.info.provides.iter().any(|name| name == dependency)
    }

    /// Only what is on wherever this one is counts.
    fn goes_by(&self, other: &Self) -> bool {
        self.on.iter().all(|level| other.on.contains(level))
    }

    /// Moves behind and before its dependencies; whether a number changed.
    fn settle(&mut self, all: &[Self]) -> bool {
        let (mut start, mut stop) = (self.start, self.stop);
        for other in all.iter().filter(|other| other.name != self.name && self.goes_by(other)) {
            let meant = |list: &[String]| list.iter().any(|dependency| other.is(dependency));
            if (meant(&self.info.required_start) || meant(&self.info.should_start)) && start <= other.start {
                start = other.start.saturating_add(1).min(HIGHEST);
            }
            if (meant(&self.info.required_stop) || meant(&self.info.should_stop)) && stop >= other.stop {
                stop = other.stop.saturating_sub(1);
            }
        }
        let changed = (start, stop) != (self.start, self.stop);
        (self.start, self.stop) = (start, stop);
        changed
    }
}

/// Settles all scripts that have an LSB header, and then the one that is changed; `all` holds it as it is now. Gives the
/// names it needs and nobody provides (`$local_fs` apart).
pub(super) fn settle(all: &mut [Numbered], target: &mut Numbered) -> Vec<String> {
    if let Some(same) = all.iter_mut().find(|one| one.name == target.name) {
        same.on = target.on;
    }
    // Numbers only grow at start and shrink at stop, so this ends.
    loop {
        let mut changed = false;
        for at in 0..all.len() {
            let Some(mut one) = all.get(at).filter(|one| one.info.lsb).cloned() else { continue };
            if one.settle(all) {
                changed = true;
                if let Some(place) = all.get_mut(at) {
                    *place = one;
                }
            }
        }
        if !changed {
            break;
        }
    }
    target.settle(all);
    let met = |name: &str| name == "$local_fs" || all.iter().any(|other| other.is(name) && target.goes_by(other));
    let needed = target.info.required_start.iter().chain(&target.info.required_stop);
    needed.filter(|name| !met(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(name: &str, on: &str, requires: &str) -> Numbered {
        let header = format!(
            "### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {requires}\n# Required-Stop: {requires}\n\
             # Default-Start: 3 5\n### END INIT INFO\n"
        );
        let info = Info::read(name, &header).expect("header");
        Numbered::new(name, info, LevelSet::parse(on).expect("levels"))
    }

    fn numbers(all: &[Numbered]) -> Vec<(u8, u8)> {
        all.iter().map(|one| (one.start, one.stop)).collect()
    }

    #[test]
    fn each_comes_one_behind_what_it_needs() {
        let mut all = [script("a", "35", ""), script("b", "35", "a"), script("c", "35", "b")];
        let mut target = script("d", "35", "c a");
        assert_eq!(settle(&mut all, &mut target), Vec::<String>::new());
        assert_eq!(numbers(&all), [(50, 50), (51, 49), (52, 48)]);
        assert_eq!((target.start, target.stop), (53, 47));
    }

    #[test]
    fn what_is_not_on_where_it_is_on_does_not_count() {
        let mut all = [script("a", "3", "")];
        let mut target = script("b", "35", "a");
        assert_eq!(settle(&mut all, &mut target), ["a", "a"]);
        assert_eq!((target.start, target.stop), (50, 50));
    }

    #[test]
    fn a_circle_ends_at_the_edge() {
        let mut all = [script("a", "3", "b"), script("b", "3", "a")];
        let mut target = script("b", "3", "a");
        settle(&mut all, &mut target);
        assert_eq!((target.start, target.stop), (99, 0));
    }
}
