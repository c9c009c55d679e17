//! Taking a terminal as one's controlling one, between fork and exec.

use super::child::{open, place};
use nix::errno::Errno;
use std::ffi::CStr;
use std::os::fd::RawFd;

const HANGUP: libc::Ioctl = 0x5437; // TIOCVHANGUP, which libc doesn't name

/// Opens `path` as descriptor 0 and makes it the controlling terminal of the calling session leader.
///
/// # Errors
/// As `open(2)` and `tty_ioctl(4)`.
pub fn take(path: &CStr, force: bool, reset: bool, hangup: bool) -> Result<(), Errno> {
    // Non-blocking: a serial line without carrier would hold the open.
    let flags = libc::O_RDWR | libc::O_NONBLOCK;
    let mut fd = open(path, flags)?;
    if hangup {
        // SAFETY: takes no pointers. It fails without privilege or for what can't be hung up: nobody else is there.
        unsafe { libc::ioctl(fd, HANGUP, 0) };
        super::fd::close(fd);
        fd = open(path, flags)?;
    }
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::ioctl(fd, libc::TIOCSCTTY, libc::c_int::from(force)) })?;
    // SAFETY: takes no pointers.
    unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_RDWR) };
    if reset {
        sane(fd);
    }
    place(fd, 0)?;
    if fd != 0 {
        super::fd::close(fd);
    }
    Ok(())
}

/// Canonical input with echo, signals by key, output with carriage returns; speed and character size as they are.
fn sane(fd: RawFd) {
    // SAFETY: `termios` is plain data, filled by tcgetattr.
    let mut modes: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: points at a live termios.
    if unsafe { libc::tcgetattr(fd, &raw mut modes) } != 0 {
        return;
    }
    modes.c_iflag = libc::BRKINT | libc::ICRNL | libc::IMAXBEL | libc::IUTF8 | (modes.c_iflag & (libc::IXON | libc::IXOFF));
    modes.c_oflag = libc::OPOST | libc::ONLCR;
    modes.c_lflag =
        libc::ISIG | libc::ICANON | libc::IEXTEN | libc::ECHO | libc::ECHOE | libc::ECHOK | libc::ECHOCTL | libc::ECHOKE;
    modes.c_cflag |= libc::CREAD | libc::HUPCL;
    let keys = [
        (libc::VINTR, 3),
        (libc::VQUIT, 28),
        (libc::VERASE, 127),
        (libc::VKILL, 21),
        (libc::VEOF, 4),
        (libc::VSTART, 17),
        (libc::VSTOP, 19),
        (libc::VSUSP, 26),
        (libc::VMIN, 1),
        (libc::VTIME, 0),
    ];
    for (key, value) in keys {
        if let Some(place) = modes.c_cc.get_mut(key) {
            *place = value;
        }
    }
    // SAFETY: points at a live termios.
    unsafe { libc::tcsetattr(fd, libc::TCSANOW, &raw const modes) };
}
