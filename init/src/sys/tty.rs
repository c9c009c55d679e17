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
        let _ = sane(fd);
    }
    place(fd, 0)?;
    if fd != 0 {
        super::fd::close(fd);
    }
    Ok(())
}

/// Makes the calling process lead a group of its own, and puts that into the foreground of the session's terminal where
/// descriptor 0, 1 or 2 is that. No privilege is needed, and the session keeps its terminal.
///
/// # Errors
/// As `setpgid(2)`. That there is no terminal is none.
pub fn foreground() -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::setpgid(0, 0) })?;
    // SAFETY: a signal set is plain data; the calls get pointers to live ones and change no memory but theirs. SIGTTOU,
    // which would stop a process in the background, is blocked for the moment.
    unsafe {
        let [mut wanted, mut before]: [libc::sigset_t; 2] = std::mem::zeroed();
        libc::sigemptyset(&raw mut wanted);
        libc::sigaddset(&raw mut wanted, libc::SIGTTOU);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const wanted, &raw mut before);
        let _ = (0..3).find(|fd| libc::tcsetpgrp(*fd, libc::getpid()) == 0);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
    }
    Ok(())
}

/// Canonical input with echo, signals by key, output with carriage returns; speed and character size as they are.
///
/// # Errors
/// As `tcgetattr(3)` and `tcsetattr(3)`.
pub(super) fn sane(fd: RawFd) -> Result<(), Errno> {
    // SAFETY: `termios` is plain data, filled by tcgetattr.
    let mut modes: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: points at a live termios.
    Errno::result(unsafe { libc::tcgetattr(fd, &raw mut modes) })?;
    modes.c_iflag =
        libc::BRKINT | libc::ICRNL | libc::IMAXBEL | libc::IUTF8 | (modes.c_iflag & (libc::IXON | libc::IXOFF));
    modes.c_oflag = libc::OPOST | libc::ONLCR;
    modes.c_lflag = libc::ISIG
        | libc::ICANON
        | libc::IEXTEN
        | libc::ECHO
        | libc::ECHOE
        | libc::ECHOK
        | libc::ECHOCTL
        | libc::ECHOKE;
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
    Errno::result(unsafe { libc::tcsetattr(fd, libc::TCSANOW, &raw const modes) }).map(drop)
}
