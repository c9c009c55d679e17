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
    held: Vec<Option<Held>>,
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
        Self { allowed: child::can_share(), held: (0..PLACES).map(|_| None).collect() }
    }

    /// All children, where no place is free.
    pub fn crowd(&self) -> impl Iterator<Item = usize> + use<> {
        let full = self.held.iter().all(Option::is_some);
        let mut children = [None; PLACES];
        for (to, held) in children.iter_mut().zip(&self.held).filter(|_| full) {
            *to = held.as_ref().map(|held| held.child);
        }
        children.into_iter().flatten()
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
}

impl Default for Sharing {
    fn default() -> Self {
        Self::new()
    }
}
