//! What children that share our descriptor table still need open, until each has its own ([`super::child::Order::share`]).

use super::child;
use super::fd::KEPT;
use super::seqpacket::Fds;
use std::os::fd::{OwnedFd, RawFd};

/// Children that share at one time; further ones copy the table.
const PLACES: usize = 48;

/// The places.
#[derive(Debug)]
pub struct Sharing {
    allowed: bool,
    held: [Option<Held>; PLACES],
}

#[derive(Debug)]
struct Held {
    child: usize,
    _fds: Fds,
    _report: OwnedFd,
}

impl Sharing {
    /// Tries out what the kernel allows.
    pub fn new() -> Self {
        Self { allowed: child::can_share(), held: std::array::from_fn(|_| None) }
    }

    /// The child in a place that isn't to be had; `None`: there is a free one, or this place is.
    pub fn blocks(&self, place: usize) -> Option<usize> {
        let full = self.held.iter().all(Option::is_some);
        self.held.get(place).filter(|_| full).and_then(|held| Some(held.as_ref()?.child))
    }

    /// Whether a child that needs these may share. Their numbers must lie below what it doesn't copy.
    pub fn allows(&self, fds: &[RawFd]) -> bool {
        self.allowed && fds.iter().all(|raw| *raw < KEPT) && self.held.iter().any(Option::is_none)
    }

    /// Keeps open what `child` needs.
    pub fn hold(&mut self, child: usize, fds: Fds, report: OwnedFd) {
        if let Some(free) = self.held.iter_mut().find(|held| held.is_none()) {
            *free = Some(Held { child, _fds: fds, _report: report });
        }
    }

    /// The child has its own, or is gone.
    pub fn release(&mut self, child: usize) {
        let of_child = |held: &&mut Option<Held>| held.as_ref().is_some_and(|held| held.child == child);
        self.held.iter_mut().filter(of_child).for_each(|held| *held = None);
    }

    /// All places.
    pub fn places(&self) -> std::ops::Range<usize> {
        0..PLACES
    }
}

impl Default for Sharing {
    fn default() -> Self {
        Self::new()
    }
}
