//! Whether anything is left of an instance: asked at each stop, and answered at once where nothing is.

use super::procs;
use super::state::Manager;
use crate::core::UnitId;
use crate::proto::pid1::{Key, Life};
use crate::sys::file;
use std::collections::HashSet;
use std::path::PathBuf;

/// How often a process's list of children is read until two readings agree; while its children end all the time we look
/// through all processes instead.
const READINGS: usize = 4;

/// What is known of PID 1's children.
#[derive(Debug, Default)]
pub struct Known {
    /// Those that have a slot of their own, and aren't watched only for their end.
    pids: HashSet<i32>,
    /// The instance that was seen to be empty last. Nobody comes to life in it by itself.
    vacant: Option<u64>,
}

impl Known {
    /// A slot changed.
    pub fn note(&mut self, pid: i32, life: Life) {
        if matches!(life, Life::Over(_)) {
            self.pids.remove(&pid);
        } else if pid > 0 {
            self.pids.insert(pid);
        }
    }

    /// A process of the instance is asked for, or taken over.
    pub fn peopled(&mut self, key: Key) {
        self.vacant.take_if(|token| *token == key.token);
    }
}

impl Manager {
    /// Whether nothing is left of an instance.
    pub fn is_vacant(&mut self, unit: UnitId, token: u64) -> bool {
        if self.known.vacant == Some(token) {
            return true;
        }
        let view = self.core.view(unit);
        if view.main_key.is_some() || view.control_key.is_some() {
            return false;
        }
        let empty = match &self.tree {
            Some(tree) => tree.is_empty(view.name.as_str()),
            None => self.members_at_event(token).is_empty(),
        };
        if empty {
            self.known.vacant = Some(token);
        }
        empty
    }

    /// Whether PID 1 has children that it started for nobody. Without any, nothing is left of what has ended: whoever
    /// outlives its parents becomes a child of PID 1, and what it starts itself descends from that one.
    pub(super) fn has_strangers(&self) -> bool {
        let pid1 = self.machine.pid1;
        let path = PathBuf::from(format!("/proc/{pid1}/task/{pid1}/children"));
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let is_known = |pid: i32| pid == own || self.known.pids.contains(&pid);
        // Not every kernel has that file.
        !has_only(is_known, || procs::sleeps(pid1), || file::read_text(&path, 1 << 20).ok())
    }
}

/// Whether a process's children are all known. The kernel goes through them by their places in a list (proc(5),
/// `/proc/PID/task/TID/children`): when one ends that it has told already, the next one moves up and is left out. So a
/// reading that left somebody out holds one that is gone, and the next reading can't be the same. There is none to go by
/// where the process has slept all the while: one that it hasn't reaped keeps its place. Of ten thousand a reading takes
/// the kernel 5 ms.
fn has_only(
    is_known: impl Fn(i32) -> bool,
    sleeps: impl Fn() -> Option<u64>,
    mut read: impl FnMut() -> Option<String>,
) -> bool {
    let mut last = None;
    for _ in 0..READINGS {
        let before = sleeps();
        let Some(text) = read() else { return false };
        if last.as_ref() == Some(&text) {
            return true;
        }
        if !text.split_ascii_whitespace().all(|pid| pid.parse().is_ok_and(&is_known)) {
            return false;
        }
        if before.is_some() && before == sleeps() {
            return true;
        }
        last = Some(text);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_below_ten(readings: &[&str]) -> (bool, usize) {
        only_while(readings, || None)
    }

    fn only_while(readings: &[&str], sleeps: impl Fn() -> Option<u64>) -> (bool, usize) {
        let mut read = 0;
        let only = has_only(
            |pid| pid < 10,
            sleeps,
            || {
                read += 1;
                readings.get(read - 1).map(|text| (*text).to_owned())
            },
        );
        (only, read)
    }

    #[test]
    fn a_child_that_one_reading_leaves_out_is_seen_by_the_next() {
        // 7 ended while it was told, so that 12 moved up into its place.
        assert_eq!(only_below_ten(&["5 7 8", "5 12 8", "5 12 8"]), (false, 2));
        assert_eq!(only_below_ten(&["5 7 8", "5 8", "5 8"]), (true, 3), "nobody was left out");
        assert_eq!(only_below_ten(&["5 8 ", "5 8 "]), (true, 2));
        assert_eq!(only_below_ten(&["", ""]), (true, 2));
        assert_eq!(only_below_ten(&["5 12"]), (false, 1), "a stranger that is seen is one");
    }

    #[test]
    fn one_reading_is_enough_while_the_parent_sleeps() {
        assert_eq!(only_while(&["5 7 8", "5 12 8"], || Some(3)), (true, 1));
        assert_eq!(only_while(&["5 12 8"], || Some(3)), (false, 1));
        let count = std::cell::Cell::new(0);
        let woken = || {
            count.set(count.get() + 1);
            Some(count.get())
        };
        assert_eq!(only_while(&["5 7 8", "5 12 8"], woken), (false, 2), "it has done something meanwhile");
    }

    #[test]
    fn what_cannot_be_known_is_looked_for_otherwise() {
        assert_eq!(only_below_ten(&[]), (false, 1), "a kernel without that file");
        assert_eq!(only_below_ten(&["5 x"]), (false, 1));
        let (only, read) = only_below_ten(&["1 2", "2 3", "3 4", "4 5", "5 6", "5 6"]);
        assert_eq!((only, read), (false, READINGS), "children come and go all the time");
    }
}
