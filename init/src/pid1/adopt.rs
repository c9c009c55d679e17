//! Taking over processes that PID 1 didn't start for the manager.

use super::slots::Slots;
use super::table::{ORPHANS, Slot, Table};
use super::{Tag, tag};
use crate::proto::pid1::{Exit, Key, Life};
use crate::sys::epoll::Epoll;
use crate::sys::shared::Field;
use crate::sys::{pidfd, process};
use nix::errno::Errno;

/// Notes the end of a process that belongs to nobody.
pub fn orphan(table: &Table, pid: i32, exit: Exit) {
    let count = table.head.orphan_count.get();
    let place = usize::try_from(count).unwrap_or(0) % ORPHANS;
    if let Some(orphan) = table.orphans.get(place) {
        orphan.pid.set(0);
        orphan.reaped.set(process::boot_ticks());
        orphan.life.set(Life::Over(exit).to_word());
        orphan.pid.set(pid);
    }
    table.head.orphan_count.set(count.wrapping_add(1));
}

/// The end of the process `pid` that started at `start_time`, if it is among the last orphans. Asking `/proc` for
/// the start time of every orphan would cost more than reaping it; but the first end of a pid after that time is it.
fn found_dead(table: &Table, pid: i32, start_time: u64) -> Option<Life> {
    let same = table.orphans.iter().filter(|o| o.pid.get() == pid && o.reaped.get() >= start_time);
    let end = if start_time == 0 { same.max_by_key(|o| o.reaped.get()) } else { same.min_by_key(|o| o.reaped.get()) };
    Life::from_word(end?.life.get())
}

/// Fills the slot of `key` with a process that runs, or has just ended.
///
/// # Errors
/// `EEXIST`: the key or the process has a slot; `ESRCH`: there is no such process; `ENOSPC`: no slot is free.
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
    // The descriptor first: what it names is then checked, and can't change any more.
    let watch = (!process::is_child(pid)).then(|| pidfd::open(pid));
    let seen = process::start_time(pid);
    let same = start_time == 0 || seen.is_none_or(|seen| seen == start_time);
    // Without pidfds (an old kernel, a filter) the start time tells whether it is still the same.
    let polled = matches!(watch, Some(Err(Errno::ENOSYS | Errno::EPERM))) && seen.is_some();
    if !same || (matches!(watch, Some(Err(_))) && !polled) {
        let end = found_dead(table, pid, start_time).ok_or(Errno::ESRCH)?;
        let (index, slot) = slots.insert(key, Life::Running)?;
        slot.pid.set(pid);
        slot.start_time.set(start_time);
        slots.set(index, end);
        return Ok(());
    }
    let (index, slot) = slots.insert(key, Life::Running)?;
    slots.started(index, pid, seen.unwrap_or(start_time));
    slot.polled.set(polled.into());
    if let Some(Ok(watch)) = watch {
        slot.watch.put(watch);
        epoll.add_recorded(&slot.watch, tag(Tag::Process, index));
    }
    Ok(())
}

/// The slots whose processes have to be looked at.
pub fn polled(slots: &Slots) -> impl Iterator<Item = (usize, &'static Slot)> + use<> {
    let polled = |slot: &Slot, life: Life| slot.polled.get() == 1 && life == Life::Running;
    slots.all().filter(move |(_, slot, life)| polled(slot, *life)).map(|(index, slot, _)| (index, slot))
}

/// Whether the process of a polled slot is gone.
pub fn is_gone(slot: &Slot) -> bool {
    process::start_time(slot.pid.get()) != Some(slot.start_time.get())
}

/// Stops watching the process of a slot.
pub fn unwatch(slot: &Slot, epoll: &Epoll) {
    slot.polled.set(0);
    epoll.drop_recorded(&slot.watch);
}

/// Sends a signal to the process of a slot, or to the group it leads. Nothing happens when it is over.
///
/// # Errors
/// As `kill(2)`; `ESRCH`: a pid that isn't a child's has come to mean another process.
pub fn signal(slot: &Slot, signal: i32, group: bool) -> Result<(), Errno> {
    let pid = slot.pid.get();
    if matches!(slot.life(), Some(Life::Over(_))) || pid <= 1 {
        return Ok(());
    }
    if slot.polled.get() == 1 && is_gone(slot) {
        return Err(Errno::ESRCH);
    }
    let group = group && process::leads_group(pid);
    if let Some(watch) = slot.pidfd() {
        // Not our child: only what its descriptor says is still there.
        pidfd::signal(watch, if group { 0 } else { signal })?;
        if !group {
            return Ok(());
        }
    }
    process::kill(if group { pid.saturating_neg() } else { pid }, signal)
}
