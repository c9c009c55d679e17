//! Going on after a fault: the table outlives the image, the new image takes it up again.
//!
//! The wanted re-executions (`initctl reexec`, the end of the machine) take the same road, so that it is used daily.

use super::table::{Head, MAGIC, Slot, Table};
use crate::proto::pid1::{Exit, Life, STAGE_FORK};
use crate::sys::args::{self, Args, Image};
use crate::sys::crash::{self, Cause, Road};
use crate::sys::fd::Recorded;
use crate::sys::shared::{self, Field};
use crate::sys::wait::{self, monotonic_ms};
use crate::sys::{image, process};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::ffi::CString;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::OnceLock;

/// Environment variable by which an image tells the next one the table's descriptor.
pub const TABLE_VARIABLE: &str = "RUNG_TABLE";
/// The same for the file it was first executed from.
pub const PATH_VARIABLE: &str = "RUNG_PATH";
const WINDOW_MS: u64 = 10_000;
const FAULTS: u32 = 5;

static TABLE: OnceLock<&'static Table> = OnceLock::new();

/// Takes the table over that an image before us left in descriptor `file`, if it is ours and sound. One of another
/// version is left to the program that made it, which goes on (`given`: what both were started with).
pub fn take_over(file: RawFd, given: &Args) -> Option<&'static Table> {
    let head: &'static Head = shared::attach(file)?;
    let own = head.pid.get() == nix::unistd::getpid().as_raw() && head.file.raw() == file;
    let (other, size) = (head.magic.get() ^ MAGIC, size_of::<Table>() as u64);
    // Executed by its descriptor this is that program.
    if own && other != 0 && other << 16 == 0 && !args::executed_by_descriptor() {
        let _ = head.exe.get().map(|exe| image::execute(exe, &given.args, &given.env));
    }
    if own && other == 0 && head.size.get() == size { shared::attach(file) } else { None }
}

/// Makes a new table.
pub fn create() -> Option<&'static Table> {
    let (table, file): (&'static Table, _) = shared::create(c"rung-table").ok()?;
    let head = &table.head;
    if let Some(file) = file {
        head.file.put(file);
    }
    head.pid.set(nix::unistd::getpid().as_raw());
    head.booted_ms.set(wait::now_ms());
    head.size.set(size_of::<Table>() as u64);
    head.magic.set(MAGIC);
    Some(table)
}

/// Installs the handler that ends every fault of ours in a new image. `path`: the file we were started from.
pub fn guard(table: &'static Table, path: CString, args: Vec<CString>, mut env: Vec<CString>) {
    let head = &table.head;
    env.extend(CString::new(format!("{TABLE_VARIABLE}={}", head.file.raw())));
    env.extend(CString::new([PATH_VARIABLE.as_bytes(), b"=", path.as_bytes()].concat()));
    let _ = TABLE.set(table);
    head.file.close_on_exec(true);
    survivors(table).for_each(|fd| fd.close_on_exec(true));
    if head.exe.get().is_none() {
        let opened = nix::fcntl::open(path.as_c_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        let _ = opened.map(|exe| head.exe.put(exe));
    }
    let pid = nix::unistd::getpid().as_raw();
    let _ = crash::install(Road { pid, image: Image::new(path, args, env), prepare });
}

/// What the new image needs, but for the table itself and the parked descriptors.
fn survivors(table: &'static Table) -> impl Iterator<Item = &'static Recorded> {
    let head = &table.head;
    let used = usize::try_from(head.used_slots.get()).unwrap_or(0);
    let slots = table.slots.iter().take(used).filter(|slot| slot.life.get() != 0);
    [&head.exe, &head.socket, &head.kept].into_iter().chain(slots.map(|slot| &slot.watch))
}

/// Called on the way out, perhaps in a signal handler after a fault: loads, stores and `fcntl` only. Each further
/// fault on this way makes it shorter.
fn prepare(cause: Cause) -> RawFd {
    let Some(table) = TABLE.get() else { return -1 };
    let head = &table.head;
    head.file.close_on_exec(false);
    head.reexecs.set(head.reexecs.get().wrapping_add(1));
    let mut again = 0;
    if let Cause::Fault(times) = cause {
        again = times;
        let now = monotonic_ms();
        if now.saturating_sub(head.first_fault_ms.get()) > WINDOW_MS {
            head.first_fault_ms.set(now);
            head.faults.set(0);
        }
        head.faults.set(head.faults.get().saturating_add(1));
    }
    if again < 2 {
        survivors(table).for_each(|fd| fd.close_on_exec(false));
    }
    if again < 1 {
        let used = usize::try_from(head.used_parks.get()).unwrap_or(0);
        table.parked.iter().take(used).for_each(|park| park.fd.close_on_exec(false));
    }
    head.exe.get().map_or(-1, |exe| exe.as_raw_fd())
}

/// Faults that keep coming are in the table: first the record written last goes, then all but the processes.
pub fn mend(table: &'static Table) {
    let head = &table.head;
    let used = usize::try_from(head.used_slots.get()).unwrap_or(usize::MAX);
    if head.faults.get() == FAULTS {
        let last = usize::try_from(head.last_slot.get()).unwrap_or(0);
        if let Some(slot) = last.checked_sub(1).and_then(|last| table.slots.get(last)) {
            slot.life.set(0);
        }
    } else if head.faults.get() > FAULTS {
        for slot in table.slots.iter().take(used) {
            slot.watch.forget();
            slot.untold.set(0);
        }
        head.used_parks.set(0);
        head.orphan_count.set(0);
        process::forget(&head.in_flight);
        head.signals.iter().for_each(|count| count.set(0));
    }
    // The image before us ended between reserving a slot and forking.
    let unforked = |slot: &&Slot| slot.pid.get() == 0 && slot.life() == Some(Life::Forked);
    for slot in table.slots.iter().take(used).filter(unforked) {
        slot.life.set(Life::Over(Exit::NotRun { stage: STAGE_FORK, errno: libc::EINTR }).to_word());
        slot.untold.set(slot.is_owed().into());
    }
}

/// Something has been done since the last fault: it wasn't the table's.
pub fn progress(table: &Table) {
    table.head.faults.set(0);
}

/// Executes the program anew: from `path`, so that a new version takes over, or as it is. Returns only if nothing could
/// be executed.
pub use crate::sys::crash::again;

/// Executes a copy of the program in memory, so that nothing of ours holds the root file system. Returns if that
/// can't be done.
pub fn into_memory(table: &Table) {
    if let Ok(copy) = image::of_self() {
        table.head.exe.put(copy);
        again(None);
    }
}

#[cfg(test)]
#[path = "recover_tests.rs"]
mod tests;
