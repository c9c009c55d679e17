//! The boots that something is known of: this one by the manager, and by its record once it is done; earlier ones by
//! theirs.

use crate::exit::Failure;
use init::client;
use init::log::boots::{self, File, LONGEST};
use init::proto::control::{BootRecord, BootStage};
use init::sys::file;
use std::io;
use std::path::{Path, PathBuf};

/// One boot, or why what is kept of it can't be read.
#[derive(Debug)]
pub struct Boot {
    /// What names it.
    pub name: String,
    /// What is known of it.
    pub record: Result<BootRecord, String>,
}

/// Which of them is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which(pub String);

impl Default for Which {
    fn default() -> Self {
        Self("0".to_owned())
    }
}

/// Where records lie.
#[derive(Debug)]
pub struct Folders([PathBuf; 2]);

impl Folders {
    /// This system's.
    pub fn of_system() -> Self {
        let given = std::env::var_os("RUNG_LOGDIR").filter(|d| !d.is_empty());
        let logs = given.map_or_else(|| "/var/log/rung".into(), PathBuf::from);
        Self([boots::lasting(&logs), boots::run(&client::run_dir().join("log"))])
    }

    /// All boots, the last one last. `now`: this one, as the manager tells.
    ///
    /// # Errors
    /// A folder is there and can't be read: its path, and why.
    pub fn all(&self, now: Option<BootRecord>) -> Result<Vec<Boot>, (PathBuf, io::Error)> {
        let [lasting, run] = &self.0;
        let mut files = Vec::new();
        for folder in [lasting, run] {
            for file in boots::list(folder).map_err(|e| (folder.clone(), e))? {
                files.retain(|other: &File| other.boot != file.boot);
                files.push(file);
            }
        }
        let mut all: Vec<Boot> =
            files.iter().map(|file| Boot { name: file.boot.clone(), record: read(&file.path, &file.boot) }).collect();
        if let Some(now) = now {
            let kept = all.iter().position(|boot| boot.name == now.boot).map(|at| all.remove(at).record);
            // The record has what the manager forgets: load and CPU times. Until the boot is done it is but a beginning.
            let whole = kept.and_then(Result::ok).filter(|record| record.stage == BootStage::Done);
            all.push(Boot { name: now.boot.clone(), record: Ok(whole.unwrap_or(now)) });
        }
        Ok(all)
    }
}

fn read(path: &Path, boot: &str) -> Result<BootRecord, String> {
    let why = |text: String| format!("{}: {text}", path.display());
    let text = file::read(path, LONGEST).map_err(|e| why(e.desc().to_owned()))?;
    let record: BootRecord = serde_json::from_slice(&text).map_err(|e| why(format!("it is damaged: {e}")))?;
    if record.boot == boot { Ok(record) } else { Err(why("it is another boot's".to_owned())) }
}

impl Which {
    /// Its place, counted as journalctl does: 0 is the last, -1 the one before, 1 the first that is known; or its name.
    ///
    /// # Errors
    /// There is none such.
    pub fn find(&self, boots: &[Boot]) -> Result<usize, String> {
        if let Some(at) = boots.iter().position(|boot| boot.name == self.0) {
            return Ok(at);
        }
        let known = match boots.len() {
            0 | 1 => "only this boot is known".to_owned(),
            n => format!(
                "{n} are known: 0 is this one, -1 the one before, {} the first",
                1 - i64::try_from(n).unwrap_or(1)
            ),
        };
        let Ok(number) = self.0.parse::<i64>() else {
            return Err(format!("no boot is named `{}`; {known}\n  try: initctl boot list", self.0));
        };
        let back = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
        let at = if number > 0 { back.checked_sub(1) } else { boots.len().checked_sub(back.saturating_add(1)) };
        at.filter(|at| *at < boots.len())
            .ok_or_else(|| format!("there is no boot {number}; {known}\n  try: initctl boot list"))
    }
}

/// A failure's words for a folder that can't be read.
pub fn unreadable((folder, error): (PathBuf, io::Error)) -> Failure {
    crate::logs::unreadable("the records of boots", &folder.display(), &error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn boots_are_counted_as_journalctl_does() {
        let boot = |name: &str| Boot { name: name.into(), record: Err(String::new()) };
        let boots = [boot("aa"), boot("bb"), boot("12")];
        let find = |text: &str| Which(text.into()).find(&boots);
        for (text, at) in [("0", 2), ("-0", 2), ("-1", 1), ("-2", 0), ("1", 0), ("3", 2), ("bb", 1), ("12", 2)] {
            assert_eq!(find(text), Ok(at), "{text}");
        }
        for wrong in ["-3", "4", "cc", "", "-9223372036854775808", "99999999999999999999"] {
            let text = find(wrong).expect_err(wrong);
            assert!(text.contains("-2 the first") && text.contains("try: initctl boot list"), "{text}");
        }
        assert!(Which::default().find(&[]).is_err());
    }

    #[test]
    fn a_damaged_record_is_named_and_keeps_its_place() {
        let folder = std::env::temp_dir().join(format!("rung-known-boots-{}", std::process::id()));
        let folders = Folders([folder.join("lasting"), folder.join("run")]);
        let record = |boot: &str, now_ms| BootRecord {
            boot: boot.into(),
            stage: BootStage::Done,
            now_ms,
            ..BootRecord::default()
        };
        let text = |record: &BootRecord| serde_json::to_vec(record).expect("text");
        for (boot, text) in
            [("aa", text(&record("aa", 1))), ("bb", b"{\"boot".to_vec()), ("cc", text(&record("xx", 1)))]
        {
            boots::write(&folders.0[0], boot, &text).expect("written");
        }
        boots::write(&folders.0[1], "dd", &text(&record("dd", 7))).expect("written");
        let all = folders.all(Some(record("dd", 9))).expect("boots");
        let names: Vec<&str> = all.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(names, ["aa", "bb", "cc", "dd"]);
        assert_eq!(all[0].record.as_ref().map(|r| r.now_ms), Ok(1));
        let wrong = all[1].record.as_ref().expect_err("damaged");
        assert!(wrong.contains("00000002-bb.json: it is damaged"), "{wrong}");
        assert!(all[2].record.as_ref().expect_err("another's").contains("another boot"));
        assert_eq!(all[3].record.as_ref().map(|r| r.now_ms), Ok(7), "the record has more than the manager still knows");
        fs::remove_dir_all(&folder).expect("clean");
    }
}
