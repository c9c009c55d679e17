//! `sysv fifo`: see [`crate::channel`].

use super::{err, err_plain};
use crate::channel;

pub(super) const HELP: &str = "sysv fifo

Listens at /run/initctl, where sysvinit's own telinit, shutdown, halt and reboot ask, and
has Rung do it: levels, Q, U, a to c of inittab, a failing power, variables for scripts.
The signals SIGINT (Ctrl-Alt-Del), SIGWINCH and SIGPWR have it start what inittab has for
them; SIGUSR1 has it open the FIFO anew, SIGUSR2 close it.

Rung runs it as sysv-fifo.service.";

pub(super) fn run(_: &str, args: &[String]) -> u8 {
    if !args.is_empty() {
        return err_plain(&format!("Usage: {HELP}"));
    }
    channel::run().map_or_else(|e| err("sysv fifo", e.desc()), |()| 0)
}
