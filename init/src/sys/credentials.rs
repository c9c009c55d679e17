//! Who is at the other end of a Unix socket.

use nix::errno::Errno;
use nix::sys::socket::{SockFlag, accept4, getsockopt, sockopt};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Most groups of a peer that are looked at.
const MAX_GROUPS: usize = 1024;

/// Takes in the next one who knocks, non-blocking and close-on-exec.
///
/// # Errors
/// As `accept4(2)`: `EAGAIN` when there is nobody.
pub fn accept(listener: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let raw = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)?;
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// The user that connected (`SO_PEERCRED`).
pub fn peer_uid(socket: BorrowedFd<'_>) -> Option<u32> {
    getsockopt(&socket, sockopt::PeerCredentials).ok().map(|c| c.uid())
}

/// The process that connected (`SO_PEERCRED`); 0 where it is in another PID namespace.
pub fn peer_pid(socket: BorrowedFd<'_>) -> Option<i32> {
    getsockopt(&socket, sockopt::PeerCredentials).ok().map(|c| c.pid())
}

/// The groups of the process that connected: its own (`SO_PEERCRED`) and the supplementary ones (`SO_PEERGROUPS`).
pub fn peer_groups(socket: BorrowedFd<'_>) -> Vec<u32> {
    let mut groups = vec![0u32; MAX_GROUPS];
    let mut length = libc::socklen_t::try_from(size_of::<u32>() * MAX_GROUPS).unwrap_or(0);
    // SAFETY: the buffer is as long as `length` says.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    groups.truncate(if done == 0 { length as usize / size_of::<u32>() } else { 0 });
    groups.extend(getsockopt(&socket, sockopt::PeerCredentials).ok().map(|c| c.gid()));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn the_peer_is_us() {
        let (a, _b) = crate::sys::seqpacket::pair().expect("pair");
        assert_eq!(peer_uid(a.as_fd()), Some(nix::unistd::getuid().as_raw()));
        assert!(peer_groups(a.as_fd()).contains(&nix::unistd::getgid().as_raw()));
    }
}
