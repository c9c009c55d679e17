//! Descriptors kept for others, by (token, name). They outlive the manager and PID 1's own faults.

use super::index::Index;
use super::table::{Field, PARKS, Park, Table};
use crate::proto::pid1::Name;
use crate::sys::fd;
use nix::errno::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The parked descriptors of a table.
#[derive(Debug)]
pub struct Parked {
    table: &'static Table,
    index: Index,
    full_below: usize,
    in_use: usize,
}

fn hash(token: u64, name: &Name) -> u64 {
    name.as_bytes().iter().fold(token.wrapping_mul(8), |h, b| h.wrapping_mul(31).wrapping_add((*b).into()))
}

impl Parked {
    /// Builds the index from what the table holds; what isn't open any more is forgotten.
    pub fn new(table: &'static Table) -> Self {
        let mut parked = Self { table, index: Index::default(), full_below: 0, in_use: 0 };
        for (_, park) in parked.all() {
            match fd::borrow(park.fd.get()) {
                Some(_) => fd::close_on_exec(park.fd.get(), true),
                None => park.fd.set(0),
            }
        }
        parked.in_use = parked.all().count();
        parked.refill();
        parked
    }

    fn refill(&mut self) {
        self.index.refill(self.in_use, all(self.table).map(|(i, p)| (hash(p.token.get(), &p.name.get()), i)));
    }

    /// All of them, with their numbers in the table.
    pub fn all(&self) -> impl Iterator<Item = (usize, &'static Park)> + use<> {
        all(self.table)
    }

    fn find(&self, token: u64, name: &Name) -> Option<(usize, &'static Park)> {
        let is = |i: usize| {
            let park = self.table.parked.get(i).filter(|p| p.fd.get() > 0);
            park.is_some_and(|p| p.token.get() == token && p.name.get() == *name)
        };
        let index = self.index.find(hash(token, name), is)?;
        Some((index, self.table.parked.get(index)?))
    }

    /// The descriptor kept under this name.
    pub fn get(&self, token: u64, name: &Name) -> Option<BorrowedFd<'static>> {
        fd::borrow(self.find(token, name)?.1.fd.get())
    }

    /// Keeps `fd`; what was kept under this name is closed.
    ///
    /// # Errors
    /// `ENOSPC`: there is no room.
    pub fn put(&mut self, token: u64, name: &Name, fd: OwnedFd) -> Result<(), Errno> {
        if let Some((_, park)) = self.find(token, name) {
            let before = park.fd.get();
            park.fd.set(fd::keep_raw(fd));
            fd::close(before);
            return Ok(());
        }
        let free = |(_, park): &(usize, &Park)| park.fd.get() <= 0;
        let found = self.table.parked.iter().enumerate().skip(self.full_below).find(free);
        let (index, park) = found.ok_or(Errno::ENOSPC)?;
        self.full_below = index.saturating_add(1);
        let head = &self.table.head;
        head.used_parks.set(head.used_parks.get().max(u32::try_from(self.full_below).unwrap_or(u32::MAX)));
        head.highest_token.set(head.highest_token.get().max(token));
        park.token.set(token);
        park.name.set(name);
        park.fd.set(fd::keep_raw(fd));
        self.in_use = self.in_use.saturating_add(1);
        if !self.index.insert(hash(token, name), index) {
            self.refill();
        }
        Ok(())
    }

    /// Closes what is kept under this name; under an empty one, all that is the token's.
    pub fn close(&mut self, token: u64, name: &Name) {
        if !name.as_bytes().is_empty() {
            if let Some((index, park)) = self.find(token, name) {
                self.remove(index, park);
            }
            return;
        }
        for (index, park) in self.all().filter(|(_, park)| park.token.get() == token) {
            self.remove(index, park);
        }
    }

    fn remove(&mut self, index: usize, park: &Park) {
        self.index.remove(hash(park.token.get(), &park.name.get()), index);
        let raw = park.fd.get();
        park.fd.set(0);
        fd::close(raw);
        self.in_use = self.in_use.saturating_sub(1);
        self.full_below = self.full_below.min(index);
    }
}

fn all(table: &'static Table) -> impl Iterator<Item = (usize, &'static Park)> {
    let used = usize::try_from(table.head.used_parks.get()).unwrap_or(PARKS);
    table.parked.iter().enumerate().take(used).filter(|(_, park)| park.fd.get() > 0)
}
