//! Network interfaces.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::os::fd::AsRawFd;

/// Brings the loopback interface of this network namespace up.
///
/// # Errors
/// As `netdevice(7)`: `EPERM` without `CAP_NET_ADMIN` over the namespace.
pub fn loopback_up() -> Result<(), Errno> {
    up("lo")
}

/// Brings an interface of this network namespace up.
///
/// # Errors
/// As `netdevice(7)`; `EINVAL` for a name that is too long.
pub fn up(name: &str) -> Result<(), Errno> {
    let sock = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all zeros are a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(Errno::EINVAL);
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    // SAFETY: the request outlives the call and holds a terminated name; the kernel fills in its flags.
    Errno::result(unsafe { libc::ioctl(sock.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) })?;
    let up = libc::c_short::try_from(libc::IFF_UP).map_err(|_| Errno::EINVAL)?;
    // SAFETY: SIOCGIFFLAGS has just filled in this member of the union.
    unsafe { request.ifr_ifru.ifru_flags |= up };
    // SAFETY: as above; the kernel only reads it.
    Errno::result(unsafe { libc::ioctl(sock.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }).map(drop)
}
