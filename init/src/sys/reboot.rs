//! `reboot(2)`. In a PID namespace that isn't the initial one the kernel ends that namespace's PID 1 instead: by
//! SIGHUP for a restart, by SIGINT for halt and power-off.

use nix::errno::Errno;
pub use nix::sys::reboot::RebootMode as Mode;

/// Ends the machine, without a sync. Returns only when it could not.
pub fn now(mode: Mode) -> Errno {
    match nix::sys::reboot::reboot(mode) {
        Err(e) => e,
        Ok(never) => match never {},
    }
}

/// Ctrl-Alt-Del sends SIGINT to PID 1 from now on, instead of restarting the machine on the spot.
///
/// # Errors
/// As `reboot(2)`.
pub fn ctrl_alt_del_is_a_signal() -> Result<(), Errno> {
    nix::sys::reboot::set_cad_enabled(false)
}
