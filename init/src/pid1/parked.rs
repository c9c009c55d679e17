//! Descriptors kept for others, by (token, name). They outlive the manager and PID 1's own faults.

use super::table::{Park, Table, number_of_name};
use crate::proto::pid1::Name;
use crate::sys::records::Records;
use crate::sys::shared::Field;
use nix::errno::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The parked descriptors of a table.
#[derive(Debug)]
pub struct Parked {
    table: &'static Table,
    records: Records<Park>,
}

impl Parked {
    /// Takes up what the table holds; what isn't open any more is forgotten.
    pub fn new(table: &'static Table) -> Self {
        let used = usize::try_from(table.head.used_parks.get()).unwrap_or(usize::MAX);
        for park in table.parked.iter().take(used) {
            park.fd.close_on_exec(true);
        }
        Self { table, records: Records::new(&table.parked, &table.head.used_parks) }
    }

    /// All of them from place `first` on.
    pub fn from(&self, first: usize) -> impl Iterator<Item = (usize, &'static Park)> + use<> {
        self.records.from(first)
    }

    fn find(&self, token: u64, name: &Name) -> Option<(usize, &'static Park)> {
        let name = u64::from_le_bytes(name.parked()?);
        self.records.find(number_of_name(token, name), |park| park.token.get() == token && park.name.get() == name)
    }

    /// The descriptor kept under this name.
    pub fn get(&self, token: u64, name: &Name) -> Option<BorrowedFd<'static>> {
        self.find(token, name)?.1.fd.get()
    }

    /// Keeps `fd`; what was kept under this name is closed.
    ///
    /// # Errors
    /// `ENOSPC`: there is no room; `ENAMETOOLONG`.
    pub fn put(&mut self, token: u64, name: &Name, fd: OwnedFd) -> Result<(), Errno> {
        if let Some((_, park)) = self.find(token, name) {
            park.fd.put(fd);
            return Ok(());
        }
        let head = &self.table.head;
        let name = u64::from_le_bytes(name.parked().ok_or(Errno::ENAMETOOLONG)?);
        head.highest_token.set(head.highest_token.get().max(token));
        let fill = |_: usize, park: &Park| {
            park.token.set(token);
            park.name.set(name);
            park.fd.put(fd);
        };
        self.records.add(fill).map(drop)
    }

    /// Closes what is kept under this name; under an empty one, all that is the token's.
    pub fn close(&mut self, token: u64, name: &Name) {
        if !name.as_bytes().is_empty() {
            if let Some((place, _)) = self.find(token, name) {
                self.records.remove(place, |park| park.fd.close());
            }
            return;
        }
        for (place, _) in self.from(0).filter(|(_, park)| park.token.get() == token) {
            self.records.remove(place, |park| park.fd.close());
        }
    }
}
