//! Loops in the ordering of one transaction: each is cut at its weakest edge; no unit is ever dropped.
//!
//! Only loops through a new job can be new. What goes down (stops, restarts) and what comes up (starts, restarts,
//! reloads) wait only among themselves or one way ([`super::job`]), so the two are looked at apart.

use super::job::JobKind;
use super::{Action, Core, Loaded, UnitId};
use crate::unit::UnitName;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A loop in the ordering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// Each is ordered after the next, the last after the first.
    pub members: Vec<UnitName>,
    /// The edge to do without: this one …
    pub later: UnitName,
    /// … then doesn't wait for this one.
    pub earlier: UnitName,
}

/// Loops are looked for from at most so many units of a knot; a longer search would not find a shorter loop often.
const SEARCH: usize = 256;

impl Core {
    /// Cuts every loop that the jobs of these units close.
    pub(super) fn cut_loops(&mut self, new: &[UnitId], out: &mut Vec<Action>) {
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        for id in new.iter().copied() {
            lower.extend(self.counts(id, true).then_some(id));
            upper.extend(self.counts(id, false).then_some(id));
        }
        for (new, down) in [(lower, true), (upper, false)] {
            if !self.has_loop(&new, down) {
                continue;
            }
            let mut knot = self.knot(&new, down);
            while let Some((members, (later, earlier))) = self.untie(&mut knot) {
                if let Some(job) = &mut self.units.get_mut(later).job {
                    job.dropped.push(earlier);
                }
                // Older jobs may have waited for just this.
                self.queue.extend([later, earlier]);
                out.push(Action::CycleBroken { members, dropped: (later, earlier) });
            }
        }
    }

    /// The loops that a start of all units at once would cut, in the order found. For `verify`, which asks before any
    /// of them is started.
    pub fn cycles(&self) -> Vec<Cycle> {
        let good = |id: &UnitId| {
            let node = self.units.get(*id);
            matches!(node.disk, Loaded::Good(_)) && !node.name.is_template()
        };
        let after = |id: UnitId| self.units.get(id).edges.after.iter().copied().filter(good).collect();
        let mut knot: BTreeMap<UnitId, Vec<UnitId>> = self.units.ids().filter(good).map(|id| (id, after(id))).collect();
        prune(&mut knot);
        let name = |id: UnitId| self.units.get(id).name.clone();
        let mut cycles = Vec::new();
        while let Some((members, (later, earlier))) = self.untie(&mut knot) {
            let rivals = |a: &UnitId| self.units.get(*a).edges.conflicts.iter().any(|b| members.contains(b));
            // What can't run side by side is never ordered in one start.
            if !members.iter().any(rivals) {
                let members = members.into_iter().map(name).collect();
                cycles.push(Cycle { members, later: name(later), earlier: name(earlier) });
            }
        }
        cycles
    }

    /// Takes the weakest edge of the shortest loop out of a knot: its members, and the edge.
    fn untie(&self, knot: &mut BTreeMap<UnitId, Vec<UnitId>>) -> Option<(Vec<UnitId>, (UnitId, UnitId))> {
        let members = shortest_loop(knot)?;
        let (later, earlier) = self.weakest(&members)?;
        knot.get_mut(&later)?.retain(|id| *id != earlier);
        prune(knot);
        Some((members, (later, earlier)))
    }

    /// Whether the unit's job stands in the order of what goes down, or of what comes up.
    fn counts(&self, id: UnitId, down: bool) -> bool {
        self.units.get(id).job.as_ref().is_some_and(|j| match j.kind {
            JobKind::Restart => true,
            JobKind::Stop => down && !j.running,
            JobKind::Start | JobKind::Reload => !down && !j.running,
        })
    }

    /// Whether these units' jobs, of those that count, close any loop; as a rule they don't. O(n+e), and nothing is built
    /// for it.
    fn has_loop(&self, new: &[UnitId], down: bool) -> bool {
        if new.is_empty() {
            return false;
        }
        let mut marks = vec![Mark::New; self.units.len()];
        let mut way: Vec<(UnitId, usize)> = Vec::new();
        for first in new.iter().copied() {
            if enter(&mut marks, first) == Some(Mark::New) {
                way.push((first, 0));
            }
            while let Some((id, next)) = way.last_mut() {
                let node = self.units.get(*id);
                let rest = node.edges.after.get(*next..).unwrap_or_default();
                // Most edges lead to what has been looked at: that is known without touching it.
                let ahead = rest.iter().enumerate().find(|(_, other)| mark(&marks, **other) != Mark::Done);
                let Some((passed, other)) = ahead.map(|(passed, other)| (passed, *other)) else {
                    leave(&mut marks, *id);
                    way.pop();
                    continue;
                };
                *next = next.saturating_add(passed).saturating_add(1);
                let dropped = node.job.as_ref().is_some_and(|j| j.dropped.contains(&other));
                if dropped || !self.counts(other, down) {
                    continue;
                }
                match enter(&mut marks, other) {
                    Some(Mark::New) => way.push((other, 0)),
                    Some(Mark::OnTheWay) => return true,
                    Some(Mark::Done) | None => {}
                }
            }
        }
        false
    }

    /// The units that stand in loops, or between two, each with those it is ordered after.
    fn knot(&self, new: &[UnitId], down: bool) -> BTreeMap<UnitId, Vec<UnitId>> {
        let counts = |id: UnitId| self.counts(id, down);
        let mut graph = BTreeMap::new();
        let mut work: Vec<UnitId> = new.to_vec();
        while let Some(id) = work.pop() {
            if graph.contains_key(&id) {
                continue;
            }
            let node = self.units.get(id);
            let dropped = node.job.as_ref().map_or(&[][..], |j| &j.dropped);
            let after: Vec<UnitId> =
                node.edges.after.iter().copied().filter(|b| counts(*b) && !dropped.contains(b)).collect();
            work.extend(&after);
            graph.insert(id, after);
        }
        prune(&mut graph);
        graph
    }

    /// The edge of a loop to do without: one that no `Requires=` or `Wants=` goes along with, else `Wants=`; then by name.
    fn weakest(&self, members: &[UnitId]) -> Option<(UnitId, UnitId)> {
        let next = members.iter().cycle().skip(1);
        members.iter().zip(next).map(|(a, b)| (*a, *b)).min_by_key(|(a, b)| {
            let (later, earlier) = (self.units.get(*a), self.units.get(*b));
            let linked = |list: fn(&super::arena::Edges) -> &Vec<UnitId>| {
                list(&later.edges).contains(b) || list(&earlier.edges).contains(a)
            };
            let strength = if linked(|e| &e.requires) { 2 } else { u8::from(linked(|e| &e.wants)) };
            (strength, later.name.clone(), earlier.name.clone())
        })
    }
}

/// How far the search for a loop is with a unit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnTheWay,
    Done,
}

fn mark(marks: &[Mark], id: UnitId) -> Mark {
    usize::try_from(id.0).ok().and_then(|at| marks.get(at)).copied().unwrap_or(Mark::Done)
}

/// What the mark was. A new one is now on the way.
fn enter(marks: &mut [Mark], id: UnitId) -> Option<Mark> {
    let mark = marks.get_mut(usize::try_from(id.0).ok()?)?;
    let was = *mark;
    if was == Mark::New {
        *mark = Mark::OnTheWay;
    }
    Some(was)
}

fn leave(marks: &mut [Mark], id: UnitId) {
    if let Some(mark) = usize::try_from(id.0).ok().and_then(|at| marks.get_mut(at)) {
        *mark = Mark::Done;
    }
}

/// Leaves only what stands in loops or between two of them. O(n+e).
fn prune(graph: &mut BTreeMap<UnitId, Vec<UnitId>>) {
    let mut incoming: BTreeMap<UnitId, (usize, Vec<UnitId>)> = BTreeMap::new();
    for (id, after) in graph.iter() {
        for to in after {
            let entry = incoming.entry(*to).or_default();
            entry.0 = entry.0.saturating_add(1);
            entry.1.push(*id);
        }
    }
    // Those that are after nothing that is left, then those that nothing left is after.
    let mut left: BTreeMap<UnitId, usize> = graph.iter().map(|(id, after)| (*id, after.len())).collect();
    let mut work: Vec<UnitId> = left.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id).collect();
    while let Some(id) = work.pop() {
        graph.remove(&id);
        for from in incoming.get(&id).map_or(&[][..], |(_, from)| from) {
            if let Some(n) = left.get_mut(from) {
                *n = n.saturating_sub(1);
                if *n == 0 {
                    work.push(*from);
                }
            }
        }
    }
    let kept: BTreeSet<UnitId> = graph.keys().copied().collect();
    graph.values_mut().for_each(|after| after.retain(|id| kept.contains(id)));
    let mut degree: BTreeMap<UnitId, usize> = kept.iter().map(|id| (*id, 0)).collect();
    for to in graph.values().flatten() {
        degree.entry(*to).and_modify(|n| *n = n.saturating_add(1));
    }
    let mut work: Vec<UnitId> = degree.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id).collect();
    while let Some(id) = work.pop() {
        for to in graph.remove(&id).unwrap_or_default() {
            if let Some(n) = degree.get_mut(&to) {
                *n = n.saturating_sub(1);
                if *n == 0 {
                    work.push(to);
                }
            }
        }
    }
}

/// The shortest loop, each member ordered after the next; among equals the one found from the first unit.
fn shortest_loop(graph: &BTreeMap<UnitId, Vec<UnitId>>) -> Option<Vec<UnitId>> {
    let mut best: Option<Vec<UnitId>> = None;
    for start in graph.keys().take(SEARCH) {
        if let Some(found) = loop_through(graph, *start)
            && best.as_ref().is_none_or(|b| found.len() < b.len())
        {
            best = Some(found);
        }
        if best.as_ref().is_some_and(|b| b.len() == 2) {
            break;
        }
    }
    best
}

fn loop_through(graph: &BTreeMap<UnitId, Vec<UnitId>>, start: UnitId) -> Option<Vec<UnitId>> {
    let mut came: BTreeMap<UnitId, UnitId> = BTreeMap::new();
    let mut work = VecDeque::from([start]);
    while let Some(id) = work.pop_front() {
        for next in graph.get(&id).map_or(&[][..], Vec::as_slice) {
            if *next == start {
                let mut path = vec![id];
                let mut at = id;
                while let Some(from) = came.get(&at) {
                    path.push(*from);
                    at = *from;
                }
                path.reverse();
                return Some(path);
            }
            if !came.contains_key(next) {
                came.insert(*next, id);
                work.push_back(*next);
            }
        }
    }
    None
}
