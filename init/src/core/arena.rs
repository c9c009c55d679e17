//! The arena: every unit the core has heard of, by index; never freed while the core lives.
//!
//! Mutable access marks the unit for the journal, so nothing can change without being recorded.

use super::job::Job;
use super::reason::{Cause, Reason};
use super::service::Service;
use super::{Definition, Loaded, State, UnitId};
use crate::unit::name::Kind;
use crate::unit::{Level, LevelSet, Source, Unit, UnitName};
use std::collections::{BTreeMap, BTreeSet};
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

impl Edges {
    fn lists(&mut self) -> [&mut Vec<UnitId>; 18] {
        [
            &mut self.after,
            &mut self.before,
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
    pub service: Service,
    pub job: Option<Job>,
    /// The job that last set its course.
    pub cause: Option<Cause>,
    /// The unit for want of which it is down: it comes back with that one.
    pub awaits: Option<UnitName>,
    /// Down, and to be started when its timer says so.
    pub due: Option<Reason>,
    /// Units whose job was last seen to wait for this one's job.
    pub waiters: Vec<UnitId>,
    /// Where in `edges.after` the search for a blocking job goes on.
    pub cursor: usize,
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
            service: Service::default(),
            job: None,
            cause: None,
            awaits: None,
            due: None,
            waiters: Vec::new(),
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

/// All units.
#[derive(Debug, Clone)]
pub(super) struct Arena {
    nodes: Vec<Node>,
    names: BTreeMap<UnitName, UnitId>,
    /// Answers for an id that isn't ours, so that no look-up can panic.
    nobody: Node,
    dirty: BTreeSet<UnitId>,
}

impl Arena {
    pub fn new() -> Self {
        let nobody = Node::new(UnitName::nobody());
        Self { nodes: Vec::new(), names: BTreeMap::new(), nobody, dirty: BTreeSet::new() }
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

    pub fn find(&self, name: &UnitName) -> Option<UnitId> {
        self.names.get(name).copied()
    }

    /// The unit of this name, made if need be.
    pub fn intern(&mut self, name: &UnitName) -> UnitId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let id = UnitId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node::new(name.clone()));
        self.names.insert(name.clone(), id);
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
        self.names.values().copied()
    }

    pub fn take_dirty(&mut self) -> BTreeSet<UnitId> {
        std::mem::take(&mut self.dirty)
    }

    /// Takes in a definition. A running instance keeps the one it has.
    pub fn define(&mut self, definition: Definition) -> UnitId {
        let (name, disk) = match definition {
            Definition::Good(unit) => (unit.name.clone(), Loaded::Good(unit)),
            Definition::Bad(name, why) => (name, Loaded::Bad(why)),
            Definition::Masked(name) => (name, Loaded::Masked),
            Definition::Gone(name) => (name, Loaded::Missing),
        };
        let id = self.intern(&name);
        let node = self.scratch(id);
        node.disk = disk;
        // After a restore: the instance was started from a file that we can only read again.
        if node.running.is_none()
            && node.service.token.is_some()
            && let Loaded::Good(unit) = &node.disk
        {
            node.running = Some(Rc::clone(unit));
        }
        id
    }

    /// Builds all edges anew from the definitions: O(n+e), once for each [`super::Event::Define`].
    pub fn link(&mut self) {
        let ids: Vec<UnitId> = self.ids().collect();
        let mut units = Vec::with_capacity(ids.len());
        for id in &ids {
            self.scratch(*id).edges = Edges::default();
            units.push((*id, self.get(*id).relations().cloned()));
        }
        for (id, unit) in units {
            let Some(unit) = unit else { continue };
            let mut targets = |names: &[UnitName]| -> Vec<UnitId> {
                names.iter().map(|n| self.intern(n)).filter(|other| *other != id).collect()
            };
            let (after, before) = (targets(&unit.after), targets(&unit.before));
            let (requires, wants) = (targets(&unit.requires), targets(&unit.wants));
            let conflicts = targets(&unit.conflicts);
            let r = &unit.relations;
            let (binds, requisite, upholds) = (targets(&r.binds_to), targets(&r.requisite), targets(&r.upholds));
            let (wholes, stops_with) = (targets(&r.part_of), targets(&r.stop_propagated_from));
            let (stops, reloads) = (targets(&r.propagates_stop_to), targets(&r.propagates_reload_to));
            let reloads_with = targets(&r.reload_propagated_from);
            let (on_failure, on_success) = (targets(&r.on_failure), targets(&r.on_success));
            after.into_iter().for_each(|other| self.order(id, other));
            before.into_iter().for_each(|other| self.order(other, id));
            for other in requires.iter().chain(&binds).chain(&requisite) {
                self.scratch(*other).edges.required_by.push(id);
            }
            binds.iter().for_each(|other| self.scratch(*other).edges.bound_by.push(id));
            upholds.iter().for_each(|other| self.scratch(*other).edges.upheld_by.push(id));
            wholes.into_iter().for_each(|other| self.scratch(other).edges.parts.push(id));
            stops_with.into_iter().for_each(|other| self.scratch(other).edges.stops.push(id));
            reloads_with.into_iter().for_each(|other| self.scratch(other).edges.reloads.push(id));
            for other in conflicts {
                self.scratch(id).edges.conflicts.push(other);
                self.scratch(other).edges.conflicts.push(id);
            }
            let edges = &mut self.scratch(id).edges;
            edges.requires = requires;
            edges.requires.extend(&binds);
            edges.wants = wants;
            edges.wants.extend(&upholds);
            edges.binds = binds;
            edges.requisite = requisite;
            edges.upholds = upholds;
            edges.stops.extend(stops);
            edges.reloads.extend(reloads);
            edges.on_failure = on_failure;
            edges.on_success = on_success;
        }
        self.tidy();
        self.order_targets();
        self.tidy();
        self.order_services();
        self.link_users();
        self.tidy();
    }

    fn order(&mut self, later: UnitId, earlier: UnitId) {
        self.scratch(later).edges.after.push(earlier);
        self.scratch(earlier).edges.before.push(later);
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
            uses.iter().for_each(|other| self.scratch(*other).edges.used_by.push(id));
            self.scratch(id).edges.uses = uses;
        }
    }

    fn tidy(&mut self) {
        for id in self.ids() {
            for list in self.scratch(id).edges.lists() {
                list.sort_unstable();
                list.dedup();
            }
        }
    }
}
