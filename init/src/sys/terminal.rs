//! What a terminal says about itself.

use std::os::fd::{AsRawFd, BorrowedFd};

/// Its width in columns; `None` when it isn't a terminal or doesn't know (a serial line says 0).
pub fn columns(fd: BorrowedFd<'_>) -> Option<usize> {
    size(fd).0
}

/// Its width in columns and height in rows, each `None` when it isn't a terminal or doesn't know.
pub fn size(fd: BorrowedFd<'_>) -> (Option<usize>, Option<usize>) {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ writes one `winsize`, which `size` is.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    let known = |n: u16| (result == 0 && n > 0).then(|| usize::from(n));
    (known(size.ws_col), known(size.ws_row))
}
