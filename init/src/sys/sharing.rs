//! What children that share our descriptor table still need open, until each has its own ([`super::child::Order::share`]).

use super::child;
use super::fd::{KEPT, make_room};
use super::seqpacket::Fds;
use std::os::fd::{OwnedFd, RawFd};

/// Children that share at one time; further ones copy the table.
const PLACES: usize = 48;

/// Numbers that the descriptor table has room for from the start: pipes of some 1900 services. They take 33 KiB of the
/// kernel's memory.
const NUMBERS: RawFd = 4096;

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
        let allowed = child::can_share();
        if allowed {
            make_room(NUMBERS);
        }
        Self { allowed, held: (0..PLACES).map(|_| None).collect() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_room_before_anybody_shares_it() {
        let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).expect("a limit").0;
        let sharing = Sharing::new();
        // The table is this thread's own since it was tried out.
        let text = std::fs::read_to_string("/proc/thread-self/status").expect("status");
        let size = text.lines().find_map(|line| line.strip_prefix("FDSize:")).expect("its size");
        let size: u64 = size.trim().parse().expect("a number");
        assert!(!sharing.allowed || size >= limit.min(4096), "{size}");
    }
}
