//! Going on after a fault: the table outlives the image, the new image takes it up again.
//!
//! The wanted re-executions (`initctl reexec`, the end of the machine) take the same road, so that it is used daily.

use super::table::{Field, MAGIC, Table};
use crate::proto::pid1::{Exit, Life, STAGE_FORK};
use crate::sys::args::Image;
use crate::sys::crash::{self, Cause, Road};
use crate::sys::{fd, image, memfd, process, shared};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::ffi::CString;
use std::os::fd::{AsFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

/// The environment entry by which an image tells the next one: `DESCRIPTOR:PATH`.
pub const MARKER: &str = "RUNG_TABLE=";
const WINDOW_MS: u64 = 10_000;
const FAULTS: u32 = 5;

static TABLE: OnceLock<&'static Table> = OnceLock::new();
static TABLE_FD: AtomicI32 = AtomicI32::new(-1);

/// A table, and the descriptor of its file (-1: it has none, and doesn't outlive an image).
#[derive(Debug)]
pub struct Memory {
    /// The table.
    pub table: &'static Table,
    /// Its file.
    pub file: RawFd,
    /// It was taken over from an image before.
    pub again: bool,
}

/// Takes the table over that an image before us left in descriptor `file`, if it is ours and sound.
pub fn take_over(file: RawFd) -> Option<Memory> {
    let borrowed = fd::borrow(file)?;
    let size = nix::sys::stat::fstat(borrowed).ok()?.st_size;
    if u64::try_from(size).ok()? < u64::try_from(size_of::<Table>()).ok()? {
        return None;
    }
    let table: &'static Table = shared::map(Some(borrowed)).ok()?;
    let head = &table.head;
    let own = head.pid.get() == nix::unistd::getpid().as_raw();
    let sound = head.magic.get() == MAGIC && head.size.get() == size_of::<Table>() as u64;
    (own && sound).then_some(Memory { table, file, again: true })
}

/// Makes a new table: in a memfd, else in an unlinked file, else in memory that only lasts as long as this image.
pub fn create() -> Option<Memory> {
    let file = memfd::create(c"rung-table").ok().or_else(unlinked).map(fd::keep);
    let mapped = file.as_ref().and_then(|file| shared::map(Some(file.as_fd())).ok());
    let (table, file): (&'static Table, RawFd) = match (mapped, file) {
        (Some(table), Some(file)) => (table, file.into_raw_fd()),
        _ => (shared::map(None).ok()?, -1),
    };
    let head = &table.head;
    head.pid.set(nix::unistd::getpid().as_raw());
    head.booted_ms.set(process::boot_ms());
    head.size.set(size_of::<Table>() as u64);
    head.magic.set(MAGIC);
    Some(Memory { table, file, again: false })
}

fn unlinked() -> Option<OwnedFd> {
    let places = [std::env::var("RUNG_RUNDIR").unwrap_or_default(), "/run".into(), "/tmp".into()];
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    places.iter().filter(|place| !place.is_empty()).find_map(|place| {
        let path = Path::new(place).join(format!(".rung-table-{}-{}", std::process::id(), process::now_ms()));
        let file = nix::fcntl::open(&path, flags, Mode::S_IRUSR | Mode::S_IWUSR).ok()?;
        let _ = nix::unistd::unlink(&path);
        Some(file)
    })
}

/// Installs the handler that ends every fault of ours in a new image.
pub fn guard(memory: &Memory, path: CString, args: Vec<CString>, mut env: Vec<CString>) {
    let mut marker = format!("{MARKER}{}:", memory.file).into_bytes();
    marker.extend_from_slice(path.as_bytes());
    env.extend(CString::new(marker));
    let _ = TABLE.set(memory.table);
    TABLE_FD.store(memory.file, Ordering::Relaxed);
    let head = &memory.table.head;
    if head.exe.get() <= 0 {
        let opened = nix::fcntl::open(path.as_c_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        head.exe.set(opened.map_or(0, fd::keep_raw));
    }
    fd::close_on_exec(memory.file, true);
    for raw in survivors(memory.table) {
        fd::close_on_exec(raw, true);
    }
    let pid = nix::unistd::getpid().as_raw();
    let _ = crash::install(Road { pid, image: Image::new(path, args, env), prepare });
}

/// What the new image needs, but for the parked descriptors.
fn survivors(table: &'static Table) -> impl Iterator<Item = RawFd> {
    let head = &table.head;
    let used = usize::try_from(head.used_slots.get()).unwrap_or(0);
    let slots = table.slots.iter().take(used).filter(|slot| slot.life.get() != 0);
    let of_slots = slots.flat_map(|slot| [slot.report.get(), slot.pidfd.get()]);
    [head.exe.get(), head.socket.get(), head.kept.get()].into_iter().chain(of_slots).filter(|raw| *raw > 0)
}

/// Called on the way out, perhaps in a signal handler after a fault: loads, stores and `fcntl` only. Each further
/// fault on this way makes it shorter.
fn prepare(cause: Cause) -> RawFd {
    let Some(table) = TABLE.get() else { return -1 };
    let head = &table.head;
    fd::close_on_exec(TABLE_FD.load(Ordering::Relaxed), false);
    head.reexecs.set(head.reexecs.get().wrapping_add(1));
    let mut again = 0;
    if let Cause::Fault(times) = cause {
        again = times;
        let now = process::now_ms();
        if now.saturating_sub(head.first_fault_ms.get()) > WINDOW_MS {
            head.first_fault_ms.set(now);
            head.faults.set(0);
        }
        head.faults.set(head.faults.get().saturating_add(1));
    }
    if again < 2 {
        for raw in survivors(table) {
            fd::close_on_exec(raw, false);
        }
    }
    if again < 1 {
        let used = usize::try_from(head.used_parks.get()).unwrap_or(0);
        for park in table.parked.iter().take(used).filter(|park| park.fd.get() > 0) {
            fd::close_on_exec(park.fd.get(), false);
        }
    }
    head.exe.get()
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
            slot.report.set(0);
            slot.pidfd.set(0);
            slot.untold.set(0);
        }
        head.used_parks.set(0);
        head.orphan_count.set(0);
        crate::sys::process::forget(&head.in_flight);
        head.signals.iter().for_each(|count| count.set(0));
    }
    // The image before us ended between reserving a slot and forking.
    for slot in table.slots.iter().take(used).filter(|slot| slot.pid.get() == 0) {
        if super::table::unpack(slot.life.get()) == Some(Life::Forked) {
            let end = Exit::NotRun { stage: STAGE_FORK, errno: libc::EINTR };
            slot.life.set(super::table::pack(Life::Over(end)));
            slot.untold.set(u32::from(slot.token.get() != 0));
        }
    }
}

/// Something has been done since the last fault: it wasn't the table's.
pub fn progress(table: &Table) {
    if table.head.faults.get() != 0 {
        table.head.faults.set(0);
    }
}

/// Executes the program anew from its path, so that a new version takes over. Returns only if nothing could be executed.
pub fn reexec(path: &std::ffi::CStr) {
    if let Some(table) = TABLE.get() {
        // The next image opens the file it was executed from.
        let before = table.head.exe.get();
        crash::again(Some(path));
        table.head.exe.set(before);
    }
}

/// Executes the program anew, from the kept descriptor.
pub fn anew() {
    crash::again(None);
}

/// Executes a copy of the program in memory, so that nothing of ours holds the root file system. Returns if that
/// can't be done.
pub fn into_memory() {
    let Some(table) = TABLE.get() else { return };
    let Ok(copy) = image::of_self() else { return };
    let before = table.head.exe.get();
    table.head.exe.set(fd::keep_raw(copy));
    crash::again(Some(c""));
    fd::close(table.head.exe.get());
    table.head.exe.set(before);
}

#[cfg(test)]
#[path = "recover_tests.rs"]
mod tests;
