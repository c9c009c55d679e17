//! `/run/sendsigs.omit.d/rung`: the pids of our own processes that last, which scripts at the end of a SysV machine's life
//! hand to `killall5` so that it leaves them alone. Only a courtesy: whoever kills us all the same gets new ones.

use super::helper;
use super::state::Manager;
use crate::proto::pid1::{Key, Life};
use crate::sys::file;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The folder that `sendsigs` looks through.
const FOLDER: &str = "/run/sendsigs.omit.d";
/// Where run-time state lies on a machine; a manager that has it elsewhere is no machine's.
const RUN_DIR: &str = "/run/rung";

/// Helpers that last: the logger, and who reads the FIFO.
#[derive(Debug, Default)]
pub struct Lasting(BTreeMap<Key, i32>);

impl Lasting {
    /// A helper's process as PID 1 has it; whether that changes anything.
    fn note(&mut self, key: Key, pid: i32, life: Life) -> bool {
        if !helper::is_helper(key.token) || helper::is_short(key.token) {
            return false;
        }
        match life {
            Life::Over(_) => self.0.remove(&key).is_some(),
            _ if pid > 0 => self.0.insert(key, pid) != Some(pid),
            _ => false,
        }
    }
}

impl Manager {
    /// A process of ours has started or ended.
    pub fn note_own(&mut self, key: Key, pid: i32, life: Life) {
        if self.lasting.note(key, pid, life) {
            self.write_omitted();
        }
    }

    /// Writes the pids down: the manager's, then the helpers'. What can't be written isn't there.
    pub fn write_omitted(&self) {
        if self.machine.pid1 != 1 || self.machine.run_dir != Path::new(RUN_DIR) {
            return;
        }
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let lines: Vec<String> =
            std::iter::once(own).chain(self.lasting.0.values().copied()).map(|pid| format!("{pid}\n")).collect();
        let _ = fs::create_dir_all(FOLDER)
            .and_then(|()| file::replace_text(&Path::new(FOLDER).join("rung"), &lines.concat()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{accounts, logger};
    use super::*;
    use crate::proto::pid1::Exit;

    #[test]
    fn who_lasts_is_noted_until_it_ends() {
        let (mut lasting, key) = (Lasting::default(), |token, step| Key { token, step });
        assert!(lasting.note(key(logger::TOKEN, 1), 7, Life::Forked));
        assert!(!lasting.note(key(logger::TOKEN, 1), 7, Life::Running), "that is known");
        assert!(!lasting.note(key(accounts::TOKEN, 1), 8, Life::Running), "it is over soon");
        assert!(!lasting.note(key(crate::core::FIRST_TOKEN, 1), 9, Life::Running), "a service's");
        assert!(lasting.note(key(logger::TOKEN, 2), 10, Life::Running));
        assert!(lasting.note(key(logger::TOKEN, 1), 7, Life::Over(Exit::Code(0))));
        assert_eq!(lasting.0.into_values().collect::<Vec<_>>(), [10]);
    }
}
