//! The rounds. Each goes through all kinds of work before the next begins, so that when the time is up every row has a
//! sample; within one kind contenders take turns, so that what disturbs the machine for a while disturbs them alike.

use super::{Context, Samples, Way, Work, interrupted, ms};
use crate::bench::contender::Contender;
use crate::bench::now;
use std::collections::BTreeSet;

/// A run in progress.
struct Run<'a> {
    context: &'a Context,
    samples: Samples,
    /// What went wrong.
    troubles: Vec<String>,
    /// Work and who failed at it or can't do it: they aren't asked again.
    out: BTreeSet<(&'a str, &'static str)>,
    until: u64,
}

/// Has all contenders do all the work. What goes wrong is told, and gives no sample. Nothing new begins when the time is
/// up.
pub fn run(context: &Context, works: &[Work], contenders: &[Box<dyn Contender>], until: u64) -> (Samples, Vec<String>) {
    let mut run = Run { context, samples: Samples::new(), troubles: Vec::new(), out: BTreeSet::new(), until };
    for (round, work) in turns(works) {
        let began = now();
        if began > until && round > 0 {
            run.troubles.push(format!("from {} in round {} on: no time left", work.name, round + 1));
            break;
        }
        run.once(work, round, contenders);
        eprintln!("{} {:.1} s", work.name, ms(now() - began) / 1e3);
    }
    (run.samples, run.troubles)
}

/// All rounds of all work, in order.
fn turns(works: &[Work]) -> impl Iterator<Item = (usize, &Work)> {
    let rounds = works.iter().map(|w| w.rounds).max().unwrap_or(0);
    (0..rounds).flat_map(move |round| works.iter().filter(move |w| round < w.rounds).map(move |w| (round, w)))
}

impl<'a> Run<'a> {
    /// Each contender that can does it once.
    fn once(&mut self, work: &'a Work, round: usize, contenders: &[Box<dyn Contender>]) {
        let enough = |c: &dyn Contender| c.is_slow() && round >= 2;
        let able: Vec<&dyn Contender> = contenders.iter().map(AsRef::as_ref).collect();
        let able: Vec<_> = able
            .into_iter()
            .filter(|c| !enough(*c) && c.most() >= work.size && !self.out.contains(&(work.name.as_str(), c.name())))
            .collect();
        let beside = match &work.way {
            Way::Alone(_) => 1,
            Way::Beside(wait) => wait.beside,
        };
        for few in able.chunks(beside) {
            if interrupted() {
                return;
            }
            if now() > self.until {
                let names: Vec<_> = few.iter().map(|c| c.name()).collect();
                self.troubles.push(format!("{}, from {} on: no time left", work.name, names.join(", ")));
                return;
            }
            let failed = match &work.way {
                Way::Beside(wait) => wait.watch(self.context, few, &mut self.samples),
                Way::Alone(does) => few.iter().filter_map(|c| self.alone(does, *c)).collect(),
            };
            for (who, why) in failed {
                self.out.insert((&work.name, who));
                if let Some(why) = why {
                    eprintln!("{} {who}: {why}", work.name);
                    self.troubles.push(format!("{}, {who}: {why}", work.name));
                }
            }
        }
    }

    /// One does it; who can't or fails, and then why.
    fn alone(&mut self, does: &super::Alone, contender: &dyn Contender) -> Option<super::wait::Failed> {
        match does(self.context, contender) {
            Ok(Some(found)) => {
                for (row, value) in found {
                    self.samples.entry((row, contender.name())).or_default().push(value);
                }
                None
            }
            Ok(None) => Some((contender.name(), None)),
            Err(e) => Some((contender.name(), Some(e))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_work_is_done_once_before_any_is_done_twice() {
        let works = super::super::all(&[10, 100, 1000, 10_000], false);
        let turns: Vec<_> = turns(&works).map(|(round, work)| (round, work.name.as_str())).collect();
        let first: Vec<_> = works.iter().map(|w| (0, w.name.as_str())).collect();
        assert_eq!(turns[..works.len()], first);
        assert!(turns.is_sorted_by_key(|(round, _)| round));
        assert_eq!(turns.len(), works.iter().map(|w| w.rounds).sum::<usize>());
    }
}
