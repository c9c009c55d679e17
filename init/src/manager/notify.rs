//! `sd_notify`: one datagram socket for each instance, so that the sender is known by the socket.

use crate::core::Notice;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, bind, recv, socket};
use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longest datagram that is read; a longer one is cut.
const MAX_DATAGRAM: usize = 4096;
/// Longest `STATUS=` that is kept.
const MAX_STATUS: usize = 512;
/// Datagrams read in one go, so that a flood can't hold the loop.
const MAX_BURST: usize = 64;

/// What one assignment says, before anything about it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// To be handed to the core as it is.
    Notice(Notice),
    /// `MAINPID=`: counts only if it is the service's.
    MainPid(i32),
}

/// Reads a datagram: known assignments in order; everything else is ignored (garbage and empty ones too). Pure.
pub fn parse(datagram: &[u8]) -> Vec<Said> {
    let Ok(text) = std::str::from_utf8(datagram) else { return Vec::new() };
    text.split('\n')
        .filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            Some(match (key, value) {
                ("READY", "1") => Said::Notice(Notice::Ready),
                ("STOPPING", "1") => Said::Notice(Notice::Stopping),
                ("STATUS", text) => Said::Notice(Notice::Status(clean(text))),
                ("MAINPID", pid) => Said::MainPid(pid.parse().ok().filter(|p| *p > 1)?),
                _ => return None,
            })
        })
        .collect()
}

/// A status is shown on terminals: no control characters, not too long.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_STATUS).collect()
}

/// Makes the socket at `path`; anyone may write to it, since the service may run as any user.
///
/// # Errors
/// As `socket(2)`, `bind(2)`.
pub fn listen(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    let _ = fs::remove_file(path);
    bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))
        .map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    Ok(fd)
}

/// Reads the datagrams that are there. The second value tells that there may be more.
pub fn drain(fd: BorrowedFd<'_>) -> (Vec<Said>, bool) {
    let mut said = Vec::new();
    for _ in 0..MAX_BURST {
        let mut buffer = [0; MAX_DATAGRAM];
        match recv(fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => said.extend(parse(buffer.get(..length).unwrap_or(&[]))),
            Err(Errno::EINTR) => {}
            Err(_) => return (said, false),
        }
    }
    (said, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn assignments_are_read_and_the_rest_ignored() {
        let said =
            parse(b"READY=1\nSTATUS=up \x1b[1mand\x07 fine\nMAINPID=77\nMAINPID=1\nMAINPID=-3\nREADY=2\nX\n=\n\n");
        assert_eq!(
            said,
            [Said::Notice(Notice::Ready), Said::Notice(Notice::Status("up [1mand fine".into())), Said::MainPid(77)]
        );
        assert_eq!(parse(b""), []);
    }

    proptest! {
        #[test]
        fn garbage_is_ignored(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
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
        use std::os::fd::AsFd;
        assert_eq!(drain(fd.as_fd()), (vec![Said::Notice(Notice::Ready)], false));
        fs::remove_dir_all(&folder).expect("clean");
    }
}
