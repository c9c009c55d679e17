//! What the listener at `/run/initctl` begins with: the FIFO, made and open, so that nobody has to wait for it. What is
//! written before it reads waits in the FIFO, and what PID 1 is signalled waits as well.

use super::inittab::LISTENER;
use crate::unit::{Command, ExecKind, Unit};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat, stat};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Where sysvinit's programs ask.
const PATH: &str = "/run/initctl";
/// Where programs of old do.
const OLD_PATH: &str = "/dev/initctl";

/// Whether this is the listener's own process: of the unit of that name somebody may have made something else.
pub fn is_listener(unit: &Unit, kind: ExecKind, command: &Command) -> bool {
    let mut words = command.words.iter();
    let is_sysv = words.next().is_some_and(|program| program.ends_with("/sysv"));
    kind == ExecKind::Start && unit.name.as_str() == LISTENER && is_sysv && words.eq(["fifo"])
}

/// The FIFO for the listener; where it can't be had the listener says why.
pub fn prepare() -> Option<OwnedFd> {
    if std::fs::symlink_metadata(OLD_PATH).is_err() {
        let _ = std::os::unix::fs::symlink(PATH, OLD_PATH);
    }
    prepare_at(Path::new(PATH))
}

fn prepare_at(path: &Path) -> Option<OwnedFd> {
    let is_fifo = |mode| SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFIFO;
    match stat(path) {
        Ok(there) if is_fifo(there.st_mode) => {}
        Err(Errno::ENOENT) => nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).ok()?,
        _ => return None,
    }
    // For writing too: it never ends, whoever closes it.
    let fifo =
        open(path, OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, Mode::empty()).ok()?;
    fstat(&fifo).is_ok_and(|there| is_fifo(there.st_mode)).then_some(fifo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_where_nothing_is_and_holds_what_is_written() {
        let path = std::env::temp_dir().join(format!("rung-fifo-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let fifo = prepare_at(&path).expect("made");
        assert_eq!(std::fs::metadata(&path).expect("a FIFO").permissions().mode() & 0o777, 0o600);
        std::fs::OpenOptions::new().write(true).open(&path).expect("a reader is there").write_all(b"x").expect("room");
        let again = prepare_at(&path).expect("as it is");
        let mut byte = [0];
        assert_eq!((nix::unistd::read(&again, &mut byte), byte), (Ok(1), *b"x"), "the same FIFO");
        drop((fifo, again));
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, "").expect("a file");
        assert!(prepare_at(&path).is_none());
        std::fs::remove_file(&path).expect("removed");
    }
}
