//! PID 1.
//!
//! It starts at C `main`: Rust's own runtime aborts before `fn main` where descriptors 0–2 are closed and
//! `/dev/null` is missing.
#![no_main]

/// C `main`.
///
/// # Safety
/// Called by the C runtime, once, with the program's arguments and environment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(
    _count: std::ffi::c_int,
    argv: *const *const std::ffi::c_char,
    envp: *const *const std::ffi::c_char,
) -> std::ffi::c_int {
    // SAFETY: these are the ones of C `main`.
    init::pid1::start(unsafe { init::sys::args::capture(argv, envp) })
}
