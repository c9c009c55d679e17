//! The arena: every unit the core has heard of, by index; never freed while the core lives.
//!
//! Mutable access marks the unit for the journal, so nothing can change without being recorded.

use super::ids::IdList;
use super::index::Index;
use super::job::Job;
use super::reason::{Cause, Reason};
use super::service::Service;
use super::wishes::Wish;
use super::{Definition, Loaded, RcRule, State, UnitId};
use crate::unit::name::Kind;
use crate::unit::rare::{Rare, usual};
use crate::unit::{Level, LevelSet, Source, Unit, UnitName};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What stands for a system that is set up.
const SET_UP: [&str; 2] = ["sysinit.target", "basic.target"];

#[cfg(test)]
thread_local! {
    /// How often a unit was looked at: what an event costs.
    pub static LOOKS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Edges from one unit to others, each list sorted and without doubles.
#[derive(Debug, Clone, Default)]
pub(super) struct Edges {
    /// It is ordered after these.
    pub after: Vec<UnitId>,
    /// These are ordered after it.
    pub before: Vec<UnitId>,
    ties: Rare<Ties>,
}

/// The other ones, which most units have none of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ties {
    /// Those it is ordered after for the start alone, in `after` too.
    pub start_after: Vec<UnitId>,
    /// `Requires=` and `BindsTo=`: started with it.
    pub requires: Vec<UnitId>,
    /// The reverse of `requires` and `requisite`.
    pub required_by: Vec<UnitId>,
    /// `Requisite=`
    pub requisite: Vec<UnitId>,
    /// `BindsTo=` alone.
    pub binds: Vec<UnitId>,
    pub bound_by: Vec<UnitId>,
    /// `Wants=` and `Upholds=`: started with it, if they can be.
    pub wants: Vec<UnitId>,
    /// `Upholds=` alone.
    pub upholds: Vec<UnitId>,
    pub upheld_by: Vec<UnitId>,
    /// Those whose `PartOf=` names it.
    pub parts: Vec<UnitId>,
    /// These stop with it, whatever stops it.
    pub stops: Vec<UnitId>,
    /// These are reloaded with it.
    pub reloads: Vec<UnitId>,
    pub on_failure: Vec<UnitId>,
    pub on_success: Vec<UnitId>,
    /// Those of the above it needs that stop when nobody does (`StopWhenUnneeded=`).
    pub uses: Vec<UnitId>,
    /// Of one with `StopWhenUnneeded=`: who needs it.
    pub used_by: Vec<UnitId>,
    /// Either of the two names the other.
    pub conflicts: Vec<UnitId>,
}

usual!(Ties, Vec<UnitId>);

/// One of the lists.
type Tie = fn(&mut Ties) -> &mut Vec<UnitId>;

/// What a unit says of others, and what that is to it and to them.
fn ties(unit: &Unit) -> [(&[UnitName], &'static [Tie], &'static [Tie]); 13] {
    let r = &unit.relations;
    [
        (&unit.requires, &[|t| &mut t.requires], &[|t| &mut t.required_by]),
        (&unit.wants, &[|t| &mut t.wants], &[]),
        (&unit.conflicts, &[|t| &mut t.conflicts], &[|t| &mut t.conflicts]),
        (&r.binds_to, &[|t| &mut t.requires, |t| &mut t.binds], &[|t| &mut t.required_by, |t| &mut t.bound_by]),
        (&r.requisite, &[|t| &mut t.requisite], &[|t| &mut t.required_by]),
        (&r.upholds, &[|t| &mut t.wants, |t| &mut t.upholds], &[|t| &mut t.upheld_by]),
        (&r.part_of, &[], &[|t| &mut t.parts]),
        (&r.stop_propagated_from, &[], &[|t| &mut t.stops]),
        (&r.propagates_stop_to, &[|t| &mut t.stops], &[]),
        (&r.reload_propagated_from, &[], &[|t| &mut t.reloads]),
        (&r.propagates_reload_to, &[|t| &mut t.reloads], &[]),
        (&r.on_failure, &[|t| &mut t.on_failure], &[]),
        (&r.on_success, &[|t| &mut t.on_success], &[]),
    ]
}

impl std::ops::Deref for Edges {
    type Target = Ties;

    fn deref(&self) -> &Ties {
        &self.ties
    }
}

impl std::ops::DerefMut for Edges {
    fn deref_mut(&mut self) -> &mut Ties {
        &mut self.ties
    }
}

impl Edges {
    fn clear(&mut self) {
        self.after.clear();
        self.before.clear();
        self.ties = Rare::default();
    }

    fn tidy(&mut self) {
        let ties = self.ties.own().map(Ties::lists);
        for list in [&mut self.after, &mut self.before].into_iter().chain(ties.into_iter().flatten()) {
            list.sort_unstable();
            list.dedup();
        }
    }
}

impl Ties {
    fn lists(&mut self) -> [&mut Vec<UnitId>; 17] {
        [
            &mut self.start_after,
            &mut self.requires,
            &mut self.required_by,
            &mut self.requisite,
            &mut self.binds,
            &mut self.bound_by,
            &mut self.wants,
            &mut self.upholds,
            &mut self.upheld_by,
            &mut self.parts,
            &mut self.stops,
            &mut self.reloads,
            &mut self.on_failure,
            &mut self.on_success,
            &mut self.uses,
            &mut self.used_by,
            &mut self.conflicts,
        ]
    }
}

/// One unit.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub name: UnitName,
    pub disk: Loaded,
    /// The definition of the instance that runs.
    pub running: Option<Rc<Unit>>,
    pub edges: Edges,
    pub on: LevelSet,
    pub kill: LevelSet,
    pub rule: RcRule,
    pub service: Service,
    pub job: Option<Box<Job>>,
    /// The job that last set its course.
    pub cause: Option<Rc<Cause>>,
    /// The unit for want of which it is down: it comes back with that one.
    pub awaits: Option<Box<UnitName>>,
    /// Down, and to be started when its timer says so.
    pub due: Option<Box<Reason>>,
    /// Units whose job was last seen to wait for this one's job.
    pub waiters: Rare<Vec<UnitId>>,
    /// Where in `edges.after` the search for a blocking job goes on.
    pub cursor: u32,
    /// What was last told by [`super::Action::Changed`].
    pub shown: State,
}

impl Node {
    fn new(name: UnitName) -> Self {
        Self {
            name,
            disk: Loaded::Missing,
            running: None,
            edges: Edges::default(),
            on: LevelSet::EMPTY,
            kill: LevelSet::EMPTY,
            rule: RcRule::default(),
            service: Service::default(),
            job: None,
            cause: None,
            awaits: None,
            due: None,
            waiters: Rare::default(),
            cursor: 0,
            shown: State::Inactive,
        }
    }

    /// The definition that counts now: of the running instance, else the file's, else nothing but defaults.
    pub fn unit(&self) -> Rc<Unit> {
        match (&self.running, &self.disk) {
            (Some(unit), _) | (None, Loaded::Good(unit)) => Rc::clone(unit),
            (None, _) => Rc::new(Unit::new(self.name.clone())),
        }
    }

    /// The definition whose dependencies count: the file's where it can be read, else the running one.
    pub fn relations(&self) -> Option<&Rc<Unit>> {
        match &self.disk {
            Loaded::Good(unit) => Some(unit),
            _ => self.running.as_ref(),
        }
    }
}

/// There is one for each file of a unit, whether it runs or not. What a service seldom has belongs behind a pointer.
const _: () = assert!(size_of::<Node>() <= 480);

/// Whether all edges come out the same by either definition.
fn has_same_edges(a: &Unit, b: &Unit) -> bool {
    (&a.after, &a.before, &a.requires, &a.wants, &a.conflicts, &a.relations, a.source, a.runlevels)
        == (&b.after, &b.before, &b.requires, &b.wants, &b.conflicts, &b.relations, b.source, b.runlevels)
}

/// All units.
#[derive(Debug, Clone)]
pub(super) struct Arena {
    nodes: Vec<Node>,
    names: Index,
    /// Answers for an id that isn't ours, so that no look-up can panic.
    nobody: Node,
    dirty: IdList,
    /// A definition that edges were made of is gone.
    stale: bool,
    /// What headers of scripts wish and unit files contradict.
    pub unheeded: Vec<Wish>,
}

impl Arena {
    pub fn new() -> Self {
        let nobody = Node::new(UnitName::nobody());
        let (names, dirty, unheeded) = Default::default();
        Self { nodes: Vec::new(), names, nobody, dirty, stale: false, unheeded }
    }

    pub fn get(&self, id: UnitId) -> &Node {
        #[cfg(test)]
        LOOKS.set(LOOKS.get().saturating_add(1));
        usize::try_from(id.0).ok().and_then(|i| self.nodes.get(i)).unwrap_or(&self.nobody)
    }

    /// For changes that belong in the journal.
    pub fn get_mut(&mut self, id: UnitId) -> &mut Node {
        match usize::try_from(id.0).ok().and_then(|i| self.nodes.get_mut(i)) {
            Some(node) => {
                self.dirty.insert(id);
                node
            }
            None => &mut self.nobody,
        }
    }

    /// For changes that don't (edges, waiters, what was shown).
    pub fn scratch(&mut self, id: UnitId) -> &mut Node {
        usize::try_from(id.0).ok().and_then(|i| self.nodes.get_mut(i)).unwrap_or(&mut self.nobody)
    }

    /// No instance of the unit runs any more.
    pub fn forget_running(&mut self, id: UnitId) {
        let node = self.scratch(id);
        let last = node.running.take().is_some() && !matches!(node.disk, Loaded::Good(_));
        self.stale |= last;
    }

    pub fn find(&self, name: &UnitName) -> Option<UnitId> {
        self.names.find(name, &self.nodes)
    }

    /// The unit of this name, made if need be.
    pub fn intern(&mut self, name: &UnitName) -> UnitId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let id = UnitId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node::new(name.clone()));
        self.names.insert(id, &self.nodes);
        id
    }

    pub fn ids(&self) -> impl Iterator<Item = UnitId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(UnitId)
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// By name.
    pub fn sorted(&self) -> impl Iterator<Item = UnitId> {
        let mut ids: Vec<UnitId> = self.ids().collect();
        ids.sort_unstable_by(|a, b| self.get(*a).name.cmp(&self.get(*b).name));
        ids.into_iter()
    }

    pub fn take_dirty(&mut self) -> Vec<UnitId> {
        self.dirty.take()
    }

    /// Takes in a definition; answers whose it is, and whether the edges are to be built anew. A running instance keeps the definition
    /// it has, and what says the same as before is kept once.
    pub fn define(&mut self, definition: Definition) -> (UnitId, bool) {
        let (name, mut disk) = match definition {
            Definition::Good(unit) => (unit.name.clone(), Loaded::Good(unit)),
            Definition::Bad(name, why) => (name, Loaded::Bad(why)),
            Definition::Masked(name) => (name, Loaded::Masked),
            Definition::Gone(name) => (name, Loaded::Missing),
        };
        let known = self.len();
        let id = self.intern(&name);
        let node = self.scratch(id);
        if let Loaded::Good(unit) = &mut disk {
            let old = match &node.disk {
                Loaded::Good(old) => Some(old),
                _ => None,
            };
            if let Some(same) = [node.running.as_ref(), old].into_iter().flatten().find(|old| *old == unit) {
                *unit = Rc::clone(same);
            }
        }
        let before = node.relations().cloned();
        // What can be started, and what can't any more, is others' business too.
        let stays = matches!((&node.disk, &disk), (Loaded::Good(_), Loaded::Good(_)));
        node.disk = disk;
        // After a restore: the instance was started from a file that we can only read again.
        if node.running.is_none()
            && node.service.token.is_some()
            && let Loaded::Good(unit) = &node.disk
        {
            node.running = Some(Rc::clone(unit));
        }
        let relinks = match (&before, node.relations()) {
            (Some(old), Some(new)) if stays => !Rc::ptr_eq(old, new) && !has_same_edges(old, new),
            _ => true,
        };
        let relinks = relinks || self.len() > known || std::mem::take(&mut self.stale);
        (id, relinks)
    }

    /// Builds all edges anew from the definitions: O(n+e).
    pub fn link(&mut self) {
        let mut units = Vec::with_capacity(self.nodes.len());
        for id in self.ids() {
            let node = self.scratch(id);
            node.edges.clear();
            units.extend(node.relations().cloned().map(|unit| (id, unit)));
        }
        let (mut wishes, mut starts) = (Vec::new(), Vec::new());
        for (id, unit) in units {
            let own = unit.after.iter().map(|name| (name, true)).chain(unit.before.iter().map(|name| (name, false)));
            let own = own.map(|(name, after)| (name, after, self.is_wish(&unit, name))).collect::<Vec<_>>();
            let header = unit.relations.script_after.iter().map(|name| (name, true, true));
            let header = header.chain(unit.relations.script_before.iter().map(|name| (name, false, true)));
            for (name, after, wish) in own.into_iter().chain(header) {
                let other = self.intern(name);
                let (later, earlier) = if after { (id, other) } else { (other, id) };
                if wish {
                    wishes.push(Wish { later, earlier });
                } else {
                    self.order(later, earlier);
                }
            }
            for name in &unit.relations.start_after {
                let wish = Wish { later: id, earlier: self.intern(name) };
                // What a header says of a unit file's service is weighed against that file as a whole.
                if self.is_wish(&unit, name) { wishes.push(wish) } else { starts.push(wish) }
            }
            for (names, there, back) in ties(&unit) {
                for name in names {
                    let other = self.intern(name);
                    self.tie(id, other, there);
                    self.tie(other, id, back);
                }
            }
        }
        self.tidy();
        self.order_starts(&starts);
        self.order_targets();
        self.order_services();
        self.link_users();
        self.unheeded = self.heed(wishes);
        self.tidy();
    }

    fn tie(&mut self, from: UnitId, to: UnitId, lists: &[Tie]) {
        if from != to {
            for list in lists {
                list(&mut self.scratch(from).edges.ties).push(to);
            }
        }
    }

    pub fn order(&mut self, later: UnitId, earlier: UnitId) {
        if later != earlier {
            self.scratch(later).edges.after.push(earlier);
            self.scratch(earlier).edges.before.push(later);
        }
    }

    /// Orders for the start alone those that aren't ordered anyway.
    fn order_starts(&mut self, starts: &[Wish]) {
        if starts.is_empty() {
            return;
        }
        for Wish { later, earlier } in starts {
            if later != earlier && self.get(*later).edges.after.binary_search(earlier).is_err() {
                self.scratch(*later).edges.start_after.push(*earlier);
            }
        }
        for Wish { later, earlier } in starts {
            self.order(*later, *earlier);
        }
        self.tidy();
    }

    /// `DefaultDependencies=`
    fn has_defaults(&self, id: UnitId) -> bool {
        self.get(id).relations().is_none_or(|unit| unit.relations.default_dependencies)
    }

    /// A target comes after what it gathers, unless that is itself ordered after the target, or one of them wants no
    /// such dependencies.
    fn order_targets(&mut self) {
        let mut pairs = Vec::new();
        for id in self.ids().filter(|id| self.get(*id).name.kind() == Kind::Target && self.has_defaults(*id)) {
            let e = &self.get(id).edges;
            let gathered = e.requires.iter().chain(&e.requisite).chain(&e.wants).copied();
            let follows = |other: &UnitId| self.get(*other).edges.after.binary_search(&id).is_err();
            pairs.extend(gathered.filter(|other| self.has_defaults(*other)).filter(follows).map(|other| (id, other)));
        }
        pairs.into_iter().for_each(|(target, other)| self.order(target, other));
    }

    /// Services of systemd's come after the targets that stand for a system that is set up: those apart that these come
    /// after themselves, so that it never makes a loop, and those that belong into level S.
    fn order_services(&mut self) {
        let targets: Vec<UnitId> = SET_UP.iter().filter_map(|t| self.find(&UnitName::new(t).ok()?)).collect();
        let mut earlier: BTreeSet<UnitId> = targets.iter().copied().collect();
        let mut work = targets.clone();
        while let Some(id) = work.pop() {
            work.extend(self.get(id).edges.after.iter().filter(|other| earlier.insert(**other)));
        }
        for id in self.ids() {
            let node = self.get(id);
            let theirs = node.relations().is_some_and(|unit| {
                let early = unit.runlevels.contains(Level::S) || node.on.contains(Level::S);
                unit.source == Source::Systemd && unit.relations.default_dependencies && !early
            });
            if theirs && node.name.kind() == Kind::Service && !earlier.contains(&id) {
                targets.iter().for_each(|target| self.order(id, *target));
            }
        }
    }

    /// Who needs those that stop when nobody does.
    fn link_users(&mut self) {
        for id in self.ids() {
            let e = &self.get(id).edges;
            let needed = e.requires.iter().chain(&e.requisite).chain(&e.wants).copied();
            let lean = |other: &UnitId| self.get(*other).relations().is_some_and(|u| u.relations.stop_when_unneeded);
            let uses: Vec<UnitId> = needed.filter(lean).collect();
            for other in uses {
                self.tie(id, other, &[|t| &mut t.uses]);
                self.tie(other, id, &[|t| &mut t.used_by]);
            }
        }
    }

    fn tidy(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.edges.tidy());
    }
}
