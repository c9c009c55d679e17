//! From power-on to a login.

use super::{Guest, Step, vital};
use crate::error::Result;
use crate::shell::PATIENCE;

/// In this order.
pub const STEPS: &[Step] = &[vital("the kernel starts PID 1 and the console gives a shell", shell)];

fn shell(guest: &mut Guest) -> Result<()> {
    guest.console.expect("# ", PATIENCE)?;
    guest.console.run("echo hello").map(drop)
}
