//! Taking over processes that PID 1 didn't start for the manager.

use super::slots::Slots;
use super::table::{Field, ORPHANS, Table, pack, unpack};
use super::{Tag, tag};
use crate::proto::pid1::{Exit, Key, Life};
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::{fd, pidfd, process};
use nix::errno::Errno;
use std::os::fd::IntoRawFd;

/// Notes the end of a process that belongs to nobody.
pub fn orphan(table: &Table, pid: i32, exit: Exit) {
    let count = table.head.orphan_count.get();
    let place = usize::try_from(count).unwrap_or(0) % ORPHANS;
    if let Some(orphan) = table.orphans.get(place) {
        orphan.pid.set(0);
        orphan.reaped.set(process::boot_ticks());
        orphan.life.set(pack(Life::Over(exit)));
        orphan.pid.set(pid);
    }
    table.head.orphan_count.set(count.wrapping_add(1));
}

/// The end of the process `pid` that started at `start_time`, if it is among the last orphans. Asking `/proc` for
/// the start time of every orphan would cost more than reaping it; but the first end of a pid after that time is it.
fn found_dead(table: &Table, pid: i32, start_time: u64) -> Option<Life> {
    let same = table.orphans.iter().filter(|o| o.pid.get() == pid && o.reaped.get() >= start_time);
    let end = if start_time == 0 { same.max_by_key(|o| o.reaped.get()) } else { same.min_by_key(|o| o.reaped.get()) };
    unpack(end?.life.get())
}

/// Fills the slot of `key` with a process that runs, or has just ended.
///
/// # Errors
/// `EEXIST`: the key or the process has a slot; `ESRCH`: there is no such process; else as `pidfd_open(2)`.
pub fn adopt(
    table: &Table,
    slots: &mut Slots,
    epoll: &Epoll,
    key: Key,
    pid: i32,
    start_time: u64,
) -> Result<(), Errno> {
    if slots.find(key).is_some() || slots.by_pid(pid).is_some() {
        return Err(Errno::EEXIST);
    }
    if pid <= 1 {
        return Err(Errno::ESRCH);
    }
    let is_child = process::is_child(pid);
    // The descriptor first: what it names is then checked, and can't change any more.
    let watch = if is_child { None } else { Some(pidfd::open(pid)) };
    let seen = process::start_time(pid);
    let same = start_time == 0 || seen.is_none_or(|seen| seen == start_time);
    // Without pidfds (an old kernel, a filter) the start time tells whether it is still the same.
    let polled = matches!(watch, Some(Err(Errno::ENOSYS | Errno::EPERM))) && seen.is_some();
    let alive = is_child || polled || matches!(watch, Some(Ok(_)));
    if !alive || !same {
        let end = found_dead(table, pid, start_time).ok_or(Errno::ESRCH)?;
        let index = slots.insert(key, Life::Running)?;
        if let Some((slot, _)) = slots.get(index) {
            slot.pid.set(pid);
            slot.start_time.set(start_time);
        }
        slots.set(index, end);
        return Ok(());
    }
    let index = slots.insert(key, Life::Running)?;
    slots.started(index, pid, seen.unwrap_or(start_time));
    if let Some((slot, _)) = slots.get(index) {
        slot.polled.set(polled.into());
    }
    if let (Some(Ok(watch)), Some((slot, _))) = (watch, slots.get(index)) {
        let watch = fd::keep(watch);
        let _ = epoll.add(&watch, Ready::EPOLLIN, tag(Tag::Process, index));
        slot.pidfd.set(watch.into_raw_fd());
    }
    Ok(())
}

/// The slots whose processes have to be looked at.
pub fn polled(slots: &Slots) -> impl Iterator<Item = usize> + use<> {
    slots.all().filter(|(_, slot, life)| slot.polled.get() == 1 && *life == Life::Running).map(|(index, ..)| index)
}

/// Whether the process of a polled slot is gone.
pub fn is_gone(slots: &Slots, index: usize) -> bool {
    slots.get(index).is_some_and(|(slot, _)| process::start_time(slot.pid.get()) != Some(slot.start_time.get()))
}

/// Stops watching the process of a slot.
pub fn unwatch(slots: &Slots, epoll: &Epoll, index: usize) {
    let Some((slot, _)) = slots.get(index) else { return };
    let raw = slot.pidfd.get();
    slot.pidfd.set(0);
    slot.polled.set(0);
    if let Some(watch) = fd::borrow(raw).filter(|_| raw > 0) {
        let _ = epoll.remove(watch);
        fd::close(raw);
    }
}

/// Sends a signal to the process of a slot, or to the group it leads. Nothing happens when it is over.
///
/// # Errors
/// As `kill(2)`; `ESRCH`: a pid that isn't a child's has come to mean another process.
pub fn signal(slots: &Slots, index: usize, signal: i32, group: bool) -> Result<(), Errno> {
    let Some((slot, life)) = slots.get(index) else { return Err(Errno::ESRCH) };
    let pid = slot.pid.get();
    if matches!(life, Life::Over(_)) || pid <= 1 {
        return Ok(());
    }
    if slot.polled.get() == 1 && is_gone(slots, index) {
        return Err(Errno::ESRCH);
    }
    let watch = fd::borrow(slot.pidfd.get()).filter(|_| slot.pidfd.get() > 0);
    if let Some(watch) = watch {
        // Not our child: only what its descriptor says is still there.
        pidfd::signal(watch, if group { 0 } else { signal })?;
    }
    match (group && process::leads_group(pid), watch) {
        (true, _) => process::kill(pid.saturating_neg(), signal),
        (false, Some(watch)) if group => pidfd::signal(watch, signal),
        (false, Some(_)) => Ok(()),
        (false, None) => process::kill(pid, signal),
    }
}
