//! The offset of local time, from `/etc/localtime` or `$TZ`, by the C library: no name service is asked.

/// Seconds that local time is ahead of UTC at `epoch` (seconds since 1970); 0 where nothing says otherwise. Notices a
/// changed `/etc/localtime`.
pub fn offset(epoch: i64) -> i32 {
    // SAFETY: `tm` is plain data and all zero is a value of it (a null zone name).
    let mut broken_down: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live locals. `tzset` changes the C library's own state only, and the programs that
    // call this have one thread.
    let done = unsafe {
        tzset();
        libc::localtime_r(&raw const epoch, &raw mut broken_down)
    };
    if done.is_null() { 0 } else { i32::try_from(broken_down.tm_gmtoff).unwrap_or(0) }
}

unsafe extern "C" {
    fn tzset();
}
