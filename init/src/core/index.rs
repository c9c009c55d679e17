//! Units by name: open addressing over the arena, which has the names. A look-up compares one name as a rule; a tree of ten
//! thousand would compare fourteen. Nothing walks through it, so that its order is nobody's order.

use super::UnitId;
use super::arena::Node;
use crate::unit::UnitName;

/// No unit.
const FREE: u32 = u32::MAX;

/// The places, a power of two of them, at most half of them taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    places: Vec<u32>,
    taken: usize,
}

/// FNV-1a; what is hashed is what root has written.
fn hash(name: &UnitName) -> usize {
    let bytes = name.as_str().bytes();
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, b| (sum ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    // The low bits of the product know little of the last letters.
    usize::try_from(sum ^ (sum >> 32)).unwrap_or(0)
}

impl Index {
    /// The places a name may be at, in order.
    fn way(&self, name: &UnitName) -> impl Iterator<Item = usize> + use<> {
        let mask = self.places.len().wrapping_sub(1);
        let first = hash(name);
        (0..self.places.len()).map(move |n| first.wrapping_add(n) & mask)
    }

    /// The unit of that name.
    pub fn find(&self, name: &UnitName, nodes: &[Node]) -> Option<UnitId> {
        for place in self.way(name) {
            let id = *self.places.get(place)?;
            let node = nodes.get(usize::try_from(id).ok()?)?;
            if node.name == *name {
                return Some(UnitId(id));
            }
        }
        None
    }

    /// Takes in a unit of the arena whose name isn't in here.
    pub fn insert(&mut self, id: UnitId, nodes: &[Node]) {
        if self.taken.saturating_add(1).saturating_mul(2) > self.places.len() {
            self.places = vec![FREE; self.places.len().saturating_mul(2).max(64)];
            self.taken = 0;
            // The one that is new too, if it comes last.
            for id in (0..).map_while(|n: u32| (n <= id.0).then_some(UnitId(n))) {
                self.put(id, nodes);
            }
        } else {
            self.put(id, nodes);
        }
    }

    fn put(&mut self, id: UnitId, nodes: &[Node]) {
        let Some(node) = usize::try_from(id.0).ok().and_then(|i| nodes.get(i)) else { return };
        let free = self.way(&node.name).find(|place| self.places.get(*place) == Some(&FREE));
        if let Some(place) = free.and_then(|place| self.places.get_mut(place)) {
            *place = id.0;
            self.taken = self.taken.saturating_add(1);
        }
    }
}
