//! `sd_notify`: one datagram socket for each instance, so that what is said is known to be said to it; and what the words
//! mean, by sd_notify(3).

use crate::core::{Millis, Notice};
use crate::sys::datagram::{self, Sender};
use crate::unit::NotifyAccess;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longest datagram that is read; a longer one is cut.
const MAX_DATAGRAM: usize = 4096;
/// Longest text (`STATUS=`, …) that is kept.
const MAX_TEXT: usize = 512;

/// What one assignment says, before anything about it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// To be handed to the core as it is.
    Notice(Notice),
    /// `MAINPID=`: counts only if it is the service's.
    MainPid(i32),
    /// `FDSTORE=1`: descriptors to be kept, which nobody does.
    Store,
}

/// Reads a datagram: known assignments in order; everything else is ignored (garbage and empty ones too). Pure.
/// `boot_ms` turns microseconds of `CLOCK_MONOTONIC` into the core's time.
pub fn parse(datagram: &[u8], boot_ms: impl Fn(u64) -> Millis) -> Vec<Said> {
    let Ok(text) = std::str::from_utf8(datagram) else { return Vec::new() };
    let pairs = || text.split('\n').filter_map(|line| line.split_once('='));
    let monotonic = pairs().find(|(key, _)| *key == "MONOTONIC_USEC").and_then(|(_, v)| v.parse().ok());
    let notices = pairs().filter_map(|(key, value)| {
        Some(Said::Notice(match (key, value) {
            ("READY", "1") => Notice::Ready,
            ("RELOADING", "1") => Notice::Reloading(monotonic.map(&boot_ms)),
            ("STOPPING", "1") => Notice::Stopping,
            ("STATUS", text) => Notice::Status(clean(text)),
            ("ERRNO", number) => Notice::Errno(number.parse().ok().filter(|n| (0..4096).contains(n))?),
            ("EXIT_STATUS", text) => Notice::ExitStatus(clean(text)),
            ("BUSERROR", text) => Notice::BusError(clean(text)),
            ("WATCHDOG", "1") => Notice::Alive,
            ("WATCHDOG", "trigger") => Notice::Trigger,
            ("WATCHDOG_USEC", micros) => Notice::WatchdogEvery(millis(micros)?),
            ("EXTEND_TIMEOUT_USEC", micros) => Notice::Extend(millis(micros)?),
            ("NOTIFYACCESS", "none") => Notice::Access(NotifyAccess::None),
            ("NOTIFYACCESS", "main") => Notice::Access(NotifyAccess::Main),
            ("NOTIFYACCESS", "exec") => Notice::Access(NotifyAccess::Exec),
            ("NOTIFYACCESS", "all") => Notice::Access(NotifyAccess::All),
            ("MAINPID", pid) => return Some(Said::MainPid(pid.parse().ok().filter(|p| *p > 1)?)),
            ("FDSTORE", "1") => return Some(Said::Store),
            _ => return None,
        }))
    });
    notices.collect()
}

/// A text is shown on terminals: no control characters, not too long.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

/// Microseconds as the core counts; a part of a millisecond is a whole one.
fn millis(micros: &str) -> Option<Millis> {
    micros.parse::<u64>().ok().map(|us| us.div_ceil(1000))
}

/// Makes the socket at `path`; anyone may write to it, since the service may run as any user. Whose words count is told
/// by the kernel's word on the sender.
///
/// # Errors
/// As `socket(2)`, `bind(2)`.
pub fn listen(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    datagram::tell_senders(fd.as_fd())?;
    let _ = fs::remove_file(path);
    bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))
        .map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    Ok(fd)
}

/// The first datagram that waits, and its sender. It goes on waiting until it is [`datagram::discard`]ed: what a manager
/// hasn't taken in when it dies, the next one reads.
pub fn first(fd: BorrowedFd<'_>) -> Option<(Vec<u8>, Option<Sender>)> {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let (length, sender) = datagram::peek(fd, &mut buffer).ok()?;
    buffer.truncate(length);
    Some((buffer, sender))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Vec<Said> {
        parse(text, |us| us / 1000 + 5)
    }

    #[test]
    fn assignments_are_read_and_the_rest_ignored() {
        let said =
            read(b"READY=1\nSTATUS=up \x1b[1mand\x07 fine\nMAINPID=77\nMAINPID=1\nMAINPID=-3\nREADY=2\nX\n=\n\n");
        assert_eq!(
            said,
            [Said::Notice(Notice::Ready), Said::Notice(Notice::Status("up [1mand fine".into())), Said::MainPid(77)]
        );
        assert_eq!(read(b""), []);
    }

    #[test]
    fn every_word_of_the_protocol_is_known() {
        for (text, notice) in [
            ("RELOADING=1\nMONOTONIC_USEC=7000", Notice::Reloading(Some(12))),
            ("RELOADING=1", Notice::Reloading(None)),
            ("STOPPING=1", Notice::Stopping),
            ("ERRNO=2", Notice::Errno(2)),
            ("EXIT_STATUS=3", Notice::ExitStatus("3".into())),
            ("BUSERROR=a.b", Notice::BusError("a.b".into())),
            ("WATCHDOG=1", Notice::Alive),
            ("WATCHDOG=trigger", Notice::Trigger),
            ("WATCHDOG_USEC=1", Notice::WatchdogEvery(1)),
            ("WATCHDOG_USEC=0", Notice::WatchdogEvery(0)),
            ("EXTEND_TIMEOUT_USEC=2000001", Notice::Extend(2001)),
            ("NOTIFYACCESS=exec", Notice::Access(NotifyAccess::Exec)),
        ] {
            assert_eq!(read(text.as_bytes()), [Said::Notice(notice)], "{text}");
        }
        assert_eq!(read(b"FDSTORE=1\nFDNAME=x"), [Said::Store]);
        for text in ["ERRNO=-1", "ERRNO=x", "WATCHDOG=0", "WATCHDOG_USEC=-1", "NOTIFYACCESS=", "MONOTONIC_USEC=1"] {
            assert_eq!(read(text.as_bytes()), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_ignored(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn datagrams_arrive_also_empty_ones() {
        let folder = std::env::temp_dir().join(format!("rung-notify-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("folder");
        let path = folder.join("16");
        let fd = listen(&path).expect("listen");
        let sender = std::os::unix::net::UnixDatagram::unbound().expect("socket");
        for datagram in [&b""[..], b"\xff\xff", b"READY=1"] {
            sender.send_to(datagram, &path).expect("send");
        }
        let mut said = Vec::new();
        while let Some((datagram, from)) = first(fd.as_fd()) {
            assert_eq!(from.map(|s| s.pid), i32::try_from(std::process::id()).ok());
            said.extend(read(&datagram));
            datagram::discard(fd.as_fd());
        }
        assert_eq!(said, [Said::Notice(Notice::Ready)]);
        fs::remove_dir_all(&folder).expect("clean");
    }
}
