//! The arena: every unit the core has heard of, by index; never freed while the core lives.
//!
//! Mutable access marks the unit for the journal, so nothing can change without being recorded.

use super::job::Job;
use super::service::Service;
use super::{Definition, Loaded, State, UnitId};
use crate::unit::{LevelSet, Unit, UnitName};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Edges from one unit to others, each list sorted and without doubles.
#[derive(Debug, Default)]
pub(super) struct Edges {
    /// It is ordered after these.
    pub after: Vec<UnitId>,
    /// These are ordered after it.
    pub before: Vec<UnitId>,
    pub requires: Vec<UnitId>,
    pub required_by: Vec<UnitId>,
    pub wants: Vec<UnitId>,
    /// Either of the two names the other.
    pub conflicts: Vec<UnitId>,
}

/// One unit.
#[derive(Debug)]
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
#[derive(Debug)]
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
            after.into_iter().for_each(|other| self.order(id, other));
            before.into_iter().for_each(|other| self.order(other, id));
            for other in &requires {
                self.scratch(*other).edges.required_by.push(id);
            }
            for other in conflicts {
                self.scratch(id).edges.conflicts.push(other);
                self.scratch(other).edges.conflicts.push(id);
            }
            let edges = &mut self.scratch(id).edges;
            edges.requires = requires;
            edges.wants = wants;
        }
        self.tidy();
        self.order_targets();
        self.tidy();
    }

    fn order(&mut self, later: UnitId, earlier: UnitId) {
        self.scratch(later).edges.after.push(earlier);
        self.scratch(earlier).edges.before.push(later);
    }

    /// A target comes after what it gathers, unless that is itself ordered after the target.
    fn order_targets(&mut self) {
        for id in self.ids() {
            let node = self.get(id);
            if node.name.kind() != crate::unit::name::Kind::Target {
                continue;
            }
            let gathered: Vec<UnitId> = node.edges.requires.iter().chain(&node.edges.wants).copied().collect();
            for other in gathered {
                if self.get(other).edges.after.binary_search(&id).is_err() {
                    self.order(id, other);
                }
            }
        }
    }

    fn tidy(&mut self) {
        for id in self.ids() {
            let e = &mut self.scratch(id).edges;
            for list in
                [&mut e.after, &mut e.before, &mut e.requires, &mut e.required_by, &mut e.wants, &mut e.conflicts]
            {
                list.sort_unstable();
                list.dedup();
            }
        }
    }
}
