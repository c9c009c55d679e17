//! The two files. Only files that exist and can be written are touched; nobody is ever waited for.

use super::{Backlog, Kind, LEN, Record, Time};
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Records in a utmp that are looked at: more than any machine has terminals.
const MAX_RECORDS: u64 = 1 << 16;

/// The clock, as records hold it.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (u32::try_from(since.as_secs()).unwrap_or(u32::MAX), since.subsec_micros())
}

/// All records of a file, in order. A torn one at the end is left out.
///
/// # Errors
/// As `open(2)` and `read(2)`.
pub fn read(path: &Path) -> io::Result<Vec<Record>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_RECORDS * LEN as u64).read_to_end(&mut bytes)?;
    Ok(bytes.chunks_exact(LEN).filter_map(Record::decode).collect())
}

/// The previous and the current level as the first level record tells them.
pub fn levels(path: &Path) -> Option<(char, char)> {
    read(path).ok()?.iter().find_map(Record::levels)
}

/// Where records go.
#[derive(Debug)]
pub struct Files {
    /// Who is in.
    pub utmp: PathBuf,
    /// What happened.
    pub wtmp: PathBuf,
    /// Put into machine records of wtmp as their host.
    pub release: String,
    late_utmp: Backlog,
    late_wtmp: Backlog,
}

impl Default for Files {
    fn default() -> Self {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self::new("/run/utmp".into(), "/var/log/wtmp".into(), release.trim())
    }
}

impl Files {
    /// These two files.
    pub fn new(utmp: PathBuf, wtmp: PathBuf, release: &str) -> Self {
        let (late_utmp, late_wtmp) = (Backlog::default(), Backlog::default());
        Self { utmp, wtmp, release: release.into(), late_utmp, late_wtmp }
    }

    /// Makes utmp what it is at boot, and gives it to the group `gid`: without what was written before `since`. What lines
    /// of inittab have written of themselves in the meantime stays.
    ///
    /// # Errors
    /// As `open(2)` and `write(2)`.
    pub fn create_utmp(&self, gid: Option<u32>, since: Time) -> io::Result<()> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o664).open(&self.utmp)?;
        lock(&file)?;
        let old = read(&self.utmp)?;
        let kept: Vec<u8> = old.iter().filter(|r| r.time >= since).flat_map(Record::encode).collect();
        file.set_len(kept.len() as u64)?;
        file.write_all_at(&kept, 0)?;
        if let Some(gid) = gid {
            // Logins still work without it; only programs of that group can't write.
            let _ = std::os::unix::fs::fchown(&file, None, Some(gid));
        }
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o664))
    }

    /// Writes the record to both files (`shutdown` to wtmp alone). What can't be written now is kept for the next
    /// time where that makes sense; says whether each file has it.
    pub fn write(&mut self, record: &Record) -> (bool, bool) {
        let down = record.user == "shutdown";
        let in_utmp = !down && flush(&mut self.late_utmp, record, |r| replace(&self.utmp, r));
        // Every record of wtmp names the kernel, as sysvinit's do.
        let in_wtmp = Record { host: self.release.clone(), ..record.clone() };
        (in_utmp, flush(&mut self.late_wtmp, &in_wtmp, |r| append(&self.wtmp, r)))
    }

    /// A process has started: `records` are what is told of it, of which utmp keeps the last. Nothing is written if it is
    /// gone by now, or utmp has a record of it already: it came faster, or we were asked before.
    pub fn start(&self, records: &[Record], lives: impl Fn() -> bool) {
        let Some(last) = records.last() else { return };
        let wanted = self.with_utmp(|utmp, old| {
            let known = old.iter().any(|r| r.is_process() && r.kind != Kind::DeadProcess && r.pid == last.pid);
            let wanted = !known && lives();
            if wanted && let Some(utmp) = utmp {
                let _ = put(utmp, old, last);
            }
            wanted
        });
        if wanted {
            records.iter().for_each(|r| self.log(r));
        }
    }

    /// A process has ended. Its record is found by its pid, as it may have chosen another id; one that another process has
    /// taken since is let be.
    pub fn end(&self, started: &Record, exit: (i16, i16), time: Time) {
        let dead = self.with_utmp(|utmp, old| {
            let Some(utmp) = utmp else { return Some(started.dead_process(exit, time)) };
            let own = old.iter().find(|r| r.is_process() && r.pid == started.pid && r.kind != Kind::DeadProcess)?;
            let dead = own.dead_process(exit, time);
            let _ = put(utmp, old, &dead);
            Some(dead)
        });
        dead.iter().for_each(|r| self.log(r));
    }

    /// Appends to wtmp.
    fn log(&self, record: &Record) {
        let host = if record.kind == Kind::UserProcess { String::new() } else { self.release.clone() };
        let _ = append(&self.wtmp, &Record { host, ..record.clone() });
    }

    /// Calls with utmp, locked, and what it holds; with nothing where there is none, or it can't be had.
    fn with_utmp<T>(&self, with: impl FnOnce(Option<&File>, &[Record]) -> T) -> T {
        let open = || {
            let file = OpenOptions::new().read(true).write(true).open(&self.utmp)?;
            lock(&file)?;
            Ok::<_, io::Error>((read(&self.utmp)?, file))
        };
        match open() {
            Ok((records, file)) => with(Some(&file), &records),
            Err(_) => with(None, &[]),
        }
    }
}

/// Writes a record in the place of the one it replaces, or at the end.
fn put(utmp: &File, old: &[Record], record: &Record) -> io::Result<()> {
    let place = old.iter().position(|r| record.replaces(r)).unwrap_or(old.len());
    utmp.write_all_at(&record.encode(), (place * LEN) as u64)
}

fn flush(late: &mut Backlog, record: &Record, write: impl Fn(&Record) -> io::Result<()>) -> bool {
    let done = late.with(record).iter().try_for_each(write).is_ok();
    if done {
        late.clear()
    } else {
        late.keep(record.clone())
    }
    done
}

fn append(path: &Path, record: &Record) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    lock(&file)?;
    // A torn record (full disk) would shift all that follow: end on a record's edge.
    let end = file.metadata()?.len();
    if end % LEN as u64 != 0 {
        file.set_len(end - end % LEN as u64)?;
    }
    file.write_all(&record.encode())
}

fn replace(path: &Path, record: &Record) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    lock(&file)?;
    put(&file, &read(path)?, record)
}

/// Locks the whole file against glibc's `pututxline` and our own kind, until it is closed. Others hold it for
/// microseconds; one that doesn't let go must not hold up a boot, so this gives up after a few tries.
fn lock(file: &File) -> io::Result<()> {
    let whole = libc::flock {
        l_type: i16::try_from(libc::F_WRLCK).unwrap_or(1),
        l_whence: 0, // SEEK_SET
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let mut tries = 10;
    loop {
        match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&whole)) {
            Ok(_) => return Ok(()),
            Err(_) if tries > 0 => tries -= 1,
            Err(e) => return Err(e.into()),
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
