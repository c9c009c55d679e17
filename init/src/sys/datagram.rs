//! Datagrams with their sender's credentials, looked at before they are taken.

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, setsockopt, sockopt};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Who sent a datagram, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The process; 0 if it can't be seen from this PID namespace.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
}

/// Room for the sender's credentials and nothing else: descriptors that travel with a datagram don't arrive.
#[repr(C, align(8))]
struct Control([u8; 32]);

/// Has the kernel tell the senders of what comes from now on.
///
/// # Errors
/// As `setsockopt(2)`.
pub fn tell_senders(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    setsockopt(&socket, sockopt::PassCred, &true)
}

/// Copies the first datagram that waits, or its beginning, and leaves it where it is. Never blocks.
///
/// # Errors
/// As `recvmsg(2)`: `EAGAIN` when there is none.
pub fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<(usize, Option<Sender>), Errno> {
    let mut control = Control([0; _]);
    let mut iov = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `msghdr` is plain data; all zero is its empty value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len();
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    let length = loop {
        // SAFETY: `message` points at live, writable buffers of the lengths it names.
        match Errno::result(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) }) {
            Ok(length) => break usize::try_from(length).unwrap_or(0),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    };
    // SAFETY: the kernel has filled `control` up to `msg_controllen`; the CMSG macros stay inside it, and the data of an
    // SCM_CREDENTIALS message is a `ucred`.
    let sender = unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message).as_ref();
        let ours = header.filter(|h| h.cmsg_level == libc::SOL_SOCKET && h.cmsg_type == libc::SCM_CREDENTIALS);
        ours.map(|h| libc::CMSG_DATA(h).cast::<libc::ucred>().read_unaligned())
    };
    Ok((length.min(buffer.len()), sender.map(|s| Sender { pid: s.pid, uid: s.uid })))
}

/// Takes the first datagram and throws it away; the kernel closes the descriptors that came with it.
pub fn discard(socket: BorrowedFd<'_>) {
    while recv(socket.as_raw_fd(), &mut [0; 1], MsgFlags::MSG_DONTWAIT) == Err(Errno::EINTR) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{pipe, seqpacket};
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use std::os::fd::AsFd;

    #[test]
    fn a_datagram_stays_until_it_is_discarded_and_so_do_its_descriptors() {
        let (ours, theirs) =
            socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::empty()).expect("pair");
        tell_senders(ours.as_fd()).expect("option");
        let (read, write) = pipe::new().expect("pipe");
        seqpacket::send(theirs.as_fd(), b"BARRIER=1", &[write.as_fd()]).expect("send");
        drop(write);
        nix::sys::socket::send(theirs.as_raw_fd(), b"next", MsgFlags::empty()).expect("send");
        let mut buffer = [0; 64];
        for _ in 0..2 {
            let (length, sender) = peek(ours.as_fd(), &mut buffer).expect("peek");
            assert_eq!(&buffer[..length], b"BARRIER=1");
            assert_eq!(sender.map(|s| s.pid), i32::try_from(std::process::id()).ok());
        }
        assert!(!crate::sys::wait::ready(read.as_fd(), false, 0), "the descriptor is still on its way");
        discard(ours.as_fd());
        assert!(crate::sys::wait::ready(read.as_fd(), false, 0), "closed");
        let (length, _) = peek(ours.as_fd(), &mut buffer[..3]).expect("peek");
        assert_eq!(&buffer[..length], b"nex");
        discard(ours.as_fd());
        assert_eq!(peek(ours.as_fd(), &mut buffer), Err(Errno::EAGAIN));
    }
}
