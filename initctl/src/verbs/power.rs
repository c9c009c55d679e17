//! `poweroff`, `reboot`, `halt`, `reexec`.

use super::{ANSWER, Context, change};
use crate::exit::Failure;
use init::client::request_id;
use init::proto::control::{PowerRequest, PowerWord, Version};

/// Ends the machine. Returns once that is under way: whoever asked is stopped with the rest.
pub fn run(c: &mut Context, how: PowerWord, force: bool) -> Result<(), Failure> {
    let request = PowerRequest { how, request: request_id(), wait: false, force };
    change::request(c, "Power", &request, "stop", Some(&[]))
}

/// Has PID 1 and the manager execute themselves anew, and waits for the manager that comes.
pub fn reexec(c: &mut Context) -> Result<(), Failure> {
    c.client.call_last("Reexec", &(), ANSWER)?;
    if c.out.global.no_wait {
        return Ok(());
    }
    let version: Version = c.ask("Version", &())?;
    if c.out.global.json { c.out.data(&version, |_, _| String::new()) } else { Ok(()) }
}
