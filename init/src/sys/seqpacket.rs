//! Packets with descriptors beside them, over `SOCK_SEQPACKET`. No allocation.

use crate::proto::pid1::MAX_FDS;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU64;

/// Descriptors that came with a packet, at most [`MAX_FDS`]; closed when dropped unless taken out.
#[derive(Debug, Default)]
pub struct Fds {
    fds: [Option<OwnedFd>; MAX_FDS],
    len: usize,
    cut: bool,
}

impl Fds {
    /// How many came.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether some were lost on the way: there was no room for them among our descriptors. None is held then.
    pub fn are_cut(&self) -> bool {
        self.cut
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the one at `index` out; `None` if it isn't there (any more).
    pub fn take(&mut self, index: usize) -> Option<OwnedFd> {
        self.fds.get_mut(index)?.take()
    }

    /// Takes the last one out.
    pub fn pop(&mut self) -> Option<OwnedFd> {
        self.len = self.len.checked_sub(1)?;
        self.take(self.len)
    }

    /// The numbers of all that are held here; -1 in the other places.
    pub fn numbers(&self) -> [RawFd; MAX_FDS] {
        self.fds.each_ref().map(|fd| fd.as_ref().map_or(-1, AsRawFd::as_raw_fd))
    }

    fn push(&mut self, fd: OwnedFd) {
        if let Some(slot) = self.fds.get_mut(self.len) {
            *slot = Some(fd);
            self.len += 1;
        }
    }
}

/// Packets that one [`send_burst`] takes at most.
pub const BURST: usize = 16;

/// What [`recv`] found.
#[derive(Debug)]
pub enum Received {
    /// A packet of this many bytes, and its descriptors.
    Packet(usize, Fds),
    /// The other side is gone.
    Closed,
}

/// A connected pair, close-on-exec and non-blocking.
///
/// # Errors
/// As `socketpair(2)`.
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)
}

/// Bytes of a control message that holds [`MAX_FDS`] descriptors, aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
struct Control([u8; 16 + 4 * MAX_FDS + 64]);

/// Why a packet wasn't sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsent {
    /// The queue is full; room in it shows as writability.
    Full,
    /// The kernel is short of memory, or too many descriptors are under way: nothing tells when that ends.
    Short,
    /// It can't be sent, now or later.
    Never,
}

impl Unsent {
    /// What an error of [`send`] means.
    pub fn of(errno: Errno) -> Self {
        match errno {
            Errno::EAGAIN => Self::Full,
            Errno::ENOBUFS | Errno::ENOMEM | Errno::ETOOMANYREFS => Self::Short,
            _ => Self::Never,
        }
    }
}

/// Sends one packet; `fds` (at most [`MAX_FDS`]) travel with it. Never blocks.
///
/// # Errors
/// As `sendmsg(2)`: `EAGAIN` when the queue is full, `EPIPE` when the other side is gone; `EINVAL` for too many `fds`.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut control = Control([0; _]);
    let mut iov = part(bytes);
    let message = message(&mut iov, &mut control, fds)?;
    loop {
        // SAFETY: `message` points at live buffers of the lengths it names.
        let sent =
            unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
        match Errno::result(sent) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
}

/// Sends packets in one call, at most [`BURST`], with `fds` in all (at most [`MAX_FDS`] each); says how many went. Never
/// blocks.
///
/// # Errors
/// As [`send`], if the first can't be sent; what is wrong with a later one shows when it is the first.
pub fn send_burst(socket: BorrowedFd<'_>, packets: &[(&[u8], &[BorrowedFd<'_>])]) -> Result<usize, Errno> {
    let mut controls = [const { Control([0; _]) }; BURST];
    let mut iovs = [const { libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 } }; BURST];
    // SAFETY: `mmsghdr` is plain data; all zero is its empty value.
    let mut messages: [libc::mmsghdr; BURST] = unsafe { std::mem::zeroed() };
    let mut count = 0;
    let places = messages.iter_mut().zip(&mut iovs).zip(&mut controls);
    for ((bytes, fds), ((place, iov), control)) in packets.iter().zip(places) {
        *iov = part(bytes);
        match message(iov, control, fds) {
            Ok(message) => place.msg_hdr = message,
            Err(e) if count == 0 => return Err(e),
            Err(_) => break,
        }
        count += 1;
    }
    loop {
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        // SAFETY: the first `count` of `messages` (at most BURST) point at live buffers of the lengths they name.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, flags) };
        match Errno::result(sent) {
            Ok(sent) => return Ok(usize::try_from(sent).unwrap_or(0)),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
}

fn part(bytes: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

/// What the kernel is told of a packet: it points at both, and so holds only as long as they stay where they are.
fn message(iov: &mut libc::iovec, control: &mut Control, fds: &[BorrowedFd<'_>]) -> Result<libc::msghdr, Errno> {
    if fds.len() > MAX_FDS {
        return Err(Errno::EINVAL);
    }
    // SAFETY: `msghdr` is plain data; all zero is its empty value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = iov;
    message.msg_iovlen = 1;
    if !fds.is_empty() {
        let payload = u32::try_from(size_of_val(fds)).map_err(|_| Errno::EINVAL)?;
        message.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE only computes.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(payload) } as usize;
        // SAFETY: `msg_control` points at `control`, larger than CMSG_SPACE(MAX_FDS descriptors) and aligned, so the
        // first header and its data lie inside it; `BorrowedFd` is a transparent RawFd.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(payload) as usize;
            std::ptr::copy_nonoverlapping(fds.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), payload as usize);
        }
    }
    Ok(message)
}

/// Receives one packet into `buffer`. Never blocks; descriptors arrive close-on-exec.
///
/// # Errors
/// As `recvmsg(2)`: `EAGAIN` when there is none; `EMSGSIZE` when bytes were cut off (what came is closed). That descriptors
/// were is told by [`Fds::are_cut`].
pub fn recv(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Received, Errno> {
    // SAFETY: a live buffer of this length.
    unsafe { recv_at(socket, (buffer.as_mut_ptr(), buffer.len()), &mut []) }
}

/// As [`recv`], its beginning into shared memory: the kernel's writing is the record that the packet was taken. What is
/// longer goes on in `behind`.
///
/// # Errors
/// As [`recv`].
pub fn recv_shared(socket: BorrowedFd<'_>, buffer: &[AtomicU64], behind: &mut [u8]) -> Result<Received, Errno> {
    // SAFETY: a live buffer of this length, which may change at any time.
    unsafe { recv_at(socket, (buffer.as_ptr().cast_mut().cast(), size_of_val(buffer)), behind) }
}

/// # Safety
/// As many bytes at `buffer` as it says can be written.
unsafe fn recv_at(socket: BorrowedFd<'_>, buffer: (*mut u8, usize), behind: &mut [u8]) -> Result<Received, Errno> {
    let mut control = Control([0; _]);
    let mut parts = [
        libc::iovec { iov_base: buffer.0.cast(), iov_len: buffer.1 },
        libc::iovec { iov_base: behind.as_mut_ptr().cast(), iov_len: behind.len() },
    ];
    // SAFETY: as in `send`.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = parts.len();
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len();
    let length = loop {
        // SAFETY: `message` points at live, writable buffers of the lengths it names.
        let got =
            unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT) };
        match Errno::result(got) {
            Ok(n) => break usize::try_from(n).unwrap_or(0),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    };
    let mut fds = Fds::default();
    // SAFETY: the kernel has filled `control` up to `msg_controllen`; the CMSG macros stay inside it. Each descriptor
    // in an SCM_RIGHTS message is new and ours.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while let Some(h) = header.as_ref() {
            if h.cmsg_level == libc::SOL_SOCKET && h.cmsg_type == libc::SCM_RIGHTS {
                let count = h.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize) / size_of::<RawFd>();
                for index in 0..count {
                    let raw = libc::CMSG_DATA(header).cast::<RawFd>().add(index).read_unaligned();
                    fds.push(OwnedFd::from_raw_fd(raw));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    if message.msg_flags & libc::MSG_TRUNC != 0 {
        return Err(Errno::EMSGSIZE);
    }
    if message.msg_flags & libc::MSG_CTRUNC != 0 {
        fds = Fds { cut: true, ..Fds::default() };
    }
    // A zero-length packet is no message of ours; the end of the stream reads the same.
    Ok(if length == 0 { Received::Closed } else { Received::Packet(length, fds) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn packets_and_descriptors_arrive() {
        let (a, b) = pair().expect("pair");
        send(a.as_fd(), b"hello", &[a.as_fd(), b.as_fd()]).expect("send");
        let mut buffer = [0; 16];
        match recv(b.as_fd(), &mut buffer).expect("recv") {
            Received::Packet(5, mut fds) => {
                assert_eq!(&buffer[..5], b"hello");
                assert_eq!(fds.len(), 2);
                assert!(fds.take(1).is_some() && fds.take(1).is_none());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(recv(b.as_fd(), &mut buffer).expect_err("empty"), Errno::EAGAIN);
        drop(a);
        assert!(matches!(recv(b.as_fd(), &mut buffer), Ok(Received::Closed)));
    }

    #[test]
    fn a_burst_arrives_as_far_as_there_is_room() {
        let (a, b) = pair().expect("pair");
        let (two, none): (&[_], &[_]) = (&[a.as_fd(); 2], &[]);
        let all: Vec<(&[u8], &[_])> = (0..BURST + 1).map(|n| (&b"packet"[..=n % 6], [none, two][n % 2])).collect();
        assert_eq!(send_burst(a.as_fd(), &all), Ok(BURST), "what is too much is left out");
        let mut buffer = [0; 16];
        for (bytes, fds) in all.iter().take(BURST) {
            match recv(b.as_fd(), &mut buffer).expect("recv") {
                Received::Packet(length, got) => assert_eq!((&buffer[..length], got.len()), (*bytes, fds.len())),
                Received::Closed => panic!("closed"),
            }
        }
        assert_eq!(recv(b.as_fd(), &mut buffer).expect_err("empty"), Errno::EAGAIN);
        let many = [a.as_fd(); MAX_FDS + 1];
        assert_eq!(send_burst(a.as_fd(), &[(b"x", none), (b"y", &many)]), Ok(1));
        assert_eq!(send_burst(a.as_fd(), &[(b"y", &many), (b"x", none)]), Err(Errno::EINVAL));
        while send_burst(a.as_fd(), &all).is_ok() {}
        assert_eq!(send_burst(a.as_fd(), &all), Err(Errno::EAGAIN));
        drop(b);
        assert!(matches!(send_burst(a.as_fd(), &all), Err(Errno::EPIPE | Errno::ECONNRESET)));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let (a, b) = pair().expect("pair");
        send(a.as_fd(), b"hello", &[a.as_fd()]).expect("send");
        assert_eq!(recv(b.as_fd(), &mut [0; 2]).expect_err("cut"), Errno::EMSGSIZE);
        assert_eq!(send(a.as_fd(), b"x", &[a.as_fd(); MAX_FDS + 1]), Err(Errno::EINVAL));
    }
}
