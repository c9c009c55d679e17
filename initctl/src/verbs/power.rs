//! `poweroff`, `reboot`, `halt`, `reexec`.

use super::{ANSWER, Context, change, shutdown_jobs};
use crate::exit::Failure;
use init::client::{Event, request_id};
use init::proto::control::{PowerRequest, PowerWord, Progress, Version};
use nix::sys::signal::{SigSet, Signal};
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::time::Duration;

/// A shutdown that takes longer shows what holds it up.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Ends the machine. Returns once that is under way: whoever asked is stopped with the rest.
pub fn run(c: &mut Context, how: PowerWord, force: bool) -> Result<(), Failure> {
    let request = PowerRequest { how, request: request_id(), wait: false, force };
    // The end may begin before the answer is read and shown; then SIGTERM waits for that.
    let term = SigSet::from(Signal::SIGTERM);
    let _ = term.thread_block();
    change::request(c, "Power", &request, "stop", Some(&[]))?;
    if force || c.out.global.no_wait || c.out.global.json || !c.out.watched() || !io::stdin().is_terminal() {
        return Ok(());
    }
    let _ = term.thread_unblock();
    // Whoever sits there sees what holds it up, and may do something about it. The same request again joins the first.
    let (again, mut slow) = (PowerRequest { wait: true, ..request }, false);
    let followed = c.client.follow("Power", &again, Some(AT_ONCE), &mut |event: Event<Progress>| match event {
        Event::Reply(_) => ControlFlow::Continue(()),
        Event::Idle => {
            slow = true;
            ControlFlow::Break(())
        }
        // The manager is gone, as is meant.
        Event::Lost => ControlFlow::Break(()),
    });
    if followed.is_ok() && slow { shutdown_jobs::watch(false, true) } else { Ok(()) }
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
