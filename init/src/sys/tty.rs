//! Taking a terminal as one's controlling one, between fork and exec.

use super::child::{open, place};
use nix::errno::Errno;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, RawFd};

/// Whole screen, cursor home, screen empty.
const CLEAR: &[u8] = b"\x1b[r\x1b[H\x1b[2J";
/// The same, with the scrollback of a virtual terminal.
const CLEAR_ALL: &[u8] = b"\x1b[r\x1b[H\x1b[3J";
const DISALLOCATE: libc::Ioctl = 0x5608; // VT_DISALLOCATE
const ACCEPT_SIGNAL: libc::Ioctl = 0x4b4e; // KDSIGACCEPT
const VT_MAJOR: libc::c_uint = 4;
const LAST_VT: libc::c_uint = 63; // MAX_NR_CONSOLES
const HANGUP: libc::Ioctl = 0x5437; // TIOCVHANGUP, which libc doesn't name

/// Opens `path` as descriptor 0 and makes it the controlling terminal of the calling session leader.
///
/// # Errors
/// As `open(2)` and `tty_ioctl(4)`.
pub fn take(path: &CStr, force: bool, reset: bool, hangup: bool) -> Result<(), Errno> {
    // Non-blocking: a serial line without carrier would hold the open.
    let flags = libc::O_RDWR | libc::O_NONBLOCK;
    prepare(path, false, hangup, false);
    let fd = open(path, flags)?;
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

/// Hangs a terminal up, resets it, and frees the virtual terminal or clears its screen, each if asked for. What can't be
/// done is let be, as in systemd: a terminal that is no VT, or that nobody may hang up.
pub fn prepare(path: &CStr, reset: bool, hangup: bool, clear: bool) {
    let with = |what: &dyn Fn(RawFd)| {
        // Opened anew for each: who hangs up loses it too, and an open one can't be freed.
        if let Ok(fd) = open(path, libc::O_RDWR | libc::O_NONBLOCK) {
            what(fd);
            super::fd::close(fd);
        }
    };
    if hangup {
        // SAFETY: takes no pointers.
        with(&|fd| _ = unsafe { libc::ioctl(fd, HANGUP, 0) });
    }
    if reset {
        with(&|fd| _ = sane(fd));
    }
    if !clear {
        return;
    }
    let number = std::cell::Cell::new(None);
    with(&|fd| number.set(vt_number(fd)));
    if number.get().is_none_or(|number| !free(number)) {
        with(&|fd| {
            // SAFETY: the descriptor is open while this runs.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            let _ = nix::unistd::write(fd, if number.get().is_some() { CLEAR_ALL } else { CLEAR });
        });
    }
}

/// The number of a virtual terminal; `None` for others.
fn vt_number(fd: RawFd) -> Option<libc::c_int> {
    // SAFETY: the descriptor is open while this runs.
    let stat = nix::sys::stat::fstat(unsafe { BorrowedFd::borrow_raw(fd) }).ok()?;
    let number = libc::minor(stat.st_rdev);
    let is = libc::major(stat.st_rdev) == VT_MAJOR && (1..=LAST_VT).contains(&number);
    libc::c_int::try_from(number).ok().filter(|_| is)
}

/// Frees a virtual terminal, with screen and scrollback. `false`: it is the one in view, or open somewhere.
fn free(number: libc::c_int) -> bool {
    let Ok(fd) = open(c"/dev/tty0", libc::O_RDWR | libc::O_NONBLOCK) else { return false };
    // SAFETY: takes no pointers.
    let result = unsafe { libc::ioctl(fd, DISALLOCATE, number) };
    super::fd::close(fd);
    result == 0
}

/// Has the kernel send SIGWINCH to the calling process for the key combination that the keymap calls `KeyboardSignal`
/// (Alt-Up). Without a virtual terminal there is no such key, and nothing is done.
pub fn ask_for_keyboard_signal() {
    if let Ok(fd) = open(c"/dev/tty0", libc::O_RDWR | libc::O_NONBLOCK) {
        // SAFETY: takes a number.
        unsafe { libc::ioctl(fd, ACCEPT_SIGNAL, libc::SIGWINCH) };
        super::fd::close(fd);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;
    use nix::sys::termios::{LocalFlags, SetArg, cfmakeraw, tcgetattr, tcsetattr};
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_terminal_that_is_no_vt_is_reset_and_cleared() {
        let pty = openpty(None, None).expect("pty");
        let path = nix::unistd::ttyname(&pty.slave).expect("name");
        let path = CString::new(path.as_os_str().as_bytes()).expect("path");
        let mut modes = tcgetattr(&pty.slave).expect("modes");
        cfmakeraw(&mut modes);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &modes).expect("raw");
        prepare(&path, true, false, true);
        assert!(tcgetattr(&pty.slave).expect("modes").local_flags.contains(LocalFlags::ICANON));
        let mut said = [0; 64];
        let length = nix::unistd::read(&pty.master, &mut said).expect("said");
        assert_eq!(said.get(..length), Some(CLEAR));
        prepare(c"/dev/no such terminal", true, true, true);
        prepare(c"/dev/null", true, true, true);
    }
}
